//! Changes of state of one instance, in the order in which the original acts and speaks.

use std::time::Duration;

use super::{Bursts, Instance, Turn};
use crate::config::Version;
use crate::event::{Action, Notice, State};
use crate::moment::Moment;

/// Whether leaving MASTER tells the others by itself; FAULT always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// Nothing more than the state asks for.
    Silent,
    /// A priority-0 advert.
    PriorityZero,
}

impl Instance {
    /// Takes addresses off that an earlier run may have left; before `start`.
    pub(crate) fn clean_up(&mut self, turn: &mut Turn<'_>) {
        self.release(true, turn);
    }

    /// RFC 5798 §6.4.1: the owner becomes master at once (COMPAT: by a timer of 1 µs), others listen first.
    /// COMPAT: `state MASTER` below priority 255 changes nothing. While the group is in FAULT or INIT, or
    /// scripts have not finished, the instance is in FAULT without a word.
    pub(crate) fn start(&mut self, turn: &mut Turn<'_>) {
        let group = turn.group.map(|group| group.state);
        let held = matches!(group, Some(State::Fault | State::Init)) || self.waiting() + self.faults() > 0;
        let group_is_owner = group.is_none_or(|state| state == State::Master);
        if !held && self.is_owner() && self.want == State::Master && group_is_owner {
            self.state = State::Backup;
            self.arm_down(Duration::from_micros(1), turn);
            return;
        }
        self.release(false, turn);
        if held {
            self.state = State::Fault;
            self.deadline = Moment::NEVER;
        } else {
            turn.log(format!("({}) Entering BACKUP STATE (init)", self.config.name));
            self.state = State::Backup;
            self.arm_down(self.down_interval(), turn);
            self.notify_state(turn);
        }
        self.since = Some(turn.now);
    }

    /// At start the router found a fault: log lines are its own, the state is ours.
    pub(crate) fn start_in_fault(&mut self, turn: &mut Turn<'_>) {
        self.state = State::Fault;
        self.want = State::Fault;
        self.since = Some(turn.now);
        turn.log(format!("({}) entering FAULT state", self.config.name));
        self.notify_state(turn);
    }

    /// A timer of this instance ran out.
    pub(crate) fn expire(&mut self, turn: &mut Turn<'_>) {
        self.expire_handover(turn);
        if self.deadline <= turn.moment() {
            match self.state {
                // RFC 5798 §6.4.2 (350): Master_Down_Timer fires
                State::Backup => self.master_down(turn),
                // RFC 5798 §6.4.3 (605): Adver_Timer fires
                State::Master => self.master_tick(turn),
                State::Init | State::Fault => self.deadline = Moment::NEVER,
            }
        }
        self.expire_bursts(turn);
    }

    fn master_down(&mut self, turn: &mut Turn<'_>) {
        turn.log_detail(|| format!("({}) Receive advertisement timeout", self.config.name));
        self.want = State::Master;
        self.go_master(turn);
        if self.state == State::Backup {
            self.arm_down(self.down_interval(), turn); // the group waits for its other members
        }
    }

    /// `timer_expired_backup`: our timer is so late that another may have become master since our last advert
    /// (RFC 5798 §6.1: Master_Down_Interval, of a backup with the priority configured).
    pub(super) fn gives_way_when_late(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some(priority) = self.config.expired_backup.filter(|_| self.holds) else { return false };
        let patience = self.config.advert_interval * 3 + self.skew_of(256 - u64::from(priority));
        let now = turn.moment();
        if self.sent.after(patience) > now {
            return false;
        }
        let late = now.since(self.deadline);
        let (seconds, micros) = (late.as_secs(), late.subsec_micros());
        turn.log(format!("VRRP thread timer expired {seconds}.{micros:06} seconds ago"));
        self.want = State::Backup;
        self.leave_master(Farewell::Silent, turn);
        true
    }

    fn master_tick(&mut self, turn: &mut Turn<'_>) {
        if self.gives_way_when_late(turn) {
            return;
        }
        self.send_advert(self.effective, turn);
        if self.holds {
            self.refresh(turn);
        } else {
            self.become_master(turn);
        }
        self.arm_advert(turn);
    }

    /// BACKUP → MASTER, if the group lets us (RFC 5798 §6.4.2 (355)–(395)).
    pub(crate) fn go_master(&mut self, turn: &mut Turn<'_>) {
        let allowed = turn.group.is_none_or(|g| g.state == State::Master || g.others_want_master);
        if !allowed {
            self.want = State::Master;
            return;
        }
        self.state = State::Master;
        self.yielded = false;
        self.handover = None;
        self.logged = super::Logged::default();
        // COMPAT: the advert first, so that an old master takes its addresses off before we announce ours
        self.master_tick(turn);
    }

    /// Addresses on, neighbours told.
    fn become_master(&mut self, turn: &mut Turn<'_>) {
        turn.log(format!("({}) Entering MASTER STATE", self.config.name));
        self.stats.became_master += 1;
        self.adopt_own_interval(turn);
        self.hold(turn);
        self.announce_mastership(turn);
        self.notify_state(turn);
        self.since = Some(turn.now);
    }

