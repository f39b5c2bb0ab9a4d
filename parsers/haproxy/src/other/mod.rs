//! All sections that are neither `global` nor proxies. HAProxy configuration manual §3.4–3.11, §10, §12.
//!
//! One file per family. Most of these sections are checked and not built: their rows say so.

mod caches;
mod lists;
mod logs;
mod peers;
mod programs;
mod resolvers;
mod sections;
mod stores;

pub use stores::{LOAD as LOAD_WORDS, LoadWord};

use rha_text::{Severity, Span};
use rha_vocab::{Lifetime, Support};

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
    /// What its end needs to know: a size was given, a command was given, it is disabled.
    pub done: bool,
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

/// A section line.
pub fn begin(cx: &mut Cx<'_>, section: &'static Section, line: &Line) {
    sections::begin(cx, section, line);
}

/// The section's end.
pub fn end(cx: &mut Cx<'_>, section: &'static Section) {
    match section.place {
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

/// Checks after the last line that come after those of the proxies.
pub fn finish(cx: &mut Cx<'_>) {
    for (severity, span, text) in std::mem::take(&mut cx.others.late) {
        cx.say_late("HA3020", severity, span, text);
    }
    peers::finish_mailers(cx);
}
