//! Lines of `virtual_routes` and `static_routes`, in the words of ip-route(8).

use std::net::IpAddr;

use rha_ir::failover::{Encap, EncapIp, IpPrefix, IpRoute, NextHop, RouteAction, RouteMetrics, RouteType};

use super::address::{destination, prefix};
use super::family_of;
use crate::names::Kind;
use crate::rows::*;
use crate::{Cx, Flow, Keyword, Line, Place};

const P: Place = Place::STATIC_ROUTE.or(Place::VIRTUAL_ROUTE);
const OF: &str = "virtual_routes, static_routes";
/// `RTPROT_KEEPALIVED`: who routes and rules are of.
pub(super) const OURS: u8 = 18;

const fn option(name: &'static str, doc: &'static str) -> Keyword {
    Keyword::part(name, P, "as ip-route(8)", doc, OF)
}

/// Rows of route lines and their blocks.
pub(crate) const ROWS: &[Keyword] = &[
    Keyword::new("static_routes", Place::TOP, "{ ROUTE… }", V1, "Routes that stay.", |cx, l| {
        cx.value_block(l, &mut |cx, l| {
            if let Some(r) = route(cx, l, true)? {
                cx.model.static_routes.push(r);
            }
            Ok(())
        })
    })
    .support(FULL)
    .read_by(crate::keyword::Reader::Vrrp),
    Keyword::new("virtual_routes", Place::INSTANCE, "{ ROUTE… }", V1, "Routes that move.", |cx, l| {
        cx.value_block(l, &mut |cx, l| {
            if let Some(r) = route(cx, l, false)? {
                super::instance::edit(cx, |d| d.model.routes.push(r))?;
            }
            Ok(())
        })
    })
    .support(FULL),
    option("add", "Fails when there is one already.").support(FULL),
    option("append", "Behind others of the same destination.").support(FULL),
    option("prepend", "Before others of the same destination.").support(FULL),
    option("to", "Destination.").support(FULL),
    option("via", "Gateway.").support(FULL),
    option("gw", "Older word for via.").support(FULL),
    option("or", "Older way to name a second gateway.").support(FULL),
    option("dev", "Interface.").support(FULL),
    option("oif", "Interface.").support(FULL),
    option("src", "Source address to prefer.").support(FULL),
    option("from", "Source it is for (IPv6).").support(FULL),
    option("as", "Read and ignored.").support(FULL),
    option("scope", "How far the destination is.").support(FULL),
    option("table", "Routing table.").support(FULL),
    option("protocol", "Who made it.").support(FULL),
    option("priority", "Metric.").support(FULL),
    option("metric", "Metric.").support(FULL),
    option("pref", "Router preference (IPv6).").support(FULL),
    option("preference", "Metric.").support(FULL),
    option("tos", "Type of service it is for.").support(FULL),
    option("dsfield", "Type of service it is for.").support(FULL),
    option("mtu", "Packet size.").support(FULL),
    option("hoplimit", "Hop limit of packets.").support(FULL),
    option("advmss", "Segment size offered.").support(FULL),
    option("rtt", "Round trip time to begin with.").support(FULL),
    option("rttvar", "Its variance.").support(FULL),
    option("reordering", "How much reordering is normal.").support(FULL),
    option("window", "Largest window.").support(FULL),
    option("cwnd", "Largest congestion window.").support(FULL),
    option("ssthresh", "Slow start threshold.").support(FULL),
    option("realms", "Realms.").support(FULL),
    option("rto_min", "Shortest retransmission timeout.").support(FULL),
    option("initcwnd", "Congestion window at start.").support(FULL),
    option("initrwnd", "Receive window at start.").support(FULL),
    option("features", "Features, of which there is ecn.").support(FULL),
    option("quickack", "Acknowledges at once.").support(FULL),
    option("congctl", "Congestion control.").support(FULL),
    option("expires", "Seconds until it goes (IPv6).").support(FULL),
    option("fastopen_no_cookie", "Fast open without a cookie.").support(FULL),
    option("nexthop", "One of several gateways.").support(FULL),
    option("weight", "Its share.").support(FULL),
    option("onlink", "The gateway is on the link whatever the addresses.").support(FULL),
    option("encap", "Encapsulation.").support(FULL),
    option("vrf", "Table of a VRF.").support(FULL),
    option("ttl-propagate", "Copies the time to live into labels.").support(FULL),
    option("inet", "IPv4.").support(FULL),
    option("inet6", "IPv6.").support(FULL),
    option(
        "blackhole|unreachable|prohibit|throw|unicast|local|broadcast|anycast|multicast",
        "Kind of route.",
    )
    .support(FULL),
    Keyword::part("no_track", Place::VIRTUAL_ROUTE, "", "Its loss is no reason to leave MASTER.", OF)
        .support(FULL),
    Keyword::part("track_group", Place::STATIC_ROUTE, "GROUP", "Instances whose state it follows.", OF)
        .support(FULL),
];

