//! The watch over servers: runs the checks of `rha-health` on a thread of its own and makes what they find true.
//!
//! ```text
//!   plan ──prepare──▶ Prepared (scripts compiled, observer set) ──start──▶ Watch
//!      check task per server ─┐
//!      agent task per server ─┤                         ┌▶ ProxyState (operation, admin, weight → balancer)
//!      live traffic (observe) ┼▶ Fleet, under one lock ─┼▶ log lines, standard error
//!      operator (admin) ──────┘                         └▶ tracking servers
//! ```
//! One lock holds all servers' states: changes are rare, and the order of lines is the order of changes. Workers
//! never take it; what they see of servers arrives through a channel. HAProxy 3.0 configuration manual §5.2 "check".

mod apply;
mod external;
mod feed;
mod probe;
mod targets;
mod tasks;
pub(crate) mod texts;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rha_base::ProxyId;
use rha_health::schedule::Spread;
use rha_health::{Admin, Cause, Checked, Fleet, Health, Operation};
use tokio::sync::{Notify, mpsc};

use crate::log::Logs;
use crate::plan::{Plan, PlanError};
use feed::{Feed, Sight};
use targets::Target;

/// Where lines for the standard error go: the word (`WARNING`, `ALERT`) and the text.
pub type Console = Box<dyn Fn(&str, &str) + Send + Sync>;

/// An operator's word about a server, `set server … state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words are the command's own")]
pub enum AdminState {
    Ready,
    Drain,
    Maint,
}

/// A plan's checks, compiled, not yet running.
pub struct Prepared {
    targets: Vec<Target>,
    sights: mpsc::UnboundedReceiver<Sight>,
}

/// Compiles the checks of a plan and makes its traffic observed where servers ask for it.
///
/// # Errors
/// Checks that cannot be run, each with where it was written.
pub fn prepare(plan: &mut Plan) -> Result<Prepared, Vec<PlanError>> {
    let targets = targets::of(plan)?;
    let (feed, sights) = Feed::new(plan);
    if let Some(feed) = feed {
        plan.observer = Some(Arc::new(feed));
    }
    Ok(Prepared { targets, sights })
}

/// All servers' states, and what was told of their backends.
pub(crate) struct Ledger {
    pub fleet: Fleet,
    /// Usable servers of each proxy when a line was last written.
    pub had: Vec<usize>,
}

/// What the tasks and the operator share.
pub(crate) struct Desk {
    pub plan: Arc<Plan>,
    pub targets: Vec<Target>,
    pub ledger: Mutex<Ledger>,
    pub logs: Mutex<Logs>,
    pub console: Console,
    pub spread: Spread,
    /// One for each target and kind of check: its next run may be due earlier.
    pub hurry: Vec<[Notify; 2]>,
    /// First target of each proxy.
    pub first: Vec<usize>,
    pub node: String,
    pub stop: Notify,
    /// Checks begun.
    pub runs: AtomicU64,
    /// Servers take up the states of a file: it is told as what concerns the configuration.
    pub restoring: AtomicBool,
}

impl Desk {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn target(&self, proxy: ProxyId, server: usize) -> Option<usize> {
        let first = *self.first.get(proxy.0 as usize)?;
        let at = first + server;
        self.targets.get(at).filter(|t| t.proxy == proxy).map(|_| at)
    }
}

/// Running checks.
pub struct Watch {
    desk: Arc<Desk>,
    thread: Mutex<Option<rha_net::Worker>>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("targets", &self.desk.targets.len()).finish_non_exhaustive()
    }
}

