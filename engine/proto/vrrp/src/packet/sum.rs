//! The Internet checksum (RFC 1071) over several pieces of even length, and the two pseudo-headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::PROTOCOL;

/// A running one's-complement sum. Every piece but the last must have an even length.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum(u32);

impl Sum {
    /// Adds bytes, an odd last one padded with zero.
    #[must_use]
    pub fn add(self, bytes: &[u8]) -> Sum {
        let words = bytes.chunks(2).map(|pair| match pair {
            [a, b] => u32::from(u16::from_be_bytes([*a, *b])),
            [a] => u32::from(*a) << 8,
            _ => 0,
        });
        // 65,535 bytes of 0xff sum to less than 2^31, and `fold` keeps what is carried in below 2^17
        Sum(fold(words.fold(self.0, |sum, word| fold(sum + word))))
    }

    /// The pseudo-header of RFC 5798 §5.2.8: IPv4 as in RFC 793, IPv6 as in RFC 2460 §8.1.
    #[must_use]
    pub fn pseudo(source: IpAddr, destination: IpAddr, len: usize) -> Sum {
        let len = u16::try_from(len).unwrap_or(u16::MAX);
        let tail = [0, PROTOCOL, len.to_be_bytes()[0], len.to_be_bytes()[1]];
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                Sum::default().add(&Ipv4Addr::octets(&source)).add(&Ipv4Addr::octets(&destination)).add(&tail)
            }
            (source, destination) => {
                Sum::default().add(&v6(source).octets()).add(&v6(destination).octets()).add(&tail)
            }
        }
    }

    /// What goes into the checksum field; 0 over data that contains a right checksum.
    #[must_use]
    pub fn finish(self) -> u16 {
        !u16::try_from(self.0).unwrap_or(u16::MAX)
    }
}

fn fold(sum: u32) -> u32 {
    let once = (sum & 0xffff) + (sum >> 16);
    (once & 0xffff) + (once >> 16)
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(a) => a.to_ipv6_mapped(),
        IpAddr::V6(a) => a,
    }
}
