//! Header fields of requests and responses.

use rha_vocab::{ArgKind, Lifetime, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "hdr",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS),
        ALWAYS,
        "Request header value, split at commas.",
    )
    .eval(req_hdr),
    fetch(
        "hdr_cnt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Number of values of a request header.",
    )
    .eval(req_cnt),
    fetch(
        "hdr_ip",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Ipv4,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::until(3, 0),
        "Request header value as an address.",
    )
    .eval(req_ip),
    fetch(
        "hdr_ip",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Addr,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::since(3, 0),
        "Request header value as an address.",
    )
    .eval(req_ip),
    fetch(
        "hdr_val",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Request header value as an integer.",
    )
    .eval(req_val),
    fetch(
        "req.fhdr",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Full value of a request header, not split at commas.",
    )
    .eval(req_fhdr),
    fetch(
        "req.fhdr_cnt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Number of request header fields of a name, not split at commas.",
    )
    .eval(req_fcnt),
    fetch(
        "req.hdr",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Request header value, split at commas.",
    )
    .eval(req_hdr),
    fetch(
        "req.hdr_cnt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Number of values of a request header.",
    )
    .eval(req_cnt),
    fetch(
        "req.hdr_ip",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Ipv4,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::until(3, 0),
        "Request header value as an address.",
    )
    .eval(req_ip),
    fetch(
        "req.hdr_ip",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Addr,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::since(3, 0),
        "Request header value as an address.",
    )
    .eval(req_ip),
    fetch(
        "req.hdr_names",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Names of the request headers, joined by a separator.",
    )
    .eval(req_names),
    fetch(
        "req.hdr_val",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Request header value as an integer.",
    )
    .eval(req_val),
    fetch(
        "req.hdrs",
        NONE,
        T::Bin,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "The request headers as they would stand on the wire, with the closing empty line.",
    )
    .eval(req_all),
    fetch(
        "req.hdrs_bin",
        NONE,
        T::Bin,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "The request headers in the length-prefixed form of SPOP.",
    )
    .eval(req_all_bin),
    fetch(
        "res.fhdr",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Str,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Full value of a response header, not split at commas.",
    )
    .eval(res_fhdr),
    fetch(
        "res.fhdr_cnt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Number of response header fields of a name, not split at commas.",
    )
    .eval(res_fcnt),
    fetch(
        "res.hdr",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Str,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Response header value, split at commas.",
    )
    .eval(res_hdr),
    fetch(
        "res.hdr_cnt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Number of values of a response header.",
    )
    .eval(res_cnt),
    fetch(
        "res.hdr_ip",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Ipv4,
        Needs::HTTP_RESPONSE_HEADERS,
        Lifetime::until(3, 0),
        "Response header value as an address.",
    )
    .eval(res_ip),
    fetch(
        "res.hdr_ip",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Addr,
        Needs::HTTP_RESPONSE_HEADERS,
        Lifetime::since(3, 0),
        "Response header value as an address.",
    )
    .eval(res_ip),
    fetch(
        "res.hdr_names",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Names of the response headers, joined by a separator.",
    )
    .eval(res_names),
    fetch(
        "res.hdr_val",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Sint,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Response header value as an integer.",
    )
    .eval(res_val),
    fetch(
        "res.hdrs",
        NONE,
        T::Bin,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "The response headers as they would stand on the wire, with the closing empty line.",
    )
    .eval(res_all),
    fetch(
        "res.hdrs_bin",
        NONE,
        T::Bin,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "The response headers in the length-prefixed form of SPOP.",
    )
    .eval(res_all_bin),
    fetch(
        "shdr",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Str,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Response header value, split at commas (old name of res.hdr).",
    )
    .eval(res_hdr),
    fetch(
        "shdr_cnt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Number of values of a response header (old name of res.hdr_cnt).",
    )
    .eval(res_cnt),
    fetch(
        "shdr_ip",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Ipv4,
        Needs::HTTP_RESPONSE_HEADERS,
        Lifetime::until(3, 0),
        "Response header value as an address (old name of res.hdr_ip).",
    )
    .eval(res_ip),
    fetch(
        "shdr_ip",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Addr,
        Needs::HTTP_RESPONSE_HEADERS,
        Lifetime::since(3, 0),
        "Response header value as an address (old name of res.hdr_ip).",
    )
    .eval(res_ip),
    fetch(
        "shdr_val",
        args(0, &[ArgKind::Str, ArgKind::Sint]),
        T::Sint,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Response header value as an integer (old name of res.hdr_val).",
    )
    .eval(res_val),
];

