use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::*;
use crate::lab::{Lab, in_lab, ip, soon};
use crate::netlink::{AddressSpec, Change, Link, Mac, MacvlanSpec, Netlink, vmac_address};
use crate::sysctl;

const MAC_A: Mac = Mac([2, 0, 0, 0, 0, 1]);

fn link(name: &str) -> Link {
    Netlink::open().unwrap().link(name).unwrap().unwrap()
}

fn options(name: &str, v6: bool, group: Option<IpAddr>) -> VrrpSocketOptions {
    VrrpSocketOptions {
        v6,
        protocol: IpProtocolNumber::Vrrp,
        link: Some((name.to_owned(), link(name).index)),
        vrf: None,
        group,
        receive_buffer: Some(100_000),
        mark: None,
    }
}

fn outgoing<'a>(source: &str, destination: &str, payload: &'a [u8]) -> Outgoing<'a> {
    Outgoing {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        identification: 0x1234,
        hop_limit: 255,
        payload,
    }
}

#[test]
fn multicast_packets_cross_the_link() {
    in_lab("multicast_packets_cross_the_link", async |lab: &Lab| {
        let payload = [0x21, 51, 100, 1, 0, 1, 0, 0, 10, 9, 0, 200];
        let local = "fe80::ff:fe00:1";
        for (v6, group, source, target) in [
            (false, IpAddr::V4(VRRP_GROUP_V4), "10.9.0.1", "224.0.0.18"),
            (true, IpAddr::V6(VRRP_GROUP_V6), local, "ff02::12"),
        ] {
            let a = VrrpSocket::open(&options("va", v6, Some(group))).unwrap();
            let (b, index) = lab
                .at_peer(|| (VrrpSocket::open(&options("vb", v6, Some(group))).unwrap(), link("vb").index));
            a.send(&outgoing(source, target, &payload)).unwrap();
            let mut buffer = [0u8; 256];
            let got = soon("a packet", b.receive(&mut buffer)).await.unwrap();
            assert_eq!(got.source.to_string(), source);
            assert_eq!(got.destination, Some(group));
            assert_eq!((got.hop_limit, got.link, got.cut), (Some(255), Some(index), false));
            assert_eq!(got.payload, payload);
            if !v6 {
                assert_eq!(
                    (got.header.len(), got.header[1], &got.header[4..6]),
                    (20, 0xc0, &[0x12, 0x34][..])
                );
                assert_eq!(got.header[6..8], [0, 0], "no fragment, no DF");
            }
            // Nothing comes back to the sender, and nothing more came.
            assert!(a.try_receive(&mut [0; 256]).unwrap().is_none());
            assert!(b.try_receive(&mut [0; 256]).unwrap().is_none());
            b.rejoin(group).unwrap();
            a.send(&outgoing(source, target, &payload)).unwrap();
            soon("a packet", b.receive(&mut [0; 256])).await.unwrap();
        }
    });
}

/// What comes when the packet is sent until it does: the first one may be lost while neighbours look for each other.
async fn delivered<T>(a: &VrrpSocket, packet: &Outgoing<'_>, coming: impl Future<Output = T>) -> T {
    let mut coming = std::pin::pin!(coming);
    let sent = async {
        loop {
            a.send(packet).unwrap();
            if let Ok(got) = tokio::time::timeout(Duration::from_millis(300), &mut coming).await {
                return got;
            }
        }
    };
    soon("a packet", sent).await
}

#[test]
fn unicast_and_authenticated_packets_arrive() {
    in_lab("unicast_and_authenticated_packets_arrive", async |lab: &Lab| {
        for (v6, from, to) in [(false, "10.9.0.1", "10.9.0.2"), (true, "fd09::1", "fd09::2")] {
            let a = VrrpSocket::open(&options("va", v6, None)).unwrap();
            let b = lab.at_peer(|| VrrpSocket::open(&options("vb", v6, None)).unwrap());
            let mut packet = outgoing(from, to, &[1; 20]);
            packet.hop_limit = 64;
            let mut buffer = [0u8; 256];
            let got = delivered(&a, &packet, b.receive(&mut buffer)).await.unwrap();
            assert_eq!((got.hop_limit, got.destination), (Some(64), Some(to.parse().unwrap())));
            assert_eq!(got.payload, [1; 20]);
        }
        // Without an interface, a socket is bound to the device of its routing domain.
        let domain = |name: &str| VrrpSocketOptions {
            link: None,
            vrf: Some(name.to_owned()),
            ..options(name, false, None)
        };
        let a = VrrpSocket::open(&domain("va")).unwrap();
        let b =
            lab.at_peer(|| VrrpSocket::open(&VrrpSocketOptions { link: None, ..options("vb", false, None) }));
        let b = b.unwrap();
        let mut buffer = [0u8; 256];
        let packet = outgoing("10.9.0.1", "10.9.0.2", &[2; 20]);
        let got = delivered(&a, &packet, b.receive(&mut buffer)).await.unwrap();
        assert_eq!(got.payload, [2; 20]);
        let nowhere = VrrpSocketOptions { vrf: Some("none".to_owned()), ..domain("va") };
        assert!(VrrpSocket::open(&nowhere).is_err());
        let authenticated = |name| VrrpSocketOptions {
            protocol: IpProtocolNumber::Authenticated,
            ..options(name, false, None)
        };
        let a = VrrpSocket::open(&authenticated("va")).unwrap();
        let b = lab.at_peer(|| VrrpSocket::open(&authenticated("vb")).unwrap());
        let mut buffer = [0u8; 32];
        let packet = outgoing("10.9.0.1", "10.9.0.2", &[112; 44]);
        let got = delivered(&a, &packet, b.receive(&mut buffer)).await.unwrap();
        assert_eq!((got.header[9], got.payload.len(), got.cut), (51, 12, true));
    });
}

