//! A simulated LAN: up to four nodes, virtual time, loss, delay, duplication, partitions, frozen and crashed
//! nodes, failing scripts and links, removed addresses, reloads, handovers, sync groups, steps of the wall
//! clock. 10,000 seeds; a failure prints its seed.
//!
//! Checked: while packets flow, two masters of one virtual router never coexist for longer than one advert
//! interval and the way of its packet (RFC 5798 §6.4.3: the next advert of the better one ends it), and no
//! virtual router is without master for longer than the greatest master-down interval; after the network
//! healed there is exactly one master within these bounds, and it stays.

#![allow(clippy::panic, reason = "a simulation that breaks a rule fails the test")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use rha_base::Now;
use rha_vrrp::{
    Action, Auth, Condition, Config, Datagram, GroupConfig, Input, Instance, InstanceId, Moment, Output,
    Peer, Plan, Router, State, Target, Tracker, TrackerKind, Version, Vip, Who,
};

const SEEDS: u64 = 10_000;
const HOLD: Duration = Duration::from_millis(100);

/// Marsaglia's xorshift64*, so that a seed means the same everywhere.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

struct Node {
    router: Router,
    alive: bool,
    /// Runs nothing until then; packets wait.
    frozen_until: u64,
    /// Which side of a partition.
    side: u8,
    /// A step of the wall clock; the machine must not care.
    wall: i64,
}

#[derive(Clone)]
enum Event {
    Packet { to: usize, bytes: Rc<[u8]> },
    Disturb(Disturbance),
}

#[derive(Clone, Copy, Debug)]
enum Disturbance {
    Split,
    Heal,
    Crash(usize),
    Restart(usize),
    Freeze(usize, u64),
    StepClock(usize, i64),
    HandOver(usize),
    Script(usize, usize, bool),
    Link(usize, bool),
    RemoveAddress(usize),
    Reload(usize),
    Quiet,
}

/// How long the masters of one virtual router were too many or too few.
#[derive(Clone, Copy, Default)]
struct Watch {
    many_since: Option<u64>,
    none_since: Option<u64>,
}

struct Lan {
    seed: u64,
    random: Random,
    nodes: Vec<Node>,
    plans: Vec<Plan>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: Vec<Option<Event>>,
    now: u64,
    loss_percent: u64,
    duplicate_percent: u64,
    max_delay: u64,
    /// Packets flow undisturbed since then.
    quiet_since: Option<u64>,
    watches: Vec<Watch>,
    interval: u64,
    down: u64,
    routers: usize,
    handovers: u64,
    transitions: u64,
    out: Vec<Output>,
}

fn script(weight: i32) -> Tracker {
    let name = "chk".to_owned();
    Tracker { name, kind: TrackerKind::Script, weight, reverse: false, condition: Condition::Up }
}

fn node_address(node: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1 + node as u8))
}

