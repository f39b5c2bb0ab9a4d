//! What the statistics page's forms ask for, `stats admin`: reading a posted form and obeying it.
//!
//! A form names servers (`s`), an action (`action`) and a backend (`b`, a name or `#` and an id). COMPAT: whatever
//! comes of it, the browser is sent back to the page, which tells (`admin/stats-admin-*`).

use rha_admin::view::{Change, Force, ServerAt, Site as _, Wish};
use rha_base::ProxyId;
use rha_health::{Admin, Cause, Checked, Operation};
use rha_ir::Stats;
use rha_proxy::LocalPage;

use crate::engine::Engine;

/// What came of a form; the words are those of the address the browser is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// `stats admin` does not allow it.
    Denied,
    /// All of it was done.
    Done,
    /// Something in it is unknown.
    Wrong,
    /// More than fits the buffer.
    TooLong,
    /// Nothing was asked for, or nothing was to be changed.
    Nothing,
    /// Some of it was done.
    Partly,
}

const WORDS: [(Outcome, &str, &str); 6] = [
    (Outcome::Denied, "DENY", "Action denied."),
    (Outcome::Done, "DONE", "Action processed successfully."),
    (Outcome::Wrong, "ERRP", "Action not processed: invalid parameters."),
    (Outcome::TooLong, "EXCD", "Action not processed: too much data at once."),
    (Outcome::Nothing, "NONE", "Nothing has changed."),
    (Outcome::Partly, "PART", "Action partially processed."),
];

/// What an action does to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    State(Wish),
    Flag(Admin, bool, &'static str),
    Checks(bool),
    Agents(bool),
    Health(Force),
    Agent(Force),
    Shutdown,
}

const ACTIONS: [(&str, Action); 17] = [
    ("ready", Action::State(Wish::Ready)),
    ("drain", Action::State(Wish::Drain)),
    ("maint", Action::State(Wish::Maint)),
    ("shutdown", Action::Shutdown),
    ("dhlth", Action::Checks(false)),
    ("ehlth", Action::Checks(true)),
    ("hrunn", Action::Health(Force::Up)),
    ("hnolb", Action::Health(Force::Stopping)),
    ("hdown", Action::Health(Force::Down)),
    ("dagent", Action::Agents(false)),
    ("eagent", Action::Agents(true)),
    ("arunn", Action::Agent(Force::Up)),
    ("adown", Action::Agent(Force::Down)),
    ("disable", Action::Flag(Admin::FORCED_MAINT, true, "'disable' on stats page")),
    ("enable", Action::Flag(Admin::FORCED_MAINT, false, "")),
    ("stop", Action::Flag(Admin::FORCED_DRAIN, true, "'stop' on stats page")),
    ("start", Action::Flag(Admin::FORCED_DRAIN, false, "")),
];

/// Does what a form asks for.
pub fn obey(engine: &Engine, page: ProxyId, stats: &Stats, form: &[u8]) -> Outcome {
    let Some(fields) = fields(form) else { return Outcome::Wrong };
    // The last of each counts: that is where the form has them.
    let last = |name: &[u8]| fields.iter().rev().find(|(k, _)| k == name).map(|(_, v)| v.as_slice());
    let plan = engine.runtime.plan();
    let named = last(b"b").and_then(|b| std::str::from_utf8(b).ok());
    let id = named.and_then(|n| n.strip_prefix('#')).and_then(|n| n.parse::<u32>().ok());
    let found = plan
        .proxies
        .iter()
        .find(|p| p.kind.is_backend() && (Some(&*p.name) == named || id.is_some_and(|n| n == p.number)));
    if named.is_some() && !stats.scope.is_empty() {
        let own = plan.proxy(page).map_or("", |p| &p.name);
        let shown = |name: &str| stats.scope.iter().any(|s| s.0 == name || s.0 == "." && name == own);
        if !found.is_some_and(|p| shown(&p.name)) {
            return Outcome::Denied;
        }
    }
    if named.is_some() && found.is_none() {
        return Outcome::Wrong;
    }
    let action = match last(b"action") {
        None => None,
        Some(word) => match ACTIONS.iter().find(|(w, _)| w.as_bytes() == word) {
            Some((_, a)) => Some(*a),
            None => return Outcome::Wrong,
        },
    };
    let (Some(proxy), Some(action)) = (found, action) else { return Outcome::Nothing };
    let (mut all, mut changed) = (0, 0);
    for (_, name) in fields.iter().filter(|(k, _)| k == b"s") {
        let Some(server) = proxy.servers.iter().position(|s| s.name.as_bytes() == name.as_slice()) else {
            all += 1;
            continue;
        };
        let at = ServerAt { proxy: proxy.id.0 as usize, server };
        if perform(engine, at, action) {
            all += 1;
            changed += 1;
        }
    }
    match (all, changed) {
        (0, _) => Outcome::Nothing,
        (_, 0) => Outcome::Wrong,
        (a, c) if a == c => Outcome::Done,
        _ => Outcome::Partly,
    }
}

