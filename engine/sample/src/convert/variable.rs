//! Variables.

use rha_vocab::{ArgKind, SampleType as T};

use crate::row::{ALWAYS, Converter, args, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert(
        "set-var",
        args(1, &[ArgKind::Var, ArgKind::Str, ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Any,
        T::Any,
        ALWAYS,
        "Stores the value in a variable and passes it on.",
    )
    .eval(set_var)
    .prepare(slot),
    convert(
        "unset-var",
        args(1, &[ArgKind::Var]),
        T::Any,
        T::Any,
        ALWAYS,
        "Removes a variable and passes the value on.",
    )
    .eval(unset_var)
    .prepare(slot),
];

use rha_base::{Scope, Value, VarSlot};

use crate::cx::Cx;
use crate::names::{Names, Problem};
use crate::operand::Operand;

fn slot(args: &mut Vec<Operand>, names: &mut dyn Names) -> Result<(), Problem> {
    super::string::variable_at(0, args, names)
}

/// Whether a condition lets `new` take the place of `old`. COMPAT: `ifgt` and `iflt` are about numbers, and hold of
/// anything else.
fn holds(condition: &[u8], slot: VarSlot, old: Option<&Value<'_>>, new: &Value<'_>) -> bool {
    // COMPAT: variables of the process are there from the start, if only without a value.
    let exists = old.is_some() || slot.scope == Scope::Process;
    let is_empty = |v: &Value<'_>| matches!(v, Value::Str(s) | Value::Bin(s) if s.is_empty());
    let numbers = match (old, new) {
        (Some(Value::Int(old)), Value::Int(new)) => Some((old, new)),
        _ => None,
    };
    match condition {
        b"ifexists" => exists,
        b"ifnotexists" => !exists,
        b"ifempty" => is_empty(new),
        b"ifnotempty" => !is_empty(new),
        b"ifset" => old.is_some_and(|o| !is_empty(o)),
        b"ifnotset" => old.is_none_or(is_empty),
        b"ifgt" => numbers.is_none_or(|(old, new)| old > new),
        b"iflt" => numbers.is_none_or(|(old, new)| old < new),
        _ => true,
    }
}

fn set_var<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let Operand::Var(slot) = cx.arg(0) else { return None };
    let old = cx.scene.variable(*slot);
    let conditions = (1..5).map_while(|i| match cx.arg(i) {
        Operand::Str(word) => Some(word),
        _ => None,
    });
    if !conditions.into_iter().all(|c| holds(c, *slot, old, &v)) {
        return Some(v);
    }
    cx.scene.set_variable(*slot, Some(v.clone().into_owned())).then_some(v)
}

fn unset_var<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let Operand::Var(slot) = cx.arg(0) else { return None };
    cx.scene.set_variable(*slot, None).then_some(v)
}
