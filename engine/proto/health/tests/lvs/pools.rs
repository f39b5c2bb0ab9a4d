//! Virtual servers: quorum, sorry server, weights, alpha, omega, inhibit, files, BFD, reload.

use proptest::prelude::*;
use rha_base::Now;
use rha_health::lvs::{Act, CheckId, Event, KernelChange, Pool, PoolPlan, ProbePlan, SorryPlan};

use super::{Rig, SECOND, checker, http, pool, server, text, url};

const VS: &str = "[10.9.9.9]:tcp:80";

fn tcp() -> ProbePlan {
    ProbePlan::Tcp
}

/// Servers 10.0.0.1 and so on with a TCP check each.
fn farm(count: u8) -> PoolPlan {
    pool((1..=count).map(|n| server(n, vec![checker(tcp(), 0)])).collect())
}

fn id(server: usize) -> CheckId {
    CheckId { server, checker: 0 }
}

/// All checks that are due begin; the servers listed answer, the others refuse.
fn round(rig: &mut Rig, well: &[usize]) -> Vec<String> {
    let mut said = rig.due().1;
    for server in 0..rig.pool.plan().servers.len() {
        let event = if well.contains(&server) { Event::Connected } else { Event::Refused };
        said.extend(rig.act(|p, now, out| p.handle(id(server), event, now, out)));
    }
    said.retain(|s| !s.starts_with("open"));
    said
}

fn start(plan: PoolPlan) -> (Rig, Vec<String>) {
    let mut rig = Rig { pool: Pool::new(plan, 7), now_us: 0 };
    let mut said = rig.act(|p, _, out| p.begin(out));
    said.extend(rig.act(|p, now, out| p.activate(now, out)));
    (rig, said)
}

#[test]
fn the_start_is_told() {
    let (rig, said) = start(farm(2));
    assert_eq!(
        said,
        [
            "+0 weight 1",
            "+1 weight 1",
            "Gained quorum 1+0=1 <= 2 for VS [10.9.9.9]:tcp:80",
            "notify quorum true",
            "fifo VS [10.9.9.9]:tcp:80 UP\\n",
            "Activating healthchecker for service [10.0.0.1]:tcp:80 for VS [10.9.9.9]:tcp:80",
            "Activating healthchecker for service [10.0.0.2]:tcp:80 for VS [10.9.9.9]:tcp:80",
        ]
    );
    assert_eq!(rig.pool.deadline(), Some(SECOND));
}

#[test]
fn warm_up_is_random_and_bounded() {
    let mut plan = farm(20);
    for server in &mut plan.servers {
        server.checkers[0].warmup_us = 5 * SECOND;
    }
    let (mut rig, _) = start(plan);
    let mut times = Vec::new();
    while times.len() < 20 {
        let said = rig.due().1;
        times.extend(std::iter::repeat_n(rig.now_us, said.len()));
    }
    assert!(times.iter().all(|t| (SECOND..=6 * SECOND).contains(t)), "{times:?}");
    assert!(times[19] - times[0] > 2 * SECOND, "{times:?}");
}

#[test]
fn alpha_waits_for_the_first_success() {
    let mut plan = farm(1);
    plan.servers[0].checkers[0].alpha = true;
    let (mut rig, said) = start(plan);
    assert!(!said.iter().any(|s| s.starts_with('+') || s.contains("quorum")), "{said:?}");
    // a first failure is told to scripts, although nothing changes
    assert_eq!(
        round(&mut rig, &[]),
        [
            "TCP_CHECK on service [10.0.0.1]:tcp:80 failed.",
            "notify 0 false",
            "fifo RS [10.0.0.1]:tcp:80 [10.9.9.9]:tcp:80 DOWN\\n"
        ]
    );
    assert_eq!(round(&mut rig, &[]), [""; 0]);
    let said = round(&mut rig, &[0]);
    assert_eq!(said[1..3], ["Adding service [10.0.0.1]:tcp:80 to VS [10.9.9.9]:tcp:80", "+0 weight 1"]);
    assert!(rig.alive());
}

