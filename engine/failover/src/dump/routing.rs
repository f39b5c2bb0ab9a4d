//! Routes and rules in one line each, as the data and JSON dumps show them.

use std::fmt::Write;

use rha_ir::failover::{IpPrefix, IpRoute, IpRule, RouteAction, RouteType, RuleAction};

/// Words before what is true of an option.
struct Words(String);

impl Words {
    fn add<T: std::fmt::Display>(&mut self, word: &str, value: Option<T>) {
        if let Some(v) = value {
            let _ = write!(self.0, " {word} {v}");
        }
    }
}

/// COMPAT: without the length where it is the whole address.
fn prefix(p: IpPrefix) -> String {
    let whole = if p.address.is_ipv4() { 32 } else { 128 };
    if p.len == whole { p.address.to_string() } else { format!("{}/{}", p.address, p.len) }
}

/// `prepend 10.99.0.0/24 via inet 10.77.0.100 dev eth0 proto 18`.
#[must_use]
pub fn route_text(r: &IpRoute) -> String {
    let action = match r.action {
        RouteAction::Replace => "",
        RouteAction::Add => "add ",
        RouteAction::Append => "append ",
        RouteAction::Prepend => "prepend ",
    };
    let kind = match r.kind {
        RouteType::Unicast => String::new(),
        other => format!("{other:?} ").to_lowercase(),
    };
    let to = if r.dst.len == 0 { "default".to_owned() } else { prefix(r.dst) };
    let mut w = Words(format!("{action}{kind}{to}"));
    w.add("from", r.from.map(prefix));
    w.add("src", r.src);
    w.add("tos", r.tos);
    let family = |a: std::net::IpAddr| if a.is_ipv6() { "inet6" } else { "inet" };
    w.add("via", r.via.map(|v| format!("{} {v}", family(v))));
    w.add("dev", r.interface.as_deref());
    w.add("table", Some(r.table).filter(|t| *t != 254));
    w.add("proto", Some(r.protocol).filter(|p| *p != 0));
    w.add("scope", r.scope);
    w.add("metric", r.metric);
    if r.onlink {
        w.0 += " onlink";
    }
    w.add("realms", r.realms.map(|x| format!("{}/{}", x >> 16, x & 0xffff)));
    w.add("expires", r.expires.map(|s| format!("{s}sec")));
    w.add("mtu", r.metrics.mtu);
    w.add("advmss", r.metrics.advmss);
    w.add("initcwnd", r.metrics.initcwnd);
    w.add("initrwnd", r.metrics.initrwnd);
    for h in &r.next_hops {
        w.0 += " nexthop";
        w.add("via", h.via.map(|v| format!("{} {v}", family(v))));
        w.add("dev", h.interface.as_deref());
        w.add("weight", h.weight);
    }
    if r.no_track {
        w.0 += " no_track";
    }
    w.add("track_group", r.track_group.as_deref());
    w.0
}

/// `from 10.77.0.200 priority 30 tos 0x0 protocol 18 lookup 100`.
#[must_use]
pub fn rule_text(r: &IpRule) -> String {
    let family = if r.ipv6 && r.from.is_none() && r.to.is_none() { "inet6 " } else { "" };
    let not = if r.invert { "not " } else { "" };
    let from = r.from.map_or_else(|| "all".to_owned(), prefix);
    let mut w = Words(format!("{family}{not}from {from}"));
    w.add("to", r.to.map(prefix));
    w.add("priority", Some(r.preference));
    w.add("tos", Some(format!("0x{:x}", r.tos.unwrap_or(0))));
    let mask =
        |m: Option<u32>| m.filter(|m| *m != u32::MAX).map_or_else(String::new, |m| format!("/0x{m:x}"));
    w.add("fwmark", r.fwmark.map(|(mark, m)| format!("0x{mark:x}{}", mask(m))));
    w.add("iif", r.iif.as_deref());
    w.add("oif", r.oif.as_deref());
    w.add("suppress_prefixlen", r.suppress_prefix_len);
    w.add("suppress_ifgroup", r.suppress_group);
    w.add("tunnel-id", r.tunnel_id);
    w.add("uidrange", r.uid_range.map(|(a, b)| format!("{a}-{b}")));
    if r.l3mdev {
        w.0 += " l3mdev";
    }
    w.add("protocol", r.protocol);
    w.add("ipproto", r.ip_proto);
    w.add("sport", r.sport.map(|p| format!("{}-{}", p.start, p.end)));
    w.add("dport", r.dport.map(|p| format!("{}-{}", p.start, p.end)));
    w.add("realms", r.realms.map(|x| format!("{}/{}", x >> 16, x & 0xffff)));
    match r.action {
        RuleAction::ToTable => w.add("lookup", r.table),
        RuleAction::Goto(n) => w.add("goto", Some(n)),
        RuleAction::Nop => w.0 += " nop",
        other => w.add("type", Some(format!("{other:?}").to_lowercase())),
    }
    if r.no_track {
        w.0 += " no_track";
    }
    w.add("track_group", r.track_group.as_deref());
    w.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    #[test]
    fn lines_are_those_of_the_original() {
        let p = plan(
            "vrrp_instance VI {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n  10.0.0.1/24\n }\n \
             virtual_routes {\n  10.99.0.0/24 via 10.77.0.100 dev eth0\n }\n \
             virtual_rules {\n  from 10.77.0.200 table 100 preference 30\n }\n}\n",
        );
        let i = &p.failover.instances[0];
        // recorded from 2.2.7
        assert_eq!(route_text(&i.routes[0]), "prepend 10.99.0.0/24 via inet 10.77.0.100 dev eth0 proto 18");
        assert_eq!(rule_text(&i.rules[0]), "from 10.77.0.200 priority 30 tos 0x0 protocol 18 lookup 100");
    }
}
