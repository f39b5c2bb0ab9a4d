//! The small parent: owns the main pid file, starts the worker again when it dies, passes signals on.
//!
//! It never touches the network. COMPAT: the lines, their order, the rising delay before a restart
//! (0, 1, 2, 4 … 60 s, forgotten after a minute of life) and the exit codes are the original's; a worker
//! that ends with one of the permanent codes ends the daemon.

use std::ffi::CString;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rha_failover::Plan;
use rha_failover::log::Log;
use rha_failover::track::script::Outcome;
use rha_failover::worker::{Line, News, run_and_wait};
use rha_ir::failover::Command;
use rha_net::daemon::{self, SignalQueue, signal_number as signal};
use rha_net::{Board, Ended, Forked};

use crate::config::Config;
use crate::options::Options;
use crate::planned::{LOOK, Watch};
use crate::reload;

/// Codes after which there is no use in trying again.
pub const EXIT_FATAL: i32 = 1;
/// The configuration cannot be run.
pub const EXIT_CONFIG: i32 = 2;
/// Not allowed.
const EXIT_PERMISSION: i32 = 4;

/// What this process is when [`Parent::run`] returns.
pub enum Role {
    /// The parent, at its end: exit with this code.
    Done(i32),
    /// The worker: serve.
    Worker(Rc<Plan>, Line),
    /// A short-lived process that takes addresses away that a dead worker left.
    Cleaner(Rc<Plan>),
}

struct Worker {
    pid: i32,
    line: UnixStream,
    since: Instant,
}

/// The parent's state.
pub struct Parent<'a> {
    options: &'a Options,
    log: Log,
    signals: SignalQueue,
    config: Config,
    /// What the worker has not said yes to.
    former: Option<Config>,
    /// Where the worker reads what was read.
    board: Rc<Board>,
    /// How often a configuration was read.
    readings: u32,
    planned: Option<Watch>,
    worker: Option<Worker>,
    /// News still expected from the worker (after a start or reload).
    expecting: bool,
    /// What its next good news is the end of; a worker that was started again is none.
    under_way: Option<&'static str>,
    /// A reload was asked for meanwhile.
    queued: bool,
    next_delay_s: u64,
    restart_at: Option<Instant>,
}

/// What ended a turn of the loop.
enum Turn {
    On,
    Become(Role),
}

impl<'a> Parent<'a> {
    /// Takes over once signals are blocked and the pid file is written.
    #[must_use]
    pub fn new(
        options: &'a Options,
        log: Log,
        signals: SignalQueue,
        config: Config,
        board: Rc<Board>,
    ) -> Self {
        Parent {
            options,
            log,
            signals,
            config,
            former: None,
            board,
            readings: 0,
            planned: None,
            worker: None,
            expecting: false,
            under_way: Some("Startup"),
            queued: false,
            next_delay_s: 0,
            restart_at: None,
        }
    }

    /// The signals a parent blocks and takes one by one.
    #[must_use]
    pub fn signals() -> Vec<i32> {
        use signal::{CHILD, HANG_UP, INTERRUPT, PIPE, TERMINATE, USER1, USER2};
        vec![HANG_UP, INTERRUPT, TERMINATE, USER1, USER2, CHILD, PIPE, json_signal(), stats_clear_signal()]
    }

    /// Those of them that would end a process that does not take them yet.
    #[must_use]
    pub fn requests() -> Vec<i32> {
        vec![signal::HANG_UP, signal::USER1, signal::USER2, json_signal(), stats_clear_signal()]
    }

    /// Until the end; also returns in every process it forks.
    pub fn run(&mut self) -> Role {
        let plan = self.config.plan();
        let global = &plan.failover.global;
        if let Some(script) = &global.startup_script {
            self.run_script("startup", script, global.startup_script_timeout);
        }
        self.keep_reading();
        if let Some(role) = self.start_worker() {
            return role;
        }
        self.planned = Watch::of(global, &self.log);
        let f = &plan.failover;
        let any = f.has_vrrp() || !f.virtual_servers.is_empty() || !f.bfd_instances.is_empty();
        if !any && !self.options.parts.all {
            self.log.info("Warning - keepalived has no configuration to run");
        }
        loop {
            match self.turn() {
                Turn::On => {}
                Turn::Become(role) => return role,
            }
        }
    }

