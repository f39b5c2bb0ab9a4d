//! One stream connection, TCP or unix.
//!
//! A read that fills less than its buffer has emptied the socket, which saves the `recv` that would only say
//! EAGAIN.

use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll};

use rustix::net::{RecvFlags, SendFlags};
use socket2::SockRef;

use crate::reactor::{READ, Registration, WRITE};

/// A connected stream socket, registered once with this thread's loop, edge-triggered.
#[derive(Debug)]
pub struct Conn {
    // The registration goes first: its slot is free before the descriptor's number is.
    registration: Registration,
    fd: OwnedFd,
    is_unix: bool,
}

/// What an idle connection has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// Nothing: it may be used.
    Yes,
    /// Closed, failed, or bytes nobody asked for.
    No,
}

impl Conn {
    /// A connection that stands.
    pub(crate) fn accepted(fd: OwnedFd, is_unix: bool) -> io::Result<Conn> {
        Ok(Conn { registration: Registration::new()?, fd, is_unix })
    }

    /// A connection under way: ready for writing once it stands.
    pub(crate) fn connecting(fd: OwnedFd, is_unix: bool) -> io::Result<Conn> {
        Ok(Conn { registration: Registration::waiting(fd.as_fd())?, fd, is_unix })
    }

    /// Reads into `buf`, at least one byte unless the peer has closed (0) or `buf` is empty.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.registration.poll_ready(READ, self.fd.as_fd(), cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => return Poll::Pending,
            }
            if let Some(done) = self.read_now(buf) {
                return Poll::Ready(done);
            }
        }
    }

    /// `None` when there is nothing.
    fn read_now(&self, buf: &mut [u8]) -> Option<io::Result<usize>> {
        let room = buf.len();
        loop {
            match rustix::net::recv(&self.fd, &mut *buf, RecvFlags::empty()) {
                Ok((n, _)) => {
                    if n > 0 && n < room {
                        self.registration.exhausted(READ);
                    }
                    return Some(Ok(n));
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => {
                    self.registration.refused(READ);
                    return None;
                }
                Err(e) => return Some(Err(e.into())),
            }
        }
    }

    /// Ready when reading may give something; consumes nothing.
    ///
    /// # Errors
    /// When the thread's queue takes no more sockets; anything else is told by reading.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.registration.is_guess() && matches!(self.peek(), Err(rustix::io::Errno::AGAIN)) {
            self.registration.refused(READ);
        }
        self.registration.poll_ready(READ, self.fd.as_fd(), cx)
    }

    fn peek(&self) -> rustix::io::Result<usize> {
        rustix::net::recv(&self.fd, &mut [0u8; 1], RecvFlags::PEEK).map(|(n, _)| n)
    }

    /// Ready when writing may take something.
    ///
    /// # Errors
    /// When the thread's queue takes no more sockets; anything else is told by writing.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.registration.poll_ready(WRITE, self.fd.as_fd(), cx)
    }

    /// Writes what fits now; `WouldBlock` if nothing does.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        if !self.registration.may_write() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        loop {
            match rustix::net::send(&self.fd, buf, SendFlags::NOSIGNAL) {
                Ok(n) => {
                    if n < buf.len() {
                        self.registration.exhausted(WRITE);
                    }
                    crate::traffic::count_sent(n);
                    return Ok(n);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => {
                    self.registration.refused(WRITE);
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Writes what fits now, and registers for more room when nothing does.
    ///
    /// # Errors
    /// As the operating system tells them; never `WouldBlock`.
    pub fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => match self.poll_writable(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                    Poll::Pending => return Poll::Pending,
                },
                r => return Poll::Ready(r),
            }
        }
    }

    /// Waits until reading may give something.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_readable(cx)).await
    }

    /// Whether an idle connection may still be used, without a system call in the usual case.
    pub fn quiet(&mut self) -> Quiet {
        if !self.registration.may_read() {
            return Quiet::Yes;
        }
        match self.read_now(&mut [0]) {
            None => Quiet::Yes,
            Some(_) => Quiet::No,
        }
    }

    /// Ready when the peer has closed or failed; bytes that wait to be read hide a close.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.registration.poll_ready(READ, self.fd.as_fd(), cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
            match self.peek() {
                Ok(0) => return Poll::Ready(()),
                Ok(_) => return Poll::Pending,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => self.registration.refused(READ),
                Err(_) => return Poll::Ready(()),
            }
        }
    }

    pub(crate) fn is_unix(&self) -> bool {
        self.is_unix
    }

    /// Closes one or both directions.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        SockRef::from(&self.fd).shutdown(how)
    }

    /// Makes the coming close a reset, which frees the port at once and tells the peer to forget.
    pub fn reset_on_close(&self) {
        let _ = SockRef::from(&self.fd).set_linger(Some(std::time::Duration::ZERO));
    }

    /// Makes the coming close say nothing to the peer at all, or, with a TTL (and without the privilege), send a
    /// reset that does not get far. HAProxy 3.0 configuration manual §4.3 "silent-drop".
    pub fn vanish(&self, ttl: Option<u8>) {
        let socket = SockRef::from(&self.fd);
        self.reset_on_close();
        if self.is_unix || (ttl.is_none() && crate::listen::set_tcp_number(&socket, libc::TCP_REPAIR, 1)) {
            return;
        }
        let ttl = u32::from(ttl.unwrap_or(1));
        if socket.set_ttl_v4(ttl).is_err() {
            let _ = socket.set_unicast_hops_v6(ttl);
        }
    }

    /// Where the peer is; `None` on unix sockets.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        if self.is_unix { None } else { SockRef::from(&self.fd).peer_addr().ok()?.as_socket() }
    }

    /// Our end; `None` on unix sockets.
    #[must_use]
    pub fn local(&self) -> Option<SocketAddr> {
        if self.is_unix { None } else { SockRef::from(&self.fd).local_addr().ok()?.as_socket() }
    }

    /// TCP keep-alive probes.
    pub fn keepalive(&self) {
        let _ = SockRef::from(&self.fd).set_keepalive(true);
    }

    /// The pending error of the socket, if there is one.
    #[must_use]
    pub fn take_error(&self) -> Option<io::Error> {
        SockRef::from(&self.fd).take_error().ok().flatten()
    }
}

impl AsFd for Conn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Conn {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
