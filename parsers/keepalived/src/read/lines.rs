//! From physical lines to logical ones.
//!
//! COMPAT, order per line: comment off, several-line definitions collected, `@id` conditions, `$NAME=`,
//! `~SEQ`/`~LST`, substitution (then again from the comment on), `include`, braces cut out.

use std::rc::Rc;

use rha_text::{Sources, Span};

use super::copy::{Copy, Feed, Physical, insist};
use super::define::{Definitions, Value};
use super::sequence::{self, Bad, Sequence};
use super::shape::Shape;
use super::{Open, REPLACEMENTS, VOLUME, comment};
use crate::log::Position;
use crate::{Cx, Line, Version};

/// What is left of a definition of several lines.
type Rest = (Rc<str>, usize);

/// Where lines come from.
#[derive(Debug)]
pub(crate) struct Reader {
    /// All files opened.
    pub sources: Sources,
    /// What the first pass kept.
    pub copy: Copy,
    /// Whether this is the first pass.
    pub writing: bool,
    /// Files we are in, as messages name them, the innermost last.
    pub opens: Vec<Open>,
    /// Files being read from disk.
    pub files: Vec<Feed>,
    /// Next entry of the copy.
    pub at: usize,
    /// The physical line the current one came from.
    pub span: Span,
    /// 1-based number of the physical line.
    pub physical_line: u32,
    /// Whether the next bytes begin a line.
    pub fresh_line: bool,
    /// The line of the copy read last is not counted yet.
    pub late_end: bool,
    /// What every `include` insists on.
    pub include_check: u8,
    /// An `include` that insisted was disappointed.
    pub file_error: bool,
    /// Open `{`s.
    pub block_depth: i32,
    /// A text that is done with, for its memory.
    pub spare: String,
    definitions: Definitions,
    sequences: Vec<Sequence>,
    /// As many sequences belong to lines outside of the current several-line definition.
    floor: usize,
    /// Where what a brace cut off stands; its text is beside it.
    residue: Option<Option<u32>>,
    residue_text: String,
    more: Option<Rest>,
    stack: Vec<(Rest, usize)>,
    collecting: Option<usize>,
    pub volume: usize,
    random: u64,
}

impl Default for Reader {
    fn default() -> Self {
        Reader {
            sources: Sources::default(),
            copy: Copy::default(),
            writing: true,
            opens: Vec::new(),
            files: Vec::new(),
            at: 0,
            span: Span::default(),
            physical_line: 0,
            fresh_line: true,
            late_end: false,
            include_check: 0,
            file_error: false,
            block_depth: 0,
            spare: String::new(),
            definitions: Definitions::standard(),
            sequences: Vec::new(),
            floor: 0,
            residue: None,
            residue_text: String::new(),
            more: None,
            stack: Vec::new(),
            collecting: None,
            volume: 0,
            random: 0,
        }
    }
}

impl Reader {
    /// Ready for the next pass over the copy.
    pub fn rewind(&mut self) {
        let old = std::mem::take(self);
        *self = Reader {
            sources: old.sources,
            copy: old.copy,
            writing: false,
            include_check: old.include_check,
            file_error: old.file_error,
            ..Reader::default()
        };
    }

    /// Where messages say we are.
    pub fn position(&self) -> Option<Position> {
        self.opens.last().map(Open::position).filter(|p| p.named || p.line > 0)
    }

    /// Whether the next bytes are those of the next physical line, to be read for their own sake.
    pub fn between_lines(&self) -> bool {
        self.residue.is_none()
            && self.sequences.len() <= self.floor
            && self.more.is_none()
            && self.collecting.is_none()
    }

    /// A blank line ends a definition of several lines.
    pub fn blank_line(&mut self) {
        if let Some(index) = self.collecting.take() {
            self.end_collecting(index);
        }
    }

    fn end_collecting(&mut self, index: usize) {
        if let Some(d) = self.definitions.get_mut(index)
            && d.text().is_empty()
        {
            d.multiline = false;
        }
    }

