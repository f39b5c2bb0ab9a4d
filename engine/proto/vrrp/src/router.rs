//! All instances and sync groups of a node: the only place that moves one instance because of another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rha_base::Now;

use crate::config::{Config, Family, OWNER, Target};
use crate::event::{Action, GroupId, Input, InstanceId, Notice, Output, State, Trouble, Who};
use crate::group::{Group, GroupConfig};
use crate::instance::{Farewell, GroupView, Heard, Instance, Turn};
use crate::moment::Moment;
use crate::packet::{Datagram, Frame, Reject};
use crate::priority::{Condition, Effect, TrackerKind};

/// Everything the machine runs on.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Instances in the order of the file.
    pub instances: Vec<Config>,
    /// Sync groups in the order of the file.
    pub groups: Vec<GroupConfig>,
    /// `-D`: produce the lines that need it.
    pub detail: bool,
    /// `vrrp_startup_delay`.
    pub startup_delay: Duration,
}

/// The instances of one node.
#[derive(Debug)]
pub struct Router {
    instances: Vec<Instance>,
    groups: Vec<Group>,
    group_of: Vec<Option<GroupId>>,
    by_vrid: BTreeMap<(u8, Family), Vec<InstanceId>>,
    detail: bool,
    startup_delay: Duration,
    not_before: Moment,
    /// Deadlines of all instances that have one, and which they are.
    timers: BTreeSet<(Moment, InstanceId)>,
    armed: Vec<Moment>,
}

/// What blocks an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Health {
    blocked: bool,
    waiting: bool,
}

impl Health {
    fn of(instance: &Instance) -> Health {
        Health { blocked: instance.faults() > 0, waiting: instance.waiting() > 0 }
    }
}

impl Router {
    /// Instances that have not started.
    #[must_use]
    pub fn new(plan: Plan) -> Router {
        let mut router = Router {
            instances: plan.instances.into_iter().map(Instance::new).collect(),
            groups: Vec::new(),
            group_of: Vec::new(),
            by_vrid: BTreeMap::new(),
            detail: plan.detail,
            startup_delay: plan.startup_delay,
            not_before: Moment::default(),
            timers: BTreeSet::new(),
            armed: Vec::new(),
        };
        router.group_of = vec![None; router.instances.len()];
        router.armed = vec![Moment::NEVER; router.instances.len()];
        for (place, instance) in router.instances.iter().enumerate() {
            let key = (instance.config().vrid, instance.config().family);
            router.by_vrid.entry(key).or_default().push(InstanceId(place));
        }
        for config in plan.groups {
            router.form_group(config);
        }
        router
    }

    fn form_group(&mut self, config: GroupConfig) {
        let id = GroupId(self.groups.len());
        let mut members = Vec::new();
        for name in &config.members {
            let found = self.find(name).filter(|m| self.group_id(*m).is_none());
            if let Some(member) = found
                && let Some(slot) = self.group_of.get_mut(member.0)
            {
                *slot = Some(id);
                members.push(member);
            }
        }
        self.groups.push(Group { config, members, state: State::Init });
    }

