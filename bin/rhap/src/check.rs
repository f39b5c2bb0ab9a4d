//! Reading the configuration and saying what is wrong with it: `-c`, and the first half of a start.

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rha_haproxy::{Input, Parsed};
use rha_text::render::{self, haproxy::Stream};
use rha_text::{Diagnostic, DiskFiles, Env, Severity, Sources, Span};
use rha_vocab::{Dialect, Support};

use crate::options::{Format, Options};

/// Reads the files the options name.
#[must_use]
pub fn parse(options: &Options, dialect: Dialect) -> Parsed {
    let mut env = Env::from_pairs(std::env::vars_os().map(|(k, v)| {
        use std::os::unix::ffi::OsStringExt;
        (k.into_vec(), v.into_vec())
    }));
    let peer = options.peer.clone().unwrap_or_else(rha_net::hostname);
    env.preset(b"HAPROXY_LOCALPEER", peer.as_bytes());
    let input = Input {
        paths: &options.files,
        files: &DiskFiles::default(),
        env,
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution: options.ignore_resolution,
        resolve: &resolve,
        descriptor: &descriptor,
        diag: options.diagnostic,
        version: crate::version::full(dialect),
    };
    rha_haproxy::parse(&input)
}

/// Whether a descriptor is a socket of this process, in the words `getsockname()` has for what is not.
fn descriptor(fd: i32) -> Result<(), String> {
    match std::fs::read_link(format!("/proc/self/fd/{fd}")) {
        Ok(to) if to.to_string_lossy().starts_with("socket:") => Ok(()),
        Ok(_) => Err("Socket operation on non-socket".to_owned()),
        Err(_) => Err("Bad file descriptor".to_owned()),
    }
}

fn resolve(name: &str, family: Option<u8>) -> Option<IpAddr> {
    let fits = |ip: &IpAddr| match family {
        Some(4) => ip.is_ipv4(),
        Some(6) => ip.is_ipv6(),
        _ => true,
    };
    (name, 0).to_socket_addrs().ok()?.map(|a| a.ip()).find(fits)
}

/// Support notes as diagnostics: they go to the pretty and machine forms only, and decide whether a
/// real start is refused.
#[must_use]
pub fn support_diagnostics(parsed: &Parsed) -> Vec<Diagnostic> {
    parsed.notes.iter().filter_map(|n| support_diagnostic(&n.keyword, n.support, n.span)).collect()
}

fn support_diagnostic(keyword: &str, support: Support, span: Span) -> Option<Diagnostic> {
    let d = match support {
        Support::Full | Support::NoEffect(_) => return None,
        Support::Partial(note) => {
            Diagnostic::own("HA4003", Severity::Notice, span, format!("'{keyword}' is built but for: {note}"))
        }
        Support::Refused(reason) => {
            Diagnostic::own("HA4002", Severity::Error, span, format!("'{keyword}' is refused: {reason}"))
        }
        Support::Planned => {
            Diagnostic::own("HA4001", Severity::Notice, span, format!("'{keyword}' is understood but not built yet"))
                .help("rhap will not start with it: remove the line, or start with --allow-planned to go on without what it asks for")
        }
    };
    Some(d)
}

/// Prints the findings in the form asked for; true when everything was native.
pub fn report(options: &Options, parsed: &Parsed, stream: &mut Stream) {
    let format = match options.format {
        Format::Auto if is_for_people(options) => Format::Pretty,
        Format::Auto => Format::Native,
        other => other,
    };
    let mut all = parsed.diagnostics.clone();
    all.extend(support_diagnostics(parsed));
    all.extend(rha_lint::run(&parsed.model, &parsed.sources));
    let sources = &parsed.sources;
    match format {
        Format::Auto | Format::Native => native(options, &parsed.diagnostics, stream),
        Format::Pretty => eprint_one(&pretty().all(sources, &all)),
        Format::Json => print_one(&render::json::lines(sources, &all)),
        Format::Sarif => {
            print_one(&format!("{:#}\n", render::sarif::log(sources, &all, "rhap", crate::version::OURS)))
        }
        Format::Github => print_one(&render::github::commands(sources, &all)),
    }
}

/// COLUMNS tells the width where the shell exports it; NO_COLOR and a dumb terminal are respected.
fn pretty() -> render::pretty::Pretty {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let width = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).unwrap_or(100);
    let dumb = std::env::var_os("TERM").is_none_or(|t| t == "dumb");
    let color = std::io::stderr().is_terminal() && !set("NO_COLOR") && !dumb;
    render::pretty::Pretty { color, unicode: !dumb, width }
}

/// On a terminal, and nothing that compares output is in play.
fn is_for_people(o: &Options) -> bool {
    o.check
        && std::io::stderr().is_terminal()
        && !o.zero_warning
        && !o.quiet
        && std::env::var_os("CI").is_none()
}

/// Warnings given so far.
static WARNINGS: AtomicU64 = AtomicU64::new(0);

/// Warnings given since start, for `TotalWarnings`.
pub fn warnings() -> u64 {
    WARNINGS.load(Relaxed)
}

/// Counts a warning that was not given by [`native`].
pub fn count_warning() {
    WARNINGS.fetch_add(1, Relaxed);
}

