//! What the machine's conditions come from besides scripts: the kernel's tables, files, processes, BFD.
//!
//! Files and processes are polled: kernels without process events are the ones this was made on.
//! DIFFERS: a BFD session that is lost is the master-down event of the instances that track it, if the
//! neighbour is their master; to the original it changes the priority at most.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use rha_base::Now;
use rha_ir::failover::{TrackFile, TrackProcess};
use rha_net::netlink::NetlinkEvent;
use rha_net::{ParameterMatch, ProcessPattern};
use rha_vrrp::{Condition, Input, InstanceId, Moment, TrackerKind};
use tokio::sync::mpsc::UnboundedSender;

use super::bfd::Bfd;
use super::interfaces::Changed;
use super::{Event, Worker};
use crate::plan::instance::running_interface;

pub(super) use super::bfd::BfdNews;

/// How often processes are counted.
const PROCESS_POLL: Duration = Duration::from_millis(500);
/// How often files are looked at.
const FILE_POLL: Duration = Duration::from_millis(200);

/// Removals are gathered for so long before they are looked at.
const RESTORE_DELAY: Duration = Duration::from_millis(50);

/// A count that has to last before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quorum {
    has: bool,
    /// The last count.
    count: u32,
    /// The other value since then.
    other_since: Option<Moment>,
}

impl Quorum {
    /// Takes a count in; whether the quorum is there now.
    fn take(&mut self, p: &TrackProcess, count: u32, now: Moment) -> bool {
        let is = (p.quorum..=p.quorum_max).contains(&count);
        self.count = count;
        if is == self.has {
            self.other_since = None;
            return self.has;
        }
        let since = *self.other_since.get_or_insert(now);
        let delay = Duration::from_micros(if is { p.fork_delay_us } else { p.terminate_delay_us });
        if now >= since.after(delay) {
            *self = Quorum { has: is, count, other_since: None };
        }
        self.has
    }
}

/// Polled things and sessions.
pub(super) struct Watch {
    files: Vec<i64>,
    files_at: Moment,
    processes: Vec<Quorum>,
    processes_at: Moment,
    restore_at: Moment,
    /// Links whose change has not lasted long enough: since when it counts, and what it was before.
    unsettled: BTreeMap<String, (Moment, Option<bool>)>,
    pub(super) bfd: Bfd,
}

impl Watch {
    pub(super) fn new(post: UnboundedSender<Event>) -> Watch {
        Watch {
            files: Vec::new(),
            files_at: Moment::NEVER,
            processes: Vec::new(),
            processes_at: Moment::NEVER,
            restore_at: Moment::NEVER,
            unsettled: BTreeMap::new(),
            bfd: Bfd::new(post),
        }
    }

    pub(super) fn deadline(&self) -> Moment {
        let unsettled = self.unsettled.values().map(|(at, _)| *at).min().unwrap_or(Moment::NEVER);
        self.files_at.min(self.processes_at).min(self.bfd.deadline()).min(self.restore_at).min(unsettled)
    }

    /// Numbers of tracked files, in the model's order.
    pub(super) fn files(&self) -> &[i64] {
        &self.files
    }

    /// Tracked processes, in the model's order.
    pub(super) fn processes(&self) -> Vec<crate::dump::ProcessView> {
        let view = |q: &Quorum| crate::dump::ProcessView {
            count: q.count,
            has_quorum: q.has,
            waits: q.other_since.is_some(),
        };
        self.processes.iter().map(view).collect()
    }

    pub(super) fn stop(&mut self) {
        self.bfd.stop(rha_net::read_clocks());
    }
}

/// The number in a file; COMPAT: a file that is not there or holds no number counts as 0.
fn read_number(f: &TrackFile) -> i64 {
    let text = std::fs::read_to_string(&f.path).unwrap_or_default();
    let end = |t: &str| t.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '+').unwrap_or(t.len());
    let text = text.trim_start();
    text.get(..end(text)).and_then(|t| t.parse().ok()).unwrap_or(0)
}

