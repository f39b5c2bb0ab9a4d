//! Outgoing connections: started without waiting, finished when the socket becomes writable.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use crate::listen::{Probes, set_tcp_number};
use crate::{Conn, NetNamespace, SocketAddress, TcpOptions};

/// Settings of an outgoing connection.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// Address to come from (`source`); port 0 lets the kernel choose.
    pub source: Option<SocketAddr>,
    /// `tcp-ut`.
    pub user_timeout: Option<Duration>,
    /// `option srvtcpka`, `option tcpka`.
    pub keepalive: Option<Probes>,
    /// `tfo`: the first bytes go with the SYN.
    pub fast_open: bool,
    /// `tune.rcvbuf.server`, bytes.
    pub receive_buffer: Option<u32>,
    /// `tune.sndbuf.server`, bytes.
    pub send_buffer: Option<u32>,
    /// `namespace`.
    pub namespace: Option<NetNamespace>,
    /// What few sockets have.
    pub tcp: Option<Arc<TcpOptions>>,
    /// `set-bc-mark`.
    pub mark: Option<u32>,
    /// `set-bc-tos`.
    pub tos: Option<u8>,
}

/// A connection under way.
#[derive(Debug)]
pub struct Connecting {
    conn: Conn,
}

impl Connecting {
    /// Ready when the connection stands or has failed.
    ///
    /// # Errors
    /// Why it failed (`ConnectionRefused`, …).
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.conn.poll_writable(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(self.conn.take_error().map_or(Ok(()), Err)),
            other => other,
        }
    }

    /// The connection; call it once [`Connecting::poll`] was ready and well.
    #[must_use]
    pub fn into_conn(self) -> Conn {
        self.conn
    }
}

/// Starts connecting; must be called inside a runtime of this crate.
///
/// # Errors
/// What fails at once: no descriptors, no route, a source address that is not ours.
pub fn connect(to: &SocketAddress, options: &ConnectOptions) -> io::Result<Connecting> {
    let (domain, address) = match to {
        SocketAddress::Ip(a) => (Domain::for_address(*a), SockAddr::from(*a)),
        SocketAddress::Unix(p) => (Domain::UNIX, SockAddr::unix(p)?),
        SocketAddress::Abstract(n) => (Domain::UNIX, abstract_address(n)?),
        SocketAddress::Fd(_) => return Err(io::ErrorKind::Unsupported.into()),
    };
    let make = || Socket::new(domain, Type::STREAM.nonblocking().cloexec(), None);
    let socket = match &options.namespace {
        Some(namespace) if domain != Domain::UNIX => namespace.within(make)?,
        _ => make()?,
    };
    if domain != Domain::UNIX {
        socket.set_tcp_nodelay(true)?;
        apply(&socket, options)?;
        if let (Some(tcp), Some(peer)) = (&options.tcp, to.ip()) {
            tcp.apply_connecting(&socket, peer)?;
        }
        crate::marks::mark_new(&socket, domain == Domain::IPV6, options.mark, options.tos);
    }
    match socket.connect(&address) {
        Ok(()) => {}
        Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(e) => return Err(e),
    }
    Ok(Connecting { conn: Conn::connecting(socket.into(), domain == Domain::UNIX)? })
}

fn apply(socket: &Socket, o: &ConnectOptions) -> io::Result<()> {
    if let Some(probes) = o.keepalive {
        probes.apply(socket)?;
    }
    if o.fast_open {
        set_tcp_number(socket, libc::TCP_FASTOPEN_CONNECT, 1);
    }
    if let Some(t) = o.user_timeout {
        socket.set_tcp_user_timeout(Some(t))?;
    }
    if let Some(n) = o.receive_buffer {
        socket.set_recv_buffer_size(n as usize)?;
    }
    if let Some(n) = o.send_buffer {
        socket.set_send_buffer_size(n as usize)?;
    }
    if let Some(source) = o.source {
        socket.set_reuse_address(true)?;
        socket.bind(&source.into())?;
    }
    Ok(())
}

/// Whether an error means that descriptors, ports or memory have run out.
#[must_use]
pub fn is_exhaustion(e: &io::Error) -> bool {
    matches!(
        e.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EAGAIN | libc::EADDRNOTAVAIL)
    )
}

/// A name in Linux' abstract space: a zero byte, then the bytes as they are.
pub(crate) fn abstract_address(name: &[u8]) -> io::Result<SockAddr> {
    use std::os::unix::ffi::OsStrExt;
    let mut path = Vec::with_capacity(name.len() + 1);
    path.push(0);
    path.extend_from_slice(name);
    SockAddr::unix(std::path::Path::new(std::ffi::OsStr::from_bytes(&path)))
}
