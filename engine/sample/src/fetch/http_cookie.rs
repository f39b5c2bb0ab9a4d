//! Cookies of requests and responses.

use rha_vocab::{ArgKind, Lifetime, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "cook",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Value of a request cookie (old name of req.cook).",
    )
    .eval(req_cook),
    fetch(
        "cook_cnt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Number of request cookies of a name (old name of req.cook_cnt).",
    )
    .eval(req_cook_cnt),
    fetch(
        "cook_val",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Request cookie as an integer (old name of req.cook_val).",
    )
    .eval(req_cook_val),
    fetch(
        "cookie",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS),
        ALWAYS,
        "Value of a cookie of the request or, in a response, of a Set-Cookie.",
    )
    .eval(cookie),
    fetch(
        "req.cook",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Value of a request cookie.",
    )
    .eval(req_cook),
    fetch(
        "req.cook_cnt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Number of request cookies of a name.",
    )
    .eval(req_cook_cnt),
    fetch(
        "req.cook_names",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::since(3, 0),
        "Names of the request cookies, joined by a separator.",
    )
    .eval(req_cook_names),
    fetch(
        "req.cook_val",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Request cookie as an integer.",
    )
    .eval(req_cook_val),
    fetch(
        "res.cook",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Value of a cookie set by the response.",
    )
    .eval(res_cook),
    fetch(
        "res.cook_cnt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Number of cookies of a name set by the response.",
    )
    .eval(res_cook_cnt),
    fetch(
        "res.cook_names",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::HTTP_RESPONSE_HEADERS,
        Lifetime::since(3, 0),
        "Names of the cookies set by the response, joined by a separator.",
    )
    .eval(res_cook_names),
    fetch(
        "res.cook_val",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Cookie set by the response as an integer.",
    )
    .eval(res_cook_val),
    fetch(
        "scook",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Value of a cookie set by the response (old name of res.cook).",
    )
    .eval(res_cook),
    fetch(
        "scook_cnt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Number of cookies of a name set by the response (old name of res.cook_cnt).",
    )
    .eval(res_cook_cnt),
    fetch(
        "scook_val",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Cookie set by the response as an integer (old name of res.cook_val).",
    )
    .eval(res_cook_val),
];

use std::borrow::Cow;

use rha_base::{Message, Value};

use crate::cast::read_int;
use crate::cx::Cx;

/// Which header carries the cookies: one list, or one cookie per field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Request,
    Response,
}

impl Source {
    fn message<'a>(self, cx: &mut Cx<'a>) -> Option<&'a dyn Message> {
        match self {
            Source::Request => cx.request().map(|r| r as &dyn Message),
            Source::Response => cx.response().map(|r| r as &dyn Message),
        }
    }

    fn header(self) -> &'static [u8] {
        match self {
            Source::Request => b"cookie",
            Source::Response => b"set-cookie",
        }
    }
}

fn req_cook<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    value(cx, Source::Request).map(Value::str)
}

fn res_cook<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    value(cx, Source::Response).map(Value::str)
}

fn req_cook_val<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    value(cx, Source::Request).map(|s| Value::Int(read_int(s)))
}

fn res_cook_val<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    value(cx, Source::Response).map(|s| Value::Int(read_int(s)))
}

fn req_cook_cnt<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    count(cx, Source::Request)
}

fn res_cook_cnt<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    count(cx, Source::Response)
}

fn req_cook_names<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    names(cx, Source::Request)
}

fn res_cook_names<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    names(cx, Source::Response)
}

/// COMPAT: the response's once there is one.
fn cookie<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let source = if cx.scene.response().is_some() { Source::Response } else { Source::Request };
    value(cx, source).map(Value::str)
}

/// Each in turn for ACLs, the last one otherwise.
///
/// COMPAT: the first one when no name is given.
fn value<'a>(cx: &mut Cx<'a>, source: Source) -> Option<&'a [u8]> {
    let message = source.message(cx)?;
    let name = cx.text(0).filter(|n| !n.is_empty());
    let mut cookies =
        Cookies { message, source, named: name.is_some(), at: (cx.cursor.0 as usize, cx.cursor.1 as usize) };
    if !cx.iterate && name.is_none() {
        return cookies.next().map(|(_, v)| v);
    }
    if !cx.iterate {
        return cookies.filter(|(n, _)| is_named(n, name)).last().map(|(_, v)| v);
    }
    let found = cookies.find(|(n, _)| is_named(n, name)).map(|(_, v)| v)?;
    cx.cursor = (u32::try_from(cookies.at.0).ok()?, u32::try_from(cookies.at.1).ok()?);
    cx.more = true;
    Some(found)
}

fn count<'a>(cx: &mut Cx<'a>, source: Source) -> Option<Value<'a>> {
    let message = source.message(cx)?;
    let name = cx.text(0).filter(|n| !n.is_empty());
    let cookies = Cookies { message, source, named: name.is_some(), at: (0, 0) };
    i64::try_from(cookies.filter(|(n, _)| is_named(n, name)).count()).ok().map(Value::Int)
}

fn names<'a>(cx: &mut Cx<'a>, source: Source) -> Option<Value<'a>> {
    let message = source.message(cx)?;
    let delimiter = cx.text(0).and_then(|d| d.first().copied()).unwrap_or(b',');
    let all: Vec<&[u8]> = Cookies { message, source, named: true, at: (0, 0) }.map(|(n, _)| n).collect();
    Some(Value::Str(Cow::Owned(all.join(&delimiter))))
}

fn is_named(name: &[u8], wanted: Option<&[u8]>) -> bool {
    wanted.is_none_or(|w| name == w)
}

/// Cookies of all fields in order: field, offset in it.
///
/// COMPAT: names that begin with `$` and parts without an equal sign are passed over; of a Set-Cookie
/// only the first part counts, unless all cookies are wanted: then its attributes count as well.
struct Cookies<'a> {
    message: &'a dyn Message,
    source: Source,
    named: bool,
    at: (usize, usize),
}

impl<'a> Iterator for Cookies<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let message: &'a dyn Message = self.message;
        while self.at.0 < message.header_count() {
            let (header, field) = message.header(self.at.0);
            if header.eq_ignore_ascii_case(self.source.header()) {
                while let Some(rest) = field.get(self.at.1..).filter(|r| !r.is_empty()) {
                    let (name, value, length) = one(rest, self.source);
                    self.at.1 = match self.source {
                        Source::Response if self.named => field.len(),
                        _ => self.at.1 + length + 1,
                    };
                    if let (Some(v), false) = (value, name.first() == Some(&b'$')) {
                        return Some((name, v));
                    }
                }
            }
            self.at = (self.at.0 + 1, 0);
        }
        None
    }
}

/// Name, value and length of the cookie at the start of `rest`.
fn one(rest: &[u8], source: Source) -> (&[u8], Option<&[u8]>, usize) {
    let is_end = |c: &u8| *c == b';' || source == Source::Request && *c == b',';
    let equal = rest.iter().position(|c| *c == b'=' || is_end(c)).unwrap_or(rest.len());
    let name = crate::http::trim(rest.get(..equal).unwrap_or_default());
    if rest.get(equal) != Some(&b'=') {
        return (name, None, equal);
    }
    let after = rest.get(equal + 1..).unwrap_or_default();
    let end = value_end(after);
    (name, Some(crate::http::trim(after.get(..end).unwrap_or_default())), equal + 1 + end)
}

/// The comma or semicolon after a value, outside of quotes.
fn value_end(text: &[u8]) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (i, c) in text.iter().enumerate() {
        match c {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' | b';' if !quoted => return i,
            _ => {}
        }
    }
    text.len()
}
