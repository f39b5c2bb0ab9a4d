//! The caret block under the reader's errors.

/// Widest line that is shown.
pub const WIDTH: usize = 80;

/// `line` made printable and cut to `width` around `at`, and where `at` is in the result.
///
/// COMPAT: blanks become spaces, other unprintable bytes `?`; a position beyond the width is put in the
/// middle, with dots on both sides.
#[must_use]
pub fn window(line: &[u8], at: usize, width: usize) -> (String, usize) {
    let printable = |b: &u8| match b {
        b' '..=b'~' => *b as char,
        b'\t'..=b'\r' => ' ',
        _ => '?',
    };
    if at < width {
        return (line.iter().take(width).map(printable).collect(), at);
    }
    let shift = at - width / 2;
    let body = line.iter().skip(shift + 3).take(width - 6).map(printable);
    let text = "...".chars().chain(body).chain("...".chars()).collect();
    (text, at - shift)
}

/// The two lines `  line` and `     ^`, with `prefix` before the line.
#[must_use]
pub fn caret(prefix: &str, line: &[u8], at: usize, width: usize) -> String {
    let (text, column) = window(line, at, width);
    format!("  {prefix}{text}\n  {}^", " ".repeat(prefix.len() + column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_position_is_put_in_the_middle() {
        assert_eq!(caret("", b"ab c", 3, WIDTH), "  ab c\n     ^");
        let long = format!("setenv A {} \"abc", "x".repeat(200));
        let (text, column) = window(long.as_bytes(), 210, WIDTH);
        assert_eq!(text, format!("...{} \"abc...", "x".repeat(36)));
        assert_eq!(column, 40);
        assert_eq!(window(b"a\"\xe9\x01", 1, WIDTH).0, "a\"??");
    }
}
