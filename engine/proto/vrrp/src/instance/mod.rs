//! One virtual router: its state, timers and counters. RFC 5798 §6.4 (version 2: RFC 3768 §6.4), with
//! keepalived's FAULT state around it.
//!
//! ```text
//!              start                       trouble
//!   INIT ───────────────► BACKUP ◄──────────────────► FAULT
//!                          │  ▲   trouble gone          ▲
//!         timer, owner,    │  │  higher priority heard, │ trouble
//!         group            ▼  │  group, handover        │
//!                         MASTER ───────────────────────┘
//! ```
//!
//! An instance knows only itself and a [`GroupView`] of its sync group; what concerns the other members is
//! the router's business (`router`). Absent on purpose: clocks, sockets, scripts, netlink.

mod handover;
mod hear;
mod send;
mod transition;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use rha_base::Now;

pub(crate) use handover::Handover;
pub(crate) use hear::Heard;
pub(crate) use transition::Farewell;

use crate::config::{Checksum, Config, OWNER, Version};
use crate::event::{Action, InstanceId, Notice, Output, State, Trouble, Who};
use crate::moment::{Moment, micros};
use crate::packet::{Reject, RejectKind};
use crate::priority::{self, Effect, Tracker};
use crate::stats::Stats;

/// What a member sees of its sync group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupView {
    pub state: State,
    /// Every other member wants to be master.
    pub others_want_master: bool,
}

/// One call into an instance: when, in which surroundings, and where the outputs go.
pub(crate) struct Turn<'a> {
    pub now: Now,
    pub id: InstanceId,
    /// Lines that need `-D` are wanted.
    pub detail: bool,
    pub group: Option<GroupView>,
    /// `vrrp_startup_delay`: backup timers run from here at the earliest.
    pub not_before: Moment,
    pub out: &'a mut Vec<Output>,
}

impl Turn<'_> {
    pub fn moment(&self) -> Moment {
        Moment::from(self.now)
    }

    pub fn act(&mut self, action: Action) {
        self.out.push(Output { who: Who::Instance(self.id), action });
    }

    pub fn log(&mut self, text: String) {
        self.act(Action::Log { detail: false, text });
    }

    pub fn log_detail(&mut self, text: impl FnOnce() -> String) {
        if self.detail {
            self.act(Action::Log { detail: true, text: text() });
        }
    }
}

/// Deadlines of announcements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bursts {
    /// Second burst after becoming master.
    delayed: Moment,
    /// Second burst after a lower priority was heard.
    lower: Moment,
    /// Next refresh; looked at when an advert is sent, as in the original.
    refresh: Moment,
    /// Next announcement on other interfaces; likewise.
    extra: Moment,
}

impl Bursts {
    const NONE: Bursts =
        Bursts { delayed: Moment::NEVER, lower: Moment::NEVER, refresh: Moment::NEVER, extra: Moment::NEVER };
}

/// Which refusals were logged, so that each is logged once.
#[derive(Debug, Clone, Default)]
struct Logged {
    kinds: BTreeSet<RejectKind>,
    source: Option<IpAddr>,
}

/// The last AH sequence number of each sender.
///
/// DIFFERS: keepalived keeps one number for what it sends and what it hears from anybody, so that two masters
/// that send in step refuse each other as replays for ever. RFC 2402 §3.4.3 counts per security association,
/// and here that is the sender (its address is the SPI).
#[derive(Debug, Clone, Default)]
struct Replays(Vec<(IpAddr, u32)>);

impl Replays {
    /// Senders remembered; authenticated ones only, so there is no flood to fear.
    const MOST: usize = 32;

    fn last(&self, sender: IpAddr) -> u32 {
        self.0.iter().find(|(s, _)| *s == sender).map_or(0, |(_, sequence)| *sequence)
    }

    fn heard(&mut self, sender: IpAddr, sequence: u32) {
        self.0.retain(|(s, _)| *s != sender);
        self.0.insert(0, (sender, sequence));
        self.0.truncate(Replays::MOST);
    }
}

/// One virtual router.
#[derive(Debug, Clone)]
pub struct Instance {
    config: Config,
    state: State,
    /// What it would be without its group.
    want: State,
    since: Option<Now>,
    /// Configured priority; one less after a conflict of owners.
    base: u8,
    total: i32,
    effective: u8,
    troubles: BTreeSet<Trouble>,
    source: Option<IpAddr>,
    master: Option<IpAddr>,
    master_priority: u8,
    master_interval: Duration,
    /// Next advert of a master, master-down timer of a backup.
    deadline: Moment,
    preempt_at: Option<Moment>,
    bursts: Bursts,
    /// The addresses are on.
    holds: bool,
    ip_id: u16,
    /// When an advert was sent last.
    sent: Moment,
    /// AH sequence number sent last, or heard if that was greater.
    sequence: u32,
    replays: Replays,
    checksum: Checksum,
    logged: Logged,
    notified: bool,
    handover: Option<Handover>,
    /// Handed over: does not preempt until it is master again.
    yielded: bool,
    stats: Stats,
}

