//! One server's state: up, down, stopping or starting slowly, under checks, an agent, live traffic,
//! operators and the server it tracks.
//!
//! ```text
//!             check fails `fall` times              slowstart over
//!   RUNNING ───────────────────────────▶ STOPPED ──▶ STARTING ──▶ RUNNING
//!      │  ▲ ◀──────────────────────────── check succeeds `rise` times
//!      ▼  │ 404 with disable-on-404 / success
//!   STOPPING          maintenance stops it from any state; drain leaves the state, takes no new traffic
//! ```
//!
//! HAProxy 3.0 configuration manual §5.2 "rise", "fall", "observe", "on-error", "slowstart", "track", "disabled";
//! management guide §9.3 "set server". Invariant: each check's counter is 0..rise+fall-1, and the server is not
//! held up by a check whose counter is below `rise` once a result has been seen.

use rha_base::Tick;
use rha_ir::{CheckTiming, InitState, Observe, OnError};
use rha_vocab::Dialect;

use crate::happening::Ended;
use crate::{Cause, Happening, Outcome, Status, Verdict};

/// Operational state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Down.
    Stopped,
    /// Up, its weight growing.
    Starting,
    /// Up.
    Running,
    /// Up, no new traffic.
    Stopping,
}

impl Operation {
    /// Its number in a server state file.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// Administrative state: reasons for maintenance and for draining, as in a server state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Admin(pub u8);

impl Admin {
    /// Maintenance by command.
    pub const FORCED_MAINT: Admin = Admin(0x01);
    /// Maintenance of the tracked server.
    pub const INHERITED_MAINT: Admin = Admin(0x02);
    /// `disabled` in the configuration; only remembered.
    pub const CONFIGURED_MAINT: Admin = Admin(0x04);
    /// Drain by command.
    pub const FORCED_DRAIN: Admin = Admin(0x08);
    /// Drain of the tracked server.
    pub const INHERITED_DRAIN: Admin = Admin(0x10);
    /// Its name does not resolve.
    pub const UNRESOLVED: Admin = Admin(0x20);
    const MAINT: Admin = Admin(0x23);
    const DRAIN: Admin = Admin(0x18);

    pub(crate) fn has(self, any: Admin) -> bool {
        self.0 & any.0 != 0
    }

    /// In maintenance for any reason.
    #[must_use]
    pub fn in_maintenance(self) -> bool {
        self.has(Self::MAINT)
    }

    /// Draining for any reason.
    #[must_use]
    pub fn draining(self) -> bool {
        self.has(Self::DRAIN)
    }

    fn with(self, flag: Admin) -> Admin {
        Admin(self.0 | flag.0)
    }

    fn without(self, flag: Admin) -> Admin {
        Admin(self.0 & !flag.0)
    }
}

/// Which of a server's two checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// `check`.
    Health,
    /// `agent-check`.
    Agent,
}

/// Something live traffic showed about a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// Connected.
    Connected,
    /// Could not connect.
    ConnectFailed,
    /// A good response.
    Response,
    /// A response with a bad status (100, 101, 500, 502 … as the stream judges).
    WrongStatus,
    /// Header fields that could not be read.
    BadHeaders,
    /// A response that could not be read.
    BadResponse,
    /// The connection broke while reading.
    ReadError,
    /// It did not answer in time.
    ReadTimeout,
    /// It closed without an answer.
    Closed,
}

impl Traffic {
    fn description(self) -> &'static str {
        match self {
            Traffic::Connected => "L4 successful connection",
            Traffic::ConnectFailed => "L4 unsuccessful connection",
            Traffic::Response => "Correct http response",
            Traffic::WrongStatus => "Wrong http response",
            Traffic::BadHeaders => "Invalid http response (headers)",
            Traffic::BadResponse => "Invalid http response",
            Traffic::ReadError => "Read error (http)",
            Traffic::ReadTimeout => "Read timeout (http)",
            Traffic::Closed => "Close from server (http)",
        }
    }

    /// Whether it speaks for the server on a layer; `None` if that layer does not look at it.
    fn speaks_for(self, observe: Observe) -> Option<bool> {
        match (observe, self) {
            (Observe::Layer4, Traffic::Connected) | (Observe::Layer7, Traffic::Response) => Some(true),
            (Observe::Layer4, Traffic::ConnectFailed) => Some(false),
            (Observe::Layer7, Traffic::Connected) | (Observe::Layer4 | Observe::None, _) => None,
            (Observe::Layer7, _) => Some(false),
        }
    }
}

