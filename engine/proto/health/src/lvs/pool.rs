//! One virtual server: when its checkers run, and what their states make of it.
//!
//! Invariant: a real server is alive while none of its checkers says down; the virtual server has its quorum while
//! the weights of those alive add up. Who is in the kernel's table follows from both (`membership.rs`).

mod membership;

use rha_base::Now;

use super::chance::Chance;
use super::change::{Act, CheckId, Event};
use super::plan::{CheckerPlan, PoolPlan, ProbePlan, pair};
use super::probe::{self, Given, Ping, Probe, Progress};
use super::watch::{Names, Share, Step, Verdict, Watch};

/// Wait before the first checks, µs; `warmup` comes on top.
const BOOTSTRAP_US: u64 = 1_000_000;
/// Between SIGTERM and SIGKILL for a late program, µs.
const KILL_US: u64 = 2_000_000;
/// Until SIGKILL is tried again, µs.
const KILL_AGAIN_US: u64 = 10_000_000;

/// A real server now, for dumps and status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerFacts {
    /// It gets connections, if there is a quorum or no sorry server.
    pub alive: bool,
    /// It is in the kernel's table.
    pub set: bool,
    /// Weight after `misc_dynamic` and files, as the kernel gets it.
    pub weight: u32,
    /// Checkers that say down.
    pub failed: usize,
}

/// What a checker is doing.
#[derive(Debug, Clone)]
enum Run {
    /// Nothing before [`Slot::due_us`].
    Idle,
    /// A connection.
    Probe(Probe),
    /// A program since then.
    Program { since_us: u64, killed: Killed },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    No,
    Gently,
    Hard,
}

#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) watch: Watch,
    run: Run,
    /// End of the wait or of the run, µs.
    due_us: Option<u64>,
    /// The next run repeats a failed one.
    retrying: bool,
    /// `PING_CHECK` keeps its socket while all is well.
    ping: Option<Ping>,
    /// Last start of the program, µs since 1970.
    pub(super) ran_us: Option<i64>,
    /// What `connect` said when it last failed.
    pub(super) last_errno: i32,
    /// What was told about lengths and TLS, by page.
    remarks: Vec<Option<String>>,
}

#[derive(Debug, Clone)]
pub(super) struct Server {
    name: String,
    pub(super) alive: bool,
    pub(super) set: bool,
    pub(super) failed: usize,
    pub(super) weight: i64,
    /// It was there before a reload.
    pub(super) reloaded: bool,
    /// Its weight then.
    pub(super) weight_before: i64,
    pub(super) slots: Vec<Slot>,
}

/// A virtual server with its checkers.
#[derive(Debug, Clone)]
pub struct Pool {
    pub(super) plan: PoolPlan,
    pub(super) servers: Vec<Server>,
    /// The sorry server gets the connections.
    sorry_alive: bool,
    /// It is in the table.
    pub(super) sorry_set: bool,
    pub(super) quorum_up: bool,
    pub(super) enabled: bool,
    started: bool,
    /// It was there before a reload.
    pub(super) reloaded: bool,
    chance: Chance,
}

impl Pool {
    /// A virtual server nobody watches yet; `seed` moves warm-ups and DNS ids.
    #[must_use]
    pub fn new(plan: PoolPlan, seed: u64) -> Pool {
        let servers = plan.servers.iter().map(|server| {
            let slots: Vec<Slot> = server.checkers.iter().map(Slot::new).collect();
            Server {
                name: PoolPlan::server_name(server.address, plan.protocol),
                alive: false,
                set: false,
                failed: slots.iter().filter(|s| !s.watch.up).count(),
                weight: server.weight,
                reloaded: false,
                weight_before: 0,
                slots,
            }
        });
        Pool {
            servers: servers.collect(),
            sorry_alive: false,
            sorry_set: false,
            quorum_up: false,
            enabled: !plan.ha_suspend,
            started: false,
            reloaded: false,
            chance: Chance::new(seed),
            plan,
        }
    }

    /// Puts real servers, or the sorry server, into the kernel's table; the virtual server itself is there already.
    /// Values of tracked files are handed in before ([`Pool::handle_file`]).
    pub fn begin(&mut self, out: &mut Vec<Act>) {
        self.started = true;
        self.fill(out);
    }

