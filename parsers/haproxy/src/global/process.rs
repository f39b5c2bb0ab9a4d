//! Keywords about the process: who it runs as, how many workers, where it lives.

use bstr::ByteSlice;
use rha_ir::Process;
use rha_vocab::{Dialect, Lifetime, Support};

use super::{TimeTexts, fail, fail_tight, fill, once, row, since, time, too_many};
use crate::units::{self, TimeUnit};
use crate::{Cx, Form, Keyword, Line};

/// Rows.
#[rustfmt::skip]
pub const KEYWORDS: &[Keyword] = &[
    since(Lifetime::since(2, 8), row("anonkey", "<key>", Support::NoEffect("nothing is anonymised yet"), "Key that anonymised output is made with.", anonkey)),
    row("set-dumpable", "[on|off|libs]", Support::Full, "Lets the process leave a core file after a crash.", set_dumpable),
    row("expose-experimental-directives", "", Support::Full, "Allows experimental keywords.", expose_experimental),
    row("close-spread-time", "<time>", Support::Full, "Spreads the closing of idle connections at a soft stop.", stop_time),
    row("grace", "<time>", Support::Full, "Waits before a soft stop closes the listeners.", stop_time),
    row("hard-stop-after", "<time>", Support::Full, "Longest time a soft stop may take.", stop_time),
    row("cpu-map", "[auto:]<thread-group>[/<thread-set>] <cpu-set>[...]", Support::NoEffect("only speed could depend on it: the system chooses the processors workers run on"), "Binds threads to processors.", cpu_map),
    row("default-path", "{ current | config | parent | origin <path> }", Support::Planned, "Directory that relative paths start from.", default_path),
    row("mworker-max-reloads", "<number>", Support::Partial("a reload does not change it"), "Reloads a worker survives.", max_reloads),
    row("nbthread", "<number>", Support::Full, "Number of workers.", nbthread),
    row("thread-groups", "<number>", Support::NoEffect("workers are not grouped"), "Number of thread groups.", thread_groups),
    row("thread-group", "<group> [<thread-range>...]", Support::NoEffect("workers are not grouped"), "Threads of a group.", thread_group),
    since(Lifetime::since(2, 8), row("thread-hard-limit", "<number>", Support::Full, "Most threads started by default.", thread_hard_limit)),
    since(Lifetime::since(3, 0), row("setcap", "<name>[,<name>...]", Support::Planned, "Capabilities kept after giving up root.", setcap)),
    since(Lifetime::since(3, 0), row("stats-file", "<path>", Support::Planned, "File that counters are loaded from at start.", stats_file)),
    row("server-state-file", "<file>", Support::Full, "File the state of servers is loaded from.", server_state_file),
    row("node", "<name>", Support::Full, "Name of this node in the statistics.", node),
    row("pidfile", "<pidfile>", Support::Full, "File the process id is written to.", pidfile),
    row("chroot", "<jail dir>", Support::Full, "Changes the root directory after start.", chroot),
    row("master-worker", "[no-exit-on-failure]", Support::Full, "Starts a master that watches the workers.", master_worker),
    row("external-check", "[preserve-env]", Support::Full, "Allows external health checks.", external_check),
    row("description", "<text>", Support::Full, "Text shown with the statistics.", description),
    row("nbproc", "<number>", Support::Full, "Number of processes, gone since 2.5.", nbproc),
    row("uid", "<number>", Support::Full, "User id the process changes to.", uid),
    row("gid", "<number>", Support::Full, "Group id the process changes to.", gid),
    row("user", "<username>", Support::Full, "User the process changes to.", user),
    row("group", "<groupname>", Support::Full, "Group the process changes to.", group),
    row("maxconn", "<number>", Support::Full, "Most client connections of the process.", maxconn),
    row("unix-bind", "[ prefix <prefix> ] [ mode <mode> ] [ user <user> ] ...", Support::Full, "Defaults of unix listeners.", unix_bind),
];

fn anonkey(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail_tight(cx, line, "a key is expected after '{k}'.");
    }
    if !(0..=i64::from(u32::MAX)).contains(&units::atol(line.arg(1))) {
        fail_tight(cx, line, "'{k}' value must be within range 0-4294967295 (was '{v}').");
    }
}

