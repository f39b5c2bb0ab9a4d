//! `option …`: plain switches as a table, the others by a function each.
//!
//! HAProxy configuration manual §4.2. COMPAT: only switches and a few others may be negated; an option
//! without the side it needs is ignored with a warning, and one that needs HTTP is complained about
//! after the last line (see [`super::finish`]).

use rha_ir::{ConnectionMode, ForwardFor, Options};
use rha_text::Severity;
use rha_vocab::{Dialect, Lifetime, Support, closest};

use super::address;
use super::rows::{known, planned, row, with};
use super::{draft, too_many, warn_unless};
use crate::units;
use crate::{Cx, Form, Keyword, Line, Place};

/// A switch.
pub(super) struct Switch {
    pub name: &'static str,
    pub side: Place,
    pub http: bool,
    pub set: fn(&mut Options, bool),
}

const FE: Place = Place::FRONTEND;
const BE: Place = Place::BACKEND;
const BOTH: Place = Place(Place::FRONTEND.0 | Place::BACKEND.0);

macro_rules! switch {
    ($name:literal, $side:expr, $http:expr, $field:ident) => {
        Switch { name: $name, side: $side, http: $http, set: |o, on| o.$field = on }
    };
}

/// Switches in the order of the original's tables, which is the order of its later warnings.
pub(super) const SWITCHES: &[Switch] = &[
    Switch { name: "abortonclose", side: BE, http: false, set: |o, on| o.abortonclose = Some(on) },
    Switch { name: "allbackups", side: BE, http: false, set: |_, _| {} },
    switch!("checkcache", BE, true, checkcache),
    switch!("clitcpka", FE, false, clitcpka),
    switch!("contstats", FE, false, contstats),
    switch!("dontlognull", FE, false, dontlognull),
    switch!("http-buffer-request", BOTH, true, http_buffer_request),
    Switch { name: "http-drop-request-trailers", side: BE, http: true, set: |_, _| {} },
    Switch { name: "http-drop-response-trailers", side: FE, http: true, set: |_, _| {} },
    switch!("http-ignore-probes", FE, true, http_ignore_probes),
    switch!("idle-close-on-response", FE, true, idle_close_on_response),
    switch!("prefer-last-server", BE, true, prefer_last_server),
    switch!("logasap", FE, false, logasap),
    switch!("nolinger", BOTH, false, nolinger),
    switch!("persist", BE, false, persist),
    switch!("srvtcpka", BE, false, srvtcpka),
    switch!("transparent", BE, false, transparent),
    switch!("splice-request", BOTH, false, splice_request),
    switch!("splice-response", BOTH, false, splice_response),
    switch!("splice-auto", BOTH, false, splice_auto),
    switch!("accept-invalid-http-request", FE, true, accept_unsafe_request),
    switch!("accept-invalid-http-response", BE, true, accept_unsafe_response),
    switch!("accept-unsafe-violations-in-http-request", FE, true, accept_unsafe_request),
    switch!("accept-unsafe-violations-in-http-response", BE, true, accept_unsafe_response),
    switch!("dontlog-normal", FE, false, dontlog_normal),
    switch!("log-separate-errors", FE, false, log_separate_errors),
    Switch { name: "log-health-checks", side: BE, http: false, set: |_, _| {} },
    switch!("socket-stats", FE, false, socket_stats),
    switch!("tcp-smart-accept", FE, false, tcp_smart_accept),
    switch!("tcp-smart-connect", BE, false, tcp_smart_connect),
    switch!("independent-streams", BOTH, false, independent_streams),
    switch!("http-use-proxy-header", FE, true, http_use_proxy_header),
    switch!("http-pretend-keepalive", BE, true, http_pretend_keepalive),
    switch!("http-no-delay", BOTH, true, http_no_delay),
    switch!("h1-case-adjust-bogus-client", FE, false, h1_case_adjust_client),
    switch!("h1-case-adjust-bogus-server", BE, false, h1_case_adjust_server),
    switch!("disable-h2-upgrade", FE, true, disable_h2_upgrade),
    Switch { name: "assume-rfc6587-ntf", side: FE, http: false, set: |_, _| {} },
    Switch { name: "dont-parse-log", side: FE, http: false, set: |_, _| {} },
];

