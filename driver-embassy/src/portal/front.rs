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

    /// Somebody is trying: wrong codes so far, and responses so far that were not of this sign-in. It comes when a number
    /// has changed. More than a few are no accident.
    fn warn(&mut self, _wrong_codes: u16, _strangers: u16) {}

    /// Takes down at once what is shown: the driver was dropped.
    fn hide(&mut self) {}
}

/// A key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Press {
    /// The sign-in is given up.
    Cancel,
    /// This is the right account.
    Confirm,
    /// The phone does not come back: another one may come in, with another code.
    Release,
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

    fn warn(&mut self, wrong_codes: u16, strangers: u16) {
        (**self).warn(wrong_codes, strangers);
    }

    fn hide(&mut self) {
        (**self).hide();
    }
}