    fn turn(&mut self) -> Turn {
        let got = self.signals.wait(self.patience());
        match got {
            Some(signal::INTERRUPT) if self.options.ignore_interrupt => {}
            Some(signal::INTERRUPT | signal::TERMINATE) => return Turn::Become(Role::Done(self.stop())),
            Some(signal::HANG_UP) => self.reload(),
            Some(signal::USER1) => {
                self.dump();
                self.pass_on(signal::USER1);
            }
            Some(n) if n == signal::USER2 || n == json_signal() || n == stats_clear_signal() => {
                self.pass_on(n)
            }
            _ => {}
        }
        self.hear();
        if !self.expecting && std::mem::take(&mut self.queued) {
            self.log.detail("Processing queued reload");
            self.reload();
        }
        if self.planned.as_mut().is_some_and(|p| p.look(now_s(), &self.log)) {
            self.reload();
        }
        while let Some((pid, ended)) = rha_net::reap() {
            if self.worker.as_ref().is_some_and(|w| w.pid == pid) {
                self.hear();
                let lived = self.worker.take().map_or(Duration::ZERO, |w| w.since.elapsed());
                if let Some(role) = self.bury(pid, ended, lived) {
                    return Turn::Become(role);
                }
            }
        }
        if self.restart_at.is_some_and(|at| Instant::now() >= at) {
            self.restart_at = None;
            if let Some(role) = self.start_worker() {
                return Turn::Become(role);
            }
        }
        Turn::On
    }

