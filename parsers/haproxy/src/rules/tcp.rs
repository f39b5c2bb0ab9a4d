//! `tcp-request connection|session|content|inspect-delay`, `tcp-response content|inspect-delay`.
//!
//! HAProxy configuration manual §4.2 "tcp-request content". Unlike HTTP rules, an error here does not end
//! the reading of the file.

use rha_ir::{Action, Condition, TcpAction, TcpRule};
use rha_vocab::Checkpoints;

use super::act_message::new_slot;
use super::act_table::{counter_number, note_track};
use super::action::{Reading, Set, find, list, suggestion};
use super::{RuleCheckKind, in_anonymous_defaults, note_condition, order, proxy_name, proxy_word, sides};
use crate::expr::{ArgContext, Args, condition_text, conflict, sample_text};
use crate::units::{self, TimeError, TimeUnit, atoi};
use crate::{Cx, Line};

const REQUEST_WORDS: [&str; 6] =
    ["accept", "reject", "capture", "track-sc", "expect-proxy", "expect-netscaler-cip"];
const RESPONSE_WORDS: [&str; 3] = ["accept", "reject", "close"];

/// `tcp-request …`.
pub(super) fn tcp_request(cx: &mut Cx<'_>, line: &Line) {
    if let Err(text) = request(cx, line) {
        cx.error("HA2330", line, 1, text);
    }
}

/// `tcp-response …`.
pub(super) fn tcp_response(cx: &mut Cx<'_>, line: &Line) {
    if let Err(text) = response(cx, line) {
        cx.error("HA2330", line, 1, text);
    }
}

/// `frontend 'f'`.
fn proxy(cx: &Cx<'_>) -> String {
    format!("{} '{}'", proxy_word(cx), proxy_name(cx))
}

/// Where the message says the line is.
fn place(cx: &Cx<'_>) -> String {
    if cx.draft.as_ref().is_some_and(|d| d.is_defaults) { "defaults section".to_owned() } else { proxy(cx) }
}

fn request(cx: &mut Cx<'_>, line: &Line) -> Result<(), String> {
    let set = match line.arg(1).as_ref() as &[u8] {
        b"" => return Err(format!("missing argument for 'tcp-request' in {}", place(cx))),
        b"inspect-delay" => return request_delay(cx, line),
        b"content" => Set::TcpRequest,
        b"connection" => Set::TcpConnection,
        b"session" => Set::TcpSession,
        _ => {
            return Err(format!(
                "'tcp-request' expects 'inspect-delay', 'connection', or 'content' in {} (got '{}')",
                place(cx),
                line.text(1)
            ));
        }
    };
    if set != Set::TcpRequest && !sides(cx).0 {
        return Err(format!(
            "tcp-request {} is not allowed because {} {} is not a frontend",
            line.text(1),
            proxy_word(cx),
            proxy_name(cx)
        ));
    }
    if in_anonymous_defaults(cx) {
        return Err(format!("tcp-request {} is not allowed in anonymous 'defaults' sections", line.text(1)));
    }
    let rule = rule(cx, line, set)?;
    // COMPAT: the words of the warning about places are the condition's, said before the order's.
    match set {
        Set::TcpConnection => order::warn_misplaced_connection(cx, line),
        Set::TcpSession => order::warn_misplaced_session(cx, line),
        _ => order::warn_misplaced_content(cx, line),
    }
    warn_condition(cx, line, rule.condition.as_ref(), set);
    if let Some(draft) = cx.draft.as_mut() {
        match set {
            Set::TcpConnection => draft.proxy.tcp_connection.push(rule),
            Set::TcpSession => draft.proxy.tcp_session.push(rule),
            _ => draft.proxy.tcp_content.push(rule),
        }
    }
    Ok(())
}

fn response(cx: &mut Cx<'_>, line: &Line) -> Result<(), String> {
    if line.arg(1).is_empty() {
        return Err(format!("missing argument for 'tcp-response' in {}", proxy(cx)));
    }
    let delay = line.is(1, "inspect-delay");
    if !delay && !line.is(1, "content") {
        let word = line.text(1);
        return Err(format!(
            "'tcp-response' expects 'inspect-delay' or 'content' in {} (got '{word}')",
            proxy(cx)
        ));
    }
    if in_anonymous_defaults(cx) || !sides(cx).1 {
        return Err(format!(
            "tcp-response {} is only allowed in 'backend' sections or 'defaults' section with a name",
            line.text(1)
        ));
    }
    if delay {
        return response_delay(cx, line);
    }
    let rule = rule(cx, line, Set::TcpResponse)?;
    warn_condition(cx, line, rule.condition.as_ref(), Set::TcpResponse);
    if let Some(draft) = cx.draft.as_mut() {
        draft.proxy.tcp_response.push(rule);
    }
    Ok(())
}

