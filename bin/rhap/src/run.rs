//! A start: from a checked configuration to a serving process and its end.
//!
//! COMPAT: order and words of the steps, exit codes and signals as in HAProxy's management guide §3–§5,
//! held by the `process` differential tests.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rha_haproxy::Parsed;
use rha_net::{Identity, Signal, Signals};
use rha_proxy::{Plan, StartError};
use rha_text::render::haproxy::Stream;
use rha_text::{Diagnostic, Severity, Span};
use rha_vocab::Dialect;

use crate::check;
use crate::control;
use crate::engine::{Engine, Later};
use crate::limits;
use crate::master::Line;
use crate::options::Options;
use crate::pages::Pages;

/// Everything a process needs to serve.
pub struct Start<'a> {
    /// The command line.
    pub options: &'a Options,
    /// Whose words.
    pub dialect: Dialect,
    /// The configuration.
    pub parsed: Parsed,
    /// The native stream.
    pub stream: &'a mut Stream,
    /// The line to the master, or to the parent of a daemon.
    pub line: Option<Line>,
    /// Whether this process has no terminal to keep (`-D`).
    pub detach: bool,
    /// Whether a master keeps the pid file.
    pub under_master: bool,
}

impl Start<'_> {
    fn say(&mut self, severity: Severity, text: &str) {
        let d = Diagnostic::native("HA3001", severity, Span::default(), text);
        check::native(self.options, &[d], self.stream);
    }

    fn fail(&mut self, text: &str) -> i32 {
        self.say(Severity::Error, text);
        1
    }

    /// Serves until told to end; the exit code.
    pub fn run(mut self) -> i32 {
        let signals = Signals::block();
        if !check::has_listener(&self.parsed) && !self.under_master {
            return self
                .fail("[rhap.main()] No enabled listener found (check for 'bind' directives) ! Exiting.");
        }
        let wanted = self.wanted_descriptors();
        let descriptors = rha_net::raise_descriptor_limit(wanted);
        if descriptors < wanted {
            let text = format!("[rhap.main()] Cannot raise FD limit to {wanted}, limit is {descriptors}.");
            if !self.parsed.model.process.no_strict_limits {
                return self.fail(&text);
            }
            self.say(Severity::Warning, &text);
        }
        let engine = match self.start() {
            Ok(e) => e,
            Err(code) => return code,
        };
        if let Some(n) = self.options.memory_mb.filter(|n| *n > 0)
            && !rha_net::limit_memory(n.into())
        {
            let text = format!("[rhap.main()] Cannot fix MEM limit to {n} megs.");
            if !self.parsed.model.process.no_strict_limits {
                return self.fail(&text);
            }
            self.say(Severity::Warning, &text);
        }
        self.finish_old_processes();
        if self.detach {
            rha_net::detach();
        }
        if let Some(line) = &mut self.line {
            if !self.under_master {
                line.ready();
            }
            if let Some(talk) = line.take_talk() {
                let site = engine.clone();
                let _ = std::thread::Builder::new().name("master-line".to_owned()).spawn(move || {
                    crate::master_cli::answer(talk, site.as_ref(), |on| site.control.count(on));
                });
            }
        }
        self.stream.serves();
        self.serve(&engine, &signals)
    }

    /// `tune.renice.runtime`, or what it was before `tune.renice.startup`; threads started from now on inherit it.
    fn settle_priority(&mut self, process: &rha_ir::Process, usual: i32) {
        let [startup, runtime] = process.nice;
        let Some(nice) = runtime.or(startup.map(|_| usual)) else { return };
        if !rha_net::set_priority(nice) {
            let why = io::Error::last_os_error().to_string();
            let why = why.split(" (os error").next().unwrap_or_default();
            let text = format!("[rhap.main()] couldn't set the runtime nice value to {nice}: {why}");
            self.say(Severity::Warning, &text);
        }
    }

    fn wanted_descriptors(&self) -> u64 {
        let process = &self.parsed.model.process;
        let (soft, hard) = rha_net::descriptor_limit();
        process
            .ulimit_n
            .map(u64::from)
            .or_else(|| self.maxconn().map(|n| u64::from(n) * 2 + 100))
            .map_or(limits::most_descriptors(process), |n| n.max(soft.min(hard)))
    }

    fn maxconn(&self) -> Option<u32> {
        self.maxconn_of(&self.parsed.model.process)
    }

    fn maxconn_of(&self, process: &rha_ir::Process) -> Option<u32> {
        self.options.maxconn.filter(|n| *n > 0).or(process.maxconn)
    }

    fn start(&mut self) -> Result<Arc<Engine>, i32> {
        let mut model = std::mem::take(&mut self.parsed.model);
        let beside = limits::beside_connections(&model, self.under_master);
        let maxconn = self
            .maxconn_of(&model.process)
            .unwrap_or_else(|| limits::automatic_maxconn(beside, &model.process));
        model.process.maxconn = Some(maxconn);
        if let Some(n) = self.options.proxy_maxconn.filter(|n| *n > 0) {
            model.proxies.iter_mut().filter(|p| p.maxconn.is_none()).for_each(|p| p.maxconn = Some(n));
        }
        model.process.allow_planned = self.options.allow_planned;
        let usual = rha_net::priority();
        if let [Some(nice), _] = model.process.nice {
            rha_net::set_priority(nice);
        }
        let later = Later::default();
        let stats = model.proxies.iter().map(|p| p.stats.clone()).collect();
        let mut plan = match Plan::build(&model, self.dialect, None) {
            Ok(p) => p,
            Err(errors) => return Err(self.plan_errors(&errors)),
        };
        plan.local_pages = Some(Arc::new(Pages { engine: later.clone(), stats }));
        let prepared = match rha_proxy::health::prepare(&mut plan) {
            Ok(p) => p,
            Err(errors) => return Err(self.plan_errors(&errors)),
        };
        // Before its socket is replaced by our own of the same path.
        let fetched = self.fetched()?;
        let (controls, mut sockets) = match control::bind(&model.process) {
            Ok(bound) => bound,
            Err(errors) => return Err(self.bind_errors(&model, errors)),
        };
        // COMPAT: the line to the master is one of the runtime API's sockets.
        if let Some(number) = self.line.as_ref().and_then(Line::talk_number).filter(|_| self.under_master) {
            let level = rha_ir::SocketLevel::Admin;
            sockets.push(rha_admin::view::ControlSocket { name: format!("sockpair@{number}"), level });
        }
        self.settle_priority(&model.process, usual);
        let runtime = match rha_proxy::start(plan, self.start_options(&model.process, fetched)) {
            Ok(r) => r,
            Err(errors) => return Err(self.bind_errors(&model, errors)),
        };
        let pid = std::process::id();
        let dialect = self.dialect;
        let stream = || {
            Stream::new(rha_text::render::haproxy::Speaker {
                version: crate::version::full(dialect),
                executable: crate::executable(),
                pid,
            })
        };
        let quiet = (self.options.quiet && !self.options.verbose) || self.detach;
        // States from a file are told as part of the configuration, introduction included.
        let mut first = stream();
        if self.stream.is_introduced() {
            first.serves();
        }
        let watch = prepared
            .start(runtime.plan(), console(first, quiet), None)
            .map_err(|e| self.fail(&format!("[rhap.main()] cannot start checks: {e}")))?;
        let lines = {
            let mut stream = stream();
            stream.serves();
            console(stream, quiet)
        };
        let engine = Arc::new(Engine {
            console: lines,
            anon_key: 0.into(),
            under_master: self.under_master,
            boot_ms: crate::since_start_ms(),
            runtime,
            watch,
            dialect: self.dialect,
            started: rha_net::read_clocks(),
            descriptors: (
                model.process.ulimit_n.map_or(u64::from(maxconn) * 2 + beside, u64::from),
                u64::from(maxconn) * 2 + beside,
            ),
            sockets,
            checks_before: std::sync::Mutex::default(),
            control: control::Traffic::default(),
            startup_logs: self.stream.said().to_owned(),
            memory_mb: u64::from(self.options.memory_mb.unwrap_or(0)),
            sample: std::sync::Mutex::new(crate::engine::Sample::first(rha_net::read_clocks().mono_us)),
        });
        let _ = later.set(engine.clone());
        controls
            .serve(engine.clone())
            .map_err(|e| self.fail(&format!("[rhap.main()] cannot start control: {e}")))?;
        engine.runtime.serve();
        self.parsed.model = model;
        Ok(engine)
    }

    /// Listeners that could not be had, or a step after them that failed.
    ///
    /// COMPAT: unix sockets are told last, each protocol at a time (`process/no-such-address`).
    fn bind_errors(&mut self, model: &rha_ir::Model, mut errors: Vec<StartError>) -> i32 {
        errors.sort_by_key(|e| e.protocol == "unix_stream");
        for e in &errors {
            if e.proxy.is_empty() {
                return self.fail(&format!("[rhap.main()] {}", e.reason));
            }
            let place = format!("{}:{}", self.parsed.sources.name(e.origin.file), e.origin.line);
            let is_front = |p: &rha_ir::Proxy| p.name == e.proxy && p.kind == rha_ir::ProxyKind::Frontend;
            let kind =
                if e.proxy == "GLOBAL" || model.proxies.iter().any(is_front) { "frontend" } else { "proxy" };
            let reason = if self.dialect >= Dialect::V2_8 {
                format!("protocol {}: {}.", e.protocol, e.reason)
            } else {
                e.reason.clone()
            };
            self.say(Severity::Error, &format!("Binding [{place}] for {kind} {}: {reason}", e.proxy));
        }
        self.fail("[rhap.main()] Some protocols failed to start their listeners! Exiting.")
    }

    /// What happens between binding and serving: chroot, then another user.
    fn start_options(
        &mut self,
        process: &rha_ir::Process,
        fetched: Vec<rha_net::Listener>,
    ) -> rha_proxy::Options {
        let root = process.chroot.clone();
        let mut inherited = self.line.as_mut().map(Line::take_inherited).unwrap_or_default();
        inherited.extend(fetched);
        let dumpable = process.dumpable;
        let identity = Identity {
            uid: process.user.as_deref().and_then(rha_net::lookup_user),
            gid: process.group.as_deref().and_then(rha_net::lookup_group),
        };
        let pidfile = self.pidfile(process).map(str::to_owned);
        // A master hears of it before anybody can be served, lest it take an early death for a failed start.
        let mut master = self.line.as_ref().filter(|_| self.under_master).and_then(Line::announcer);
        rha_proxy::Options {
            inherited,
            serve_later: true,
            before_serving: Some(Box::new(move |sockets| {
                if let Some(path) = &pidfile {
                    rha_net::write_pidfile(Path::new(path), &[std::process::id()])
                        .map_err(|_| io::Error::other(format!("Cannot create pidfile {path}")))?;
                }
                if let Some(root) = root {
                    rha_net::chroot(Path::new(&root))
                        .map_err(|_| io::Error::other(format!("Cannot chroot({root}).")))?;
                }
                rha_net::drop_privileges(&identity)?;
                if dumpable {
                    rha_net::allow_core_dumps();
                }
                if let Some(line) = &mut master {
                    line.hand_over(sockets);
                    line.ready();
                }
                Ok(())
            })),
        }
    }

    /// `-x`: what the process behind that stats socket listens on. COMPAT: without an answer there is no
    /// start (`reload/x-nobody`).
    fn fetched(&mut self) -> Result<Vec<rha_net::Listener>, i32> {
        let Some(path) = self.options.old_socket.clone() else { return Ok(Vec::new()) };
        rha_net::fetch_sockets(Path::new(&path)).map_err(|e| {
            let text = match e.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    format!("Failed to connect to the old process socket '{path}'")
                }
                _ => "Failed to get the number of sockets to be transferred !".to_owned(),
            };
            self.say(Severity::Warning, &text);
            self.fail("Failed to get the sockets from the old process!")
        })
    }

    /// COMPAT: a process in the foreground writes none; under a master the master writes its own.
    fn pidfile<'p>(&'p self, process: &'p rha_ir::Process) -> Option<&'p str> {
        if self.under_master || !self.detach {
            return None;
        }
        self.options.pidfile.as_deref().or(process.pidfile.as_deref())
    }

    fn plan_errors(&mut self, errors: &[rha_proxy::PlanError]) -> i32 {
        for e in errors {
            let place = format!("{}:{}", self.parsed.sources.name(e.span.file), e.span.line);
            self.say(Severity::Error, &format!("[{place}] : {e}."));
        }
        1
    }

    fn finish_old_processes(&self) {
        let Some((terminate, pids)) = &self.options.old_pids else { return };
        let signal = if *terminate { Signal::Terminate } else { Signal::User1 };
        for pid in pids {
            rha_net::send_signal(*pid, signal);
        }
    }

    fn serve(&mut self, engine: &Arc<Engine>, signals: &Signals) -> i32 {
        let mut stopping: Option<Instant> = None;
        let hard = self.parsed.model.process.hard_stop_after_ms.map(|ms| Duration::from_millis(ms.into()));
        let grace = Duration::from_millis(self.parsed.model.process.grace_ms.unwrap_or(0).into());
        let mut asked: Option<Instant> = None;
        loop {
            let patience = if asked.is_some() { 20 } else { 1000 };
            match signals.wait(Duration::from_millis(patience)) {
                Some(s @ (Signal::Interrupt | Signal::Terminate)) => {
                    engine.runtime.stop();
                    signals.die_by(s);
                }
                Some(Signal::User1) if asked.is_none() => asked = Some(Instant::now()),
                Some(Signal::HangUp) => self.dump(engine),
                Some(Signal::Pause) => engine.pause_all(true),
                Some(Signal::Resume) => engine.pause_all(false),
                _ => {}
            }
            if self.line.as_mut().is_some_and(Line::is_cut) && self.under_master {
                engine.runtime.stop();
                return 0;
            }
            // `grace`: the listeners stay open for a while after the order to stop.
            if stopping.is_none() && asked.is_some_and(|a| a.elapsed() >= grace) {
                stopping = Some(Instant::now());
                engine.runtime.finish();
                engine.watch.stop();
                self.tell_stopped(engine);
            }
            let Some(since) = stopping else { continue };
            if engine.runtime.is_finished() {
                return 0;
            }
            if hard.is_some_and(|h| since.elapsed() > h) {
                self.say(Severity::Warning, "soft-stop running for too long, performing a hard-stop.");
                engine.runtime.stop();
            }
        }
    }

    /// COMPAT: what listens stops first, then the runtime API's own proxy (told until 2.6), then the rest.
    fn tell_stopped(&mut self, engine: &Engine) {
        let plan = engine.runtime.plan();
        // A frontend shut down before has been told already.
        let all = || plan.proxies.iter().filter(|p| !p.model.disabled && !p.state.stopped.load(Relaxed));
        for p in all().filter(|p| !p.listeners.is_empty()) {
            engine.tell_stopped(p);
        }
        if self.dialect < Dialect::V2_8 && !self.under_master && !engine.sockets.is_empty() {
            let n = engine.control.total();
            self.say(Severity::Warning, &format!("Proxy GLOBAL stopped (cumulated conns: FE: {n}, BE: 0)."));
        }
        for p in all().filter(|p| p.listeners.is_empty()) {
            engine.tell_stopped(p);
        }
    }

    /// SIGHUP: every proxy and server in a line.
    fn dump(&mut self, engine: &Engine) {
        self.say(Severity::Warning, "SIGHUP received, dumping servers states.");
        if !engine.sockets.is_empty() {
            let (now, ever) = (engine.control.now(), engine.control.total());
            let text = format!(
                "SIGHUP: Proxy GLOBAL has no servers. Conn: act(FE+BE): {now}+0, 0 pend (0 unass), tot(FE+BE): {ever}+0."
            );
            self.say(Severity::Warning, &text);
        }
        for p in &engine.runtime.plan().proxies {
            for (i, s) in p.state.servers.iter().enumerate() {
                let total = engine.runtime.server(p.id, i).sessions;
                let text = format!(
                    "SIGHUP: Server {}/{} is {}. Conn: {} act, {} pend, {total} tot.",
                    p.name,
                    s.name,
                    if s.is_up() { "UP" } else { "DOWN" },
                    s.served.read(),
                    s.queued.read(),
                );
                self.say(Severity::Warning, &text);
            }
            let what = match (p.servers.is_empty(), p.state.usable()) {
                (true, _) => "has no servers.".to_owned(),
                (_, (0, 0)) => "has no server available !".to_owned(),
                (_, (0, _)) => "is running on backup servers !".to_owned(),
                (_, (a, b)) => format!("has {a} active servers and {b} backup servers available."),
            };
            let (f, b) = (engine.runtime.front(p.id), engine.runtime.back(p.id));
            let text = format!(
                "SIGHUP: Proxy {} {what} Conn: act(FE+BE): {}+{}, {} pend ({} unass), tot(FE+BE): {}+{}.",
                p.name,
                p.state.front.read(),
                p.state.back.read(),
                p.state.total_queued.load(Relaxed),
                p.state.queued.read(),
                f.connections,
                b.sessions,
            );
            self.say(Severity::Warning, &text);
        }
    }
}

/// Lines of the watch over servers, on standard error.
fn console(stream: Stream, quiet: bool) -> rha_proxy::health::Console {
    let stream = std::sync::Mutex::new(stream);
    Box::new(move |word, text| {
        if word == "WARNING" {
            check::count_warning();
        }
        let severity = match word {
            "ALERT" => Severity::Error,
            "WARNING" => Severity::Warning,
            _ => Severity::Notice,
        };
        if quiet {
            return;
        }
        let mut stream = stream.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !text.starts_with("config : ") {
            stream.serves();
        }
        let said = stream.say(severity, text);
        check::eprint_one(&said);
    })
}
