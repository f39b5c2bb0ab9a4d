//! Addresses and state of the client and server connections.

use rha_vocab::{ArgKind, Dialect, Lifetime, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "bc_dst",
        NONE,
        T::Sint,
        Needs::L4_SERVER,
        Lifetime::until(3, 0),
        "Address the server connection goes to.",
    )
    .eval(bc_dst),
    fetch(
        "bc_dst",
        NONE,
        T::Addr,
        Needs::L4_SERVER,
        Lifetime::since(3, 0),
        "Address the server connection goes to.",
    )
    .eval(bc_dst),
    fetch("bc_dst_port", NONE, T::Sint, Needs::L4_SERVER, ALWAYS, "Port the server connection goes to.")
        .eval(bc_dst_port),
    fetch("bc_err", NONE, T::Sint, Needs::L4_SERVER, ALWAYS, "Error number of the server connection.")
        .eval(bc_err),
    fetch(
        "bc_err_name",
        NONE,
        T::Str,
        Needs::L4_SERVER,
        Lifetime::since(3, 0),
        "Short name of the server connection's error.",
    ),
    fetch("bc_err_str", NONE, T::Str, Needs::L4_SERVER, ALWAYS, "Text of the server connection's error.")
        .eval(bc_err_str),
    fetch(
        "bc_glitches",
        NONE,
        T::Sint,
        Needs::L4_SERVER,
        Lifetime::since(3, 0),
        "Protocol glitches seen on the server connection.",
    ),
    fetch(
        "bc_http_major",
        NONE,
        T::Sint,
        Needs::L4_SERVER,
        ALWAYS,
        "HTTP major version of the server connection.",
    )
    .eval(bc_http_major),
    fetch(
        "bc_nb_streams",
        NONE,
        T::Sint,
        Needs::L5_SERVER,
        Lifetime::since(3, 0),
        "Streams open on the server connection.",
    ),
    fetch(
        "bc_reused",
        NONE,
        T::Bool,
        Needs::L4_SERVER,
        Lifetime::since(3, 5),
        "Whether the server connection was used before.",
    )
    .eval(bc_reused),
    fetch(
        "bc_rtt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L4_CLIENT,
        Lifetime::since(3, 0),
        "Round-trip time of the server connection as the kernel measures it.",
    )
    .partly(bc_rtt, "no value any more in the log line"),
    fetch(
        "bc_rttvar",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L4_CLIENT,
        Lifetime::since(3, 0),
        "Variation of the server connection's round-trip time.",
    )
    .partly(bc_rttvar, "no value any more in the log line"),
    fetch(
        "bc_setting_streams_limit",
        NONE,
        T::Sint,
        Needs::L5_SERVER,
        Lifetime { since: Some(Dialect::V3_0), until: Some(Dialect::V3_5) },
        "Streams the server connection may have (old name of bc_settings_streams_limit).",
    ),
    fetch(
        "bc_settings_streams_limit",
        NONE,
        T::Sint,
        Needs::L5_SERVER,
        Lifetime::since(3, 5),
        "Streams the server connection may have.",
    ),
    fetch(
        "bc_src",
        NONE,
        T::Sint,
        Needs::L4_SERVER,
        Lifetime::until(3, 0),
        "Address the server connection comes from.",
    )
    .eval(bc_src),
    fetch(
        "bc_src",
        NONE,
        T::Addr,
        Needs::L4_SERVER,
        Lifetime::since(3, 0),
        "Address the server connection comes from.",
    )
    .eval(bc_src),
    fetch("bc_src_port", NONE, T::Sint, Needs::L4_SERVER, ALWAYS, "Port the server connection comes from.")
        .eval(bc_src_port),
    fetch(
        "bs.aborted",
        NONE,
        T::Sint,
        Needs::L5_SERVER,
        Lifetime::since(3, 0),
        "Whether the server's side of the stream was aborted.",
    ),
    fetch(
        "bs.debug_str",
        args(0, &[ArgKind::Sint]),
        T::Str,
        Needs::L5_SERVER,
        Lifetime::since(3, 0),
        "Developers: state of the server's side of the stream.",
    ),
    fetch(
        "bs.id",
        NONE,
        T::Sint,
        Needs::L5_SERVER,
        Lifetime::since(3, 0),
        "Number of the stream on the server connection.",
    ),
    fetch(
        "bs.rst_code",
        NONE,
        T::Sint,
        Needs::L5_SERVER,
        Lifetime::since(3, 0),
        "Reset code the server sent for the stream.",
    ),
    fetch("dst", NONE, T::Ipv4, Needs::L4_CLIENT, Lifetime::until(3, 0), "Address the client connected to.")
        .eval(dst),
    fetch("dst", NONE, T::Addr, Needs::L4_CLIENT, Lifetime::since(3, 0), "Address the client connected to.")
        .eval(dst),
    fetch(
        "dst_is_local",
        NONE,
        T::Bool,
        Needs::L4_CLIENT,
        ALWAYS,
        "Whether the destination address is one of this machine's.",
    )
    .eval(dst_is_local),
    fetch("dst_port", NONE, T::Sint, Needs::L4_CLIENT, ALWAYS, "Port the client connected to.")
        .eval(dst_port),
    fetch(
        "fc_dst",
        NONE,
        T::Ipv4,
        Needs::L4_CLIENT,
        Lifetime::until(3, 0),
        "Address the client connected to, before any rule changed it.",
    )
    .eval(fc_dst),
    fetch(
        "fc_dst",
        NONE,
        T::Addr,
        Needs::L4_CLIENT,
        Lifetime::since(3, 0),
        "Address the client connected to, before any rule changed it.",
    )
    .eval(fc_dst),
    fetch(
        "fc_dst_is_local",
        NONE,
        T::Bool,
        Needs::L4_CLIENT,
        ALWAYS,
        "Whether the original destination address is one of this machine's.",
    )
    .eval(fc_dst_is_local),
    fetch(
        "fc_dst_port",
        NONE,
        T::Sint,
        Needs::L4_CLIENT,
        ALWAYS,
        "Port the client connected to, before any rule changed it.",
    )
    .eval(fc_dst_port),
    fetch("fc_err", NONE, T::Sint, Needs::L4_CLIENT, ALWAYS, "Error number of the client connection.")
        .eval(fc_err),
    fetch(
        "fc_err_name",
        NONE,
        T::Str,
        Needs::L4_CLIENT,
        Lifetime::since(3, 0),
        "Short name of the client connection's error.",
    ),
    fetch("fc_err_str", NONE, T::Str, Needs::L4_CLIENT, ALWAYS, "Text of the client connection's error.")
        .eval(fc_err_str),
    fetch(
        "fc_fackets",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L4_CLIENT,
        ALWAYS,
        "Segments forward-acknowledged on the client connection.",
    )
    .eval(fc_fackets),
    fetch(
        "fc_glitches",
        NONE,
        T::Sint,
        Needs::L4_CLIENT,
        Lifetime::since(3, 0),
        "Protocol glitches seen on the client connection.",
    ),
    fetch(
        "fc_http_major",
        NONE,
        T::Sint,
        Needs::L4_CLIENT,
        ALWAYS,
        "HTTP major version of the client connection.",
    )
    .eval(fc_http_major),
    fetch(
        "fc_lost",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L4_CLIENT,
        ALWAYS,
        "Segments the kernel holds for lost on the client connection.",
    )
    .eval(fc_lost),
    fetch(
        "fc_nb_streams",
        NONE,
        T::Sint,
        Needs::L4_CLIENT,
        Lifetime::since(3, 0),
        "Streams open on the client connection.",
    ),
    fetch(
        "fc_pp_authority",
        NONE,
        T::Str,
        Needs::L4_CLIENT,
        ALWAYS,
        "Authority the PROXY protocol header carried.",
    )
    .eval(fc_pp_authority),
    fetch(
        "fc_pp_tlv",
        args(1, &[ArgKind::Str]),
        T::Str,
        Needs::L5_CLIENT,
        Lifetime::since(3, 0),
        "Value of a type-length-value field of the PROXY protocol header.",
    )
    .eval(fc_pp_tlv),
    fetch(
        "fc_pp_unique_id",
        NONE,
        T::Str,
        Needs::L4_CLIENT,
        ALWAYS,
        "Unique id the PROXY protocol header carried.",
    )
    .eval(fc_pp_unique_id),
    fetch(
        "fc_rcvd_proxy",
        NONE,
        T::Bool,
        Needs::L4_CLIENT,
        ALWAYS,
        "Whether the client connection began with a PROXY protocol header.",
    )
    .eval(fc_rcvd_proxy),
    fetch(
        "fc_reordering",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L4_CLIENT,
        ALWAYS,
        "Reordering seen on the client connection.",
    )
    .eval(fc_reordering),
    fetch(
        "fc_retrans",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L4_CLIENT,
        ALWAYS,
        "Segments being retransmitted on the client connection.",
    )
    .eval(fc_retrans),
    fetch(
        "fc_rtt",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L4_CLIENT,
        ALWAYS,
        "Round-trip time of the client connection as the kernel measures it.",
    )
    .eval(fc_rtt),
    fetch(
        "fc_rttvar",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L4_CLIENT,
        ALWAYS,
        "Variation of the client connection's round-trip time.",
    )
    .eval(fc_rttvar),
    fetch(
        "fc_sacked",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L4_CLIENT,
        ALWAYS,
        "Segments selectively acknowledged on the client connection.",
    )
    .eval(fc_sacked),
    fetch(
        "fc_saved_syn",
        NONE,
        T::Bin,
        Needs::L4_CLIENT,
        Lifetime::since(3, 5),
        "The saved SYN packet of the client connection.",
    )
    .eval(fc_saved_syn),
    fetch(
        "fc_settings_streams_limit",
        NONE,
        T::Sint,
        Needs::L5_CLIENT,
        Lifetime::since(3, 0),
        "Streams the client connection may have.",
    ),
    fetch(
        "fc_src",
        NONE,
        T::Ipv4,
        Needs::L4_CLIENT,
        Lifetime::until(3, 0),
        "Address the client came from, before any rule changed it.",
    )
    .eval(fc_src),
    fetch(
        "fc_src",
        NONE,
        T::Addr,
        Needs::L4_CLIENT,
        Lifetime::since(3, 0),
        "Address the client came from, before any rule changed it.",
    )
    .eval(fc_src),
    fetch(
        "fc_src_is_local",
        NONE,
        T::Bool,
        Needs::L4_CLIENT,
        ALWAYS,
        "Whether the original source address is one of this machine's.",
    )
    .eval(fc_src_is_local),
    fetch(
        "fc_src_port",
        NONE,
        T::Sint,
        Needs::L4_CLIENT,
        ALWAYS,
        "Port the client came from, before any rule changed it.",
    )
    .eval(fc_src_port),
    fetch(
        "fc_unacked",
        args(0, &[ArgKind::Str]),
        T::Sint,
        Needs::L4_CLIENT,
        ALWAYS,
        "Segments not yet acknowledged on the client connection.",
    )
    .eval(fc_unacked),
    fetch(
        "fs.aborted",
        NONE,
        T::Sint,
        Needs::L5_CLIENT,
        Lifetime::since(3, 0),
        "Whether the client's side of the stream was aborted.",
    ),
    fetch(
        "fs.debug_str",
        args(0, &[ArgKind::Sint]),
        T::Str,
        Needs::L5_CLIENT,
        Lifetime::since(3, 0),
        "Developers: state of the client's side of the stream.",
    ),
    fetch(
        "fs.id",
        NONE,
        T::Str,
        Needs::L5_CLIENT,
        Lifetime::since(3, 0),
        "Number of the stream on the client connection.",
    ),
    fetch(
        "fs.rst_code",
        NONE,
        T::Sint,
        Needs::L5_CLIENT,
        Lifetime::since(3, 0),
        "Reset code the client sent for the stream.",
    ),
    fetch("src", NONE, T::Ipv4, Needs::L4_CLIENT, Lifetime::until(3, 0), "Address the client came from.")
        .eval(src),
    fetch("src", NONE, T::Addr, Needs::L4_CLIENT, Lifetime::since(3, 0), "Address the client came from.")
        .eval(src),
    fetch(
        "src_is_local",
        NONE,
        T::Bool,
        Needs::L4_CLIENT,
        ALWAYS,
        "Whether the source address is one of this machine's.",
    )
    .eval(src_is_local),
    fetch("src_port", NONE, T::Sint, Needs::L4_CLIENT, ALWAYS, "Port the client came from.").eval(src_port),
];