/// The number and meaning of a route type's name.
pub(super) fn route_type(word: &str) -> Option<(u8, RouteType)> {
    let named = match word {
        "local" => (2, RouteType::Local),
        "nat" => (10, RouteType::Unicast),
        "broadcast" | "brd" => (3, RouteType::Broadcast),
        "anycast" => (4, RouteType::Anycast),
        "multicast" => (5, RouteType::Multicast),
        "prohibit" => (8, RouteType::Prohibit),
        "unreachable" => (7, RouteType::Unreachable),
        "blackhole" => (6, RouteType::Blackhole),
        "xresolve" => (11, RouteType::Unicast),
        "unicast" => (1, RouteType::Unicast),
        "throw" => (9, RouteType::Throw),
        _ => {
            let n = u8::try_from(crate::names::any_base(word)?).ok()?;
            let kinds = [
                RouteType::Unicast,
                RouteType::Unicast,
                RouteType::Local,
                RouteType::Broadcast,
                RouteType::Anycast,
                RouteType::Multicast,
                RouteType::Blackhole,
                RouteType::Unreachable,
                RouteType::Prohibit,
                RouteType::Throw,
            ];
            (n, kinds.get(usize::from(n)).copied().unwrap_or_default())
        }
    };
    Some(named)
}

/// A route being read; an `Err` inside its functions means that the line is dropped.
struct Draft {
    r: IpRoute,
    family: Option<u8>,
    destination: Option<(Option<IpPrefix>, String)>,
    from: Option<Option<IpPrefix>>,
    protocol: Option<u8>,
    own_next_hops: bool,
}

/// Whether the line goes on.
type Kept = Flow<bool>;

impl Draft {
    /// Takes over a family; false when another one was said before.
    fn is_family(&mut self, family: Option<u8>) -> bool {
        match (self.family, family) {
            (None, f) => {
                self.family = f;
                true
            }
            (have, f) => have == f,
        }
    }
}

const MIXED: &str = "Cannot mix IPv4 and IPv6 addresses for route";

/// Says something and drops the line.
fn drop_line(cx: &mut Cx<'_>, line: &Line, i: usize, text: impl Into<String>) -> Kept {
    cx.error("KA3020", line, i, text);
    Ok(false)
}

/// One line; `None` when it is dropped.
fn route(cx: &mut Cx<'_>, line: &Line, fixed: bool) -> Flow<Option<IpRoute>> {
    let blank = IpRoute {
        dst: IpPrefix { address: IpAddr::from([0, 0, 0, 0]), len: 0 },
        ipv6: false,
        from: None,
        src: None,
        via: None,
        interface: None,
        table: 254,
        protocol: OURS,
        scope: None,
        metric: None,
        tos: None,
        realms: None,
        pref: None,
        expires: None,
        ttl_propagate: None,
        congctl: None,
        onlink: false,
        kind: RouteType::Unicast,
        action: RouteAction::Prepend,
        metrics: RouteMetrics::default(),
        encap: None,
        next_hops: Vec::new(),
        no_track: false,
        track_group: None,
        origin: line.at(0),
    };
    let mut d =
        Draft { r: blank, family: None, destination: None, from: None, protocol: None, own_next_hops: false };
    let mut i = 0;
    let mut next_hops = false;
    while let Some(word) = line.get(i) {
        match word {
            "nexthop" => {
                if d.own_next_hops {
                    cx.error("KA3020", line, i, "Cannot specify nexthops with \"or\" route");
                } else {
                    next_hops = true;
                }
                break;
            }
            "or" if d.own_next_hops => {
                cx.error("KA4101", line, i, "\"or\" for routes is deprecated. Please use \"nexthop\"");
                cx.error("KA3020", line, i, "\"or\" route already specified - ignoring subsequent");
                i += 2;
                continue;
            }
            "track_group" if fixed && d.r.track_group.is_some() => {
                let name = cx.arg(line, i + 1)?;
                cx.error("KA2040", line, i, format!("track_group {name} is a duplicate"));
                i += 1;
                break;
            }
            _ => {}
        }
        let word = word.to_owned();
        if !part(cx, line, &mut i, &word, &mut d, fixed)? {
            return Ok(None);
        }
        i += 1;
    }
    if next_hops {
        hops(cx, line, i, &mut d)?;
    } else if let Some(word) = line.get(i) {
        cx.error("KA3020", line, i, format!("Route has trailing nonsense - {word}"));
        return Ok(None);
    }
    complete(cx, line, d)
}

