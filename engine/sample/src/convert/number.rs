//! Arithmetic and bits.

use rha_vocab::{ArgKind, SampleType as T};

use crate::row::{ALWAYS, Converter, NONE, args, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert("add", args(1, &[ArgKind::Str]), T::Sint, T::Sint, ALWAYS, "Adds a number or a variable.")
        .eval(add)
        .prepare(number_or_variable),
    convert(
        "and",
        args(1, &[ArgKind::Str]),
        T::Sint,
        T::Sint,
        ALWAYS,
        "Bitwise AND with a number or a variable.",
    )
    .eval(and)
    .prepare(number_or_variable),
    convert("bool", NONE, T::Sint, T::Bool, ALWAYS, "True if the integer is not 0.").eval(boolean),
    convert("cpl", NONE, T::Sint, T::Sint, ALWAYS, "Bitwise complement.").eval(complement),
    convert("div", args(1, &[ArgKind::Str]), T::Sint, T::Sint, ALWAYS, "Divides by a number or a variable.")
        .eval(div)
        .prepare(number_or_variable),
    convert("even", NONE, T::Sint, T::Bool, ALWAYS, "True if the integer is even.").eval(even),
    convert("htonl", NONE, T::Sint, T::Bin, ALWAYS, "Writes the integer as four bytes in network order.")
        .eval(htonl),
    convert(
        "mod",
        args(1, &[ArgKind::Str]),
        T::Sint,
        T::Sint,
        ALWAYS,
        "Remainder of the division by a number or a variable.",
    )
    .eval(modulo)
    .prepare(number_or_variable),
    convert(
        "mul",
        args(1, &[ArgKind::Str]),
        T::Sint,
        T::Sint,
        ALWAYS,
        "Multiplies by a number or a variable.",
    )
    .eval(mul)
    .prepare(number_or_variable),
    convert("neg", NONE, T::Sint, T::Sint, ALWAYS, "Opposite number.").eval(negate),
    convert("not", NONE, T::Sint, T::Bool, ALWAYS, "Logical NOT.").eval(not),
    convert("odd", NONE, T::Sint, T::Bool, ALWAYS, "True if the integer is odd.").eval(odd),
    convert(
        "or",
        args(1, &[ArgKind::Str]),
        T::Sint,
        T::Sint,
        ALWAYS,
        "Bitwise OR with a number or a variable.",
    )
    .eval(or)
    .prepare(number_or_variable),
    convert("sub", args(1, &[ArgKind::Str]), T::Sint, T::Sint, ALWAYS, "Subtracts a number or a variable.")
        .eval(sub)
        .prepare(number_or_variable),
    convert(
        "xor",
        args(1, &[ArgKind::Str]),
        T::Sint,
        T::Sint,
        ALWAYS,
        "Bitwise exclusive OR with a number or a variable.",
    )
    .eval(xor)
    .prepare(number_or_variable),
];

use rha_base::{Value, parse_int};

use crate::cast::int;
use crate::cx::Cx;
use crate::names::{Names, Problem};
use crate::operand::Operand;

/// `add(5)` or `add(txn.n)`: a number where the text is one, a variable otherwise.
pub(super) fn number_or_variable(args: &mut Vec<Operand>, names: &mut dyn Names) -> Result<(), Problem> {
    for a in args {
        if let Operand::Str(text) = &*a {
            *a = match parse_int(text) {
                Some(n) => Operand::Int(n),
                None => Operand::Var(crate::names::variable(text, names)?),
            };
        }
    }
    Ok(())
}

/// Argument `i` as a number; `None` for a variable that is unset or no number.
pub(super) fn operand(cx: &Cx<'_>, i: usize) -> Option<i64> {
    match cx.arg(i) {
        Operand::Int(n) => Some(*n),
        Operand::Var(slot) => int(&cx.variable(*slot)?),
        _ => None,
    }
}

macro_rules! binary {
    ($($name:ident: $f:expr;)*) => {
        $(fn $name<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
            let f: fn(i64, i64) -> i64 = $f;
            Some(Value::Int(f(int(&v)?, operand(cx, 0)?)))
        })*
    };
}

macro_rules! unary {
    ($($name:ident: $f:expr;)*) => {
        $(fn $name<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
            let f: fn(i64) -> Value<'static> = $f;
            Some(f(int(&v)?))
        })*
    };
}

// COMPAT: results are clamped to 64 bits; a division by 0 gives the largest number, its remainder 0.
binary! {
    add: i64::saturating_add;
    sub: i64::saturating_sub;
    mul: i64::saturating_mul;
    div: |a, b| if b == 0 { i64::MAX } else { a.saturating_div(b) };
    modulo: |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) };
    and: |a, b| a & b;
    or: |a, b| a | b;
    xor: |a, b| a ^ b;
}

unary! {
    complement: |a| Value::Int(!a);
    negate: |a| Value::Int(a.saturating_neg());
    not: |a| Value::Bool(a == 0);
    odd: |a| Value::Bool(a & 1 == 1);
    even: |a| Value::Bool(a & 1 == 0);
    boolean: |a| Value::Bool(a != 0);
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the low 32 bits are meant")]
fn htonl<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    Some(Value::Bin((int(&v)? as u32).to_be_bytes().to_vec().into()))
}
