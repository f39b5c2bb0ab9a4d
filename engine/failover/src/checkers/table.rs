//! The kernel's side of virtual servers: IPVS where there is one, NAT by nftables where there is none.
//!
//! [`Ledger`] is pure: it knows which destinations are in and says what has to change. [`Table`] carries that out.
//! keepalived.conf(5) "lvs_method", "lvs_sched", "persistence_timeout". DIFFERS: without IPVS the original ends, VRRP
//! and all; here NAT goes on through nftables (`rha_net::nft`), and DR and TUN are refused by name.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};

use rha_health::lvs::KernelChange;
use rha_ir::failover::{
    Forwarding, GroupEntry, LvsProtocol, Tunnel, TunnelKind, VirtualServer, VirtualServerGroup,
    VirtualServerKey,
};
use rha_net::ipvs::{
    Ipvs, IpvsChange, IpvsForward, IpvsSelector, IpvsServer, IpvsService, IpvsTimeouts, IpvsTunnel,
};
use rha_net::nft::{self, NatSelector, NatServer, NatService, Spread};

/// Most addresses of one group's ranges together.
const RANGE_MAX: usize = 65536;

/// A virtual server as the kernel is to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// As lines name it.
    pub name: String,
    /// One service for each: an address, a mark, or all of a group. `scheduler` and what follows are the same.
    pub services: Vec<IpvsService>,
    /// Real servers.
    pub servers: Vec<Destination>,
    /// `sorry_server`.
    pub sorry: Option<Destination>,
}

/// A real server as the kernel is to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    /// Address and port.
    pub address: SocketAddr,
    /// How packets reach it.
    pub forward: IpvsForward,
    /// `uthreshold`.
    pub upper: u32,
    /// `lthreshold`.
    pub lower: u32,
}

impl Service {
    /// From the model.
    #[must_use]
    pub fn new(vs: &VirtualServer, groups: &[VirtualServerGroup], name: &str) -> Service {
        let persistence = &vs.persistence;
        let granularity = persistence.granularity.map(|g| if vs.ipv6 { g } else { g.count_ones() });
        let flags = &vs.flags;
        let service = |selector| IpvsService {
            selector,
            scheduler: vs.scheduler.clone(),
            scheduler_flags: u8::from(flags.flag1) | u8::from(flags.flag2) << 1 | u8::from(flags.flag3) << 2,
            one_packet: flags.one_packet,
            persistence_s: Some(persistence.timeout).filter(|s| *s > 0),
            granularity: granularity.and_then(|g| u8::try_from(g).ok()),
            engine: persistence.engine.clone(),
        };
        let servers = vs.real_servers.iter().map(|s| Destination {
            address: s.address,
            forward: forward(s.forwarding),
            upper: s.upper_threshold,
            lower: s.lower_threshold,
        });
        let sorry = vs.sorry.as_ref().map(|s| Destination {
            address: s.address,
            forward: forward(s.forwarding),
            upper: 0,
            lower: 0,
        });
        Service {
            name: name.to_owned(),
            services: selectors(vs, groups).into_iter().map(service).collect(),
            servers: servers.collect(),
            sorry,
        }
    }

    /// Why nftables cannot do it, if it cannot.
    #[must_use]
    pub fn needs_ipvs(&self) -> Option<&'static str> {
        let all = self.servers.iter().chain(&self.sorry);
        let of = |d: &Destination| match d.forward {
            IpvsForward::Nat => None,
            IpvsForward::Direct => Some("lvs_method DR needs IPVS (ip_vs), which this kernel does not have"),
            IpvsForward::Tunnel(_) => {
                Some("lvs_method TUN needs IPVS (ip_vs), which this kernel does not have")
            }
        };
        all.into_iter().find_map(of)
    }

    fn destination(&self, server: Option<usize>) -> Option<Destination> {
        match server {
            Some(server) => self.servers.get(server).copied(),
            None => self.sorry,
        }
    }
}

