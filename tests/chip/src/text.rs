//! Text in an array.

/// Text of up to `N` octets.
pub struct Text<const N: usize> {
    octets: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { octets: [0; N], length: 0 }
    }

    /// Adds pieces.
    pub fn push(&mut self, pieces: &[&str]) {
        for piece in pieces {
            self.octets[self.length..][..piece.len()].copy_from_slice(piece.as_bytes());
            self.length += piece.len();
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.octets[..self.length]).expect("UTF-8 was pushed")
    }
}
