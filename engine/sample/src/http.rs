//! Parts of HTTP messages that several fetches share: targets, header values, lists.

use std::borrow::Cow;

use rha_base::Message;

/// The path and query of a request target: behind scheme and authority in absolute form, nothing for
/// `*` and authority form.
pub(crate) fn path_and_query(uri: &[u8]) -> Option<&[u8]> {
    match uri.first()? {
        b'/' => Some(uri),
        b'*' => None,
        _ => {
            let rest = uri.get(memchr::memmem::find(uri, b"://")? + 3..)?;
            rest.get(memchr::memchr(b'/', rest)?..)
        }
    }
}

/// A path without its query.
pub(crate) fn without_query(path: &[u8]) -> &[u8] {
    path.get(..memchr::memchr(b'?', path).unwrap_or(path.len())).unwrap_or_default()
}

/// Host and port of an absolute target.
pub(crate) fn authority(uri: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let rest = uri.get(memchr::memmem::find(uri, b"://")? + 3..)?;
    let end = rest.iter().position(|c| matches!(c, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let all = rest.get(..end)?;
    if let Some(inner) = all.strip_prefix(b"[") {
        let close = memchr::memchr(b']', inner)?;
        return Some((inner.get(..close)?, inner.get(close + 1..)?.strip_prefix(b":")));
    }
    Some(match memchr::memrchr(b':', all) {
        Some(i) => (all.get(..i)?, all.get(i + 1..)),
        None => (all, None),
    })
}

/// The first field of a name, whole.
pub(crate) fn header<'a, M: Message + ?Sized>(message: &'a M, name: &[u8]) -> Option<&'a [u8]> {
    message.find_header(name, 0).map(|i| message.header(i).1)
}

/// `1.1`; common ones without allocation.
pub(crate) fn version_text<'a>(major: u8, minor: u8) -> Cow<'a, [u8]> {
    match (major, minor) {
        (1, 1) => Cow::Borrowed(b"1.1"),
        (1, 0) => Cow::Borrowed(b"1.0"),
        (2, 0) => Cow::Borrowed(b"2.0"),
        (3, 0) => Cow::Borrowed(b"3.0"),
        _ => Cow::Owned(format!("{major}.{minor}").into_bytes()),
    }
}

/// The value that begins at `from` in a comma list, without blanks around it, and where the next begins.
/// Commas within quotes do not separate.
pub(crate) fn list_value(field: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let rest = field.get(from..)?;
    if memchr::memchr(b',', rest).is_none() {
        return Some((trim(rest), from + rest.len() + 1));
    }
    let mut quoted = false;
    let mut skip = false;
    let end = rest
        .iter()
        .position(|c| {
            if skip {
                skip = false;
            } else if quoted && *c == b'\\' {
                skip = true;
            } else if *c == b'"' {
                quoted = !quoted;
            } else if *c == b',' && !quoted {
                return true;
            }
            false
        })
        .unwrap_or(rest.len());
    Some((trim(rest.get(..end)?), from + end + 1))
}

/// Without blanks at both ends.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let blank = |c: &u8| *c == b' ' || *c == b'\t';
    let from = text.iter().position(|c| !blank(c)).unwrap_or(text.len());
    let to = text.iter().rposition(|c| !blank(c)).map_or(from, |i| i + 1);
    text.get(from..to).unwrap_or_default()
}