/// One option at word `i`, which moves to its last word; false when the line is dropped.
fn part(cx: &mut Cx<'_>, line: &Line, i: &mut usize, word: &str, d: &mut Draft, fixed: bool) -> Kept {
    match word {
        "inet" | "inet6" => {
            let (family, other) = if word == "inet" { (4, "IPv6") } else { (6, "IPv4") };
            if !d.is_family(Some(family)) {
                return drop_line(cx, line, *i, format!("{word} specified for {other} route"));
            }
            // COMPAT: the word behind it is skipped, so that `inet6 default` has no destination.
            *i += 1;
        }
        "src" => {
            *i += 1;
            let text = cx.arg(line, *i)?.to_owned();
            let Some(p) = prefix(cx, line, *i, &text, false) else {
                return drop_line(cx, line, *i, format!("invalid route src address {text}"));
            };
            d.r.src = Some(p.address);
            if !d.is_family(Some(family_of(p.address))) {
                return drop_line(cx, line, *i, MIXED);
            }
        }
        "as" => {
            *i += 1;
            if cx.arg(line, *i)? == "to" {
                *i += 1;
            }
            cx.error("KA3020", line, *i, "\"as to\" for MPLS only - ignoring");
        }
        "via" | "gw" => return gateway(cx, line, i, word, d),
        "from" => {
            *i += 1;
            let text = cx.arg(line, *i)?.to_owned();
            let Some((p, family)) = destination(cx, line, *i, &text) else {
                return drop_line(cx, line, *i, format!("invalid route from address {text}"));
            };
            if family != Some(6) {
                let said = format!("route from address only supported with IPv6 ({text})");
                return drop_line(cx, line, *i, said);
            }
            d.from = Some(p);
            if !d.is_family(family) {
                return drop_line(cx, line, *i, MIXED);
            }
        }
        "dev" | "oif" => {
            *i += 1;
            let name = cx.arg(line, *i)?.to_owned();
            if cx.interface(&name).is_none() {
                let said = format!("WARNING - interface {name} for VROUTE nexthop doesn't exist");
                cx.error("KA3002", line, *i, said);
                return Ok(false);
            }
            d.r.interface = Some(name);
        }
        "onlink" => d.r.onlink = true,
        "encap" => d.r.encap = encapsulation(cx, line, i)?,
        "add" => d.r.action = RouteAction::Add,
        "prepend" => d.r.action = RouteAction::Prepend,
        "append" => d.r.action = RouteAction::Append,
        "no_track" => d.r.no_track = true,
        "track_group" if fixed => {
            *i += 1;
            let name = cx.arg(line, *i)?.to_owned();
            if cx.vrrp.track_groups.iter().any(|g| g.0 == name) {
                d.r.track_group = Some(name);
            } else {
                cx.error("KA3011", line, *i, format!("track_group {name} not found"));
            }
        }
        "or" => {
            cx.error("KA4101", line, *i, "\"or\" for routes is deprecated. Please use \"nexthop\"");
            *i += 1;
            let text = cx.arg(line, *i)?.to_owned();
            let Some(p) = prefix(cx, line, *i, &text, false) else {
                return drop_line(cx, line, *i, format!("Invalid \"or\" address {text}"));
            };
            d.own_next_hops = true;
            let first = NextHop { via: d.r.via.take(), ..NextHop::default() };
            d.r.next_hops = vec![first, NextHop { via: Some(p.address), ..NextHop::default() }];
        }
        "vrf" => {
            *i += 1;
            let name = cx.arg(line, *i)?;
            let said = match cx.known_interface(name) {
                None => format!("VRF {name} not found for route"),
                Some(_) => format!("Route specified VRF {name} is not a VRF"),
            };
            return drop_line(cx, line, *i, said);
        }
        "tos" | "dsfield" | "table" | "protocol" | "scope" | "realms" => return named(cx, line, i, word, d),
        _ if is_number(word) => return number(cx, line, i, word, d),
        "features" | "congctl" | "pref" | "ttl-propagate" => return other(cx, line, i, word, d),
        _ => return target(cx, line, i, word, d),
    }
    Ok(true)
}

