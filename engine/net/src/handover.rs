//! Listening sockets handed from one process to the next, so that nobody who waits in their queue is lost.
//!
//! A datagram holds names, a line each, and as many descriptors beside it (`SCM_RIGHTS`, unix(7)). The name
//! says where the socket listens; an inherited descriptor (`fd@`) has none and is not handed on.
//!
//! [`give_sockets`] and [`fetch_sockets`] are the same between HAProxy's processes (`-x`, `_getsocks` on a
//! stats socket with `expose-fd listeners`): a count, then batches of descriptors, each descriptor with the
//! length and name of its namespace, of its interface, and four zero bytes; a batch is answered by four bytes.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use socket2::Socket;

use crate::{Listener, SocketAddress};

/// Descriptors in one datagram; the kernel takes 253.
const BATCH: usize = 200;
/// Room for their names.
const NAMES: usize = 64 * 1024;

/// Sends sockets; blocks while the other side does not take them.
///
/// # Errors
/// As the operating system tells them.
pub fn send_sockets(line: &UnixDatagram, sockets: &[&Listener]) -> io::Result<()> {
    let named: Vec<_> = sockets.iter().filter_map(|s| Some((name(s.address())?, *s))).collect();
    for batch in named.chunks(BATCH) {
        let names: String = batch.iter().map(|(n, _)| format!("{n}\n")).collect();
        let descriptors: Vec<_> = batch.iter().map(|(_, s)| s.as_fd()).collect();
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !beside.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        sendmsg(line, &[IoSlice::new(names.as_bytes())], &mut beside, SendFlags::empty())?;
    }
    Ok(())
}

/// Takes what is there, without waiting for more; `line` must not block.
///
/// # Errors
/// As the operating system tells them.
pub fn receive_sockets(line: &UnixDatagram) -> io::Result<Vec<Listener>> {
    let mut out = Vec::new();
    let mut names = vec![0; NAMES];
    loop {
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let got = match recvmsg(line, &mut [IoSliceMut::new(&mut names)], &mut beside, flags) {
            Ok(got) => got.bytes,
            Err(rustix::io::Errno::AGAIN) => return Ok(out),
            Err(e) => return Err(e.into()),
        };
        let text = String::from_utf8_lossy(names.get(..got).unwrap_or_default()).into_owned();
        let descriptors = beside.drain().filter_map(|m| match m {
            RecvAncillaryMessage::ScmRights(all) => Some(all),
            _ => None,
        });
        let named = text.lines().zip(descriptors.flatten());
        out.extend(named.filter_map(|(n, fd)| Some(Listener::taken_over(Socket::from(fd), address(n)?))));
        if got == 0 {
            return Ok(out);
        }
    }
}

/// Most descriptors in a message of HAProxy's.
const MOST: usize = 252;
/// How long the other process may take for a step.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answers `_getsocks` on a connection that no loop looks at any more.
///
/// # Errors
/// As the operating system tells them.
pub fn give_sockets(conn: OwnedFd, sockets: &[Listener]) -> io::Result<()> {
    let mut conn = UnixStream::from(conn);
    conn.set_nonblocking(false)?;
    conn.set_read_timeout(Some(PATIENCE))?;
    conn.set_write_timeout(Some(PATIENCE))?;
    if sockets.is_empty() {
        return Ok(());
    }
    conn.write_all(&u32::try_from(sockets.len()).unwrap_or(0).to_ne_bytes())?;
    for batch in sockets.chunks(MOST) {
        let descriptors: Vec<_> = batch.iter().map(AsFd::as_fd).collect();
        // No namespace, no interface, no options.
        let beside_each = vec![0; batch.len() * 6];
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !beside.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let sent = sendmsg(&conn, &[IoSlice::new(&beside_each)], &mut beside, SendFlags::empty())?;
        if sent != beside_each.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        conn.read_exact(&mut [0; 4])?;
    }
    Ok(())
}

