//! What the server is still to be told of users who are gone, written down before it is too late: a folder for each
//! session, from its sign-in until its tokens are taken back. No session can be restored from it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use keyfob_core::session::Slot;
use keyfob_std::session::{FileStore, Store};
use zeroize::Zeroizing;

/// The folders of all sessions.
pub struct Debts {
    /// `None`: all is kept in memory, and lost with it.
    folder: Option<PathBuf>,
    owed: Vec<Debt>,
    next: u64,
}

/// What is owed for one session. Only the record of its sign-out lies in a file: the session itself has no place that
/// outlives the program.
pub struct Debt {
    folder: Option<PathBuf>,
    file: Option<FileStore>,
    memory: Zeroizing<Vec<u8>>,
}

impl Debts {
    /// Finds what was owed when the program ended the last time.
    pub fn open(folder: Option<&Path>) -> io::Result<Self> {
        let mut debts = Self { folder: folder.map(Path::to_owned), owed: Vec::new(), next: 0 };
        let Some(folder) = folder else { return Ok(debts) };
        // With it the folder is made, for its owner only.
        FileStore::new(folder)?;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let number = path.file_name().and_then(|name| name.to_str()?.parse::<u64>().ok());
            if let Some(number) = number {
                debts.next = debts.next.max(number.saturating_add(1));
                debts.owed.push(Debt::new(Some(path))?);
            }
        }
        Ok(debts)
    }

    /// A place for what the next session owes.
    pub fn next(&mut self) -> io::Result<Debt> {
        let number = self.next;
        self.next += 1;
        Debt::new(self.folder.as_ref().map(|folder| folder.join(number.to_string())))
    }

    /// The server has to be told later.
    pub fn keep(&mut self, debt: Debt) {
        self.owed.push(debt);
    }

    /// What is owed, one after the other.
    pub fn take(&mut self) -> Option<Debt> {
        self.owed.pop()
    }

    pub fn is_empty(&self) -> bool {
        self.owed.is_empty()
    }
}

impl Debt {
    fn new(folder: Option<PathBuf>) -> io::Result<Self> {
        let file = folder.as_ref().map(FileStore::new).transpose()?;
        Ok(Self { folder, file, memory: Zeroizing::default() })
    }

    /// The server was told.
    pub fn settled(mut self) {
        let _ = self.erase(Slot::SignOut);
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

impl Store for Debt {
    fn load(&mut self, slot: Slot, buffer: &mut [u8]) -> io::Result<usize> {
        match (slot, &mut self.file) {
            (Slot::SignOut, Some(file)) => file.load(slot, buffer),
            (Slot::SignOut, None) => {
                let place = buffer.get_mut(..self.memory.len()).ok_or(io::ErrorKind::FileTooLarge)?;
                place.copy_from_slice(&self.memory);
                Ok(place.len())
            }
            _ => Ok(0),
        }
    }

    fn store(&mut self, slot: Slot, record: &[u8]) -> io::Result<()> {
        match (slot, &mut self.file) {
            (Slot::SignOut, Some(file)) => file.store(slot, record),
            (Slot::SignOut, None) => {
                self.memory = Zeroizing::new(record.to_vec());
                Ok(())
            }
            // A kiosk keeps no user over a loss of power.
            _ => Ok(()),
        }
    }

    fn erase(&mut self, slot: Slot) -> io::Result<()> {
        match (slot, &mut self.file) {
            (Slot::SignOut, Some(file)) => file.erase(slot),
            (Slot::SignOut, None) => {
                self.memory = Zeroizing::default();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("keyfob-kiosk-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    fn loaded(debt: &mut Debt, slot: Slot) -> Vec<u8> {
        let mut buffer = [0; 64];
        let length = debt.load(slot, &mut buffer).expect("a slot");
        buffer[..length].to_vec()
    }

    #[test]
    fn only_the_sign_out_outlives_the_program() {
        let folder = folder("outlives");
        let mut debts = Debts::open(Some(&folder)).expect("a folder");
        let mut debt = debts.next().expect("a place");
        for slot in [Slot::First, Slot::Second, Slot::SignOut] {
            debt.store(slot, b"record").expect("stored");
        }
        drop((debt, debts));
        let mut debts = Debts::open(Some(&folder)).expect("a folder");
        let mut other = debts.next().expect("a place");
        assert!(loaded(&mut other, Slot::SignOut).is_empty(), "each session has its own");
        let mut debt = debts.take().expect("what was owed");
        assert!(loaded(&mut debt, Slot::First).is_empty() && loaded(&mut debt, Slot::Second).is_empty());
        assert_eq!(loaded(&mut debt, Slot::SignOut), b"record");
        debt.settled();
        other.settled();
        assert!(Debts::open(Some(&folder)).expect("a folder").is_empty());
        fs::remove_dir_all(folder).expect("removed");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;

        let folder = folder("mode");
        let mut debt = Debts::open(Some(&folder)).expect("a folder").next().expect("a place");
        debt.store(Slot::SignOut, b"record").expect("stored");
        for (path, mode) in
            [(folder.clone(), 0o700), (folder.join("0"), 0o700), (folder.join("0/sign-out"), 0o600)]
        {
            let found = fs::metadata(&path).expect("is there").permissions().mode();
            assert_eq!(found & 0o777, mode, "{}", path.display());
        }
        fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn without_a_folder_nothing_is_written() {
        let mut debts = Debts::open(None).expect("memory");
        let mut debt = debts.next().expect("a place");
        debt.store(Slot::SignOut, b"record").expect("stored");
        assert_eq!(loaded(&mut debt, Slot::SignOut), b"record");
        debt.erase(Slot::SignOut).expect("erased");
        assert!(loaded(&mut debt, Slot::SignOut).is_empty());
    }
}
