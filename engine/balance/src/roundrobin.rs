//! `balance roundrobin`: smooth weighted turns with weights that may change at any time.
//!
//! Active and backup servers form a group each. Time in a group is a position that grows by one with each
//! choice; a server's next turn is `total weight / its weight` positions after its last one, the remainder
//! is carried over. Turns of this round wait in `current`, ordered by position; turns that fall behind the
//! round's end wait in `next`, ordered by weight, and become `init` when the round ends, from where servers
//! are taken, heaviest first, whenever `current` has a gap.
//!
//! HAProxy 3.0 configuration manual §4.2 "balance roundrobin". COMPAT: order to the server, including ties
//! (who came first goes first), weight changes, and servers that leave and return. Positions wrap at 32 bits
//! as they do there.

use crate::balancer::{Load, is_full};
use crate::order::{Order, Rank};
use crate::roster::{Change, Roster};
use crate::{MAX_WEIGHT, WEIGHT_SCALE};

const EWEIGHT_MAX: u32 = MAX_WEIGHT * WEIGHT_SCALE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    /// Out: down or without weight.
    Nowhere,
    Current,
    /// One of the two trees that change roles at the end of a round.
    Waiting(usize),
}

#[derive(Debug, Clone)]
struct Turn {
    home: Home,
    key: Rank,
    next: u32,
    last: u32,
    remainder: u32,
}

struct Group {
    current: Order,
    waiting: [Order; 2],
    /// Which of `waiting` is `init`; the other is `next`.
    init: usize,
    position: u32,
    weight: u32,
}

pub(crate) struct RoundRobin {
    active: Group,
    backup: Group,
    turns: Vec<Turn>,
    arrivals: u64,
    /// Scratch: servers taken out during a choice because they were full or to be avoided.
    passed: Vec<usize>,
}

impl RoundRobin {
    pub(crate) fn new(roster: &Roster) -> RoundRobin {
        let turn = Turn { home: Home::Nowhere, key: (0, 0), next: 0, last: 0, remainder: 0 };
        let mut e = RoundRobin {
            active: Group::new(roster.len(), roster.weight_active),
            backup: Group::new(roster.len(), roster.weight_backup),
            turns: vec![turn; roster.len()],
            arrivals: 0,
            passed: Vec::new(),
        };
        for i in 0..roster.len() {
            let Some(place) = roster.get(i).filter(|p| p.usable()) else { continue };
            let init = e.group(place.backup).init;
            e.queue_by_weight(roster, i, init);
        }
        e
    }

    pub(crate) fn choose(&mut self, roster: &Roster, avoid: Option<usize>, load: &dyn Load) -> Option<usize> {
        if let Some(lone) = roster.lone_backup() {
            return Some(lone);
        }
        let backup = roster.on_backup();
        let total = if backup { roster.weight_backup } else { roster.weight_active };
        let (mut switched, mut avoided) = (false, None);
        self.passed.clear();
        let picked = loop {
            let group = self.group_mut(backup);
            if group.weight == 0 {
                (group.position, group.weight) = (total, total);
            }
            let Some(server) = self.due(backup) else {
                if switched {
                    break avoided;
                }
                switched = true;
                self.group_mut(backup).switch(total);
                continue;
            };
            self.advance(roster, server, total);
            self.take_out(roster, server);
            let group = self.group_mut(backup);
            group.position = group.position.wrapping_add(1);
            if !is_full(load, server) {
                if Some(server) != avoid || avoided.is_some() {
                    break Some(server);
                }
                avoided = Some(server);
            }
            self.passed.push(server);
        };
        if let Some(server) = picked {
            self.queue(roster, server);
        }
        self.return_passed(roster, backup, picked, switched);
        picked
    }

    pub(crate) fn changed(&mut self, roster: &Roster, server: usize, change: Change) {
        match change {
            Change::None => {}
            Change::Down => {
                self.take_out(roster, server);
                if let Some(turn) = self.turns.get_mut(server) {
                    turn.home = Home::Nowhere;
                }
            }
            Change::Up => self.came_up(roster, server),
            Change::Weight => self.weighed(roster, server),
        }
    }

    fn came_up(&mut self, roster: &Roster, server: usize) {
        let Some(place) = roster.get(server) else { return };
        let total = if place.backup { roster.weight_backup } else { roster.weight_active };
        let (position, round) = self.group(place.backup).span();
        if let Some(turn) = self.turns.get_mut(server) {
            let ahead = total.wrapping_add(round).wrapping_sub(position) / place.weight.max(1);
            turn.next = position.wrapping_add(ahead);
        }
        self.queue(roster, server);
    }

    /// Moves a server whose weight changed to where its new weight puts its next turn.
    fn weighed(&mut self, roster: &Roster, server: usize) {
        let Some(place) = roster.get(server) else { return };
        let total = if place.backup { roster.weight_backup } else { roster.weight_active };
        let group = self.group(place.backup);
        let (position, init) = (group.position, group.init);
        let home = self.turns.get(server).map(|t| t.home);
        if home == Some(Home::Waiting(init)) {
            self.take_out(roster, server);
            self.queue_by_weight(roster, server, init);
            return;
        }
        self.enter_round(roster, server);
        if let Some(turn) = self.turns.get_mut(server) {
            let (before, step) = (turn.next, total / place.weight.max(1));
            turn.next = turn.last.wrapping_add(step).min(before);
            turn.remainder = 0;
            if turn.next < position.wrapping_add(2) {
                turn.next = position.wrapping_add(step);
            }
        }
        self.take_out(roster, server);
        self.queue(roster, server);
    }

