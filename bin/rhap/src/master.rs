//! `-W` and `-Ws`: a master that forks a worker, watches it, reloads it, and never serves a byte itself.
//!
//! COMPAT: messages, levels and exit codes as HAProxy 2.6 and 3.0 give them: SIGINT ends with 130, SIGTERM
//! and SIGUSR1 with 0, a worker that dies by itself takes the master down with its code. SIGUSR2 and
//! SIGHUP fork a new worker that reads the files again and asks the old one to finish once it serves; if
//! it cannot start, the old one stays (`process` differential tests).

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::{Duration, Instant};

use rha_net::{Ended, Forked, Listener, Signal, Signals};
use rha_text::Severity;
use rha_text::render::haproxy::Stream;
use rha_vocab::Dialect;

use crate::master_cli::{self, Family, MasterCli, Relative};
use crate::options::Options;

/// The worker's end of the line to its master.
#[derive(Debug)]
pub struct Line {
    news: UnixStream,
    talk: Option<UnixStream>,
    /// Where listening sockets are handed to the master.
    hand: Option<UnixDatagram>,
    /// Those of the worker before.
    inherited: Vec<Listener>,
}

impl Line {
    /// Tells the master that this worker serves.
    pub fn ready(&mut self) {
        let _ = self.news.write_all(b"R");
    }

    /// A second hold on the line, to say it from where the line itself is not at hand.
    pub fn announcer(&self) -> Option<Line> {
        let hand = self.hand.as_ref().and_then(|h| h.try_clone().ok());
        Some(Line { news: self.news.try_clone().ok()?, talk: None, hand, inherited: Vec::new() })
    }

    /// Gives the master a hold on what this worker listens on, for the one that comes after it.
    pub fn hand_over(&mut self, sockets: &[&Listener]) {
        if let Some(hand) = self.hand.take() {
            let _ = rha_net::send_sockets(&hand, sockets);
        }
    }

    /// What the worker before listened on.
    pub fn take_inherited(&mut self) -> Vec<Listener> {
        std::mem::take(&mut self.inherited)
    }

    /// Whether the master has gone.
    pub fn is_cut(&mut self) -> bool {
        matches!(self.news.read(&mut [0; 1]), Ok(0))
    }

    /// The descriptor of the line over which the master passes commands on.
    pub fn talk_number(&self) -> Option<i32> {
        self.talk.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// The line over which the master passes commands on.
    pub fn take_talk(&mut self) -> Option<UnixStream> {
        self.talk.take()
    }
}

/// What a master is told when it begins.
#[derive(Debug)]
pub struct Upbringing {
    /// Where its pid is written.
    pub pidfile: Option<String>,
    /// Who waits for it to serve (`-D`).
    pub parent: Option<Line>,
    /// `mworker-max-reloads`: reloads that a former worker survives.
    pub max_reloads: Option<u32>,
}

/// What a process is after [`supervise`] or [`daemonize`].
pub enum Role {
    /// The master is done: exit with this code.
    Done(i32),
    /// This is a worker: serve, and keep the line.
    Worker(Line),
}

struct Worker {
    pid: i32,
    line: UnixStream,
    /// Where it hands over its sockets, and those that came.
    hand: UnixDatagram,
    sockets: Vec<Listener>,
    talk: UnixStream,
    ready: bool,
    former: bool,
    since: Instant,
    reloads: u32,
}

/// Forks workers and watches them until the end.
///
/// Returns [`Role::Worker`] in each forked worker, which then reads the configuration anew if it is not
/// the first.
pub fn supervise(
    options: &Options,
    dialect: Dialect,
    stream: &mut Stream,
    mut start: Upbringing,
) -> (Role, bool) {
    let signals = Signals::block();
    let mut master = Master {
        options,
        dialect,
        stream,
        workers: Vec::new(),
        stopping: false,
        code: 0,
        cli: MasterCli::default(),
        since: Instant::now(),
        reloads: (0, 0),
        max_reloads: start.max_reloads,
        sockets: Vec::new(),
    };
    match MasterCli::bind(&options.master_sockets) {
        Ok(cli) => master.cli = cli,
        Err((protocol, reason)) => return (Role::Done(master.cannot_bind(protocol, &reason)), false),
    }
    let mut first = true;
    if !master.write_pidfile(start.pidfile.as_deref()) {
        return (Role::Done(1), false);
    }
    loop {
        match master.fork() {
            Ok(Some(line)) => return (Role::Worker(line), !first),
            Ok(None) => {}
            Err(e) => {
                master.say(Severity::Error, &format!("[rhap.main()] Cannot fork: {e}"));
                return (Role::Done(1), false);
            }
        }
        match master.watch(&signals, first, &mut start.parent) {
            Some(code) => return (Role::Done(code), false),
            None => first = false,
        }
    }
}

struct Master<'a> {
    options: &'a Options,
    stream: &'a mut Stream,
    workers: Vec<Worker>,
    stopping: bool,
    code: i32,
    dialect: Dialect,
    cli: MasterCli,
    since: Instant,
    /// What the current worker listens on, for the next one.
    sockets: Vec<Listener>,
    /// All, and those that failed.
    reloads: (u32, u32),
    max_reloads: Option<u32>,
}

