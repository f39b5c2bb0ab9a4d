//! Routes: `virtual_routes` and `static_routes`, keepalived.conf(5).

use std::io;
use std::net::IpAddr;

use netlink_packet_core::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteCacheInfo, RouteFlags, RouteHeader, RouteMessage, RouteMetric,
    RouteNextHop, RouteNextHopFlags, RoutePreference, RouteProtocol, RouteRealm, RouteScope, RouteType,
    RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{Encapsulation, Netlink, PROTOCOL_KEEPALIVED};

/// A network: address and prefix length in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// Its address.
    pub address: IpAddr,
    /// Its length, bits.
    pub length: u8,
}

/// What a route does with packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RouteKind {
    /// Forwards them.
    #[default]
    Unicast,
    /// Takes them in.
    Local,
    /// To everybody on the link.
    Broadcast,
    /// To one of several.
    Anycast,
    /// To a group.
    Multicast,
    /// Drops them silently.
    Blackhole,
    /// Refuses them: unreachable.
    Unreachable,
    /// Refuses them: prohibited.
    Prohibit,
    /// Ends the look-up in this table.
    Throw,
}

impl RouteKind {
    fn wire(self) -> RouteType {
        match self {
            RouteKind::Unicast => RouteType::Unicast,
            RouteKind::Local => RouteType::Local,
            RouteKind::Broadcast => RouteType::Broadcast,
            RouteKind::Anycast => RouteType::Anycast,
            RouteKind::Multicast => RouteType::Multicast,
            RouteKind::Blackhole => RouteType::BlackHole,
            RouteKind::Unreachable => RouteType::Unreachable,
            RouteKind::Prohibit => RouteType::Prohibit,
            RouteKind::Throw => RouteType::Throw,
        }
    }

    fn from_wire(kind: RouteType) -> Option<RouteKind> {
        const ALL: [RouteKind; 9] = [
            RouteKind::Unicast,
            RouteKind::Local,
            RouteKind::Broadcast,
            RouteKind::Anycast,
            RouteKind::Multicast,
            RouteKind::Blackhole,
            RouteKind::Unreachable,
            RouteKind::Prohibit,
            RouteKind::Throw,
        ];
        ALL.into_iter().find(|k| k.wire() == kind)
    }

    /// Scope and device are the kernel's business for these.
    fn refuses(self) -> bool {
        matches!(self, RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw)
    }
}

/// One measure of a route, `ip-route(8)`; `lock` keeps the kernel from changing it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Metric {
    /// `mtu`, bytes.
    Mtu {
        /// Bytes.
        value: u32,
        /// Path MTU discovery may not change it.
        lock: bool,
    },
    /// `window`, bytes.
    Window(u32),
    /// `rtt`, eighths of a millisecond.
    Rtt(u32),
    /// `rttvar`, quarters of a millisecond.
    RttVar(u32),
    /// `ssthresh`.
    SsThresh(u32),
    /// `cwnd`; only with a lock does the kernel heed it.
    Cwnd(u32),
    /// `advmss`, bytes.
    Advmss(u32),
    /// `reordering`.
    Reordering(u32),
    /// `hoplimit`.
    HopLimit(u32),
    /// `initcwnd`.
    InitCwnd(u32),
    /// `initrwnd`.
    InitRwnd(u32),
    /// `features ecn` and others, bits.
    Features(u32),
    /// `rto_min`, milliseconds.
    RtoMin(u32),
    /// `quickack`.
    QuickAck(bool),
    /// `congctl`; with a lock no application changes it.
    CongestionControl {
        /// Name of the algorithm.
        name: String,
        /// Applications may not choose another.
        lock: bool,
    },
    /// `fastopen_no_cookie`.
    FastOpenNoCookie(bool),
}

impl Metric {
    fn wire(&self) -> RouteMetric {
        match self {
            Metric::Mtu { value, .. } => RouteMetric::Mtu(*value),
            Metric::Window(v) => RouteMetric::Window(*v),
            Metric::Rtt(v) => RouteMetric::Rtt(*v),
            Metric::RttVar(v) => RouteMetric::RttVar(*v),
            Metric::SsThresh(v) => RouteMetric::SsThresh(*v),
            Metric::Cwnd(v) => RouteMetric::Cwnd(*v),
            Metric::Advmss(v) => RouteMetric::Advmss(*v),
            Metric::Reordering(v) => RouteMetric::Reordering(*v),
            Metric::HopLimit(v) => RouteMetric::Hoplimit(*v),
            Metric::InitCwnd(v) => RouteMetric::InitCwnd(*v),
            Metric::InitRwnd(v) => RouteMetric::InitRwnd(*v),
            Metric::Features(v) => RouteMetric::Features(*v),
            Metric::RtoMin(v) => RouteMetric::RtoMin(*v),
            Metric::QuickAck(v) => RouteMetric::QuickAck(u32::from(*v)),
            Metric::CongestionControl { name, .. } => RouteMetric::CcAlgo(name.clone()),
            Metric::FastOpenNoCookie(v) => RouteMetric::FastopenNoCookie(u32::from(*v)),
        }
    }