/// What a server's line says about its watch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Setup {
    /// `check` with its times.
    pub check: Option<CheckTiming>,
    /// `agent-check`: its interval, milliseconds.
    pub agent_ms: Option<u32>,
    /// `slowstart`, milliseconds.
    pub slowstart_ms: u32,
    /// `disabled`.
    pub disabled: bool,
    /// `init-state`.
    pub initial: Option<InitState>,
    /// `track`.
    pub tracks: bool,
    /// `option log-health-checks` of its backend.
    pub log_checks: bool,
    /// Whether the balancing algorithm takes weights that change.
    pub dynamic_weight: bool,
    /// Whose wordings.
    pub dialect: Dialect,
}

/// What a call changed, in the order to be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Lines to tell, after usability and weight have been passed on.
    pub happenings: Vec<Happening>,
    /// The servers that track this one follow: [`Health::follow`] with this state.
    pub operation: Option<Operation>,
    /// They inherit: [`Health::administer`] with these.
    pub inherit: Option<(Admin, bool, &'static str)>,
    /// The next check may be due earlier than was planned.
    pub hurry: bool,
}

#[derive(Debug, Clone)]
struct Counter {
    rise: u32,
    fall: u32,
    health: u32,
    inter: u32,
    fast: u32,
    down: u32,
    paused: bool,
    /// The next interval is the fast one whatever the state.
    hurried: bool,
    /// Where it starts, and starts again after maintenance.
    initial: u32,
    last: Outcome,
}

impl Counter {
    fn new(timing: &CheckTiming) -> Counter {
        let (rise, fall) = (timing.rise.max(1), timing.fall.max(1));
        Counter {
            rise,
            fall,
            health: rise,
            inter: timing.inter_ms,
            fast: timing.fastinter_ms.filter(|t| *t != 0).unwrap_or(timing.inter_ms),
            down: timing.downinter_ms.filter(|t| *t != 0).unwrap_or(timing.inter_ms),
            paused: false,
            hurried: false,
            initial: rise,
            last: Outcome { status: Status::Ini, ..Outcome::default() },
        }
    }

    fn top(&self) -> u32 {
        self.rise + self.fall - 1
    }

    fn good(&self) -> bool {
        self.health >= self.rise
    }

    /// The counter as log lines show it: position, end, and whether the server counts as up.
    fn score(&self) -> (u32, u32, bool) {
        if self.good() {
            (self.health - self.rise + 1, self.fall, true)
        } else {
            (self.health, self.rise, false)
        }
    }
}

/// A server's state.
#[derive(Debug, Clone)]
pub struct Health {
    operation: Operation,
    admin: Admin,
    check: Option<Counter>,
    agent: Option<Counter>,
    observe: Observe,
    error_limit: u32,
    on_error: OnError,
    errors: u32,
    slowstart_s: u64,
    tracked: Option<Operation>,
    log_checks: bool,
    dynamic_weight: bool,
    dialect: Dialect,
    initial: Option<InitState>,
    changed_s: u64,
    down_s: u64,
    /// Checks that counted against it, since the start.
    pub failed_checks: u64,
    /// Times it went down.
    pub down_transitions: u64,
    /// Times live traffic reached the error limit.
    pub failed_observations: u64,
}

