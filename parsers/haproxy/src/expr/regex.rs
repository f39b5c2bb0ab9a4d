//! Regular expressions: compiled once to learn whether they can be, as the original does with PCRE2.

use pcre2::bytes::RegexBuilder;

use super::shown;

/// Whether PCRE2 takes the expression.
///
/// # Errors
/// The original's words: the expression, PCRE2's reason and its offset.
pub fn check_regex(pattern: &[u8], ignore_case: bool) -> Result<(), String> {
    let text = shown(pattern);
    match RegexBuilder::new().caseless(ignore_case).build(&text) {
        Ok(_) => Ok(()),
        Err(e) => {
            let whole = e.to_string();
            // PCRE2's own sentence comes after the crate's `PCRE2: error compiling pattern at offset N: `.
            let reason = whole.splitn(3, ": ").nth(2).unwrap_or(&whole);
            let offset = e.offset().unwrap_or(0);
            Err(format!("regex '{text}' is invalid (error={reason}, erroffset={offset})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_librarys() {
        assert_eq!(check_regex(b"^/a(b|c)$", false), Ok(()));
        assert_eq!(
            check_regex(b"(", false),
            Err("regex '(' is invalid (error=missing closing parenthesis, erroffset=1)".to_owned())
        );
    }
}
