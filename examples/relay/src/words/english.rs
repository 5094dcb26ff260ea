use crate::words::{Message, Words};

/// English.
pub const ENGLISH: Words = Words {
    tag: "en",
    title: "Sign in a device",
    code: "Code on the device’s screen",
    scanned: "You have scanned the code of a device.",
    only_if: "Go on only if you started the sign‑in yourself, on the device in front of you.",
    go_on: "Continue",
    confirm: "Sign in this device?",
    device: "Device",
    server: "You sign in at",
    effect: "Whoever uses the device can then act as you. If somebody sent you the code, stop here.",
    wrong_code: "This code is wrong, or it is too old. The device shows the one that counts.",
    too_many: "Too many wrong codes. Wait a while, or scan the QR code on the device.",
    wait: Message("One moment.", "The device completes the sign‑in. This page goes on by itself."),
    signed_in: Message("The device is signed in.", "You can close this window."),
    refused: Message(
        "Not signed in: it was not allowed.",
        "If you did not want that, start again on the device.",
    ),
    failed: Message("Not signed in.", "Start again on the device."),
    cancelled: Message("Not signed in: it was cancelled on the device.", "You can close this window."),
    stray: Message(
        "This does not belong to a sign‑in in this browser.",
        "Nothing was changed. If you wanted to sign in, start again on the device, and use one browser for all of it.",
    ),
    nothing: Message("There is nothing here.", "You can close this window."),
    later: Message("This does not work right now.", "Try again in a few seconds."),
};