fn set_dumpable(cx: &mut Cx<'_>, line: &Line) {
    let max = if cx.input.dialect >= Dialect::V3_2 { 1 } else { 0 };
    if too_many(cx, line, max) {
        return;
    }
    if line.arg(1).is_empty() || cx.form == Form::No {
        cx.model.process.dumpable = cx.form != Form::No;
        return;
    }
    if !["on", "libs", "off"].iter().any(|w| line.is(1, w)) {
        return fail(cx, line, "'{k}' only supports 'on' and 'off' as an argument, found '{v}'.");
    }
    cx.model.process.dumpable = !line.is(1, "off");
}

fn expose_experimental(cx: &mut Cx<'_>, _line: &Line) {
    cx.experimental = true;
}

const STOP: TimeTexts = TimeTexts {
    missing: "'{k}' expects <time> as argument.\n",
    over: "timer overflow in argument '{v}' to '{k}' (maximum value is 2147483647 ms or ~24.8 days)",
    under: "timer underflow in argument '{v}' to '{k}' (minimum non-null value is 1 ms)",
    unexpected: ("unexpected character '", "' in argument to <{k}>.\n"),
    tight: false,
};

fn stop_time(cx: &mut Cx<'_>, line: &Line) {
    if line.is(0, "close-spread-time") && line.is(1, "infinite") {
        cx.model.process.close_spread_ms = Some(u32::MAX);
        return;
    }
    let Some(ms) = time(cx, line, TimeUnit::Ms, &STOP) else { return };
    let p = &mut cx.model.process;
    match line.text(0).as_str() {
        "grace" => p.grace_ms = Some(ms),
        "hard-stop-after" => p.hard_stop_after_ms = Some(ms),
        "close-spread-time" => p.close_spread_ms = Some(ms.min(u32::MAX - 1)),
        _ => {}
    }
}

fn cpu_map(cx: &mut Cx<'_>, line: &Line) {
    let what = if cx.input.dialect >= Dialect::V2_8 { "thread group number" } else { "process number" };
    let set = line.text(1);
    let set = set.strip_prefix("auto:").unwrap_or(&set).to_owned();
    if set.is_empty() || line.arg(2).is_empty() {
        let text = format!(
            "{{k}} expects a {what}  ('all', 'odd', 'even', a number from 1 to 64 or a range),  followed by a list of CPU ranges with numbers from 0 to 63."
        );
        return fail(cx, line, &text);
    }
    let mut parts = set.splitn(2, '/');
    if let Some(bad) = parts.find(|p| !is_set_or_range(p)) {
        let text = format!("{{k}} : '{bad}' is not a valid number/range.");
        return fail(cx, line, &text);
    }
    for i in 2..line.len() {
        let cpus = line.text(i);
        if cpus.is_empty() {
            break;
        }
        if let Some(bad) = cpus.split(',').find(|c| !is_cpu_range(c)) {
            let text = format!("{{k}} : '{bad}' is not a CPU range.");
            return fail(cx, line, &text);
        }
    }
}

fn is_set_or_range(text: &str) -> bool {
    matches!(text, "all" | "odd" | "even") || is_cpu_range(text)
}

fn is_cpu_range(text: &str) -> bool {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    [low, high].iter().all(|n| !n.is_empty() && n.len() < 6 && n.bytes().all(|b| b.is_ascii_digit()))
}

fn default_path(cx: &mut Cx<'_>, line: &Line) {
    const MODES: &str = "for '{k}', supported modes include 'current', 'config', 'parent', and 'origin'.";
    match line.text(1).as_str() {
        "current" | "config" | "parent" => {
            too_many(cx, line, 1);
        }
        "origin" if line.arg(2).is_empty() => {
            fail(cx, line, "'{k} {v}' expects a directory as an argument.");
        }
        "origin" => {
            too_many(cx, line, 2);
        }
        "" => fail(cx, line, &format!("missing default-path mode '' {MODES}")),
        _ => fail(cx, line, &format!("unsupported default-path mode '{{v}}' {MODES}")),
    }
}

fn max_reloads(cx: &mut Cx<'_>, line: &Line) {
    if cx.input.dialect < Dialect::V2_8 {
        return old_max_reloads(cx, line);
    }
    if too_many(cx, line, 1) {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expects an integer argument.");
    }
    if units::atoi(line.arg(1)) < 0 {
        return fail(cx, line, "'{k}' expects a positive value or zero.");
    }
    cx.model.process.max_reloads = u32::try_from(units::atoi(line.arg(1))).ok();
}

