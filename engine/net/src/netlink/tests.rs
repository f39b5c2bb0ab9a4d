use std::io::ErrorKind;
use std::net::IpAddr;

use super::*;
use crate::lab::{Lab, in_lab, ip, soon, try_run};
use crate::sysctl;

fn open() -> Netlink {
    Netlink::open().unwrap()
}

fn va(n: &mut Netlink) -> Link {
    n.link("va").unwrap().unwrap()
}

fn v4(link: u32, text: &str) -> AddressSpec {
    AddressSpec::new(link, text.parse().unwrap(), 24)
}

fn has(n: &mut Netlink, address: &str) -> Option<InterfaceAddress> {
    let address: IpAddr = address.parse().unwrap();
    n.addresses().unwrap().into_iter().find(|a| a.address == address)
}

/// The next event that the test cares for.
async fn event(e: &mut NetlinkEvents, mut wanted: impl FnMut(&NetlinkEvent) -> bool) -> NetlinkEvent {
    soon("an event", async {
        loop {
            let event = e.next().await.unwrap();
            if wanted(&event) {
                return event;
            }
        }
    })
    .await
}

#[test]
fn links_are_listed_and_watched() {
    in_lab("links_are_listed_and_watched", async |_: &Lab| {
        let mut n = open();
        let link = va(&mut n);
        assert!(link.up && link.running && link.ethernet && link.multicast && !link.loopback);
        assert_eq!(link.mac.unwrap().to_string(), "02:00:00:00:00:01");
        assert_eq!((link.mtu, link.kind.as_deref()), (1500, Some("veth")));
        assert!(n.link("lo").unwrap().unwrap().loopback);
        assert!(n.link("nonesuch").unwrap().is_none());

        let mut events = NetlinkEvents::open(&n, None).unwrap();
        ip("link set va down");
        event(&mut events, |e| matches!(e, NetlinkEvent::Link(l) if l.index == link.index && !l.up)).await;
        n.change(Change::SetLink { index: link.index, up: true }).unwrap();
        event(&mut events, |e| matches!(e, NetlinkEvent::Link(l) if l.name == "va" && l.running)).await;
        ip("link del va");
        event(&mut events, |e| matches!(e, NetlinkEvent::LinkGone { name, .. } if name == "va")).await;
    });
}

#[test]
fn carrier_loss_is_seen_though_the_link_stays_up() {
    in_lab("carrier_loss_is_seen_though_the_link_stays_up", async |lab: &Lab| {
        let n = open();
        let mut events = NetlinkEvents::open(&n, None).unwrap();
        lab.at_peer(|| ip("link set vb down"));
        event(&mut events, |e| matches!(e, NetlinkEvent::Link(l) if l.name == "va" && l.up && !l.running))
            .await;
    });
}

