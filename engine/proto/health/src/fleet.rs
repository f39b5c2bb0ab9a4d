//! All watched servers of a site, so that what happens to one reaches those that track it.
//!
//! HAProxy 3.0 configuration manual §5.2 "track". Invariant: a server's own change is told before those of the
//! servers behind it, each once; a configuration in which servers track one another in a circle ends all the same.

use rha_base::Tick;

use crate::{Admin, Changes, Happening, Health};

/// What is called for every server a change reached, in order.
pub type Told<'a> = dyn FnMut(usize, &Health, &[Happening]) + 'a;

/// Servers by the caller's numbers, and who tracks whom.
#[derive(Debug, Default)]
pub struct Fleet {
    servers: Vec<Health>,
    trackers: Vec<Vec<usize>>,
}

impl Fleet {
    /// Adds a server, which tracks another one already added or to be added; its number is the count before.
    pub fn push(&mut self, server: Health) -> usize {
        self.servers.push(server);
        self.trackers.push(Vec::new());
        self.servers.len() - 1
    }

    /// Makes `server` track `tracked`. Once all are known, [`Fleet::inherit`] passes on what is true already.
    pub fn track(&mut self, server: usize, tracked: usize) {
        if let Some(list) = self.trackers.get_mut(tracked).filter(|l| !l.contains(&server)) {
            list.push(server);
        }
    }

    /// Passes maintenance that the configuration asked for on to trackers, silently: the site is only starting.
    pub fn inherit(&mut self, now: Tick) {
        for _ in 0..self.servers.len() {
            let mut changed = false;
            for tracked in 0..self.servers.len() {
                let Some(health) = self.servers.get(tracked).filter(|h| h.admin().in_maintenance()) else {
                    continue;
                };
                let operation = health.operation();
                for tracker in self.trackers.get(tracked).cloned().unwrap_or_default() {
                    let Some(behind) = self.servers.get_mut(tracker) else { continue };
                    behind.note_tracked(operation);
                    changed |= behind.administer(Admin::INHERITED_MAINT, true, "", now) != Changes::default();
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// A server.
    #[must_use]
    pub fn get(&self, server: usize) -> Option<&Health> {
        self.servers.get(server)
    }

    /// A server, to ask for its next interval; changes go through [`Fleet::change`].
    pub fn get_mut(&mut self, server: usize) -> Option<&mut Health> {
        self.servers.get_mut(server)
    }

    /// Number of servers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// Changes a server and those that track it; `told` gets each of them after its change, with what to tell (which
    /// may be nothing). Returns whether the server's next check may have become due earlier.
    pub fn change(
        &mut self,
        server: usize,
        now: Tick,
        told: &mut Told<'_>,
        act: impl FnOnce(&mut Health) -> Changes,
    ) -> bool {
        let Some(health) = self.servers.get_mut(server) else { return false };
        let changes = act(health);
        self.pass_on(server, now, &changes, told, 0);
        changes.hurry
    }

    /// Applies one of [`Health::READY`], [`Health::DRAIN`], [`Health::MAINT`].
    pub fn administer(
        &mut self,
        server: usize,
        now: Tick,
        flags: [(Admin, bool); 2],
        why: &'static str,
        told: &mut Told<'_>,
    ) -> bool {
        let mut hurry = false;
        for (flag, on) in flags {
            hurry |= self.change(server, now, told, |h| h.administer(flag, on, why, now));
        }
        hurry
    }

    fn pass_on(&mut self, server: usize, now: Tick, changes: &Changes, told: &mut Told<'_>, depth: usize) {
        let Some(health) = self.servers.get(server) else { return };
        let operation = health.operation();
        told(server, health, &changes.happenings);
        if depth > self.servers.len() {
            return;
        }
        let trackers = self.trackers.get(server).cloned().unwrap_or_default();
        for tracker in trackers {
            let Some(behind) = self.servers.get_mut(tracker) else { continue };
            if let Some(operation) = changes.operation {
                let next = behind.follow(operation, now);
                self.pass_on(tracker, now, &next, told, depth + 1);
            } else if let Some((flag, on, why)) = changes.inherit {
                behind.note_tracked(operation);
                let next = behind.administer(flag, on, why, now);
                self.pass_on(tracker, now, &next, told, depth + 1);
            }
        }
    }
}