/// COMPAT: 2.6 mixes its message up and goes on.
fn old_max_reloads(cx: &mut Cx<'_>, line: &Line) {
    let position = cx.position(line.span);
    let said = if line.arg(2).is_empty() { String::new() } else { "(null)".to_owned() };
    if too_many(cx, line, 1) {
        if let Some(d) = cx.diagnostics.pop() {
            cx.diagnostics.push(d.tolerated());
        }
        return cx.warning("HA2010", line, 1, said);
    }
    let value = units::atoi(line.arg(1));
    if line.arg(1).is_empty() {
        let text =
            format!("(null)parsing [{position}] : 'mworker-max-reloads' expects an integer argument.\n");
        cx.warning("HA2010", line, 1, text);
    } else if value < 0 {
        let text =
            format!("(null)parsing [{position}] 'mworker-max-reloads' : invalid value {value}, must be >= 0");
        cx.warning("HA2010", line, 1, text);
    } else {
        cx.model.process.max_reloads = u32::try_from(value).ok();
    }
}

/// Reads a whole word as a number.
fn whole(line: &Line, i: usize) -> Option<i64> {
    let (value, rest) = units::strtol(line.arg(i), 10);
    (!line.arg(i).is_empty() && rest.is_empty()).then_some(value)
}

/// A number of threads or groups between 1 and `most`.
fn threads(cx: &mut Cx<'_>, line: &Line, most: i64) -> Option<i64> {
    let Some(n) = whole(line, 1) else {
        fail(cx, line, "'{k}' passed a missing or unparsable integer value in '{v}'");
        return None;
    };
    if !(1..=most).contains(&n) {
        fail(cx, line, &format!("'{{k}}' value must be between 1 and {most} (was {n})"));
        return None;
    }
    Some(n)
}

fn most_threads(cx: &Cx<'_>) -> i64 {
    if cx.input.dialect >= Dialect::V2_8 { 256 } else { 64 }
}

fn most_groups(cx: &Cx<'_>) -> i64 {
    if cx.input.dialect >= Dialect::V2_8 { 16 } else { 1 }
}

fn nbthread(cx: &mut Cx<'_>, line: &Line) {
    if cx.form == Form::Default {
        // COMPAT: `default` leaves the last word behind a second time.
        let text = fill("'{k}' cannot handle unexpected argument '{v}'.", line);
        return cx.error("HA2106", line, 1, text);
    }
    if too_many(cx, line, 1) {
        return;
    }
    let most = most_threads(cx);
    if let Some(n) = threads(cx, line, most) {
        cx.model.process.nbthread = u32::try_from(n).ok();
    }
}

fn thread_groups(cx: &mut Cx<'_>, line: &Line) {
    if !too_many(cx, line, 1) {
        let most = most_groups(cx);
        threads(cx, line, most);
    }
}

fn thread_group(cx: &mut Cx<'_>, line: &Line) {
    let (groups, threads) = (most_groups(cx), most_threads(cx));
    let Some(n) = whole(line, 1) else {
        return fail(cx, line, "'{k}' passed a missing or unparsable integer value in '{v}'");
    };
    if !(1..=groups).contains(&n) {
        let text = format!("'{{k}}' thread-group number must be between 1 and {groups} (was {n})");
        return fail(cx, line, &text);
    }
    let valid = |t: &str| {
        let (low, high) = t.split_once('-').unwrap_or((t, t));
        [low, high].iter().all(|n| n.parse::<i64>().is_ok_and(|n| (1..=threads).contains(&n)))
    };
    for i in 2..line.len() {
        let text = line.text(i);
        if !valid(&text) {
            let said = format!(
                "'thread-group {n}' passed an unparsable or invalid thread number '{text}' (valid range is 1 to {threads})"
            );
            return fail(cx, line, &said);
        }
    }
}

fn thread_hard_limit(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    match whole(line, 1) {
        None => fail(cx, line, "'{k}' passed a missing or unparsable integer value in '{v}'"),
        Some(n) if n < 1 || n > most_threads(cx) => {
            fail(cx, line, &format!("'{{k}}' value must be at least 1 (was {n})"));
        }
        Some(n) => cx.model.process.thread_hard_limit = u32::try_from(n).ok(),
    }
}

