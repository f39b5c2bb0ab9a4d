//! Smaller things than the matrix, with every pair: two originals test each case first.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rha_compat_tests::Signal;
use rha_compat_tests::interop::{PAIRS, Pair};
use rha_compat_tests::lan::{Lan, Who, impossible};

const V4: &str = "10.77.0.200";

/// What the machine may add to the protocol's time.
const SLACK: Duration = Duration::from_millis(1500);
/// Pause between two looks at what nobody tells of: a file.
const LOOK: Duration = Duration::from_millis(15);

/// What an instance of a case looks like.
#[derive(Clone, Copy)]
struct Shape {
    title: &'static str,
    /// Lines inside the instance.
    inside: fn(usize) -> String,
    addresses: &'static [&'static str],
}

const PLAIN: Shape = Shape { title: "", inside: |_| String::new(), addresses: &[V4] };
const INTERVAL: Duration = Duration::from_millis(200);
/// Until a dead master is replaced, and a little more.
const TAKEOVER: Duration = Duration::from_millis(4 * 200 + 1500);

impl Shape {
    fn config(&self, node: usize) -> String {
        let addresses: String = self.addresses.iter().map(|a| format!("  {a}/24\n")).collect();
        format!(
            "global_defs {{\n router_id n{node}\n}}\nvrrp_instance VI_1 {{\n state BACKUP\n interface eth0\n \
             virtual_router_id 51\n priority {}\n version 3\n advert_int {}\n{} virtual_ipaddress {{\n{addresses} }}\n}}\n",
            130 - 20 * node,
            INTERVAL.as_secs_f64(),
            (self.inside)(node)
        )
    }
}

/// A LAN with a pair; whatever fails ends the test and says which pair it was.
struct Lab {
    lan: Lan,
    who: Pair,
}

impl Lab {
    fn new(who: Pair) -> Lab {
        Lab { lan: Lan::new(2, false).unwrap(), who }
    }

    fn configure(&self, node: usize, text: &str) {
        self.lan.configure(node, text).unwrap();
    }

    fn start(&mut self, node: usize) {
        self.lan.start(node, self.who[node - 1], &[]).unwrap();
    }

    fn stop(&mut self, node: usize) {
        self.signal(node, Signal::TERM);
        self.lan.ended(node).unwrap();
    }

    fn signal(&self, node: usize, signal: Signal) {
        self.lan.signal(node, signal).unwrap();
    }

    fn holds(&self, node: usize, address: &str) -> bool {
        self.lan.addresses(node).unwrap().contains(&ip(address))
    }

    /// Waits until exactly this node has all the addresses and the other none.
    fn only(&self, node: usize, addresses: &[&str], limit: Duration) {
        let all: BTreeSet<IpAddr> = addresses.iter().map(|a| ip(a)).collect();
        let what = format!("{:?}: {all:?} on node {node} only", self.who);
        let so = |seen: &rha_compat_tests::lan::Seen| {
            all.iter().all(|a| seen.node(node).holds(*a) && !seen.node(3 - node).holds(*a))
        };
        self.lan.until(&what, limit, so).unwrap();
    }

    fn has(&self, node: usize, address: &str, yes: bool, limit: Duration) {
        let what = format!("{:?}: node {node} has {address}: {yes}", self.who);
        self.lan.until(&what, limit, |seen| seen.node(node).holds(ip(address)) == yes).unwrap();
    }

    fn says(&self, node: usize, text: &str, limit: Duration) {
        let what = format!("{:?}: node {node} says {text}", self.who);
        let so = |l: &rha_compat_tests::lan::Line| l.text.contains(text);
        self.lan.until(&what, limit, |seen| seen.node(node).lines.iter().any(so)).unwrap();
    }

    fn count(&self, node: usize, text: &str) -> usize {
        self.lan.look(|seen| seen.node(node).lines.iter().filter(|l| l.text.contains(text)).count())
    }

