//! What the runtime API is shown of streams, bad messages and variables.

use std::fmt::Write as _;

use rha_admin::view::{Capture, Captures, Named, Stream, Variable};
use rha_base::{ProxyId, Value};
use rha_haproxy::Input;
use rha_ir::Mode;
use rha_net::SocketAddress;
use rha_proxy::{Captured, Plan, StreamSeen};
use rha_syslog::Civil;
use rha_text::{Env, MemoryFiles, Severity};
use rha_vocab::Dialect;

use crate::engine::Engine;

fn named(plan: &Plan, id: ProxyId) -> Option<Named> {
    let p = plan.proxy(id)?;
    let mode = if p.mode == Mode::Http { "http" } else { "tcp" };
    Some(Named { name: p.name.to_string(), id: p.number, mode, address: None })
}

fn server(plan: &Plan, backend: ProxyId, at: usize) -> Option<Named> {
    let p = plan.proxy(backend)?;
    let (s, state) = (p.servers.get(at)?, p.state.servers.get(at)?);
    let address = Some(state.address().to_string());
    Some(Named { name: s.name.to_string(), id: s.number, mode: "", address })
}

/// `dd/Mon/yyyy:hh:mm:ss.` and so many digits of the second.
fn date(wall_us: i64, digits: usize) -> String {
    let s = wall_us.div_euclid(1_000_000);
    let d = Civil::at(s, rha_net::local_time(s).offset_s);
    let fraction = format!("{:06}", wall_us.rem_euclid(1_000_000));
    let mut out = format!("{:02}/{}/{:04}", d.day, d.month_name(), d.year);
    let _ = write!(out, ":{:02}:{:02}:{:02}.{}", d.hour, d.minute, d.second, &fraction[..digits.min(6)]);
    out
}

/// Added to a stream's number: what it is called by looks like the address that it is with the original, and is none
/// that somebody types by mistake.
const FIRST: u64 = 1 << 40;

/// `shutdown session`.
pub fn kill(engine: &Engine, id: u64) -> bool {
    id.checked_sub(FIRST).is_some_and(|number| engine.runtime.kill(number))
}

/// All streams, and the connections to control sockets, which are streams of a frontend of their own.
pub fn streams(engine: &Engine) -> Vec<Stream> {
    let (plan, now) = (engine.runtime.plan(), rha_net::read_clocks());
    let mut all: Vec<Stream> =
        engine.runtime.streams().iter().filter_map(|s| stream(engine, &plan, s, now)).collect();
    for (id, began_us) in engine.control.open() {
        let age_us = now.mono_us.saturating_sub(began_us);
        all.push(Stream {
            // Above all numbers of requests.
            id: 1 << 60 | id,
            protocol: "unix_stream",
            source: "unix:1".to_owned(),
            listener: 1,
            frontend: Named {
                name: "GLOBAL".to_owned(),
                id: 0,
                mode: "tcp",
                address: Some("unix:1".to_owned()),
            },
            began: date(now.wall_us - i64::try_from(age_us).unwrap_or(0), 6),
            age_ms: age_us / 1000,
            descriptor: -1,
            ..Stream::default()
        });
    }
    all
}

fn stream(engine: &Engine, plan: &Plan, s: &StreamSeen, now: rha_base::Now) -> Option<Stream> {
    let mut frontend = named(plan, s.front.0)?;
    let listener = plan.proxy(s.front.0)?.listeners.get(s.front.1 as usize);
    let address = engine.runtime.address(&frontend.name, s.front.1 as usize);
    frontend.address = address.map(|a| a.to_string());
    let number = listener.map_or(0, |l| l.number);
    let protocol = match (s.source, listener.map(|l| &l.address)) {
        (Some(a), _) if a.is_ipv6() => "tcpv6",
        (None, Some(SocketAddress::Unix(_) | SocketAddress::Abstract(_))) => "unix_stream",
        _ => "tcpv4",
    };
    // COMPAT: the backend is named once it is another than the frontend, or can have servers.
    let backend = s.backend.filter(|b| plan.proxy(*b).is_some_and(|p| p.kind.is_backend()));
    Some(Stream {
        id: FIRST + s.number,
        protocol,
        source: s.source.map_or_else(|| format!("unix:{number}"), |a| a.to_string()),
        listener: number,
        listener_name: listener.and_then(|l| l.name.as_ref().map(ToString::to_string)),
        frontend,
        backend: backend.and_then(|b| named(plan, b)),
        server: backend.zip(s.server).and_then(|(b, at)| server(plan, b, at)),
        began: date(s.begun.1, 6),
        age_ms: now.mono_us.saturating_sub(s.begun.0) / 1000,
        expires_ms: (s.expires != rha_base::Tick::NEVER).then(|| s.expires.since(now.tick())),
        descriptor: s.descriptor,
        worker: s.worker,
    })
}

/// Bad requests and responses.
pub fn captures(engine: &Engine) -> Captures {
    let plan = engine.runtime.plan();
    let (total, last) = engine.runtime.shared().captures.read();
    let one = |(proxy, is_response, c): &(ProxyId, bool, Captured)| {
        Some(Capture {
            is_response: *is_response,
            date: date(c.wall_us, 3),
            proxy: named(&plan, *proxy)?,
            other: c.other.and_then(|o| named(&plan, o)),
            server: c.server.and_then(|(b, s)| server(&plan, b, s)),
            event: c.event,
            source: c.source.map_or_else(|| "unix:0".to_owned(), |a| a.to_string()),
            position: c.position,
            state: state_at(&c.bytes, c.position, *is_response),
            room: (c.buffer.saturating_sub(c.bytes.len()), c.buffer),
            bytes: c.bytes.clone(),
        })
    };
    let now = rha_net::read_clocks().wall_us;
    Captures { date: date(now, 3), total, last: last.iter().filter_map(one).collect() }
}

