//! Others using given addresses, as ARP and neighbour discovery show it.
//!
//! Nothing is ever sent. A filter in the kernel passes on only frames in which somebody claims one of the
//! addresses (RFC 5227 §2.4: a sender address; RFC 4862 §5.4: a probe or an advertisement), so that the rest
//! of the traffic costs nothing here. What this machine itself sends is not seen.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use pnet_base::MacAddr;
use pnet_packet::Packet;
use pnet_packet::arp::{ArpOperations, ArpPacket};
use pnet_packet::ethernet::EthernetPacket;
use pnet_packet::icmpv6::ndp::{NeighborAdvertPacket, NeighborSolicitPacket};
use pnet_packet::icmpv6::{Icmpv6Packet, Icmpv6Types};
use pnet_packet::ipv6::Ipv6Packet;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::message;
use super::{answer, if_equal, load_byte, load_word, unless_equal};
use crate::netlink::Mac;
use crate::watch::Watched;

/// Frames are cut here: an ARP frame is 42 bytes, an advertisement 86.
const SNAP: usize = 256;

/// More addresses than this are compared here and not in the kernel's filter (of 4096 instructions).
const MOST_FILTERED: usize = 800;

const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;

/// Where the options of an advertisement begin.
const OPTIONS: usize = 24;

/// How somebody used an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seen {
    /// Gratuitous ARP, or an advertisement to everybody: "it is here".
    Announcement,
    /// As the sender of another ARP packet, or of an advertisement to one node: it answers for it.
    Use,
    /// A probe before taking it (duplicate address detection).
    Probe,
}

/// Somebody used one of the addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// Index of the interface.
    pub link: u32,
    /// The address.
    pub address: IpAddr,
    /// MAC address the sender gives for it.
    pub mac: Mac,
    /// How.
    pub seen: Seen,
}

/// An ear for one address family.
#[derive(Debug)]
pub struct Sightings {
    socket: Watched<Socket>,
    addresses: HashSet<IpAddr>,
}

impl Sightings {
    /// Listens for IPv4 addresses on one link, or on all.
    ///
    /// # Errors
    /// As the operating system tells them; needs `CAP_NET_RAW`.
    pub fn arp(link: Option<u32>, addresses: &[Ipv4Addr]) -> io::Result<Sightings> {
        let all = addresses.iter().map(|a| IpAddr::V4(*a)).collect();
        Sightings::open(link, ETHERTYPE_ARP, &arp_filter(addresses), all)
    }

    /// Listens for IPv6 addresses on one link, or on all.
    ///
    /// # Errors
    /// As the operating system tells them; needs `CAP_NET_RAW`.
    pub fn neighbours(link: Option<u32>, addresses: &[Ipv6Addr]) -> io::Result<Sightings> {
        let all = addresses.iter().map(|a| IpAddr::V6(*a)).collect();
        Sightings::open(link, ETHERTYPE_IPV6, &neighbour_filter(addresses), all)
    }

    fn open(
        link: Option<u32>,
        protocol: u16,
        filter: &[SockFilter],
        addresses: HashSet<IpAddr>,
    ) -> io::Result<Sightings> {
        // Nothing is heard before the filter is in place: binding names the protocol.
        let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking().cloexec(), None::<Protocol>)?;
        socket.attach_filter(filter)?;
        socket.bind(&message::link_address(link.unwrap_or(0), protocol))?;
        Ok(Sightings { socket: Watched::new(socket)?, addresses })
    }

    /// The next one. Cancelling the future loses nothing.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub async fn next(&self) -> io::Result<Sighting> {
        let mut frame = [0u8; SNAP];
        loop {
            let receive = |s: &Socket| message::receive_frame(s.as_raw_fd(), &mut frame);
            let (length, link) = match self.socket.when_readable(receive).await {
                // A link that went down says so once.
                Err(e) if e.raw_os_error() == Some(libc::ENETDOWN) => continue,
                got => got?,
            };
            if let Some(s) = frame.get(..length).and_then(|f| judge(f, link))
                && self.addresses.contains(&s.address)
            {
                return Ok(s);
            }
        }
    }
}

/// What a frame shows, whoever's address it is about.
fn judge(frame: &[u8], link: u32) -> Option<Sighting> {
    let ethernet = EthernetPacket::new(frame)?;
    let from = ethernet.get_source();
    let (address, mac, seen) = match ethernet.get_ethertype().0 {
        ETHERTYPE_ARP => judge_arp(&ArpPacket::new(ethernet.payload())?),
        ETHERTYPE_IPV6 => judge_ipv6(&Ipv6Packet::new(ethernet.payload())?, from)?,
        _ => return None,
    };
    Some(Sighting { link, address, mac: mac.into(), seen })
}

fn judge_arp(arp: &ArpPacket<'_>) -> (IpAddr, MacAddr, Seen) {
    let (sender, target) = (arp.get_sender_proto_addr(), arp.get_target_proto_addr());
    let mac = arp.get_sender_hw_addr();
    if sender.is_unspecified() && arp.get_operation() == ArpOperations::Request {
        return (IpAddr::V4(target), mac, Seen::Probe);
    }
    let seen = if sender == target { Seen::Announcement } else { Seen::Use };
    (IpAddr::V4(sender), mac, seen)
}