fn setcap(cx: &mut Cx<'_>, line: &Line) {
    const KNOWN: [&str; 4] = ["cap_net_raw", "cap_net_admin", "cap_net_bind_service", "cap_sys_admin"];
    const LIST: &str =
        " Supported ones are: cap_net_raw, cap_net_admin, cap_net_bind_service and cap_sys_admin.";
    let names = line.text(1);
    if names.is_empty() {
        return fail(cx, line, &format!("'{{k}}' : missing capability name(s). {LIST}"));
    }
    if let Some(bad) = names.split(',').find(|n| !KNOWN.contains(n)) {
        fail(cx, line, &format!("'{{k}}' : unsupported capability '{bad}'. {LIST}"));
    }
}

fn stats_file(cx: &mut Cx<'_>, line: &Line) {
    if once::is_again(cx, line, "stats-file") {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expect one argument: a file path.");
    }
    once::mark(cx, "stats-file");
    if cx.input.files.look(&line.text(1)).is_err() {
        let text = "config: Can't load stats file: cannot open file.".to_owned();
        cx.others.late.push((rha_text::Severity::Warning, line.at(1), text));
    }
}

fn server_state_file(cx: &mut Cx<'_>, line: &Line) {
    if once::is_again(cx, line, "server-state-file") {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expect one argument: a file path.");
    }
    once::mark(cx, "server-state-file");
    cx.others.state_file = Some(line.at(1));
    cx.model.process.server_state_file = Some(line.text(1));
}

fn node(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    let name = line.arg(1);
    if name.is_empty() || !name.iter().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b)) {
        return fail_tight(
            cx,
            line,
            "'{k}' requires valid node name - non-empty string with digits(0-9), letters(A-Z, a-z), dot(.), hyphen(-) or underscode(_).",
        );
    }
    cx.model.process.node = Some(line.text(1));
}

fn pidfile(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) || once::is_again(cx, line, "pidfile") {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expects a file name as an argument.");
    }
    once::mark(cx, "pidfile");
    cx.model.process.pidfile = Some(line.text(1));
}

fn chroot(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) || once::is_again(cx, line, "chroot") {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expects a directory as an argument.");
    }
    once::mark(cx, "chroot");
    cx.model.process.chroot = Some(line.text(1));
}

fn master_worker(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if !line.arg(1).is_empty() && !line.is(1, "no-exit-on-failure") {
        return fail(cx, line, "'{k}' only supports 'no-exit-on-failure' option.");
    }
    if line.is(1, "no-exit-on-failure") {
        cx.note("master-worker no-exit-on-failure", Support::Planned, line.at(1));
    }
    cx.model.process.master_worker = true;
}

fn external_check(cx: &mut Cx<'_>, line: &Line) {
    let max = if cx.input.dialect >= Dialect::V2_8 { 1 } else { 0 };
    if too_many(cx, line, max) {
        return;
    }
    if !line.arg(1).is_empty() && !line.is(1, "preserve-env") {
        return fail(cx, line, "'{k}' only supports 'preserve-env' as an argument, found '{v}'.");
    }
    cx.model.process.external_check = true;
    cx.model.process.external_check_environment |= line.is(1, "preserve-env");
}

fn description(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail_tight(cx, line, "'{k}' expects a string argument.");
    }
    let words: Vec<String> = (1..line.len()).map(|i| line.text(i)).take_while(|w| !w.is_empty()).collect();
    cx.model.process.description = Some(words.join(" "));
}

fn nbproc(cx: &mut Cx<'_>, line: &Line) {
    fail(
        cx,
        line,
        "nbproc is not supported any more since HAProxy 2.5. Threads will automatically be used on multi-processor machines if available.",
    );
}

fn uid(cx: &mut Cx<'_>, line: &Line) {
    account_number(cx, line, "user/uid", "user", |p, n| p.user = Some(n));
}

fn gid(cx: &mut Cx<'_>, line: &Line) {
    account_number(cx, line, "group/gid", "group", |p, n| p.group = Some(n));
}

/// The two keywords of one account share one place; the text names the pair.
fn is_account_set(cx: &mut Cx<'_>, line: &Line, side: &str, pair: &str, was: &str) -> bool {
    let p = &cx.model.process;
    let value = if side == "user" { &p.user } else { &p.group };
    // COMPAT: number 0 counts as not set.
    let set = value.as_ref().is_some_and(|v| v != "0" && v != "root");
    if set {
        cx.alert("HA3010", line, 0, " : ", format!("{pair} {was}already specified. Continuing."));
    }
    set
}

