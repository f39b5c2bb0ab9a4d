//! From a request to the 32 bits that choose its server: hash functions and what they are fed.
//!
//! HAProxy 3.0 configuration manual §4.2 "balance source|uri|url_param|hdr|rdp-cookie|hash", "hash-type".
//! All of it is pure; `None` says that the request has no such key, so that the caller gives none to
//! [`crate::Ask::key`] and round robin applies.

use std::net::IpAddr;

use rha_ir::{HashFunction, HashKind, HashType};

/// The function of a backend's `hash-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHash {
    function: HashFunction,
    avalanche: bool,
}

impl KeyHash {
    /// What a `hash-type` means. COMPAT: `consistent` alone implies the avalanche modifier, `consistent` with a
    /// function does not.
    #[must_use]
    pub fn new(hash: HashType) -> KeyHash {
        let implied = hash.kind == HashKind::Consistent && !hash.function_written;
        KeyHash { function: hash.function, avalanche: hash.avalanche || implied }
    }

    /// Whether keys are numbers in decimal (`hash-type … none`), so that a sample is asked for as a string
    /// rather than as bytes.
    #[must_use]
    pub fn wants_number(self) -> bool {
        self.function == HashFunction::None
    }

    /// Hash of a key's bytes.
    #[must_use]
    pub fn bytes(self, key: &[u8]) -> u32 {
        self.finish(match self.function {
            HashFunction::Sdbm => sdbm(key),
            HashFunction::Djb2 => djb2(key),
            HashFunction::Wt6 => wt6(key),
            HashFunction::Crc32 => crc32(key),
            HashFunction::None => number(key),
        })
    }

    /// `balance source`. COMPAT: an address is folded by exclusive or, whatever the function.
    #[must_use]
    pub fn source(self, address: IpAddr) -> u32 {
        self.finish(match address {
            IpAddr::V4(a) => u32::from(a),
            IpAddr::V6(a) => {
                a.octets().chunks_exact(4).fold(0, |h, w| h ^ w.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
            }
        })
    }

    /// `balance uri [len n] [depth n] [whole] [path-only]`: the target up to its query.
    #[must_use]
    pub fn uri(self, uri: &[u8], cut: UriCut) -> u32 {
        let uri = if cut.path_only { path(uri) } else { uri };
        let uri = cut.len.filter(|n| *n != 0).and_then(|n| uri.get(..n as usize)).unwrap_or(uri);
        let mut slashes = 0;
        let end = uri.iter().position(|&c| {
            slashes += u32::from(c == b'/');
            (c == b'/' && cut.depth.is_some_and(|d| slashes == d.saturating_add(1)))
                || (c == b'?' && !cut.whole)
        });
        self.bytes(end.and_then(|n| uri.get(..n)).unwrap_or(uri))
    }

    /// `balance url_param name`: the parameter's value in the query.
    #[must_use]
    pub fn url_param(self, uri: &[u8], name: &[u8]) -> Option<u32> {
        let query = uri.iter().position(|&c| c == b'?').and_then(|n| uri.get(n + 1..))?;
        let value = parameter(query, name)?;
        Some(self.bytes(value.split(|&c| c == b'&').next().unwrap_or_default()))
    }

    /// `balance url_param name check_post`: the same in a POST body. A value with a byte that cannot stand in a
    /// form ends the search; white space ends the value.
    #[must_use]
    pub fn body_param(self, body: &[u8], name: &[u8]) -> Option<u32> {
        let value = parameter(body, name)?;
        let end = value.iter().position(|&c| c == b'&' || !is_token(c));
        let (value, stop) = match end {
            None => (value, b'&'),
            Some(n) => (value.get(..n)?, value.get(n).copied()?),
        };
        matches!(stop, b'&' | b' ' | b'\t' | b'\r' | b'\n').then(|| self.bytes(value))
    }

    /// `balance hdr(name) [use_domain_only]`: the value of the first field of that name.
    #[must_use]
    pub fn header(self, value: &[u8], domain_only: bool) -> Option<u32> {
        if value.is_empty() {
            return None;
        }
        Some(self.bytes(if domain_only { domain(value) } else { value }))
    }

    /// `balance rdp-cookie(name)`: the cookie's value.
    #[must_use]
    pub fn rdp_cookie(self, value: &[u8]) -> Option<u32> {
        (!value.is_empty()).then(|| self.bytes(value))
    }

    fn finish(self, hash: u32) -> u32 {
        if self.avalanche { mix(hash) } else { hash }
    }
}

/// How much of a request target counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UriCut {
    /// `len`, bytes; 0 is the same as none.
    pub len: Option<u32>,
    /// `depth`, directories.
    pub depth: Option<u32>,
    /// `whole`: with the query.
    pub whole: bool,
    /// `path-only`: without scheme and authority.
    pub path_only: bool,
}

/// What follows `name=` in `a=b&c=d`, to the end of the text.
fn parameter<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = text;
    while rest.len() > name.len() {
        if let Some((b'=', value)) = rest.strip_prefix(name).and_then(|r| r.split_first()) {
            return Some(value);
        }
        let next = rest.iter().position(|&c| c == b'&')?;
        rest = rest.get(next + 1..)?;
    }
    None
}

/// The path with its query of a target in any form; empty for `*` and authorities.
fn path(uri: &[u8]) -> &[u8] {
    if uri.first() == Some(&b'/') {
        return uri;
    }
    let Some(authority) = uri.windows(3).position(|w| w == b"://").and_then(|n| uri.get(n + 3..)) else {
        return b"";
    };
    authority.iter().position(|&c| c == b'/').and_then(|n| authority.get(n..)).unwrap_or_default()
}