fn gateway(cx: &mut Cx<'_>, line: &Line, i: &mut usize, word: &str, d: &mut Draft) -> Kept {
    if word == "gw" {
        cx.error("KA4101", line, *i, "\"gw\" for routes is deprecated. Please use \"via\"");
    }
    *i += 1;
    let mut text = cx.arg(line, *i)?.to_owned();
    let mut family = d.family;
    if text == "inet" || text == "inet6" {
        family = Some(if text == "inet" { 4 } else { 6 });
        *i += 1;
        text = cx.arg(line, *i)?.to_owned();
    }
    if !d.is_family(family) {
        return drop_line(cx, line, *i, MIXED);
    }
    let Some(p) = prefix(cx, line, *i, &text, false) else {
        return drop_line(cx, line, *i, format!("invalid route via address {text}"));
    };
    d.r.via = Some(p.address);
    if !d.is_family(Some(family_of(p.address))) {
        return drop_line(cx, line, *i, MIXED);
    }
    Ok(true)
}

/// Options whose value is a name or a number of a table.
fn named(cx: &mut Cx<'_>, line: &Line, i: &mut usize, word: &str, d: &mut Draft) -> Kept {
    *i += 1;
    let text = cx.arg(line, *i)?.to_owned();
    let (kind, said) = match word {
        "table" => (Kind::Table, format!("Routing table {text} not found for route")),
        "protocol" => (Kind::Protocol, format!("Protocol {text} not found or invalid for route")),
        "scope" => (Kind::Scope, format!("Scope {text} not found or invalid for route")),
        "realms" => (Kind::Realm, format!("Invalid realms {text} for route")),
        _ => (Kind::DsField, format!("TOS value {text} is invalid")),
    };
    let value = if kind == Kind::Realm { cx.realms(&text) } else { cx.number_of(kind, &text) };
    let Some(value) = value else { return drop_line(cx, line, *i, said) };
    let small = u8::try_from(value).ok();
    match word {
        "table" => d.r.table = value,
        "protocol" => d.protocol = small,
        "scope" => d.r.scope = small,
        "realms" => {
            d.r.realms = Some(value);
            if d.family == Some(6) {
                return drop_line(cx, line, *i, "realms are only valid for IPv4");
            }
            d.family = Some(4);
        }
        _ => d.r.tos = small,
    }
    Ok(true)
}

fn is_number(word: &str) -> bool {
    matches!(
        word,
        "metric"
            | "priority"
            | "preference"
            | "expires"
            | "mtu"
            | "hoplimit"
            | "advmss"
            | "rtt"
            | "rttvar"
            | "reordering"
            | "window"
            | "cwnd"
            | "ssthresh"
            | "rto_min"
            | "initcwnd"
            | "initrwnd"
            | "quickack"
            | "fastopen_no_cookie"
    )
}

