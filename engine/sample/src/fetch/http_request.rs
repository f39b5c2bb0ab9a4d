//! The request line and what is derived from it.

use rha_vocab::{ArgKind, Lifetime, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "base",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Host and path of the request, without the query.",
    )
    .eval(base),
    fetch("base32", NONE, T::Sint, Needs::HTTP_REQUEST_HEADERS, ALWAYS, "32-bit hash of host and path.")
        .eval(base32),
    fetch(
        "base32+src",
        NONE,
        T::Bin,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "32-bit hash of host and path followed by the client's address.",
    )
    .eval(base32_src),
    fetch("baseq", NONE, T::Str, Needs::HTTP_REQUEST_HEADERS, ALWAYS, "Host, path and query of the request.")
        .eval(baseq),
    fetch(
        "http_first_req",
        NONE,
        T::Bool,
        Needs::HTTP_REQUEST_LINE,
        ALWAYS,
        "Whether this is the first request of its connection.",
    )
    .eval(first_request),
    fetch("method", NONE, T::Meth, Needs::HTTP_REQUEST_LINE, ALWAYS, "Method of the request.").eval(method),
    fetch(
        "path",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Path of the request, without the query.",
    )
    .eval(path),
    fetch("pathq", NONE, T::Str, Needs::HTTP_REQUEST_HEADERS, ALWAYS, "Path and query of the request.")
        .eval(pathq),
    fetch(
        "query",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::until(3, 5),
        "Query of the request, after the first question mark.",
    )
    .eval(query_text),
    fetch(
        "query",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::since(3, 5),
        "Query of the request, after the first question mark.",
    )
    .eval(query_text),
    fetch(
        "req.ver",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::until(3, 5),
        "HTTP version of the request, such as 1.1.",
    )
    .eval(version),
    fetch(
        "req.ver",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_LINE,
        Lifetime::since(3, 5),
        "HTTP version of the request, such as 1.1.",
    )
    .eval(version),
    fetch(
        "req_ver",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::until(3, 5),
        "HTTP version of the request (old name of req.ver).",
    )
    .eval(version),
    fetch(
        "req_ver",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_LINE,
        Lifetime::since(3, 5),
        "HTTP version of the request (old name of req.ver).",
    )
    .eval(version),
    fetch("url", NONE, T::Str, Needs::HTTP_REQUEST_HEADERS, ALWAYS, "Target of the request as it stands.")
        .eval(url),
    fetch(
        "url32",
        NONE,
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "32-bit hash of host, path and query.",
    )
    .eval(url32),
    fetch(
        "url32+src",
        NONE,
        T::Bin,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "32-bit hash of host, path and query followed by the client's address.",
    )
    .eval(url32_src),
    fetch(
        "url_ip",
        NONE,
        T::Ipv4,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Address in an absolute request target.",
    )
    .eval(url_ip),
    fetch(
        "url_param",
        args(0, &[ArgKind::Str, ArgKind::Str]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::until(3, 0),
        "Parameter of the query.",
    )
    .eval(url_param),
    fetch(
        "url_param",
        args(0, &[ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::since(3, 0),
        "Parameter of the query.",
    )
    .eval(url_param),
    fetch(
        "url_port",
        NONE,
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Port in an absolute request target, 0 without one.",
    )
    .eval(url_port),
    fetch(
        "urlp",
        args(0, &[ArgKind::Str, ArgKind::Str]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::until(3, 0),
        "Parameter of the query.",
    )
    .eval(url_param),
    fetch(
        "urlp",
        args(0, &[ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::since(3, 0),
        "Parameter of the query.",
    )
    .eval(url_param),
    fetch(
        "urlp_val",
        args(0, &[ArgKind::Str, ArgKind::Str]),
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::until(3, 0),
        "Parameter of the query as an integer.",
    )
    .eval(url_param_int),
    fetch(
        "urlp_val",
        args(0, &[ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::since(3, 0),
        "Parameter of the query as an integer.",
    )
    .eval(url_param_int),
];

use std::borrow::Cow;
use std::net::IpAddr;

use rha_base::Value;

use crate::cast::{int, parse_ipv4, parse_ipv6, read_int};
use crate::cx::Cx;
use crate::http::{authority, header, path_and_query, without_query};

fn method<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    Some(Value::Method(Cow::Borrowed(cx.request()?.method())))
}

fn url<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    Some(Value::str(cx.request()?.uri()))
}

fn path<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    path_and_query(cx.request()?.uri()).map(|p| Value::str(without_query(p)))
}

fn pathq<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    path_and_query(cx.request()?.uri()).map(Value::str)
}

/// COMPAT: empty, not absent, when there is no question mark; `with_qm` (3.x) keeps it.
fn query_text<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let uri = cx.request()?.uri();
    let mark = memchr::memchr(b'?', uri).unwrap_or(uri.len());
    let from = if cx.text(0) == Some(b"with_qm") { mark } else { (mark + 1).min(uri.len()) };
    Some(Value::str(uri.get(from..).unwrap_or_default()))
}

fn version<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let (major, minor) = cx.request()?.version();
    Some(Value::Str(crate::http::version_text(major, minor)))
}

fn base<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let request = cx.request()?;
    let path = path_and_query(request.uri()).map(without_query).unwrap_or_default();
    joined(header(request, b"host"), path)
}

