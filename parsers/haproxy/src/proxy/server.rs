//! `server`, `default-server`, `server-template` lines: name, address, then options from the table of
//! [`super::server_options`].
//!
//! HAProxy configuration manual §5.2. COMPAT: messages about a server begin with its place and, once it
//! exists, its name: `[file:line] : 'server b/s' : text`.

use rha_ir::{Address, Server};
use rha_text::Severity;
use rha_vocab::{Dialect, closest};

use super::address::{self, Wants};
use super::rows::row;
use super::server_options::{OPTIONS, ServerDraft};
use super::{draft, invalid_char};
use crate::units;
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[
    row("server", Place::BACK, "<name> <address>[:<port>] [options]", "Declares a server.", server),
    row(
        "default-server",
        Place::BACK,
        "[options]",
        "Sets what the following servers start from.",
        default_server,
    ),
    row(
        "server-template",
        Place::BACK,
        "<prefix> <num|range> <address>[:<port>] [options]",
        "Declares servers of the same kind.",
        template,
    ),
];

/// Servers one template may expand to; far above what the original gets through in reasonable time.
const TEMPLATE_LIMIT: i64 = 100_000;

/// Says a message about a server; `name` once it exists.
pub(super) fn say(cx: &mut Cx<'_>, line: &Line, i: usize, name: Option<&str>, text: &str) {
    let place = cx.position(line.span);
    let backend = cx.draft.as_ref().map_or("", |d| d.proxy.name.as_str());
    let text = match name {
        Some(n) => format!("[{place}] : 'server {backend}/{n}' : {text}"),
        None => format!("[{place}] : {text}"),
    };
    cx.say("HA2100", Severity::Error, line.at(i), text);
}

/// Whether the section may have servers; says the original's error when not.
fn allowed(cx: &mut Cx<'_>, line: &Line, in_defaults: bool) -> bool {
    let keyword = line.text(0);
    let Some(d) = draft(cx, line) else { return false };
    if d.is_defaults && !in_defaults {
        say(cx, line, 0, None, &format!("'{keyword}' not allowed in 'defaults' section."));
        return false;
    }
    if !d.is_backend() {
        let (section, name) = (d.word(), d.proxy.name.clone());
        let text = format!(
            "parsing [{}] : '{keyword}' not allowed because {section} '{name}' has no backend capability.",
            cx.position(line.span)
        );
        say(cx, line, 0, None, &text);
        return false;
    }
    true
}

fn server(cx: &mut Cx<'_>, line: &Line) {
    if !allowed(cx, line, false) {
        return;
    }
    if line.arg(2).is_empty() {
        return say(cx, line, 1, None, "'server' expects <name> and <addr>[:<port>] as arguments.");
    }
    let name = line.text(1);
    if let Some(c) = invalid_char(line.arg(1)) {
        let text = format!("character '{}' is not permitted in server name '{name}'.", c as char);
        return say(cx, line, 1, None, &text);
    }
    let Some(s) = read(cx, line, &name, 2) else { return };
    push(cx, s);
}

fn push(cx: &mut Cx<'_>, s: Server) {
    if let Some(d) = cx.draft.as_mut() {
        d.proxy.service.servers.push(s);
    }
}

fn template(cx: &mut Cx<'_>, line: &Line) {
    if !allowed(cx, line, false) {
        return;
    }
    if line.arg(3).is_empty() {
        let text = "'server-template' expects <prefix> <nb | range> <addr>[:<port>] as arguments.";
        return say(cx, line, 1, None, text);
    }
    let prefix = line.text(1);
    let bad = |b: &u8| !b.is_ascii_alphanumeric() && !b"._-".contains(b);
    if let Some(c) = line.arg(1).iter().copied().find(bad) {
        let text =
            format!("character '{}' is not permitted in server-template prefix '{prefix}'.", c as char);
        return say(cx, line, 1, None, &text);
    }
    let Some((low, high)) = range(&line.text(2)) else {
        let text = format!("Wrong server-template number or range arg '{}'.", line.text(2));
        return say(cx, line, 2, None, &text);
    };
    let Some(first) = read(cx, line, &prefix, 3) else { return };
    for n in low..=high.min(low + TEMPLATE_LIMIT) {
        let mut s = first.clone();
        s.name = format!("{prefix}{n}");
        if n > low {
            s.id = 0;
        }
        push(cx, s);
    }
}

/// `3` (1 to 3) or `2-5`.
fn range(text: &str) -> Option<(i64, i64)> {
    let (low, high) = match text.split_once('-') {
        Some((l, h)) => (units::atoi(l.as_bytes()), units::atoi(h.as_bytes())),
        None => (1, units::atoi(text.as_bytes())),
    };
    (low >= 0 && high >= low).then_some((i64::from(low), i64::from(high)))
}

