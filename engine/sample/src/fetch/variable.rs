//! Variables and named ACLs.

use rha_vocab::{ArgKind, Lifetime, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "acl",
        args(
            1,
            &[
                ArgKind::Str,
                ArgKind::Str,
                ArgKind::Str,
                ArgKind::Str,
                ArgKind::Str,
                ArgKind::Str,
                ArgKind::Str,
                ArgKind::Str,
                ArgKind::Str,
                ArgKind::Str,
                ArgKind::Str,
                ArgKind::Str,
            ],
        ),
        T::Bool,
        Needs::CONST,
        Lifetime::since(3, 0),
        "Result of the named ACLs.",
    )
    .eval(acl)
    .prepare(named_acls),
    fetch(
        "dump_all_vars",
        args(0, &[ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Str,
        Needs::CONST,
        Lifetime::since(3, 5),
        "All variables with their values, filtered by scope and prefix.",
    ),
    fetch(
        "var",
        args(1, &[ArgKind::Var, ArgKind::Str]),
        T::Any,
        Needs::CONST,
        ALWAYS,
        "Value of a variable, or a default.",
    )
    .eval(var)
    .prepare(var_slot),
];

use rha_base::Value;

use crate::cx::Cx;
use crate::names::{Names, Problem};
use crate::operand::Operand;

/// COMPAT: the default is a string whatever the variable usually holds.
fn var<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let Operand::Var(slot) = cx.arg(0) else { return None };
    cx.variable(*slot).or_else(|| cx.text(1).map(Value::str))
}

/// The name may have come as text.
fn var_slot(args: &mut Vec<Operand>, names: &mut dyn Names) -> Result<(), Problem> {
    if let Some(first @ Operand::Str(_)) = args.first_mut()
        && let Operand::Str(text) = &*first
    {
        *first = Operand::Var(crate::names::variable(text, names)?);
    }
    Ok(())
}

/// Whether all of the named ACLs hold; `!` before a name turns it round.
fn acl<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let Operand::Condition(c) = cx.arg(0) else { return None };
    match c.holds(cx.scene) {
        crate::Verdict::Yes => Some(Value::Bool(true)),
        crate::Verdict::No => Some(Value::Bool(false)),
        crate::Verdict::Wait => {
            cx.may_change = true;
            None
        }
    }
}

fn named_acls(args: &mut Vec<Operand>, names: &mut dyn Names) -> Result<(), Problem> {
    let all: Vec<Vec<u8>> = args
        .drain(..)
        .filter_map(|a| match a {
            Operand::Str(s) => Some(s.into_vec()),
            _ => None,
        })
        .collect();
    args.push(Operand::Condition(Box::new(crate::condition::of_names(&all, names)?)));
    Ok(())
}
