//! Regular expressions: PCRE2 with its just-in-time compiler, as HAProxy is usually built.

use std::borrow::Cow;

use pcre2::bytes::{CaptureLocations, RegexBuilder};

/// A compiled expression.
#[derive(Debug)]
pub struct Regex(pcre2::bytes::Regex);

impl Regex {
    /// Compiles.
    ///
    /// # Errors
    /// The library's text.
    pub fn new(pattern: &[u8], ignore_case: bool) -> Result<Regex, String> {
        let text = readable(pattern);
        let built = RegexBuilder::new()
            .caseless(ignore_case)
            .jit_if_available(true)
            .max_jit_stack_size(Some(64 * 1024))
            .build(&text)
            .map_err(|e| format!("regex '{text}' is invalid (error={e})"))?;
        Ok(Regex(built))
    }

    /// Whether it matches anywhere; an expression that runs out of its limits does not match.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text).unwrap_or(false)
    }

    /// The first match at or after `from`, with its groups.
    pub fn captures_at(&self, text: &[u8], from: usize) -> Option<Groups> {
        let mut at = self.0.capture_locations();
        self.0.captures_read_at(&mut at, text, from).ok().flatten()?;
        Some(Groups(at))
    }
}

/// The binding wants characters; bytes that are none become escapes.
fn readable(pattern: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(pattern) {
        Ok(t) => Cow::Borrowed(t),
        Err(_) => {
            let one = |c: &u8| if c.is_ascii() { char::from(*c).to_string() } else { format!("\\x{c:02x}") };
            Cow::Owned(pattern.iter().map(one).collect())
        }
    }
}

/// Where the groups of a match stand.
pub struct Groups(CaptureLocations);

impl Groups {
    /// Bytes of group `i`, 0 being the whole match.
    pub fn span(&self, i: usize) -> Option<(usize, usize)> {
        self.0.get(i)
    }
}

/// Appends a replacement, `\0`–`\9` standing for groups and `\xHH` for a byte.
///
/// COMPAT: a backslash before anything else stands for that character.
pub fn expand(replacement: &[u8], text: &[u8], groups: &Groups, out: &mut Vec<u8>) {
    let mut rest = replacement;
    while let Some((c, tail)) = rest.split_first() {
        rest = tail;
        if *c != b'\\' {
            out.push(*c);
            continue;
        }
        let Some((next, tail)) = rest.split_first() else { break };
        rest = tail;
        match next {
            b'0'..=b'9' => {
                let span = groups.span(usize::from(next - b'0'));
                out.extend_from_slice(span.and_then(|(a, b)| text.get(a..b)).unwrap_or_default());
            }
            b'x' => match rest {
                [h, l, tail @ ..] if h.is_ascii_hexdigit() && l.is_ascii_hexdigit() => {
                    out.push(crate::convert::hex_digit(*h) << 4 | crate::convert::hex_digit(*l));
                    rest = tail;
                }
                _ => out.push(b'x'),
            },
            other => out.push(*other),
        }
    }
}