#[test]
fn quorum_comes_and_goes_with_hysteresis() {
    let mut plan = farm(4);
    plan.quorum = 2;
    plan.hysteresis = 1;
    plan.mail = true;
    let (mut rig, said) = start(plan);
    assert!(said.contains(&format!("Gained quorum 2+1=3 <= 4 for VS {VS}")), "{said:?}");
    assert!(
        said.contains(&format!(
            "mail [lb1] Virtualserver {VS} - UP | => Starting with quorum up 2+1=3 <= 4 <="
        ))
    );
    let quorum = |said: Vec<String>| -> Vec<String> {
        said.into_iter().filter(|s| s.contains("quorum ") && !s.starts_with("notify")).collect()
    };
    assert_eq!(quorum(round(&mut rig, &[0, 1])), [""; 0]);
    assert_eq!(quorum(round(&mut rig, &[0])), [""; 0]);
    assert_eq!(
        quorum(round(&mut rig, &[])),
        [
            format!("Lost quorum 2-1=1 > 0 for VS {VS}"),
            format!("mail [lb1] Virtualserver {VS} - DOWN | => Lost quorum 2+1=1 <= 0 <="),
        ]
    );
    assert_eq!(quorum(round(&mut rig, &[0, 1])), [""; 0]);
    assert_eq!(quorum(round(&mut rig, &[0, 1, 2]))[0], format!("Gained quorum 2+1=3 <= 3 for VS {VS}"));
}

#[test]
fn the_sorry_server_takes_over_without_a_quorum() {
    let mut plan = farm(2);
    plan.quorum = 2;
    plan.sorry = Some(SorryPlan { address: "10.0.0.99:80".parse().unwrap(), inhibit: false, weight: 1 });
    let (mut rig, said) = start(plan.clone());
    assert!(!said.iter().any(|s| s.contains("sorry")), "{said:?}");
    assert_eq!(
        round(&mut rig, &[0])[2..],
        [
            "Removing service [10.0.0.2]:tcp:80 from VS [10.9.9.9]:tcp:80",
            "-1",
            "notify 1 false",
            "fifo RS [10.0.0.2]:tcp:80 [10.9.9.9]:tcp:80 DOWN\\n",
            "Lost quorum 2-0=2 > 1 for VS [10.9.9.9]:tcp:80",
            "Adding sorry server [10.0.0.99]:tcp:80 to VS [10.9.9.9]:tcp:80",
            "Removing alive servers from the pool for VS [10.9.9.9]:tcp:80",
            "-0",
            "+sorry weight 1",
            "notify quorum false",
            "fifo VS [10.9.9.9]:tcp:80 DOWN\\n",
        ]
    );
    assert_eq!(
        round(&mut rig, &[0, 1]),
        [
            "TCP connection to [10.0.0.2]:tcp:80 success.",
            "Adding service [10.0.0.2]:tcp:80 to VS [10.9.9.9]:tcp:80",
            "notify 1 true",
            "fifo RS [10.0.0.2]:tcp:80 [10.9.9.9]:tcp:80 UP\\n",
            "Gained quorum 2+0=2 <= 2 for VS [10.9.9.9]:tcp:80",
            "Removing sorry server [10.0.0.99]:tcp:80 from VS [10.9.9.9]:tcp:80",
            "-sorry",
            "Adding alive servers to the pool for VS [10.9.9.9]:tcp:80",
            "+0 weight 1",
            "+1 weight 1",
            "notify quorum true",
            "fifo VS [10.9.9.9]:tcp:80 UP\\n",
        ]
    );
    // all down at the start
    for server in &mut plan.servers {
        server.checkers[0].alpha = true;
    }
    let (_, said) = start(plan);
    assert_eq!(
        said[..4],
        [
            "Starting with quorum down 2-0=2 > 0 for VS [10.9.9.9]:tcp:80",
            "Adding sorry server [10.0.0.99]:tcp:80 to VS [10.9.9.9]:tcp:80",
            "Removing alive servers from the pool for VS [10.9.9.9]:tcp:80",
            "+sorry weight 1",
        ]
    );
}

