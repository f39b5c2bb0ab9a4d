//! A diagnostic is plain data; how it looks is the renderers' business.

use crate::Span;

/// Code of what a diagnostic run says and no other; its level in the native stream is `[DIAG]`.
pub const DIAG: &str = "HA1110";

/// How bad it is, in the order of the originals' levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing (`.diag`, support notes, `[NOTICE]`).
    Notice,
    /// Starts, but probably not as meant (`[WARNING]`).
    Warning,
    /// Does not start (`[ALERT]`).
    Error,
}

/// A place in a file with what to say there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// Text under the caret; may be empty.
    pub text: String,
}

/// An edit that would repair the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What to replace.
    pub span: Span,
    /// By what.
    pub replacement: String,
}

/// The original program's own words.
///
/// For HAProxy `text` is what follows `[ALERT]    (pid) : `, for keepalived and FRR the message with
/// its own prefix; several lines are separated by `\n`, the last one has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Native {
    /// The words.
    pub text: String,
    /// Whether an error makes the original refuse the configuration. HAProxy has alerts that do not
    /// (`'maxconn' already specified. Continuing.`).
    pub fatal: bool,
}

/// One finding about one or several places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code: `HA1xxx` lexical, `HA2xxx` syntax, `HA3xxx` meaning, `HA4xxx` version and support,
    /// `HA5xxx` lint; `KA`, `FR`, `XF`, `XN` likewise.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence in our own words.
    pub message: String,
    /// Places, the main one first.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
    /// An edit that would do it.
    pub fix: Option<Fix>,
    /// The original's words; `None` for what the original does not say (lints, support notes), which
    /// therefore never enters the native stream and never counts for `-dW`.
    pub native: Option<Native>,
}

impl Diagnostic {
    /// A diagnostic whose own sentence is also the original's.
    pub fn native(code: &'static str, severity: Severity, span: Span, text: impl Into<String>) -> Self {
        let text = text.into();
        Diagnostic {
            code,
            severity,
            message: text.clone(),
            labels: vec![Label { span, text: String::new() }],
            help: None,
            fix: None,
            native: Some(Native { text, fatal: severity == Severity::Error }),
        }
    }

    /// A diagnostic of ours that the original does not have.
    pub fn own(code: &'static str, severity: Severity, span: Span, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            severity,
            message: message.into(),
            labels: vec![Label { span, text: String::new() }],
            help: None,
            fix: None,
            native: None,
        }
    }

    /// Replaces our sentence, leaving the original's words alone.
    #[must_use]
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Marks an error that the original prints and goes on from, accepting the configuration.
    #[must_use]
    pub fn tolerated(mut self) -> Self {
        if let Some(n) = &mut self.native {
            n.fatal = false;
        }
        self
    }

    /// Whether the original refuses the configuration because of it.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.native.as_ref().is_some_and(|n| n.fatal)
    }

    /// Sets the text under the main caret.
    #[must_use]
    pub fn under(mut self, text: impl Into<String>) -> Self {
        if let Some(l) = self.labels.first_mut() {
            l.text = text.into();
        }
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds an edit.
    #[must_use]
    pub fn fix(mut self, span: Span, replacement: impl Into<String>) -> Self {
        self.fix = Some(Fix { span, replacement: replacement.into() });
        self
    }

    /// The main place, if there is one.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|l| l.span)
    }
}
