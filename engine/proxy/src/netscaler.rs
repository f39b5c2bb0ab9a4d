//! NetScaler's Client IP header, as we receive it (`accept-netscaler-cip`): a magic number, then the IP and TCP
//! headers of the client's own connection.
//!
//! HAProxy 3.0 configuration manual §5.1 "accept-netscaler-cip". Two layouts: the old one tells the length of the
//! headers behind the magic number, the newer one has a type and the length at byte 10. DIFFERS: a header in pieces
//! is waited for, as with the PROXY protocol.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::proxied::{bound, grow};
use crate::session::Session;
use crate::unborn::Trouble;

/// Both layouts are known by then.
const LEAD: usize = 12;
/// Headers longer than this do not fit the original's buffer.
const LONGEST: usize = 16_384;
const TCP: u8 = 6;

/// Reads the header and takes its addresses.
pub(crate) async fn receive(session: &mut Session, magic: u32) -> Result<(), Trouble> {
    bound(session);
    let mut head = Vec::new();
    grow(session, &mut head, LEAD).await.map_err(Trouble::of_netscaler)?;
    let (from, length) = layout(&head, magic)?;
    if length > LONGEST {
        return Err(Trouble::NetscalerTruncated);
    }
    let rest = (from + length).checked_sub(LEAD).ok_or(Trouble::NetscalerTruncated)?;
    grow(session, &mut head, rest).await.map_err(Trouble::of_netscaler)?;
    let (source, destination) = ends(head.get(from..).unwrap_or_default())?;
    session.source = Some(source);
    session.set_destination(destination);
    Ok(())
}

/// Where the IP header begins, and the length from there on.
fn layout(head: &[u8], magic: u32) -> Result<(usize, usize), Trouble> {
    let Some(([m0, m1, m2, m3], [l0, l1, l2, l3, kind, _, high, low])) = head.split_first_chunk() else {
        return Err(Trouble::NetscalerTruncated);
    };
    if u32::from_be_bytes([*m0, *m1, *m2, *m3]) != magic {
        return Err(Trouble::NetscalerMagic);
    }
    if kind & 0xd0 == 0x40 {
        let length = u32::from_be_bytes([*l0, *l1, *l2, *l3]);
        return Ok((8, usize::try_from(length).unwrap_or(usize::MAX)));
    }
    if *kind == 0 {
        return Ok((LEAD, u16::from_be_bytes([*high, *low]).into()));
    }
    Err(Trouble::NetscalerProtocol)
}

/// Source and destination of an IP packet with a TCP header, RFC 791 §3.1, RFC 8200 §3, RFC 9293 §3.1.
fn ends(packet: &[u8]) -> Result<(SocketAddr, SocketAddr), Trouble> {
    let (protocol, from, to, tcp) = match packet.first().map_or(0, |b| b >> 4) {
        4 => {
            let at = usize::from(packet.first().map_or(0, |b| b & 0x0f)) * 4;
            let address = |at: usize| Some(IpAddr::V4(Ipv4Addr::from(bytes::<4>(packet, at)?)));
            (packet.get(9), address(12), address(16), at)
        }
        6 => {
            let address = |at: usize| Some(IpAddr::V6(Ipv6Addr::from(bytes::<16>(packet, at)?)));
            (packet.get(6), address(8), address(24), 40)
        }
        _ => return Err(Trouble::NetscalerProtocol),
    };
    let port = |at: usize| bytes::<2>(packet, at).map(u16::from_be_bytes);
    let whole = protocol.zip(from.zip(to)).zip(port(tcp).zip(port(tcp + 2)));
    let Some(((protocol, (from, to)), (source, destination))) = whole else {
        return Err(Trouble::NetscalerTruncated);
    };
    if *protocol != TCP {
        return Err(Trouble::NetscalerProtocol);
    }
    Ok((SocketAddr::new(from, source), SocketAddr::new(to, destination)))
}

fn bytes<const N: usize>(packet: &[u8], at: usize) -> Option<[u8; N]> {
    packet.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 and a TCP header without options.
    fn packet() -> Vec<u8> {
        let mut out = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, TCP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        out.extend([0x03, 0xe8, 0, 80]);
        out.extend([0; 16]);
        out
    }

    #[test]
    fn both_layouts_are_told_apart() {
        let old = [&[0, 0, 0, 9, 0, 0, 0, 40][..], &packet()[..4]].concat();
        assert_eq!(layout(&old, 9), Ok((8, 40)));
        let new = [0, 0, 0, 9, 0, 0, 0, 52, 0, 1, 0, 40];
        assert_eq!(layout(&new, 9), Ok((12, 40)));
        assert_eq!(layout(&new, 8), Err(Trouble::NetscalerMagic));
        assert_eq!(layout(&[0, 0, 0, 9, 0, 0, 0, 0, 0x80, 0, 0, 0], 9), Err(Trouble::NetscalerProtocol));
    }

    #[test]
    fn addresses_stand_in_the_packet() {
        let good = ("10.0.0.1:1000".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        assert_eq!(ends(&packet()), Ok(good));
        assert_eq!(ends(&packet()[..21]), Err(Trouble::NetscalerTruncated));
        let mut udp = packet();
        udp[9] = 17;
        assert_eq!(ends(&udp), Err(Trouble::NetscalerProtocol));
        assert_eq!(ends(&[0x55]), Err(Trouble::NetscalerProtocol));
        let mut six = vec![0x60, 0, 0, 0, 0, 20, TCP, 64];
        six.extend([0; 15].iter().chain(&[1]).chain(&[0; 15]).chain(&[2]));
        six.extend([0x03, 0xe8, 0, 80]);
        assert_eq!(ends(&six), Ok(("[::1]:1000".parse().unwrap(), "[::2]:80".parse().unwrap())));
    }
}
