//! The reader: bytes of a file to lines that sections may parse.
//!
//! HAProxy configuration manual §2.2–2.4. It undoes quotes and variables ([`lex`]), resolves `.if`
//! ([`cond`]), prints `.notice` and the like, and reports what is wrong in the original's words. A bad
//! line is reported and skipped; what the original stops at ends the file.
//!
//! Invariant: it touches the model nowhere. It needs the run's state for the environment only, because
//! `setenv` in one line changes how the next one reads.

pub mod cond;
pub mod lex;
pub mod show;

use bstr::ByteSlice;
use rha_text::{Diagnostic, FileId, Severity, Span};
use rha_vocab::Dialect;

use crate::{Cx, Form, Line};
use lex::{Around, Fault, LexError, Lexed};

/// Deepest nesting of `.if`, exclusive.
const MAX_NESTED: usize = 100;

/// Errors in one file after which the original gives up on it.
const MAX_FATAL: usize = 50;

/// What came of a call of [`Reader::next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A line for the section; its `no` or `default` is taken off and in `cx.form`.
    Line,
    /// The file's end, or an error that ends only this file.
    End,
    /// An error that ends the run.
    Abort,
}

/// Where an `.if` block stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// This branch is read.
    Taken,
    /// No branch was taken so far.
    Dropped,
    /// A branch was taken before, or the whole block is inside one that is not read.
    Skipped,
    /// `.else`, read.
    ElseTaken,
    /// `.else`, not read.
    ElseDropped,
}

impl Block {
    fn is_read(self) -> bool {
        matches!(self, Block::Taken | Block::ElseTaken)
    }

    fn is_else(self) -> bool {
        matches!(self, Block::ElseTaken | Block::ElseDropped)
    }
}

/// One file being read.
#[derive(Debug)]
pub struct Reader {
    file: FileId,
    /// Offset of the next line.
    at: usize,
    /// 1-based number of the current line.
    number: u32,
    /// The current line, leading blanks removed; storage is reused.
    raw: Vec<u8>,
    /// Blanks before it.
    indent: usize,
    /// Offset of its first byte in the file.
    start: usize,
    /// Where the line feed should have been.
    missing_lf: Option<usize>,
    /// The same, once it turned out that more follows: it was a NUL.
    stray_nul: Option<usize>,
    blocks: Vec<Block>,
    /// Name of the current section, `.SECTION`.
    pub section: String,
    /// Errors so far, for the limit.
    pub fatal: usize,
    /// Whether the long explanation about empty arguments has been given (3.5, once a run).
    pub explained_empty: bool,
}

impl Reader {
    /// A reader at the beginning of a file.
    #[must_use]
    pub fn new(file: FileId) -> Self {
        Reader {
            file,
            at: 0,
            number: 0,
            raw: Vec::new(),
            indent: 0,
            start: 0,
            missing_lf: None,
            stray_nul: None,
            blocks: Vec::new(),
            section: String::new(),
            fatal: 0,
            explained_empty: false,
        }
    }

    /// Reads on to the next line that a section has to parse. `line` keeps its storage between calls.
    pub fn next(&mut self, cx: &mut Cx<'_>, line: &mut Line) -> Step {
        loop {
            if !self.fetch(cx) {
                return Step::End;
            }
            if let Some(at) = self.stray_nul.take() {
                self.say(
                    cx,
                    Severity::Error,
                    "HA1006",
                    &format!("Stray NUL character at position {}.", at + 1),
                );
                return Step::End;
            }
            if self.fatal >= MAX_FATAL {
                let text = format!("too many fatal errors ({}), stopping now.", self.fatal);
                self.say(cx, Severity::Error, "HA1007", &text);
                return Step::End;
            }
            if self.raw.first() == Some(&b'[') {
                if !self.scope(cx) {
                    return Step::Abort;
                }
                continue;
            }
            let Some(lexed) = self.lex(cx, line) else { continue };
            if line.arg(0).is_empty() {
                continue;
            }
            if let Some(step) = self.directive(cx, line, lexed) {
                match step {
                    Step::Line => continue,
                    end => return end,
                }
            }
            if cx.input.dialect >= Dialect::V3_5 && self.empty_word(cx, line, lexed) {
                continue;
            }
            self.modifier(cx, line);
            return Step::Line;
        }
    }

    /// The checks at the file's end that come before the last section is closed.
    pub fn check_last_line(&mut self, cx: &mut Cx<'_>) {
        if let Some(at) = self.missing_lf.take() {
            let text =
                format!("Missing LF on last line, file might have been truncated at position {}.", at + 1);
            self.say(cx, Severity::Error, "HA1005", &text);
        }
    }

