use crate::words::{Message, Words};

/// Spanish.
pub const SPANISH: Words = Words {
    tag: "es",
    title: "Iniciar sesión en un dispositivo",
    code: "Código en la pantalla del dispositivo",
    scanned: "Ha escaneado el código de un dispositivo.",
    only_if: "Continúe solo si usted mismo empezó el inicio de sesión en el dispositivo que tiene delante.",
    go_on: "Continuar",
    confirm: "¿Iniciar sesión en este dispositivo?",
    device: "Dispositivo",
    server: "Inicia sesión en",
    effect: "Quien use el dispositivo podrá actuar en su nombre. Si alguien le envió el código, deténgase aquí.",
    wrong_code: "Este código es incorrecto o demasiado antiguo. Vale el que muestra el dispositivo.",
    too_many: "Demasiados códigos incorrectos. Espere un rato o escanee el código QR del dispositivo.",
    wait: Message("Un momento.", "El dispositivo termina el inicio de sesión. Esta página continúa sola."),
    signed_in: Message("El dispositivo ha iniciado sesión.", "Puede cerrar esta ventana."),
    refused: Message(
        "Sin iniciar sesión: no se ha permitido.",
        "Si no era lo que quería, empiece de nuevo en el dispositivo.",
    ),
    failed: Message("Sin iniciar sesión.", "Empiece de nuevo en el dispositivo."),
    cancelled: Message("Sin iniciar sesión: se canceló en el dispositivo.", "Puede cerrar esta ventana."),
    stray: Message(
        "Esto no pertenece a ningún inicio de sesión en este navegador.",
        "No se ha cambiado nada. Si quería iniciar sesión, empiece de nuevo en el dispositivo y use un solo navegador.",
    ),
    nothing: Message("Aquí no hay nada.", "Puede cerrar esta ventana."),
    later: Message("Ahora mismo no funciona.", "Inténtelo de nuevo dentro de unos segundos."),
};
