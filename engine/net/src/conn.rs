//! One stream connection, TCP or unix, without tokio's types showing.
//!
//! [`Conn::poll_read`] goes through tokio's `poll_read`, which forgets readiness after a short read and
//! so saves the `recv` that would only say EAGAIN; `try_read` does not.

use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected stream socket, registered once with this thread's loop, edge-triggered.
#[derive(Debug)]
pub enum Conn {
    /// IPv4 or IPv6.
    Tcp(TcpStream),
    /// Unix, by path or abstract name.
    Unix(UnixStream),
}

/// What an idle connection has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// Nothing: it may be used.
    Yes,
    /// Closed, failed, or bytes nobody asked for.
    No,
}

macro_rules! either {
    ($self:expr, $s:ident => $e:expr) => {
        match $self {
            Conn::Tcp($s) => $e,
            Conn::Unix($s) => $e,
        }
    };
}

impl Conn {
    /// Reads into `buf`, at least one byte unless the peer has closed (0) or `buf` is empty.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut rb = ReadBuf::new(buf);
        let r = either!(self, s => Pin::new(s).poll_read(cx, &mut rb));
        match r {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(rb.filled().len())),
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Ready when reading may give something; consumes nothing.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, s => s.poll_read_ready(cx))
    }

    /// Ready when writing may take something.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, s => s.poll_write_ready(cx))
    }

    /// Writes what fits now; `WouldBlock` if nothing does.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        either!(self, s => s.try_write(buf))
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
        let mut cx = Context::from_waker(Waker::noop());
        if self.poll_readable(&mut cx).is_pending() {
            return Quiet::Yes;
        }
        let mut byte = [0u8; 1];
        match self.poll_read(&mut cx, &mut byte) {
            Poll::Pending => Quiet::Yes,
            Poll::Ready(_) => Quiet::No,
        }
    }

    /// Ready when the peer has closed or failed; bytes that wait to be read hide a close.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.poll_readable(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
            let peeked = either!(self, s => s.try_io(Interest::READABLE, || {
                let mut byte = [std::mem::MaybeUninit::uninit()];
                socket2::SockRef::from(s).peek(&mut byte)
            }));
            match peeked {
                Ok(0) => return Poll::Ready(()),
                Ok(_) => return Poll::Pending,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(()),
            }
        }
    }

    /// Closes one or both directions.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        socket2::SockRef::from(&self.as_fd()).shutdown(how)
    }

    /// Makes the coming close a reset, which frees the port at once and tells the peer to forget.
    pub fn reset_on_close(&self) {
        let _ = socket2::SockRef::from(&self.as_fd()).set_linger(Some(std::time::Duration::ZERO));
    }

    /// Where the peer is; `None` on unix sockets.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Conn::Tcp(s) => s.peer_addr().ok(),
            Conn::Unix(_) => None,
        }
    }

    /// Our end; `None` on unix sockets.
    #[must_use]
    pub fn local(&self) -> Option<SocketAddr> {
        match self {
            Conn::Tcp(s) => s.local_addr().ok(),
            Conn::Unix(_) => None,
        }
    }

    /// TCP keep-alive probes.
    pub fn keepalive(&self) {
        let _ = socket2::SockRef::from(&self.as_fd()).set_keepalive(true);
    }

    /// The pending error of the socket, if there is one.
    #[must_use]
    pub fn take_error(&self) -> Option<io::Error> {
        either!(self, s => s.take_error()).ok().flatten()
    }
}

impl AsFd for Conn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        either!(self, s => s.as_fd())
    }
}

impl AsRawFd for Conn {
    fn as_raw_fd(&self) -> RawFd {
        either!(self, s => s.as_raw_fd())
    }
}
