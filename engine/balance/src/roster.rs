//! Members of a backend: weight, usability, and the sums over active and backup servers that every
//! algorithm needs.
//!
//! Invariant: `active`, `backup` count exactly the members with weight that are usable, and the weight
//! sums are theirs; `first_backup` is the first of them among the backups unless all are wanted.

use std::net::IpAddr;

use rha_vocab::Dialect;

use crate::WEIGHT_SCALE;

/// What places a server on the ring. HAProxy 3.0 configuration manual §5.2 "hash-key".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HashKey {
    /// `id`: the server's number, spaced by the highest weight.
    #[default]
    Id,
    /// `id` as HAProxy 3.0 to 3.2 have it: the server's number, mixed. See [`HashKey::id`].
    IdMixed,
    /// `id32` (3.3): the server's number, mixed.
    Id32,
    /// `addr`.
    Addr(IpAddr),
    /// `addr-port`.
    AddrPort(IpAddr, u16),
    /// `guid` (3.3).
    Guid(String),
}

impl HashKey {
    /// What `hash-key id`, or none, means in a dialect.
    ///
    /// COMPAT: HAProxy 3.0.11 places servers by their mixed numbers; 2.6 and 3.5 by spaced ones, so that a
    /// key leads to another server there (`balance-sequences.tsv`).
    #[must_use]
    pub fn id(dialect: Dialect) -> HashKey {
        if dialect >= Dialect::V3_0 && dialect < Dialect::of(3, 3) { HashKey::IdMixed } else { HashKey::Id }
    }
}

/// A server as the balancer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// `id`.
    pub id: u32,
    /// `weight`, 0..=256.
    pub weight: u32,
    /// `hash-key` with what it is made from.
    pub hash_key: HashKey,
    /// `backup`.
    pub backup: bool,
}

/// What became of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing an algorithm would notice.
    None,
    /// It can be chosen again.
    Up,
    /// It can no longer be chosen; `weight` is what it had.
    Down,
    /// It was and is usable, with another weight.
    Weight,
}

#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub id: u32,
    pub backup: bool,
    pub weight: u32,
    /// Weight when it was configured, for algorithms in which it cannot change.
    fixed: u32,
    up: bool,
    /// Weight of the members before it, counted once when the backend was made.
    pub cumulative: u32,
}

impl Place {
    pub(crate) fn usable(&self) -> bool {
        self.up && self.weight != 0
    }
}

pub(crate) struct Roster {
    pub places: Vec<Place>,
    dynamic: bool,
    all_backups: bool,
    active: usize,
    backup: usize,
    pub weight_active: u32,
    pub weight_backup: u32,
    pub first_backup: Option<usize>,
}

impl Roster {
    pub(crate) fn new(members: &[Member], dynamic: bool, all_backups: bool) -> Roster {
        let gcd = members.iter().map(|m| m.weight).fold(0, gcd).max(1);
        let places = members
            .iter()
            .map(|m| {
                let weight = if dynamic { m.weight * WEIGHT_SCALE } else { m.weight.div_ceil(gcd) };
                Place { id: m.id, backup: m.backup, weight, fixed: weight, up: true, cumulative: 0 }
            })
            .collect();
        let mut roster = Roster {
            places,
            dynamic,
            all_backups,
            active: 0,
            backup: 0,
            weight_active: 0,
            weight_backup: 0,
            first_backup: None,
        };
        roster.recount();
        roster.accumulate();
        roster
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn get(&self, server: usize) -> Option<&Place> {
        self.places.get(server)
    }

    pub(crate) fn usable(&self) -> (usize, usize) {
        (self.active, self.backup)
    }

    pub(crate) fn on_backup(&self) -> bool {
        self.active == 0
    }

    /// Servers that share the load now.
    pub(crate) fn used(&self) -> usize {
        match (self.active, self.first_backup) {
            (0, Some(_)) => 1,
            (0, None) => self.backup,
            (n, _) => n,
        }
    }

    pub(crate) fn total_weight(&self) -> u32 {
        match (self.active, self.first_backup) {
            (0, Some(i)) => self.places.get(i).map_or(0, |p| p.weight),
            (0, None) => self.weight_backup,
            _ => self.weight_active,
        }
    }

    /// The one backup server that takes everything, if that is how things stand.
    pub(crate) fn lone_backup(&self) -> Option<usize> {
        if self.active == 0 { self.first_backup } else { None }
    }

    pub(crate) fn set_weight(&mut self, server: usize, effective: u32) -> Change {
        let dynamic = self.dynamic;
        self.update(server, |p| {
            p.weight = match (dynamic, effective) {
                (true, w) => w,
                (false, 0) => 0,
                (false, _) => p.fixed,
            }
        })
    }

    pub(crate) fn set_usable(&mut self, server: usize, up: bool) -> Change {
        self.update(server, |p| p.up = up)
    }

    fn update(&mut self, server: usize, change: impl FnOnce(&mut Place)) -> Change {
        let Some(place) = self.places.get_mut(server) else { return Change::None };
        let (was, weight) = (place.usable(), place.weight);
        change(place);
        let (is, same) = (place.usable(), place.weight == weight);
        self.recount();
        match (was, is) {
            (false, true) => Change::Up,
            (true, false) => Change::Down,
            (true, true) if !same => Change::Weight,
            _ => Change::None,
        }
    }

    fn recount(&mut self) {
        (self.active, self.backup, self.weight_active, self.weight_backup) = (0, 0, 0, 0);
        self.first_backup = None;
        for (i, p) in self.places.iter().enumerate().filter(|(_, p)| p.usable()) {
            if !p.backup {
                self.active += 1;
                self.weight_active += p.weight;
                continue;
            }
            if self.backup == 0 && !self.all_backups {
                self.first_backup = Some(i);
            }
            self.backup += 1;
            self.weight_backup += p.weight;
        }
    }

    /// COMPAT: the sums that spread a hash-balance-factor's remainder are not brought up to date when
    /// servers come and go.
    fn accumulate(&mut self) {
        let (mut active, mut backup) = (0, 0);
        for p in self.places.iter_mut().filter(|p| p.usable()) {
            let sum = if p.backup { &mut backup } else { &mut active };
            p.cumulative = *sum;
            *sum += p.weight;
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
