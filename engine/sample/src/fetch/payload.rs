//! Raw bytes in the buffers of both directions.

use rha_vocab::{ArgKind, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "distcc_body",
        args(1, &[ArgKind::Str, ArgKind::Sint]),
        T::Bin,
        Needs::L6_REQUEST.and(Needs::L6_RESPONSE),
        ALWAYS,
        "Body of a distcc message's token.",
    ),
    fetch(
        "distcc_param",
        args(1, &[ArgKind::Str, ArgKind::Sint]),
        T::Sint,
        Needs::L6_REQUEST.and(Needs::L6_RESPONSE),
        ALWAYS,
        "Parameter of a distcc message's token.",
    ),
    fetch(
        "payload",
        args(2, &[ArgKind::Sint, ArgKind::Sint]),
        T::Bin,
        Needs::L6_REQUEST.and(Needs::L6_RESPONSE),
        ALWAYS,
        "Bytes of the buffer at an offset (old name of req.payload and res.payload).",
    )
    .eval(any_payload),
    fetch(
        "payload_lv",
        args(2, &[ArgKind::Sint, ArgKind::Sint, ArgKind::Str]),
        T::Bin,
        Needs::L6_REQUEST.and(Needs::L6_RESPONSE),
        ALWAYS,
        "Bytes of the buffer whose length stands at an offset (old name of req.payload_lv).",
    )
    .eval(any_payload_lv),
    fetch(
        "rdp_cookie",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::L6_REQUEST,
        ALWAYS,
        "Value of a cookie of the RDP protocol (old name of req.rdp_cookie).",
    )
    .eval(rdp_cookie),
    fetch(
        "rdp_cookie_cnt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L6_REQUEST,
        ALWAYS,
        "Number of cookies of the RDP protocol (old name of req.rdp_cookie_cnt).",
    )
    .eval(rdp_cookie_cnt),
    fetch("req.len", NONE, T::Sint, Needs::L6_REQUEST, ALWAYS, "Bytes in the request buffer.").eval(req_len),
    fetch(
        "req.payload",
        args(2, &[ArgKind::Sint, ArgKind::Sint]),
        T::Bin,
        Needs::L6_REQUEST,
        ALWAYS,
        "Bytes of the request buffer at an offset.",
    )
    .eval(req_payload),
    fetch(
        "req.payload_lv",
        args(2, &[ArgKind::Sint, ArgKind::Sint, ArgKind::Str]),
        T::Bin,
        Needs::L6_REQUEST,
        ALWAYS,
        "Bytes of the request buffer whose length stands at an offset.",
    )
    .eval(req_payload_lv),
    fetch(
        "req.proto_http",
        NONE,
        T::Bool,
        Needs::HTTP_REQUEST_LINE,
        ALWAYS,
        "Whether the request looks like valid HTTP.",
    )
    .eval(proto_http),
    fetch(
        "req.rdp_cookie",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::L6_REQUEST,
        ALWAYS,
        "Value of a cookie of the RDP protocol.",
    )
    .eval(rdp_cookie),
    fetch(
        "req.rdp_cookie_cnt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L6_REQUEST,
        ALWAYS,
        "Number of cookies of the RDP protocol.",
    )
    .eval(rdp_cookie_cnt),
    fetch(
        "req_len",
        NONE,
        T::Sint,
        Needs::L6_REQUEST,
        ALWAYS,
        "Bytes in the request buffer (old name of req.len).",
    )
    .eval(req_len),
    fetch(
        "req_proto_http",
        NONE,
        T::Bool,
        Needs::HTTP_REQUEST_LINE,
        ALWAYS,
        "Whether the request looks like valid HTTP (old name of req.proto_http).",
    )
    .eval(proto_http),
    fetch("res.len", NONE, T::Sint, Needs::L6_RESPONSE, ALWAYS, "Bytes in the response buffer.")
        .eval(res_len),
    fetch(
        "res.payload",
        args(2, &[ArgKind::Sint, ArgKind::Sint]),
        T::Bin,
        Needs::L6_RESPONSE,
        ALWAYS,
        "Bytes of the response buffer at an offset.",
    )
    .eval(res_payload),
    fetch(
        "res.payload_lv",
        args(2, &[ArgKind::Sint, ArgKind::Sint, ArgKind::Str]),
        T::Bin,
        Needs::L6_RESPONSE,
        ALWAYS,
        "Bytes of the response buffer whose length stands at an offset.",
    )
    .eval(res_payload_lv),
    fetch(
        "wait_end",
        NONE,
        T::Bool,
        Needs::INTERNAL,
        ALWAYS,
        "True once the inspection time is over or nothing more can come.",
    )
    .eval(wait_end),
];

use rha_base::Value;

use crate::cx::Cx;
use crate::operand::Operand;

/// Which direction's buffer.
#[derive(Clone, Copy)]
enum Side {
    Request,
    Response,
}

impl Side {
    fn buffer<'a>(self, cx: &Cx<'a>) -> &'a [u8] {
        match self {
            Side::Request => cx.scene.request_buffer(),
            Side::Response => cx.scene.response_buffer(),
        }
    }

    fn wait(self, cx: &mut Cx<'_>) {
        match self {
            Side::Request => cx.wait_request(),
            Side::Response => cx.wait_response(),
        }
    }

    /// The old names without a direction: the response once there is one.
    fn of(cx: &Cx<'_>) -> Side {
        if cx.scene.response_buffer().is_empty() { Side::Request } else { Side::Response }
    }
}