impl Instance {
    /// A settled instance that has not started.
    #[must_use]
    pub(crate) fn new(mut config: Config) -> Instance {
        config.settle();
        let total = priority::total(config.priority, &config.trackers);
        let troubles = config.faulty.then_some(Trouble::Configuration).into_iter();
        let source = config.source.or(config.learned_source);
        let troubles = troubles.chain(source.is_none().then_some(Trouble::NoSource)).collect();
        Instance {
            state: State::Init,
            want: if config.wants_master || config.is_owner() { State::Master } else { State::Backup },
            since: None,
            base: config.priority,
            total,
            effective: config.priority,
            troubles,
            source,
            master: None,
            master_priority: 0,
            master_interval: config.advert_interval,
            deadline: Moment::NEVER,
            preempt_at: None,
            bursts: Bursts::NONE,
            holds: false,
            ip_id: 0,
            sent: Moment::default(),
            sequence: 0,
            replays: Replays::default(),
            checksum: config.checksum,
            logged: Logged::default(),
            notified: false,
            handover: None,
            yielded: false,
            stats: Stats::default(),
            config,
        }
    }

    /// Its settings, settled; trackers carry their present condition.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Name in log lines.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// What it would be without its sync group ("Wantstate" of the dump).
    #[must_use]
    pub fn wanted_state(&self) -> State {
        self.want
    }

    /// Time of the last transition.
    #[must_use]
    pub fn since(&self) -> Option<Now> {
        self.since
    }

    /// Configured priority (254 after a conflict of two owners).
    #[must_use]
    pub fn base_priority(&self) -> u8 {
        self.base
    }

    /// Base and all shares, not clamped.
    #[must_use]
    pub fn total_priority(&self) -> i32 {
        self.total
    }

    /// What is advertised.
    #[must_use]
    pub fn effective_priority(&self) -> u8 {
        self.effective
    }

    /// Trackers with their present condition; `Tracker::share` says what each adds.
    #[must_use]
    pub fn trackers(&self) -> &[Tracker] {
        &self.config.trackers
    }

    /// What else keeps it from running.
    pub fn troubles(&self) -> impl Iterator<Item = Trouble> {
        self.troubles.iter().copied()
    }

