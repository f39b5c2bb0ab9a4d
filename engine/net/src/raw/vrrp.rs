//! VRRP over IP: protocol 112, and 51 for the authentication header of VRRP version 2.
//!
//! IPv4 packets leave with a header of our own (RFC 9568 §5.1: TTL 255, precedence internetwork control),
//! because the identification counts from 1 per instance and the authentication header covers it. IPv6
//! packets leave with the kernel's header; their checksum is the codec's business, so that a bad one that
//! comes in can be counted and not only dropped.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};

use pnet_packet::ip::IpNextHeaderProtocol;
use pnet_packet::ipv4::{Ipv4Packet, MutableIpv4Packet, checksum};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, SockRef, Socket, Type};

use super::message::{self, set_number, switch_on};
use crate::watch::Watched;

/// The group of VRRP routers, RFC 9568 §5.1.1.2.
pub const VRRP_GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

/// The group of VRRP routers, RFC 9568 §5.1.2.2.
pub const VRRP_GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

/// Precedence "internetwork control", in the TOS byte and the traffic class.
const CONTROL_CLASS: u8 = 0xc0;

/// Queueing priority of control traffic (`TC_PRIO_CONTROL`).
const CONTROL_PRIORITY: libc::c_int = 7;

/// Length of an IPv4 header without options.
const HEADER: usize = 20;

/// Which protocol a socket carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpProtocolNumber {
    /// 112.
    Vrrp,
    /// 51: the authentication header, VRRP inside (version 2, IPv4).
    Authenticated,
}

impl IpProtocolNumber {
    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            IpProtocolNumber::Vrrp => 112,
            IpProtocolNumber::Authenticated => 51,
        }
    }
}

/// What a socket is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VrrpSocketOptions {
    /// IPv6.
    pub v6: bool,
    /// The protocol.
    pub protocol: IpProtocolNumber,
    /// Name and index of the interface it is bound to; `None` only for unicast.
    pub link: Option<(String, u32)>,
    /// Routing domain of a socket without an interface: the name of its device.
    pub vrf: Option<String>,
    /// Group to join on the interface: [`VRRP_GROUP_V4`], [`VRRP_GROUP_V6`], or `vrrp_mcast_group4/6`.
    pub group: Option<IpAddr>,
    /// Receive buffer, bytes (`vrrp_rx_bufs_*`).
    pub receive_buffer: Option<usize>,
    /// Firewall mark of what is sent.
    pub mark: Option<u32>,
}

/// One packet to send.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Source address: the primary one, `mcast_src_ip` or `unicast_src_ip`.
    pub source: IpAddr,
    /// The group or the peer.
    pub destination: IpAddr,
    /// IPv4 identification.
    pub identification: u16,
    /// TTL or hop limit, 255 unless `unicast_ttl` says otherwise.
    pub hop_limit: u8,
    /// What follows the IP header.
    pub payload: &'a [u8],
}

/// One packet that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received<'a> {
    /// Who says to have sent it.
    pub source: IpAddr,
    /// Where it was sent to: a group, or an address of ours.
    pub destination: Option<IpAddr>,
    /// TTL or hop limit it arrived with.
    pub hop_limit: Option<u8>,
    /// Index of the interface it came by.
    pub link: Option<u32>,
    /// The IPv4 header, options included; empty for IPv6.
    pub header: &'a [u8],
    /// What follows the IP header.
    pub payload: &'a [u8],
    /// It was longer than the buffer.
    pub cut: bool,
}

/// A socket that sends and receives VRRP packets.
#[derive(Debug)]
pub struct VrrpSocket {
    socket: Watched<OwnedFd>,
    v6: bool,
    protocol: IpProtocolNumber,
    link: Option<u32>,
}

impl VrrpSocket {
    /// Opens one, in the network namespace of the calling thread, which must be a tokio runtime's.
    ///
    /// # Errors
    /// As the operating system tells them; needs `CAP_NET_RAW`.
    pub fn open(options: &VrrpSocketOptions) -> io::Result<VrrpSocket> {
        let domain = if options.v6 { Domain::IPV6 } else { Domain::IPV4 };
        let number = Protocol::from(i32::from(options.protocol.number()));
        let socket = Socket::new(domain, Type::RAW.nonblocking().cloexec(), Some(number))?;
        if let Some(name) = options.link.as_ref().map(|(name, _)| name).or(options.vrf.as_ref()) {
            socket.bind_device(Some(name.as_bytes()))?;
        }
        if let Some(bytes) = options.receive_buffer {
            message::set_receive_buffer(&SockRef::from(&socket), bytes)?;
        }
        if let Some(mark) = options.mark {
            socket.set_mark(mark)?;
        }
        // Ahead of other traffic where this process may.
        let _ = set_number(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PRIORITY, CONTROL_PRIORITY);
        let link = options.link.as_ref().map(|(_, index)| *index);
        if options.v6 {
            prepare_v6(&socket, link)?
        } else {
            prepare_v4(&socket)?
        }
        join(&socket, options.group, link)?;
        Ok(VrrpSocket {
            socket: Watched::new(OwnedFd::from(socket))?,
            v6: options.v6,
            protocol: options.protocol,
            link,
        })
    }

    /// Its descriptor's number, for dumps and log lines.
    #[must_use]
    pub fn descriptor(&self) -> i32 {
        self.socket.inner().as_raw_fd()
    }

