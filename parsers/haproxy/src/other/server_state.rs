//! `server-state-file`, `load-server-state-from-file`: the state that servers had in a process before.
//!
//! Version 1 of the format, management guide §9.3 "show servers state". The whole file is read once; what is wrong
//! with it is a warning at most. COMPAT: rules and words as HAProxy 2.6 and 3.0 have them (`server_state/*`).

use std::collections::HashMap;
use std::net::IpAddr;

use rha_ir::{RestoredState, ServerExtra, StateSource};
use rha_text::{Severity, Span};
use rha_vocab::Dialect;

use crate::cx::Cx;

/// Fields of a line: at least, and at most.
const FIELDS: (usize, usize) = (20, 25);
/// The highest number of a check's status.
const STATUSES: i64 = 28;

/// Lines of a file by backend and server.
type Lines = HashMap<(String, String), Vec<String>>;

/// Reads the files and gives servers what they say.
pub fn load(cx: &mut Cx<'_>) {
    let span = cx.others.state_file.unwrap_or_default();
    let global = match cx.model.process.server_state_file.clone() {
        Some(name) => {
            let path = path(cx, &name);
            let titles = Titles::global(&path);
            read(cx, &path, &titles, span, None)
        }
        None => None,
    };
    let mut global = global.map(|(lines, _)| lines);
    for i in 0..cx.model.proxies.len() {
        let Some(p) = cx.model.proxies.get(i) else { continue };
        if !p.kind.is_backend() || p.disabled || p.service.servers.is_empty() {
            continue;
        }
        let (name, origin) = (p.name.clone(), p.origin);
        let file = p.state_file.clone();
        match p.state_source {
            None => {}
            Some(StateSource::Global) => {
                if let Some(lines) = &mut global {
                    give(cx, i, lines);
                }
            }
            Some(StateSource::Local) => {
                let path = path(cx, file.as_deref().unwrap_or(&name));
                let titles = Titles::local(&name, &path);
                let Some((mut lines, order)) = read(cx, &path, &titles, origin, Some(i)) else { continue };
                give(cx, i, &mut lines);
                for server in order.iter().filter(|s| lines.contains_key(&(name.clone(), (*s).clone()))) {
                    let text = format!("Proxy '{name}': can't find server '{server}' in backend '{name}'");
                    cx.say_late("HA3020", Severity::Warning, origin, text);
                }
            }
        }
    }
}

fn path(cx: &Cx<'_>, name: &str) -> String {
    match &cx.others.state_base {
        Some(base) if !name.starts_with('/') => {
            format!("{base}{}{name}", if base.ends_with('/') { "" } else { "/" })
        }
        _ => name.to_owned(),
    }
}

/// How a file's troubles are told.
struct Titles {
    missing: String,
    empty: String,
    version: String,
    corrupted: String,
    end: &'static str,
}

impl Titles {
    fn global(path: &str) -> Titles {
        Titles {
            missing: format!("config: Can't open global server state file '{path}'"),
            empty: format!("config: Empty global server state file '{path}'."),
            version: format!("config: Can't get version of the global server state file '{path}'."),
            corrupted: format!("config: corrupted global server state file '{path}' at line"),
            end: "",
        }
    }

    fn local(name: &str, path: &str) -> Titles {
        Titles {
            missing: format!("Proxy '{name}': Can't open server state file '{path}'"),
            empty: format!("Proxy '{name}': Empty server state file '{path}'."),
            version: format!("Proxy '{name}': Can't get version of the server state file '{path}'."),
            corrupted: format!("Proxy '{name}': corrupted server state file '{path}' at line"),
            end: ".",
        }
    }
}