const SINCE_3_2: Lifetime = Lifetime::since(3, 2);
const NO_SPLICE: Support = Support::NoEffect("data is copied through a small buffer, which measured faster");
const NO_QUICKACK: Support = Support::NoEffect("a hint to the kernel only");

pub(super) const KEYWORDS: &[Keyword] = &[
    row("option", Place::PROXY, "<name> [<arguments>]", "Sets an option.", unknown),
    row("option abortonclose", Place::PROXY, "", "Gives up requests whose client has gone.", switch),
    row("option allbackups", Place::BACK, "", "Uses all backup servers at once.", switch),
    with(
        Support::Partial("what is blocked is told to the log, and not on standard error as well"),
        row("option checkcache", Place::BACK, "", "Blocks cacheable responses with cookies.", switch),
    ),
    row("option clitcpka", Place::FRONT, "", "Probes silent clients.", switch),
    with(
        Support::NoEffect("counters are always current"),
        row("option contstats", Place::FRONT, "", "Counts while transfers run.", switch),
    ),
    row("option dontlognull", Place::FRONT, "", "Does not log connections without data.", switch),
    row("option http-buffer-request", Place::PROXY, "", "Waits for the body before going on.", switch),
    known(
        SINCE_3_2,
        planned("option http-drop-request-trailers", Place::BACK, "", "Drops trailers of requests.", switch),
    ),
    known(
        SINCE_3_2,
        planned(
            "option http-drop-response-trailers",
            Place::FRONT,
            "",
            "Drops trailers of responses.",
            switch,
        ),
    ),
    row("option http-ignore-probes", Place::FRONT, "", "Ignores connections without a request.", switch),
    row(
        "option idle-close-on-response",
        Place::FRONT,
        "",
        "Closes idle clients only after a response when stopping.",
        switch,
    ),
    row("option prefer-last-server", Place::BACK, "", "Stays with the server of the last request.", switch),
    row("option logasap", Place::FRONT, "", "Logs before the transfer ends.", switch),
    row("option nolinger", Place::PROXY, "", "Resets connections instead of closing them.", switch),
    row("option persist", Place::BACK, "", "Tries a persistent server even when it is down.", switch),
    row("option srvtcpka", Place::BACK, "", "Probes silent servers.", switch),
    row("option transparent", Place::BACK, "", "Connects to the address the client asked for.", switch),
    with(
        NO_SPLICE,
        row("option splice-request", Place::PROXY, "", "Lets the kernel forward requests.", switch),
    ),
    with(
        NO_SPLICE,
        row("option splice-response", Place::PROXY, "", "Lets the kernel forward responses.", switch),
    ),
    with(NO_SPLICE, row("option splice-auto", Place::PROXY, "", "Lets the kernel forward data.", switch)),
    row(
        "option accept-invalid-http-request",
        Place::FRONT,
        "",
        "Takes requests with invalid characters.",
        invalid_http,
    ),
    row(
        "option accept-invalid-http-response",
        Place::BACK,
        "",
        "Takes responses with invalid characters.",
        invalid_http,
    ),
    known(
        SINCE_3_2,
        row(
            "option accept-unsafe-violations-in-http-request",
            Place::FRONT,
            "",
            "Takes requests that break the rules.",
            switch,
        ),
    ),
    known(
        SINCE_3_2,
        row(
            "option accept-unsafe-violations-in-http-response",
            Place::BACK,
            "",
            "Takes responses that break the rules.",
            switch,
        ),
    ),
    row("option dontlog-normal", Place::FRONT, "", "Logs only what went wrong.", switch),
    row("option log-separate-errors", Place::FRONT, "", "Logs errors at a higher level.", switch),
    row("option log-health-checks", Place::BACK, "", "Logs the result of each check.", switch),
    row("option socket-stats", Place::FRONT, "", "Counts per socket.", switch),
    with(
        NO_QUICKACK,
        row(
            "option tcp-smart-accept",
            Place::FRONT,
            "",
            "Saves an acknowledgement of the first data.",
            switch,
        ),
    ),
    with(
        NO_QUICKACK,
        row("option tcp-smart-connect", Place::BACK, "", "Saves an acknowledgement when connecting.", switch),
    ),
    row(
        "option independent-streams",
        Place::PROXY,
        "",
        "Counts the silence of each direction by itself.",
        switch,
    ),
    planned(
        "option http-use-proxy-header",
        Place::FRONT,
        "",
        "Uses Proxy-Connection instead of Connection.",
        switch,
    ),
    row("option http-pretend-keepalive", Place::BACK, "", "Claims to keep server connections.", switch),
    with(
        Support::NoEffect("packets never wait to be filled"),
        row("option http-no-delay", Place::PROXY, "", "Never waits to fill packets.", switch),
    ),
    row(
        "option h1-case-adjust-bogus-client",
        Place::FRONT,
        "",
        "Writes header names for clients as configured.",
        switch,
    ),
    row(
        "option h1-case-adjust-bogus-server",
        Place::BACK,
        "",
        "Writes header names for servers as configured.",
        switch,
    ),
    with(
        Support::NoEffect("HTTP/2 is not spoken yet"),
        row(
            "option disable-h2-upgrade",
            Place::FRONT,
            "",
            "Does not take HTTP/2 without negotiation.",
            switch,
        ),
    ),
    known(
        Lifetime::since(3, 4),
        planned("option assume-rfc6587-ntf", Place::FRONT, "", "Sets how log lines are framed.", switch),
    ),
    known(
        Lifetime::since(3, 4),
        planned("option dont-parse-log", Place::FRONT, "", "Forwards log lines as they are.", switch),
    ),
    row("option httpclose", Place::PROXY, "", "Closes connections on both sides.", |cx, line| {
        connection(cx, line, ConnectionMode::Close)
    }),
    row("option http-server-close", Place::PROXY, "", "Closes connections to servers.", |cx, line| {
        connection(cx, line, ConnectionMode::ServerClose)
    }),
    row("option http-keep-alive", Place::PROXY, "", "Keeps connections on both sides.", |cx, line| {
        connection(cx, line, ConnectionMode::KeepAlive)
    }),
    row("option forceclose", Place::PROXY, "", "An older version's option.", forceclose),
    row("option http-tunnel", Place::PROXY, "", "An older version's option.", http_tunnel),
    row("option http_proxy", Place::PROXY, "", "An older version's option.", http_proxy),
    row(
        "option redispatch",
        Place::BACK,
        "[<interval>]",
        "Takes another server when one cannot be reached.",
        redispatch,
    ),
    row("option tcpka", Place::PROXY, "", "Probes silent peers on both sides.", tcpka),
    row(
        "option forwardfor",
        Place::PROXY,
        "[except <network>] [header <name>] [if-none]",
        "Tells servers the client's address.",
        forwardfor,
    ),
    row(
        "option originalto",
        Place::PROXY,
        "[except <network>] [header <name>]",
        "Tells servers the address the client asked for.",
        originalto,
    ),
    known(
        Lifetime::since(2, 8),
        row(
            "option forwarded",
            Place::BACK,
            "[proto] [host] [for] [by]…",
            "Tells servers about the client as RFC 7239 does.",
            forwarded,
        ),
    ),
    row(
        "option http-restrict-req-hdr-names",
        Place::PROXY,
        "{preserve|delete|reject}",
        "Sets what happens to odd header names.",
        restrict_names,
    ),
    known(
        Lifetime::since(3, 4),
        planned(
            "option use-small-buffers",
            Place::BACK,
            "[queue|l7-retries|check]…",
            "Holds small messages in small buffers.",
            small_buffers,
        ),
    ),
    known(
        Lifetime::until(2, 2),
        row("option http-use-htx", Place::PROXY, "", "An older version's option.", unknown),
    ),
];

