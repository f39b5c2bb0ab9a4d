//! Log keywords of `global`, and what shapes counters and headers.

use rha_ir::{VarName, VarScope, VarValue};
use rha_vocab::{Checkpoints, Dialect, Lifetime, Support};

use super::{fail, once, row, since, too_many};
use crate::expr::{ArgContext, Args, LogSite, log_format_text, sample_text};
use crate::{Cx, Form, Keyword, Line, log_target};

/// Rows.
#[rustfmt::skip]
pub const KEYWORDS: &[Keyword] = &[
    row("log", "<target> [len <length>] [format <format>] [sample <ranges>:<size>] <facility> [max level [min level]]", Support::Full, "Adds a log target, or with no removes all of them.", log),
    row("log-send-hostname", "[<string>]", Support::Full, "Puts a host name into log lines.", log_send_hostname),
    row("h1-case-adjust", "<from> <to>", Support::Full, "Case in which a header name is sent to HTTP/1 peers that need it.", case_adjust),
    row("h1-case-adjust-file", "<hdrs-file>", Support::Full, "File of header names with the case to send them in.", case_file),
    since(Lifetime::since(3, 0), row("http-err-codes", "[+-]<range>[,...]", Support::Planned, "Chooses the status codes counted as client errors.", status_codes)),
    since(Lifetime::since(3, 0), row("http-fail-codes", "[+-]<range>[,...]", Support::Planned, "Chooses the status codes counted as server failures.", status_codes)),
    row("set-var", "<var-name> <expr>", Support::Full, "Sets a variable of the process.", set_var),
    row("set-var-fmt", "<var-name> <fmt>", Support::Full, "Sets a variable of the process from a format.", set_var_fmt),
];

fn log(cx: &mut Cx<'_>, line: &Line) {
    if cx.form == Form::No {
        if line.arg(1).is_empty() {
            cx.model.process.logs.clear();
        } else {
            fail(cx, line, "log : 'no log' does not expect arguments");
        }
        return;
    }
    match log_target::parse(cx, line, true) {
        Ok(target) => cx.model.process.logs.push(target),
        Err(text) => cx.error("HA2300", line, 1, format!("log : {text}")),
    }
}

fn log_send_hostname(cx: &mut Cx<'_>, line: &Line) {
    if once::is_again(cx, line, "log-send-hostname") {
        return;
    }
    once::mark(cx, "log-send-hostname");
    let name = Some(line.text(1)).filter(|n| !n.is_empty());
    cx.model.process.log_send_hostname = Some(name);
}

/// `h1-case-adjust from to`.
fn case_adjust(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 2) {
        return;
    }
    if line.arg(1).is_empty() || line.arg(2).is_empty() {
        return fail(cx, line, "'{k}' expects <from> and <to> as argument.");
    }
    if let Err(e) = note_case(cx, &line.text(1), &line.text(2)) {
        fail(cx, line, &e);
    }
}

fn case_file(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expects <file> as argument.");
    }
    let name = line.text(1);
    let Ok(content) = cx.input.files.read(&name) else {
        let text = format!("h1-headers-case-adjust-file '{name}': failed to open file.");
        cx.others.late.push((rha_text::Severity::Error, line.at(1), text));
        return;
    };
    for (n, text) in String::from_utf8_lossy(&content).lines().enumerate() {
        let text = text.trim_matches([' ', '\t', '\r']);
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (from, to) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        if let Err(e) = note_case(cx, from, to.trim_start_matches([' ', '\t'])) {
            let text = format!("h1-headers-case-adjust-file '{name}' : {e} at line {}.", n + 1);
            cx.others.late.push((rha_text::Severity::Error, line.at(1), text));
            return;
        }
    }
}

