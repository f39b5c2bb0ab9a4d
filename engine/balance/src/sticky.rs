//! `balance sticky`: one server until it goes down. HAProxy 3.0 configuration manual §4.2 "balance".

use crate::roster::{Change, Roster};

pub(crate) struct Sticky {
    server: Option<usize>,
}

impl Sticky {
    pub(crate) fn new(roster: &Roster) -> Sticky {
        Sticky { server: elect(roster) }
    }

    pub(crate) fn choose(&self) -> Option<usize> {
        self.server
    }

    pub(crate) fn changed(&mut self, roster: &Roster, server: usize, change: Change) {
        let current = self.server.and_then(|i| roster.get(i));
        let comer = roster.get(server);
        match change {
            Change::Down if self.server == Some(server) => self.server = elect(roster),
            Change::Up if current.is_none_or(|c| c.backup && comer.is_some_and(|s| !s.backup)) => {
                self.server = Some(server);
            }
            _ => {}
        }
    }
}

fn elect(roster: &Roster) -> Option<usize> {
    roster.places.iter().position(|p| p.usable() && p.backup == roster.on_backup())
}