#[test]
fn inhibited_servers_stay_with_weight_nought() {
    let mut plan = farm(2);
    plan.servers.iter_mut().for_each(|s| s.inhibit = true);
    plan.quorum = 2;
    plan.sorry = Some(SorryPlan { address: "10.0.0.99:80".parse().unwrap(), inhibit: true, weight: 1 });
    let (mut rig, said) = start(plan);
    assert_eq!(said[..2], ["+0 weight 1", "+1 weight 1"]);
    assert!(said.contains(&"+sorry weight 0".to_owned()), "{said:?}");
    let kernel = |said: Vec<String>| -> Vec<String> {
        said.into_iter().filter(|s| s.starts_with(['+', '-', '=']) || s.contains("sorry")).collect()
    };
    let said = round(&mut rig, &[0]);
    assert!(said.contains(&format!("Disabling service [10.0.0.2]:tcp:80 of VS {VS}")), "{said:?}");
    assert_eq!(
        kernel(said),
        [
            "=1 weight 0",
            "Enabling sorry server [10.0.0.99]:tcp:80 to VS [10.9.9.9]:tcp:80",
            "=0 weight 0",
            "=sorry weight 1"
        ]
    );
    let said = round(&mut rig, &[0, 1]);
    assert!(said.contains(&format!("Enabling service [10.0.0.2]:tcp:80 of VS {VS}")), "{said:?}");
    assert_eq!(
        kernel(said),
        [
            "Disabling sorry server [10.0.0.99]:tcp:80 from VS [10.9.9.9]:tcp:80",
            "=sorry weight 0",
            "=0 weight 1",
            "=1 weight 1"
        ]
    );
    // alpha and inhibit: in the table from the start, with weight 0
    let mut plan = farm(1);
    plan.servers[0].inhibit = true;
    plan.servers[0].checkers[0].alpha = true;
    let (mut rig, said) = start(plan);
    assert_eq!(said[0], "+0 weight 0");
    assert!(round(&mut rig, &[0]).contains(&"=0 weight 1".to_owned()));
}

#[test]
fn a_server_is_alive_while_all_its_checkers_say_so() {
    let two = server(1, vec![checker(tcp(), 0), checker(http(vec![url("/")]), 0)]);
    let mut rig = Rig::new(pool(vec![two]));
    let web = CheckId { server: 0, checker: 1 };
    rig.due();
    let good = |rig: &mut Rig| {
        for event in [Event::Connected, Event::Data(b"HTTP/1.0 200 OK\r\n\r\n".to_vec()), Event::Eof] {
            rig.act(|p, now, out| p.handle(web, event, now, out));
        }
    };
    let bad = |rig: &mut Rig| rig.act(|p, now, out| p.handle(web, Event::Refused, now, out));
    rig.hear(Event::Connected);
    good(&mut rig);
    assert!(rig.alive());
    rig.due();
    rig.hear(Event::Refused);
    assert!(!rig.alive());
    // the second failure changes nothing, one recovery is not enough
    assert_eq!(bad(&mut rig).len(), 1);
    assert_eq!(rig.pool.server(0).unwrap().failed, 2);
    rig.due();
    assert_eq!(rig.hear(Event::Connected).len(), 1);
    assert!(!rig.alive());
    // the failed page, then all pages once more
    good(&mut rig);
    assert!(!rig.alive());
    rig.due();
    rig.hear(Event::Connected);
    good(&mut rig);
    assert!(rig.alive());
}

#[test]
fn mail_is_sent_as_asked_for() {
    for (no_checker_emails, count) in [(false, 2), (true, 1)] {
        let mut two = server(1, vec![checker(tcp(), 0), checker(tcp(), 0)]);
        two.mail = true;
        let mut plan = pool(vec![two]);
        plan.no_checker_emails = no_checker_emails;
        let mut rig = Rig::new(plan);
        let mut said = rig.due().1;
        for checker in [0, 1] {
            let id = CheckId { server: 0, checker };
            said.extend(rig.act(|p, now, out| p.handle(id, Event::Refused, now, out)));
        }
        let mail: Vec<_> = said.iter().filter(|s| s.starts_with("mail")).collect();
        assert_eq!(mail.len(), count);
        assert_eq!(
            mail[0],
            "mail [lb1] Realserver [10.0.0.1]:tcp:80 of virtual server [10.9.9.9]:tcp:80 - DOWN | \
             => TCP CHECK failed on service <="
        );
    }
}

