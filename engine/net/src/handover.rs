//! Listening sockets handed from one process to the next, so that nobody who waits in their queue is lost.
//!
//! A datagram holds names, a line each, and as many descriptors beside it (`SCM_RIGHTS`, unix(7)). The name
//! says where the socket listens; an inherited descriptor (`fd@`) has none and is not handed on.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;

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
