//! Reading files once: comments off, `include` followed, and what later passes will read kept.
//!
//! COMPAT: the original's parent writes such a copy for its children, which is why an `include` is
//! looked at once, why a line of more than 1023 bytes is several lines to them, and why their messages
//! name the file and the parent's do not.

use rha_text::{FileId, Span};

use super::shape::Shape;
use super::{DEPTH, FILES, LINE, Open, comment, glob};
use crate::machine::FileKind;
use crate::{Class, Cx, Line};

/// Something of the copy.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entry {
    /// A line: where its text is, where it stands in its file, whether byte for byte.
    Line { start: u32, len: u32, span: Span, base: Option<u32>, open_quote: bool, shape: Shape },
    /// A file begins; its name is the text.
    Open { start: u32, len: u32 },
    /// It ends.
    Close,
}

/// What the first pass read.
#[derive(Debug, Default)]
pub(crate) struct Copy {
    text: String,
    pub entries: Vec<Entry>,
}

impl Copy {
    /// The text of an entry.
    pub fn text(&self, start: u32, len: u32) -> &str {
        self.text.get(start as usize..(start + len) as usize).unwrap_or_default()
    }

    /// Makes room for a file.
    fn expect(&mut self, file: &[u8]) {
        self.text.reserve(file.len());
        self.entries.reserve(memchr::memchr_iter(b'\n', file).count() + 3);
    }

    /// The copy as the original writes it.
    pub fn printed(&self) -> String {
        let mut out = String::with_capacity(self.text.len() + self.entries.len() * 2);
        for entry in &self.entries {
            match *entry {
                Entry::Line { start, len, .. } => out += self.text(start, len),
                Entry::Open { start, len } => {
                    out += "# ";
                    out += self.text(start, len);
                }
                Entry::Close => out.push('!'),
            }
            out.push('\n');
        }
        out
    }

    /// Keeps a text; gives where.
    pub fn keep(&mut self, text: &str) -> (u32, u32) {
        let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.push_str(text);
        (start, u32::try_from(text.len()).unwrap_or(0))
    }
}

/// What an `include` insists on: bits of the original's `include_check`.
pub(crate) mod insist {
    /// Every file is a readable, regular, non-executable one.
    pub const READ: u8 = 1;
    /// Something matches, unless a wildcard is used.
    pub const MATCH: u8 = 2;
    /// Something matches, wildcard or not.
    pub const WILDCARD: u8 = 4;
    /// Every alternative of a brace matches.
    pub const BRACE: u8 = 8;
    /// All of them.
    pub const ALL: u8 = 15;
}

/// A file being read, and the further ones of its pattern.
#[derive(Debug)]
pub(crate) struct Feed {
    pub id: FileId,
    pub at: usize,
    waiting: std::vec::IntoIter<String>,
    insists: u8,
    saved_check: u8,
    nameless: bool,
}

/// A physical line: text without comment, and where it stands.
pub(crate) struct Physical {
    pub text: String,
    pub base: Option<u32>,
    pub shape: Shape,
}