/// Where in a message a byte stands, as the original names and numbers it.
fn state_at(bytes: &[u8], position: usize, is_response: bool) -> (&'static str, u32) {
    let before = bytes.get(..position).unwrap_or(bytes);
    let line_begin = before.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let line = before.get(line_begin..).unwrap_or_default();
    if line_begin > 0 && line.ends_with(b"\r") {
        return ("MSG_HDR_L2_LF", 23);
    }
    if line_begin > 0 {
        return if line.contains(&b':') { ("MSG_HDR_VAL", 22) } else { ("MSG_HDR_NAME", 17) };
    }
    let words = line.iter().filter(|b| **b == b' ').count();
    match (is_response, words) {
        (false, 0) if line.is_empty() => ("MSG_RQBEFORE", 0),
        (false, 0) => ("MSG_RQMETH", 2),
        (false, 1) => ("MSG_RQURI", 4),
        (false, _) => ("MSG_RQVER", 6),
        (true, 0) => ("MSG_RPVER", 10),
        (true, 1) => ("MSG_RPCODE", 12),
        (true, _) => ("MSG_RPREASON", 14),
    }
}

/// A `proc.` variable. COMPAT: one without its scope is not found.
pub fn variable(engine: &Engine, name: &str) -> Option<Variable> {
    let value = engine.runtime.plan().process_variables.get(name.strip_prefix("proc.")?)?;
    let bytes = |b: &[u8]| {
        let shown = |b: &u8| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '.' };
        b.iter().map(shown).collect::<String>()
    };
    let (kind, text) = match &value {
        Value::Bool(b) => ("bool", u8::from(*b).to_string()),
        Value::Int(n) => ("sint", n.to_string()),
        Value::V4(a) => ("ipv4", a.to_string()),
        Value::V6(a) => ("ipv6", a.to_string()),
        Value::Str(s) => ("str", bytes(s)),
        Value::Bin(s) => ("bin", bytes(s)),
        Value::Method(m) => ("meth", bytes(m)),
    };
    Some(Variable { kind, text })
}

/// `set var`: the value is read as a line of the global section would have it.
///
/// # Errors
/// What is wrong with it, in the original's words.
pub fn set_variable(engine: &Engine, name: &str, format: bool, value: &str) -> Result<(), String> {
    if let Some((scope, _)) = name.split_once('.')
        && matches!(scope, "sess" | "txn" | "req" | "res" | "check")
    {
        return Err(format!("'set var': cannot set variable '{name}', only scope 'proc' is permitted here."));
    }
    // COMPAT: the words are those of the action that this stands for.
    let rest = name.strip_prefix("proc.").unwrap_or_default();
    if let Some(at) = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_') {
        return Err(format!("invalid syntax at char '{})'", name.get(at..).unwrap_or_default()));
    }
    if rest.is_empty() {
        return Err(format!(
            "invalid variable name '{name}'. A variable name must be start by its scope. The scope can be 'proc', \
             'sess', 'txn', 'req', 'res' or 'check'"
        ));
    }
    let keyword = if format { "set-var-fmt" } else { "set-var" };
    let text = format!("global\n{keyword} {} {}\n", quoted(name), quoted(value));
    let files = MemoryFiles([("CLI".to_owned(), text.into_bytes())].into());
    let parsed = rha_haproxy::parse(&Input {
        paths: &["CLI".to_owned()],
        files: &files,
        env: Env::default(),
        dialect: engine.dialect,
        samples: rha_sample::vocab_for(engine.dialect),
        ignore_resolution: true,
        resolve: &|_, _| None,
        descriptor: &|_| Ok(()),
        diag: false,
        version: crate::version::full(engine.dialect),
    });
    let Some((_, made)) = parsed.model.process.set_vars.first() else {
        let wrong = parsed.diagnostics.iter().find(|d| d.severity == Severity::Error);
        return Err(wrong.map_or_else(String::new, |d| said(d, engine.dialect)));
    };
    let plan = engine.runtime.plan();
    if let Some(v) = plan.evaluate(made)? {
        plan.process_variables.set(rest, v);
    }
    Ok(())
}

/// The words of the finding, without the place it was found at.
fn said(d: &rha_text::Diagnostic, _: Dialect) -> String {
    let text = d.native.as_ref().map_or(d.message.as_str(), |n| n.text.as_str());
    let text = text.split_once("] : ").map_or(text, |(_, rest)| rest);
    text.trim_start_matches("'set-var' : ").trim_end_matches('\n').to_owned()
}

/// A word of the configuration, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_the_originals_names() {
        for (text, at, response, name) in [
            ("GET /x HTTP/1.1\r\nBa d: x", 19, false, "MSG_HDR_NAME"),
            ("GET /x HTTP/1.1\r\nA: x\0", 21, false, "MSG_HDR_VAL"),
            ("GET /\x01 HTTP/1.1\r\n", 5, false, "MSG_RQURI"),
            ("\x16\x03", 0, false, "MSG_RQBEFORE"),
            ("garbage", 0, true, "MSG_RPVER"),
            ("HTTP/1.1 2x0 OK\r\n", 10, true, "MSG_RPCODE"),
        ] {
            assert_eq!(state_at(text.as_bytes(), at, response).0, name, "{text:?}");
        }
    }

    #[test]
    fn dates_are_of_the_log_format() {
        let shown = date(1_700_000_000_123_456, 3);
        assert!(shown.ends_with(".123") && shown.contains("/Nov/2023:"), "{shown}");
    }
}
