//! `peers` and `mailers`.

use rha_text::Severity;
use rha_vocab::{Dialect, Lifetime};

use super::{any, fail, fail_tight, known, row};
use crate::proxy::address::{self, Wants};
use crate::units::{self, TimeError, TimeUnit};
use crate::{Cx, Keyword, Line, Place};

/// Rows.
pub const KEYWORDS: &[Keyword] = &[
    row(
        Place::PEERS,
        "bind",
        "[<address>]:port [param*]",
        "Address this node listens on for its peers.",
        bind,
    ),
    row(Place::PEERS, "default-bind", "[param*]", "Options of the bind lines of the section.", default_bind),
    row(Place::PEERS, "default-server", "[param*]", "Options of the peers of the section.", default_server),
    row(
        Place::PEERS,
        "server",
        "<peername> [<ip>:<port>] [param*]",
        "A peer with options of its own.",
        server,
    ),
    row(Place::PEERS, "peer", "<peername> [<address>]:port [param*]", "A node that shares the tables.", peer),
    row(Place::PEERS, "log", "<target> <facility> [<level>]", "Where events of peers are logged.", log),
    row(Place::PEERS, "disabled", "", "Switches the section off.", disabled),
    row(Place::PEERS, "enabled", "", "Switches the section on.", any),
    row(
        Place::PEERS,
        "table",
        "<tablename> type <type> size <size> …",
        "A stick table of the section.",
        table,
    ),
    known(Lifetime::since(2, 8), row(Place::PEERS, "shards", "<shards>", "Spreads keys over peers.", shards)),
    row(Place::MAILERS, "mailer", "<mailername> <ip>:<port>", "A mail server.", mailer),
    row(Place::MAILERS, "timeout", "mail <time>", "How long a mail may take.", timeout),
];

fn bind(cx: &mut Cx<'_>, line: &Line) {
    // COMPAT: a bind line alone does nothing until a server line names this node.
    if line.arg(1).is_empty() {
        return;
    }
    let before = cx.others.current.bind.replace(line.span);
    if let Some(before) = before {
        let at = cx.position(before);
        let text = format!(
            "One listener per \"peers\" section is authorized but another is already configured at [{at}]."
        );
        return fail(cx, line, text);
    }
    parse_bind(cx, line, "peers");
}

/// A `bind` line of these sections; whether it could be read.
///
/// COMPAT: what is wrong with the address names it too.
pub fn parse_bind(cx: &mut Cx<'_>, line: &Line, section: &'static str) -> bool {
    let result = crate::proxy::parse_bind(cx, line, 1, 2, section);
    if let Err(None) = result
        && let Some(n) = cx.diagnostics.last_mut().and_then(|d| d.native.as_mut())
    {
        let keyword = line.text(0);
        n.text = n.text.replacen(&format!("'{keyword}' : "), &format!("'{keyword} {}' : ", line.text(1)), 1);
    }
    result.is_ok()
}

fn default_bind(cx: &mut Cx<'_>, line: &Line) {
    crate::proxy::parse_bind_options(cx, line, "peers");
}

fn default_server(cx: &mut Cx<'_>, line: &Line) {
    crate::proxy::parse_default_server(cx, line);
}

fn disabled(cx: &mut Cx<'_>, _line: &Line) {
    cx.others.current.done = true;
}

fn server(cx: &mut Cx<'_>, line: &Line) {
    let name = line.text(1);
    if !line.arg(2).is_empty() {
        crate::proxy::parse_server(cx, line, &name, 2);
    }
    cx.others.current.entries.push(name);
}

fn peer(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(2).is_empty() {
        if cx.input.dialect >= Dialect::V2_8 {
            let text =
                format!("'peer {}' : ignoring invalid peer definition (missing address:port)", line.text(1));
            cx.warning("HA3022", line, 1, text);
        }
        return;
    }
    let (name, address) = (line.text(1), line.text(2));
    let position = cx.position(line.span);
    let say = |cx: &mut Cx<'_>, text: String| {
        cx.say(
            "HA2200",
            Severity::Error,
            line.at(2),
            format!("[{position}] : 'server (null)/{name}' : {text}"),
        );
    };
    let port = address.rsplit_once(':').map(|(_, p)| p.to_owned());
    match port {
        None if cx.input.dialect >= Dialect::V2_8 && !address.starts_with('/') && !address.contains('@') => {
            return say(cx, format!("missing port specification in '{address}'"));
        }
        Some(p) if p.parse::<u16>().is_err() => return say(cx, format!("invalid port '{p}'")),
        _ => {}
    }
    let wants = Wants::RESOLVE.and(Wants::PORT).and(Wants::STREAM);
    if let Err(e) = address::read(cx, &address, wants) {
        return say(cx, e.trim_end().to_owned());
    }
    if !crate::proxy::parse_server_options(cx, line, &name, 3) {
        return;
    }
    cx.others.current.entries.push(name);
}

