//! Frontends, backends, servers and listeners.

use rha_vocab::{ArgKind, Lifetime, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "avg_queue",
        args(1, &[ArgKind::Backend]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Queued connections of a backend divided by its usable servers.",
    )
    .eval(avg_queue),
    fetch(
        "bc_be_queue",
        NONE,
        T::Sint,
        Needs::L4_SERVER,
        Lifetime::since(3, 0),
        "Streams ahead in the backend's queue when this one left it (%bq).",
    )
    .eval(bc_be_queue),
    fetch(
        "bc_srv_queue",
        NONE,
        T::Sint,
        Needs::L4_SERVER,
        Lifetime::since(3, 0),
        "Streams ahead in the server's queue when this one left it (%sq).",
    )
    .eval(bc_srv_queue),
    fetch(
        "be_conn",
        args(1, &[ArgKind::Backend]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Connections a backend has now.",
    )
    .eval(conn),
    fetch(
        "be_conn_free",
        args(1, &[ArgKind::Backend]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Connections the usable servers of a backend can still take, -1 without limit.",
    )
    .eval(conn_free),
    fetch(
        "be_connect_timeout",
        NONE,
        T::Sint,
        Needs::BACKEND,
        Lifetime::since(3, 5),
        "Connect timeout of the backend, in milliseconds.",
    )
    .eval(be_connect_timeout),
    fetch("be_id", NONE, T::Sint, Needs::BACKEND, ALWAYS, "Number of the backend.").eval(be_id),
    fetch(
        "be_max_retries",
        NONE,
        T::Sint,
        Needs::BACKEND,
        Lifetime::since(3, 5),
        "Retries the backend allows.",
    )
    .eval(be_max_retries),
    fetch("be_name", NONE, T::Str, Needs::BACKEND, ALWAYS, "Name of the backend.").eval(be_name),
    fetch(
        "be_queue_timeout",
        NONE,
        T::Sint,
        Needs::BACKEND,
        Lifetime::since(3, 5),
        "Queue timeout of the backend, in milliseconds.",
    )
    .eval(be_queue_timeout),
    fetch(
        "be_server_timeout",
        NONE,
        T::Sint,
        Needs::BACKEND,
        ALWAYS,
        "Server timeout of the backend, in milliseconds.",
    )
    .eval(be_server_timeout),
    fetch(
        "be_sess_rate",
        args(1, &[ArgKind::Backend]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "New sessions a second of a backend.",
    )
    .eval(sess_rate),
    fetch(
        "be_tarpit_timeout",
        NONE,
        T::Sint,
        Needs::BACKEND,
        Lifetime::since(3, 5),
        "Tarpit timeout of the backend, in milliseconds.",
    )
    .eval(be_tarpit_timeout),
    fetch(
        "be_tunnel_timeout",
        NONE,
        T::Sint,
        Needs::BACKEND,
        ALWAYS,
        "Tunnel timeout of the backend, in milliseconds.",
    )
    .eval(be_tunnel_timeout),
    fetch(
        "connslots",
        args(1, &[ArgKind::Backend]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Connections and queue places a backend still has, -1 without limit.",
    )
    .eval(connslots),
    fetch(
        "dst_conn",
        NONE,
        T::Sint,
        Needs::FRONTEND,
        ALWAYS,
        "Connections on the listener the client came through.",
    )
    .eval(dst_conn),
    fetch(
        "fcgi.docroot",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Document root of the FastCGI application in use.",
    ),
    fetch(
        "fcgi.index",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Index file of the FastCGI application in use.",
    ),
    fetch(
        "fe_client_timeout",
        NONE,
        T::Sint,
        Needs::FRONTEND,
        ALWAYS,
        "Client timeout of the frontend, in milliseconds.",
    )
    .eval(fe_client_timeout),
    fetch(
        "fe_conn",
        args(1, &[ArgKind::Frontend]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Connections a frontend has now.",
    )
    .eval(conn),
    fetch("fe_defbe", NONE, T::Str, Needs::FRONTEND, ALWAYS, "Name of the frontend's default backend.")
        .eval(fe_defbe),
    fetch("fe_id", NONE, T::Sint, Needs::FRONTEND, ALWAYS, "Number of the frontend.").eval(fe_id),
    fetch("fe_name", NONE, T::Str, Needs::FRONTEND, ALWAYS, "Name of the frontend.").eval(fe_name),
    fetch(
        "fe_req_rate",
        args(1, &[ArgKind::Frontend]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "HTTP requests a second of a frontend.",
    )
    .eval(req_rate),
    fetch(
        "fe_sess_rate",
        args(1, &[ArgKind::Frontend]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "New sessions a second of a frontend.",
    )
    .eval(sess_rate),
    fetch(
        "fe_tarpit_timeout",
        NONE,
        T::Sint,
        Needs::FRONTEND,
        Lifetime::since(3, 5),
        "Tarpit timeout of the frontend, in milliseconds.",
    )
    .eval(fe_tarpit_timeout),
    fetch(
        "nbsrv",
        args(1, &[ArgKind::Backend]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Usable servers of a backend.",
    )
    .eval(nbsrv),
    fetch(
        "queue",
        args(1, &[ArgKind::Backend]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Connections queued in a backend and its servers.",
    )
    .eval(queue),
    fetch("so_id", NONE, T::Sint, Needs::FRONTEND, ALWAYS, "Number of the listener the client came through.")
        .eval(so_id),
    fetch("so_name", NONE, T::Str, Needs::FRONTEND, ALWAYS, "Name of the listener the client came through.")
        .eval(so_name),
    fetch(
        "srv_conn",
        args(1, &[ArgKind::Server]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Connections of a server.",
    )
    .eval(srv_conn),
    fetch(
        "srv_conn_free",
        args(1, &[ArgKind::Server]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Connections a server can still take, -1 without limit.",
    )
    .eval(srv_conn_free),
    fetch("srv_id", NONE, T::Sint, Needs::SERVER, ALWAYS, "Number of the server chosen.").eval(srv_id),
    fetch(
        "srv_is_up",
        args(1, &[ArgKind::Server]),
        T::Bool,
        Needs::INTERNAL,
        ALWAYS,
        "Whether a server is up.",
    )
    .eval(srv_is_up),
    fetch(
        "srv_iweight",
        args(1, &[ArgKind::Server]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Weight a server began with.",
    )
    .eval(srv_iweight),
    fetch("srv_name", NONE, T::Str, Needs::SERVER, ALWAYS, "Name of the server chosen.").eval(srv_name),
    fetch(
        "srv_queue",
        args(1, &[ArgKind::Server]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Connections queued for a server.",
    )
    .eval(srv_queue),
    fetch(
        "srv_sess_rate",
        args(1, &[ArgKind::Server]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "New sessions a second of a server.",
    )
    .eval(srv_sess_rate),
    fetch(
        "srv_uweight",
        args(1, &[ArgKind::Server]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Weight of a server as set by its operator.",
    )
    .eval(srv_uweight),
    fetch(
        "srv_weight",
        args(1, &[ArgKind::Server]),
        T::Sint,
        Needs::INTERNAL,
        ALWAYS,
        "Weight of a server in effect.",
    )
    .eval(srv_weight),
];

use rha_base::{Fact, ProxyFact, ServerFact, Value};

use crate::cx::Cx;

macro_rules! facts {
    ($($name:ident => $fact:ident),* $(,)?) => {
        $(fn $name<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
            cx.scene.fact(Fact::$fact)
        })*
    };
}

macro_rules! proxy_facts {
    ($($name:ident => $fact:ident),* $(,)?) => {
        $(fn $name<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
            cx.proxy_fact(0, ProxyFact::$fact)
        })*
    };
}

macro_rules! server_facts {
    ($($name:ident => $fact:ident),* $(,)?) => {
        $(fn $name<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
            let (backend, server) = cx.server()?;
            Some(Value::Int(cx.scene.site().server(backend, server, ServerFact::$fact)))
        })*
    };
}

facts! {
    be_connect_timeout => BackendConnectTimeout,
    be_queue_timeout => BackendQueueTimeout,
    be_server_timeout => BackendServerTimeout,
    be_tarpit_timeout => BackendTarpitTimeout,
    be_tunnel_timeout => BackendTunnelTimeout,
    be_max_retries => BackendMaxRetries,
    fe_client_timeout => FrontendClientTimeout,
    fe_name => FrontendName,
    fe_id => FrontendId,
    be_name => BackendName,
    be_id => BackendId,
    srv_name => ServerName,
    srv_id => ServerId,
    so_name => ListenerName,
    so_id => ListenerId,
    bc_be_queue => BackendQueue,
    bc_srv_queue => ServerQueue,
}

proxy_facts! {
    conn => Connections,
    conn_free => ConnectionsFree,
    connslots => ConnectionSlots,
    sess_rate => SessionRate,
    req_rate => RequestRate,
    nbsrv => UsableServers,
    avg_queue => AverageQueue,
    queue => Queue,
}

server_facts! {
    srv_conn => Connections,
    srv_conn_free => ConnectionsFree,
    srv_queue => Queue,
    srv_sess_rate => SessionRate,
    srv_weight => Weight,
    srv_iweight => InitialWeight,
    srv_uweight => UserWeight,
}

fn srv_is_up<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let (backend, server) = cx.server()?;
    Some(Value::Bool(cx.scene.site().server(backend, server, ServerFact::IsUp) != 0))
}

fn dst_conn<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::ListenerConnections)
}

fn fe_defbe<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::DefaultBackend)
}

fn fe_tarpit_timeout<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::FrontendTarpitTimeout)
}