    /// Adds a line to the definition being collected.
    fn collect(&mut self, index: usize, text: &str) {
        let more = text.strip_suffix('\\').map(|t| t.trim_end_matches([' ', '\t']));
        if more.is_none() {
            self.collecting = None;
            self.end_collecting(index);
        }
        let line = more.map_or_else(|| text.to_owned(), |t| format!("{t}\n"));
        if line.len() >= 2 || (!line.is_empty() && more.is_none()) {
            self.volume += line.len();
            if let Some(d) = self.definitions.get_mut(index) {
                d.value = Value::Text(Rc::from(format!("{}{line}", d.text())));
            }
        }
    }

    /// One round of the innermost sequence.
    fn next_of_sequence(&mut self) -> String {
        let Some(sequence) = self.sequences.last_mut() else { return String::new() };
        let (set, text, done) = sequence.step();
        if done {
            self.sequences.pop();
        }
        for (name, value) in set {
            self.definitions.set(&name, &value);
        }
        text
    }

    /// The next line of a several-line definition.
    fn next_of_definition(&mut self, rest: Rest) -> String {
        let (value, at) = rest;
        let text = value.get(at..).unwrap_or_default();
        if let Some(len) = text.find('\n') {
            let line = text.get(..len).unwrap_or_default().to_owned();
            self.more = Some((value.clone(), at + len + 1));
            return line;
        }
        let line = text.to_owned();
        match self.stack.pop() {
            Some((rest, floor)) => {
                self.more = Some(rest);
                self.floor = floor;
            }
            None => {
                self.more = None;
                self.floor = 0;
            }
        }
        line
    }
}

