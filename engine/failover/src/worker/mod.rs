//! The worker: one loop, one closed list of events, everything else is told what to do by it.
//!
//! Order within a turn: what has arrived is heard before timers expire; what the machine orders is done in
//! its order (adverts before addresses before announcements); then whoever is to be told is told.

mod announce;
mod bfd;
mod farewell;
pub mod interfaces;
mod kernel;
mod links;
mod lvs;
mod perform;
mod reload;
mod scripts;
mod sockets;
mod split;
mod start;
mod tell;
mod watch;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use rha_base::Now;
use rha_net::daemon::{SignalQueue, signal_number as signal};
use rha_net::netlink::{NetlinkEvent, NetlinkEvents};
use rha_net::raw::FrameSender;
use rha_vrrp::{Input, InstanceId, Moment, Output, Router};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::Plan;
use crate::control::{self, Ask};
use crate::log::Log;
use kernel::Kernel;
use scripts::{ScriptEnd, Scripts};
use sockets::{Packet, SocketKey, Sockets};
use tell::Teller;
use watch::Watch;

pub use scripts::run_and_wait;

/// Most events taken before timers are looked at: a flood of packets must not hold adverts up.
const BURST: usize = 256;

/// What the command line says about a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Addresses are leases (unless `--no-lease` or `-V`).
    pub lease: bool,
    /// `-V`: leave everything installed at the end.
    pub keep: bool,
    /// `-a`: log addresses that come and go.
    pub report_addresses: bool,
    /// Control socket; empty for none.
    pub control: String,
    /// Pid files of the worker, removed at its end.
    pub pid_files: Vec<String>,
    /// `-d`: log the configuration as it was understood.
    pub dump_conf: bool,
    /// `-n`: scripts inherit the standard descriptors.
    pub foreground: bool,
    /// `--ignore-sigint`.
    pub ignore_interrupt: bool,
}

/// What the worker tells its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It serves.
    Started,
    /// A reload is done.
    Reloaded,
    /// A reload was refused; the old configuration runs on.
    ReloadRefused,
}

impl News {
    const ALL: [(News, u8); 3] = [(News::Started, b'S'), (News::Reloaded, b'R'), (News::ReloadRefused, b'X')];

    /// From the line.
    #[must_use]
    pub fn from_byte(b: u8) -> Option<News> {
        News::ALL.iter().find(|(_, x)| *x == b).map(|(n, _)| *n)
    }
}

/// The worker's line to its parent.
#[derive(Debug)]
pub struct Line(UnixStream);

impl Line {
    /// Over a socket pair's end.
    #[must_use]
    pub fn new(stream: UnixStream) -> Line {
        Line(stream)
    }

    fn tell(&mut self, news: News) {
        let byte = News::ALL.iter().find(|(n, _)| *n == news).map_or(b'?', |(_, b)| *b);
        let _ = self.0.write_all(&[byte]);
    }
}

/// Reads the configuration anew; the error has been logged.
pub type Reread = Box<dyn FnMut(&Log) -> Option<Rc<Plan>>>;

/// Something that asks the worker: a listener for Prometheus metrics. It is run until the worker's end.
pub type Served = Box<dyn FnOnce(Rc<dyn Fn(Ask)>) -> Pin<Box<dyn Future<Output = ()>>>>;

/// Everything a worker starts from.
pub struct Start {
    /// What to run.
    pub plan: Rc<Plan>,
    /// How.
    pub settings: Settings,
    /// Where lines go.
    pub log: Log,
    /// To the parent.
    pub line: Line,
    /// Signals that are still blocked; they are let through once the worker listens to them.
    pub signals: SignalQueue,
    /// For a reload.
    pub reread: Reread,
    /// Who asks, beside the control socket.
    pub served: Option<Served>,
}

