//! Routes and rules that come and go with an instance, or stay. Terms are those of ip-route(8), ip-rule(8).

use std::net::IpAddr;

use rha_text::Span;

use super::IpPrefix;

/// `add`, `append`, `prepend`: how a route is put beside others to the same destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RouteAction {
    /// Nothing written: replace.
    #[default]
    Replace,
    /// `add`: fail if there is one.
    Add,
    /// `append`.
    Append,
    /// `prepend`.
    Prepend,
}

/// What a route does; the kernel's `RTN_…` numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(missing_docs, reason = "named as in ip-route(8)")]
pub enum RouteType {
    #[default]
    Unicast,
    Local,
    Broadcast,
    Anycast,
    Multicast,
    Blackhole,
    Unreachable,
    Prohibit,
    Throw,
}

/// Numbers of a route that the kernel keeps per destination (`RTAX_…`), each `None` when not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(missing_docs, reason = "named as in ip-route(8); times in milliseconds as the kernel takes them")]
pub struct RouteMetrics {
    pub mtu: Option<u32>,
    pub hoplimit: Option<u32>,
    pub advmss: Option<u32>,
    pub rtt: Option<u32>,
    pub rttvar: Option<u32>,
    pub reordering: Option<u32>,
    pub window: Option<u32>,
    pub cwnd: Option<u32>,
    pub ssthresh: Option<u32>,
    pub rto_min: Option<u32>,
    pub initcwnd: Option<u32>,
    pub initrwnd: Option<u32>,
    pub quickack: Option<bool>,
    pub fastopen_no_cookie: Option<bool>,
    /// Bits of `RTAX_LOCK`: a value written after `lock`.
    pub lock: u32,
    /// Bits of `RTAX_FEATURES` (1 ecn).
    pub features: u32,
}

/// Outer header of an `encap ip` or `encap ip6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EncapIp {
    /// `id`.
    pub id: Option<u64>,
    /// `dst`.
    pub dst: Option<IpAddr>,
    /// `src`.
    pub src: Option<IpAddr>,
    /// `tos`, `tc`.
    pub tos: Option<u8>,
    /// `ttl`, `hoplimit`.
    pub ttl: Option<u8>,
    /// `flags`.
    pub flags: Option<u16>,
}

/// `encap`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Encap {
    /// `encap ip`.
    Ip(EncapIp),
    /// `encap ip6`.
    Ip6(EncapIp),
    /// `encap mpls LABEL[/LABEL]`.
    Mpls(Vec<u32>),
    /// `encap ila LOCATOR`.
    Ila(u64),
}

/// `nexthop` of a multipath route.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct NextHop {
    /// `via`.
    pub via: Option<IpAddr>,
    /// `dev`.
    pub interface: Option<String>,
    /// `weight`, 1..=256.
    pub weight: Option<u16>,
    /// `onlink`.
    pub onlink: bool,
    /// `realms from/to` as the kernel's 32 bits.
    pub realms: Option<u32>,
    /// `encap`.
    pub encap: Option<Encap>,
}

/// A line of `virtual_routes` or `static_routes`. keepalived.conf(5) "Static routes".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpRoute {
    /// Destination; 0.0.0.0/0 or ::/0 for `default`.
    pub dst: IpPrefix,
    /// Whether IPv6 is meant (`default` alone does not tell).
    pub ipv6: bool,
    /// `from` (IPv6): source the route is for.
    pub from: Option<IpPrefix>,
    /// `src`: source address to prefer.
    pub src: Option<IpAddr>,
    /// `via`.
    pub via: Option<IpAddr>,
    /// `dev`, otherwise the instance's interface only where the kernel needs one.
    pub interface: Option<String>,
    /// `table`; 254 (main) by default.
    pub table: u32,
    /// `protocol`; 18 (keepalived) by default.
    pub protocol: u8,
    /// `scope`; `None` follows from the type and gateway.
    pub scope: Option<u8>,
    /// `metric`, `priority`, `preference`.
    pub metric: Option<u32>,
    /// `tos`, `dsfield`.
    pub tos: Option<u8>,
    /// `realms from/to` as the kernel's 32 bits.
    pub realms: Option<u32>,
    /// `pref low|medium|high` (IPv6 router preference) as its number.
    pub pref: Option<u8>,
    /// `expires`, seconds (IPv6).
    pub expires: Option<u32>,
    /// `ttl-propagate`.
    pub ttl_propagate: Option<bool>,
    /// `congctl`; the flag says `lock`.
    pub congctl: Option<(String, bool)>,
    /// `onlink`.
    pub onlink: bool,
    /// Type word; `unicast` by default.
    pub kind: RouteType,
    /// `add`, `append`, `prepend`.
    pub action: RouteAction,
    /// Per-destination numbers.
    pub metrics: RouteMetrics,
    /// `encap`.
    pub encap: Option<Encap>,
    /// `nexthop …` parts; with any of them `via` is empty.
    pub next_hops: Vec<NextHop>,
    /// `no_track`: a deletion by others is not a reason to leave MASTER.
    pub no_track: bool,
    /// `track_group` (static routes).
    pub track_group: Option<String>,
    /// Where it was written.
    pub origin: Span,
}

/// Inclusive ports of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortRange {
    /// First.
    pub start: u16,
    /// Last.
    pub end: u16,
}

/// What a rule does; the kernel's `FR_ACT_…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RuleAction {
    /// `table`: look there.
    #[default]
    ToTable,
    /// `goto` another rule by its preference.
    Goto(u32),
    /// `nop`.
    Nop,
    /// `blackhole`.
    Blackhole,
    /// `unreachable`.
    Unreachable,
    /// `prohibit`.
    Prohibit,
}

/// A line of `virtual_rules` or `static_rules`. keepalived.conf(5) "Static rules".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpRule {
    /// Whether it is in the IPv6 rule list.
    pub ipv6: bool,
    /// `not`.
    pub invert: bool,
    /// `from`; `None` for all.
    pub from: Option<IpPrefix>,
    /// `to`; `None` for all.
    pub to: Option<IpPrefix>,
    /// `preference`; chosen from 16384 downwards when not written.
    pub preference: u32,
    /// `table`.
    pub table: Option<u32>,
    /// `l3mdev`.
    pub l3mdev: bool,
    /// `goto`, `nop`, or a type word.
    pub action: RuleAction,
    /// `iif`, `dev`.
    pub iif: Option<String>,
    /// `oif`.
    pub oif: Option<String>,
    /// `fwmark value[/mask]`.
    pub fwmark: Option<(u32, Option<u32>)>,
    /// `tos`, `dsfield`.
    pub tos: Option<u8>,
    /// `realms from/to` as the kernel's 32 bits.
    pub realms: Option<u32>,
    /// `tunnel-id`.
    pub tunnel_id: Option<u64>,
    /// `suppress_prefixlength`.
    pub suppress_prefix_len: Option<i32>,
    /// `suppress_ifgroup`.
    pub suppress_group: Option<u32>,
    /// `uidrange`.
    pub uid_range: Option<(u32, u32)>,
    /// `protocol`; 18 (keepalived) by default.
    pub protocol: Option<u8>,
    /// `ipproto`.
    pub ip_proto: Option<u8>,
    /// `sport`.
    pub sport: Option<PortRange>,
    /// `dport`.
    pub dport: Option<PortRange>,
    /// `no_track`.
    pub no_track: bool,
    /// `track_group` (static rules).
    pub track_group: Option<String>,
    /// Where it was written.
    pub origin: Span,
}
