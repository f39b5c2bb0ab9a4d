//! The PROXY protocol's header, as we receive it (`accept-proxy`). Specification: `proxy-protocol.txt` of
//! HAProxy, §2.
//!
//! The header is read to its last byte and no further, so nothing has to be kept back for the protocol after
//! it. DIFFERS: a header that arrives in pieces is waited for, within `timeout client`; the original gives up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::announce::SIGNATURE;
use crate::session::Session;

/// Length of the shortest header of version 1; the shortest of version 2 is one byte longer.
const SHORTEST: usize = 15;
/// Longest header of version 1, its line end included.
const LONGEST_LINE: usize = 107;
/// Length of version 2's fixed part.
const FIXED: usize = 16;
/// COMPAT: larger fields end the connection.
const LARGEST_FIELD: usize = 1024;

/// Kinds of fields of version 2 that are looked at here.
const AUTHORITY: u8 = 0x02;
const CHECKSUM: u8 = 0x03;
const UNIQUE_ID: u8 = 0x05;

/// Type-length-value fields: type and value, in order.
pub(crate) type Fields = Box<[(u8, Vec<u8>)]>;

/// What a header said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// Source and destination, unless the sender speaks for itself.
    pub ends: Option<(SocketAddr, SocketAddr)>,
    /// Type-length-value fields in their order.
    pub fields: Vec<(u8, Vec<u8>)>,
}

/// Reads the header and takes its addresses; false when there is none.
pub(crate) async fn receive(session: &mut Session) -> bool {
    let front = session.frontend();
    let timeout = front.model.timeouts.client_hs.map_or(front.timeouts.client, crate::plan::Timeout);
    session.set_deadline(timeout.from(session.now().tick()));
    let Some(header) = read(session).await else { return false };
    if let Some((source, destination)) = header.ends {
        session.source = Some(source);
        session.set_destination(destination);
    }
    session.proxied = Some(header.fields.into());
    true
}

async fn read(session: &mut Session) -> Option<Header> {
    let mut head = vec![0; SHORTEST];
    fill(session, &mut head, 0).await?;
    if head.starts_with(b"PROXY ") {
        while !head.ends_with(b"\n") {
            if head.len() >= LONGEST_LINE {
                return None;
            }
            grow(session, &mut head, 1).await?;
        }
        return line(&head);
    }
    grow(session, &mut head, FIXED - SHORTEST).await?;
    if !head.starts_with(&SIGNATURE) {
        return None;
    }
    let length = u16::from_be_bytes([*head.get(14)?, *head.get(15)?]);
    grow(session, &mut head, length.into()).await?;
    binary(&head)
}

async fn grow(session: &mut Session, head: &mut Vec<u8>, by: usize) -> Option<()> {
    let from = head.len();
    head.resize(from + by, 0);
    fill(session, head, from).await
}

async fn fill(session: &mut Session, head: &mut [u8], mut from: usize) -> Option<()> {
    while let Some(rest) = head.get_mut(from..).filter(|r| !r.is_empty()) {
        match session.until_deadline(|s, cx| s.conn.poll_read(cx, rest)).await {
            Ok(Ok(n)) if n > 0 => from += n,
            _ => return None,
        }
    }
    Some(())
}

/// Version 1: a line of text, its CR LF included.
fn line(text: &[u8]) -> Option<Header> {
    let text = std::str::from_utf8(text.strip_suffix(b"\r\n")?).ok()?;
    let mut words = text.strip_prefix("PROXY ")?.split(' ');
    let ends = match words.next()? {
        "UNKNOWN" => return Some(Header::default()),
        "TCP4" => addresses::<Ipv4Addr>(&mut words)?,
        "TCP6" => addresses::<Ipv6Addr>(&mut words)?,
        _ => return None,
    };
    words.next().is_none().then(|| Header { ends: Some(ends), fields: Vec::new() })
}

fn addresses<'a, A: FromStr + Into<IpAddr>>(
    words: &mut impl Iterator<Item = &'a str>,
) -> Option<(SocketAddr, SocketAddr)> {
    let source: A = words.next()?.parse().ok()?;
    let destination: A = words.next()?.parse().ok()?;
    let ports: (u16, u16) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some((SocketAddr::new(source.into(), ports.0), SocketAddr::new(destination.into(), ports.1)))
}

