//! UDP sockets for BFD: RFC 5881 §4 and §5 (single hop), RFC 5883 §5 (multihop).
//!
//! A session sends from a port of its own out of 49152–65535 and keeps it; everything is received on the
//! well-known port with the TTL or hop limit it arrived with, which the caller checks (255 for a single hop).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use crate::raw::{Control, receive_message, send_message, set_number, set_receive_buffer, switch_on};
use crate::watch::Watched;

/// Control packets over one hop, RFC 5881 §4.
pub const BFD_PORT: u16 = 3784;

/// Control packets over several hops, RFC 5883 §5.
pub const BFD_MULTIHOP_PORT: u16 = 4784;

/// First port a session may send from, RFC 5881 §4.
const FIRST_SOURCE_PORT: u16 = 49152;

/// Precedence "internetwork control".
const CONTROL_CLASS: u32 = 0xc0;

/// A control packet that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BfdReceived {
    /// Bytes of it in the buffer.
    pub length: usize,
    /// Who sent it, and from which port.
    pub source: SocketAddr,
    /// Which of our addresses it was sent to.
    pub destination: Option<IpAddr>,
    /// Index of the interface it came by.
    pub link: Option<u32>,
    /// TTL or hop limit it arrived with.
    pub hop_limit: Option<u8>,
}

/// Where control packets arrive.
#[derive(Debug)]
pub struct BfdListener {
    socket: Watched<OwnedFd>,
}

impl BfdListener {
    /// Listens on one address (or all of a family, with the unspecified address) and a port; port 0 takes a
    /// free one, for tests.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn open(address: IpAddr, port: u16, receive_buffer: Option<usize>) -> io::Result<BfdListener> {
        let socket = udp(address)?;
        if let Some(bytes) = receive_buffer {
            set_receive_buffer(&SockRef::from(&socket), bytes)?;
        }
        let fd = socket.as_raw_fd();
        match address {
            IpAddr::V4(_) => {
                switch_on(fd, libc::IPPROTO_IP, libc::IP_PKTINFO)?;
                switch_on(fd, libc::IPPROTO_IP, libc::IP_RECVTTL)?;
            }
            IpAddr::V6(_) => {
                socket.set_only_v6(true)?;
                switch_on(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)?;
                switch_on(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT)?;
            }
        }
        socket.bind(&SocketAddr::new(address, port).into())?;
        Ok(BfdListener { socket: Watched::new(OwnedFd::from(socket))? })
    }

    /// The port listened on.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn port(&self) -> io::Result<u16> {
        let address = SockRef::from(self.socket.inner()).local_addr()?;
        Ok(address.as_socket().map_or(0, |a| a.port()))
    }

    /// Its descriptor's number, for dumps.
    #[must_use]
    pub fn descriptor(&self) -> i32 {
        self.socket.inner().as_raw_fd()
    }

    /// Waits for a packet. Cancelling the future loses nothing.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub async fn receive(&self, buffer: &mut [u8]) -> io::Result<BfdReceived> {
        self.socket.when_readable(|fd| receive_message(fd.as_raw_fd(), buffer)).await.map(received)
    }

    /// A packet that is there already, if there is one.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Option<BfdReceived>> {
        match receive_message(self.socket.inner().as_raw_fd(), buffer) {
            Ok(control) => Ok(Some(received(control))),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }
}

fn received(c: Control) -> BfdReceived {
    BfdReceived {
        length: c.length,
        source: c.source,
        destination: c.destination,
        link: c.link,
        hop_limit: c.hop_limit,
    }
}

/// One session's way out.
#[derive(Debug)]
pub struct BfdSender {
    socket: Socket,
    to: SockAddr,
}