/// Options whose value is a number, some of them after `lock`.
fn number(cx: &mut Cx<'_>, line: &Line, i: &mut usize, word: &str, d: &mut Draft) -> Kept {
    *i += 1;
    let lock = match word {
        "mtu" => 2,
        "window" | "hoplimit" | "initcwnd" | "initrwnd" | "metric" | "priority" | "preference"
        | "expires" | "quickack" | "fastopen_no_cookie" => 0,
        "rtt" => 4,
        "rttvar" => 5,
        "ssthresh" => 6,
        "cwnd" => 7,
        "advmss" => 8,
        "reordering" => 9,
        _ => 13,
    };
    if lock != 0 && cx.arg(line, *i)? == "lock" {
        d.r.metrics.lock |= 1 << lock;
        *i += 1;
    }
    let text = cx.arg(line, *i)?.to_owned();
    if matches!(word, "rtt" | "rttvar" | "rto_min") {
        let unit = match word {
            "rtt" => 8,
            "rttvar" => 4,
            _ => 1,
        };
        let Some(n) = round_trip(cx, line, *i, &text, unit)? else {
            let what = if word == "rto_min" {
                format!("Invalid rto_min value {text} specified for route")
            } else {
                format!("Invalid {word} {text} for route")
            };
            return drop_line(cx, line, *i, what);
        };
        match word {
            "rtt" => d.r.metrics.rtt = Some(n),
            "rttvar" => d.r.metrics.rttvar = Some(n),
            _ => d.r.metrics.rto_min = Some(n),
        }
        return Ok(true);
    }
    if word == "expires" {
        if d.family == Some(4) {
            return drop_line(cx, line, *i, "expires is only valid for IPv6");
        }
        d.family = Some(6);
    }
    let most = match word {
        "hoplimit" => 255,
        "quickack" | "fastopen_no_cookie" => 1,
        _ => u32::MAX,
    };
    let Some(n) = cx.unsigned_of(line, *i, &text, 0, most, false) else {
        let what = match word {
            "metric" | "priority" | "preference" => format!("Invalid metric {text}"),
            "expires" => format!("Invalid expires time {text}"),
            "mtu" => format!("Invalid MTU {text}"),
            "hoplimit" | "advmss" => format!("Invalid {word} {text}"),
            _ => format!("Invalid {word} value {text}"),
        };
        return drop_line(cx, line, *i, format!("{what} specified for route"));
    };
    let m = &mut d.r.metrics;
    match word {
        "metric" | "priority" | "preference" => d.r.metric = Some(n),
        "expires" => d.r.expires = Some(n),
        "mtu" => m.mtu = Some(n),
        "hoplimit" => m.hoplimit = Some(n),
        "advmss" => m.advmss = Some(n),
        "reordering" => m.reordering = Some(n),
        "window" => m.window = Some(n),
        "cwnd" => m.cwnd = Some(n),
        "ssthresh" => m.ssthresh = Some(n),
        "initcwnd" => m.initcwnd = Some(n),
        "initrwnd" => m.initrwnd = Some(n),
        "quickack" => m.quickack = Some(n == 1),
        _ => m.fastopen_no_cookie = Some(n == 1),
    }
    Ok(true)
}

/// A time in the kernel's unit: bare numbers are in it already, `s` and `ms` are not.
fn round_trip(cx: &mut Cx<'_>, line: &Line, i: usize, text: &str, unit: u64) -> Flow<Option<u32>> {
    /// Longest and shortest, milliseconds.
    const LIMITS: (u64, u64) = (200, 120_000);
    let (number, shift, raw) = match text.find(['s', 'S']) {
        None => (text, 0, true),
        Some(at) => {
            let (number, word) = text.split_at(at);
            if !["s", "sec", "secs"].iter().any(|w| word.eq_ignore_ascii_case(w)) {
                return Ok(None);
            }
            match number.strip_suffix(['m', 'M']) {
                Some(n) => (n, 0, false),
                None => (number, 3, false),
            }
        }
    };
    if number.is_empty() || number.contains(['e', 'E']) {
        return Ok(None);
    }
    let mut part = Line { text: number.to_owned(), span: line.at(i), ..Line::default() };
    if !part.split() || part.is_empty() {
        return Ok(None);
    }
    let Some(n) = cx.fraction(&part, 0, 0, LIMITS.1 * unit, shift, false)? else { return Ok(None) };
    let n = if raw { n } else { n * unit };
    Ok(u32::try_from(n.clamp(LIMITS.0 * unit, LIMITS.1 * unit)).ok())
}

