//! `timeout …` and what it was called before 2.1.

use rha_ir::Timeouts;
use rha_vocab::{Dialect, Lifetime};

use super::basics::{overwrites, shown};
use super::rows::{known, row};
use crate::units::{self, TimeError, TimeUnit};
use crate::{Cx, Keyword, Line, Place};

/// Which field, and which side needs it.
struct Timeout {
    name: &'static str,
    side: Place,
    field: fn(&mut Timeouts) -> &mut Option<u32>,
}

const TIMEOUTS: &[Timeout] = &[
    Timeout { name: "client", side: Place::FRONTEND, field: |t| &mut t.client },
    Timeout { name: "tarpit", side: Place::PROXY, field: |t| &mut t.tarpit },
    Timeout { name: "client-hs", side: Place::FRONTEND, field: |t| &mut t.client_hs },
    Timeout { name: "http-keep-alive", side: Place::PROXY, field: |t| &mut t.http_keep_alive },
    Timeout { name: "http-request", side: Place::PROXY, field: |t| &mut t.http_request },
    Timeout { name: "server", side: Place::BACKEND, field: |t| &mut t.server },
    Timeout { name: "connect", side: Place::BACKEND, field: |t| &mut t.connect },
    Timeout { name: "check", side: Place::BACKEND, field: |t| &mut t.check },
    Timeout { name: "queue", side: Place::BACKEND, field: |t| &mut t.queue },
    Timeout { name: "tunnel", side: Place::BACKEND, field: |t| &mut t.tunnel },
    Timeout { name: "client-fin", side: Place::FRONTEND, field: |t| &mut t.client_fin },
    Timeout { name: "server-fin", side: Place::BACKEND, field: |t| &mut t.server_fin },
];

pub(super) const KEYWORDS: &[Keyword] = &[
    row("timeout", Place::PROXY, "<event> <time>", "Sets one of the timeouts.", timeout),
    row("timeout client", Place::FRONT, "<time>", "Limits the silence of clients.", timeout),
    row("timeout server", Place::BACK, "<time>", "Limits the silence of servers.", timeout),
    row(
        "timeout connect",
        Place::BACK,
        "<time>",
        "Limits the time a connection to a server may take.",
        timeout,
    ),
    row("timeout queue", Place::BACK, "<time>", "Limits the wait for a free server slot.", timeout),
    row("timeout check", Place::BACK, "<time>", "Limits a health check once it is connected.", timeout),
    row("timeout tunnel", Place::BACK, "<time>", "Limits the silence of both sides of a tunnel.", timeout),
    row("timeout tarpit", Place::PROXY, "<time>", "Sets how long a tarpitted request is held.", timeout),
    row(
        "timeout http-request",
        Place::PROXY,
        "<time>",
        "Limits the time a whole request head may take.",
        timeout,
    ),
    row("timeout http-keep-alive", Place::PROXY, "<time>", "Limits the wait for the next request.", timeout),
    row(
        "timeout client-fin",
        Place::FRONT,
        "<time>",
        "Limits the silence of clients that closed their side.",
        timeout,
    ),
    row(
        "timeout server-fin",
        Place::BACK,
        "<time>",
        "Limits the silence of servers that closed their side.",
        timeout,
    ),
    known(
        Lifetime::since(3, 0),
        row("timeout client-hs", Place::FRONT, "<time>", "Limits what comes before the first data.", timeout),
    ),
];

fn timeout(cx: &mut Cx<'_>, line: &Line) {
    let name = line.text(1);
    let old = cx.input.dialect < Dialect::V3_0;
    let Some(t) = TIMEOUTS.iter().find(|t| t.name == name && !(old && name == "client-hs")) else {
        let handshake = if old { "" } else { "'handshake', " };
        let text = format!(
            "'timeout' supports 'client', 'server', 'connect', 'check', 'queue', {handshake}'http-keep-alive', 'http-request', 'tunnel', 'tarpit', 'client-fin' and 'server-fin' (got '{name}')"
        );
        return cx.error("HA2101", line, 1, text);
    };
    if line.arg(2).is_empty() {
        let text = format!("'timeout {name}' expects an integer value (in milliseconds)");
        return cx.error("HA2100", line, 2, text);
    }
    let value = line.text(2);
    let ms = match units::time_warned(cx, line.at(2), line.arg(2), TimeUnit::Ms) {
        Ok(ms) => ms,
        Err(e) => {
            let text = match e {
                TimeError::Over => format!(
                    "timer overflow in argument '{value}' to 'timeout {name}' (maximum value is 2147483647 ms or ~24.8 days)"
                ),
                TimeError::Under => format!(
                    "timer underflow in argument '{value}' to 'timeout {name}' (minimum non-null value is 1 ms)"
                ),
                TimeError::Unexpected(c) => {
                    format!("unexpected character '{}' in 'timeout {name}'", shown(c))
                }
            };
            return cx.error("HA2100", line, 2, text);
        }
    };
    let Some(d) = cx.draft.as_mut() else { return };
    let fits =
        t.side.meets(Place::FRONTEND) && d.is_frontend() || t.side.meets(Place::BACKEND) && d.is_backend();
    let before = (t.field)(&mut d.proxy.timeouts).replace(ms).unwrap_or(0);
    let (section, proxy) = (d.word(), d.proxy.name.clone());
    if !line.arg(3).is_empty() {
        let text =
            format!("'timeout {name}' : unexpected extra argument '{}' after value '{value}'.", line.text(3));
        return cx.error("HA2106", line, 3, text);
    }
    if !fits {
        let side = if t.side.meets(Place::BACKEND) { "backend" } else { "frontend" };
        let text =
            format!("'timeout {name}' will be ignored because {section} '{proxy}' has no {side} capability");
        cx.warning("HA2103", line, 0, text);
    } else if overwrites(cx, before, |p| (t.field)(&mut p.timeouts.clone()).unwrap_or(0)) {
        cx.warning("HA3108", line, 0, format!("overwriting 'timeout {name}' which was already specified"));
    }
}
