//! All sections that are neither `global` nor proxies. HAProxy configuration manual §3.4–3.11, §10, §12.
//!
//! One file per family. Most of these sections are checked and not built: their rows say so.

mod caches;
mod lists;
mod logs;
mod newer;
mod peers;
mod programs;
mod resolvers;
mod sections;
mod server_state;
mod stores;

pub use stores::{LOAD as LOAD_WORDS, LoadWord};

use rha_text::{Severity, Span};
use rha_vocab::{Dialect, Lifetime, Support};

use crate::tables::Section;
use crate::{Cx, Keyword, Line, Parse, Place};

/// The section being read.
#[derive(Debug, Clone, Default)]
pub struct Current {
    /// Its name.
    pub name: String,
    /// Where its line is.
    pub origin: Span,
    /// Names of the entries read so far.
    pub entries: Vec<String>,
    /// Where the entries are.
    pub places: Vec<Span>,
    /// What its end needs to know: a size was given, a command was given, it is disabled.
    pub done: bool,
    /// A size given, bytes.
    pub size: u64,
    /// Largest entry given, bytes.
    pub largest: u64,
    /// Where its `bind` line is.
    pub bind: Option<Span>,
    /// How many servers it has.
    pub servers: usize,
    /// Directories of certificates and keys.
    pub base: [String; 2],
    /// Timeouts given: `connect`, `server`.
    pub timeouts: [bool; 2],
}

/// What these sections, and `global`, know of one another while files are read.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Keywords of `global` that may be given once and were.
    pub given: Vec<&'static str>,
    /// Names of `peers` sections.
    pub peers: Vec<String>,
    /// Names of `mailers` sections.
    pub mailers: Vec<String>,
    /// Sections with their names, in order.
    pub named: Vec<(&'static str, String, Span)>,
    /// The section being read.
    pub current: Current,
    /// Groups of user lists: list, group, users.
    pub groups: Vec<(String, String, Vec<String>)>,
    /// Sockets for QUIC: where, and whose.
    pub quic: Vec<(Span, String)>,
    /// `limited-quic`.
    pub limited_quic: bool,
    /// Whether Lua files are loaded.
    pub has_lua: bool,
    /// `httpclient.resolvers.id`, and where.
    pub http_client_resolvers: Option<(String, Span)>,
    /// Where `server-state-file` names its file.
    pub state_file: Option<Span>,
    /// `server-state-base`.
    pub state_base: Option<String>,
    /// A warning refuses the configuration, as the original's does.
    pub refused: bool,
    /// What is said after the last line, unless an error stops the run before.
    pub late: Vec<(Severity, Span, String)>,
}

const PARTS: &[&[Keyword]] = &[
    peers::KEYWORDS,
    lists::KEYWORDS,
    resolvers::KEYWORDS,
    caches::KEYWORDS,
    logs::KEYWORDS,
    programs::KEYWORDS,
    stores::KEYWORDS,
    newer::KEYWORDS,
];

const COUNT: usize = crate::rows::count(PARTS);
static ALL: [Keyword; COUNT] = crate::rows::concat::<COUNT>(PARTS);

/// All rows of these sections.
pub static KEYWORDS: &[Keyword] = &ALL;