use std::net::IpAddr;

use rha_base::{Fact, TcpFact, Value};

use crate::cx::Cx;
use crate::operand::Operand;

/// COMPAT: the kernel gives it once.
fn fc_saved_syn<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::SavedSyn)
}

fn src<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.source().map(|a| Value::addr(a.ip()))
}

fn src_port<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.source().map(|a| Value::Int(i64::from(a.port())))
}

fn dst<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.destination().map(|a| Value::addr(a.ip()))
}

fn dst_port<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.destination().map(|a| Value::Int(i64::from(a.port())))
}

macro_rules! facts {
    ($($name:ident => $fact:ident),* $(,)?) => {
        $(fn $name<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
            cx.scene.fact(Fact::$fact)
        })*
    };
}

facts! {
    bc_src => BackendSourceIp,
    bc_src_port => BackendSourcePort,
    bc_dst => ServerIp,
    bc_dst_port => ServerPort,
    bc_reused => BackendReused,
    bc_http_major => BackendHttpMajor,
    fc_http_major => FrontendHttpMajor,
    fc_err => FrontendError,
    bc_err => BackendError,
    fc_src => OriginalSourceIp,
    fc_src_port => OriginalSourcePort,
    fc_dst => OriginalDestinationIp,
    fc_dst_port => OriginalDestinationPort,
    fc_rcvd_proxy => ReceivedProxy,
}

