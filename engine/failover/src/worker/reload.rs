//! A new configuration in place of the running one, without a lost advert; and the answers to questions.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use rha_net::sysctl::{SettingFamily, set_interface_setting};
use rha_vrrp::priority::Effect;
use rha_vrrp::{
    Action, Condition, Input, Instance, InstanceId, Moment, Notice, Output, State, TrackerKind, Trouble, Who,
};

use super::{News, Served, Worker};
use crate::control::{self, Ask, Question};
use crate::dump::{self, Kind, View};
use crate::status::{InstanceStatus, Status, TrackerStatus, Transition};

/// How long addresses stay after the successor's first advert: until its announcements have gone round.
const HOLD: Duration = Duration::from_millis(100);

impl Worker {
    /// SIGHUP. DIFFERS: a file with a new mistake is refused as a whole, and the running one goes on.
    pub(super) fn reload(&mut self) {
        let log = self.log.clone();
        log.info("Reloading");
        self.say_addresses();
        let Some(plan) = (self.reread)(&log) else {
            log.info("Configuration refused - the running one stays");
            self.line.tell(News::ReloadRefused);
            return;
        };
        self.reloads += 1;
        self.keep_state("pre");
        let now = Self::now();
        let former = std::mem::replace(&mut self.plan, plan.clone());
        self.scripts.load(&plan, Some(&former), now.into(), &log);
        self.kernel.set_hurried(!plan.failover.bfd_instances.is_empty());
        self.make_links();
        self.start_watching(Some(&former));
        let mut machine = plan.machine(log.is_detailed());
        for (config, i) in machine.instances.iter_mut().zip(&plan.failover.instances) {
            config.learned_source = self.source(i);
            for t in &mut config.trackers {
                if let Some(c) = self.present_condition(t.kind, &t.name) {
                    t.condition = c;
                }
            }
        }
        let (mut before, mut after) = (Vec::new(), Vec::new());
        self.announcements.forget_all();
        let moved = self.router.reload(machine, now, &mut before, &mut after);
        // What goes is still done in the old plan's terms.
        self.plan = former.clone();
        self.perform(before);
        self.plan = plan.clone();
        for (old, new) in former.failover.instances.iter().zip(&moved) {
            if let Some(new) = new.and_then(|id| plan.failover.instances.get(id.0))
                && new.name != old.name
            {
                self.kernel.rename(&old.name, &new.name);
            }
        }
        self.remove_former_links(&former);
        self.kernel.statics(Some(&plan.failover));
        self.open_sockets();
        self.open_fifos();
        self.configure_mail();
        self.load_lvs();
        self.perform(after);
        self.set_conditions_of_new(&moved);
        self.repeat_states();
        self.brain.forget();
        self.watch_for_duplicates();
        self.keep_state("post");
        self.line.tell(News::Reloaded);
    }

    /// `config_save_dir`: the state before and after a reload.
    fn keep_state(&self, when: &str) {
        let Some(directory) = &self.plan.failover.global.config_save_dir else { return };
        for (what, text) in [("vrrp", Some(self.data())), ("bfd", self.bfd_data())] {
            let Some(text) = text else { continue };
            let path =
                format!("{directory}/keepalived_{what}.{}.{}.{when}", std::process::id(), self.reloads);
            if dump::write(&path, &text).is_err() {
                self.log.info(format_args!("Failed to open config_save file {path}"));
            }
        }
    }

    /// Interfaces and sources of instances that a reload brought.
    fn set_conditions_of_new(&mut self, moved: &[Option<InstanceId>]) {
        let plan = self.plan.clone();
        for (at, i) in plan.failover.instances.iter().enumerate() {
            let id = InstanceId(at);
            let known = moved.contains(&Some(id));
            if !i.interface.is_empty() {
                self.input(id, Input::Interface { up: self.is_instance_up(i) });
            }
            let source = self.source(i);
            if !known || self.router.instance(id).and_then(Instance::source) != source {
                self.input(id, Input::Source(source));
            }
        }
    }