fn other(cx: &mut Cx<'_>, line: &Line, i: &mut usize, word: &str, d: &mut Draft) -> Kept {
    *i += 1;
    let mut text = cx.arg(line, *i)?.to_owned();
    match word {
        "features" if text == "ecn" => d.r.metrics.features |= 1,
        "features" => cx.error("KA3020", line, *i, format!("feature {text} not supported")),
        "congctl" => {
            let lock = text == "lock";
            if lock {
                d.r.metrics.lock |= 1 << 16;
                *i += 1;
                text = cx.arg(line, *i)?.to_owned();
            }
            d.r.congctl = Some((text, lock));
        }
        "ttl-propagate" => match text.as_str() {
            "enabled" => d.r.ttl_propagate = Some(true),
            "disabled" => d.r.ttl_propagate = Some(false),
            o => cx.error("KA3020", line, *i, format!("ttl-propagate value {o} not recognised")),
        },
        _ => {
            if d.family == Some(4) {
                return drop_line(cx, line, *i, "pref is only valid for IPv6");
            }
            d.family = Some(6);
            d.r.pref = match text.as_str() {
                "low" => Some(3),
                "medium" => Some(0),
                "high" => Some(1),
                t => {
                    let Some(n) = cx.unsigned_of(line, *i, t, 0, 255, false) else {
                        let said = format!("Invalid pref value {t} specified for route");
                        return drop_line(cx, line, *i, said);
                    };
                    u8::try_from(n).ok()
                }
            };
        }
    }
    Ok(true)
}

/// `[to] [TYPE] DESTINATION`.
fn target(cx: &mut Cx<'_>, line: &Line, i: &mut usize, word: &str, d: &mut Draft) -> Kept {
    if word == "to" {
        *i += 1;
    }
    // COMPAT: the type is looked for in the word `to` itself, so that a type cannot follow it.
    if let Some((_, kind)) = route_type(word) {
        d.r.kind = kind;
        *i += 1;
    }
    let text = cx.arg(line, *i)?.to_owned();
    let Some((p, family)) = destination(cx, line, *i, &text) else {
        return drop_line(cx, line, *i, format!("unknown route keyword {text}"));
    };
    if !d.is_family(family) {
        return drop_line(cx, line, *i, format!("{MIXED} ({text})"));
    }
    d.destination = Some((p, text));
    Ok(true)
}

/// `encap TYPE …`; moves to its last word.
fn encapsulation(cx: &mut Cx<'_>, line: &Line, i: &mut usize) -> Flow<Option<Encap>> {
    *i += 1;
    let Some(kind) = line.get(*i) else {
        cx.error("KA3020", line, *i - 1, "Missing encap type");
        return Ok(None);
    };
    *i += 1;
    let out = match kind {
        "ip" => encap_ip(cx, line, i, false)?.map(Encap::Ip),
        "ip6" => encap_ip(cx, line, i, true)?.map(Encap::Ip6),
        "mpls" => match line.get(*i) {
            None => {
                cx.error("KA3020", line, *i - 1, "missing address for MPLS encapsulation");
                None
            }
            Some(text) => {
                *i += 1;
                let labels: Vec<Option<u32>> = text
                    .split('/')
                    .map(|l| {
                        crate::names::any_base(l).and_then(|n| u32::try_from(n).ok()).filter(|n| *n < 1 << 20)
                    })
                    .collect();
                let labels =
                    (labels.len() <= 2).then(|| labels.into_iter().collect::<Option<Vec<u32>>>()).flatten();
                if labels.is_none() {
                    let said = format!("invalid mpls address {text} for encapsulation");
                    cx.error("KA3020", line, *i - 1, said);
                }
                labels.map(Encap::Mpls)
            }
        },
        "ila" => match line.get(*i) {
            None => {
                cx.error("KA3020", line, *i - 1, "missing locator for ILA encapsulation");
                None
            }
            Some(text) => {
                *i += 1;
                let parts: Option<Vec<u16>> =
                    text.split(':').map(|p| u16::from_str_radix(p, 16).ok()).collect();
                match parts.filter(|p| p.len() == 4) {
                    Some(p) => Some(Encap::Ila(p.iter().fold(0, |all, n| all << 16 | u64::from(*n)))),
                    None => {
                        let said = format!("invalid locator {text} for ila encapsulation");
                        cx.error("KA3020", line, *i - 1, said);
                        None
                    }
                }
            }
        },
        o => {
            // COMPAT: the word behind an unknown type is skipped.
            cx.error("KA3020", line, *i - 1, format!("Unknown encap type - {o}"));
            return Ok(None);
        }
    };
    *i -= 1;
    Ok(out)
}

