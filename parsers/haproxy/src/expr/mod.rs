//! Second-level grammars: sample expressions, ACL tests, conditions, log-format strings.
//!
//! HAProxy configuration manual §7 (ACLs and samples), §2.2 (second-level quoting), §8.2.6 (log-format).
//! Functions whose name ends in `_text` give back the original's words without a position, because every
//! keyword wraps them in a sentence of its own; the others say the message themselves. Names of proxies,
//! servers, tables, user lists and regular expressions in arguments are only noted here
//! ([`Pending`]) and looked up after the last line by `rules::resolve`.
//!
//! Invariant: no input makes a function here panic; nothing here keeps the contents of pattern files.

mod acl;
mod args;
mod cast;
mod check;
mod check_names;
mod condition;
mod log_alias;
mod log_format;
mod pattern;
mod regex;
mod sample;

use bstr::{BStr, ByteSlice};
use rha_ir::{AclTest, Condition, LogFormat, Mode, SampleExpr};
use rha_text::Span;
use rha_vocab::{Checkpoints, Dialect};

use crate::{Cx, Line, Word};

pub use acl::acl_test_text;
pub use cast::{can_cast, output_type};
pub(crate) use condition::warn_space;
pub use condition::{Conflict, condition_needs, condition_text, conflict};
pub use log_alias::{ALIASES, LogAlias};
pub use log_format::{CLF, FormatCheck, HTTP_LOG, HTTPS_LOG, LogSite, TCP_LOG, log_format_text};
pub use pattern::{FileCheck, MapValue, Reading, check_pattern};
pub use regex::check_regex;
pub use sample::{sample_text, variable_text};

/// What an expression belongs to, for the messages about names that do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "each is the keyword of that name")]
pub enum ArgContext {
    #[default]
    None,
    Acl,
    Stick,
    Track,
    Log,
    LogSd,
    HttpRequest,
    HttpResponse,
    UniqueId,
    Redirect,
    Capture,
    Server,
    Spoe,
    UseBackend,
    UseServer,
    HttpError,
    Option,
    TcpConnection,
    TcpSession,
    TcpRequest,
    TcpResponse,
    TcpCheck,
    Configuration,
    CommandLine,
}

impl ArgContext {
    /// `in stick rule in`: what stands before `proxy 'x'` in messages.
    #[must_use]
    pub fn place(self) -> &'static str {
        match self {
            ArgContext::None | ArgContext::Acl => "in",
            ArgContext::Stick => "in stick rule in",
            ArgContext::Track => "in tracking rule in",
            ArgContext::Log => "in log-format string in",
            ArgContext::LogSd => "in log-format-sd string in",
            ArgContext::HttpRequest => "in http-request expression in",
            ArgContext::HttpResponse => "in http-response response in",
            ArgContext::UniqueId => "in unique-id-format string in",
            ArgContext::Redirect => "in redirect format string in",
            ArgContext::Capture => "in capture rule in",
            ArgContext::Server => "in server directive in",
            ArgContext::Spoe => "in spoe-message directive in",
            ArgContext::UseBackend => "in use_backend expression in",
            ArgContext::UseServer => "in use-server or balance expression in",
            ArgContext::HttpError => "in http-error directive in",
            ArgContext::Option => "in option directive in",
            ArgContext::TcpConnection => "in tcp-request connection expression in",
            ArgContext::TcpSession => "in tcp-request session expression in",
            ArgContext::TcpRequest => "in tcp-request content expression in",
            ArgContext::TcpResponse => "in tcp-response content expression in",
            ArgContext::TcpCheck => "in tcp-check expression in",
            ArgContext::Configuration => "in configuration expression in",
            ArgContext::CommandLine => "in CLI expression in",
        }
    }
}

/// What a noted argument must turn out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the argument kind of that name")]
pub enum PendingKind {
    Frontend,
    Backend,
    Table,
    Server,
    UserList,
    Regex { ignore_case: bool },
}

/// An argument that can only be judged after the last line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// What it must be.
    pub kind: PendingKind,
    /// As written.
    pub value: String,
    /// 0-based position among the arguments.
    pub position: usize,
    /// Fetch or ACL keyword.
    pub keyword: String,
    /// Converter, when the argument is one's.
    pub converter: Option<String>,
    /// What the expression belongs to.
    pub context: ArgContext,
    /// Section line of the proxy it stands in; `None` outside of proxies.
    pub owner: Option<Span>,
    /// Where it was written.
    pub span: Span,
}

/// A window of a line's words; beyond its end every word is empty, as `args[i]` is in the original.
#[derive(Debug, Clone, Copy)]
pub struct Args<'l> {
    words: &'l [Word],
    end: Span,
}

impl<'l> Args<'l> {
    /// The words of `line` from `start` on.
    #[must_use]
    pub fn of(line: &'l Line, start: usize) -> Self {
        Args { words: line.words.get(start..).unwrap_or(&[]), end: line.at(line.len()) }
    }

    /// Words that were not written on a line (predefined ACLs), standing at `at`.
    #[must_use]
    pub fn made(words: &'l [Word], at: Span) -> Self {
        Args { words, end: at }
    }