fn pattern(p: &TrackProcess) -> ProcessPattern {
    let words: Vec<Vec<u8>> = p.params.iter().flatten().map(|w| w.to_vec()).collect();
    let parameters = match (&p.params, p.partial_match) {
        (None, _) => ParameterMatch::Any,
        (Some(_), None) => ParameterMatch::Exact(words),
        (Some(_), Some(true)) => ParameterMatch::Partial(words),
        (Some(_), Some(false)) => ParameterMatch::Initial(words),
    };
    let name = if p.full_command || parameters != ParameterMatch::Any {
        p.path.clone()
    } else {
        let base = p.path.rsplit('/').next().unwrap_or(&p.path);
        base.chars().take(15).collect()
    };
    ProcessPattern { name: name.into_bytes(), full_command: p.full_command, parameters }
}

impl Worker {
    /// Begins to watch what the plan tracks; `former` is the plan before a reload.
    pub(super) fn start_watching(&mut self, former: Option<&crate::Plan>) {
        let plan = self.plan.clone();
        let f = &plan.failover;
        for t in &f.track_files {
            if let Some(value) = t.init.filter(|_| t.overwrite || !std::path::Path::new(&t.path).exists())
                && former.is_none()
            {
                let _ = std::fs::write(&t.path, format!("{value}\n"));
            }
        }
        let now = Moment::from(Self::now());
        self.watch.files = f.track_files.iter().map(read_number).collect();
        self.watch.files_at = if f.track_files.is_empty() { Moment::NEVER } else { now.after(FILE_POLL) };
        let patterns: Vec<ProcessPattern> = f.track_processes.iter().map(pattern).collect();
        let counts = count(&patterns);
        let first = |(p, n): (&TrackProcess, &u32)| Quorum {
            has: (p.quorum..=p.quorum_max).contains(n),
            count: *n,
            other_since: None,
        };
        self.watch.processes = f.track_processes.iter().zip(&counts).map(first).collect();
        self.watch.processes_at = if patterns.is_empty() { Moment::NEVER } else { now.after(PROCESS_POLL) };
        let log = self.log.clone();
        self.watch.bfd.load(&f.bfd_instances, &log, Self::now());
    }

    /// What is known of a tracked thing.
    pub(super) fn present_condition(&self, kind: TrackerKind, name: &str) -> Option<Condition> {
        let f = &self.plan.failover;
        let up = |yes: bool| if yes { Condition::Up } else { Condition::Down };
        match kind {
            TrackerKind::Interface => Some(up(self.kernel.interfaces.is_up(name))),
            TrackerKind::Script => {
                let at = f.scripts.iter().position(|s| s.name == name)?;
                Some(self.scripts.condition(at))
            }
            TrackerKind::File => {
                let at = f.track_files.iter().position(|t| t.name == name)?;
                self.watch.files.get(at).map(|n| Condition::Value(*n))
            }
            TrackerKind::Process => {
                let at = f.track_processes.iter().position(|t| t.name == name)?;
                self.watch.processes.get(at).map(|q| up(q.has))
            }
            TrackerKind::Bfd => Some(up(self.watch.bfd.is_up(name))),
        }
    }

    /// Runs scripts, looks at files and processes, lets BFD do what is due.
    pub(super) fn watch_due(&mut self, now: Now) {
        let plan = self.plan.clone();
        let at = Moment::from(now);
        self.scripts.run_due(&plan.failover.scripts, at, &self.log);
        if self.watch.files_at <= at {
            self.watch.files_at = at.after(FILE_POLL);
            self.look_at_files();
        }
        if self.watch.processes_at <= at {
            self.watch.processes_at = at.after(PROCESS_POLL);
            self.count_processes(at);
        }
        if self.watch.restore_at <= at {
            self.watch.restore_at = Moment::NEVER;
            self.kernel.restore_routes();
        }
        self.settle_links(at);
        if self.watch.bfd.deadline() <= at {
            let changed = self.watch.bfd.expire(now, &self.log);
            self.bfd_changed(&changed);
        }
    }

    fn look_at_files(&mut self) {
        let plan = self.plan.clone();
        for (at, f) in plan.failover.track_files.iter().enumerate() {
            let number = read_number(f);
            let Some(known) = self.watch.files.get_mut(at) else { continue };
            if *known != number {
                *known = number;
                self.log.info(format_args!("Track file {} is now {number}", f.name));
                self.lvs.file(&f.name, number);
                self.condition(TrackerKind::File, &f.name, Condition::Value(number));
            }
        }
    }

