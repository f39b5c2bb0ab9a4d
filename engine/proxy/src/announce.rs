//! The PROXY protocol's header, as we send it. Specification: `proxy-protocol.txt` of HAProxy, §2.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

/// First bytes of version 2.
pub(crate) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Fields of version 2, around the checksum's place.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// Type and value of those before it.
    pub before: Vec<(u8, Vec<u8>)>,
    /// `crc32c`.
    pub checksum: bool,
    /// Those behind it.
    pub after: Vec<(u8, Vec<u8>)>,
}

const CHECKSUM: u8 = 0x03;

/// The header for a connection from `source` to `destination`.
pub(crate) fn header(version: u8, source: Option<SocketAddr>, destination: Option<SocketAddr>) -> Vec<u8> {
    with_fields(version, source, destination, &Fields::default())
}

/// The same with fields, which version 1 does not have.
pub(crate) fn with_fields(
    version: u8,
    source: Option<SocketAddr>,
    destination: Option<SocketAddr>,
    fields: &Fields,
) -> Vec<u8> {
    let ends = source.zip(destination);
    if version == 1 { text(ends.filter(|(s, d)| s.is_ipv4() == d.is_ipv4())) } else { binary(ends, fields) }
}

fn text(ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let mut out = Vec::with_capacity(108);
    let _ = match ends {
        Some((s, d)) => {
            let family = if s.is_ipv4() { "TCP4" } else { "TCP6" };
            write!(out, "PROXY {family} {} {} {} {}\r\n", s.ip(), d.ip(), s.port(), d.port())
        }
        None => write!(out, "PROXY UNKNOWN\r\n"),
    };
    out
}

/// COMPAT: addresses of two families are both sent as IPv6.
fn binary(ends: Option<(SocketAddr, SocketAddr)>, fields: &Fields) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    // Version 2; the command is PROXY, or LOCAL where there are no addresses.
    out.push(if ends.is_some() { 0x21 } else { 0x20 });
    let both_v4 = ends.is_some_and(|(s, d)| s.is_ipv4() && d.is_ipv4());
    out.push(if ends.is_none() {
        0
    } else if both_v4 {
        0x11
    } else {
        0x21
    });
    out.extend([0, 0]);
    if let Some((s, d)) = ends {
        for ip in [s.ip(), d.ip()] {
            match ip {
                IpAddr::V4(a) if both_v4 => out.extend(a.octets()),
                IpAddr::V4(a) => out.extend(a.to_ipv6_mapped().octets()),
                IpAddr::V6(a) => out.extend(a.octets()),
            }
        }
        out.extend(s.port().to_be_bytes());
        out.extend(d.port().to_be_bytes());
    }
    for (kind, value) in &fields.before {
        field(&mut out, *kind, value);
    }
    let checksum = fields.checksum.then(|| {
        field(&mut out, CHECKSUM, &[0; 4]);
        out.len() - 4..out.len()
    });
    for (kind, value) in &fields.after {
        field(&mut out, *kind, value);
    }
    let length = u16::try_from(out.len() - FIXED).unwrap_or(u16::MAX);
    if let Some(place) = out.get_mut(FIXED - 2..FIXED) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    if let Some(at) = checksum {
        let sum = crc32c(out.iter().copied());
        if let Some(place) = out.get_mut(at) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
    }
    out
}

/// Length of the part of version 2 before the addresses.
const FIXED: usize = 16;

/// A field; what does not fit its length is left out.
fn field(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    out.push(kind);
    out.extend(length.to_be_bytes());
    out.extend_from_slice(value);
}

/// CRC-32C, RFC 3720 appendix B.4.
pub(crate) fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions() {
        let (s, d) = ("10.0.0.1:1000".parse().ok(), "10.0.0.2:80".parse().ok());
        assert_eq!(header(1, s, d), b"PROXY TCP4 10.0.0.1 10.0.0.2 1000 80\r\n");
        assert_eq!(header(1, None, d), b"PROXY UNKNOWN\r\n");
        let v2 = header(2, s, d);
        assert_eq!((v2.len(), &v2[12..16]), (28, &[0x21, 0x11, 0, 12][..]));
        assert_eq!(&v2[24..], &[0x03, 0xe8, 0, 80]);
    }
}
