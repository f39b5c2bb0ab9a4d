//! Listening sockets: one per worker with `SO_REUSEPORT`, or one shared where the address allows no
//! second (unix paths, inherited descriptors).
//!
//! COMPAT: the words of a failed bind are HAProxy's; a foreign address fails unless the system or
//! `transparent` allows it, as there.
#![allow(unsafe_code, reason = "an inherited descriptor has no owner yet")]

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};

use crate::connect::abstract_address;
use crate::reactor::{READ, Registration};
use crate::{Conn, NetNamespace, SocketAddress, TcpOptions, lookup_group, lookup_user};

/// What a `bind` line asks of its sockets.
#[derive(Debug, Clone, Default)]
pub struct ListenOptions {
    /// Length of the accept queue.
    pub backlog: i32,
    /// `transparent`.
    pub transparent: bool,
    /// `v6only`, `v4v6`.
    pub v6only: Option<bool>,
    /// `interface`.
    pub interface: Option<String>,
    /// `mss`.
    pub mss: Option<u32>,
    /// `defer-accept`.
    pub defer_accept: bool,
    /// `tcp-ut`.
    pub user_timeout: Option<Duration>,
    /// `user` of a unix socket.
    pub owner: Option<String>,
    /// `group` of a unix socket.
    pub group: Option<String>,
    /// `mode` of a unix socket.
    pub file_mode: Option<u32>,
    /// `tune.rcvbuf.client`, bytes; accepted connections inherit it.
    pub receive_buffer: Option<u32>,
    /// `tune.sndbuf.client`, bytes.
    pub send_buffer: Option<u32>,
    /// Keep-alive probes on accepted connections, which inherit them.
    pub keepalive: Option<Probes>,
    /// `tfo`.
    pub fast_open: bool,
    /// `noreuseport`: one socket for all workers, and nobody else's beside it.
    pub no_reuse_port: bool,
    /// `namespace`.
    pub namespace: Option<NetNamespace>,
    /// What few sockets have.
    pub tcp: TcpOptions,
}

/// TCP keep-alive; what is not set is the system's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Probes {
    /// `clitcpka-cnt`, `srvtcpka-cnt`: probes without an answer that end the connection.
    pub count: Option<u32>,
    /// `clitcpka-idle`, `srvtcpka-idle`: silence before the first probe.
    pub idle: Option<Duration>,
    /// `clitcpka-intvl`, `srvtcpka-intvl`: time between probes.
    pub interval: Option<Duration>,
}

impl Probes {
    /// COMPAT: a value that the kernel refuses is ignored.
    pub(crate) fn apply(self, socket: &Socket) -> io::Result<()> {
        socket.set_keepalive(true)?;
        let mut wish = TcpKeepalive::new();
        if let Some(n) = self.count {
            wish = wish.with_retries(n);
        }
        if let Some(t) = self.idle {
            wish = wish.with_time(t);
        }
        if let Some(t) = self.interval {
            wish = wish.with_interval(t);
        }
        let _ = socket.set_tcp_keepalive(&wish);
        Ok(())
    }
}

/// Sets a TCP option to a number; one the kernel does not know is left out.
pub(crate) fn set_tcp_number(socket: &Socket, option: libc::c_int, value: libc::c_int) -> bool {
    // SAFETY: a valid descriptor and a pointer to an int of the stated size.
    unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, option, (&raw const value).cast(), 4) == 0
    }
}

/// What went wrong, in HAProxy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindProblem {
    /// `cannot create listening socket`.
    Create,
    /// `cannot bind socket`.
    Bind,
    /// `cannot listen to socket`.
    Listen,
    /// `cannot bind UNIX socket`.
    BindUnix,
    /// `cannot set TCP MD5 signature`.
    Sign,
    /// An inherited descriptor is not a listening stream socket.
    Inherited,
}

/// A bind that failed.
#[derive(Debug)]
pub struct BindError {
    /// Which step.
    pub problem: BindProblem,
    /// Where to.
    pub address: SocketAddress,
    /// Why.
    pub source: io::Error,
}

