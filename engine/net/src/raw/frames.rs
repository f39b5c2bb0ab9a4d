//! The two frames that tell neighbours where an address is now.

use std::net::{Ipv4Addr, Ipv6Addr};

use pnet_base::MacAddr;
use pnet_packet::arp::{ArpHardwareTypes, ArpOperations, MutableArpPacket};
use pnet_packet::ethernet::{EtherType, EtherTypes, MutableEthernetPacket};
use pnet_packet::icmpv6::ndp::{MutableNeighborAdvertPacket, NdpOption, NdpOptionTypes, NeighborAdvertFlags};
use pnet_packet::icmpv6::{Icmpv6Packet, Icmpv6Types, checksum};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv6::MutableIpv6Packet;

use crate::netlink::Mac;

const ETHERNET: usize = 14;
const ARP: usize = 28;
const IPV6: usize = 40;
/// A neighbour advertisement with one link-layer address option.
const ADVERTISEMENT: usize = 32;

/// All nodes of the link, RFC 4291 §2.7.1, and its MAC address.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: Mac = Mac([0x33, 0x33, 0, 0, 0, 1]);

/// A gratuitous ARP request (RFC 826, RFC 5227 §3): broadcast, sender and target are the address.
///
/// COMPAT: the target's hardware address is all ones, as the original sends it (captures).
#[must_use]
pub fn gratuitous_arp(mac: Mac, address: Ipv4Addr) -> Vec<u8> {
    let broadcast = MacAddr::broadcast();
    let mut frame = ethernet(mac, Mac([0xff; 6]), EtherTypes::Arp, ARP);
    if let Some(mut arp) = frame.get_mut(ETHERNET..).and_then(MutableArpPacket::new) {
        arp.set_hardware_type(ArpHardwareTypes::Ethernet);
        arp.set_protocol_type(EtherTypes::Ipv4);
        arp.set_hw_addr_len(6);
        arp.set_proto_addr_len(4);
        arp.set_operation(ArpOperations::Request);
        arp.set_sender_hw_addr(mac.into());
        arp.set_sender_proto_addr(address);
        arp.set_target_hw_addr(broadcast);
        arp.set_target_proto_addr(address);
    }
    frame
}

/// An unsolicited neighbour advertisement (RFC 4861 §7.2.6): from the address itself to all nodes, with the
/// override flag; `router` says that this machine forwards.
#[must_use]
pub fn neighbour_advertisement(mac: Mac, address: Ipv6Addr, router: bool) -> Vec<u8> {
    let mut frame = ethernet(mac, ALL_NODES_MAC, EtherTypes::Ipv6, IPV6 + ADVERTISEMENT);
    if let Some(mut ip) = frame.get_mut(ETHERNET..).and_then(MutableIpv6Packet::new) {
        ip.set_version(6);
        ip.set_payload_length(u16::try_from(ADVERTISEMENT).unwrap_or(0));
        ip.set_next_header(IpNextHeaderProtocols::Icmpv6);
        ip.set_hop_limit(255);
        ip.set_source(address);
        ip.set_destination(ALL_NODES);
    }
    if let Some(icmp) = frame.get_mut(ETHERNET + IPV6..) {
        advertise(icmp, mac, address, router);
    }
    frame
}

fn advertise(icmp: &mut [u8], mac: Mac, address: Ipv6Addr, router: bool) {
    if let Some(mut na) = MutableNeighborAdvertPacket::new(icmp) {
        na.set_icmpv6_type(Icmpv6Types::NeighborAdvert);
        na.set_flags(NeighborAdvertFlags::Override | if router { NeighborAdvertFlags::Router } else { 0 });
        na.set_target_addr(address);
        na.set_options(&[NdpOption {
            option_type: NdpOptionTypes::TargetLLAddr,
            length: 1,
            data: mac.0.to_vec(),
        }]);
    }
    if let Some(sum) = Icmpv6Packet::new(icmp).map(|p| checksum(&p, &address, &ALL_NODES))
        && let Some(mut na) = MutableNeighborAdvertPacket::new(icmp)
    {
        na.set_checksum(sum);
    }
}

fn ethernet(from: Mac, to: Mac, kind: EtherType, payload: usize) -> Vec<u8> {
    let mut frame = vec![0; ETHERNET + payload];
    if let Some(mut e) = MutableEthernetPacket::new(&mut frame) {
        e.set_source(from.into());
        e.set_destination(to.into());
        e.set_ethertype(kind);
    }
    frame
}

impl From<Mac> for MacAddr {
    fn from(mac: Mac) -> MacAddr {
        MacAddr::from(mac.0)
    }
}

impl From<MacAddr> for Mac {
    fn from(mac: MacAddr) -> Mac {
        Mac(mac.octets())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn frames_are_those_of_the_captures() {
        let mac = Mac([0x02, 0x77, 0, 0, 0, 2]);
        let arp = gratuitous_arp(mac, Ipv4Addr::new(10, 77, 0, 200));
        assert_eq!(
            hex(&arp),
            "ffffffffffff027700000002080600010800060400010277000000020a4d00c8ffffffffffff0a4d00c8"
        );
        for (address, expected) in [
            (
                "fe80::77:200",
                "33330000000102770000000286dd6000000000203afffe800000000000000000000000770200ff02000000000000\
                 00000000000000018800523720000000fe8000000000000000000000007702000201027700000002",
            ),
            (
                "fd77::200",
                "33330000000102770000000286dd6000000000203afffd770000000000000000000000000200ff02000000000000\
                 00000000000000018800553720000000fd7700000000000000000000000002000201027700000002",
            ),
        ] {
            let na = neighbour_advertisement(mac, address.parse().unwrap(), false);
            assert_eq!(hex(&na), expected, "{address}");
        }
        let router = neighbour_advertisement(mac, "fd77::200".parse().unwrap(), true);
        assert_eq!(router[ETHERNET + IPV6 + 4], 0xa0);
    }
}
