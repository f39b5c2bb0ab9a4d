//! Addresses, routes and rules on other interfaces than an instance's: macvlans for them, who follows which
//! interface; and instances that can never run.

use std::time::{Duration, Instant};

use rha_compat_tests::lan::{Announcement, Lan, Who, impossible};

/// Enough for a node to change its state once.
const SOON: Duration = Duration::from_secs(6);
/// Pause between two looks at a file.
const LOOK: Duration = Duration::from_millis(15);

/// Both programs, the original first.
fn both<R: Send + std::fmt::Debug + PartialEq>(run: impl Fn(Who) -> R + Sync) {
    let (theirs, ours) = std::thread::scope(|s| {
        let theirs = s.spawn(|| run(Who::Original));
        let ours = s.spawn(|| run(Who::Ours));
        (theirs.join().unwrap(), ours.join().unwrap())
    });
    assert_eq!(ours, theirs, "ours, theirs");
}

fn lan(config: &str) -> Lan {
    let lan = Lan::new(1, false).unwrap();
    lan.second_link(1).unwrap();
    lan.configure(1, config).unwrap();
    lan
}

fn instance(name: &str, vrid: u8, inside: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n version 3\n advert_int 0.2\n{inside}\n}}\n"
    )
}

/// Waits for all of these addresses.
fn hold(lan: &Lan, who: Who, all: &[&str]) {
    for address in all {
        let address = address.parse().unwrap();
        lan.until(&format!("{who:?} has {address}"), SOON, |s| s.node(1).holds(address)).unwrap();
    }
}

/// Links and the addresses on them.
fn links(lan: &Lan) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_str(&lan.ip(1, "-d -j addr show").unwrap()).unwrap();
    let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<String> = json
        .as_array()
        .into_iter()
        .flatten()
        .map(|l| {
            let addresses = l["addr_info"].as_array().into_iter().flatten();
            let mut addresses: Vec<String> =
                addresses.map(|a| format!("{}/{}", text(&a["local"]), a["prefixlen"])).collect();
            addresses.sort();
            let below = l["link"].as_str().filter(|_| l["linkinfo"]["info_kind"] == "macvlan");
            let mode = text(&l["linkinfo"]["info_data"]["mode"]);
            let below = below.map(|b| format!("@{b} {} {mode}", text(&l["address"]))).unwrap_or_default();
            format!("{}{below} {addresses:?}", text(&l["ifname"]))
        })
        .collect();
    all.sort();
    all
}

#[test]
fn addresses_get_macvlans_of_their_own() {
    rha_compat_tests::steadily(addresses_get_macvlans_of_their_own_once);
}

fn addresses_get_macvlans_of_their_own_once() {
    if impossible("macvlans of addresses").is_some() {
        return;
    }
    let quiet = " garp_master_repeat 1\n garp_master_delay 0\n";
    let own = " use_vmac\n use_vmac_addr\n virtual_ipaddress {\n  10.77.0.201/24\n  10.78.0.201/24 dev eth1\n }\n \
               virtual_ipaddress_excluded {\n  fd78::201/64 dev eth1\n  fd77::201/64\n }\n";
    let single = " garp_extra_if all 1\n virtual_ipaddress {\n  10.77.0.202/24\n  \
                  10.78.0.202/24 dev eth1 use_vmac\n  10.78.0.203/24 dev eth1\n }\n";
    let other = " use_vmac\n virtual_ipaddress {\n  10.77.0.205/24\n }\n virtual_ipaddress_excluded {\n  fd77::205/64\n }\n";
    let config = "global_defs {\n vrrp_garp_extra_if 1\n vmac_addr_prefix addr\n}\n".to_owned()
        + &instance("A", 51, &(quiet.to_owned() + own))
        + &instance("B", 52, &(quiet.to_owned() + single))
        + &instance("C", 53, &(quiet.to_owned() + " virtual_ipaddress {\n  10.77.0.204/24 use_vmac\n }\n"))
        + &instance("D", 54, &(quiet.to_owned() + other));
    both(|who| {
        let mut lan = lan(&config);
        lan.start(1, who, &[]).unwrap();
        let held = [
            "10.77.0.201",
            "10.78.0.201",
            "fd78::201",
            "fd77::201",
            "10.78.0.202",
            "10.77.0.204",
            "fd77::205",
        ];
        hold(&lan, who, &held);
        let rules = lan.run(1, &["nft", "list", "ruleset"]).unwrap();
        // 10 at once, and 6 on other interfaces than the instances' after a second.
        lan.until(&format!("{who:?} announces"), SOON, |s| s.announcements.len() >= 16).unwrap();
        let shapes = |a: &[Announcement]| {
            // Which of two instances is first is chance; each has its own MAC address.
            let mut all: Vec<String> = a.iter().map(|a| a.shape.clone()).collect();
            all.sort_by_key(|shape| shape.split('>').next().map(str::to_owned));
            all
        };
        let announced = lan.look(|s| shapes(&s.announcements[..16]));
        let seen = links(&lan);
        lan.signal(1, rha_compat_tests::Signal::TERM).unwrap();
        lan.ended(1).unwrap();
        let left = links(&lan);
        (seen, rules, announced, left)
    });
}

