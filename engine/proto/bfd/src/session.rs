//! One session: RFC 5880 §6.8 in asynchronous mode.
//!
//! Invariants: nothing is sent that §6.8.7 forbids; a session that is not Up wants to send no faster than once a
//! second; our own discriminator never changes. Time is [`Now::mono_us`], which the wall clock cannot move; a caller
//! that was held up must first hand in the packets that wait and only then call [`Session::handle_timeout`].

use rha_base::Now;

use crate::event::{Action, Detail, Line, Severity, StateChange};
use crate::timer::Chance;
use crate::{Config, Diag, Packet, Reject, State, Stats, sm};

/// A poll sequence of ours. RFC 5880 §6.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Poll {
    Idle,
    /// Packets carry P until one with F comes.
    Active,
    /// As [`Poll::Active`], and something changed again since it began.
    Again,
}

/// State variables, for dumps and status. RFC 5880 §6.8.1; intervals in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// bfd.SessionState.
    pub state: State,
    /// bfd.RemoteSessionState.
    pub remote_state: State,
    /// bfd.LocalDiscr.
    pub local_discr: u32,
    /// bfd.RemoteDiscr.
    pub remote_discr: u32,
    /// bfd.LocalDiag.
    pub diag: Diag,
    /// The other side's.
    pub remote_diag: Diag,
    /// bfd.DesiredMinTxInterval.
    pub min_tx_us: u32,
    /// bfd.RequiredMinRxInterval.
    pub min_rx_us: u32,
    /// bfd.DetectMult.
    pub detect_mult: u8,
    /// What the other side wants to send at; 0 before the first packet.
    pub remote_min_tx_us: u32,
    /// bfd.RemoteMinRxInterval; 1 before the first packet.
    pub remote_min_rx_us: u32,
    /// The other side's; 0 before the first packet.
    pub remote_detect_mult: u8,
    /// Shortest interval at which the other side takes echo packets; 0 for none.
    pub remote_min_echo_rx_us: u32,
    /// bfd.RemoteDemandMode.
    pub remote_demand: bool,
    /// The other side's C bit.
    pub remote_control_plane_independent: bool,
    /// Whether a poll sequence of ours runs.
    pub polling: bool,
    /// Interval we send at, before jitter.
    pub tx_us: u32,
    /// Interval the other side sends at, before jitter.
    pub remote_tx_us: u32,
    /// Time without packets after which we give up; 0 before the first packet.
    pub detect_us: u64,
    /// Time without packets after which the other side gives up.
    pub remote_detect_us: u64,
    /// When the last packet was taken.
    pub last_seen: Option<Now>,
    /// Intervals as they were counted when the last packet came; keepalived dumps these, also of a session that fell.
    pub counted: Counted,
    /// When the next periodic packet is due, [`Now::mono_us`]; `None` while nothing is sent.
    pub next_tx_us: Option<u64>,
    /// When the other side is given up, or forgotten if the session is Down already.
    pub expires_us: Option<u64>,
    /// Whether the last packet could not be sent.
    pub send_failed: bool,
}

/// What follows from both sides' intervals; all 0 before the first packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Interval the other side sends at, before jitter.
    pub remote_tx_us: u32,
    /// Time without packets after which we give up.
    pub detect_us: u64,
    /// Time without packets after which the other side gives up.
    pub remote_detect_us: u64,
}

/// A session.
#[derive(Debug, Clone)]
pub struct Session {
    config: Config,
    chance: Chance,
    started: bool,
    state: State,
    remote_state: State,
    local_discr: u32,
    remote_discr: u32,
    diag: Diag,
    remote_diag: Diag,
    remote_min_tx_us: u32,
    remote_min_rx_us: u32,
    remote_detect_mult: u8,
    remote_min_echo_rx_us: u32,
    remote_demand: bool,
    remote_control_plane_independent: bool,
    poll: Poll,
    /// Our interval as far as the other side is known to know it.
    tx_us: u32,
    /// Likewise what we take.
    rx_us: u32,
    /// When the last packet left that was not an answer to a poll, and for which interval the next was set.
    last_tx_us: Option<u64>,
    armed_for_us: u32,
    next_tx_us: Option<u64>,
    expires_us: Option<u64>,
    last_seen: Option<Now>,
    counted: Counted,
    send_failed: bool,
    stats: Stats,
}