    /// Word `i`.
    #[must_use]
    pub fn at(self, i: usize) -> &'l BStr {
        self.words.get(i).map_or(BStr::new(b""), |w| w.text.as_bstr())
    }

    /// Word `i` for messages.
    #[must_use]
    pub fn text(self, i: usize) -> String {
        self.at(i).to_str_lossy().into_owned()
    }

    /// Whether word `i` is this.
    #[must_use]
    pub fn is(self, i: usize, word: &str) -> bool {
        self.at(i) == word
    }

    /// Whether there is no word `i`.
    #[must_use]
    pub fn ends(self, i: usize) -> bool {
        self.at(i).is_empty()
    }

    /// Where word `i` is.
    #[must_use]
    pub fn span(self, i: usize) -> Span {
        self.words.get(i).map_or(self.end, |w| w.span)
    }

    /// The words from `start` on.
    #[must_use]
    pub fn from(self, start: usize) -> Args<'l> {
        Args { words: self.words.get(start..).unwrap_or(&[]), end: self.end }
    }

    /// The words `start..end`.
    #[must_use]
    pub fn window(self, start: usize, end: usize) -> Args<'l> {
        let words = self.words.get(start..end.max(start).min(self.words.len())).unwrap_or(&[]);
        Args { words, end: self.span(end) }
    }
}

/// Whether `c` may stand in the name of a fetch, a converter or an ACL.
#[must_use]
pub fn is_name_byte(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-' | b'+' | b':')
}

/// Bytes for a message.
pub(crate) fn shown(bytes: &[u8]) -> String {
    bytes.to_str_lossy().into_owned()
}

/// Whether the run speaks for a version before 3.0.
pub(crate) fn before_3_0(cx: &Cx<'_>) -> bool {
    cx.input.dialect < Dialect::V3_0
}

/// Section line of the proxy an expression belongs to: the one being read, or the one being checked.
pub(crate) fn owner(cx: &Cx<'_>) -> Option<Span> {
    cx.draft.as_ref().map(|d| d.proxy.origin).or(cx.rules.late.map(|(origin, _)| origin))
}

/// Mode of that proxy as far as it is known.
pub(crate) fn owner_mode(cx: &Cx<'_>) -> Option<Mode> {
    cx.draft.as_ref().map(|d| d.proxy.mode).or(cx.rules.late.map(|(_, mode)| mode))
}

/// Reads the sample expression at word `i` and gives the index of the first word after it.
///
/// Says `'keyword' : text` when it cannot be read. Names in it are looked up after the last line; use
/// [`sample_text`] where the original words the error differently.
pub fn sample(cx: &mut Cx<'_>, line: &Line, i: usize) -> Option<(SampleExpr, usize)> {
    let mut at = i;
    match sample_text(cx, Args::of(line, 0), &mut at, ArgContext::None) {
        Ok(expr) => Some((expr, at)),
        Err(text) => {
            let keyword = line.text(0);
            cx.error("HA2301", line, i, format!("'{keyword}' : {text}."));
            None
        }
    }
}

/// Reads a log line's format from `bytes`, which word `i` holds.
///
/// Meant for `log-format` and the like: spaces are merged and everything a log line sees may be used.
pub fn log_format(cx: &mut Cx<'_>, line: &Line, i: usize, bytes: &[u8]) -> Option<LogFormat> {
    match log_format_text(cx, line.at(i), bytes, LogSite::LOG) {
        Ok(f) => Some(f),
        Err(text) => {
            let keyword = line.text(0);
            cx.error_tight("HA2302", line, i, format!("failed to parse {keyword} : {text}."));
            None
        }
    }
}

/// Reads `if …` or `unless …` at word `i`, saying `error detected while parsing a condition`.
pub fn condition(cx: &mut Cx<'_>, line: &Line, i: usize) -> Option<Condition> {
    match condition_text(cx, Args::of(line, i)) {
        Ok(c) => Some(c),
        Err(text) => {
            let keyword = line.text(0);
            let text = format!("error detected while parsing '{keyword}' condition : {text}.");
            cx.error("HA2303", line, i, text);
            None
        }
    }
}

/// Reads an ACL test (`fetch [flags] patterns…`) from word `i` to the end of the line.
pub fn acl_test(cx: &mut Cx<'_>, line: &Line, i: usize) -> Option<AclTest> {
    match acl_test_text(cx, Args::of(line, i)) {
        Ok(t) => Some(t),
        Err(text) => {
            cx.error("HA2304", line, i, format!("error detected while parsing ACL : {text}."));
            None
        }
    }
}

/// Where the HTTP request rules of a proxy are evaluated.
#[must_use]
pub fn http_request_points(front: bool, back: bool) -> Checkpoints {
    let f = if front { Checkpoints::FRONT_REQUEST_HEADERS } else { Checkpoints::NONE };
    let b = if back { Checkpoints::BACK_REQUEST_HEADERS } else { Checkpoints::NONE };
    f.or(b)
}

/// Where the HTTP response rules of a proxy are evaluated.
#[must_use]
pub fn http_response_points(front: bool, back: bool) -> Checkpoints {
    let f = if front { Checkpoints::FRONT_RESPONSE_HEADERS } else { Checkpoints::NONE };
    let b = if back { Checkpoints::BACK_RESPONSE_HEADERS } else { Checkpoints::NONE };
    f.or(b)
}
