//! Fields of protocol buffers messages, bare (`protobuf`) or in gRPC frames (`ungrpc`).
//!
//! HAProxy 3.0 configuration manual §7.3.1 "protobuf", "ungrpc"; the wire format of the Protocol Buffers
//! documentation. COMPAT: an embedded message without the field is passed over for the next of its number.
//! DIFFERS: 2.6 and 3.0 look no further in an embedded message once they have met a string in it.

use std::borrow::Cow;

use rha_base::Value;

use crate::cast::bytes;
use crate::cx::Cx;

/// Compression flag and length before a gRPC message.
const FRAME: usize = 5;
/// Longest encoding of 64 bits.
const VARINT: usize = 10;

pub(super) fn protobuf<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    lookup(&bytes(v)?, &path(cx)?, cx.text(1))
}

pub(super) fn ungrpc<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let all = bytes(v)?;
    let (path, kind) = (path(cx)?, cx.text(1));
    let mut rest: &[u8] = &all;
    while rest.len() > FRAME {
        let size = rest.get(1..FRAME)?.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        let message = rest.get(FRAME..FRAME + size)?;
        if let Some(found) = lookup(message, &path, kind) {
            return Some(found);
        }
        rest = rest.get(FRAME + size..)?;
    }
    None
}

/// Field numbers of `1.2.3`.
fn path(cx: &Cx<'_>) -> Option<Vec<u64>> {
    let text = std::str::from_utf8(cx.text(0)?).ok()?;
    text.split('.').map(|n| n.parse().ok()).collect()
}

/// The number and what is behind it.
fn varint(from: &[u8]) -> Option<(u64, &[u8])> {
    let mut n = 0u64;
    for (i, b) in from.iter().take(VARINT).enumerate() {
        n |= u64::from(b & 0x7f).checked_shl(7 * i as u32).unwrap_or(0);
        if b & 0x80 == 0 {
            return Some((n, from.get(i + 1..)?));
        }
    }
    None
}

fn lookup<'a>(message: &[u8], path: &[u64], kind: Option<&[u8]>) -> Option<Value<'a>> {
    let (wanted, inner) = path.split_first()?;
    let mut rest = message;
    while !rest.is_empty() {
        let (key, behind) = varint(rest)?;
        // The field's bytes, its length aside.
        let (field, next) = match key & 7 {
            0 => {
                let (_, next) = varint(behind)?;
                behind.split_at_checked(behind.len() - next.len())?
            }
            1 => behind.split_at_checked(8)?,
            2 => {
                let (size, behind) = varint(behind)?;
                behind.split_at_checked(usize::try_from(size).ok()?)?
            }
            5 => behind.split_at_checked(4)?,
            _ => return None,
        };
        rest = next;
        if key >> 3 != *wanted {
            continue;
        }
        if inner.is_empty() {
            return value(key & 7, field, kind);
        }
        if key & 7 != 2 {
            return None;
        }
        if let Some(found) = lookup(field, inner, kind) {
            return Some(found);
        }
    }
    None
}

#[allow(clippy::cast_possible_truncation, reason = "fractions are cut off")]
fn value<'a>(wire: u64, field: &[u8], kind: Option<&[u8]>) -> Option<Value<'a>> {
    let Some(kind) = kind else { return Some(Value::Bin(Cow::Owned(field.to_vec()))) };
    let n = match (wire, kind) {
        (0, b"int32" | b"uint32" | b"int64" | b"uint64" | b"bool" | b"enum") => {
            varint(field)?.0.cast_signed()
        }
        (0, b"sint32" | b"sint64") => {
            let n = varint(field)?.0;
            (n >> 1).cast_signed() ^ -((n & 1).cast_signed())
        }
        (1, b"fixed64" | b"sfixed64") => i64::from_le_bytes(field.try_into().ok()?),
        (1, b"double") => f64::from_le_bytes(field.try_into().ok()?) as i64,
        (5, b"fixed32") => u32::from_le_bytes(field.try_into().ok()?).into(),
        (5, b"sfixed32") => i32::from_le_bytes(field.try_into().ok()?).into(),
        (5, b"float") => {
            i64::from((f32::from_le_bytes(field.try_into().ok()?) as i64).cast_unsigned() as u32)
        }
        _ => return None,
    };
    Some(Value::Int(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_kind() {
        // 1: varint 300; 2: { 3: "abc", 4: sint -2 }; 5: fixed32; 6: double 2.5
        let mut m =
            vec![0x08, 0xac, 0x02, 0x12, 7, 0x1a, 3, b'a', b'b', b'c', 0x20, 3, 0x2d, 1, 0, 0, 0, 0x31];
        m.extend_from_slice(&2.5f64.to_le_bytes());
        let of = |path: &[u64], kind: Option<&str>| lookup(&m, path, kind.map(str::as_bytes));
        assert_eq!(of(&[1], Some("uint32")), Some(Value::Int(300)));
        assert_eq!(of(&[1], None), Some(Value::Bin(b"\xac\x02".into())));
        assert_eq!(of(&[2, 3], None), Some(Value::Bin(b"abc".into())));
        assert_eq!(of(&[2, 4], Some("sint64")), Some(Value::Int(-2)));
        assert_eq!(of(&[5], Some("fixed32")), Some(Value::Int(1)));
        assert_eq!(of(&[6], Some("double")), Some(Value::Int(2)));
        for (path, kind) in
            [(&[1, 1][..], None), (&[7], None), (&[2], Some("int32")), (&[5], Some("float64"))]
        {
            assert_eq!(of(path, kind), None, "{path:?}");
        }
        for cut in 0..m.len() {
            let _ = lookup(&m[..cut], &[6], None);
        }
    }
}
