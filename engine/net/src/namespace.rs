//! Network namespaces by name, as `ip netns` keeps them: a socket belongs to the one in which it was made.
//!
//! HAProxy 3.0 configuration manual §5.1, §5.2 "namespace"; setns(2). The namespace of a thread is changed only
//! while it makes a socket.
#![allow(unsafe_code, reason = "setns")]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, OnceLock};

/// Where `ip netns` keeps them.
const FOLDER: &str = "/var/run/netns";

/// An open network namespace.
#[derive(Debug, Clone)]
pub struct NetNamespace {
    name: Arc<str>,
    descriptor: Arc<OwnedFd>,
}

impl NetNamespace {
    /// Opens one by its name. Privileges are needed to enter it, not for this.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn open(name: &str) -> io::Result<NetNamespace> {
        home()?;
        let file = File::open(format!("{FOLDER}/{name}"))?;
        Ok(NetNamespace { name: name.into(), descriptor: Arc::new(file.into()) })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `make` inside, on this thread.
    ///
    /// # Errors
    /// When it cannot be entered, or as `make` says.
    pub(crate) fn within<T>(&self, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let home = home()?;
        enter(&self.descriptor)?;
        let made = make();
        enter(home)?;
        made
    }
}

/// The namespace this process was started in; opened once, before privileges are given up.
fn home() -> io::Result<&'static OwnedFd> {
    static HOME: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(fd) = HOME.get() {
        return Ok(fd);
    }
    let file = File::open("/proc/self/ns/net")?;
    Ok(HOME.get_or_init(|| file.into()))
}

fn enter(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: a plain system call on a descriptor that is open.
    match unsafe { libc::setns(fd.as_raw_fd(), libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
