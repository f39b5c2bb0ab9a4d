//! `cache`.

use super::{row, warn_tight};
use crate::{Cx, Keyword, Line, Place, proxy, units};

/// Rows.
pub const KEYWORDS: &[Keyword] = &[
    row(Place::CACHE, "total-max-size", "<megabytes>", "Size of the cache.", total),
    row(Place::CACHE, "max-object-size", "<bytes>", "Largest response kept.", object),
    row(Place::CACHE, "max-age", "<seconds>", "Longest time a response is kept.", age),
    row(Place::CACHE, "max-secondary-entries", "<number>", "Variants kept of one address.", secondary),
    row(Place::CACHE, "process-vary", "<on|off>", "Whether responses that vary are kept.", vary),
];

fn number(line: &Line) -> Option<u64> {
    let (n, rest) = units::strtol(line.arg(1), 10);
    (!line.arg(1).is_empty() && rest.is_empty()).then(|| u64::try_from(n).unwrap_or(u64::MAX))
}

/// COMPAT: the original warns about a bad line here, and the file is refused all the same because it
/// stops reading the run; only the alert about arguments is fatal by itself.
fn wrong(cx: &mut Cx<'_>, line: &Line) {
    let text = format!("{} wrong value '{}'", line.text(0), line.text(1));
    warn_tight(cx, line, text);
    cx.aborted = true;
}

fn total(cx: &mut Cx<'_>, line: &Line) {
    if proxy::too_many(cx, line, 1, 0) {
        cx.aborted = true;
        return;
    }
    match number(line) {
        None => wrong(cx, line),
        Some(n) if n > 4095 => {
            warn_tight(cx, line, format!("\"total-max-size\" ({n}) must not be greater than 4095"));
            cx.aborted = true;
        }
        Some(n) => {
            cx.others.current.done = true;
            cx.others.current.size = n << 20;
        }
    }
}

fn object(cx: &mut Cx<'_>, line: &Line) {
    if proxy::too_many(cx, line, 1, 0) {
        cx.aborted = true;
        return;
    }
    if line.arg(1).is_empty() {
        warn_tight(cx, line, "'max-object-size' expects a maximum file size parameter in bytes.");
    }
    match number(line) {
        None => wrong(cx, line),
        Some(n) => cx.others.current.largest = n,
    }
}

fn age(cx: &mut Cx<'_>, line: &Line) {
    if proxy::too_many(cx, line, 1, 0) {
        cx.aborted = true;
        return;
    }
    if line.arg(1).is_empty() {
        warn_tight(cx, line, "'max-age' expects an age parameter in seconds.");
    }
}

fn secondary(cx: &mut Cx<'_>, line: &Line) {
    if proxy::too_many(cx, line, 1, 0) {
        cx.aborted = true;
        return;
    }
    if line.arg(1).is_empty() {
        warn_tight(cx, line, "'max-secondary-entries' expects a strictly positive number.");
    }
    if number(line).is_none_or(|n| n == 0) {
        wrong(cx, line);
    }
}

fn vary(cx: &mut Cx<'_>, line: &Line) {
    const TEXT: &str = "'process-vary' expects \"on\" or \"off\" (enable or disable vary processing).";
    if proxy::too_many(cx, line, 1, 0) {
        cx.aborted = true;
        return;
    }
    if line.arg(1).is_empty() {
        warn_tight(cx, line, TEXT);
    }
    if !line.is(1, "on") && !line.is(1, "off") {
        warn_tight(cx, line, TEXT);
    }
}

/// A cache needs a size, and an object must not take more than half of it.
pub fn end(cx: &mut Cx<'_>) {
    let c = std::mem::take(&mut cx.others.current);
    if c.done && c.largest > c.size / 2 {
        let text =
            format!("\"max-object-size\" is limited to an half of \"total-max-size\" => {}", c.size / 2);
        cx.say("HA3024", rha_text::Severity::Error, c.origin, text);
    }
    if !c.done && !c.name.is_empty() {
        let text = format!("Size not specified for cache '{}'", c.name);
        cx.say("HA3024", rha_text::Severity::Error, c.origin, text);
    }
}