/// Reads a server's address at word `at` and its options after it.
pub(crate) fn read(cx: &mut Cx<'_>, line: &Line, name: &str, at: usize) -> Option<Server> {
    let named = Some(name);
    let wants = if cx.input.dialect >= Dialect::V2_8 {
        Wants::SERVER
    } else {
        Wants::NAME.and(Wants::PORT).and(Wants::OFFSET).and(Wants::STREAM)
    };
    let found = match address::read(cx, &line.text(at), wants) {
        Ok(f) => f,
        Err(e) => {
            say(cx, line, at, named, &e);
            return None;
        }
    };
    let base = cx.draft.as_ref()?.default_server.clone();
    let mut draft =
        ServerDraft::new(Server { name: name.to_owned(), address: found.address, origin: line.span, ..base });
    draft.is_datagram = found.transport == address::Transport::Datagram;
    let ok = options(cx, line, at + 1, named, &mut draft);
    if !ok || !complete(cx, line, name, &draft) {
        return None;
    }
    let mut s = draft.server;
    if !draft.agent_wanted && s.agent.as_ref().is_some_and(|a| !a.enabled) {
        s.agent = None;
    }
    Some(s)
}

/// What the original checks once the options are read.
fn complete(cx: &mut Cx<'_>, line: &Line, name: &str, d: &ServerDraft) -> bool {
    if d.server.checked && d.server.track.is_some() {
        let text = "unable to enable checks and tracking at the same time!";
        say(cx, line, 0, Some(name), text);
        return false;
    }
    if d.server.agent.as_ref().is_some_and(|a| a.enabled && a.port == 0) {
        let text = format!("server {name} does not have agent port. Agent check has been disabled.");
        say(cx, line, 0, Some(name), &text);
        return false;
    }
    true
}

/// Reads the options from word `i` on of a server whose address is read elsewhere; whether it could.
pub(crate) fn read_options(cx: &mut Cx<'_>, line: &Line, name: &str, i: usize) -> bool {
    let server = Server::new(name, Address::Other(String::new()), line.span);
    options(cx, line, i, Some(name), &mut ServerDraft::new(server))
}

/// `default-server …`.
pub(crate) fn default_server(cx: &mut Cx<'_>, line: &Line) {
    if !allowed(cx, line, true) {
        return;
    }
    let Some(d) = cx.draft.as_mut() else { return };
    let empty = Server::new("", Address::Other(String::new()), line.span);
    let mut draft = ServerDraft::new(std::mem::replace(&mut d.default_server, empty));
    draft.is_default = true;
    options(cx, line, 1, None, &mut draft);
    if let Some(d) = cx.draft.as_mut() {
        d.default_server = draft.server;
    }
}

/// Reads options from word `i` on; whether all could be read.
fn options(cx: &mut Cx<'_>, line: &Line, mut i: usize, name: Option<&str>, draft: &mut ServerDraft) -> bool {
    let dialect = cx.input.dialect;
    while !line.arg(i).is_empty() {
        let word = line.bytes(i);
        let matches = |o: &&super::server_options::ServerOption| {
            let n = o.name.as_bytes();
            o.lifetime.covers(dialect)
                && (n == word
                    || o.takes_parenthesis && word.starts_with(n) && word.get(n.len()) == Some(&b'('))
        };
        let Some(option) = OPTIONS.iter().find(matches) else {
            unknown(cx, line, i, name, draft.is_default);
            return false;
        };
        if draft.is_default && !option.default_ok {
            // COMPAT: said, and the option skipped, but the configuration is not refused for it.
            let text = format!(
                "[{}] : '{}' option is not accepted in default-server sections",
                cx.position(line.span),
                option.name
            );
            cx.say("HA2104", Severity::Warning, line.at(i), text);
            i += 1 + option.words;
            continue;
        }
        match (option.apply)(cx, line, i, draft) {
            Ok(used) => i += 1 + used,
            Err(text) => {
                // An empty text: the option has said it in its own way.
                if !text.is_empty() {
                    // COMPAT: 2.6 sets a text of its own lines apart.
                    let apart =
                        text.starts_with("'source ") && text.ends_with('\n') && dialect < Dialect::V2_8;
                    let text = text.trim_end();
                    let text = if apart { format!("\n  {text}\n  \n.") } else { format!("{text}.") };
                    say(cx, line, i, name, &text);
                }
                return false;
            }
        }
        cx.note_option("server", option.name, option.support, line.at(i.min(line.len())));
    }
    true
}

fn unknown(cx: &mut Cx<'_>, line: &Line, i: usize, name: Option<&str>, is_default: bool) {
    let dialect = cx.input.dialect;
    let word = line.text(i);
    let names = OPTIONS.iter().filter(|o| o.lifetime.covers(dialect)).map(|o| o.name);
    let hint = if is_default { " Hint: no address was expected for this server." } else { "" };
    let text = match closest(&word, names) {
        Some(best) => format!("unknown keyword '{word}'; did you mean '{best}' maybe ?{hint}"),
        None => format!("unknown keyword '{word}'.{hint}"),
    };
    say(cx, line, i, name, &text);
}
