//! Reading the configuration for a start or a reload, and what stands in its way.
//!
//! DIFFERS: a reload whose file has a mistake that the running one had not is refused as a whole; the
//! original applies the readable part.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use rha_failover::Plan;
use rha_failover::log::Log;
use rha_keepalived::{Input, Interface, LocalMachine, Machine, Outcome, Start};
use rha_net::netlink::{InterfaceAddress, Link, Netlink};
use rha_text::{Diagnostic, Env, Files, Severity};
use rha_vocab::Support;

use crate::copy::{Copy, Recording};
use crate::options::Options;
use crate::parent::{EXIT_CONFIG, EXIT_FATAL};
use crate::reload;

/// A configuration that may be run.
#[derive(Debug, Clone)]
pub struct Config {
    plan: Rc<Plan>,
    /// Its errors, without their places.
    errors: BTreeSet<String>,
    /// The files as they were read.
    copy: Rc<Copy>,
    /// With `config_save_dir`, what is kept there.
    consolidated: Option<Rc<str>>,
}

/// Why a configuration may not be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Exit code of a start.
    pub code: i32,
    /// What to say, line by line.
    pub lines: Vec<String>,
}

impl Refusal {
    /// Says it.
    pub fn log(&self, log: &Log) {
        for l in &self.lines {
            log.info(l);
        }
    }
}

/// Whether this process is in the namespace that the file names.
static INSIDE: AtomicBool = AtomicBool::new(false);

/// Reads the files the options name, from the disk or a copy. Interfaces are those of the network namespace
/// that the file names, if it does: this process goes there and reads again. That it cannot is for the start to
/// say.
#[must_use]
pub fn read(options: &Options, testing: bool, files: &dyn Files, seed: u64) -> Outcome {
    let outcome = read_here(options, testing, files, seed);
    let Some(name) = outcome.model.failover.global.net_namespace.as_ref() else { return outcome };
    let elsewhere = options.namespace.is_none() && !INSIDE.load(Ordering::Relaxed);
    if !elsewhere || rha_net::scheduling::enter_network(name).is_err() {
        return outcome;
    }
    INSIDE.store(true, Ordering::Relaxed);
    read_here(options, testing, files, seed)
}

/// What `${_RANDOM}` is computed from: another number each time.
#[must_use]
pub fn seed() -> u64 {
    rha_net::read_clocks().mono_us
}

fn read_here(options: &Options, testing: bool, files: &dyn Files, seed: u64) -> Outcome {
    let machine = OwnMachine(LocalMachine::default(), std::cell::OnceCell::new());
    let mut input = Input::new(&options.file, files, &machine);
    input.env = Env::from_pairs(std::env::vars_os().map(|(k, v)| {
        use std::os::unix::ffi::OsStringExt;
        (k.into_vec(), v.into_vec())
    }));
    let host = rha_net::hostname();
    let short = host.split('.').next().unwrap_or(&host);
    input.config_id = options.config_id.clone().unwrap_or_else(|| short.to_owned());
    input.testing = testing;
    input.include_check = options.all_config.then(Vec::new);
    input.seed = seed;
    rha_keepalived::check(&input)
}

/// This machine, with interfaces as the network namespace we are in has them; the kernel is asked once.
struct OwnMachine(LocalMachine, std::cell::OnceCell<Option<(Vec<Link>, Vec<InterfaceAddress>)>>);

fn ask_kernel() -> Option<(Vec<Link>, Vec<InterfaceAddress>)> {
    let mut netlink = Netlink::open().ok()?;
    Some((netlink.links().ok()?, netlink.addresses().unwrap_or_default()))
}

impl Machine for OwnMachine {
    fn interface(&self, name: &str) -> Option<Interface> {
        let (links, addresses) = self.1.get_or_init(ask_kernel).as_ref()?;
        let link = links.iter().find(|l| l.name == name)?;
        let base = link.parent.filter(|_| link.kind.as_deref() == Some("macvlan"));
        Some(Interface {
            mtu: link.mtu,
            loopback: link.loopback,
            ethernet: link.ethernet,
            multicast: link.multicast,
            base: base.and_then(|b| links.iter().find(|l| l.index == b)).map(|l| l.name.clone()),
            addresses: addresses.iter().filter(|a| a.link == link.index).map(|a| a.address).collect(),
        })
    }

    fn user(&self, name: &str) -> Option<(u32, u32)> {
        self.0.user(name)
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.0.group(name)
    }

    fn own(&self) -> (u32, u32) {
        self.0.own()
    }

    fn stat(&self, path: &str, follow: bool) -> std::io::Result<rha_keepalived::FileStat> {
        self.0.stat(path, follow)
    }

    fn real_path(&self, path: &str) -> std::io::Result<String> {
        self.0.real_path(path)
    }

