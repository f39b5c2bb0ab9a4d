//! The request of an HTTP check and the reading of its answer.
//!
//! Enough of HTTP/1 (RFC 9112) for a check: one request, one response, header fields, a body with a length, in
//! chunks or up to the end of the connection. COMPAT: the bytes of the request are HAProxy's: names in lower case,
//! `content-length` before `connection: close`, none of the latter in HTTP/1.0. DIFFERS: bytes that are no HTTP are an
//! invalid response at once; HAProxy 3.0.11 waits for the check's timeout (2.6 does not).

use std::ops::Range;

use bstr::ByteSlice;
use rha_ir::{HttpCheck, LogFormat};

/// Longest response head read, bytes.
const HEAD_MAX: usize = 16384;

/// The request's bytes; `state` is the value of the server state field if it is sent.
pub(crate) fn request(
    check: &HttpCheck,
    text: &dyn Fn(&LogFormat) -> Vec<u8>,
    state: Option<&[u8]>,
) -> Vec<u8> {
    let method: &[u8] = if check.method.is_empty() { b"OPTIONS" } else { &check.method };
    let uri = check.uri.as_ref().map(text).filter(|u| !u.is_empty());
    let version: &[u8] = if check.version.is_empty() { b"HTTP/1.0" } else { &check.version };
    let mut out = [method, b" ", uri.as_deref().unwrap_or(b"/"), b" ", version, b"\r\n"].concat();
    let mut field = |name: &[u8], value: &[u8]| {
        out.extend_from_slice(&[&name.to_ascii_lowercase()[..], b": ", value, b"\r\n"].concat());
    };
    let mut has_connection = false;
    for (name, value) in &check.headers {
        let value = text(value);
        if value.is_empty() {
            continue;
        }
        if name.eq_ignore_ascii_case(b"connection") {
            has_connection = true;
            if !value.eq_ignore_ascii_case(b"keep-alive") && !value.eq_ignore_ascii_case(b"close") {
                field(name, &value);
            }
            continue;
        }
        field(name, &value);
    }
    if let Some(state) = state {
        field(b"x-haproxy-server-state", state);
    }
    let body = check.body.as_ref().map(text).unwrap_or_default();
    if !body.is_empty() || !matches!(method, b"OPTIONS" | b"GET" | b"HEAD" | b"DELETE") {
        field(b"content-length", body.len().to_string().as_bytes());
    }
    if !has_connection && version != b"HTTP/1.0" {
        field(b"connection", b"close");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&body);
    out
}

/// A response as far as it has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The head has not come yet.
    Wait,
    /// It is no response.
    Bad,
    /// The head is there.
    Head(Response),
}

/// A response head and the body so far.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// Version, `(1, 1)`.
    pub version: (u8, u8),
    /// Status.
    pub status: u16,
    /// The status as it was written.
    pub status_text: Vec<u8>,
    /// Reason phrase.
    pub reason: Vec<u8>,
    /// Names in lower case, values without the blanks around them.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body as far as it has come, without its framing.
    pub body: Vec<u8>,
    /// Nothing more will come.
    pub whole: bool,
}

/// Reads what has come; `ended` is whether the connection ended.
pub(crate) fn read(data: &[u8], ended: bool) -> Reading {
    if data.is_empty() {
        return Reading::Wait;
    }
    let lead = data.get(..data.len().min(5)).unwrap_or_default();
    if !b"HTTP/".starts_with(lead) && lead != b"HTTP/" {
        return Reading::Bad;
    }
    let Some((head, body)) = split_head(data) else {
        return if ended || data.len() > HEAD_MAX { Reading::Bad } else { Reading::Wait };
    };
    let mut lines = data.get(head).unwrap_or_default().lines();
    let first = lines.next().unwrap_or_default();
    let Some((status_text, reason)) = status_line(first) else {
        return Reading::Bad;
    };
    let digit = |at: usize| first.get(at).map_or(0, |b| b.wrapping_sub(b'0'));
    let version = (digit(5), digit(7));
    let Some(status) = status_text.to_str().ok().and_then(|s| s.parse().ok()) else { return Reading::Bad };
    let Some(headers) = fields(lines) else { return Reading::Bad };
    let bodyless = matches!(status, 100..=199 | 204 | 304);
    let (body, whole) =
        if bodyless { (Vec::new(), true) } else { body_of(&headers, data.get(body..).unwrap_or_default()) };
    Reading::Head(Response { version, status, status_text, reason, headers, body, whole: whole || ended })
}

/// The fields of a head, names in lower case; `None` where one of them makes it no response (RFC 9110 §5.1, RFC 9112
/// §5.2, §6). COMPAT: what HAProxy refuses in answers to requests, it refuses in answers to checks.
fn fields<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut headers: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for line in lines.filter(|l| !l.is_empty()) {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            let (_, value) = headers.last_mut()?;
            value.extend_from_slice(&[b" ", line.trim_ascii()].concat());
            continue;
        }
        let (name, value) = line.split_once_str(":")?;
        let token = |c: &u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.iter().all(token) {
            return None;
        }
        headers.push((name.to_ascii_lowercase(), value.trim_ascii().to_vec()));
    }
    let mut length = None;
    for (name, value) in &headers {
        match name.as_slice() {
            b"content-length" => {
                for one in value.split(|c| *c == b',').map(<[u8]>::trim_ascii) {
                    let digits = one.iter().all(u8::is_ascii_digit);
                    let n: u64 = one.to_str().ok().filter(|_| digits)?.parse().ok()?;
                    if *length.get_or_insert(n) != n {
                        return None;
                    }
                }
            }
            b"transfer-encoding" if !value.eq_ignore_ascii_case(b"chunked") => return None,
            _ => {}
        }
    }
    Some(headers)
}

