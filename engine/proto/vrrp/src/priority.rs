//! Priority arithmetic: base plus the share of every tracker, kept within 1–254; the owner's 255 never moves.
//!
//! keepalived.conf(5) "track_interface", "track_script" …; measured on keepalived 2.2.7: 100 +5 +10×2 = 125,
//! −20×2 on 105 = 65, 200×2 = 254. A tracker without weight adds nothing: it is a fault or it is not.

use crate::config::OWNER;

/// What is tracked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrackerKind {
    /// `track_interface`.
    Interface,
    /// `track_script`.
    Script,
    /// `track_process`.
    Process,
    /// `track_file`.
    File,
    /// `track_bfd`.
    Bfd,
}

/// What is known about a tracked thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// A script that has not finished once.
    Unknown,
    /// Up: script succeeded, interface up, quorum reached, BFD session up.
    Up,
    /// The opposite.
    Down,
    /// The number in a tracked file.
    Value(i64),
}

/// One tracker of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracker {
    /// Name of the script, interface …, as in log lines.
    pub name: String,
    /// What it is.
    pub kind: TrackerKind,
    /// `weight`, −254–254; 0: failing is a fault.
    pub weight: i32,
    /// `reverse`: good is bad.
    pub reverse: bool,
    /// What is known at start.
    pub condition: Condition,
}

/// What a tracker does to its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// This much priority; 0 included.
    Priority(i32),
    /// The instance cannot run.
    Fault,
    /// An unweighted script has not finished yet: the instance waits.
    Waiting,
}

/// A file value that means fault (keepalived.conf(5) "track_file": −254 and less).
const FILE_FAULT: i64 = -254;

impl Tracker {
    /// What it does now.
    #[must_use]
    pub fn effect(&self) -> Effect {
        let sign = if self.reverse { -1 } else { 1 };
        let share = match self.condition {
            Condition::Value(_) => return self.file_effect(),
            Condition::Unknown if self.weight == 0 => return Effect::Waiting,
            Condition::Up | Condition::Down if self.weight == 0 => {
                let good = (self.condition == Condition::Up) != self.reverse;
                return if good { Effect::Priority(0) } else { Effect::Fault };
            }
            Condition::Up if self.weight > 0 => self.weight * sign,
            Condition::Down if self.weight < 0 => self.weight * sign,
            _ => 0,
        };
        Effect::Priority(share)
    }

    /// Its share of the priority for `status`; 0 for faults.
    #[must_use]
    pub fn share(&self) -> i32 {
        match self.effect() {
            Effect::Priority(share) => share,
            Effect::Fault | Effect::Waiting => 0,
        }
    }

    /// The number that the original logs for a file: value × weight, or −254 for an unweighted fault.
    #[must_use]
    pub fn status(&self) -> i64 {
        let Condition::Value(value) = self.condition else { return 0 };
        let sign = if self.reverse { -1 } else { 1 };
        if self.weight == 0 {
            if (value != 0) != self.reverse { FILE_FAULT } else { 0 }
        } else {
            value.saturating_mul(i64::from(self.weight)).saturating_mul(sign)
        }
    }

    /// `track_file`: value × weight, at most 253, −254 and less is a fault; with weight 0 any value but 0
    /// is one, or with `reverse` 0 itself.
    fn file_effect(&self) -> Effect {
        let status = self.status();
        if status <= FILE_FAULT {
            return Effect::Fault;
        }
        Effect::Priority(i32::try_from(status.min(253)).unwrap_or(253))
    }
}

/// Base plus all shares, unclamped: the "Total priority" of the dump.
#[must_use]
pub fn total(base: u8, trackers: &[Tracker]) -> i32 {
    trackers.iter().fold(i32::from(base), |sum, t| sum.saturating_add(t.share()))
}

/// What is advertised: the total within 1–254, or the owner's 255.
#[must_use]
pub fn effective(base: u8, total: i32) -> u8 {
    if base == OWNER { OWNER } else { u8::try_from(total.clamp(1, 254)).unwrap_or(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracker(kind: TrackerKind, weight: i32, reverse: bool, condition: Condition) -> Tracker {
        Tracker { name: "t".into(), kind, weight, reverse, condition }
    }

    #[test]
    fn the_measured_sums() {
        use Condition::{Down, Up, Value};
        use TrackerKind::{File, Interface, Script};
        let interface = tracker(Interface, 5, false, Up);
        for (file, sum) in [(Value(10), 125), (Value(-20), 65), (Value(100), 305)] {
            let trackers = [interface.clone(), tracker(File, 2, false, file)];
            assert_eq!(total(100, &trackers), sum, "{file:?}");
        }
        assert_eq!(effective(100, 305), 254);
        assert_eq!(effective(100, -3), 1);
        assert_eq!(effective(255, 3), 255);
        assert_eq!(tracker(File, 2, false, Value(200)).share(), 253);
        let script = |weight, reverse, condition| tracker(Script, weight, reverse, condition).effect();
        for (weight, reverse, condition, effect) in [
            (10, false, Up, Effect::Priority(10)),
            (10, false, Down, Effect::Priority(0)),
            (10, true, Up, Effect::Priority(-10)),
            (-10, false, Up, Effect::Priority(0)),
            (-10, false, Down, Effect::Priority(-10)),
            (-10, true, Down, Effect::Priority(10)),
            (10, false, Condition::Unknown, Effect::Priority(0)),
            (0, false, Condition::Unknown, Effect::Waiting),
            (0, false, Up, Effect::Priority(0)),
            (0, false, Down, Effect::Fault),
            (0, true, Up, Effect::Fault),
            (0, true, Down, Effect::Priority(0)),
        ] {
            assert_eq!(script(weight, reverse, condition), effect, "{weight} {reverse} {condition:?}");
        }
    }

    #[test]
    fn files_without_weight_are_faults() {
        let file = |reverse, value| tracker(TrackerKind::File, 0, reverse, Condition::Value(value)).effect();
        assert_eq!(file(false, 0), Effect::Priority(0));
        assert_eq!(file(false, 3), Effect::Fault);
        assert_eq!(file(true, 0), Effect::Fault);
        assert_eq!(file(true, 3), Effect::Priority(0));
        let huge = tracker(TrackerKind::File, 254, true, Condition::Value(i64::MAX));
        assert_eq!(huge.effect(), Effect::Fault);
    }
}
