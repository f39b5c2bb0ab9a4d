//! NAT for virtual servers where the kernel has no IPVS: one rule a service, servers chosen by a generated
//! number or a hash over as many slots as their weights add up to.
//!
//! DIFFERS: connections are not counted, so that least-connection schedulers become round robin with weights,
//! and persistence becomes a hash of the client's address without an end; the caller says so at start.

use std::fmt::Write;
use std::net::IpAddr;

/// What is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NatSelector {
    /// An address, a protocol by its number (6 TCP, 17 UDP, 132 SCTP) and a port (0: all).
    Address {
        /// The virtual address.
        address: IpAddr,
        /// IP protocol.
        protocol: u8,
        /// Port; 0 is all.
        port: u16,
    },
    /// A firewall mark, for IPv4 or IPv6.
    Mark {
        /// The mark.
        mark: u32,
        /// IPv6.
        v6: bool,
    },
}

/// How connections are spread over servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Spread {
    /// In turn (`rr`, `wrr`, and what counts connections).
    #[default]
    InTurn,
    /// By the client's address (`sh`, persistence).
    Source,
    /// By the virtual address (`dh`).
    Destination,
    /// By the client's address and port (`mh` with ports).
    SourceAndPort,
}

/// A server connections go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NatServer {
    /// Its address, of the service's family.
    pub address: IpAddr,
    /// Its port; 0 keeps the one connected to.
    pub port: u16,
    /// Its share; 0 gets no new connections.
    pub weight: u32,
}

/// A virtual server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatService {
    /// What is forwarded.
    pub selector: NatSelector,
    /// How it is spread.
    pub spread: Spread,
    /// Servers that are up; none refuses connections.
    pub servers: Vec<NatServer>,
}

/// Most slots of one service: weights are scaled down to it.
const MOST_SLOTS: u32 = 1024;

/// The script that makes the tables of these services, replacing former ones in the same transaction.
/// Connections that exist stay with their server.
#[must_use]
pub fn nat_table(table: &str, services: &[NatService]) -> String {
    let mut out = remove_nat_table(table);
    for (family, v6) in [("ip", false), ("ip6", true)] {
        let of_family: Vec<&NatService> = services.iter().filter(|s| s.is_v6() == v6).collect();
        if of_family.is_empty() {
            continue;
        }
        let _ = writeln!(out, "add table {family} {table}");
        for (chain, hook) in [("prerouting", "prerouting"), ("output", "output")] {
            let _ = writeln!(
                out,
                "add chain {family} {table} {chain} {{ type nat hook {hook} priority -100 ; policy accept ; }}"
            );
            for service in &of_family {
                let rule = service.rule(family);
                if !rule.is_empty() {
                    let _ = writeln!(out, "add rule {family} {table} {chain} {rule}");
                }
            }
        }
    }
    out
}

/// The script that removes them, whether they are there or not.
#[must_use]
pub fn remove_nat_table(table: &str) -> String {
    let once = |family: &str| format!("add table {family} {table}\ndelete table {family} {table}\n");
    once("ip") + &once("ip6")
}

impl NatService {
    fn is_v6(&self) -> bool {
        match self.selector {
            NatSelector::Address { address, .. } => address.is_ipv6(),
            NatSelector::Mark { v6, .. } => v6,
        }
    }

    /// The rule, or nothing when no server may get connections: they then meet the machine itself, where
    /// nobody listens.
    fn rule(&self, family: &str) -> String {
        let usable: Vec<&NatServer> =
            self.servers.iter().filter(|s| s.weight > 0 && s.address.is_ipv6() == self.is_v6()).collect();
        let ports = usable.iter().all(|s| s.port != 0);
        let to = |s: &NatServer| match (ports, s.address) {
            (false, a) => a.to_string(),
            (true, a) => format!("{a} . {}", s.port),
        };
        let what = self.selector_text(family);
        match usable.as_slice() {
            [] => String::new(),
            [one] if ports => match one.address {
                IpAddr::V4(a) => format!("{what} dnat to {a}:{}", one.port),
                IpAddr::V6(a) => format!("{what} dnat to [{a}]:{}", one.port),
            },
            [one] => format!("{what} dnat to {}", one.address),
            several => {
                let order = slots(&several.iter().map(|s| s.weight).collect::<Vec<_>>());
                let choice = self.choice(family, order.len());
                let map: Vec<String> = order
                    .iter()
                    .enumerate()
                    .filter_map(|(slot, n)| several.get(*n).map(|s| format!("{slot} : {}", to(s))))
                    .collect();
                let kind = if ports { format!("{family} addr . port ") } else { String::new() };
                format!("{what} dnat {kind}to {choice} map {{ {} }}", map.join(", "))
            }
        }
    }

