//! `rkeepalived`: holds the addresses a `keepalived.conf` names, behaving like the program whose file it is.

mod check;
mod client;
mod config;
mod copy;
mod metrics;
mod options;
mod parent;
mod pidfile;
mod planned;
mod reload;
mod version;

use std::process::ExitCode;
use std::rc::Rc;

use rha_failover::log::Log;
use rha_failover::worker::{self, Settings};
use rha_net::daemon::{self, SignalQueue, signal_number as signal};
use rha_net::{Board, Forked, scheduling};

use crate::check::{eprint_one, print_one};
use crate::config::Config;
use crate::copy::Copy;
use crate::options::Options;
use crate::parent::{EXIT_CONFIG, EXIT_FATAL, Parent, Role};
use crate::pidfile::{Naming, PidFiles};

fn main() -> ExitCode {
    let program = std::env::args().next().unwrap_or_else(|| "rkeepalived".to_owned());
    let words: Vec<String> = std::env::args_os().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
    let options = options::read(&words);
    for c in &options.complaints {
        eprint_one(&format!("{c}\n"));
    }
    let code = run(&program, &words, &options);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

fn run(program: &str, words: &[String], options: &Options) -> i32 {
    if options.genhash {
        eprint_one("rkeepalived: -T (genhash) is not built\n");
        return 1;
    }
    if options.version {
        eprint_one(&version::text());
        return 0;
    }
    if options.help {
        eprint_one(&options::usage(program));
        return 0;
    }
    if let Some(name) = &options.signum {
        return signum(name);
    }
    if options.words.first().is_some_and(|w| w == "status" || w == "handover") {
        return client::run(options);
    }
    if !options.words.is_empty() {
        print_one(&format!("Unexpected argument(s): {} \n", options.words.join(" ")));
    }
    if options.bad {
        return 1;
    }
    if options.snmp {
        eprint_one("rkeepalived: -x (SNMP) is not built\n");
        return 1;
    }
    if let Some(file) = &options.test {
        return check::test(options, file.as_deref());
    }
    start(program, words, options)
}

/// `--signum`.
fn signum(name: &str) -> i32 {
    let number = match name {
        "STOP" => signal::TERMINATE,
        "RELOAD" => signal::HANG_UP,
        "DATA" => signal::USER1,
        "STATS" => signal::USER2,
        "STATS_CLEAR" => parent::stats_clear_signal(),
        "JSON" => parent::json_signal(),
        _ => {
            eprint_one(&format!("Unknown sigfunc {name}\n"));
            return 1;
        }
    };
    print_one(&format!("{number}\n"));
    0
}

fn start(program: &str, words: &[String], options: &Options) -> i32 {
    // COMPAT: a request that comes before we can answer it is no end. It waits here; it is ignored there.
    let _requests = SignalQueue::block(&Parent::requests());
    scheduling::set_umask(options.umask.unwrap_or(0o177));
    let log = Log::new(&options.log, "Keepalived");
    say_start(program, words, &log);
    let code = serve(options, &log);
    if let Some(code) = code {
        say_stopped(&log);
        return code;
    }
    // COMPAT: "daemon is already running" says nothing more, and is no failure.
    0
}

fn say_start(program: &str, words: &[String], log: &Log) {
    log.info(format_args!("Starting {}", version::COMPATIBLE));
    log.info(version::OURS);
    let system = rha_net::system_name();
    // Without the machine's kind, as the original has it.
    log.info(format_args!("Running on {}", system.rsplit_once(' ').map_or(system.as_str(), |(s, _)| s)));
    let mut line = "Command line:".to_owned();
    for word in std::iter::once(program).chain(words.iter().map(String::as_str)) {
        // COMPAT: the words of a line are 88 characters at most.
        if line.len() + word.len() + 3 > 102 {
            log.info(&line);
            line = " ".repeat("Command line:".len());
        }
        line += &format!(" '{word}'");
    }
    log.info(line);
}

fn say_stopped(log: &Log) {
    if log.is_detailed() {
        let (own, children) = daemon::processor_times();
        let s = |us: u64| format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
        log.info(format_args!(
            "CPU usage (self/children) user: {}/{} system: {}/{}",
            s(own.user_us),
            s(children.user_us),
            s(own.system_us),
            s(children.system_us)
        ));
    }
    log.info(format_args!("Stopped {}", version::COMPATIBLE));
}

/// `None` when another daemon runs.
fn serve(options: &Options, log: &Log) -> Option<i32> {
    if options.core_dump {
        let _ = scheduling::allow_core_files();
    }
    if let Some(pattern) = &options.core_pattern {
        let _ = std::fs::write("/proc/sys/kernel/core_pattern", pattern);
    }
    // Interfaces are those of the namespace; that there is none is said once the file was read.
    let entered = options.namespace.as_ref().map(|name| scheduling::enter_network(name));
    let config = match Config::first(options, log) {
        Ok(c) => c,
        Err(refusal) => {
            refusal.log(log);
            if refusal.code == EXIT_CONFIG {
                parent::tell_systemd_of_error(EXIT_CONFIG);
            }
            if !options.log.console {
                refusal.lines.iter().for_each(|l| eprint_one(&format!("{l}\n")));
            }
            return Some(refusal.code);
        }
    };
    let plan = config.plan();
    let global = &plan.failover.global;
    if let Some(mask) = options.umask.or(global.umask) {
        scheduling::set_umask(mask);
    }
    if let Some(name) = global.process_name.as_ref().and_then(|n| std::ffi::CString::new(n.as_str()).ok()) {
        daemon::name_process(&name);
    }
    let naming = Naming::of(options, global);
    let namespace = naming.namespace.as_deref();
    let ident = ident(&naming);
    let log = &say_names(options, global.net_namespace.as_deref(), &ident, log);
    if let Some(name) = namespace
        && let Err(e) = entered.unwrap_or_else(|| scheduling::enter_network(name))
    {
        log.info(format_args!("Failed to open /run/netns/{name}: {e}"));
        log.info(format_args!("Unable to set network namespace {name} - exiting"));
        return Some(EXIT_FATAL);
    }
    let files = PidFiles::of(options, &naming);
    if naming.has_directory() {
        let former = scheduling::set_umask(0o022);
        let _ = std::fs::create_dir_all(naming.directory());
        scheduling::set_umask(former);
    }
    reload::unmark(options, &plan);
    if files.is_taken(log) {
        log.info("daemon is already running");
        return None;
    }
    if !options.foreground {
        match rha_net::fork() {
            Ok(Forked::Child) => rha_net::detach(),
            Ok(Forked::Parent(_)) => std::process::exit(0),
            Err(e) => {
                log.info(format_args!("Cannot fork: {e}"));
                return Some(EXIT_FATAL);
            }
        }
        let _ = std::env::set_current_dir("/");
    }
    if let Err(e) = pidfile::write(&files.main) {
        log.info(format_args!("pidfile_write : Cannot open {} pidfile ({e})", files.main));
        return Some(EXIT_FATAL);
    }
    if global.max_auto_priority.is_none() {
        log.info(
            "NOTICE: setting config option max_auto_priority should result in better keepalived performance",
        );
    }
    let board = match Board::new() {
        Ok(b) => Rc::new(b),
        Err(e) => {
            log.info(format_args!("Cannot keep the configuration in memory: {e}"));
            return Some(EXIT_FATAL);
        }
    };
    let signals = SignalQueue::block(&Parent::signals());
    let control = client::socket(options, &naming);
    let socket = control.clone();
    let role = Parent::new(options, log.clone(), signals.clone(), config.clone(), board.clone()).run();
    match role {
        Role::Done(code) => {
            // A worker that was killed has left its own.
            [&files.vrrp, &files.checkers, &files.bfd, &files.main]
                .into_iter()
                .for_each(|f| pidfile::remove(f));
            pidfile::remove(&socket);
            naming.remove_directory();
            Some(code)
        }
        Role::Worker(plan, line) => {
            let log = Log::new(&options.log, &format!("Keepalived_vrrp{ident}"));
            let settings = settings(options, &files, &plan, control);
            let reread = rereading(options, config, board);
            let served = options.metrics.clone().map(|address| metrics::at(address, log.clone()));
            let start = worker::Start { plan, settings, log, line, signals, reread, served };
            std::process::exit(worker::run(start))
        }
        Role::Cleaner(plan) => {
            worker::clean(&plan, log);
            std::process::exit(0)
        }
    }
}

/// A worker's reload: it reads what the parent has read. A HUP that it alone got finds nothing new there.
fn rereading(options: &Options, mut known: Config, board: Rc<Board>) -> worker::Reread {
    let again = options.clone();
    Box::new(move |log: &Log| {
        // One that the parent is about to replace is followed by a HUP of its own.
        let copy = board.read().and_then(|bytes| Copy::from_bytes(&bytes))?;
        match known.replay(&again, log, copy) {
            Ok(next) => {
                let plan = next.plan();
                known = next;
                Some(plan)
            }
            Err(refusal) => {
                refusal.log(log);
                None
            }
        }
    })
}

/// COMPAT: says that `-s` overrides the file, and the new name in the log; a log under that name.
fn say_names(options: &Options, written: Option<&str>, ident: &str, log: &Log) -> Log {
    if let (Some(given), Some(written)) = (&options.namespace, written) {
        log.info(format_args!(
            "Overriding config net_namespace '{written}' with command line namespace '{given}'"
        ));
    }
    if ident.is_empty() {
        return log.clone();
    }
    log.info(format_args!("Changing syslog ident to Keepalived{ident}"));
    Log::new(&options.log, &format!("Keepalived{ident}"))
}

/// COMPAT: `Keepalived_vrrp_NAMESPACE_INSTANCE` when they are set.
fn ident(naming: &Naming) -> String {
    [&naming.namespace, &naming.instance].into_iter().flatten().map(|part| format!("_{part}")).collect()
}

fn settings(options: &Options, files: &PidFiles, plan: &rha_failover::Plan, control: String) -> Settings {
    let mut pid_files = vec![files.vrrp.clone()];
    if !plan.failover.virtual_servers.is_empty() || options.parts.all {
        pid_files.push(files.checkers.clone());
    }
    if !plan.failover.bfd_instances.is_empty() || options.parts.all {
        pid_files.push(files.bfd.clone());
    }
    Settings {
        lease: options.lease && !options.keep_vrrp,
        keep: options.keep_vrrp,
        report_addresses: options.report_addresses,
        control,
        pid_files,
        dump_conf: options.dump_conf,
        foreground: options.foreground,
        ignore_interrupt: options.ignore_interrupt,
    }
}
