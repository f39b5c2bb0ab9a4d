//! From a plan to a running worker, in the original's order; and the links and filters instances run on.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use rha_ir::failover::{AdvertTarget, DynamicInterfaces, FailoverGlobal, VrrpInstance};
use rha_net::netlink::NetlinkEvents;
use rha_net::nft::{Filter, FilterOptions};
use rha_net::raw::FrameSender;
use rha_net::scripts::ScriptOutput;
use rha_vrrp::{Input, InstanceId, Router, TrackerKind};
use tokio::sync::mpsc::UnboundedSender;

use super::kernel::Kernel;
use super::scripts::Scripts;
use super::sockets::{SocketKey, Sockets};
use super::tell::Teller;
use super::watch::Watch;
use super::{Event, Start, Worker, farewell, listen_to_kernel};
use crate::Plan;
use crate::plan::instance::running_interface;

/// The daemon ends for good: the configuration cannot be run.
const EXIT_CONFIG: i32 = 2;
/// The daemon ends for good: the system refuses.
const EXIT_FATAL: i32 = 1;

/// Whether the kernel reports membership of link-local groups.
const LOCAL_IGMP: &str = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports";

impl Worker {
    /// Everything up to the first timer. The error is an exit code; what is wrong has been logged.
    pub(super) fn start(start: Start, post: UnboundedSender<Event>) -> Result<Worker, i32> {
        let Start { plan, settings, log, line, reread, served, .. } = start;
        let fatal = |e: std::io::Error| {
            log.info(format_args!("Cannot open a socket: {e}"));
            EXIT_FATAL
        };
        log.detail("Registering Kernel netlink reflector");
        let kernel = Kernel::open(settings.lease, log.clone()).map_err(fatal)?;
        let global = &plan.failover.global;
        let buffer = global.vrrp_process.netlink_monitor_rcv.0.and_then(|b| usize::try_from(b).ok());
        log.detail("Registering Kernel netlink command channel");
        let frames = FrameSender::open().map_err(fatal)?;
        log.detail("Registering gratuitous ARP shared channel");
        let output = if settings.foreground { ScriptOutput::Inherited } else { ScriptOutput::Nowhere };
        let mut worker = Worker {
            router: Router::new(plan.machine(log.is_detailed())),
            kernel,
            sockets: Sockets::new(post.clone()),
            keys: Vec::new(),
            frames,
            announcements: super::announce::Announcements::default(),
            scripts: Scripts::new(output, post.clone()),
            teller: Teller::new(output, post.clone()),
            mail: crate::mail::Post::new(log.clone()),
            lvs: super::lvs::Lvs::default(),
            watch: Watch::new(post.clone()),
            brain: rha_vrrp::SplitDetector::default(),
            splits: std::collections::BTreeMap::new(),
            brain_at: rha_vrrp::Moment::NEVER,
            sightings: Vec::new(),
            transitions: crate::status::Transitions::default(),
            blocked: BTreeSet::new(),
            prepared: BTreeSet::new(),
            filter: Filter::new(filter_options(global)),
            asked: Vec::new(),
            renew_at: None,
            reloads: 0,
            ending: false,
            local_igmp: None,
            changed_settings: Vec::new(),
            plan: plan.clone(),
            settings,
            log,
            line,
            reread,
            post: post.clone(),
        };
        worker.kernel.set_hurried(!plan.failover.bfd_instances.is_empty());
        worker.schedule();
        worker.check_interfaces()?;
        worker.write_pid_files();
        worker.report_present();
        worker.say_addresses();
        worker.remove_old_filter();
        worker.disable_local_igmp();
        worker.make_links();
        worker.promote_secondaries();
        // After the links are made, so that their coming up is no news; then once more what there is.
        let changes = NetlinkEvents::open(worker.kernel.netlink(), buffer);
        let changes = changes.and_then(|c| worker.kernel.list().map(|()| c)).map_err(|_| EXIT_FATAL)?;
        worker.open_sockets();
        farewell::send(&plan, &worker.kernel, &worker.sockets, &worker.log);
        worker.say_delay();
        worker.clean_up();
        worker.say_configuration();
        listen_to_kernel(changes, post);
        worker.kernel.statics(Some(&plan.failover));
        worker.open_fifos();
        worker.configure_mail();
        let now = Self::now();
        worker.scripts.load(&plan, None, now.into(), &worker.log);
        worker.start_watching(None);
        worker.set_conditions();
        let mut out = Vec::new();
        worker.router.start(now, &mut out);
        worker.perform(out);
        worker.watch_due(now);
        worker.watch_for_duplicates();
        worker.load_lvs();
        worker.open_control(served)?;
        Ok(worker)
    }

