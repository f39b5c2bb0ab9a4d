//! The small parent: owns the main pid file, starts the worker again when it dies, passes signals on.
//!
//! It never touches the network. COMPAT: the lines, their order, the rising delay before a restart
//! (0, 1, 2, 4 … 60 s, forgotten after a minute of life) and the exit codes are the original's; a worker
//! that ends with one of the permanent codes ends the daemon.

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
use rha_net::{Ended, Forked};

use crate::config::{Config, Voice};
use crate::options::Options;

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
    worker: Option<Worker>,
    /// News still expected from the worker (after a start or reload).
    expecting: bool,
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
    pub fn new(options: &'a Options, log: Log, signals: SignalQueue, config: Config) -> Self {
        Parent {
            options,
            log,
            signals,
            config,
            worker: None,
            expecting: false,
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

    /// Until the end; also returns in every process it forks.
    pub fn run(&mut self) -> Role {
        let plan = self.config.plan();
        let global = &plan.failover.global;
        if let Some(script) = &global.startup_script {
            self.run_script("startup", script, global.startup_script_timeout);
        }
        if let Some(role) = self.start_worker() {
            return role;
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
        match (self.restart_at, self.expecting) {
            (Some(at), _) => at.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)),
            (None, true) => Duration::from_millis(10),
            (None, false) => Duration::from_secs(3600),
        }
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
            Ok(Forked::Child) => {
                self.signals.unblock();
                // A parent that died meanwhile cannot send what it was to send at its death.
                if !daemon::die_with_parent(signal::TERMINATE, parent) {
                    return Some(Role::Done(EXIT_FATAL));
                }
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
            self.expecting = false;
            match news {
                News::Started => {
                    self.log.info("Startup complete");
                    notify_systemd(&format!("READY=1\nMAINPID={}", std::process::id()));
                }
                News::Reloaded => {
                    self.log.info("Reload complete");
                    notify_systemd(&format!("READY=1\nMAINPID={}", std::process::id()));
                }
                News::ReloadRefused => notify_systemd(&format!("READY=1\nMAINPID={}", std::process::id())),
            }
        }
    }

    /// What follows the worker's death; a role when this process ends or becomes another.
    fn bury(&mut self, pid: i32, ended: Ended, lived: Duration) -> Option<Role> {
        self.expecting = false;
        match ended {
            Ended::Code(code @ (EXIT_FATAL | EXIT_CONFIG | EXIT_PERMISSION)) => {
                let what = match code {
                    EXIT_CONFIG => "CONFIG",
                    EXIT_PERMISSION => "missing permission",
                    _ => "FATAL",
                };
                self.log.info(format_args!("pid {pid} exited with permanent error {what}. Terminating"));
                notify_systemd(&format!("ERRNO={}", if code == EXIT_PERMISSION { 1 } else { 22 }));
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
        rha_failover::dump::write_parent_data(&self.config.plan());
    }

    fn reload(&mut self) {
        if self.expecting {
            self.queued = true;
            return;
        }
        self.log.info("Reloading ...");
        notify_systemd("RELOADING=1");
        match self.config.reread(self.options, &self.log, Voice::Aloud) {
            Ok(next) => {
                self.config = next;
                self.expecting = self.worker.is_some();
                self.pass_on(signal::HANG_UP);
            }
            Err(refusal) => {
                refusal.log(&self.log);
                notify_systemd(&format!("READY=1\nMAINPID={}", std::process::id()));
            }
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
