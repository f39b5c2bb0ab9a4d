//! `stats …` in proxies.

use rha_ir::{Stats, StatsAdmin, StatsScope};
use rha_vocab::{Dialect, Support};

use super::basics::shown;
use super::draft;
use super::rows::row;
use crate::expr::{Args, condition_text};
use crate::units::{self, TimeError, TimeUnit};
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[row(
    "stats",
    Place::PROXY,
    "enable|uri|realm|auth|refresh|scope|… [<value>]",
    "Shows the statistics page.",
    stats,
)];

/// The settings to change: the proxy's own, made from nothing on the first line of its own.
fn own<'c>(cx: &'c mut Cx<'_>, line: &Line) -> Option<&'c mut Stats> {
    let d = draft(cx, line)?;
    Some(d.proxy.stats.get_or_insert_with(|| Stats { uri: "/haproxy?stats".into(), ..Stats::default() }))
}

fn stats(cx: &mut Cx<'_>, line: &Line) {
    let Some(d) = draft(cx, line) else { return };
    if d.extra.stats.inherited {
        d.extra.stats.inherited = false;
        d.proxy.stats = None;
    }
    match line.bytes(1) {
        b"admin" => admin(cx, line),
        b"http-request" => crate::rules::stats_http_request(cx, line),
        b"uri" => text_value(cx, line, "'uri' needs an URI prefix.", |s, v| s.uri = v.into()),
        b"realm" => text_value(cx, line, "'realm' needs an realm name.", |s, v| s.realm = Some(v.into())),
        b"auth" => text_value(cx, line, "'auth' needs a user:password account.", |s, v| {
            let (user, password) = v.split_once(':').unwrap_or((v, ""));
            s.auth.push((user.to_owned(), password.to_owned()));
        }),
        b"scope" => {
            text_value(cx, line, "'scope' needs a proxy name.", |s, v| s.scope.push(StatsScope(v.to_owned())))
        }
        b"refresh" => refresh(cx, line),
        b"enable" => {
            own(cx, line);
        }
        b"hide-version" => {
            if let Some(s) = own(cx, line) {
                s.hide_version = true;
            }
        }
        b"show-version" if cx.input.dialect >= Dialect::V3_2 => {
            if let Some(s) = own(cx, line) {
                s.hide_version = false;
            }
        }
        b"show-legends" => {
            cx.note("stats show-legends", Support::Partial("the page has no tooltips"), line.at(1));
            if let Some(s) = own(cx, line) {
                s.show_legends = true;
            }
        }
        b"show-modules" => {
            cx.note(
                "stats show-modules",
                Support::Partial("the page shows no columns of modules"),
                line.at(1),
            );
            if let Some(s) = own(cx, line) {
                s.show_modules = true;
            }
        }
        b"show-node" => show_node(cx, line),
        b"show-desc" => show_desc(cx, line),
        _ => unknown(cx, line),
    }
}

fn unknown(cx: &mut Cx<'_>, line: &Line) {
    let (what, word) = if line.arg(1).is_empty() {
        ("missing keyword in", line.text(0))
    } else {
        ("unknown stats parameter", line.text(1))
    };
    let list = if cx.input.dialect >= Dialect::V3_2 {
        "'show-desc' , 'show-legends' or 'show-version'"
    } else {
        "'show-desc' or 'show-legends'"
    };
    let text = format!(
        "{what} '{word}', expects 'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', {list}."
    );
    cx.error_tight("HA2101", line, 1, text);
}

fn text_value(cx: &mut Cx<'_>, line: &Line, missing: &str, set: impl Fn(&mut Stats, &str)) {
    let value = line.text(2);
    if value.is_empty() {
        return cx.error("HA2100", line, 2, missing);
    }
    if let Some(s) = own(cx, line) {
        set(s, &value);
    }
}

fn refresh(cx: &mut Cx<'_>, line: &Line) {
    let value = line.text(2);
    match units::time_warned(cx, line.at(2), line.arg(2), TimeUnit::S) {
        Ok(v) => {
            if let Some(s) = own(cx, line) {
                s.refresh_s = Some(v);
            }
        }
        Err(e) => {
            let text = match e {
                TimeError::Over => format!(
                    "timer overflow in argument <{value}> to stats refresh interval, maximum value is 2147483647 s (~68 years)."
                ),
                TimeError::Under => format!(
                    "timer underflow in argument <{value}> to stats refresh interval, minimum non-null value is 1 s."
                ),
                TimeError::Unexpected(c) => {
                    format!("unexpected character '{}' in argument to stats refresh interval.", shown(c))
                }
            };
            cx.error_tight("HA2100", line, 2, text);
        }
    }
}

fn admin(cx: &mut Cx<'_>, line: &Line) {
    if cx.draft.as_ref().is_some_and(|d| d.is_defaults) {
        return cx.error_tight("HA2104", line, 1, "'stats admin' not allowed in 'defaults' section.");
    }
    own(cx, line);
    if !line.is(2, "if") && !line.is(2, "unless") {
        let text = "'stats admin' requires either 'if' or 'unless' followed by a condition.";
        return cx.error("HA2100", line, 2, text);
    }
    match condition_text(cx, Args::of(line, 2)) {
        Ok(condition) => {
            if let Some(s) = own(cx, line) {
                s.admin.push(StatsAdmin { condition });
            }
        }
        Err(e) => {
            let text = format!("error detected while parsing a 'stats admin' rule : {e}.");
            cx.error("HA2303", line, 2, text);
        }
    }
}

fn show_node(cx: &mut Cx<'_>, line: &Line) {
    let bad = |b: &u8| !b.is_ascii_alphanumeric() && !b"._-".contains(b);
    if line.arg(2).iter().any(bad) {
        let text = "'stats show-node' invalid node name - should be a stringwith digits(0-9), letters(A-Z, a-z), hyphen(-) or underscode(_).";
        return cx.error_tight("HA2100", line, 2, text);
    }
    let name = Some(line.text(2)).filter(|n| !n.is_empty());
    if let Some(s) = own(cx, line) {
        s.show_node = Some(name);
    }
}

fn show_desc(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(2).is_empty() && cx.model.process.description.is_none() {
        let text = "'show-desc' requires a parameter or 'desc' to be set in the global section.";
        return cx.parsing("HA3109", rha_text::Severity::Warning, line, 1, ": ", &text);
    }
    let words: Vec<String> = (2..line.len()).map(|i| line.text(i)).collect();
    if let Some(s) = own(cx, line) {
        s.show_desc = Some(Some(words.join(" ")).filter(|w| !w.is_empty()));
    }
}
