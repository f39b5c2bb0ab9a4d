//! Typed patterns of ACLs and maps: one reading for the parser's check, the engine's index and the
//! runtime API.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An inclusive integer range with open ends, `10:20`, `ge 5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntRange {
    /// Lowest value.
    pub low: i64,
    /// Highest value.
    pub high: i64,
}

/// A network: address with the host bits cleared and prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// Address.
    pub address: IpAddr,
    /// Prefix length, 0..=32 or 0..=128.
    pub prefix_len: u8,
}

/// Reads `10.0.0.0/8`, `10.0.0.1`, `2001:db8::/32`; a dotted IPv4 mask must be contiguous.
#[must_use]
pub fn parse_network(text: &[u8]) -> Option<Network> {
    let text = std::str::from_utf8(text).ok()?;
    let (addr, mask) = match text.split_once('/') {
        Some((a, m)) => (a, Some(m)),
        None => (text, None),
    };
    if let Some(a) = parse_ipv4(addr) {
        let len = match mask {
            None => 32,
            Some(m) => prefix_v4(m)?,
        };
        let cleared = u32::from(a) & u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0);
        return Some(Network { address: Ipv4Addr::from(cleared).into(), prefix_len: len });
    }
    let a: Ipv6Addr = addr.parse().ok()?;
    let len = match mask {
        None => 128,
        Some(m) => m.parse::<u8>().ok().filter(|l| *l <= 128)?,
    };
    let cleared = u128::from(a) & u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
    Some(Network { address: Ipv6Addr::from(cleared).into(), prefix_len: len })
}

/// Dotted quad, as `inet_pton` reads it; missing parts (`10.1`) are filled as HAProxy's pattern parser does.
fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    text.parse().ok()
}

fn prefix_v4(mask: &str) -> Option<u8> {
    if let Ok(len) = mask.parse::<u8>() {
        return (len <= 32).then_some(len);
    }
    let bits = u32::from(mask.parse::<Ipv4Addr>().ok()?);
    (bits.leading_ones() == bits.count_ones()).then(|| u8::try_from(bits.leading_ones()).unwrap_or(32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_lose_their_host_bits() {
        let n = parse_network(b"10.1.2.3/8").unwrap();
        assert_eq!((n.address, n.prefix_len), ("10.0.0.0".parse().unwrap(), 8));
        assert_eq!(parse_network(b"10.0.0.0/255.255.0.0").unwrap().prefix_len, 16);
        assert_eq!(parse_network(b"::1").unwrap().prefix_len, 128);
        assert_eq!(parse_network(b"0.0.0.0/0").unwrap().prefix_len, 0);
        assert_eq!(parse_network(b"10.0.0.0/33"), None);
        assert_eq!(parse_network(b"host"), None);
    }
}
