//! Waiting until a descriptor can be read: the daemons' sockets, pipes and processes.
#![allow(unsafe_code, reason = "tokio asks for a promise that no type can make")]

use std::io;
use std::os::fd::AsRawFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A descriptor a tokio runtime watches for reading.
#[derive(Debug)]
pub(crate) struct Watched<T: AsRawFd>(AsyncFd<T>);

impl<T: AsRawFd> Watched<T> {
    /// Takes it over; it must be non-blocking, and the caller's thread a runtime's.
    pub(crate) fn new(inner: T) -> io::Result<Watched<T>> {
        // SAFETY: `inner` owns its descriptor (only sockets, pipes and `OwnedFd` of this crate come here), is
        // moved in, and is never replaced: there is no mutable access to it.
        Ok(Watched(unsafe { AsyncFd::register_with_interest(inner, Interest::READABLE)? }))
    }

    /// The descriptor's owner.
    pub(crate) fn inner(&self) -> &T {
        self.0.get_ref()
    }

    /// Waits until `attempt` does not say that it would block. Cancelling loses nothing.
    pub(crate) async fn when_readable<R>(
        &self,
        mut attempt: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            let mut ready = self.0.readable().await?;
            match ready.try_io(|fd| attempt(fd.get_ref())) {
                Ok(Err(e)) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(done) => return done,
                Err(_would_block) => {}
            }
        }
    }
}
