//! `http-request`, `http-response`, `http-after-response`.
//!
//! COMPAT: an error in one of these rules ends the reading of the file.

use rha_ir::Rule;

use super::action::{Reading, Set, find, is_final, list, suggestion};
use super::{in_anonymous_defaults, note_condition, order, proxy_name, proxy_word, sides, warn_conflict};
use crate::expr::{Args, condition_text};
use crate::{Cx, Line};

/// `http-request …`.
pub(super) fn http_request(cx: &mut Cx<'_>, line: &Line) {
    rule_line(cx, line, Set::HttpRequest);
}

/// `http-response …`.
pub(super) fn http_response(cx: &mut Cx<'_>, line: &Line) {
    rule_line(cx, line, Set::HttpResponse);
}

/// `http-after-response …`.
pub(super) fn http_after_response(cx: &mut Cx<'_>, line: &Line) {
    rule_line(cx, line, Set::HttpAfterResponse);
}

fn rules<'a>(cx: &'a mut Cx<'_>, set: Set) -> Option<&'a mut Vec<Rule>> {
    let proxy = &mut cx.draft.as_mut()?.proxy;
    Some(match set {
        Set::HttpRequest => &mut proxy.http_request,
        Set::HttpResponse => &mut proxy.http_response,
        _ => &mut proxy.http_after_response,
    })
}

fn rule_line(cx: &mut Cx<'_>, line: &Line, set: Set) {
    let keyword = line.text(0);
    if in_anonymous_defaults(cx) {
        cx.error("HA2310", line, 0, format!("'{keyword}' not allowed in anonymous 'defaults' section."));
        return;
    }
    let last = rules(cx, set).and_then(|r| r.last());
    if last.is_some_and(|r| r.condition.is_none() && is_final(&r.action)) {
        let text = format!(
            "previous '{keyword}' action is final and has no condition attached, further entries are NOOP."
        );
        cx.parsing("HA3312", rha_text::Severity::Warning, line, 0, ": ", &text);
    }
    let Some(rule) = rule(cx, line, set, 0) else {
        cx.aborted = true;
        return;
    };
    if set == Set::HttpRequest {
        order::warn_misplaced_http_request(cx, line);
    }
    let (front, back) = sides(cx);
    warn_conflict(cx, line, rule.condition.as_ref(), set.points(front, back));
    if let Some(rules) = rules(cx, set) {
        rules.push(rule);
    }
}

/// `stats http-request …`, a rule set of the stats page.
pub fn stats_http_request(cx: &mut Cx<'_>, line: &Line) {
    if cx.draft.as_ref().is_some_and(|d| d.is_defaults) {
        cx.error_tight("HA2310", line, 0, "'stats' not allowed in 'defaults' section.");
        return;
    }
    let before = cx.draft.as_ref().and_then(|d| d.proxy.stats.as_ref()).and_then(|s| s.http_request.last());
    if before.is_some_and(|r| r.condition.is_none()) {
        let text = "previous 'stats' action has no condition attached, further entries are NOOP.";
        cx.parsing("HA3312", rha_text::Severity::Warning, line, 0, ": ", &text);
    }
    let Some(rule) = rule(cx, line, Set::HttpRequest, 1) else {
        cx.aborted = true;
        return;
    };
    let (front, back) = sides(cx);
    warn_conflict(cx, line, rule.condition.as_ref(), Set::HttpRequest.points(front, back));
    if let Some(draft) = cx.draft.as_mut() {
        let fresh = || rha_ir::Stats { uri: "/haproxy?stats".into(), ..rha_ir::Stats::default() };
        draft.proxy.stats.get_or_insert_with(fresh).http_request.push(rule);
    }
}

/// One rule whose keyword is word `first` of the line.
fn rule(cx: &mut Cx<'_>, line: &Line, set: Set, first: usize) -> Option<Rule> {
    let args = Args::of(line, first);
    let (keyword, word) = (args.text(0), args.text(1));
    let dialect = cx.input.dialect;
    let Some(row) = find(set, dialect, args.at(1)) else {
        let missing = if word.is_empty() { " (missing argument)" } else { "" };
        let text = format!(
            "'{keyword}' expects {}, but got '{word}'{missing}.{}",
            list(set, dialect),
            suggestion(set, dialect, &word, &[])
        );
        cx.error_tight("HA2311", line, first + 1, text);
        return None;
    };
    if row.name == "normalize-uri" && !cx.experimental {
        let text = format!(
            "'{}' action is experimental, must be allowed via a global 'expose-experimental-directives'",
            row.name
        );
        cx.error("HA4103", line, first + 1, text);
        return None;
    }
    let checks = cx.rules.checks.len();
    let mut reading = Reading { cx, args, at: 2, set, word: word.clone(), warning: None, condition: None };
    let action = (row.read)(&mut reading);
    let Reading { at, warning, condition, .. } = reading;
    let action = match action {
        Ok(a) => a,
        Err(e) => {
            let text = format!(
                "error detected in {} '{}' while parsing '{keyword} {word}' rule : {e}.",
                proxy_word(cx),
                proxy_name(cx)
            );
            cx.error("HA2312", line, first + at, text);
            return None;
        }
    };
    if let Some(w) = warning {
        cx.warning("HA3311", line, first + at, format!("{w}."));
    }
    cx.note(&format!("{keyword} {}", row.name), row.support, line.span);
    let condition = match condition {
        Some(c) => Some(c),
        None => condition_after(cx, line, args, first, at)?,
    };
    note_condition(cx, checks, set, condition.as_ref(), line.span);
    Some(Rule { action, condition, origin: line.span })
}

/// What follows an action: nothing, or a condition. The outer `None` is an error.
#[allow(clippy::option_option, reason = "an error, no condition, a condition")]
fn condition_after(
    cx: &mut Cx<'_>,
    line: &Line,
    args: Args<'_>,
    first: usize,
    at: usize,
) -> Option<Option<rha_ir::Condition>> {
    let (keyword, word) = (args.text(0), args.text(1));
    if args.is(at, "if") || args.is(at, "unless") {
        return match condition_text(cx, args.from(at)) {
            Ok(c) => Some(Some(c)),
            Err(e) => {
                let text = format!("error detected while parsing an '{keyword} {word}' condition : {e}.");
                cx.error("HA2313", line, first + at, text);
                None
            }
        };
    }
    if !args.ends(at) {
        let found = args.text(at);
        let text = format!(
            "'{keyword} {word}' expects either 'if' or 'unless' followed by a condition but found '{found}'."
        );
        cx.error_tight("HA2314", line, first + at, text);
        return None;
    }
    Some(None)
}