    /// As master our own interval counts again, not the one adopted as backup.
    fn adopt_own_interval(&mut self, turn: &mut Turn<'_>) {
        let (adopted, own) = (self.master_interval, self.config.advert_interval);
        if self.config.version == Version::V3 && adopted != own {
            turn.log_detail(|| {
                format!(
                    "({}) changing advert interval from {}ms to locally configured {}ms",
                    self.config.name,
                    adopted.as_millis(),
                    own.as_millis()
                )
            });
        }
        self.master_interval = own;
    }

    /// Puts rules, addresses and routes on.
    fn hold(&mut self, turn: &mut Turn<'_>) {
        let name = &self.config.name;
        if self.blocks_traffic() {
            turn.log_detail(|| format!("({name}) setting firewall drop rule"));
            turn.act(Action::SetDropRule);
        }
        if !self.config.addresses.is_empty() {
            turn.log_detail(|| format!("({name}) setting VIPs."));
        }
        if !self.config.excluded.is_empty() {
            turn.log_detail(|| format!("({name}) setting E-VIPs."));
        }
        turn.act(Action::AddAddresses);
        self.holds = true;
        if self.config.has_routes {
            turn.log_detail(|| format!("({name}) setting Virtual Routes"));
            turn.act(Action::AddRoutes);
        }
        if self.config.has_rules {
            turn.log_detail(|| format!("({name}) setting Virtual Rules"));
            turn.act(Action::AddRules);
        }
    }

    /// Takes rules, routes and addresses off; the latter only if they are on, or by force.
    fn release(&mut self, force: bool, turn: &mut Turn<'_>) {
        let name = &self.config.name;
        if self.config.has_rules {
            turn.log_detail(|| format!("({name}) removing Virtual Rules"));
            turn.act(Action::RemoveRules);
        }
        if self.config.has_routes {
            turn.log_detail(|| format!("({name}) removing Virtual Routes"));
            turn.act(Action::RemoveRoutes);
        }
        self.bursts = Bursts::NONE; // DIFFERS: keepalived's second burst outlives the mastership it was for
        if !force && !self.holds {
            return;
        }
        if !self.config.addresses.is_empty() {
            turn.log_detail(|| format!("({name}) removing VIPs."));
        }
        if !self.config.excluded.is_empty() {
            turn.log_detail(|| format!("({name}) removing E-VIPs."));
        }
        turn.act(Action::RemoveAddresses { force });
        if self.blocks_traffic() {
            turn.log_detail(|| format!("({name}) removing firewall drop rule"));
            turn.act(Action::RemoveDropRule);
        }
        self.holds = false;
    }

    /// Accept_Mode false and not the owner (RFC 5798 §6.1).
    fn blocks_traffic(&self) -> bool {
        !self.config.accept && !self.is_owner()
    }

    /// MASTER → BACKUP or FAULT, whichever is wanted.
    pub(crate) fn leave_master(&mut self, farewell: Farewell, turn: &mut Turn<'_>) {
        self.logged = super::Logged::default();
        if self.handover.take().is_some() {
            turn.act(Action::HandoverFailed); // something else ended our term first
        }
        let to = if self.want == State::Fault { State::Fault } else { State::Backup };
        turn.log(format!("({}) Entering {} STATE", self.config.name, to.name()));
        if to == State::Backup {
            self.preempt_at = None;
        } else {
            self.send_advert(0, turn); // COMPAT: not counted as sent with priority 0, and sent again below
        }
        if farewell == Farewell::PriorityZero {
            self.send_priority_zero(turn);
        }
        self.release(false, turn);
        self.want = to;
        self.state = to;
        self.notify_state(turn);
        self.arm(turn);
        self.stats.released_master += 1;
        self.since = Some(turn.now);
    }

    /// To the wanted state from FAULT, or from BACKUP into it.
    pub(crate) fn leave_fault(&mut self, turn: &mut Turn<'_>) {
        if self.want == State::Master {
            self.go_master(turn);
        } else {
            if self.state != self.want {
                turn.log(format!("({}) Entering {} STATE", self.config.name, self.want.name()));
            }
            self.state = self.want;
            self.notify_state(turn);
            if self.state == State::Backup {
                self.preempt_at = None;
            }
        }
        self.master_interval = self.config.advert_interval;
        self.arm(turn);
        self.since = Some(turn.now);
    }

    /// A fault appeared.
    pub(crate) fn go_fault(&mut self, farewell: Farewell, turn: &mut Turn<'_>) {
        self.want = State::Fault;
        if self.state == State::Master {
            self.leave_master(farewell, turn);
        } else {
            self.leave_fault(turn);
        }
    }

    /// The group drags a member to FAULT. COMPAT: a member that is no master says nothing in the log.
    pub(crate) fn follow_into_fault(&mut self, turn: &mut Turn<'_>) {
        if self.state != State::Master {
            self.state = State::Fault;
        }
        self.go_fault(Farewell::Silent, turn);
    }