impl BindError {
    /// `tcpv4`, `tcpv6`, `unix_stream`: the protocol's name in HAProxy 3.0's messages.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match &self.address {
            SocketAddress::Ip(SocketAddr::V4(_)) | SocketAddress::Fd(_) => "tcpv4",
            SocketAddress::Ip(SocketAddr::V6(_)) => "tcpv6",
            SocketAddress::Unix(_) | SocketAddress::Abstract(_) => "unix_stream",
        }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = os_text(&self.source);
        match self.problem {
            BindProblem::Create => write!(f, "cannot create listening socket ({why}) for [{}]", self.address),
            BindProblem::Bind => write!(f, "cannot bind socket ({why}) for [{}]", self.address),
            BindProblem::Sign => write!(f, "cannot set TCP MD5 signature, ({why}) for [{}]", self.address),
            BindProblem::Listen => write!(f, "cannot listen to socket ({why}) for [{}]", self.address),
            // COMPAT: no "for" here.
            BindProblem::BindUnix => write!(f, "cannot bind UNIX socket ({why}) [{}]", self.address),
            BindProblem::Inherited => write!(f, "invalid file descriptor ({why}) for [{}]", self.address),
        }
    }
}

/// `strerror` without Rust's "(os error N)".
fn os_text(e: &io::Error) -> String {
    let text = e.to_string();
    match text.find(" (os error") {
        Some(i) => text.get(..i).unwrap_or(&text).to_owned(),
        None => text,
    }
}

/// A bound, listening socket, not yet registered with any loop; it can move to its worker.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: SocketAddress,
}

/// An accepted connection.
#[derive(Debug)]
pub struct Incoming {
    /// The connection.
    pub conn: Conn,
    /// Where it comes from; `None` on unix sockets.
    pub peer: Option<SocketAddr>,
}

/// Opens `copies` listening sockets on one address.
///
/// # Errors
/// See [`BindError`].
pub fn bind(address: &SocketAddress, o: &ListenOptions, copies: usize) -> Result<Vec<Listener>, BindError> {
    let fail = |problem, source| BindError { problem, address: address.clone(), source };
    let copies = copies.max(1);
    match address {
        SocketAddress::Ip(ip) => {
            if o.no_reuse_port && copies > 1 {
                let mut one = bind(address, o, 1)?;
                if let Some(first) = one.pop() {
                    let address = first.address.clone();
                    return share(first.socket, &address, copies).map_err(|e| fail(BindProblem::Create, e));
                }
            }
            let mut ip = *ip;
            let mut out = Vec::with_capacity(copies);
            for _ in 0..copies {
                let socket = bind_ip(ip, o).map_err(|(p, e)| fail(p, e))?;
                if ip.port() == 0 {
                    // Port 0 is chosen by the first socket; its siblings follow.
                    if let Some(a) = socket.local_addr().ok().and_then(|a| a.as_socket()) {
                        ip = a;
                    }
                }
                out.push(Listener { socket, address: SocketAddress::Ip(ip) });
            }
            Ok(out)
        }
        SocketAddress::Unix(path) => {
            let socket = bind_unix(path, o).map_err(|e| fail(BindProblem::BindUnix, e))?;
            share(socket, address, copies).map_err(|e| fail(BindProblem::Create, e))
        }
        SocketAddress::Abstract(name) => {
            let socket = bind_abstract(name, o).map_err(|e| fail(BindProblem::BindUnix, e))?;
            share(socket, address, copies).map_err(|e| fail(BindProblem::Create, e))
        }
        SocketAddress::Fd(fd) => {
            let socket = inherit(*fd).map_err(|e| fail(BindProblem::Inherited, e))?;
            let _ = socket.listen(o.backlog.max(1));
            let seen = socket.local_addr().ok().and_then(|a| a.as_socket());
            let address = seen.map_or_else(|| address.clone(), SocketAddress::Ip);
            share(socket, &address, copies).map_err(|e| fail(BindProblem::Create, e))
        }
    }
}

fn share(socket: Socket, address: &SocketAddress, copies: usize) -> io::Result<Vec<Listener>> {
    let mut out = Vec::with_capacity(copies);
    for _ in 1..copies {
        out.push(Listener { socket: socket.try_clone()?, address: address.clone() });
    }
    out.push(Listener { socket, address: address.clone() });
    Ok(out)
}

fn bind_ip(ip: SocketAddr, o: &ListenOptions) -> Result<Socket, (BindProblem, io::Error)> {
    let create = |e| (BindProblem::Create, e);
    let make = || Socket::new(Domain::for_address(ip), Type::STREAM.nonblocking().cloexec(), None);
    let socket = match &o.namespace {
        Some(namespace) => namespace.within(make),
        None => make(),
    }
    .map_err(create)?;
    socket.set_reuse_address(true).map_err(create)?;
    if !o.no_reuse_port {
        socket.set_reuse_port(true).map_err(create)?;
    }
    // Accepted sockets inherit it, which saves a call per connection.
    socket.set_tcp_nodelay(true).map_err(create)?;
    tune(&socket, ip, o).map_err(create)?;
    o.tcp.apply_listening(&socket, ip).map_err(|e| (BindProblem::Sign, e))?;
    socket.bind(&ip.into()).map_err(|e| (BindProblem::Bind, e))?;
    socket.listen(o.backlog.max(1)).map_err(|e| (BindProblem::Listen, e))?;
    Ok(socket)
}