    fn count_processes(&mut self, now: Moment) {
        let plan = self.plan.clone();
        let all = &plan.failover.track_processes;
        let patterns: Vec<ProcessPattern> = all.iter().map(pattern).collect();
        for ((at, p), n) in all.iter().enumerate().zip(count(&patterns)) {
            let Some(q) = self.watch.processes.get_mut(at) else { continue };
            let was = q.has;
            let is = q.take(p, n, now);
            if was != is {
                let text = if is { "gained" } else { "lost" };
                self.log.info(format_args!("Quorum {text} for tracked process {}", p.name));
                let condition = if is { Condition::Up } else { Condition::Down };
                self.condition(TrackerKind::Process, &p.name, condition);
            }
        }
    }

    pub(super) fn bfd_says(&mut self, news: BfdNews) {
        let now = Self::now();
        let changed = self.watch.bfd.hear(news, now, &self.log);
        self.bfd_changed(&changed);
    }

    /// Sessions that came up or went.
    fn bfd_changed(&mut self, changed: &[(String, IpAddr, bool)]) {
        for (name, peer, up) in changed {
            self.lvs.bfd(name, *up);
            let state = if *up { "Up" } else { "Down" };
            self.log.info(format_args!(
                "Received BFD event: instance {name} is in state {state} (delivered in 0 usec)"
            ));
            let trackers = |i: &&rha_vrrp::Instance| {
                i.trackers().iter().any(|t| t.kind == TrackerKind::Bfd && t.name == *name)
            };
            let hit: Vec<(InstanceId, String)> = self
                .router
                .instances()
                .iter()
                .enumerate()
                .filter(|(_, i)| trackers(i))
                .map(|(at, i)| (InstanceId(at), i.name().to_owned()))
                .collect();
            let word = if *up { "UP" } else { "DOWN" };
            for (_, instance) in &hit {
                self.log
                    .info(format_args!("VRRP_Instance({instance}) Tracked BFD instance {name} is {word}"));
            }
            let condition = if *up { Condition::Up } else { Condition::Down };
            self.condition(TrackerKind::Bfd, name, condition);
            if *up {
                continue;
            }
            for (id, _) in hit {
                let interval = self.router.instance(id).map(rha_vrrp::Instance::master_interval);
                let spread = interval.unwrap_or_default().min(Duration::from_millis(100));
                self.input(id, Input::PathLost { peer: *peer, spread });
            }
        }
    }

    /// A change of the kernel's tables.
    pub(super) fn kernel_says(&mut self, event: NetlinkEvent) {
        match self.kernel.interfaces.take(event) {
            Changed::Link { name, was, is: Some(false), .. } if self.is_made_here(&name) => {
                // What is told of a link just made may be older than what we know of it.
                let _ = self.kernel.list();
                let is = self.kernel.interfaces.link(&name).map(super::interfaces::is_usable);
                self.link_changed(&name, was, is);
            }
            Changed::Link { name, was, is, .. } => self.link_changed(&name, was, is),
            Changed::Added(a) => {
                if self.settings.report_addresses {
                    self.report_address(&a, "added to");
                }
                self.sources_changed(a.link);
            }
            Changed::Gone { address, by_us } => {
                // A virtual address that somebody took away is in the log with `-D` anyway.
                let told = !by_us
                    && self.log.is_detailed()
                    && self.kernel.owner(address.link, address.address).is_some();
                if self.settings.report_addresses && !told {
                    self.report_address(&address, "removed from");
                }
                if !by_us {
                    self.address_gone(address.link, address.address);
                }
                self.sources_changed(address.link);
            }
            Changed::Everything => self.list_again(),
            Changed::RouteOrRuleGone => {
                let soon = Moment::from(Self::now()).after(RESTORE_DELAY);
                self.watch.restore_at = self.watch.restore_at.min(soon);
            }
            Changed::Nothing => {}
        }
    }

    fn report_address(&self, a: &rha_net::netlink::InterfaceAddress, what: &str) {
        let name = self.kernel.interfaces.at(a.link).map_or("?", |l| l.name.as_str());
        self.log.info(format_args!("Netlink reflector reports IP {} {what} {name}", a.address));
    }

    /// `-a`. COMPAT: those that are there at the start are told of as well.
    pub(super) fn report_present(&self) {
        if self.settings.report_addresses {
            let interfaces = &self.kernel.interfaces;
            let all = interfaces.links().flat_map(|l| interfaces.addresses(l.index));
            all.for_each(|a| self.report_address(a, "added to"));
        }
    }

