//! The cast matrix: which type becomes which, HAProxy configuration manual §7.1.
//!
//! `None` is a cast that does not exist or a text that is not what it should become; the expression
//! then has no value. Held by `the_matrix_is_the_originals`.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use rha_base::Value;
use rha_vocab::SampleType;

/// Casts a value to a type.
pub(crate) fn cast<'a>(v: Value<'a>, to: SampleType) -> Option<Value<'a>> {
    match to {
        SampleType::Any | SampleType::Same => Some(v),
        SampleType::Bool if matches!(v, Value::V4(_)) => None,
        SampleType::Bool | SampleType::Sint => int(&v).map(|i| match to {
            SampleType::Bool => Value::Bool(i != 0),
            _ => Value::Int(i),
        }),
        SampleType::Addr => match v {
            Value::V4(_) | Value::V6(_) => Some(v),
            Value::Int(i) => Some(Value::V4(int_to_v4(i))),
            Value::Str(s) => parse_ipv4(&s).map(Value::V4).or_else(|| parse_ipv6(&s).map(Value::V6)),
            _ => None,
        },
        SampleType::Ipv4 => match v {
            Value::V4(_) => Some(v),
            Value::V6(a) => v6_to_v4(a).map(Value::V4),
            Value::Int(i) => Some(Value::V4(int_to_v4(i))),
            Value::Str(s) => parse_ipv4(&s).map(Value::V4),
            _ => None,
        },
        SampleType::Ipv6 => match v {
            Value::V6(_) => Some(v),
            Value::V4(a) => Some(Value::V6(a.to_ipv6_mapped())),
            Value::Int(i) => Some(Value::V6(int_to_v4(i).to_ipv6_mapped())),
            Value::Str(s) => parse_ipv6(&s).map(Value::V6),
            _ => None,
        },
        SampleType::Str => Some(Value::Str(text(v))),
        SampleType::Bin => bytes(v).map(Value::Bin),
        SampleType::Meth => match v {
            Value::Method(_) => Some(v),
            Value::Str(s) | Value::Bin(s) => Some(Value::Method(s)),
            _ => None,
        },
    }
}

/// As an integer.
pub(crate) fn int(v: &Value<'_>) -> Option<i64> {
    match v {
        Value::Bool(b) => Some(i64::from(*b)),
        Value::Int(i) => Some(*i),
        Value::V4(a) => Some(i64::from(u32::from(*a))),
        Value::Str(s) if !s.is_empty() => Some(read_int(s)),
        _ => None,
    }
}

/// As text; every type has one. Binary ends at the first zero byte.
pub(crate) fn text<'a>(v: Value<'a>) -> Cow<'a, [u8]> {
    match v {
        Value::Str(s) | Value::Method(s) => s,
        Value::Bin(s) => until_zero(s),
        Value::Bool(b) => Cow::Borrowed(if b { b"1" } else { b"0" }),
        Value::Int(i) => {
            let mut out = Vec::with_capacity(20);
            write_int(i, &mut out);
            Cow::Owned(out)
        }
        Value::V4(a) => {
            let mut out = Vec::with_capacity(15);
            rha_base::push_v4(a, &mut out);
            Cow::Owned(out)
        }
        Value::V6(a) => Cow::Owned(v6_text(a).into_bytes()),
    }
}

/// As bytes.
pub(crate) fn bytes<'a>(v: Value<'a>) -> Option<Cow<'a, [u8]>> {
    Some(match v {
        Value::Str(s) | Value::Bin(s) | Value::Method(s) => s,
        Value::Bool(b) => Cow::Owned(u64::from(b).to_be_bytes().to_vec()),
        Value::Int(i) => Cow::Owned(i.to_be_bytes().to_vec()),
        Value::V4(a) => Cow::Owned(a.octets().to_vec()),
        Value::V6(a) => Cow::Owned(a.octets().to_vec()),
    })
}

/// Appends a decimal integer.
pub(crate) fn write_int(i: i64, out: &mut Vec<u8>) {
    if i < 0 {
        out.push(b'-');
    }
    rha_base::push_decimal(i.unsigned_abs(), out);
}

/// Reads leading digits with a sign, and stops at the first other character; clamps to 64 bits.
pub(crate) fn read_int(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let mut n: i64 = 0;
    for c in digits {
        let d = c.wrapping_sub(b'0');
        if d > 9 {
            break;
        }
        let d = i64::from(d);
        let step = n.checked_mul(10).and_then(|n| if negative { n.checked_sub(d) } else { n.checked_add(d) });
        match step {
            Some(m) => n = m,
            None => return if negative { i64::MIN } else { i64::MAX },
        }
    }
    n
}

/// A dotted quad at the start of `text`.
///
/// COMPAT: what follows is ignored unless it is a digit or a dot, so `10.0.0.1:80` is an address.
pub(crate) fn parse_ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let end = text.iter().position(|c| !c.is_ascii_digit() && *c != b'.').unwrap_or(text.len());
    let mut octets = [0u8; 4];
    let mut parts = text.get(..end)?.split(|c| *c == b'.');
    for (i, o) in octets.iter_mut().enumerate() {
        let part = parts.next()?;
        if part.is_empty() {
            return None;
        }
        *o = part.iter().try_fold(0u8, |n, c| n.checked_mul(10)?.checked_add(c - b'0'))?;
        if i == 3 && parts.next().is_some() {
            return None;
        }
    }
    Some(Ipv4Addr::from(octets))
}