/// The lines of a file, and the servers in their order; `None` after telling why there are none.
fn read(
    cx: &mut Cx<'_>,
    path: &str,
    titles: &Titles,
    span: Span,
    backend: Option<usize>,
) -> Option<(Lines, Vec<String>)> {
    // COMPAT: before 2.8 these two are warnings.
    let mild = if cx.input.dialect >= Dialect::V2_8 { Severity::Notice } else { Severity::Warning };
    let text = match cx.input.files.read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) => {
            let missing = e.kind() == std::io::ErrorKind::NotFound;
            let why = match missing {
                true => "No such file or directory".to_owned(),
                false => e.to_string().split(" (os error").next().unwrap_or_default().to_owned(),
            };
            let severity = if missing { mild } else { Severity::Warning };
            let text = format!("{}: {why}{}", titles.missing, titles.end);
            cx.say_late("HA3020", severity, span, text);
            return None;
        }
    };
    let mut rest = text.split_inclusive('\n');
    let first = rest.next().unwrap_or_default();
    if first.is_empty() && cx.input.dialect >= Dialect::V2_8 {
        cx.say_late("HA3020", mild, span, &titles.empty);
        return None;
    }
    if !first.ends_with('\n') || first.trim() != "1" {
        cx.say_late("HA3020", Severity::Warning, span, &titles.version);
        return None;
    }
    let (mut lines, mut order) = (Lines::new(), Vec::new());
    for (line, number) in rest.zip(1..) {
        let fields: Vec<String> =
            line.split([' ', '\t', '\n']).filter(|f| !f.is_empty()).map(str::to_owned).collect();
        let is_comment = fields.first().is_none_or(|f| f.starts_with('#'));
        if line.ends_with('\n') && is_comment {
            continue;
        }
        if !line.ends_with('\n') || fields.len() < FIELDS.0 {
            let text = format!("{} {number}.", titles.corrupted);
            cx.say_late("HA3020", Severity::Warning, span, text);
            return None;
        }
        let Some(name) = owner(cx, &fields, backend, span) else { continue };
        let server = fields.get(3).cloned().unwrap_or_default();
        let key = (name, server.clone());
        if let std::collections::hash_map::Entry::Vacant(place) = lines.entry(key) {
            order.push(server);
            place.insert(fields.into_iter().take(FIELDS.1).collect());
        }
    }
    Some((lines, order))
}

/// The backend a line is of: what it says, and in a backend's own file that one, if it is meant.
fn owner(cx: &mut Cx<'_>, fields: &[String], backend: Option<usize>, span: Span) -> Option<String> {
    let field = |i: usize| fields.get(i).map_or("", String::as_str);
    let Some(p) = backend.and_then(|b| cx.model.proxies.get(b)) else { return Some(field(1).to_owned()) };
    let (name, id) = (p.name.clone(), p.id);
    let same_id = field(0).parse() == Ok(id);
    match (same_id, field(1) == name) {
        (true, true) => Some(name),
        (false, false) => None,
        (false, true) => {
            let text = format!(
                "Proxy '{name}': backend ID mismatch: from server state file: '{}', from running config '{id}'",
                field(0)
            );
            cx.say_late("HA3020", Severity::Warning, span, text);
            Some(name)
        }
        (true, false) => {
            let text = format!(
                "Proxy '{name}': backend name mismatch: from server state file: '{}', from running config '{name}'",
                field(1)
            );
            cx.say_late("HA3020", Severity::Warning, span, text);
            (field(15) == "1").then_some(name)
        }
    }
}

fn give(cx: &mut Cx<'_>, proxy: usize, lines: &mut Lines) {
    let Some(p) = cx.model.proxies.get_mut(proxy) else { return };
    let mut said = Vec::new();
    for s in &mut p.service.servers {
        let Some(fields) = lines.remove(&(p.name.clone(), s.name.clone())) else { continue };
        let mut wrong = String::new();
        let (state, is_whole) = match state(&fields, &mut wrong) {
            Some(mut state) => {
                let is_whole = aims(&fields, &mut state, &mut wrong);
                (Some(state), is_whole)
            }
            None => (None, false),
        };
        if !is_whole {
            let how = if state.is_some() { "partially applied" } else { "application failed" };
            said.push((s.origin, format!("server-state {how} for server '{}/{}'{wrong}", p.name, s.name)));
        }
        if let Some(state) = state {
            s.extra.get_or_insert_with(|| Box::new(ServerExtra::default())).restored = Some(state);
        }
    }
    for (origin, text) in said {
        cx.say_late("HA3020", Severity::Warning, origin, text);
    }
}

/// A number as `strtol` reads it: what follows the digits is not looked at.
fn number(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse::<i64>().ok().map(|n| sign * n)
}