fn tune(socket: &Socket, ip: SocketAddr, o: &ListenOptions) -> io::Result<()> {
    if o.transparent {
        // COMPAT: a missing privilege is not an error here; the bind decides.
        let _ = if ip.is_ipv4() {
            socket.set_ip_transparent_v4(true)
        } else {
            socket.set_ip_transparent_v6(true)
        };
        let _ = if ip.is_ipv4() { socket.set_freebind_v4(true) } else { socket.set_freebind_v6(true) };
    }
    if let (true, Some(only)) = (ip.is_ipv6(), o.v6only) {
        socket.set_only_v6(only)?;
    }
    if let Some(name) = &o.interface {
        socket.bind_device(Some(name.as_bytes()))?;
    }
    if let Some(mss) = o.mss {
        socket.set_tcp_mss(mss)?;
    }
    if let Some(probes) = o.keepalive {
        probes.apply(socket)?;
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
    if o.defer_accept {
        set_tcp_number(socket, libc::TCP_DEFER_ACCEPT, 1);
    }
    if o.fast_open {
        set_tcp_number(socket, libc::TCP_FASTOPEN, o.backlog.max(1));
    }
    Ok(())
}

/// Binds beside the path and renames over it, so that the path never points nowhere.
fn bind_unix(path: &Path, o: &ListenOptions) -> io::Result<Socket> {
    let temporary = PathBuf::from(format!("{}.{}.tmp", path.display(), std::process::id()));
    let _ = fs::remove_file(&temporary);
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
    socket.bind(&SockAddr::unix(&temporary)?)?;
    let settled = settle(&temporary, path, o).and_then(|()| socket.listen(o.backlog.max(1)));
    if settled.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    settled.map(|()| socket)
}

fn settle(temporary: &Path, path: &Path, o: &ListenOptions) -> io::Result<()> {
    if let Some(mode) = o.file_mode {
        fs::set_permissions(temporary, fs::Permissions::from_mode(mode))?;
    }
    let uid = o.owner.as_deref().and_then(lookup_user);
    let gid = o.group.as_deref().and_then(lookup_group);
    if uid.is_some() || gid.is_some() {
        std::os::unix::fs::chown(temporary, uid, gid)?;
    }
    fs::rename(temporary, path)
}

fn bind_abstract(name: &[u8], o: &ListenOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
    socket.bind(&abstract_address(name)?)?;
    socket.listen(o.backlog.max(1))?;
    Ok(socket)
}

fn inherit(fd: RawFd) -> io::Result<Socket> {
    // SAFETY: only borrowed to be duplicated; the kernel answers EBADF for a number that is not open.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `copy` was just made and nobody else owns it.
    let socket = Socket::from(unsafe { OwnedFd::from_raw_fd(copy) });
    if socket.r#type()? != Type::STREAM {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    socket.set_nonblocking(true)?;
    if socket.local_addr()?.as_socket().is_some() {
        let _ = socket.set_tcp_nodelay(true);
    }
    Ok(socket)
}

/// An accepted connection outside of any loop.
#[derive(Debug)]
pub struct PlainConn(Socket);

impl PlainConn {
    /// Sends everything, waiting for the peer up to `patience` at each step.
    ///
    /// # Errors
    /// When the peer does not take it.
    pub fn send_all(&mut self, bytes: &[u8], patience: std::time::Duration) -> io::Result<()> {
        self.0.set_nonblocking(false)?;
        self.0.set_write_timeout(Some(patience))?;
        let done = io::Write::write_all(&mut self.0, bytes);
        self.0.set_nonblocking(true)?;
        done
    }
}

impl io::Read for PlainConn {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut self.0, buf)
    }
}

impl Listener {
    /// A listening socket of another process of ours, with the address it was asked for.
    pub(crate) fn taken_over(socket: Socket, address: SocketAddress) -> Listener {
        Listener { socket, address }
    }

