//! Text in an array.

/// Text of up to `N` octets.
pub struct Text<const N: usize> {
    octets: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { octets: [0; N], length: 0 }
    }

    /// Adds pieces.
    pub fn push(&mut self, pieces: &[&str]) {
        for piece in pieces {
            self.octets[self.length..][..piece.len()].copy_from_slice(piece.as_bytes());
            self.length += piece.len();
        }
    }

    /// Puts octets in place of what is there.
    pub fn set(&mut self, octets: &[u8]) {
        self.octets[..octets.len()].copy_from_slice(octets);
        self.length = octets.len();
    }

    /// The octets.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.octets()).expect("UTF-8 was pushed")
    }
}