/// As `inet_pton` reads it.
pub(crate) fn parse_ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    if text.len() > 45 || !text.contains(&b':') {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// As `inet_ntop` writes it: unlike the standard library, `::a.b.c.d` for addresses below 2^32.
pub(crate) fn v6_text(a: Ipv6Addr) -> String {
    match a.segments() {
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => {
            let [.., a, b, c, d] = a.octets();
            format!("::{a}.{b}.{c}.{d}")
        }
        _ => a.to_string(),
    }
}

/// IPv4 within IPv6: mapped, compatible and 6to4 (`2002::/16`) addresses.
pub(crate) fn v6_to_v4(a: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = a.segments();
    let pair = |h: u16, l: u16| Ipv4Addr::from(u32::from(h) << 16 | u32::from(l));
    match s {
        [0, 0, 0, 0, 0, 0 | 0xffff, h, l] => Some(pair(h, l)),
        [0x2002, h, l, ..] => Some(pair(h, l)),
        _ => None,
    }
}

fn int_to_v4(i: i64) -> Ipv4Addr {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the low 32 bits are meant")]
    Ipv4Addr::from(i as u32)
}

fn until_zero(s: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let Some(end) = memchr::memchr(0, &s) else { return s };
    match s {
        Cow::Borrowed(b) => Cow::Borrowed(b.get(..end).unwrap_or_default()),
        Cow::Owned(mut v) => {
            v.truncate(end);
            Cow::Owned(v)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which types become which: rows are from, columns to, in the order of `TYPES`.
    #[test]
    fn the_matrix_is_the_originals() {
        use SampleType::{Addr, Bin, Bool, Ipv4, Ipv6, Meth, Sint, Str};
        const TYPES: [SampleType; 8] = [Bool, Sint, Addr, Ipv4, Ipv6, Str, Bin, Meth];
        let s = |t: &'static str| Cow::Borrowed(t.as_bytes());
        let rows: [(Value<'static>, [Option<&str>; 8]); 8] = [
            (Value::Bool(true), [Some("1"), Some("1"), None, None, None, Some("1"), Some("00000001"), None]),
            (
                Value::Int(258),
                [
                    Some("1"),
                    Some("258"),
                    Some("0.0.1.2"),
                    Some("0.0.1.2"),
                    Some("::ffff:0.0.1.2"),
                    Some("258"),
                    Some("00000012"),
                    None,
                ],
            ),
            (
                Value::V4(Ipv4Addr::new(0, 0, 1, 2)),
                [
                    None,
                    Some("258"),
                    Some("0.0.1.2"),
                    Some("0.0.1.2"),
                    Some("::ffff:0.0.1.2"),
                    Some("0.0.1.2"),
                    Some("0012"),
                    None,
                ],
            ),
            (
                Value::V6(Ipv6Addr::LOCALHOST),
                [None, None, Some("::1"), Some("0.0.0.1"), Some("::1"), Some("::1"), Some("16 bytes"), None],
            ),
            (
                Value::Str(s("7x")),
                [Some("1"), Some("7"), None, None, None, Some("7x"), Some("7x"), Some("7x")],
            ),
            (
                Value::Str(s("::2")),
                [Some("0"), Some("0"), Some("::2"), None, Some("::2"), Some("::2"), Some("::2"), Some("::2")],
            ),
            (Value::Bin(s("a\0b")), [None, None, None, None, None, Some("a"), Some("a\0b"), Some("a\0b")]),
            (Value::Method(s("GET")), [None, None, None, None, None, Some("GET"), Some("GET"), Some("GET")]),
        ];
        for (from, wants) in rows {
            for (to, want) in TYPES.into_iter().zip(wants) {
                let got = cast(from.clone(), to).map(|v| match v {
                    Value::Bin(b) if b.len() == 16 => "16 bytes".to_owned(),
                    Value::Bin(b) if b.contains(&0) && !b.contains(&b'a') => {
                        b.iter().map(|c| char::from(b'0' + c)).collect()
                    }
                    Value::Bin(b) => String::from_utf8_lossy(&b).into_owned(),
                    v => String::from_utf8_lossy(&text(v)).into_owned(),
                });
                assert_eq!(got.as_deref(), want, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn numbers_and_addresses_are_read_from_the_start() {
        assert_eq!(read_int(b"12abc"), 12);
        assert_eq!(read_int(b"-"), 0);
        assert_eq!(read_int(b"99999999999999999999"), i64::MAX);
        assert_eq!(read_int(b"-99999999999999999999"), i64::MIN);
        assert_eq!(parse_ipv4(b"10.0.0.1:80"), Some(Ipv4Addr::new(10, 0, 0, 1)));
        for bad in [&b"10.0.0"[..], b"10.0.0.256", b"10..0.1", b"10.0.0.1.", b"", b".1.1.1.1"] {
            assert_eq!(parse_ipv4(bad), None);
        }
        let mut out = Vec::new();
        write_int(i64::MIN, &mut out);
        assert_eq!(out, b"-9223372036854775808");
    }
}