impl Health {
    /// A server at the start: up until a check says otherwise, unless it is disabled.
    #[must_use]
    pub fn new(setup: &Setup, now: Tick) -> Health {
        let timing = setup.check.clone().unwrap_or_default();
        let agent =
            |ms| Counter::new(&CheckTiming { inter_ms: ms, rise: 1, fall: 1, ..CheckTiming::default() });
        let mut health = Health {
            operation: Operation::Running,
            admin: Admin::default(),
            check: setup.check.as_ref().map(Counter::new),
            agent: setup.agent_ms.map(agent),
            observe: timing.observe,
            error_limit: timing.error_limit.max(1),
            on_error: timing.on_error,
            errors: 0,
            slowstart_s: u64::from(setup.slowstart_ms).div_ceil(1000),
            tracked: setup.tracks.then_some(Operation::Running),
            log_checks: setup.log_checks,
            dynamic_weight: setup.dynamic_weight,
            dialect: setup.dialect,
            initial: setup.initial,
            changed_s: now.0 / 1000,
            down_s: 0,
            failed_checks: 0,
            down_transitions: 0,
            failed_observations: 0,
        };
        if let (Some(initial), Some(check)) = (setup.initial, &mut health.check) {
            check.initial = match initial {
                InitState::FullyUp => check.top(),
                InitState::Up => check.rise,
                InitState::Down => check.rise - 1,
                InitState::FullyDown => 0,
            };
            check.health = check.initial;
        }
        if matches!(setup.initial, Some(InitState::Down | InitState::FullyDown)) {
            health.operation = Operation::Stopped;
        }
        if setup.disabled {
            health.admin = Admin::FORCED_MAINT.with(Admin::CONFIGURED_MAINT);
            health.operation = Operation::Stopped;
            if let Some(check) = &mut health.check {
                (check.paused, check.health) = (true, 0);
            }
        }
        health
    }

    /// Operational state.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Administrative state.
    #[must_use]
    pub fn admin(&self) -> Admin {
        self.admin
    }

    /// Whether new requests may be sent to it (its weight aside).
    #[must_use]
    pub fn usable(&self) -> bool {
        matches!(self.operation, Operation::Starting | Operation::Running)
            && !self.admin.in_maintenance()
            && !self.admin.draining()
    }

    /// Share of its weight it gets now, in sixteenths (1..=16).
    #[must_use]
    pub fn scale(&self, now: Tick) -> u32 {
        if self.operation != Operation::Starting || !self.dynamic_weight || self.slowstart_s == 0 {
            return 16;
        }
        let grown = (16 * self.age_s(now) + self.slowstart_s) / self.slowstart_s;
        u32::try_from(grown.clamp(1, 16)).unwrap_or(16)
    }

    /// Share of its weight in percent while it starts slowly, as statistics show it.
    #[must_use]
    pub fn throttle_percent(&self, now: Tick) -> Option<u64> {
        (self.operation == Operation::Starting && self.slowstart_s != 0)
            .then(|| (100 * self.age_s(now) / self.slowstart_s).clamp(1, 100))
    }

    /// When [`Health::handle_timeout`] wants to be called next: slow start is followed second by second.
    #[must_use]
    pub fn poll_timeout(&self, now: Tick) -> Option<Tick> {
        (self.operation == Operation::Starting).then(|| Tick(now.0 + 1000))
    }

    /// The dialect of its lines.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Checks that have to pass, and to fail.
    pub(crate) fn thresholds(&self) -> (u32, u32) {
        self.check.as_ref().map_or((2, 3), |c| (c.rise, c.fall))
    }

    pub(crate) fn set_position(&mut self, health: u32) {
        if let Some(check) = &mut self.check {
            check.health = health;
        }
    }

    pub(crate) fn set_last(&mut self, last: Outcome) {
        if let Some(check) = &mut self.check {
            check.last = last;
        }
    }

    pub(crate) fn set_age(&mut self, seconds: u64, now: Tick) {
        // The process may be younger than the state.
        self.changed_s = (now.0 / 1000).wrapping_sub(seconds);
    }