impl Session {
    /// A session that is Down and silent until [`Session::start`].
    ///
    /// `discriminator` is unique on this node, not 0 (0 counts as 1), and better not guessable; `seed` moves the
    /// jitter.
    #[must_use]
    pub fn new(config: Config, discriminator: u32, seed: u64) -> Session {
        Session {
            chance: Chance::new(seed),
            started: false,
            state: State::Down,
            remote_state: State::Down,
            local_discr: discriminator.max(1),
            remote_discr: 0,
            diag: Diag::NONE,
            remote_diag: Diag::NONE,
            remote_min_tx_us: 0,
            remote_min_rx_us: 1,
            remote_detect_mult: 0,
            remote_min_echo_rx_us: 0,
            remote_demand: false,
            remote_control_plane_independent: false,
            poll: Poll::Idle,
            tx_us: config.idle_tx_us(),
            rx_us: config.min_rx_us,
            last_tx_us: None,
            armed_for_us: 0,
            next_tx_us: None,
            expires_us: None,
            last_seen: None,
            counted: Counted::default(),
            send_failed: false,
            stats: Stats::default(),
            config,
        }
    }

    /// Begins: in the active role the first packet leaves at once.
    pub fn start(&mut self, now: Now, out: &mut Vec<Action>) {
        if !self.started {
            self.started = true;
            self.speak(now, out);
        }
    }

    /// When to call [`Session::handle_timeout`] next, [`Now::mono_us`]. May change with every call.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        match (self.next_tx_us, self.expires_us) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Does what is due: detection first, then the periodic packet.
    pub fn handle_timeout(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.expires_us.is_some_and(|at| at <= now.mono_us) {
            self.expire(now, out);
        }
        if self.next_tx_us.is_some_and(|at| at <= now.mono_us) {
            self.speak(now, out);
        }
    }

    /// Takes a packet that [`crate::Demux`] gave to this session; `ttl` is its TTL or hop limit, if known.
    ///
    /// # Errors
    /// Why it was not taken; nothing has changed then, but for what AdminDown still notes (RFC 5880 §6.8.6).
    pub fn handle_packet(
        &mut self,
        now: Now,
        packet: &Packet,
        ttl: Option<u8>,
        out: &mut Vec<Action>,
    ) -> Result<(), Reject> {
        let taken = self.take(now, packet, ttl, out);
        match taken {
            Ok(()) => self.stats.received += 1,
            Err(_) => self.stats.rejected += 1,
        }
        taken
    }

    /// An operator holds the session down. RFC 5880 §6.8.16.
    pub fn admin_down(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.state == State::AdminDown {
            return;
        }
        self.diag = Diag::ADMIN_DOWN;
        let text = format!("({}) Entering {} state", self.config.name, State::AdminDown);
        self.log(Severity::Warning, Detail::Plain, out, text);
        // COMPAT: keepalived's own AdminDown is not told to VRRP
        self.leave(State::AdminDown, false, out);
        self.speak(now, out);
    }

    /// The operator lets go: the session starts from Down.
    pub fn admin_up(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.state == State::AdminDown {
            self.change(State::Down, false, out);
            self.speak(now, out);
        }
    }

    /// The path is known to be broken, for instance because its interface went down.
    pub fn path_down(&mut self, now: Now, out: &mut Vec<Action>) {
        if matches!(self.state, State::Init | State::Up) {
            self.fall(Diag::PATH_DOWN, out);
            self.speak(now, out);
        }
    }

    /// Other settings from now on. While Up, changed intervals are negotiated by a poll sequence: we send slower or
    /// expect packets sooner only once the other side knows (RFC 5880 §6.8.3).
    pub fn reconfigure(&mut self, now: Now, config: Config, out: &mut Vec<Action>) {
        let before = self.packet();
        let intervals = (self.config.min_tx_us, self.config.min_rx_us);
        self.config = config;
        if self.state == State::Up {
            if intervals != (self.config.min_tx_us, self.config.min_rx_us) {
                self.start_poll(out);
            }
            self.tx_us = self.tx_us.min(self.config.min_tx_us);
            self.rx_us = self.rx_us.max(self.config.min_rx_us);
        } else {
            self.settle();
        }
        if self.packet() != before && self.started {
            self.speak(now, out);
        } else {
            self.arm(now);
        }
    }

