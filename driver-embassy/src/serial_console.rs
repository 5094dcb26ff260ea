//! A user code on a serial console.
//!
//! A sign-in is given up by dropping the future of [`run`](crate::run), as `select` of embassy-futures does when a button
//! is pressed first. A code that has expired is replaced when the user asks for it, and not before (RFC 8628 §3.1):
//!
//! ```
//! # use embedded_io_async::Write;
//! # use keyfob_core::{client::Client, entropy::Entropy, error::{Error, ErrorCode}, flow::DeviceAuthorization, secret::Seed};
//! # use keyfob_embassy::{Clock, Failure, http::Http, run, serial_console::SerialConsole};
//! # async fn store() {}
//! async fn sign_in<H: Http>(
//!     client: &Client<'_>,
//!     entropy: &mut impl Entropy,
//!     http: &mut H,
//!     console: &mut SerialConsole<'_, impl Write>,
//!     clock: &mut impl Clock,
//!     buffer: &mut [u8],
//!     mut button: impl AsyncFnMut(),
//! ) -> Result<(), Failure<H::Error>> {
//!     loop {
//!         button().await;
//!         let mut flow = DeviceAuthorization::<1024>::new(client, Seed::draw(entropy)?, clock.now())?;
//!         let outcome = run(&mut flow, http, console, clock, buffer, |_tokens| { /* Session::sign_in */ }).await;
//!         let _ = console.clear().await;
//!         match outcome {
//!             Err(Failure::Flow(Error::Expired | Error::Refused(ErrorCode::ExpiredToken))) => {}
//!             outcome => return outcome,
//!         }
//!     }
//! }
//! ```

mod front;

use core::fmt::{self, Display, Write as _};

use embedded_io_async::Write;
use keyfob_core::{
    flow::{Redirect, UserCode},
    qr::{Characters, QrCode},
};

use crate::user_agent::{UserAgent, UserAgentError};

pub use self::front::WithKeys;

/// A serial console, for sign-ins on another device, and as the [`Front`](crate::portal::Front) of a portal.
///
/// It shows where to go, the code, a QR code, and the time left, which it writes anew when it reads otherwise. It opens
/// no address: a flow that needs a browser ends with [`UserAgentError::NoBrowser`].
pub struct SerialConsole<'a, W> {
    out: W,
    application: &'a str,
    picture: &'a mut [u8],
    characters: Characters,
    left: Option<Left>,
    /// The invitation that is shown: until when, and whether with a code.
    invited: Option<(u64, bool)>,
    has_keys: bool,
    /// A code that is over is still there to be read.
    stale: bool,
}

/// The time left, as it was last shown.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Left {
    Minutes(u32),
    Seconds(u32),
}

impl<'a, W: Write> SerialConsole<'a, W> {
    /// A console for a device that its user knows as `application`.
    ///
    /// The QR code is made in `picture`: [`QrCode::MAX_BUFFER`] octets do for every address, 276 for one of 62. Without
    /// room there is none.
    pub const fn new(out: W, application: &'a str, picture: &'a mut [u8]) -> Self {
        let characters = Characters::HalfBlocks;
        Self {
            out,
            application,
            picture,
            characters,
            left: None,
            invited: None,
            has_keys: false,
            stale: false,
        }
    }

    /// For a console that shows nothing but ASCII, and knows no control sequences.
    #[must_use]
    pub const fn ascii(mut self) -> Self {
        self.characters = Characters::Ascii;
        self
    }

    /// Takes a code away that is over; without control sequences, it says so. To be called after each
    /// [`run`](crate::run), and before each time the screen is used for something else.
    ///
    /// # Errors
    /// Those of the console.
    pub async fn clear(&mut self) -> Result<(), W::Error> {
        if core::mem::take(&mut self.stale) {
            match self.characters {
                Characters::Ascii => self.put(&"\nThis code is over.\n").await?,
                _ => self.put(&"\x1B[2J\x1B[3J\x1B[H").await?,
            }
            self.out.flush().await?;
        }
        Ok(())
    }

