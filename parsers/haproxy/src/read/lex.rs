//! First-level lexer: one physical line to words.
//!
//! HAProxy configuration manual §2.2 "Quoting and escaping" and §2.3 "Environment variables". Quotes,
//! backslashes, comments and `"$VAR"` are undone here, once, so that no keyword parser sees them.
//!
//! COMPAT: three behaviours, held by the tests at the end. Up to 2.8, words are what stands between
//! blanks, so that an unset variable is an empty word. From 3.0 on, an unset variable takes the closing
//! quote and the blanks after it along, and so vanishes. In 3.5 a word begins with its first character
//! or with an empty pair of quotes, and an empty word is an error that the caller raises.

use std::borrow::Cow;

use bstr::BString;
use rha_text::{Env, Span};
use rha_vocab::Dialect;

use crate::{Line, Word};

/// Most words of a line.
pub const MAX_WORDS: usize = 64;

/// What a line may refer to.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Variables.
    pub env: &'a Env,
    /// `.FILE`.
    pub file: &'a str,
    /// `.SECTION`.
    pub section: &'a str,
    /// Whose rules.
    pub dialect: Dialect,
}

/// Why a line cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A quote without its other half.
    Quote,
    /// `${` without `}`.
    Brace,
    /// A variable's name begins with something else than a letter, `_` or `.`.
    VarName,
    /// `\x` without two hexadecimal digits.
    Hex,
    /// `[` after a variable's name without `*]`.
    Expand,
    /// More than [`MAX_WORDS`] words.
    TooMany,
}

impl Fault {
    /// The original's words before ` at position N:`.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Fault::Quote => "unmatched quote",
            Fault::Brace => "unmatched brace in environment variable name",
            Fault::VarName => "forbidden first char in environment variable name",
            Fault::Hex => "truncated or invalid hexadecimal sequence",
            Fault::Expand => "truncated or invalid word expansion sequence",
            Fault::TooMany => "too many words",
        }
    }
}

/// A line that cannot be split, with what the message needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LexError {
    /// Why.
    pub fault: Fault,
    /// Offset in the raw line.
    pub at: usize,
    /// How much of the raw line the original still shows: it cuts the line where a variable's name or
    /// default value ends while it looks the variable up, and an error leaves the cut.
    pub shown: usize,
}

/// A line that could be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lexed {
    /// Offset of what made the first empty word (3.5 complains about it).
    pub empty_at: Option<usize>,
    /// Whether the words are empty only because of an unset variable.
    pub unset: bool,
    /// How much of the raw line the original still shows in messages.
    pub shown: usize,
    /// Empty words at the end, which no keyword can see but a rejoined condition keeps as blanks.
    pub dropped: usize,
}

/// Splits `raw` (without its line feed, leading blanks removed) into `out`, whose storage is reused.
///
/// `base` is the span of the raw line's first byte. Word spans include quotes.
///
/// # Errors
/// See [`Fault`]; `out` then holds the words up to there.
pub fn lex(raw: &[u8], base: Span, around: Around<'_>, out: &mut Line) -> Result<Lexed, LexError> {
    let mut l = Lexer {
        raw,
        base,
        around,
        at: 0,
        words: Words::new(std::mem::take(&mut out.words)),
        by_blanks: around.dialect < Dialect::V3_5,
        quote: None,
        empty_quote: false,
        in_word: false,
        word_at: 0,
        empty_at: None,
        unset_at: None,
        shown: raw.len(),
        dropped: 0,
    };
    let result = l.run();
    let lexed =
        Lexed { empty_at: l.empty_at, unset: l.unset_at.is_some(), shown: l.shown, dropped: l.dropped };
    out.words = l.words.done();
    out.span = match (out.words.first(), out.words.last()) {
        (Some(a), Some(b)) => a.span.to(b.span),
        _ => base,
    };
    result.map(|()| lexed)
}

/// Words under construction; old ones are overwritten, so that their storage is reused.
struct Words {
    store: Vec<Word>,
    used: usize,
}

impl Words {
    fn new(store: Vec<Word>) -> Self {
        Words { store, used: 0 }
    }

