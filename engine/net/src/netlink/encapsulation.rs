//! Light-weight tunnels of routes (`encap`, keepalived.conf(5) "virtual_routes", ip-route(8)).

use std::net::IpAddr;

use netlink_packet_core::DefaultNla;
use netlink_packet_route::route::{
    MplsLabel, RouteAttribute, RouteIp6Tunnel, RouteIp6TunnelFlags, RouteIpTunnel, RouteIpTunnelFlags,
    RouteLwEnCapType, RouteLwTunnelEncap, RouteMplsIpTunnel,
};

/// Outer header of [`Encapsulation::Ip`]; what is not written the kernel chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OuterHeader {
    /// Tunnel id.
    pub id: Option<u64>,
    /// Destination.
    pub destination: Option<IpAddr>,
    /// Source.
    pub source: Option<IpAddr>,
    /// TOS or traffic class.
    pub tos: Option<u8>,
    /// TTL or hop limit.
    pub ttl: Option<u8>,
    /// Tunnel flags, `TUNNEL_*` bits of linux/if_tunnel.h.
    pub flags: Option<u16>,
}

/// What packets are wrapped in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Encapsulation {
    /// `encap ip`, for a tunnel device.
    Ip(OuterHeader),
    /// `encap ip6`.
    Ip6(OuterHeader),
    /// `encap mpls`: labels, outermost first.
    Mpls(Vec<u32>),
    /// `encap ila`: locator.
    Ila(u64),
}

/// `ILA_ATTR_LOCATOR` of linux/ila.h.
const ILA_LOCATOR: u16 = 1;

impl Encapsulation {
    pub(super) fn attributes(&self) -> [RouteAttribute; 2] {
        let (kind, parts) = match self {
            Encapsulation::Ip(h) => (RouteLwEnCapType::Ip, ip(h)),
            Encapsulation::Ip6(h) => (RouteLwEnCapType::Ip6, ip6(h)),
            Encapsulation::Mpls(labels) => {
                let stack = RouteMplsIpTunnel::Destination(stack(labels));
                (RouteLwEnCapType::Mpls, vec![RouteLwTunnelEncap::Mpls(stack)])
            }
            Encapsulation::Ila(locator) => {
                let part = DefaultNla::new(ILA_LOCATOR, locator.to_be_bytes().to_vec());
                (RouteLwEnCapType::Ila, vec![RouteLwTunnelEncap::Other(part)])
            }
        };
        [RouteAttribute::EncapType(kind), RouteAttribute::Encap(parts)]
    }
}

fn ip(h: &OuterHeader) -> Vec<RouteLwTunnelEncap> {
    let v4 = |a: Option<IpAddr>| if let Some(IpAddr::V4(a)) = a { Some(a) } else { None };
    [
        h.id.map(RouteIpTunnel::Id),
        v4(h.destination).map(RouteIpTunnel::Destination),
        v4(h.source).map(RouteIpTunnel::Source),
        h.tos.map(RouteIpTunnel::Tos),
        h.ttl.map(RouteIpTunnel::Ttl),
        h.flags.map(|f| RouteIpTunnel::Flags(RouteIpTunnelFlags::from_bits_retain(f))),
    ]
    .into_iter()
    .flatten()
    .map(RouteLwTunnelEncap::Ip)
    .collect()
}

fn ip6(h: &OuterHeader) -> Vec<RouteLwTunnelEncap> {
    let v6 = |a: Option<IpAddr>| if let Some(IpAddr::V6(a)) = a { Some(a) } else { None };
    [
        h.id.map(RouteIp6Tunnel::Id),
        v6(h.destination).map(RouteIp6Tunnel::Destination),
        v6(h.source).map(RouteIp6Tunnel::Source),
        h.tos.map(RouteIp6Tunnel::Tc),
        h.ttl.map(RouteIp6Tunnel::Hoplimit),
        h.flags.map(|f| RouteIp6Tunnel::Flags(RouteIp6TunnelFlags::from_bits_retain(f))),
    ]
    .into_iter()
    .flatten()
    .map(RouteLwTunnelEncap::Ip6)
    .collect()
}

/// Labels as RFC 3032 §2.1 stacks them: 20 bits each, the last one marked.
fn stack(labels: &[u32]) -> Vec<MplsLabel> {
    const BOTTOM: u32 = 1 << 8;
    let last = labels.len().saturating_sub(1);
    let word = |(at, label): (usize, &u32)| (label << 12) | if at == last { BOTTOM } else { 0 };
    labels.iter().enumerate().map(|l| MplsLabel::from(word(l))).collect()
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::{Emitable, Nla};

    use super::*;

    fn bytes(e: &Encapsulation) -> Vec<u8> {
        let [_, parts] = e.attributes();
        let mut out = vec![0; parts.value_len()];
        parts.emit_value(&mut out);
        assert_eq!(out.len() + 4, parts.buffer_len());
        out
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn labels_and_locators_are_what_the_kernel_reads() {
        let mpls = bytes(&Encapsulation::Mpls(vec![100, 200]));
        assert_eq!(mpls, [12, 0, 1, 0, 0x00, 0x06, 0x40, 0, 0x00, 0x0c, 0x81, 0]);
        let ila = bytes(&Encapsulation::Ila(0x0001_0002_0003_0004));
        assert_eq!(ila, [12, 0, 1, 0, 0, 1, 0, 2, 0, 3, 0, 4]);
    }
}