    /// Begins to check, after [`Pool::begin`] of all virtual servers.
    pub fn activate(&mut self, now: Now, out: &mut Vec<Act>) {
        let word = if self.enabled { "A" } else { "Dea" };
        for id in self.ids() {
            let (Some(plan), Some(server)) = (self.checker(id), self.servers.get(id.server)) else {
                continue;
            };
            if matches!(plan.probe, ProbePlan::Bfd { .. } | ProbePlan::File { .. }) {
                continue;
            }
            let warmup = plan.warmup_us;
            out.push(Act::Log(format!(
                "{word}ctivating healthchecker for service {} for VS {}",
                server.name, self.plan.name
            )));
            let wait = BOOTSTRAP_US.saturating_add(self.chance.up_to(warmup));
            if let Some(slot) = self.slot_mut(id).filter(|s| matches!(s.run, Run::Idle)) {
                slot.due_us = Some(now.mono_us.saturating_add(wait));
            }
        }
    }

    /// When [`Pool::handle_timeout`] is due, [`Now::mono_us`].
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.servers.iter().flat_map(|s| &s.slots).filter_map(|s| s.due_us).min()
    }

    /// Does what is due: checks to begin, answers that did not come.
    pub fn handle_timeout(&mut self, now: Now, out: &mut Vec<Act>) {
        for id in self.ids() {
            let due = self.slot(id).and_then(|s| s.due_us).is_some_and(|at| at <= now.mono_us);
            if !due {
                continue;
            }
            match self.slot_mut(id).map(|s| &mut s.run) {
                Some(Run::Idle) => self.start(id, now, out),
                Some(Run::Probe(probe)) => {
                    let verdict = probe.handle_timeout();
                    self.conclude(id, verdict, now, out);
                }
                Some(Run::Program { .. }) => self.hurry(id, now, out),
                None => {}
            }
        }
    }

    /// Something happened to a checker's connection or program; what comes after its end is passed over.
    pub fn handle(&mut self, id: CheckId, event: Event, now: Now, out: &mut Vec<Act>) {
        if let Event::Errno(errno) = event {
            return self.note_errno(id, errno);
        }
        let killed = match self.slot_mut(id).map(|s| &mut s.run) {
            Some(Run::Probe(probe)) if event != Event::Unable => {
                let progress = probe.handle(event);
                return self.follow(id, progress, now, out);
            }
            Some(Run::Probe(_)) => return self.reschedule(id, now, out),
            Some(Run::Program { killed, .. }) => *killed,
            _ => return,
        };
        match event {
            Event::Exited(code) => self.conclude(id, Verdict::Exit(code), now, out),
            Event::Signaled(signal) => {
                // its children may have outlived the SIGTERM
                if killed == Killed::Gently && signal == 15 {
                    out.push(Act::Kill { id, force: true });
                }
                let ours = killed != Killed::No && (signal == 15 || signal == 9);
                let verdict = if ours { Verdict::Late } else { Verdict::Signal(signal) };
                self.conclude(id, verdict, now, out);
            }
            // COMPAT: a program that cannot be started ends like a shell that cannot: 127
            Event::NotStarted => self.conclude(id, Verdict::Exit(127), now, out),
            _ => {}
        }
    }

    /// COMPAT: only `UDP_CHECK` keeps it; for the others an unreachable network is nothing odd.
    fn note_errno(&mut self, id: CheckId, errno: i32) {
        let keeps = self.checker(id).is_some_and(|c| matches!(c.probe, ProbePlan::Udp(_)));
        if let Some(slot) = self.slot_mut(id).filter(|_| keeps) {
            slot.last_errno = errno;
        }
    }

    /// A BFD session changed. keepalived.conf(5) "BFD_CHECK".
    pub fn handle_bfd(&mut self, instance: &str, up: bool, out: &mut Vec<Act>) {
        for id in self.ids() {
            let watches =
                |p: &CheckerPlan| matches!(&p.probe, ProbePlan::Bfd { instance: i } if i == instance);
            let Some(slot) = self.slot(id).filter(|_| self.checker(id).is_some_and(watches)) else {
                continue;
            };
            let was_up = slot.watch.up;
            if was_up == up && slot.watch.has_run {
                continue;
            }
            let (state, how) = if up { ("UP", "succeeded") } else { ("DOWN", "failed") };
            let name = self.server_name(id.server);
            out.push(Act::Log(format!("BFD check of [{instance}] RS({name}) is {state}")));
            let body = format!("=> BFD CHECK {instance} {how} on service <=");
            self.report(id, up, (was_up != up).then_some(body), out);
        }
    }

    /// A tracked file's value changed, or before [`Pool::begin`] is known. keepalived.conf(5) "FILE_CHECK".
    pub fn handle_file(&mut self, file: &str, value: i64, out: &mut Vec<Act>) {
        for id in self.ids() {
            let share = match self.checker(id).map(|c| &c.probe) {
                Some(ProbePlan::File { file: f, weight, reverse }) if f == file => {
                    file_share(value, *weight, *reverse)
                }
                _ => continue,
            };
            if self.started {
                self.weigh_file(id, file, share, out);
            } else {
                self.preset_file(id, share);
            }
        }
    }

    /// The virtual server's address came or went; counts under `ha_suspend` only.
    pub fn set_present(&mut self, present: bool, out: &mut Vec<Act>) {
        if !self.plan.ha_suspend || present == self.enabled {
            return;
        }
        self.enabled = present;
        if !self.started {
            return;
        }
        let word = if present { "Activat" } else { "Suspend" };
        for id in self.ids() {
            out.push(Act::Log(format!(
                "{word}ing healthchecker for service {} for VS {}",
                self.server_name(id.server),
                self.plan.name
            )));
        }
    }

    /// What was written.
    #[must_use]
    pub fn plan(&self) -> &PoolPlan {
        &self.plan
    }

    /// Whether there is a quorum.
    #[must_use]
    pub fn quorum_up(&self) -> bool {
        self.quorum_up
    }

    /// A real server now.
    #[must_use]
    pub fn server(&self, server: usize) -> Option<ServerFacts> {
        let s = self.servers.get(server)?;
        let (alive, set, weight, failed) = (s.alive, s.set, real_weight(s.weight), s.failed);
        Some(ServerFacts { alive, set, weight, failed })
    }

    /// Takes over what an earlier configuration found out about the same virtual server: states, running counts and
    /// membership of real servers that are still there with checkers that are still the same. Instead of
    /// [`Pool::begin`], after [`Pool::retire`] on the old one; programs and connections that still run are to be ended
    /// by the caller.
    pub fn adopt(&mut self, old: &Pool, out: &mut Vec<Act>) {
        self.started = true;
        self.reloaded = true;
        self.enabled = old.enabled || !self.plan.ha_suspend;
        self.inherit(old, out);
    }

    fn ids(&self) -> Vec<CheckId> {
        let of = |(server, s): (usize, &Server)| {
            (0..s.slots.len()).map(move |checker| CheckId { server, checker }).collect::<Vec<_>>()
        };
        self.servers.iter().enumerate().flat_map(of).collect()
    }

    fn checker(&self, id: CheckId) -> Option<&CheckerPlan> {
        self.plan.servers.get(id.server)?.checkers.get(id.checker)
    }

    fn slot(&self, id: CheckId) -> Option<&Slot> {
        self.servers.get(id.server)?.slots.get(id.checker)
    }

    fn slot_mut(&mut self, id: CheckId) -> Option<&mut Slot> {
        self.servers.get_mut(id.server)?.slots.get_mut(id.checker)
    }

    fn server_name(&self, server: usize) -> &str {
        self.servers.get(server).map_or("", |s| s.name.as_str())
    }

    fn start(&mut self, id: CheckId, now: Now, out: &mut Vec<Act>) {
        let random = self.chance.next();
        let Some(plan) = self.plan.servers.get(id.server).and_then(|s| s.checkers.get(id.checker)) else {
            return;
        };
        let Some(server) = self.servers.get_mut(id.server) else { return };
        let Some(slot) = server.slots.get_mut(id.checker) else { return };
        if !self.enabled {
            slot.due_us = Some(now.mono_us.saturating_add(plan.delay_loop_us));
            return;
        }
        slot.watch.begin(plan, slot.retrying);
        slot.due_us = Some(now.mono_us.saturating_add(plan.timeout_us));
        if let ProbePlan::Misc { timeout_us, .. } = &plan.probe {
            slot.due_us = Some(now.mono_us.saturating_add(*timeout_us));
            slot.run = Run::Program { since_us: now.mono_us, killed: Killed::No };
            slot.ran_us = Some(now.wall_us);
            out.push(Act::Run(id));
            return;
        }
        if let Some(mut ping) = slot.ping.take() {
            out.push(Act::Send(id, ping.echo()));
            slot.run = Run::Probe(Probe::Ping(ping));
            return;
        }
        let address = self.plan.servers.get(id.server).map_or(plan.target, |s| s.address);
        let given = Given {
            plan,
            server: &server.name,
            pool: &self.plan.name,
            server_pair: pair(address),
            random,
            url: slot.watch.url,
        };
        let Some((probe, transport)) = Probe::start(&given) else {
            slot.due_us = None;
            return;
        };
        slot.run = Run::Probe(probe);
        out.push(Act::Open(id, transport));
    }

    fn follow(&mut self, id: CheckId, progress: Progress, now: Now, out: &mut Vec<Act>) {
        out.extend(progress.lines.into_iter().map(Act::Log));
        if let Some(remark) = progress.remark {
            self.tell_remark(id, remark, out);
        }
        if let Some(bytes) = progress.send {
            out.push(Act::Send(id, bytes));
        }
        if let Some(verdict) = progress.verdict {
            self.conclude(id, verdict, now, out);
        } else if progress.renew {
            let timeout = self.checker(id).map_or(0, |c| c.timeout_us);
            if let Some(slot) = self.slot_mut(id) {
                slot.due_us = Some(now.mono_us.saturating_add(timeout));
            }
        }
    }

    fn tell_remark(&mut self, id: CheckId, remark: Option<String>, out: &mut Vec<Act>) {
        let Some(slot) = self.slot_mut(id) else { return };
        let url = slot.watch.url;
        let Some(told) = slot.remarks.get_mut(url) else { return };
        if *told != remark {
            out.extend(remark.clone().map(Act::Log));
            *told = remark;
        }
    }

    /// The check could not be tried: that says nothing about the server.
    fn reschedule(&mut self, id: CheckId, now: Now, out: &mut Vec<Act>) {
        let name = self.server_name(id.server).to_owned();
        let Some(plan) = self.checker(id) else { return };
        let Some(line) = probe::unable(plan, &name) else {
            return self.conclude(id, Verdict::Bad(String::new()), now, out);
        };
        let wait = plan.delay_loop_us;
        out.push(Act::Log(line));
        out.push(Act::Close(id));
        if let Some(slot) = self.slot_mut(id) {
            slot.run = Run::Idle;
            slot.retrying = false;
            slot.due_us = Some(now.mono_us.saturating_add(wait));
        }
    }

    /// A program takes too long.
    fn hurry(&mut self, id: CheckId, now: Now, out: &mut Vec<Act>) {
        let Some(slot) = self.slot_mut(id) else { return };
        let Run::Program { killed, .. } = &mut slot.run else { return };
        let (next, wait) = match killed {
            Killed::No => (Killed::Gently, KILL_US),
            Killed::Gently => (Killed::Hard, KILL_US),
            Killed::Hard => (Killed::Hard, KILL_AGAIN_US),
        };
        *killed = next;
        slot.due_us = Some(now.mono_us.saturating_add(wait));
        out.push(Act::Kill { id, force: next == Killed::Hard });
    }

    fn conclude(&mut self, id: CheckId, verdict: Verdict, now: Now, out: &mut Vec<Act>) {
        let Some(plan) = self.plan.servers.get(id.server).and_then(|s| s.checkers.get(id.checker)) else {
            return;
        };
        let Some(server) = self.servers.get_mut(id.server) else { return };
        let names = Names { server: &server.name, pool: &self.plan.name };
        let Some(slot) = server.slots.get_mut(id.checker) else { return };
        let good = matches!(verdict, Verdict::Good(_));
        let run = std::mem::replace(&mut slot.run, Run::Idle);
        let since = match (run, good) {
            (Run::Program { since_us, .. }, _) => since_us,
            (Run::Probe(Probe::Ping(ping)), true) => {
                slot.ping = Some(ping);
                now.mono_us
            }
            _ => {
                out.push(Act::Close(id));
                now.mono_us
            }
        };
        let was_up = slot.watch.up;
        let step = slot.watch.judge(plan, verdict, &names);
        let Step { share, lines, state, mail, wait_us, again } = step;
        slot.retrying = again;
        // COMPAT: programs are started one interval after the last start, not after its end
        slot.due_us = Some(since.saturating_add(wait_us).max(now.mono_us.saturating_add(1)));
        if let Some(share) = share {
            self.weigh(id, share, out);
        }
        out.extend(lines.into_iter().map(Act::Log));
        if let Some(up) = state {
            let mail = mail.filter(|m| m.always || was_up != up).map(|m| m.body);
            self.report(id, up, mail, out);
        }
        if let (Some(plan), Some(slot)) = (self.checker(id).cloned(), self.slot_mut(id)) {
            slot.watch.close(&plan);
        }
    }

    fn weigh(&mut self, id: CheckId, share: Share, out: &mut Vec<Act>) {
        let written = self.plan.servers.get(id.server).map_or(0, |s| s.weight);
        let Some(server) = self.servers.get_mut(id.server) else { return };
        let Some(slot) = server.slots.get_mut(id.checker) else { return };
        let share = match share {
            Share::Weight(weight) => weight.map_or(0, |w| w - written),
            Share::Forget => {
                server.weight -= std::mem::take(&mut slot.watch.share);
                return;
            }
        };
        let weight = server.weight - slot.watch.share + share;
        slot.watch.share = share;
        self.set_weight(id.server, weight, out);
    }

    fn weigh_file(&mut self, id: CheckId, file: &str, share: Option<i64>, out: &mut Vec<Act>) {
        let Some(server) = self.servers.get(id.server) else { return };
        let Some(slot) = server.slots.get(id.checker) else { return };
        let name = server.name.clone();
        match (share, slot.watch.up) {
            (None, false) => {}
            (None, true) => {
                if self.plan.detail {
                    out.push(Act::Log(format!("({name}): tracked file {file} now FAULT state")));
                }
                self.report(id, false, None, out);
                self.weigh(id, Share::Forget, out);
            }
            (Some(share), false) => {
                if self.plan.detail {
                    out.push(Act::Log(format!("({name}): tracked file {file} leaving FAULT state")));
                }
                self.preset_share(id, share);
                self.report(id, true, None, out);
            }
            (Some(share), true) => {
                let weight = server.weight - slot.watch.share + share;
                if let Some(slot) = self.slot_mut(id) {
                    slot.watch.share = share;
                }
                self.set_weight(id.server, weight, out);
            }
        }
    }

    fn preset_file(&mut self, id: CheckId, share: Option<i64>) {
        self.preset_share(id, share.unwrap_or(0));
        let Some(server) = self.servers.get_mut(id.server) else { return };
        let Some(slot) = server.slots.get_mut(id.checker) else { return };
        let was_up = std::mem::replace(&mut slot.watch.up, share.is_some());
        match (was_up, share.is_some()) {
            (true, false) => server.failed += 1,
            (false, true) => server.failed = server.failed.saturating_sub(1),
            _ => {}
        }
    }

    fn preset_share(&mut self, id: CheckId, share: i64) {
        let Some(server) = self.servers.get_mut(id.server) else { return };
        let Some(slot) = server.slots.get_mut(id.checker) else { return };
        server.weight += share - std::mem::replace(&mut slot.watch.share, share);
    }
}