    async fn show_code(&mut self, code: &UserCode<'_>) -> Result<(), W::Error> {
        let left = Left::of(code.seconds_left());
        match self.left {
            Some(shown) if shown == left => return Ok(()),
            Some(_) => self.put(&"\r").await?,
            None => {
                self.clear().await?;
                self.stale = true;
                self.put(&"\n").await?;
                self.put(&code.instructions(self.application)).await?;
                self.put(&"\n\n").await?;
                self.draw("Or scan this, and compare the code:\n", code.scannable()).await?;
            }
        }
        self.put(&left).await?;
        self.out.flush().await?;
        self.left = Some(left);
        Ok(())
    }

    async fn draw(&mut self, words: &str, text: &str) -> Result<(), W::Error> {
        let Self { out, picture, characters, .. } = self;
        let Ok(code) = QrCode::of(text, picture) else { return Ok(()) };
        put(out, &words).await?;
        for row in code.rows(*characters) {
            put(out, &row).await?;
            put(out, &"\n").await?;
        }
        put(out, &"\n").await
    }

    fn take_down(&mut self) {
        self.left = None;
        self.invited = None;
    }

    async fn put(&mut self, text: &impl Display) -> Result<(), W::Error> {
        put(&mut self.out, text).await
    }
}

impl<W: Write> UserAgent for SerialConsole<'_, W> {
    async fn open(&mut self, _url: &str) -> Result<(), UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    async fn redirect<'b>(&mut self, _buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    async fn display(&mut self, code: &UserCode<'_>) -> Result<(), UserAgentError> {
        self.show_code(code).await.map_err(|_| UserAgentError::NoScreen)
    }

    fn hide(&mut self) {
        self.take_down();
    }
}

impl Left {
    const fn of(seconds: u32) -> Self {
        match seconds {
            0..=60 => Self::Seconds(seconds.div_ceil(10).saturating_mul(10)),
            _ => Self::Minutes(seconds.div_ceil(60)),
        }
    }
}

/// As long as any other, for it is written over it.
impl Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minutes(minutes) => write!(f, "{minutes:>4} minutes left."),
            Self::Seconds(seconds) => write!(f, "{seconds:>4} seconds left."),
        }
    }
}

/// Writes text with the line ends of a serial console.
///
/// Text comes all at once and a console takes it bit by bit, so it is made as often as it needs, each time for the
/// piece that is next.
async fn put<W: Write>(out: &mut W, text: &impl Display) -> Result<(), W::Error> {
    let mut done = 0_usize;
    loop {
        let mut piece = Piece { octets: [0; PIECE], length: 0, skip: done };
        // A piece that is full says so as an error.
        let is_last = write!(piece, "{text}").is_ok();
        out.write_all(piece.octets.get(..piece.length).unwrap_or_default()).await?;
        if is_last {
            return Ok(());
        }
        done = done.saturating_add(piece.length);
    }
}

/// Octets that are written at a time.
const PIECE: usize = 128;

/// A part of a text.
struct Piece {
    octets: [u8; PIECE],
    length: usize,
    /// Octets before it.
    skip: usize,
}

impl Piece {
    fn push(&mut self, octet: u8) -> fmt::Result {
        if self.skip > 0 {
            self.skip = self.skip.saturating_sub(1);
            return Ok(());
        }
        *self.octets.get_mut(self.length).ok_or(fmt::Error)? = octet;
        self.length = self.length.saturating_add(1);
        Ok(())
    }
}

impl fmt::Write for Piece {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().try_for_each(|octet| {
            if octet == b'\n' {
                self.push(b'\r')?;
            }
            self.push(octet)
        })
    }
}

impl<W> fmt::Debug for SerialConsole<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SerialConsole(…)")
    }
}