fn names(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    KEYWORDS
        .iter()
        .filter(move |k| k.lifetime.covers(dialect))
        .filter_map(|k| k.name.strip_prefix("option "))
        .filter(|n| {
            !matches!(
                *n,
                "forceclose" | "http-tunnel" | "http_proxy" | "originalto" | "http-restrict-req-hdr-names"
            )
        })
        .chain([
            "httplog",
            "tcplog",
            "httpchk",
            "ssl-hello-chk",
            "smtpchk",
            "pgsql-check",
            "redis-check",
            "mysql-check",
            "ldap-check",
            "spop-check",
            "tcp-check",
            "external-check",
            "original-to",
        ])
}

/// An option no row knows, or none at all.
fn unknown(cx: &mut Cx<'_>, line: &Line) {
    if draft(cx, line).is_none() {
        return;
    }
    if line.arg(1).is_empty() {
        return cx.error_tight("HA2100", line, 1, "'option' expects an option name.");
    }
    let word = line.text(1);
    if not_negated(cx, line) {
        return;
    }
    let text = match closest(&word, names(cx.input.dialect)) {
        Some(best) => format!("unknown option '{word}'; did you mean '{best}' maybe ?"),
        None => format!("unknown option '{word}'."),
    };
    cx.error("HA2101", line, 1, text);
}