use std::borrow::Cow;

use rha_base::{Message, Value};

use crate::cast::{parse_ipv4, parse_ipv6, read_int};
use crate::cx::Cx;
use crate::http::list_value;

/// Whether values are the parts of comma lists or whole fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Split {
    Commas,
    Fields,
}

fn request<'a>(cx: &mut Cx<'a>) -> Option<&'a dyn Message> {
    cx.request().map(|r| r as &dyn Message)
}

fn response<'a>(cx: &mut Cx<'a>) -> Option<&'a dyn Message> {
    cx.response().map(|r| r as &dyn Message)
}

fn req_hdr<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = request(cx)?;
    value(cx, message, Split::Commas).map(Value::str)
}

fn req_fhdr<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = request(cx)?;
    value(cx, message, Split::Fields).map(Value::str)
}

fn res_hdr<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = response(cx)?;
    value(cx, message, Split::Commas).map(Value::str)
}

fn res_fhdr<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = response(cx)?;
    value(cx, message, Split::Fields).map(Value::str)
}

fn req_cnt<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = request(cx)?;
    count(cx, message, Split::Commas)
}

fn req_fcnt<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = request(cx)?;
    count(cx, message, Split::Fields)
}

fn res_cnt<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = response(cx)?;
    count(cx, message, Split::Commas)
}

fn res_fcnt<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = response(cx)?;
    count(cx, message, Split::Fields)
}

fn req_val<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = request(cx)?;
    value(cx, message, Split::Commas).map(|s| Value::Int(read_int(s)))
}

fn res_val<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = response(cx)?;
    value(cx, message, Split::Commas).map(|s| Value::Int(read_int(s)))
}

fn req_ip<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = request(cx)?;
    address(cx, message)
}

fn res_ip<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = response(cx)?;
    address(cx, message)
}

/// COMPAT: values that are no address are passed over; a port behind an IPv4 address is cut, brackets
/// around an IPv6 address are not understood.
fn address<'a>(cx: &mut Cx<'a>, message: &'a dyn Message) -> Option<Value<'a>> {
    loop {
        cx.more = false;
        let text = value(cx, message, Split::Commas)?;
        if let Some(a) = parse_address(text) {
            return Some(a);
        }
        if !cx.more {
            return None;
        }
    }
}

fn parse_address(text: &[u8]) -> Option<Value<'static>> {
    let end = text.iter().position(|c| !c.is_ascii_digit() && *c != b'.').unwrap_or(text.len());
    let whole = matches!(text.get(end), None | Some(b':'));
    if whole && let Some(a) = parse_ipv4(text.get(..end)?) {
        return Some(Value::V4(a));
    }
    parse_ipv6(text).map(Value::V6)
}

/// One value: the numbered one, or each in turn for ACLs, or the last one.
fn value<'a>(cx: &mut Cx<'a>, message: &'a dyn Message, split: Split) -> Option<&'a [u8]> {
    let name = cx.text(0).filter(|n| !n.is_empty());
    match cx.int(1).filter(|n| *n != 0) {
        Some(n) => nth(message, name, split, n),
        None if cx.iterate => {
            let (value, next) =
                next_value(message, name, split, (cx.cursor.0 as usize, cx.cursor.1 as usize))?;
            cx.cursor = (u32::try_from(next.0).ok()?, u32::try_from(next.1).ok()?);
            cx.more = true;
            Some(value)
        }
        None => nth(message, name, split, -1),
    }
}

fn nth<'a>(message: &'a dyn Message, name: Option<&[u8]>, split: Split, n: i64) -> Option<&'a [u8]> {
    if n > 0 {
        return values(message, name, split).nth(usize::try_from(n - 1).ok()?);
    }
    if n == -1 {
        return last(message, name, split);
    }
    let total = i64::try_from(values(message, name, split).count()).ok()?;
    let at = usize::try_from(total.checked_add(n)?).ok()?;
    values(message, name, split).nth(at)
}

/// The last value, found from the end.
fn last<'a>(message: &'a dyn Message, name: Option<&[u8]>, split: Split) -> Option<&'a [u8]> {
    let i = (0..message.header_count()).rev().find(|i| is_named(message.header(*i).0, name))?;
    let (_, field) = message.header(i);
    if split == Split::Fields || memchr::memchr(b',', field).is_none() {
        return Some(field);
    }
    let mut at = 0;
    let mut found = None;
    while let Some((v, next)) = list_value(field, at) {
        found = Some(v);
        at = next;
    }
    found
}

