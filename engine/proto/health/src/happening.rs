//! Changes of a server and the lines that tell them, in HAProxy's words.
//!
//! A change is told after the backend has taken it in, because the line counts the servers left and the
//! requests moved. COMPAT: texts, levels and their order were recorded from HAProxy 2.6.12 and 3.0.11.

use std::fmt::Write as _;

use crate::Outcome;

/// Syslog level of a line; on the standard error every line about a server is a warning and every line
/// about a backend an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are syslog's")]
pub enum Severity {
    Emergency,
    Alert,
    Notice,
}

/// A line for the proxy's log, and the same or a variant for the standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Level in the log.
    pub severity: Severity,
    /// Text in the log, without line end.
    pub log: String,
    /// Text on the standard error, without `[WARNING]  (pid) : `.
    pub stderr: String,
}

/// Why a server changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Cause {
    /// Not told: a tracked server, or a check that has been reported in a line of its own.
    #[default]
    Untold,
    /// A check or an agent.
    Outcome(Outcome),
    /// `set server … health|agent`.
    Cli,
    /// The stats page.
    Web,
    /// A server state file.
    StateFile,
}

/// What happened to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A check worth reporting ended (`option log-health-checks`).
    Checked {
        /// Whether it was the agent's.
        agent: bool,
        /// How it ended.
        outcome: Outcome,
        /// Counter, its end, and whether it counts successes of an up server.
        score: (u32, u32, bool),
    },
    /// It went down. `quiet` when it took no new traffic anyway.
    Down {
        /// Why.
        cause: Cause,
        /// Level notice instead of alert.
        quiet: bool,
    },
    /// It came up, or ended its slow start.
    Up {
        /// Why.
        cause: Cause,
    },
    /// It asked for no new traffic.
    Stopping {
        /// Why.
        cause: Cause,
    },
    /// It entered maintenance.
    Maintenance {
        /// It was down already.
        was_down: bool,
        /// Level notice instead of alert.
        quiet: bool,
        /// By command, not through a tracked server.
        forced: bool,
        /// In brackets after the text: a failed resolution, the stats page.
        why: &'static str,
    },
    /// It left maintenance.
    LeftMaintenance {
        /// Which one ended.
        which: Ended,
        /// It is up.
        up: bool,
        /// It drains.
        draining: bool,
    },
    /// One reason for maintenance ended, another remains.
    StillMaintenance {
        /// Which one ended.
        which: Ended,
    },
    /// It began to drain.
    Drain {
        /// By command, not through a tracked server.
        forced: bool,
        /// It is down.
        down: bool,
        /// In brackets after the text.
        why: &'static str,
    },
    /// It stopped draining.
    LeftDrain {
        /// By command.
        forced: bool,
        /// It is up.
        up: bool,
    },
    /// One reason for draining ended, another remains.
    StillDrain {
        /// The one that remains is a command.
        forced: bool,
    },
}

/// A reason for maintenance that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A command.
    Forced,
    /// The tracked server's.
    Inherited,
    /// A name that did not resolve.
    Resolution,
}

/// Where it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place<'a> {
    /// Backend.
    pub backend: &'a str,
    /// Server.
    pub server: &'a str,
    /// `backup`.
    pub backup: bool,
    /// Backend and server it tracks.
    pub via: Option<(&'a str, &'a str)>,
    /// Name it is resolved by, empty if none.
    pub host: &'a str,
    /// Whether its configured weight is not 0.
    pub weighted: bool,
}

/// The backend after the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct After {
    /// Usable active servers.
    pub active: usize,
    /// Usable backup servers.
    pub backup: usize,
    /// Sessions on the server.
    pub sessions: u64,
    /// Requests moved: from its queue to others when it left, to it when it came.
    pub requeued: u64,
    /// Requests in its queue.
    pub queued: u64,
}