    /// Goes over to an operational state that it had before.
    pub(crate) fn take_up(&mut self, to: Operation, cause: Cause, now: Tick, changes: &mut Changes) {
        match to {
            Operation::Stopped => self.stop(cause, now, changes),
            Operation::Stopping => self.drop_traffic(cause, now, changes),
            Operation::Starting if !self.admin.in_maintenance() => self.operation = to,
            Operation::Starting => {}
            Operation::Running => self.run(Cause::Untold, now, changes),
        }
    }

    pub(crate) fn maintain_silently(&mut self) {
        self.admin = self.admin.with(Admin::FORCED_MAINT);
        self.operation = Operation::Stopped;
        if let Some(check) = &mut self.check {
            (check.paused, check.health) = (true, 0);
        }
    }

    pub(crate) fn drain_silently(&mut self) {
        self.admin = self.admin.with(Admin::FORCED_DRAIN);
    }

    /// Seconds since the state changed.
    #[must_use]
    pub fn age_s(&self, now: Tick) -> u64 {
        (now.0 / 1000).wrapping_sub(self.changed_s)
    }

    /// Seconds it has been down in all.
    #[must_use]
    pub fn downtime_s(&self, now: Tick) -> u64 {
        self.down_s + if self.operation == Operation::Stopped { self.age_s(now) } else { 0 }
    }

    /// Whether a check is configured and not paused by maintenance.
    #[must_use]
    pub fn runs(&self, which: Checked) -> bool {
        self.counter(which).is_some_and(|c| !c.paused)
    }

    /// Counter, rise, fall and last outcome of a check, for statistics.
    #[must_use]
    pub fn progress(&self, which: Checked) -> Option<(u32, u32, u32, &Outcome)> {
        self.counter(which).map(|c| (c.health, c.rise, c.fall, &c.last))
    }

    /// Time until the next check, before jitter, milliseconds. Reading it uses up a request for haste.
    pub fn interval_ms(&mut self, which: Checked) -> u64 {
        let stopped = self.operation == Operation::Stopped;
        let Some(counter) = self.counter_mut(which) else { return 0 };
        let hurried = std::mem::take(&mut counter.hurried);
        u64::from(if counter.health == counter.top() && !hurried {
            counter.inter
        } else if stopped && counter.health == 0 {
            counter.down
        } else {
            counter.fast
        })
    }

    /// The value of the field `X-Haproxy-Server-State` up to its first semicolon.
    #[must_use]
    pub fn state_word(&self) -> String {
        let Some(check) = &self.check else { return "no check".to_owned() };
        let word = match self.operation {
            Operation::Stopped if check.health == 0 => return "DOWN".to_owned(),
            Operation::Stopped => return format!("DOWN {}/{}", check.health, check.rise),
            Operation::Stopping => "NOLB",
            _ => "UP",
        };
        if check.health == check.top() {
            return word.to_owned();
        }
        format!("{word} {}/{}", (check.health + 1).saturating_sub(check.rise), check.fall)
    }

    /// Takes in the end of a check.
    pub fn handle_result(&mut self, which: Checked, outcome: &Outcome, now: Tick) -> Changes {
        let mut changes = Changes::default();
        self.record(which, outcome, &mut changes);
        if outcome.echoed {
            let echo = Outcome { info: Default::default(), echoed: false, ..outcome.clone() };
            self.record(which, &echo, &mut changes);
        }
        let Some(counter) = self.counter(which) else { return changes };
        let (good, dead) = (counter.good(), counter.health == 0);
        let cause = if self.log_checks || self.tracked.is_some() {
            Cause::Untold
        } else {
            Cause::Outcome(counter.last.clone())
        };
        match outcome.status.verdict() {
            Verdict::Failed if dead && (which == Checked::Health || outcome.status == Status::L7Sts) => {
                self.stop(cause, now, &mut changes);
            }
            Verdict::PassedIf if which == Checked::Health && good && self.may_run() => {
                self.drop_traffic(cause, now, &mut changes);
            }
            // An agent does not end what a 404 of the health check asked for.
            Verdict::Passed
                if good
                    && self.may_run()
                    && (which == Checked::Health || self.operation != Operation::Stopping) =>
            {
                self.run(cause, now, &mut changes);
            }
            _ => {}
        }
        changes
    }

