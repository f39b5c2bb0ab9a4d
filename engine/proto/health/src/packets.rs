//! Answers of binary protocols: MySQL's packets, LDAP's bind response, SPOP's hello.
//!
//! MySQL internals manual "Protocol::Packet", RFC 4511 §4.2.2 and §4.1.9, SPOE specification §3.2. Each function
//! takes what has come and says whether more is needed, or what it means. Texts are HAProxy's.

use bstr::BString;

use crate::Status;

/// What an answer means so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    /// More must come.
    Wait,
    /// As expected.
    Good(BString),
    /// Not as expected.
    Bad(Status, i32, BString),
}

fn bad(text: &str) -> Read {
    Read::Bad(Status::L7Rsp, 0, text.into())
}

/// A MySQL packet behind `skip` others; the greeting's version is told in the end.
pub(crate) fn mysql(data: &[u8], skip: usize) -> Read {
    let mut at = 0;
    for _ in 0..skip {
        let Some(length) = packet_length(data.get(at..).unwrap_or_default()) else { return Read::Wait };
        at += 4 + length;
    }
    let rest = data.get(at..).unwrap_or_default();
    let Some(length) = packet_length(rest) else { return Read::Wait };
    let Some(body) = rest.get(4..4 + length) else { return Read::Wait };
    if let [0xff, low, high, ..] = body {
        let code = i32::from(u16::from_le_bytes([*low, *high]));
        return Read::Bad(Status::L7Sts, code, rest.get(7..).unwrap_or_default().into());
    }
    Read::Good(data.get(5..).unwrap_or_default().into())
}

fn packet_length(data: &[u8]) -> Option<usize> {
    match data {
        [a, b, c, _, ..] => Some(u32::from_le_bytes([*a, *b, *c, 0]) as usize),
        _ => None,
    }
}

/// A bind response; its first byte has been seen to be a sequence.
pub(crate) fn ldap_bind(data: &[u8]) -> Read {
    const ALIEN: &str = "Not LDAPv3 protocol";
    let Some((length, mut rest)) = ber_length(data.get(1..).unwrap_or_default()) else {
        return if data.get(1).is_some_and(|b| !matches!(b, 0..=0x80 | 0x82 | 0x84)) {
            bad(ALIEN)
        } else {
            Read::Wait
        };
    };
    if rest.len() < length {
        return Read::Wait;
    }
    match rest.strip_prefix(b"\x02\x01\x01\x61") {
        Some(r) => rest = r,
        None => return bad(ALIEN),
    }
    let extra = rest.first().filter(|b| **b & 0x80 != 0).map_or(0, |b| usize::from(b & 0x7f));
    let Some(result) = rest.get(1 + extra..).filter(|r| r.len() >= 3) else { return Read::Wait };
    match result {
        [0x0a, 0x01, 0, ..] => Read::Good("Success".into()),
        [0x0a, 0x01, code, ..] => {
            let text = "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9";
            Read::Bad(Status::L7Sts, i32::from(*code), text.into())
        }
        _ => bad(ALIEN),
    }
}

/// A length of one byte, or of two or four behind a count.
fn ber_length(data: &[u8]) -> Option<(usize, &[u8])> {
    match data {
        [0x84, a, b, c, d, rest @ ..] => Some((u32::from_be_bytes([*a, *b, *c, *d]) as usize, rest)),
        [0x82, a, b, rest @ ..] => Some((usize::from(u16::from_be_bytes([*a, *b])), rest)),
        [n, rest @ ..] if *n < 0x80 => Some((usize::from(*n), rest)),
        _ => None,
    }
}

const SPOP_INVALID: (i32, &str) = (4, "invalid frame received");

/// AGENT-HELLO or AGENT-DISCONNECT.
pub(crate) fn spop_hello(data: &[u8]) -> Read {
    let spop = |(code, text): (i32, &str)| Read::Bad(Status::L7Rsp, code, text.into());
    let [a, b, c, d, kind, f1, f2, f3, f4, stream, frame, ..] = data else { return Read::Wait };
    let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    let sound =
        matches!(kind, 101 | 102) && [*f1, *f2, *f3, *f4] == [0, 0, 0, 1] && (*stream, *frame) == (0, 0);
    if !sound {
        return spop(SPOP_INVALID);
    }
    let Some(mut items) = data.get(11..4 + length.max(7)).filter(|_| data.len() >= 4 + length) else {
        return Read::Wait;
    };
    let (mut version, mut size, mut capabilities, mut code, mut message) = (false, false, false, 99, None);
    while !items.is_empty() {
        let Some((name, value)) = spop_item(&mut items) else { return spop(SPOP_INVALID) };
        match (name, value) {
            (b"version", Item::Text(v)) if v.starts_with(b"2.") => version = true,
            (b"version", Item::Text(_)) => return spop((8, "unsupported version")),
            (b"max-frame-size", Item::Number(256..=1_048_576)) => size = true,
            (b"max-frame-size", Item::Number(_)) => return spop((9, "max-frame-size too big or too small")),
            (b"capabilities", Item::Text(_)) => capabilities = true,
            (b"status-code", Item::Number(n)) => code = i32::try_from(n).unwrap_or(99),
            (b"message", Item::Text(text)) => message = Some(BString::from(text)),
            (b"version" | b"max-frame-size" | b"capabilities" | b"status-code" | b"message", _) => {
                return spop(SPOP_INVALID);
            }
            _ => {}
        }
    }
    if *kind == 102 {
        return Read::Bad(Status::L7Rsp, code, message.unwrap_or_else(|| "an unknown error occurred".into()));
    }
    match (version, size, capabilities) {
        (false, ..) => spop((5, "version value not found")),
        (_, false, _) => spop((6, "max-frame-size value not found")),
        (_, _, false) => spop((7, "capabilities value not found")),
        _ => Read::Good("SPOA server is ok".into()),
    }
}

enum Item<'a> {
    Text(&'a [u8]),
    Number(u64),
    Other,
}

/// One name and typed value; `None` when the frame is broken.
fn spop_item<'a>(data: &mut &'a [u8]) -> Option<(&'a [u8], Item<'a>)> {
    let name = spop_text(data).filter(|n| !n.is_empty())?;
    let (kind, rest) = data.split_first()?;
    *data = rest;
    let value = match kind & 0x0f {
        0 | 1 => Item::Other,
        2..=5 => Item::Number(varint(data)?),
        6 | 7 => {
            let len = if kind & 0x0f == 6 { 4 } else { 16 };
            *data = data.get(len..)?;
            Item::Other
        }
        8 => Item::Text(spop_text(data)?),
        9 => {
            spop_text(data)?;
            Item::Other
        }
        _ => return None,
    };
    Some((name, value))
}

fn spop_text<'a>(data: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(data)?).ok()?;
    let text = data.get(..length)?;
    *data = data.get(length..)?;
    Some(text)
}

/// A number of the peers and SPOE encoding: 240 values in a byte, seven bits more in each that follows.
fn varint(data: &mut &[u8]) -> Option<u64> {
    let (first, mut rest) = data.split_first()?;
    let mut value = u64::from(*first);
    if *first >= 240 {
        let mut shift = 4;
        loop {
            let (byte, tail) = rest.split_first()?;
            rest = tail;
            value = value.wrapping_add(u64::from(*byte).checked_shl(shift)?);
            shift += 7;
            if *byte < 128 {
                break;
            }
        }
    }
    *data = rest;
    Some(value)
}
