//! A store of files, each replaced whole.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use keyfob_core::session::Slot;

use super::Store;

/// A folder with a file for each slot, which only their owner may read.
///
/// A record is written beside the old one, brought to the disk, and put in its place in one step. What is erased is
/// overwritten before; a disk that writes elsewhere, as most now do, may keep the old octets for a while.
#[derive(Clone, Debug)]
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// A store in `folder`, which is made if there is none. One session, one folder.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn new(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder)?;
        Ok(Self { folder })
    }

    fn path(&self, slot: Slot) -> PathBuf {
        self.folder.join(match slot {
            Slot::First => "session-1",
            Slot::Second => "session-2",
            _ => "sign-out",
        })
    }

    /// Brings the names of the folder to the disk.
    fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }
}

impl Store for FileStore {
    fn load(&mut self, slot: Slot, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = match File::open(self.path(slot)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            file => file?,
        };
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let room = buffer.get_mut(..length).ok_or(ErrorKind::FileTooLarge)?;
        file.read_exact(room)?;
        Ok(length)
    }

    fn store(&mut self, slot: Slot, record: &[u8]) -> io::Result<()> {
        let path = self.path(slot);
        let new = path.with_extension("new");
        // Of a write that was cut, with whatever rights.
        forget(&new)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(record)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        self.sync()
    }

    fn erase(&mut self, slot: Slot) -> io::Result<()> {
        let path = self.path(slot);
        forget(&path.with_extension("new"))?;
        forget(&path)?;
        self.sync()
    }
}

/// Overwrites and removes a file, if it is there.
fn forget(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX).min(1 << 16);
    file.write_all(&vec![0; length])?;
    file.sync_all()?;
    drop(file);
    fs::remove_file(path)
}