#[test]
fn a_reload_changes_macvlans_of_addresses() {
    rha_compat_tests::steadily(a_reload_changes_macvlans_of_addresses_once);
}

fn a_reload_changes_macvlans_of_addresses_once() {
    if impossible("macvlans and reload").is_some() {
        return;
    }
    let config = |more: &str| {
        instance(
            "A",
            51,
            &format!(" virtual_ipaddress {{\n  10.77.0.201/24\n  10.78.0.201/24 dev eth1{more}\n }}\n"),
        )
    };
    both(|who| {
        let mut lan = lan(&config(""));
        lan.start(1, who, &[]).unwrap();
        hold(&lan, who, &["10.77.0.201", "10.78.0.201"]);
        lan.configure(1, &config(" use_vmac\n  10.78.0.202/24 dev eth1 use_vmac")).unwrap();
        lan.signal(1, rha_compat_tests::Signal::HUP).unwrap();
        hold(&lan, who, &["10.78.0.202"]);
        let on = |link: &str| links(&lan).iter().any(|l| l.starts_with(link) && l.contains("10.78.0.201"));
        let start = Instant::now();
        while !on("vrrp.51@eth1") || on("eth1 ") {
            assert!(start.elapsed() < SOON, "{who:?}: {:?}\n{}", links(&lan), lan.story());
            std::thread::sleep(LOOK);
        }
        links(&lan)
    });
}

#[test]
fn interfaces_in_use_are_followed() {
    rha_compat_tests::steadily(interfaces_in_use_are_followed_once);
}