/// Says that the option cannot be negated, when it is; whether it was said.
pub(super) fn not_negated(cx: &mut Cx<'_>, line: &Line) -> bool {
    if cx.form == Form::Plain {
        return false;
    }
    let text = format!("negation/default is not supported for option '{}'.", line.text(1));
    cx.error_tight("HA2109", line, 1, text);
    true
}

/// COMPAT: an option of the frontend's and the backend's is set in both parts of the draft.
fn switch(cx: &mut Cx<'_>, line: &Line) {
    let name = line.text(1);
    let Some(s) = SWITCHES.iter().find(|s| s.name == name) else { return };
    let side = if name == "abortonclose" && cx.input.dialect >= Dialect::V3_2 { BOTH } else { s.side };
    if name == "transparent" && cx.input.dialect >= Dialect::V3_5 {
        let text = "support for option 'transparent' was removed in version 3.5.";
        return cx.error_tight("HA4101", line, 1, text);
    }
    if default_form(cx, line) || too_many(cx, line, 0, 1) || warn_switch(cx, line, side, &name) {
        return;
    }
    let form = cx.form;
    let Some(d) = draft(cx, line) else { return };
    let on = form == Form::Plain;
    (s.set)(&mut d.proxy.options, on);
    match s.name {
        "allbackups" => d.proxy.service.all_backups = on,
        "log-health-checks" => d.proxy.service.check.log = on,
        _ => {}
    }
    d.extra.http_options.retain(|n| *n != s.name);
    d.extra.off.retain(|n| *n != s.name);
    if on && s.http {
        d.extra.http_options.push(s.name);
    }
    if form == Form::No {
        d.extra.off.push(s.name);
    }
}

/// The warning for a switch whose side the section has not.
fn warn_switch(cx: &mut Cx<'_>, line: &Line, side: Place, name: &str) -> bool {
    if side == BOTH { false } else { warn_unless(cx, line, side, name, "") }
}

/// COMPAT: the two old names still work, with a warning from 3.2 on.
fn invalid_http(cx: &mut Cx<'_>, line: &Line) {
    if cx.input.dialect >= Dialect::V3_2 {
        if not_negated(cx, line) {
            return;
        }
        let name = line.text(1);
        let which = if name.ends_with("request") { "request" } else { "response" };
        let text = format!(
            "option '{name}' is deprecated. please use 'option accept-unsafe-violations-in-http-{which}' if absolutely needed."
        );
        switch(cx, line);
        return cx.parsing("HA4102", Severity::Warning, line, 1, ": ", &text);
    }
    switch(cx, line);
}

/// COMPAT: with `default`, the original leaves the option's name behind as an argument of its own, which
/// no switch takes; whether that was said.
fn default_form(cx: &mut Cx<'_>, line: &Line) -> bool {
    if cx.form != Form::Default {
        return false;
    }
    let name = line.text(1);
    cx.error("HA2106", line, 1, format!("'option {name}' cannot handle unexpected argument '{name}'."));
    true
}

