//! `bind` lines: addresses, then options from the table of [`super::bind_options`].
//!
//! HAProxy configuration manual §5.1. The same reader serves `stats socket` and the sections that have
//! `bind` lines of their own.

use rha_ir::{Address, Bind, BindAddress, Port};
use rha_text::Span;
use rha_vocab::{Dialect, closest};

use super::address::{self, Transport, Wants};
use super::bind_options::OPTIONS;
use super::rows::row;
use super::{draft, not_in_defaults, warn_unless};
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[row(
    "bind",
    Place::FRONT,
    "[<address>]:<port_range>[,…] [options]",
    "Opens listening sockets.",
    keyword,
)];

fn keyword(cx: &mut Cx<'_>, line: &Line) {
    if draft(cx, line).is_none() || not_in_defaults(cx, line, false) {
        return;
    }
    warn_unless(cx, line, Place::FRONTEND, "bind", "");
    if line.arg(1).is_empty() {
        let text = "'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments.";
        return cx.error("HA2100", line, 1, text);
    }
    let section = cx.model_section();
    // COMPAT: sockets exist, for the later "has no bind", even when an option after them is wrong.
    if let Ok(b) | Err(Some(b)) = parse(cx, line, 1, 2, section)
        && let Some(d) = cx.draft.as_mut()
    {
        d.proxy.binds.push(b);
    }
}

impl Cx<'_> {
    /// The word of the section being read.
    fn model_section(&self) -> &'static str {
        match self.place {
            Place::FRONTEND => "frontend",
            Place::BACKEND => "backend",
            Place::DEFAULTS => "defaults",
            _ => "listen",
        }
    }
}

/// What reading options changes.
pub(super) struct BindDraft {
    pub bind: Bind,
    /// How many sockets the addresses open.
    pub sockets: usize,
    pub has_reverse: bool,
}

/// Reads the addresses at word `at` and the options from word `options` on.
///
/// # Errors
/// What was understood before an error that has been said, `None` when that is no address.
#[allow(clippy::result_large_err, reason = "what was understood is kept beside the error")]
pub fn parse(
    cx: &mut Cx<'_>,
    line: &Line,
    at: usize,
    options: usize,
    section: &'static str,
) -> Result<Bind, Option<Bind>> {
    let mut draft =
        BindDraft { bind: Bind { origin: line.span, ..Bind::default() }, sockets: 0, has_reverse: false };
    let text = line.text(at);
    let mut transports = Vec::new();
    for one in text.split(',').filter(|t| !t.is_empty()) {
        match address::read(cx, one, Wants::BIND) {
            Ok(found) if found.transport == Transport::Quic && cx.input.dialect < Dialect::V2_8 => {
                let family = if found.family == address::Family::V6 { 10 } else { 2 };
                let text = format!(
                    "'{}' : unsupported stream protocol for datagram family {family} address '{one}'; QUIC is not compiled in if this is what you were looking for.",
                    keyword_of(line, at)
                );
                cx.error("HA2200", line, at, text);
                return Err(None);
            }
            Ok(found) => {
                transports.push(found.transport);
                let is_reverse = found.family == address::Family::ReverseHttp;
                if transports.len() > 1 && is_reverse != draft.has_reverse {
                    let text = "'bind' : Cannot mix reverse HTTP bind with others.";
                    cx.error("HA2200", line, at, text);
                    return Err(None);
                }
                draft.has_reverse = is_reverse;
                draft.sockets += sockets(&found.address);
                let address = prefixed(cx, found.address);
                draft.bind.addresses.push(BindAddress { address, origin: line.at(at) });
            }
            Err(e) => {
                cx.error("HA2200", line, at, format!("'{}' : {}", keyword_of(line, at), e.trim_end()));
                return Err(None);
            }
        }
    }
    let all = cx.model.process.unix_bind.clone();
    (draft.bind.owner, draft.bind.group, draft.bind.file_mode) = (all.owner, all.group, all.mode);
    let result = read_options(cx, line, at, options, section, &mut draft);
    let quic = transports.iter().filter(|t| **t == Transport::Quic).count();
    if result.is_ok() && quic > 0 {
        return finish_quic(cx, line, at, section, draft.bind, quic == transports.len());
    }
    if result.is_ok() { Ok(draft.bind) } else { Err(Some(draft.bind)) }
}

