//! Pid files of daemons: whether the one named in it still runs, writing, removing.
#![allow(unsafe_code, reason = "kill with signal 0")]

use std::fs;
use std::io;
use std::path::Path;

/// What a pid file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PidFile {
    /// There is none.
    Absent,
    /// The process it names runs.
    Running(i32),
    /// The process it names is gone, or it names none.
    Stale,
}

/// Reads a pid file.
#[must_use]
pub fn read_pidfile(path: &Path) -> PidFile {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return PidFile::Absent,
        Err(_) => return PidFile::Stale,
    };
    match text.trim().parse() {
        Ok(pid) if process_exists(pid) => PidFile::Running(pid),
        _ => PidFile::Stale,
    }
}

/// Whether there is such a process.
#[must_use]
pub fn process_exists(pid: i32) -> bool {
    // SAFETY: signal 0 sends nothing.
    pid > 0
        && (unsafe { libc::kill(pid, 0) } == 0
            || io::Error::last_os_error().raw_os_error() == Some(libc::EPERM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pid_file_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        assert_eq!(read_pidfile(&path), PidFile::Absent);
        let own = std::process::id();
        crate::write_pidfile(&path, &[own]).unwrap();
        assert_eq!(read_pidfile(&path), PidFile::Running(own.cast_signed()));
        for stale in ["", "x", "-1", "0", "2147483646"] {
            fs::write(&path, stale).unwrap();
            assert_eq!(read_pidfile(&path), PidFile::Stale, "{stale}");
        }
    }
}