    /// Takes in what an agent said about the server's health before its outcome is handled.
    pub fn handle_agent_word(&mut self, up: bool) {
        if let Some(agent) = &mut self.agent {
            agent.health = if up { agent.top() } else { 0 };
        }
    }

    /// Takes in what live traffic showed (`observe`).
    pub fn handle_traffic(&mut self, traffic: Traffic, now: Tick) -> Changes {
        let mut changes = Changes::default();
        match traffic.speaks_for(self.observe) {
            None => return changes,
            Some(true) => {
                self.errors = 0;
                return changes;
            }
            Some(false) => self.errors += 1,
        }
        if self.errors < self.error_limit {
            return changes;
        }
        let info =
            format!("Detected {} consecutive errors, last one was: {}", self.errors, traffic.description());
        self.errors = 0;
        self.failed_observations += 1;
        let Some(check) = &mut self.check else { return changes };
        check.hurried = true;
        changes.hurry = check.fast != check.inter;
        match self.on_error {
            OnError::FastInter => return changes,
            OnError::SuddenDeath if check.health > check.rise => check.health = check.rise + 1,
            OnError::MarkDown => check.health = check.rise,
            OnError::SuddenDeath | OnError::FailCheck => {}
        }
        let hurry = changes.hurry;
        let outcome = Outcome::new(Status::Hana, check.last.code, info, None);
        let mut changes = self.handle_result(Checked::Health, &outcome, now);
        changes.hurry = hurry;
        changes
    }

    /// Follows time: ends a slow start.
    pub fn handle_timeout(&mut self, now: Tick) -> Changes {
        let mut changes = Changes::default();
        if self.operation == Operation::Starting && self.age_s(now) >= self.slowstart_s {
            self.enter(Operation::Running, now);
            self.tell(Happening::Up { cause: Cause::Untold }, &mut changes);
        }
        changes
    }

    /// Notes the tracked server's state before an inherited flag is passed on; tells nothing.
    pub fn note_tracked(&mut self, tracked: Operation) {
        self.tracked = Some(tracked);
    }

    /// Follows the tracked server.
    pub fn follow(&mut self, tracked: Operation, now: Tick) -> Changes {
        self.tracked = Some(tracked);
        let mut changes = Changes::default();
        match tracked {
            Operation::Stopped => self.stop(Cause::Untold, now, &mut changes),
            Operation::Stopping => self.drop_traffic(Cause::Untold, now, &mut changes),
            Operation::Starting | Operation::Running => self.run(Cause::Untold, now, &mut changes),
        }
        changes
    }

    /// `set server … health up|stopping|down` (`agent` likewise for its own counter).
    pub fn force(&mut self, which: Checked, to: Operation, cause: Cause, now: Tick) -> Changes {
        if let Some(counter) = self.counter_mut(which) {
            counter.health = if to == Operation::Stopped { 0 } else { counter.top() };
        }
        let mut changes = Changes::default();
        match to {
            Operation::Stopped => self.stop(cause, now, &mut changes),
            Operation::Stopping => self.drop_traffic(cause, now, &mut changes),
            Operation::Starting | Operation::Running => self.run(cause, now, &mut changes),
        }
        changes
    }

    /// `set server … state ready`: the calls to make one after another, passing each one's changes on.
    pub const READY: [(Admin, bool); 2] = [(Admin::FORCED_DRAIN, false), (Admin::FORCED_MAINT, false)];
    /// `set server … state drain`.
    pub const DRAIN: [(Admin, bool); 2] = [(Admin::FORCED_DRAIN, true), (Admin::FORCED_MAINT, false)];
    /// `set server … state maint`.
    pub const MAINT: [(Admin, bool); 2] = [(Admin::FORCED_MAINT, true), (Admin::FORCED_DRAIN, false)];