fn interfaces_in_use_are_followed_once() {
    if impossible("interfaces in use").is_some() {
        return;
    }
    let address = |n: u8, more: &str| format!(" virtual_ipaddress {{\n  10.77.0.{n}/24\n{more} }}\n");
    let config = "track_group G {\n group {\n  F\n }\n}\ntrack_group H {\n group {\n  G\n }\n}\n\
                  static_ipaddress {\n 10.88.0.1/24 dev eth1 track_group G\n 10.88.0.2/24 dev eth1 track_group H no_track\n}\n"
        .to_owned()
        + &instance("A", 51, &address(201, "  10.78.0.201/24 dev eth1\n"))
        + &instance("B", 52, &address(202, "  10.78.0.202/24 dev eth1 no_track\n"))
        + &instance("C", 53, &(address(203, "") + " virtual_routes {\n  10.98.0.0/24 dev eth1\n }\n"))
        + &instance("D", 54, &(address(204, "  10.78.0.204/24 dev eth1\n") + " track_interface {\n  eth1 weight -10\n }\n"))
        + &instance("E", 55, &(address(205, "") + " virtual_rules {\n  iif eth1 table 100 preference 30\n }\n"))
        + &instance("F", 56, &address(206, ""))
        + &instance("G", 57, &address(207, ""));
    let addresses: Vec<String> = (201..=207).map(|n| format!("10.77.0.{n}")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    both(|who| {
        let mut lan = lan(&config);
        let begin = Instant::now();
        lan.start(1, who, &[]).unwrap();
        hold(&lan, who, &addresses);
        let masters = |since: Instant, names: &[&str]| {
            for name in names {
                lan.says(1, &format!("({name}) Entering MASTER STATE"), since, SOON).unwrap();
            }
        };
        masters(begin, &["A", "B", "C", "D", "E", "F", "G"]);
        let start = Instant::now();
        lan.plug_second(1, false).unwrap();
        for name in ["A", "C", "D", "E", "F"] {
            lan.says(1, &format!("({name}) Entering FAULT STATE"), start, SOON).unwrap();
        }
        let down = links(&lan);
        lan.plug_second(1, true).unwrap();
        masters(start, &["A", "C", "D", "E", "F"]);
        let of = |l: &rha_compat_tests::lan::Line| {
            (l.at >= start && l.text.contains("Entering "))
                .then(|| l.text.split_once(": ").map(|t| t.1.to_owned()))
        };
        let mut said: Vec<String> = lan.look(|s| s.node(1).lines.iter().filter_map(of).flatten().collect());
        said.sort();
        (down, said)
    });
}

#[test]
fn what_can_never_run_stays_in_fault() {
    rha_compat_tests::steadily(what_can_never_run_stays_in_fault_once);
}

fn what_can_never_run_stays_in_fault_once() {
    if impossible("never runs").is_some() {
        return;
    }
    let unicast =
        " unicast_src_ip 10.77.0.1\n unicast_fault_no_peer\n virtual_ipaddress {\n  10.77.0.202/24\n }\n";
    let config = instance("A", 51, " virtual_ipaddress {\n  10.78.0.201/24\n }\n").replace("eth0", "eth1")
        + &instance("B", 52, unicast)
        + &instance("C", 53, " virtual_ipaddress {\n  10.77.0.203/24\n }\n");
    both(|who| {
        let mut lan = lan(&config);
        lan.ip(1, "link set eth1 multicast off").unwrap();
        lan.start_in_private(1, who).unwrap();
        hold(&lan, who, &["10.77.0.203"]);
        let read = |name: &str| std::fs::read_to_string(lan.path(name)).unwrap_or_default();
        let pid = read("1.main").trim().to_owned();
        for (signal, name, end) in
            [("-USR1", "keepalived.data", "Tracking VRRP instances"), ("-36", "keepalived.json", "]")]
        {
            let kill = std::process::Command::new("kill").args([signal, &pid]).status();
            assert!(kill.is_ok_and(|s| s.success()));
            let asked = Instant::now();
            while !read(name).contains(end) {
                assert!(asked.elapsed() < SOON, "{who:?} writes no {name}: {}", lan.story());
                std::thread::sleep(LOOK);
            }
        }
        let data = read("keepalived.data");
        let instances =
            data.split("VRRP Topology").nth(1).and_then(|t| t.split("Sockpool").next()).unwrap_or("");
        let plain = |l: &&str| !["Last transition", "Read timeout", "fd_in"].iter().any(|w| l.contains(w));
        let number = regex::Regex::new(r#""(last_transition|advert_sent)":[0-9.]+"#).unwrap();
        let json = number.replace_all(&read("keepalived.json"), "\"$1\":N").into_owned();
        let states: Vec<String> = lan.look(|s| {
            let entering = s.node(1).lines.iter().filter_map(|l| l.text.split_once("Entering "));
            entering.map(|(_, t)| t.to_owned()).collect()
        });
        (instances.lines().filter(plain).map(str::to_owned).collect::<Vec<_>>(), json, states)
    });
}
