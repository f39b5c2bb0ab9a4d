//! The PROXY protocol's header, as we receive it (`accept-proxy`). Specification: `proxy-protocol.txt` of
//! HAProxy, §2.
//!
//! The header is read to its last byte and no further, so nothing has to be kept back for the protocol after
//! it. DIFFERS: a header that arrives in pieces is waited for, within `timeout client`; the original gives up.
//! What is wrong with a header becomes a [`Trouble`], which is logged.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::announce::SIGNATURE;
use crate::session::{Session, TimedOut};
use crate::unborn::Trouble;

/// First bytes of version 1.
const LEAD: &[u8] = b"PROXY ";

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

/// Reads the header and takes its addresses.
pub(crate) async fn receive(session: &mut Session) -> Result<(), Trouble> {
    bound(session);
    let header = read(session).await?;
    if let Some((source, destination)) = header.ends {
        session.source = Some(source);
        session.set_destination(destination);
    }
    session.proxied = Some(header.fields.into());
    Ok(())
}

/// A header has to come within the time for handshakes.
pub(crate) fn bound(session: &Session) {
    let front = session.frontend();
    let timeout = front.model.timeouts.client_hs.map_or(front.timeouts.client, crate::plan::Timeout);
    session.set_deadline(timeout.from(session.now().tick()));
}

async fn read(session: &mut Session) -> Result<Header, Trouble> {
    let mut head = vec![0; SHORTEST];
    begin(session, &mut head).await?;
    if head.starts_with(LEAD) {
        while !head.ends_with(b"\n") {
            if head.len() >= LONGEST_LINE {
                return Err(Trouble::Invalid);
            }
            grow(session, &mut head, 1).await?;
        }
        return line(&head);
    }
    grow(session, &mut head, FIXED - SHORTEST).await?;
    let length = match (head.get(14), head.get(15)) {
        (Some(high), Some(low)) => u16::from_be_bytes([*high, *low]),
        _ => return Err(Trouble::Truncated),
    };
    grow(session, &mut head, length.into()).await?;
    // COMPAT: the addresses count even if a field behind them is wrong (`binds/proxy-header-v2-bad-field`).
    if let Some((Some((source, destination)), _)) = binary_ends(&head) {
        session.source = Some(source);
        session.set_destination(destination);
    }
    binary(&head).ok_or(Trouble::Invalid)
}

/// The first bytes, as long as they may be a header's.
async fn begin(session: &mut Session, head: &mut [u8]) -> Result<(), Trouble> {
    let mut have = 0;
    while have < head.len() {
        have = more(session, head, have).await?;
        let so_far = head.get(..have).unwrap_or_default();
        let is = |lead: &[u8]| so_far.iter().zip(lead).all(|(a, b)| a == b);
        if !is(LEAD) && !is(&SIGNATURE) {
            // COMPAT: what is too short for either version is a header cut off.
            return Err(if have < SIGNATURE.len() { Trouble::Truncated } else { Trouble::NoHeader });
        }
    }
    Ok(())
}

pub(crate) async fn grow(session: &mut Session, head: &mut Vec<u8>, by: usize) -> Result<(), Trouble> {
    let mut have = head.len();
    head.resize(have + by, 0);
    while have < head.len() {
        have = more(session, head, have).await?;
    }
    Ok(())
}

/// Reads once behind the first `have` bytes; how many there are then.
async fn more(session: &mut Session, head: &mut [u8], have: usize) -> Result<usize, Trouble> {
    let rest = head.get_mut(have..).unwrap_or_default();
    match session.until_deadline(|s, cx| s.conn.poll_read(cx, rest)).await {
        Ok(Ok(0)) if have == 0 => Err(Trouble::Empty),
        Ok(Ok(0)) => Err(Trouble::Truncated),
        Ok(Ok(n)) => Ok(have + n),
        Ok(Err(_)) => Err(Trouble::Broken),
        Err(TimedOut) => Err(Trouble::Late),
    }
}

/// Version 1: a line of text, its CR LF included.
fn line(text: &[u8]) -> Result<Header, Trouble> {
    let rest = text.strip_prefix(LEAD).ok_or(Trouble::NoHeader)?;
    if rest.starts_with(b"UNKNOWN") {
        return if text.ends_with(b"\r\n") { Ok(Header::default()) } else { Err(Trouble::Invalid) };
    }
    if !rest.starts_with(b"TCP4 ") && !rest.starts_with(b"TCP6 ") {
        return Err(Trouble::Protocol);
    }
    ends_of(rest).map(|ends| Header { ends: Some(ends), fields: Vec::new() }).ok_or(Trouble::Invalid)
}