/// Notes in which case a name is sent.
fn note_case(cx: &mut Cx<'_>, from: &str, to: &str) -> Result<(), String> {
    if to.is_empty() {
        return Err("expect <to>".to_owned());
    }
    let except = if cx.input.dialect >= Dialect::V2_8 { "except" } else { "execpt" };
    if !from.eq_ignore_ascii_case(to) {
        return Err(format!("<from> and <to> must not differ {except} the case"));
    }
    let known = &mut cx.model.process.header_case;
    if known.iter().any(|(f, _)| f.eq_ignore_ascii_case(from)) {
        return Err(format!("duplicate entry '{from}'"));
    }
    known.push((from.to_owned(), to.to_owned()));
    Ok(())
}

/// `http-err-codes [+-]<low>[-<high>][,…] …`.
fn status_codes(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail(cx, line, "Missing status codes range for '{k}'.");
    }
    for i in 1..line.len() {
        let text = line.text(i);
        if text.is_empty() {
            break;
        }
        match ranges(&text) {
            Ok(()) => {}
            Err(Some(at)) => {
                let said = format!(
                    "Invalid status codes range '{text}' in '{{k}}' at position {at}. Ranges must be in the form [+-]{{low[-{{high}}]}}[,...]."
                );
                return fail(cx, line, &said);
            }
            Err(None) => {
                let said = format!(
                    "Invalid status codes range '{text}' in '{{k}}'.\n Codes must be between 100 and 599 and ranges in ascending order."
                );
                return fail(cx, line, &said);
            }
        }
    }
}

/// The offset of what cannot be read, or `None` for a code out of bounds.
fn ranges(text: &str) -> Result<(), Option<usize>> {
    let bytes = text.as_bytes();
    let mut at = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    loop {
        let low = number(bytes, &mut at).ok_or(Some(at))?;
        let mut high = low;
        if bytes.get(at) == Some(&b'-') {
            at += 1;
            high = number(bytes, &mut at).ok_or(Some(at))?;
        }
        match bytes.get(at) {
            None | Some(b',') if !(100 <= low && low <= high && high <= 599) => return Err(None),
            None => return Ok(()),
            Some(b',') => at += 1,
            Some(_) => return Err(Some(at)),
        }
    }
}

fn number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let start = *at;
    let mut value: u64 = 0;
    while let Some(d) = bytes.get(*at).filter(|b| b.is_ascii_digit()) {
        value = value.saturating_mul(10).saturating_add(u64::from(d - b'0'));
        *at += 1;
    }
    (*at > start).then_some(value)
}

fn set_var(cx: &mut Cx<'_>, line: &Line) {
    variable(cx, line, "a sample expression");
}

fn set_var_fmt(cx: &mut Cx<'_>, line: &Line) {
    variable(cx, line, "a format string");
}

fn variable(cx: &mut Cx<'_>, line: &Line, what: &str) {
    if line.arg(2).is_empty() {
        let text = format!("'{{k}}' requires a process-wide variable name ('proc.<name>') and {what}.");
        return fail(cx, line, &text);
    }
    let name = line.text(1);
    let scope = name.split('.').next().unwrap_or_default();
    if !name.contains('.') || !["proc", "sess", "txn", "req", "res", "check"].contains(&scope) {
        return fail(
            cx,
            line,
            "invalid variable name '{v}'. A variable name must be start by its scope. The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'",
        );
    }
    if scope != "proc" {
        return fail(
            cx,
            line,
            "'{k}': cannot set variable '{v}', only scope 'proc' is permitted in the global section.",
        );
    }
    let result = if line.is(0, "set-var") {
        let mut at = 0;
        sample_text(cx, Args::of(line, 2), &mut at, ArgContext::None).map(VarValue::Expr)
    } else {
        let site = LogSite::plain(ArgContext::None, Checkpoints::CONFIGURATION);
        log_format_text(cx, line.at(2), line.arg(2), site).map(VarValue::Format)
    };
    let name = VarName { scope: VarScope::Proc, name: name.get(5..).unwrap_or_default().to_owned() };
    match result {
        Ok(value) => cx.model.process.set_vars.push((name, value)),
        Err(e) => cx.error("HA2301", line, 2, e),
    }
}