    fn selector_text(&self, family: &str) -> String {
        match self.selector {
            // A port rewrite needs to know that there are ports.
            NatSelector::Mark { mark, .. } => format!("meta l4proto {{ 6, 17, 132 }} meta mark {mark}"),
            NatSelector::Address { address, protocol, port: 0 } => {
                format!("{family} daddr {address} meta l4proto {protocol}")
            }
            NatSelector::Address { address, protocol, port } => {
                format!("{family} daddr {address} meta l4proto {protocol} th dport {port}")
            }
        }
    }

    fn choice(&self, family: &str, slots: usize) -> String {
        match self.spread {
            Spread::InTurn => format!("numgen inc mod {slots}"),
            Spread::Source => format!("jhash {family} saddr mod {slots} seed 0x1"),
            Spread::Destination => format!("jhash {family} daddr mod {slots} seed 0x1"),
            Spread::SourceAndPort => format!("jhash {family} saddr . th sport mod {slots} seed 0x1"),
        }
    }
}

/// Which server each slot belongs to: as many slots as the weights add up to, less their common divisor, the
/// servers as evenly spread as their weights allow.
fn slots(weights: &[u32]) -> Vec<usize> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let mut weights: Vec<u64> = weights.iter().map(|w| u64::from(w / divisor)).collect();
    let mut total: u64 = weights.iter().sum();
    if total > u64::from(MOST_SLOTS) {
        let scale = |w: &u64| (w * u64::from(MOST_SLOTS) / total).max(1);
        weights = weights.iter().map(scale).collect();
        total = weights.iter().sum();
    }
    let mut credit = vec![0i64; weights.len()];
    let whole = i64::try_from(total).unwrap_or(i64::MAX);
    (0..total)
        .filter_map(|_| {
            for (c, w) in credit.iter_mut().zip(&weights) {
                *c += i64::try_from(*w).unwrap_or(0);
            }
            // The first of those with the most credit.
            let most = credit.iter().copied().max()?;
            let chosen = credit.iter().position(|c| *c == most)?;
            *credit.get_mut(chosen)? -= whole;
            Some(chosen)
        })
        .collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(address: &str, port: u16, weight: u32) -> NatServer {
        NatServer { address: address.parse().unwrap(), port, weight }
    }

    fn service(address: &str, spread: Spread, servers: Vec<NatServer>) -> NatService {
        let selector = NatSelector::Address { address: address.parse().unwrap(), protocol: 6, port: 80 };
        NatService { selector, spread, servers }
    }

    #[test]
    fn slots_follow_weights() {
        for (weights, expected) in [
            (vec![1, 1], vec![0, 1]),
            (vec![100, 100, 100], vec![0, 1, 2]),
            (vec![2, 1], vec![0, 1, 0]),
            (vec![4, 2], vec![0, 1, 0]),
            (vec![3, 1], vec![0, 0, 1, 0]),
        ] {
            assert_eq!(slots(&weights), expected, "{weights:?}");
        }
        let many = slots(&[65_535, 1, 40_000]);
        assert!(many.len() <= MOST_SLOTS as usize + 3 && many.contains(&1), "{}", many.len());
    }

    #[test]
    fn rules_say_what_is_meant() {
        let two = vec![server("10.0.0.1", 8080, 2), server("10.0.0.2", 80, 1), server("10.0.0.3", 80, 0)];
        let rule = service("10.0.0.9", Spread::InTurn, two.clone()).rule("ip");
        assert_eq!(
            rule,
            "ip daddr 10.0.0.9 meta l4proto 6 th dport 80 dnat ip addr . port to numgen inc mod 3 map \
             { 0 : 10.0.0.1 . 8080, 1 : 10.0.0.2 . 80, 2 : 10.0.0.1 . 8080 }"
        );
        let rule = service("10.0.0.9", Spread::Source, two).rule("ip");
        assert!(rule.contains("jhash ip saddr mod 3 seed 0x1 map"), "{rule}");
        let one = service("fd00::9", Spread::InTurn, vec![server("fd00::1", 80, 1)]).rule("ip6");
        assert_eq!(one, "ip6 daddr fd00::9 meta l4proto 6 th dport 80 dnat to [fd00::1]:80");
        assert_eq!(service("fd00::9", Spread::InTurn, vec![server("10.0.0.1", 80, 1)]).rule("ip6"), "");
        let kept =
            service("10.0.0.9", Spread::InTurn, vec![server("10.0.0.1", 0, 1), server("10.0.0.2", 0, 1)]);
        assert!(kept.rule("ip").ends_with("dnat to numgen inc mod 2 map { 0 : 10.0.0.1, 1 : 10.0.0.2 }"));
    }
}
