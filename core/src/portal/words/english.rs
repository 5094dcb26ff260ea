use crate::portal::words::{Message, Words};

/// English.
pub const ENGLISH: Words = Words {
    tag: "en",
    sign_in: "Sign in",
    leads_to: ["You go on to ", " and sign in there."],
    started_here: "Do it only if the sign-in was started on the device in front of you.",
    code: "Code on the device’s screen",
    go_on: "Continue",
    wrong_code: "This is not the code on the screen. It may have changed.",
    too_many_codes: "Too many wrong codes. Wait until the device shows a new one, or scan the QR code.",
    old_page: "This page was too old. Please try again.",
    unencrypted: "The way back to the device is not encrypted. Go on only in a network that you trust.",
    access_point: "This network has no internet. To sign in, connect the phone to a network that has, or choose to sign in with a code on the device.",
    busy: Message("Another phone is signing in.", "Wait until it is done, or cancel it on the device."),
    paste: "Two steps",
    paste_open: "1. Sign in on the server’s page. It ends on a page that cannot be loaded; that is right.",
    paste_open_button: "Open the server’s page",
    paste_bring: "2. Copy the whole address of that last page, come back and paste it here.",
    paste_label: "Address of the last page",
    paste_button: "Finish",
    paste_wrong: "This does not belong to the sign-in that is waiting. Copy the whole address of the last page.",
    stray: Message(
        "This address does not belong to the sign-in that is waiting here.",
        "You can close this window. The sign-in goes on in its own.",
    ),
    wait: Message("One moment.", "The sign-in is being completed. This page goes on by itself."),
    confirm: Message("Look at the device.", "It shows who is signing in. Confirm it there."),
    signed_in: Message("You are signed in.", "You can close this window."),
    denied: Message(
        "You are not signed in: it was not allowed.",
        "If that was not what you wanted, start the sign-in again.",
    ),
    alarm: Message(
        "You are not signed in: something was not as it should be.",
        "The sign-in was stopped to protect you. Start it again yourself. If this page comes again, tell whoever looks after it.",
    ),
    configuration: Message(
        "You are not signed in: something is not set up right.",
        "Tell whoever looks after it.",
    ),
    later: Message("You are not signed in: the server has a problem.", "Try again in a while."),
    unreachable: Message(
        "You are not signed in: the server cannot be reached.",
        "Check the network and try again.",
    ),
    failed: Message("You are not signed in.", "Start the sign-in again."),
    slower: Message("Too many requests.", "Wait a minute and try again."),
    nothing: Message("There is nothing here.", "You can close this window."),
};