    fn begin(&mut self) -> &mut Word {
        if self.used == self.store.len() {
            let span = Span::default();
            self.store.push(Word { text: BString::default(), span, expanded: false, quoted: false });
        }
        self.used += 1;
        let w = &mut self.store[self.used - 1];
        w.text.clear();
        w.expanded = false;
        w.quoted = false;
        w
    }

    fn current(&mut self) -> Option<&mut Word> {
        self.used.checked_sub(1).and_then(|i| self.store.get_mut(i))
    }

    fn done(mut self) -> Vec<Word> {
        self.store.truncate(self.used);
        self.store
    }
}

struct Lexer<'a> {
    raw: &'a [u8],
    base: Span,
    around: Around<'a>,
    at: usize,
    words: Words,
    /// Up to 3.0: blanks end words; 3.5: characters begin them.
    by_blanks: bool,
    /// The open quote and where it is.
    quote: Option<(u8, usize)>,
    empty_quote: bool,
    in_word: bool,
    /// Where the current word began.
    word_at: usize,
    empty_at: Option<usize>,
    unset_at: Option<usize>,
    shown: usize,
    dropped: usize,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Result<(), LexError> {
        if self.by_blanks {
            self.begin_word()?;
        }
        while let Some(&b) = self.raw.get(self.at) {
            match b {
                0 | b'\n' | b'\r' => break,
                b'-'..=b'[' | b']'..=b'~' => self.plain_run()?,
                b'#' if self.quote.is_none() => break,
                b'"' | b'\'' if self.quote.is_none_or(|(q, _)| q == b) => self.toggle_quote(b)?,
                b'\\' if !self.in_strong_quotes() => self.escape()?,
                b' ' | b'\t' | 0x0b | 0x0c if self.quote.is_none() => self.blanks()?,
                b'$' if self.in_weak_quotes() => self.variable()?,
                _ => {
                    self.emit(b)?;
                    self.at += 1;
                }
            }
        }
        self.end_word();
        self.drop_trailing_empty();
        match self.quote {
            Some((_, at)) => Err(self.fault(Fault::Quote, at)),
            None => Ok(()),
        }
    }

    fn in_strong_quotes(&self) -> bool {
        matches!(self.quote, Some((b'\'', _)))
    }

    fn in_weak_quotes(&self) -> bool {
        matches!(self.quote, Some((b'"', _)))
    }

    fn fault(&self, fault: Fault, at: usize) -> LexError {
        LexError { fault, at, shown: self.shown }
    }

    /// The bytes that mean nothing special, all at once.
    fn plain_run(&mut self) -> Result<(), LexError> {
        let rest = &self.raw[self.at..];
        let n = rest.iter().take_while(|b| matches!(b, b'-'..=b'[' | b']'..=b'~')).count();
        self.ensure_word()?;
        self.empty_quote = false;
        if let Some(w) = self.words.current() {
            w.text.extend_from_slice(&rest[..n]);
        }
        self.at += n;
        Ok(())
    }

    fn emit(&mut self, b: u8) -> Result<(), LexError> {
        self.ensure_word()?;
        self.empty_quote = false;
        if let Some(w) = self.words.current() {
            w.text.push(b);
        }
        Ok(())
    }

    fn ensure_word(&mut self) -> Result<(), LexError> {
        if self.in_word { Ok(()) } else { self.begin_word() }
    }

    fn begin_word(&mut self) -> Result<(), LexError> {
        if self.words.used == MAX_WORDS {
            return Err(self.fault(Fault::TooMany, self.at));
        }
        self.in_word = true;
        self.word_at = self.quote.map_or(self.at, |(_, q)| if self.by_blanks { self.at } else { q });
        let (start, quoted) = (self.word_at, self.quote.is_some());
        let span = self.span(start, start);
        let w = self.words.begin();
        w.span = span;
        w.quoted = quoted;
        Ok(())
    }

    fn span(&self, from: usize, to: usize) -> Span {
        let at = |i: usize| self.base.start + u32::try_from(i).unwrap_or(u32::MAX / 2);
        Span { start: at(from), end: at(to), ..self.base }
    }

    /// Ends the word that is open, if one is.
    fn end_word(&mut self) {
        if !self.in_word {
            return;
        }
        self.in_word = false;
        let span = self.span(self.word_at, self.at);
        let origin = self.unset_at.unwrap_or(self.word_at);
        let Some(w) = self.words.current() else { return };
        w.span = span;
        if let Some(nul) = w.text.iter().position(|b| *b == 0) {
            // COMPAT: words are C strings; `\x00` ends one.
            w.text.truncate(nul);
        }
        if w.text.is_empty() && self.empty_at.is_none() {
            self.empty_at = Some(origin);
        }
    }

    /// Blanks at a line's end, and empty words there, are no arguments that anybody can see.
    fn drop_trailing_empty(&mut self) {
        while self.by_blanks && self.words.current().is_some_and(|w| w.text.is_empty()) {
            self.words.used -= 1;
            self.dropped += 1;
        }
    }

    fn toggle_quote(&mut self, b: u8) -> Result<(), LexError> {
        if let Some((_, at)) = self.quote.take() {
            if self.empty_quote && !self.in_word {
                self.begin_word()?;
                self.word_at = at;
            }
        } else {
            self.quote = Some((b, self.at));
            self.empty_quote = true;
        }
        self.at += 1;
        if self.in_word
            && let Some(w) = self.words.current()
        {
            w.quoted = true;
        }
        Ok(())
    }

    fn blanks(&mut self) -> Result<(), LexError> {
        self.end_word();
        while self.raw.get(self.at).is_some_and(|b| is_blank(*b)) {
            self.at += 1;
        }
        if self.by_blanks { self.begin_word() } else { Ok(()) }
    }

    fn escape(&mut self) -> Result<(), LexError> {
        let next = self.raw.get(self.at + 1).copied().unwrap_or(0);
        let (byte, used) = match next {
            b' ' | b'\\' | b'#' | b'\'' | b'"' => (next, 2),
            b't' => (b'\t', 2),
            b'n' => (b'\n', 2),
            b'r' => (b'\r', 2),
            b'$' if self.in_weak_quotes() => (b'$', 2),
            b'x' => {
                let digit = |i: usize| self.raw.get(self.at + i).and_then(|b| (*b as char).to_digit(16));
                let (Some(high), Some(low)) = (digit(2), digit(3)) else {
                    return Err(self.fault(Fault::Hex, self.at));
                };
                #[allow(clippy::cast_possible_truncation, reason = "two hexadecimal digits")]
                let byte = (high * 16 + low) as u8;
                (byte, 4)
            }
            _ => (b'\\', 1),
        };
        self.emit(byte)?;
        self.at += used;
        Ok(())
    }

    /// `$NAME`, `${NAME}`, `${NAME-default}`, `${NAME[*]}`; only called in weak quotes.
    fn variable(&mut self) -> Result<(), LexError> {
        let dollar = self.at;
        let quote_at = self.quote.map_or(dollar, |(_, at)| at);
        self.at += 1;
        let brace = (self.peek() == b'{').then_some(self.at);
        self.at += usize::from(brace.is_some());
        if !(self.peek().is_ascii_alphabetic() || matches!(self.peek(), b'_' | b'.')) {
            return Err(self.fault(Fault::VarName, self.at));
        }
        let name_at = self.at;
        self.at += usize::from(self.peek() == b'.');
        while self.peek().is_ascii_alphanumeric() || self.peek() == b'_' {
            self.at += 1;
        }
        let raw = self.raw;
        let name = &raw[name_at..self.at];
        let mut value = self.look_up(name, name_at)?;
        let expand = brace.is_some() && self.peek() == b'[';
        if expand {
            if !raw[self.at..].starts_with(b"[*]") {
                return Err(self.fault(Fault::Expand, self.at));
            }
            self.at += 3;
        }
        if let Some(brace) = brace {
            if self.peek() == b'-' {
                let from = self.at + 1;
                let Some(n) = raw[from..].iter().take_while(|b| **b != 0).position(|b| *b == b'}') else {
                    return Err(self.fault(Fault::Brace, brace));
                };
                value.get_or_insert(Cow::Borrowed(&raw[from..from + n]));
                self.at = from + n;
                self.shown = self.shown.min(self.at);
            } else if self.peek() != b'}' {
                return Err(self.fault(Fault::Brace, brace));
            }
            self.at += 1;
        }
        if expand {
            self.empty_quote = false;
        }
        let Some(value) = value else { return self.unset(name, name_at, expand) };
        self.unset_at = None;
        self.expand(&value, expand, quote_at)
    }

    fn peek(&self) -> u8 {
        self.raw.get(self.at).copied().unwrap_or(0)
    }

    fn look_up(&mut self, name: &[u8], name_at: usize) -> Result<Option<Cow<'a, [u8]>>, LexError> {
        Ok(match name {
            b".LINE" => Some(Cow::Owned(self.base.line.to_string().into_bytes())),
            b".FILE" => Some(Cow::Borrowed(self.around.file.as_bytes())),
            b".SECTION" => Some(Cow::Borrowed(self.around.section.as_bytes())),
            [b'.', ..] => {
                self.shown = self.shown.min(self.at);
                return Err(self.fault(Fault::VarName, name_at));
            }
            _ => self.around.env.value(name).map(Cow::Borrowed),
        })
    }

    /// A variable that is not set and has no default.
    fn unset(&mut self, name: &[u8], name_at: usize, expand: bool) -> Result<(), LexError> {
        if self.by_blanks {
            if self.around.dialect >= Dialect::V3_0 && name.first() != Some(&b'.') && self.peek() == b'"' {
                self.at += 1;
                self.quote = None;
                while is_blank(self.peek()) {
                    self.at += 1;
                }
            }
            return Ok(());
        }
        if !expand {
            self.ensure_word()?;
            self.unset_at.get_or_insert(name_at);
        }
        Ok(())
    }

    /// Puts a value in, split at its blanks when `[*]` asks for it.
    fn expand(&mut self, value: &[u8], split: bool, quote_at: usize) -> Result<(), LexError> {
        let mut i = 0;
        while let Some(&b) = value.get(i) {
            if b == 0 {
                break;
            }
            if split && (is_blank(b) || matches!(b, b'\n' | b'\r')) {
                while value.get(i).is_some_and(|b| b.is_ascii_whitespace() || *b == 0x0b) {
                    i += 1;
                }
                self.end_word();
                if self.by_blanks {
                    self.begin_word()?;
                    self.word_at = quote_at;
                    self.mark_expanded();
                }
            } else {
                let fresh = !self.in_word;
                self.emit(b)?;
                if fresh {
                    self.word_at = quote_at;
                }
                self.mark_expanded();
                i += 1;
            }
        }
        self.mark_expanded();
        Ok(())
    }

    fn mark_expanded(&mut self) {
        if self.in_word
            && let Some(w) = self.words.current()
        {
            w.expanded = true;
            w.quoted = true;
        }
    }
}