impl Prepared {
    /// Starts the checks of the plan they were prepared from. Servers that `previous` watched under the same name with
    /// the same settings keep their state.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(
        self,
        plan: Arc<Plan>,
        console: Console,
        previous: Option<&Watch>,
    ) -> std::io::Result<Watch> {
        let desk = Arc::new(self.desk(plan, console, previous));
        if previous.is_none() {
            desk.restore();
        }
        let sights = self.sights;
        let shared = desk.clone();
        let thread = rha_net::spawn_worker("checks".to_owned(), move || tasks::run(shared, sights))?;
        Ok(Watch { desk, thread: Mutex::new(Some(thread)) })
    }

    /// What a start would tell of servers that take up the states of a file; nothing is started.
    #[must_use]
    pub fn rehearse(self, plan: Arc<Plan>) -> Vec<String> {
        let told = Arc::new(Mutex::new(Vec::new()));
        let lines = told.clone();
        let console: Console = Box::new(move |_, text| {
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
        });
        self.desk(plan, console, None).restore();
        std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn desk(&self, plan: Arc<Plan>, console: Console, previous: Option<&Watch>) -> Desk {
        let now = rha_net::read_clocks().tick();
        let mut fleet = Fleet::default();
        for target in &self.targets {
            let kept = previous.and_then(|w| w.kept(target));
            fleet.push(kept.unwrap_or_else(|| Health::new(&target.setup, now)));
        }
        for (i, target) in self.targets.iter().enumerate() {
            if let Some(tracked) = target.tracks {
                fleet.track(i, tracked);
            }
        }
        fleet.inherit(now);
        for (i, target) in self.targets.iter().enumerate() {
            if let Some((proxy, health)) = plan.proxy(target.proxy).zip(fleet.get(i)) {
                apply::settle(&proxy.state, target.server, health, now);
            }
        }
        let had = plan.proxies.iter().map(|p| targets::count(p.state.usable())).collect();
        let first = plan
            .proxies
            .iter()
            .scan(0, |sum, p| Some(std::mem::replace(sum, *sum + p.servers.len())))
            .collect();
        let process = &plan.model.process;
        Desk {
            logs: Mutex::new(Logs::new(&plan)),
            ledger: Mutex::new(Ledger { fleet, had }),
            spread: Spread {
                percent: process.spread_checks,
                max_ms: process.max_spread_checks_ms.map_or(0, u64::from),
            },
            hurry: self.targets.iter().map(|_| [Notify::new(), Notify::new()]).collect(),
            node: process.node.clone().unwrap_or_else(rha_net::hostname),
            targets: self.targets.clone(),
            stop: Notify::new(),
            runs: AtomicU64::new(0),
            restoring: AtomicBool::new(false),
            first,
            console,
            plan,
        }
    }
}

impl Watch {
    /// A copy of a server's state, for statistics.
    #[must_use]
    pub fn health(&self, proxy: ProxyId, server: usize) -> Option<Health> {
        let at = self.desk.target(proxy, server)?;
        self.desk.lock().fleet.get(at).cloned()
    }

    /// `set server … state`, `disable server`, `enable server`; `why` stands in the line's brackets. Whether there is
    /// such a server.
    pub fn administer(&self, proxy: ProxyId, server: usize, state: AdminState, why: &'static str) -> bool {
        let Some(at) = self.desk.target(proxy, server) else { return false };
        let flags = match state {
            AdminState::Ready => Health::READY,
            AdminState::Drain => Health::DRAIN,
            AdminState::Maint => Health::MAINT,
        };
        self.desk.change(at, |fleet, now, told| fleet.administer(at, now, flags, why, told));
        true
    }

    /// Sets or clears one reason for maintenance or draining. Whether that changed anything.
    pub fn flag(&self, proxy: ProxyId, server: usize, flag: Admin, on: bool, why: &'static str) -> bool {
        let Some(at) = self.desk.target(proxy, server) else { return false };
        let before = self.desk.lock().fleet.get(at).map(Health::admin);
        self.desk
            .change(at, |fleet, now, told| fleet.change(at, now, told, |h| h.administer(flag, on, why, now)));
        before != self.desk.lock().fleet.get(at).map(Health::admin)
    }

    /// `set server … health|agent`. Whether there is such a server.
    pub fn force(&self, proxy: ProxyId, server: usize, which: Checked, to: Operation, cause: Cause) -> bool {
        let Some(at) = self.desk.target(proxy, server) else { return false };
        self.desk
            .change(at, |fleet, now, told| fleet.change(at, now, told, |h| h.force(which, to, cause, now)));
        true
    }