/// What a line says of a server; `None` with what is invalid in it.
fn state(fields: &[String], wrong: &mut String) -> Option<RestoredState> {
    let field = |i: usize| fields.get(i).map_or("", String::as_str);
    let mut take = |i: usize, name: &str, ok: &dyn Fn(i64) -> bool| {
        let n = number(field(i)).filter(|n| ok(*n));
        if n.is_none() {
            wrong.push_str(&format!(", invalid {name} value '{}'", field(i)));
        }
        n.unwrap_or(0)
    };
    let operation = take(5, "srv_op_state", &|n| (0..=3).contains(&n));
    // Inherited and unresolved are found out anew.
    let admin = take(6, "srv_admin_state", &|n| matches!(n & !0x72, 0 | 1 | 4 | 5 | 8 | 12)) & !0x72;
    let user_weight = take(7, "srv_uweight", &|n| (0..=256).contains(&n));
    let initial_weight = take(8, "srv_iweight", &|n| (0..=256).contains(&n));
    let changed_s = take(9, "srv_last_time_change", &|_| true);
    let status = take(10, "srv_check_status", &|n| n < STATUSES);
    let result = take(11, "srv_check_result", &|n| (0..=4).contains(&n));
    let health = take(12, "srv_check_health", &|_| true);
    let check = take(13, "srv_check_state", &|n| n & !0x1f == 0);
    let agent = take(14, "srv_agent_state", &|n| n & !0x1f == 0);
    take(15, "bk_f_forced_id", &|n| n == 0 || n == 1);
    take(16, "srv_f_forced_id", &|n| n == 0 || n == 1);
    let port = number(field(18)).unwrap_or(0);
    if port > i64::from(u16::MAX) {
        wrong.push_str(&format!(", invalid srv_port value '{}'", field(18)));
    }
    if !wrong.is_empty() {
        return None;
    }
    let small = |n: i64| u32::try_from(n).unwrap_or(0);
    Some(RestoredState {
        operation: u8::try_from(operation).unwrap_or(0),
        admin: u8::try_from(admin).unwrap_or(0),
        weights: (small(user_weight), small(initial_weight)),
        changed_s: u64::try_from(changed_s).unwrap_or(0),
        check: (u8::try_from(status).unwrap_or(0), u8::try_from(result).unwrap_or(0)),
        health: small(health),
        check_state: small(check),
        agent_state: small(agent),
        port: u16::try_from(port).ok(),
        ..RestoredState::default()
    })
}

/// Where checks and the agent's go; false with what is invalid.
fn aims(fields: &[String], state: &mut RestoredState, wrong: &mut String) -> bool {
    let field = |i: usize| fields.get(i).map(String::as_str);
    let mut one = |address: usize, port: usize| {
        let mut to =
            (None, field(port).and_then(number).and_then(|n| u16::try_from(n).ok()).filter(|n| *n != 0));
        if let Some(text) = field(address).filter(|t| *t != "-") {
            match text.parse::<IpAddr>() {
                Ok(ip) => to.0 = Some(ip),
                Err(_) => {
                    wrong.push_str(&format!(", invalid addr '{text}'"));
                    return None;
                }
            }
        }
        Some(to)
    };
    let Some(check) = one(22, 21) else { return false };
    state.check_to = check;
    let Some(agent) = one(23, 24) else { return false };
    state.agent_to = agent;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> (Option<RestoredState>, String) {
        let fields: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let mut wrong = String::new();
        (state(&fields, &mut wrong), wrong)
    }

    #[test]
    fn values_are_checked_one_by_one() {
        let (s, _) = line("3 b 1 s1 127.0.0.9 2 0 5 10 100 1 0 4 6 0 0 0 - 7102 -");
        let s = s.unwrap_or_default();
        assert_eq!((s.operation, s.weights, s.changed_s, s.health, s.port), (2, (5, 10), 100, 4, Some(7102)));
        let (s, wrong) = line("3 b 1 s1 127.0.0.9 9 2 257 -1 abc 99 7 99 99 99 2 1 x 70000 -");
        assert_eq!(s, None);
        assert_eq!(
            wrong,
            ", invalid srv_op_state value '9', invalid srv_uweight value '257', invalid srv_iweight value '-1', \
             invalid srv_last_time_change value 'abc', invalid srv_check_status value '99', invalid \
             srv_check_result value '7', invalid srv_check_state value '99', invalid srv_agent_state value '99', \
             invalid bk_f_forced_id value '2', invalid srv_port value '70000'"
        );
        assert_eq!((number("12x"), number("-3"), number("x")), (Some(12), Some(-3), None));
    }
}