    /// All instances; the place is the [`InstanceId`].
    #[must_use]
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// One of them.
    #[must_use]
    pub fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.get(id.0)
    }

    /// All sync groups; the place is the [`GroupId`].
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The group of an instance.
    #[must_use]
    pub fn group_id(&self, member: InstanceId) -> Option<GroupId> {
        self.group_of.get(member.0).copied().flatten()
    }

    /// The instance of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<InstanceId> {
        self.instances.iter().position(|i| i.name() == name).map(InstanceId)
    }

    /// Whose packet this is: router id, family and interface must fit; among several, the group address or
    /// the unicast peer decides. `None`: an unknown router id (`log_unknown_vrids`).
    #[must_use]
    pub fn recipient(&self, interface: &str, datagram: Datagram<'_>) -> Option<InstanceId> {
        let frame = Frame::parse(datagram).ok()?;
        let candidates = self.by_vrid.get(&(frame.vrid, frame.family))?;
        let on_interface = |id: &&InstanceId| {
            self.instance(**id)
                .is_some_and(|i| i.config().interface == interface || i.config().interface.is_empty())
        };
        let fits = |id: &&InstanceId| {
            self.instance(**id).is_some_and(|i| match &i.config().target {
                Target::Multicast(group) => frame.destination == Some(*group),
                Target::Unicast { peers, .. } => {
                    frame.is_multicast() == Some(false) && peers.iter().any(|p| p.address == frame.source)
                }
            })
        };
        let exact = candidates.iter().filter(on_interface).find(fits);
        exact.or_else(|| candidates.iter().find(on_interface)).copied()
    }

    /// When [`Router::expire`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Moment {
        self.timers.first().map_or(Moment::NEVER, |(moment, _)| *moment)
    }

    /// Before anything else: takes off what an earlier run may have left.
    pub fn clean_up(&mut self, now: Now, out: &mut Vec<Output>) {
        for id in self.ids() {
            self.with(id, now, out, |i, t| i.clean_up(t));
        }
    }

    /// RFC 5798 §6.4.1. Until then inputs only set conditions.
    pub fn start(&mut self, now: Now, out: &mut Vec<Output>) {
        self.not_before = match self.startup_delay {
            Duration::ZERO => Moment::default(),
            delay => Moment::from(now).after(delay),
        };
        self.begin(&self.ids(), now, out);
    }

    /// Starts these instances: faults first, then groups, then each.
    fn begin(&mut self, ids: &[InstanceId], now: Now, out: &mut Vec<Output>) {
        for id in ids {
            self.explain_faults(*id, out);
            self.with(*id, now, out, |i, t| i.recount(t));
        }
        self.settle_groups(out);
        for id in ids {
            let group_faulty = self.group_state(*id) == Some(State::Fault);
            if group_faulty || self.instance(*id).is_some_and(Instance::suffers) {
                self.with(*id, now, out, |i, t| i.start_in_fault(t));
            }
        }
        for place in 0..self.groups.len() {
            self.notify_group_at_start(GroupId(place), out);
        }
        for id in ids {
            self.with(*id, now, out, |i, t| i.start(t));
        }
    }

    /// The lines that say what is wrong at start.
    fn explain_faults(&self, id: InstanceId, out: &mut Vec<Output>) {
        let Some(instance) = self.instance(id) else { return };
        let config = instance.config();
        let name = &config.name;
        let mut say = |text: String| log(out, Who::Instance(id), text);
        for trouble in instance.troubles() {
            match trouble {
                Trouble::InterfaceDown => {
                    say(format!("({name}): entering FAULT state (interface {} down)", config.interface));
                }
                Trouble::NoSource => {
                    let family = if config.family == Family::V4 { 4 } else { 6 };
                    say(format!("({name}) entering FAULT state (no IPv{family} address for interface)"));
                }
                Trouble::RouteLost | Trouble::Configuration => {}
            }
        }
        for tracker in instance.trackers().iter().filter(|t| t.effect() == Effect::Fault) {
            let tracked = &tracker.name;
            match tracker.kind {
                TrackerKind::Interface => {
                    say(format!("({name}): entering FAULT state (interface {tracked} down)"));
                }
                TrackerKind::Script => {
                    say(format!("({name}): entering FAULT state due to script {tracked}"));
                }
                TrackerKind::Process => say(format!(
                    "({name}) entering FAULT state (tracked process {tracked} quorum not achieved)"
                )),
                TrackerKind::File => {
                    let status = tracker.status();
                    say(format!(
                        "({name}): entering FAULT state (tracked file {tracked} has status {status})"
                    ));
                }
                TrackerKind::Bfd => {}
            }
        }
    }

    /// States of groups from those of their members, at start and after a reload.
    fn settle_groups(&mut self, out: &mut Vec<Output>) {
        for place in 0..self.groups.len() {
            let members = self.members(GroupId(place));
            let all =
                |test: &dyn Fn(&Instance) -> bool| members.iter().filter_map(|m| self.instance(*m)).all(test);
            let running = all(&|i| i.state() == State::Master);
            let owners = all(&|i| i.base_priority() == OWNER && i.wanted_state() == State::Master);
            let state = if let Some(faulty) = self.first_blocked(&members) {
                let name = self.groups.get(place).map(Group::name).unwrap_or_default();
                let text = format!("VRRP_Group({name}): Syncing {faulty} to FAULT state");
                log(out, Who::Group(GroupId(place)), text);
                State::Fault
            } else if !all(&|i| i.waiting() == 0 || i.state() != State::Init) {
                State::Init
            } else if running || owners {
                State::Master
            } else {
                State::Backup
            };
            if !owners && !running {
                // COMPAT: unless all are owners none may start as master
                for member in &members {
                    if let Some(instance) = self.instances.get_mut(member.0)
                        && instance.state() == State::Init
                    {
                        instance.set_want(State::Backup);
                    }
                }
            }
            self.set_group_state(GroupId(place), state);
        }
    }

    fn first_blocked(&self, members: &[InstanceId]) -> Option<String> {
        let mut blocked = members.iter().filter_map(|m| self.instance(*m)).filter(|i| i.faults() > 0);
        blocked.next().map(|i| i.name().to_owned())
    }

    fn notify_group_at_start(&mut self, id: GroupId, out: &mut Vec<Output>) {
        if matches!(self.groups.get(id.0).map(Group::state), Some(State::Fault | State::Backup)) {
            self.notify_group(id, out);
        }
    }

    /// Something happened to one instance.
    pub fn handle(&mut self, id: InstanceId, input: Input<'_>, now: Now, out: &mut Vec<Output>) {
        match input {
            Input::Datagram(datagram) => {
                self.receive(id, datagram, now, out);
            }
            Input::Tracker { tracker, condition } => self.change_tracker(id, tracker, condition, now, out),
            Input::Interface { up } => {
                if self.instance(id).is_some_and(|i| !i.config().dont_track_primary) {
                    self.change_trouble(id, Trouble::InterfaceDown, !up, now, out);
                }
            }
            Input::Source(source) => self.change_source(id, source, now, out),
            Input::Route { lost } => self.change_trouble(id, Trouble::RouteLost, lost, now, out),
            Input::AddressRemoved { address } => self.lose_address(id, address, now, out),
            Input::PathLost { peer, spread } => {
                self.with(id, now, out, |i, t| i.lose_path(peer, spread, t));
            }
            Input::Handover { hold } => {
                for member in self.group_or_self(id) {
                    self.with(member, now, out, |i, t| i.hand_over(hold, t));
                }
            }
            Input::Announce => {
                self.with(id, now, out, |i, t| i.announce_again(t));
            }
        }
    }

    /// Delivers a packet; the reason if it was refused, for the split-brain detector.
    pub fn receive(
        &mut self,
        id: InstanceId,
        datagram: Datagram<'_>,
        now: Now,
        out: &mut Vec<Output>,
    ) -> Option<Reject> {
        let before = self.state(id);
        let heard = self.with(id, now, out, |i, t| i.hear(datagram, t))?;
        match heard {
            Heard::Refused(reject) => return reject,
            Heard::Deaf => return None,
            Heard::Lower => {
                for member in self.others(id) {
                    self.with(member, now, out, |i, t| i.announce_against_lower(t));
                }
            }
            Heard::Taken => {}
        }
        self.follow(id, before, now, out);
        None
    }

    /// Timers up to now.
    pub fn expire(&mut self, now: Now, out: &mut Vec<Output>) {
        // a second look at the same instance in one call would mean a timer that does not move on
        let mut seen = BTreeSet::new();
        while let Some((moment, id)) = self.timers.first().copied() {
            if moment > Moment::from(now) || !seen.insert(id) {
                return;
            }
            let before = self.state(id);
            self.with(id, now, out, |i, t| i.expire(t));
            self.follow(id, before, now, out);
        }
    }

    /// RFC 5798 §6.4.2 (330), §6.4.3 (640) for all: let go first, then tell.
    pub fn shutdown(&mut self, now: Now, out: &mut Vec<Output>) {
        for id in self.ids() {
            self.with(id, now, out, |i, t| i.stop(t));
        }
        for id in self.ids() {
            self.with(id, now, out, |i, t| i.notify_stop(t));
        }
        for place in 0..self.groups.len() {
            let notice = Action::Notify { notice: Notice::Stop, priority: 0 };
            out.push(Output { who: Who::Group(GroupId(place)), action: notice });
        }
    }

    /// Exchanges the configuration. Instances of the same router (`Config::is_same_router`) keep their state;
    /// trackers of the new plan carry their present condition.
    ///
    /// `before` is about ids of the old plan (instances that go), `after` about those of the new one. Returns
    /// for each old instance its new id.
    pub fn reload(
        &mut self,
        plan: Plan,
        now: Now,
        before: &mut Vec<Output>,
        after: &mut Vec<Output>,
    ) -> Vec<Option<InstanceId>> {
        let mut new = Router::new(plan);
        new.not_before = self.not_before;
        let mut free: BTreeSet<InstanceId> = new.ids().into_iter().collect();
        let mut moved = Vec::new();
        for id in self.ids() {
            let Some(old) = self.instance(id) else { continue };
            let same =
                |n: &InstanceId| new.instance(*n).is_some_and(|i| old.config().is_same_router(i.config()));
            let heir = free.iter().copied().find(same);
            match heir {
                Some(heir) => drop(free.remove(&heir)),
                None => drop(self.with(id, now, before, |i, t| i.delete(t))),
            }
            moved.push(heir);
        }
        let old_groups: Vec<(String, State)> =
            self.groups.iter().map(|g| (g.name().to_owned(), g.state())).collect();
        for (old, heir) in std::mem::take(&mut self.instances).into_iter().zip(&moved) {
            if let Some(heir) = heir {
                new.with(*heir, now, after, |i, t| i.succeed(old, t));
            }
        }
        *self = new;
        self.resume(&moved, &old_groups, now, after);
        moved
    }

    /// After a reload: groups, faults that came or went with the new file, and instances that are new.
    fn resume(
        &mut self,
        moved: &[Option<InstanceId>],
        old_groups: &[(String, State)],
        now: Now,
        out: &mut Vec<Output>,
    ) {
        self.settle_groups(out);
        let mut fresh: Vec<InstanceId> = self.ids();
        fresh.retain(|id| !moved.contains(&Some(*id)));
        for id in moved.iter().copied().flatten() {
            let Some(instance) = self.instance(id) else { continue };
            let group_faulty = self.group_state(id) == Some(State::Fault);
            let bad = instance.faults() > 0 || group_faulty;
            match instance.state() {
                State::Backup | State::Master if bad => {
                    self.explain_faults(id, out);
                    self.with(id, now, out, |i, t| i.go_fault(Farewell::PriorityZero, t));
                }
                State::Init | State::Fault if !bad => fresh.push(id),
                _ => {}
            }
        }
        fresh.sort_unstable();
        for place in 0..self.groups.len() {
            let Some(group) = self.groups.get(place) else { continue };
            let known =
                old_groups.iter().any(|(name, state)| (name.as_str(), *state) == (group.name(), group.state));
            if !known {
                self.notify_group_at_start(GroupId(place), out);
            }
        }
        for id in fresh {
            self.begin_one(id, now, out);
        }
    }

    /// One instance that a reload brought, or brought back from FAULT.
    fn begin_one(&mut self, id: InstanceId, now: Now, out: &mut Vec<Output>) {
        self.explain_faults(id, out);
        self.with(id, now, out, |i, t| i.recount(t));
        let bad = self.instance(id).is_some_and(Instance::suffers);
        if bad || self.group_state(id) == Some(State::Fault) {
            self.with(id, now, out, |i, t| i.start_in_fault(t));
        }
        self.with(id, now, out, |i, t| i.start(t));
    }

    /// Starts all counters anew.
    pub fn clear_stats(&mut self) {
        self.instances.iter_mut().for_each(Instance::clear_stats);
    }

    // ---- faults ----

    fn change_tracker(
        &mut self,
        id: InstanceId,
        tracker: usize,
        condition: Condition,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let Some(instance) = self.instances.get_mut(id.0) else { return };
        let was = Health::of(instance);
        instance.set_condition(tracker, condition);
        if instance.state() != State::Init {
            self.with(id, now, out, |i, t| i.recount(t));
            self.follow_health(id, was, now, out);
        }
    }

    fn change_trouble(
        &mut self,
        id: InstanceId,
        trouble: Trouble,
        on: bool,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let Some(instance) = self.instances.get_mut(id.0) else { return };
        let was = Health::of(instance);
        instance.set_trouble(trouble, on);
        if instance.state() != State::Init {
            self.follow_health(id, was, now, out);
        }
    }

    /// The last adverts leave from the old address, so losing it comes after the fault, gaining it before.
    fn change_source(
        &mut self,
        id: InstanceId,
        source: Option<std::net::IpAddr>,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        // A source that was written can be missing (`track_src_ip`), but never another one.
        let written = self.instance(id).and_then(|i| i.config().source);
        let source = source.map(|found| written.unwrap_or(found));
        if source.is_none() {
            self.change_trouble(id, Trouble::NoSource, true, now, out);
        }
        if let Some(instance) = self.instances.get_mut(id.0) {
            instance.set_source(source);
        }
        if source.is_some() {
            self.change_trouble(id, Trouble::NoSource, false, now, out);
        }
    }

    /// What a change of faults does: into FAULT with the group, or out of it if nothing else holds.
    fn follow_health(&mut self, id: InstanceId, was: Health, now: Now, out: &mut Vec<Output>) {
        let Some(instance) = self.instance(id) else { return };
        let is = Health::of(instance);
        if is.blocked {
            if !was.blocked {
                self.fail(id, now, out);
            }
        } else if was.blocked || was.waiting && !is.waiting {
            if is.waiting {
                self.set_want(id, State::Backup);
                if let Some(group) = self.group_id(id) {
                    self.set_group_state(group, State::Init);
                }
            } else {
                self.recover(id, now, out);
            }
        }
    }

    fn fail(&mut self, id: InstanceId, now: Now, out: &mut Vec<Output>) {
        self.with(id, now, out, |i, t| i.go_fault(Farewell::PriorityZero, t));
        let others_blocked = self.others(id).iter().any(|m| self.is_blocked(*m));
        if !others_blocked {
            self.sync_fault(id, now, out);
        }
    }

    /// The last fault of an instance went. In a group it waits until the last fault of all went.
    fn recover(&mut self, id: InstanceId, now: Now, out: &mut Vec<Output>) {
        if self.state(id) != Some(State::Fault) {
            return; // a script that a reload added to a running instance has finished
        }
        let Some(want) = self.instance(id).map(Instance::want_after_fault) else { return };
        self.set_want(id, want);
        let others = self.others(id);
        let held = |m: &InstanceId| self.instance(*m).is_some_and(|i| i.faults() + i.waiting() > 0);
        if others.iter().any(held) {
            return;
        }
        if want == State::Master && !self.may_be_master(id) {
            self.set_want(id, State::Backup);
        }
        self.with(id, now, out, |i, t| {
            i.leave_fault(t);
            i.announce_source(t);
        });
        self.set_want(id, want);
        if self.state(id) == Some(State::Master) {
            self.sync_master(id, now, out);
        } else {
            self.sync_backup(id, now, out);
        }
    }

    /// Somebody took an address off: the whole group starts over, quickly.
    fn lose_address(&mut self, id: InstanceId, address: std::net::IpAddr, now: Now, out: &mut Vec<Output>) {
        let Some(instance) = self.instance(id) else { return };
        let Some(vip) = instance.config().vips().find(|v| v.address == address) else { return };
        if self.detail {
            let text = format!("Netlink reflector reports IP {address} removed from {}", vip.device);
            out.push(Output { who: Who::Instance(id), action: Action::Log { detail: true, text } });
        }
        if instance.state() != State::Master {
            return;
        }
        self.with(id, now, out, |i, t| i.lose_address(t));
        for member in self.others(id) {
            self.with(member, now, out, |i, t| i.lose_address(t));
        }
        if let Some(group) = self.group_id(id) {
            self.set_group_state(group, State::Backup); // COMPAT: the group itself is not notified
        }
    }

    // ---- groups ----

    /// Drags a group behind a member that changed by itself.
    fn follow(&mut self, id: InstanceId, before: Option<State>, now: Now, out: &mut Vec<Output>) {
        match (before, self.state(id)) {
            (_, Some(State::Master)) => self.sync_master(id, now, out),
            (Some(State::Master), Some(State::Backup)) => self.sync_backup(id, now, out),
            _ => {}
        }
    }

    fn sync_master(&mut self, id: InstanceId, now: Now, out: &mut Vec<Output>) {
        let Some(group) = self.group_to_sync(id, State::Master) else { return };
        if !self.may_be_master(id) {
            return;
        }
        self.log_sync(group, State::Master, out);
        for member in self.others(id) {
            if self.state(member) != Some(State::Master) {
                self.set_want(member, State::Master);
                self.with(member, now, out, |i, t| i.go_master(t));
            }
        }
        self.enter_group_state(group, State::Master, out);
    }

    fn sync_backup(&mut self, id: InstanceId, now: Now, out: &mut Vec<Output>) {
        let Some(group) = self.group_to_sync(id, State::Backup) else { return };
        self.log_sync(group, State::Backup, out);
        for member in self.others(id) {
            let leaving = self.instance(member).is_some_and(Instance::is_handing_over);
            // a member being handed over leaves when its own successor is there
            if self.state(member) != Some(State::Backup) && !leaving {
                self.with(member, now, out, |i, t| i.go_backup(Farewell::Silent, t));
            }
        }
        self.enter_group_state(group, State::Backup, out);
    }

    fn sync_fault(&mut self, id: InstanceId, now: Now, out: &mut Vec<Output>) {
        let Some(group) = self.group_to_sync(id, State::Fault) else { return };
        self.log_sync(group, State::Fault, out);
        for member in self.others(id) {
            if self.state(member) != Some(State::Fault) {
                self.with(member, now, out, |i, t| i.follow_into_fault(t));
            }
        }
        self.enter_group_state(group, State::Fault, out);
    }

    /// The group of an instance, unless it is in that state already.
    fn group_to_sync(&self, id: InstanceId, to: State) -> Option<GroupId> {
        let group = self.group_id(id)?;
        (self.groups.get(group.0)?.state != to).then_some(group)
    }

    fn log_sync(&self, group: GroupId, to: State, out: &mut Vec<Output>) {
        let name = self.groups.get(group.0).map(Group::name).unwrap_or_default();
        let text = format!("VRRP_Group({name}) Syncing instances to {} state", to.name());
        log(out, Who::Group(group), text);
    }

    fn enter_group_state(&mut self, group: GroupId, state: State, out: &mut Vec<Output>) {
        self.set_group_state(group, state);
        self.notify_group(group, out);
    }

    fn notify_group(&self, id: GroupId, out: &mut Vec<Output>) {
        let notice = match self.groups.get(id.0).map(Group::state) {
            Some(State::Master) => Notice::Master,
            Some(State::Backup) => Notice::Backup,
            Some(State::Fault) => Notice::Fault,
            Some(State::Init) | None => return,
        };
        out.push(Output { who: Who::Group(id), action: Action::Notify { notice, priority: 0 } });
    }

    fn set_group_state(&mut self, id: GroupId, state: State) {
        if let Some(group) = self.groups.get_mut(id.0) {
            group.state = state;
        }
    }

    fn group_state(&self, member: InstanceId) -> Option<State> {
        self.group_id(member).and_then(|g| self.groups.get(g.0)).map(Group::state)
    }

    fn members(&self, group: GroupId) -> Vec<InstanceId> {
        self.groups.get(group.0).map(|g| g.members.clone()).unwrap_or_default()
    }

    fn group_or_self(&self, id: InstanceId) -> Vec<InstanceId> {
        self.group_id(id).map_or_else(|| vec![id], |group| self.members(group))
    }

    fn others(&self, id: InstanceId) -> Vec<InstanceId> {
        let mut members = self.group_or_self(id);
        members.retain(|m| *m != id);
        members
    }

    /// A group becomes master only when every other member wants to.
    fn may_be_master(&self, id: InstanceId) -> bool {
        self.view(id).is_none_or(|view| view.state == State::Master || view.others_want_master)
    }

    fn view(&self, id: InstanceId) -> Option<GroupView> {
        let group = self.groups.get(self.group_id(id)?.0)?;
        let mut others = group.members.iter().filter(|m| **m != id).filter_map(|m| self.instance(*m));
        let others_want_master = others.all(|i| i.wanted_state() == State::Master);
        Some(GroupView { state: group.state, others_want_master })
    }

    // ---- small things ----

    fn ids(&self) -> Vec<InstanceId> {
        (0..self.instances.len()).map(InstanceId).collect()
    }

    fn state(&self, id: InstanceId) -> Option<State> {
        self.instance(id).map(Instance::state)
    }

    fn is_blocked(&self, id: InstanceId) -> bool {
        self.instance(id).is_some_and(|i| i.faults() > 0)
    }

    fn set_want(&mut self, id: InstanceId, want: State) {
        if let Some(instance) = self.instances.get_mut(id.0) {
            instance.set_want(want);
        }
    }

    /// Calls into one instance and keeps its deadline in the list.
    fn with<R>(
        &mut self,
        id: InstanceId,
        now: Now,
        out: &mut Vec<Output>,
        act: impl FnOnce(&mut Instance, &mut Turn<'_>) -> R,
    ) -> Option<R> {
        let group = self.view(id);
        let mut turn = Turn { now, id, detail: self.detail, group, not_before: self.not_before, out };
        let instance = self.instances.get_mut(id.0)?;
        let result = act(instance, &mut turn);
        let deadline = instance.next_deadline();
        if let Some(armed) = self.armed.get_mut(id.0)
            && *armed != deadline
        {
            self.timers.remove(&(*armed, id));
            *armed = deadline;
            if deadline != Moment::NEVER {
                self.timers.insert((deadline, id));
            }
        }
        Some(result)
    }
}

fn log(out: &mut Vec<Output>, who: Who, text: String) {
    out.push(Output { who, action: Action::Log { detail: false, text } });
}
