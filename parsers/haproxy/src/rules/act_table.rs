//! Actions on tables, maps and lists: track-sc, sc-inc-gpc…, add-acl, set-map…
//!
//! None is built yet; their arguments are judged as the original judges them.

use rha_ir::{Action, PriorityPart};
use rha_vocab::Checkpoints;

use super::RuleCheckKind;
use super::action::{Reading, Set};
use crate::expr::ArgContext;
use crate::units::strtol;

type Read = Result<Action, String>;

/// `add-acl(file)`, `del-acl(file)`, `set-map(file)`, `del-map(file)`.
pub(super) fn map(r: &mut Reading<'_, '_, '_>) -> Read {
    let two = r.word.starts_with("set-map");
    if two && (r.ends_at(0) || r.ends_at(1)) {
        return Err("expects exactly 2 arguments".to_owned());
    }
    if r.ends_at(0) {
        return Err("expects exactly 1 arguments".to_owned());
    }
    r.http_format()?;
    if two {
        r.http_format()?;
    }
    Ok(Action::Planned(r.word.clone()))
}

/// The number after `track-sc`.
pub(super) fn counter_number(cx: &crate::Cx<'_>, word: &str) -> Result<u32, String> {
    let counters = super::counters(cx);
    let text = word.strip_prefix("track-sc").unwrap_or("");
    let good = text.bytes().all(|b| b.is_ascii_digit());
    let Some(n) = good.then(|| if text.is_empty() { Some(0) } else { text.parse::<u32>().ok() }).flatten()
    else {
        return Err(format!("Wrong track-sc number '{text}'"));
    };
    if n < counters {
        return Ok(n);
    }
    Err(if counters == 0 {
        format!("{n} track-sc number not usable, stick-counters are disabled by tune.stick-counters")
    } else {
        let limit = if tunable(cx) { "tune.stick-counters-1" } else { "MAX_SESS_STKCTR-1" };
        format!("{n} track-sc number exceeding {} ({limit}) value", counters - 1)
    })
}

/// Whether the number of counters is a setting (2.8). COMPAT: the words of messages tell.
fn tunable(cx: &crate::Cx<'_>) -> bool {
    cx.input.dialect >= rha_vocab::Dialect::V2_8
}

/// `track-sc<n> <key> [table <table>]` of HTTP rules.
pub(super) fn track(r: &mut Reading<'_, '_, '_>) -> Read {
    counter_number(r.cx, &r.word)?;
    let points = r.points();
    let context = r.set.context();
    let expr = r.sample_at(points, context)?;
    let table = table_name(r)?;
    note_track(r, table, expr);
    Ok(Action::Planned(r.word.clone()))
}

/// `table <name>`, if it is there.
fn table_name(r: &mut Reading<'_, '_, '_>) -> Result<String, String> {
    if !r.take("table") {
        return Ok(String::new());
    }
    if r.ends_at(0) {
        return Err("missing table name".to_owned());
    }
    let name = r.text();
    r.at += 1;
    Ok(name)
}

pub(super) fn note_track(r: &mut Reading<'_, '_, '_>, table: String, expr: rha_ir::SampleExpr) {
    r.note(RuleCheckKind::Track(table, Box::new(expr)));
}

/// Complains when there are no counters.
fn counters_on(r: &Reading<'_, '_, '_>) -> Result<u32, String> {
    let counters = super::counters(r.cx);
    if counters == 0 {
        let word = &r.word;
        return Err(format!("Cannot use '{word}', stick-counters are disabled via tune.stick-counters"));
    }
    Ok(counters)
}

/// `(<id>,<counter>)` after a name: the text after the number of the counter must be `)`.
fn counter_after(text: &[u8]) -> (i64, &[u8]) {
    strtol(text, 10)
}

/// `sc-inc-gpc(id,sc)`, `sc-inc-gpc0(sc)`, `sc-inc-gpc1(sc)`.
pub(super) fn inc_gpc(r: &mut Reading<'_, '_, '_>) -> Read {
    let counters = counters_on(r)?;
    let word = r.word.clone();
    let rest = word.as_bytes().strip_prefix(b"sc-inc-gpc").unwrap_or(b"");
    let too_far = |sc: i64| sc >= i64::from(counters);
    let hint = if tunable(r.cx) { " (tune.stick-counters)" } else { "" };
    match rest {
        [b'(', inner @ ..] => {
            let (_, after) = strtol(inner, 10);
            let [b',', inner @ ..] = after else {
                return Err(format!("Missing gpc ID '{word}'. Expects sc-inc-gpc(<GPC ID>,<Track ID>)"));
            };
            let (sc, after) = counter_after(inner);
            if after.first() != Some(&b')') {
                return Err(format!(
                    "invalid stick table track ID '{word}'. Expects sc-inc-gpc(<GPC ID>,<Track ID>)"
                ));
            }
            if too_far(sc) {
                return Err(format!(
                    "invalid stick table track ID '{word}'. The max allowed ID is {}{hint}",
                    counters - 1
                ));
            }
        }
        [b'0' | b'1'] => {}
        [b'0' | b'1', tail @ ..] => {
            let usage = format!("invalid stick table track ID. Expects {word}(<Track ID>)");
            let [b'(', inner @ ..] = tail else { return Err(usage) };
            let (sc, after) = counter_after(inner);
            if after.first() != Some(&b')') {
                return Err(usage);
            }
            if too_far(sc) {
                return Err(format!(
                    "invalid stick table track ID. The max allowed ID is {}{hint}",
                    counters - 1
                ));
            }
        }
        _ => return Err(format!("invalid gpc ID '{word}'. Expects sc-inc-gpc(<GPC ID>,<Track ID>)")),
    }
    Ok(Action::Planned(word))
}

