//! Named pipes that notifications are written to.
#![allow(unsafe_code, reason = "mkfifo")]

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A named pipe open for writing.
#[derive(Debug)]
pub struct Fifo {
    path: PathBuf,
    pipe: File,
    created: bool,
}

impl Fifo {
    /// Opens a pipe, and makes it (mode 0600, owned by `owner`, user and group) when it is not there. It is
    /// opened for reading as well, so that it exists without a reader and loses nothing before one comes.
    ///
    /// # Errors
    /// As the operating system tells them; `AlreadyExists` when the path is something else.
    pub fn open(path: &Path, owner: Option<(u32, u32)>) -> io::Result<Fifo> {
        let created = make(path)?;
        if let (true, Some((uid, gid))) = (created, owner) {
            std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
        }
        let pipe = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open(path)?;
        if !pipe.metadata()?.file_type().is_fifo() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(Fifo { path: path.to_path_buf(), pipe, created })
    }

    /// Writes one message, whole or not at all when it is no longer than a page.
    ///
    /// # Errors
    /// `WouldBlock` when nobody reads and the pipe is full.
    pub fn write(&mut self, message: &[u8]) -> io::Result<()> {
        self.pipe.write_all(message)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes it, and removes it if it was made here.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn remove(self) -> io::Result<()> {
        if self.created { std::fs::remove_file(&self.path) } else { Ok(()) }
    }
}

/// True when it was not there. COMPAT: what others may is the umask's business.
fn make(path: &Path) -> io::Result<bool> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: a valid C string.
    if unsafe { libc::mkfifo(name.as_ptr(), 0o666) } == 0 {
        return Ok(true);
    }
    let e = io::Error::last_os_error();
    if e.kind() == io::ErrorKind::AlreadyExists { Ok(false) } else { Err(e) }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::FileTypeExt;

    use super::*;

    #[test]
    fn a_pipe_is_made_written_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut fifo = Fifo::open(&path, None).unwrap();
        assert!(std::fs::metadata(&path).unwrap().file_type().is_fifo());
        fifo.write(b"INSTANCE \"VI\" MASTER 110\n").unwrap();
        let mut reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        let mut buf = [0u8; 64];
        let n = reader.read(&mut buf).unwrap();
        assert_eq!(&buf[..n], b"INSTANCE \"VI\" MASTER 110\n");
        // A second owner finds it there and leaves it there.
        Fifo::open(&path, None).unwrap().remove().unwrap();
        assert!(path.exists());
        fifo.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_full_pipe_does_not_block() {
        let dir = tempfile::tempdir().unwrap();
        let mut fifo = Fifo::open(&dir.path().join("f"), None).unwrap();
        let e = (0..10_000).find_map(|_| fifo.write(&[b'x'; 1024]).err()).unwrap();
        assert_eq!(e.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_file_is_no_pipe() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "").unwrap();
        assert_eq!(Fifo::open(&path, None).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