fn judge_ipv6(ip: &Ipv6Packet<'_>, from: MacAddr) -> Option<(IpAddr, MacAddr, Seen)> {
    // RFC 4861 §7.1: what did not come from this link proves nothing.
    if ip.get_hop_limit() != 255 {
        return None;
    }
    let icmp = Icmpv6Packet::new(ip.payload())?;
    match icmp.get_icmpv6_type() {
        Icmpv6Types::NeighborAdvert => {
            let na = NeighborAdvertPacket::new(ip.payload())?;
            let mac = target_link_address(ip.payload().get(OPTIONS..)?).unwrap_or(from);
            let seen = if ip.get_destination().is_multicast() { Seen::Announcement } else { Seen::Use };
            Some((IpAddr::V6(na.get_target_addr()), mac, seen))
        }
        Icmpv6Types::NeighborSolicit if ip.get_source().is_unspecified() => {
            let ns = NeighborSolicitPacket::new(ip.payload())?;
            Some((IpAddr::V6(ns.get_target_addr()), from, Seen::Probe))
        }
        _ => None,
    }
}

/// The target's link-layer address among the options of an advertisement (RFC 4861 §4.6). Read here, because
/// the library's reader multiplies a length of 255 past its type.
fn target_link_address(mut options: &[u8]) -> Option<MacAddr> {
    const TARGET_LINK_ADDRESS: u8 = 2;
    loop {
        let (kind, units) = (*options.first()?, *options.get(1)?);
        if kind == TARGET_LINK_ADDRESS {
            let mac: [u8; 6] = options.get(2..8)?.try_into().ok()?;
            return Some(MacAddr::from(mac));
        }
        // RFC 4861 §4.6: a length of 0 makes the packet worthless.
        options = options.get(usize::from(units).checked_mul(8).filter(|l| *l > 0)?..)?;
    }
}

const PASS: SockFilter = answer(SNAP as u32);
const DROP: SockFilter = answer(0);

/// Passes frames whose sender address, or (when that is none) target address, is one of these.
fn arp_filter(addresses: &[Ipv4Addr]) -> Vec<SockFilter> {
    const SENDER: u32 = 28;
    const TARGET: u32 = 38;
    let any = |offset: u32, out: &mut Vec<SockFilter>| {
        out.push(load_word(offset));
        for a in addresses {
            out.extend([unless_equal(u32::from(*a), 1), PASS]);
        }
    };
    if addresses.len() > MOST_FILTERED {
        return vec![PASS];
    }
    let mut out = Vec::with_capacity(addresses.len() * 4 + 6);
    any(SENDER, &mut out);
    // A sender address that is none of these matters no more, unless it is none at all.
    out.extend([if_equal(0, 1), DROP]);
    any(TARGET, &mut out);
    out.push(DROP);
    out
}

/// Passes advertisements, and solicitations without a source, whose target ends like one of these; the rest
/// of the target is compared here.
fn neighbour_filter(addresses: &[Ipv6Addr]) -> Vec<SockFilter> {
    const NEXT_HEADER: u32 = 20;
    const SOURCE: [u32; 4] = [22, 26, 30, 34];
    const TYPE: u32 = 54;
    const TARGET_END: u32 = 74;
    let mut out = vec![load_byte(NEXT_HEADER), if_equal(58, 1), DROP];
    out.push(load_byte(TYPE));
    // An advertisement goes on at the target; a solicitation only when its source is all zeros.
    out.extend([if_equal(136, 14), if_equal(135, 1), DROP]);
    for word in SOURCE {
        out.extend([load_word(word), if_equal(0, 1), DROP]);
    }
    if addresses.len() > MOST_FILTERED {
        out.push(PASS);
        return out;
    }
    out.push(load_word(TARGET_END));
    for a in addresses {
        let [.., w, x, y, z] = a.octets();
        out.extend([unless_equal(u32::from_be_bytes([w, x, y, z]), 1), PASS]);
    }
    out.push(DROP);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn options_are_searched_and_nonsense_ends_the_search() {
        let mac = Some(MacAddr::new(1, 2, 3, 4, 5, 6));
        for (options, expected) in [
            (&[2, 1, 1, 2, 3, 4, 5, 6][..], mac),
            (&[1, 1, 9, 9, 9, 9, 9, 9, 2, 1, 1, 2, 3, 4, 5, 6], mac),
            (&[1, 0, 9, 9, 9, 9, 9, 9, 2, 1, 1, 2, 3, 4, 5, 6], None),
            (&[1, 255, 9], None),
            (&[2, 1, 1, 2], None),
            (&[2], None),
            (&[], None),
        ] {
            assert_eq!(target_link_address(options), expected, "{options:?}");
        }
    }

    proptest! {
        #[test]
        fn no_frame_panics(
            kind in prop_oneof![Just(ETHERTYPE_ARP), Just(ETHERTYPE_IPV6), any::<u16>()],
            mut frame in proptest::collection::vec(any::<u8>(), 0..SNAP),
            icmp in any::<bool>(),
        ) {
            if let Some(place) = frame.get_mut(12..14) {
                place.copy_from_slice(&kind.to_be_bytes());
            }
            if icmp && frame.len() > 80 {
                frame[21] = 255;
                frame[54] = 136;
            }
            let _ = judge(&frame, 1);
        }
    }
}