    /// The check after the last section is closed; false when an `.if` is open, which ends the run.
    pub fn check_blocks(&self, cx: &mut Cx<'_>) -> bool {
        if self.blocks.is_empty() {
            return true;
        }
        self.say(cx, Severity::Error, "HA1108", "non-terminated '.if' block.");
        false
    }

    /// Gets the next physical line into `raw`. A NUL ends a line as a missing line feed does.
    fn fetch(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some(text) = cx.sources.get(self.file).map(|s| s.text.as_slice()) else { return false };
        let Some(rest) = text.get(self.at..).filter(|r| !r.is_empty()) else { return false };
        self.stray_nul = self.missing_lf.take();
        if self.stray_nul.is_some() {
            return true;
        }
        self.number = self.number.saturating_add(1);
        let end = memchr::memchr(b'\n', rest);
        let (physical, used) = end.map_or((rest, rest.len()), |n| (&rest[..n], n + 1));
        let nul = memchr::memchr(0, physical);
        let whole = nul.map_or(physical, |n| &physical[..n]);
        if nul.is_some() || end.is_none() {
            self.missing_lf = Some(whole.len());
        }
        self.indent = whole.iter().take_while(|b| matches!(b, b' ' | b'\t'..=b'\r')).count();
        self.start = self.at + self.indent;
        self.raw.clear();
        self.raw.extend_from_slice(&whole[self.indent..]);
        self.at += used;
        true
    }

    fn span(&self) -> Span {
        let start = u32::try_from(self.start).unwrap_or(u32::MAX);
        let end = start.saturating_add(u32::try_from(self.raw.len()).unwrap_or(0));
        Span { file: self.file, line: self.number, start, end }
    }

    /// `config : parsing [file:line]: text`, as all of the reader's messages.
    fn say(&self, cx: &mut Cx<'_>, severity: Severity, code: &'static str, text: &str) {
        self.say_at(cx, severity, code, self.span(), text);
    }

    fn say_at(&self, cx: &mut Cx<'_>, severity: Severity, code: &'static str, span: Span, text: &str) {
        let native = format!("config : parsing [{}]: {text}", cx.position(self.span()));
        let own = text.lines().next().unwrap_or(text).trim_end_matches(':').to_owned();
        cx.diagnostics.push(Diagnostic::native(code, severity, span, native).saying(own));
    }