fn request_delay(cx: &mut Cx<'_>, line: &Line) -> Result<(), String> {
    if in_anonymous_defaults(cx) {
        return Err("tcp-request inspect-delay is not allowed in anonymous 'defaults' sections".to_owned());
    }
    let ms = delay(cx, line)?;
    let before = cx.draft.as_ref().and_then(|d| d.proxy.inspect_delay_ms);
    if let Some(ms) = keep(cx, line, before, ms)
        && let Some(d) = cx.draft.as_mut()
    {
        d.proxy.inspect_delay_ms = Some(ms);
    }
    Ok(())
}

fn response_delay(cx: &mut Cx<'_>, line: &Line) -> Result<(), String> {
    let ms = delay(cx, line)?;
    let before = cx.draft.as_ref().and_then(|d| d.proxy.response_inspect_delay_ms);
    if let Some(ms) = keep(cx, line, before, ms)
        && let Some(d) = cx.draft.as_mut()
    {
        d.proxy.response_inspect_delay_ms = Some(ms);
    }
    Ok(())
}

/// The new delay, or `None` with a warning when there is one already.
fn keep(cx: &mut Cx<'_>, line: &Line, before: Option<u32>, ms: u32) -> Option<u32> {
    if before.is_none_or(|b| b == 0) {
        return Some(ms);
    }
    let text = format!("ignoring {} {} (was already defined) in {}", line.text(0), line.text(1), proxy(cx));
    cx.warning("HA3330", line, 1, text);
    None
}

fn delay(cx: &mut Cx<'_>, line: &Line) -> Result<u32, String> {
    let word = line.text(2);
    let usage = format!(
        "'{} {}' expects a positive delay in milliseconds, in {}",
        line.text(0),
        line.text(1),
        proxy(cx)
    );
    if word.is_empty() {
        return Err(usage);
    }
    units::time_warned(cx, line.at(2), line.arg(2), TimeUnit::Ms).map_err(|e| match e {
        TimeError::Over => {
            format!("{usage} (timer overflow in '{word}', maximum value is 2147483647 ms or ~24.8 days)")
        }
        TimeError::Under => {
            format!("{usage} (timer underflow in '{word}', minimum non-null value is 1 ms)")
        }
        TimeError::Unexpected(c) => format!("{usage} (unexpected character '{}')", c as char),
    })
}

fn rule(cx: &mut Cx<'_>, line: &Line, set: Set) -> Result<TcpRule, String> {
    let mut at = 3;
    let checks = cx.rules.checks.len();
    let action = match own_action(cx, line, set, &mut at)? {
        Some(a) => a,
        None => shared_action(cx, line, set, &mut at)?,
    };
    let condition = condition_after(cx, line, at)?;
    note_condition(cx, checks, set, condition.as_ref(), line.span);
    Ok(TcpRule { action, condition, origin: line.span })
}

/// The words of a rule as its messages begin with them.
fn words(line: &Line) -> String {
    format!("'{} {} {}'", line.text(0), line.text(1), line.text(2))
}

/// Actions that are no rows of the action table.
fn own_action(cx: &mut Cx<'_>, line: &Line, set: Set, at: &mut usize) -> Result<Option<TcpAction>, String> {
    let word = line.text(2);
    let request = set != Set::TcpResponse;
    Ok(Some(match word.as_str() {
        "accept" => TcpAction::Accept,
        "reject" => TcpAction::Reject,
        "close" if !request => TcpAction::Close,
        "capture" if request => capture(cx, line, set, at)?,
        "expect-proxy" | "expect-netscaler-cip" if request => {
            *at += 1;
            if !line.is(3, "layer4") {
                return Err(format!(
                    "{} only supports 'layer4' in {} (got '{}')",
                    words(line),
                    proxy(cx),
                    line.text(3)
                ));
            }
            if set != Set::TcpConnection {
                return Err(not_here(cx, line));
            }
            if word == "expect-proxy" {
                return Ok(Some(TcpAction::ExpectProxy));
            }
            TcpAction::ExpectNetscaler
        }
        _ if request && word.starts_with("track-sc") => track(cx, line, set, at)?,
        _ => return Ok(None),
    }))
}

fn not_here(cx: &Cx<'_>, line: &Line) -> String {
    format!(
        "'{} {}' is not allowed in '{} {}' rules in {}",
        line.text(2),
        line.text(3),
        line.text(0),
        line.text(1),
        proxy(cx)
    )
}

fn note(cx: &mut Cx<'_>, line: &Line, word: &str) {
    let keyword = format!("{} {} {word}", line.text(0), line.text(1));
    cx.note(&keyword, rha_vocab::Support::Planned, line.span);
}

/// `capture <expr> len <n>`.
fn capture(cx: &mut Cx<'_>, line: &Line, set: Set, at: &mut usize) -> Result<TcpAction, String> {
    let rule = words(line);
    if !sides(cx).0 {
        return Err(format!("{rule} : proxy '{}' has no frontend capability", proxy_name(cx)));
    }
    if set != Set::TcpRequest {
        return Err(not_here(cx, line));
    }
    let expr = expression(cx, line, set, at, ArgContext::Capture)?;
    let mut len = 0;
    if line.is(*at, "len") {
        len = atoi(line.arg(*at + 1));
        if len <= 0 {
            return Err(format!("{rule} : length must be > 0"));
        }
        *at += 2;
    }
    let Some(len) = u32::try_from(len).ok().filter(|n| *n > 0) else {
        return Err(format!("{rule} : a positive 'len' argument is mandatory"));
    };
    let mut r = reading(cx, line, set, *at);
    let slot = new_slot(&mut r, len);
    let needs = r.needs(&expr);
    r.note(RuleCheckKind::TcpCapture(needs));
    Ok(TcpAction::Shared(Action::Capture { expr, slot }))
}