    fn patience(&self) -> Duration {
        let patience = match (self.restart_at, self.expecting) {
            (Some(at), _) => at.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)),
            (None, true) => Duration::from_millis(10),
            (None, false) => Duration::from_secs(3600),
        };
        if self.planned.is_some() { patience.min(LOOK) } else { patience }
    }

    fn start_worker(&mut self) -> Option<Role> {
        let pair = UnixStream::pair().and_then(|(a, b)| {
            a.set_nonblocking(true)?;
            b.set_nonblocking(true)?;
            Ok((a, b))
        });
        let Ok((mine, theirs)) = pair else { return Some(Role::Done(EXIT_FATAL)) };
        let parent = std::process::id();
        match rha_net::fork() {
            // Its signals stay blocked until it listens to them.
            Ok(Forked::Child) => {
                // A parent that died meanwhile cannot send what it was to send at its death.
                if !daemon::die_with_parent(signal::TERMINATE, parent) {
                    return Some(Role::Done(EXIT_FATAL));
                }
                // COMPAT: scripts cannot speak to systemd in our name.
                daemon::forget_variable("NOTIFY_SOCKET");
                Some(Role::Worker(self.config.plan(), Line::new(theirs)))
            }
            Ok(Forked::Parent(pid)) => {
                self.log.info(format_args!("Starting VRRP child process, pid={pid}"));
                self.worker = Some(Worker { pid, line: mine, since: Instant::now() });
                self.expecting = true;
                None
            }
            Err(e) => {
                self.log.info(format_args!("VRRP child process: fork error({e})"));
                Some(Role::Done(EXIT_FATAL))
            }
        }
    }

    /// Takes what the worker tells.
    fn hear(&mut self) {
        let mut heard = [0u8; 16];
        let Some(w) = self.worker.as_mut() else { return };
        let Ok(n) = w.line.read(&mut heard) else { return };
        for news in heard.iter().take(n).filter_map(|b| News::from_byte(*b)) {
            let asked = std::mem::take(&mut self.expecting);
            match news {
                // Nobody here knows of a reload that the worker alone was told to do.
                News::Reloaded | News::ReloadRefused if !asked => {}
                News::Started | News::Reloaded => {
                    self.former = None;
                    if let Some(what) = self.under_way.take() {
                        self.log.info(format_args!("{what} complete"));
                        ready();
                        rha_net::scheduling::give_back();
                    }
                }
                News::ReloadRefused => {
                    if let Some(former) = self.former.take() {
                        self.config = former;
                        self.publish();
                    }
                    self.under_way = None;
                    ready();
                }
            }
        }
    }

    /// What follows the worker's death; a role when this process ends or becomes another.
    fn bury(&mut self, pid: i32, ended: Ended, lived: Duration) -> Option<Role> {
        self.expecting = false;
        self.former = None;
        match ended {
            Ended::Code(code @ (EXIT_FATAL | EXIT_CONFIG | EXIT_PERMISSION)) => {
                let what = match code {
                    EXIT_CONFIG => "CONFIG",
                    EXIT_PERMISSION => "missing permission",
                    _ => "FATAL",
                };
                self.log.info(format_args!("pid {pid} exited with permanent error {what}. Terminating"));
                tell_systemd_of_error(code);
                return Some(Role::Done(self.end(code)));
            }
            Ended::Code(0) => {}
            Ended::Code(n) => self.log.info(format_args!("pid {pid} exited with status {n}")),
            Ended::Signal(n) => self.log.info(format_args!(
                "pid {pid} exited due to signal {n} ({}){}",
                daemon::signal_text(n),
                if n == signal::KILL { " - has rlimit_rttime been exceeded?" } else { "" }
            )),
        }
        if self.options.no_respawn {
            self.log.info(format_args!("VRRP child process({pid}) died: Exiting"));
            return Some(self.clean_first().unwrap_or_else(|| Role::Done(self.stop())));
        }
        self.log.info(format_args!("VRRP child process({pid}) died: Respawning"));
        let delay = self.delay(lived);
        if delay == 0 {
            return self.start_worker();
        }
        self.restart_at = Some(Instant::now() + Duration::from_secs(delay));
        // DIFFERS: the original leaves the addresses up until the next worker removes them.
        self.clean_first()
    }

    /// Seconds to wait; COMPAT: the first death costs nothing.
    fn delay(&mut self, lived: Duration) -> u64 {
        let delay = restart_delay(&mut self.next_delay_s, lived);
        if let Some(d) = delay {
            self.log.info(format_args!("Restart of VRRP process delayed {d} seconds to limit respawn rate"));
        }
        delay.unwrap_or(0)
    }

    /// Forks the process that takes the dead worker's addresses away, and waits for it.
    fn clean_first(&mut self) -> Option<Role> {
        if self.options.keep_vrrp {
            return None;
        }
        match rha_net::fork() {
            Ok(Forked::Child) => {
                self.signals.unblock();
                Some(Role::Cleaner(self.config.plan()))
            }
            Ok(Forked::Parent(pid)) => {
                let _ = rha_net::wait_for(pid);
                None
            }
            Err(_) => None,
        }
    }

    fn pass_on(&self, number: i32) {
        if let Some(w) = &self.worker {
            daemon::kill(w.pid, number);
        }
    }

    fn dump(&self) {
        self.log.info(format_args!("Printing parent data for process({}) on signal", std::process::id()));
        let planned = self.planned.as_ref().and_then(Watch::planned);
        rha_failover::dump::write_parent_data(&self.config.plan(), planned.as_deref());
    }

    fn reload(&mut self) {
        if self.expecting {
            self.log.detail("Reload already in progress, request queued");
            self.queued = true;
            return;
        }
        match self.config.reread(self.options, &self.log) {
            Ok(next) => self.adopt(next),
            Err(refusal) => refusal.log(&self.log),
        }
        let plan = self.config.plan();
        self.planned = Watch::of(&plan.failover.global, &self.log);
    }

    /// Goes on with another configuration, once the worker has taken it.
    fn adopt(&mut self, next: Config) {
        notify_systemd("RELOADING=1");
        self.under_way = Some("Reload");
        let former = std::mem::replace(&mut self.config, next);
        self.keep_reading();
        let plan = self.config.plan();
        let global = &plan.failover.global;
        if global.process_name != former.plan().failover.global.process_name
            && let Some(name) = global.process_name.as_ref().and_then(|n| CString::new(n.as_str()).ok())
        {
            daemon::name_process(&name);
        }
        if self.worker.is_some() {
            self.former = Some(former);
            self.expecting = true;
            self.pass_on(signal::HANG_UP);
        } else {
            // COMPAT: a worker that waits for its restart is started now.
            self.restart_at = Some(Instant::now());
        }
    }

    /// Shows the worker what was read, and keeps it where `config_save_dir` says.
    fn keep_reading(&mut self) {
        self.publish();
        if let Some(text) = self.config.consolidated() {
            reload::save(&self.config.plan(), text, self.readings);
        }
        self.readings += 1;
    }

    fn publish(&self) {
        if let Err(e) = self.board.write(&self.config.copy().to_bytes()) {
            self.log.info(format_args!("The configuration cannot be kept for the worker: {e}"));
        }
    }

    /// `startup_script`, `shutdown_script`: COMPAT: its result is logged and decides nothing.
    fn run_script(&self, what: &str, command: &Command, limit_s: u32) {
        if command.disabled.is_some() {
            return;
        }
        let name = command.argv.first().map(ToString::to_string).unwrap_or_default();
        self.log.detail(format_args!("Running {what} script {name}"));
        match run_and_wait(command, limit_s) {
            Ok(Outcome::Exited(0)) => self.log.detail(format_args!("{what} script succeeded")),
            Ok(Outcome::Exited(n)) => self.log.info(format_args!("{what} script failed, status {n}")),
            Ok(Outcome::Signalled(n)) => self.log.info(format_args!("{what} script failed, signal {n}")),
            Ok(Outcome::TimedOut) => self.log.info(format_args!("{what} script timed out")),
            Err(e) => self.log.info(e),
        }
    }

    /// Ends the worker and then itself.
    fn stop(&mut self) -> i32 {
        self.log.info("Stopping");
        notify_systemd("STOPPING=1");
        self.end(0)
    }

    fn end(&mut self, code: i32) -> i32 {
        if let Some(w) = self.worker.take() {
            daemon::kill(w.pid, signal::TERMINATE);
            let patience = Duration::from_secs(u64::from(self.config.child_wait_time()));
            if !wait_until_gone(&self.signals, w.pid, patience) {
                self.log.info("vrrp process failed to die - forcing termination");
                daemon::kill(w.pid, signal::KILL);
                let _ = rha_net::wait_for(w.pid);
            }
        }
        let plan = self.config.plan();
        let global = &plan.failover.global;
        if let Some(script) = &global.shutdown_script {
            self.run_script("shutdown", script, global.shutdown_script_timeout);
        }
        code
    }
}