    /// `fifo_write_vrrp_states_on_reload`.
    fn repeat_states(&mut self) {
        if !self.plan.failover.global.fifo_write_vrrp_states_on_reload {
            return;
        }
        let plan = self.plan.clone();
        let states: Vec<(State, u8)> =
            self.router.instances().iter().map(|i| (i.state(), i.effective_priority())).collect();
        for (i, (state, priority)) in plan.failover.instances.iter().zip(states) {
            if let Some(notice) = notice_of(state) {
                self.tell_state_again(i, notice, priority);
            }
        }
    }

    // ---- questions ----

    pub(super) fn answer(&mut self, ask: Ask) {
        let Ask { question, reply } = ask;
        match question {
            Question::Status { json } => {
                let status = self.status();
                let _ = reply.send(Ok(if json { status.json() } else { status.text() }));
            }
            Question::Metrics => {
                let _ = reply.send(Ok(self.status().metrics()));
            }
            Question::Handover(name) => self.hand_over(name.as_deref(), reply),
        }
    }

    fn hand_over(&mut self, name: Option<&str>, reply: control::Reply) {
        let wanted = |i: &Instance| name.is_none_or(|n| n == i.name());
        if name.is_some() && !self.router.instances().iter().any(wanted) {
            let _ = reply.send(Err(format!("no instance {}\n", name.unwrap_or(""))));
            return;
        }
        let masters: Vec<InstanceId> = self
            .router
            .instances()
            .iter()
            .enumerate()
            .filter(|(_, i)| wanted(i) && i.state() == State::Master)
            .map(|(at, _)| InstanceId(at))
            .collect();
        let Some(last) = masters.last().copied() else {
            let _ = reply.send(Err("not master\n".to_owned()));
            return;
        };
        for id in &masters {
            if let Some(i) = self.router.instance(*id) {
                self.log.info(format_args!("({}) handing over", i.name()));
            }
            self.answer_arp(*id, false);
            self.input(*id, Input::Handover { hold: HOLD });
        }
        self.asked.push((last, reply));
    }

    /// Whether a virtual router's own interface answers ARP. While its addresses are held for a successor it
    /// must not: the answer to the successor's gratuitous request would leave with the MAC address both have,
    /// and the switch would turn back to us.
    fn answer_arp(&self, id: InstanceId, yes: bool) {
        let name = self.router.instance(id).map(Instance::name);
        let written = self.plan.failover.instances.iter().find(|i| Some(i.name.as_str()) == name);
        let Some(vmac) = written.filter(|i| !i.ipv6).and_then(|i| i.vmac.as_ref()) else { return };
        let value = if yes { "1" } else { "8" };
        let _ = set_interface_setting(SettingFamily::V4, &vmac.name, "arp_ignore", value);
    }

    pub(super) fn handover_ended(&mut self, id: InstanceId, result: Result<IpAddr, ()>) {
        self.answer_arp(id, true);
        let name = self.router.instance(id).map(|i| i.name().to_owned()).unwrap_or_default();
        let answer = match result {
            Ok(to) => Ok(format!("{name}: handed over to {to}\n")),
            Err(()) if self.router.instance(id).is_some_and(|i| i.state() == State::Master) => {
                Err(format!("{name}: nobody took over, still master\n"))
            }
            Err(()) => Err(format!("{name}: another event came between, not master any more\n")),
        };
        let (Ok(text) | Err(text)) = &answer;
        self.log.info(format_args!("Handover of {}", text.trim_end()));
        while let Some(at) = self.asked.iter().position(|(waiting, _)| *waiting == id) {
            let (_, reply) = self.asked.remove(at);
            let _ = reply.send(answer.clone());
        }
    }

    /// Opens the control socket, and lets others ask.
    pub(super) fn open_control(&mut self, served: Option<Served>) -> Result<(), i32> {
        let post = self.post.clone();
        let ask = move |a: Ask| {
            let _ = post.send(super::Event::Ask(a));
        };
        if !self.settings.control.is_empty() {
            match control::bind(&self.settings.control) {
                Ok(listener) => drop(tokio::task::spawn_local(control::serve(listener, ask.clone()))),
                Err(e) => self.log.info(format_args!("Control socket {}: {e}", self.settings.control)),
            }
        }
        if let Some(served) = served {
            tokio::task::spawn_local(served(Rc::new(ask)));
        }
        Ok(())
    }

