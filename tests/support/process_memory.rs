//! The memory of this process, read through `/proc/self/mem`. Linux only.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
};

/// Octets to search for. They are held inverted, so that the search does not find itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Marker(Vec<u8>);

impl Marker {
    /// Takes `octets` and overwrites them.
    pub fn take(octets: &mut [u8]) -> Self {
        let inverted = octets.iter().map(|octet| !octet).collect();
        octets.fill(0);
        std::hint::black_box(octets);
        Self(inverted)
    }

    /// Writes the plain octets to `out`.
    pub fn reveal(&self, out: &mut [u8]) {
        for (place, octet) in out.iter_mut().zip(&self.0) {
            *place = !octet;
        }
    }

    /// Its length.
    pub fn length(&self) -> usize {
        self.0.len()
    }

    fn places(&self, memory: &[u8]) -> Vec<usize> {
        let first = !self.0[0];
        let candidates = memory.windows(self.0.len()).enumerate().filter(|(_, window)| window[0] == first);
        let same = |window: &[u8]| window.iter().zip(&self.0).all(|(octet, inverted)| *octet == !inverted);
        candidates.filter(|(_, window)| same(window)).map(|(place, _)| place).collect()
    }
}

/// Where a marker was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The address.
    pub address: usize,
    /// `[heap]`, `[stack]`, a file, or nothing for anonymous memory.
    pub region: String,
}

/// Searches all memory that can be written to.
pub fn search(marker: &Marker) -> Vec<Found> {
    let memory = File::open("/proc/self/mem").expect("Linux shows a process its memory");
    let maps = fs::read_to_string("/proc/self/maps").expect("and its regions");
    let mut found = Vec::new();
    let mut chunk = vec![0; 1 << 20];
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else { continue };
        let Some((start, end)) = range.split_once('-').filter(|_| rights.starts_with("rw")) else { continue };
        let address = |text| usize::from_str_radix(text, 16).expect("an address");
        let (mut at, end) = (address(start), address(end));
        let region = fields.nth(3).unwrap_or_default();
        while at < end {
            let length = chunk.len().min(end - at);
            let Ok(read) = memory.read_at(&mut chunk[..length], at as u64) else { break };
            found.extend(
                marker
                    .places(&chunk[..read])
                    .into_iter()
                    .map(|place| Found { address: at + place, region: region.into() }),
            );
            // Pieces overlap, so that nothing hides on a border.
            at += if read < length || at + read == end { end - at } else { read - marker.length() };
        }
    }
    chunk.fill(0);
    std::hint::black_box(&chunk);
    found.sort_by_key(|found| found.address);
    found.dedup();
    found
}

/// The octets at an address.
pub fn read(address: usize, length: usize) -> Vec<u8> {
    let memory = File::open("/proc/self/mem").expect("Linux shows a process its memory");
    let mut octets = vec![0; length];
    memory.read_exact_at(&mut octets, address as u64).expect("a valid address");
    octets
}