fn forward(written: Forwarding) -> IpvsForward {
    match written {
        Forwarding::Unset | Forwarding::Nat => IpvsForward::Nat,
        Forwarding::DirectRoute => IpvsForward::Direct,
        Forwarding::Tunnel(Tunnel { kind, port, checksum }) => {
            let flags = u16::from(checksum);
            IpvsForward::Tunnel(match kind {
                TunnelKind::Ipip => IpvsTunnel::IpIp,
                TunnelKind::Gue => IpvsTunnel::Gue { port, flags },
                TunnelKind::Gre => IpvsTunnel::Gre { flags },
            })
        }
    }
}

fn protocol(vs: &VirtualServer) -> u8 {
    match vs.protocol {
        None | Some(LvsProtocol::Tcp) => 6,
        Some(LvsProtocol::Udp) => 17,
        Some(LvsProtocol::Sctp) => 132,
    }
}

fn selectors(vs: &VirtualServer, groups: &[VirtualServerGroup]) -> Vec<IpvsSelector> {
    let protocol = protocol(vs);
    let at = |address, port| IpvsSelector::Address { address, protocol, port };
    match &vs.key {
        VirtualServerKey::Address(address) => vec![at(address.ip(), address.port())],
        VirtualServerKey::Mark(mark) => vec![IpvsSelector::Mark { mark: *mark, v6: vs.ipv6 }],
        VirtualServerKey::Group(name) => {
            let entries = groups.iter().filter(|g| g.name == *name).flat_map(|g| &g.entries);
            let of = |entry: &GroupEntry| match entry {
                GroupEntry::Range { first, last, port, .. } => {
                    range(*first, *last).into_iter().map(|a| at(a, *port)).collect::<Vec<_>>()
                }
                GroupEntry::Mark { mark, ipv6, .. } => {
                    vec![IpvsSelector::Mark { mark: *mark, v6: ipv6.unwrap_or(vs.ipv6) }]
                }
            };
            entries.flat_map(of).take(RANGE_MAX).collect()
        }
    }
}

/// Addresses from the first to the last.
fn range(first: IpAddr, last: IpAddr) -> Vec<IpAddr> {
    match (first, last) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (a.to_bits()..=b.to_bits()).take(RANGE_MAX).map(|n| IpAddr::V4(n.into())).collect()
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            (a.to_bits()..=b.to_bits()).take(RANGE_MAX).map(|n| IpAddr::V6(n.into())).collect()
        }
        _ => Vec::new(),
    }
}

/// What is in the kernel's table.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    services: Vec<(Service, Members)>,
}

/// Weights of destinations that are in; the sorry server may be a real server elsewhere, so that it counts apart.
type Members = BTreeMap<(bool, SocketAddr), u32>;

impl Ledger {
    /// Another configuration: what has to change for services themselves. Destinations that stay are those whose
    /// removal was not ordered before.
    pub fn replace(&mut self, next: Vec<Service>) -> Vec<IpvsChange> {
        let mut changes = Vec::new();
        let old = std::mem::take(&mut self.services);
        let before: Vec<&IpvsService> = old.iter().flat_map(|(s, _)| &s.services).collect();
        let after: Vec<&IpvsService> = next.iter().flat_map(|s| &s.services).collect();
        for service in &before {
            if !after.iter().any(|s| s.selector == service.selector) {
                changes.push(IpvsChange::RemoveService(service.selector));
            }
        }
        for service in &after {
            match before.iter().find(|s| s.selector == service.selector) {
                None => changes.push(IpvsChange::AddService((*service).clone())),
                Some(same) if same == service => {}
                Some(_) => changes.push(IpvsChange::SetService((*service).clone())),
            }
        }
        for service in next {
            let same = old.iter().find(|(s, _)| s.name == service.name);
            let members = same.map(|(_, m)| m.clone()).unwrap_or_default();
            changes.extend(catch_up(&service, same.map(|(s, _)| s), &members));
            self.services.push((service, members));
        }
        changes
    }