    /// COMPAT: an interface that is not there ends the daemon, unless interfaces may come and go.
    fn check_interfaces(&self) -> Result<(), i32> {
        if self.plan.failover.global.dynamic_interfaces != DynamicInterfaces::No {
            return Ok(());
        }
        let mut missing = false;
        for i in self.plan.failover.instances.iter().filter(|i| !i.interface.is_empty()) {
            if self.kernel.interfaces.index(&i.interface).is_none() {
                self.log.info(format_args!(
                    "({}) WARNING - interface {} for vrrp_instance {} doesn't exist",
                    i.name, i.interface, i.name
                ));
                missing = true;
            }
        }
        if missing { Err(EXIT_CONFIG) } else { Ok(()) }
    }

    /// `vrrp_priority`, `vrrp_rt_priority`, `vrrp_no_swap`, `vrrp_cpu_affinity`, `vrrp_rlimit_rttime`. What the
    /// system refuses is logged, and we go on as we are.
    fn schedule(&self) {
        use rha_net::scheduling;
        let g = &self.plan.failover.global;
        let usual = g.process_names.then(|| "keepalived_vrrp".to_owned());
        if let Some(name) = g.vrrp_process.name.clone().or(usual).and_then(|n| std::ffi::CString::new(n).ok())
        {
            rha_net::daemon::name_process(&name);
        }
        let t = &self.plan.failover.global.vrrp_process;
        let said = |what: &str, result: std::io::Result<()>| {
            if let Err(e) = result {
                self.log.info(format_args!("Unable to set {what} - {e}"));
            }
        };
        if let Some(priority) = t.rt_priority {
            said("scheduler to SCHED_RR", scheduling::set_realtime(priority));
            if let Some(us) = t.rlimit_rttime_us {
                said("realtime CPU limit", scheduling::limit_realtime(us));
            }
        } else if let Some(nice) = t.nice {
            said("process priority", scheduling::set_nice(nice));
        }
        if t.no_swap {
            said("memory locking", scheduling::lock_memory());
        }
        let cpus: Vec<u16> = t.cpus.0.iter().filter_map(|n| u16::try_from(*n).ok()).collect();
        if !cpus.is_empty() {
            said("CPU affinity", scheduling::set_processors(&cpus));
        }
    }

    fn write_pid_files(&self) {
        let former = rha_net::scheduling::set_umask(0o022);
        for path in &self.settings.pid_files {
            if let Err(e) = rha_net::write_pidfile(std::path::Path::new(path), &[std::process::id()]) {
                self.log.info(format_args!("Error opening pid file {path}: {e}"));
            }
        }
        rha_net::scheduling::set_umask(former);
    }

    fn say_delay(&self) {
        let us = u64::try_from(self.plan.startup_delay().as_micros()).unwrap_or(0);
        if us > 0 {
            let tenths = us.div_ceil(100_000);
            self.log.info(format_args!("Delaying startup for {}.{} seconds", tenths / 10, tenths % 10));
        }
    }

    /// COMPAT: leftovers of an earlier run go before anything else.
    fn clean_up(&mut self) {
        let mut out = Vec::new();
        self.router.clean_up(Self::now(), &mut out);
        self.perform(out);
    }

    pub(super) fn say_addresses(&self) {
        let mut said = BTreeSet::new();
        let own = self.plan.failover.instances.iter().map(|i| i.interface.as_str());
        let f = &self.plan.failover;
        let tracked = f.instances.iter().flat_map(|i| &i.trackers);
        let tracked = tracked.chain(f.sync_groups.iter().flat_map(|g| &g.trackers));
        let tracked = tracked.filter_map(|t| match &t.kind {
            rha_ir::TrackerKind::Interface(name) => Some(name.as_str()),
            _ => None,
        });
        for name in own.chain(tracked) {
            let Some(index) = self.kernel.interfaces.index(name) else { continue };
            if !said.insert(index) {
                continue;
            }
            for v6 in [false, true] {
                if let Some(a) = self.kernel.interfaces.primary(index, v6, &|a| self.plan.is_virtual(a)) {
                    self.log.detail(format_args!("Assigned address {a} for interface {name}"));
                }
            }
        }
    }

