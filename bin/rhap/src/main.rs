//! `rhap`: serves what a `haproxy.cfg` says, behaving like the program whose file it is.

mod check;
mod control;
mod engine;
mod fronts;
mod limits;
mod look;
mod manual;
mod master;
mod master_cli;
mod options;
mod pages;
mod posted;
mod run;
mod version;

use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Instant;

use rha_text::render::haproxy::{Speaker, Stream};
use rha_text::{Diagnostic, Env, Severity, Span};
use rha_vocab::Dialect;

use crate::master::Role;
use crate::options::{Options, Outcome};

/// When this process began.
static BEGUN: OnceLock<Instant> = OnceLock::new();

/// Milliseconds since this process began.
fn since_start_ms() -> u64 {
    BEGUN.get().map_or(0, |b| u64::try_from(b.elapsed().as_millis()).unwrap_or(u64::MAX))
}

fn main() -> ExitCode {
    BEGUN.get_or_init(Instant::now);
    let words: Vec<String> = std::env::args_os().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
    let code = match options::read(&words) {
        Outcome::Run(options) => program(&options),
        Outcome::Usage => usage(dialect(&Options::default())),
        Outcome::Fail { message, usage: with_usage } => {
            let d = dialect(&Options::default());
            check::eprint_one(&stream(d).say(Severity::Error, &message));
            if with_usage { usage(d) } else { 1 }
        }
        Outcome::Help => {
            check::print_one(&manual::help());
            0
        }
        Outcome::Manual => {
            check::print_one(&manual::page());
            0
        }
        Outcome::Completions(shell) => match manual::completions(&shell) {
            Some(text) => {
                check::print_one(&text);
                0
            }
            None => {
                check::eprint_one(&format!(
                    "rhap: no completions for '{shell}' (bash, elvish, fish, powershell, zsh)\n"
                ));
                1
            }
        },
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

fn usage(d: Dialect) -> i32 {
    check::eprint_one(&(version::banner(d) + &manual::usage()));
    1
}

/// The dialect: `--compat`, else `RHAP_COMPAT`, else 3.0.
fn dialect(options: &Options) -> Dialect {
    let from_env = || std::env::var("RHAP_COMPAT").ok().and_then(|v| Dialect::parse(&v));
    options.dialect.or_else(from_env).unwrap_or_default()
}

/// Path of this program, for messages.
fn executable() -> String {
    std::env::current_exe().map_or_else(|_| "rhap".to_owned(), |p| p.display().to_string())
}

fn stream(d: Dialect) -> Stream {
    Stream::new(Speaker { version: version::full(d), executable: executable(), pid: std::process::id() })
}

fn program(options: &Options) -> i32 {
    let d = dialect(options);
    if let Some(ask) = options.version {
        check::print_one(&version::answer(ask, d));
        return 0;
    }
    if let Some(classes) = &options.dump_keywords {
        check::print_one(&manual::keywords(classes, d));
        if options.files.is_empty() {
            return 0;
        }
    }
    let mut stream = stream(d);
    if let Some(condition) = &options.condition {
        return evaluate(condition, d, &mut stream);
    }
    if options.files.is_empty() {
        return usage(d);
    }
    if let Some(dir) = &options.directory
        && let Err(e) = std::env::set_current_dir(dir)
    {
        check::eprint_one(
            &stream.say(Severity::Error, &format!("Could not change to directory {dir} : {e}")),
        );
        return 1;
    }
    let mut parsed = check::parse(options, d);
    if options.check {
        let told = check::restored(&parsed, d);
        parsed.diagnostics.extend(told);
    }
    check::report(options, &parsed, &mut stream);
    if options.check {
        return check::verdict(options, d, &parsed, &mut stream);
    }
    if parsed.is_refused() {
        return 1;
    }
    if check::has_warnings(&parsed) && (options.zero_warning || parsed.model.process.zero_warning) {
        return check::verdict(options, d, &parsed, &mut stream);
    }
    let obstacles = check::obstacles(&parsed, options.allow_planned);
    if !obstacles.is_empty() {
        check::native(options, &obstacles, &mut stream);
        return 1;
    }
    check::native(options, &check::left_out(&parsed), &mut stream);
    if parsed.model.process.quiet && !options.quiet {
        let quiet = Options { quiet: true, ..options.clone() };
        return start(&quiet, d, parsed, stream);
    }
    start(options, d, parsed, stream)
}

/// Takes the process model the options and the file ask for, and serves.
fn start(options: &Options, d: Dialect, parsed: rha_haproxy::Parsed, mut stream: Stream) -> i32 {
    let process = &parsed.model.process;
    let foreground = options.foreground || options.debug || options.systemd;
    let daemon = (options.daemon || process.daemon) && !foreground;
    let master = options.master || (process.master_worker && !options.foreground && !options.debug);
    let mut line = None;
    if daemon {
        match master::daemonize() {
            Ok(Role::Done(code)) => return code,
            Ok(Role::Worker(l)) => line = Some(l),
            Err(e) => {
                check::eprint_one(&stream.say(Severity::Error, &format!("[rhap.main()] Cannot fork: {e}")));
                return 1;
            }
        }
    }
    if !master {
        return run::Start {
            options,
            dialect: d,
            parsed,
            stream: &mut stream,
            line,
            detach: daemon,
            under_master: false,
        }
        .run();
    }
    let pidfile = options.pidfile.clone().or_else(|| process.pidfile.clone());
    let mut own = crate::stream(d);
    let max_reloads = process.max_reloads;
    let start = master::Upbringing { pidfile, parent: line, max_reloads };
    let (role, again) = master::supervise(options, d, &mut own, start);
    match role {
        Role::Done(code) => code,
        Role::Worker(line) => {
            let mut stream = crate::stream(d);
            let parsed = if again { check::parse(options, d) } else { parsed };
            if again {
                check::native(options, &parsed.diagnostics, &mut stream);
                let obstacles = check::obstacles(&parsed, options.allow_planned);
                check::native(options, &obstacles, &mut stream);
                if parsed.is_refused() || !obstacles.is_empty() {
                    return 1;
                }
            }
            run::Start {
                options,
                dialect: d,
                parsed,
                stream: &mut stream,
                line: Some(line),
                detach: false,
                under_master: true,
            }
            .run()
        }
    }
}

/// `-cc`: 0 true, 1 false, 2 not understood.
fn evaluate(condition: &str, d: Dialect, stream: &mut Stream) -> i32 {
    let env = Env::default();
    let version = version::release(d);
    let facts = rha_haproxy::read::cond::Facts { env: &env, dialect: d, version };
    match rha_haproxy::read::cond::evaluate(condition.as_bytes(), facts) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(e) => {
            let text = format!("config : Failed to evaluate condition: {}", e.text);
            let diagnostic = Diagnostic::native("HA1001", Severity::Error, Span::default(), text);
            check::eprint_one(&stream.diagnostic(&diagnostic));
            2
        }
    }
}
