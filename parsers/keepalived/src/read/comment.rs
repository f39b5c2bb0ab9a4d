//! Comments, and the blanks around a line.

/// A line without comment.
pub(crate) struct Bare {
    /// What is left; ends in `\` when the line goes on.
    pub text: String,
    /// Where it began in the line given.
    pub offset: usize,
    /// Whether it stands there byte for byte.
    pub exact: bool,
    /// Whether a `"` is not closed.
    pub open_quote: bool,
}

/// Takes off blanks and the comment.
///
/// COMPAT: `#` and `!` begin one anywhere outside of double quotes, `\#` and `\!` do not and lose their
/// backslash; a quote inside a comment does not count. A lone `\` at the end means that the line goes
/// on, and moves up to the text before it.
pub(crate) fn strip(line: &str) -> Bare {
    let trimmed = line.trim_start_matches([' ', '\t']);
    let offset = line.len() - trimmed.len();
    if memchr::memchr3(b'!', b'#', b'\\', trimmed.as_bytes()).is_none() {
        let open_quote = memchr::memchr_iter(b'"', trimmed.as_bytes()).count() % 2 == 1;
        let text = trimmed.trim_end_matches([' ', '\t']).to_owned();
        return Bare { text, offset, exact: true, open_quote };
    }
    careful(trimmed, offset)
}

/// [`strip`] for lines that have any of the special characters.
fn careful(trimmed: &str, offset: usize) -> Bare {
    let mut text = String::with_capacity(trimmed.len());
    let (mut quote, mut goes_on, mut exact) = (false, false, true);
    let mut cut: Option<usize> = None;
    let mut chars = trimmed.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quote ^= cut.is_none();
                text.push(c);
            }
            '\\' => match chars.next() {
                Some(next) => {
                    if !quote && (next == '#' || next == '!') {
                        exact = false;
                    } else {
                        text.push(c);
                    }
                    text.push(next);
                }
                None => goes_on = true,
            },
            '!' | '#' if !quote && cut.is_none() => {
                cut = Some(text.len());
                text.push(c);
            }
            c => text.push(c),
        }
    }
    if let Some(cut) = cut {
        text.truncate(cut);
    }
    text.truncate(text.trim_end_matches([' ', '\t']).len());
    if goes_on {
        text.push('\\');
        exact = false;
    }
    Bare { text, offset, exact, open_quote: quote }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_end_lines_outside_of_quotes() {
        for (line, text) in [
            ("  a b # c", "a b"),
            ("10.0.0.1!c", "10.0.0.1"),
            ("\"a#b\" c#d", "\"a#b\" c"),
            ("a \\# b", "a # b"),
            ("\"a \\# b\"", "\"a \\# b\""),
            ("a  \\", "a\\"),
            ("# \"x", ""),
            ("", ""),
            ("\\", "\\"),
        ] {
            assert_eq!(strip(line).text, text, "{line}");
        }
        assert!(strip("a \"b").open_quote);
        assert!(!strip("a # \"b").open_quote);
        assert!(strip("  a # b").exact);
        assert!(!strip("a \\# b").exact);
    }
}