    /// One change of a destination.
    pub fn change(&mut self, pool: usize, change: KernelChange) -> Vec<IpvsChange> {
        let Some((service, members)) = self.services.get_mut(pool) else { return Vec::new() };
        let (server, weight) = match change {
            KernelChange::Add { server, weight } | KernelChange::Weight { server, weight } => {
                (Some(server), Some(weight))
            }
            KernelChange::Remove { server } => (Some(server), None),
            KernelChange::AddSorry { weight } | KernelChange::SorryWeight { weight } => (None, Some(weight)),
            KernelChange::RemoveSorry => (None, None),
        };
        let Some(destination) = service.destination(server) else { return Vec::new() };
        let key = (server.is_none(), destination.address);
        let was = match weight {
            Some(weight) => members.insert(key, weight),
            None => members.remove(&key),
        };
        let make: fn(IpvsSelector, IpvsServer) -> IpvsChange = match (was, weight) {
            (None, None) => return Vec::new(),
            (None, Some(_)) => IpvsChange::AddServer,
            (Some(_), Some(_)) => IpvsChange::SetServer,
            (Some(_), None) => IpvsChange::RemoveServer,
        };
        let to = |s: &IpvsService| make(s.selector, server_of(s, destination, weight.unwrap_or(0)));
        service.services.iter().map(to).collect()
    }

    /// The same as NAT: services whose destinations all are, with those that are in.
    #[must_use]
    pub fn nat(&self) -> Vec<NatService> {
        let able = self.services.iter().filter(|(s, _)| s.needs_ipvs().is_none());
        able.flat_map(|(service, members)| {
            let servers: Vec<NatServer> = members
                .iter()
                .map(|((_, a), weight)| NatServer { address: a.ip(), port: a.port(), weight: *weight })
                .collect();
            service.services.iter().map(move |s| NatService {
                selector: match s.selector {
                    IpvsSelector::Address { address, protocol, port } => {
                        NatSelector::Address { address, protocol, port }
                    }
                    IpvsSelector::Mark { mark, v6 } => NatSelector::Mark { mark, v6 },
                },
                spread: spread(s),
                servers: servers.clone(),
            })
        })
        .collect()
    }

    /// Everything goes.
    pub fn clear(&mut self) -> Vec<IpvsChange> {
        self.replace(Vec::new())
    }
}

/// Services of a group that are new get the destinations the others have; destinations that are reached in another
/// way are changed.
fn catch_up(service: &Service, before: Option<&Service>, members: &Members) -> Vec<IpvsChange> {
    let Some(before) = before else { return Vec::new() };
    let mut changes = Vec::new();
    let of = |s: &Service, (sorry, address): (bool, SocketAddr)| {
        if sorry { s.sorry } else { s.servers.iter().find(|d| d.address == address).copied() }
    };
    for s in &service.services {
        let fresh = !before.services.iter().any(|b| b.selector == s.selector);
        for (key, weight) in members {
            let Some(now) = of(service, *key) else { continue };
            let server = server_of(s, now, *weight);
            if fresh {
                changes.push(IpvsChange::AddServer(s.selector, server));
            } else if of(before, *key).is_some_and(|was| server_of(s, was, *weight) != server) {
                changes.push(IpvsChange::SetServer(s.selector, server));
            }
        }
    }
    changes
}

/// COMPAT: without NAT packets keep their port, so that the destination's is the service's.
fn server_of(service: &IpvsService, destination: Destination, weight: u32) -> IpvsServer {
    let port = match (destination.forward, service.selector) {
        (IpvsForward::Nat, _) => destination.address.port(),
        (_, IpvsSelector::Address { port, .. }) => port,
        (_, IpvsSelector::Mark { .. }) => 0,
    };
    let Destination { address, forward, upper, lower } = destination;
    IpvsServer { address: address.ip(), port, forward, weight, upper, lower }
}

fn spread(service: &IpvsService) -> Spread {
    let ports = service.scheduler_flags & 2 != 0;
    match service.scheduler.as_str() {
        "sh" | "mh" if ports => Spread::SourceAndPort,
        "sh" | "mh" => Spread::Source,
        "dh" => Spread::Destination,
        _ if service.persistence_s.is_some() => Spread::Source,
        _ => Spread::InTurn,
    }
}

/// Who carries changes out.
#[derive(Debug)]
enum Carrier {
    Ipvs(Ipvs),
    Nat {
        /// Name of the nftables table.
        table: String,
        /// The script must be applied again.
        stale: bool,
    },
}