/// One thing that happened.
#[derive(Debug)]
enum Event {
    /// A packet arrived.
    Packet(SocketKey, Packet),
    /// The kernel's tables changed.
    Kernel(NetlinkEvent),
    /// A signal.
    Signal(i32),
    /// A script ended.
    Script(ScriptEnd),
    /// Somebody asks over the control socket or the metrics listener.
    Ask(Ask),
    /// BFD.
    Bfd(watch::BfdNews),
    /// Somebody else uses one of our addresses.
    Sighting(rha_net::raw::Sighting),
    /// An advert to the group, on a link whose instances speak unicast: link, whether IPv6, the packet.
    Overheard(u32, bool, Vec<u8>),
    /// Checkers of virtual servers ask for something.
    Lvs(crate::checkers::run::Told),
}

/// Whether the loop goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Stop,
}

/// The worker's state.
struct Worker {
    plan: Rc<Plan>,
    settings: Settings,
    log: Log,
    line: Line,
    reread: Reread,
    router: Router,
    kernel: Kernel,
    sockets: Sockets,
    keys: Vec<SocketKey>,
    frames: FrameSender,
    announcements: announce::Announcements,
    scripts: Scripts,
    teller: Teller,
    mail: crate::mail::Post,
    lvs: lvs::Lvs,
    watch: Watch,
    brain: rha_vrrp::SplitDetector,
    /// Splits found, by instance and cause.
    splits: std::collections::BTreeMap<(String, &'static str), u64>,
    brain_at: Moment,
    sightings: Vec<tokio::task::JoinHandle<()>>,
    transitions: crate::status::Transitions,
    filter: rha_net::nft::Filter,
    /// Instances whose addresses are blocked.
    blocked: std::collections::BTreeSet<String>,
    /// Macvlans and ipvlans whose settings and filter are in place.
    prepared: std::collections::BTreeSet<String>,
    /// Settings of interfaces below macvlans, to be put back.
    /// `disable_local_igmp`: what the kernel's setting was.
    local_igmp: Option<String>,
    changed_settings: Vec<(rha_net::sysctl::SettingFamily, String, String, String)>,
    /// Who waits for the end of a handover.
    asked: Vec<(InstanceId, control::Reply)>,
    renew_at: Option<Moment>,
    /// How many reloads were done.
    reloads: u32,
    /// On the way out.
    ending: bool,
    post: UnboundedSender<Event>,
}

/// Runs until it is told to stop; the exit code.
#[must_use]
pub fn run(start: Start) -> i32 {
    rha_net::run_local(serve(start)).unwrap_or(1)
}

async fn serve(start: Start) -> i32 {
    let (post, mut events) = unbounded_channel();
    let signals = start.signals.clone();
    if let Err(e) = listen_to_signals(&post) {
        start.log.info(format_args!("Cannot listen to signals: {e}"));
        return 1;
    }
    signals.unblock();
    let mut worker = match Worker::start(start, post) {
        Ok(w) => w,
        Err(code) => return code,
    };
    let code = worker.run(&mut events).await;
    worker.end(&mut events).await;
    code
}

/// Each signal has a task that posts it.
fn listen_to_signals(post: &UnboundedSender<Event>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal as listen};
    let (first, last) = rha_net::daemon::realtime_signals();
    let all = [
        signal::HANG_UP,
        signal::TERMINATE,
        signal::INTERRUPT,
        signal::USER1,
        signal::USER2,
        signal::PIPE,
        first + 2,
        last - 1,
    ];
    for number in all {
        let mut stream = listen(SignalKind::from_raw(number))?;
        let post = post.clone();
        tokio::task::spawn_local(async move {
            while stream.recv().await.is_some() {
                if post.send(Event::Signal(number)).is_err() {
                    return;
                }
            }
        });
    }
    Ok(())
}

impl Worker {
    fn now() -> Now {
        rha_net::read_clocks()
    }

    async fn run(&mut self, events: &mut UnboundedReceiver<Event>) -> i32 {
        self.line.tell(News::Started);
        rha_net::scheduling::give_back();
        loop {
            let wake = sleep_until(self.deadline());
            let first = tokio::select! {
                biased;
                e = events.recv() => e,
                () = wake => None,
            };
            if let Some(event) = first
                && self.take(event) == Flow::Stop
            {
                return 0;
            }
            for _ in 0..BURST {
                let Ok(event) = events.try_recv() else { break };
                if self.take(event) == Flow::Stop {
                    return 0;
                }
            }
            self.expire();
            self.lvs_addresses();
        }
    }

