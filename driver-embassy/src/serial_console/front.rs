//! A serial console as the front of a portal.

use core::fmt::{self, Display, Write as _};

use embedded_io_async::{Read, Write};
use keyfob_core::{
    portal::{Invitation, Screen},
    qr::Characters,
};

use super::{Left, SerialConsole};
use crate::portal::{Front, Press};

/// Octets of an account's name that are shown.
const ACCOUNT: usize = 64;

/// A serial console with keys: `y` confirms, `r` lets another phone in, `q` or `n` gives up, as do escape and control-C.
pub struct WithKeys<'a, W, R> {
    console: SerialConsole<'a, W>,
    keys: R,
}

impl<'a, W: Write> SerialConsole<'a, W> {
    /// The same, with the keys that come from there. A read that is dropped before it is ready has taken nothing.
    pub const fn with_keys<R: Read>(mut self, keys: R) -> WithKeys<'a, W, R> {
        self.has_keys = true;
        WithKeys { console: self, keys }
    }

    async fn invite(&mut self, invitation: &Invitation<'_>) -> Result<(), W::Error> {
        let left = Left::of(invitation.seconds_left());
        let shown = Some((invitation.until(), invitation.code().is_some()));
        if self.invited == shown {
            match self.left {
                Some(last) if last == left => return Ok(()),
                _ => self.put(&"\r").await?,
            }
        } else {
            self.clear().await?;
            self.stale = true;
            self.put(&Invited { application: self.application, invitation, has_keys: self.has_keys }).await?;
            self.draw("Or scan this:\n", invitation.link()).await?;
            self.invited = shown;
        }
        self.put(&left).await?;
        self.out.flush().await?;
        self.left = Some(left);
        Ok(())
    }

    /// Says something in place of a code.
    async fn say(&mut self, text: &impl Display) -> Result<(), W::Error> {
        self.take_down();
        self.clear().await?;
        self.put(text).await?;
        self.out.flush().await
    }
}

impl<W: Write> Front for SerialConsole<'_, W> {
    async fn show(&mut self, screen: &Screen<'_>) {
        // A console that is gone is no reason to end a sign-in that goes on in the browser.
        let _ = match screen {
            Screen::Pair(invitation) => self.invite(invitation).await,
            Screen::Connected => {
                let words = if self.has_keys {
                    "\nA phone is signing in. r lets another one in, q gives up.\n"
                } else {
                    "\nA phone is signing in.\n"
                };
                self.say(&words).await
            }
            _ => {
                self.take_down();
                self.clear().await
            }
        };
    }

    async fn confirm(&mut self, account: &str) {
        let ascii = matches!(self.characters, Characters::Ascii);
        let _ = self.say(&Question { account, ascii }).await;
    }

    fn hide(&mut self) {
        self.take_down();
    }
}

impl<W: Write, R: Read> Front for WithKeys<'_, W, R> {
    async fn show(&mut self, screen: &Screen<'_>) {
        Front::show(&mut self.console, screen).await;
    }

    async fn confirm(&mut self, account: &str) {
        self.console.confirm(account).await;
    }

    async fn pressed(&mut self) -> Press {
        let mut key = [0];
        loop {
            match (self.keys.read(&mut key).await, key) {
                (Ok(1..), [b'y' | b'Y']) => return Press::Confirm,
                (Ok(1..), [b'n' | b'N' | b'q' | b'Q' | 0x03 | 0x1B]) => return Press::Cancel,
                (Ok(1..), [b'r' | b'R']) => return Press::Release,
                (Ok(1..), _) => {}
                // There are no keys any more.
                _ => core::future::pending().await,
            }
        }
    }

    fn hide(&mut self) {
        self.console.take_down();
    }
}

impl<'a, W, R> WithKeys<'a, W, R> {
    /// The console.
    pub const fn console(&mut self) -> &mut SerialConsole<'a, W> {
        &mut self.console
    }
}

/// Where to go, and the code.
struct Invited<'i> {
    application: &'i str,
    invitation: &'i Invitation<'i>,
    has_keys: bool,
}

impl Display for Invited<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (application, address) = (self.application, self.invitation.address());
        writeln!(
            f,
            "\nTo sign in to {application}, open this in a browser in the same network:\n\n{address}\n"
        )?;
        match self.invitation.code() {
            Some(code) => writeln!(f, "and enter the code\n\n{code}\n")?,
            None => writeln!(f, "There were too many wrong codes: scan, or wait a while.\n")?,
        }
        f.write_str(if self.has_keys { "q gives up.\n\n" } else { "" })
    }
}

/// Who is about to be signed in. The name is whatever the server says, so nothing of it may control the console.
struct Question<'q> {
    account: &'q str,
    ascii: bool,
}

impl Display for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\nSign in as ")?;
        for character in self.account.chars().take(ACCOUNT) {
            let shown = character.is_ascii_graphic()
                || character == ' '
                || (!self.ascii && character.is_alphanumeric());
            f.write_char(if shown { character } else { '?' })?;
        }
        f.write_str("? y or n\n")
    }
}

impl<W, R> fmt::Debug for WithKeys<'_, W, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WithKeys(…)")
    }
}
