//! Timers, dates and byte counts of a stream.

use rha_vocab::{ArgKind, Dialect, Lifetime, Needs, SampleType as T};

use crate::row::{Fetch, NONE, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "accept_date",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L4_CLIENT,
        Lifetime::since(3, 0),
        "Date the connection was accepted.",
    )
    .eval(accept_date),
    fetch(
        "bc.timer.connect",
        NONE,
        T::Sint,
        Needs::L4_SERVER,
        Lifetime::since(3, 0),
        "Milliseconds it took to connect to the server (%Tc).",
    )
    .eval(connect),
    fetch(
        "bytes_in",
        NONE,
        T::Sint,
        Needs::INTERNAL,
        Lifetime { since: Some(Dialect::V3_0), until: Some(Dialect::V3_5) },
        "Bytes received from the client so far (%U).",
    )
    .eval(uploaded),
    fetch(
        "bytes_in",
        NONE,
        T::Sint,
        Needs::REQUEST_END,
        Lifetime::since(3, 5),
        "Bytes received from the client so far (%U).",
    )
    .eval(uploaded),
    fetch(
        "bytes_out",
        NONE,
        T::Sint,
        Needs::INTERNAL,
        Lifetime { since: Some(Dialect::V3_0), until: Some(Dialect::V3_5) },
        "Bytes received from the server so far (%B).",
    )
    .eval(read),
    fetch(
        "bytes_out",
        NONE,
        T::Sint,
        Needs::RESPONSE_END,
        Lifetime::since(3, 5),
        "Bytes received from the server so far (%B).",
    )
    .eval(read),
    fetch(
        "fc.timer.handshake",
        NONE,
        T::Sint,
        Needs::L4_CLIENT,
        Lifetime::since(3, 0),
        "Milliseconds spent in handshakes of the client connection (%Th).",
    )
    .eval(handshake),
    fetch(
        "fc.timer.total",
        NONE,
        T::Sint,
        Needs::STREAM_END,
        Lifetime::since(3, 0),
        "Milliseconds the client connection has lasted (%Tt).",
    )
    .eval(total),
    fetch(
        "req.bytes_in",
        NONE,
        T::Sint,
        Needs::REQUEST_END,
        Lifetime::since(3, 5),
        "Bytes of the request received from the client.",
    ),
    fetch(
        "req.bytes_out",
        NONE,
        T::Sint,
        Needs::REQUEST_END,
        Lifetime::since(3, 5),
        "Bytes of the request sent to the server.",
    ),
    fetch(
        "req.timer.hdr",
        NONE,
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::since(3, 0),
        "Milliseconds it took the request head to arrive (%TR).",
    )
    .eval(request),
    fetch(
        "req.timer.idle",
        NONE,
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::since(3, 0),
        "Milliseconds the connection was idle before this request (%Ti).",
    )
    .eval(idle),
    fetch(
        "req.timer.queue",
        NONE,
        T::Sint,
        Needs::L4_SERVER,
        Lifetime::since(3, 0),
        "Milliseconds the request waited in queues (%Tw).",
    )
    .eval(queue),
    fetch(
        "req.timer.tq",
        NONE,
        T::Sint,
        Needs::HTTP_REQUEST_HEADERS,
        Lifetime::since(3, 0),
        "Milliseconds from accept to the end of the request head (%Tq).",
    )
    .eval(request_total),
    fetch(
        "request_date",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::HTTP_REQUEST_LINE,
        Lifetime::since(3, 0),
        "Date the first byte of the request arrived.",
    )
    .eval(request_date),
    fetch(
        "res.bytes_in",
        NONE,
        T::Sint,
        Needs::RESPONSE_END,
        Lifetime::since(3, 5),
        "Bytes of the response received from the server.",
    ),
    fetch(
        "res.bytes_out",
        NONE,
        T::Sint,
        Needs::RESPONSE_END,
        Lifetime::since(3, 5),
        "Bytes of the response sent to the client.",
    ),
    fetch(
        "res.timer.data",
        NONE,
        T::Sint,
        Needs::RESPONSE_END,
        Lifetime::since(3, 0),
        "Milliseconds the response body took (%Td).",
    )
    .eval(data),
    fetch(
        "res.timer.hdr",
        NONE,
        T::Sint,
        Needs::HTTP_RESPONSE_HEADERS,
        Lifetime::since(3, 0),
        "Milliseconds it took the response head to arrive (%Tr).",
    )
    .eval(response),
    fetch(
        "txn.timer.total",
        NONE,
        T::Sint,
        Needs::TRANSACTION_END,
        Lifetime::since(3, 0),
        "Milliseconds the transaction was active (%Ta).",
    )
    .eval(active),
    fetch(
        "txn.timer.user",
        NONE,
        T::Sint,
        Needs::TRANSACTION_END,
        Lifetime::since(3, 0),
        "Milliseconds as the user sees them, idle time left out (%Tu).",
    )
    .eval(user),
];

use rha_base::{Fact, Value};

use crate::cast::int;
use crate::cx::Cx;

macro_rules! facts {
    ($($name:ident => $fact:ident),* $(,)?) => {
        $(fn $name<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
            cx.scene.fact(Fact::$fact)
        })*
    };
}

facts! {
    connect => TimeConnect,
    handshake => TimeHandshake,
    total => TimeTotal,
    request => TimeRequest,
    idle => TimeIdle,
    queue => TimeQueue,
    request_total => TimeRequestTotal,
    data => TimeData,
    response => TimeResponse,
    active => TimeActive,
    user => TimeUser,
    uploaded => BytesUploaded,
    read => BytesRead,
}

fn accept_date<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    date(cx, Fact::AcceptDateUs)
}

fn request_date<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    date(cx, Fact::RequestDateUs)
}

fn date<'a>(cx: &Cx<'a>, fact: Fact) -> Option<Value<'a>> {
    let us = int(&cx.scene.fact(fact)?)?;
    super::in_unit(us, cx.text(0))
}