    /// The earliest of all timers.
    fn deadline(&self) -> Moment {
        [
            self.router.deadline(),
            self.renew_at.unwrap_or(Moment::NEVER),
            self.announcements.deadline(),
            self.teller.deadline(),
            self.watch.deadline(),
            self.scripts.deadline(),
            self.brain_at,
        ]
        .into_iter()
        .min()
        .unwrap_or(Moment::NEVER)
    }

    fn expire(&mut self) {
        let now = Self::now();
        if Moment::from(now) < self.deadline() {
            return;
        }
        if self.router.deadline() <= Moment::from(now) {
            for (key, packet) in self.sockets.drain() {
                self.hear(&key, &packet);
            }
            let mut out = Vec::new();
            self.router.expire(now, &mut out);
            self.perform(out);
        }
        if self.renew_at.is_some_and(|at| at <= Moment::from(now)) {
            self.kernel.renew();
            self.renew_at = None;
        }
        self.arm_renewal();
        self.announce_due(now.into());
        self.tell_due(now);
        self.watch_due(now);
        if self.brain_at <= Moment::from(now) {
            self.forget_splits(now);
        }
    }

    /// The next renewal, if leases are held and none is planned.
    fn arm_renewal(&mut self) {
        match self.kernel.tick() {
            None => self.renew_at = None,
            Some(tick) => {
                let at = Moment::from(Self::now()).after(tick);
                if self.renew_at.is_none_or(|planned| planned > at) {
                    self.renew_at = Some(at);
                }
            }
        }
    }

    fn take(&mut self, event: Event) -> Flow {
        match event {
            Event::Packet(key, packet) => self.hear(&key, &packet),
            Event::Kernel(e) => self.kernel_says(e),
            Event::Signal(n) => return self.signal(n),
            Event::Script(end) => self.script_ended(end),
            Event::Ask(ask) => self.answer(ask),
            Event::Bfd(news) => self.bfd_says(news),
            Event::Sighting(s) => self.sighted(&s),
            Event::Overheard(link, v6, packet) => self.overheard(link, v6, &packet),
            Event::Lvs(told) => self.lvs_told(told),
        }
        Flow::On
    }

    fn signal(&mut self, number: i32) -> Flow {
        let (first, last) = rha_net::daemon::realtime_signals();
        match number {
            signal::TERMINATE => return Flow::Stop,
            signal::INTERRUPT if !self.settings.ignore_interrupt => return Flow::Stop,
            signal::HANG_UP => self.reload(),
            signal::USER1 => self.dump_data(),
            signal::USER2 => self.dump_stats(false),
            n if n == first + 2 => self.dump_json(),
            n if n == last - 1 => self.dump_stats(true),
            _ => {}
        }
        Flow::On
    }

    /// A packet for one of the instances, or a sign of trouble.
    fn hear(&mut self, key: &SocketKey, packet: &Packet) {
        let now = Self::now();
        let datagram = packet.datagram();
        let recipient = self.router.recipient(&key.base, datagram);
        let mut out = Vec::new();
        let refused = match recipient {
            Some(id) if self.is_deaf(id) => None,
            Some(id) => self.router.receive(id, datagram, now, &mut out),
            None => {
                self.unknown_vrid(key, datagram);
                None
            }
        };
        self.perform(out);
        self.suspect(key, datagram, recipient.map(|id| (id, refused)), now);
    }

    /// `owner_ignore_adverts`: the owner of the addresses listens to nobody.
    fn is_deaf(&self, id: InstanceId) -> bool {
        let f = &self.plan.failover;
        f.instances.get(id.0).is_some_and(|i| {
            i.priority == rha_vrrp::OWNER && (i.owner_ignore_adverts || f.global.vrrp_owner_ignore_adverts)
        })
    }