    /// Sends one packet, now or not at all.
    ///
    /// # Errors
    /// As the operating system tells them; `AddrNotAvailable` when the families differ.
    pub fn send(&self, packet: &Outgoing<'_>) -> io::Result<()> {
        let fd = self.socket.inner().as_raw_fd();
        match (packet.source, packet.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) if !self.v6 => {
                self.send_datagram(&ipv4_packet(from, to, self.protocol, packet), to)
            }
            (IpAddr::V6(from), IpAddr::V6(to)) if self.v6 => {
                let link = self.link.unwrap_or(0);
                if !to.is_multicast() {
                    set_number(fd, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, i32::from(packet.hop_limit))?;
                }
                let to = SockAddr::from(SocketAddrV6::new(to, 0, 0, link));
                message::send(fd, packet.payload, &to, Some((from, link)))
            }
            _ => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// Sends an IPv4 datagram that has its header already.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn send_datagram(&self, datagram: &[u8], destination: Ipv4Addr) -> io::Result<()> {
        let to = SockAddr::from(SocketAddr::new(destination.into(), 0));
        message::send(self.socket.inner().as_raw_fd(), datagram, &to, None)
    }

    /// Waits for a packet. Cancelling the future loses nothing.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub async fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Received<'b>> {
        let control = self.socket.when_readable(|fd| message::receive(fd.as_raw_fd(), buffer)).await?;
        Ok(received(self.v6, control, buffer))
    }

    /// A packet that is there already, if there is one: after [`VrrpSocket::receive`] the rest of a burst.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn try_receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<Received<'b>>> {
        match message::receive(self.socket.inner().as_raw_fd(), buffer) {
            Ok(control) => Ok(Some(received(self.v6, control, buffer))),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Leaves the group and joins it again on the interface: needed after it went away and came back.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn rejoin(&self, group: IpAddr) -> io::Result<()> {
        let socket = SockRef::from(self.socket.inner());
        let index = self.link.unwrap_or(0);
        // Not being a member is what this is here for.
        let _ = match group {
            IpAddr::V4(g) => socket.leave_multicast_v4_n(&g, &InterfaceIndexOrAddress::Index(index)),
            IpAddr::V6(g) => socket.leave_multicast_v6(&g, index),
        };
        join(&socket, Some(group), self.link)
    }
}

fn prepare_v4(socket: &Socket) -> io::Result<()> {
    socket.set_header_included_v4(true)?;
    // What this machine sends need not come back to it.
    socket.set_multicast_loop_v4(false)?;
    socket.set_multicast_all_v4(false)?;
    switch_on(socket.as_raw_fd(), libc::IPPROTO_IP, libc::IP_PKTINFO)
}

fn prepare_v6(socket: &Socket, link: Option<u32>) -> io::Result<()> {
    socket.set_multicast_loop_v6(false)?;
    socket.set_multicast_all_v6(false)?;
    socket.set_multicast_hops_v6(255)?;
    socket.set_unicast_hops_v6(255)?;
    socket.set_tclass_v6(u32::from(CONTROL_CLASS))?;
    switch_on(socket.as_raw_fd(), libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)?;
    switch_on(socket.as_raw_fd(), libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT)?;
    match link {
        Some(index) => socket.set_multicast_if_v6(index),
        None => Ok(()),
    }
}

fn join(socket: &Socket, group: Option<IpAddr>, link: Option<u32>) -> io::Result<()> {
    let index = link.unwrap_or(0);
    match group {
        None => Ok(()),
        Some(IpAddr::V4(g)) => socket.join_multicast_v4_n(&g, &InterfaceIndexOrAddress::Index(index)),
        Some(IpAddr::V6(g)) => socket.join_multicast_v6(&g, index),
    }
}

/// The IPv4 packet as it goes to the kernel: header and payload. Also what the authentication header's
/// digest is made of.
#[must_use]
pub fn ipv4_packet(
    from: Ipv4Addr,
    to: Ipv4Addr,
    protocol: IpProtocolNumber,
    packet: &Outgoing<'_>,
) -> Vec<u8> {
    let length = HEADER + packet.payload.len();
    let mut bytes = vec![0; length];
    if let Some(mut ip) = MutableIpv4Packet::new(&mut bytes) {
        ip.set_version(4);
        ip.set_header_length(5);
        ip.set_dscp(CONTROL_CLASS >> 2);
        ip.set_total_length(u16::try_from(length).unwrap_or(u16::MAX));
        ip.set_identification(packet.identification);
        ip.set_ttl(packet.hop_limit);
        ip.set_next_level_protocol(IpNextHeaderProtocol::new(protocol.number()));
        ip.set_source(from);
        ip.set_destination(to);
        ip.set_payload(packet.payload);
        let sum = checksum(&ip.to_immutable());
        ip.set_checksum(sum);
    }
    bytes
}

fn received(v6: bool, control: message::Control, buffer: &[u8]) -> Received<'_> {
    let bytes = buffer.get(..control.length).unwrap_or(buffer);
    let mut out = Received {
        source: control.source.ip(),
        destination: control.destination,
        hop_limit: control.hop_limit,
        link: control.link,
        header: &[],
        payload: bytes,
        cut: control.cut,
    };
    if let Some(ip) = Ipv4Packet::new(bytes).filter(|_| !v6) {
        let header = usize::from(ip.get_header_length()) * 4;
        // The kernel's notion of the destination is the local address it chose; the header's is what was sent to.
        out.destination = Some(IpAddr::V4(ip.get_destination()));
        out.hop_limit = Some(ip.get_ttl());
        (out.header, out.payload) = bytes.split_at_checked(header).unwrap_or((bytes, &[]));
    }
    out
}