impl Happening {
    /// Whether it changed the server's state, as opposed to reporting a check.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !matches!(self, Happening::Checked { .. })
    }

    /// The line.
    #[must_use]
    pub fn line(&self, place: &Place<'_>, after: &After) -> Line {
        let mut text = String::with_capacity(160);
        let severity = match self {
            Happening::Checked { agent, outcome, score } => {
                checked(&mut text, place, *agent, outcome, *score);
                Severity::Notice
            }
            change => {
                subject(&mut text, place);
                change.tell(&mut text, place, after)
            }
        };
        text.push('.');
        Line { severity, stderr: text.clone(), log: text }
    }

    fn tell(&self, text: &mut String, place: &Place<'_>, after: &After) -> Severity {
        match self {
            Happening::Checked { .. } => {}
            Happening::Down { cause, quiet } => {
                text.push_str(" is DOWN");
                because(text, cause);
                via(text, place);
                left(text, after);
                return if *quiet { Severity::Notice } else { Severity::Alert };
            }
            Happening::Up { cause } | Happening::Stopping { cause } => {
                let up = matches!(self, Happening::Up { .. });
                text.push_str(if up { " is UP" } else { " is stopping" });
                because(text, cause);
                via(text, place);
                online(text, after);
            }
            Happening::Maintenance { was_down, quiet, forced, why } => {
                text.push_str(if *was_down {
                    " was DOWN and now enters maintenance"
                } else {
                    " is going DOWN for maintenance"
                });
                bracket(text, why);
                if !forced {
                    via(text, place);
                }
                if !was_down {
                    left(text, after);
                    return if *quiet { Severity::Notice } else { Severity::Alert };
                }
            }
            Happening::LeftMaintenance { which, up, draining } => {
                if *which == Ended::Resolution {
                    let _ = write!(text, " ('{}')", place.host);
                }
                let how = match which {
                    Ended::Forced => "leaving forced maintenance",
                    Ended::Inherited => "leaving maintenance",
                    Ended::Resolution => "resolves again",
                };
                let _ =
                    write!(text, " is {}/{} ({how})", word(*up), if *draining { "DRAIN" } else { "READY" });
            }
            Happening::StillMaintenance { which: Ended::Inherited } => {
                text.push_str(" remains in forced maintenance");
            }
            Happening::StillMaintenance { which: Ended::Forced } => {
                text.push_str(" is leaving forced maintenance but remains in maintenance");
                via(text, place);
            }
            Happening::StillMaintenance { which: Ended::Resolution } => {
                let _ = write!(text, " ('{}') resolves again but remains in maintenance", place.host);
                via(text, place);
            }
            Happening::Drain { forced, down, why } => {
                text.push_str(" enters drain state");
                bracket(text, why);
                if !forced {
                    via(text, place);
                }
                if *down { left(text, after) } else { online(text, after) }
            }
            Happening::LeftDrain { forced, up } => {
                let how = if *forced { "leaving forced drain" } else { "leaving drain" };
                let _ = write!(text, " is {} ({how})", word(*up));
                if !forced {
                    via(text, place);
                }
            }
            Happening::StillDrain { forced: true } => text.push_str(" remains in forced drain mode"),
            Happening::StillDrain { forced: false } => {
                text.push_str(" remains in drain mode");
                via(text, place);
            }
        }
        Severity::Notice
    }
}

/// The line when the last usable server of a backend is gone; `kind` is `backend` or `listen`'s own word.
#[must_use]
pub fn no_server_left(kind: &str, backend: &str) -> Line {
    Line {
        severity: Severity::Emergency,
        log: format!("{kind} {backend} has no server available!"),
        stderr: format!("{kind} '{backend}' has no server available!"),
    }
}

fn checked(text: &mut String, place: &Place<'_>, agent: bool, outcome: &Outcome, score: (u32, u32, bool)) {
    let verdict = outcome.status.verdict();
    let _ = write!(
        text,
        "{} check for {}server {}/{} {}{}{}, status: {}/{} {}",
        if agent { "Agent" } else { "Health" },
        if place.backup { "backup " } else { "" },
        place.backend,
        place.server,
        if verdict == crate::Verdict::PassedIf { "conditionally " } else { "" },
        if verdict >= crate::Verdict::Passed { "succeeded" } else { "failed" },
        outcome.reason(),
        score.0,
        score.1,
        match (score.2, place.weighted) {
            (false, _) => "DOWN",
            (true, true) => "UP",
            (true, false) => "DRAIN",
        }
    );
}

fn subject(text: &mut String, place: &Place<'_>) {
    let backup = if place.backup { "Backup " } else { "" };
    let _ = write!(text, "{backup}Server {}/{}", place.backend, place.server);
}

fn because(text: &mut String, cause: &Cause) {
    match cause {
        Cause::Untold => {}
        Cause::Outcome(outcome) => text.push_str(&outcome.reason()),
        Cause::Cli => text.push_str(", changed from CLI"),
        Cause::Web => text.push_str(", changed from Web interface"),
        Cause::StateFile => text.push_str(", changed from server-state after a reload"),
    }
}

fn bracket(text: &mut String, why: &str) {
    if !why.is_empty() {
        let _ = write!(text, " ({why})");
    }
}

fn via(text: &mut String, place: &Place<'_>) {
    if let Some((backend, server)) = place.via {
        let _ = write!(text, " via {backend}/{server}");
    }
}

fn word(up: bool) -> &'static str {
    if up { "UP" } else { "DOWN" }
}

fn running_on_backup(after: &After) -> &'static str {
    if after.active == 0 && after.backup != 0 { " Running on backup." } else { "" }
}

fn left(text: &mut String, after: &After) {
    let _ = write!(
        text,
        ". {} active and {} backup servers left.{} {} sessions active, {} requeued, {} remaining in queue",
        after.active,
        after.backup,
        running_on_backup(after),
        after.sessions,
        after.requeued,
        after.queued
    );
}

fn online(text: &mut String, after: &After) {
    let _ = write!(
        text,
        ". {} active and {} backup servers online.{} {} sessions requeued, {} total in queue",
        after.active,
        after.backup,
        running_on_backup(after),
        after.requeued,
        after.queued
    );
}