fn values<'a, 'b: 'a>(
    message: &'b dyn Message,
    name: Option<&'a [u8]>,
    split: Split,
) -> impl Iterator<Item = &'b [u8]> + 'a {
    let mut at = (0, 0);
    std::iter::from_fn(move || {
        let (value, next) = next_value(message, name, split, at)?;
        at = next;
        Some(value)
    })
}

/// The value at or after `at` (field, offset in it), and where the next one is looked for.
fn next_value<'a>(
    message: &'a dyn Message,
    name: Option<&[u8]>,
    split: Split,
    at: (usize, usize),
) -> Option<(&'a [u8], (usize, usize))> {
    let (mut field, mut offset) = at;
    loop {
        let found = match name {
            Some(n) => message.find_header(n, field)?,
            None if field < message.header_count() => field,
            None => return None,
        };
        if found != field {
            (field, offset) = (found, 0);
        }
        let (_, v) = message.header(field);
        match split {
            Split::Fields => return Some((v, (field + 1, 0))),
            Split::Commas if offset <= v.len() => {
                let (value, next) = list_value(v, offset)?;
                return Some((value, (field, next)));
            }
            Split::Commas => (field, offset) = (field + 1, 0),
        }
    }
}

fn is_named(name: &[u8], wanted: Option<&[u8]>) -> bool {
    wanted.is_none_or(|w| name.eq_ignore_ascii_case(w))
}

fn count<'a>(cx: &Cx<'a>, message: &'a dyn Message, split: Split) -> Option<Value<'a>> {
    let name = cx.text(0).filter(|n| !n.is_empty());
    let n = values(message, name, split).count();
    i64::try_from(n).ok().map(Value::Int)
}

fn req_names<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = request(cx)?;
    names(cx, message)
}

fn res_names<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let message = response(cx)?;
    names(cx, message)
}

/// COMPAT: joined by a comma unless another separator is given; names in lower case.
fn names<'a>(cx: &Cx<'a>, message: &'a dyn Message) -> Option<Value<'a>> {
    let separator = cx.text(0).and_then(|d| d.first().copied()).unwrap_or(b',');
    let mut out = Vec::new();
    for i in 0..message.header_count() {
        if i > 0 {
            out.push(separator);
        }
        out.extend(message.header(i).0.iter().map(u8::to_ascii_lowercase));
    }
    Some(Value::Str(Cow::Owned(out)))
}

fn req_all<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    request(cx).map(all)
}

fn res_all<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    response(cx).map(all)
}

/// COMPAT: names in lower case, as HAProxy keeps them.
fn all<'a>(message: &'a dyn Message) -> Value<'a> {
    let mut out = Vec::new();
    for i in 0..message.header_count() {
        let (name, value) = message.header(i);
        out.extend(name.iter().map(u8::to_ascii_lowercase));
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Value::Str(Cow::Owned(out))
}

fn req_all_bin<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    request(cx).map(all_bin)
}

fn res_all_bin<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    response(cx).map(all_bin)
}

/// Length-prefixed names and values, ended by two empty strings; lengths in SPOP's variable form.
fn all_bin<'a>(message: &'a dyn Message) -> Value<'a> {
    let mut out = Vec::new();
    for i in 0..message.header_count() {
        let (name, value) = message.header(i);
        put_length(name.len(), &mut out);
        out.extend(name.iter().map(u8::to_ascii_lowercase));
        put_length(value.len(), &mut out);
        out.extend_from_slice(value);
    }
    out.extend_from_slice(&[0, 0]);
    Value::Bin(Cow::Owned(out))
}

/// SPOP varint: below 240 one byte, else four bits there and seven per further byte.
fn put_length(n: usize, out: &mut Vec<u8>) {
    let low = |n: usize, mask: usize| u8::try_from(n & mask).unwrap_or_default();
    if n < 240 {
        out.push(low(n, 0xff));
        return;
    }
    out.push(low(n, 0x0f) | 0xf0);
    let mut rest = (n - 240) >> 4;
    while rest >= 128 {
        out.push(low(rest, 0x7f) | 0x80);
        rest = (rest - 128) >> 7;
    }
    out.push(low(rest, 0x7f));
}
