//! The device's own screen and keys.

use std::net::SocketAddr;

use keyfob_core::portal::Screen;

/// The device's own screen and keys, and what its maker wants to know.
pub trait Front {
    /// Shows what is to be seen now. It comes with every change, and each second while a code is shown, as the time
    /// left goes by; [`Screen::Over`] comes at every end, also when the portal is dropped.
    ///
    /// Beside all but the last belongs a key to cancel.
    fn show(&mut self, screen: &Screen<'_>);

    /// Shows who is about to be signed in, and asks for a key: [`Press::Confirm`] or [`Press::Cancel`].
    fn confirm(&mut self, _account: &str) {}

    /// The key that was pressed since the last call. It never waits, and is asked ten times a second. One that was pressed
    /// before [`confirm`](Front::confirm) confirms nothing.
    fn pressed(&mut self) -> Option<Press> {
        None
    }

    /// The device's new address, if it has another one since the last call: the portal moves there, and shows it. It is
    /// asked once a second.
    ///
    /// A phone that was let in under an address does not find the portal again, so another one may come in; under a
    /// [name](keyfob_core::portal::Site::new) nothing of this is noticed. Where the address is in the redirect URI, there is
    /// no way back for any phone, and the sign-in ends with
    /// [`UserAgentError::Moved`](crate::user_agent::UserAgentError::Moved).
    fn moved(&mut self) -> Option<SocketAddr> {
        None
    }

    /// Somebody is trying: wrong codes so far, and responses so far that were not of this sign-in. It comes when a
    /// number has changed. More than a few are no accident.
    fn warn(&mut self, _wrong_codes: u16, _strangers: u16) {}
}

/// A key of the device.
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

impl<F: Front + ?Sized> Front for &mut F {
    fn show(&mut self, screen: &Screen<'_>) {
        (**self).show(screen);
    }

    fn confirm(&mut self, account: &str) {
        (**self).confirm(account);
    }

    fn pressed(&mut self) -> Option<Press> {
        (**self).pressed()
    }

    fn moved(&mut self) -> Option<SocketAddr> {
        (**self).moved()
    }

    fn warn(&mut self, wrong_codes: u16, strangers: u16) {
        (**self).warn(wrong_codes, strangers);
    }
}
