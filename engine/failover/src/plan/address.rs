//! Addresses, routes and rules of the model as the kernel is to be told.
//!
//! Names of interfaces become indexes here, when the change is about to be made: an interface may have come
//! back under another number.

use std::net::{IpAddr, Ipv4Addr};

use rha_ir::failover::{
    Broadcast, Encap, EncapIp, IpPrefix, IpRoute, IpRule, RouteAction, RouteType, RuleAction, VirtualIp,
};
use rha_net::netlink::{
    AddressFlag, AddressSpec, Encapsulation, Lifetime, Metric, NextHop, OuterHeader, PROTOCOL_KEEPALIVED,
    Placement, Prefix, RouteKind, RouteSpec, RuleKind, RuleSpec,
};

/// An address on the interface of this index.
#[must_use]
pub fn address(v: &VirtualIp, link: u32, valid: Lifetime) -> AddressSpec {
    let mut spec = AddressSpec::new(link, v.address, v.peer.map_or(v.prefix_len, |p| p.len));
    spec.peer = v.peer.map(|p| p.address);
    spec.broadcast = broadcast(v);
    spec.scope = v.scope;
    spec.label.clone_from(&v.label);
    spec.flags = flags(v);
    spec.valid = valid;
    if v.preferred_lft.is_some() {
        spec.preferred_s = v.preferred_lft;
    }
    spec
}

fn flags(v: &VirtualIp) -> Vec<AddressFlag> {
    let wanted = [
        (v.home, AddressFlag::Home),
        (v.address.is_ipv6() && !v.duplicate_detection, AddressFlag::NoDad),
        (v.mngtmpaddr, AddressFlag::ManageTemporary),
        (v.noprefixroute, AddressFlag::NoPrefixRoute),
        (v.autojoin, AddressFlag::AutoJoin),
    ];
    wanted.into_iter().filter_map(|(yes, flag)| yes.then_some(flag)).collect()
}

fn broadcast(v: &VirtualIp) -> Option<Ipv4Addr> {
    let IpAddr::V4(own) = v.address else { return None };
    let host_bits = u32::MAX.checked_shr(u32::from(v.prefix_len)).unwrap_or(0);
    match v.broadcast? {
        Broadcast::AllOnes => Some(Ipv4Addr::from(u32::from(own) | host_bits)),
        Broadcast::AllZeros => Some(Ipv4Addr::from(u32::from(own) & !host_bits)),
        Broadcast::Address(IpAddr::V4(b)) => Some(b),
        Broadcast::Address(IpAddr::V6(_)) => None,
    }
}

fn prefix(p: IpPrefix) -> Prefix {
    Prefix { address: p.address, length: p.len }
}

/// 16 bits each way.
fn realms(packed: u32) -> (u16, u16) {
    let half = |n: u32| u16::try_from(n & 0xffff).unwrap_or(0);
    (half(packed >> 16), half(packed))
}

/// A route; `index` finds interfaces by name.
///
/// # Errors
/// The name of an interface that is not there.
pub fn route(r: &IpRoute, index: &dyn Fn(&str) -> Option<u32>) -> Result<RouteSpec, String> {
    let find = |name: &Option<String>| match name {
        None => Ok(None),
        Some(n) => index(n).map(Some).ok_or_else(|| n.clone()),
    };
    let to = Some(prefix(r.dst)).filter(|p| p.length > 0);
    let mut spec = RouteSpec::new(r.ipv6, to);
    spec.from = r.from.map(prefix);
    spec.kind = kind(r.kind);
    spec.source = r.src;
    spec.table = r.table;
    spec.metric = r.metric;
    // COMPAT: global unless written, where ip-route(8) would take link without a gateway.
    spec.scope = Some(r.scope.unwrap_or(0));
    spec.tos = r.tos.unwrap_or(0);
    spec.protocol = if r.protocol == 0 { PROTOCOL_KEEPALIVED } else { r.protocol };
    spec.preference = r.pref;
    spec.expires_s = r.expires;
    spec.metrics = metrics(r);
    spec.locks = r.metrics.lock;
    spec.ttl_propagate = r.ttl_propagate;
    spec.placement = match r.action {
        RouteAction::Replace => Placement::Replace,
        RouteAction::Add => Placement::Alone,
        RouteAction::Append => Placement::Last,
        RouteAction::Prepend => Placement::First,
    };
    let own = r.encap.iter().map(|e| (0, encapsulation(e)));
    let of_hops =
        r.next_hops.iter().enumerate().filter_map(|(at, h)| Some((at, encapsulation(h.encap.as_ref()?))));
    spec.encapsulations = own.chain(of_hops).collect();
    if r.next_hops.is_empty() {
        let link = find(&r.interface)?;
        if r.via.is_some() || link.is_some() {
            let realms = r.realms.map(realms);
            spec.hops = vec![NextHop { via: r.via, link, weight: None, onlink: r.onlink, realms }];
        }
    }
    for hop in &r.next_hops {
        spec.hops.push(NextHop {
            via: hop.via,
            link: find(&hop.interface)?,
            weight: hop.weight,
            onlink: hop.onlink,
            realms: hop.realms.map(realms),
        });
    }
    Ok(spec)
}

fn encapsulation(e: &Encap) -> Encapsulation {
    let header = |h: &EncapIp| OuterHeader {
        id: h.id,
        destination: h.dst,
        source: h.src,
        tos: h.tos,
        ttl: h.ttl,
        flags: h.flags,
    };
    match e {
        Encap::Ip(h) => Encapsulation::Ip(header(h)),
        Encap::Ip6(h) => Encapsulation::Ip6(header(h)),
        Encap::Mpls(labels) => Encapsulation::Mpls(labels.clone()),
        Encap::Ila(locator) => Encapsulation::Ila(*locator),
    }
}

