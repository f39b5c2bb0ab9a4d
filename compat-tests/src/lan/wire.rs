//! What the client hears: adverts (read with our own codec) and announcements of addresses.
//!
//! A shape is everything of a packet that must be the same whoever sends it; counters, checksums over them
//! and flow labels are not in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rha_vrrp::packet::{AH_LEN, Datagram, Frame, HEADER_LEN, PROTOCOL, PROTOCOL_AH};
use socket2::{Domain, Protocol, Socket, Type};

use super::GLANCE;

const EVERYTHING: u16 = 0x0003;
const ETHERNET: usize = 14;
const IPV6: usize = 40;
const ICMPV6: u8 = 58;
const ADVERTISEMENT: u8 = 136;

/// One advert.
#[derive(Debug, Clone)]
pub struct Advert {
    /// When it was heard.
    pub at: Instant,
    /// Sender.
    pub source: IpAddr,
    /// Virtual router id.
    pub vrid: u8,
    /// Priority.
    pub priority: u8,
    /// All that must be the same whoever sends it.
    pub shape: String,
    /// Sequence number of the authentication header.
    pub sequence: Option<u32>,
}

/// A gratuitous ARP request or an unsolicited neighbour advertisement.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// When it was heard.
    pub at: Instant,
    /// The address.
    pub address: IpAddr,
    /// The frame but for what comes by chance.
    pub shape: String,
}

/// Either.
pub(super) enum Heard {
    Advert(Advert),
    Announcement(Announcement),
}

pub(super) fn open() -> Result<Socket, String> {
    let protocol = Protocol::from(i32::from(EVERYTHING.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol)).map_err(|e| e.to_string())?;
    socket.set_read_timeout(Some(GLANCE)).map_err(|e| e.to_string())?;
    Ok(socket)
}

pub(super) fn listen(mut socket: &Socket, stop: &AtomicBool, mut tell: impl FnMut(Heard)) {
    let mut buffer = [0u8; 2048];
    while !stop.load(Ordering::Relaxed) {
        if let Ok(n) = std::io::Read::read(&mut socket, &mut buffer)
            && let Some(heard) = buffer.get(..n).and_then(read)
        {
            tell(heard);
        }
    }
}

fn read(frame: &[u8]) -> Option<Heard> {
    let (ethernet, rest) = frame.split_at_checked(ETHERNET)?;
    let macs = format!("{}>{}", mac(ethernet.get(6..12)?), mac(ethernet.get(..6)?));
    match ethernet.get(12..14)? {
        [0x08, 0x00] => advert_v4(&macs, rest).map(Heard::Advert),
        [0x08, 0x06] => arp(&macs, rest).map(Heard::Announcement),
        [0x86, 0xdd] if rest.get(6) == Some(&PROTOCOL) => advert_v6(&macs, rest).map(Heard::Advert),
        [0x86, 0xdd] if rest.get(6) == Some(&ICMPV6) => neighbour(&macs, rest).map(Heard::Announcement),
        _ => None,
    }
}

