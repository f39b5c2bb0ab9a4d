//! `balance leastconn`: the server with the fewest connections for its weight.
//!
//! Servers stand in a tree ordered by what they would carry with one more connection; among equals the
//! one that has stood there longest goes first, which makes equal servers take turns. HAProxy 3.0
//! configuration manual §4.2 "balance leastconn"; the order of equals is that of HAProxy 2.6 and 3.0.

use crate::balancer::Load;
use crate::order::{Order, Rank};
use crate::roster::{Change, Roster};
use crate::{MAX_WEIGHT, WEIGHT_SCALE};

pub(crate) struct LeastConn {
    active: Order,
    backup: Order,
    spots: Vec<Option<Rank>>,
    inflight: Vec<u32>,
    arrivals: u64,
}

impl LeastConn {
    pub(crate) fn new(roster: &Roster) -> LeastConn {
        let mut e = LeastConn {
            active: Order::new(roster.len()),
            backup: Order::new(roster.len()),
            spots: vec![None; roster.len()],
            inflight: vec![0; roster.len()],
            arrivals: 0,
        };
        for i in 0..roster.len() {
            e.place(roster, i);
        }
        e
    }

    pub(crate) fn changed(&mut self, roster: &Roster, server: usize, _change: Change) {
        self.place(roster, server);
    }

    /// Adds `by` connections to a server and moves it to where it belongs then.
    pub(crate) fn shift(&mut self, roster: &Roster, server: usize, by: i32) {
        let Some(n) = self.inflight.get_mut(server) else { return };
        *n = n.saturating_add_signed(by);
        let (n, weight) = (*n, roster.get(server).map_or(0, |p| p.weight));
        if let Some(Some(spot)) = self.spots.get(server)
            && spot.0 != load_of(n, weight)
        {
            self.place(roster, server);
        }
    }

    fn place(&mut self, roster: &Roster, server: usize) {
        let (Some(member), Some(spot)) = (roster.get(server), self.spots.get_mut(server)) else { return };
        let tree = if member.backup { &mut self.backup } else { &mut self.active };
        if let Some(old) = spot.take() {
            tree.remove(&old);
        }
        if !member.usable() {
            return;
        }
        let new = (load_of(self.inflight.get(server).copied().unwrap_or(0), member.weight), self.arrivals);
        self.arrivals += 1;
        tree.insert(new, server);
        *spot = Some(new);
    }

    pub(crate) fn choose(&mut self, roster: &Roster, avoid: Option<usize>, load: &dyn Load) -> Option<usize> {
        if let Some(lone) = roster.lone_backup() {
            return Some(lone);
        }
        let tree = if roster.on_backup() { &self.backup } else { &self.active };
        let mut avoided = None;
        let chosen = tree.find(|server| {
            let room = !has_no_room(load, server);
            if room && Some(server) == avoid {
                avoided = Some(server);
            }
            room && Some(server) != avoid
        });
        chosen.or(avoided)
    }
}

/// COMPAT: an idle server counts 0 whatever its weight, so that all idle servers are equal.
fn load_of(inflight: u32, weight: u32) -> u32 {
    if inflight == 0 {
        return 0;
    }
    let scaled = (u64::from(inflight) + 1) * u64::from(MAX_WEIGHT * WEIGHT_SCALE) / u64::from(weight.max(1));
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

/// COMPAT: unlike the other algorithms this one goes on filling a server's own queue up to `maxqueue`.
fn has_no_room(load: &dyn Load, server: usize) -> bool {
    let limit = load.limit(server);
    limit != 0
        && load.served(server).saturating_add(load.queued(server))
            >= limit.saturating_add(load.max_queue(server))
}