    /// `disable_local_igmp`: no reports for groups of the link; put back at the end.
    fn disable_local_igmp(&mut self) {
        if !self.plan.failover.global.disable_local_igmp {
            return;
        }
        match std::fs::read_to_string(LOCAL_IGMP) {
            Ok(former) if former.trim() != "0" && std::fs::write(LOCAL_IGMP, "0").is_ok() => {
                self.local_igmp = Some(former);
            }
            Ok(_) => {}
            Err(e) => self.log.info(format_args!("Unable to open {LOCAL_IGMP} - {e}")),
        }
    }

    pub(super) fn restore_local_igmp(&mut self) {
        if let Some(former) = self.local_igmp.take() {
            let _ = std::fs::write(LOCAL_IGMP, former);
        }
    }

    /// `promote_secondaries` of the interfaces that ask for it; put back at the end.
    fn promote_secondaries(&mut self) {
        use rha_net::sysctl::{SettingFamily, set_interface_setting};
        let plan = self.plan.clone();
        for i in plan.failover.instances.iter().filter(|i| i.promote_secondaries) {
            let (family, setting) = (SettingFamily::V4, "promote_secondaries");
            if let Ok(Some(former)) = set_interface_setting(family, &i.interface, setting, "1") {
                self.changed_settings.push((family, i.interface.clone(), setting.to_owned(), former));
            }
        }
    }

    /// Filters of an earlier run, where this one may need some itself.
    fn remove_old_filter(&self) {
        let needed = |i: &VrrpInstance| !i.accept || i.vmac.is_some() || !i.address_links.is_empty();
        if self.plan.failover.instances.iter().any(needed) {
            self.apply_filter(&self.filter.remove_leftovers());
        }
    }

    /// `-d`: the configuration as it was understood.
    fn say_configuration(&self) {
        if self.settings.dump_conf {
            self.data().lines().for_each(|l| self.log.info(l));
        }
    }

    pub(super) fn apply_filter(&self, script: &str) {
        if let Err(e) = rha_net::nft::apply(script) {
            self.log.info(format_args!("Cannot set packet filter: {e}"));
        }
    }

    /// One socket per interface, family, protocol and kind.
    pub(super) fn open_sockets(&mut self) {
        let plan = self.plan.clone();
        self.keys =
            plan.failover.instances.iter().zip(&plan.configs).map(|(i, c)| SocketKey::of(i, c)).collect();
        let keys = self.keys.clone();
        self.sockets.keep(&keys);
        for (i, key) in plan.failover.instances.iter().zip(&keys) {
            self.open_socket(i, key);
        }
    }

    /// Opens the socket of an instance if its interface is there.
    pub(super) fn open_socket(&mut self, i: &VrrpInstance, key: &SocketKey) {
        let index = match key.interface.is_empty() {
            true => 0,
            false => match self.kernel.interfaces.index(&key.interface) {
                Some(index) => index,
                None => return,
            },
        };
        let buffer = i.kernel_rx_buf_size.and_then(|b| usize::try_from(b).ok());
        match self.sockets.ensure(key, index, buffer) {
            Ok(true) => self.log.detail(key.line(index, self.sockets.fd(key))),
            Ok(false) => {}
            Err(e) => {
                self.log.info(format_args!("({}) cannot open socket on {}: {e}", i.name, key.interface))
            }
        }
    }

    pub(super) fn configure_mail(&mut self) {
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        self.mail.configure(&self.plan.failover.global, &self.plan.host, &user);
    }

    pub(super) fn open_fifos(&mut self) {
        let plan = self.plan.clone();
        let g = &plan.failover.global;
        let wanted = g.notify_fifo.iter().chain(&g.vrrp_notify_fifo);
        self.teller.open_fifos(wanted, &self.log);
    }

    /// Tells the machine what holds before it starts: interfaces, sources, trackers.
    pub(super) fn set_conditions(&mut self) {
        let plan = self.plan.clone();
        for (at, i) in plan.failover.instances.iter().enumerate() {
            let id = InstanceId(at);
            if !i.interface.is_empty() {
                self.input(id, Input::Interface { up: self.is_instance_up(i) });
            }
            self.input(id, Input::Source(self.source(i)));
        }
        self.set_tracker_conditions();
    }

