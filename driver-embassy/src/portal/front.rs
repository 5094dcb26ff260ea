//! The device's own screen and keys.

use core::future::pending;

use keyfob_core::portal::Screen;

/// The device's own screen and keys.
#[expect(async_fn_in_trait, reason = "embassy's executors do not move tasks to other threads")]
pub trait Front {
    /// Shows this: on every change, and once a second while a code is shown.
    async fn show(&mut self, screen: &Screen<'_>);

    /// Shows who is about to be signed in, and asks for a key.
    async fn confirm(&mut self, _account: &str) {}

    /// Waits for a key. It is dropped and called again all the time: a key that is pressed in between is not lost.
    async fn pressed(&mut self) -> Press {
        pending().await
    }

    /// Takes down at once what is shown: the driver was dropped.
    fn hide(&mut self) {}
}

/// A key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Press {
    /// The sign-in is given up.
    Cancel,
    /// It is the right account.
    Confirm,
}

impl<F: Front> Front for &mut F {
    async fn show(&mut self, screen: &Screen<'_>) {
        (**self).show(screen).await;
    }

    async fn confirm(&mut self, account: &str) {
        (**self).confirm(account).await;
    }

    async fn pressed(&mut self) -> Press {
        (**self).pressed().await
    }

    fn hide(&mut self) {
        (**self).hide();
    }
}