fn wait_end<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.wait_request();
    (!cx.may_change).then_some(Value::Bool(true))
}

/// True once a head has been read as HTTP.
fn proto_http<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.request().map(|_| Value::Bool(true))
}

fn req_len<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    length(cx, Side::Request)
}

fn res_len<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    length(cx, Side::Response)
}

fn length<'a>(cx: &mut Cx<'a>, side: Side) -> Option<Value<'a>> {
    side.wait(cx);
    let n = match side {
        Side::Request => cx.scene.request_size(),
        Side::Response => side.buffer(cx).len() as u64,
    };
    i64::try_from(n).ok().map(Value::Int)
}

fn req_payload<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    payload(cx, Side::Request)
}

fn res_payload<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    payload(cx, Side::Response)
}

fn any_payload<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let side = Side::of(cx);
    payload(cx, side)
}

/// COMPAT: a length of 0 takes all there is, and may still grow.
fn payload<'a>(cx: &mut Cx<'a>, side: Side) -> Option<Value<'a>> {
    let offset = usize::try_from(cx.int(0)?).ok()?;
    let size = usize::try_from(cx.int(1)?).ok()?;
    let buffer = side.buffer(cx);
    let end = if size == 0 { buffer.len() } else { offset.checked_add(size)? };
    let part = buffer.get(offset..end);
    if part.is_none() || size == 0 {
        side.wait(cx);
    }
    part.map(|p| Value::Bin(p.into()))
}

fn req_payload_lv<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    payload_lv(cx, Side::Request)
}

fn res_payload_lv<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    payload_lv(cx, Side::Response)
}

fn any_payload_lv<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let side = Side::of(cx);
    payload_lv(cx, side)
}

/// The length stands in `size` bytes at `offset`; the data behind it, or where the third argument says:
/// absolute, or relative with a sign.
fn payload_lv<'a>(cx: &mut Cx<'a>, side: Side) -> Option<Value<'a>> {
    let offset = usize::try_from(cx.int(0)?).ok()?;
    let width = usize::try_from(cx.int(1)?).ok()?;
    let behind = offset.checked_add(width)?;
    let buffer = side.buffer(cx);
    let Some(digits) = buffer.get(offset..behind) else {
        side.wait(cx);
        return None;
    };
    let size = digits.iter().fold(0usize, |n, c| n << 8 | usize::from(*c));
    let at = match cx.arg(2) {
        Operand::Int(n) => usize::try_from(*n).ok()?,
        Operand::Str(s) if matches!(s.first(), Some(b'+' | b'-')) => {
            let shift = isize::try_from(rha_base::parse_int(s)?).ok()?;
            behind.checked_add_signed(shift)?
        }
        Operand::Str(s) => usize::try_from(rha_base::parse_int(s)?).ok()?,
        _ => behind,
    };
    if size == 0 {
        return None;
    }
    let part = buffer.get(at..at.checked_add(size)?);
    if part.is_none() {
        side.wait(cx);
    }
    part.map(|p| Value::Bin(p.into()))
}

fn rdp_cookie<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    match find_rdp_cookie(cx.scene.request_buffer(), cx.text(0)) {
        Found::Yes(value) => Some(Value::str(value)),
        Found::No => None,
        Found::NotYet => {
            cx.wait_request();
            None
        }
    }
}

/// COMPAT: nothing rather than 0 while there is none.
fn rdp_cookie_cnt<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let found = rdp_cookie(cx).is_some();
    (found || !cx.may_change).then(|| Value::Int(i64::from(found)))
}

enum Found<'a> {
    Yes(&'a [u8]),
    No,
    NotYet,
}

/// The value of a cookie of the RDP protocol, once it is all there; of any name if `name` is empty.
#[must_use]
pub fn rdp_cookie_value<'a>(buffer: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match find_rdp_cookie(buffer, Some(name)) {
        Found::Yes(value) => Some(value),
        Found::No | Found::NotYet => None,
    }
}

/// `Cookie: name=value` behind the eleven bytes of TPKT and X.224 headers.
fn find_rdp_cookie<'a>(buffer: &'a [u8], name: Option<&[u8]>) -> Found<'a> {
    let Some(text) = buffer.get(11..).filter(|t| t.len() > 7) else { return Found::NotYet };
    let (label, rest) = text.split_at(7);
    if !label.eq_ignore_ascii_case(b"cookie:") {
        return Found::No;
    }
    let from = rest.iter().position(|c| *c != b' ').unwrap_or(rest.len());
    let rest = rest.get(from..).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\r', rest) else { return Found::NotYet };
    let Some(equal) = memchr::memchr(b'=', rest.get(..end).unwrap_or_default()) else { return Found::No };
    let own = rest.get(..equal).unwrap_or_default();
    if name.is_some_and(|n| !n.is_empty() && !n.eq_ignore_ascii_case(own)) {
        return Found::No;
    }
    match rest.get(end + 1) {
        None => Found::NotYet,
        Some(b'\n') => Found::Yes(rest.get(equal + 1..end).unwrap_or_default()),
        Some(_) => Found::No,
    }
}
