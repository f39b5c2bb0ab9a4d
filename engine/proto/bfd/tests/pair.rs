//! Two nodes under virtual time, with loss, duplicates, reordering, silence, and clocks that jump. Every failure
//! prints its seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

use rha_base::Now;
use rha_bfd::{Action, Config, Demux, Diag, Endpoint, Meta, Packet, Session, State, StateChange};

const MS: u64 = 1000;

/// Numbers that look random (xorshift).
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n.max(1)
    }
}

/// What the link does, per thousand and µs.
#[derive(Clone, Copy, Default)]
struct Link {
    loss: u64,
    duplicates: u64,
    latency_us: u64,
    wobble_us: u64,
}

struct Node {
    session: Session,
    demux: Demux<usize>,
    /// Added to the world's time to give the node's own.
    offset_us: i64,
    changes: Vec<(u64, StateChange)>,
    sent: Vec<(u64, Packet)>,
}

/// Arrival, tie breaker, receiver, bytes.
type Flying = (u64, u64, usize, Vec<u8>);

struct Pair {
    seed: u64,
    now_us: u64,
    nodes: [Node; 2],
    link: Link,
    chance: Chance,
    wire: BinaryHeap<Reverse<Flying>>,
    count: u64,
}

fn address(node: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, node as u8 + 1], 50_000))
}

impl Pair {
    fn new(seed: u64, configs: [Config; 2], link: Link) -> Pair {
        let [a, b] = configs;
        let node = |number: usize, config: Config| {
            let discriminator = 100 + number as u32;
            let mut demux = Demux::default();
            assert!(demux.insert(discriminator, number, Endpoint::new(address(1 - number).ip(), false)));
            let session = Session::new(config, discriminator, seed ^ number as u64);
            Node { session, demux, offset_us: 5_000_000, changes: Vec::new(), sent: Vec::new() }
        };
        let nodes = [node(0, a), node(1, b)];
        let chance = Chance::new(seed);
        let mut pair = Pair { seed, now_us: 0, nodes, link, chance, wire: BinaryHeap::new(), count: 0 };
        pair.act(0, Session::start);
        pair.act(1, Session::start);
        pair
    }

    fn clock(&self, node: usize) -> Now {
        Now { mono_us: self.now_us.saturating_add_signed(self.nodes[node].offset_us), wall_us: 0 }
    }

    fn act(&mut self, node: usize, act: impl FnOnce(&mut Session, Now, &mut Vec<Action>)) {
        let (now, mut out) = (self.clock(node), Vec::new());
        act(&mut self.nodes[node].session, now, &mut out);
        self.perform(node, out);
    }

    fn perform(&mut self, node: usize, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(packet) => {
                    let mut bytes = Vec::new();
                    packet.encode(&mut bytes);
                    self.nodes[node].sent.push((self.now_us, packet));
                    for _ in 0..1 + u64::from(self.chance.below(1000) < self.link.duplicates) {
                        if self.chance.below(1000) >= self.link.loss {
                            let way = self.link.latency_us + self.chance.below(self.link.wobble_us + 1);
                            self.count += 1;
                            let on_wire = (self.now_us + way, self.count, 1 - node, bytes.clone());
                            self.wire.push(Reverse(on_wire));
                        }
                    }
                }
                Action::Changed(change) => self.nodes[node].changes.push((self.now_us, change)),
                Action::Log(_) => {}
            }
        }
    }

    fn deliver(&mut self, node: usize, bytes: &[u8]) {
        let meta =
            Meta { from: address(1 - node), to: None, interface: None, ttl: Some(255), multihop: false };
        let (now, mut out) = (self.clock(node), Vec::new());
        let side = &mut self.nodes[node];
        if let Ok((_, packet)) = side.demux.receive(bytes, &meta) {
            let _ = side.session.handle_packet(now, &packet, meta.ttl, &mut out);
        }
        self.perform(node, out);
    }

    /// World time of a node's next deadline.
    fn deadline(&self, node: usize) -> Option<u64> {
        let side = &self.nodes[node];
        side.session.deadline().map(|at| at.saturating_add_signed(-side.offset_us).max(self.now_us))
    }

    fn run_for(&mut self, us: u64) {
        let end = self.now_us + us;
        loop {
            let arrival = self.wire.peek().map(|Reverse(w)| w.0);
            let timers = [self.deadline(0), self.deadline(1)];
            let next = [arrival, timers[0], timers[1]].into_iter().flatten().min().unwrap_or(u64::MAX);
            if next > end {
                self.now_us = end;
                return;
            }
            self.now_us = next;
            if arrival == Some(next) {
                if let Some(Reverse((_, _, node, bytes))) = self.wire.pop() {
                    self.deliver(node, &bytes);
                }
            } else {
                let node = usize::from(timers[0] != Some(next));
                self.act(node, Session::handle_timeout);
            }
        }
    }

    fn states(&self) -> [State; 2] {
        [self.nodes[0].session.state(), self.nodes[1].session.state()]
    }

    fn assert_up(&self, why: &str) {
        assert_eq!(self.states(), [State::Up; 2], "{why}, seed {}", self.seed);
    }

    fn forget(&mut self) {
        for node in &mut self.nodes {
            node.changes.clear();
            node.sent.clear();
        }
    }
}