fn fc_pp_authority<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.proxy_field(0x02).map(Value::str)
}

fn fc_pp_unique_id<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.proxy_field(0x05).map(Value::str)
}

fn fc_pp_tlv<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let kind = match cx.arg(0) {
        Operand::Int(n) => u8::try_from(*n).ok()?,
        Operand::Str(name) => field_kind(name)?,
        _ => return None,
    };
    cx.scene.proxy_field(kind).map(Value::str)
}

/// A kind by its number, as C writes numbers, or by its name.
fn field_kind(text: &[u8]) -> Option<u8> {
    const NAMES: [(&str, u8); 12] = [
        ("ALPN", 0x01),
        ("AUTHORITY", 0x02),
        ("CRC32C", 0x03),
        ("NOOP", 0x04),
        ("UNIQUE_ID", 0x05),
        ("SSL", 0x20),
        ("SSL_VERSION", 0x21),
        ("SSL_CN", 0x22),
        ("SSL_CIPHER", 0x23),
        ("SSL_SIG_ALG", 0x24),
        ("SSL_KEY_ALG", 0x25),
        ("NETNS", 0x30),
    ];
    let text = std::str::from_utf8(text).ok()?;
    if let Some((_, kind)) = NAMES.iter().find(|(n, _)| n.eq_ignore_ascii_case(text)) {
        return Some(*kind);
    }
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None if text.starts_with('0') => u8::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

fn src_is_local<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.source().and_then(|a| local(cx, a.ip()))
}

