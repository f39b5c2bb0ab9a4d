//! Buffered bodies.

use rha_vocab::{ArgKind, Lifetime, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "req.body",
        NONE,
        T::Bin,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Buffered part of the request body.",
    )
    .eval(req_body),
    fetch(
        "req.body_len",
        NONE,
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Length of the buffered part of the request body.",
    )
    .eval(req_body_len),
    fetch(
        "req.body_param",
        args(0, &[ArgKind::Str]),
        T::Bin,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::until(3, 0),
        "Parameter of a form in the request body.",
    )
    .eval(req_body_param),
    fetch(
        "req.body_param",
        args(0, &[ArgKind::Str, ArgKind::Str]),
        T::Bin,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::since(3, 0),
        "Parameter of a form in the request body.",
    )
    .eval(req_body_param),
    fetch(
        "req.body_size",
        NONE,
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Announced length of the request body, or what has been received.",
    )
    .eval(req_body_size),
    fetch(
        "res.body",
        NONE,
        T::Bin,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Buffered part of the response body.",
    )
    .eval(res_body),
    fetch(
        "res.body_len",
        NONE,
        T::Sint,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Length of the buffered part of the response body.",
    )
    .eval(res_body_len),
    fetch(
        "res.body_size",
        NONE,
        T::Sint,
        Needs::HTTP_RESPONSE_HEADERS,
        ALWAYS,
        "Announced length of the response body, or what has been received.",
    )
    .eval(res_body_size),
];

use rha_base::{Message, Value};

use crate::cx::Cx;

fn request<'a>(cx: &mut Cx<'a>) -> Option<&'a dyn Message> {
    let m: &dyn Message = cx.request()?;
    if !m.body_is_whole() {
        cx.wait_request();
    }
    Some(m)
}

fn response<'a>(cx: &mut Cx<'a>) -> Option<&'a dyn Message> {
    let m: &dyn Message = cx.response()?;
    if !m.body_is_whole() {
        cx.wait_response();
    }
    Some(m)
}

fn req_body<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    request(cx).map(|m| Value::Bin(m.body().into()))
}

fn res_body<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    response(cx).map(|m| Value::Bin(m.body().into()))
}

fn req_body_len<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    request(cx).and_then(|m| number(m.body().len() as u64))
}

fn res_body_len<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    response(cx).and_then(|m| number(m.body().len() as u64))
}

fn req_body_size<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    request(cx).and_then(size)
}

fn res_body_size<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    response(cx).and_then(size)
}

/// What was announced, or what has come so far.
fn size<'a>(m: &dyn Message) -> Option<Value<'a>> {
    number(m.content_length().unwrap_or(m.body().len() as u64))
}

fn number<'a>(n: u64) -> Option<Value<'a>> {
    i64::try_from(n).ok().map(Value::Int)
}

/// `req.body_param([name[,i]])`.
fn req_body_param<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let body = request(cx)?.body();
    let ignore_case = cx.text(1).is_some_and(|f| f.first() == Some(&b'i'));
    super::http_request::each_parameter(cx, body, 0, b'&', ignore_case)
}