fn account_number(cx: &mut Cx<'_>, line: &Line, pair: &str, side: &str, store: fn(&mut Process, String)) {
    if too_many(cx, line, 1) || is_account_set(cx, line, side, pair, "") {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expects an integer argument.");
    }
    match whole(line, 1) {
        Some(n) if i32::try_from(n).is_ok() => store(&mut cx.model.process, n.to_string()),
        _ => {
            let text = format!(
                " {}: string '{}' is not a number.\n   | You might want to use the '{side}' parameter to use a system {side} name.",
                line.text(0),
                line.text(1)
            );
            cx.warning("HA2012", line, 1, text);
        }
    }
}

fn user(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) || is_account_set(cx, line, "user", "user/uid", "") {
        return;
    }
    if is_account(cx, "/etc/passwd", line) {
        cx.model.process.user = Some(line.text(1));
    }
}

fn group(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) || is_account_set(cx, line, "group", "gid/group", "was ") {
        return;
    }
    if is_account(cx, "/etc/group", line) {
        cx.model.process.group = Some(line.text(1));
    }
}

/// Whether the machine knows the name.
///
/// DIFFERS: only the local file is looked at; a machine without one is not asked.
fn is_account(cx: &mut Cx<'_>, file: &str, line: &Line) -> bool {
    let Ok(accounts) = cx.input.files.read(file) else { return true };
    let name = line.arg(1);
    let known =
        accounts.split(|b| *b == b'\n').any(|l| l.split(|b| *b == b':').next() == Some(name.as_bytes()));
    if !known || name.is_empty() {
        fail(cx, line, "cannot find {k} id for '{v}' (0:Success)");
        return false;
    }
    true
}

fn maxconn(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) || once::is_again(cx, line, "maxconn") {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expects an integer argument.");
    }
    let n = units::atoi(line.arg(1));
    let stray = !units::strtol(line.arg(1), 10).1.is_empty();
    if n != 0 {
        once::mark(cx, "maxconn");
    }
    if stray && cx.input.dialect >= Dialect::V2_8 {
        return fail(cx, line, "cannot parse '{k}' value '{v}', an integer is expected.");
    }
    cx.model.process.maxconn = u32::try_from(n).ok();
}

fn unix_bind(cx: &mut Cx<'_>, line: &Line) {
    let mut i = 1;
    while !line.arg(i).is_empty() {
        let option = line.text(i);
        let value = line.text(i + 1);
        match option.as_str() {
            "prefix" if once::is_again_as(cx, line, "unix-bind prefix", "unix-bind 'prefix'") => {}
            "prefix" if value.is_empty() => {
                return fail(cx, line, "unix_bind 'prefix' expects a path as an argument.");
            }
            "prefix" => {
                once::mark(cx, "unix-bind prefix");
                cx.model.process.unix_bind.prefix = Some(value);
            }
            "mode" => {
                let (mode, _) = units::strtol(line.arg(i + 1), 8);
                cx.model.process.unix_bind.mode = u32::try_from(mode).ok();
            }
            "uid" => cx.model.process.unix_bind.owner = Some(units::atoi(line.arg(i + 1)).to_string()),
            "gid" => cx.model.process.unix_bind.group = Some(units::atoi(line.arg(i + 1)).to_string()),
            "user" | "group" => {
                let file = if option == "user" { "/etc/passwd" } else { "/etc/group" };
                if !is_known(cx, file, &value) {
                    return fail(cx, line, &format!("'{{k}}' : '{value}' unknown {option}."));
                }
                let all = &mut cx.model.process.unix_bind;
                *(if option == "user" { &mut all.owner } else { &mut all.group }) = Some(value);
            }
            _ => {
                return fail(
                    cx,
                    line,
                    "'{k}' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and 'group' options.",
                );
            }
        }
        i += 2;
    }
}

fn is_known(cx: &Cx<'_>, file: &str, name: &str) -> bool {
    let Ok(accounts) = cx.input.files.read(file) else { return true };
    accounts.split(|b| *b == b'\n').any(|l| l.split(|b| *b == b':').next() == Some(name.as_bytes()))
}
