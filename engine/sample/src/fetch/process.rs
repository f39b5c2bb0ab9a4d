//! The process, its clock, its random numbers and its identity.

use rha_vocab::{ArgKind, Lifetime, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "act_conn",
        NONE,
        T::Sint,
        Needs::CONST,
        Lifetime::since(3, 0),
        "Connections of the whole process.",
    )
    .eval(act_conn),
    fetch(
        "cpu_calls",
        NONE,
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "How often the task that evaluates it was run.",
    ),
    fetch(
        "cpu_ns_avg",
        NONE,
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Average time in nanoseconds that the evaluating task spends per run.",
    ),
    fetch(
        "cpu_ns_tot",
        NONE,
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Total time in nanoseconds that the evaluating task has spent.",
    ),
    fetch(
        "cpu_usage_grp",
        NONE,
        T::Sint,
        Needs::INTERNAL,
        Lifetime::since(3, 5),
        "CPU use of the thread group, in percent.",
    ),
    fetch(
        "cpu_usage_proc",
        NONE,
        T::Sint,
        Needs::INTERNAL,
        Lifetime::since(3, 5),
        "CPU use of the process, in percent.",
    ),
    fetch(
        "cpu_usage_thr",
        NONE,
        T::Sint,
        Needs::INTERNAL,
        Lifetime::since(3, 5),
        "CPU use of the thread, in percent.",
    ),
    fetch(
        "date",
        args(0, &[ArgKind::Sint, ArgKind::Str]),
        T::Sint,
        Needs::CONST,
        ALWAYS,
        "Current date, in seconds since 1970 or the unit asked for, plus an offset.",
    )
    .eval(date),
    fetch("date_us", NONE, T::Sint, Needs::CONST, ALWAYS, "Microseconds part of the current date.")
        .eval(date_us),
    fetch("hostname", NONE, T::Str, Needs::CONST, ALWAYS, "Name of this machine.").eval(hostname),
    fetch(
        "lat_ns_avg",
        NONE,
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Average time in nanoseconds the evaluating task waits before it runs.",
    ),
    fetch(
        "lat_ns_tot",
        NONE,
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Total time in nanoseconds the evaluating task has waited before it ran.",
    ),
    fetch("nbproc", NONE, T::Sint, Needs::CONST, ALWAYS, "Number of worker processes, always 1.").eval(one),
    fetch("pid", NONE, T::Sint, Needs::CONST, Lifetime::since(3, 0), "Process id of the worker.").eval(pid),
    fetch("proc", NONE, T::Sint, Needs::CONST, ALWAYS, "Number of this process, always 1.").eval(one),
    fetch(
        "quic_enabled",
        NONE,
        T::Bool,
        Needs::CONST,
        Lifetime::since(3, 0),
        "Whether QUIC is built in and not switched off.",
    ),
    fetch(
        "rand",
        args(0, &[ArgKind::Sint]),
        T::Sint,
        Needs::CONST,
        ALWAYS,
        "Random integer below 2^32, or below the range given.",
    )
    .eval(rand),
    fetch(
        "spoe.engine-id",
        NONE,
        T::Str,
        Needs::INTERNAL,
        Lifetime::since(3, 5),
        "Identifier of the SPOE engine.",
    ),
    fetch("stopping", NONE, T::Bool, Needs::INTERNAL, ALWAYS, "Whether the process is stopping.")
        .eval(stopping),
    fetch(
        "tgroup",
        NONE,
        T::Sint,
        Needs::CONST,
        Lifetime::since(3, 5),
        "Number of the thread group that evaluates it.",
    ),
    fetch("thread", NONE, T::Sint, Needs::CONST, ALWAYS, "Number of the thread that evaluates it, from 0.")
        .eval(thread),
    fetch(
        "unique-id",
        NONE,
        T::Str,
        Needs::CONST,
        ALWAYS,
        "Unique identifier of the request, made on first use.",
    )
    .eval(unique_id),
    fetch("uptime", NONE, T::Sint, Needs::CONST, Lifetime::since(3, 0), "Seconds since the process started.")
        .eval(uptime),
    fetch(
        "uuid",
        args(0, &[ArgKind::Sint]),
        T::Str,
        Needs::CONST,
        ALWAYS,
        "Random UUID of version 4 (or, since 3.0, version 7).",
    )
    .eval(uuid),
];

use std::borrow::Cow;

use rha_base::{Fact, Value};

use crate::cx::Cx;

fn act_conn<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    Some(Value::Int(cx.scene.site().connections()))
}

fn one<'a>(_: &mut Cx<'a>) -> Option<Value<'a>> {
    Some(Value::Int(1))
}

/// COMPAT: the offset comes before the change of unit and is in seconds.
fn date<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let us = cx.scene.now().wall_us;
    crate::fetch::in_unit(us.checked_add(cx.int(0).unwrap_or(0).checked_mul(1_000_000)?)?, cx.text(1))
}

fn date_us<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    Some(Value::Int(cx.scene.now().wall_us.rem_euclid(1_000_000)))
}

fn hostname<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::Hostname)
}

fn pid<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::Pid)
}

fn thread<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::Tid)
}

fn unique_id<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::UniqueId)
}

/// The range argument scales the 32 bits instead of taking a remainder, which keeps all values as likely.
fn rand<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let n = u64::from(cx.scene.random());
    let scaled = match cx.int(0) {
        Some(range) => (n * u64::from(u32::try_from(range).unwrap_or(u32::MAX))) >> 32,
        None => n,
    };
    i64::try_from(scaled).ok().map(Value::Int)
}

fn uuid<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let random = |cx: &Cx<'a>| u128::from(cx.scene.random());
    let bits = random(cx) << 96 | random(cx) << 64 | random(cx) << 32 | random(cx);
    let version = cx.int(0).unwrap_or(4);
    let bits = match version {
        4 => bits,
        7 => {
            let ms = u128::try_from(cx.scene.now().wall_us / 1000).ok()?;
            ms << 80 | bits & (u128::MAX >> 48)
        }
        _ => return None,
    };
    let bits = bits & !(0xf << 76) | u128::try_from(version).ok()? << 76;
    let bits = bits & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{bits:032x}");
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    let parts: Vec<&str> = parts.into_iter().filter_map(|(a, b)| hex.get(a..b)).collect();
    Some(Value::Str(Cow::Owned(parts.join("-").into_bytes())))
}

fn stopping<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::Stopping)
}

fn uptime<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::Uptime)
}