/// Waits for a child to end; false when it did not within `patience`.
fn wait_until_gone(signals: &SignalQueue, pid: i32, patience: Duration) -> bool {
    let end = Instant::now() + patience;
    loop {
        while let Some((gone, _)) = rha_net::reap() {
            if gone == pid {
                return true;
            }
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        // SIGCHLD ends the wait; a lost one costs a tenth of a second.
        let _ = signals.wait(left.min(Duration::from_millis(100)));
    }
}

/// Seconds to wait before the next start, and what to wait the time after; `None` after a long life.
fn restart_delay(next: &mut u64, lived: Duration) -> Option<u64> {
    if lived >= Duration::from_secs(60) {
        *next = 0;
        return None;
    }
    let delay = *next;
    *next = match delay {
        0 => 1,
        d if d > 30 => 60,
        d => d * 2,
    };
    Some(delay)
}

/// SIGRTMIN+2: print JSON.
#[must_use]
pub fn json_signal() -> i32 {
    daemon::realtime_signals().0 + 2
}

/// SIGRTMAX-1: clear statistics.
#[must_use]
pub fn stats_clear_signal() -> i32 {
    daemon::realtime_signals().1 - 1
}

/// Seconds since 1970.
fn now_s() -> i64 {
    rha_net::read_clocks().wall_us.div_euclid(1_000_000)
}

fn ready() {
    notify_systemd(&format!("READY=1\nMAINPID={}", std::process::id()));
}

/// The operating system's number for the exit code of a permanent error.
pub fn tell_systemd_of_error(code: i32) {
    notify_systemd(&format!("ERRNO={}", if code == EXIT_PERMISSION { 1 } else { 22 }));
}

fn notify_systemd(text: &str) {
    if let Ok(socket) = std::env::var("NOTIFY_SOCKET") {
        let _ = rha_net::sd_notify(&socket, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_rises_and_is_forgotten() {
        let mut next = 0;
        let short = Duration::from_secs(1);
        let delays: Vec<_> = (0..9).map(|_| restart_delay(&mut next, short)).collect();
        assert_eq!(delays, [0, 1, 2, 4, 8, 16, 32, 60, 60].map(Some));
        assert_eq!(restart_delay(&mut next, Duration::from_secs(61)), None);
        assert_eq!(restart_delay(&mut next, short), Some(0));
    }

    #[test]
    fn the_signals_have_the_originals_numbers() {
        assert_eq!((json_signal(), stats_clear_signal()), (36, 63));
    }
}