impl Slot {
    fn new(plan: &CheckerPlan) -> Slot {
        let mut watch = Watch::new(plan);
        let urls = if let ProbePlan::Http(http) = &plan.probe { http.urls.len() } else { 0 };
        if matches!(plan.probe, ProbePlan::File { .. }) {
            // a file is known at once
            watch.has_run = true;
        } else if plan.alpha {
            watch.up = false;
        }
        let remarks = vec![None; urls];
        Slot {
            watch,
            run: Run::Idle,
            due_us: None,
            retrying: false,
            ping: None,
            ran_us: None,
            last_errno: 0,
            remarks,
        }
    }
}

/// What a file's value adds to a weight; `None` for "down".
fn file_share(value: i64, weight: i32, reverse: bool) -> Option<i64> {
    if weight == 0 {
        return ((value == 0) != reverse).then_some(0);
    }
    let sign = if reverse { -1 } else { 1 };
    let share = value.saturating_mul(i64::from(weight)).saturating_mul(sign);
    (share > i64::from(i32::MIN)).then(|| share.min(i64::from(i32::MAX)))
}

/// A weight as the kernel takes it.
fn real_weight(weight: i64) -> u32 {
    u32::try_from(weight.clamp(0, i64::from(i32::MAX))).unwrap_or_default()
}
