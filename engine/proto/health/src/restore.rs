//! A server takes up the state that a state file says it had.
//!
//! COMPAT: what the configuration says now goes before what the file says; most of it happens silently
//! (`server_state/*`). HAProxy 3.0 configuration manual §4.2 "load-server-state-from-file".

use rha_base::Tick;
use rha_ir::RestoredState;
use rha_vocab::Dialect;

use crate::server::{Admin, Changes, Health, Operation};
use crate::{Cause, Happening, Outcome, Status};

impl Health {
    /// Takes up a state; `weight` is the one that is written now.
    pub fn restore(&mut self, saved: &RestoredState, weight: u32, now: Tick) -> Changes {
        let mut changes = Changes::default();
        self.restore_operation(saved, now, &mut changes);
        let had = Admin(saved.admin);
        let (was_written, is_written) =
            (had.has(Admin::CONFIGURED_MAINT), self.admin().has(Admin::CONFIGURED_MAINT));
        let wanted = if was_written == is_written { had.has(Admin::FORCED_MAINT) } else { is_written };
        if wanted && !(was_written == is_written && is_written) {
            self.maintain_silently();
            changes.inherit = Some((Admin::INHERITED_MAINT, true, ""));
        } else if !wanted {
            for (flag, on) in Health::READY {
                let next = self.administer(flag, on, "", now);
                changes.happenings.extend(next.happenings);
                changes.operation = next.operation.or(changes.operation);
                changes.inherit = next.inherit.or(changes.inherit);
            }
        }
        // A drain that came of a written weight of 0 is over once another weight is written.
        let drains = had.has(Admin::FORCED_DRAIN) && (saved.weights.1 > 0 || weight == 0);
        if drains && !self.admin().has(Admin::FORCED_MAINT) {
            self.drain_silently();
            if self.dialect() < Dialect::V3_0 {
                changes.happenings.push(Happening::StillDrain { forced: true });
            }
            changes.inherit = Some((Admin::INHERITED_DRAIN, true, ""));
        }
        self.set_age(saved.changed_s, now);
        if let Some(status) = Status::of_number(saved.check.0) {
            self.set_last(Outcome { status, ..Outcome::default() });
        }
        changes
    }

    fn restore_operation(&mut self, saved: &RestoredState, now: Tick, changes: &mut Changes) {
        let (rise, fall) = self.thresholds();
        let top = rise + fall - 1;
        let (health, to) = match saved.operation {
            0 => (0, Operation::Stopped),
            // With a single check to pass there is nothing between.
            1 if rise > 1 => {
                let health = if (1..rise).contains(&saved.health) { saved.health } else { rise - 1 };
                (health, Operation::Starting)
            }
            3 if fall == 1 => (0, Operation::Stopped),
            3 => {
                let fits = (rise..top).contains(&saved.health);
                (if fits { saved.health } else { rise }, Operation::Stopping)
            }
            _ => (top, Operation::Running),
        };
        self.set_position(health);
        self.take_up(to, Cause::StateFile, now, changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Setup;
    use rha_ir::CheckTiming;

    fn server(disabled: bool) -> Health {
        let setup = Setup {
            check: Some(CheckTiming { rise: 2, fall: 3, ..CheckTiming::default() }),
            disabled,
            ..Setup::default()
        };
        Health::new(&setup, Tick(1_000_000))
    }

    fn restored(operation: u8, admin: u8, disabled: bool) -> (Operation, u8, usize) {
        let saved =
            RestoredState { operation, admin, weights: (1, 1), changed_s: 7, ..RestoredState::default() };
        let mut h = server(disabled);
        let changes = h.restore(&saved, 1, Tick(1_000_000));
        assert_eq!(h.age_s(Tick(1_002_000)), 9);
        (h.operation(), h.admin().0, changes.happenings.len())
    }

    #[test]
    fn the_configuration_goes_before_the_file() {
        use Operation::{Running, Starting, Stopped, Stopping};
        assert_eq!(restored(2, 0, false), (Running, 0, 0));
        assert_eq!(restored(0, 0, false), (Stopped, 0, 1));
        assert_eq!(restored(1, 0, false), (Starting, 0, 0));
        assert_eq!(restored(3, 0, false), (Stopping, 0, 1));
        assert_eq!(restored(2, 1, false), (Stopped, 1, 0));
        assert_eq!(restored(2, 8, false).1, 8);
        // It was disabled and was enabled at run time: it stays enabled.
        assert_eq!(restored(2, 4, true), (Running, 4, 1));
        // It was disabled, and is no longer.
        assert_eq!(restored(2, 5, false), (Running, 0, 0));
        // It was not, and is now.
        assert_eq!(restored(2, 0, true), (Stopped, 5, 0));
        assert_eq!(restored(0, 5, true), (Stopped, 5, 0));
    }
}
