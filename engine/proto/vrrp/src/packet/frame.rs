//! Reading the outside of a packet: which router, which version, which addresses, whoever it is for. What it
//! must look like for one of our instances is `verify`'s business; the split-brain detector reads frames
//! that no instance accepts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{AH_LEN, HEADER_LEN, IPV4_HEADER_LEN, PROTOCOL_AH};
use crate::config::Family;

/// What a socket delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    bytes: &'a [u8],
    v6: Option<V6>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct V6 {
    source: Ipv6Addr,
    destination: Option<Ipv6Addr>,
    hop_limit: Option<u8>,
}

impl<'a> Datagram<'a> {
    /// A whole IPv4 datagram, as a raw socket delivers it.
    #[must_use]
    pub fn v4(bytes: &'a [u8]) -> Datagram<'a> {
        Datagram { bytes, v6: None }
    }

    /// An IPv6 payload; destination and hop limit as far as the kernel told them (`IPV6_PKTINFO`,
    /// `IPV6_HOPLIMIT`).
    #[must_use]
    pub fn v6(
        bytes: &'a [u8],
        source: Ipv6Addr,
        destination: Option<Ipv6Addr>,
        hop_limit: Option<u8>,
    ) -> Datagram<'a> {
        Datagram { bytes, v6: Some(V6 { source, destination, hop_limit }) }
    }
}

/// Not even a VRRP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooShort {
    family: Family,
    with_ah: bool,
    len: usize,
}

impl fmt::Display for TooShort {
    /// The original's log line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.family == Family::V4 { "IPv4" } else { "IPv6" };
        let ah = if self.with_ah { " with AH" } else { "" };
        write!(f, "{family} VRRP packet{ah} too short - {} bytes", self.len)
    }
}

/// A packet with a whole VRRP header; nothing behind that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Sender.
    pub source: IpAddr,
    /// Receiver, where known.
    pub destination: Option<IpAddr>,
    /// TTL or hop limit, where known.
    pub ttl: Option<u8>,
    /// Version nibble.
    pub version: u8,
    /// Type nibble.
    pub kind: u8,
    /// Virtual router id.
    pub vrid: u8,
    /// Priority.
    pub priority: u8,
    /// Number of addresses claimed.
    pub count: u8,
    /// Auth type of version 2, high nibbles of the interval of version 3.
    pub fifth: u8,
    /// Interval of version 2, low byte of that of version 3.
    pub sixth: u8,
    /// The IPv4 header, options included; empty for IPv6.
    pub(super) ip: &'a [u8],
    /// The authentication header, if the IP protocol says there is one.
    pub(super) ah: Option<&'a [u8]>,
    /// From the VRRP header to the end of what was received.
    pub(super) vrrp: &'a [u8],
    /// Length of everything received.
    pub(super) received: usize,
}

impl<'a> Frame<'a> {
    /// Reads the headers.
    ///
    /// # Errors
    /// The packet ends before the VRRP header does.
    pub fn parse(datagram: Datagram<'a>) -> Result<Frame<'a>, TooShort> {
        let bytes = datagram.bytes;
        let Some(v6) = datagram.v6 else { return Frame::parse_v4(bytes) };
        let outside = Outside {
            family: Family::V6,
            source: v6.source.into(),
            destination: v6.destination.map(IpAddr::V6),
            ttl: v6.hop_limit,
            ip: &[],
            ah: None,
            received: bytes.len(),
        };
        outside.around(bytes).ok_or(TooShort { family: Family::V6, with_ah: false, len: bytes.len() })
    }

    fn parse_v4(bytes: &'a [u8]) -> Result<Frame<'a>, TooShort> {
        let short = |with_ah| TooShort { family: Family::V4, with_ah, len: bytes.len() };
        let fixed: &[u8; IPV4_HEADER_LEN] = bytes.first_chunk().ok_or(short(false))?;
        let header_len = (usize::from(fixed[0] & 0x0f) * 4).max(IPV4_HEADER_LEN);
        let (ip, rest) = bytes.split_at_checked(header_len).ok_or(short(false))?;
        let with_ah = fixed[9] == PROTOCOL_AH;
        if rest.len() < HEADER_LEN {
            return Err(short(false));
        }
        let (ah, vrrp) = if with_ah {
            let (ah, vrrp) = rest.split_at_checked(AH_LEN).ok_or(short(true))?;
            (Some(ah), vrrp)
        } else {
            (None, rest)
        };
        let outside = Outside {
            family: Family::V4,
            source: IpAddr::V4(Ipv4Addr::new(fixed[12], fixed[13], fixed[14], fixed[15])),
            destination: Some(IpAddr::V4(Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19]))),
            ttl: Some(fixed[8]),
            ip,
            ah,
            received: bytes.len(),
        };
        outside.around(vrrp).ok_or(short(with_ah))
    }

    /// Whether it was sent to a group; `None` where the destination is unknown.
    #[must_use]
    pub fn is_multicast(&self) -> Option<bool> {
        self.destination.map(|d| d.is_multicast())
    }

    /// The addresses it advertises, as many as are really there.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + 'a {
        let len = self.family.address_len();
        let all = self.vrrp.get(HEADER_LEN..).unwrap_or_default();
        let family = self.family;
        all.chunks_exact(len).take(usize::from(self.count)).filter_map(move |bytes| match family {
            Family::V4 => bytes.first_chunk::<4>().map(|b| IpAddr::from(*b)),
            Family::V6 => bytes.first_chunk::<16>().map(|b| IpAddr::from(*b)),
        })
    }

    /// The twelve bits of a version 3 interval, in hundredths of a second.
    #[must_use]
    pub fn hundredths(&self) -> u16 {
        u16::from_be_bytes([self.fifth & 0x0f, self.sixth])
    }

    /// Total length by the IPv4 header; what was received for IPv6.
    pub(super) fn total_len(&self) -> usize {
        match self.ip {
            [_, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
            _ => self.received,
        }
    }
}

/// Everything of a frame that stands before the VRRP header.
struct Outside<'a> {
    family: Family,
    source: IpAddr,
    destination: Option<IpAddr>,
    ttl: Option<u8>,
    ip: &'a [u8],
    ah: Option<&'a [u8]>,
    received: usize,
}

impl<'a> Outside<'a> {
    fn around(self, vrrp: &'a [u8]) -> Option<Frame<'a>> {
        let [versions, vrid, priority, count, fifth, sixth, _, _] = *vrrp.first_chunk::<HEADER_LEN>()?;
        Some(Frame {
            family: self.family,
            source: self.source,
            destination: self.destination,
            ttl: self.ttl,
            version: versions >> 4,
            kind: versions & 0x0f,
            vrid,
            priority,
            count,
            fifth,
            sixth,
            ip: self.ip,
            ah: self.ah,
            vrrp,
            received: self.received,
        })
    }
}
