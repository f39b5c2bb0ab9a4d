//! Order of notify scripts: one lane per instance or group, and the next event of a lane starts only when
//! the scripts of the one before have ended.
//!
//! keepalived.conf(5) "notify". DIFFERS: the original starts every script at once, so that those of an
//! earlier event may overtake a later one's; here they cannot. A script that runs longer than
//! [`PATIENCE_US`] no longer holds its lane up (some sites run a daemon from `notify_master`).
//! Pure: time is an argument, [`NotifyQueue::poll_start`] says what to run.

use std::collections::{BTreeMap, VecDeque};

/// How long one event's scripts may hold back the next one's, microseconds.
pub const PATIENCE_US: u64 = 30_000_000;

/// Whose events these are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// A `vrrp_instance`.
    Instance(String),
    /// A `vrrp_sync_group`.
    Group(String),
}

/// A running script, chosen by whoever starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(pub u64);

/// The scripts of one event: they start together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job<S> {
    /// Whose.
    pub lane: Lane,
    /// What to run; never empty.
    pub scripts: Vec<S>,
}

#[derive(Debug)]
struct LaneState<S> {
    waiting: VecDeque<Vec<S>>,
    running: Vec<RunId>,
    deadline_us: u64,
}

/// Everything that waits and runs.
#[derive(Debug)]
pub struct NotifyQueue<S> {
    lanes: BTreeMap<Lane, LaneState<S>>,
}

impl<S> Default for NotifyQueue<S> {
    fn default() -> Self {
        NotifyQueue { lanes: BTreeMap::new() }
    }
}

impl<S> NotifyQueue<S> {
    /// Appends an event; without scripts it is none.
    pub fn push(&mut self, lane: Lane, scripts: Vec<S>) {
        if scripts.is_empty() {
            return;
        }
        let fresh = || LaneState { waiting: VecDeque::new(), running: Vec::new(), deadline_us: 0 };
        self.lanes.entry(lane).or_insert_with(fresh).waiting.push_back(scripts);
    }

    /// The next event whose turn it is; call until `None`, and [`NotifyQueue::started`] for each script.
    pub fn poll_start(&mut self, now_us: u64) -> Option<Job<S>> {
        let (lane, state) = self
            .lanes
            .iter_mut()
            .find(|(_, s)| !s.waiting.is_empty() && (s.running.is_empty() || now_us >= s.deadline_us))?;
        let scripts = state.waiting.pop_front()?;
        state.running.clear();
        state.deadline_us = now_us.saturating_add(PATIENCE_US);
        Some(Job { lane: lane.clone(), scripts })
    }

    /// A script of the lane's current event runs.
    pub fn started(&mut self, lane: &Lane, run: RunId) {
        if let Some(s) = self.lanes.get_mut(lane) {
            s.running.push(run);
        }
    }

    /// A script has ended (or could not be started).
    pub fn ended(&mut self, run: RunId) {
        for s in self.lanes.values_mut() {
            s.running.retain(|r| *r != run);
        }
        self.lanes.retain(|_, s| !s.waiting.is_empty() || !s.running.is_empty());
    }

    /// When a lane stops waiting for a script that takes long.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let held = self.lanes.values().filter(|s| !s.waiting.is_empty() && !s.running.is_empty());
        held.map(|s| s.deadline_us).min()
    }

    /// Whether nothing waits or runs.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.lanes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vi(n: &str) -> Lane {
        Lane::Instance(n.to_owned())
    }

    #[test]
    fn events_of_a_lane_follow_one_another_and_lanes_do_not_wait_for_each_other() {
        let mut q = NotifyQueue::default();
        q.push(vi("A"), vec!["a1", "a1g"]);
        q.push(vi("A"), vec!["a2"]);
        q.push(vi("B"), vec!["b1"]);
        let first = q.poll_start(0).unwrap();
        assert_eq!((first.lane.clone(), first.scripts), (vi("A"), vec!["a1", "a1g"]));
        q.started(&vi("A"), RunId(1));
        q.started(&vi("A"), RunId(2));
        assert_eq!(q.poll_start(0).unwrap().scripts, ["b1"]);
        q.started(&vi("B"), RunId(3));
        assert_eq!(q.poll_start(0), None);
        q.ended(RunId(2));
        assert_eq!(q.poll_start(0), None, "one of the two still runs");
        q.ended(RunId(1));
        assert_eq!(q.poll_start(0).unwrap().scripts, ["a2"]);
        q.started(&vi("A"), RunId(4));
        q.ended(RunId(3));
        q.ended(RunId(4));
        assert!(q.is_idle());
    }

    #[test]
    fn a_script_that_never_ends_holds_its_lane_for_a_while_only() {
        let mut q = NotifyQueue::default();
        q.push(vi("A"), vec![1]);
        let job = q.poll_start(5).unwrap();
        q.started(&job.lane, RunId(1));
        assert_eq!(q.poll_timeout(), None, "nobody waits");
        q.push(vi("A"), vec![2]);
        let late = q.poll_timeout().unwrap();
        assert_eq!(late, 5 + PATIENCE_US);
        assert_eq!(q.poll_start(late - 1), None);
        assert_eq!(q.poll_start(late).unwrap().scripts, [2]);
    }

    #[test]
    fn an_event_without_scripts_is_none() {
        let mut q: NotifyQueue<u8> = NotifyQueue::default();
        q.push(vi("A"), vec![]);
        assert!(q.is_idle());
    }
}
