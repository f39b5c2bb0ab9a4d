//! Values at a JSON path such as `$.a.b[1]`, found in the text without building a tree.
//!
//! COMPAT: only `\u00XX` and the escapes `\b \f \n \r \t \\ \"` are understood in strings; numbers are
//! written with six significant digits, as C's `%g` does. Nesting deeper than [`DEPTH`] is refused.

use std::borrow::Cow;

/// How deep values may be nested.
const DEPTH: u32 = 64;

/// A value as it stands in the text.
#[derive(Debug, PartialEq)]
pub(super) enum Found<'a> {
    Number(&'a [u8]),
    Bool(bool),
    /// Without its quotes, escapes not resolved.
    String(&'a [u8]),
    Array(&'a [u8]),
    /// `null` and objects, which give no value.
    Other,
}

/// The value at `path` in `text`.
pub(super) fn find<'a>(text: &'a [u8], path: &[u8]) -> Option<Found<'a>> {
    let mut path = path.strip_prefix(b"$")?;
    let mut at = skip_blanks(text);
    while let Some((kind, rest)) = path.split_first() {
        match kind {
            b'.' => {
                let end = name_length(rest);
                at = member(at, &without_backslashes(rest.get(..end)?))?;
                path = rest.get(end..)?;
            }
            b'[' => {
                let end = memchr::memchr(b']', rest)?;
                let index = usize::try_from(rha_base::parse_int(rest.get(..end)?)?).ok()?;
                at = element(at, index)?;
                path = rest.get(end + 1..)?;
            }
            _ => return None,
        }
    }
    let value = at.get(..value_length(at, DEPTH)?)?;
    Some(match value.first()? {
        b'"' => Found::String(value.get(1..value.len() - 1)?),
        b'[' => Found::Array(value),
        b't' => Found::Bool(true),
        b'f' => Found::Bool(false),
        b'-' | b'0'..=b'9' => Found::Number(value),
        _ => Found::Other,
    })
}

/// Length of a key at the start of a path; a backslash takes the next character as part of it.
fn name_length(path: &[u8]) -> usize {
    let mut escaped = false;
    let end = path.iter().position(|c| {
        let ends = !escaped && matches!(c, b'.' | b'[');
        escaped = !escaped && *c == b'\\';
        ends
    });
    end.unwrap_or(path.len())
}

fn without_backslashes(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'\\') {
        return Cow::Borrowed(name);
    }
    let mut out = Vec::with_capacity(name.len());
    let mut escaped = false;
    for c in name {
        escaped = !escaped && *c == b'\\';
        if !escaped {
            out.push(*c);
        }
    }
    Cow::Owned(out)
}

/// A string with its escapes resolved.
pub(super) fn unescape(s: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(s.len());
    let mut rest = s;
    while let Some((c, tail)) = rest.split_first() {
        rest = tail;
        if *c != b'\\' {
            out.push(*c);
            continue;
        }
        let (c, tail) = rest.split_first()?;
        rest = tail;
        out.push(match c {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'\\' | b'"' => *c,
            b'u' => {
                let ([b'0', b'0', h, l], tail) = tail.split_first_chunk::<4>()? else { return None };
                rest = tail;
                super::hex_digit(*h) << 4 | super::hex_digit(*l)
            }
            _ => return None,
        });
    }
    Some(out)
}

/// A number as C's `%g` writes it.
pub(super) fn general(number: &[u8]) -> Option<String> {
    let n: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    if n == 0.0 {
        return Some(if n.is_sign_negative() { "-0" } else { "0" }.to_owned());
    }
    let scientific = format!("{n:.5e}");
    let (mantissa, exponent) = scientific.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let trim = |s: &str| {
        if s.contains('.') { s.trim_end_matches('0').trim_end_matches('.').to_owned() } else { s.to_owned() }
    };
    if (-4..6).contains(&exponent) {
        let digits = usize::try_from(5 - exponent).ok()?;
        return Some(trim(&format!("{n:.digits$}")));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    Some(format!("{}e{sign}{:02}", trim(mantissa), exponent.abs()))
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}

/// What stands at the value of a key, `text` being at its object.
fn member<'a>(text: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut rest = skip_blanks(text.strip_prefix(b"{")?);
    loop {
        let length = string_length(rest)?;
        let key = rest.get(1..length - 1)?;
        let value = skip_blanks(skip_blanks(rest.get(length..)?).strip_prefix(b":")?);
        if key == wanted {
            return Some(value);
        }
        let after = skip_blanks(value.get(value_length(value, DEPTH)?..)?);
        rest = skip_blanks(after.strip_prefix(b",")?);
    }
}