impl Cx<'_> {
    /// Opens what a pattern names; false when there was nothing to open.
    pub(crate) fn open(&mut self, pattern: &str, insists: u8) -> bool {
        if self.reader.files.len() >= DEPTH {
            self.say_include(
                insist::ALL,
                insist::ALL,
                format!("Too many files inside one another at '{pattern}'"),
            );
            return false;
        }
        let directory = self.reader.opens.last().map(|o| o.directory.clone()).unwrap_or_default();
        let found = glob::find(self.input.files, &directory, pattern);
        if found.paths.is_empty() {
            if found.missing {
                let kind = if found.braces { insist::BRACE } else { insist::MATCH };
                self.say_include(insists, kind, format!("Config files missing '{pattern}'."));
            } else if found.wildcards && (self.reader.include_check | insists) & insist::WILDCARD != 0 {
                self.say_include(insists, insist::WILDCARD, format!("No config files matched '{pattern}'."));
            }
            return false;
        }
        if found.missing {
            self.say_include(insists, insist::BRACE, format!("Some config files missing: \"{pattern}\"."));
            if (self.reader.include_check | insists) & insist::BRACE != 0 {
                return false;
            }
        }
        // COMPAT: the main file's name is not said as long as it is the only one.
        let nameless = self.reader.files.is_empty() && self.reader.opens.is_empty() && found.paths.len() == 1;
        let feed = Feed {
            id: FileId(0),
            at: 0,
            waiting: found.paths.into_iter(),
            insists,
            saved_check: self.reader.include_check,
            nameless,
        };
        self.open_next(feed, &directory)
    }

    /// Opens the next file of a pattern.
    fn open_next(&mut self, mut feed: Feed, directory: &str) -> bool {
        while let Some(name) = feed.waiting.next() {
            if !self.is_plain(&name, directory, feed.insists) {
                continue;
            }
            let path = glob::at(directory, &name);
            // DIFFERS: the original goes round until it has no descriptors left.
            if self.reader.opens.iter().any(|o| o.path == path) {
                self.say_include(
                    insist::ALL,
                    insist::ALL,
                    format!("Configuration file '{name}' includes itself - skipping"),
                );
                continue;
            }
            if self.reader.sources.iter().count() >= FILES {
                self.say_include(
                    insist::ALL,
                    insist::ALL,
                    format!("Too many configuration files at '{name}' - skipping"),
                );
                return false;
            }
            let text = match self.input.files.read(&path) {
                Ok(text) => text,
                Err(e) => {
                    let text =
                        format!("Configuration file '{name}' open problem ({}) - skipping", reason(&e));
                    self.say_include(feed.insists, insist::READ, text);
                    continue;
                }
            };
            if self.reader.writing {
                self.reader.copy.expect(&text);
            }
            feed.id = self.reader.sources.add(name.clone(), text);
            feed.at = 0;
            if self.reader.writing {
                let (start, len) = self.reader.copy.keep(&name);
                self.reader.copy.entries.push(Entry::Open { start, len });
            }
            let own =
                name.rsplit_once('/').map(|(d, _)| glob::at(directory, if d.is_empty() { "/" } else { d }));
            let named = !feed.nameless;
            let directory = own.unwrap_or_else(|| directory.to_owned());
            self.reader.opens.push(Open { name, path, named, line: 0, directory });
            self.reader.files.push(feed);
            return true;
        }
        false
    }

    /// Whether a file may be a configuration file; says why not.
    fn is_plain(&mut self, name: &str, directory: &str, insists: u8) -> bool {
        if name.ends_with('/') {
            self.say_include(
                insists,
                insist::READ,
                format!("Configuration file '{name}' is a directory - skipping"),
            );
            return false;
        }
        let stat = self.input.machine.stat(&glob::at(directory, name), true);
        if stat.is_ok_and(|s| s.kind != FileKind::File || s.mode & 0o111 != 0) {
            let text = format!("Configuration file '{name}' is not a regular non-executable file - skipping");
            self.say_include(insists, insist::READ, text);
            return false;
        }
        true
    }

    /// Says something about an `include`, which is an error when it insists on it.
    fn say_include(&mut self, insists: u8, kind: u8, text: String) {
        let bad = (self.reader.include_check | insists) & kind != 0;
        self.reader.file_error |= bad;
        let class = if bad { Class::Missing } else { Class::Fine };
        let line = Line { span: self.reader.span, ..Line::default() };
        self.say("KA1010", class, &line, 0, text);
    }

    /// The next line that is not blank, from the files in the first pass, else from the copy.
    pub(crate) fn physical(&mut self) -> Option<Physical> {
        loop {
            let line = if self.reader.files.is_empty() {
                self.next_of_copy()?
            } else {
                self.next_of_file().unwrap_or(None)
            };
            match line {
                Some(p) if !p.text.is_empty() => return Some(p),
                _ if self.reader.files.is_empty() && self.reader.at >= self.reader.copy.entries.len() => {
                    return None;
                }
                _ => {}
            }
        }
    }

    /// A line of the file on top, `Some(None)` for a blank one, `None` when a file ended.
    fn next_of_file(&mut self) -> Option<Option<Physical>> {
        let feed = self.reader.files.last_mut()?;
        let id = feed.id;
        let text = &self.reader.sources.get(id)?.text;
        let rest = text.get(feed.at..).unwrap_or_default();
        if rest.is_empty() {
            self.end_file();
            return None;
        }
        let most = rest.len().min(LINE);
        let window = rest.get(..most).unwrap_or_default();
        let ended = memchr::memchr(b'\n', window);
        let taken = ended.map_or(most, |n| n + 1);
        let start = feed.at;
        feed.at += taken;
        let chunk = window.get(..taken).unwrap_or_default();
        // COMPAT: a zero byte ends the line.
        let zero = memchr::memchr(0, chunk);
        let chunk = chunk.get(..zero.unwrap_or(taken)).unwrap_or_default();
        let keep = chunk.iter().rposition(|b| *b != b'\n' && *b != b'\r').map_or(0, |n| n + 1);
        let raw = chunk.get(..keep).unwrap_or_default();
        let written = raw.trim_ascii_end().len();
        let chunk = String::from_utf8_lossy(raw);
        let valid = matches!(chunk, std::borrow::Cow::Borrowed(_));
        let chunk = chunk.into_owned();
        let position = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.reader.physical_line += u32::from(self.reader.fresh_line);
        self.reader.fresh_line = ended.is_some();
        if let Some(open) = self.reader.opens.last_mut()
            && ended.is_some()
            && zero.is_none()
        {
            open.line += 1;
        }
        let trimmed = chunk.trim_start_matches([' ', '\t']);
        let lead = chunk.len() - trimmed.len();
        self.reader.span = Span {
            file: id,
            line: self.reader.physical_line,
            start: position(start + lead),
            end: position(start + written.max(lead)),
        };
        Some(self.keep_line(&chunk, start, valid))
    }

    /// Takes the comment off a line and keeps it for later passes.
    fn keep_line(&mut self, chunk: &str, start: usize, valid: bool) -> Option<Physical> {
        let span = self.reader.span;
        if chunk.is_empty() {
            self.reader.blank_line();
            self.write("", span, None, false);
            return None;
        }
        let bare = comment::strip(chunk);
        if bare.open_quote {
            self.open_quote(&bare.text, span);
        }
        let base = (bare.exact && valid).then(|| u32::try_from(start + bare.offset).unwrap_or(u32::MAX));
        let shape = Shape::of(bare.text.as_bytes());
        if is_include(&bare.text) {
            self.write("", span, None, false);
        } else {
            self.write_shaped(&bare.text, span, base, bare.open_quote, shape);
        }
        Some(Physical { text: bare.text, base, shape })
    }

    fn write(&mut self, text: &str, span: Span, base: Option<u32>, open_quote: bool) {
        self.write_shaped(text, span, base, open_quote, Shape::of(text.as_bytes()));
    }

    fn write_shaped(&mut self, text: &str, span: Span, base: Option<u32>, open_quote: bool, shape: Shape) {
        if self.reader.writing {
            let (start, len) = self.reader.copy.keep(text);
            self.reader.copy.entries.push(Entry::Line { start, len, span, base, open_quote, shape });
        }
    }

    /// A line of the copy; `Some(None)` for a blank one or the border of a file, `None` at its end.
    fn next_of_copy(&mut self) -> Option<Option<Physical>> {
        if self.reader.writing {
            return None;
        }
        if std::mem::take(&mut self.reader.late_end) {
            self.reader.blank_line();
            self.reader.opens.iter_mut().last().into_iter().for_each(|o| o.line += 1);
            return Some(None);
        }
        let entry = *self.reader.copy.entries.get(self.reader.at)?;
        self.reader.at += 1;
        match entry {
            Entry::Open { start, len } => {
                let name = self.reader.copy.text(start, len).to_owned();
                let parent = self.reader.opens.last().map(|o| o.directory.clone()).unwrap_or_default();
                let own =
                    name.rsplit_once('/').map(|(d, _)| glob::at(&parent, if d.is_empty() { "/" } else { d }));
                let directory = own.unwrap_or(parent);
                self.reader.opens.push(Open { name, path: String::new(), named: true, line: 0, directory });
                Some(None)
            }
            Entry::Close => {
                self.reader.opens.pop();
                Some(None)
            }
            Entry::Line { start, len, span, base, open_quote, shape } => {
                // COMPAT: a line that fills the buffer is counted only when its end is read.
                self.reader.late_end = len as usize >= LINE;
                if let Some(open) = self.reader.opens.last_mut()
                    && (len as usize) < LINE
                {
                    open.line += 1;
                }
                self.reader.span = span;
                let mut text = std::mem::take(&mut self.reader.spare);
                text.clear();
                text.push_str(self.reader.copy.text(start, len));
                if text.is_empty() {
                    self.reader.blank_line();
                    return Some(None);
                }
                if open_quote {
                    self.open_quote(&text, span);
                }
                Some(Some(Physical { text, base, shape }))
            }
        }
    }

    pub(crate) fn open_quote(&mut self, text: &str, span: Span) {
        let line = Line { span, ..Line::default() };
        self.error("KA1001", &line, 0, format!("Unterminated quote '{text}'"));
    }

    /// The file on top has ended: the next one of its pattern, or back to the one that included it.
    fn end_file(&mut self) {
        let Some(mut feed) = self.reader.files.pop() else { return };
        self.reader.opens.pop();
        if self.reader.writing {
            self.reader.copy.entries.push(Entry::Close);
        }
        self.reader.include_check = feed.saved_check;
        let directory = self.reader.opens.last().map(|o| o.directory.clone()).unwrap_or_default();
        self.reader.physical_line = 0;
        self.reader.fresh_line = true;
        let waiting = std::mem::take(&mut feed.waiting);
        if !self.open_next(Feed { waiting, ..feed }, &directory) {
            self.reader.physical_line = self.reader.opens.last().map_or(0, |o| o.line);
        }
    }

    /// Follows an `include` line; false when it is none.
    pub(crate) fn follow_include(&mut self, text: &str) -> bool {
        if !is_include(text) {
            return false;
        }
        let rest = text.get(7..).unwrap_or_default();
        let (insists, rest) = match rest.as_bytes().first() {
            Some(b'r') => (insist::READ, rest.get(1..)),
            Some(b'a') => (insist::ALL, rest.get(1..)),
            Some(b'w') => (insist::READ | insist::MATCH | insist::WILDCARD, rest.get(1..)),
            Some(b'm') => (insist::READ | insist::MATCH, rest.get(1..)),
            Some(b'b') => (insist::READ | insist::BRACE, rest.get(1..)),
            _ => (0, Some(rest)),
        };
        let pattern = rest.unwrap_or_default().trim_start().to_owned();
        let (line, fresh) = (self.reader.physical_line, self.reader.fresh_line);
        if self.open(&pattern, insists) {
            self.reader.physical_line = 0;
            self.reader.fresh_line = true;
        } else {
            (self.reader.physical_line, self.reader.fresh_line) = (line, fresh);
        }
        true
    }
}

/// Whether a line is an `include`: the word and one of its suffixes, a blank, and something behind it.
fn is_include(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("include") else { return false };
    let blank = |i: usize| rest.as_bytes().get(i).is_some_and(|c| crate::line::is_blank(*c));
    blank(0) || (blank(1) && rest.starts_with(['r', 'm', 'w', 'b', 'a']))
}

/// The operating system's words as C programs print them.
fn reason(e: &std::io::Error) -> String {
    match e.kind() {
        std::io::ErrorKind::NotFound => "No such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "Permission denied".to_owned(),
        _ => e.to_string().split(" (os error").next().unwrap_or_default().to_owned(),
    }
}