    fn search_path(&self) -> String {
        self.0.search_path()
    }

    fn directory(&self) -> String {
        self.0.directory()
    }

    fn resolve(&self, name: &str, port: u16) -> Option<std::net::SocketAddr> {
        self.0.resolve(name, port)
    }

    fn system_file(&self, path: &str) -> Option<Vec<u8>> {
        self.0.system_file(path)
    }

    fn processors(&self) -> u32 {
        self.0.processors()
    }

    fn writable(&self, path: &str) -> bool {
        self.0.writable(path)
    }
}

/// Reads from the disk, keeping what was read; a reload never moves to another namespace.
fn read_noting(options: &Options, testing: bool) -> (Outcome, Copy) {
    let (files, seed) = (Recording::default(), seed());
    let outcome = read_here(options, testing, &files, seed);
    (outcome, files.finish(seed))
}

impl Config {
    /// Reads for a start; messages go to the log.
    ///
    /// # Errors
    /// Why it may not be run.
    pub fn first(options: &Options, log: &Log) -> Result<Config, Refusal> {
        let (files, seed) = (Recording::default(), seed());
        let outcome = read(options, false, &files, seed);
        let copy = files.finish(seed);
        say_files(&outcome, options, log);
        said(&outcome).for_each(|line| log.info(line));
        if let Start::Refused(code) = outcome.start {
            return Err(Refusal { code, lines: Vec::new() });
        }
        Config::of(outcome, Rc::new(copy), options, log)
    }

    /// Reads for a reload; `self` is what runs. With `reload_check_config` it is judged as `-t` does first.
    ///
    /// # Errors
    /// Why it may not be run; `self` is to go on.
    pub fn reread(&self, options: &Options, log: &Log) -> Result<Config, Refusal> {
        let Some(path) = &self.plan.failover.global.reload_check_config else {
            log.info("Reloading ...");
            let (outcome, copy) =
                reload::while_marked(options, &self.plan, || read_noting(options, false), log);
            say_files(&outcome, options, log);
            return self.judge(outcome, Rc::new(copy), options, log);
        };
        log.detail("validate conf before Reload");
        let (tested, copy) = reload::while_marked(options, &self.plan, || read_noting(options, true), log);
        reload::write_check(path, &tested, log);
        if tested.exit_code != 0 {
            let line = format!("New config failed validation, see {path} for details");
            return Err(Refusal { code: tested.exit_code, lines: vec![line] });
        }
        log.info("Reloading ...");
        let outcome = read_here(options, false, &copy, copy.seed);
        self.judge(outcome, Rc::new(copy), options, log)
    }

    /// What may take the place of `self`; messages go to the log.
    fn judge(
        &self,
        outcome: Outcome,
        copy: Rc<Copy>,
        options: &Options,
        log: &Log,
    ) -> Result<Config, Refusal> {
        self.refuse_new_errors(&outcome)?;
        said(&outcome).for_each(|line| log.info(line));
        let lines = reload::unchangeable(options, &self.plan.failover.global, &outcome.model.failover.global);
        if !lines.is_empty() {
            return Err(Refusal { code: EXIT_CONFIG, lines });
        }
        // what ends a start ends no running worker
        Config::of(outcome, copy, options, log).map_err(|mut refusal| {
            refusal.lines.retain(|line| line != "Terminate...");
            refusal.lines.push("The running configuration stays".to_owned());
            refusal
        })
    }

    fn refuse_new_errors(&self, outcome: &Outcome) -> Result<(), Refusal> {
        let is_new = !errors(outcome).is_subset(&self.errors);
        if is_new || matches!(outcome.start, Start::Refused(_)) {
            let mut lines: Vec<String> = outcome.native().into_iter().map(str::to_owned).collect();
            lines.push("New config failed validation, the running configuration stays".to_owned());
            return Err(Refusal { code: outcome.exit_code, lines });
        }
        Ok(())
    }

    /// The worker's reading of what the parent has read; only refusals are said.
    ///
    /// # Errors
    /// Why it may not be run: an interface is gone meanwhile; `self` is to go on.
    pub fn replay(&self, options: &Options, log: &Log, copy: Copy) -> Result<Config, Refusal> {
        let outcome = read_here(options, false, &copy, copy.seed);
        self.refuse_new_errors(&outcome)?;
        Config::of(outcome, Rc::new(copy), options, log)
    }