fn connection(cx: &mut Cx<'_>, line: &Line, mode: ConnectionMode) {
    if default_form(cx, line) || too_many(cx, line, 0, 1) {
        return;
    }
    let form = cx.form;
    let Some(d) = draft(cx, line) else { return };
    if form == Form::Plain {
        d.proxy.connection_mode = mode;
    } else if d.proxy.connection_mode == mode {
        d.proxy.connection_mode = ConnectionMode::KeepAlive;
    }
}

fn forceclose(cx: &mut Cx<'_>, line: &Line) {
    cx.error_tight("HA4101", line, 1, "option 'forceclose' is not supported any more since HAProxy 2.0, please just remove it, or use 'option httpclose' if absolutely needed.");
}

fn http_tunnel(cx: &mut Cx<'_>, line: &Line) {
    cx.error_tight("HA4101", line, 1, "option 'http-tunnel' is not supported any more since HAProxy 2.1, please just remove it, it shouldn't be needed.");
}

fn http_proxy(cx: &mut Cx<'_>, line: &Line) {
    cx.error_tight("HA4101", line, 1, "option 'http_proxy' is not supported any more since HAProxy 2.5. This option stopped working in HAProxy 1.9 and usually had nasty side effects. It can be more reliably implemented with combinations of 'http-request set-dst' and 'http-request set-uri', and even 'http-request do-resolve' if DNS resolution is desired.");
}

fn redispatch(cx: &mut Cx<'_>, line: &Line) {
    if warn_unless(cx, line, BE, "redispatch", "") {
        return;
    }
    let form = cx.form;
    let zero_is_off = cx.input.dialect >= Dialect::V2_8;
    let Some(d) = draft(cx, line) else { return };
    d.proxy.redispatch = match form {
        Form::Plain if line.arg(2).is_empty() => Some(-1),
        Form::Plain => Some(units::atoi(line.arg(2))).filter(|n| *n != 0 || !zero_is_off),
        _ => None,
    };
}

fn tcpka(cx: &mut Cx<'_>, line: &Line) {
    if not_negated(cx, line) || too_many(cx, line, 0, 1) {
        return;
    }
    let Some(d) = draft(cx, line) else { return };
    let (front, back) = (d.is_frontend(), d.is_backend());
    let o = &mut d.proxy.options;
    o.tcpka = true;
    o.clitcpka |= front;
    o.srvtcpka |= back;
}

fn header_option(
    cx: &mut Cx<'_>,
    line: &Line,
    name: &str,
    default: &str,
    with_if_none: bool,
) -> Option<ForwardFor> {
    let mut f = ForwardFor { except: None, header: default.into(), if_none: false };
    let mut i = 2;
    while !line.arg(i).is_empty() {
        match line.bytes(i) {
            b"except" => {
                let Some(n) = address::network(&line.text(i + 1)) else {
                    let text = format!("'option {name} except' expects <address>[/mask] as argument.");
                    cx.error("HA2100", line, i + 1, text);
                    return None;
                };
                f.except = Some(n);
                i += 2;
            }
            b"header" => {
                if line.arg(i + 1).is_empty() {
                    let text = format!("'option {name} header' expects <header_name> as argument.");
                    cx.error("HA2100", line, i + 1, text);
                    return None;
                }
                f.header = line.arg(i + 1).into();
                i += 2;
            }
            b"if-none" if with_if_none => {
                f.if_none = true;
                i += 1;
            }
            _ => {
                let known =
                    if with_if_none { "'except', 'header' and 'if-none'" } else { "'except' and 'header'" };
                let text = format!("'option {name}' only supports optional values: {known}.");
                cx.error("HA2101", line, i, text);
                return None;
            }
        }
    }
    Some(f)
}

fn forwardfor(cx: &mut Cx<'_>, line: &Line) {
    if not_negated(cx, line) {
        return;
    }
    let header = if cx.input.dialect >= Dialect::V2_8 { "x-forwarded-for" } else { "X-Forwarded-For" };
    if let Some(f) = header_option(cx, line, "forwardfor", header, true)
        && let Some(d) = draft(cx, line)
    {
        d.proxy.forward_for = Some(f);
    }
}