fn encap_ip(cx: &mut Cx<'_>, line: &Line, i: &mut usize, six: bool) -> Flow<Option<EncapIp>> {
    let kind = if six { "ip6" } else { "ip" };
    let mut e = EncapIp::default();
    while let (Some(word), Some(text)) = (line.get(*i), line.get(*i + 1)) {
        let (word, text, at) = (word.to_owned(), text.to_owned(), *i + 1);
        let said = match word.as_str() {
            "id" => match text.parse::<u64>() {
                Ok(n) => {
                    e.id = Some(n);
                    None
                }
                Err(_) => {
                    cx.unsigned_of(line, at, &text, 0, u32::MAX, false);
                    Some(if six {
                        format!("id {text} value invalid for IPv6 encapsulation")
                    } else {
                        format!("encap id {text} value is invalid")
                    })
                }
            },
            "dst" | "src" => match prefix(cx, line, at, &text, false) {
                None => Some(format!("Invalid encap {kind} {word} {text}")),
                Some(p) if p.address.is_ipv6() != six => Some(format!(
                    "IPv{} address {text} not valid for {kind} encapsulation",
                    if six { 4 } else { 6 }
                )),
                Some(p) => {
                    if word == "dst" {
                        e.dst = Some(p.address);
                    } else {
                        e.src = Some(p.address);
                    }
                    None
                }
            },
            "tos" if !six => match cx.number_of(Kind::DsField, &text) {
                Some(n) => {
                    e.tos = u8::try_from(n).ok();
                    None
                }
                None => Some(format!("dsfield {text} not valid for ip encapsulation")),
            },
            "tc" if six => match cx.number_of(Kind::DsField, &text) {
                Some(n) => {
                    e.tos = u8::try_from(n).ok();
                    None
                }
                None => Some("tc value tc is invalid for ip6 encapsulation".to_owned()),
            },
            "ttl" | "hoplimit" if (word == "hoplimit") == six => {
                match cx.unsigned_of(line, at, &text, 0, 255, false) {
                    Some(n) => {
                        e.ttl = u8::try_from(n).ok();
                        None
                    }
                    None if six => Some(format!("Invalid hoplimit {text} specified for ip6 encapsulation")),
                    None => Some(format!("ttl {text} is not valid for ip encapsulation")),
                }
            }
            "flags" => match cx.unsigned_of(line, at, &text, 0, 65535, false) {
                Some(n) => {
                    e.flags = u16::try_from(n).ok();
                    None
                }
                None => Some(format!("flags {text} is not valid for {kind} encapsulation")),
            },
            _ => break,
        };
        if let Some(said) = said {
            cx.error("KA3020", line, at, said);
            return Ok(None);
        }
        *i += 2;
    }
    if e.dst.is_none() && e.id.is_none() {
        cx.error(
            "KA3020",
            line,
            i.saturating_sub(1),
            format!("address or id missing for {kind} encapsulation"),
        );
        return Ok(None);
    }
    Ok(Some(e))
}

/// `nexthop …` parts up to the end of the line; a bad one ends them.
fn hops(cx: &mut Cx<'_>, line: &Line, mut i: usize, d: &mut Draft) -> Flow {
    while line.get(i) == Some("nexthop") {
        i += 1;
        let mut hop = NextHop::default();
        while let Some(word) = line.get(i) {
            let word = word.to_owned();
            if !matches!(word.as_str(), "via" | "dev" | "weight" | "onlink" | "encap" | "realms" | "as") {
                break;
            }
            if !hop_part(cx, line, &mut i, &word, d, &mut hop)? {
                return Ok(());
            }
            i += 1;
        }
        d.r.next_hops.push(hop);
    }
    if let Some(word) = line.get(i) {
        cx.error("KA3020", line, i, format!("Route has trailing nonsense after nexthops - {word}"));
    }
    Ok(())
}