fn ends_of(rest: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let text = std::str::from_utf8(rest.strip_suffix(b"\r\n")?).ok()?;
    let mut words = text.split(' ');
    let ends = match words.next()? {
        "TCP4" => addresses::<Ipv4Addr>(&mut words)?,
        _ => addresses::<Ipv6Addr>(&mut words)?,
    };
    words.next().is_none().then_some(ends)
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
    let (ends, fields) = binary_ends(head)?;
    // COMPAT: fields behind addresses of other families are not looked at.
    let fields = if ends.is_none() && head.get(12) == Some(&0x21) { &[] } else { fields };
    Some(Header { ends, fields: all_fields(head, fields)? })
}

type Ends = (SocketAddr, SocketAddr);

/// The addresses of version 2, and the fields behind them.
fn binary_ends(head: &[u8]) -> Option<(Option<Ends>, &[u8])> {
    let (command, family) = (*head.get(12)?, *head.get(13)?);
    let rest = head.get(FIXED..)?;
    match (command, family) {
        (0x20, _) => Some((None, rest)),
        (0x21, 0x11) => {
            let (a, rest) = rest.split_first_chunk::<12>()?;
            let [s1, s2, s3, s4, d1, d2, d3, d4, sp @ .., dp1, dp2] = *a;
            let source = (Ipv4Addr::new(s1, s2, s3, s4), u16::from_be_bytes(sp)).into();
            let to = (Ipv4Addr::new(d1, d2, d3, d4), u16::from_be_bytes([dp1, dp2])).into();
            Some((Some((source, to)), rest))
        }
        (0x21, 0x21) => {
            let (source, rest) = rest.split_first_chunk::<16>()?;
            let (destination, rest) = rest.split_first_chunk::<16>()?;
            let ([a, b, c, d], rest) = rest.split_first_chunk::<4>()?;
            let source = (Ipv6Addr::from(*source), u16::from_be_bytes([*a, *b])).into();
            let to = (Ipv6Addr::from(*destination), u16::from_be_bytes([*c, *d])).into();
            Some((Some((source, to)), rest))
        }
        // COMPAT: other families keep the connection's addresses.
        (0x21, _) => Some((None, rest)),
        _ => None,
    }
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
    let bytes = head.iter().enumerate().map(|(i, b)| if (at..at + 4).contains(&i) { 0 } else { *b });
    crate::announce::crc32c(bytes) == u32::from_be_bytes(wanted)
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
        assert_eq!(line(b"PROXY UNKNOWN\r\n"), Ok(Header::default()));
        for (bad, why) in [
            ("PROXY TCP4 ::1 ::2 1 2\r\n", Trouble::Invalid),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", Trouble::Invalid),
            ("PROXY UDP4 1 2 3 4\r\n", Trouble::Protocol),
            ("PROXY \n", Trouble::Protocol),
        ] {
            assert_eq!(line(bad.as_bytes()), Err(why), "{bad}");
        }
    }

    #[test]
    fn what_we_send_is_understood() {
        for (a, b) in [("10.0.0.1:1000", "10.0.0.2:80"), ("[::1]:1000", "[::2]:80")] {
            let both = ends(a, b);
            for version in [1, 2] {
                let raw = crate::announce::header(version, both.map(|e| e.0), both.map(|e| e.1));
                let got = if version == 1 { line(&raw).ok() } else { binary(&raw) };
                assert_eq!(got.and_then(|h| h.ends), both);
            }
        }
    }

    #[test]
    fn fields_that_we_send_are_understood() {
        let both = ends("10.0.0.1:1000", "[::2]:80");
        let fields = crate::announce::Fields {
            before: vec![(0xe0, b"a".to_vec())],
            checksum: true,
            after: vec![(UNIQUE_ID, b"id".to_vec())],
        };
        let mut raw = crate::announce::with_fields(2, both.map(|e| e.0), both.map(|e| e.1), &fields);
        let got = binary(&raw).unwrap();
        assert_eq!(got.ends, ends("[::ffff:10.0.0.1]:1000", "[::2]:80"));
        assert_eq!(got.fields.iter().map(|f| f.0).collect::<Vec<_>>(), [0xe0, CHECKSUM, UNIQUE_ID]);
        let last = raw.len() - 1;
        raw[last] ^= 1;
        assert_eq!(binary(&raw), None);
        let local = crate::announce::with_fields(2, None, None, &crate::announce::Fields::default());
        assert_eq!(local.get(12..), Some(&[0x20, 0, 0, 0][..]));
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