fn mac(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn advert_v4(macs: &str, all: &[u8]) -> Option<Advert> {
    let protocol = *all.get(9)?;
    if protocol != PROTOCOL && protocol != PROTOCOL_AH {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([*all.get(2)?, *all.get(3)?]));
    let all = all.get(..length)?;
    let frame = Frame::parse(Datagram::v4(all)).ok()?;
    let outside = format!(
        "{macs} ihl {:02x} tos {:02x} length {length} flags {:02x}{:02x} ttl {} protocol {protocol}",
        all.first()?,
        all.get(1)?,
        all.get(6)?,
        all.get(7)?,
        all.get(8)?
    );
    let header = all.get(20..20 + AH_LEN).filter(|_| protocol == PROTOCOL_AH);
    let header_text =
        header.map(|h| format!(" ah {}", hex(h.get(..8).unwrap_or_default()))).unwrap_or_default();
    let sequence = header.and_then(|h| Some(u32::from_be_bytes(*h.get(8..)?.first_chunk()?)));
    let vrrp = all.get(20 + header.map_or(0, <[u8]>::len)..)?;
    let shape = format!("{outside}{header_text}");
    Some(advert(&frame, shape, vrrp, sequence))
}

fn advert_v6(macs: &str, all: &[u8]) -> Option<Advert> {
    let source = Ipv6Addr::from(*all.get(8..)?.first_chunk::<16>()?);
    let destination = Ipv6Addr::from(*all.get(24..)?.first_chunk::<16>()?);
    let length = usize::from(u16::from_be_bytes([*all.get(4)?, *all.get(5)?]));
    let vrrp = all.get(IPV6..IPV6 + length)?;
    let hops = *all.get(7)?;
    let frame = Frame::parse(Datagram::v6(vrrp, source, Some(destination), Some(hops))).ok()?;
    let class = u16::from_be_bytes([*all.first()?, *all.get(1)?]) >> 4 & 0xff;
    let shape = format!("{macs} class {class:02x} length {length} hops {hops}");
    Some(advert(&frame, shape, vrrp, None))
}

fn advert(frame: &Frame<'_>, outside: String, vrrp: &[u8], sequence: Option<u32>) -> Advert {
    let addresses: Vec<String> = frame.addresses().map(|a| a.to_string()).collect();
    let width = if frame.source.is_ipv6() { 16 } else { 4 };
    let trailer = vrrp.get(HEADER_LEN + width * addresses.len()..).unwrap_or_default();
    let shape = format!(
        "{outside} {}>{} v{} type {} vrid {} priority {} count {} fields {:02x}{:02x} checksum {} addresses {} trailer {}",
        frame.source,
        frame.destination.map(|d| d.to_string()).unwrap_or_default(),
        frame.version,
        frame.kind,
        frame.vrid,
        frame.priority,
        frame.count,
        frame.fifth,
        frame.sixth,
        hex(vrrp.get(6..8).unwrap_or_default()),
        addresses.join(","),
        hex(trailer),
    );
    Advert {
        at: Instant::now(),
        source: frame.source,
        vrid: frame.vrid,
        priority: frame.priority,
        shape,
        sequence,
    }
}

fn arp(macs: &str, packet: &[u8]) -> Option<Announcement> {
    let address = Ipv4Addr::from(*packet.get(14..)?.first_chunk::<4>()?);
    let target = Ipv4Addr::from(*packet.get(24..)?.first_chunk::<4>()?);
    // the kernel answers a gratuitous request for an address it still has: that is no announcement
    let request = packet.get(6..8)? == [0, 1];
    (request && address == target).then_some(())?;
    let shape = format!("{macs} arp {}", hex(packet.get(..28)?));
    Some(Announcement { at: Instant::now(), address: address.into(), shape })
}

fn neighbour(macs: &str, packet: &[u8]) -> Option<Announcement> {
    let message = packet.get(IPV6..)?;
    let destination = Ipv6Addr::from(*packet.get(24..)?.first_chunk::<16>()?);
    (*message.first()? == ADVERTISEMENT && destination.is_multicast()).then_some(())?;
    let address = Ipv6Addr::from(*message.get(8..)?.first_chunk::<16>()?);
    let source = Ipv6Addr::from(*packet.get(8..)?.first_chunk::<16>()?);
    let shape = format!("{macs} {source}>{destination} hops {} na {}", packet.get(7)?, hex(message));
    Some(Announcement { at: Instant::now(), address: address.into(), shape })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn an_advert_is_read_whole() {
        let ip = "45c00020000100 00ff70 0000 0a4d0002 e0000012".replace(' ', "");
        let vrrp = "31336401003274a60a4d00c8";
        let frame = bytes(&format!("01005e0000120277000000020800{ip}{vrrp}"));
        let Some(Heard::Advert(a)) = read(&frame) else { panic!("no advert") };
        assert_eq!((a.vrid, a.priority, a.source), (51, 100, "10.77.0.2".parse().unwrap()));
        assert!(
            a.shape.contains("ttl 255") && a.shape.contains("addresses 10.77.0.200 trailer"),
            "{}",
            a.shape
        );
    }

    #[test]
    fn only_announcements_of_arp_count() {
        let arp = |target: &str| {
            bytes(
                &format!(
                    "ffffffffffff02770000000208060001080006040001027700000002 0a4d00c8 ffffffffffff {target}"
                )
                .replace(' ', ""),
            )
        };
        assert!(matches!(read(&arp("0a4d00c8")), Some(Heard::Announcement(_))));
        assert!(read(&arp("0a4d0001")).is_none());
    }
}