    /// A connection that is already there (a process without a loop: the master).
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn accept_now(&self) -> io::Result<Option<PlainConn>> {
        match self.socket.accept() {
            Ok((socket, _)) => {
                socket.set_nonblocking(true)?;
                Ok(Some(PlainConn(socket)))
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Takes over a listening socket that somebody else bound.
    ///
    /// # Errors
    /// When it cannot be made non-blocking.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<Listener> {
        listener.set_nonblocking(true)?;
        let address = SocketAddress::Ip(listener.local_addr()?);
        let socket = Socket::from(listener);
        socket.set_tcp_nodelay(true)?;
        Ok(Listener { socket, address })
    }

    /// Where it listens; port 0 has become the port chosen.
    #[must_use]
    pub fn address(&self) -> &SocketAddress {
        &self.address
    }

    /// Another handle on the same socket (and the same accept queue).
    ///
    /// # Errors
    /// When descriptors have run out.
    pub fn try_clone(&self) -> io::Result<Listener> {
        Ok(Listener { socket: self.socket.try_clone()?, address: self.address.clone() })
    }

    /// Registers with the loop of the calling thread.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn attach(self) -> io::Result<Accepting> {
        let is_unix = !matches!(self.address, SocketAddress::Ip(_) | SocketAddress::Fd(_));
        let registration = Registration::waiting(self.socket.as_fd())?;
        Ok(Accepting { registration, socket: self.socket, is_unix })
    }

    /// Stops connections from being queued, leaving the address bound (SIGTTOU).
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn pause(&self) -> io::Result<()> {
        self.socket.shutdown(std::net::Shutdown::Read)
    }

    /// Listens again after [`Listener::pause`].
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn resume(&self, backlog: i32) -> io::Result<()> {
        self.socket.listen(backlog.max(1))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A listener registered with a loop.
#[derive(Debug)]
pub struct Accepting {
    // The registration goes first, as in `Conn`.
    registration: Registration,
    socket: Socket,
    is_unix: bool,
}

impl Accepting {
    /// The next connection.
    ///
    /// # Errors
    /// As the operating system tells them (`EMFILE` among them).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        use rustix::net::{SocketFlags, acceptfrom_with};
        loop {
            match self.registration.poll_ready(READ, self.socket.as_fd(), cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => return Poll::Pending,
            }
            match acceptfrom_with(&self.socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok((fd, from)) => {
                    let peer = from.and_then(|a| SocketAddr::try_from(a).ok()).map(plain);
                    return Poll::Ready(Conn::accepted(fd, self.is_unix).map(|conn| Incoming { conn, peer }));
                }
                Err(rustix::io::Errno::AGAIN) => self.registration.refused(READ),
                Err(e) => return Poll::Ready(Err(e.into())),
            }
        }
    }

    /// Sets the accept queue's length again, which also wakes a socket that was shut down.
    pub fn listen(&self, backlog: i32) {
        let _ = self.socket.listen(backlog.max(1));
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        // Others may hold this socket: it would stay in the queue, and could not enter it again.
        self.registration.forget(self.socket.as_fd());
    }
}

/// COMPAT: an IPv4 client of an IPv6 socket is shown as IPv4.
fn plain(a: SocketAddr) -> SocketAddr {
    SocketAddr::new(a.ip().to_canonical(), a.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_address_says_so_in_the_words_of_the_original() {
        let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let to = SocketAddress::Ip(held.local_addr().unwrap());
        let e = bind(&to, &ListenOptions { backlog: 5, ..Default::default() }, 1).unwrap_err();
        assert_eq!(e.to_string(), format!("cannot bind socket (Address already in use) for [{to}]"));
        assert_eq!(e.protocol(), "tcpv4");
    }

    #[test]
    fn port_zero_is_shared_by_all_copies() {
        let any = SocketAddress::Ip("127.0.0.1:0".parse().unwrap());
        let all = bind(&any, &ListenOptions { backlog: 5, ..Default::default() }, 3).unwrap();
        assert!(all.iter().all(|l| l.address() == all[0].address() && l.address() != &any));
    }

    #[test]
    fn a_unix_socket_gets_its_mode_and_replaces_an_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let o = ListenOptions { backlog: 5, file_mode: Some(0o600), ..Default::default() };
        for _ in 0..2 {
            bind(&SocketAddress::Unix(path.clone()), &o, 2).unwrap();
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let nowhere = SocketAddress::Unix(dir.path().join("no/s"));
        let e = bind(&nowhere, &o, 1).unwrap_err();
        assert!(e.to_string().starts_with("cannot bind UNIX socket (No such file or directory) ["));
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_an_error() {
        let e = bind(&SocketAddress::Fd(9999), &ListenOptions::default(), 1).unwrap_err();
        assert_eq!(e.problem, BindProblem::Inherited);
    }
}
