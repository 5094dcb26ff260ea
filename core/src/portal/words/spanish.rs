use crate::portal::words::{Message, Words};

/// Spanish.
pub const SPANISH: Words = Words {
    tag: "es",
    sign_in: "Iniciar sesión",
    leads_to: ["Continuará en ", " e iniciará sesión allí."],
    started_here: "Hágalo solo si el inicio de sesión empezó en el dispositivo que tiene delante.",
    code: "Código en la pantalla del dispositivo",
    go_on: "Continuar",
    wrong_code: "Ese no es el código de la pantalla. Puede que haya cambiado.",
    too_many_codes: "Demasiados códigos incorrectos. Espere a que el dispositivo muestre otro o escanee el código QR.",
    old_page: "Esta página era demasiado antigua. Inténtelo de nuevo.",
    unencrypted: "La vuelta al dispositivo no está cifrada. Continúe solo en una red de confianza.",
    access_point: "Esta red no tiene Internet. Para iniciar sesión, conecte el teléfono a una red que tenga, o elija en el dispositivo el inicio de sesión con código.",
    busy: Message(
        "Otro teléfono está iniciando sesión.",
        "Espere a que termine o cancélelo en el dispositivo.",
    ),
    paste: "Dos pasos",
    paste_open: "1. Inicie sesión en la página del servidor. Termina en una página que no se puede cargar; es lo correcto.",
    paste_open_button: "Abrir la página del servidor",
    paste_bring: "2. Copie la dirección completa de esa última página, vuelva y péguela aquí.",
    paste_label: "Dirección de la última página",
    paste_button: "Terminar",
    paste_wrong: "Esto no pertenece al inicio de sesión que está esperando. Copie la dirección completa de la última página.",
    stray: Message(
        "Esta dirección no pertenece al inicio de sesión que espera aquí.",
        "Puede cerrar esta ventana. El inicio de sesión sigue en la suya.",
    ),
    wait: Message("Un momento.", "Se está completando el inicio de sesión. Esta página continúa sola."),
    confirm: Message("Mire el dispositivo.", "Muestra quién inicia sesión. Confírmelo allí."),
    signed_in: Message("Ha iniciado sesión.", "Puede cerrar esta ventana."),
    denied: Message(
        "No ha iniciado sesión: no se ha permitido.",
        "Si no era lo que quería, empiece de nuevo.",
    ),
    alarm: Message(
        "No ha iniciado sesión: algo no era como debía.",
        "Se ha detenido para protegerle. Empiece de nuevo usted mismo. Si esta página vuelve, avise a la persona responsable.",
    ),
    configuration: Message(
        "No ha iniciado sesión: algo no está bien configurado.",
        "Avise a la persona responsable.",
    ),
    later: Message(
        "No ha iniciado sesión: el servidor tiene un problema.",
        "Inténtelo de nuevo dentro de un rato.",
    ),
    unreachable: Message(
        "No ha iniciado sesión: no se puede acceder al servidor.",
        "Compruebe la red e inténtelo de nuevo.",
    ),
    failed: Message("No ha iniciado sesión.", "Empiece de nuevo."),
    slower: Message("Demasiadas solicitudes.", "Espere un minuto e inténtelo de nuevo."),
    nothing: Message("Aquí no hay nada.", "Puede cerrar esta ventana."),
};