/// The kernel's table.
#[derive(Debug)]
pub struct Table {
    ledger: Ledger,
    flush_at_end: bool,
    carrier: Carrier,
}

/// What a table starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Name of the nftables table that stands in for IPVS.
    pub table: String,
    /// `lvs_flush`: what others left in IPVS goes.
    pub flush: bool,
    /// `lvs_flush_on_stop`: at the end, what others have there goes, too.
    pub flush_at_end: bool,
    /// `lvs_timeouts` tcp; 0 leaves it.
    pub tcp_s: u32,
    /// `lvs_timeouts` tcpfin.
    pub tcp_fin_s: u32,
    /// `lvs_timeouts` udp.
    pub udp_s: u32,
}

impl Start {
    fn changes(&self) -> Vec<IpvsChange> {
        let Start { tcp_s, tcp_fin_s, udp_s, .. } = *self;
        let flush = self.flush.then_some(IpvsChange::Flush);
        let timeouts = (tcp_s | tcp_fin_s | udp_s != 0).then_some(IpvsChange::SetTimeouts(IpvsTimeouts {
            tcp_s,
            tcp_fin_s,
            udp_s,
        }));
        flush.into_iter().chain(timeouts).collect()
    }
}

impl Table {
    /// IPVS, or nftables; and the lines that say so.
    #[must_use]
    pub fn open(start: Start) -> (Table, Vec<String>) {
        let changes = start.changes();
        let flush_at_end = start.flush_at_end;
        let (mut table, mut lines) = Table::choose(start.table);
        table.flush_at_end = flush_at_end;
        if matches!(table.carrier, Carrier::Ipvs(_)) {
            lines.extend(table.carry(&changes));
        }
        (table, lines)
    }

    fn choose(table: String) -> (Table, Vec<String>) {
        let (carrier, lines) = match Ipvs::open() {
            Ok(ipvs) => (Carrier::Ipvs(ipvs), Vec::new()),
            Err(e) => {
                let missing = if e.kind() == io::ErrorKind::Unsupported {
                    "No such file or directory".to_owned()
                } else {
                    e.to_string()
                };
                let lines = vec![
                    format!("IPVS: Can't initialize ipvs: {missing}"),
                    format!("virtual servers with lvs_method NAT are forwarded by nftables table {table}"),
                ];
                (Carrier::Nat { table, stale: false }, lines)
            }
        };
        (Table { ledger: Ledger::default(), flush_at_end: false, carrier }, lines)
    }

    /// Another configuration, after what it makes of the old one was carried out; lines to log.
    pub fn replace(&mut self, next: Vec<Service>) -> Vec<String> {
        let mut lines = Vec::new();
        if matches!(self.carrier, Carrier::Nat { .. }) {
            let refused = |s: &Service| s.needs_ipvs().map(|why| format!("VS {}: {why}", s.name));
            lines.extend(next.iter().filter_map(refused));
        }
        let changes = self.ledger.replace(next);
        lines.extend(self.carry(&changes));
        lines
    }

    /// One change; lines to log.
    pub fn change(&mut self, pool: usize, change: KernelChange) -> Vec<String> {
        let changes = self.ledger.change(pool, change);
        self.carry(&changes)
    }

    /// Makes true what was gathered: call it when no more changes wait. Lines to log.
    pub async fn flush(&mut self) -> Vec<String> {
        let Carrier::Nat { table, stale } = &mut self.carrier else { return Vec::new() };
        if !std::mem::take(stale) {
            return Vec::new();
        }
        apply(nft::nat_table(table, &self.ledger.nat())).await.into_iter().collect()
    }

    /// Everything goes; lines to log.
    pub async fn close(&mut self) -> Vec<String> {
        let mut changes = self.ledger.clear();
        if self.flush_at_end && matches!(self.carrier, Carrier::Ipvs(_)) {
            changes = vec![IpvsChange::Flush];
        }
        let mut lines = self.carry(&changes);
        if let Carrier::Nat { table, stale } = &mut self.carrier {
            *stale = false;
            lines.extend(apply(nft::remove_nat_table(table)).await);
        }
        lines
    }

