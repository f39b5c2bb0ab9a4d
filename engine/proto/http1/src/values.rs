//! Comma-separated field values: RFC 9110 §5.6.1 lists as HAProxy's `req.hdr()` splits them.
//!
//! A comma inside a quoted string does not split; a backslash escapes inside quotes. Elements are
//! trimmed; empty elements count for `nth` as HAProxy counts them.

use crate::bytes::trim;

/// The elements of a list value, in order, trimmed, empty ones included (an empty value has one).
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    rest: Option<&'a [u8]>,
}

/// Splits a list value at its commas.
#[must_use]
pub fn tokens(value: &[u8]) -> Tokens<'_> {
    Tokens { rest: Some(value) }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let end = element_end(rest);
        self.rest = rest.get(end + 1..);
        Some(trim(rest.get(..end).unwrap_or(rest)))
    }
}

/// Offset of the comma that ends the first element, or the length.
pub(crate) fn element_end(value: &[u8]) -> usize {
    let Some(comma) = memchr::memchr2(b',', b'"', value) else { return value.len() };
    if value.get(comma) == Some(&b',') {
        return comma;
    }
    let (mut quoted, mut escaped) = (false, false);
    for (i, c) in value.iter().enumerate() {
        match (*c, quoted) {
            _ if escaped => escaped = false,
            (b'\\', true) => escaped = true,
            (b'"', _) => quoted = !quoted,
            (b',', false) => return i,
            _ => {}
        }
    }
    value.len()
}

/// Whether a list value has `token` among its elements, whatever the case.
#[must_use]
pub fn has_token(value: &[u8], token: &[u8]) -> bool {
    tokens(value).any(|t| t.eq_ignore_ascii_case(token))
}

/// How far back a negative occurrence may reach; HAProxy keeps a history of ten.
const HISTORY: usize = 10;

/// Element `n` over several values (all lines of one field): from the front starting at 1 (0 is the
/// same), from the end starting at -1, at most -10. With `split` false each line is one element, as in
/// `req.fhdr()`.
pub fn nth_value<'a, I>(values: I, n: i32, split: bool) -> Option<&'a [u8]>
where
    I: Iterator<Item = &'a [u8]> + Clone,
{
    let elements = || {
        values.clone().flat_map(move |v| {
            // a whole line, or each of its elements
            let (whole, parts) = if split { (None, Some(tokens(v))) } else { (Some(v), None) };
            whole.into_iter().chain(parts.into_iter().flatten())
        })
    };
    match n {
        0.. => elements().nth((n as usize).saturating_sub(1)),
        _ => {
            let from_end = Some(n.unsigned_abs() as usize).filter(|n| *n <= HISTORY)?;
            let count = elements().count();
            elements().nth(count.checked_sub(from_end)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_split_at_commas_outside_quotes() {
        let all = |v: &'static [u8]| tokens(v).collect::<Vec<_>>();
        assert_eq!(all(b"a, b ,c"), [b"a", b"b", b"c"]);
        assert_eq!(all(b"a;x=\"1,\\\",2\", b"), [&b"a;x=\"1,\\\",2\""[..], b"b"]);
        assert_eq!(all(b""), [b""]);
        assert_eq!(all(b"a,"), [&b"a"[..], b""]);
        assert!(has_token(b"keep-alive, Upgrade", b"upgrade"));
        assert!(!has_token(b"upgraded", b"upgrade"));
    }

    #[test]
    fn nth_counts_over_lines_from_both_ends() {
        let lines: [&[u8]; 2] = [b"a,b", b"c"];
        let nth = |n, split| nth_value(lines.into_iter(), n, split);
        assert_eq!(nth(1, true), Some(&b"a"[..]));
        assert_eq!(nth(3, true), Some(&b"c"[..]));
        assert_eq!(nth(0, true), Some(&b"a"[..]));
        assert_eq!(nth(-1, true), Some(&b"c"[..]));
        assert_eq!(nth(-3, true), Some(&b"a"[..]));
        assert_eq!(nth(-4, true), None);
        assert_eq!(nth(4, true), None);
        assert_eq!(nth(1, false), Some(&b"a,b"[..]));
        assert_eq!(nth(i32::MIN, true), None);
    }
}