    /// Its bit in the kernel's lock mask: the number of its attribute.
    fn lock_bit(&self) -> u32 {
        match self {
            Metric::Mtu { lock: true, .. } => 1 << 2,
            Metric::CongestionControl { lock: true, .. } => 1 << 16,
            _ => 0,
        }
    }
}

/// One way of several.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct NextHop {
    /// The router; may be IPv6 for an IPv4 route.
    pub via: Option<IpAddr>,
    /// Index of the interface.
    pub link: Option<u32>,
    /// Share, 1–256.
    pub weight: Option<u16>,
    /// The router is on the link although no prefix says so.
    pub onlink: bool,
    /// Realms: source and destination (IPv4).
    pub realms: Option<(u16, u16)>,
}

/// A route that is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSpec {
    /// Whether it is an IPv6 route.
    pub v6: bool,
    /// Where to; `None` is the default route.
    pub destination: Option<Prefix>,
    /// Only for packets from there (IPv6).
    pub from: Option<Prefix>,
    /// What it does.
    pub kind: RouteKind,
    /// The one way, or several.
    pub hops: Vec<NextHop>,
    /// Source address for packets of this machine.
    pub source: Option<IpAddr>,
    /// Table; 254 is `main`.
    pub table: u32,
    /// Priority (`metric`): the lowest is chosen.
    pub metric: Option<u32>,
    /// Scope as the kernel numbers it; `None` lets the kind decide.
    pub scope: Option<u8>,
    /// TOS (IPv4).
    pub tos: u8,
    /// Whose it is listed as; [`PROTOCOL_KEEPALIVED`] unless written.
    pub protocol: u8,
    /// `low`, `medium`, `high` as 3, 0, 1 (RFC 4191, IPv6).
    pub preference: Option<u8>,
    /// Seconds after which it goes by itself (IPv6).
    pub expires_s: Option<u32>,
    /// Measures.
    pub metrics: Vec<Metric>,
    /// Further measures that nobody may change, `1 << RTAX_…` bits (linux/rtnetlink.h): `lock` before them.
    pub locks: u32,
    /// What packets are wrapped in, each with the position of its way among `hops`.
    pub encapsulations: Vec<(usize, Encapsulation)>,
    /// Whether the TTL goes on into MPLS (`ttl-propagate`).
    pub ttl_propagate: Option<bool>,
    /// What becomes of another route with the same destination, table, metric and TOS.
    pub placement: Placement,
}

/// How a route is put beside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Placement {
    /// It takes the place of the other.
    #[default]
    Replace,
    /// It is refused (`add`).
    Alone,
    /// It comes after the other (`append`).
    Last,
    /// It comes before the other (`prepend`).
    First,
}

impl Placement {
    pub(super) fn flags(self) -> u16 {
        match self {
            Placement::Replace => NLM_F_CREATE | NLM_F_REPLACE,
            Placement::Alone => NLM_F_CREATE | NLM_F_EXCL,
            Placement::Last => NLM_F_CREATE | NLM_F_APPEND,
            Placement::First => NLM_F_CREATE,
        }
    }
}

impl RouteSpec {
    /// A route without options.
    #[must_use]
    pub fn new(v6: bool, destination: Option<Prefix>) -> RouteSpec {
        RouteSpec {
            v6,
            destination,
            from: None,
            kind: RouteKind::Unicast,
            hops: Vec::new(),
            source: None,
            table: u32::from(RouteHeader::RT_TABLE_MAIN),
            metric: None,
            scope: None,
            tos: 0,
            protocol: PROTOCOL_KEEPALIVED,
            preference: None,
            expires_s: None,
            metrics: Vec::new(),
            locks: 0,
            encapsulations: Vec::new(),
            ttl_propagate: None,
            placement: Placement::Replace,
        }
    }

