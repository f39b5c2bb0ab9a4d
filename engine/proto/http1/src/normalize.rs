//! Normal forms of a request target: what `http-request normalize-uri` does to paths and queries.
//!
//! HAProxy 3.0 configuration manual §4.3 "normalize-uri"; RFC 3986 §6.2.2. Pure functions of bytes; which part
//! of the target each is for is said with it. None makes its input longer except the encoding of `#`.

/// A path with adjacent slashes merged.
#[must_use]
pub fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    for c in path {
        if *c != b'/' || out.last() != Some(&b'/') {
            out.push(*c);
        }
    }
    out
}

/// A path without its segments `.`.
#[must_use]
pub fn strip_dot(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let last = path.iter().filter(|c| **c == b'/').count();
    for (i, segment) in path.split(|c| *c == b'/').enumerate() {
        if segment == b"." {
            continue;
        }
        out.extend_from_slice(segment);
        if i < last {
            out.push(b'/');
        }
    }
    out
}

/// A path in which each segment `..` has taken the one before it away. Those at the start that have nothing to
/// take stay, or go when `full`.
#[must_use]
pub fn strip_dotdot(path: &[u8], full: bool) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut above = 0usize;
    let mut segments = path.split(|c| *c == b'/');
    // What stands before the first slash, nothing in a path.
    let first = segments.next().unwrap_or_default();
    let segments: Vec<&[u8]> = segments.collect();
    let last = segments.len().saturating_sub(1);
    for (i, segment) in segments.iter().enumerate() {
        if *segment != b".." {
            kept.push(segment);
            continue;
        }
        if kept.pop().is_none() {
            above += 1;
        }
        if i == last {
            kept.push(b"");
        }
    }
    let mut out = first.to_vec();
    for _ in 0..if full { 0 } else { above } {
        out.extend_from_slice(b"/..");
    }
    for segment in kept {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    out
}

/// A query, without its `?`, with its parameters in the order of their names; those of one name stay in order.
#[must_use]
pub fn sort_query(query: &[u8]) -> Vec<u8> {
    let mut parameters: Vec<&[u8]> = query.split(|c| *c == b'&').collect();
    // COMPAT: an `&` at the end is not the start of another, empty parameter.
    if parameters.last().is_some_and(|p| p.is_empty()) {
        parameters.pop();
    }
    parameters.sort_by_key(|p| p.split(|c| *c == b'=').next().unwrap_or_default());
    parameters.join(&b'&')
}

/// Path and query with the digits of percent-encoded bytes in upper case. `None` where a `%` begins no encoding
/// and `strict` is asked for.
#[must_use]
pub fn percent_to_uppercase(text: &[u8], strict: bool) -> Option<Vec<u8>> {
    percent(text, strict, |out, high, low| {
        out.extend_from_slice(&[b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
    })
}

/// Path and query with percent-encoded unreserved bytes (RFC 3986 §2.3) decoded; `None` as there.
#[must_use]
pub fn decode_unreserved(text: &[u8], strict: bool) -> Option<Vec<u8>> {
    percent(text, strict, |out, high, low| {
        let digit = |c: u8| (c as char).to_digit(16).unwrap_or(0) as u8;
        let byte = digit(high) << 4 | digit(low);
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'%', high, low]);
        }
    })
}

/// Path and query without a fragment.
#[must_use]
pub fn strip_fragment(text: &[u8]) -> Vec<u8> {
    text.split(|c| *c == b'#').next().unwrap_or_default().to_vec()
}

/// Path and query with `#` encoded.
#[must_use]
pub fn encode_fragment(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for c in text {
        match c {
            b'#' => out.extend_from_slice(b"%23"),
            c => out.push(*c),
        }
    }
    out
}

fn percent(text: &[u8], strict: bool, mut each: impl FnMut(&mut Vec<u8>, u8, u8)) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((c, after)) = rest.split_first() {
        rest = after;
        match (c, after) {
            (b'%', [high, low, behind @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                each(&mut out, *high, *low);
                rest = behind;
            }
            (b'%', _) if strict => return None,
            (c, _) => out.push(*c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, merged, dot) in [
            ("/", "/", "/"),
            ("//a///b/", "/a/b/", "//a///b/"),
            ("/a/./b/.", "/a/./b/.", "/a/b/"),
            ("/.", "/.", "/"),
            ("/.a/..", "/.a/..", "/.a/.."),
        ] {
            assert_eq!(merge_slashes(path.as_bytes()), merged.as_bytes(), "{path}");
            assert_eq!(strip_dot(path.as_bytes()), dot.as_bytes(), "{path}");
        }
    }

    #[test]
    fn dots_take_the_segment_before_them() {
        for (path, kept, full) in [
            ("/", "/", "/"),
            ("/a/../b", "/b", "/b"),
            ("/a/b/../../c", "/c", "/c"),
            ("/..", "/../", "/"),
            ("/../a", "/../a", "/a"),
            ("/a/..", "/", "/"),
            ("/a/../../../b", "/../../b", "/b"),
            ("/a/..b/c..", "/a/..b/c..", "/a/..b/c.."),
            ("/a//../b", "/a/b", "/a/b"),
            ("*", "*", "*"),
        ] {
            assert_eq!(strip_dotdot(path.as_bytes(), false), kept.as_bytes(), "{path}");
            assert_eq!(strip_dotdot(path.as_bytes(), true), full.as_bytes(), "{path}");
        }
    }

    #[test]
    fn queries_and_percents() {
        assert_eq!(sort_query(b"b=1&a=2&c&a=1&"), b"a=2&a=1&b=1&c");
        assert_eq!(sort_query(b"a=9&ab=1&a-=1"), b"a=9&a-=1&ab=1");
        assert_eq!(percent_to_uppercase(b"/%2f%zz%e", false).unwrap(), b"/%2F%zz%e");
        assert_eq!(percent_to_uppercase(b"/%2f%zz", true), None);
        assert_eq!(decode_unreserved(b"/%41%2f%7e%4", false).unwrap(), b"/A%2f~%4");
        assert_eq!(decode_unreserved(b"/%", true), None);
        assert_eq!(strip_fragment(b"/a?b#c#d"), b"/a?b");
        assert_eq!(encode_fragment(b"/a#b#"), b"/a%23b%23");
    }
}