/// `peers p` without the local peer is dropped with a warning.
pub fn end_peers(cx: &mut Cx<'_>) {
    let c = std::mem::take(&mut cx.others.current);
    let own = cx.env.value(b"HAPROXY_LOCALPEER").map(|v| String::from_utf8_lossy(v).into_owned());
    let Some(own) = own else { return };
    if !c.done && !c.name.is_empty() && !c.entries.contains(&own) {
        let text = format!("Removing incomplete section 'peers {}' (no peer named '{own}').", c.name);
        cx.others.late.push((Severity::Warning, c.origin, text));
    }
}

/// COMPAT: mail servers that no proxy sends alerts to are dropped with a warning, the last section first.
pub fn finish_mailers(cx: &mut Cx<'_>) {
    let unused: Vec<_> = (cx.others.named.iter().rev())
        .filter(|(kind, name, _)| *kind == "mailers" && !cx.proxies.uses_mailers(name))
        .cloned()
        .collect();
    for (_, name, span) in unused {
        let text = format!("Removing incomplete section 'mailers {name}'.");
        cx.say_late("HA3020", Severity::Warning, span, text);
    }
}

fn log(cx: &mut Cx<'_>, line: &Line) {
    if let Err(text) = crate::log_target::parse(cx, line, false) {
        cx.error("HA2300", line, 1, format!("log : {text}"));
    }
}

fn table(cx: &mut Cx<'_>, line: &Line) {
    let at = |word: &str| (2..line.len()).find(|i| line.is(*i, word));
    const TYPES: [&str; 6] = ["ip", "ipv6", "integer", "string", "binary", "ipv4"];
    if let Some(i) = at("type") {
        let kind = line.text(i + 1);
        if !TYPES.contains(&kind.as_str()) {
            return fail(cx, line, format!("table: unknown type '{kind}'."));
        }
    }
    if at("size").is_none() {
        return fail(cx, line, "table: missing size.");
    }
    let name = format!("{}/{}", cx.others.current.name, line.text(1));
    cx.rules.tables.push(name);
}

fn shards(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail(cx, line, "'shards' : missing value");
    }
    if !units::strtol(line.arg(1), 10).1.is_empty() {
        return fail(cx, line, format!("'shards' : expects an integer argument, found '{}'", line.text(1)));
    }
    if units::atoi(line.arg(1)) <= 0 {
        fail(cx, line, "'shards' : expects a strictly positive integer argument");
    }
}

fn mailer(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(2).is_empty() {
        return fail(cx, line, "'mailer' expects <name> and <addr>[:<port>] as arguments.");
    }
    let (name, address) = (line.text(1), line.text(2));
    if !address.contains(':') {
        return fail(cx, line, format!("'mailer {name}' : missing port specification in '{address}'"));
    }
    let wants = Wants::RESOLVE.and(Wants::PORT).and(Wants::PORT_NEEDED).and(Wants::STREAM);
    if let Err(e) = address::read(cx, &address, wants.and(Wants::CONNECT)) {
        fail(cx, line, format!("'mailer {name}' : {}", e.trim_end()));
    }
}

fn timeout(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail(cx, line, "'timeout' expects 'mail' and <time> as arguments.");
    }
    if !line.is(1, "mail") {
        let text = format!("'timeout' expects 'mail' and <time> as arguments got '{}'.", line.text(1));
        return fail(cx, line, text);
    }
    if line.arg(2).is_empty() {
        return fail(cx, line, "'timeout mail' expects <time> as argument.");
    }
    section_time(cx, line, "timeout mail");
}

/// The time at word 2, in the words these sections use.
pub fn section_time(cx: &mut Cx<'_>, line: &Line, what: &str) {
    let value = line.text(2);
    match units::time(line.arg(2), TimeUnit::Ms) {
        Ok(_) => {}
        Err(TimeError::Over) => fail_tight(
            cx,
            line,
            format!(
                "timer overflow in argument <{value}> to <{what}>, maximum value is 2147483647 ms (~24.8 days)."
            ),
        ),
        Err(TimeError::Under) => fail_tight(
            cx,
            line,
            format!("timer underflow in argument <{value}> to <{what}>, minimum non-null value is 1 ms."),
        ),
        Err(TimeError::Unexpected(c)) => {
            fail_tight(cx, line, format!("unexpected character '{}' in argument to <{what}>.", c as char));
        }
    }
}