fn hop_part(
    cx: &mut Cx<'_>,
    line: &Line,
    i: &mut usize,
    word: &str,
    d: &mut Draft,
    hop: &mut NextHop,
) -> Kept {
    match word {
        "onlink" => hop.onlink = true,
        "encap" => hop.encap = encapsulation(cx, line, i)?,
        "via" => {
            *i += 1;
            let mut text = cx.arg(line, *i)?.to_owned();
            if text == "inet" || text == "inet6" {
                let family = if text == "inet" { 4 } else { 6 };
                *i += 1;
                text = cx.arg(line, *i)?.to_owned();
                if !d.is_family(Some(family)) {
                    return drop_line(cx, line, *i, "IPv4/6 mismatch for nexthop");
                }
            }
            let Some(p) = prefix(cx, line, *i, &text, false) else {
                return drop_line(cx, line, *i, format!("invalid nexthop address {text}"));
            };
            if !d.is_family(Some(family_of(p.address))) {
                return drop_line(cx, line, *i, "Address family mismatch for next hop");
            }
            hop.via = Some(p.address);
        }
        "dev" => {
            *i += 1;
            let name = cx.arg(line, *i)?.to_owned();
            if cx.interface(&name).is_none() {
                let said = format!("WARNING - interface {name} for VROUTE nexthop doesn't exist");
                return drop_line(cx, line, *i, said);
            }
            hop.interface = Some(name);
        }
        "weight" => {
            *i += 1;
            let text = cx.arg(line, *i)?.to_owned();
            match cx.unsigned_of(line, *i, &text, 0, 256, false) {
                Some(0) => return drop_line(cx, line, *i, "Invalid weight 0 specified for route"),
                Some(n) => hop.weight = u16::try_from(n).ok(),
                None => return drop_line(cx, line, *i, format!("Invalid weight {text} specified for route")),
            }
        }
        "realms" => {
            *i += 1;
            let text = cx.arg(line, *i)?.to_owned();
            hop.realms = cx.realms(&text);
            if hop.realms.is_none() {
                return drop_line(cx, line, *i, format!("Invalid realms {text} for route"));
            }
            if !d.is_family(Some(4)) {
                return drop_line(cx, line, *i, "realms are only supported for IPv4");
            }
        }
        _ => {
            *i += 1;
            cx.arg(line, *i)?;
            return drop_line(cx, line, *i, "'as [to]' (nat) not supported");
        }
    }
    Ok(true)
}

fn complete(cx: &mut Cx<'_>, line: &Line, d: Draft) -> Flow<Option<IpRoute>> {
    let mut r = d.r;
    let Some((dst, shown)) = d.destination else {
        cx.error("KA3020", line, 0, "Route must have a destination");
        return Ok(None);
    };
    if r.no_track {
        r.protocol = d.protocol.unwrap_or(0);
    } else {
        if d.protocol.is_some_and(|p| p != OURS) {
            let said = format!(
                "Route cannot be tracked if protocol is not RTPROT_KEEPALIVED({OURS}), resetting protocol"
            );
            cx.error("KA3020", line, 0, said);
        }
        if r.interface.is_none() {
            let said =
                format!("Warning - cannot track route {shown} with no interface specified, not tracking");
            cx.error("KA3020", line, 0, said);
            r.no_track = true;
        }
    }
    if r.track_group.is_some() && r.interface.is_none() {
        cx.error("KA3020", line, 0, "Static route cannot have track group if no oif specified");
        r.track_group = None;
    }
    r.ipv6 = d.family == Some(6);
    let all = if r.ipv6 { IpAddr::from([0u16; 8]) } else { IpAddr::from([0u8; 4]) };
    r.dst = dst.unwrap_or(IpPrefix { address: all, len: 0 });
    r.from = d.from.map(|p| p.unwrap_or(IpPrefix { address: all, len: 0 }));
    Ok(Some(r))
}
