use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::*;
use crate::lab::{Lab, PATIENCE, in_lab_with, ip, soon, try_run};

/// What `nft` says is there, words apart by one space.
fn ruleset() -> String {
    let text = try_run("nft", "list ruleset").unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The parts of `nft list ruleset` under 2.2.7 with `no_accept` and `use_vmac`.
const BLOCKING: [&str; 9] = [
    "table ip keepalived { set vips { type ipv4_addr elements = { 10.9.0.200, 10.9.0.201 } }",
    "chain out { type filter hook output priority filter - 1; policy accept; ip saddr @vips drop }",
    "chain in { type filter hook input priority filter - 1; policy accept; ip daddr @vips drop }",
    "set neighbor-discovery { type icmpv6_type flags constant elements = { nd-neighbor-solicit, nd-neighbor-advert } }",
    "set vips_link_local { type ipv6_addr . iface_index elements = { fe80::88:200 . \"va\" } }",
    "chain out { type filter hook output priority filter - 1; policy accept; icmpv6 type @neighbor-discovery accept \
     ip6 saddr fe80::/10 goto out_link_local ip6 saddr @vips drop }",
    "chain in { type filter hook input priority filter - 1; policy accept; icmpv6 type @neighbor-discovery accept \
     ip6 daddr fe80::/10 goto in_link_local ip6 daddr @vips drop }",
    "chain in_link_local { ip6 daddr . iif @vips_link_local drop }",
    "chain out_link_local { ip6 saddr . oif @vips_link_local drop }",
];

const VMAC: [&str; 5] = [
    "map vmac_map { type iface_index : iface_index elements = { \"mv4\" : \"va\" } }",
    "ip protocol igmp meta oifkind \"macvlan\" dup to ip daddr device oif map @vmac_map drop",
    "set vmac_set { type iface_index elements = { \"mv6\" } }",
    "icmpv6 type mld2-listener-report meta oifkind \"macvlan\" dup to ip6 daddr device oif map @vmac_map drop",
    "icmpv6 type nd-router-solicit meta oifkind \"macvlan\" oif @vmac_set drop",
];

#[test]
fn tables_are_those_of_the_original() {
    in_lab_with(&["nft"], "tables_are_those_of_the_original", async |_: &Lab| {
        let mut filter = Filter::new(FilterOptions::default());
        apply(&filter.remove_leftovers()).unwrap();
        let vips =
            [(address("10.9.0.200"), "va"), (address("10.9.0.201"), "va"), (address("fe80::88:200"), "va")];
        apply(&filter.block(&vips)).unwrap();
        apply(&filter.block(&[(address("fd09::200"), "va")])).unwrap();
        let text = ruleset();
        for part in BLOCKING {
            assert!(text.contains(part), "{part}\nin {text}");
        }
        apply(&filter.unblock(&vips[..2])).unwrap();
        assert!(ruleset().contains("set vips { type ipv4_addr }"), "{}", ruleset());

        for name in ["mv4", "mv6"] {
            ip(&format!("link add {name} link va type macvlan mode private"));
        }
        apply(&filter.add_vmac(false, "mv4", "va")).unwrap();
        apply(&filter.add_vmac(true, "mv6", "va")).unwrap();
        let text = ruleset();
        for part in VMAC {
            assert!(text.contains(part), "{part}\nin {text}");
        }
        apply(&filter.remove_vmac(false, "mv4")).unwrap();
        apply(&filter.remove_vmac(true, "mv6")).unwrap();
        assert!(!ruleset().contains("mv"), "{}", ruleset());
        apply(&filter.remove()).unwrap();
        assert_eq!(ruleset(), "");
    });
}

#[test]
fn leftovers_go_and_counters_count() {
    in_lab_with(&["nft"], "leftovers_go_and_counters_count", async |_: &Lab| {
        let options = FilterOptions { table: "other".to_owned(), priority: 5, counters: true };
        let vip = [(address("10.9.0.200"), "va")];
        apply(&Filter::new(options.clone()).block(&vip)).unwrap();
        let mut second = Filter::new(options);
        apply(&second.block(&vip)).unwrap();
        let text = ruleset();
        assert_eq!(text.matches("counter packets 0 bytes 0 drop").count(), 2, "{text}");
        assert!(text.contains("priority filter + 5"), "{text}");
        let e = apply("add rule ip nonesuch out drop\n").unwrap_err();
        assert!(e.to_string().starts_with("nft: "), "{e}");
        apply(&second.remove_leftovers()).unwrap();
        assert_eq!(ruleset(), "");
    });
}

#[test]
fn a_blocked_address_does_not_answer() {
    in_lab_with(&["nft"], "a_blocked_address_does_not_answer", async |lab: &Lab| {
        ip("address add 10.9.0.200/24 dev va");
        let mut filter = Filter::new(FilterOptions::default());
        apply(&filter.block(&[(address("10.9.0.200"), "va")])).unwrap();
        let connect = |limit| {
            let to = SocketAddr::new(address("10.9.0.200"), 80);
            lab.at_peer(|| TcpStream::connect_timeout(&to, limit)).unwrap_err().kind()
        };
        assert_eq!(connect(Duration::from_millis(300)), ErrorKind::TimedOut);
        apply(&filter.unblock(&[(address("10.9.0.200"), "va")])).unwrap();
        assert_eq!(connect(PATIENCE), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_virtual_server_spreads_connections() {
    in_lab_with(&["nft"], "a_virtual_server_spreads_connections", async |lab: &Lab| {
        for (vip, real) in [("10.9.0.200", "10.9.0.2"), ("fd09::200", "fd09::2")] {
            let servers: Vec<TcpListener> = lab.at_peer(|| {
                (0..2).map(|_| TcpListener::bind(SocketAddr::new(address(real), 0)).unwrap()).collect()
            });
            let weighted = |(l, weight): (&TcpListener, u32)| NatServer {
                address: address(real),
                port: l.local_addr().unwrap().port(),
                weight,
            };
            let service = NatService {
                selector: NatSelector::Address { address: address(vip), protocol: 6, port: 80 },
                spread: Spread::InTurn,
                servers: servers.iter().zip([2, 1]).map(weighted).collect(),
            };
            ip(&format!("address add {vip} dev va"));
            apply(&nat_table("rha_services", std::slice::from_ref(&service))).unwrap();
            let counts = soon(
                "all connections",
                tokio::task::spawn_blocking({
                    let to = SocketAddr::new(address(vip), 80);
                    let connections: Vec<TcpStream> =
                        (0..6).map(|_| TcpStream::connect(to).unwrap()).collect();
                    move || {
                        servers.iter().for_each(|s| s.set_nonblocking(true).unwrap());
                        let counts: Vec<usize> =
                            servers.iter().map(|s| std::iter::from_fn(|| s.accept().ok()).count()).collect();
                        drop(connections);
                        counts
                    }
                }),
            )
            .await
            .unwrap();
            assert_eq!(counts, [4, 2], "{vip}");
            // Nobody up: refused by the machine itself.
            apply(&nat_table("rha_services", &[NatService { servers: Vec::new(), ..service }])).unwrap();
            assert!(TcpStream::connect(SocketAddr::new(address(vip), 80)).is_err());
        }
        apply(&remove_nat_table("rha_services")).unwrap();
        assert_eq!(ruleset(), "");
    });
}
