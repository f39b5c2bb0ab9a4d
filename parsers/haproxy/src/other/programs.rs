//! `program`, `namespace_list`.

use bstr::ByteSlice;
use rha_text::Severity;
use rha_vocab::Support;

use super::{fail, fail_tight, row};
use crate::{Cx, Keyword, Line, Place};

/// Rows.
pub const KEYWORDS: &[Keyword] = &[
    row(Place::PROGRAM, "command", "<command> [arguments*]", "What is started.", command),
    row(Place::PROGRAM, "user", "<user name>", "User it runs as.", user),
    row(Place::PROGRAM, "group", "<group name>", "Group it runs as.", group),
    row(Place::PROGRAM, "option", "", "What none of the other options takes.", option),
    row(Place::PROGRAM, "option start-on-reload", "", "Starts it again at a reload.", on_reload),
    Keyword {
        support: Support::Full,
        ..row(Place::NAMESPACE_LIST, "namespace", "<name>", "A network namespace.", namespace)
    },
];

fn command(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail_tight(
            cx,
            line,
            "'command' expects a command with optional arguments separated in words.",
        );
    }
    cx.others.current.done = true;
}

fn user(cx: &mut Cx<'_>, line: &Line) {
    account(cx, line, "user", "/etc/passwd");
}

fn group(cx: &mut Cx<'_>, line: &Line) {
    account(cx, line, "group", "/etc/group");
}

fn account(cx: &mut Cx<'_>, line: &Line, what: &str, file: &str) {
    let name = line.arg(1);
    if name.is_empty() {
        return fail_tight(cx, line, format!("'{what}' expects a {what} name."));
    }
    if crate::proxy::too_many(cx, line, 1, 0) {
        return;
    }
    let Ok(accounts) = cx.input.files.read(file) else { return };
    if !accounts.split(|b| *b == b'\n').any(|l| l.split(|b| *b == b':').next() == Some(name.as_bytes())) {
        fail(cx, line, format!("cannot find {what} id for '{}' (0:Success)", line.text(1)));
    }
}

fn option(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail_tight(cx, line, "'option' expects an option name.");
    }
    fail(cx, line, format!("unknown option '{}'.", line.text(1)));
}

fn on_reload(cx: &mut Cx<'_>, line: &Line) {
    crate::proxy::too_many(cx, line, 0, 1);
}

fn namespace(cx: &mut Cx<'_>, line: &Line) {
    let name = line.text(1);
    if !name.is_empty() && cx.input.files.look(&format!("/var/run/netns/{name}")).is_err() {
        return fail_tight(cx, line, format!("Cannot open namespace '{name}'.\n"));
    }
    if !name.is_empty() {
        cx.model.process.namespaces.push(name);
    }
}

/// Said of every section unless there is a master by the end.
pub const NO_MASTER: &str = "Can't use a 'program' section without master worker mode.";

/// Both complaints come after the last line.
pub fn end(cx: &mut Cx<'_>) {
    let c = std::mem::take(&mut cx.others.current);
    if c.name.is_empty() {
        return;
    }
    if !c.done {
        let text = format!("The program section '{}' lacks a command to launch.", c.name);
        cx.others.late.push((Severity::Error, c.origin, text));
    }
    cx.others.late.push((Severity::Error, c.origin, NO_MASTER.to_owned()));
}
