//! The ring of consistent hashing, also drawn from by `balance random`.
//!
//! A server stands on the ring once for each unit of effective weight, at places mixed from its key. A hash
//! leads to the nearest of the two places around it and goes on clockwise past servers it may not use.
//! HAProxy 3.0 configuration manual §4.2 "hash-type consistent", "hash-balance-factor", "balance random",
//! §5.2 "hash-key". The bounded loads are Mirrokni, Thorup, Zadimoghaddam, arXiv:1608.01350.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Bound::{Excluded, Unbounded};

use xxhash_rust::xxh32::xxh32;

use crate::algorithm::Affinity;
use crate::balancer::{Ask, Load, is_full};
use crate::key::mix;
use crate::roster::{Change, HashKey, Member, Roster};
use crate::{MAX_WEIGHT, WEIGHT_SCALE};

/// Place on the ring, and the order in which servers came to stand at the same one.
type Spot = (u32, u64);

struct Stand {
    key: u32,
    spots: Vec<Spot>,
}

pub(crate) struct Ring {
    active: BTreeMap<Spot, usize>,
    backup: BTreeMap<Spot, usize>,
    stands: Vec<Stand>,
    /// Where round robin over the ring stopped.
    last: Option<Spot>,
    arrivals: u64,
}

impl Ring {
    pub(crate) fn new(roster: &Roster, members: &[Member]) -> Ring {
        let stands =
            members.iter().map(|m| Stand { key: server_key(m.id, &m.hash_key), spots: Vec::new() }).collect();
        let mut ring =
            Ring { active: BTreeMap::new(), backup: BTreeMap::new(), stands, last: None, arrivals: 0 };
        for i in 0..roster.len() {
            ring.resize(roster, i);
        }
        ring
    }

    pub(crate) fn changed(&mut self, roster: &Roster, server: usize, _change: Change) {
        self.resize(roster, server);
    }

    pub(crate) fn set_key(&mut self, roster: &Roster, server: usize, key: &HashKey) {
        let Some(place) = roster.get(server) else { return };
        let key = server_key(place.id, key);
        if self.stands.get(server).is_none_or(|s| s.key == key) {
            return;
        }
        self.shrink(place.backup, server, 0);
        if let Some(stand) = self.stands.get_mut(server) {
            stand.key = key;
        }
        self.resize(roster, server);
    }

    /// Makes a server stand on the ring as often as its weight says.
    fn resize(&mut self, roster: &Roster, server: usize) {
        let Some(place) = roster.get(server) else { return };
        let wanted = if place.usable() { place.weight as usize } else { 0 };
        self.shrink(place.backup, server, wanted);
        let tree = if place.backup { &mut self.backup } else { &mut self.active };
        let Some(stand) = self.stands.get_mut(server) else { return };
        for n in stand.spots.len()..wanted {
            let spot = (mix(stand.key.wrapping_add(u32::try_from(n).unwrap_or(u32::MAX))), self.arrivals);
            self.arrivals += 1;
            tree.insert(spot, server);
            stand.spots.push(spot);
        }
    }

    fn shrink(&mut self, backup: bool, server: usize, wanted: usize) {
        let tree = if backup { &mut self.backup } else { &mut self.active };
        let Some(stand) = self.stands.get_mut(server) else { return };
        while stand.spots.len() > wanted {
            let Some(spot) = stand.spots.pop() else { return };
            if self.last == Some(spot) {
                self.last = after(tree, spot).map(|(spot, _)| spot).filter(|s| *s != spot);
            }
            tree.remove(&spot);
        }
    }

    fn tree(&self, roster: &Roster) -> &BTreeMap<Spot, usize> {
        if roster.on_backup() { &self.backup } else { &self.active }
    }

    /// The server a hash leads to.
    pub(crate) fn lookup(
        &self,
        roster: &Roster,
        hash: u32,
        avoid: Option<usize>,
        load: &dyn Load,
        (factor, affinity): (u32, Affinity),
    ) -> Option<usize> {
        if let Some(lone) = roster.lone_backup() {
            return Some(lone);
        }
        let tree = self.tree(roster);
        let (mut spot, mut server) = nearest(tree, hash)?;
        let mut wraps = 0;
        while Some(server) == avoid
            || (factor != 0 && !is_eligible(roster, server, load, factor))
            || moves_on(affinity, load, server)
        {
            let next = tree.range((Excluded(spot), Unbounded)).next();
            (spot, server) = match next {
                Some((s, i)) => (*s, *i),
                None => {
                    wraps += 1;
                    if wraps > 1 {
                        break;
                    }
                    tree.first_key_value().map(|(s, i)| (*s, *i))?
                }
            };
        }
        Some(server)
    }

