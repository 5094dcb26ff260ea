use crate::portal::words::{Message, Words};

/// German.
pub const GERMAN: Words = Words {
    tag: "de",
    sign_in: "Anmelden",
    leads_to: ["Sie werden zu ", " weitergeleitet und melden sich dort an."],
    started_here: "Tun Sie das nur, wenn die Anmeldung an dem Gerät vor Ihnen gestartet wurde.",
    code: "Code auf dem Bildschirm des Geräts",
    go_on: "Weiter",
    wrong_code: "Das ist nicht der Code auf dem Bildschirm. Er kann sich geändert haben.",
    too_many_codes: "Zu viele falsche Codes. Warten Sie, bis das Gerät einen neuen zeigt, oder scannen Sie den QR-Code.",
    old_page: "Diese Seite war zu alt. Bitte versuchen Sie es noch einmal.",
    unencrypted: "Der Rückweg zum Gerät ist nicht verschlüsselt. Fahren Sie nur in einem Netz fort, dem Sie vertrauen.",
    access_point: "Dieses Netz hat kein Internet. Verbinden Sie das Telefon zum Anmelden mit einem Netz, das Internet hat, oder wählen Sie am Gerät die Anmeldung mit einem Code.",
    busy: Message(
        "Ein anderes Telefon meldet sich gerade an.",
        "Warten Sie, bis es fertig ist, oder brechen Sie es am Gerät ab.",
    ),
    paste: "Zwei Schritte",
    paste_open: "1. Melden Sie sich auf der Seite des Servers an. Am Ende steht eine Seite, die nicht geladen werden kann; das ist richtig so.",
    paste_open_button: "Seite des Servers öffnen",
    paste_bring: "2. Kopieren Sie die ganze Adresse dieser letzten Seite, kommen Sie zurück und fügen Sie sie hier ein.",
    paste_label: "Adresse der letzten Seite",
    paste_button: "Fertig",
    paste_wrong: "Das gehört nicht zur Anmeldung, die hier wartet. Kopieren Sie die ganze Adresse der letzten Seite.",
    stray: Message(
        "Diese Adresse gehört nicht zur Anmeldung, die hier wartet.",
        "Sie können dieses Fenster schließen. Die Anmeldung geht in ihrem eigenen weiter.",
    ),
    wait: Message("Einen Moment.", "Die Anmeldung wird abgeschlossen. Diese Seite geht von selbst weiter."),
    confirm: Message("Schauen Sie auf das Gerät.", "Es zeigt, wer sich anmeldet. Bestätigen Sie es dort."),
    signed_in: Message("Sie sind angemeldet.", "Sie können dieses Fenster schließen."),
    denied: Message(
        "Sie sind nicht angemeldet: Es wurde nicht erlaubt.",
        "Wenn Sie das nicht wollten, starten Sie die Anmeldung noch einmal.",
    ),
    alarm: Message(
        "Sie sind nicht angemeldet: Etwas war nicht, wie es sein soll.",
        "Die Anmeldung wurde zu Ihrem Schutz abgebrochen. Starten Sie sie selbst noch einmal. Kommt diese Seite wieder, sagen Sie es der Person, die sich darum kümmert.",
    ),
    configuration: Message(
        "Sie sind nicht angemeldet: Etwas ist nicht richtig eingerichtet.",
        "Sagen Sie es der Person, die sich darum kümmert.",
    ),
    later: Message(
        "Sie sind nicht angemeldet: Der Server hat ein Problem.",
        "Versuchen Sie es in einer Weile noch einmal.",
    ),
    unreachable: Message(
        "Sie sind nicht angemeldet: Der Server ist nicht erreichbar.",
        "Prüfen Sie das Netz und versuchen Sie es noch einmal.",
    ),
    failed: Message("Sie sind nicht angemeldet.", "Starten Sie die Anmeldung noch einmal."),
    slower: Message("Zu viele Anfragen.", "Warten Sie eine Minute und versuchen Sie es noch einmal."),
    nothing: Message("Hier ist nichts.", "Sie können dieses Fenster schließen."),
};