fn baseq<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let request = cx.request()?;
    joined(header(request, b"host"), path_and_query(request.uri()).unwrap_or_default())
}

/// COMPAT: without a Host header only a path that begins with a slash counts.
fn joined<'a>(host: Option<&'a [u8]>, path: &'a [u8]) -> Option<Value<'a>> {
    match host {
        Some(h) if !h.is_empty() => Some(Value::Str(Cow::Owned([h, path].concat()))),
        _ if path.starts_with(b"/") => Some(Value::str(path)),
        _ => None,
    }
}

/// The avalanche-less SDBM-like hash of HAProxy's `base32` and `url32`, and its final mix.
fn hash32(parts: [&[u8]; 2]) -> u32 {
    let bytes = parts.into_iter().flatten();
    crate::convert::full_hash(bytes.fold(0u32, |h, c| {
        // COMPAT: bytes count as signed here, unlike in the converters
        i32::from(c.cast_signed()).cast_unsigned().wrapping_add(h << 6).wrapping_add(h << 16).wrapping_sub(h)
    }))
}

fn base32<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let request = cx.request()?;
    let path = path_and_query(request.uri()).map(without_query).unwrap_or_default();
    let path = if path.starts_with(b"/") { path } else { b"" };
    Some(Value::Int(i64::from(hash32([header(request, b"host").unwrap_or_default(), path]))))
}

fn url32<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let request = cx.request()?;
    let path = path_and_query(request.uri()).unwrap_or_default();
    Some(Value::Int(i64::from(hash32([header(request, b"host").unwrap_or_default(), path]))))
}

fn base32_src<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    base32(cx).and_then(|h| with_source(cx, h))
}

fn url32_src<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    url32(cx).and_then(|h| with_source(cx, h))
}

fn with_source<'a>(cx: &Cx<'a>, hash: Value<'a>) -> Option<Value<'a>> {
    let hash = u32::try_from(int(&hash)?).ok()?;
    let mut out = hash.to_be_bytes().to_vec();
    match cx.scene.source().map(|s| s.ip()) {
        Some(IpAddr::V4(a)) => out.extend_from_slice(&a.octets()),
        Some(IpAddr::V6(a)) => out.extend_from_slice(&a.octets()),
        None => return None,
    }
    Some(Value::Bin(Cow::Owned(out)))
}

fn url_ip<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let (host, _) = authority(cx.request()?.uri())?;
    parse_ipv4(host).map(Value::V4).or_else(|| parse_ipv6(host).map(Value::V6))
}

/// COMPAT: only behind a literal address; 0 without a port.
fn url_port<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let (host, port) = authority(cx.request()?.uri())?;
    parse_ipv4(host)?;
    Some(Value::Int(port.map_or(0, read_int)))
}

/// `url_param(name[,delimiter[,i]])`; without a name every parameter in turn.
fn url_param<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let uri = cx.request()?.uri();
    let delimiter = cx.text(1).and_then(|d| d.first().copied()).unwrap_or(b'?');
    let start = memchr::memchr(delimiter, uri)? + 1;
    let ignore_case = cx.text(2).is_some_and(|f| f.first() == Some(&b'i'));
    each_parameter(cx, uri, start, delimiter, ignore_case)
}

/// Parameters of the name in argument 0, each in turn for ACLs, the first one otherwise.
pub(super) fn each_parameter<'a>(
    cx: &mut Cx<'a>,
    text: &'a [u8],
    start: usize,
    separator: u8,
    ignore_case: bool,
) -> Option<Value<'a>> {
    let from = (cx.cursor.0 as usize).max(start);
    let (value, next) = parameter(text, from, cx.text(0), separator, ignore_case)?;
    cx.cursor.0 = u32::try_from(next).unwrap_or(u32::MAX);
    cx.more = cx.iterate && next < text.len();
    Some(Value::str(value))
}

fn url_param_int<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    match url_param(cx)? {
        Value::Str(s) => Some(Value::Int(read_int(&s))),
        _ => None,
    }
}

/// The value of the first parameter of that name from `at` on, and where the next one begins.
fn parameter<'a>(
    text: &'a [u8],
    at: usize,
    name: Option<&[u8]>,
    separator: u8,
    ignore_case: bool,
) -> Option<(&'a [u8], usize)> {
    let mut at = at;
    loop {
        let rest = text.get(at..).filter(|r| !r.is_empty())?;
        let end = rest.iter().position(|c| is_separator(*c, separator)).unwrap_or(rest.len());
        let pair = rest.get(..end)?;
        let next = at + end + 1;
        let (key, value) = match memchr::memchr(b'=', pair) {
            Some(i) => (pair.get(..i)?, pair.get(i + 1..)),
            None => (pair, None),
        };
        let hit = match name {
            None | Some([]) => value.is_some(),
            Some(n) if ignore_case => key.eq_ignore_ascii_case(n),
            Some(n) => key == n,
        };
        if let (true, Some(value)) = (hit, value) {
            return Some((value, next));
        }
        at = next;
    }
}

/// COMPAT: ampersand, semicolon and the delimiter before the first parameter all separate.
fn is_separator(c: u8, separator: u8) -> bool {
    c == separator || c == b'&' || c == b';'
}

/// COMPAT: false for requests after the first of a connection.
fn first_request<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(rha_base::Fact::IsFirstRequest)
}
