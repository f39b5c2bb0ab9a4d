//! Lookups of proxies and servers by name.

use rha_base::{ProxyFact, ProxyId, ServerFact, ServerId, Value};
use rha_vocab::{Lifetime, SampleType as T};

use crate::row::{ALWAYS, Converter, NONE, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert(
        "fe_exists",
        NONE,
        T::Str,
        T::Bool,
        Lifetime::since(3, 5),
        "Whether a frontend of that name exists.",
    )
    .eval(fe_exists),
    convert("nbsrv", NONE, T::Str, T::Sint, ALWAYS, "Usable servers of the backend of that name.")
        .eval(nbsrv),
    convert(
        "srv_is_up",
        NONE,
        T::Str,
        T::Bool,
        Lifetime::since(3, 5),
        "Whether the server of that name is up.",
    )
    .eval(srv_is_up),
    convert("srv_queue", NONE, T::Str, T::Sint, ALWAYS, "Connections queued for the server of that name.")
        .eval(srv_queue),
];

use crate::cast::bytes;
use crate::cx::Cx;

fn fe_exists<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    Some(Value::Bool(cx.scene.site().frontend_named(&bytes(v)?).is_some()))
}

fn nbsrv<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let site = cx.scene.site();
    let backend = site.backend_named(&bytes(v)?)?;
    Some(Value::Int(site.proxy(backend, ProxyFact::UsableServers)))
}

fn srv_is_up<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let (backend, server) = server(cx, &bytes(v)?)?;
    Some(Value::Bool(cx.scene.site().server(backend, server, ServerFact::IsUp) != 0))
}

fn srv_queue<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let (backend, server) = server(cx, &bytes(v)?)?;
    Some(Value::Int(cx.scene.site().server(backend, server, ServerFact::Queue)))
}

/// `backend/server`, or a server of the backend that the stream is in.
fn server(cx: &Cx<'_>, name: &[u8]) -> Option<(ProxyId, ServerId)> {
    let site = cx.scene.site();
    let (backend, server) = match memchr::memchr(b'/', name) {
        Some(at) => (site.backend_named(name.get(..at)?)?, name.get(at + 1..)?),
        None => (cx.proxy(0), name),
    };
    site.server_named(backend, server).map(|s| (backend, s))
}