/// Asks the process behind a stats socket for what it listens on.
///
/// # Errors
/// It cannot be reached, or gives less than it announced.
pub fn fetch_sockets(path: &Path) -> io::Result<Vec<Listener>> {
    let mut conn = UnixStream::connect(path)?;
    conn.set_read_timeout(Some(PATIENCE))?;
    conn.write_all(b"_getsocks\n")?;
    let mut count = [0; 4];
    conn.read_exact(&mut count)?;
    let expected = u32::from_ne_bytes(count) as usize;
    let mut got = Vec::new();
    let mut names = vec![0; NAMES];
    while got.len() < expected {
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let bytes =
            recvmsg(&conn, &mut [IoSliceMut::new(&mut names)], &mut beside, RecvFlags::CMSG_CLOEXEC)?.bytes;
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(all) = message {
                got.extend(all.map(Socket::from));
            }
        }
        if bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        conn.write_all(&[0; 4])?;
    }
    Ok(got.into_iter().filter_map(listening).collect())
}

/// A socket with the address it listens on; a unix path is the one it was renamed to after the bind.
fn listening(socket: Socket) -> Option<Listener> {
    let at = socket.local_addr().ok()?;
    let address = if let Some(ip) = at.as_socket() {
        SocketAddress::Ip(ip)
    } else if let Some(path) = at.as_pathname() {
        let text = path.to_str()?;
        let bound = text.strip_suffix(".tmp").and_then(|t| t.rsplit_once('.')).map_or(text, |(path, _)| path);
        SocketAddress::Unix(bound.into())
    } else {
        SocketAddress::Abstract(at.as_abstract_namespace()?.to_vec())
    };
    socket.set_nonblocking(true).ok()?;
    Some(Listener::taken_over(socket, address))
}

/// Where a socket listens, in a line without a line end.
fn name(address: &SocketAddress) -> Option<String> {
    match address {
        SocketAddress::Ip(ip) => Some(format!("ip {ip}")),
        SocketAddress::Unix(path) => Some(format!("unix {}", path.to_str()?)).filter(|n| !n.contains('\n')),
        SocketAddress::Abstract(bytes) => {
            Some("abns ".to_owned() + &bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
        }
        SocketAddress::Fd(_) => None,
    }
}

fn address(name: &str) -> Option<SocketAddress> {
    let (kind, rest) = name.split_once(' ')?;
    match kind {
        "ip" => rest.parse::<SocketAddr>().ok().map(SocketAddress::Ip),
        "unix" => Some(SocketAddress::Unix(rest.into())),
        "abns" => {
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            rest.as_bytes().chunks(2).map(byte).collect::<Option<_>>().map(SocketAddress::Abstract)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ListenOptions, bind};

    #[test]
    fn a_socket_keeps_its_queue_when_handed_over() {
        let (here, there) = UnixDatagram::pair().unwrap();
        there.set_nonblocking(true).unwrap();
        let any = SocketAddress::Ip("127.0.0.1:0".parse().unwrap());
        let bound = bind(&any, &ListenOptions { backlog: 5, ..Default::default() }, 1).unwrap().remove(0);
        let to = bound.address().ip().unwrap();
        let _waiting = std::net::TcpStream::connect(to).unwrap();
        send_sockets(&here, &[&bound]).unwrap();
        drop(bound);
        let taken = receive_sockets(&there).unwrap();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].address().ip(), Some(to));
        assert!(taken[0].accept_now().unwrap().is_some());
        assert!(receive_sockets(&there).unwrap().is_empty());
    }

    #[test]
    fn names_come_back() {
        for a in [
            SocketAddress::Ip("[::1]:80".parse().unwrap()),
            SocketAddress::Unix("/run/a b.sock".into()),
            SocketAddress::Abstract(vec![0, 255, 10]),
        ] {
            assert_eq!(address(&name(&a).unwrap()), Some(a));
        }
        assert_eq!(name(&SocketAddress::Fd(3)), None);
        assert!(address("ip nonsense").is_none() && address("").is_none() && address("abns 0").is_some());
    }
}
