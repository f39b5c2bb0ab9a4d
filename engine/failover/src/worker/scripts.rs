//! Tracked scripts: when each runs, how it ended, what that makes of it.
//!
//! COMPAT: a run is skipped while the one before still goes on; the time limit is the interval unless
//! written; a run that is ended because of it counts as failed (`timed_out`).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use rha_ir::failover::{Command, ScriptStart, TrackScript};
use rha_net::Ended;
use rha_net::scripts::{Outcome as Ending, ScriptCommand, ScriptOutput, ScriptUser};
use rha_vrrp::{Condition, Input, InstanceId, Moment, TrackerKind};
use tokio::sync::mpsc::UnboundedSender;

use super::{Event, Worker};
use crate::Plan;
use crate::dump::ScriptView;
use crate::log::Log;
use crate::notify::queue::RunId;
use crate::track::script::{Change, Outcome, ScriptState, Verdict};

/// Whose run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Tracked script by place in the model; the generation tells an old run from before a reload.
    Tracked(usize, u64),
    /// A notify script.
    Notify(RunId),
    /// The reader of a FIFO.
    Fifo,
}

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptEnd {
    /// Whose.
    pub purpose: Purpose,
    /// How; `None` when it could not be started or followed.
    pub how: Option<Outcome>,
}

#[derive(Debug)]
struct Tracked {
    state: ScriptState,
    running: bool,
    next: Moment,
}

/// All tracked scripts, in the model's order.
#[derive(Debug)]
pub struct Scripts {
    all: Vec<Tracked>,
    generation: u64,
    output: ScriptOutput,
    post: UnboundedSender<Event>,
}

impl Scripts {
    /// None yet.
    pub(super) fn new(output: ScriptOutput, post: UnboundedSender<Event>) -> Scripts {
        Scripts { all: Vec::new(), generation: 0, output, post }
    }

    /// Takes the scripts of a plan over; the first run is due at once. What was known of a script of the
    /// same name stays known.
    pub(super) fn load(&mut self, plan: &Plan, former: Option<&Plan>, now: Moment, log: &Log) {
        self.generation += 1;
        let before = std::mem::take(&mut self.all);
        let old: &[TrackScript] = former.map_or(&[], |f| &f.failover.scripts);
        for s in &plan.failover.scripts {
            let fresh = || ScriptState::new(s.rise, s.fall, s.start == ScriptStart::Failed);
            if !plan.uses_script(&s.name) {
                log.info(format_args!("Warning - script {} is not used", s.name));
                self.all.push(Tracked { state: fresh(), running: false, next: Moment::NEVER });
                continue;
            }
            let known = old.iter().position(|o| o.name == s.name).and_then(|at| before.get(at));
            let carried = known.and_then(|k| ScriptState::carried_over(s.rise, s.fall, k.state.verdict()));
            if let Some(c) = &carried {
                let how = if c.verdict() == Verdict::Good { "successful" } else { "unsuccessful" };
                log.info(format_args!("VRRP_Script({}) considered {how} on reload", s.name));
            }
            self.all.push(Tracked { state: carried.unwrap_or_else(fresh), running: false, next: now });
        }
    }

    /// What a script counts as.
    #[must_use]
    pub fn condition(&self, place: usize) -> Condition {
        match self.all.get(place).map(|t| t.state.verdict()) {
            Some(Verdict::Good) => Condition::Up,
            Some(Verdict::Bad) => Condition::Down,
            Some(Verdict::Unknown) | None => Condition::Unknown,
        }
    }

    /// For the dump.
    #[must_use]
    pub fn views(&self) -> Vec<ScriptView> {
        let view = |t: &Tracked| ScriptView {
            result: t.state.result(),
            good: t.state.verdict() == Verdict::Good,
            answered: t.state.has_answered(),
            running: t.running,
        };
        self.all.iter().map(view).collect()
    }

    /// The next run.
    #[must_use]
    pub fn deadline(&self) -> Moment {
        self.all.iter().map(|t| t.next).min().unwrap_or(Moment::NEVER)
    }

    /// Starts what is due.
    pub(super) fn run_due(&mut self, scripts: &[TrackScript], now: Moment, log: &Log) {
        for (place, s) in scripts.iter().enumerate() {
            let Some(t) = self.all.get_mut(place) else { continue };
            if t.next > now {
                continue;
            }
            let interval = Duration::from_micros(s.interval_us.max(1000));
            t.next = now.after(interval);
            if s.command.disabled.is_some() {
                t.next = Moment::NEVER;
                continue;
            }
            let limit = s.timeout_us.map_or(interval, Duration::from_micros);
            // COMPAT: a run that is being ended because of its time limit is not spoken of.
            if t.running && limit <= interval {
                continue;
            }
            if t.running {
                log.info(format_args!(
                    "Track script {} is already running, expect idle - skipping run",
                    s.name
                ));
                continue;
            }
            t.running = true;
            let purpose = Purpose::Tracked(place, self.generation);
            launch(&s.command, &[], self.output, Some(limit), purpose, self.post.clone(), log);
        }
    }

