//! One logical line: its text, and where its words are.

use rha_text::Span;

/// A word of a line: bytes `start..end` of its text, quotes taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A line after comments, conditions, definitions and brace cutting, split into words.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// Its text without leading and trailing blanks.
    pub text: String,
    /// Its words; never empty for a line that a keyword function gets.
    pub words: Vec<Word>,
    /// The physical line it came from.
    pub span: Span,
    /// Where `text` begins in the file, if the text stands there as it is (nothing was substituted).
    pub base: Option<u32>,
}

impl Line {
    /// Number of words, the keyword included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is no word.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Word `i`, empty when there is none.
    #[must_use]
    pub fn word(&self, i: usize) -> &str {
        self.get(i).unwrap_or_default()
    }

    /// Word `i`.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&str> {
        let w = self.words.get(i)?;
        self.text.get(w.start as usize..w.end as usize)
    }

    /// All words.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|i| self.word(i))
    }

    /// Where word `i` stands; the whole line when that is not known.
    #[must_use]
    pub fn at(&self, i: usize) -> Span {
        match (self.base, self.words.get(i)) {
            (Some(base), Some(w)) => Span { start: base + w.start, end: base + w.end, ..self.span },
            _ => self.span,
        }
    }

    /// Splits the text into words; false when a quote is not closed.
    ///
    /// COMPAT: `"…"` is one word and ends the one before it; what follows an unclosed quote is dropped.
    pub fn split(&mut self) -> bool {
        self.words.clear();
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while let Some(skip) = bytes.get(at..).and_then(|b| b.iter().position(|c| !is_blank(*c))) {
            at += skip;
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.first() == Some(&b'"') {
                let Some(len) = memchr::memchr(b'"', rest.get(1..).unwrap_or_default()) else { return false };
                self.words.push(word(at + 1, at + 1 + len));
                at += len + 2;
            } else {
                let len = rest.iter().position(|c| is_blank(*c) || *c == b'"').unwrap_or(rest.len());
                self.words.push(word(at, at + len));
                at += len;
            }
        }
        true
    }

    /// Takes words off the front, as for the words of a value block on its keyword's line.
    pub fn drop_front(&mut self, count: usize) {
        self.words.drain(..count.min(self.words.len()));
    }
}

/// What separates words.
#[must_use]
pub fn is_blank(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | 0x0c | b'\n' | b'\r' | 0x0b)
}

fn word(start: usize, end: usize) -> Word {
    let small = |n| u32::try_from(n).unwrap_or(u32::MAX);
    Word { start: small(start), end: small(end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> (Vec<String>, bool) {
        let mut l = Line { text: text.to_owned(), ..Line::default() };
        let whole = l.split();
        (l.iter().map(str::to_owned).collect(), whole)
    }

    #[test]
    fn quotes_make_words_and_end_them() {
        assert_eq!(words("a \"b c\" d").0, ["a", "b c", "d"]);
        assert_eq!(words("foo\"bar baz\"qux").0, ["foo", "bar baz", "qux"]);
        assert_eq!(words("a \"\" b").0, ["a", "", "b"]);
        assert_eq!(words("a \"b"), (vec!["a".to_owned()], false));
        assert_eq!(words("'100'").0, ["'100'"]);
        assert!(words(" \t ").0.is_empty());
    }
}