    /// Tells how sending went; what failed is logged once until it works again.
    pub fn note_sent(&mut self, result: Result<(), &str>, out: &mut Vec<Action>) {
        if let Err(why) = result
            && !self.send_failed
        {
            self.log(Severity::Error, Detail::Plain, out, format!("sendto() error ({why})"));
            let text = format!("({}) Error sending packet", self.config.name);
            self.log(Severity::Error, Detail::Plain, out, text);
        }
        self.send_failed = result.is_err();
    }

    /// Settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// State.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Our discriminator.
    #[must_use]
    pub fn discriminator(&self) -> u32 {
        self.local_discr
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// State variables.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts {
            state: self.state,
            remote_state: self.remote_state,
            local_discr: self.local_discr,
            remote_discr: self.remote_discr,
            diag: self.diag,
            remote_diag: self.remote_diag,
            min_tx_us: self.desired_tx_us(),
            min_rx_us: self.config.min_rx_us,
            detect_mult: self.config.detect_mult(),
            remote_min_tx_us: self.remote_min_tx_us,
            remote_min_rx_us: self.remote_min_rx_us,
            remote_detect_mult: self.remote_detect_mult,
            remote_min_echo_rx_us: self.remote_min_echo_rx_us,
            remote_demand: self.remote_demand,
            remote_control_plane_independent: self.remote_control_plane_independent,
            polling: self.poll != Poll::Idle,
            tx_us: self.interval_us(),
            remote_tx_us: self.remote_interval_us(),
            detect_us: self.detect_us(),
            remote_detect_us: u64::from(self.config.detect_mult()) * u64::from(self.interval_us()),
            last_seen: self.last_seen,
            counted: self.counted,
            next_tx_us: self.next_tx_us,
            expires_us: self.expires_us,
            send_failed: self.send_failed,
        }
    }

    // RFC 5880 §6.8.6, from "If the A bit is set" on; what comes before it are Packet::decode and Demux.
    fn take(
        &mut self,
        now: Now,
        packet: &Packet,
        ttl: Option<u8>,
        out: &mut Vec<Action>,
    ) -> Result<(), Reject> {
        // RFC 5881 §5, RFC 5082
        if let Some(ttl) = ttl.filter(|&ttl| ttl < self.config.min_ttl) {
            return Err(Reject::Ttl { ttl, least: self.config.min_ttl });
        }
        if packet.auth.is_some() {
            return Err(Reject::Auth);
        }
        if !self.started || self.state == State::AdminDown && !self.config.signal_admin_down {
            return Err(Reject::AdminDown);
        }
        let before = self.facts();
        self.note(packet);
        if (self.state, packet.state) == (State::Init, State::Up) {
            // it will be Up in a moment; COMPAT: keepalived's table of timers shows that already
            self.tx_us = self.tx_us.min(self.config.min_tx_us);
        }
        if packet.final_ {
            self.end_poll(out);
        }
        self.tell_timers(&before, out);
        self.counted = Counted {
            remote_tx_us: self.remote_interval_us(),
            detect_us: self.detect_us(),
            remote_detect_us: u64::from(self.config.detect_mult()) * u64::from(self.interval_us()),
        };
        if self.state == State::AdminDown {
            self.arm(now);
            return Err(Reject::AdminDown);
        }
        let changed = self.step(packet.state, out);
        self.last_seen = Some(now);
        self.watch(now);
        if packet.poll {
            let answer = Packet { poll: false, final_: true, ..self.packet() };
            self.send(answer, out);
        }
        // RFC 5880 §6.8.7: a change of state should not wait for the next periodic packet
        if changed && !packet.poll {
            self.speak(now, out);
        } else {
            self.arm(now);
        }
        Ok(())
    }

    fn note(&mut self, packet: &Packet) {
        self.remote_discr = packet.my_discr;
        self.remote_state = packet.state;
        self.remote_diag = packet.diag;
        self.remote_demand = packet.demand;
        self.remote_min_echo_rx_us = packet.required_min_echo_rx_us;
        self.remote_control_plane_independent = packet.control_plane_independent;
        self.remote_min_rx_us = packet.required_min_rx_us;
        self.remote_min_tx_us = packet.desired_min_tx_us;
        self.remote_detect_mult = packet.detect_mult;
    }

    /// What the other side's state does to ours; whether that changed.
    fn step(&mut self, received: State, out: &mut Vec<Action>) -> bool {
        match sm::next(self.state, received) {
            None => false,
            Some((State::Down | State::AdminDown, diag)) => {
                self.fall(diag, out);
                true
            }
            Some((to, diag)) => {
                self.diag = diag;
                self.rise(to, out);
                true
            }
        }
    }

    fn rise(&mut self, to: State, out: &mut Vec<Action>) {
        let detail = if to == State::Up { Detail::Plain } else { Detail::Extra };
        self.log(Severity::Info, detail, out, format!("({}) Entering {to} state", self.config.name));
        self.change(to, to == State::Up, out);
        if to == State::Up {
            self.stats.ups += 1;
            self.tx_us = self.tx_us.min(self.config.min_tx_us);
            if self.config.idle_tx_us() != self.config.min_tx_us {
                self.start_poll(out);
            }
        }
    }

    /// RFC 5880 §6.8.4: too long without a packet. In Down, only the other side's discriminator is forgotten.
    fn expire(&mut self, now: Now, out: &mut Vec<Action>) {
        let due = self.expires_us.take().unwrap_or(now.mono_us);
        self.remote_discr = 0;
        if matches!(self.state, State::Init | State::Up) {
            let seen = self.last_seen.map_or(now.mono_us, |seen| seen.mono_us);
            let silent_ms = now.mono_us.saturating_sub(seen) / 1000;
            let overdue = now.mono_us.saturating_sub(due);
            let detail = if self.state == State::Up { Detail::Plain } else { Detail::Extra };
            let text =
                format!("({}) Expired after {silent_ms} ms ({overdue} usec overdue)", self.config.name);
            self.log(Severity::Warning, detail, out, text);
            self.fall(Diag::EXPIRED, out);
            // nothing is known of the other side any more
            self.remote_state = State::Down;
            self.remote_diag = Diag::NONE;
            self.speak(now, out);
        } else {
            self.remote_state = State::Down;
            self.arm(now);
        }
    }

    fn fall(&mut self, diag: Diag, out: &mut Vec<Action>) {
        self.diag = diag;
        let detail = if self.state == State::Up { Detail::Plain } else { Detail::Extra };
        let text = format!(
            "({}) Entering {} state (Local diagnostic - {diag}, Remote diagnostic - {})",
            self.config.name,
            State::Down,
            self.remote_diag
        );
        self.log(Severity::Warning, detail, out, text);
        // COMPAT: what the other side's operator did is not told
        let told = self.state == State::Up && self.remote_state != State::AdminDown;
        self.leave(State::Down, told, out);
    }

    fn leave(&mut self, to: State, told: bool, out: &mut Vec<Action>) {
        if self.state == State::Up {
            self.stats.downs += 1;
        }
        self.change(to, told, out);
        self.poll = Poll::Idle;
        self.settle();
    }

    fn change(&mut self, to: State, told: bool, out: &mut Vec<Action>) {
        let from = std::mem::replace(&mut self.state, to);
        let change = StateChange { from, to, diag: self.diag, remote_diag: self.remote_diag, told };
        out.push(Action::Changed(change));
    }

    /// Intervals become what was asked for: nothing is negotiated while the session is not Up.
    fn settle(&mut self) {
        self.tx_us = self.desired_tx_us();
        self.rx_us = self.config.min_rx_us;
    }

    fn start_poll(&mut self, out: &mut Vec<Action>) {
        let text = format!("({}) Starting poll sequence", self.config.name);
        self.log(Severity::Info, Detail::Detail, out, text);
        self.poll = if self.poll == Poll::Idle { Poll::Active } else { Poll::Again };
    }

    fn end_poll(&mut self, out: &mut Vec<Action>) {
        match self.poll {
            Poll::Idle => {}
            Poll::Active => {
                self.poll = Poll::Idle;
                self.settle();
            }
            Poll::Again => {
                self.poll = Poll::Idle;
                self.start_poll(out);
            }
        }
    }

    /// bfd.DesiredMinTxInterval.
    fn desired_tx_us(&self) -> u32 {
        if self.state == State::Up { self.config.min_tx_us } else { self.config.idle_tx_us() }
    }

    fn interval_us(&self) -> u32 {
        self.tx_us.max(self.remote_min_rx_us)
    }

    fn remote_interval_us(&self) -> u32 {
        self.rx_us.max(self.remote_min_tx_us)
    }

    fn detect_us(&self) -> u64 {
        u64::from(self.remote_detect_mult) * u64::from(self.remote_interval_us())
    }

    /// Waits for the next packet; without end if we asked the other side to send none.
    fn watch(&mut self, now: Now) {
        let detect = self.detect_us();
        self.expires_us = (self.rx_us > 0 && detect > 0).then(|| now.mono_us.saturating_add(detect));
    }

    /// Whether packets are sent periodically. RFC 5880 §6.8.7.
    fn speaks(&self) -> bool {
        let spoken_to = self.remote_discr != 0 || !self.config.passive;
        let both_up = self.state == State::Up && self.remote_state == State::Up;
        let silenced = self.remote_demand && both_up && self.poll == Poll::Idle;
        let held = self.state == State::AdminDown && !self.config.signal_admin_down;
        self.started && spoken_to && self.remote_min_rx_us != 0 && !silenced && !held
    }

    /// Sends now if anything may be sent, and sets the timer.
    fn speak(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.speaks() {
            self.send(self.packet(), out);
            self.last_tx_us = Some(now.mono_us);
            self.next_tx_us = None;
        }
        self.arm(now);
    }

    fn send(&mut self, packet: Packet, out: &mut Vec<Action>) {
        self.stats.sent += 1;
        out.push(Action::Send(packet));
    }

    /// Sets the timer of the next periodic packet; one that is set is only moved for a shorter interval.
    fn arm(&mut self, now: Now) {
        if !self.speaks() {
            self.next_tx_us = None;
            return;
        }
        let interval = self.interval_us();
        if self.next_tx_us.is_some() && interval >= self.armed_for_us {
            return;
        }
        self.armed_for_us = interval;
        let wait = self.chance.jittered(interval, self.config.detect_mult()).max(1);
        let from = self.last_tx_us.unwrap_or(now.mono_us).min(now.mono_us);
        let due = from.saturating_add(wait).max(now.mono_us);
        self.next_tx_us = Some(self.next_tx_us.map_or(due, |set| set.min(due)));
    }

    fn packet(&self) -> Packet {
        Packet {
            diag: self.diag,
            state: self.state,
            poll: self.poll != Poll::Idle,
            final_: false,
            control_plane_independent: self.config.control_plane_independent,
            demand: false,
            detect_mult: self.config.detect_mult(),
            my_discr: self.local_discr,
            your_discr: self.remote_discr,
            desired_min_tx_us: self.desired_tx_us(),
            required_min_rx_us: self.config.min_rx_us,
            required_min_echo_rx_us: self.config.min_echo_rx_us,
            auth: None,
        }
    }

    fn log(&self, severity: Severity, detail: Detail, out: &mut Vec<Action>, text: String) {
        if detail <= self.config.verbosity {
            out.push(Action::Log(Line { severity, detail, text }));
        }
    }

    /// keepalived's table of timers, and its line about the detection time.
    fn tell_timers(&self, before: &Facts, out: &mut Vec<Action>) {
        let f = self.facts();
        let timers = |f: &Facts| (f.remote_min_rx_us, f.remote_min_tx_us, f.remote_detect_mult, f.tx_us);
        let detail = if timers(&f) == timers(before) { Detail::Extra } else { Detail::Detail };
        let indent = self.config.name.len() + 2;
        if detail <= self.config.verbosity {
            for text in [
                format!("({}) ---------------< Session parameters >--------------", self.config.name),
                format!("{:indent$}          min_tx  min_rx  tx_intv  mult  detect_time", ""),
                format!(
                    "{:indent$} local  {:>8} {:>7} {:>8} {:>5} {:>12}",
                    "", f.min_tx_us, f.min_rx_us, f.tx_us, f.detect_mult, f.detect_us
                ),
                format!(
                    "{:indent$} remote {:>8} {:>7} {:>8} {:>5} {:>12}",
                    "",
                    f.remote_min_tx_us,
                    f.remote_min_rx_us,
                    f.remote_tx_us,
                    f.remote_detect_mult,
                    f.remote_detect_us
                ),
            ] {
                self.log(Severity::Info, detail, out, text);
            }
        }
        if f.detect_us != before.detect_us {
            let text =
                format!("{:indent$} Detection time is {} us (was {} us)", "", f.detect_us, before.detect_us);
            self.log(Severity::Info, Detail::Plain, out, text);
        }
    }
}

#[cfg(test)]
mod tests;
