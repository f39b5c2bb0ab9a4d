//! What a keyword parser may read and change.

use bstr::BString;
use rha_ir::Model;
use rha_text::{Diagnostic, Env, Files, Severity, Sources, Span};
use rha_vocab::{Dialect, SampleVocab, Support};

use crate::proxy::{Draft, State};
use crate::{Form, Line, Place};

/// Everything a run of the parser depends on.
pub struct Input<'a> {
    /// `-f` and `--` arguments in order; a directory stands for its `*.cfg` files.
    pub paths: &'a [String],
    /// Where files are read from.
    pub files: &'a dyn Files,
    /// The environment at start.
    pub env: Env,
    /// Whose meaning the file is read with.
    pub dialect: Dialect,
    /// Fetches, converters and ACL keywords.
    pub samples: SampleVocab<'a>,
    /// `-dr`: a server name that does not resolve is not an error.
    pub ignore_resolution: bool,
    /// Resolves a host name for `bind` and `server` addresses; `None` when it cannot.
    pub resolve: &'a dyn Fn(&str, Option<u8>) -> Option<std::net::IpAddr>,
    /// Whether a descriptor that `fd@` names is a socket of this process; if not, the operating system's
    /// words. [`any_descriptor`] where there is no process to ask.
    pub descriptor: &'a dyn Fn(i32) -> Result<(), String>,
    /// `-dD`: what `.diag` says is said.
    pub diag: bool,
    /// Version text for `-v`, messages and `version_atleast()`, such as `3.0.11`.
    pub version: String,
}

/// Takes every descriptor for an open socket.
///
/// # Errors
/// None.
pub fn any_descriptor(_: i32) -> Result<(), String> {
    Ok(())
}

/// A keyword in use that is not fully built, for `--format json`, the pretty form, and the refusal to
/// start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupportNote {
    /// The keyword as its row names it.
    pub keyword: String,
    /// How far it is built.
    pub support: Support,
    /// Where it is used.
    pub span: Span,
}

/// State shared by all keyword parsers of a run.
pub struct Cx<'a> {
    /// What the run depends on.
    pub input: &'a Input<'a>,
    /// The environment as `setenv` and the like have left it.
    pub env: Env,
    /// Files opened so far.
    pub sources: Sources,
    /// The model so far.
    pub model: Model,
    /// Messages in the original's order.
    pub diagnostics: Vec<Diagnostic>,
    /// Keywords in use that are not fully built.
    pub notes: Vec<SupportNote>,
    /// The section the current line stands in.
    pub place: Place,
    /// Whether the line began with `no` or `default` (taken off by the reader before the lookup).
    pub form: Form,
    /// The proxy being read, in a `defaults`, `frontend`, `listen` or `backend` section.
    pub draft: Option<Draft>,
    /// What proxy sections know of one another: names, ids, `defaults` sections.
    pub proxies: State,
    /// What rules and expressions leave for the checks after the last line; starts as its default.
    pub rules: crate::rules::State,
    /// What sections other than proxies and `global` know of one another.
    pub others: crate::other::State,
    /// `expose-experimental-directives` was read.
    pub experimental: bool,
    /// Set by an error after which the original stops reading.
    pub aborted: bool,
}

/// What came out.
#[derive(Debug)]
pub struct Parsed {
    /// The model; meaningful only without errors.
    pub model: Model,
    /// Messages in the original's order.
    pub diagnostics: Vec<Diagnostic>,
    /// Keywords in use that are not fully built.
    pub notes: Vec<SupportNote>,
    /// All files read.
    pub sources: Sources,
    /// The environment at the end.
    pub env: Vec<(BString, BString)>,
}

impl Parsed {
    /// Whether the original would refuse the configuration.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_fatal)
    }
}

impl Cx<'_> {
    /// `file:line` of a place, as messages show it.
    #[must_use]
    pub fn position(&self, span: Span) -> String {
        format!("{}:{}", self.sources.name(span.file), span.line)
    }

    /// `config : parsing [file:line] : text`, an error at word `i`. Most keywords use this spacing.
    pub fn error(&mut self, code: &'static str, line: &Line, i: usize, text: impl std::fmt::Display) {
        self.parsing(code, Severity::Error, line, i, " : ", &text);
    }

    /// `config : parsing [file:line] : text`, a warning at word `i`.
    pub fn warning(&mut self, code: &'static str, line: &Line, i: usize, text: impl std::fmt::Display) {
        self.parsing(code, Severity::Warning, line, i, " : ", &text);
    }

    /// `config : parsing [file:line]: text`: the other spacing, used by rules and by the reader.
    pub fn error_tight(&mut self, code: &'static str, line: &Line, i: usize, text: impl std::fmt::Display) {
        self.parsing(code, Severity::Error, line, i, ": ", &text);
    }

    /// An alert that the original prints and goes on from: `'maxconn' already specified. Continuing.`
    pub fn alert(
        &mut self,
        code: &'static str,
        line: &Line,
        i: usize,
        sep: &str,
        text: impl std::fmt::Display,
    ) {
        self.parsing(code, Severity::Error, line, i, sep, &text);
        self.tolerate();
    }

    /// Makes the last message one that the original goes on from.
    pub fn tolerate(&mut self) {
        if let Some(d) = self.diagnostics.pop() {
            self.diagnostics.push(d.tolerated());
        }
    }

    /// Any level with either spacing; `sep` is `" : "` or `": "`.
    pub fn parsing(
        &mut self,
        code: &'static str,
        severity: Severity,
        line: &Line,
        i: usize,
        sep: &str,
        text: &dyn std::fmt::Display,
    ) {
        let span = line.at(i);
        let native = format!("config : parsing [{}]{sep}{text}", self.position(line.span));
        let d = Diagnostic::native(code, severity, span, native).saying(text.to_string());
        self.diagnostics.push(d);
    }

    /// `config : text`, where the text carries its own position or none.
    pub fn say(&mut self, code: &'static str, severity: Severity, span: Span, text: impl std::fmt::Display) {
        let text = text.to_string();
        let d = Diagnostic::native(code, severity, span, format!("config : {text}")).saying(text);
        self.diagnostics.push(d);
    }

    /// A message of the checks after the last line.
    ///
    /// COMPAT: `config : text` up to 3.4, without the phase in 3.5.
    pub fn say_late(
        &mut self,
        code: &'static str,
        severity: Severity,
        span: Span,
        text: impl std::fmt::Display,
    ) {
        if self.input.dialect >= rha_vocab::Dialect::V3_5 {
            self.diagnostics.push(Diagnostic::native(code, severity, span, text.to_string()));
        } else {
            self.say(code, severity, span, text);
        }
    }

    /// Notes that a keyword in use is not fully built.
    pub fn note(&mut self, keyword: &str, support: Support, span: Span) {
        if support != Support::Full {
            self.notes.push(SupportNote { keyword: keyword.to_owned(), support, span });
        }
    }
}