#[test]
fn bfd_sessions_count_as_checks() {
    let bfd = |alpha| {
        let mut checker = checker(ProbePlan::Bfd { instance: "peer".to_owned() }, 0);
        checker.alpha = alpha;
        pool(vec![server(1, vec![checker])])
    };
    let (mut rig, said) = start(bfd(false));
    assert!(!said.iter().any(|s| s.contains("ctivating")) && rig.alive());
    let tell = |rig: &mut Rig, name: &str, up| rig.act(|p, _, out| p.handle_bfd(name, up, out));
    assert_eq!(tell(&mut rig, "other", false), [""; 0]);
    assert_eq!(tell(&mut rig, "peer", false)[0], "BFD check of [peer] RS([10.0.0.1]:tcp:80) is DOWN");
    assert!(!rig.alive());
    assert_eq!(tell(&mut rig, "peer", false), [""; 0]);
    assert_eq!(tell(&mut rig, "peer", true)[0], "BFD check of [peer] RS([10.0.0.1]:tcp:80) is UP");
    assert!(rig.alive());
    let (mut rig, _) = start(bfd(true));
    assert!(!rig.alive());
    tell(&mut rig, "peer", true);
    assert!(rig.alive());
}

#[test]
fn files_change_weights_and_states() {
    let file = |weight, reverse| ProbePlan::File { file: "f".to_owned(), weight, reverse };
    // (weight, reverse, value before the start, values after it; weight and alive after each)
    for (factor, reverse, values) in [
        (0, false, &[(0, 10, true), (3, 10, false), (0, 10, true), (-1, 10, false)][..]),
        (0, true, &[(0, 10, false), (3, 10, true), (0, 10, false)]),
        (2, false, &[(0, 10, true), (3, 16, true), (-5, 0, true), (-4, 2, true), (0, 10, true)]),
        (2, true, &[(3, 4, true), (0, 10, true)]),
        (1, false, &[(1, 11, true), (-2_147_483_648, 10, false), (4, 14, true)]),
    ] {
        let mut plan = pool(vec![server(1, vec![checker(file(factor, reverse), 0)])]);
        plan.servers[0].weight = 10;
        let mut rig = Rig { pool: Pool::new(plan, 1), now_us: 0 };
        for (n, &(value, weight, alive)) in values.iter().enumerate() {
            rig.act(|p, _, out| p.handle_file("f", value, out));
            if n == 0 {
                rig.act(|p, _, out| p.begin(out));
            }
            let now = rig.pool.server(0).unwrap();
            assert_eq!((now.weight, now.alive), (weight, alive), "{factor} {reverse} {value}");
        }
    }
    let mut plan = pool(vec![server(1, vec![checker(file(1, false), 0)])]);
    plan.detail = true;
    let mut rig = Rig { pool: Pool::new(plan, 1), now_us: 0 };
    rig.act(|p, _, out| p.begin(out));
    let said = rig.act(|p, _, out| p.handle_file("f", 4, out));
    assert_eq!(
        said[0],
        format!("Changing weight from 1 to 5 for active service [10.0.0.1]:tcp:80 of VS {VS}")
    );
    let said = rig.act(|p, _, out| p.handle_file("f", i64::MIN, out));
    assert_eq!(said[0], "([10.0.0.1]:tcp:80): tracked file f now FAULT state");
    let said = rig.act(|p, _, out| p.handle_file("f", 0, out));
    assert_eq!(said[0], "([10.0.0.1]:tcp:80): tracked file f leaving FAULT state");
}

