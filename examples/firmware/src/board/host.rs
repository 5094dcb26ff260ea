//! The machine that the board is emulated on, by semihosting.

use core::str;

use semihosting::{
    experimental::{env, time::SystemTime},
    fs::File,
    io::Read,
    process,
};

/// The value of an argument `name=value`, if it is given and fits; the last one counts.
pub fn argument<'b>(name: &str, buffer: &'b mut [u8]) -> Option<&'b str> {
    let arguments = env::args::<1024>().ok()?;
    let values = (&arguments).filter_map(Result::ok);
    let value = values.filter_map(|argument| argument.strip_prefix(name)?.strip_prefix('=')).last()?;
    let room = buffer.get_mut(..value.len())?;
    room.copy_from_slice(value.as_bytes());
    str::from_utf8(room).ok()
}

/// Reads a file, if it is there and fits.
#[cfg(feature = "tls")]
pub fn file<'b>(name: &core::ffi::CStr, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let mut file = File::open(name).ok()?;
    let room = buffer.get_mut(..usize::try_from(file.metadata().ok()?.len()).ok()?)?;
    file.read_exact(room).ok()?;
    Some(room)
}

/// Fills `octets` with random ones.
///
/// # Panics
/// If the machine has none: nothing is safe without them.
pub fn entropy(octets: &mut [u8]) {
    let mut source = File::open(c"/dev/urandom").expect("the machine has random numbers");
    source.read_exact(octets).expect("the machine has random numbers");
}

/// Seconds since 1970, if the machine knows them.
pub fn date() -> Option<u64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(since.as_secs()).filter(|&seconds| seconds > 0)
}

/// Ends the emulation.
pub fn exit(code: i32) -> ! {
    process::exit(code)
}
