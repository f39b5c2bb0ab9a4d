//! `setenv` and its kin, which take effect while the file is read.

use rha_vocab::{Dialect, Support};

use super::{fail_tight, row, too_many};
use crate::{Cx, Keyword, Line};

/// Rows.
pub const KEYWORDS: &[Keyword] = &[
    row(
        "setenv",
        "<name> <value>",
        Support::Full,
        "Sets an environment variable, replacing an existing value.",
        setenv,
    ),
    row(
        "presetenv",
        "<name> <value>",
        Support::Full,
        "Sets an environment variable unless it is set already.",
        presetenv,
    ),
    row("unsetenv", "[<name> ...]", Support::Full, "Removes environment variables.", unsetenv),
    row(
        "resetenv",
        "[<name> ...]",
        Support::Full,
        "Removes all environment variables but the named ones.",
        resetenv,
    ),
];

fn setenv(cx: &mut Cx<'_>, line: &Line) {
    if pair(cx, line) {
        cx.env.set(line.arg(1), line.arg(2));
    }
}

fn presetenv(cx: &mut Cx<'_>, line: &Line) {
    if pair(cx, line) {
        cx.env.preset(line.arg(1), line.arg(2));
    }
}

/// Whether a name and a value are there and nothing else.
fn pair(cx: &mut Cx<'_>, line: &Line) -> bool {
    if too_many(cx, line, if cx.input.dialect >= Dialect::V3_0 { 2 } else { 3 }) {
        return false;
    }
    if line.arg(2).is_empty() {
        cx.error_tight("HA2011", line, 1, format!("'{}' expects a name and a value.", line.arg(0)));
        return false;
    }
    if line.arg(1).is_empty() || line.arg(1).contains(&b'=') {
        let text = format!("'{}' failed on variable '{}' : Invalid argument.", line.arg(0), line.arg(1));
        cx.error_tight("HA2011", line, 1, text);
        return false;
    }
    true
}

fn unsetenv(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail_tight(cx, line, "'{k}' expects at least one variable name.");
    }
    for w in line.words.iter().skip(1).take_while(|w| !w.text.is_empty()) {
        cx.env.unset(&w.text);
    }
}

fn resetenv(cx: &mut Cx<'_>, line: &Line) {
    let names: Vec<&[u8]> =
        line.words.iter().skip(1).take_while(|w| !w.text.is_empty()).map(|w| &w.text[..]).collect();
    cx.env.keep_only(&names);
}