fn fast() -> Config {
    Config { min_tx_us: 50_000, min_rx_us: 50_000, detect_mult: 3, ..Config::keepalived("peer") }
}

fn passive() -> Config {
    Config { passive: true, ..fast() }
}

fn good() -> Link {
    Link { latency_us: 300, wobble_us: 200, ..Link::default() }
}

#[test]
fn a_session_comes_up_at_once_and_runs_at_its_interval() {
    for seed in 0..200 {
        for configs in [[fast(), fast()], [fast(), passive()], [passive(), fast()]] {
            let mut pair = Pair::new(seed, configs, good());
            pair.run_for(3 * MS);
            pair.assert_up("three packets later");
            pair.run_for(1000 * MS);
            pair.forget();
            pair.run_for(10_000 * MS);
            for node in &pair.nodes {
                assert!(node.changes.is_empty(), "seed {seed}");
                // 10 s at 37.5 to 50 ms
                assert!((200..=267).contains(&node.sent.len()), "{} seed {seed}", node.sent.len());
                assert!(node.sent.iter().all(|(_, p)| !p.poll && !p.final_), "seed {seed}");
            }
        }
    }
}

#[test]
fn two_passive_nodes_stay_silent() {
    let mut pair = Pair::new(1, [passive(), passive()], good());
    pair.run_for(60_000 * MS);
    assert_eq!(pair.states(), [State::Down; 2]);
    assert!(pair.nodes.iter().all(|n| n.sent.is_empty()));
}

#[test]
fn silence_is_noticed_in_three_intervals() {
    for seed in 0..300 {
        let mut pair = Pair::new(seed, [fast(), fast()], good());
        pair.run_for(2000 * MS + seed * 777);
        pair.assert_up("before");
        pair.forget();
        let cut_at = pair.now_us;
        pair.link.loss = 1000;
        pair.run_for(151 * MS);
        for node in &pair.nodes {
            let (at, change) = node.changes[0];
            assert_eq!((change.to, change.diag, change.told), (State::Down, Diag::EXPIRED, true));
            // at most 150 ms after the last packet, which came before the cut or was on its way
            assert!(at - cut_at <= 150 * MS + 500, "{} seed {seed}", at - cut_at);
            assert!(at - cut_at >= 100 * MS - 500, "{} seed {seed}", at - cut_at);
        }
        // while down, no more than one packet a second, jitter aside
        pair.forget();
        pair.run_for(30_000 * MS);
        for node in &pair.nodes {
            assert!((28..=42).contains(&node.sent.len()), "{} seed {seed}", node.sent.len());
            assert!(node.sent.iter().all(|(_, p)| p.desired_min_tx_us >= 1_000_000 && p.your_discr == 0));
        }
        pair.link.loss = 0;
        pair.run_for(1010 * MS);
        pair.assert_up("after");
    }
}

#[test]
fn one_way_silence_is_noticed_on_both_sides() {
    for seed in 0..100 {
        let mut pair = Pair::new(seed, [fast(), fast()], good());
        pair.run_for(2000 * MS);
        pair.forget();
        // node 0 is no longer heard
        let end = pair.now_us + 152 * MS;
        while pair.now_us < end {
            pair.run_for(100);
            pair.wire.retain(|Reverse(w)| w.2 != 1);
        }
        let diag = |n: usize| pair.nodes[n].changes.first().map(|(_, c)| c.diag);
        assert_eq!(diag(1), Some(Diag::EXPIRED), "seed {seed}");
        assert_eq!(diag(0), Some(Diag::NEIGHBOR_DOWN), "seed {seed}");
    }
}