    /// Sets (`on`) or clears one reason for maintenance or draining; `why` goes into the line's brackets.
    pub fn administer(&mut self, flag: Admin, on: bool, why: &'static str, now: Tick) -> Changes {
        let mut changes = Changes::default();
        if self.admin.has(flag) == on {
            return changes;
        }
        let before = self.admin;
        self.admin = if on { before.with(flag) } else { before.without(flag) };
        self.administered(before, why, now, &mut changes);
        let rest = if on { before } else { self.admin };
        let kind = if flag.has(Admin::MAINT) { Admin::MAINT } else { Admin::DRAIN };
        if !rest.has(kind) {
            let heir = if kind == Admin::MAINT { Admin::INHERITED_MAINT } else { Admin::INHERITED_DRAIN };
            changes.inherit = Some((heir, on, why));
        }
        changes
    }

    fn administered(&mut self, before: Admin, why: &'static str, now: Tick, changes: &mut Changes) {
        let (was, is) = (before.in_maintenance(), self.admin.in_maintenance());
        match (was, is) {
            (false, true) => self.enter_maintenance(before, why, now, changes),
            (true, false) => self.leave_maintenance(before, now, changes),
            (true, true) => self.told_maintenance(before, changes),
            (false, false) => {}
        }
        if !is {
            self.tell_drain(before, why, changes);
        }
    }

    fn enter_maintenance(&mut self, before: Admin, why: &'static str, now: Tick, changes: &mut Changes) {
        if let Some(check) = &mut self.check {
            (check.paused, check.health) = (true, 0);
        }
        let was_down = self.operation == Operation::Stopped;
        let quiet = self.operation == Operation::Stopping || before.draining();
        if !was_down {
            self.enter(Operation::Stopped, now);
        }
        let forced = self.admin.has(Admin::FORCED_MAINT);
        changes.happenings.push(Happening::Maintenance { was_down, quiet, forced, why });
    }

    fn leave_maintenance(&mut self, before: Admin, now: Tick, changes: &mut Changes) {
        if let Some(check) = &mut self.check {
            (check.paused, check.health, check.hurried) = (false, check.initial, true);
        }
        if self.may_run() {
            match self.tracked {
                Some(Operation::Stopping) => self.enter(Operation::Stopping, now),
                // COMPAT: with `init-state` the server is at once as that says.
                _ if self.slowstart_s > 0 && self.initial.is_none() => self.enter(Operation::Starting, now),
                _ => self.enter(Operation::Running, now),
            }
        }
        let which = if before.has(Admin::INHERITED_MAINT) {
            Ended::Inherited
        } else if before.has(Admin::UNRESOLVED) {
            Ended::Resolution
        } else {
            Ended::Forced
        };
        let up = self.operation != Operation::Stopped;
        let draining = self.admin.draining();
        changes.happenings.push(Happening::LeftMaintenance { which, up, draining });
        changes.hurry = true;
    }

    fn told_maintenance(&mut self, before: Admin, changes: &mut Changes) {
        let ended = |flag| before.has(flag) && !self.admin.has(flag);
        let which = if ended(Admin::FORCED_MAINT) {
            Ended::Forced
        } else if ended(Admin::UNRESOLVED) {
            Ended::Resolution
        } else if ended(Admin::INHERITED_MAINT) {
            Ended::Inherited
        } else {
            return;
        };
        changes.happenings.push(Happening::StillMaintenance { which });
    }

    fn tell_drain(&mut self, before: Admin, why: &'static str, changes: &mut Changes) {
        let forced = self.admin.has(Admin::FORCED_DRAIN);
        let down = self.operation == Operation::Stopped;
        match (before.draining(), self.admin.draining()) {
            (false, true) => changes.happenings.push(Happening::Drain { forced, down, why }),
            (true, false) => {
                // COMPAT: 2.6 calls every end of a drain a forced one.
                let forced = before.has(Admin::FORCED_DRAIN) || self.dialect < Dialect::V3_0;
                changes.happenings.push(Happening::LeftDrain { forced, up: !down });
            }
            (true, true) => changes.happenings.push(Happening::StillDrain { forced }),
            (false, false) => {}
        }
    }

