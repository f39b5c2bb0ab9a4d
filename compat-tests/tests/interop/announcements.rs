//! Gratuitous ARP and unsolicited advertisements: which, in what order, how often and at what pace.

use std::time::{Duration, Instant};

use rha_compat_tests::lan::{Announcement, Lan, Who, impossible};

/// Enough for a node to become master and to announce a first time.
const BEGIN: Duration = Duration::from_secs(6);

fn instance(name: &str, vrid: u8, inside: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n version 3\n advert_int 0.2\n{inside}\n}}\n"
    )
}

fn addresses(all: &[&str]) -> String {
    format!(" virtual_ipaddress {{\n{} }}\n", all.iter().map(|a| format!("  {a}\n")).collect::<String>())
}

/// What a node announces until there are so many that fit.
fn heard(
    who: Who,
    config: &str,
    count: usize,
    limit: Duration,
    fits: fn(&Announcement) -> bool,
) -> Vec<Announcement> {
    let mut lan = Lan::new(1, false).unwrap();
    lan.second_link(1).unwrap();
    lan.configure(1, config).unwrap();
    lan.start(1, who, &[]).unwrap();
    let what = format!("{who:?}: {count} announcements");
    lan.until(&what, limit, |s| s.announcements.iter().filter(|a| fits(a)).count() >= count).unwrap();
    lan.look(|s| s.announcements.clone())
}

/// Both programs with the same configuration.
fn both<R: Send>(run: impl Fn(Who) -> R + Sync) -> (R, R) {
    std::thread::scope(|s| {
        let theirs = s.spawn(|| run(Who::Original));
        let ours = s.spawn(|| run(Who::Ours));
        (theirs.join().unwrap(), ours.join().unwrap())
    })
}

fn any(_: &Announcement) -> bool {
    true
}

/// Frames of one lane, in order: ARP of an interface by its MAC address, or advertisements.
fn lane(all: &[Announcement], fits: impl Fn(&Announcement) -> bool) -> Vec<String> {
    all.iter().filter(|a| fits(a)).map(|a| a.shape.clone()).collect()
}

fn is_first_link(a: &Announcement) -> bool {
    a.shape.starts_with("02:77") && a.address.is_ipv4()
}

fn is_second_link(a: &Announcement) -> bool {
    a.shape.starts_with("02:78")
}

#[test]
fn announcements_are_paced_as_the_originals() {
    rha_compat_tests::steadily(announcements_are_paced_as_the_originals_once);
}

fn announcements_are_paced_as_the_originals_once() {
    if impossible("paced announcements").is_some() {
        return;
    }
    // Each link has its pace for ARP and one for advertisements; two instances share those of eth0.
    let config =
        "global_defs {\n vrrp_garp_interval 0.05\n vrrp_gna_interval 0.1\n vrrp_garp_master_delay 2\n}\n"
            .to_owned()
            + &instance(
                "A",
                51,
                &(addresses(&[
                    "10.77.0.201/24",
                    "10.77.0.202/24",
                    "10.77.0.203/24",
                    "10.78.0.203/24 dev eth1",
                ]) + " virtual_ipaddress_excluded {\n  fd77::201/64\n  fd77::202/64\n }\n"),
            )
            + &instance("B", 52, &addresses(&["10.77.0.211/24", "10.78.0.213/24 dev eth1"]));
    // Five of ARP on eth0, three on eth1, three advertisements: and all that once more after two seconds.
    let (theirs, ours) = both(|who| heard(who, &config, 22, BEGIN + BEGIN, any));
    for run in [&theirs, &ours] {
        let first: Vec<Instant> = run.iter().filter(|a| is_first_link(a)).map(|a| a.at).collect();
        let pace = first[4].duration_since(first[0]);
        assert!(pace >= Duration::from_millis(150), "five frames in {pace:?}");
        let pause = first[5].duration_since(first[0]);
        assert!(pause >= Duration::from_millis(1500), "the second set after {pause:?}");
    }
    let lanes: [fn(&Announcement) -> bool; 3] = [is_first_link, is_second_link, |a| a.address.is_ipv6()];
    for fits in lanes {
        assert_eq!(lane(&ours, fits), lane(&theirs, fits));
    }
}

#[test]
fn interfaces_of_a_group_share_a_pace() {
    rha_compat_tests::steadily(interfaces_of_a_group_share_a_pace_once);
}