    /// Whether a route in the kernel is this one, for what identifies a route there: destination, source
    /// prefix, table, metric, TOS, kind and owner.
    #[must_use]
    pub fn is(&self, other: &Route) -> bool {
        let default_metric = if self.v6 { 1024 } else { 0 };
        self.v6 == other.v6
            && significant(self.destination) == significant(other.destination)
            && significant(self.from) == significant(other.from)
            && self.table == other.table
            && self.metric.unwrap_or(default_metric) == other.metric.unwrap_or(default_metric)
            && self.tos == other.tos
            && self.kind == other.kind
            && self.protocol == other.protocol
    }

    pub(super) fn message(&self) -> RouteMessage {
        let mut m = self.identity();
        m.header.kind = self.kind.wire();
        m.header.scope = RouteScope::from(self.scope.unwrap_or_else(|| self.usual_scope()));
        let a = &mut m.attributes;
        a.extend(self.source.map(|s| RouteAttribute::PrefSource(RouteAddress::from(s))));
        a.extend(self.preference.map(|p| RouteAttribute::Preference(RoutePreference::from(p))));
        a.extend(self.expires_s.map(RouteAttribute::Expires));
        a.extend(self.ttl_propagate.map(|on| RouteAttribute::TtlPropagate(u8::from(on).into())));
        if !self.metrics.is_empty() {
            a.push(RouteAttribute::Metrics(self.wire_metrics()));
        }
        match self.hops.as_slice() {
            [] => {}
            [one] => {
                a.extend(one.attributes(self.v6));
                a.extend(one.link.map(RouteAttribute::Oif));
                a.extend(self.encapsulation(0));
                if one.onlink {
                    m.header.flags |= RouteFlags::Onlink;
                }
            }
            several => {
                let wire = |(at, hop): (usize, &NextHop)| {
                    let mut wire = hop.wire(self.v6);
                    wire.attributes.extend(self.encapsulation(at));
                    wire
                };
                let hops = several.iter().enumerate().map(wire).collect();
                a.push(RouteAttribute::MultiPath(hops));
            }
        }
        m
    }

    fn encapsulation(&self, hop: usize) -> impl Iterator<Item = RouteAttribute> {
        let own = self.encapsulations.iter().filter(move |(at, _)| *at == hop);
        own.flat_map(|(_, e)| e.attributes())
    }

    /// What a removal names: the kernel compares what is given.
    pub(super) fn removal(&self) -> RouteMessage {
        let mut m = self.identity();
        m.header.kind = self.kind.wire();
        m.header.scope = RouteScope::NoWhere;
        if let [one] = self.hops.as_slice() {
            m.attributes.extend(one.attributes(self.v6));
            m.attributes.extend(one.link.map(RouteAttribute::Oif));
        }
        m
    }

    fn identity(&self) -> RouteMessage {
        let mut m = RouteMessage::default();
        m.header.address_family = if self.v6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
        m.header.protocol = RouteProtocol::from(self.protocol);
        m.header.tos = self.tos;
        m.header.table = u8::try_from(self.table).unwrap_or(RouteHeader::RT_TABLE_UNSPEC);
        m.attributes.push(RouteAttribute::Table(self.table));
        if let Some(p) = self.destination {
            m.header.destination_prefix_length = p.length;
            m.attributes.push(RouteAttribute::Destination(RouteAddress::from(p.address)));
        }
        if let Some(p) = self.from {
            m.header.source_prefix_length = p.length;
            m.attributes.push(RouteAttribute::Source(RouteAddress::from(p.address)));
        }
        m.attributes.extend(self.metric.map(RouteAttribute::Priority));
        m
    }

    /// As `ip-route(8)` chooses it: host for local ones, link for directly connected ones.
    fn usual_scope(&self) -> u8 {
        let direct = !self.hops.is_empty() && self.hops.iter().all(|h| h.via.is_none());
        match self.kind {
            _ if self.v6 => 0,
            RouteKind::Local => 254,
            RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Anycast => 253,
            k if direct && !k.refuses() => 253,
            _ => 0,
        }
    }

    fn wire_metrics(&self) -> Vec<RouteMetric> {
        let locks = self.metrics.iter().fold(self.locks, |all, m| all | m.lock_bit());
        let lock = (locks != 0).then_some(RouteMetric::Lock(locks));
        lock.into_iter().chain(self.metrics.iter().map(Metric::wire)).collect()
    }
}

/// A prefix without the bits that do not count; a default route is none.
fn significant(p: Option<Prefix>) -> Option<(IpAddr, u8)> {
    let p = p.filter(|p| p.length > 0)?;
    let address = match p.address {
        IpAddr::V4(a) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(p.length.min(32))).unwrap_or(0);
            IpAddr::from((u32::from(a) & mask).to_be_bytes())
        }
        IpAddr::V6(a) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(p.length.min(128))).unwrap_or(0);
            IpAddr::from((u128::from(a) & mask).to_be_bytes())
        }
    };
    Some((address, p.length))
}