    /// Counts a result and reports it if it changed something.
    fn record(&mut self, which: Checked, outcome: &Outcome, changes: &mut Changes) {
        let (log, observed) = (self.log_checks, self.observe != Observe::None);
        let Some(counter) = self.counter_mut(which) else { return };
        let mut report = counter.last.status != outcome.status;
        counter.last = outcome.clone();
        let counts = which == Checked::Health || outcome.status.has_code();
        let mut failed = false;
        match outcome.status.verdict() {
            Verdict::Unknown | Verdict::Neutral => return,
            Verdict::Failed if counts && counter.health > 0 => {
                counter.health -= 1;
                if !counter.good() {
                    counter.health = 0;
                }
                (report, failed) = (true, true);
            }
            Verdict::Passed | Verdict::PassedIf if counter.health < counter.top() => {
                counter.health += 1;
                if counter.good() {
                    counter.health = counter.top();
                }
                report = true;
            }
            _ => {}
        }
        let score = counter.score();
        self.failed_checks += u64::from(failed);
        if observed && outcome.status.verdict() >= Verdict::Passed {
            self.errors = 0;
        }
        if report && log {
            let agent = which == Checked::Agent;
            changes.happenings.push(Happening::Checked { agent, outcome: outcome.clone(), score });
        }
    }

    /// Whether nothing speaks against it: no maintenance, no check below its rise, no tracked server down.
    fn may_run(&self) -> bool {
        let down =
            matches!(self.initial, Some(InitState::Down | InitState::FullyDown)) && self.check.is_none();
        let good = |c: &Option<Counter>| !down && c.as_ref().is_none_or(Counter::good);
        !self.admin.in_maintenance()
            && self.tracked != Some(Operation::Stopped)
            && good(&self.check)
            && good(&self.agent)
    }

    fn stop(&mut self, cause: Cause, now: Tick, changes: &mut Changes) {
        if self.admin.in_maintenance() || self.operation == Operation::Stopped {
            return;
        }
        let quiet = self.operation == Operation::Stopping || self.admin.draining();
        self.enter(Operation::Stopped, now);
        self.tell(Happening::Down { cause, quiet }, changes);
    }

    fn run(&mut self, cause: Cause, now: Tick, changes: &mut Changes) {
        let up = matches!(self.operation, Operation::Starting | Operation::Running);
        if self.admin.in_maintenance() || up {
            return;
        }
        self.enter(if self.slowstart_s > 0 { Operation::Starting } else { Operation::Running }, now);
        self.tell(Happening::Up { cause }, changes);
    }

    fn drop_traffic(&mut self, cause: Cause, now: Tick, changes: &mut Changes) {
        if self.admin.in_maintenance() || self.operation == Operation::Stopping {
            return;
        }
        self.enter(Operation::Stopping, now);
        self.tell(Happening::Stopping { cause }, changes);
    }

    fn tell(&self, happening: Happening, changes: &mut Changes) {
        changes.operation = Some(self.operation);
        changes.happenings.push(happening);
        // COMPAT: 2.6 repeats at every change of a draining server that it drains.
        if self.dialect < Dialect::V3_0 && self.admin.draining() {
            let forced = self.admin.has(Admin::FORCED_DRAIN);
            changes.happenings.push(Happening::StillDrain { forced });
        }
    }

    fn enter(&mut self, operation: Operation, now: Tick) {
        if self.operation == operation {
            return;
        }
        if self.operation == Operation::Stopped {
            self.down_s += self.age_s(now);
        }
        self.down_transitions += u64::from(operation == Operation::Stopped);
        self.operation = operation;
        self.changed_s = now.0 / 1000;
    }

    fn counter(&self, which: Checked) -> Option<&Counter> {
        match which {
            Checked::Health => self.check.as_ref(),
            Checked::Agent => self.agent.as_ref(),
        }
    }

    fn counter_mut(&mut self, which: Checked) -> Option<&mut Counter> {
        match which {
            Checked::Health => self.check.as_mut(),
            Checked::Agent => self.agent.as_mut(),
        }
    }
}