#[test]
fn checks_rest_while_the_address_is_elsewhere() {
    let mut plan = farm(1);
    plan.ha_suspend = true;
    let (mut rig, said) = start(plan);
    assert_eq!(said[3], format!("fifo VS {VS} UP\\n"), "{said:?}");
    assert_eq!(said[4], format!("Deactivating healthchecker for service [10.0.0.1]:tcp:80 for VS {VS}"));
    assert_eq!(rig.due(), (1, vec![]));
    let line = |word: &str| [format!("{word}ing healthchecker for service [10.0.0.1]:tcp:80 for VS {VS}")];
    assert_eq!(rig.act(|p, _, out| p.set_present(true, out)), line("Activat"));
    assert_eq!(rig.due(), (10, vec!["open 0/0 Tcp".to_owned()]));
    assert_eq!(rig.act(|p, _, out| p.set_present(false, out)), line("Suspend"));
    assert_eq!(rig.act(|p, _, out| p.set_present(false, out)), [""; 0]);
}

#[test]
fn a_stop_takes_everything_out() {
    for omega in [false, true] {
        let mut plan = farm(2);
        plan.omega = omega;
        plan.mail = true;
        plan.servers[0].mail = true;
        let (mut rig, _) = start(plan);
        round(&mut rig, &[0]);
        let said = rig.act(|p, _, out| p.stop(out));
        let lines: Vec<_> = said.iter().filter(|s| s.starts_with("Shutting") || s.starts_with('-')).collect();
        assert_eq!(
            lines,
            [
                &format!("Shutting down service [10.0.0.1]:tcp:80 from VS {VS}"),
                "-0",
                &format!("Shutting down service [10.0.0.2]:tcp:80 from VS {VS}"),
            ]
        );
        let told: Vec<_> = said.iter().filter(|s| s.starts_with("notify") || s.starts_with("mail")).collect();
        if omega {
            assert_eq!(
                told,
                [
                    "notify 0 false",
                    "mail [lb1] Realserver [10.0.0.1]:tcp:80 of virtual server [10.9.9.9]:tcp:80 - DOWN | \
                     => Shutting down <=",
                    "notify quorum false",
                    "mail [lb1] Virtualserver [10.9.9.9]:tcp:80 - DOWN | => Shutting down <=",
                ]
            );
        } else {
            assert_eq!(told, [""; 0]);
        }
    }
}

#[test]
fn a_reload_keeps_what_is_the_same() {
    let (mut rig, _) = start(farm(3));
    round(&mut rig, &[0, 2]);
    assert!(!rig.pool.server(1).unwrap().alive);
    // 10.0.0.1 gets weight 5, 10.0.0.2 stays down, 10.0.0.3 goes, 10.0.0.4 is new
    let mut plan = farm(2);
    plan.servers[0].weight = 5;
    plan.servers.push(server(4, vec![checker(tcp(), 0)]));
    let mut next = Pool::new(plan.clone(), 1);
    let old = rig.act(|p, _, out| p.retire(&plan, out));
    assert_eq!(
        old,
        [
            "service [10.0.0.3]:tcp:80 no longer exist",
            "Removing service [10.0.0.3]:tcp:80 from VS [10.9.9.9]:tcp:80",
            "-2",
            "notify 2 false",
            "fifo RS [10.0.0.3]:tcp:80 [10.9.9.9]:tcp:80 DOWN\\n",
        ]
    );
    let mut out = Vec::new();
    next.adopt(&rig.pool, &mut out);
    let said: Vec<String> = out.iter().filter_map(text).collect();
    assert_eq!(
        said,
        [
            "Changing weight from 1 to 5 for active service [10.0.0.1]:tcp:80 of VS [10.9.9.9]:tcp:80",
            "=0 weight 5",
            "+2 weight 1"
        ]
    );
    let alive: Vec<bool> = (0..3).map(|n| next.server(n).unwrap().alive).collect();
    assert_eq!(alive, [true, false, true]);
    assert!(next.quorum_up());
    // COMPAT: those that ran are announced again, too
    let mut out = Vec::new();
    next.activate(Now { mono_us: rig.now_us, wall_us: 0 }, &mut out);
    let said: Vec<String> = out.iter().filter_map(text).collect();
    let announced = |n: u8| format!("Activating healthchecker for service [10.0.0.{n}]:tcp:80 for VS {VS}");
    assert_eq!(said, [1, 2, 4].map(announced));
    // an unchanged configuration changes nothing
    let mut again = Pool::new(plan.clone(), 1);
    let mut out = Vec::new();
    next.retire(&plan, &mut out);
    again.adopt(&next, &mut out);
    assert_eq!(out, []);
}

