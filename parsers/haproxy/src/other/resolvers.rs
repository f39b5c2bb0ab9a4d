//! `resolvers`.

use rha_text::Severity;

use super::{fail, peers, row};
use crate::proxy::address::{self, Wants};
use crate::{Cx, Keyword, Line, Place, units};

/// Rows.
pub const KEYWORDS: &[Keyword] = &[
    row(Place::RESOLVERS, "nameserver", "<name> <address>[:port] [param*]", "A name server.", nameserver),
    row(Place::RESOLVERS, "parse-resolv-conf", "", "Takes the name servers of the system.", system),
    row(Place::RESOLVERS, "hold", "<status> <period>", "How long a result of a kind stays.", hold),
    row(Place::RESOLVERS, "resolve_retries", "<nb>", "Questions before giving up.", retries),
    row(Place::RESOLVERS, "timeout", "<event> <time>", "Waits between questions.", timeout),
    row(Place::RESOLVERS, "accepted_payload_size", "<nb>", "Longest answer accepted.", payload),
];

fn nameserver(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(2).is_empty() {
        return fail(cx, line, "'nameserver' expects <name> and <addr>[:<port>] as arguments.");
    }
    let (name, address) = (line.text(1), line.text(2));
    if cx.others.current.entries.contains(&name) {
        let position = cx.position(line.span);
        let before = cx.others.current.entries.iter().position(|n| *n == name);
        let before = before.and_then(|i| cx.others.current.places.get(i)).copied().unwrap_or_default();
        let text = format!(
            "Parsing [{position}]: nameserver '{name}' has same name as another nameserver (declared at {}).",
            cx.position(before)
        );
        return cx.say("HA3021", Severity::Error, line.at(1), text);
    }
    if !address.contains(':') && !address.contains('/') {
        return fail(cx, line, format!("'nameserver {name}' : missing port specification in '{address}'"));
    }
    let wants = Wants::RESOLVE.and(Wants::PORT).and(Wants::PORT_NEEDED).and(Wants::STREAM);
    let wants = wants.and(Wants::DATAGRAM).and(Wants::DEFAULT_DATAGRAM);
    if let Err(e) = address::read(cx, &address, wants) {
        return fail(cx, line, format!("'nameserver {name}' : {}", e.trim_end()));
    }
    cx.others.current.entries.push(name);
    cx.others.current.places.push(line.span);
}

fn system(cx: &mut Cx<'_>, _line: &Line) {
    cx.others.current.done = true;
}

fn hold(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(2).is_empty() {
        fail(cx, line, "'hold' expects an <event> and a <time> as arguments.");
        let text = "<event> can be either 'valid', 'nx', 'refused', 'timeout', or 'other'";
        return cx.say("HA2010", Severity::Error, line.at(1), text);
    }
    const EVENTS: [&str; 6] = ["nx", "other", "refused", "timeout", "valid", "obsolete"];
    if !EVENTS.iter().any(|e| line.is(1, e)) {
        let text = format!(
            "'hold' unknown <event>: '{}', expects either 'nx', 'timeout', 'valid', 'obsolete' or 'other'.",
            line.text(1)
        );
        return fail(cx, line, text);
    }
    peers::section_time(cx, line, "hold");
}

fn retries(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        fail(cx, line, "'resolve_retries' expects <nb> as argument.");
    }
}

fn timeout(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail(cx, line, "'timeout' expects 'retry' or 'resolve' and <time> as arguments.");
    }
    let event = line.text(1);
    if event != "retry" && event != "resolve" {
        let text = format!("'timeout' expects 'retry' or 'resolve' and <time> as arguments got '{event}'.");
        return fail(cx, line, text);
    }
    if line.arg(2).is_empty() {
        return fail(cx, line, format!("'timeout {event}' expects <time> as argument."));
    }
    peers::section_time(cx, line, &format!("timeout {event}"));
}

fn payload(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail(cx, line, "'accepted_payload_size' expects <nb> as argument.");
    }
    let n = units::atoi(line.arg(1));
    if !(12..=65535).contains(&n) {
        let was = line.text(1);
        fail(
            cx,
            line,
            format!("'accepted_payload_size' must be between 12 and 65535 inclusive (was {was})."),
        );
    }
}

/// A section without a name server is worth a warning.
pub fn end(cx: &mut Cx<'_>) {
    let c = std::mem::take(&mut cx.others.current);
    if c.entries.is_empty() && !c.done && !c.name.is_empty() {
        let text =
            format!("resolvers '{}' [{}] has no nameservers configured!", c.name, cx.position(c.origin));
        cx.others.late.push((Severity::Warning, c.origin, text));
    }
}
