//! `balance first`: the usable server with the lowest id that has a free slot.
//!
//! HAProxy 3.0 configuration manual §4.2 "balance first". Weights are not looked at, except for 0.

use std::collections::BTreeSet;

use crate::balancer::{Load, is_full};
use crate::roster::{Change, Roster};

pub(crate) struct First {
    /// Usable servers by id, active and backup apart.
    active: BTreeSet<(u32, usize)>,
    backup: BTreeSet<(u32, usize)>,
}

impl First {
    pub(crate) fn new(roster: &Roster) -> First {
        let mut first = First { active: BTreeSet::new(), backup: BTreeSet::new() };
        for i in 0..roster.len() {
            first.changed(roster, i, Change::Up);
        }
        first
    }

    pub(crate) fn changed(&mut self, roster: &Roster, server: usize, _change: Change) {
        let Some(place) = roster.get(server) else { return };
        let tree = if place.backup { &mut self.backup } else { &mut self.active };
        if place.usable() {
            tree.insert((place.id, server));
        } else {
            tree.remove(&(place.id, server));
        }
    }

    pub(crate) fn choose(&mut self, roster: &Roster, avoid: Option<usize>, load: &dyn Load) -> Option<usize> {
        if let Some(lone) = roster.lone_backup() {
            return Some(lone);
        }
        let tree = if roster.on_backup() { &self.backup } else { &self.active };
        let mut avoided = None;
        for &(_, server) in tree {
            if is_full(load, server) {
                continue;
            }
            if Some(server) != avoid {
                return Some(server);
            }
            avoided = Some(server);
        }
        avoided
    }
}
