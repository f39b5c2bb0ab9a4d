//! Sample values: what fetches give, converters change, variables keep.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A typed value, borrowed from the message or owned. HAProxy configuration manual §7.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Boolean.
    Bool(bool),
    /// Signed 64-bit integer.
    Int(i64),
    /// IPv4 address.
    V4(Ipv4Addr),
    /// IPv6 address.
    V6(Ipv6Addr),
    /// Characters (any bytes).
    Str(Cow<'a, [u8]>),
    /// Bytes, printed as hexadecimal.
    Bin(Cow<'a, [u8]>),
    /// HTTP method.
    Method(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// Cuts the tie to the message, to keep the value in a variable.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Bool(b) => Value::Bool(b),
            Value::Int(i) => Value::Int(i),
            Value::V4(a) => Value::V4(a),
            Value::V6(a) => Value::V6(a),
            Value::Str(s) => Value::Str(Cow::Owned(s.into_owned())),
            Value::Bin(s) => Value::Bin(Cow::Owned(s.into_owned())),
            Value::Method(s) => Value::Method(Cow::Owned(s.into_owned())),
        }
    }
}

impl<'a> Value<'a> {
    /// A string value from borrowed bytes.
    #[must_use]
    pub fn str(bytes: &'a [u8]) -> Value<'a> {
        Value::Str(Cow::Borrowed(bytes))
    }

    /// An address value; an IPv4-mapped IPv6 address stays IPv6.
    #[must_use]
    pub fn addr(ip: std::net::IpAddr) -> Value<'static> {
        match ip {
            std::net::IpAddr::V4(a) => Value::V4(a),
            std::net::IpAddr::V6(a) => Value::V6(a),
        }
    }
}

/// A decimal integer with optional sign that fills the whole of `text`; `None` otherwise or on overflow.
#[must_use]
pub fn parse_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0i64, |n, c| {
        let d = i64::from(c.checked_sub(b'0').filter(|d| *d < 10)?);
        let n = n.checked_mul(10)?;
        if negative { n.checked_sub(d) } else { n.checked_add(d) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_fill_the_text_or_are_none() {
        assert_eq!(parse_int(b"-12"), Some(-12));
        assert_eq!(parse_int(b"+0"), Some(0));
        assert_eq!(parse_int(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_int(b"9223372036854775808"), None);
        assert_eq!(parse_int(b"1x"), None);
        assert_eq!(parse_int(b""), None);
    }
}