    /// Round robin over the ring, for requests without a key.
    pub(crate) fn next(&mut self, roster: &Roster, avoid: Option<usize>, load: &dyn Load) -> Option<usize> {
        if let Some(lone) = roster.lone_backup() {
            return Some(lone);
        }
        let tree = if roster.on_backup() { &self.backup } else { &self.active };
        let (mut at, mut stop, mut wrapped) = (self.last, self.last, false);
        let mut avoided: Option<(Spot, usize)> = None;
        loop {
            let following = match at {
                Some(spot) => tree.range((Excluded(spot), Unbounded)).next(),
                None => None,
            };
            let (spot, server) = match following {
                Some((s, i)) => (*s, *i),
                None if wrapped => break,
                None => {
                    wrapped = true;
                    tree.first_key_value().map(|(s, i)| (*s, *i))?
                }
            };
            (at, self.last) = (Some(spot), Some(spot));
            stop = stop.or(Some(spot));
            if !is_full(load, server) {
                if Some(server) != avoid {
                    return Some(server);
                }
                avoided = Some((spot, server));
            }
            if at == stop {
                break;
            }
        }
        self.last = avoided.map(|a| a.0);
        avoided.map(|a| a.1)
    }

    /// Draws servers at random and takes the least loaded of them, unless it is full.
    pub(crate) fn draw(&self, roster: &Roster, ask: &mut Ask<'_>, draws: u32) -> Option<usize> {
        let mut best: Option<usize> = None;
        for _ in 0..draws.max(1) {
            let hash = (ask.random)();
            let drawn = self.lookup(roster, hash, ask.avoid, ask.load, (0, Affinity::Always))?;
            best = match best {
                Some(b) if b != drawn && !lighter(roster, ask.load, drawn, b) => Some(b),
                _ => Some(drawn),
            };
        }
        best.filter(|&s| {
            let limit = ask.load.limit(s);
            ask.load.queued(s) == 0 && (limit == 0 || ask.load.served(s) < limit)
        })
    }
}

/// Whether a newly drawn server is to be preferred to the best so far.
fn lighter(roster: &Roster, load: &dyn Load, drawn: usize, best: usize) -> bool {
    let weight = |i: usize| u64::from(roster.get(i).map_or(0, |p| p.weight));
    let cost = |n: u32, of_other: u64| u64::from(n) * of_other;
    let new = cost(load.served(drawn), weight(best));
    let old = cost(load.served(best), weight(drawn));
    if new != old {
        return new < old;
    }
    cost(load.rate(drawn), weight(best)) <= cost(load.rate(best), weight(drawn))
}

fn nearest(tree: &BTreeMap<Spot, usize>, hash: u32) -> Option<(Spot, usize)> {
    let next = tree.range((hash, 0)..).next().or_else(|| tree.first_key_value())?;
    let previous = tree.range(..next.0).next_back().or_else(|| tree.last_key_value())?;
    let behind = hash.wrapping_sub(previous.0.0);
    let ahead = next.0.0.wrapping_sub(hash);
    let (spot, server) = if behind <= ahead { previous } else { next };
    Some((*spot, *server))
}

fn after(tree: &BTreeMap<Spot, usize>, spot: Spot) -> Option<(Spot, usize)> {
    let next = tree.range((Excluded(spot), Unbounded)).next().or_else(|| tree.first_key_value())?;
    Some((*next.0, *next.1))
}

/// Whether a server is below its share of the bounded load, `factor` percent of the average.
fn is_eligible(roster: &Roster, server: usize, load: &dyn Load, factor: u32) -> bool {
    let Some(place) = roster.get(server) else { return false };
    let total = u64::from(roster.total_weight().max(1));
    let slots =
        (u64::from(load.backend_served()) + 1).saturating_mul(u64::from(factor)).saturating_add(99) / 100;
    let (each, rest) = (slots / total, slots % total);
    let (weight, before) = (u64::from(place.weight), u64::from(place.cumulative));
    let share = weight * each + (before + weight) * rest / total - before * rest / total;
    u64::from(load.served(server)) < share.max(1)
}

fn moves_on(affinity: Affinity, load: &dyn Load, server: usize) -> bool {
    let (limit, served) = (load.limit(server), load.served(server));
    match affinity {
        Affinity::Always => false,
        Affinity::MaxConn => limit != 0 && served >= limit,
        Affinity::MaxQueue => {
            let queue = load.max_queue(server);
            limit != 0
                && queue != 0
                && served.saturating_add(load.queued(server)) >= limit.saturating_add(queue)
        }
    }
}

/// The number a server's places are mixed from.
fn server_key(id: u32, key: &HashKey) -> u32 {
    match key {
        HashKey::Id => id.wrapping_mul(MAX_WEIGHT * WEIGHT_SCALE),
        HashKey::IdMixed => mix(id),
        HashKey::Id32 => mix(id.swap_bytes()),
        HashKey::Addr(ip) => address_key(*ip, 0),
        HashKey::AddrPort(ip, port) => address_key(*ip, mix(u32::from(*port))),
        HashKey::Guid(guid) => xxh32(guid.as_bytes(), 0),
    }
}

/// COMPAT: the original adds up an IPv4 address as it stands in memory on a little-endian machine.
fn address_key(ip: IpAddr, seed: u32) -> u32 {
    match ip {
        IpAddr::V4(a) => mix(seed.wrapping_add(u32::from_le_bytes(a.octets()))),
        IpAddr::V6(a) => xxh32(&a.octets(), seed),
    }
}