    /// Number of faults: troubles and failed unweighted trackers.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.troubles.len() + self.count(Effect::Fault)
    }

    /// Whether it has a fault that is told of. COMPAT: an instance that was configured wrongly is in FAULT from the
    /// start without a line and a notice of it.
    pub(crate) fn suffers(&self) -> bool {
        let other = |t: &Trouble| *t != Trouble::Configuration;
        self.troubles.iter().any(other) || self.count(Effect::Fault) > 0
    }

    /// Number of unweighted scripts without a first result.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.count(Effect::Waiting)
    }

    /// Our address in adverts.
    #[must_use]
    pub fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// Who is master as far as heard: ourselves, another, or nobody known.
    #[must_use]
    pub fn master(&self) -> Option<IpAddr> {
        if self.state == State::Master { self.source } else { self.master }
    }

    /// Priority of the master heard last ("Master priority" of the dump); ours as master.
    #[must_use]
    pub fn master_priority(&self) -> u8 {
        if self.state == State::Master { self.effective } else { self.master_priority }
    }

    /// Priority of the master heard last, 0 when none was, whatever we are now ("master_priority" of the
    /// JSON dump).
    #[must_use]
    pub fn heard_priority(&self) -> u8 {
        self.master_priority
    }

    /// Interval by which the master-down timer counts ("Master advert interval").
    #[must_use]
    pub fn master_interval(&self) -> Duration {
        self.master_interval
    }

    /// Next advert as master, end of patience as backup; never otherwise.
    #[must_use]
    pub fn advert_deadline(&self) -> Moment {
        self.deadline
    }

    /// A peer was found to count checksums as keepalived up to 1.3.6 did, and so do we since.
    #[must_use]
    pub fn learned_old_checksum(&self) -> bool {
        self.checksum != self.config.checksum
    }

    /// When interfaces that no advert leaves by are announced on next (`garp_extra_if`).
    #[must_use]
    pub fn extra_deadline(&self) -> Moment {
        self.bursts.extra
    }

    /// The virtual addresses are on, as far as the machine ordered it.
    #[must_use]
    pub fn holds_addresses(&self) -> bool {
        self.holds
    }

    /// Being handed over: adverts have stopped, the addresses are still on.
    #[must_use]
    pub fn is_handing_over(&self) -> bool {
        self.handover.is_some()
    }

    /// Handed over before: it waits for the new master to fail.
    #[must_use]
    pub fn has_yielded(&self) -> bool {
        self.yielded
    }

    /// Greatest AH sequence number sent or heard.
    #[must_use]
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Starts counting anew (SIGRTMAX−1 of the original).
    pub(crate) fn clear_stats(&mut self) {
        self.stats = Stats::default();
    }

    /// Skew_Time: RFC 3768 §6.1 (256 − priority)/256 s; RFC 5798 §6.1 the same part of the master's interval.
    /// COMPAT: whole microseconds, the interval in whole hundredths.
    #[must_use]
    pub fn skew(&self) -> Duration {
        self.skew_of(256 - u64::from(self.effective))
    }

    fn skew_of(&self, part: u64) -> Duration {
        Duration::from_micros(match self.config.version {
            Version::V2 => part * 1_000_000 / 256,
            Version::V3 => part * (micros(self.master_interval) / 10_000) * 625 / 16,
        })
    }

    /// Master_Down_Interval: three intervals (`down_timer_adverts`) and the skew (RFC 5798 §6.1).
    #[must_use]
    pub fn down_interval(&self) -> Duration {
        self.master_interval * self.config.down_timer_adverts + self.skew()
    }

    /// When `expire` has something to do; [`Moment::NEVER`]: not by itself.
    #[must_use]
    pub(crate) fn next_deadline(&self) -> Moment {
        let handover = self.handover.as_ref().map_or(Moment::NEVER, Handover::deadline);
        self.deadline.min(self.bursts.delayed).min(self.bursts.lower).min(handover)
    }

    fn count(&self, effect: Effect) -> usize {
        self.config.trackers.iter().filter(|t| t.effect() == effect).count()
    }

    fn is_owner(&self) -> bool {
        self.base == OWNER
    }

    /// Restarts a backup's patience.
    fn arm_down(&mut self, patience: Duration, turn: &Turn<'_>) {
        self.deadline = turn.moment().max(turn.not_before).after(patience);
    }

    fn arm_advert(&mut self, turn: &Turn<'_>) {
        self.deadline = turn.moment().after(self.config.advert_interval);
    }

    /// Restarts whatever timer the state has.
    fn arm(&mut self, turn: &Turn<'_>) {
        match self.state {
            State::Master => self.arm_advert(turn),
            State::Backup => self.arm_down(self.down_interval(), turn),
            State::Init | State::Fault => self.deadline = Moment::NEVER,
        }
    }

    /// Counts a refusal and logs it unless that was done already.
    fn refuse(&mut self, reject: &Reject, source: IpAddr, turn: &mut Turn<'_>) {
        self.stats.count_reject(reject.kind());
        if !self.logged.kinds.insert(reject.kind()) {
            return;
        }
        self.logged.source = Some(source);
        if let Some(text) = reject.text(&self.config.name) {
            turn.log(text);
        }
    }

    /// Tells scripts and FIFOs of the present state, unless the group has done so already.
    /// COMPAT: once notified, a member that follows its group's state says nothing.
    fn notify_state(&mut self, turn: &mut Turn<'_>) {
        if self.notified && turn.group.is_some_and(|g| g.state == self.state) {
            return;
        }
        self.notified = true;
        let notice = match self.state {
            State::Master => Notice::Master,
            State::Backup => Notice::Backup,
            State::Fault => Notice::Fault,
            State::Init => return,
        };
        turn.act(Action::Notify { notice, priority: self.effective });
    }

    /// Recounts the priority after a tracker changed. A running master-down timer moves by the difference
    /// of the skews.
    ///
    /// DIFFERS: keepalived moves it by the difference to a full interval, which undoes a priority-0 advert
    /// heard just before (its graceful stop with BFD took 3.7 s instead of 0.7 s).
    pub(crate) fn recount(&mut self, turn: &mut Turn<'_>) {
        self.total = priority::total(self.base, &self.config.trackers);
        let new = priority::effective(self.base, self.total);
        let old = self.effective;
        if new == old {
            return;
        }
        turn.log(format!("({}) Changing effective priority from {old} to {new}", self.config.name));
        let skew = self.skew();
        self.effective = new;
        if self.state == State::Backup {
            let now_skew = self.skew();
            self.deadline = self.deadline.after(now_skew.saturating_sub(skew));
            self.deadline = self.deadline.before(skew.saturating_sub(now_skew));
        }
        if self.config.notify_priority_changes {
            let master = self.state == State::Master;
            let notice = if master { Notice::MasterPriority } else { Notice::BackupPriority };
            turn.act(Action::Notify { notice, priority: new });
        }
    }

    /// Sets a tracker's condition; what follows is [`Instance::recount`] and the faults' business.
    pub(crate) fn set_condition(&mut self, tracker: usize, condition: crate::Condition) {
        if let Some(tracker) = self.config.trackers.get_mut(tracker) {
            tracker.condition = condition;
        }
    }

    pub(crate) fn set_trouble(&mut self, trouble: Trouble, on: bool) {
        if on {
            self.troubles.insert(trouble);
        } else {
            self.troubles.remove(&trouble);
        }
    }

    pub(crate) fn set_source(&mut self, source: Option<IpAddr>) {
        self.source = source;
    }
}