impl Master<'_> {
    fn say(&mut self, severity: Severity, text: &str) {
        if self.options.quiet && !self.options.verbose {
            return;
        }
        eprint_now(&self.stream.say(severity, text));
    }

    fn fork(&mut self) -> std::io::Result<Option<Line>> {
        let (mine, theirs) = UnixStream::pair()?;
        let (talk, their_talk) = UnixStream::pair()?;
        let (hand, their_hand) = UnixDatagram::pair()?;
        hand.set_nonblocking(true)?;
        mine.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        match rha_net::fork()? {
            Forked::Child => Ok(Some(Line {
                news: theirs,
                talk: Some(their_talk),
                hand: Some(their_hand),
                inherited: std::mem::take(&mut self.sockets),
            })),
            Forked::Parent(pid) => {
                self.say(Severity::Notice, &format!("New worker ({pid}) forked"));
                self.workers.push(Worker {
                    pid,
                    line: mine,
                    hand,
                    sockets: Vec::new(),
                    talk,
                    ready: false,
                    former: false,
                    since: Instant::now(),
                    reloads: 0,
                });
                Ok(None)
            }
        }
    }

    /// Until the end (a code) or until a reload is asked for.
    fn watch(&mut self, signals: &Signals, first: bool, parent: &mut Option<Line>) -> Option<i32> {
        loop {
            let patience = match (self.workers.iter().all(|w| w.ready), self.cli.is_idle()) {
                (false, _) => 10,
                (true, false) => 20,
                (true, true) => 500,
            };
            let asked = self.serve_cli() && !self.stopping;
            match signals.wait(Duration::from_millis(patience)) {
                Some(s @ (Signal::Interrupt | Signal::Terminate | Signal::User1)) => self.stop(s),
                Some(Signal::User2 | Signal::HangUp) if !self.stopping => return self.reload(),
                _ if asked => return self.reload(),
                _ => {}
            }
            if self.hear_from_workers()
                && let Some(mut waiting) = parent.take()
            {
                rha_net::detach();
                waiting.ready();
            }
            while let Some((pid, ended)) = rha_net::reap() {
                self.bury(pid, ended, first);
            }
            if self.workers.is_empty() {
                self.say(Severity::Warning, &format!("All workers exited. Exiting... ({})", self.code));
                return Some(self.code);
            }
        }
    }

    fn cannot_bind(&mut self, protocol: &str, reason: &str) -> i32 {
        let reason = if self.dialect >= Dialect::V2_8 && !protocol.is_empty() {
            format!("protocol {protocol}: {reason}.")
        } else {
            reason.to_owned()
        };
        self.say(Severity::Error, &format!("Binding [master-socket:0] for proxy MASTER: {reason}"));
        self.say(Severity::Error, "[rhap.main()] Some protocols failed to start their listeners! Exiting.");
        1
    }

    fn reload(&mut self) -> Option<i32> {
        self.say(Severity::Notice, "Reloading HAProxy");
        // COMPAT: the original runs itself anew here, and introduces itself again.
        *self.stream = crate::stream(self.dialect);
        self.notify("RELOADING=1\nSTATUS=Reloading Configuration.\n");
        self.reloads.0 += 1;
        self.stream.forget();
        self.workers.iter_mut().for_each(|w| w.reloads += 1);
        let most = self.max_reloads.unwrap_or(u32::MAX);
        for w in self.workers.iter().filter(|w| w.former && w.reloads > most) {
            rha_net::send_signal(w.pid, Signal::Terminate);
        }
        None
    }

    /// Looks at the master's own sockets; true when a reload is asked for.
    fn serve_cli(&mut self) -> bool {
        if self.cli.is_idle() {
            return false;
        }
        let relative =
            |w: &Worker| Relative { pid: w.pid, reloads: w.reloads, since: w.since, former: w.former };
        let workers: Vec<_> = self.workers.iter().map(relative).collect();
        let version = crate::version::full(self.dialect);
        let family = Family {
            version: &version,
            dialect: self.dialect,
            master: (self.since, self.reloads.0, self.reloads.1),
            startup_logs: self.stream.said(),
            workers: &workers,
        };
        let all = &mut self.workers;
        let ask = |pid, rights: master_cli::Rights, command: &str| {
            let w = all.iter_mut().find(|w| w.pid == pid)?;
            master_cli::ask(&mut w.talk, rights, command).ok()
        };
        self.cli.turn(&family, ask).reload
    }

    fn stop(&mut self, signal: Signal) {
        self.say(Severity::Warning, "Exiting Master process...");
        self.notify("STOPPING=1\n");
        self.stopping = true;
        for w in &self.workers {
            rha_net::send_signal(w.pid, signal);
        }
    }

    fn hear_from_workers(&mut self) -> bool {
        let mut became_ready = None;
        for w in self.workers.iter_mut().filter(|w| !w.ready) {
            let told = w.line.read(&mut [0; 1]);
            // It handed its sockets over before it said that it is ready.
            w.sockets.extend(rha_net::receive_sockets(&w.hand).unwrap_or_default());
            if matches!(told, Ok(1)) {
                w.ready = true;
                became_ready = Some(w.pid);
                self.sockets = std::mem::take(&mut w.sockets);
            }
        }
        let Some(new) = became_ready else { return false };
        self.say(Severity::Notice, "Loading success.");
        self.cli.reloaded(true, self.dialect, self.stream.said());
        for w in self.workers.iter_mut().filter(|w| w.pid != new && w.ready) {
            w.former = true;
            rha_net::send_signal(w.pid, Signal::User1);
        }
        self.notify(&format!("READY=1\nMAINPID={}\nSTATUS=Ready.\n", std::process::id()));
        true
    }

    /// False when it cannot be written, which ends the start.
    fn write_pidfile(&mut self, path: Option<&str>) -> bool {
        let Some(path) = path else { return true };
        let written = rha_net::write_pidfile(std::path::Path::new(path), &[std::process::id()]);
        if written.is_err() {
            self.say(Severity::Error, &format!("[rhap.main()] Cannot create pidfile {path}"));
        }
        written.is_ok()
    }

    fn bury(&mut self, pid: i32, ended: Ended, first: bool) {
        let Some(at) = self.workers.iter().position(|w| w.pid == pid) else { return };
        let dead = self.workers.remove(at);
        let code = ended.shell_code();
        if !dead.ready && !first && !self.workers.is_empty() {
            self.say(Severity::Warning, "Loading failure!");
            self.reloads.1 += 1;
            self.cli.reloaded(false, self.dialect, self.stream.said());
            self.notify("READY=1\nSTATUS=Reload failed!\n");
            return;
        }
        let which = if dead.former { "Former" } else { "Current" };
        let level = if code == 0 { Severity::Warning } else { Severity::Error };
        self.say(level, &format!("{which} worker ({pid}) exited with code {code} ({})", ended.word()));
        if dead.former {
            return;
        }
        if !matches!(code, 0 | 130 | 143) {
            if dead.ready {
                self.say(Severity::Error, "exit-on-failure: killing every processes with SIGTERM");
            }
            for w in &self.workers {
                rha_net::send_signal(w.pid, Signal::Terminate);
            }
        }
        self.code = if code == 143 { 0 } else { code };
    }

    fn notify(&self, text: &str) {
        if self.options.systemd {
            let Ok(socket) = std::env::var("NOTIFY_SOCKET") else { return };
            let _ = rha_net::sd_notify(&socket, text);
        }
    }
}

fn eprint_now(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// `-D`: forks; the parent waits until the child serves and ends with 0, or with the child's code when it
/// could not start.
pub fn daemonize() -> std::io::Result<Role> {
    let (mut mine, theirs) = UnixStream::pair()?;
    match rha_net::fork()? {
        Forked::Child => {
            theirs.set_nonblocking(true)?;
            Ok(Role::Worker(Line { news: theirs, talk: None, hand: None, inherited: Vec::new() }))
        }
        Forked::Parent(pid) => {
            drop(theirs);
            if matches!(mine.read(&mut [0; 1]), Ok(1)) {
                return Ok(Role::Done(0));
            }
            Ok(Role::Done(rha_net::wait_for(pid).shell_code()))
        }
    }
}