/// Blanks between words (`isspace` without the ends of lines).
fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | 0x0b | 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(raw: &str, dialect: Dialect) -> Result<Vec<String>, LexError> {
        let env = Env::from_pairs([("E", ""), ("SP", " p  q "), ("V", "val"), ("SP2", " ")]);
        let around = Around { env: &env, file: "lex.cfg", section: "s", dialect };
        let mut line = Line { words: vec![], span: Span::default() };
        lex(raw.as_bytes(), Span { line: 19, ..Span::default() }, around, &mut line)?;
        Ok(line.words.iter().map(|w| w.text.to_string()).collect())
    }

    /// Recorded from 3.0.11's `-dC`.
    #[test]
    fn words_of_3_0() {
        for (raw, want) in [
            (r#"a1 "" b"#, vec!["a1", "", "b"]),
            (r#"a2 "$NOPE" b"#, vec!["a2", "b"]),
            (r#"a3 "${NOPE[*]}" b"#, vec!["a3", "b"]),
            (r#"a4 "${E[*]}" b"#, vec!["a4", "", "b"]),
            (r#"a6 x"$NOPE" b"#, vec!["a6", "xb"]),
            (r#"a7 "" "" b"#, vec!["a7", "", "", "b"]),
            (r#"a8 '' b"#, vec!["a8", "", "b"]),
            (r#"a9 "${SP[*]}" b"#, vec!["a9", "", "p", "q", "", "b"]),
            (r#"a10 x"${SP[*]}"y b"#, vec!["a10", "x", "p", "q", "y", "b"]),
            (r#"a11 "x ${SP[*]} y" b"#, vec!["a11", "x ", "p", "q", " y", "b"]),
            (r#"a12 "${NOPE-d e}" b"#, vec!["a12", "d e", "b"]),
            (r#"a13 "${NOPE[*]-d e}" b"#, vec!["a13", "d", "e", "b"]),
            (r#"a14 "${NOPE-}" b"#, vec!["a14", "", "b"]),
            (
                r"a16 a\ b a\tb \1 \\ \x41 '\x41' \#x # comment",
                vec!["a16", "a b", "a\tb", "\\1", "\\", "A", "\\x41", "#x"],
            ),
            (r##"a17 "#z" x#y b"##, vec!["a17", "#z", "x"]),
            (r#"a18 "${V}${V}" ${V} $V "${V}"x"#, vec!["a18", "valval", "${V}", "$V", "valx"]),
            (
                r#"a19 "$V-x" "$V.x" "$.LINE/$.FILE/${.SECTION}""#,
                vec!["a19", "val-x", "val.x", "19/lex.cfg/s"],
            ),
            (r#"a20 "a"''b""c b"#, vec!["a20", "abc", "b"]),
            ("a23 b   \t ", vec!["a23", "b"]),
            (r#"a27 "${NOPE}x""#, vec!["a27", "x"]),
            (r#"\"$V\" "\$V" '\$V' "\"""#, vec!["\"$V\"", "$V", "\\$V", "\""]),
        ] {
            assert_eq!(words(raw, Dialect::V3_0).unwrap(), want, "{raw}");
        }
    }

    #[test]
    fn an_unset_variable_is_an_empty_word_in_2_6_and_3_5() {
        for d in [Dialect::V2_6, Dialect::V3_5] {
            assert_eq!(words(r#"a "$NOPE" b"#, d).unwrap(), ["a", "", "b"]);
        }
        assert_eq!(words(r#"a "${NOPE[*]}" b"#, Dialect::V3_5).unwrap(), ["a", "b"]);
        assert_eq!(words(r#"a "${SP[*]}" b"#, Dialect::V3_5).unwrap(), ["a", "p", "q", "b"]);
        assert_eq!(words(r#"a "" b "" "#, Dialect::V3_5).unwrap(), ["a", "", "b", ""]);
    }

    #[test]
    fn faults_point_at_their_cause() {
        for (raw, fault, at, shown) in [
            (r#"setenv X "abc"#, Fault::Quote, 9, 13),
            (r"log-format 'aa", Fault::Quote, 11, 14),
            (r#"bind "1:${PORT:-19181}""#, Fault::Brace, 9, 23),
            (r"setenv A b\x4 c", Fault::Hex, 10, 15),
            (r#"setenv A "${A[*}" "#, Fault::Expand, 13, 18),
            (r#"setenv A "$1""#, Fault::VarName, 11, 13),
            (r#"setenv B "$.FOO""#, Fault::VarName, 11, 15),
        ] {
            assert_eq!(words(raw, Dialect::V3_0), Err(LexError { fault, at, shown }), "{raw}");
        }
    }

    #[test]
    fn the_sixty_fifth_word_is_one_too_many_and_so_is_a_blank_after_the_last() {
        let line = vec!["w"; 64].join(" ");
        assert_eq!(words(&line, Dialect::V3_0).unwrap().len(), 64);
        assert_eq!(words(&format!("{line} "), Dialect::V3_0).unwrap_err().fault, Fault::TooMany);
        assert_eq!(words(&format!("{line} "), Dialect::V3_5).unwrap().len(), 64);
        assert_eq!(words(&format!("{line} w"), Dialect::V3_5).unwrap_err().fault, Fault::TooMany);
    }

    #[test]
    fn storage_is_reused_and_spans_cover_quotes() {
        let env = Env::default();
        let around = Around { env: &env, file: "f", section: "", dialect: Dialect::V3_0 };
        let mut line = Line { words: vec![], span: Span::default() };
        let base = Span { start: 100, ..Span::default() };
        lex(br#"ab "c d" e"#, base, around, &mut line).unwrap();
        let spans: Vec<_> = line.words.iter().map(|w| (w.span.start, w.span.end, w.quoted)).collect();
        assert_eq!(spans, [(100, 102, false), (103, 108, true), (109, 110, false)]);
        lex(b"x", base, around, &mut line).unwrap();
        assert_eq!((line.len(), line.text(0)), (1, "x".to_owned()));
    }
}
