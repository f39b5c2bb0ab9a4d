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

use rha_base::Value;

use crate::cx::Cx;
use crate::names::{Names, Problem};
use crate::operand::Operand;

fn slot(args: &mut Vec<Operand>, names: &mut dyn Names) -> Result<(), Problem> {
    if args.iter().skip(1).any(|a| !matches!(a, Operand::Absent)) {
        return Err(Problem::NotBuilt("conditions of set-var".to_owned()));
    }
    super::string::variable_at(0, args, names)
}

fn set_var<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let Operand::Var(slot) = cx.arg(0) else { return None };
    cx.scene.set_variable(*slot, Some(v.clone().into_owned())).then_some(v)
}

fn unset_var<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let Operand::Var(slot) = cx.arg(0) else { return None };
    cx.scene.set_variable(*slot, None).then_some(v)
}