    /// `set server … weight`, `set weight`: the weight of 0..=256 that was worked out. Whether there is such a server.
    pub fn set_weight(&self, proxy: ProxyId, server: usize, weight: u32) -> bool {
        let Some(at) = self.desk.target(proxy, server) else { return false };
        self.desk.set_weight(at, weight);
        true
    }

    /// Writes a line to a proxy's log targets; `level` is syslog's.
    pub fn log(&self, proxy: ProxyId, level: u8, line: &str) {
        let Some(p) = self.desk.plan.proxy(proxy) else { return };
        self.desk.log(p, level, line);
    }

    /// Checks begun since start, agents' included.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.desk.runs.load(Relaxed)
    }

    /// Ends the checks; states stay as they are.
    pub fn stop(&self) {
        self.desk.stop.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    fn kept(&self, target: &Target) -> Option<Health> {
        let at = self.desk.targets.iter().position(|t| t.is_same(target))?;
        self.desk.lock().fleet.get(at).cloned()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use rha_health::Checked;
    use rha_ir::{Address, AgentCheck, Check, CheckKind, Host, Model, Port, Proxy, ProxyKind, Server, Span};
    use rha_vocab::Dialect;

    use super::*;

    /// Longest a line may be waited for; reached only when a test fails.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn server(name: &str, to: SocketAddr) -> Server {
        let at = Address::Ip { host: Host::Ip(to.ip()), port: Port::One(to.port()), datagram: false };
        let mut s = Server::new(name, at, Span::default());
        s.checked = true;
        (s.timing.inter_ms, s.timing.rise, s.timing.fall) = (20, 1, 2);
        s
    }

    fn watched(check: Check, servers: Vec<Server>) -> (Watch, Receiver<String>, Arc<Plan>) {
        let mut p = Proxy::new("b", ProxyKind::Backend, Span::default());
        p.service.check = check;
        p.service.servers = servers;
        let mut model = Model::default();
        model.proxies.push(p);
        let mut plan = Plan::build(&model, Dialect::V3_0, None).unwrap_or_else(|e| panic!("{e:?}"));
        let prepared = prepare(&mut plan).unwrap_or_else(|e| panic!("{e:?}"));
        let plan = Arc::new(plan);
        let (lines, told) = channel();
        let console = Box::new(move |word: &str, text: &str| {
            let _ = lines.send(format!("{word} {text}"));
        });
        let watch = prepared.start(plan.clone(), console, None).unwrap_or_else(|e| panic!("{e}"));
        (watch, told, plan)
    }

    fn next(told: &Receiver<String>) -> String {
        let line = told.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("no line: {e}"));
        // How long a check took is not ours to predict.
        match line.split_once(", check duration: ") {
            Some((head, tail)) => format!("{head}{}", tail.split_once("ms").map_or("", |t| t.1)),
            None => line,
        }
    }

    #[test]
    fn a_server_that_does_not_listen_goes_down_and_comes_back() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|e| panic!("{e}"));
        let at = listener.local_addr().unwrap_or_else(|e| panic!("{e}"));
        // a connection that waits to be accepted would be reset instead of refused
        drop(listener);
        let (watch, told, plan) = watched(Check::default(), vec![server("s1", at)]);
        assert_eq!(
            next(&told),
            "WARNING Server b/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\". 0 active \
             and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
        );
        assert_eq!(next(&told), "ALERT backend 'b' has no server available!");
        assert_eq!(plan.proxies[0].state.usable(), (0, 0));
        let _again = TcpListener::bind(at).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(
            next(&told),
            "WARNING Server b/s1 is UP, reason: Layer4 check passed. 1 active and 0 backup servers online. 0 sessions \
             requeued, 0 total in queue."
        );
        assert_eq!(plan.proxies[0].state.usable(), (1, 0));
        watch.stop();
    }

    /// A server that answers every connection with `reply` once something came, or at once if `greets`.
    fn answering(reply: &'static [u8], greets: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|e| panic!("{e}"));
        let at = listener.local_addr().unwrap_or_else(|e| panic!("{e}"));
        std::thread::spawn(move || {
            while let Ok((mut c, _)) = listener.accept() {
                let mut request = [0; 512];
                if greets || c.read(&mut request).is_ok() {
                    let _ = c.write_all(reply);
                }
            }
        });
        at
    }

    #[test]
    fn a_wrong_status_is_told_and_backups_take_over() {
        let bad = answering(b"HTTP/1.0 503 Gone fishing\r\n\r\n", false);
        let good = answering(b"HTTP/1.0 200 OK\r\n\r\n", false);
        let check = Check { kind: CheckKind::Http, ..Check::default() };
        let spare = Server { backup: true, ..server("s2", good) };
        let (watch, told, plan) = watched(check, vec![server("s1", bad), spare]);
        assert_eq!(
            next(&told),
            "WARNING Server b/s1 is DOWN, reason: Layer7 wrong status, code: 503, info: \"Gone fishing\". 0 active and \
             1 backup servers left. Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue."
        );
        assert_eq!(plan.proxies[0].state.usable(), (0, 1));
        let health = watch.health(ProxyId(0), 1).unwrap_or_else(|| panic!("s2"));
        assert!(health.runs(Checked::Health) && health.usable());
        watch.stop();
    }

    #[test]
    fn an_operator_is_obeyed_at_once() {
        let mut s = server("s1", SocketAddr::from(([127, 0, 0, 1], 1)));
        s.checked = false;
        let (watch, told, plan) = watched(Check::default(), vec![s]);
        assert!(watch.administer(ProxyId(0), 0, AdminState::Maint, ""));
        assert!(next(&told).starts_with("WARNING Server b/s1 is going DOWN for maintenance. 0 active"));
        assert_eq!(next(&told), "ALERT backend 'b' has no server available!");
        assert!(!plan.proxies[0].state.servers[0].is_up());
        watch.administer(ProxyId(0), 0, AdminState::Ready, "");
        assert_eq!(next(&told), "WARNING Server b/s1 is UP/READY (leaving forced maintenance).");
        assert!(plan.proxies[0].state.servers[0].is_usable());
        watch.set_weight(ProxyId(0), 0, 0);
        assert_eq!(next(&told), "ALERT backend 'b' has no server available!");
        assert!(!watch.administer(ProxyId(0), 7, AdminState::Maint, ""));
        watch.stop();
    }

    #[test]
    fn an_agent_sets_weight_and_state() {
        let at = answering(b"40% drain\n", true);
        let mut s = server("s1", SocketAddr::from(([127, 0, 0, 1], 1)));
        (s.checked, s.weight) = (false, 10);
        s.agent =
            Some(AgentCheck { enabled: true, port: at.port(), address: None, inter_ms: 20, send: "".into() });
        let (watch, told, plan) = watched(Check::default(), vec![s]);
        assert!(next(&told).starts_with("WARNING Server b/s1 enters drain state. 0 active"));
        assert_eq!(next(&told), "ALERT backend 'b' has no server available!");
        // The weight of the same line is set behind the drain; the next round finds it.
        let weight = &plan.proxies[0].state.servers[0].user_weight;
        while weight.load(std::sync::atomic::Ordering::Relaxed) != 4 {
            std::thread::yield_now();
        }
        watch.stop();
    }

    #[test]
    fn a_check_that_cannot_run_keeps_the_plan_from_starting() {
        let kind =
            CheckKind::Other { name: "external-check".to_owned(), args: Vec::new(), origin: Span::default() };
        let mut p = Proxy::new("b", ProxyKind::Backend, Span::default());
        p.service.check = Check { kind, ..Check::default() };
        p.service.servers = vec![server("s1", SocketAddr::from(([127, 0, 0, 1], 1)))];
        let mut model = Model::default();
        model.proxies.push(p);
        let mut plan = Plan::build(&model, Dialect::V3_0, None).unwrap_or_else(|e| panic!("{e:?}"));
        let errors = prepare(&mut plan).err().unwrap_or_default();
        assert!(errors.iter().any(|e| e.message.contains("external-check")), "{errors:?}");
    }
}