/// `track-sc<n> <expr> [table <table>]`.
fn track(cx: &mut Cx<'_>, line: &Line, set: Set, at: &mut usize) -> Result<TcpAction, String> {
    let word = line.text(2);
    counter_number(cx, &word).map_err(|e| format!("{} : {e}", words(line)))?;
    let expr = expression(cx, line, set, at, ArgContext::Track)?;
    let mut table = String::new();
    if line.is(*at, "table") {
        table = line.text(*at + 1);
        *at += 2;
    }
    note(cx, line, "track-sc");
    note_track(&mut reading(cx, line, set, *at), table, expr);
    Ok(TcpAction::Shared(Action::Planned(word)))
}

fn expression(
    cx: &mut Cx<'_>,
    line: &Line,
    set: Set,
    at: &mut usize,
    context: ArgContext,
) -> Result<rha_ir::SampleExpr, String> {
    let rule = words(line);
    let args = Args::of(line, 0);
    let expr = sample_text(cx, args, at, context).map_err(|e| format!("{rule} : {e}"))?;
    let (front, back) = sides(cx);
    let last = line.text(at.saturating_sub(1));
    let points = set.points(front, back);
    reading(cx, line, set, *at).must_see(&expr, points, &last).map_err(|e| format!("{rule} : {e}"))?;
    Ok(expr)
}

fn reading<'c, 'i, 'l>(cx: &'c mut Cx<'i>, line: &'l Line, set: Set, at: usize) -> Reading<'c, 'i, 'l> {
    let word = line.text(2);
    Reading { cx, args: Args::of(line, 0), at, set, word, warning: None, condition: None }
}

/// Actions of the table.
fn shared_action(cx: &mut Cx<'_>, line: &Line, set: Set, at: &mut usize) -> Result<TcpAction, String> {
    let dialect = cx.input.dialect;
    let Some(row) = find(set, dialect, line.arg(2)) else { return Err(unknown_action(cx, line, set)) };
    let mut r = reading(cx, line, set, *at);
    let action = (row.read)(&mut r)?;
    *at = r.at;
    let keyword = format!("{} {} {}", line.text(0), line.text(1), row.name);
    cx.note(&keyword, row.support, line.span);
    Ok(TcpAction::Shared(action))
}

fn unknown_action(cx: &Cx<'_>, line: &Line, set: Set) -> String {
    let dialect = cx.input.dialect;
    let word = line.text(2);
    let names = list(set, dialect);
    let head = format!("'{} {}' expects", line.text(0), line.text(1));
    let tail = format!("in {} (got '{word}').", proxy(cx));
    if set == Set::TcpResponse {
        let better = suggestion(set, dialect, &word, &RESPONSE_WORDS);
        return format!("{head} 'accept', 'close', 'reject', {names} {tail}{better}");
    }
    let last = super::counters(cx).wrapping_sub(1).cast_signed();
    let better = suggestion(set, dialect, &word, &REQUEST_WORDS);
    // COMPAT: an empty line follows this message.
    format!(
        "{head} 'accept', 'reject', 'capture', 'expect-proxy', 'expect-netscaler-cip', 'track-sc0' ... 'track-sc{last}', {names} {tail}{better}\n"
    )
}

fn condition_after(cx: &mut Cx<'_>, line: &Line, at: usize) -> Result<Option<Condition>, String> {
    if line.is(at, "if") || line.is(at, "unless") {
        return condition_text(cx, Args::of(line, at)).map(Some).map_err(|e| {
            format!(
                "{} : error detected in {} while parsing '{}' condition : {e}",
                words(line),
                proxy(cx),
                line.text(at)
            )
        });
    }
    if line.arg(at).is_empty() {
        return Ok(None);
    }
    Err(format!("{} only accepts 'if' or 'unless', in {} (got '{}')", words(line), proxy(cx), line.text(at)))
}

/// COMPAT: the words differ from those of HTTP rules: the rule is named, and `keyword` is singular.
fn warn_condition(cx: &mut Cx<'_>, line: &Line, condition: Option<&Condition>, set: Set) {
    let (front, back) = sides(cx);
    let points: Checkpoints = set.points(front, back);
    let Some(c) = condition.and_then(|c| conflict(cx, c, points)) else { return };
    let rule = format!("'{} {}'", line.text(0), line.text(1));
    let text = c
        .text
        .replace(" will never match because", &format!(" will never match in {rule} because"))
        .replace("' involves keywords '", "' involves keyword '");
    cx.warning("HA3310", line, 0, text);
}
