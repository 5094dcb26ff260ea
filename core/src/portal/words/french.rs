use crate::portal::words::{Message, Words};

/// French.
pub const FRENCH: Words = Words {
    tag: "fr",
    sign_in: "Connexion",
    leads_to: ["Vous allez continuer sur ", " et vous y connecter."],
    started_here: "Faites-le seulement si la connexion a été lancée sur l’appareil devant vous.",
    code: "Code affiché sur l’appareil",
    go_on: "Continuer",
    wrong_code: "Ce n’est pas le code affiché. Il a peut-être changé.",
    too_many_codes: "Trop de codes erronés. Attendez que l’appareil en affiche un nouveau, ou scannez le code QR.",
    old_page: "Cette page était trop ancienne. Veuillez réessayer.",
    unencrypted: "Le retour vers l’appareil n’est pas chiffré. Continuez seulement sur un réseau de confiance.",
    access_point: "Ce réseau n’a pas d’accès à Internet. Pour vous connecter, utilisez un réseau qui en a un, ou choisissez sur l’appareil la connexion par code.",
    busy: Message(
        "Un autre téléphone est en train de se connecter.",
        "Attendez qu’il ait terminé, ou annulez sur l’appareil.",
    ),
    paste: "Deux étapes",
    paste_open: "1. Connectez-vous sur la page du serveur. À la fin, une page ne peut pas être chargée\u{a0}: c’est normal.",
    paste_open_button: "Ouvrir la page du serveur",
    paste_bring: "2. Copiez l’adresse entière de cette dernière page, revenez ici et collez-la.",
    paste_label: "Adresse de la dernière page",
    paste_button: "Terminer",
    paste_wrong: "Ceci n’appartient pas à la connexion en attente. Copiez l’adresse entière de la dernière page.",
    stray: Message(
        "Cette adresse n’appartient pas à la connexion en attente ici.",
        "Vous pouvez fermer cette fenêtre. La connexion continue dans la sienne.",
    ),
    wait: Message("Un instant.", "La connexion se termine. Cette page continue toute seule."),
    confirm: Message("Regardez l’appareil.", "Il affiche qui se connecte. Confirmez-le là-bas."),
    signed_in: Message("Vous êtes connecté.", "Vous pouvez fermer cette fenêtre."),
    denied: Message(
        "Vous n’êtes pas connecté\u{a0}: cela n’a pas été autorisé.",
        "Si ce n’est pas ce que vous vouliez, relancez la connexion.",
    ),
    alarm: Message(
        "Vous n’êtes pas connecté\u{a0}: quelque chose d’anormal s’est produit.",
        "La connexion a été arrêtée pour vous protéger. Relancez-la vous-même. Si cette page revient, prévenez la personne responsable.",
    ),
    configuration: Message(
        "Vous n’êtes pas connecté\u{a0}: un réglage n’est pas correct.",
        "Prévenez la personne responsable.",
    ),
    later: Message("Vous n’êtes pas connecté\u{a0}: le serveur a un problème.", "Réessayez dans un moment."),
    unreachable: Message(
        "Vous n’êtes pas connecté\u{a0}: le serveur est injoignable.",
        "Vérifiez le réseau et réessayez.",
    ),
    failed: Message("Vous n’êtes pas connecté.", "Relancez la connexion."),
    slower: Message("Trop de requêtes.", "Attendez une minute et réessayez."),
    nothing: Message("Il n’y a rien ici.", "Vous pouvez fermer cette fenêtre."),
};