    /// Notifications were lost: what differs from what we know is as if it had been told.
    fn list_again(&mut self) {
        if self.kernel.list().is_err() {
            return;
        }
        let plan = self.plan.clone();
        for (at, i) in plan.failover.instances.iter().enumerate() {
            let id = InstanceId(at);
            if !i.interface.is_empty() {
                self.input(id, Input::Interface { up: self.is_instance_up(i) });
            }
            self.input(id, Input::Source(self.source(i)));
        }
    }

    /// How long a change has to last, microseconds. COMPAT: going down is found out before the backup does:
    /// at most one interval less than `down_timer_adverts`; a delay of the same length up follows.
    fn debounce(&self, name: &str, up: bool) -> u64 {
        let f = &self.plan.failover;
        let Some(d) = f.interface_delays.iter().find(|d| d.interface == name) else { return 0 };
        let most = |i: &rha_ir::failover::VrrpInstance| match i.down_timer_adverts {
            0 | 1 => None,
            n => Some(i.advert_int_us * u64::from(n - 1) - i.advert_int_us / 256),
        };
        let on_it = f.instances.iter().filter(|i| i.interface == name);
        let down = on_it.filter_map(most).fold(d.down_us, u64::min);
        if !up || d.up_us == d.down_us { down } else { d.up_us }
    }

    /// `interface_up_down_delays`: a change counts once it has lasted; one that goes back never did.
    fn link_changed(&mut self, name: &str, was: Option<bool>, is: Option<bool>) {
        let delay = self.debounce(name, is == Some(true));
        if delay == 0 || is.is_none() || was.is_none() {
            let was = self.watch.unsettled.remove(name).map_or(was, |(_, before)| before);
            return self.link_settled(name, was, is);
        }
        let at = Moment::from(Self::now()).after(Duration::from_micros(delay));
        match self.watch.unsettled.get_mut(name) {
            Some((_, before)) if *before == is => drop(self.watch.unsettled.remove(name)),
            Some((due, _)) => *due = at,
            None if was != is => drop(self.watch.unsettled.insert(name.to_owned(), (at, was))),
            None => {}
        }
    }

    fn settle_links(&mut self, now: Moment) {
        let due: Vec<String> =
            self.watch.unsettled.iter().filter(|(_, (at, _))| *at <= now).map(|(n, _)| n.clone()).collect();
        for name in due {
            let Some((_, was)) = self.watch.unsettled.remove(&name) else { continue };
            let is = self.kernel.interfaces.link(&name).map(super::interfaces::is_usable);
            self.link_settled(&name, was, is);
        }
    }

    fn link_settled(&mut self, name: &str, was: Option<bool>, is: Option<bool>) {
        let up = is == Some(true);
        if was.unwrap_or(false) == up && was.is_some() == is.is_some() {
            return;
        }
        let tracked = self.is_tracked(name);
        if tracked {
            let text = match (was, is) {
                (_, None) => "deleted".to_owned(),
                (_, Some(true)) => "up".to_owned(),
                (_, Some(false)) => "down".to_owned(),
            };
            self.log.info(format_args!("Netlink reports {name} {text}"));
        }
        let plan = self.plan.clone();
        if was.is_none() && is.is_some() {
            self.make_links();
        }
        for (at, i) in plan.failover.instances.iter().enumerate() {
            if i.interface != name && running_interface(i) != name {
                continue;
            }
            let id = InstanceId(at);
            if let Some(key) = self.keys.get(at).cloned() {
                if was.is_none() {
                    self.open_socket(i, &key);
                } else if up {
                    self.sockets.rejoin(&key);
                }
            }
            self.input(id, Input::Source(self.source(i)));
            self.input(id, Input::Interface { up: self.is_instance_up(i) });
        }
        let condition = if up { Condition::Up } else { Condition::Down };
        self.condition(TrackerKind::Interface, name, condition);
        if was.is_none() && is.is_some() {
            self.watch_for_duplicates();
        }
        if up {
            // Routes over it went with it, of instances that run on other interfaces as well; and static
            // addresses if it is new.
            self.kernel.statics(Some(&plan.failover));
            self.watch.restore_at = Moment::from(Self::now());
        }
    }

