//! Echo requests and their replies (RFC 792, RFC 4443 §4), for `PING_CHECK`.
//!
//! A raw socket connected to its target hears that host only; replies to others are told apart by identifier.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use pnet_packet::Packet;
use pnet_packet::icmp::echo_request::{IcmpCodes, MutableEchoRequestPacket};
use pnet_packet::icmp::{IcmpPacket, IcmpTypes, checksum};
use socket2::{Domain, Protocol, Socket, Type};

use crate::watch::Watched;

/// Length of an echo header.
const HEADER: usize = 8;

/// Longest reply read; more than that is cut, its header is not.
const RECEIVE: usize = 2048;

/// Types of messages: IPv4 echo reply, IPv6 echo request and reply.
const REPLY_V4: u8 = 0;
const REQUEST_V6: u8 = 128;
const REPLY_V6: u8 = 129;

/// What a socket is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PingOptions {
    /// Whom to ask.
    pub target: IpAddr,
    /// Local address (`bindto`).
    pub source: Option<IpAddr>,
    /// Name and index of the interface (`bind_if`); a link-local target needs it.
    pub link: Option<(String, u32)>,
    /// Firewall mark (`fwmark`).
    pub mark: Option<u32>,
    /// What tells this socket's requests from others' to the same target.
    pub identifier: u16,
}

/// A socket that asks one host whether it is there.
#[derive(Debug)]
pub struct PingSocket {
    socket: Watched<Socket>,
    v6: bool,
    identifier: u16,
}

impl PingSocket {
    /// Opens one; the caller's thread must be a tokio runtime's.
    ///
    /// # Errors
    /// As the operating system tells them: no route, no such address, no `CAP_NET_RAW`.
    pub fn open(options: &PingOptions) -> io::Result<PingSocket> {
        let v6 = options.target.is_ipv6();
        let (domain, protocol) =
            if v6 { (Domain::IPV6, Protocol::ICMPV6) } else { (Domain::IPV4, Protocol::ICMPV4) };
        let socket = Socket::new(domain, Type::RAW.nonblocking().cloexec(), Some(protocol))?;
        let index = options.link.as_ref().map_or(0, |(_, index)| *index);
        if let Some((name, _)) = &options.link {
            socket.bind_device(Some(name.as_bytes()))?;
        }
        if let Some(mark) = options.mark {
            socket.set_mark(mark)?;
        }
        if let Some(source) = options.source {
            socket.bind(&with_link(source, index).into())?;
        }
        socket.connect(&with_link(options.target, index).into())?;
        Ok(PingSocket { socket: Watched::new(socket)?, v6, identifier: options.identifier })
    }

    /// Sends a request with so many bytes behind its header.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn send(&self, sequence: u16, bytes: usize) -> io::Result<()> {
        let mut message = vec![0u8; HEADER + bytes];
        if let Some(mut echo) = MutableEchoRequestPacket::new(&mut message) {
            echo.set_icmp_type(if self.v6 {
                pnet_packet::icmp::IcmpType(REQUEST_V6)
            } else {
                IcmpTypes::EchoRequest
            });
            echo.set_icmp_code(IcmpCodes::NoCode);
            echo.set_identifier(self.identifier);
            echo.set_sequence_number(sequence);
        }
        // The kernel sums ICMPv6 itself.
        let sum = IcmpPacket::new(&message).filter(|_| !self.v6).map(|p| checksum(&p));
        if let (Some(sum), Some(mut echo)) = (sum, MutableEchoRequestPacket::new(&mut message)) {
            echo.set_checksum(sum);
        }
        self.socket.inner().send(&message).map(|_| ())
    }

    /// The sequence number of the next reply. Cancelling the future loses nothing.
    ///
    /// # Errors
    /// As the operating system tells them: the target cannot be reached.
    pub async fn reply(&self) -> io::Result<u16> {
        let mut buffer = [0u8; RECEIVE];
        loop {
            let length = self.socket.when_readable(|mut s| s.read(&mut buffer)).await?;
            let bytes = buffer.get(..length).unwrap_or(&[]);
            if let Some(sequence) = self.sequence_of(bytes) {
                return Ok(sequence);
            }
        }
    }

    /// The sequence number, if this is a reply to this socket.
    fn sequence_of(&self, bytes: &[u8]) -> Option<u16> {
        sequence_of(bytes, self.v6, self.identifier)
    }
}

fn sequence_of(bytes: &[u8], v6: bool, identifier: u16) -> Option<u16> {
    // An IPv4 socket gets the IP header as well.
    let message = if v6 { bytes } else { bytes.get(usize::from(bytes.first()? & 0x0f) * 4..)? };
    let icmp = IcmpPacket::new(message)?;
    let expected = if v6 { REPLY_V6 } else { REPLY_V4 };
    let [i0, i1, s0, s1] = *icmp.payload().first_chunk()?;
    let is_reply = icmp.get_icmp_type().0 == expected && u16::from_be_bytes([i0, i1]) == identifier;
    is_reply.then(|| u16::from_be_bytes([s0, s1]))
}

fn with_link(address: IpAddr, link: u32) -> SocketAddr {
    match address {
        IpAddr::V6(a) => SocketAddr::V6(SocketAddrV6::new(a, 0, 0, link)),
        IpAddr::V4(_) => SocketAddr::new(address, 0),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::lab::{Lab, in_lab, ip, soon};

    fn socket(target: &str, identifier: u16) -> PingSocket {
        let options =
            PingOptions { target: target.parse().unwrap(), source: None, link: None, mark: None, identifier };
        PingSocket::open(&options).unwrap()
    }

    #[test]
    fn a_host_that_is_there_answers_whom_it_was_asked_by() {
        in_lab("a_host_that_is_there_answers_whom_it_was_asked_by", async |_: &Lab| {
            for target in ["10.9.0.2", "fd09::2"] {
                let (asking, other) = (socket(target, 7), socket(target, 8));
                asking.send(1, 56).unwrap();
                assert_eq!(soon("a reply", asking.reply()).await.unwrap(), 1);
                asking.send(65_535, 0).unwrap();
                assert_eq!(soon("a reply", asking.reply()).await.unwrap(), 65_535);
                assert!(tokio::time::timeout(Duration::ZERO, other.reply()).await.is_err());
            }
            ip("route add blackhole 192.0.2.0/24");
            let options = PingOptions {
                target: "192.0.2.1".parse().unwrap(),
                source: Some("10.9.0.1".parse().unwrap()),
                link: None,
                mark: Some(1),
                identifier: 1,
            };
            assert!(PingSocket::open(&options).is_err());
        });
    }

    proptest! {
        #[test]
        fn no_reply_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80), v6 in any::<bool>()) {
            let _ = sequence_of(&bytes, v6, 1);
        }
    }
}