/// The original's own words on standard error; `-q` (without `-V`) silences them.
pub fn native(options: &Options, diagnostics: &[Diagnostic], stream: &mut Stream) {
    let warned = diagnostics.iter().filter(|d| d.severity == Severity::Warning).count();
    WARNINGS.fetch_add(warned as u64, Relaxed);
    if options.quiet && !options.verbose {
        return;
    }
    eprint_one(&diagnostics.iter().map(|d| stream.diagnostic(d)).collect::<String>());
}

/// Writes to standard error; a closed pipe is the reader's choice.
pub fn eprint_one(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes to standard output; a closed pipe is the reader's choice.
pub fn print_one(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Whether anything the original warns about was found.
#[must_use]
pub fn has_warnings(parsed: &Parsed) -> bool {
    parsed.diagnostics.iter().any(|d| d.native.is_some() && d.severity == Severity::Warning)
}

/// What a start would tell of servers that take up the states of a file.
///
/// COMPAT: the original does so with `-c` too. DIFFERS: behind what is wrong with the files, not between.
#[must_use]
pub fn restored(parsed: &Parsed, dialect: Dialect) -> Vec<Diagnostic> {
    let has = |s: &rha_ir::Server| s.extra.as_ref().is_some_and(|e| e.restored.is_some());
    if parsed.is_refused() || !parsed.model.proxies.iter().any(|p| p.service.servers.iter().any(has)) {
        return Vec::new();
    }
    let mut model = parsed.model.clone();
    model.process.allow_planned = true;
    let Ok(mut plan) = rha_proxy::Plan::build(&model, dialect, None) else { return Vec::new() };
    let Ok(prepared) = rha_proxy::health::prepare(&mut plan) else { return Vec::new() };
    let warning = |text| {
        let mut d = Diagnostic::native("HA3020", Severity::Warning, Span::default(), text);
        d.labels.clear();
        d
    };
    prepared.rehearse(std::sync::Arc::new(plan)).into_iter().map(warning).collect()
}

/// The end of `-c`: what standard output says, and the exit code.
///
/// COMPAT: `Configuration file is valid` only with `-V` from 2.9 on; no listener is exit 2 except under
/// a master; `-dW` turns warnings into an error (`check` differential tests).
#[must_use]
pub fn verdict(options: &Options, dialect: Dialect, parsed: &Parsed, stream: &mut Stream) -> i32 {
    let speaks = !options.quiet || options.verbose;
    let machine = matches!(options.format, Format::Json | Format::Sarif | Format::Github);
    if parsed.is_refused() {
        return 1;
    }
    let warned = has_warnings(parsed);
    if warned && (options.zero_warning || parsed.model.process.zero_warning) {
        let text = "config : Some warnings were found and 'zero-warning' is set. Aborting.";
        native(options, &[Diagnostic::native("HA3001", Severity::Error, Span::default(), text)], stream);
        return 1;
    }
    if warned && speaks && !machine {
        print_one("Warnings were found.\n");
    }
    if !options.master && dialect < Dialect::V3_5 && !has_listener(parsed) {
        if speaks && !machine {
            print_one("Configuration file has no error but will not start (no listener) => exit(2).\n");
        }
        return 2;
    }
    if speaks && !machine && (options.verbose || dialect < Dialect::V2_8) {
        print_one("Configuration file is valid\n");
    }
    0
}

/// Whether any proxy would listen.
#[must_use]
pub fn has_listener(parsed: &Parsed) -> bool {
    let process = &parsed.model.process;
    // COMPAT: a control socket is a listener of the process's own frontend.
    !process.stats_sockets.is_empty()
        || parsed.model.proxies.iter().any(|p| !p.disabled && !p.binds.is_empty())
}

/// What stops a real start beyond the parser's verdict: keywords that are planned or refused.
#[must_use]
pub fn obstacles(parsed: &Parsed, allow_planned: bool) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = parsed
        .notes
        .iter()
        .filter(|n| !(n.support.starts() || allow_planned && n.support == Support::Planned))
        .map(|n| obstacle(&n.keyword, n.support, n.span, &parsed.sources))
        .collect();
    found.dedup_by(|a, b| a == b);
    found
}

/// What a start with `--allow-planned` goes on without.
#[must_use]
pub fn left_out(parsed: &Parsed) -> Vec<Diagnostic> {
    let planned = parsed.notes.iter().filter(|n| n.support == Support::Planned);
    let mut found: Vec<Diagnostic> = planned
        .map(|n| {
            let place = format!("{}:{}", parsed.sources.name(n.span.file), n.span.line);
            let text =
                format!("[{place}] : '{}' is not built yet and left out (--allow-planned).", n.keyword);
            Diagnostic::native("HA4001", Severity::Warning, n.span, text)
        })
        .collect();
    found.dedup_by(|a, b| a == b);
    found
}

fn obstacle(keyword: &str, support: Support, span: Span, sources: &Sources) -> Diagnostic {
    let place = format!("{}:{}", sources.name(span.file), span.line);
    let why = match support {
        Support::Refused(reason) => reason.to_owned(),
        _ => "it is not built yet, and ignoring it could open the site (--allow-planned starts without it)"
            .to_owned(),
    };
    Diagnostic::native(
        "HA4001",
        Severity::Error,
        span,
        format!("[{place}] : '{keyword}' is refused at start: {why}."),
    )
}