    fn unknown_vrid(&self, key: &SocketKey, datagram: rha_vrrp::Datagram<'_>) {
        if !self.plan.failover.global.log_unknown_vrids && !self.log.is_extra_detailed() {
            return;
        }
        if let Ok(frame) = rha_vrrp::packet::Frame::parse(datagram) {
            self.log.info(format_args!(
                "Unknown VRID({}) received on interface({}). ignoring...",
                frame.vrid, key.interface
            ));
        }
    }

    /// One input to one instance, and what follows.
    fn input(&mut self, id: InstanceId, input: Input<'_>) {
        let mut out: Vec<Output> = Vec::new();
        self.router.handle(id, input, Self::now(), &mut out);
        self.perform(out);
    }

    /// Takes everything down in order, tells of it, and waits for who is told, at most a second.
    async fn end(&mut self, events: &mut UnboundedReceiver<Event>) {
        let mut out = Vec::new();
        self.ending = true;
        self.router.shutdown(Self::now(), &mut out);
        self.perform(out);
        if !self.settings.keep {
            self.kernel.statics(None);
            self.remove_links();
        }
        self.stop_lvs(events).await;
        self.watch.stop();
        let limit = tokio::time::Instant::now() + Duration::from_secs(1);
        while !self.teller.is_idle() {
            self.tell_due(Self::now());
            match tokio::time::timeout_at(limit, events.recv()).await {
                Ok(Some(Event::Script(end))) => self.script_ended(end),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        self.teller.close();
        self.mail.finish(Duration::from_millis(500)).await;
        self.say_stopped();
        control::remove(&self.settings.control);
        for path in &self.settings.pid_files {
            let _ = std::fs::remove_file(path);
        }
    }

    fn say_stopped(&self) {
        let (own, children) = rha_net::daemon::processor_times();
        let s = |us: u64| format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
        // COMPAT: children are mentioned when they used any time.
        let text = match (self.log.is_detailed(), children.user_us) {
            (false, _) => "Stopped".to_owned(),
            (true, 0) => {
                format!("Stopped - used {} user time, {} system time", s(own.user_us), s(own.system_us))
            }
            (true, _) => format!(
                "Stopped - used (self/children) {}/{} user time, {}/{} system time",
                s(own.user_us),
                s(children.user_us),
                s(own.system_us),
                s(children.system_us)
            ),
        };
        self.log.info(text);
    }
}

/// Says goodbye for a dead worker and takes away what it left; for the parent's cleaner process.
pub fn clean(plan: &Plan, log: &Log) {
    let _ = rha_net::run_local(async {
        let Ok(mut kernel) = Kernel::open(false, log.clone()) else { return };
        let (post, _events) = unbounded_channel();
        let mut sockets = Sockets::new(post);
        for (i, c) in plan.failover.instances.iter().zip(&plan.configs) {
            let key = SocketKey::of(i, c);
            if let Some(index) = kernel.interfaces.index(&key.interface) {
                let _ = sockets.ensure(&key, index, None);
            }
        }
        farewell::send(plan, &kernel, &sockets, log);
        for i in &plan.failover.instances {
            kernel.remove_rules(i);
            kernel.remove_routes(i);
            kernel.remove_addresses(i, true);
        }
        lvs::remove_leftovers(plan);
    });
}

async fn sleep_until(at: Moment) {
    if at == Moment::NEVER {
        std::future::pending::<()>().await;
    }
    let now = Moment::from(rha_net::read_clocks());
    tokio::time::sleep(at.since(now)).await;
}

/// The stream of kernel changes as events.
fn listen_to_kernel(mut stream: NetlinkEvents, post: UnboundedSender<Event>) {
    tokio::task::spawn_local(async move {
        loop {
            let event = match stream.next().await {
                Ok(e) => e,
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    NetlinkEvent::Lost
                }
            };
            if post.send(Event::Kernel(event)).is_err() {
                return;
            }
        }
    });
}
