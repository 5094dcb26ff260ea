//! Signing in where nobody can listen for the redirect: the user copies the final address here.

use std::{
    io::{self, BufRead, Read},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use keyfob_core::{error::Error, flow::Redirect};
use keyfob_std::user_agent::{Progress, UserAgent, UserAgentError};
use zeroize::Zeroizing;

use crate::report::{Report, Step};

/// A person with a browser, who copies an address there and back.
pub struct Paste<'r, F> {
    report: &'r dyn Report,
    show: F,
    lines: Option<Receiver<Zeroizing<String>>>,
}

impl<'r, F: FnMut(&str)> Paste<'r, F> {
    /// `show` shows the address to open.
    pub fn new(report: &'r dyn Report, show: F) -> Self {
        Self { report, show, lines: None }
    }
}

impl<F: FnMut(&str)> UserAgent for Paste<'_, F> {
    fn open(&mut self, url: &str) -> Result<(), UserAgentError> {
        (self.show)(url);
        let (sender, lines) = mpsc::sync_channel(1);
        // A read from a terminal cannot be given up, so it has a thread of its own.
        thread::spawn(move || {
            let mut input = io::stdin().lock();
            while let Some(line) = read_line(&mut input) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        self.lines = Some(lines);
        Ok(())
    }

    fn redirect<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        let lines = self.lines.as_ref().ok_or(UserAgentError::NoBrowser)?;
        let line = match lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => return Err(UserAgentError::Cancelled),
        };
        let address = line.trim();
        if address.is_empty() {
            return Ok(None);
        }
        let Some(room) = buffer.get_mut(..address.len()) else {
            self.report.progress(Step::OtherAddress);
            return Ok(None);
        };
        room.copy_from_slice(address.as_bytes());
        Ok(std::str::from_utf8(room).ok().map(Redirect::Url))
    }

    fn judged(&mut self, error: Option<Error>) {
        if error.is_some_and(Error::is_stray_redirect) {
            self.report.progress(Step::OtherAddress);
        }
    }

    fn progress(&mut self, progress: Progress) {
        self.report.progress(Step::of(progress, self.lines.is_some()));
    }
}

/// The next line; `None` at the end. An endless one comes in pieces, none of which is an address.
fn read_line(input: &mut impl BufRead) -> Option<Zeroizing<String>> {
    let mut line = Zeroizing::new(Vec::new());
    let length = input.take(LONGEST).read_until(b'\n', &mut line).ok()?;
    (length > 0).then(|| Zeroizing::new(String::from_utf8_lossy(&line).into_owned()))
}

/// How long to wait before the driver looks at the time again.
const PATIENCE: Duration = Duration::from_millis(200);

/// Octets of a line; no answer is longer.
const LONGEST: u64 = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whole_and_never_without_end() {
        let mut input: &[u8] = b"one\r\n\xFF\nlast";
        let mut next = || read_line(&mut input).map(|line| line.trim().to_owned());
        assert_eq!(next().as_deref(), Some("one"));
        assert_eq!(next().as_deref(), Some("\u{FFFD}"));
        assert_eq!(next().as_deref(), Some("last"));
        assert_eq!(next(), None);

        let line = read_line(&mut io::BufReader::new(io::repeat(b'a')));
        assert_eq!(line.map(|line| line.len()), usize::try_from(LONGEST).ok());
    }
}