impl Cx<'_> {
    /// Reads the next logical line; false at the end of everything.
    pub(crate) fn read_line(&mut self, line: &mut Line) -> bool {
        let (mut text, mut base);
        let mut shape;
        self.reader.spare = std::mem::take(&mut line.text);
        loop {
            shape = Shape::Other;
            if let Some(at) = self.reader.residue.take() {
                text = std::mem::take(&mut self.reader.spare);
                text.clear();
                text.push_str(&self.reader.residue_text);
                base = at;
            } else if self.reader.sequences.len() > self.reader.floor {
                (text, base) = (self.reader.next_of_sequence(), None);
            } else if let Some(rest) = self.reader.more.take() {
                (text, base) = (self.reader.next_of_definition(rest), None);
            } else {
                let Some(Physical { text: t, base: b, shape: s }) = self.physical() else { return false };
                (text, base, shape) = (t, b, s);
            }
            self.reader.volume += text.len() + 16;
            if self.reader.volume > VOLUME {
                self.too_much();
                return false;
            }
            if let Some(index) = self.reader.collecting {
                self.reader.collect(index, &text);
                continue;
            }
            if shape != Shape::Other {
                break;
            }
            if text.is_empty() || !self.expand(&mut text, &mut base) || text.is_empty() {
                continue;
            }
            if !self.follow_include(&text) {
                break;
            }
        }
        if shape != Shape::Words {
            self.cut_at_brace(&mut text, base);
            text.truncate(text.trim_end_matches([' ', '\t']).len());
            self.count_braces(&text);
        }
        line.text = text;
        line.base = base;
        line.span = self.reader.span;
        if !line.split() {
            let unmatched = format!("Unmatched quote: '{}'", line.text);
            self.error("KA1001", line, 0, unmatched);
        }
        true
    }

    fn too_much(&mut self) {
        let line = Line { span: self.reader.span, ..Line::default() };
        if self.reader.volume != usize::MAX {
            self.error("KA1004", &line, 0, "Configuration too long, the rest is ignored");
        }
        self.reader.volume = usize::MAX / 2;
        self.reader.files.clear();
        self.reader.opens.clear();
        self.reader.at = usize::MAX;
    }

    /// Conditions, definitions, sequences, substitution; false when nothing is left of the line.
    fn expand(&mut self, text: &mut String, base: &mut Option<u32>) -> bool {
        for _ in 0..REPLACEMENTS {
            if text.starts_with('@') {
                let Some(kept) = self.condition(text) else { return false };
                let removed = text.len() - kept.len();
                *base = base.map(|b| b + u32::try_from(removed).unwrap_or(0));
                *text = kept;
            }
            if text.starts_with('$')
                && let Some(index) = self.reader.definitions.define(text)
            {
                let multiline = self.reader.definitions.get(index).is_some_and(|d| d.multiline);
                self.reader.collecting = multiline.then_some(index);
                return false;
            }
            if text.starts_with("~SEQ") || text.starts_with("~LST") {
                self.begin_sequence(text);
                return false;
            }
            if text.starts_with('~') || !text.contains('$') || !self.substitute(text) {
                return true;
            }
            *base = None;
            let bare = comment::strip(text);
            if bare.open_quote {
                self.open_quote(&bare.text, self.reader.span);
            }
            *text = bare.text;
            if !text.starts_with('@') && !text.contains('$') {
                return true;
            }
        }
        true
    }

    /// What an `@id` or `@^id` leaves of its line.
    fn condition(&self, text: &str) -> Option<String> {
        let (negated, rest) = match text.strip_prefix("@^") {
            Some(rest) => (true, rest),
            None => (false, text.get(1..)?),
        };
        let len = rest.find([' ', '\t'])?;
        let (id, rest) = rest.split_at_checked(len)?;
        let same = id == self.input.config_id;
        (same != negated).then(|| rest.trim_start_matches([' ', '\t']).to_owned())
    }

    fn begin_sequence(&mut self, text: &str) {
        let name = text.get(1..4).unwrap_or_default().to_owned();
        let read = if name == "SEQ" {
            let mut expanded_several = false;
            let read = sequence::numbers(text, |inner| {
                let mut inner = inner.to_owned();
                let before = self.reader.more.take();
                self.substitute(&mut inner);
                expanded_several = self.reader.more.is_some();
                self.reader.more = before;
                inner
            });
            let several = "~SEQ parameter is multiline definition";
            if expanded_several {
                self.sequence_error(format!("{several} '{text}'"));
                self.sequence_error(format!("Invalid ~SEQ specification '{text}'"));
                return;
            }
            read
        } else {
            sequence::values(text)
        };
        let bad = match read {
            Ok(s) => {
                self.reader.sequences.push(s);
                return;
            }
            Err(bad) => bad,
        };
        match bad {
            Bad::Definition => self.sequence_error(format!("Invalid ~SEQ definition '{text}'")),
            Bad::Values => self.sequence_error(format!("Invalid ~SEQ values '{text}'")),
            Bad::Hex => self.sequence_error(format!("~SEQx is only valid for positive numbers '{text}'")),
            Bad::Long => self.sequence_error(format!("~SEQ parameter strings too long '{text}'")),
            Bad::Many => self.sequence_error(format!("~LST specification has too many values '{text}'")),
            Bad::Plain => {}
        }
        self.sequence_error(format!("Invalid ~{name} specification '{text}'"));
    }

    fn sequence_error(&mut self, text: String) {
        let line = Line { span: self.reader.span, ..Line::default() };
        self.error("KA1003", &line, 0, text);
    }

    /// Substitutes definitions; false when there was none.
    fn substitute(&mut self, text: &mut String) -> bool {
        let environment = self.input.version >= Version(2, 4, 0);
        let (mut at, mut found) = (0, false);
        let before = self.reader.more.clone();
        let mut rest = before.clone();
        let mut pending = before;
        for _ in 0..REPLACEMENTS {
            let Some(dollar) = text.get(at..).and_then(|t| t.find('$')).map(|n| at + n) else { break };
            at = dollar;
            let Some(used) =
                self.reader.definitions.find(text.get(at + 1..).unwrap_or_default(), environment)
            else {
                at += 1;
                continue;
            };
            found = true;
            rest = pending.clone();
            let definition = used.index.and_then(|i| self.reader.definitions.get(i)).cloned();
            let multiline = definition.as_ref().is_some_and(|d| d.multiline);
            let mut value = match definition {
                Some(d) => self.value_of(&d.value, &used.params),
                None => self.environment(&used.params),
            };
            let whole = value.clone();
            if multiline {
                if let Some(pending) = &pending {
                    let floor = self.reader.floor;
                    self.reader.stack.push((pending.clone(), floor));
                }
                self.reader.floor = self.reader.sequences.len();
                let len = value.find('\n').unwrap_or(value.len());
                let behind = (value.clone(), (len + 1).min(value.len()));
                value = Rc::from(value.get(..len).unwrap_or_default());
                rest = Some(behind.clone());
                pending = Some(behind);
            }
            if text.len() + value.len() > super::LINE + used.len {
                self.remark(
                    "KA1004",
                    self.reader.span,
                    format!("Parameter substitution on line '{text}' would exceed maximum line length"),
                );
                return false;
            }
            text.replace_range(at..=at + used.len, &value);
            if whole.trim_start_matches([' ', '\t']).starts_with('~') {
                break;
            }
        }
        if found {
            self.reader.more = rest;
        }
        found
    }

    fn value_of(&mut self, value: &Value, params: &str) -> Rc<str> {
        match value {
            Value::Text(t) => t.clone(),
            Value::Instance => Rc::from(self.input.config_id.as_str()),
            Value::Directory => {
                let here = self.reader.opens.last().map(|o| o.directory.clone()).unwrap_or_default();
                let machine = self.input.machine.directory();
                Rc::from(if here.is_empty() { machine } else { super::glob::at(&machine, &here) })
            }
            Value::Random => {
                let mut given = params.split(' ').filter_map(|p| p.parse::<u64>().ok());
                let (low, high) = (given.next().unwrap_or(0), given.next().unwrap_or(32767));
                self.reader.random = self
                    .reader
                    .random
                    .wrapping_add(self.input.seed | 1)
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let span = high.saturating_sub(low).saturating_add(1);
                Rc::from((low + (self.reader.random >> 33) % span).to_string())
            }
        }
    }

    fn environment(&self, name: &str) -> Rc<str> {
        let value = self.input.env.value(name.as_bytes()).unwrap_or_default();
        Rc::from(String::from_utf8_lossy(value).as_ref())
    }

    /// Cuts a line before and behind its first brace outside of quotes; the rest comes next.
    fn cut_at_brace(&mut self, text: &mut String, base: Option<u32>) {
        let Some(brace) = first_brace(text.as_bytes()) else { return };
        let cut = if brace == 0 {
            let behind = text.get(1..).unwrap_or_default();
            text.len() - behind.trim_start_matches([' ', '\t']).len()
        } else {
            brace
        };
        if cut < text.len() {
            let rest = text.get(cut..).unwrap_or_default().trim_end_matches([' ', '\t']);
            self.reader.residue_text.clear();
            self.reader.residue_text.push_str(rest);
            text.truncate(cut);
            let base = base.map(|b| b + u32::try_from(cut).unwrap_or(0));
            self.reader.residue = Some(base);
        }
    }

    fn count_braces(&mut self, text: &str) {
        match text {
            "{" => self.reader.block_depth += 1,
            "}" if self.reader.block_depth < 1 => {
                self.reader.block_depth = 0;
                let line = Line { span: self.reader.span, ..Line::default() };
                self.error("KA2004", &line, 0, "Extra '}' found");
            }
            "}" => self.reader.block_depth -= 1,
            _ => {}
        }
    }

    /// Gives a value block's lines to a function, up to its `}`.
    ///
    /// COMPAT: what stands behind the keyword on its own line is said and ignored; a block without `{`
    /// is read as one.
    pub(crate) fn value_block(
        &mut self,
        keyword: &Line,
        entry: &mut dyn FnMut(&mut Self, &Line) -> crate::Flow,
    ) -> crate::Flow {
        if keyword.len() > 1 {
            self.block_name(keyword)?;
            let text = format!("Block {} has extra parameters {} ...", keyword.word(0), keyword.word(1));
            self.error("KA2006", keyword, 1, text);
        }
        let mut line = self.lines.pop().unwrap_or_default();
        let read = self.value_lines(keyword, entry, &mut line);
        self.lines.push(line);
        read
    }

    fn value_lines(
        &mut self,
        keyword: &Line,
        entry: &mut dyn FnMut(&mut Self, &Line) -> crate::Flow,
        line: &mut Line,
    ) -> crate::Flow {
        let mut first = true;
        while self.read_line(line) {
            if line.is_empty() {
                continue;
            }
            if std::mem::take(&mut first) {
                if line.word(0) == "{" {
                    if line.len() == 1 {
                        continue;
                    }
                    line.drop_front(1);
                } else {
                    self.block_name(keyword)?;
                }
            }
            let last = line.get(line.len() - 1) == Some("}");
            if last {
                line.words.pop();
            }
            if !line.is_empty() {
                entry(self, line)?;
            }
            if last {
                break;
            }
        }
        Ok(())
    }

    /// What a complaint about a block needs: its keyword.
    fn block_name(&mut self, keyword: &Line) -> crate::Flow {
        if keyword.word(0).is_empty() {
            let text =
                "*** Configuration line starting `***MISSING ***` is missing a parameter at word position 1";
            let line = Line { span: self.reader.span, ..Line::default() };
            self.error("KA2010", &line, 0, text);
            return Err(crate::Stop);
        }
        Ok(())
    }

    /// All words of a value block.
    pub(crate) fn value_words(&mut self, keyword: &Line) -> crate::Flow<Vec<(String, Span)>> {
        let mut words = Vec::new();
        self.value_block(keyword, &mut |_, line| {
            words.extend((0..line.len()).map(|i| (line.word(i).to_owned(), line.at(i))));
            Ok(())
        })?;
        Ok(words)
    }

    /// Names of `include_check` and `-e`; without any, everything is insisted on.
    pub(crate) fn insist(&mut self, line: &Line, words: &[String]) {
        if words.is_empty() {
            self.reader.include_check = insist::ALL;
            return;
        }
        for (i, word) in words.iter().enumerate() {
            let (sign, name) = match word.as_bytes().first() {
                Some(b'-') => (-1, word.get(1..).unwrap_or_default()),
                Some(b'+') => (1, word.get(1..).unwrap_or_default()),
                _ => (0, word.as_str()),
            };
            if sign == 0 {
                if i > 0 {
                    self.error(
                        "KA2022",
                        line,
                        i + 1,
                        format!("Duplicate include_check '{word}' specified - ignoring"),
                    );
                    continue;
                }
                self.reader.include_check = 0;
            }
            let bit = match name {
                "read" => insist::READ,
                "match" => insist::MATCH,
                "wildcard_match" => insist::WILDCARD,
                "brace_match" => insist::BRACE,
                _ => {
                    self.error(
                        "KA2022",
                        line,
                        i + 1,
                        format!("Unknown include_check type '{name}' - ignoring"),
                    );
                    continue;
                }
            };
            match sign {
                0 => self.reader.include_check = insist::READ | bit,
                1 => self.reader.include_check |= bit,
                _ => self.reader.include_check &= !bit,
            }
        }
    }
}

/// The first `{` or `}` that no quote protects.
fn first_brace(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = at + memchr::memchr3(b'{', b'}', b'"', text.get(at..)?)?;
        if text.get(found) != Some(&b'"') {
            return Some(found);
        }
        at = found + 1 + memchr::memchr(b'"', text.get(found + 1..)?)? + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_quotes_are_text() {
        assert_eq!(first_brace(b"a \"{\" {"), Some(6));
        assert_eq!(first_brace(b"a \"{"), None);
        assert_eq!(first_brace(b"}"), Some(0));
        assert_eq!(first_brace(b"abc"), None);
    }
}