    /// The server whose turn it is: from `current` if its position has come, else the heaviest of `init`,
    /// else whatever is first.
    fn due(&mut self, backup: bool) -> Option<usize> {
        let group = self.group(backup);
        let first = group.current.first();
        if let Some(turn) = first.and_then(|i| self.turns.get(i))
            && turn.next <= group.position
        {
            return first;
        }
        let Some(fresh) = group.waiting.get(group.init).and_then(Order::first) else {
            return first;
        };
        if let Some(turn) = self.turns.get_mut(fresh) {
            (turn.next, turn.remainder) = (0, 0);
        }
        Some(fresh)
    }

    /// Works out a server's next turn from the one it takes now.
    fn advance(&mut self, roster: &Roster, server: usize, total: u32) {
        let Some(place) = roster.get(server).filter(|p| p.weight != 0) else { return };
        let position = self.group(place.backup).position;
        let Some(turn) = self.turns.get_mut(server) else { return };
        if turn.next == 0 {
            turn.next = position;
        }
        turn.last = turn.next;
        turn.next = turn.next.wrapping_add(total / place.weight);
        turn.remainder = turn.remainder.wrapping_add(total % place.weight);
        if turn.remainder >= place.weight {
            turn.remainder -= place.weight;
            turn.next = turn.next.wrapping_add(1);
        }
    }

    /// Puts a server where its next turn belongs: this round, or the tree of the next.
    fn queue(&mut self, roster: &Roster, server: usize) {
        let (Some(place), Some(turn)) = (roster.get(server), self.turns.get_mut(server)) else { return };
        if !place.usable() {
            turn.home = Home::Nowhere;
            return;
        }
        let (group, total) = if place.backup {
            (&mut self.backup, roster.weight_backup)
        } else {
            (&mut self.active, roster.weight_active)
        };
        let round = group.weight;
        if turn.next >= round.wrapping_mul(2) || turn.next >= round.wrapping_add(total) {
            turn.next = turn.next.wrapping_sub(round);
            let next = 1 - group.init;
            self.queue_by_weight(roster, server, next);
            return;
        }
        let rank = EWEIGHT_MAX.wrapping_add(turn.remainder).wrapping_sub(place.weight) / WEIGHT_SCALE;
        turn.key = (MAX_WEIGHT.wrapping_mul(turn.next).wrapping_add(rank), self.arrivals);
        turn.home = Home::Current;
        self.arrivals += 1;
        group.current.insert(turn.key, server);
    }

    fn queue_by_weight(&mut self, roster: &Roster, server: usize, tree: usize) {
        let (Some(place), Some(turn)) = (roster.get(server), self.turns.get_mut(server)) else { return };
        turn.key = (EWEIGHT_MAX.saturating_sub(place.weight), self.arrivals);
        turn.home = Home::Waiting(tree);
        self.arrivals += 1;
        let group = if place.backup { &mut self.backup } else { &mut self.active };
        if let Some(tree) = group.waiting.get_mut(tree) {
            tree.insert(turn.key, server);
        }
    }

    /// Removes a server from its tree; where it was is remembered.
    fn take_out(&mut self, roster: &Roster, server: usize) {
        let (Some(place), Some(turn)) = (roster.get(server), self.turns.get(server)) else { return };
        let group = if place.backup { &mut self.backup } else { &mut self.active };
        match turn.home {
            Home::Nowhere => {}
            Home::Current => {
                group.current.remove(&turn.key);
            }
            Home::Waiting(tree) => {
                if let Some(tree) = group.waiting.get_mut(tree) {
                    tree.remove(&turn.key);
                }
            }
        }
    }

    /// Expresses a server's next turn in positions of this round.
    fn enter_round(&mut self, roster: &Roster, server: usize) {
        let Some(place) = roster.get(server) else { return };
        let group = if place.backup { &self.backup } else { &self.active };
        let Some(turn) = self.turns.get_mut(server) else { return };
        match turn.home {
            Home::Waiting(tree) if tree == group.init => (turn.next, turn.remainder) = (0, 0),
            Home::Waiting(_) => turn.next = turn.next.wrapping_add(group.weight),
            Home::Nowhere => turn.next = group.position,
            Home::Current => {}
        }
    }

    /// Puts back the servers that were passed over: at their turn, or, if a round ended meanwhile, by
    /// weight. The last passed goes back first.
    fn return_passed(&mut self, roster: &Roster, backup: bool, picked: Option<usize>, switched: bool) {
        let mut passed = std::mem::take(&mut self.passed);
        let init = self.group(backup).init;
        for server in passed.drain(..).rev() {
            if Some(server) == picked {
                continue;
            }
            if switched {
                self.queue_by_weight(roster, server, init);
            } else {
                self.queue(roster, server);
            }
        }
        self.passed = passed;
    }

    fn group(&self, backup: bool) -> &Group {
        if backup { &self.backup } else { &self.active }
    }

    fn group_mut(&mut self, backup: bool) -> &mut Group {
        if backup { &mut self.backup } else { &mut self.active }
    }
}

impl Group {
    fn new(servers: usize, weight: u32) -> Group {
        let order = || Order::new(servers);
        Group { current: order(), waiting: [order(), order()], init: 0, position: weight, weight }
    }

    fn span(&self) -> (u32, u32) {
        (self.position, self.weight)
    }

    /// Ends the round: what waited for the next one is where servers are taken from now.
    fn switch(&mut self, total: u32) {
        self.init = 1 - self.init;
        (self.weight, self.position) = (total, total);
    }
}