/// What a kernel would hold.
#[derive(Debug, Default)]
struct Table(std::collections::BTreeMap<Option<usize>, u32>);

impl Table {
    fn apply(&mut self, act: &Act) {
        let Act::Kernel(change) = act else { return };
        let fresh = match *change {
            KernelChange::Add { server, weight } => self.0.insert(Some(server), weight).is_none(),
            KernelChange::AddSorry { weight } => self.0.insert(None, weight).is_none(),
            KernelChange::Weight { server, weight } => self.0.insert(Some(server), weight).is_some(),
            KernelChange::SorryWeight { weight } => self.0.insert(None, weight).is_some(),
            KernelChange::Remove { server } => self.0.remove(&Some(server)).is_some(),
            KernelChange::RemoveSorry => self.0.remove(&None).is_some(),
        };
        assert!(fresh, "the kernel would refuse {change:?}");
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Connected),
        1 => Just(Event::Unreachable),
        1 => Just(Event::Refused),
        1 => Just(Event::Handshake { remark: Some("r".to_owned()) }),
        1 => Just(Event::Truncated),
        1 => Just(Event::Unable),
        1 => Just(Event::Eof),
        1 => Just(Event::WriteError),
        1 => Just(Event::ReadError { errno: 5, text: String::new() }),
        1 => Just(Event::NotStarted),
        1 => (0i32..256).prop_map(Event::Exited),
        1 => (1i32..32).prop_map(Event::Signaled),
        2 => Just(Event::Data(b"HTTP/1.0 200 OK\r\n\r\n".to_vec())),
        1 => Just(Event::Data(b"220 \r\n".to_vec())),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Event::Data),
    ]
}

proptest! {
    /// Whatever happens: no panic, a server is alive while no checker says down, the kernel never gets a change it
    /// would refuse, and its table is what the states say.
    #[test]
    fn the_table_follows_the_states(
        happenings in prop::collection::vec((0usize..4, 0usize..3, any_event(), 0u64..12), 1..120),
        alpha in any::<bool>(), inhibit in any::<bool>(), sorry in prop::option::of(any::<bool>()), quorum in 1u32..4,
    ) {
        let kinds = |n: u8| {
            let misc = ProbePlan::Misc { program: "m".to_owned(), timeout_us: SECOND, dynamic: n == 2 };
            let kinds = vec![tcp(), http(vec![url("/a"), url("/b")]), misc];
            kinds.into_iter().map(|k| {
                let mut c = checker(k, u32::from(n));
                c.alpha = alpha;
                c
            }).collect::<Vec<_>>()
        };
        let mut plan = pool((1..=4).map(|n| server(n, kinds(n))).collect());
        plan.servers.iter_mut().for_each(|s| s.inhibit = inhibit);
        plan.quorum = quorum;
        plan.sorry = sorry.map(|inhibit| SorryPlan { address: "10.0.0.99:80".parse().unwrap(), inhibit, weight: 1 });
        let mut pool = Pool::new(plan, 3);
        let (mut table, mut out, mut now) = (Table::default(), Vec::new(), Now::default());
        pool.begin(&mut out);
        pool.activate(now, &mut out);
        for (server, checker, event, wait) in happenings {
            now.mono_us += wait * SECOND;
            pool.handle_timeout(now, &mut out);
            pool.handle(CheckId { server, checker }, event, now, &mut out);
            for act in out.drain(..) {
                table.apply(&act);
            }
            let serving = pool.quorum_up() || sorry.is_none();
            for n in 0..4 {
                let s = pool.server(n).unwrap();
                prop_assert_eq!(s.alive, s.failed == 0);
                let weight = table.0.get(&Some(n)).copied();
                let expected = match (s.alive && serving, inhibit) {
                    (true, _) => Some(s.weight),
                    (false, true) => Some(0),
                    (false, false) => None,
                };
                prop_assert_eq!(weight, expected);
            }
        }
        pool.stop(&mut out);
        for act in out.drain(..) {
            table.apply(&act);
        }
        prop_assert!(table.0.is_empty(), "{:?}", table);
    }
}