fn originalto(cx: &mut Cx<'_>, line: &Line) {
    if not_negated(cx, line) {
        return;
    }
    let header = if cx.input.dialect >= Dialect::V2_8 { "x-original-to" } else { "X-Original-To" };
    if let Some(f) = header_option(cx, line, "originalto", header, false)
        && let Some(d) = draft(cx, line)
    {
        d.proxy.original_to = Some(f);
    }
}

fn forwarded(cx: &mut Cx<'_>, line: &Line) {
    match cx.form {
        Form::No => {
            if let Some(d) = draft(cx, line) {
                d.extra.forwarded = None;
            }
            return;
        }
        Form::Default => {
            not_negated(cx, line);
            return;
        }
        Form::Plain => {}
    }
    if warn_unless(cx, line, BE, "option forwarded", "") {
        return;
    }
    if let Some(d) = draft(cx, line) {
        d.extra.forwarded = Some(std::sync::Arc::new(line.clone()));
    }
    let mut i = 2;
    while !line.arg(i).is_empty() {
        match line.bytes(i) {
            b"proto" | b"host" | b"by" | b"for" | b"by_port" | b"for_port" => i += 1,
            b"host-expr" | b"by-expr" | b"for-expr" | b"by_port-expr" | b"for_port-expr" => {
                if line.arg(i + 1).is_empty() {
                    let text = format!("'option forwarded {}' expects <expr> as argument.", line.text(i));
                    return cx.error("HA2100", line, i + 1, text);
                }
                i += 2;
            }
            _ => {
                let text = "'option forwarded' only supports optional values: 'proto', 'host', 'host-expr', 'by', 'by-expr', 'by_port', 'by_port-expr', 'for', 'for-expr', 'for_port' and 'for_port-expr'.";
                return cx.error("HA2101", line, i, text);
            }
        }
    }
    let has = |words: &[&str]| words.iter().any(|w| (2..line.len()).any(|i| line.is(i, w)));
    for side in ["by", "for"] {
        let port = has(&[&format!("{side}_port"), &format!("{side}_port-expr")]);
        if port && !has(&[side, &format!("{side}-expr")]) {
            let text = format!(
                "'option forwarded' : '{side}_port-expr' will be ignored because both '{side}' and '{side}-expr' are unset"
            );
            cx.warning("HA3109", line, 0, text);
        }
    }
}

fn restrict_names(cx: &mut Cx<'_>, line: &Line) {
    if not_negated(cx, line) || too_many(cx, line, 2, 0) {
        return;
    }
    let value = match line.bytes(2) {
        b"preserve" => 0,
        b"delete" => 1,
        b"reject" => 2,
        b"" => {
            let text = "missing parameter. option 'http-restrict-req-hdr-names' expects 'preserve', 'reject' or 'delete' option.";
            return cx.error("HA2100", line, 2, text);
        }
        _ => {
            let text = format!(
                "invalid parameter '{}'. option 'http-restrict-req-hdr-names' expects 'preserve', 'reject' or 'delete' option.",
                line.text(2)
            );
            return cx.error("HA2100", line, 2, text);
        }
    };
    if let Some(d) = draft(cx, line) {
        d.proxy.options.restrict_header_names = Some(value);
    }
}

fn small_buffers(cx: &mut Cx<'_>, line: &Line) {
    if warn_unless(cx, line, BE, "use-small-buffers", "") {
        return;
    }
    for i in 2..line.len() {
        if !["queue", "l7-retries", "check"].iter().any(|w| line.is(i, w)) {
            let text = format!(
                "invalid parameter '{}'. option 'use-small-buffers' expects 'queue', 'l7-retries' or 'check' value.",
                line.text(i)
            );
            return cx.error("HA2100", line, i, text);
        }
    }
}

/// Whether a switch that needs HTTP is on and concerns this kind of section.
pub(super) fn http_switches<'d>(
    d: &'d super::Extra,
    front: bool,
    back: bool,
) -> impl Iterator<Item = &'static str> + 'd {
    SWITCHES
        .iter()
        .filter(move |s| {
            s.http
                && d.http_options.contains(&s.name)
                && (s.side.meets(FE) && front || s.side.meets(BE) && back)
        })
        .map(|s| s.name)
}
