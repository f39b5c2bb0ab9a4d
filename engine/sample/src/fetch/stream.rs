//! What the stream knows of itself.

use rha_vocab::{Lifetime, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, fetch};

/// What a cache says of a response.
const CACHED: Needs = Needs::HTTP_RESPONSE_LINE.and(Needs::RESPONSE_SIDE);

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "cur_client_timeout",
        NONE,
        T::Sint,
        Needs::FRONTEND,
        Lifetime::since(3, 0),
        "Client timeout in effect for the stream, in milliseconds.",
    )
    .eval(client_timeout),
    fetch(
        "cur_connect_timeout",
        NONE,
        T::Sint,
        Needs::BACKEND,
        Lifetime::since(3, 5),
        "Connect timeout in effect for the stream, in milliseconds.",
    )
    .eval(connect_timeout),
    fetch(
        "cur_max_retries",
        NONE,
        T::Sint,
        Needs::BACKEND,
        Lifetime::since(3, 5),
        "Retries in effect for the stream.",
    )
    .eval(max_retries),
    fetch(
        "cur_queue_timeout",
        NONE,
        T::Sint,
        Needs::BACKEND,
        Lifetime::since(3, 5),
        "Queue timeout in effect for the stream, in milliseconds.",
    )
    .eval(queue_timeout),
    fetch(
        "cur_server_timeout",
        NONE,
        T::Sint,
        Needs::BACKEND,
        ALWAYS,
        "Server timeout in effect for the stream, in milliseconds.",
    )
    .eval(server_timeout),
    fetch(
        "cur_tarpit_timeout",
        NONE,
        T::Sint,
        Needs::FRONTEND.and(Needs::BACKEND),
        Lifetime::since(3, 5),
        "Tarpit timeout in effect for the stream, in milliseconds.",
    )
    .eval(tarpit_timeout),
    fetch(
        "cur_tunnel_timeout",
        NONE,
        T::Sint,
        Needs::BACKEND,
        ALWAYS,
        "Tunnel timeout in effect for the stream, in milliseconds.",
    )
    .eval(tunnel_timeout),
    fetch(
        "last_entity",
        NONE,
        T::Str,
        Needs::INTERNAL,
        Lifetime::since(3, 5),
        "Rule or filter that was last evaluated.",
    ),
    fetch("last_rule_file", NONE, T::Str, Needs::INTERNAL, ALWAYS, "File of the final rule that matched.")
        .unfed(last_rule_file),
    fetch("last_rule_line", NONE, T::Sint, Needs::INTERNAL, ALWAYS, "Line of the final rule that matched.")
        .unfed(last_rule_line),
    fetch("prio_class", NONE, T::Sint, Needs::INTERNAL, ALWAYS, "Priority class of the stream in queues.")
        .eval(prio_class),
    fetch("prio_offset", NONE, T::Sint, Needs::INTERNAL, ALWAYS, "Priority offset of the stream in queues.")
        .eval(prio_offset),
    fetch("res.cache_hit", NONE, T::Bool, CACHED, ALWAYS, "Whether the response came from the cache."),
    fetch("res.cache_name", NONE, T::Str, CACHED, ALWAYS, "Name of the cache the response came from."),
    fetch(
        "res.comp",
        NONE,
        T::Bool,
        Needs::HTTP_RESPONSE_LINE,
        ALWAYS,
        "Whether the response is compressed here.",
    ),
    fetch(
        "res.comp_algo",
        NONE,
        T::Str,
        Needs::HTTP_RESPONSE_LINE,
        ALWAYS,
        "Algorithm the response is compressed with.",
    ),
    fetch(
        "term_events",
        NONE,
        T::Str,
        Needs::INTERNAL,
        Lifetime::since(3, 5),
        "Events that ended the stream, as hexadecimal pairs.",
    ),
    fetch(
        "txn.conn_retries",
        NONE,
        T::Sint,
        Needs::L4_SERVER,
        Lifetime::since(3, 0),
        "Retries it took to connect (%rc).",
    )
    .eval(conn_retries),
    fetch(
        "txn.id32",
        NONE,
        T::Sint,
        Needs::INTERNAL,
        Lifetime::since(3, 0),
        "Number of the transaction, 32 bits (%rt).",
    )
    .eval(id32),
    fetch(
        "txn.redispatched",
        NONE,
        T::Bool,
        Needs::L4_SERVER,
        Lifetime::since(3, 0),
        "Whether the transaction was sent to another server on a retry.",
    )
    .eval(redispatched),
    fetch(
        "txn.sess_term_state",
        NONE,
        T::Str,
        Needs::INTERNAL,
        Lifetime::since(3, 0),
        "How the stream ended, two letters (%ts).",
    )
    .eval(term_state),
    fetch(
        "waiting_entity",
        NONE,
        T::Str,
        Needs::INTERNAL,
        Lifetime::since(3, 5),
        "Rule or filter the stream waits for.",
    ),
];

use rha_base::{Fact, Value};

use crate::cx::Cx;

macro_rules! facts {
    ($($name:ident => $fact:ident),* $(,)?) => {
        $(fn $name<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
            cx.scene.fact(Fact::$fact)
        })*
    };
}

facts! {
    connect_timeout => ConnectTimeout,
    queue_timeout => QueueTimeout,
    tarpit_timeout => TarpitTimeout,
    max_retries => MaxRetries,
    last_rule_file => LastRuleFile,
    last_rule_line => LastRuleLine,
    conn_retries => Retries,
    redispatched => Redispatched,
    id32 => RequestCounter,
    term_state => TerminationState,
    client_timeout => ClientTimeout,
    server_timeout => ServerTimeout,
    tunnel_timeout => TunnelTimeout,
    prio_class => PriorityClass,
    prio_offset => PriorityOffset,
}