/// `sc-set-gpt(id,sc) { <int> | <expr> }`, `sc-set-gpt0(sc) …`.
pub(super) fn set_gpt(r: &mut Reading<'_, '_, '_>) -> Read {
    let counters = counters_on(r)?;
    let word = r.word.clone();
    let rest = word.as_bytes().strip_prefix(b"sc-set-gpt").unwrap_or(b"");
    let limit = format!("invalid stick table track ID '{word}'. The max allowed ID is {}", counters - 1);
    match rest {
        [b'(', inner @ ..] => {
            let (_, after) = strtol(inner, 10);
            let [b',', inner @ ..] = after else {
                return Err(format!("Missing gpt ID '{word}'. Expects sc-set-gpt(<GPT ID>,<Track ID>)"));
            };
            let (sc, after) = counter_after(inner);
            if after.first() != Some(&b')') {
                return Err(format!(
                    "invalid stick table track ID '{word}'. Expects sc-set-gpt(<GPT ID>,<Track ID>)"
                ));
            }
            if sc >= i64::from(counters) {
                return Err(limit);
            }
        }
        [b'0'] => {}
        [b'0', tail @ ..] => {
            let usage = format!("invalid stick table track ID '{word}'. Expects sc-set-gpt0(<Track ID>)");
            let [b'(', inner @ ..] = tail else { return Err(usage) };
            let (sc, after) = counter_after(inner);
            if after.first() != Some(&b')') {
                return Err(usage);
            }
            if sc >= i64::from(counters) {
                return Err(limit);
            }
        }
        _ => return Err(format!("invalid gpt ID '{word}'. Expects sc-set-gpt(<GPT ID>,<Track ID>)")),
    }
    int_or_sample(r)?;
    Ok(Action::Planned(word))
}

/// `sc-add-gpc(id,sc) { <int> | <expr> }`.
pub(super) fn add_gpc(r: &mut Reading<'_, '_, '_>) -> Read {
    let word = r.word.clone();
    let rest = word.as_bytes().strip_prefix(b"sc-add-gpc").unwrap_or(b"");
    let [b'(', inner @ ..] = rest else {
        return Err(format!(
            "Missing or invalid arguments for '{word}'. Expects sc-add-gpc(<GPC ID>,<Track ID>)"
        ));
    };
    let (_, after) = strtol(inner, 10);
    let [b',', inner @ ..] = after else {
        return Err(format!("Missing gpc ID. Expects {word}(<GPC ID>,<Track ID>)"));
    };
    let (sc, after) = counter_after(inner);
    let shown = String::from_utf8_lossy(inner);
    if after.first() != Some(&b')') {
        return Err(format!("invalid stick table track ID '{shown}'. Expects {word}(<GPC ID>,<Track ID>)"));
    }
    // COMPAT: compared with the compiled-in number of counters, not with tune.stick-counters.
    if sc >= 3 {
        return Err(format!("invalid stick table track ID '{shown}' for '{word}'. The max allowed ID is 2"));
    }
    int_or_sample(r)?;
    Ok(Action::Planned(word))
}

/// An integer that fills the word, or an expression.
fn int_or_sample(r: &mut Reading<'_, '_, '_>) -> Result<(), String> {
    let (_, rest) = strtol(r.bytes(), 10);
    if rest.is_empty() {
        r.at += usize::from(!r.ends_at(0));
        return Ok(());
    }
    let context = r.set.context();
    let expr = r.sample(context)?;
    let points = match r.set {
        Set::TcpConnection | Set::QuicInitial => Checkpoints::FRONT_CONNECTION,
        Set::TcpSession => Checkpoints::FRONT_SESSION,
        Set::TcpRequest => Checkpoints::FRONT_REQUEST_CONTENT,
        Set::TcpResponse => Checkpoints::BACK_RESPONSE_CONTENT,
        Set::HttpRequest => Checkpoints::FRONT_REQUEST_HEADERS,
        Set::HttpResponse | Set::HttpAfterResponse => Checkpoints::BACK_RESPONSE_HEADERS,
    };
    let last = r.args.text(r.at.saturating_sub(1));
    r.must_see(&expr, points, &last)
}

/// `set-priority-class <expr>`, `set-priority-offset <expr>`.
pub(super) fn priority(r: &mut Reading<'_, '_, '_>) -> Read {
    let points = r.request_points();
    let expr = r.sample(ArgContext::None)?;
    let first = r.args.text(0);
    // COMPAT: HTTP rules hand their words over from the action on, TCP rules from the keyword on.
    let first = if r.set == Set::HttpRequest { r.word.clone() } else { first };
    r.must_see(&expr, points, &first)?;
    let part = if r.word.ends_with("class") { PriorityPart::Class } else { PriorityPart::Offset };
    Ok(Action::SetPriority(part, Box::new(expr)))
}
