//! Sync groups: members change state together (keepalived.conf(5) "vrrp_sync_group"); no RFC knows them.
//!
//! One member entering BACKUP or FAULT takes all with it; MASTER only when every member's timer has ended.
//! This file holds what a group is; the transitions are in `router`, which alone sees all instances.

use crate::config::Config;
use crate::event::{InstanceId, State};
use crate::priority::TrackerKind;

/// One `vrrp_sync_group`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupConfig {
    /// Its name.
    pub name: String,
    /// Names of the instances in it; unknown ones and members of an earlier group are ignored.
    pub members: Vec<String>,
    /// `sync_group_tracking_weight`: members keep their weights.
    pub tracking_weight: bool,
}

/// A group and where it stands.
#[derive(Debug, Clone)]
pub struct Group {
    pub(crate) config: GroupConfig,
    pub(crate) members: Vec<InstanceId>,
    pub(crate) state: State,
}

impl Group {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Its members in the order of the file.
    #[must_use]
    pub fn members(&self) -> &[InstanceId] {
        &self.members
    }

    /// Its state; INIT while a member waits for scripts.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }
}

impl GroupConfig {
    /// Without `sync_group_tracking_weight` the members' priorities must not float: of a member's own
    /// trackers (the group's come later and keep their weights) a weighted interface loses its weight and
    /// almost anything else weighted is not tracked. Returns the original's line for each.
    pub fn fix_weights(&self, member: &mut Config) -> Vec<String> {
        let mut lines = Vec::new();
        if self.tracking_weight || member.is_owner() {
            return lines;
        }
        let instance = &member.name;
        member.trackers.retain_mut(|tracker| {
            let (name, weight) = (&tracker.name, tracker.weight);
            let end = "due to SYNC group";
            if weight == 0 {
                return true;
            }
            lines.push(match tracker.kind {
                TrackerKind::Interface => {
                    format!("({instance}) ignoring {name} tracked interface weight {end}")
                }
                TrackerKind::Script => {
                    format!("({instance}) ignoring tracked script {name} with weights {end}")
                }
                TrackerKind::File if weight == 1 => {
                    format!("({instance}) ignoring weight from tracked file {name} {end}. specify weight 0")
                }
                TrackerKind::File => {
                    format!("({instance}) ignoring tracked file {name} with weight {weight} {end}")
                }
                TrackerKind::Bfd => {
                    format!("({instance}) ignoring tracked bfd {name} with weight {weight} {end}")
                }
                TrackerKind::Process => return true, // COMPAT: keepalived forgets processes here
            });
            tracker.weight = 0;
            // COMPAT: a file's weight of 1 is the default, so it may be meant as none
            tracker.kind == TrackerKind::Interface || tracker.kind == TrackerKind::File && weight == 1
        });
        lines
    }
}