#[test]
fn loss_duplicates_and_reordering_end_well() {
    for seed in 0..400 {
        let mut chance = Chance::new(seed + 1_000_000);
        let link = Link {
            loss: chance.below(500),
            duplicates: chance.below(500),
            latency_us: chance.below(20) * MS,
            // up to three intervals: packets overtake one another
            wobble_us: chance.below(150) * MS,
        };
        let mut pair = Pair::new(seed, [fast(), if seed % 3 == 0 { passive() } else { fast() }], link);
        for _ in 0..20 {
            pair.run_for(chance.below(1000) * MS);
            match chance.below(8) {
                0 => pair.act(0, Session::admin_down),
                1 => pair.act(0, Session::admin_up),
                2 => pair.act(1, Session::path_down),
                3 => {
                    let min_tx_us = 10_000 * (1 + chance.below(30) as u32);
                    let min_rx_us = 10_000 * (1 + chance.below(30) as u32);
                    let config = Config { min_tx_us, min_rx_us, ..fast() };
                    pair.act(1, |s, now, out| s.reconfigure(now, config, out));
                }
                _ => {}
            }
        }
        // told changes alternate: nobody hears twice that it is up, or down
        for node in &pair.nodes {
            let told: Vec<State> = node.changes.iter().filter(|c| c.1.told).map(|c| c.1.to).collect();
            let up = told.iter().filter(|s| **s == State::Up).count();
            assert!(up >= told.len() - up, "seed {seed}");
            for (_, packet) in &node.sent {
                assert!(!(packet.poll && packet.final_), "seed {seed}");
                assert!(packet.state == State::Up || packet.desired_min_tx_us >= 1_000_000, "seed {seed}");
            }
        }
        pair.link = good();
        pair.act(0, Session::admin_up);
        pair.run_for(5000 * MS);
        pair.assert_up("after the storm");
        pair.forget();
        pair.run_for(5000 * MS);
        assert!(pair.nodes.iter().all(|n| n.changes.is_empty()), "seed {seed}");
        assert!(pair.nodes.iter().all(|n| !n.session.facts().polling), "seed {seed}");
    }
}

#[test]
fn two_percent_loss_is_lived_with_at_five_packets() {
    let config = Config { detect_mult: 5, ..fast() };
    let mut falls = 0;
    for seed in 0..50 {
        let link = Link { loss: 20, ..good() };
        let mut pair = Pair::new(seed, [config.clone(), config.clone()], link);
        pair.run_for(60_000 * MS);
        falls += pair.nodes.iter().map(|n| n.session.stats().downs).sum::<u64>();
    }
    assert!(falls <= 1, "{falls}");
}

#[test]
fn clocks_may_jump() {
    for seed in 0..200 {
        let mut chance = Chance::new(seed);
        let mut pair = Pair::new(seed, [fast(), fast()], good());
        pair.run_for(1000 * MS);
        for _ in 0..10 {
            let node = chance.below(2) as usize;
            // a clock that ought never to go back: it costs a wait, no more
            let step = chance.below(4000) as i64 * 1000 - 1000 * 1000;
            pair.nodes[node].offset_us += step;
            pair.run_for(chance.below(500) * MS);
        }
        pair.forget();
        pair.run_for(15_000 * MS);
        pair.assert_up("after the jumps");
        for node in &pair.nodes {
            assert!(node.sent.len() < 450, "{} seed {seed}", node.sent.len());
        }
    }
}

#[test]
fn one_packet_of_grace_leaves_room_for_jitter() {
    // RFC 5880 §6.8.7: with a multiplier of 1 the interval is 75 to 90 %, so that the next packet comes in time
    for seed in 0..100 {
        let config = Config { detect_mult: 1, ..fast() };
        let mut pair = Pair::new(seed, [config.clone(), config], good());
        pair.run_for(1000 * MS);
        pair.forget();
        pair.run_for(20_000 * MS);
        assert!(pair.nodes.iter().all(|n| n.changes.is_empty()), "seed {seed}");
    }
}

#[test]
fn admin_down_is_not_told_to_those_who_rely_on_it() {
    let signalling = Config { signal_admin_down: true, ..fast() };
    let mut pair = Pair::new(3, [signalling, fast()], good());
    pair.run_for(2000 * MS);
    pair.forget();
    pair.act(0, Session::admin_down);
    pair.run_for(10 * MS);
    let changes: Vec<_> = pair.nodes[1].changes.iter().map(|(_, c)| (c.to, c.diag, c.told)).collect();
    assert_eq!(changes, [(State::Down, Diag::NEIGHBOR_DOWN, false)]);
    pair.run_for(10_000 * MS);
    assert_eq!(pair.states(), [State::AdminDown, State::Down]);
    pair.act(0, Session::admin_up);
    pair.run_for(1010 * MS);
    pair.assert_up("let go");
}

#[test]
fn slower_of_both_wins() {
    let slow = Config { min_tx_us: 400_000, min_rx_us: 200_000, detect_mult: 4, ..fast() };
    let mut pair = Pair::new(9, [fast(), slow], good());
    pair.run_for(5000 * MS);
    let [a, b] = [0, 1].map(|n| pair.nodes[n].session.facts());
    assert_eq!((a.tx_us, a.remote_tx_us, a.detect_us), (200_000, 400_000, 1_600_000));
    assert_eq!((b.tx_us, b.remote_tx_us, b.detect_us), (400_000, 200_000, 600_000));
}
