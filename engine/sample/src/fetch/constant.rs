//! Constants written in the configuration.

use rha_vocab::{ArgKind, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "always_false",
        NONE,
        T::Bool,
        Needs::CONST,
        ALWAYS,
        "Never true; for tests and for switching a rule off.",
    )
    .eval(always_false),
    fetch(
        "always_true",
        NONE,
        T::Bool,
        Needs::CONST,
        ALWAYS,
        "Always true; for tests and for switching a rule on.",
    )
    .eval(always_true),
    fetch(
        "bin",
        args(1, &[ArgKind::Str]),
        T::Bin,
        Needs::CONST,
        ALWAYS,
        "The bytes written as hexadecimal digits.",
    )
    .eval(constant)
    .prepare(binary),
    fetch("bool", args(1, &[ArgKind::Str]), T::Bool, Needs::CONST, ALWAYS, "The boolean written.")
        .eval(constant)
        .prepare(boolean),
    fetch(
        "env",
        args(1, &[ArgKind::Str]),
        T::Str,
        Needs::CONST,
        ALWAYS,
        "Value an environment variable had when the configuration was read.",
    )
    .eval(constant)
    .prepare(environment),
    fetch("int", args(1, &[ArgKind::Sint]), T::Sint, Needs::CONST, ALWAYS, "The integer written.")
        .eval(constant),
    fetch("ipv4", args(1, &[ArgKind::Ipv4]), T::Ipv4, Needs::CONST, ALWAYS, "The IPv4 address written.")
        .eval(constant),
    fetch("ipv6", args(1, &[ArgKind::Ipv6]), T::Ipv6, Needs::CONST, ALWAYS, "The IPv6 address written.")
        .eval(constant),
    fetch("meth", args(1, &[ArgKind::Str]), T::Meth, Needs::CONST, ALWAYS, "The HTTP method written.")
        .eval(constant)
        .prepare(method),
    fetch("str", args(1, &[ArgKind::Str]), T::Str, Needs::CONST, ALWAYS, "The string written.")
        .eval(constant),
];

use rha_base::Value;

use crate::cx::{Cx, borrow};
use crate::names::{Names, Problem};
use crate::operand::Operand;

fn always_true<'a>(_: &mut Cx<'a>) -> Option<Value<'a>> {
    Some(Value::Bool(true))
}

fn always_false<'a>(_: &mut Cx<'a>) -> Option<Value<'a>> {
    Some(Value::Bool(false))
}

fn constant<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    match cx.arg(0) {
        Operand::Value(v) => Some(borrow(v)),
        Operand::Str(s) => Some(Value::str(s)),
        Operand::Int(i) => Some(Value::Int(*i)),
        Operand::V4(a) => Some(Value::V4(*a)),
        Operand::V6(a) => Some(Value::V6(*a)),
        _ => None,
    }
}

/// COMPAT: `true` and `false` in any case, or an integer that is 0 or not.
fn boolean(args: &mut Vec<Operand>, _: &mut dyn Names) -> Result<(), Problem> {
    let Some(Operand::Str(text)) = args.first() else { return Err(wrong("bool")) };
    let value = match &**text {
        t if t.eq_ignore_ascii_case(b"true") => true,
        t if t.eq_ignore_ascii_case(b"false") => false,
        t => rha_base::parse_int(t).ok_or_else(|| wrong("bool"))? != 0,
    };
    keep(args, Value::Bool(value));
    Ok(())
}

fn binary(args: &mut Vec<Operand>, _: &mut dyn Names) -> Result<(), Problem> {
    let Some(Operand::Str(text)) = args.first() else { return Err(wrong("bin")) };
    let bytes = crate::convert::from_hex(text).ok_or_else(|| wrong("bin"))?;
    keep(args, Value::Bin(bytes.into()));
    Ok(())
}

fn method(args: &mut Vec<Operand>, _: &mut dyn Names) -> Result<(), Problem> {
    let Some(Operand::Str(text)) = args.first() else { return Err(wrong("meth")) };
    let value = Value::Method(text.to_vec().into());
    keep(args, value);
    Ok(())
}

fn environment(args: &mut Vec<Operand>, names: &mut dyn Names) -> Result<(), Problem> {
    let Some(Operand::Str(name)) = args.first() else { return Err(wrong("env")) };
    match names.env(&String::from_utf8_lossy(name)) {
        Some(value) => keep(args, Value::Str(value.into())),
        None => args.clear(),
    }
    Ok(())
}

fn keep(args: &mut Vec<Operand>, value: Value<'static>) {
    *args = vec![Operand::Value(Box::new(value))];
}

fn wrong(name: &str) -> Problem {
    Problem::Argument(format!("the argument of '{name}' is not what it should be"))
}