    fn carry(&mut self, changes: &[IpvsChange]) -> Vec<String> {
        match &mut self.carrier {
            Carrier::Nat { stale, .. } => {
                *stale |= !changes.is_empty();
                Vec::new()
            }
            Carrier::Ipvs(ipvs) => match ipvs.apply(changes) {
                Ok(refused) => refused.iter().map(|r| format!("IPVS: {}", r.error)).collect(),
                Err(e) => vec![format!("IPVS: {e}")],
            },
        }
    }
}

/// `nft` takes some milliseconds, in which adverts may be due: it runs beside the loop. Tried twice, because a signal
/// to our process group ends it, too. The line, if it failed.
async fn apply(script: String) -> Option<String> {
    let twice = move || nft::apply(&script).or_else(|_| nft::apply(&script));
    match tokio::task::spawn_blocking(twice).await {
        Ok(Ok(())) => None,
        Ok(Err(e)) => Some(format!("nftables: {e}")),
        Err(e) => Some(format!("nftables: {e}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> IpvsSelector {
        let a: SocketAddr = address.parse().unwrap();
        IpvsSelector::Address { address: a.ip(), protocol: 6, port: a.port() }
    }

    fn ipvs(selector: IpvsSelector) -> IpvsService {
        IpvsService {
            selector,
            scheduler: "rr".to_owned(),
            scheduler_flags: 0,
            one_packet: false,
            persistence_s: None,
            granularity: None,
            engine: None,
        }
    }

    fn to(address: &str, forward: IpvsForward) -> Destination {
        Destination { address: address.parse().unwrap(), forward, upper: 0, lower: 0 }
    }

    fn service(name: &str, selectors: &[&str], servers: &[&str], forward: IpvsForward) -> Service {
        Service {
            name: name.to_owned(),
            services: selectors.iter().map(|s| ipvs(at(s))).collect(),
            servers: servers.iter().map(|s| to(s, forward)).collect(),
            sorry: Some(to("10.0.0.99:80", forward)),
        }
    }

    fn text(changes: &[IpvsChange]) -> Vec<String> {
        let selector = |s: &IpvsSelector| match s {
            IpvsSelector::Address { address, port, .. } => format!("{address}:{port}"),
            IpvsSelector::Mark { mark, .. } => format!("mark {mark}"),
        };
        let one = |c: &IpvsChange| match c {
            IpvsChange::AddService(s) => format!("+{}", selector(&s.selector)),
            IpvsChange::SetService(s) => format!("={} {}", selector(&s.selector), s.scheduler),
            IpvsChange::RemoveService(s) => format!("-{}", selector(s)),
            IpvsChange::AddServer(s, d) => format!("{} +{}:{} w{}", selector(s), d.address, d.port, d.weight),
            IpvsChange::SetServer(s, d) => format!("{} ={}:{} w{}", selector(s), d.address, d.port, d.weight),
            IpvsChange::RemoveServer(s, d) => format!("{} -{}:{}", selector(s), d.address, d.port),
            other => format!("{other:?}"),
        };
        changes.iter().map(one).collect()
    }

    #[test]
    fn changes_reach_every_service_of_a_group() {
        let mut ledger = Ledger::default();
        let two = service("g", &["10.9.9.1:80", "10.9.9.2:81"], &["10.0.0.1:8080"], IpvsForward::Nat);
        assert_eq!(text(&ledger.replace(vec![two.clone()])), ["+10.9.9.1:80", "+10.9.9.2:81"]);
        for (change, expected) in [
            (
                KernelChange::Add { server: 0, weight: 3 },
                &["10.9.9.1:80 +10.0.0.1:8080 w3", "10.9.9.2:81 +10.0.0.1:8080 w3"][..],
            ),
            (
                KernelChange::Weight { server: 0, weight: 0 },
                &["10.9.9.1:80 =10.0.0.1:8080 w0", "10.9.9.2:81 =10.0.0.1:8080 w0"],
            ),
            (
                KernelChange::AddSorry { weight: 1 },
                &["10.9.9.1:80 +10.0.0.99:80 w1", "10.9.9.2:81 +10.0.0.99:80 w1"],
            ),
            (KernelChange::RemoveSorry, &["10.9.9.1:80 -10.0.0.99:80", "10.9.9.2:81 -10.0.0.99:80"]),
            (KernelChange::Remove { server: 7 }, &[]),
        ] {
            assert_eq!(text(&ledger.change(0, change)), expected, "{change:?}");
        }
        assert_eq!(ledger.change(9, KernelChange::RemoveSorry), []);
        // one service more: it gets what the others have; one less; another scheduler
        let mut three = service("g", &["10.9.9.1:80", "10.9.9.3:80"], &["10.0.0.1:8080"], IpvsForward::Nat);
        three.services[0].scheduler = "wlc".to_owned();
        assert_eq!(
            text(&ledger.replace(vec![three])),
            ["-10.9.9.2:81", "=10.9.9.1:80 wlc", "+10.9.9.3:80", "10.9.9.3:80 +10.0.0.1:8080 w0"]
        );
        assert_eq!(text(&ledger.clear()), ["-10.9.9.1:80", "-10.9.9.3:80"]);
    }

    #[test]
    fn without_nat_the_port_is_the_service_s() {
        for (forward, port) in
            [(IpvsForward::Nat, 8080), (IpvsForward::Direct, 80), (IpvsForward::Tunnel(IpvsTunnel::IpIp), 80)]
        {
            let mut ledger = Ledger::default();
            ledger.replace(vec![service("a", &["10.9.9.1:80"], &["10.0.0.1:8080"], forward)]);
            let changes = ledger.change(0, KernelChange::Add { server: 0, weight: 1 });
            assert_eq!(text(&changes), [format!("10.9.9.1:80 +10.0.0.1:{port} w1")]);
        }
        let mark = ipvs(IpvsSelector::Mark { mark: 5, v6: false });
        assert_eq!(server_of(&mark, to("10.0.0.1:80", IpvsForward::Direct), 1).port, 0);
        assert_eq!(server_of(&mark, to("10.0.0.1:80", IpvsForward::Nat), 1).port, 80);
    }

    #[test]
    fn nat_stands_in_where_it_can() {
        let mut ledger = Ledger::default();
        let nat = service("a", &["10.9.9.1:80"], &["10.0.0.1:80", "10.0.0.2:80"], IpvsForward::Nat);
        let direct = service("b", &["10.9.9.2:80"], &["10.0.0.1:80"], IpvsForward::Direct);
        assert_eq!(nat.needs_ipvs(), None);
        assert!(direct.needs_ipvs().unwrap().contains("lvs_method DR needs IPVS"));
        ledger.replace(vec![nat, direct]);
        ledger.change(0, KernelChange::Add { server: 1, weight: 2 });
        ledger.change(1, KernelChange::Add { server: 0, weight: 2 });
        let services = ledger.nat();
        assert_eq!(services.len(), 1);
        let server = NatServer { address: "10.0.0.2".parse().unwrap(), port: 80, weight: 2 };
        assert_eq!(services[0].servers, [server]);
        for (scheduler, flags, persistent, expected) in [
            ("rr", 0, false, Spread::InTurn),
            ("wlc", 0, true, Spread::Source),
            ("sh", 0, false, Spread::Source),
            ("sh", 2, false, Spread::SourceAndPort),
            ("mh", 1, false, Spread::Source),
            ("dh", 0, false, Spread::Destination),
        ] {
            let mut s = ipvs(at("10.9.9.1:80"));
            s.scheduler = scheduler.to_owned();
            s.scheduler_flags = flags;
            s.persistence_s = persistent.then_some(60);
            assert_eq!(spread(&s), expected, "{scheduler}");
        }
    }

    #[test]
    fn ranges_are_counted_out() {
        let a = |s: &str| s.parse::<IpAddr>().unwrap();
        assert_eq!(range(a("10.0.0.254"), a("10.0.1.1")).len(), 4);
        assert_eq!(range(a("::1"), a("::3")), [a("::1"), a("::2"), a("::3")]);
        assert!(range(a("10.0.0.2"), a("10.0.0.1")).is_empty());
        assert!(range(a("10.0.0.2"), a("::1")).is_empty());
        assert_eq!(range(a("::"), a("ffff::")).len(), RANGE_MAX);
    }
}
