//! What was said, each message once.
//!
//! Invariant: order is that of first appearance. A message that the first pass gives as `(Line 3) …`
//! and a later one as `(file: Line 3) …` is one message with the longer prefix.

use hashbrown::HashMap;
use rha_text::{Diagnostic, Label, Native, Severity, Span};

/// How bad a message is to the original; the worst one decides the exit code of `-t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Class {
    /// Said, but no error: a plain `include` without a file.
    #[default]
    Fine,
    /// A file, an interface or something fatal is missing: 4 if there is nothing else.
    Missing,
    /// Any ordinary error, warning or deprecated use: 5.
    Wrong,
    /// Scripts without script security: 6.
    Security,
}

/// Where a message speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Position {
    /// The file's name as messages show it.
    pub file: String,
    /// Line as the original counts it in this pass.
    pub line: u32,
    /// Whether the name is said.
    pub named: bool,
}

/// What makes two messages one: file and line, if it has them, and the text.
type Key = (Option<(String, u32)>, String);

/// All messages of a run.
#[derive(Debug, Default)]
pub struct Log {
    /// In order of first appearance.
    pub diagnostics: Vec<Diagnostic>,
    seen: HashMap<Key, (usize, bool)>,
    /// The worst class so far.
    pub worst: Class,
}

/// Most messages that are kept; a file with more than these mistakes is not a configuration.
const MOST: usize = 200_000;

impl Log {
    /// Says something of a place; `text` has no prefix.
    pub fn say(
        &mut self,
        code: &'static str,
        class: Class,
        severity: Severity,
        span: Option<Span>,
        position: Option<&Position>,
        text: String,
    ) {
        self.worst = self.worst.max(class);
        let named = position.is_some_and(|p| p.named);
        let key = (position.map(|p| (p.file.clone(), p.line)), text);
        if let Some((at, was_named)) = self.seen.get_mut(&key) {
            if named && !*was_named {
                *was_named = true;
                let at = *at;
                if let Some(n) = self.diagnostics.get_mut(at).and_then(|d| d.native.as_mut()) {
                    n.text = prefixed(position, &key.1);
                }
            }
            return;
        }
        if self.diagnostics.len() >= MOST {
            return;
        }
        let d = Diagnostic {
            code,
            severity,
            message: key.1.clone(),
            labels: span.map(|span| Label { span, text: String::new() }).into_iter().collect(),
            help: None,
            fix: None,
            native: Some(Native { text: prefixed(position, &key.1), fatal: class > Class::Fine }),
        };
        self.seen.insert(key, (self.diagnostics.len(), named));
        self.diagnostics.push(d);
    }

    /// Says something of ours that `-t` of the original does not print.
    pub fn remark(&mut self, code: &'static str, span: Span, text: String) {
        let key = (None, text);
        if self.seen.contains_key(&key) || self.diagnostics.len() >= MOST {
            return;
        }
        self.diagnostics.push(Diagnostic::own(code, Severity::Notice, span, key.1.clone()));
        self.seen.insert(key, (self.diagnostics.len() - 1, true));
    }

    /// The message said last, to add help to it.
    pub fn last(&mut self) -> Option<&mut Diagnostic> {
        self.diagnostics.last_mut()
    }
}

fn prefixed(position: Option<&Position>, text: &str) -> String {
    match position {
        None => text.to_owned(),
        Some(p) if p.named => format!("({}: Line {}) {text}", p.file, p.line),
        Some(p) => format!("(Line {}) {text}", p.line),
    }
}