#[test]
fn many_addresses_come_stay_and_go_in_one_batch() {
    in_lab("many_addresses_come_stay_and_go_in_one_batch", async |_: &Lab| {
        let mut n = open();
        let link = va(&mut n).index;
        let leased: Vec<AddressSpec> = (0..300u16)
            .map(|i| {
                let mut a = v4(link, &format!("10.8.{}.{}", i / 200, 1 + i % 200));
                a.prefix = 32;
                a.valid = Lifetime::Seconds(60);
                a
            })
            .collect();
        let all = |make: fn(AddressSpec) -> Change| leased.iter().cloned().map(make).collect::<Vec<_>>();
        assert!(n.apply(&all(Change::AddAddress)).unwrap().is_empty());
        let ours: Vec<InterfaceAddress> =
            n.addresses().unwrap().into_iter().filter(|a| a.valid_s.is_some()).collect();
        assert_eq!(ours.len(), 300);
        assert!(ours.iter().all(|a| a.protocol.is_none_or(|p| p == PROTOCOL_KEEPALIVED)), "{:?}", ours[0]);
        assert!(ours.iter().all(|a| a.valid_s <= Some(60)));

        // Every one is refused a second time, at its place; a renewal is not.
        let refused = n.apply(&all(Change::AddAddress)).unwrap();
        assert_eq!(refused.len(), 300);
        assert!(refused.iter().enumerate().all(|(at, r)| r.position == at));
        assert!(refused.iter().all(|r| r.error.kind() == ErrorKind::AlreadyExists), "{:?}", refused[0]);
        let mut longer = leased.clone();
        longer.iter_mut().for_each(|a| a.valid = Lifetime::Seconds(1000));
        let renewals: Vec<Change> = longer.into_iter().map(Change::RenewAddress).collect();
        assert!(n.apply(&renewals).unwrap().is_empty());
        assert!(has(&mut n, "10.8.1.100").unwrap().valid_s > Some(900));

        assert!(n.apply(&all(Change::RemoveAddress)).unwrap().is_empty());
        assert!(has(&mut n, "10.8.0.1").is_none());
        let refused = n.change(Change::RemoveAddress(leased[0].clone())).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn options_of_addresses_reach_the_kernel() {
    in_lab("options_of_addresses_reach_the_kernel", async |_: &Lab| {
        let mut n = open();
        let link = va(&mut n).index;
        let mut a = v4(link, "10.9.0.200");
        a.broadcast = Some("10.9.0.255".parse().unwrap());
        a.label = Some("va:vip".to_owned());
        let mut peer = v4(link, "10.9.7.1");
        peer.peer = Some("10.9.7.2".parse().unwrap());
        peer.prefix = 32;
        peer.scope = 253;
        let v6 = AddressSpec::new(link, "fd09::200".parse().unwrap(), 128);
        let mut v6_64 = AddressSpec::new(link, "fd0a::200".parse().unwrap(), 64);
        v6_64.flags.extend([AddressFlag::NoPrefixRoute, AddressFlag::Home, AddressFlag::ManageTemporary]);
        let local = AddressSpec::new(link, "fe80::9:200".parse().unwrap(), 64);
        for spec in [&a, &peer, &v6, &v6_64, &local] {
            n.change(Change::AddAddress(spec.clone())).unwrap();
        }
        let seen = has(&mut n, "10.9.0.200").unwrap();
        assert_eq!((seen.label.as_deref(), seen.secondary), (Some("va:vip"), true));
        let seen = has(&mut n, "10.9.7.1").unwrap();
        assert_eq!((seen.peer, seen.scope), (Some("10.9.7.2".parse().unwrap()), 253));
        assert!(has(&mut n, "fd09::200").unwrap().deprecated);
        assert!(!has(&mut n, "fd0a::200").unwrap().deprecated);
        let text = try_run("ip", "address show dev va").unwrap();
        for expected in [
            "inet 10.9.0.200/24 brd 10.9.0.255 scope global secondary va:vip",
            "inet 10.9.7.1 peer 10.9.7.2/32 scope link va",
            "inet6 fd09::200/128 scope global deprecated nodad",
            "inet6 fe80::9:200/64 scope link nodad",
        ] {
            let squeezed = expected.split_whitespace().collect::<Vec<_>>();
            let found = text.lines().any(|l| squeezed.iter().all(|w| l.split_whitespace().any(|x| x == *w)));
            assert!(found, "{expected} in {text}");
        }
        assert!(
            text.contains("noprefixroute") && text.contains("home") && text.contains("mngtmpaddr"),
            "{text}"
        );
        for spec in [a, peer, v6, v6_64, local] {
            n.change(Change::RemoveAddress(spec)).unwrap();
        }
    });
}

#[test]
fn who_removed_an_address_is_told_and_renewals_are_not() {
    in_lab("who_removed_an_address_is_told_and_renewals_are_not", async |_: &Lab| {
        let mut n = open();
        let link = va(&mut n).index;
        let mut a = v4(link, "10.9.0.200");
        a.valid = Lifetime::Seconds(100);
        let mut six = AddressSpec::new(link, "fd09::200".parse().unwrap(), 64);
        six.valid = Lifetime::Seconds(100);
        n.change(Change::AddAddress(a.clone())).unwrap();
        n.change(Change::AddAddress(six.clone())).unwrap();
        let mut events = NetlinkEvents::open(&n, None).unwrap();
        for _ in 0..50 {
            n.change(Change::RenewAddress(a.clone())).unwrap();
            n.change(Change::RenewAddress(six.clone())).unwrap();
        }
        ip("address add 10.9.0.77/24 dev va");
        let first = event(&mut events, |e| matches!(e, NetlinkEvent::Address(_))).await;
        let NetlinkEvent::Address(foreign) = first else { panic!("{first:?}") };
        assert_eq!(foreign.address.to_string(), "10.9.0.77");

        n.change(Change::RemoveAddress(a.clone())).unwrap();
        let gone = |e: &NetlinkEvent| matches!(e, NetlinkEvent::AddressGone { .. });
        let NetlinkEvent::AddressGone { address, by_us } = event(&mut events, gone).await else { panic!() };
        assert_eq!((address.address, by_us), (a.address, true));
        n.change(Change::AddAddress(a.clone())).unwrap();
        ip("address del 10.9.0.200/24 dev va");
        let NetlinkEvent::AddressGone { address, by_us } = event(&mut events, gone).await else { panic!() };
        assert_eq!((address.address, by_us), (a.address, false));
        ip("address del fd09::200/64 dev va");
        let NetlinkEvent::AddressGone { address, .. } = event(&mut events, gone).await else { panic!() };
        assert_eq!(address.address, six.address);
    });
}

#[test]
fn a_lease_that_nobody_renews_ends() {
    in_lab("a_lease_that_nobody_renews_ends", async |_: &Lab| {
        let mut n = open();
        let link = va(&mut n).index;
        let mut a = v4(link, "10.9.0.200");
        a.valid = Lifetime::from_duration(std::time::Duration::from_millis(300));
        assert_eq!(a.valid, Lifetime::Seconds(1));
        let mut six = AddressSpec::new(link, "fd09::200".parse().unwrap(), 64);
        six.valid = a.valid;
        let mut events = NetlinkEvents::open(&n, None).unwrap();
        for lease in [a, six] {
            n.change(Change::AddAddress(lease.clone())).unwrap();
            let gone = |e: &NetlinkEvent| matches!(e, NetlinkEvent::AddressGone { .. });
            let NetlinkEvent::AddressGone { address, by_us } = event(&mut events, gone).await else {
                panic!()
            };
            assert_eq!((address.address, by_us), (lease.address, false));
        }
        // The network it shares with an address that stays is still there.
        for net in ["10.9.0.0", "fd09::"] {
            let net: IpAddr = net.parse().unwrap();
            let routes = n.routes().unwrap();
            let stays = |r: &Route| r.destination.is_some_and(|d| d.address == net) && r.expires_s.is_none();
            assert!(routes.iter().any(stays), "{net} in {routes:?}");
        }
    });
}

#[test]
fn routes_come_and_go() {
    in_lab("routes_come_and_go", async |_: &Lab| {
        let mut n = open();
        let link = va(&mut n).index;
        let prefix = |text: &str, length| Some(Prefix { address: text.parse().unwrap(), length });
        let hop = |via: Option<&str>| NextHop {
            via: via.map(|v| v.parse().unwrap()),
            link: Some(link),
            ..NextHop::default()
        };
        let mut plain = RouteSpec::new(false, prefix("192.0.2.0", 24));
        plain.hops = vec![hop(Some("10.9.0.2"))];
        plain.metrics = vec![
            Metric::Mtu { value: 1400, lock: true },
            Metric::InitCwnd(20),
            Metric::CongestionControl { name: "reno".to_owned(), lock: false },
        ];
        plain.source = Some("10.9.0.1".parse().unwrap());
        let mut default = RouteSpec::new(false, None);
        default.hops = vec![hop(Some("10.9.0.2"))];
        default.table = 1000;
        default.metric = Some(55);
        let mut several = RouteSpec::new(false, prefix("198.51.100.0", 24));
        several.hops = vec![hop(Some("10.9.0.2")), NextHop { weight: Some(3), ..hop(Some("10.9.0.3")) }];
        let mut direct = RouteSpec::new(false, prefix("203.0.113.0", 25));
        direct.hops = vec![hop(None)];
        let mut six = RouteSpec::new(true, prefix("2001:db8::", 32));
        six.hops = vec![hop(Some("fd09::2"))];
        six.expires_s = Some(1000);
        let mut over_six = RouteSpec::new(false, prefix("192.0.3.0", 24));
        over_six.hops = vec![hop(Some("fd09::2"))];
        let mut black = RouteSpec::new(false, prefix("192.0.4.0", 24));
        black.kind = RouteKind::Blackhole;
        let all = [plain, default, several, direct, six, over_six, black];
        let mut events = NetlinkEvents::open(&n, None).unwrap();
        let text = try_run("ip", "route show").unwrap();
        assert!(!text.contains("keepalived"), "{text}");
        for spec in &all {
            n.change(Change::AddRoute(spec.clone())).unwrap_or_else(|e| panic!("{spec:?}: {e}"));
            // A second time is a replacement.
            n.change(Change::AddRoute(spec.clone())).unwrap_or_else(|e| panic!("{spec:?}: {e}"));
            let routes = n.routes().unwrap();
            let found: Vec<_> = routes.iter().filter(|r| spec.is(r)).collect();
            assert_eq!(found.len(), 1, "{spec:?} in {routes:?}");
            event(&mut events, |e| matches!(e, NetlinkEvent::Route(r) if spec.is(r))).await;
        }
        let text = try_run("ip", "route show").unwrap();
        for expected in [
            "192.0.2.0/24 via 10.9.0.2 dev va proto keepalived src 10.9.0.1 mtu lock 1400 initcwnd 20 congctl reno",
            "203.0.113.0/25 dev va proto keepalived scope link",
            "192.0.3.0/24 via inet6 fd09::2 dev va proto keepalived",
            "blackhole 192.0.4.0/24 proto keepalived",
            "nexthop via 10.9.0.3 dev va weight 3",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        for spec in &all {
            n.change(Change::RemoveRoute(spec.clone())).unwrap_or_else(|e| panic!("{spec:?}: {e}"));
            let gone = |e: &NetlinkEvent| matches!(e, NetlinkEvent::RouteGone { route, by_us: true } if spec.is(route));
            event(&mut events, gone).await;
            assert_eq!(
                n.change(Change::RemoveRoute(spec.clone())).unwrap_err().raw_os_error(),
                Some(libc::ESRCH)
            );
        }
        assert!(!n.routes().unwrap().iter().any(|r| r.protocol == PROTOCOL_KEEPALIVED));
    });
}

#[test]
fn routes_are_wrapped_locked_and_placed() {
    in_lab("routes_are_wrapped_locked_and_placed", async |_: &Lab| {
        let mut n = open();
        let link = va(&mut n).index;
        let hop =
            |via: &str| NextHop { via: Some(via.parse().unwrap()), link: Some(link), ..NextHop::default() };
        let to = Some(Prefix { address: "192.0.2.0".parse().unwrap(), length: 24 });
        let mut wrapped = RouteSpec::new(false, to);
        wrapped.hops = vec![hop("10.9.0.2")];
        wrapped.metrics = vec![Metric::Advmss(1400), Metric::HopLimit(9)];
        wrapped.locks = 1 << 8;
        let destination = Some("10.9.0.3".parse().unwrap());
        let outer = OuterHeader { id: Some(7), destination, ttl: Some(9), ..OuterHeader::default() };
        wrapped.encapsulations = vec![(0, Encapsulation::Ip(outer))];
        wrapped.placement = Placement::Alone;
        n.change(Change::AddRoute(wrapped.clone())).unwrap();
        let again = n.change(Change::AddRoute(wrapped.clone())).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AlreadyExists);
        let shown = || try_run("ip", "route show 192.0.2.0/24").unwrap();
        for part in ["encap ip id 7", "dst 10.9.0.3", "advmss lock 1400", "hoplimit 9"] {
            assert!(shown().contains(part), "{part} in {}", shown());
        }
        let other = |via: &str, placement| {
            let mut spec = RouteSpec::new(false, to);
            spec.hops = vec![hop(via)];
            spec.placement = placement;
            Change::AddRoute(spec)
        };
        n.change(other("10.9.0.4", Placement::Last)).unwrap();
        n.change(other("10.9.0.5", Placement::First)).unwrap();
        let text = shown();
        let at = |via: &str| text.find(&format!("via {via} ")).unwrap_or_else(|| panic!("{via} in {text}"));
        assert!(at("10.9.0.5") < at("10.9.0.2") && at("10.9.0.2") < at("10.9.0.4"), "{text}");
        // A removal names its way, and takes no other.
        n.change(Change::RemoveRoute(wrapped)).unwrap();
        assert!(!shown().contains("encap") && shown().lines().count() == 2, "{}", shown());
    });
}

#[test]
fn rules_come_and_go() {
    in_lab("rules_come_and_go", async |_: &Lab| {
        let mut n = open();
        let mut full = RuleSpec::new(false, RuleKind::Table(1000));
        full.from = Some(Prefix { address: "10.9.0.0".parse().unwrap(), length: 24 });
        full.to = Some(Prefix { address: "192.0.2.1".parse().unwrap(), length: 32 });
        full.priority = Some(100);
        full.fwmark = Some((0x10, Some(0xff)));
        full.iif = Some("va".to_owned());
        full.ip_protocol = Some(6);
        full.destination_ports = Some((80, 90));
        full.suppress_prefix_length = Some(3);
        full.uids = Some((0, 1000));
        let mut go = RuleSpec::new(false, RuleKind::Goto(32_000));
        go.priority = Some(101);
        go.invert = true;
        go.from = full.from;
        let mut deny = RuleSpec::new(true, RuleKind::Prohibit);
        deny.priority = Some(102);
        deny.oif = Some("va".to_owned());
        let mut events = NetlinkEvents::open(&n, None).unwrap();
        for spec in [&full, &go, &deny] {
            n.change(Change::AddRule(spec.clone())).unwrap_or_else(|e| panic!("{spec:?}: {e}"));
            let rules = n.rules().unwrap();
            assert!(rules.contains(spec), "{spec:?} in {rules:?}");
            let again = n.change(Change::AddRule(spec.clone())).unwrap_err();
            assert_eq!(again.kind(), ErrorKind::AlreadyExists);
            event(&mut events, |e| matches!(e, NetlinkEvent::Rule(r) if r == spec)).await;
        }
        for spec in [full, go, deny] {
            n.change(Change::RemoveRule(spec.clone())).unwrap_or_else(|e| panic!("{spec:?}: {e}"));
            event(&mut events, |e| matches!(e, NetlinkEvent::RuleGone { rule, .. } if *rule == spec)).await;
        }
        assert!(!n.rules().unwrap().iter().any(|r| r.protocol == PROTOCOL_KEEPALIVED));
    });
}

#[test]
fn a_virtual_router_gets_its_own_interface() {
    in_lab("a_virtual_router_gets_its_own_interface", async |_: &Lab| {
        let mut n = open();
        let parent = va(&mut n).index;
        for (v6, vrid, name) in [(false, 51, "vrrp.51"), (true, 52, "vrrp6.52")] {
            let spec = MacvlanSpec { name: name.to_owned(), parent, mac: vmac_address(v6, vrid), group: 0 };
            n.change(Change::AddMacvlan(spec.clone())).unwrap();
            let again = n.change(Change::AddMacvlan(spec.clone())).unwrap_err();
            assert_eq!(again.kind(), ErrorKind::AlreadyExists);
            let link = n.link(name).unwrap().unwrap();
            assert_eq!((link.kind.as_deref(), link.private_macvlan), (Some("macvlan"), true));
            assert_eq!((link.parent, link.mac, link.up), (Some(parent), Some(spec.mac), false));
            let settings = if v6 { sysctl::VMAC_V6 } else { sysctl::VMAC_V4 };
            for (family, setting, value) in settings {
                sysctl::set_interface_setting(*family, name, setting, value).unwrap();
                assert_eq!(sysctl::interface_setting(*family, name, setting).unwrap(), *value, "{setting}");
                assert_eq!(sysctl::set_interface_setting(*family, name, setting, value).unwrap(), None);
            }
            n.change(Change::SetLink { index: link.index, up: true }).unwrap();
            assert!(n.link(name).unwrap().unwrap().up);
            // No address of the kernel's own making.
            assert!(!n.addresses().unwrap().iter().any(|a| a.link == link.index));
            n.change(Change::RemoveLink(link.index)).unwrap();
            assert!(n.link(name).unwrap().is_none());
        }
        assert_eq!(vmac_address(true, 52).to_string(), "00:00:5e:00:02:34");
    });
}