/// Reads the options of a line without an address, such as `default-bind`.
pub(crate) fn parse_options(cx: &mut Cx<'_>, line: &Line, section: &str) {
    let mut draft =
        BindDraft { bind: Bind { origin: line.span, ..Bind::default() }, sockets: 0, has_reverse: false };
    let _ = read_options(cx, line, 1, 1, section, &mut draft);
}

/// The first word from `i` on that is no option, with the suggestion for it.
pub(crate) fn unknown_option(cx: &Cx<'_>, line: &Line, mut i: usize) -> Option<(usize, String)> {
    let dialect = cx.input.dialect;
    while !line.arg(i).is_empty() {
        let Some(option) =
            OPTIONS.iter().find(|o| o.name.as_bytes() == line.bytes(i) && o.lifetime.covers(dialect))
        else {
            let names = OPTIONS.iter().filter(|o| o.lifetime.covers(dialect)).map(|o| o.name);
            let best = closest(&line.text(i), names);
            return Some((i, best.map_or(String::from("."), |b| format!("; did you mean '{b}' maybe ?"))));
        };
        i += 1 + option.words;
    }
    None
}

/// `unix-bind prefix` goes in front of the path of a unix socket.
fn prefixed(cx: &Cx<'_>, address: Address) -> Address {
    match (&cx.model.process.unix_bind.prefix, address) {
        (Some(prefix), Address::Unix(path)) => Address::Unix(format!("{prefix}{path}")),
        (_, address) => address,
    }
}

fn keyword_of(line: &Line, at: usize) -> String {
    (0..at).map(|i| line.text(i)).collect::<Vec<_>>().join(" ")
}

fn sockets(a: &Address) -> usize {
    match a {
        Address::Ip { port: Port::Range(l, h), .. } => usize::from(h - l) + 1,
        _ => 1,
    }
}

#[allow(clippy::result_large_err, reason = "as parse")]
fn finish_quic(
    cx: &mut Cx<'_>,
    line: &Line,
    at: usize,
    section: &str,
    mut bind: Bind,
    only: bool,
) -> Result<Bind, Option<Bind>> {
    let lead = format!("'{} {}' in section '{section}' : ", keyword_of(line, at), line.text(at));
    if !only {
        cx.error("HA2200", line, at, format!("{lead}cannot mix datagram and stream protocols."));
        return Err(Some(bind));
    }
    if !bind.tls {
        let text = format!("{lead}QUIC protocol detected, enabling ssl. Use 'ssl' to shut this warning.");
        cx.warning("HA3109", line, at, text);
        bind.tls = true;
    }
    let owner = cx.draft.as_ref().map(|d| (d.word(), d.proxy.name.clone()));
    if let Some((kind, name)) = owner {
        cx.others.quic.push((line.span, format!("{kind} {name}")));
    }
    cx.note("bind quic4@", rha_vocab::Support::Planned, line.at(at));
    Ok(bind)
}

fn read_options(
    cx: &mut Cx<'_>,
    line: &Line,
    at: usize,
    options: usize,
    section: &str,
    draft: &mut BindDraft,
) -> Result<(), ()> {
    let lead = format!("'{} {}' in section '{section}'", keyword_of(line, at), line.text(at));
    let dialect = cx.input.dialect;
    let mut i = options;
    while !line.arg(i).is_empty() {
        let option =
            OPTIONS.iter().find(|o| o.name.as_bytes() == line.bytes(i) && o.lifetime.covers(dialect));
        let Some(option) = option else {
            // COMPAT: the options of TLS come first, which tells where two are equally near.
            let names = OPTIONS.iter().filter(|o| o.lifetime.covers(dialect)).map(|o| o.name);
            let names = ["npn"].into_iter().chain(names);
            let word = line.text(i);
            let hint =
                closest(&word, names).map_or(String::from("."), |b| format!("; did you mean '{b}' maybe ?"));
            cx.error("HA2101", line, i, format!("{lead}: unknown keyword '{word}'{hint}"));
            return Err(());
        };
        if let Err(text) = (option.apply)(cx, line, i, draft) {
            cx.error("HA2100", line, i, format!("{lead} : {}", text.trim_end()));
            return Err(());
        }
        cx.note_option("bind", option.name, option.support, line.at(i));
        i += 1 + option.words;
    }
    Ok(())
}

impl Cx<'_> {
    /// Notes an option that is not fully built, by its keyword and name.
    pub(super) fn note_option(&mut self, keyword: &str, name: &str, support: rha_vocab::Support, at: Span) {
        if support != rha_vocab::Support::Full {
            self.note(&format!("{keyword} {name}"), support, at);
        }
    }
}