fn interfaces_of_a_group_share_a_pace_once() {
    if impossible("garp_group").is_some() {
        return;
    }
    let config = "garp_group {\n garp_interval 0.1\n interfaces {\n  eth0\n  eth1\n }\n}\n".to_owned()
        + &instance(
            "A",
            51,
            &(" use_vmac\n garp_master_delay 0\n".to_owned()
                + &addresses(&["10.77.0.201/24", "10.78.0.202/24 dev eth1"])
                + " virtual_ipaddress_excluded {\n  10.77.0.203/24\n }\n"),
        );
    let (theirs, ours) = both(|who| heard(who, &config, 4, BEGIN, any));
    for run in [&theirs, &ours] {
        let all = run[3].at.duration_since(run[0].at);
        assert!(all >= Duration::from_millis(200), "four frames in {all:?}");
    }
    assert_eq!(lane(&ours, any), lane(&theirs, any));
}

#[test]
fn a_second_set_follows_and_refreshes_do() {
    rha_compat_tests::steadily(a_second_set_follows_and_refreshes_do_once);
}

fn a_second_set_follows_and_refreshes_do_once() {
    if impossible("second set").is_some() {
        return;
    }
    let config = instance("A", 51, &addresses(&["10.77.0.201/24", "10.77.0.202/24"]))
        + &instance(
            "B",
            52,
            &(" garp_master_delay 0\n garp_master_repeat 3\n garp_master_refresh 1\n garp_master_refresh_repeat 2\n"
                .to_owned()
                + &addresses(&["10.78.0.213/24 dev eth1"])),
        );
    let (theirs, ours) = both(|who| heard(who, &config, 20, BEGIN + BEGIN, is_first_link));
    for run in [&theirs, &ours] {
        let set: Vec<Instant> = run.iter().filter(|a| is_first_link(a)).map(|a| a.at).collect();
        let pause = set[10].duration_since(set[9]);
        assert!(pause >= Duration::from_millis(4500), "garp_master_delay was {pause:?}");
        let refresh: Vec<Instant> = run.iter().filter(|a| is_second_link(a)).map(|a| a.at).collect();
        assert!(refresh.len() >= 9, "{} frames of refreshes", refresh.len());
        for at in [3, 5, 7] {
            let pause = refresh[at].duration_since(refresh[at - 1]);
            assert!(pause >= Duration::from_millis(800), "garp_master_refresh was {pause:?}");
        }
    }
    assert_eq!(lane(&ours, is_first_link)[..20], lane(&theirs, is_first_link)[..20]);
    assert_eq!(lane(&ours, is_second_link)[..9], lane(&theirs, is_second_link)[..9]);
}

#[test]
fn nothing_is_announced_for_a_former_master() {
    rha_compat_tests::steadily(nothing_is_announced_for_a_former_master_once);
}

fn nothing_is_announced_for_a_former_master_once() {
    if impossible("former master").is_some() {
        return;
    }
    // Held up for a second and a half; the link of its second address takes A's mastership away before. B stays,
    // and its third frame says that A's second would have been due.
    let config = "global_defs {\n vrrp_garp_interval 1.5\n vrrp_gna_interval 1.5\n}\n".to_owned()
        + &instance("A", 51, &addresses(&["10.77.0.201/24", "10.78.0.202/24 dev eth1"]))
        + &instance("B", 52, &addresses(&["fe80::77:200/64", "fd77::202/64"]));
    let (theirs, ours) = both(|who| {
        let mut lan = Lan::new(1, false).unwrap();
        lan.second_link(1).unwrap();
        lan.configure(1, &config).unwrap();
        let start = Instant::now();
        lan.start(1, who, &[]).unwrap();
        lan.says(1, "(A) Entering MASTER STATE", start, BEGIN).unwrap();
        lan.plug_second(1, false).unwrap();
        lan.says(1, "(A) Entering FAULT STATE", start, BEGIN).unwrap();
        let advertised = |a: &&Announcement| a.address.is_ipv6();
        lan.until("B announces", BEGIN, |s| s.announcements.iter().filter(advertised).count() >= 3).unwrap();
        lan.look(|s| lane(&s.announcements, is_first_link))
    });
    assert_eq!(theirs.len(), 1, "{theirs:?}");
    assert_eq!(ours, theirs);
}