/// The head without its empty line, and where the body begins.
fn split_head(data: &[u8]) -> Option<(Range<usize>, usize)> {
    let mut from = 0;
    loop {
        let end = from + memchr::memchr(b'\n', data.get(from..)?)?;
        let line = data.get(from..end)?;
        if line.is_empty() || line == b"\r" {
            return Some((0..from, end + 1));
        }
        from = end + 1;
    }
}

fn status_line(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let rest = line.strip_prefix(b"HTTP/")?;
    let (version, rest) = rest.split_once_str(" ")?;
    let digits = |s: &[u8]| !s.is_empty() && s.iter().all(u8::is_ascii_digit);
    if version.len() != 3 || !version.split(|c| *c == b'.').all(digits) {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let (status, reason) = rest.split_once_str(" ").unwrap_or((rest, b""));
    digits(status).then(|| (status.to_vec(), reason.trim_ascii().to_vec()))
}

/// The body so far and whether it is whole.
fn body_of(headers: &[(Vec<u8>, Vec<u8>)], data: &[u8]) -> (Vec<u8>, bool) {
    let find = |name: &[u8]| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_slice());
    if find(b"transfer-encoding").is_some_and(|v| v.to_ascii_lowercase().ends_with(b"chunked")) {
        return dechunk(data);
    }
    let first = |v: &[u8]| v.split(|c| *c == b',').next()?.trim_ascii().to_str().ok()?.parse::<usize>().ok();
    match find(b"content-length").and_then(first) {
        Some(n) => (data.get(..n.min(data.len())).unwrap_or_default().to_vec(), data.len() >= n),
        None => (data.to_vec(), false),
    }
}

fn dechunk(mut data: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    while let Some((line, rest)) = data.split_once_str("\n") {
        let size = line.split(|c| matches!(c, b';' | b'\r' | b' ')).next().unwrap_or_default();
        let Some(size) = size.to_str().ok().and_then(|s| usize::from_str_radix(s, 16).ok()) else { break };
        if size == 0 {
            return (out, true);
        }
        out.extend_from_slice(rest.get(..size.min(rest.len())).unwrap_or_default());
        let Some(next) = rest.get(size..) else { break };
        data = next.strip_prefix(b"\r\n").or_else(|| next.strip_prefix(b"\n")).unwrap_or_default();
    }
    (out, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(data: &str, ended: bool) -> Response {
        match read(data.as_bytes(), ended) {
            Reading::Head(r) => r,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bodies_end_by_length_chunks_or_connection() {
        let r = head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", false);
        assert_eq!((r.status, &r.body[..], r.whole), (200, &b"hel"[..], false));
        assert!(head("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhel", false).whole);
        let r =
            head("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", false);
        assert_eq!((&r.body[..], r.whole), (&b"hello"[..], true));
        let r = head("HTTP/1.0 302 Moved Temporarily\n\nx", false);
        assert_eq!((&r.reason[..], &r.body[..], r.whole), (&b"Moved Temporarily"[..], &b"x"[..], false));
        assert!(head("HTTP/1.0 204 No\r\n\r\n", false).whole);
    }

    #[test]
    fn what_cannot_be_forwarded_is_no_answer_to_a_check_either() {
        for (fields, good) in [
            ("A: b\r\n folded", true),
            ("A: \x01", true),
            ("Connection: close, ,x", true),
            ("Transfer-Encoding: CHUNKED", true),
            ("Content-Length: 5, 5", true),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", true),
            (" A: b", false),
            ("A : b", false),
            (": b", false),
            ("Ba d: x", false),
            ("A\u{e9}: x", false),
            ("no colon", false),
            ("Transfer-Encoding: gzip, chunked", false),
            ("Transfer-Encoding: chunked, chunked", false),
            ("Content-Length: 5,6", false),
            ("Content-Length: 5\r\nContent-Length: 6", false),
            ("Content-Length:", false),
            ("Content-Length: +5", false),
            ("Content-Length: 99999999999999999999999", false),
        ] {
            let reading = read(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n").as_bytes(), true);
            assert_eq!(matches!(reading, Reading::Head(_)), good, "{fields:?}");
        }
        for (line, status) in
            [("HTTP/1.1 20 x", Some(20)), ("HTTP/1.1 2000", Some(2000)), ("HTTP/10.1 200 x", None)]
        {
            let reading = read(format!("{line}\r\n\r\n").as_bytes(), true);
            let got = if let Reading::Head(r) = reading { Some(r.status) } else { None };
            assert_eq!(got, status, "{line}");
        }
    }

    #[test]
    fn what_is_no_response_is_told_from_what_is_none_yet() {
        for (data, ended, reading) in [
            ("", true, Reading::Wait),
            ("HTT", false, Reading::Wait),
            ("JUNK", false, Reading::Bad),
            ("HTTP/1.1 200 OK\r\n", false, Reading::Wait),
            ("HTTP/1.1 200 OK\r\n", true, Reading::Bad),
            ("HTTP/x 200 OK\r\n\r\n", false, Reading::Bad),
            ("HTTP/1.1 2x OK\r\n\r\n", false, Reading::Bad),
            ("HTTP/1.1 200 OK\r\nnocolon\r\n\r\n", false, Reading::Bad),
        ] {
            assert_eq!(read(data.as_bytes(), ended), reading, "{data}");
        }
    }
}