    fn of(outcome: Outcome, copy: Rc<Copy>, options: &Options, log: &Log) -> Result<Config, Refusal> {
        let mut obstacles = obstacles(&outcome, options.allow_planned);
        let inside = unbuilt(&outcome);
        if options.allow_planned {
            inside.iter().for_each(|l| log.info(format_args!("WARNING - left out (--allow-planned): {l}")));
        } else {
            obstacles.extend(inside);
        }
        if !obstacles.is_empty() {
            return Err(Refusal { code: EXIT_CONFIG, lines: obstacles });
        }
        for line in left_out(&outcome) {
            log.info(line);
        }
        let errors = errors(&outcome);
        let saving = outcome.model.failover.global.config_save_dir.is_some();
        let consolidated = saving.then(|| outcome.consolidated().into());
        let mut failover = outcome.model.failover;
        if !options.parts.vrrp {
            failover.instances.clear();
            failover.sync_groups.clear();
        }
        if !options.parts.checkers {
            failover.virtual_servers.clear();
        }
        if !options.parts.bfd {
            failover.bfd_instances.clear();
        }
        if let Err(lines) = rha_failover::checkers::tls_client(&failover) {
            return Err(Refusal { code: EXIT_FATAL, lines });
        }
        let plan = Plan::of(failover, rha_net::hostname());
        Ok(Config { plan: Rc::new(plan), errors, copy, consolidated })
    }

    /// What to run.
    #[must_use]
    pub fn plan(&self) -> Rc<Plan> {
        self.plan.clone()
    }

    /// The files as they were read, for a worker.
    #[must_use]
    pub fn copy(&self) -> &Copy {
        &self.copy
    }

    /// With `config_save_dir`, what is kept there.
    #[must_use]
    pub fn consolidated(&self) -> Option<&str> {
        self.consolidated.as_deref()
    }

    /// `child_wait_time`, seconds.
    #[must_use]
    pub fn child_wait_time(&self) -> u32 {
        self.plan.failover.global.child_wait_time
    }
}

/// The original's lines of a real start: what `-t` prints, and remarks that only a start makes.
fn said(outcome: &Outcome) -> impl Iterator<Item = &str> {
    let is_said = |d: &&Diagnostic| d.native.is_some() || d.severity == Severity::Notice;
    outcome.diagnostics.iter().filter(is_said).map(text_of)
}

fn text_of(d: &Diagnostic) -> &str {
    d.native.as_ref().map_or(d.message.as_str(), |n| n.text.as_str())
}

/// COMPAT: the file is named, and with `-D` every file opened.
fn say_files(outcome: &Outcome, options: &Options, log: &Log) {
    for (_, source) in outcome.sources.iter() {
        log.detail(format_args!("Opening file '{}'.", source.name));
    }
    if outcome.sources.iter().next().is_some() {
        log.info(format_args!("Configuration file {}", options.file));
    }
}

/// Errors without their places, to tell new ones from known ones.
fn errors(outcome: &Outcome) -> BTreeSet<String> {
    let is_error = |d: &&Diagnostic| d.severity == Severity::Error;
    outcome
        .diagnostics
        .iter()
        .filter(is_error)
        .filter_map(|d| d.native.as_ref())
        .map(|n| {
            n.text
                .rsplit_once(") ")
                .filter(|(place, _)| place.contains("Line "))
                .map_or(n.text.clone(), |(_, t)| t.to_owned())
        })
        .collect()
}

/// What stops a real start beyond the original's verdict: keywords that are planned or refused.
#[must_use]
pub fn obstacles(outcome: &Outcome, allow_planned: bool) -> Vec<String> {
    let mut lines: Vec<String> = outcome
        .notes
        .iter()
        .filter_map(|n| {
            let place = format!("({}: Line {})", outcome.sources.name(n.span.file), n.span.line);
            match n.support {
                Support::Refused(reason) => Some(format!("{place} '{}' is refused: {reason}", n.keyword)),
                Support::Planned if !allow_planned => Some(format!(
                    "{place} '{}' is understood but not built yet: remove it, or start with --allow-planned to go on without it",
                    n.keyword
                )),
                _ => None,
            }
        })
        .collect();
    lines.dedup();
    lines
}

/// What the engine itself does not do of what was read.
fn unbuilt(outcome: &Outcome) -> Vec<String> {
    rha_failover::plan::unbuilt::find(&outcome.model.failover)
        .iter()
        .map(|u| match u.origin.line {
            0 => format!("'{}' is understood but not built yet", u.what),
            n => {
                let file = outcome.sources.name(u.origin.file);
                format!("({file}: Line {n}) '{}' is understood but not built yet", u.what)
            }
        })
        .collect()
}

/// What a start with `--allow-planned` goes on without.
fn left_out(outcome: &Outcome) -> Vec<String> {
    let planned = outcome.notes.iter().filter(|n| n.support == Support::Planned);
    let mut lines: Vec<String> = planned
        .map(|n| {
            let place = format!("({}: Line {})", outcome.sources.name(n.span.file), n.span.line);
            format!("{place} WARNING - '{}' is not built yet and left out (--allow-planned)", n.keyword)
        })
        .collect();
    lines.dedup();
    lines
}