    /// Waits for something that nobody tells of.
    fn wait(&self, what: &str, limit: Duration, so: impl Fn() -> bool) {
        let start = Instant::now();
        while !so() {
            assert!(
                start.elapsed() < limit,
                "{:?}: not within {limit:?}: {what}\n{}",
                self.who,
                self.lan.story()
            );
            std::thread::sleep(LOOK);
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.lan.path(name)
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Runs a case with every pair at once.
fn with_pairs(title: &str, case: impl Fn(&mut Lab) + Sync) {
    if impossible(title).is_some() {
        return;
    }
    std::thread::scope(|s| {
        let case = &case;
        let runs = PAIRS.map(|who| s.spawn(move || case(&mut Lab::new(who))));
        for (run, who) in runs.into_iter().zip(PAIRS) {
            assert!(run.join().is_ok(), "{title} {who:?}");
        }
    });
}

/// Ours alone: what the original does not have.
fn ours_alone(title: &str, case: impl FnOnce(&mut Lab)) {
    if impossible(title).is_none() {
        case(&mut Lab::new([Who::Ours, Who::Ours]));
    }
}

#[test]
fn a_sync_group_moves_as_one() {
    rha_compat_tests::steadily(a_sync_group_moves_as_one_once);
}

fn a_sync_group_moves_as_one_once() {
    let config = |node: usize| {
        let instance = |name: &str, vrid: u8, address: &str| {
            format!(
                "vrrp_instance {name} {{\n state BACKUP\n interface eth0\n virtual_router_id {vrid}\n \
                 priority {}\n version 3\n advert_int 0.2\n virtual_ipaddress {{\n  {address}/24\n }}\n}}\n",
                130 - 20 * node
            )
        };
        "vrrp_sync_group G {\n group {\n  A\n  B\n }\n}\n".to_owned()
            + &instance("A", 51, V4)
            + &instance("B", 52, "10.77.0.201")
    };
    let both = [V4, "10.77.0.201"];
    with_pairs("sync group", |lab| {
        lab.configure(1, &config(1));
        lab.configure(2, &config(2));
        lab.start(1);
        lab.start(2);
        lab.only(1, &both, Duration::from_secs(4));
        // One address taken away by hand takes the whole group out of MASTER for an election.
        lab.lan.ip(1, "addr del 10.77.0.201/24 dev eth0").unwrap();
        lab.says(1, "(A) Entering BACKUP STATE", SLACK);
        lab.only(1, &both, Duration::from_secs(4));
        lab.stop(1);
        lab.only(2, &both, SLACK + SLACK);
    });
}

#[test]
fn a_killed_worker_is_replaced_and_comes_back() {
    rha_compat_tests::steadily(a_killed_worker_is_replaced_and_comes_back_once);
}

fn a_killed_worker_is_replaced_and_comes_back_once() {
    let shape = Shape { title: "worker killed", inside: PLAIN.inside, addresses: &[V4] };
    with_pairs(shape.title, |lab| {
        lab.configure(1, &shape.config(1));
        lab.configure(2, &shape.config(2));
        lab.start(1);
        lab.start(2);
        lab.only(1, &[V4], TAKEOVER + SLACK);
        let before = lab.lan.worker(1).unwrap();
        let killed = std::process::Command::new("kill").args(["-9", &before.to_string()]).status();
        assert!(killed.is_ok_and(|s| s.success()));
        lab.says(1, "died: Respawning", SLACK);
        lab.wait("another worker", SLACK, || lab.lan.worker(1).unwrap() != before);
        lab.only(1, &[V4], TAKEOVER + SLACK);
    });
}

#[test]
fn a_reload_keeps_the_master_and_takes_new_addresses() {
    rha_compat_tests::steadily(a_reload_keeps_the_master_and_takes_new_addresses_once);
}

fn a_reload_keeps_the_master_and_takes_new_addresses_once() {
    let one = Shape { title: "reload", inside: PLAIN.inside, addresses: &[V4] };
    let two = Shape { addresses: &[V4, "10.77.0.201"], inside: |_| " skip_check_adv_addr\n".into(), ..one };
    with_pairs(one.title, |lab| {
        lab.configure(1, &Shape { inside: two.inside, ..one }.config(1));
        lab.configure(2, &Shape { inside: two.inside, ..one }.config(2));
        lab.start(1);
        lab.start(2);
        lab.only(1, &[V4], TAKEOVER + SLACK);
        lab.says(1, "Entering MASTER STATE", SLACK);
        let masters = |node| lab.count(node, "Entering MASTER STATE");
        let before = (masters(1), masters(2));
        lab.configure(1, &two.config(1));
        lab.signal(1, Signal::HUP);
        lab.has(1, "10.77.0.201", true, SLACK);
        lab.says(1, "Reload complete", SLACK);
        assert!(lab.holds(1, V4));
        assert_eq!((masters(1), masters(2)), before, "{}", lab.lan.story());
    });
}

#[test]
fn a_failing_script_gives_the_master_away() {
    rha_compat_tests::steadily(a_failing_script_gives_the_master_away_once);
}

fn a_failing_script_gives_the_master_away_once() {
    let shape =
        Shape { title: "script", inside: |_| " track_script {\n  chk\n }\n".to_owned(), addresses: &[V4] };
    with_pairs(shape.title, |lab| {
        for node in 1..=2 {
            let flag = lab.path(&format!("{node}.fail"));
            let script = format!(
                "vrrp_script chk {{\n script \"/usr/bin/test ! -e {}\"\n interval 1\n weight -50\n user root\n}}\n",
                flag.display()
            );
            lab.configure(node, &(script + &shape.config(node)));
        }
        lab.start(1);
        lab.start(2);
        lab.only(1, &[V4], TAKEOVER + SLACK);
        std::fs::write(lab.path("1.fail"), "").unwrap();
        lab.says(1, "Changing effective priority from 110 to 60", SLACK + SLACK);
        lab.only(2, &[V4], TAKEOVER);
        std::fs::remove_file(lab.path("1.fail")).unwrap();
        lab.says(1, "Changing effective priority from 60 to 110", SLACK + SLACK);
        lab.only(1, &[V4], TAKEOVER + SLACK);
    });
}

#[test]
fn several_instances_share_an_interface() {
    rha_compat_tests::steadily(several_instances_share_an_interface_once);
}

fn several_instances_share_an_interface_once() {
    let config = |node: usize| -> String {
        let instance = |name: &str, vrid: u8, address: &str, priority: usize| {
            format!(
                "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n priority {priority}\n \
                 version 3\n advert_int 0.2\n virtual_ipaddress {{\n  {address}/24\n }}\n}}\n"
            )
        };
        instance("A", 51, V4, 130 - 20 * node) + &instance("B", 52, "10.77.0.201", 70 + 20 * node)
    };
    with_pairs("active-active", |lab| {
        lab.configure(1, &config(1));
        lab.configure(2, &config(2));
        lab.start(1);
        lab.start(2);
        let limit = Duration::from_secs(4);
        lab.only(1, &[V4], limit);
        lab.only(2, &["10.77.0.201"], limit);
        lab.lan.plug(2, false).unwrap();
        lab.has(1, "10.77.0.201", true, limit);
        lab.lan.plug(2, true).unwrap();
        lab.only(2, &["10.77.0.201"], limit);
        assert!(lab.holds(1, V4));
    });
}

#[test]
fn a_broken_file_is_refused_as_a_whole() {
    rha_compat_tests::steadily(a_broken_file_is_refused_as_a_whole_once);
}

fn a_broken_file_is_refused_as_a_whole_once() {
    let shape = Shape { title: "broken reload", inside: PLAIN.inside, addresses: &[V4] };
    ours_alone(shape.title, |lab| {
        lab.configure(1, &shape.config(1));
        lab.start(1);
        lab.has(1, V4, true, TAKEOVER + SLACK);
        lab.configure(1, &shape.config(1).replace(V4, "10.77.0.299"));
        lab.signal(1, Signal::HUP);
        lab.says(1, "the running configuration stays", SLACK);
        assert!(lab.holds(1, V4), "{}", lab.lan.story());
        lab.stop(1);
        lab.has(1, V4, false, SLACK);
    });
}

#[test]
fn what_is_told_keeps_its_order() {
    rha_compat_tests::steadily(what_is_told_keeps_its_order_once);
}

fn what_is_told_keeps_its_order_once() {
    let shape = Shape { title: "notify", inside: PLAIN.inside, addresses: &[V4] };
    ours_alone(shape.title, |lab| {
        let (told, script) = (lab.path("told"), lab.path("slow.sh"));
        // A slow first script: what follows must not overtake it.
        let body = format!("#!/bin/sh\n[ \"$3\" = BACKUP ] && sleep 1\necho $3 >> {}\n", told.display());
        std::fs::write(&script, body).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, mode).unwrap();
        let inside = format!(" notify {}\n virtual_ipaddress {{", script.display());
        let config = shape.config(1).replacen(" virtual_ipaddress {", &inside, 1);
        lab.configure(1, &config.replacen("global_defs {", "global_defs {\n script_user root", 1));
        lab.start(1);
        lab.has(1, V4, true, TAKEOVER + SLACK);
        let lines = || std::fs::read_to_string(&told).unwrap_or_default();
        lab.wait("both were told", SLACK + SLACK, || lines().lines().count() >= 2);
        assert_eq!(lines(), "BACKUP\nMASTER\n");
        lab.stop(1);
        assert_eq!(lines(), "BACKUP\nMASTER\nSTOP\n");
    });
}