#[test]
fn families_do_not_mix() {
    in_lab("families_do_not_mix", async |_: &Lab| {
        let a = VrrpSocket::open(&options("va", false, None)).unwrap();
        let e = a.send(&outgoing("fd09::1", "fd09::2", &[])).unwrap_err();
        assert_eq!(e.kind(), std::io::ErrorKind::AddrNotAvailable);
        let mut none = options("va", false, None);
        none.link = Some(("nonesuch".to_owned(), 99));
        assert_eq!(VrrpSocket::open(&none).unwrap_err().raw_os_error(), Some(libc::ENODEV));
    });
}

#[test]
fn announcements_are_seen_by_the_neighbour_alone() {
    in_lab("announcements_are_seen_by_the_neighbour_alone", async |lab: &Lab| {
        let vip4: Ipv4Addr = "10.9.0.200".parse().unwrap();
        let vip6: Ipv6Addr = "fd09::200".parse().unwrap();
        let index = link("va").index;
        let (there4, there6) = lab.at_peer(|| {
            let vb = link("vb").index;
            (Sightings::arp(Some(vb), &[vip4]).unwrap(), Sightings::neighbours(None, &[vip6]).unwrap())
        });
        let here = Sightings::arp(Some(index), &[vip4]).unwrap();
        let sender = FrameSender::open().unwrap();
        // Of other addresses nothing is heard, though they come first.
        for other in ["10.9.0.201", "10.9.0.20"] {
            sender.send(index, &gratuitous_arp(MAC_A, other.parse().unwrap())).unwrap();
        }
        sender.send(index, &neighbour_advertisement(MAC_A, "fd0a::200".parse().unwrap(), false)).unwrap();
        sender.send(index, &gratuitous_arp(MAC_A, vip4)).unwrap();
        sender.send(index, &neighbour_advertisement(MAC_A, vip6, false)).unwrap();
        let s = soon("ARP", there4.next()).await.unwrap();
        assert_eq!((s.address, s.mac, s.seen), (IpAddr::V4(vip4), MAC_A, Seen::Announcement));
        let s = soon("an advertisement", there6.next()).await.unwrap();
        assert_eq!((s.address, s.mac, s.seen), (IpAddr::V6(vip6), MAC_A, Seen::Announcement));
        assert!(tokio::time::timeout(Duration::ZERO, here.next()).await.is_err(), "own frames are not heard");
    });
}

#[test]
fn use_and_probes_are_seen() {
    in_lab("use_and_probes_are_seen", async |lab: &Lab| {
        let (vip4, vip6) = ("10.9.0.200", "fd09::200");
        let index = link("va").index;
        let arp = Sightings::arp(Some(index), &[vip4.parse().unwrap()]).unwrap();
        let nd = Sightings::neighbours(Some(index), &[vip6.parse().unwrap()]).unwrap();
        // The kernel itself probes before it takes the IPv6 address.
        lab.at_peer(|| {
            std::fs::write("/proc/sys/net/ipv6/conf/vb/dad_transmits", "1").unwrap();
            std::fs::write("/proc/sys/net/ipv6/conf/vb/accept_dad", "1").unwrap();
            ip("address add fd09::200/64 dev vb");
            let vb = link("vb").index;
            let mut request = gratuitous_arp(Mac([2, 0, 0, 0, 0, 2]), vip4.parse().unwrap());
            request[38..42].copy_from_slice(&[10, 9, 0, 1]);
            let sender = FrameSender::open().unwrap();
            sender.send(vb, &request).unwrap();
            let mut probe = gratuitous_arp(Mac([2, 0, 0, 0, 0, 2]), vip4.parse().unwrap());
            probe[28..32].fill(0);
            sender.send(vb, &probe).unwrap();
        });
        let seen = soon("use", arp.next()).await.unwrap();
        assert_eq!((seen.seen, seen.mac.to_string().as_str()), (Seen::Use, "02:00:00:00:00:02"));
        assert_eq!(soon("a probe", arp.next()).await.unwrap().seen, Seen::Probe);
        let seen = soon("a probe", nd.next()).await.unwrap();
        assert_eq!((seen.seen, seen.address.to_string().as_str()), (Seen::Probe, vip6));
        assert_eq!(seen.mac.to_string(), "02:00:00:00:00:02");
    });
}

