//! `static-rr` and map-based hashing: a table with each server as often as its weight, interleaved.
//!
//! HAProxy 3.0 configuration manual §4.2 "balance static-rr", "hash-type map-based". The table is made
//! anew at every change; the first declared server is always the first of the table.

use crate::balancer::{Load, is_full};
use crate::roster::Roster;

pub(crate) struct Map {
    servers: Vec<usize>,
    position: usize,
}

impl Map {
    pub(crate) fn new(roster: &Roster) -> Map {
        let mut map = Map { servers: Vec::new(), position: 0 };
        map.rebuild(roster);
        map
    }

    pub(crate) fn rebuild(&mut self, roster: &Roster) {
        let total = roster.total_weight();
        self.servers.clear();
        let members: Vec<(usize, i64)> = roster
            .places
            .iter()
            .enumerate()
            .filter(|(_, p)| p.usable() && p.backup == roster.on_backup())
            .map(|(i, p)| (i, i64::from(p.weight)))
            .collect();
        if total == 1 {
            self.servers.extend(members.first().map(|m| m.0));
            return;
        }
        let (mut scores, total) = (vec![0i64; members.len()], i64::from(total));
        for _ in 0..total {
            let Some(best) = most_due(&members, &mut scores, total) else { break };
            self.servers.extend(members.get(best).map(|m| m.0));
            if let Some(score) = scores.get_mut(best) {
                *score -= total;
            }
        }
    }

    /// The server a hash leads to.
    pub(crate) fn lookup(&self, hash: u32) -> Option<usize> {
        let n = u32::try_from(self.servers.len()).ok().filter(|n| *n != 0)?;
        self.servers.get((hash % n) as usize).copied()
    }

    /// The next server of the table that has room.
    pub(crate) fn next(&mut self, avoid: Option<usize>, load: &dyn Load) -> Option<usize> {
        let n = self.servers.len();
        if self.position >= n {
            self.position = 0;
        }
        let start = self.position;
        let mut avoided = None;
        for step in 0..n {
            let at = (start + step) % n;
            let server = *self.servers.get(at)?;
            if is_full(load, server) {
                continue;
            }
            avoided = Some(server);
            self.position = at + 1;
            if Some(server) != avoid {
                break;
            }
        }
        avoided
    }
}

/// Adds each server's weight to its score and gives the position of the one that is most behind, in
/// whole turns; the first declared one wins a tie.
fn most_due(members: &[(usize, i64)], scores: &mut [i64], total: i64) -> Option<usize> {
    let mut best: Option<(usize, i64)> = None;
    for (i, ((_, weight), score)) in members.iter().zip(scores.iter_mut()).enumerate() {
        *score += weight;
        let turns = (*score + total) / total;
        if best.is_none_or(|(_, most)| turns > most) {
            best = Some((i, turns));
        }
    }
    best.map(|b| b.0)
}
