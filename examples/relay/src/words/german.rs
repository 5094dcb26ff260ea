use crate::words::{Message, Words};

/// German.
pub const GERMAN: Words = Words {
    tag: "de",
    title: "Ein Gerät anmelden",
    code: "Code auf dem Bildschirm des Geräts",
    scanned: "Sie haben den Code eines Geräts gescannt.",
    only_if: "Fahren Sie nur fort, wenn Sie die Anmeldung selbst an dem Gerät vor Ihnen gestartet haben.",
    go_on: "Weiter",
    confirm: "Dieses Gerät anmelden?",
    device: "Gerät",
    server: "Sie melden sich an bei",
    effect: "Wer das Gerät benutzt, kann danach in Ihrem Namen handeln. Hat Ihnen jemand den Code geschickt, hören Sie hier auf.",
    wrong_code: "Dieser Code ist falsch oder zu alt. Es gilt der, den das Gerät zeigt.",
    too_many: "Zu viele falsche Codes. Warten Sie eine Weile, oder scannen Sie den QR-Code am Gerät.",
    wait: Message(
        "Einen Moment.",
        "Das Gerät schließt die Anmeldung ab. Diese Seite geht von selbst weiter.",
    ),
    signed_in: Message("Das Gerät ist angemeldet.", "Sie können dieses Fenster schließen."),
    refused: Message(
        "Nicht angemeldet: Es wurde nicht erlaubt.",
        "Wenn Sie das nicht wollten, starten Sie am Gerät noch einmal.",
    ),
    failed: Message("Nicht angemeldet.", "Starten Sie am Gerät noch einmal."),
    cancelled: Message(
        "Nicht angemeldet: Es wurde am Gerät abgebrochen.",
        "Sie können dieses Fenster schließen.",
    ),
    stray: Message(
        "Das gehört zu keiner Anmeldung in diesem Browser.",
        "Es wurde nichts geändert. Wenn Sie sich anmelden wollten, starten Sie am Gerät noch einmal und bleiben Sie in einem Browser.",
    ),
    nothing: Message("Hier ist nichts.", "Sie können dieses Fenster schließen."),
    later: Message("Das geht gerade nicht.", "Versuchen Sie es in ein paar Sekunden noch einmal."),
};