#[test]
fn more_addresses_than_a_filter_holds_are_still_told_apart() {
    in_lab("more_addresses_than_a_filter_holds_are_still_told_apart", async |lab: &Lab| {
        let index = link("va").index;
        for count in [700u16, 2000] {
            let all4: Vec<Ipv4Addr> =
                (0..count).map(|i| Ipv4Addr::from(0x0a64_0000 + u32::from(i))).collect();
            let all6: Vec<Ipv6Addr> =
                (0..count).map(|i| Ipv6Addr::new(0xfd64, 0, 0, 0, 0, 0, 0, i)).collect();
            let (there4, there6) = lab.at_peer(|| {
                (Sightings::arp(None, &all4).unwrap(), Sightings::neighbours(None, &all6).unwrap())
            });
            let sender = FrameSender::open().unwrap();
            let (last4, last6) = (*all4.last().unwrap(), *all6.last().unwrap());
            sender.send(index, &gratuitous_arp(MAC_A, "10.9.0.200".parse().unwrap())).unwrap();
            sender.send(index, &gratuitous_arp(MAC_A, last4)).unwrap();
            sender.send(index, &neighbour_advertisement(MAC_A, last6, true)).unwrap();
            assert_eq!(soon("ARP", there4.next()).await.unwrap().address, IpAddr::V4(last4));
            assert_eq!(soon("an advertisement", there6.next()).await.unwrap().address, IpAddr::V6(last6));
        }
    });
}

#[test]
fn an_ipv4_packet_is_the_captured_one() {
    let payload = [0x31, 0x33, 0x64, 0x01, 0x00, 0x32, 0x74, 0xa6, 0x0a, 0x4d, 0x00, 0xc8];
    let mut packet = outgoing("10.77.0.2", "224.0.0.18", &payload);
    packet.identification = 1;
    let bytes = ipv4_packet("10.77.0.2".parse().unwrap(), VRRP_GROUP_V4, IpProtocolNumber::Vrrp, &packet);
    assert_eq!(bytes[..10], [0x45, 0xc0, 0, 32, 0, 1, 0, 0, 255, 112]);
    // RFC 1071: the sum over a header with its checksum is all ones.
    let sum = bytes[..20].chunks(2).map(|c| u32::from(c[0]) << 8 | u32::from(c[1])).sum::<u32>();
    assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    assert_eq!(bytes[20..], payload);
}

#[test]
fn a_virtual_routers_interface_carries_the_address_of_the_one_below() {
    in_lab("a_virtual_routers_interface_carries_the_address_of_the_one_below", async |lab: &Lab| {
        let mut n = Netlink::open().unwrap();
        let parent = link("va").index;
        for (v6, group, source) in [
            (false, IpAddr::V4(VRRP_GROUP_V4), "10.9.0.1"),
            (true, IpAddr::V6(VRRP_GROUP_V6), "fe80::ff:fe00:1"),
        ] {
            let name = "vrrp.51".to_owned();
            let mac = vmac_address(v6, 51);
            n.change(Change::AddMacvlan(MacvlanSpec { name, parent, mac, group: 0 })).unwrap();
            for (family, setting, value) in if v6 { sysctl::VMAC_V6 } else { sysctl::VMAC_V4 } {
                sysctl::set_interface_setting(*family, "vrrp.51", setting, value).unwrap();
            }
            let index = link("vrrp.51").index;
            n.change(Change::SetLink { index, up: true }).unwrap();
            if v6 {
                let mut copy = AddressSpec::new(index, source.parse().unwrap(), 64);
                copy.preferred_s = Some(0);
                n.change(Change::AddAddress(copy)).unwrap();
            }
            let a = VrrpSocket::open(&options("vrrp.51", v6, None)).unwrap();
            let b = lab.at_peer(|| VrrpSocket::open(&options("vb", v6, Some(group))).unwrap());
            a.send(&outgoing(source, &group.to_string(), &[0x31; 12])).unwrap();
            let mut buffer = [0u8; 256];
            let got = soon("a packet", b.receive(&mut buffer)).await.unwrap();
            assert_eq!((got.source.to_string().as_str(), got.hop_limit), (source, Some(255)));
            // The other way: what the neighbour sends is heard on the interface below.
            let below = VrrpSocket::open(&options("va", v6, Some(group))).unwrap();
            let from = if v6 { "fe80::ff:fe00:2" } else { "10.9.0.2" };
            b.send(&outgoing(from, &group.to_string(), &[0x31; 12])).unwrap();
            let got = soon("a packet", below.receive(&mut buffer)).await.unwrap();
            assert_eq!(got.source.to_string(), from);
            // The address is announced with the virtual MAC address, on the virtual interface.
            let vip: Ipv4Addr = "10.9.0.200".parse().unwrap();
            let seen = lab.at_peer(|| Sightings::arp(None, &[vip]).unwrap());
            FrameSender::open().unwrap().send(index, &gratuitous_arp(mac, vip)).unwrap();
            assert_eq!(soon("ARP", seen.next()).await.unwrap().mac, mac);
            n.change(Change::RemoveLink(index)).unwrap();
        }
    });
}