    /// The byte at `at` of the line; nothing where the file ends.
    fn spot(&self, at: usize) -> Span {
        let line = self.span();
        let start = line.start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX)).min(line.end);
        Span { start, end: start.saturating_add(1).min(line.end), ..line }
    }

    /// `[name]` at a line's start: accepted, without effect. False on what ends the run.
    fn scope(&mut self, cx: &mut Cx<'_>) -> bool {
        let position = cx.position(self.span());
        let say = |cx: &mut Cx<'_>, text: String| {
            let native = format!("config : parsing [{position}] : {text}");
            cx.diagnostics
                .push(Diagnostic::native("HA1008", Severity::Error, self.span(), native).saying(text));
        };
        let name = self.raw[1..].find_byte(b']').map(|n| &self.raw[1..=n]);
        let Some(name) = name.filter(|n| !n.is_empty()) else {
            say(cx, "empty scope name is forbidden.".to_owned());
            return true;
        };
        if let Some(bad) = name.iter().find(|b| !b.is_ascii_alphanumeric() && !b"_:.-".contains(b)) {
            say(cx, format!("character '{}' is not permitted in a scope name.", *bad as char));
            return false;
        }
        let rest = self.raw[name.len() + 2..].trim_ascii_start();
        match rest.first() {
            None | Some(b'#') => true,
            Some(bad) => {
                say(cx, format!("character '{}' is not permitted after scope declaration.", *bad as char));
                false
            }
        }
    }

    fn lex(&mut self, cx: &mut Cx<'_>, line: &mut Line) -> Option<Lexed> {
        let around = Around {
            env: &cx.env,
            file: cx.sources.name(self.file),
            section: &self.section,
            dialect: cx.input.dialect,
        };
        match lex::lex(&self.raw, self.span(), around, line) {
            Ok(lexed) => Some(lexed),
            Err(e) => {
                self.fatal += 1;
                self.lex_error(cx, line, &e);
                None
            }
        }
    }

    fn lex_error(&self, cx: &mut Cx<'_>, line: &Line, e: &LexError) {
        let code = match e.fault {
            Fault::Quote => "HA1001",
            Fault::Brace | Fault::VarName | Fault::Expand => "HA1002",
            Fault::Hex => "HA1003",
            Fault::TooMany => "HA1004",
        };
        if e.fault == Fault::TooMany {
            let last = line.len().saturating_sub(1);
            let position: usize = line.words.iter().take(last).map(|w| w.text.len() + 1).sum();
            let text = format!(
                "too many words, truncating after word {}, position {}: <{}>.",
                lex::MAX_WORDS,
                position + 1,
                line.arg(last)
            );
            return self.say(cx, Severity::Error, code, &text);
        }
        let block = show::caret("", &self.raw[..e.shown.min(self.raw.len())], e.at, show::WIDTH);
        let text = format!("{} at position {}:\n{block}", e.fault.text(), self.indent + e.at + 1);
        self.say_at(cx, Severity::Error, code, self.spot(e.at), &text);
    }

    /// Lines beginning with a dot, and lines inside a branch that is not read: `Some(Step::Line)` when
    /// there is nothing for a section, `None` when there is.
    fn directive(&mut self, cx: &mut Cx<'_>, line: &Line, lexed: Lexed) -> Option<Step> {
        if line.arg(0).first() == Some(&b'.') {
            match line.arg(0).as_bytes() {
                b".if" => return Some(self.begin_if(cx, line, lexed)),
                b".elif" => return Some(self.elif(cx, line, lexed)),
                b".else" => return Some(self.else_branch(cx, line)),
                b".endif" => return Some(self.endif(cx, line)),
                _ => {}
            }
        }
        if self.blocks.last().is_some_and(|b| !b.is_read()) {
            return Some(Step::Line);
        }
        if line.arg(0).first() == Some(&b'.') {
            return Some(self.message(cx, line));
        }
        None
    }

    fn begin_if(&mut self, cx: &mut Cx<'_>, line: &Line, lexed: Lexed) -> Step {
        if self.blocks.len() + 1 >= MAX_NESTED {
            let text = format!("too many nested '.if', max is {MAX_NESTED}.");
            self.say(cx, Severity::Error, "HA1107", &text);
            return Step::Abort;
        }
        if self.blocks.last().is_some_and(|b| !b.is_read()) {
            self.blocks.push(Block::Skipped);
            return Step::Line;
        }
        match self.condition(cx, line, lexed, 76) {
            Some(holds) => {
                self.blocks.push(if holds { Block::Taken } else { Block::Dropped });
                Step::Line
            }
            None => Step::Abort,
        }
    }

    fn elif(&mut self, cx: &mut Cx<'_>, line: &Line, lexed: Lexed) -> Step {
        match self.blocks.last() {
            None => self.lone(cx, ".elif"),
            Some(b) if b.is_else() => {
                self.say(cx, Severity::Error, "HA1106", "'.elif' after '.else' is not permitted.");
                Step::Abort
            }
            Some(Block::Dropped) => match self.condition(cx, line, lexed, 74) {
                Some(holds) => {
                    self.set_block(if holds { Block::Taken } else { Block::Dropped });
                    Step::Line
                }
                None => Step::Abort,
            },
            Some(_) => {
                self.set_block(Block::Skipped);
                Step::Line
            }
        }
    }

    fn else_branch(&mut self, cx: &mut Cx<'_>, line: &Line) -> Step {
        if let Some(step) = self.no_argument(cx, line) {
            return step;
        }
        match self.blocks.last() {
            None => self.lone(cx, ".else"),
            Some(b) if b.is_else() => {
                self.say(cx, Severity::Error, "HA1106", "'.else' after '.else' is not permitted.");
                Step::Abort
            }
            Some(Block::Dropped) => {
                self.set_block(Block::ElseTaken);
                Step::Line
            }
            Some(_) => {
                self.set_block(Block::ElseDropped);
                Step::Line
            }
        }
    }

    fn endif(&mut self, cx: &mut Cx<'_>, line: &Line) -> Step {
        if let Some(step) = self.no_argument(cx, line) {
            return step;
        }
        if self.blocks.pop().is_none() {
            return self.lone(cx, ".endif");
        }
        Step::Line
    }

    fn set_block(&mut self, to: Block) {
        if let Some(b) = self.blocks.last_mut() {
            *b = to;
        }
    }

    fn lone(&mut self, cx: &mut Cx<'_>, word: &str) -> Step {
        let text = format!("lone '{word}' with no matching '.if'.");
        self.say(cx, Severity::Error, "HA1105", &text);
        // COMPAT: after a lone `.endif` the last section is still closed before the run ends.
        cx.aborted = true;
        if word == ".endif" { Step::End } else { Step::Abort }
    }

    fn no_argument(&mut self, cx: &mut Cx<'_>, line: &Line) -> Option<Step> {
        if line.arg(1).is_empty() {
            return None;
        }
        let text = format!("Unexpected argument '{}' for '{}'.", line.arg(1), line.arg(0));
        self.say_at(cx, Severity::Error, "HA1104", line.at(1), &text);
        cx.aborted = true;
        Some(Step::End)
    }

    /// Evaluates what follows the first word; `None` after an error.
    fn condition(&mut self, cx: &mut Cx<'_>, line: &Line, lexed: Lexed, width: usize) -> Option<bool> {
        let mut text = Vec::new();
        for (i, w) in line.words.iter().enumerate().skip(1) {
            if i > 1 {
                text.push(b' ');
            }
            text.extend_from_slice(&w.text);
        }
        if line.len() > 1 {
            text.resize(text.len() + lexed.dropped, b' ');
        }
        let facts = cond::Facts { env: &cx.env, dialect: cx.input.dialect, version: &cx.input.version };
        match cond::evaluate(&text, facts) {
            Ok(holds) => Some(holds),
            Err(e) => {
                let word = line.text(0);
                let block = show::caret(&format!("{word} "), &text, e.at, width);
                let said = format!("{} in '{word}' at position {}:\n{block}", e.text, e.at + 1);
                self.say_at(cx, Severity::Error, "HA1101", line.at(1), &said);
                None
            }
        }
    }

    /// `.alert`, `.warning`, `.notice`, `.diag`.
    fn message(&mut self, cx: &mut Cx<'_>, line: &Line) -> Step {
        let word = line.arg(0).as_bytes();
        if !matches!(word, b".alert" | b".warning" | b".notice" | b".diag") {
            let text = format!("unknown directive '{}'.", line.arg(0));
            self.say_at(cx, Severity::Error, "HA1103", line.at(0), &text);
            return Step::End;
        }
        if !line.arg(2).is_empty() {
            let text = format!(
                "Unexpected argument '{}' for '{}'. Use quotes if the message should contain spaces.",
                line.arg(2),
                line.arg(0)
            );
            self.say_at(cx, Severity::Error, "HA1104", line.at(2), &text);
            return Step::Line;
        }
        let text = format!("'{}'.", line.arg(1));
        match word {
            b".alert" => {
                self.say(cx, Severity::Error, "HA1109", &text);
                return Step::Abort;
            }
            b".warning" => self.say(cx, Severity::Warning, "HA1109", &text),
            b".notice" => self.say(cx, Severity::Notice, "HA1109", &text),
            // COMPAT: shown in diagnostic mode only (`-dD`).
            _ if cx.input.diag => self.say(cx, Severity::Notice, rha_text::DIAG, &text),
            _ => cx.diagnostics.push(Diagnostic::own(rha_text::DIAG, Severity::Notice, line.span, text)),
        }
        Step::Line
    }

    /// 3.5: an empty argument is an error, because keywords take it for the end of their list.
    fn empty_word(&mut self, cx: &mut Cx<'_>, line: &Line, lexed: Lexed) -> bool {
        let Some(i) = line.words.iter().position(|w| w.text.is_empty()) else { return false };
        let at = lexed.empty_at.unwrap_or(0);
        let block = show::caret("", &self.raw[..lexed.shown.min(self.raw.len())], at, show::WIDTH);
        let mut text = format!(
            "argument number {i} at position {} is empty and marks the end of the argument list:\n{block}",
            self.indent + at + 1
        );
        if !self.explained_empty {
            self.explained_empty = true;
            text.push_str("\nAborting to prevent all subsequent arguments from being silently ignored. If this is caused by an environment variable expansion, please have a look at section 2.3 of the configuration manual to find solutions to address this.");
        }
        self.fatal += 1;
        self.say_at(cx, Severity::Error, "HA1009", self.spot(at), &text);
        true
    }

    /// Takes `no` and `default` off.
    fn modifier(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        cx.form = match line.arg(0).as_bytes() {
            b"no" => Form::No,
            b"default" => Form::Default,
            _ => Form::Plain,
        };
        if cx.form == Form::Plain {
            return;
        }
        line.words.remove(0);
        let allowed: &[&[u8]] = &[
            b"option",
            b"log",
            b"busy-polling",
            b"set-dumpable",
            b"strict-limits",
            b"insecure-fork-wanted",
            b"numa-cpu-mapping",
        ];
        if !allowed.contains(&line.arg(0).as_bytes()) {
            self.fatal += 1;
            self.say(cx, Severity::Error, "HA2101", "negation/default currently supported only for options, log, busy-polling, set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping.");
        }
    }
}