impl Lan {
    fn new(seed: u64) -> Lan {
        let mut random = Random::new(seed);
        let count = 2 + random.below(3) as usize;
        let version = if random.one_in(2) { Version::V3 } else { Version::V2 };
        let interval = match (version, random.below(3)) {
            (Version::V3, 0) => 100_000,
            (Version::V3, 1) => 250_000,
            _ => 1_000_000,
        };
        let auth = match (version, random.below(4)) {
            (Version::V2, 0) => Auth::Ah(Auth::secret("s3cr3t")),
            (Version::V2, 1) => Auth::Pass(Auth::secret("s3cr3t")),
            _ => Auth::None,
        };
        let unicast = random.one_in(5);
        let routers = 1 + usize::from(random.one_in(4));
        let grouped = routers > 1 && random.one_in(2);
        let equal = random.one_in(6);
        let down_timer_adverts = if random.one_in(5) { 2 } else { 3 };
        let greatest_skew = if version == Version::V3 { interval } else { 1_000_000 };
        let mut plans = Vec::new();
        for node in 0..count {
            let priority = if equal { 100 } else { [200, 150, 100, 50][node] };
            let nopreempt = random.one_in(6);
            let preempt_delay = Duration::from_millis(if random.one_in(8) { random.below(3000) } else { 0 });
            let lower_prio_no_advert = random.one_in(6);
            let target = if unicast {
                let others = (0..count).filter(|n| *n != node);
                let peers = others.map(|n| Peer::new(node_address(n))).collect();
                Target::Unicast { peers, check_source: random.one_in(2) }
            } else {
                Target::Multicast(Target::GROUP_V4)
            };
            let config = |vrid: usize| Config {
                name: format!("V{vrid}"),
                interface: "eth0".into(),
                version,
                vrid: vrid as u8,
                priority,
                advert_interval: Duration::from_micros(interval),
                auth,
                target: target.clone(),
                source: Some(node_address(node)),
                addresses: vec![Vip::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 200 + vrid as u8)), "eth0")],
                nopreempt,
                preempt_delay,
                lower_prio_no_advert,
                down_timer_adverts,
                trackers: vec![script(-120), script(0)],
                ..Config::default()
            };
            let group = GroupConfig {
                name: "G".into(),
                members: vec!["V1".into(), "V2".into()],
                tracking_weight: false,
            };
            plans.push(Plan {
                instances: (1..=routers).map(config).collect(),
                groups: if grouped { vec![group] } else { vec![] },
                ..Plan::default()
            });
        }
        let nodes = plans.iter().map(|plan| Node {
            router: Router::new(plan.clone()),
            alive: true,
            frozen_until: 0,
            side: 0,
            wall: 0,
        });
        Lan {
            seed,
            nodes: nodes.collect(),
            loss_percent: [0, 0, 5, 20, 40][random.below(5) as usize],
            duplicate_percent: [0, 0, 10][random.below(3) as usize],
            max_delay: random.below(interval / 40),
            random,
            plans,
            queue: BinaryHeap::new(),
            events: Vec::new(),
            now: 0,
            quiet_since: None,
            watches: vec![Watch::default(); routers],
            interval,
            down: interval * u64::from(down_timer_adverts) + greatest_skew,
            routers,
            handovers: 0,
            transitions: 0,
            out: Vec::new(),
        }
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.queue.push(Reverse((at, self.events.len() as u64)));
        self.events.push(Some(event));
    }

    fn clock(&self, node: usize) -> Now {
        Now { mono_us: self.now, wall_us: self.nodes[node].wall + self.now as i64 }
    }

    fn run(&mut self) {
        let chaos_end = self.interval * 12;
        for _ in 0..self.random.below(7) {
            let at = self.random.below(chaos_end);
            let node = self.random.below(self.nodes.len() as u64) as usize;
            let up = self.random.one_in(2);
            let disturbance = match self.random.below(13) {
                0 | 1 => Disturbance::Split,
                2 => Disturbance::Heal,
                3 => Disturbance::Crash(node),
                4 => Disturbance::Freeze(node, at + self.random.below(self.interval * 6)),
                5 => Disturbance::StepClock(node, 3_600_000_000 - self.random.below(7_200_000_000) as i64),
                6 | 7 => Disturbance::Script(node, self.random.below(2) as usize, up),
                8 | 9 => Disturbance::Link(node, up),
                10 => Disturbance::RemoveAddress(node),
                11 => Disturbance::Reload(node),
                _ => Disturbance::HandOver(node),
            };
            self.schedule(at, Event::Disturb(disturbance));
            if let Disturbance::Crash(node) = disturbance {
                let at = at + self.random.below(chaos_end - at);
                self.schedule(at, Event::Disturb(Disturbance::Restart(node)));
            }
        }
        if self.loss_percent == 0 && self.random.one_in(2) {
            self.quiet_since = Some(0); // no loss from the start: the bounds hold until something breaks
        }
        self.schedule(chaos_end, Event::Disturb(Disturbance::Quiet));
        for node in 0..self.nodes.len() {
            self.start(node);
        }
        let delays = self.plans.iter().map(|plan| plan.instances[0].preempt_delay.as_micros() as u64);
        let end = chaos_end + self.down * 2 + self.interval * 4 + delays.max().unwrap_or(0);
        while self.step(end) {}
        self.check_end();
    }

    fn start(&mut self, node: usize) {
        let now = self.clock(node);
        let mut out = std::mem::take(&mut self.out);
        self.nodes[node].router.clean_up(now, &mut out);
        self.nodes[node].router.start(now, &mut out);
        self.carry_out(node, out);
    }

    /// The next packet, disturbance or timer.
    fn step(&mut self, end: u64) -> bool {
        let mut next = self.queue.peek().map_or(u64::MAX, |Reverse((at, _))| *at);
        let mut timer = None;
        for (place, node) in self.nodes.iter().enumerate() {
            let Moment(deadline) = node.router.deadline();
            let at = deadline.max(node.frozen_until);
            if node.alive && deadline != u64::MAX && at < next {
                next = at;
                timer = Some(place);
            }
        }
        if next > end {
            return false;
        }
        self.now = self.now.max(next);
        match timer {
            Some(node) => {
                let now = self.clock(node);
                let mut out = std::mem::take(&mut self.out);
                self.nodes[node].router.expire(now, &mut out);
                self.carry_out(node, out);
            }
            None => {
                let Some(Reverse((_, place))) = self.queue.pop() else { return false };
                match self.events[place as usize].take() {
                    Some(Event::Packet { to, bytes }) => self.deliver(to, bytes),
                    Some(Event::Disturb(disturbance)) => self.disturb(disturbance),
                    None => {}
                }
            }
        }
        self.watch();
        true
    }

    fn deliver(&mut self, to: usize, bytes: Rc<[u8]>) {
        if !self.nodes[to].alive {
            return;
        }
        if self.nodes[to].frozen_until > self.now {
            let at = self.nodes[to].frozen_until;
            return self.schedule(at, Event::Packet { to, bytes });
        }
        let datagram = Datagram::v4(&bytes);
        let Some(id) = self.nodes[to].router.recipient("eth0", datagram) else { return };
        let now = self.clock(to);
        let mut out = std::mem::take(&mut self.out);
        self.nodes[to].router.handle(id, Input::Datagram(datagram), now, &mut out);
        self.carry_out(to, out);
    }

    fn carry_out(&mut self, from: usize, mut out: Vec<Output>) {
        for output in out.drain(..) {
            match output.action {
                Action::Send { to, bytes, .. } => self.transmit(from, to, bytes.into()),
                Action::AddAddresses | Action::RemoveAddresses { .. } => self.transitions += 1,
                Action::HandedOver { .. } => self.check_handover(from, output.who),
                _ => {}
            }
        }
        self.out = out;
    }

    /// When the addresses of the old master go, the new one's are on.
    fn check_handover(&self, from: usize, who: Who) {
        let Who::Instance(InstanceId(vrid)) = who else { panic!("handovers are of instances") };
        let holds = |node: &Node| node.alive && node.router.instances()[vrid].holds_addresses();
        assert!(!holds(&self.nodes[from]));
        let held = self.nodes.iter().any(holds);
        let long_quiet = self.quiet_since.is_some_and(|since| self.now - since > self.down);
        assert!(held || !long_quiet, "seed {}: addresses lost in a handover", self.seed);
    }

    fn transmit(&mut self, from: usize, destination: IpAddr, bytes: Rc<[u8]>) {
        for to in 0..self.nodes.len() {
            let addressed = destination.is_multicast() || destination == node_address(to);
            if to == from || !addressed || self.nodes[from].side != self.nodes[to].side {
                continue;
            }
            let mut copies = 1;
            if self.random.below(100) < self.loss_percent {
                copies = 0;
            } else if self.random.below(100) < self.duplicate_percent {
                copies = 2;
            }
            for _ in 0..copies {
                let at = self.now + 20 + self.random.below(self.max_delay + 1);
                self.schedule(at, Event::Packet { to, bytes: bytes.clone() });
            }
        }
    }

    fn disturb(&mut self, disturbance: Disturbance) {
        match disturbance {
            Disturbance::Split => {
                for node in &mut self.nodes {
                    node.side = self.random.below(2) as u8;
                }
                self.quiet_since = None;
            }
            Disturbance::Heal => self.nodes.iter_mut().for_each(|n| n.side = 0),
            Disturbance::Crash(node) => {
                self.nodes[node].alive = false;
                self.quiet_since = None;
            }
            Disturbance::Restart(node) => {
                if !self.nodes[node].alive {
                    self.nodes[node].alive = true;
                    self.nodes[node].router = Router::new(self.plans[node].clone());
                    self.start(node);
                }
            }
            Disturbance::Freeze(node, until) => {
                self.nodes[node].frozen_until = until;
                self.quiet_since = None;
            }
            Disturbance::StepClock(node, by) => self.nodes[node].wall += by,
            Disturbance::HandOver(node) => {
                self.handovers += 1;
                self.input_all(node, |_| Input::Handover { hold: HOLD });
            }
            Disturbance::Script(node, tracker, up) => {
                self.quiet_since = None; // all may be in FAULT
                let condition = if up { Condition::Up } else { Condition::Down };
                self.input_all(node, |_| Input::Tracker { tracker, condition });
            }
            Disturbance::Link(node, up) => {
                self.quiet_since = None;
                self.input_all(node, |_| Input::Interface { up });
            }
            Disturbance::RemoveAddress(node) => self.input_all(node, |instance| Input::AddressRemoved {
                address: instance.config().addresses[0].address,
            }),
            Disturbance::Reload(node) => {
                if self.runs(node) {
                    let now = self.clock(node);
                    let (mut before, mut out) = (Vec::new(), std::mem::take(&mut self.out));
                    self.nodes[node].router.reload(self.plans[node].clone(), now, &mut before, &mut out);
                    assert!(before.is_empty());
                    self.carry_out(node, out);
                }
            }
            Disturbance::Quiet => {
                for node in 0..self.nodes.len() {
                    self.nodes[node].side = 0;
                    self.nodes[node].frozen_until = self.nodes[node].frozen_until.min(self.now);
                    self.disturb(Disturbance::Restart(node));
                    self.disturb(Disturbance::Link(node, true));
                    self.disturb(Disturbance::Script(node, 0, true));
                    self.disturb(Disturbance::Script(node, 1, true));
                }
                self.loss_percent = 0;
                self.quiet_since = Some(self.now);
                self.watches.fill(Watch::default());
            }
        }
    }

    fn runs(&self, node: usize) -> bool {
        self.nodes[node].alive && self.nodes[node].frozen_until <= self.now
    }

    fn input_all(&mut self, node: usize, input: impl Fn(&Instance) -> Input<'static>) {
        if !self.runs(node) {
            return;
        }
        let now = self.clock(node);
        let mut out = std::mem::take(&mut self.out);
        for id in 0..self.routers {
            let input = input(&self.nodes[node].router.instances()[id]);
            self.nodes[node].router.handle(InstanceId(id), input, now, &mut out);
        }
        self.carry_out(node, out);
    }

    /// An interval and the way of the advert that ends it; a handover keeps both for its hold, and two that
    /// cross wait for one another.
    fn longest_double(&self) -> u64 {
        let handover = match self.handovers {
            0 => 0,
            1 => HOLD.as_micros() as u64,
            _ => HOLD.as_micros() as u64 + self.down,
        };
        self.interval + 3 * (self.max_delay + 20) + handover
    }

    fn masters(&self, vrid: usize) -> usize {
        let is_master = |n: &&Node| n.alive && n.router.instances()[vrid].state() == State::Master;
        self.nodes.iter().filter(is_master).count()
    }

    fn watch(&mut self) {
        for instance in self.nodes.iter().flat_map(|n| n.router.instances()) {
            let master = instance.state() == State::Master;
            assert_eq!(instance.holds_addresses(), master, "seed {}: addresses are the master's", self.seed);
        }
        let Some(quiet) = self.quiet_since else { return };
        for vrid in 0..self.routers {
            let masters = self.masters(vrid);
            let mut watch = self.watches[vrid];
            watch.many_since = (masters > 1).then_some(watch.many_since.unwrap_or(self.now));
            watch.none_since = (masters == 0).then_some(watch.none_since.unwrap_or(self.now));
            self.watches[vrid] = watch;
            let many = watch.many_since.map_or(0, |since| self.now - since.max(quiet));
            let none = watch.none_since.map_or(0, |since| self.now - since.max(quiet));
            let seed = self.seed;
            assert!(many <= self.longest_double(), "seed {seed}: two masters of {vrid} for {many} us");
            let patience = self.down + self.interval + 3 * (self.max_delay + 20);
            let patience = if self.plans[0].groups.is_empty() { patience } else { patience * 2 };
            assert!(none <= patience, "seed {seed}: no master of {vrid} for {none} us");
        }
    }

    fn check_end(&self) {
        let seed = self.seed;
        assert!(self.transitions > 0, "seed {seed}: nothing ever happened");
        for vrid in 0..self.routers {
            assert_eq!(self.masters(vrid), 1, "seed {seed}: masters of {vrid} at the end");
            let master = self.nodes.iter().position(|n| n.router.instances()[vrid].state() == State::Master);
            let preempts = |i: &Config| !i.nopreempt && i.preempt_delay.is_zero();
            let best_returns = preempts(&self.plans[0].instances[vrid]) && self.handovers == 0;
            let distinct = self.plans[0].instances[0].priority != self.plans[1].instances[0].priority;
            if best_returns && distinct {
                assert_eq!(master, Some(0), "seed {seed}: the best one is master at the end");
            }
        }
        if !self.plans[0].groups.is_empty() {
            for node in &self.nodes {
                let [one, two] = node.router.instances() else { panic!("two instances") };
                assert_eq!(one.state(), two.state(), "seed {seed}: a group stays together");
            }
        }
    }
}

fn run_range(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        Lan::new(seed).run();
    }
}

#[test]
fn ten_thousand_lans() {
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get() as u64).min(8);
    std::thread::scope(|scope| {
        for part in 0..threads {
            scope.spawn(move || run_range(SEEDS * part / threads..SEEDS * (part + 1) / threads));
        }
    });
}
