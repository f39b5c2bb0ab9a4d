//! The one type a backend holds: members, their weights and states, and the algorithm between them.

use crate::first::First;
use crate::leastconn::LeastConn;
use crate::map::Map;
use crate::ring::Ring;
use crate::roster::{Change, Roster};
use crate::roundrobin::RoundRobin;
use crate::sticky::Sticky;
use crate::{Algorithm, HashKey, Member};

/// What a choice must know of the servers at this moment. Indices are positions in the member list.
///
/// The defaults say "unlimited and idle", so that tests and backends without limits need not answer.
pub trait Load {
    /// Requests being served.
    fn served(&self, server: usize) -> u32 {
        let _ = server;
        0
    }
    /// Requests in the server's own queue.
    fn queued(&self, server: usize) -> u32 {
        let _ = server;
        0
    }
    /// `maxconn` as it applies now (`minconn` and `fullconn` considered); 0 is unlimited.
    fn limit(&self, server: usize) -> u32 {
        let _ = server;
        0
    }
    /// `maxqueue`; 0 is unlimited.
    fn max_queue(&self, server: usize) -> u32 {
        let _ = server;
        0
    }
    /// Requests being served in the whole backend.
    fn backend_served(&self) -> u32 {
        0
    }
    /// Sessions a second, which break a tie between random draws from HAProxy 3.1 on.
    fn rate(&self, server: usize) -> u32 {
        let _ = server;
        0
    }
}

/// Nothing is ever busy.
impl Load for () {}

/// Whether a server cannot take one more at once.
pub(crate) fn is_full(load: &dyn Load, server: usize) -> bool {
    let limit = load.limit(server);
    limit != 0 && (load.queued(server) != 0 || load.served(server) >= limit)
}

/// One request's question.
pub struct Ask<'a> {
    /// Hash of its key; `None` when the algorithm takes none or the request has no such key, which makes
    /// a hashing algorithm fall back to round robin.
    pub key: Option<u32>,
    /// Server to avoid if there is another: the one that just failed.
    pub avoid: Option<usize>,
    /// The state of the servers.
    pub load: &'a dyn Load,
    /// 32 random bits, different at every call.
    pub random: &'a mut dyn FnMut() -> u32,
}

enum Engine {
    RoundRobin(RoundRobin),
    Map(Map),
    LeastConn(LeastConn),
    First(First),
    Ring(Ring),
    Sticky(Sticky),
}

/// Members and the algorithm that picks among them.
pub struct Balancer {
    roster: Roster,
    engine: Engine,
    algorithm: Algorithm,
}

impl Balancer {
    /// A balancer in which every member with a weight is usable. `all_backups` is `option allbackups`.
    #[must_use]
    pub fn new(algorithm: Algorithm, members: &[Member], all_backups: bool) -> Balancer {
        let roster = Roster::new(members, algorithm.is_dynamic(), all_backups);
        let engine = match algorithm {
            Algorithm::RoundRobin => Engine::RoundRobin(RoundRobin::new(&roster)),
            Algorithm::StaticRr | Algorithm::HashMap => Engine::Map(Map::new(&roster)),
            Algorithm::LeastConn => Engine::LeastConn(LeastConn::new(&roster)),
            Algorithm::First => Engine::First(First::new(&roster)),
            Algorithm::Random { .. } | Algorithm::HashRing { .. } => {
                Engine::Ring(Ring::new(&roster, members))
            }
            Algorithm::Sticky => Engine::Sticky(Sticky::new(&roster)),
        };
        Balancer { roster, engine, algorithm }
    }