    /// Remembers states for `status`.
    pub(super) fn watch_transitions(&mut self, orders: Vec<Output>) -> Vec<Output> {
        let now = Self::now();
        for o in &orders {
            let (Who::Instance(id), Action::Notify { notice, priority }) = (&o.who, &o.action) else {
                continue;
            };
            let Some(i) = self.router.instance(*id) else { continue };
            if matches!(notice, Notice::Master | Notice::Backup | Notice::Fault) {
                let t = Transition { at_us: now.wall_us, to: notice.name(), priority: *priority };
                self.transitions.note(i.name(), t);
            }
        }
        orders
    }

    fn status(&self) -> Status {
        let plan = self.plan.clone();
        let instances = self
            .router
            .instances()
            .iter()
            .zip(&plan.failover.instances)
            .map(|(i, ir)| InstanceStatus {
                name: i.name().to_owned(),
                interface: ir.interface.clone(),
                vrid: ir.vrid,
                version: i.config().version.number(),
                state: i.state().name(),
                since_us: i.since().map_or(0, |n| n.wall_us),
                master: i.master().map(|m| m.to_string()),
                master_priority: i.master_priority(),
                base: i.base_priority(),
                effective: i.effective_priority(),
                addresses: ir
                    .addresses
                    .iter()
                    .chain(&ir.excluded)
                    .map(|v| format!("{}/{}", v.address, v.prefix_len))
                    .collect(),
                installed: self.kernel.holds(i.name()),
                lease_s: self.kernel.lease(ir).map(|d| d.as_secs()),
                group: ir.sync_group.clone(),
                trackers: i.trackers().iter().map(tracker_status).collect(),
                troubles: i.troubles().map(trouble_text).collect(),
                adverts: (i.stats().adverts_received, i.stats().adverts_sent),
                terms: (i.stats().became_master, i.stats().released_master),
                rejected: rha_vrrp::RejectKind::ALL
                    .iter()
                    .map(|k| (k.name(), i.stats().rejected(*k)))
                    .collect(),
                splits: self.splits_of(i.name()),
                transitions: self.transitions.of(i.name()).cloned().collect(),
            })
            .collect();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            instances,
            bfd: self
                .watch
                .bfd
                .states()
                .into_iter()
                .map(|(n, a, s)| (n, a.to_string(), format!("{s:?}")))
                .collect(),
            split_counts: self.splits.iter().map(|((i, c), n)| (i.clone(), *c, *n)).collect(),
        }
    }

    // ---- dumps ----

    fn views<'a>(&'a self, plan: &'a crate::Plan) -> Vec<View<'a>> {
        let now = Self::now();
        let wall = |m: Moment| {
            (m != Moment::NEVER).then(|| {
                let ahead = i64::try_from(m.0).unwrap_or(i64::MAX) - i64::try_from(now.mono_us).unwrap_or(0);
                now.wall_us.saturating_add(ahead)
            })
        };
        self.router
            .instances()
            .iter()
            .zip(&plan.failover.instances)
            .zip(&self.keys)
            .map(|((i, ir), key)| View {
                ir,
                config: i.config(),
                state: i.state(),
                wants: i.wanted_state(),
                stats: i.stats().clone(),
                effective: i.effective_priority(),
                total: i.total_priority(),
                master_priority: i.heard_priority(),
                master: i.master(),
                master_interval: i.master_interval(),
                last_transition_us: i.since().map_or(0, |n| n.wall_us),
                deadline_us: wall(i.advert_deadline()),
                old_checksum: i.learned_old_checksum(),
                extra_us: wall(i.extra_deadline()).unwrap_or(0),
                down_timer: i.down_interval(),
                source: i.source(),
                addresses_set: i.holds_addresses(),
                faults: u32::try_from(i.faults()).unwrap_or(0),
                scripts_waiting: u32::try_from(i.waiting()).unwrap_or(0),
                blocked: self.blocked.contains(i.name()),
                socket: (
                    key.interface.clone(),
                    self.kernel.interfaces.index(&key.interface).unwrap_or(0),
                    key.unicast.then_some(key.place),
                ),
                fds: (self.sockets.fd(key), self.sockets.fd(key)),
            })
            .collect()
    }

    pub(super) fn dump_data(&mut self) {
        // COMPAT: without anything of VRRP the original has no process that would write it
        if self.plan.failover.has_vrrp() {
            self.log.info(format_args!("Printing VRRP data for process({}) on signal", std::process::id()));
            self.write_dump(Kind::Data, &self.data());
        }
        self.dump_check();
        if let Some(text) = self.bfd_data() {
            self.log.info(format_args!("Printing BFD data for process({}) on signal", std::process::id()));
            self.write_dump(Kind::Bfd, &text);
        }
    }

    /// `keepalived_bfd.data`, when there are sessions.
    fn bfd_data(&self) -> Option<String> {
        self.watch.bfd.views().map(|views| dump::bfd(&self.plan, &views))
    }

    /// `keepalived.data`.
    pub(super) fn data(&self) -> String {
        let plan = &self.plan;
        let groups: Vec<State> = self.router.groups().iter().map(rha_vrrp::Group::state).collect();
        let bfds = plan.failover.bfd_instances.iter();
        let fixed = plan.failover.static_addresses.iter();
        let now = Self::now();
        let wall = |m: Moment| {
            let ahead = i64::try_from(m.0).unwrap_or(0) - i64::try_from(now.mono_us).unwrap_or(0);
            if m == Moment::default() { 0 } else { now.wall_us.saturating_add(ahead) }
        };
        let groups_of_garps = 0..plan.failover.garp_groups.len();
        let around = dump::Surroundings {
            garp_groups: groups_of_garps.map(|at| self.announcements.group_free_at(at).map(wall)).collect(),
            static_addresses: fixed.map(|a| self.kernel.holds_static(a.address)).collect(),
            scripts: self.scripts.views(),
            files: self.watch.files(),
            processes: self.watch.processes(),
            bfds: bfds.map(|b| self.watch.bfd.is_up(&b.name)).collect(),
        };
        let views = self.views(plan);
        dump::data(plan, &views, &groups, &around, &self.kernel.interfaces)
    }

    pub(super) fn dump_stats(&mut self, clear: bool) {
        let what = if clear { "Clearing" } else { "Printing" };
        self.log.info(format_args!("{what} VRRP stats for process({}) on signal", std::process::id()));
        let plan = self.plan.clone();
        let text = dump::stats(&self.views(&plan));
        self.write_dump(Kind::Stats, &text);
        if clear {
            self.router.clear_stats();
        }
    }

    pub(super) fn dump_json(&mut self) {
        self.log.info(format_args!("Printing VRRP as json for process({}) on signal", std::process::id()));
        let plan = self.plan.clone();
        let text = dump::json(&self.views(&plan), &plan, &self.watch.processes());
        self.write_dump(Kind::Json, &text);
    }

    fn write_dump(&self, kind: Kind, text: &str) {
        let path = dump::path(kind, &self.plan.failover.global);
        dump::write_or_say(&path, text, &self.log);
    }
}

fn notice_of(state: State) -> Option<Notice> {
    match state {
        State::Master => Some(Notice::Master),
        State::Backup => Some(Notice::Backup),
        State::Fault => Some(Notice::Fault),
        State::Init => None,
    }
}

fn trouble_text(t: Trouble) -> String {
    match t {
        Trouble::InterfaceDown => "interface down",
        Trouble::NoSource => "no address to send from",
        Trouble::RouteLost => "route lost",
        Trouble::Configuration => "configuration error",
    }
    .to_owned()
}

fn tracker_status(t: &rha_vrrp::Tracker) -> TrackerStatus {
    TrackerStatus {
        kind: match t.kind {
            TrackerKind::Interface => "interface",
            TrackerKind::Script => "script",
            TrackerKind::Process => "process",
            TrackerKind::File => "file",
            TrackerKind::Bfd => "bfd",
        },
        name: t.name.clone(),
        condition: match t.condition {
            Condition::Unknown => "unknown".to_owned(),
            Condition::Up => "up".to_owned(),
            Condition::Down => "down".to_owned(),
            Condition::Value(n) => n.to_string(),
        },
        share: (t.weight != 0).then(|| t.share()),
        fault: t.effect() == Effect::Fault,
    }
}