const fn row(
    place: Place,
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    parse: fn(&mut Cx<'_>, &Line),
) -> Keyword {
    let (lifetime, support) = (Lifetime::ALWAYS, Support::Planned);
    Keyword { name, place, usage, lifetime, support, doc, parse: Parse::With(parse) }
}

/// The same row, known to some versions only.
const fn known(lifetime: Lifetime, row: Keyword) -> Keyword {
    Keyword { lifetime, ..row }
}

/// The same row, fully built.
const fn built(row: Keyword) -> Keyword {
    Keyword { support: Support::Full, ..row }
}

/// A keyword whose arguments are not looked at.
fn any(_cx: &mut Cx<'_>, _line: &Line) {}

/// An error in the usual spacing.
fn fail(cx: &mut Cx<'_>, line: &Line, text: impl std::fmt::Display) {
    cx.error("HA2010", line, 1, text);
}

/// An error in the other spacing.
fn fail_tight(cx: &mut Cx<'_>, line: &Line, text: impl std::fmt::Display) {
    cx.error_tight("HA2010", line, 1, text);
}

/// A warning in the other spacing.
fn warn_tight(cx: &mut Cx<'_>, line: &Line, text: impl std::fmt::Display) {
    cx.parsing("HA2010", Severity::Warning, line, 1, ": ", &text);
}

/// COMPAT: the builds at hand have a TLS library without QUIC, and refuse it unless told to do with less.
fn quic(cx: &mut Cx<'_>) {
    if cx.others.limited_quic || cx.input.dialect >= Dialect::V3_2 {
        return;
    }
    for (span, owner) in std::mem::take(&mut cx.others.quic) {
        let at = cx.position(span);
        let text = format!(
            "Binding [{at}] for {owner}: this SSL library does not support the QUIC protocol. A limited compatibility layer may be enabled using the \"limited-quic\" global option if desired."
        );
        cx.say_late("HA3118", Severity::Error, span, text);
    }
}

/// A section line.
pub fn begin(cx: &mut Cx<'_>, section: &'static Section, line: &Line) {
    sections::begin(cx, section, line);
}

/// The section's end.
pub fn end(cx: &mut Cx<'_>, section: &'static Section) {
    match section.place {
        Place::RING => logs::end_ring(cx),
        Place::CACHE => caches::end(cx),
        Place::PEERS => peers::end_peers(cx),
        Place::RESOLVERS => resolvers::end(cx),
        Place::PROGRAM => programs::end(cx),
        Place::LOG_FORWARD => logs::end_log_forward(cx),
        Place::FCGI_APP => stores::end_fcgi_app(cx),
        _ => {}
    }
    cx.others.current = Current::default();
}

/// Checks after the last line that come before those of the proxies; false ends the run.
pub fn finish_early(cx: &mut Cx<'_>) -> bool {
    lists::resolve_users(cx)
}

/// `nbthread` above `thread-hard-limit` is lowered to it.
fn limit_threads(cx: &mut Cx<'_>) {
    let process = &mut cx.model.process;
    let (Some(wanted), Some(limit)) = (process.nbthread, process.thread_hard_limit) else { return };
    if wanted > limit {
        process.nbthread = Some(limit);
        let text = format!(
            "nbthread forced to a higher value ({wanted}) than the configured thread-hard-limit ({limit}), enforcing the limit. Please fix either value to remove this warning."
        );
        cx.say_late("HA3020", Severity::Warning, rha_text::Span::default(), text);
    }
}

/// Checks after the last line that come after those of the proxies.
pub fn finish(cx: &mut Cx<'_>) {
    let master = cx.model.process.master_worker;
    limit_threads(cx);
    for (severity, span, text) in std::mem::take(&mut cx.others.late) {
        if master && text == programs::NO_MASTER {
            continue;
        }
        cx.say_late("HA3020", severity, span, text);
    }
    quic(cx);
    if let Some((name, span)) = cx.others.http_client_resolvers.take()
        && name != "default"
        && !cx.proxies.is_declared(Place::RESOLVERS, &name)
    {
        if cx.input.dialect >= Dialect::V3_0 {
            let text = format!(
                "Proxy '<OCSP-UPDATE>': Can't find resolvers section '{name}' for do-resolve action."
            );
            cx.say_late("HA3402", Severity::Error, span, text);
        }
        let text =
            format!("Proxy '<HTTPCLIENT>': Can't find resolvers section '{name}' for do-resolve action.");
        cx.say_late("HA3402", Severity::Error, span, text);
    }
    peers::finish_mailers(cx);
    server_state::load(cx);
    cx.aborted |= cx.others.refused;
}