    /// Takes the end of a run; what changed.
    fn ended(&mut self, place: usize, generation: u64, how: Outcome) -> (Option<i32>, Option<Change>) {
        if generation != self.generation {
            return (None, None);
        }
        let Some(t) = self.all.get_mut(place) else { return (None, None) };
        t.running = false;
        t.state.ended(how)
    }
}

impl Worker {
    pub(super) fn script_ended(&mut self, end: ScriptEnd) {
        match end.purpose {
            Purpose::Tracked(place, generation) => {
                let how = end.how.unwrap_or(Outcome::Exited(127));
                let (status, change) = self.scripts.ended(place, generation, how);
                let plan = self.plan.clone();
                let Some(s) = plan.failover.scripts.get(place) else { return };
                if let Some(n) = status {
                    self.log.info(format_args!("Script `{}` now returning {n}", s.name));
                }
                if let Some(c) = change {
                    self.log.info(c.line(&s.name));
                    self.condition(TrackerKind::Script, &s.name, self.scripts.condition(place));
                }
            }
            Purpose::Notify(run) => self.teller.script_ended(run),
            Purpose::Fifo => {}
        }
    }

    /// Tells every instance that tracks a thing how it is now.
    pub(super) fn condition(&mut self, kind: TrackerKind, name: &str, condition: Condition) {
        let mut hit = Vec::new();
        for (at, i) in self.router.instances().iter().enumerate() {
            for (tracker, t) in i.trackers().iter().enumerate() {
                if t.kind == kind && t.name == name && t.condition != condition {
                    hit.push((InstanceId(at), tracker));
                }
            }
        }
        for (id, tracker) in hit {
            self.input(id, Input::Tracker { tracker, condition });
        }
    }
}

/// Starts a command and posts its end. `extra` are arguments appended.
pub(super) fn launch(
    command: &Command,
    extra: &[String],
    output: ScriptOutput,
    limit: Option<Duration>,
    purpose: Purpose,
    post: UnboundedSender<Event>,
    log: &Log,
) {
    let mut running = match prepare(command, extra, output).start() {
        Ok(r) => r,
        Err(e) => {
            log.info(exec_error(command, &e));
            let _ = post.send(Event::Script(ScriptEnd { purpose, how: None }));
            return;
        }
    };
    tokio::task::spawn_local(async move {
        let how = match limit {
            Some(limit) => running.wait_at_most(limit).await.ok().map(|e| match e {
                Ending::Ended(e) => outcome(e),
                Ending::TimedOut(_) => Outcome::TimedOut,
            }),
            None => running.wait().await.ok().map(outcome),
        };
        let _ = post.send(Event::Script(ScriptEnd { purpose, how }));
    });
}

/// Runs a command to its end, at most so long (0: as long as it takes); for the parent, which has no loop
/// (`startup_script`, `shutdown_script`).
///
/// # Errors
/// Why it could not be run.
pub fn run_and_wait(command: &Command, limit_s: u32) -> Result<Outcome, String> {
    let waited = rha_net::run_local(async {
        let mut running = prepare(command, &[], ScriptOutput::Inherited).start()?;
        match limit_s {
            0 => running.wait().await.map(outcome),
            s => running.wait_at_most(Duration::from_secs(s.into())).await.map(|e| match e {
                Ending::Ended(e) => outcome(e),
                Ending::TimedOut(_) => Outcome::TimedOut,
            }),
        }
    });
    waited.and_then(|r| r).map_err(|e| exec_error(command, &e))
}

fn exec_error(command: &Command, e: &std::io::Error) -> String {
    let name = command.argv.first().map(ToString::to_string).unwrap_or_default();
    format!("Error exec-ing command '{name}', error {}: {e}", e.raw_os_error().unwrap_or(0))
}

fn prepare(command: &Command, extra: &[String], output: ScriptOutput) -> ScriptCommand {
    let mut argv: Vec<OsString> = command.argv.iter().map(|a| OsString::from_vec(a.to_vec())).collect();
    argv.extend(extra.iter().map(OsString::from));
    let mut script = ScriptCommand::new(argv);
    script.output = output;
    script.user = command.user.map(|u| ScriptUser { uid: u.uid, gid: u.gid, groups: vec![u.gid] });
    // Root's own rights need no change, and keep the daemon's groups.
    if script.user.as_ref().is_some_and(|u| u.uid == 0 && u.gid == 0) && rha_net::daemon::is_root() {
        script.user = None;
    }
    script
}

fn outcome(e: Ended) -> Outcome {
    match e {
        Ended::Code(n) => Outcome::Exited(n),
        Ended::Signal(n) => Outcome::Signalled(n),
    }
}