impl NextHop {
    fn attributes(&self, v6: bool) -> Vec<RouteAttribute> {
        let via = self.via.map(|via| match via {
            IpAddr::V6(a) if !v6 => RouteAttribute::Via(RouteVia::Inet6(a)),
            via => RouteAttribute::Gateway(RouteAddress::from(via)),
        });
        let realm = self
            .realms
            .map(|(source, destination)| RouteAttribute::Realm(RouteRealm { source, destination }));
        via.into_iter().chain(realm).collect()
    }

    fn wire(&self, v6: bool) -> RouteNextHop {
        let mut hop = RouteNextHop::default();
        hop.interface_index = self.link.unwrap_or(0);
        hop.hops = u8::try_from(self.weight.unwrap_or(1).saturating_sub(1)).unwrap_or(u8::MAX);
        if self.onlink {
            hop.flags = RouteNextHopFlags::Onlink;
        }
        hop.attributes = self.attributes(v6);
        hop
    }
}

/// A route the kernel has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Whether it is an IPv6 route.
    pub v6: bool,
    /// Where to; `None` is the default route.
    pub destination: Option<Prefix>,
    /// Only for packets from there.
    pub from: Option<Prefix>,
    /// What it does.
    pub kind: RouteKind,
    /// The router, when there is one way.
    pub via: Option<IpAddr>,
    /// Index of the interface, when there is one way.
    pub link: Option<u32>,
    /// Table.
    pub table: u32,
    /// Priority.
    pub metric: Option<u32>,
    /// TOS.
    pub tos: u8,
    /// Whose it is.
    pub protocol: u8,
    /// Seconds it still stays, when it goes by itself.
    pub expires_s: Option<u32>,
}

impl Route {
    pub(super) fn from_message(m: &RouteMessage) -> Option<Route> {
        let h = &m.header;
        let v6 = match h.address_family {
            AddressFamily::Inet => false,
            AddressFamily::Inet6 => true,
            _ => return None,
        };
        let mut route = Route {
            v6,
            destination: None,
            from: None,
            kind: RouteKind::from_wire(h.kind)?,
            via: None,
            link: None,
            table: u32::from(h.table),
            metric: None,
            tos: h.tos,
            protocol: h.protocol.into(),
            expires_s: None,
        };
        for attribute in &m.attributes {
            match attribute {
                RouteAttribute::Destination(a) => route.destination = prefix(a, h.destination_prefix_length),
                RouteAttribute::Source(a) => route.from = prefix(a, h.source_prefix_length),
                RouteAttribute::Gateway(a) => route.via = plain(a),
                RouteAttribute::Via(RouteVia::Inet6(a)) => route.via = Some(IpAddr::V6(*a)),
                RouteAttribute::Oif(l) => route.link = Some(*l),
                RouteAttribute::Table(t) => route.table = *t,
                RouteAttribute::Priority(p) => route.metric = Some(*p),
                RouteAttribute::CacheInfo(c) => route.expires_s = seconds_left(c),
                _ => {}
            }
        }
        Some(route)
    }
}

/// The kernel counts hundredths of a second here; none is no end.
fn seconds_left(c: &RouteCacheInfo) -> Option<u32> {
    (c.expires > 0).then_some(c.expires / 100)
}

fn plain(a: &RouteAddress) -> Option<IpAddr> {
    match a {
        RouteAddress::Inet(a) => Some(IpAddr::V4(*a)),
        RouteAddress::Inet6(a) => Some(IpAddr::V6(*a)),
        _ => None,
    }
}

fn prefix(a: &RouteAddress, length: u8) -> Option<Prefix> {
    plain(a).map(|address| Prefix { address, length })
}

impl Netlink {
    /// Every route of every table, both families.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn routes(&mut self) -> io::Result<Vec<Route>> {
        let mut all = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut question = RouteMessage::default();
            question.header.address_family = family;
            let answers = self.dump(&RouteNetlinkMessage::GetRoute(question))?;
            all.extend(answers.iter().filter_map(from_any));
        }
        Ok(all)
    }
}

fn from_any(m: &RouteNetlinkMessage) -> Option<Route> {
    match m {
        RouteNetlinkMessage::NewRoute(r) => Route::from_message(r),
        _ => None,
    }
}
