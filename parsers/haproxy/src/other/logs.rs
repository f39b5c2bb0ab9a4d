//! `ring`, `log-forward`.

use rha_text::Severity;
use rha_vocab::Dialect;

use super::{any, fail, peers, row};
use crate::proxy::address::{self, Wants};
use crate::{Cx, Keyword, Line, Place, log_target, proxy, units};

/// Rows.
pub const KEYWORDS: &[Keyword] = &[
    row(Place::RING, "description", "<text>", "Text shown with the ring.", description),
    row(Place::RING, "format", "<format>", "How lines are kept.", format),
    row(Place::RING, "maxlen", "<length>", "Longest line.", maxlen),
    row(Place::RING, "size", "<size>", "Size of the ring.", size),
    row(Place::RING, "backing-file", "<path>", "File the ring lives in.", backing_file),
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
    match units::size(line.arg(1)) {
        Ok(n) if n > 0 && u64::from(n) >= cx.others.current.size => cx.others.current.size = n.into(),
        // COMPAT: later versions say nothing.
        Ok(n) if n > 0 && cx.input.dialect >= Dialect::V2_8 => {}
        Ok(n) if n > 0 => {
            let (old, name) = (cx.others.current.size, cx.others.current.name.clone());
            let text = format!(
                "ignoring new size '{n}' that is smaller than current size '{old}' for ring '{name}'."
            );
            cx.warning("HA2010", line, 1, text);
            // COMPAT: 2.6 refuses the file for it without an alert.
            cx.aborted = true;
        }
        _ => fail(cx, line, format!("invalid size '{}' for new sink buffer.", line.text(1))),
    }
}

fn maxlen(cx: &mut Cx<'_>, line: &Line) {
    match units::size(line.arg(1)) {
        Ok(n) if n > 0 => cx.others.current.largest = n.into(),
        _ => fail(cx, line, format!("invalid size '{}' for new sink buffer.", line.text(1))),
    }
}

fn backing_file(cx: &mut Cx<'_>, line: &Line) {
    let (file, name) = (line.text(1), cx.others.current.name.clone());
    // COMPAT: only a folder that is not there is found out without making the file.
    let folder = file.rsplit_once('/').map(|(f, _)| f);
    if file.is_empty() || folder.is_some_and(|f| !f.is_empty() && cx.input.files.look(f).is_err()) {
        let text = format!("cannot open backing-file '{file}' for ring '{name}': No such file or directory.");
        fail(cx, line, text);
    }
}

/// What a ring lacks.
pub fn end_ring(cx: &mut Cx<'_>) {
    let c = std::mem::take(&mut cx.others.current);
    if c.name.is_empty() {
        return;
    }
    let size = if c.size == 0 { 16384 } else { c.size };
    // COMPAT: what 3.0 keeps for itself of a ring.
    let payload = size.saturating_sub(197);
    let old = cx.input.dialect < Dialect::V3_0;
    if c.largest > if old { size } else { payload } {
        let limit = if old {
            format!("size, forced to size '{size}'")
        } else {
            format!("max payload size, forced to '{payload}'")
        };
        let text = format!("ring '{}' event max length '{}' exceeds {limit}.", c.name, c.largest);
        cx.say("HA3020", Severity::Warning, c.origin, text);
    }
    if c.servers > 0 && c.timeouts != [true, true] {
        let text = format!(
            "missing timeouts for backend '{}'.\n   | While not properly invalid, you will certainly encounter various problems\n   | with such a configuration. To fix this, please ensure that all following\n   | timeouts are set to a non-zero value: 'client', 'connect', 'server'.",
            c.name
        );
        cx.say("HA3115", Severity::Warning, c.origin, text);
    }
}

fn server(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(2).is_empty() {
        let position = cx.position(line.span);
        let text = format!("[{position}] : 'server' expects <name> and <addr>[:<port>] as arguments.");
        return cx.say("HA2010", Severity::Error, line.at(0), text);
    }
    let name = line.text(1);
    let read = proxy::parse_server(cx, line, &name, 2);
    cx.others.current.servers += usize::from(read.is_some());
}

fn ring_timeout(cx: &mut Cx<'_>, line: &Line) {
    let what = format!("timeout {}", line.text(1));
    if line.arg(2).is_empty() {
        return fail(cx, line, format!("'{what}' expects <time> as argument."));
    }
    if let Some(given) = cx.others.current.timeouts.get_mut(usize::from(line.is(1, "server"))) {
        *given = true;
    }
    peers::section_time(cx, line, &what);
}

fn bind(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return;
    }
    let before = cx.diagnostics.len();
    let ok = peers::parse_bind(cx, line, "log-forward");
    let bad_address = cx.diagnostics.len() > before && !ok;
    // COMPAT: 2.6 goes on without the address.
    if bad_address && cx.input.dialect < Dialect::V2_8 && line.len() == 2 {
        cx.tolerate();
    }
    cx.others.current.done |= ok;
}

fn dgram_bind(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return;
    }
    for one in line.text(1).split(',').filter(|t| !t.is_empty()) {
        let wants = Wants::RESOLVE.and(Wants::PORT).and(Wants::PORT_NEEDED).and(Wants::RANGE);
        let wants = wants.and(Wants::SOCKET_FD).and(Wants::DATAGRAM);
        if let Err(e) = address::read(cx, one, wants) {
            return fail(cx, line, format!("'dgram-bind {}' : {}", line.text(1), e.trim_end()));
        }
    }
    if let Some((i, hint)) = proxy::unknown_bind_option(cx, line, 2) {
        let text = format!("unknown keyword '{}' in 'log-forward' section{hint}", line.text(i));
        return fail(cx, line, text);
    }
    cx.others.current.done = true;
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
        return fail(cx, line, "missing timeout client value.");
    }
    if let Err(e) = units::time(line.arg(2), units::TimeUnit::Ms) {
        // COMPAT: 2.6 refuses the file without a word.
        cx.aborted = true;
        match e {
            _ if cx.input.dialect < Dialect::V2_8 => {}
            units::TimeError::Unexpected(c) => {
                let text = format!("timeout : unexpected character '{}' in 'timeout client'", c as char);
                fail(cx, line, text);
            }
            units::TimeError::Over => fail(
                cx,
                line,
                format!(
                    "timeout : timer overflow in argument '{}' to 'timeout client' (maximum value is 2147483647 ms or ~24.8 days)",
                    line.text(2)
                ),
            ),
            units::TimeError::Under => fail(
                cx,
                line,
                format!(
                    "timeout : timer underflow in argument '{}' to 'timeout client' (minimum non-null value is 1 ms)",
                    line.text(2)
                ),
            ),
        }
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