/// The label before the last dot: `example` of `www.example.com`, all of `localhost`.
///
/// COMPAT: a dot at the very start is no dot, and an empty label takes the one before it along.
fn domain(host: &[u8]) -> &[u8] {
    let Some(end) = host.iter().rposition(|&c| c == b'.').filter(|n| *n != 0) else { return host };
    let start = host.get(..end - 1).and_then(|h| h.iter().rposition(|&c| c == b'.')).map_or(0, |n| n + 1);
    host.get(start..end).unwrap_or_default()
}

/// RFC 9110 §5.6.2.
fn is_token(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c)
}

fn sdbm(key: &[u8]) -> u32 {
    key.iter().fold(0u32, |h, &c| u32::from(c).wrapping_add(h << 6).wrapping_add(h << 16).wrapping_sub(h))
}

fn djb2(key: &[u8]) -> u32 {
    key.iter().fold(5381u32, |h, &c| h.wrapping_mul(33).wrapping_add(u32::from(c)))
}

/// Two words, rotated against each other by amounts taken from their own bits.
fn wt6(key: &[u8]) -> u32 {
    let (mut a, mut b) = (0xa53c_965a_u32, 0x5ca6_953a_u32);
    let (mut turn_b, mut turn_a) = (6, 18);
    for &c in key {
        let (x, y) = (!(a ^ u32::from(c)), !b.wrapping_add(u32::from(c)));
        (a, b) = (y.rotate_left(turn_b), x.rotate_left(turn_a));
        let bits = (a >> 16 ^ b) & 0xffff;
        (turn_b, turn_a) = (bits & 0x1f, bits >> 11);
    }
    a ^ b
}

/// CRC-32 of IEEE 802.3, bit by bit.
fn crc32(key: &[u8]) -> u32 {
    !key.iter().fold(!0u32, |h, &c| {
        (0..8).fold(h ^ u32::from(c), |h, _| h >> 1 ^ if h & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

/// The decimal number a key starts with, its low 32 bits.
fn number(key: &[u8]) -> u32 {
    let (negative, digits) = match key {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let magnitude = digits
        .iter()
        .map_while(|c| c.checked_sub(b'0').filter(|d| *d < 10))
        .fold(0i64, |n, d| n.saturating_mul(10).saturating_add(i64::from(d)));
    let value = if negative { -magnitude } else { magnitude };
    (value & 0xffff_ffff) as u32
}

/// One of Bob Jenkins' integer mixers (burtleburtle.net/bob/hash/integer.html), spread by a large prime.
pub(crate) fn mix(a: u32) -> u32 {
    let a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    let a = (a ^ 0xc761_c23c) ^ (a >> 19);
    let a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    let a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    let a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    let a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(3_221_225_473)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdbm_hash() -> KeyHash {
        KeyHash::new(HashType::default())
    }

    #[test]
    fn a_domain_is_the_label_before_the_last_dot() {
        for (host, label) in [
            ("www.example.com", "example"),
            ("example.com", "example"),
            ("localhost", "localhost"),
            ("example.com.", "com"),
            (".com", ".com"),
            ("a..com", "a."),
            ("1.2.3.4", "3"),
        ] {
            assert_eq!(domain(host.as_bytes()), label.as_bytes(), "{host}");
        }
    }

    #[test]
    fn a_target_is_cut_at_its_query_length_or_depth() {
        let h = sdbm_hash();
        let cut = UriCut::default();
        for (cut, uri, part) in [
            (cut, "/a/b?c", "/a/b"),
            (UriCut { whole: true, ..cut }, "/a/b?c", "/a/b?c"),
            (UriCut { len: Some(2), ..cut }, "/a/b", "/a"),
            (UriCut { len: Some(0), ..cut }, "/a/b", "/a/b"),
            (UriCut { len: Some(9), ..cut }, "/a/b", "/a/b"),
            (UriCut { depth: Some(1), ..cut }, "/a/b/c", "/a"),
            (UriCut { depth: Some(0), ..cut }, "/a/b/c", ""),
            (UriCut { path_only: true, ..cut }, "http://h/x?y", "/x"),
            (UriCut { path_only: true, ..cut }, "*", ""),
        ] {
            assert_eq!(h.uri(uri.as_bytes(), cut), h.bytes(part.as_bytes()), "{uri} {cut:?}");
        }
    }

    #[test]
    fn parameters_are_found_whole_and_values_end() {
        let h = sdbm_hash();
        assert_eq!(h.url_param(b"/?ak=1&k=22&z", b"k"), Some(h.bytes(b"22")));
        assert_eq!(h.url_param(b"/?k=", b"k"), Some(h.bytes(b"")));
        assert_eq!(h.url_param(b"/?k", b"k"), None);
        assert_eq!(h.url_param(b"/k=1", b"k"), None);
        assert_eq!(h.body_param(b"a=1&k=v w", b"k"), Some(h.bytes(b"v")));
        assert_eq!(h.body_param(b"k=\x01", b"k"), None);
        assert_eq!(h.header(b"", false), None);
    }

    #[test]
    fn none_takes_the_number_itself() {
        let h = KeyHash::new(HashType { function: HashFunction::None, ..HashType::default() });
        assert_eq!(h.bytes(b"42x"), 42);
        assert_eq!(h.bytes(b"-1"), u32::MAX);
        assert_eq!(h.bytes(b"x"), 0);
        assert_eq!(h.bytes(&[b'9'; 400]), (i64::MAX & 0xffff_ffff) as u32);
    }
}