    fn is_made_here(&self, name: &str) -> bool {
        let made = |i: &rha_ir::failover::VrrpInstance| {
            let own = i.vmac.as_ref().map(|v| &v.name);
            own.into_iter().chain(i.address_links.iter().map(|l| &l.name)).any(|n| n == name)
        };
        self.plan.failover.instances.iter().any(made)
    }

    fn is_tracked(&self, name: &str) -> bool {
        let own = |i: &rha_ir::failover::VrrpInstance| i.interface == name || running_interface(i) == name;
        self.plan.failover.instances.iter().any(own)
            || self
                .router
                .instances()
                .iter()
                .any(|i| i.trackers().iter().any(|t| t.kind == TrackerKind::Interface && t.name == name))
    }

    /// Primary addresses may have changed.
    fn sources_changed(&mut self, link: u32) {
        let plan = self.plan.clone();
        for (at, i) in plan.failover.instances.iter().enumerate() {
            let known = self.router.instance(InstanceId(at)).and_then(rha_vrrp::Instance::source);
            // COMPAT: a source that was written is not missed once it was there, unless it is tracked.
            let settled = i.source.is_some() && !i.track_source && known.is_some();
            if settled || self.kernel.interfaces.index(&i.interface) != Some(link) {
                continue;
            }
            let source = self.source(i);
            if source != known {
                self.input(InstanceId(at), Input::Source(source));
            }
        }
    }

    /// Somebody removed an address, or a lease ran out because we were not there to renew it.
    fn address_gone(&mut self, link: u32, address: IpAddr) {
        if self.kernel.restore_static(link, address) {
            return;
        }
        let Some(owner) = self.kernel.owner(link, address).map(str::to_owned) else { return };
        let plan = self.plan.clone();
        let Some(at) = plan.failover.instances.iter().position(|i| i.name == owner) else { return };
        let tracked = plan.failover.instances.get(at).is_some_and(|i| {
            i.addresses.iter().chain(&i.excluded).any(|v| v.address == address && !v.no_track)
        });
        // A link that goes down takes IPv6 addresses with it; that is the link's story.
        let up = self.kernel.interfaces.at(link).is_some_and(super::interfaces::is_usable);
        if tracked && up {
            // It stays on our list until the machine takes all of them off: a renewal that was quicker than
            // this news may have put it back.
            self.input(InstanceId(at), Input::AddressRemoved { address });
        } else {
            self.kernel.forget(&owner, address);
        }
    }
}

fn count(patterns: &[ProcessPattern]) -> Vec<u32> {
    if patterns.is_empty() {
        return Vec::new();
    }
    let counts = rha_net::count_processes(patterns).unwrap_or_default();
    counts.into_iter().map(|n| u32::try_from(n).unwrap_or(u32::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(quorum: u32, fork_ms: u64, terminate_ms: u64) -> TrackProcess {
        TrackProcess {
            name: "p".into(),
            path: "/usr/sbin/nginx".into(),
            params: None,
            partial_match: None,
            full_command: false,
            weight: rha_ir::failover::TrackWeight::default(),
            quorum,
            quorum_max: u32::MAX,
            terminate_delay_us: terminate_ms * 1000,
            fork_delay_us: fork_ms * 1000,
            origin: rha_ir::Span::default(),
        }
    }

    #[test]
    fn a_quorum_counts_after_its_delay() {
        let p = process(2, 0, 1000);
        let mut q = Quorum { has: true, count: 2, other_since: None };
        let ms = |n: u64| Moment(n * 1000);
        assert!(q.take(&p, 1, ms(0)), "not yet");
        assert!(q.take(&p, 1, ms(999)));
        assert!(q.take(&p, 2, ms(999)), "it came back");
        assert!(q.take(&p, 1, ms(1000)));
        assert!(!q.take(&p, 1, ms(2000)));
        assert!(q.take(&p, 3, ms(2001)), "no delay on the way up");
    }

    #[test]
    fn a_name_is_compared_as_the_kernel_keeps_it() {
        let mut p = process(1, 0, 0);
        assert_eq!(pattern(&p).name, b"nginx");
        p.path = "/opt/a-very-long-process-name".into();
        assert_eq!(pattern(&p).name, b"a-very-long-pro");
        p.full_command = true;
        assert_eq!(pattern(&p).name, b"/opt/a-very-long-process-name");
    }
}