impl BfdSender {
    /// Opens a socket towards a peer. `source` is the local address (`None` lets the route decide); `link`
    /// names and numbers the interface for a link-local peer or a single hop; `hop_limit` is 255 for a single
    /// hop (RFC 5881 §5). `seed` begins the search for a free port, so that sessions differ.
    ///
    /// # Errors
    /// As the operating system tells them; `AddrInUse` when no port is free.
    pub fn open(
        source: Option<IpAddr>,
        peer: SocketAddr,
        link: Option<(&str, u32)>,
        hop_limit: u8,
        seed: u16,
    ) -> io::Result<BfdSender> {
        let socket = udp(peer.ip())?;
        let fd = socket.as_raw_fd();
        if let Some((name, _)) = link {
            socket.bind_device(Some(name.as_bytes()))?;
        }
        // Ahead of other traffic where this process may.
        let _ = set_number(fd, libc::SOL_SOCKET, libc::SO_PRIORITY, 7);
        let index = link.map_or(0, |(_, index)| index);
        let to = match peer {
            SocketAddr::V4(_) => {
                socket.set_ttl_v4(u32::from(hop_limit))?;
                socket.set_tos_v4(CONTROL_CLASS)?;
                SockAddr::from(peer)
            }
            SocketAddr::V6(p) => {
                socket.set_unicast_hops_v6(u32::from(hop_limit))?;
                socket.set_tclass_v6(CONTROL_CLASS)?;
                SockAddr::from(SocketAddrV6::new(*p.ip(), p.port(), 0, index))
            }
        };
        bind_to_free_port(&socket, source.unwrap_or_else(|| unspecified(peer.ip())), index, seed)?;
        Ok(BfdSender { socket, to })
    }

    /// Sends a packet, now or not at all.
    ///
    /// # Errors
    /// As the operating system tells them; an ICMP error of an earlier packet is not one of them.
    pub fn send(&self, packet: &[u8]) -> io::Result<()> {
        let fd = self.socket.as_raw_fd();
        match send_message(fd, packet, &self.to, None) {
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                send_message(fd, packet, &self.to, None)
            }
            done => done,
        }
    }

    /// Its descriptor's number, for dumps.
    #[must_use]
    pub fn descriptor(&self) -> i32 {
        self.socket.as_raw_fd()
    }

    /// The port it sends from.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.as_socket().map_or(0, |a| a.port()))
    }
}

fn udp(family: IpAddr) -> io::Result<Socket> {
    let domain = if family.is_ipv6() { Domain::IPV6 } else { Domain::IPV4 };
    Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

fn bind_to_free_port(socket: &Socket, source: IpAddr, link: u32, seed: u16) -> io::Result<()> {
    const PORTS: u16 = u16::MAX - FIRST_SOURCE_PORT + 1;
    for step in 0..PORTS {
        let port = FIRST_SOURCE_PORT + (seed % PORTS).wrapping_add(step) % PORTS;
        let address = match source {
            IpAddr::V6(a) => SocketAddr::V6(SocketAddrV6::new(a, port, 0, link)),
            IpAddr::V4(_) => SocketAddr::new(source, port),
        };
        match socket.bind(&address.into()) {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {}
            done => return done,
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(loopback: &str) {
        crate::run_local(async move {
            let address: IpAddr = loopback.parse().unwrap();
            let listener = BfdListener::open(address, 0, None).unwrap();
            let peer = SocketAddr::new(address, listener.port().unwrap());
            let senders: Vec<BfdSender> =
                (0..3).map(|_| BfdSender::open(Some(address), peer, None, 255, 7).unwrap()).collect();
            let ports: Vec<u16> = senders.iter().map(|s| s.port().unwrap()).collect();
            assert!(ports.iter().all(|p| *p >= FIRST_SOURCE_PORT), "{ports:?}");
            assert!(ports[0] != ports[1] && ports[1] != ports[2], "{ports:?}");
            senders[1].send(&[0x20; 24]).unwrap();
            let mut buffer = [0u8; 64];
            let got = listener.receive(&mut buffer).await.unwrap();
            assert_eq!((got.length, got.hop_limit, got.source.port()), (24, Some(255), ports[1]));
            assert_eq!(got.destination, Some(address));
            assert!(listener.try_receive(&mut buffer).unwrap().is_none());
        })
        .unwrap();
    }

    #[test]
    fn packets_arrive_with_their_hop_limit() {
        hop("127.0.0.1");
        hop("::1");
    }
}
