//! Addresses and Forwarded headers.

use rha_vocab::{ArgKind, Lifetime, SampleType as T};

use crate::row::{Converter, NONE, args, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert(
        "ipmask",
        args(1, &[ArgKind::Msk4, ArgKind::Msk6]),
        T::Addr,
        T::Ipv4,
        Lifetime::until(3, 0),
        "Applies a network mask to an address.",
    )
    .eval(ipmask),
    convert(
        "ipmask",
        args(1, &[ArgKind::Msk4, ArgKind::Msk6]),
        T::Addr,
        T::Addr,
        Lifetime::since(3, 0),
        "Applies a network mask to an address.",
    )
    .eval(ipmask),
    convert(
        "rfc7239_field",
        args(1, &[ArgKind::Str]),
        T::Str,
        T::Str,
        Lifetime::since(3, 0),
        "Value of a parameter of a Forwarded header.",
    )
    .eval(forwarded_field),
    convert(
        "rfc7239_is_valid",
        NONE,
        T::Str,
        T::Bool,
        Lifetime::since(3, 0),
        "Whether the value is a valid Forwarded header.",
    )
    .eval(forwarded_is_valid),
    convert(
        "rfc7239_n2nn",
        NONE,
        T::Str,
        T::Any,
        Lifetime::since(3, 0),
        "Name or address of a Forwarded node.",
    )
    .eval(forwarded_name),
    convert("rfc7239_n2np", NONE, T::Str, T::Any, Lifetime::since(3, 0), "Port of a Forwarded node.")
        .eval(forwarded_port),
    convert(
        "rfc7239_nn",
        NONE,
        T::Any,
        T::Str,
        Lifetime::since(3, 5),
        "Name or address of a Forwarded node with its port cut.",
    )
    .eval(as_forwarded_name),
    convert(
        "rfc7239_np",
        NONE,
        T::Any,
        T::Str,
        Lifetime::since(3, 5),
        "Port of a Forwarded node, by its text.",
    )
    .eval(as_forwarded_port),
];

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use rha_base::Value;

use crate::cast::{bytes, text, v6_to_v4};
use crate::cx::Cx;
use crate::forwarded::{Name, Port, element, is_forwarded, may_hide, node, push_address};
use crate::operand::Operand;

/// COMPAT: an IPv6 address that holds an IPv4 one is masked as that.
fn ipmask<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let v4 = match v {
        Value::V4(a) => Some(a),
        Value::V6(a) => v6_to_v4(a),
        _ => return None,
    };
    match (v4, v, cx.arg(0), cx.arg(1)) {
        (Some(a), _, Operand::V4(mask), _) => {
            Some(Value::V4(Ipv4Addr::from(u32::from(a) & u32::from(*mask))))
        }
        (None, Value::V6(a), _, Operand::V6(mask)) => {
            Some(Value::V6(Ipv6Addr::from(u128::from(a) & u128::from(*mask))))
        }
        _ => None,
    }
}

fn forwarded_is_valid<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    Some(Value::Bool(is_forwarded(&bytes(v)?)))
}

fn forwarded_field<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = bytes(v)?;
    let e = element(&s)?;
    let found = match cx.text(0)? {
        b"proto" => e.proto?,
        b"host" => e.host?,
        b"by" => e.by?.raw,
        b"for" => e.r#for?.raw,
        _ => return None,
    };
    Some(Value::Str(Cow::Owned(found.to_vec())))
}

fn hidden<'a>(text: &[u8]) -> Value<'a> {
    Value::Str(Cow::Owned([b"_", text].concat()))
}

fn forwarded_name<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = bytes(v)?;
    Some(match node(&s)?.name {
        Name::Unknown => Value::str(b"unknown"),
        Name::Hidden(text) => hidden(text),
        Name::Ip(a) => Value::addr(a),
    })
}

fn forwarded_port<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = bytes(v)?;
    match node(&s)?.port {
        Port::Absent => None,
        Port::Hidden(text) => Some(hidden(text)),
        Port::Number(n) => Some(Value::Int(n.into())),
    }
}

/// An address as it is, any other text behind a `_`, nothing as `unknown`.
fn as_forwarded_name<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let mut out = Vec::new();
    match v {
        Value::V4(a) => push_address(a.into(), true, &mut out),
        Value::V6(a) => push_address(a.into(), true, &mut out),
        other => {
            let s = text(other);
            if s.is_empty() {
                return Some(Value::str(b"unknown"));
            }
            return may_hide(&s).then(|| hidden(&s));
        }
    }
    Some(Value::Str(Cow::Owned(out)))
}

fn as_forwarded_port<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    if let Value::Int(n) = v {
        return Some(Value::Str(Cow::Owned((n as u32).to_string().into_bytes())));
    }
    let s = text(v);
    may_hide(&s).then(|| hidden(&s))
}
