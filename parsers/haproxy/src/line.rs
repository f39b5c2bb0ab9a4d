//! A line of words, as the reader gives it: quotes and escapes undone, variables expanded.

use bstr::{BStr, BString, ByteSlice};
use rha_text::Span;

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What the keyword parsers see.
    pub text: BString,
    /// Where it was written, quotes included. Words made by one `"${VAR[*]}"` share the span.
    pub span: Span,
    /// Whether an environment variable took part.
    pub expanded: bool,
    /// Whether any part of it was in quotes.
    pub quoted: bool,
}

/// One logical line with at least one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// At most 64 of them.
    pub words: Vec<Word>,
    /// From the first word to the last.
    pub span: Span,
}

impl Line {
    /// Word `i` as bytes; empty beyond the end, as `args[i]` is in the original.
    #[must_use]
    pub fn arg(&self, i: usize) -> &BStr {
        self.words.get(i).map_or(BStr::new(b""), |w| w.text.as_bstr())
    }

    /// Word `i` for matching against byte strings; empty beyond the end.
    #[must_use]
    pub fn bytes(&self, i: usize) -> &[u8] {
        self.arg(i)
    }

    /// Word `i` for messages and names, with invalid UTF-8 replaced.
    #[must_use]
    pub fn text(&self, i: usize) -> String {
        self.arg(i).to_str_lossy().into_owned()
    }

    /// Whether word `i` is exactly this.
    #[must_use]
    pub fn is(&self, i: usize, word: &str) -> bool {
        self.words.get(i).is_some_and(|w| w.text == word)
    }

    /// Number of words.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is none, which the reader never yields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Where word `i` is; the line's end beyond the last word.
    #[must_use]
    pub fn at(&self, i: usize) -> Span {
        self.words.get(i).map_or(Span { start: self.span.end, ..self.span }, |w| w.span)
    }
}
