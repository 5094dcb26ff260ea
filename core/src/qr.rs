//! QR codes (ISO/IEC 18004) of what a user shall open, without a heap: a matrix of modules for any screen.
//!
//! It is linked only where it is named. The encoder is `qrcodegen-no-heap`.
//!
//! ```
//! use keyfob_core::qr::{Characters, QrCode};
//!
//! # fn main() -> Result<(), keyfob_core::error::Error> {
//! let mut buffer = [0; QrCode::MAX_BUFFER];
//! let code = QrCode::of("https://op.example/device?user_code=WDJB-MJHT", &mut buffer)?;
//! for row in code.rows(Characters::HalfBlocks) {
//!     println!("{row}");
//! }
//! assert!(!code.is_dark(0, 0), "for other screens, module by module");
//! # Ok(())
//! # }
//! ```

mod text;

use core::fmt;

use qrcodegen_no_heap::{QrCode as Modules, QrCodeEcc, Version};
use zeroize::Zeroize;

use crate::error::{Error, Name};

pub use self::text::{Characters, Row, Rows};

/// A QR code: error correction of level M, the smallest version that does, and a quiet zone around it.
pub struct QrCode<'b> {
    modules: Modules<'b>,
}

/// Octets that fit into versions 1 and up with level M (ISO/IEC 18004 Table 7).
const CAPACITY: [u16; 18] =
    [14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560];

impl<'b> QrCode<'b> {
    /// Modules of light around the code on each side (ISO/IEC 18004 §6.3.8). They count in the width.
    pub const QUIET_ZONE: u8 = 4;

    /// Octets of the longest text.
    pub const MAX_TEXT: usize = 560;

    /// A buffer that does for every text.
    pub const MAX_BUFFER: usize = buffer_for(18);

    /// The code of `text`, made in `buffer`, where it stays. A buffer for an address of 62 octets has 276.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do; [`Error::InputTooLarge`] for a text of more than
    /// [`QrCode::MAX_TEXT`] octets.
    pub fn of(text: &str, buffer: &'b mut [u8]) -> Result<Self, Error> {
        let place = CAPACITY.iter().position(|&capacity| usize::from(capacity) >= text.len());
        let version = place.and_then(|place| u8::try_from(place.saturating_add(1)).ok());
        let version = version.ok_or(Error::InputTooLarge(Name::Url))?;
        let half = Version::new(version).buffer_len();
        let needed = buffer_for(version);
        let Some((scratch, rest)) = buffer.split_at_mut_checked(half) else {
            return Err(Error::BufferTooSmall { needed });
        };
        let Some(out) = rest.get_mut(..half) else { return Err(Error::BufferTooSmall { needed }) };
        let version = Version::new(version);
        let modules =
            Modules::encode_text(text, scratch, out, QrCodeEcc::Medium, Version::MIN, version, None, false);
        scratch.zeroize();
        modules.map(|modules| Self { modules }).map_err(|_| Error::InputTooLarge(Name::Url))
    }

    /// Modules on each side, the quiet zone included: at most 97.
    pub fn width(&self) -> u8 {
        u8::try_from(self.modules.size())
            .unwrap_or_default()
            .saturating_add(Self::QUIET_ZONE.saturating_mul(2))
    }

    /// Whether a module is dark, counted from the upper left corner of the quiet zone. Outside all is light.
    pub fn is_dark(&self, x: u8, y: u8) -> bool {
        let place = |at: u8| i32::from(at).saturating_sub(i32::from(Self::QUIET_ZONE));
        self.modules.get_module(place(x), place(y))
    }
}

/// Two pictures of this version: one to work on, one that stays.
const fn buffer_for(version: u8) -> usize {
    Version::new(version).buffer_len().saturating_mul(2)
}

impl fmt::Debug for QrCode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modules = self.width();
        write!(f, "QrCode(…, {modules} modules wide)")
    }
}