    /// The algorithm it was made with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Number of members, usable or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roster.len()
    }

    /// Whether it has no member at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roster.len() == 0
    }

    /// Whether any server can be chosen; when none can, a request is answered 503 instead of queued.
    #[must_use]
    pub fn has_usable(&self) -> bool {
        self.roster.total_weight() != 0
    }

    /// Usable servers: active ones, backup ones.
    #[must_use]
    pub fn usable(&self) -> (usize, usize) {
        self.roster.usable()
    }

    /// Whether the backup servers carry the load.
    #[must_use]
    pub fn on_backup(&self) -> bool {
        self.roster.on_backup()
    }

    /// Total effective weight in use, and the unit it is in (see [`crate::WEIGHT_SCALE`]).
    #[must_use]
    pub fn total_weight(&self) -> (u32, u32) {
        (self.roster.total_weight(), if self.algorithm.is_dynamic() { crate::WEIGHT_SCALE } else { 1 })
    }

    /// Whether a key would matter: with one usable server it is not even looked for.
    ///
    /// COMPAT: HAProxy does not hash when one server is left; give `Some(0)` as the key then.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        self.algorithm.wants_key() && self.roster.used() != 1
    }

    /// Sets a server's effective weight: configured weight times [`crate::WEIGHT_SCALE`], scaled down by
    /// slow start. 0 takes it out for new requests. Map-based algorithms only look whether it is 0.
    pub fn set_weight(&mut self, server: usize, effective: u32) {
        let change = self.roster.set_weight(server, effective);
        self.apply(server, change);
    }

    /// Says whether a server may be chosen (up, neither draining nor in maintenance).
    pub fn set_usable(&mut self, server: usize, usable: bool) {
        let change = self.roster.set_usable(server, usable);
        self.apply(server, change);
    }

    /// Gives a server another place on the ring, after its address changed; without effect elsewhere.
    pub fn set_hash_key(&mut self, server: usize, key: &HashKey) {
        if let Engine::Ring(ring) = &mut self.engine {
            ring.set_key(&self.roster, server, key);
        }
    }

    /// Tells that a request was assigned to a server or queued at it.
    pub fn taken(&mut self, server: usize) {
        if let Engine::LeastConn(e) = &mut self.engine {
            e.shift(&self.roster, server, 1);
        }
    }

    /// Tells that a request left a server or its queue.
    pub fn released(&mut self, server: usize) {
        if let Engine::LeastConn(e) = &mut self.engine {
            e.shift(&self.roster, server, -1);
        }
    }

    /// Picks a server. `None` means that every usable one is full (the request goes to the backend's
    /// queue) or, if not [`Balancer::has_usable`], that there is none.
    pub fn choose(&mut self, ask: &mut Ask<'_>) -> Option<usize> {
        if self.roster.total_weight() == 0 {
            return None;
        }
        let (roster, avoid, load) = (&self.roster, ask.avoid, ask.load);
        match (&mut self.engine, self.algorithm) {
            (Engine::RoundRobin(e), _) => e.choose(roster, avoid, load),
            (Engine::LeastConn(e), _) => e.choose(roster, avoid, load),
            (Engine::First(e), _) => e.choose(roster, avoid, load),
            (Engine::Sticky(e), _) => e.choose(),
            (Engine::Map(e), _) => match ask.key {
                Some(hash) => e.lookup(hash),
                None => e.next(avoid, load),
            },
            (Engine::Ring(e), Algorithm::Random { draws }) => e.draw(roster, ask, draws),
            (Engine::Ring(e), Algorithm::HashRing { balance_factor, affinity }) => match ask.key {
                Some(hash) => e.lookup(roster, hash, avoid, load, (balance_factor, affinity)),
                None => e.next(roster, avoid, load),
            },
            (Engine::Ring(e), _) => e.next(roster, avoid, load),
        }
    }

    fn apply(&mut self, server: usize, change: Change) {
        if change == Change::None {
            return;
        }
        match &mut self.engine {
            Engine::RoundRobin(e) => e.changed(&self.roster, server, change),
            Engine::Map(e) => e.rebuild(&self.roster),
            Engine::LeastConn(e) => e.changed(&self.roster, server, change),
            Engine::First(e) => e.changed(&self.roster, server, change),
            Engine::Ring(e) => e.changed(&self.roster, server, change),
            Engine::Sticky(e) => e.changed(&self.roster, server, change),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn members(weights: &[u32]) -> Vec<Member> {
        (1..)
            .zip(weights)
            .map(|(id, &weight)| Member { id, weight, hash_key: HashKey::Id, backup: false })
            .collect()
    }

    fn ask(balancer: &mut Balancer, load: &dyn Load, seed: &mut u32) -> Option<usize> {
        let mut random = || {
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *seed
        };
        balancer.choose(&mut Ask { key: None, avoid: None, load, random: &mut random })
    }

    struct Busy(Vec<u32>);

    impl Load for Busy {
        fn served(&self, server: usize) -> u32 {
            self.0[server]
        }
        fn limit(&self, _: usize) -> u32 {
            5
        }
    }

    #[test]
    fn two_draws_prefer_the_less_loaded() {
        let mut b = Balancer::new(Algorithm::Random { draws: 2 }, &members(&[1, 1]), false);
        let (mut seed, mut count) = (1, [0, 0]);
        for _ in 0..1000 {
            count[ask(&mut b, &Busy(vec![4, 0]), &mut seed).expect("one is free")] += 1;
        }
        assert!(count[1] > 2 * count[0] && count[0] > 0, "{count:?}");
        assert_eq!(ask(&mut b, &Busy(vec![5, 5]), &mut seed), None);
    }

    #[test]
    fn sticky_stays_until_its_server_goes() {
        let mut b = Balancer::new(Algorithm::Sticky, &members(&[1, 1, 1]), false);
        let next = |b: &mut Balancer| ask(b, &(), &mut 1);
        assert_eq!(next(&mut b), Some(0));
        b.set_usable(0, false);
        assert_eq!(next(&mut b), Some(1));
        b.set_usable(0, true);
        assert_eq!(next(&mut b), Some(1));
    }

    #[test]
    fn one_usable_server_needs_no_key() {
        let mut b = Balancer::new(Algorithm::HashMap, &members(&[1, 1]), false);
        assert!(b.needs_key());
        b.set_weight(0, 0);
        assert!(!b.needs_key());
        b.set_usable(1, false);
        assert!(!b.has_usable());
        assert_eq!(ask(&mut b, &(), &mut 1), None);
    }

    fn algorithms() -> impl Strategy<Value = Algorithm> {
        let affinity = crate::Affinity::Always;
        proptest::sample::select(vec![
            Algorithm::RoundRobin,
            Algorithm::StaticRr,
            Algorithm::LeastConn,
            Algorithm::First,
            Algorithm::Random { draws: 2 },
            Algorithm::HashMap,
            Algorithm::HashRing { balance_factor: 0, affinity },
            Algorithm::HashRing { balance_factor: 150, affinity },
            Algorithm::Sticky,
        ])
    }

    proptest! {
        #[test]
        fn only_usable_servers_are_chosen_and_one_is(
            algorithm in algorithms(),
            weights in proptest::collection::vec(0u32..=256, 1..8),
            steps in proptest::collection::vec((0usize..8, 0u32..6, any::<u32>()), 0..80),
        ) {
            let mut list = members(&weights);
            list.iter_mut().skip(2).step_by(3).for_each(|m| m.backup = true);
            let mut b = Balancer::new(algorithm, &list, steps.len() % 2 == 0);
            let mut weight: Vec<u32> = weights.clone();
            let mut up = vec![true; weights.len()];
            let mut seed = 7u32;
            for (server, what, n) in steps {
                let server = server % weights.len();
                match what {
                    0 => { b.set_usable(server, n % 3 != 0); up[server] = n % 3 != 0; }
                    1 if algorithm.is_dynamic() => {
                        b.set_weight(server, n % 4097);
                        weight[server] = n % 4097;
                    }
                    2 => b.taken(server),
                    3 => b.released(server),
                    _ => {}
                }
                let key = (n % 2 == 0).then_some(n);
                let mut random = || { seed = u32::wrapping_add(seed.wrapping_mul(5), 1); seed };
                let avoid = Some(server);
                let chosen = b.choose(&mut Ask { key, avoid, load: &(), random: &mut random });
                let any = (0..up.len()).any(|i| up[i] && weight[i] != 0);
                prop_assert_eq!(chosen.is_some(), any);
                if let Some(i) = chosen {
                    prop_assert!(up[i] && weight[i] != 0);
                }
            }
        }
    }
}