fn dst_is_local<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.destination().and_then(|a| local(cx, a.ip()))
}

fn local<'a>(cx: &Cx<'a>, a: IpAddr) -> Option<Value<'a>> {
    cx.scene.site().is_local(a).map(Value::Bool)
}

fn fc_src_is_local<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    original_is_local(cx, Fact::OriginalSourceIp)
}

fn fc_dst_is_local<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    original_is_local(cx, Fact::OriginalDestinationIp)
}

fn original_is_local<'a>(cx: &Cx<'a>, which: Fact) -> Option<Value<'a>> {
    match cx.scene.fact(which)? {
        Value::V4(a) => local(cx, a.into()),
        Value::V6(a) => local(cx, a.into()),
        _ => None,
    }
}

/// COMPAT: a connection that can be spoken of had no error, or it would be closed.
fn fc_err_str<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::FrontendError).map(|_| Value::str(b"Success"))
}

fn bc_err_str<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.scene.fact(Fact::BackendError).map(|_| Value::str(b"Success"))
}

/// Milliseconds unless the argument says microseconds.
fn time<'a>(cx: &Cx<'a>, fact: Fact) -> Option<Value<'a>> {
    let Value::Int(us) = cx.scene.fact(fact)? else { return None };
    Some(Value::Int(if cx.text(0) == Some(b"us") { us } else { us / 1000 }))
}

macro_rules! tcp_times {
    ($($name:ident => $side:ident $what:ident),* $(,)?) => {
        $(fn $name<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
            time(cx, Fact::$side(TcpFact::$what))
        })*
    };
}

tcp_times! {
    fc_rtt => ClientTcp RttUs,
    fc_rttvar => ClientTcp RttVarianceUs,
    bc_rtt => ServerTcp RttUs,
    bc_rttvar => ServerTcp RttVarianceUs,
}

macro_rules! tcp_counts {
    ($($name:ident => $what:ident),* $(,)?) => {
        $(fn $name<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
            cx.scene.fact(Fact::ClientTcp(TcpFact::$what))
        })*
    };
}

tcp_counts! {
    fc_unacked => Unacked,
    fc_sacked => Sacked,
    fc_lost => Lost,
    fc_retrans => Retransmitted,
    fc_fackets => Fackets,
    fc_reordering => Reordering,
}
