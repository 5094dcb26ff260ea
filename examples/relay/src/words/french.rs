use crate::words::{Message, Words};

/// French.
pub const FRENCH: Words = Words {
    tag: "fr",
    title: "Connecter un appareil",
    code: "Code affiché sur l’appareil",
    scanned: "Vous avez scanné le code d’un appareil.",
    only_if: "Continuez seulement si vous avez lancé vous-même la connexion, sur l’appareil devant vous.",
    go_on: "Continuer",
    confirm: "Connecter cet appareil\u{a0}?",
    device: "Appareil",
    server: "Vous vous connectez sur",
    effect: "La personne qui utilise l’appareil pourra ensuite agir en votre nom. Si quelqu’un vous a envoyé le code, arrêtez-vous ici.",
    wrong_code: "Ce code est erroné ou trop ancien. Celui que l’appareil affiche est le bon.",
    too_many: "Trop de codes erronés. Attendez un peu, ou scannez le code QR de l’appareil.",
    wait: Message("Un instant.", "L’appareil termine la connexion. Cette page continue toute seule."),
    signed_in: Message("L’appareil est connecté.", "Vous pouvez fermer cette fenêtre."),
    refused: Message(
        "Pas connecté\u{a0}: cela n’a pas été autorisé.",
        "Si ce n’est pas ce que vous vouliez, recommencez sur l’appareil.",
    ),
    failed: Message("Pas connecté.", "Recommencez sur l’appareil."),
    cancelled: Message("Pas connecté\u{a0}: annulé sur l’appareil.", "Vous pouvez fermer cette fenêtre."),
    stray: Message(
        "Ceci n’appartient à aucune connexion dans ce navigateur.",
        "Rien n’a été changé. Si vous vouliez vous connecter, recommencez sur l’appareil et restez dans un seul navigateur.",
    ),
    nothing: Message("Il n’y a rien ici.", "Vous pouvez fermer cette fenêtre."),
    later: Message("Cela ne marche pas pour le moment.", "Réessayez dans quelques secondes."),
};
