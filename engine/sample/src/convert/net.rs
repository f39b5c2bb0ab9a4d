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
    ),
    convert(
        "rfc7239_is_valid",
        NONE,
        T::Str,
        T::Bool,
        Lifetime::since(3, 0),
        "Whether the value is a valid Forwarded header.",
    ),
    convert(
        "rfc7239_n2nn",
        NONE,
        T::Str,
        T::Any,
        Lifetime::since(3, 0),
        "Name or address of a Forwarded node.",
    ),
    convert("rfc7239_n2np", NONE, T::Str, T::Any, Lifetime::since(3, 0), "Port of a Forwarded node."),
    convert(
        "rfc7239_nn",
        NONE,
        T::Any,
        T::Str,
        Lifetime::since(3, 5),
        "Name or address of a Forwarded node with its port cut.",
    ),
    convert(
        "rfc7239_np",
        NONE,
        T::Any,
        T::Str,
        Lifetime::since(3, 5),
        "Port of a Forwarded node, by its text.",
    ),
];

use std::net::{Ipv4Addr, Ipv6Addr};

use rha_base::Value;

use crate::cast::v6_to_v4;
use crate::cx::Cx;
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