    /// The group drags a member to BACKUP.
    pub(crate) fn go_backup(&mut self, farewell: Farewell, turn: &mut Turn<'_>) {
        self.want = State::Backup;
        if self.state == State::Master {
            self.leave_master(farewell, turn);
        } else {
            self.leave_fault(turn);
        }
    }

    /// Somebody took one of our addresses off: give up and come back after the skew alone.
    pub(crate) fn lose_address(&mut self, turn: &mut Turn<'_>) {
        if self.state != State::Master {
            return;
        }
        self.go_backup(Farewell::PriorityZero, turn);
        self.arm_down(self.skew(), turn);
    }

    /// Sets what the instance wants, without acting on it.
    pub(crate) fn set_want(&mut self, want: State) {
        self.want = want;
    }

    /// The want of an instance whose last fault went: the owner may still want MASTER from its start.
    pub(crate) fn want_after_fault(&self) -> State {
        if self.want == State::Master && self.is_owner() { State::Master } else { State::Backup }
    }

    /// RFC 5798 §6.4.2 (330), §6.4.3 (640): Shutdown. First half: let go.
    pub(crate) fn stop(&mut self, turn: &mut Turn<'_>) {
        if self.state == State::Master {
            self.send_priority_zero(turn);
            self.release(false, turn);
        }
        self.deadline = Moment::NEVER;
        self.bursts = Bursts::NONE;
        self.handover = None;
    }

    /// Second half, when all instances have let go: tell.
    pub(crate) fn notify_stop(&mut self, turn: &mut Turn<'_>) {
        self.state = State::Init;
        turn.act(Action::Notify { notice: Notice::Stop, priority: self.effective });
    }

    /// A reload removed this instance. COMPAT: told as FAULT unless `notify_deleted`.
    pub(crate) fn delete(&mut self, turn: &mut Turn<'_>) {
        let was_fault = self.state == State::Fault;
        self.stop(turn);
        let notice = if self.config.notify_deleted { Notice::Deleted } else { Notice::Fault };
        if self.config.notify_deleted || !was_fault {
            turn.act(Action::Notify { notice, priority: self.effective });
        }
    }

    /// Takes over what an older instance of the same router knows; the reload's own part. Trackers must
    /// already carry their present condition.
    ///
    /// A master stays master and sends an advert at once; a backup starts its timer anew.
    pub(crate) fn succeed(&mut self, old: Instance, turn: &mut Turn<'_>) {
        self.stats = old.stats;
        self.sequence = old.sequence;
        self.sent = old.sent;
        self.replays = old.replays;
        self.ip_id = old.ip_id;
        self.notified = old.notified;
        self.since = old.since;
        self.master = old.master;
        self.master_priority = old.master_priority;
        self.yielded = old.yielded;
        self.bursts = old.bursts;
        self.holds = old.holds;
        if self.config.source.is_none() {
            self.source = old.source;
            self.set_trouble(crate::Trouble::NoSource, old.source.is_none());
        }
        for trouble in [crate::Trouble::InterfaceDown, crate::Trouble::RouteLost] {
            self.set_trouble(trouble, old.troubles.contains(&trouble));
        }
        if self.config.dont_track_primary {
            self.set_trouble(crate::Trouble::InterfaceDown, false);
        }
        self.recount(turn);
        self.state = old.state;
        self.want = old.state;
        if self.holds {
            self.replace_addresses(old.config, turn);
        }
        self.handover = old.handover;
        match self.state {
            State::Master if self.handover.is_some() => self.deadline = Moment::NEVER,
            State::Master => self.deadline = turn.moment(),
            State::Backup => self.arm_down(self.down_interval(), turn),
            State::Init | State::Fault => self.deadline = Moment::NEVER,
        }
    }

    /// The addresses of a master after a reload: changed ones change, new ones are announced with all others.
    fn replace_addresses(&mut self, old: crate::Config, turn: &mut Turn<'_>) {
        let added = self.config.vips().any(|vip| old.vips().all(|had| had != vip));
        let drops_now = self.blocks_traffic();
        let dropped = !old.accept && !old.is_owner();
        if drops_now && !dropped {
            turn.act(Action::SetDropRule);
        }
        let (name, had_routes, had_rules) = (self.config.name.clone(), old.has_routes, old.has_rules);
        turn.act(Action::ReplaceAddresses { old: Box::new(old) });
        if !self.config.addresses.is_empty() {
            turn.log_detail(|| format!("({name}) setting VIPs."));
        }
        if !self.config.excluded.is_empty() {
            turn.log_detail(|| format!("({name}) setting E-VIPs."));
        }
        if self.config.has_routes || had_routes {
            turn.log_detail(|| format!("({name}) setting Virtual Routes"));
            turn.act(Action::AddRoutes);
        }
        if self.config.has_rules || had_rules {
            turn.log_detail(|| format!("({name}) setting Virtual Rules"));
            turn.act(Action::AddRules);
        }
        if dropped && !drops_now {
            turn.act(Action::RemoveDropRule);
        }
        if added {
            self.announce(self.config.garp.repeat, turn);
        }
    }
}
