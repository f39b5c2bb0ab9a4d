//! The status line.

use rha_vocab::{Lifetime, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "res.ver",
        NONE,
        T::Str,
        Needs::HTTP_RESPONSE_HEADERS,
        Lifetime::until(3, 5),
        "HTTP version of the response.",
    )
    .eval(version),
    fetch(
        "res.ver",
        NONE,
        T::Str,
        Needs::HTTP_RESPONSE_LINE,
        Lifetime::since(3, 5),
        "HTTP version of the response.",
    )
    .eval(version),
    fetch(
        "resp_ver",
        NONE,
        T::Str,
        Needs::HTTP_RESPONSE_HEADERS,
        Lifetime::until(3, 5),
        "HTTP version of the response (old name of res.ver).",
    )
    .eval(version),
    fetch(
        "resp_ver",
        NONE,
        T::Str,
        Needs::HTTP_RESPONSE_LINE,
        Lifetime::since(3, 5),
        "HTTP version of the response (old name of res.ver).",
    )
    .eval(version),
    fetch(
        "server_status",
        NONE,
        T::Sint,
        Needs::HTTP_RESPONSE_LINE,
        Lifetime::since(3, 0),
        "Status the server gave, before rules changed it.",
    )
    .eval(server_status),
    fetch("status", NONE, T::Sint, Needs::HTTP_RESPONSE_LINE, ALWAYS, "Status of the response.").eval(status),
    fetch(
        "txn.status",
        NONE,
        T::Sint,
        Needs::HTTP_RESPONSE_LINE,
        Lifetime::since(3, 0),
        "Status given to the client.",
    )
    .eval(given_status),
];

use rha_base::{Fact, Value};

use crate::cx::Cx;

fn status<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    Some(Value::Int(i64::from(cx.response()?.status())))
}

fn version<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let (major, minor) = cx.response()?.version();
    Some(Value::Str(crate::http::version_text(major, minor)))
}

fn given_status<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::StatusCode)
}

fn server_status<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::ServerStatus)
}
