//! What a [`Pool`] knows at a moment, for dumps.

use super::plan::ProbePlan;
use super::pool::Pool;

/// A virtual server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolFacts {
    /// As log lines name it.
    pub name: String,
    /// There is a quorum.
    pub quorum_up: bool,
    /// The sorry server is in the kernel's table.
    pub sorry_set: bool,
    /// It was there before a reload.
    pub reloaded: bool,
    /// In the plan's order.
    pub servers: Vec<MemberFacts>,
}

/// A real server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberFacts {
    /// It gets connections, if there is a quorum or no sorry server.
    pub alive: bool,
    /// It is in the kernel's table.
    pub set: bool,
    /// Weight after `misc_dynamic` and files; below 0 counts as 0.
    pub weight: i64,
    /// Weight before the last reload.
    pub weight_before: i64,
    /// Checkers that say down.
    pub failed: usize,
    /// It was there before a reload.
    pub reloaded: bool,
    /// In the plan's order.
    pub checkers: Vec<CheckerFacts>,
}

/// A checker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckerFacts {
    /// It looks; not so while `ha_suspend` has it rest.
    pub enabled: bool,
    /// What it thinks of the server.
    pub up: bool,
    /// It has an opinion.
    pub has_run: bool,
    /// Its share of the server's weight.
    pub share: i64,
    /// Failures in a row.
    pub failures: u32,
    /// `MISC_CHECK`: exit code last told.
    pub exit: i32,
    /// `MISC_CHECK`: last start, microseconds since 1970.
    pub ran_us: Option<i64>,
    /// `UDP_CHECK`: errno of the last `connect` that failed, 0 for none.
    pub last_errno: i32,
    /// Page that failed, by its position.
    pub failed_url: Option<usize>,
}

impl Pool {
    /// Everything at this moment.
    #[must_use]
    pub fn facts(&self) -> PoolFacts {
        let servers = self.servers.iter().zip(&self.plan.servers).map(|(server, plan)| MemberFacts {
            alive: server.alive,
            set: server.set,
            weight: server.weight,
            weight_before: server.weight_before,
            failed: server.failed,
            reloaded: server.reloaded,
            checkers: server
                .slots
                .iter()
                .zip(&plan.checkers)
                .map(|(slot, plan)| CheckerFacts {
                    enabled: self.enabled
                        || matches!(plan.probe, ProbePlan::Bfd { .. } | ProbePlan::File { .. }),
                    up: slot.watch.up,
                    has_run: slot.watch.has_run,
                    share: slot.watch.share,
                    failures: slot.watch.failures,
                    exit: slot.watch.last_exit.unwrap_or(0),
                    ran_us: slot.ran_us,
                    last_errno: slot.last_errno,
                    failed_url: slot.watch.failed_url,
                })
                .collect(),
        });
        PoolFacts {
            name: self.plan.name.clone(),
            quorum_up: self.quorum_up,
            sorry_set: self.sorry_set,
            reloaded: self.reloaded,
            servers: servers.collect(),
        }
    }
}
