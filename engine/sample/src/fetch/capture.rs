//! What `capture` rules and lines kept.

use rha_vocab::{ArgKind, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "capture.req.hdr",
        args(1, &[ArgKind::Sint]),
        T::Str,
        Needs::HTTP_REQUEST_LINE,
        ALWAYS,
        "Request header captured in the numbered slot.",
    )
    .eval(req_hdr),
    fetch(
        "capture.req.method",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_LINE,
        ALWAYS,
        "Method of the request as captured.",
    )
    .eval(method),
    fetch(
        "capture.req.uri",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_LINE,
        ALWAYS,
        "Target of the request as captured.",
    )
    .eval(uri),
    fetch(
        "capture.req.ver",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_LINE,
        ALWAYS,
        "Version of the request as captured.",
    )
    .eval(req_ver),
    fetch(
        "capture.res.hdr",
        args(1, &[ArgKind::Sint]),
        T::Str,
        Needs::HTTP_RESPONSE_LINE,
        ALWAYS,
        "Response header captured in the numbered slot.",
    )
    .eval(res_hdr),
    fetch(
        "capture.res.ver",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_LINE,
        ALWAYS,
        "Version of the response as captured.",
    )
    .eval(res_ver),
];

use rha_base::{Fact, Value};

use crate::cx::Cx;

fn slot(cx: &Cx<'_>) -> Option<usize> {
    cx.int(0).and_then(|n| usize::try_from(n).ok())
}

fn req_hdr<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.request_capture(slot(cx)?).map(Value::str)
}

fn res_hdr<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.response_capture(slot(cx)?).map(Value::str)
}

fn method<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::LogMethod)
}

fn uri<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::LogUri)
}

/// COMPAT: only whether it is HTTP/1.1 or older is kept.
fn req_ver<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    major_minor(cx.request()?.version())
}

fn res_ver<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    major_minor(cx.response()?.version())
}

fn major_minor<'a>(version: (u8, u8)) -> Option<Value<'a>> {
    Some(Value::str(if version < (1, 1) { b"HTTP/1.0" } else { b"HTTP/1.1" }))
}
