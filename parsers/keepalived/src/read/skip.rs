//! Passing over the lines of a block that the current pass does not read.
//!
//! Three of four passes skip most of a configuration, of which they want nothing but its braces. Lines
//! with a [`Shape`] are counted here without being cut into words; any other line ends that and goes the
//! long way. Invariant: what is left behind (positions, depths, volume) is what the long way leaves.

use rha_text::Span;

use super::copy::Entry;
use super::shape::Shape;
use super::{LINE, VOLUME};
use crate::Cx;

/// What every line costs beside its bytes, of the volume of a pass.
const OVERHEAD: usize = 16;

impl Cx<'_> {
    /// Counts braces of plain lines as long as a block is skipped; true when its last `}` was met.
    pub(crate) fn skip_plain(&mut self) -> bool {
        if !self.reader.between_lines() {
            return false;
        }
        while self.skip > 0 {
            let next = if self.reader.files.is_empty() { self.pass_entry() } else { self.pass_file_line() };
            match next {
                None => return false,
                Some(Shape::Opens) => {
                    self.reader.block_depth += 1;
                    self.skip += 1;
                }
                Some(Shape::Closes) => {
                    self.reader.block_depth -= 1;
                    self.skip -= 1;
                }
                Some(_) => {}
            }
        }
        true
    }

    /// Whether a line may be passed over; counts its bytes if so.
    fn passes(&mut self, text: usize, shape: Shape) -> bool {
        let words = if text == 0 { 0 } else { text + OVERHEAD };
        let cost = match shape {
            Shape::Other => return false,
            Shape::Closes if self.reader.block_depth < 1 => return false,
            // The words before the brace and the brace are two lines.
            Shape::Opens if text > 1 => words + 1 + OVERHEAD,
            _ => words,
        };
        let fits = text < LINE && self.reader.volume + cost <= VOLUME;
        if fits {
            self.reader.volume += cost;
        }
        fits
    }

    /// The next line of the copy, if it is a plain one.
    fn pass_entry(&mut self) -> Option<Shape> {
        if self.reader.writing || self.reader.late_end {
            return None;
        }
        let entry = self.reader.copy.entries.get(self.reader.at)?;
        let &Entry::Line { len, span, open_quote: false, shape, .. } = entry else { return None };
        if !self.passes(len as usize, shape) {
            return None;
        }
        self.reader.at += 1;
        self.reader.span = span;
        if let Some(open) = self.reader.opens.last_mut() {
            open.line += 1;
        }
        Some(shape)
    }

    /// The next line of the file on top, if it is a plain one; kept for later passes.
    fn pass_file_line(&mut self) -> Option<Shape> {
        if !self.reader.fresh_line {
            return None;
        }
        let (id, start) = self.reader.files.last().map(|f| (f.id, f.at))?;
        let rest = self.reader.sources.get(id)?.text.get(start..)?;
        let ended = memchr::memchr(b'\n', rest.get(..rest.len().min(LINE))?)?;
        let chunk = rest.get(..ended)?;
        let lead = chunk.iter().position(|c| !matches!(c, b' ' | b'\t')).unwrap_or(0);
        let behind = chunk.iter().rposition(|c| !matches!(c, b' ' | b'\t')).map_or(0, |n| n + 1);
        // A line of nothing but blanks goes the long way.
        let shape = if behind == 0 && ended > 0 { Shape::Other } else { Shape::of(chunk.get(lead..behind)?) };
        if !self.passes(behind - lead, shape) {
            return None;
        }
        let position = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let reader = &mut self.reader;
        reader.physical_line += 1;
        if let Some(open) = reader.opens.last_mut() {
            open.line += 1;
        }
        let (first, last) = (position(start + lead), position(start + behind));
        let span = Span { file: id, line: reader.physical_line, start: first, end: last };
        reader.span = span;
        if let Some(feed) = reader.files.last_mut() {
            feed.at += ended + 1;
        }
        if reader.writing {
            let text = reader.sources.get(id)?.text.get(start + lead..start + behind)?;
            // A shape is given to ASCII only.
            let (start, len) = reader.copy.keep(std::str::from_utf8(text).unwrap_or_default());
            let base = (ended > 0).then_some(first);
            let entry = Entry::Line { start, len, span, base, open_quote: false, shape };
            reader.copy.entries.push(entry);
        }
        Some(shape)
    }
}