/// What stands at element `index`, `text` being at its array.
fn element(text: &[u8], index: usize) -> Option<&[u8]> {
    let mut rest = skip_blanks(text.strip_prefix(b"[")?);
    for _ in 0..index {
        let after = skip_blanks(rest.get(value_length(rest, DEPTH)?..)?);
        rest = skip_blanks(after.strip_prefix(b",")?);
    }
    (rest.first() != Some(&b']')).then_some(rest)
}

/// Length of the value at the start of `text`.
fn value_length(text: &[u8], depth: u32) -> Option<usize> {
    match text.first()? {
        b'"' => string_length(text),
        b'{' | b'[' => list_length(text, depth.checked_sub(1)?),
        b'-' | b'0'..=b'9' => {
            let part = |c: &u8| c.is_ascii_digit() || matches!(c, b'-' | b'+' | b'.' | b'e' | b'E');
            Some(text.iter().position(|c| !part(c)).unwrap_or(text.len()))
        }
        _ => [&b"true"[..], b"false", b"null"].iter().find(|w| text.starts_with(w)).map(|w| w.len()),
    }
}

fn string_length(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(b"\"")?;
    let mut escaped = false;
    let end = inner.iter().position(|c| {
        let ends = *c == b'"' && !escaped;
        escaped = *c == b'\\' && !escaped;
        ends
    })?;
    Some(end + 2)
}

fn list_length(text: &[u8], depth: u32) -> Option<usize> {
    let is_object = text.first() == Some(&b'{');
    let close = if is_object { b'}' } else { b']' };
    let mut rest = skip_blanks(text.get(1..)?);
    if rest.first() == Some(&close) {
        return Some(text.len() - rest.len() + 1);
    }
    loop {
        if is_object {
            let after = skip_blanks(rest.get(string_length(rest)?..)?);
            rest = skip_blanks(after.strip_prefix(b":")?);
        }
        rest = skip_blanks(rest.get(value_length(rest, depth)?..)?);
        let (c, tail) = rest.split_first()?;
        if *c == close {
            return Some(text.len() - tail.len());
        }
        if *c != b',' {
            return None;
        }
        rest = skip_blanks(tail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_values() {
        let text = br#" {"a": {"b": [1, -2.5e3 , {"c":"x\"y"}], "t": true}, "n": null, "e": [], "d.k":7 } "#;
        let cases: [(&str, Option<Found<'_>>); 10] = [
            (r"$.d\.k", Some(Found::Number(b"7"))),
            ("$.a.b[0]", Some(Found::Number(b"1"))),
            ("$.a.b[1]", Some(Found::Number(b"-2.5e3"))),
            ("$.a.b[2].c", Some(Found::String(br#"x\"y"#))),
            ("$.a.b[3]", None),
            ("$.a.t", Some(Found::Bool(true))),
            ("$.n", Some(Found::Other)),
            ("$.e", Some(Found::Array(b"[]"))),
            ("$.e[0]", None),
            ("$.zz", None),
        ];
        for (path, want) in cases {
            assert_eq!(find(text, path.as_bytes()), want, "{path}");
        }
        assert_eq!(find(&b"[".repeat(10_000), b"$[0]"), None);
        assert_eq!(unescape(br"a\u0041\n"), Some(b"aA\n".to_vec()));
        assert_eq!(unescape(br"\/"), None);
    }

    #[test]
    fn numbers_have_six_digits() {
        let cases = [
            ("1.50", "1.5"),
            ("1e3", "1000"),
            ("1234567", "1.23457e+06"),
            ("0.00001", "1e-05"),
            ("-0.5", "-0.5"),
            ("0", "0"),
            ("100000", "100000"),
        ];
        for (n, want) in cases {
            assert_eq!(general(n.as_bytes()).as_deref(), Some(want));
        }
    }
}