/// Whether there was anything to do.
fn perform(engine: &Engine, at: ServerAt, action: Action) -> bool {
    let plan = engine.runtime.plan();
    let Some(proxy) = plan.proxies.get(at.proxy) else { return false };
    let Some(health) = engine.watch.health(proxy.id, at.server) else { return false };
    let follows = proxy.model.service.servers.get(at.server).is_some_and(|s| s.track.is_some());
    let force = |which, force| {
        let to = match force {
            Force::Up => Operation::Running,
            Force::Stopping => Operation::Stopping,
            Force::Down => Operation::Stopped,
        };
        engine.watch.force(proxy.id, at.server, which, to, Cause::Web)
    };
    let checked = health.progress(Checked::Health).is_some();
    let asked = health.progress(Checked::Agent).is_some();
    let change = match action {
        Action::State(wish) => Change::State(at, wish),
        Action::Flag(flag, on, why) => return engine.watch.flag(proxy.id, at.server, flag, on, why),
        Action::Checks(on) if checked => Change::Checks(at, on),
        Action::Agents(on) if asked => Change::Agents(at, on),
        Action::Health(to) if !follows => return force(Checked::Health, to),
        Action::Agent(to) if asked => return force(Checked::Agent, to),
        Action::Shutdown => Change::CloseSessions(at),
        _ => return false,
    };
    engine.change(change).is_ok()
}

/// Decoded fields of a form; `None` if one cannot be decoded.
fn fields(form: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    form.split(|c| *c == b'&')
        .filter(|f| !f.is_empty())
        .map(|f| {
            let at = f.iter().position(|c| *c == b'=').unwrap_or(f.len());
            let (name, value) = f.split_at(at);
            Some((decoded(name)?, decoded(value.get(1..).unwrap_or_default())?))
        })
        .collect()
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(c) = rest.next() {
        out.push(match c {
            b'+' => b' ',
            b'%' => {
                let digit = |c: &u8| char::from(*c).to_digit(16);
                let (high, low) = (rest.next().and_then(digit)?, rest.next().and_then(digit)?);
                u8::try_from(high * 16 + low).ok()?
            }
            c => *c,
        });
    }
    Some(out)
}

/// The way back to the page, which tells what came of the form.
pub fn answer(uri: &[u8], outcome: Outcome) -> LocalPage {
    let word = WORDS.iter().find(|(o, ..)| *o == outcome).map_or("UNKN", |(_, w, _)| w);
    let mut to = uri.to_vec();
    to.extend_from_slice(b";st=");
    to.extend_from_slice(word.as_bytes());
    LocalPage {
        status: 303,
        fields: vec![
            (b"cache-control".to_vec(), b"no-cache".to_vec()),
            (b"content-type".to_vec(), b"text/plain".to_vec()),
            (b"content-length".to_vec(), b"0".to_vec()),
            (b"location".to_vec(), to),
        ],
        body: Vec::new(),
    }
}

/// What the page tells of the last form, from its address.
pub fn told(rest: &[u8]) -> Option<&'static str> {
    let at = find(rest, b";st=")?;
    let word = rest.get(at + 4..at + 8)?;
    WORDS.iter().find(|(_, w, _)| w.as_bytes() == word).map(|(_, _, text)| *text)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let all = fields(b"s=a%20b&s=c+d&&action=ready&b=%234&x").unwrap_or_default();
        let shown: Vec<_> =
            all.iter().map(|(k, v)| (String::from_utf8_lossy(k), String::from_utf8_lossy(v))).collect();
        let expected = [("s", "a b"), ("s", "c d"), ("action", "ready"), ("b", "#4"), ("x", "")]
            .map(|(k, v)| (k.into(), v.into()));
        assert_eq!(shown, expected);
        assert_eq!(fields(b"s=%2"), None);
        assert_eq!(told(b";norefresh;st=PART;up"), Some("Action partially processed."));
    }
}
