//! `ring`, `log-forward`, `log-profile`, `traces`.

use rha_text::Severity;
use rha_vocab::Lifetime;

use super::{any, fail, known, peers, row};
use crate::{Cx, Keyword, Line, Place, log_target, proxy, units};

const V32: Lifetime = Lifetime::since(3, 2);

/// Rows.
pub const KEYWORDS: &[Keyword] = &[
    row(Place::RING, "description", "<text>", "Text shown with the ring.", description),
    row(Place::RING, "format", "<format>", "How lines are kept.", format),
    row(Place::RING, "maxlen", "<length>", "Longest line.", size),
    row(Place::RING, "size", "<size>", "Size of the ring.", size),
    row(Place::RING, "backing-file", "<path>", "File the ring lives in.", any),
    row(Place::RING, "server", "<name> <address> [param*]", "Where lines are sent on.", server),
    row(Place::RING, "timeout", "", "What none of the other timeouts takes.", any),
    row(Place::RING, "timeout connect", "<timeout>", "How long a connection may take.", ring_timeout),
    row(Place::RING, "timeout server", "<timeout>", "How long a server may be silent.", ring_timeout),
    row(Place::LOG_FORWARD, "bind", "<addr> [param*]", "Where lines come in over TCP.", bind),
    row(Place::LOG_FORWARD, "dgram-bind", "<addr> [param*]", "Where lines come in over UDP.", dgram_bind),
    row(Place::LOG_FORWARD, "log", "<target> <facility> [<level>]", "Where lines go.", log),
    row(Place::LOG_FORWARD, "maxconn", "<conns>", "Most connections.", number),
    row(Place::LOG_FORWARD, "backlog", "<conns>", "Connections that may wait.", number),
    row(Place::LOG_FORWARD, "timeout", "", "What none of the other timeouts takes.", other_timeout),
    row(
        Place::LOG_FORWARD,
        "timeout client",
        "<timeout>",
        "How long a client may be silent.",
        client_timeout,
    ),
    known(V32, row(Place::LOG_FORWARD, "option", "<option>", "An option of the section.", any)),
    known(V32, row(Place::LOG_PROFILE, "log-tag", "<tag>", "Program name in these lines.", any)),
    known(
        V32,
        row(
            Place::LOG_PROFILE,
            "on",
            "<step> [drop] [format <fmt>] [sd <fmt>]",
            "What is logged at a step.",
            any,
        ),
    ),
    known(V32, row(Place::TRACES, "trace", "<args...>", "Switches a trace on.", any)),
];

fn description(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        fail(cx, line, "missing ring description text.");
    }
}

fn format(cx: &mut Cx<'_>, line: &Line) {
    const FORMATS: [&str; 8] = ["local", "rfc3164", "rfc5424", "priority", "short", "timed", "iso", "raw"];
    if !FORMATS.iter().any(|f| line.is(1, f)) {
        fail(cx, line, format!("unknown format '{}'.", line.text(1)));
    }
}

fn size(cx: &mut Cx<'_>, line: &Line) {
    if units::size(line.arg(1)).map_or(true, |n| n == 0) {
        fail(cx, line, format!("invalid size '{}' for new sink buffer.", line.text(1)));
    }
}

fn server(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(2).is_empty() {
        let position = cx.position(line.span);
        let text = format!("[{position}] : 'server' expects <name> and <addr>[:<port>] as arguments.");
        cx.say("HA2010", Severity::Error, line.at(0), text);
    }
}

fn ring_timeout(cx: &mut Cx<'_>, line: &Line) {
    let what = format!("timeout {}", line.text(1));
    if line.arg(2).is_empty() {
        return fail(cx, line, format!("'{what}' expects <time> as argument."));
    }
    peers::section_time(cx, line, &what);
}

fn bind(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return;
    }
    cx.others.current.done = true;
    let _ = proxy::parse_bind(cx, line, 1, 2, "log-forward");
}

fn dgram_bind(cx: &mut Cx<'_>, line: &Line) {
    cx.others.current.done |= !line.arg(1).is_empty();
}

fn log(cx: &mut Cx<'_>, line: &Line) {
    if let Err(text) = log_target::parse(cx, line, false) {
        cx.error("HA2300", line, 1, format!("log : {text}"));
    }
}

fn number(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail(cx, line, format!("'{}' expects an integer argument.", line.text(0)));
    }
    proxy::too_many(cx, line, 1, 0);
}

fn other_timeout(cx: &mut Cx<'_>, line: &Line) {
    fail(cx, line, format!("unknown keyword 'timeout {}' in log-forward section.", line.text(1)));
}

fn client_timeout(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(2).is_empty() {
        fail(cx, line, "missing timeout client value.");
    }
}

/// A section nothing comes in to is worth a warning.
pub fn end_log_forward(cx: &mut Cx<'_>) {
    let c = std::mem::take(&mut cx.others.current);
    if !c.done && !c.name.is_empty() {
        let text = format!(
            "frontend '{}' has no 'bind' directive. Please declare it as a backend if this was intended.",
            c.name
        );
        cx.others.late.push((Severity::Warning, c.origin, text));
    }
}