    fn set_tracker_conditions(&mut self) {
        let mut wanted = BTreeSet::new();
        for i in self.router.instances() {
            for t in i.trackers() {
                wanted.insert((kind_number(t.kind), t.name.clone()));
            }
        }
        for (kind, name) in wanted {
            let kind = KINDS.get(kind).copied().unwrap_or(TrackerKind::Interface);
            if let Some(c) = self.present_condition(kind, &name) {
                self.condition(kind, &name, c);
            }
        }
    }

    /// An instance's interface, and what is below it.
    pub(super) fn is_instance_up(&self, i: &VrrpInstance) -> bool {
        let all = &self.kernel.interfaces;
        all.is_up(&i.interface) && (i.vmac.is_none() || all.is_up(running_interface(i)))
    }

    /// Address adverts leave from.
    pub(super) fn source(&self, i: &VrrpInstance) -> Option<IpAddr> {
        if let Some(written) = i.source
            && !i.track_source
        {
            // COMPAT: unicast from an address that is not here is a fault; multicast is sent from it.
            let index = self.kernel.interfaces.index(&i.interface).unwrap_or(0);
            let multicast = matches!(i.target, AdvertTarget::Multicast(_));
            return Some(written).filter(|_| multicast || is_here(written, index));
        }
        let index = self.kernel.interfaces.index(&i.interface)?;
        if let Some(written) = i.source {
            return self.kernel.interfaces.has(index, written).then_some(written);
        }
        self.kernel.interfaces.primary(index, i.ipv6, &|a| self.plan.is_virtual(a))
    }

    pub(super) fn stopping(&self) -> bool {
        self.ending
    }
}

const KINDS: [TrackerKind; 5] =
    [TrackerKind::Interface, TrackerKind::Script, TrackerKind::Process, TrackerKind::File, TrackerKind::Bfd];

fn kind_number(kind: TrackerKind) -> usize {
    KINDS.iter().position(|k| *k == kind).unwrap_or(0)
}

fn filter_options(g: &FailoverGlobal) -> FilterOptions {
    let usual = FilterOptions::default();
    FilterOptions {
        table: g.nftables.clone().filter(|t| !t.is_empty()).unwrap_or(usual.table),
        priority: g.nftables_priority,
        counters: g.nftables_counters,
    }
}

/// Whether packets may leave from an address: what the system says to one who asks for it.
fn is_here(address: IpAddr, scope: u32) -> bool {
    let place = match address {
        IpAddr::V4(a) => std::net::SocketAddr::from((a, 0)),
        IpAddr::V6(a) => std::net::SocketAddrV6::new(a, 0, 0, scope).into(),
    };
    let asked = std::net::UdpSocket::bind(place);
    !asked.is_err_and(|e| e.kind() == std::io::ErrorKind::AddrNotAvailable)
}

/// `no_accept`: drops what is addressed to the virtual addresses of an instance, or lets it in again.
pub(super) fn drop_rule(worker: &mut Worker, i: &VrrpInstance, on: bool) -> String {
    let changed = match on {
        true => worker.blocked.insert(i.name.clone()),
        false => worker.blocked.remove(&i.name),
    };
    if !changed {
        return String::new();
    }
    let device = running_interface(i);
    let all: Vec<(IpAddr, &str)> = i
        .addresses
        .iter()
        .chain(&i.excluded)
        .map(|v| (v.address, v.interface.as_deref().unwrap_or(device)))
        .collect();
    if on { worker.filter.block(&all) } else { worker.filter.unblock(&all) }
}

impl Plan {
    /// `vrrp_startup_delay`, or what is left of `vrrp_delay_after_boot`.
    fn startup_delay(&self) -> Duration {
        let g = &self.failover.global;
        let after_boot = g.vrrp_delay_after_boot_us.map_or(0, |wanted| {
            let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
            let up = text
                .split(' ')
                .next()
                .and_then(|s| s.parse().ok())
                .map_or(Duration::ZERO, Duration::from_secs_f64);
            wanted.saturating_sub(u64::try_from(up.as_micros()).unwrap_or(u64::MAX))
        });
        Duration::from_micros(g.vrrp_startup_delay_us.max(after_boot))
    }

    /// What the machine runs on.
    #[must_use]
    pub fn machine(&self, detail: bool) -> rha_vrrp::Plan {
        rha_vrrp::Plan {
            instances: self.configs.clone(),
            groups: self.groups.clone(),
            detail,
            startup_delay: self.startup_delay(),
        }
    }
}