fn kind(t: RouteType) -> RouteKind {
    match t {
        RouteType::Unicast => RouteKind::Unicast,
        RouteType::Local => RouteKind::Local,
        RouteType::Broadcast => RouteKind::Broadcast,
        RouteType::Anycast => RouteKind::Anycast,
        RouteType::Multicast => RouteKind::Multicast,
        RouteType::Blackhole => RouteKind::Blackhole,
        RouteType::Unreachable => RouteKind::Unreachable,
        RouteType::Prohibit => RouteKind::Prohibit,
        RouteType::Throw => RouteKind::Throw,
    }
}

fn metrics(r: &IpRoute) -> Vec<Metric> {
    let m = &r.metrics;
    let congestion = r.congctl.clone().map(|(name, lock)| Metric::CongestionControl { name, lock });
    [
        m.mtu.map(|value| Metric::Mtu { value, lock: m.lock & (1 << 2) != 0 }),
        m.window.map(Metric::Window),
        m.rtt.map(Metric::Rtt),
        m.rttvar.map(Metric::RttVar),
        m.ssthresh.map(Metric::SsThresh),
        m.cwnd.map(Metric::Cwnd),
        m.advmss.map(Metric::Advmss),
        m.reordering.map(Metric::Reordering),
        m.hoplimit.map(Metric::HopLimit),
        m.initcwnd.map(Metric::InitCwnd),
        m.initrwnd.map(Metric::InitRwnd),
        (m.features != 0).then_some(Metric::Features(m.features)),
        m.rto_min.map(Metric::RtoMin),
        m.quickack.map(Metric::QuickAck),
        congestion,
        m.fastopen_no_cookie.map(Metric::FastOpenNoCookie),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A rule.
#[must_use]
pub fn rule(r: &IpRule) -> RuleSpec {
    let kind = match (r.action, r.l3mdev) {
        (_, true) => RuleKind::L3Mdev,
        (RuleAction::ToTable, _) => RuleKind::Table(r.table.unwrap_or(254)),
        (RuleAction::Goto(n), _) => RuleKind::Goto(n),
        (RuleAction::Nop, _) => RuleKind::Nop,
        (RuleAction::Blackhole, _) => RuleKind::Blackhole,
        (RuleAction::Unreachable, _) => RuleKind::Unreachable,
        (RuleAction::Prohibit, _) => RuleKind::Prohibit,
    };
    let mut spec = RuleSpec::new(r.ipv6, kind);
    spec.invert = r.invert;
    spec.from = r.from.map(prefix);
    spec.to = r.to.map(prefix);
    spec.priority = Some(r.preference);
    spec.tos = r.tos.unwrap_or(0);
    spec.fwmark = r.fwmark;
    spec.iif.clone_from(&r.iif);
    spec.oif.clone_from(&r.oif);
    spec.realms = r.realms.map(realms);
    spec.suppress_prefix_length = r.suppress_prefix_len.and_then(|n| u32::try_from(n).ok());
    spec.suppress_group = r.suppress_group;
    spec.tunnel_id = r.tunnel_id;
    spec.uids = r.uid_range;
    spec.ip_protocol = r.ip_proto;
    spec.source_ports = r.sport.map(|p| (p.start, p.end));
    spec.destination_ports = r.dport.map(|p| (p.start, p.end));
    // COMPAT: a rule that is not tracked carries no protocol unless one is written.
    spec.protocol = r.protocol.unwrap_or(0);
    spec
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    fn index(name: &str) -> Option<u32> {
        (name == "eth0").then_some(2)
    }

    #[test]
    fn an_address_line_is_what_the_kernel_is_told() {
        let p = plan(
            "vrrp_instance VI {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n  \
             10.0.0.1/24 brd + scope link label eth0:1\n }\n virtual_ipaddress_excluded {\n  fd00::1/64 -nodad\n }\n}\n",
        );
        let i = &p.failover.instances[0];
        let a = address(&i.addresses[0], 2, Lifetime::Seconds(2));
        assert_eq!((a.link, a.prefix, a.scope), (2, 24, 253));
        assert_eq!(a.broadcast, "10.0.0.255".parse().ok());
        assert_eq!(a.label.as_deref(), Some("eth0:1"));
        assert_eq!(a.valid, Lifetime::Seconds(2));
        assert_eq!(address(&i.excluded[0], 2, Lifetime::Forever).flags, []);
    }

    #[test]
    fn routes_and_rules_are_resolved() {
        let p = plan(
            "vrrp_instance VI {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n  10.0.0.1/24\n }\n \
             virtual_routes {\n  10.9.0.0/24 via 10.0.0.254 dev eth0 table 100 metric 7\n  default via 10.0.0.254 dev eth9\n }\n \
             virtual_rules {\n  from 10.0.0.1 table 100 preference 30\n }\n}\n",
        );
        let i = &p.failover.instances[0];
        let r = route(&i.routes[0], &index).unwrap();
        assert_eq!((r.table, r.metric, r.hops[0].link), (100, Some(7), Some(2)));
        assert_eq!(r.hops[0].via, "10.0.0.254".parse().ok());
        assert_eq!(r.protocol, rha_net::netlink::PROTOCOL_KEEPALIVED);
        assert_eq!(route(&i.routes[1], &index), Err("eth9".to_owned()));
        let rule = rule(&i.rules[0]);
        assert_eq!((rule.kind, rule.priority), (RuleKind::Table(100), Some(30)));
    }

    #[test]
    fn realms_are_two_halves() {
        assert_eq!(realms(0x0001_0002), (1, 2));
    }
}