/// Version 2, whole.
fn binary(head: &[u8]) -> Option<Header> {
    let (command, family) = (*head.get(12)?, *head.get(13)?);
    let rest = head.get(FIXED..)?;
    let (ends, fields) = match (command, family) {
        (0x20, _) => (None, rest),
        (0x21, 0x11) => {
            let (a, rest) = rest.split_first_chunk::<12>()?;
            let [s1, s2, s3, s4, d1, d2, d3, d4, sp @ .., dp1, dp2] = *a;
            let source = (Ipv4Addr::new(s1, s2, s3, s4), u16::from_be_bytes(sp)).into();
            (Some((source, (Ipv4Addr::new(d1, d2, d3, d4), u16::from_be_bytes([dp1, dp2])).into())), rest)
        }
        (0x21, 0x21) => {
            let (source, rest) = rest.split_first_chunk::<16>()?;
            let (destination, rest) = rest.split_first_chunk::<16>()?;
            let ([a, b, c, d], rest) = rest.split_first_chunk::<4>()?;
            let source = (Ipv6Addr::from(*source), u16::from_be_bytes([*a, *b])).into();
            (Some((source, (Ipv6Addr::from(*destination), u16::from_be_bytes([*c, *d])).into())), rest)
        }
        // COMPAT: other families keep the connection's addresses, and their fields are not looked at.
        (0x21, _) => return Some(Header::default()),
        _ => return None,
    };
    Some(Header { ends, fields: all_fields(head, fields)? })
}

fn all_fields(head: &[u8], mut rest: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut out = Vec::new();
    while !rest.is_empty() {
        let ([kind, high, low], tail) = rest.split_first_chunk::<3>()?;
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let value = tail.get(..length)?;
        let fine = match *kind {
            AUTHORITY => length <= 255,
            UNIQUE_ID => length <= 128,
            CHECKSUM => checksum_holds(head, head.len() - tail.len(), value),
            _ => length <= LARGEST_FIELD,
        };
        if !fine {
            return None;
        }
        out.push((*kind, value.to_vec()));
        rest = tail.get(length..)?;
    }
    Some(out)
}

/// Whether the header's CRC-32C, computed with its own four bytes at `at` as zeroes, is `value`.
fn checksum_holds(head: &[u8], at: usize, value: &[u8]) -> bool {
    let Ok(wanted) = <[u8; 4]>::try_from(value) else { return false };
    let mut crc = u32::MAX;
    for (i, byte) in head.iter().enumerate() {
        crc ^= u32::from(if (at..at + 4).contains(&i) { 0 } else { *byte });
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc == u32::from_be_bytes(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(a: &str, b: &str) -> Option<(SocketAddr, SocketAddr)> {
        Some((a.parse().unwrap(), b.parse().unwrap()))
    }

    #[test]
    fn lines() {
        let good = line(b"PROXY TCP4 10.0.0.1 10.0.0.2 1000 80\r\n").unwrap();
        assert_eq!(good.ends, ends("10.0.0.1:1000", "10.0.0.2:80"));
        let good = line(b"PROXY TCP6 ::1 ::2 1000 80\r\n").unwrap();
        assert_eq!(good.ends, ends("[::1]:1000", "[::2]:80"));
        assert_eq!(line(b"PROXY UNKNOWN\r\n"), Some(Header::default()));
        for bad in [
            "PROXY TCP4 ::1 ::2 1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
            "PROXY UDP4 1 2 3 4\r\n",
            "PROXY \n",
        ] {
            assert_eq!(line(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn what_we_send_is_understood() {
        for (a, b) in [("10.0.0.1:1000", "10.0.0.2:80"), ("[::1]:1000", "[::2]:80")] {
            let both = ends(a, b);
            for version in [1, 2] {
                let raw = crate::announce::header(version, both.map(|e| e.0), both.map(|e| e.1));
                let got = if version == 1 { line(&raw) } else { binary(&raw) };
                assert_eq!(got.and_then(|h| h.ends), both);
            }
        }
    }

    #[test]
    fn fields_end_at_the_header() {
        let with = |fields: &[u8]| {
            let mut raw = SIGNATURE.to_vec();
            raw.extend([0x20, 0, 0, fields.len() as u8]);
            raw.extend(fields);
            binary(&raw).map(|h| h.fields)
        };
        assert_eq!(with(&[2, 0, 1, b'x', 0xe0, 0, 0]), Some(vec![(2, b"x".to_vec()), (0xe0, vec![])]));
        assert_eq!(with(&[2, 0, 2, b'x']), None);
        assert_eq!(with(&[2, 0]), None);
        assert_eq!(with(&[CHECKSUM, 0, 4, 0, 0, 0, 0]), None);
    }
}
