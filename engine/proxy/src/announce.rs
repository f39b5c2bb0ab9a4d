//! The PROXY protocol's header, as we send it. Specification: `proxy-protocol.txt` of HAProxy, §2.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

/// First bytes of version 2.
pub(crate) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The header for a connection from `source` to `destination`.
pub(crate) fn header(version: u8, source: Option<SocketAddr>, destination: Option<SocketAddr>) -> Vec<u8> {
    let ends = match (source, destination) {
        (Some(s), Some(d)) if s.is_ipv4() == d.is_ipv4() => Some((s, d)),
        _ => None,
    };
    if version == 1 { text(ends) } else { binary(ends) }
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

fn binary(ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    // Version 2, command PROXY.
    out.push(0x21);
    let Some((s, d)) = ends else {
        out.extend([0, 0, 0]);
        return out;
    };
    let (family, length) = if s.is_ipv4() { (0x11, 12u16) } else { (0x21, 36) };
    out.push(family);
    out.extend(length.to_be_bytes());
    for ip in [s.ip(), d.ip()] {
        match ip {
            IpAddr::V4(a) => out.extend(a.octets()),
            IpAddr::V6(a) => out.extend(a.octets()),
        }
    }
    out.extend(s.port().to_be_bytes());
    out.extend(d.port().to_be_bytes());
    out
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
