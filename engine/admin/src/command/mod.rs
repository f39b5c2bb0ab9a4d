//! The commands: one row each, found by their first words.
//!
//! Management guide §9.3. Levels: a `user` socket may look at what is not sensitive, `operator` at
//! everything, `admin` may change things.

mod errors;
mod planned;
mod server;
mod sess;
mod show;
mod talk;
mod vars;
pub mod wait;

use rha_ir::SocketLevel;
use rha_vocab::{Dialect, Fingerprint, Lifetime, Support};

use crate::view::{Change, Site};

pub use planned::{PLANNED, Planned};

/// What a command leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Text, each line ended; the session adds the empty line.
    Text(String),
    /// The same as a message of a severity, `set severity-output`.
    Said(Severity, String),
    /// What [`Answer::Said`] messages begin with from now on.
    Severities(SeverityOutput),
    /// `expert-mode`, `experimental-mode`: on, off, or which is asked for.
    Mode(Mode, Option<bool>),
    /// The key that hides names on this connection, `set anon`; 0 is none.
    Veil(u32),
    /// Go on after a time, unless something is so earlier.
    Wait(wait::Wait),
    /// Another level for this connection.
    Level(SocketLevel),
    /// Interactive mode on or off.
    Prompt,
    /// `set timeout cli`, milliseconds.
    Timeout(u64),
    /// End the connection.
    Quit,
}

/// How grave a message is, as syslog counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// 3.
    Error,
    /// 4.
    Warning,
    /// 5.
    Notice,
    /// 6.
    Info,
}

/// `set severity-output`, bind option `severity-output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeverityOutput {
    /// Nothing.
    #[default]
    None,
    /// `[3]: `.
    Number,
    /// `[err]: `.
    Name,
}

impl SeverityOutput {
    /// By its word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "none" => Some(SeverityOutput::None),
            "number" => Some(SeverityOutput::Number),
            "string" => Some(SeverityOutput::Name),
            _ => None,
        }
    }

    /// What a message begins with.
    #[must_use]
    pub fn prefix(self, severity: Severity) -> &'static str {
        let (number, name) = match severity {
            Severity::Error => ("[3]: ", "[err]: "),
            Severity::Warning => ("[4]: ", "[warning]: "),
            Severity::Notice => ("[5]: ", "[notice]: "),
            Severity::Info => ("[6]: ", "[info]: "),
        };
        match self {
            SeverityOutput::None => "",
            SeverityOutput::Number => number,
            SeverityOutput::Name => name,
        }
    }
}

/// What a connection must say before it is given dangerous commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `expert-mode`.
    Expert,
    /// `experimental-mode`.
    Experimental,
}

impl Mode {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Mode::Expert => "expert",
            Mode::Experimental => "experimental",
        }
    }
}

/// The mode that a command needs.
#[must_use]
pub fn needs(words: &[String]) -> Option<Mode> {
    let is = |row: &[&str]| row.len() <= words.len() && row.iter().zip(words).all(|(a, b)| a == b);
    is(&["set", "var"]).then_some(Mode::Experimental)
}

/// One command.
pub struct Command {
    /// Its first words.
    pub words: &'static [&'static str],
    /// What else it takes, for `help`.
    pub usage: &'static str,
    /// Level it needs.
    pub level: SocketLevel,
    /// Versions that know it.
    pub lifetime: Lifetime,
    /// How far it is built.
    pub support: Support,
    /// What `help` says.
    pub about: &'static str,
    run: fn(&[String], SocketLevel, &dyn Site) -> Answer,
}

const USER: SocketLevel = SocketLevel::User;
const OPERATOR: SocketLevel = SocketLevel::Operator;
const ADMIN: SocketLevel = SocketLevel::Admin;

macro_rules! command {
    ($words:expr, $usage:literal, $level:expr, $about:literal, $run:expr) => {
        Command {
            words: &$words,
            usage: $usage,
            level: $level,
            lifetime: Lifetime::ALWAYS,
            support: Support::Full,
            about: $about,
            run: $run,
        }
    };
}

macro_rules! since {
    ($version:expr, $words:expr, $usage:literal, $level:expr, $about:literal, $run:expr) => {
        Command {
            lifetime: Lifetime::since($version.0, $version.1),
            ..command!($words, $usage, $level, $about, $run)
        }
    };
}

/// All commands, in the order of `help`.
pub const COMMANDS: &[Command] = &[
    command!(
        ["clear", "counters"],
        "[all]",
        OPERATOR,
        "clear the highest values (or all counters)",
        |w, level, s| {
            let all = w.get(2).is_some_and(|w| w == "all");
            if all && level < ADMIN {
                return denied();
            }
            change(s, Change::ClearCounters { all })
        }
    ),
    command!(
        ["disable", "frontend"],
        "<frontend>",
        ADMIN,
        "stop accepting at a frontend for a while",
        |w, _, s| { front(w, s, |i| Change::Listening(i, false)) }
    ),
    command!(["disable", "agent"], "<bk>/<srv>", ADMIN, "stop asking a server's agent", |w, _, s| {
        server::with(w, 2, s, |at| Change::Agents(at, false))
    }),
    command!(["disable", "health"], "<bk>/<srv>", ADMIN, "stop checking a server", |w, _, s| {
        server::with(w, 2, s, |at| Change::Checks(at, false))
    }),
    command!(["disable", "server"], "<bk>/<srv>", ADMIN, "put a server into maintenance", |w, _, s| {
        server::with(w, 2, s, |at| Change::State(at, crate::view::Wish::Maint))
    }),
    command!(["enable", "frontend"], "<frontend>", ADMIN, "accept at a frontend again", |w, _, s| {
        front(w, s, |i| Change::Listening(i, true))
    }),
    command!(["enable", "agent"], "<bk>/<srv>", ADMIN, "ask a server's agent again", |w, _, s| {
        server::with(w, 2, s, |at| Change::Agents(at, true))
    }),
    command!(["enable", "health"], "<bk>/<srv>", ADMIN, "check a server again", |w, _, s| {
        server::with(w, 2, s, |at| Change::Checks(at, true))
    }),
    command!(["enable", "server"], "<bk>/<srv>", ADMIN, "take a server out of maintenance", |w, _, s| {
        server::with(w, 2, s, |at| Change::State(at, crate::view::Wish::Ready))
    }),
    command!(
        ["experimental-mode"],
        "[on|off]",
        ADMIN,
        "allow what may still change, or show whether",
        talk::experimental
    ),
    command!(["expert-mode"], "[on|off]", ADMIN, "allow what may harm, or show whether", talk::expert),
    command!(["get", "var"], "<name>", OPERATOR, "show a variable of the process", vars::get),
    command!(["get", "weight"], "<bk>/<srv>", USER, "show a server's weight", server::get_weight),
    command!(["operator"], "", OPERATOR, "go down to level operator", |_, _, _| Answer::Level(OPERATOR)),
    since!(
        (3, 0),
        ["set", "anon", "global-key"],
        "<key>",
        ADMIN,
        "set the key that `set anon on` takes",
        talk::global_key
    ),
    since!(
        (3, 0),
        ["set", "anon", "off"],
        "",
        USER,
        "show names on this connection",
        |_, _, _| Answer::Veil(0)
    ),
    since!((3, 0), ["set", "anon", "on"], "[<key>]", USER, "hide names on this connection", talk::anon_on),
    command!(
        ["set", "maxconn", "frontend"],
        "<frontend> <n>",
        ADMIN,
        "change a frontend's connection limit",
        |w, _, s| {
            if let Err(answer) = front_at(w, 3, s) {
                return answer;
            }
            match w.get(4).map(|n| whole(n)) {
                None => wrong("Integer value expected.\n"),
                Some(None) => wrong("Value out of range.\n"),
                Some(Some(n)) => front_in(w, 3, s, |i| Change::FrontendMaxconn(i, n)),
            }
        }
    ),
    command!(
        ["set", "maxconn", "global"],
        "<n>",
        ADMIN,
        "change the process's connection limit",
        |w, _, s| {
            match w.get(3).and_then(|n| n.parse().ok()) {
                Some(n) => change(s, Change::GlobalMaxconn(n)),
                None => wrong("Expects an integer value.\n"),
            }
        }
    ),
    command!(
        ["set", "maxconn", "server"],
        "<bk>/<srv> <n>",
        ADMIN,
        "change a server's connection limit",
        server::maxconn
    ),
    Command {
        words: &["set", "rate-limit"],
        usage: "<setting> <value>",
        level: ADMIN,
        lifetime: Lifetime::ALWAYS,
        support: Support::Partial("connections and sessions only"),
        about: "change a limit per second",
        run: rate_limit,
    },
    command!(
        ["set", "server"],
        "<bk>/<srv> [opts]",
        ADMIN,
        "change a server's state, weight or address",
        server::set
    ),
    command!(
        ["set", "severity-output"],
        "[none|number|string]",
        USER,
        "say how grave each message is",
        talk::severities
    ),
    command!(
        ["set", "timeout", "cli"],
        "<delay>",
        USER,
        "change the timeout of this connection",
        |w, _, _| {
            match w.get(3).and_then(|t| delay_ms(t)) {
                Some(ms) if ms > 0 => Answer::Timeout(ms),
                _ => wrong("Invalid timeout value.\n"),
            }
        }
    ),
    command!(
        ["set", "var"],
        "<name> [fmt|expr] {<fmt>|<expr>}",
        OPERATOR,
        "set a variable of the process",
        vars::set
    ),
    command!(["set", "weight"], "<bk>/<srv> <w>", ADMIN, "change a server's weight", |w, _, s| {
        server::weight(w, 3, s)
    }),
    since!((3, 0), ["show", "anon"], "", USER, "show whether names are hidden", talk::show_anon),
    command!(["show", "backend"], "", OPERATOR, "list the backends", show::backends),
    command!(["show", "cli", "level"], "", USER, "show the level of this connection", |_, level, _| {
        told(&format!("{}\n", level_word(level)))
    }),
    command!(["show", "cli", "sockets"], "", OPERATOR, "list the control sockets", show::sockets),
    command!(["show", "env"], "[var]", OPERATOR, "show the environment", show::env),
    command!(
        ["show", "errors"],
        "[<px>] [request|response]",
        OPERATOR,
        "show the last bad requests and responses",
        errors::show
    ),
    command!(["show", "info"], "[desc|json|typed|float]*", USER, "report on the process", show::info),
    command!(
        ["show", "servers", "conn"],
        "[<backend>]",
        USER,
        "show servers' connections",
        show::servers_conn
    ),
    command!(
        ["show", "servers", "state"],
        "[<backend>]",
        USER,
        "show servers' state, for a state file",
        show::servers_state
    ),
    Command {
        words: &["show", "sess"],
        usage: "[<id>|all|susp|older <age>]",
        level: OPERATOR,
        lifetime: Lifetime::ALWAYS,
        support: Support::Partial(
            "flags, buffers and task counters of the original's insides have nothing to stand for",
        ),
        about: "list the streams, or show one",
        run: sess::show,
    },
    command!(["show", "startup-logs"], "", OPERATOR, "show what was said at start", show::startup_logs),
    command!(
        ["show", "stat"],
        "[desc|json|no-maint|typed|up]*",
        USER,
        "report counters of proxies and servers",
        show::stat
    ),
    command!(["show", "version"], "", USER, "show the version", |_, _, s| told(&format!(
        "{}\n",
        s.look().process.version
    ))),
    command!(["shutdown", "frontend"], "<frontend>", ADMIN, "stop a frontend for good", |w, _, s| {
        front(w, s, Change::StopFrontend)
    }),
    command!(["shutdown", "session"], "<id>", ADMIN, "end a stream", sess::shutdown),
    command!(
        ["shutdown", "sessions", "server"],
        "<bk>/<srv>",
        ADMIN,
        "close a server's sessions",
        |w, _, s| { server::with(w, 3, s, Change::CloseSessions) }
    ),
    command!(["user"], "", USER, "go down to level user", |_, _, _| Answer::Level(USER)),
    since!(
        (3, 0),
        ["wait"],
        "{-h|<delay>} [<condition>]",
        ADMIN,
        "wait before the next command",
        wait::parse
    ),
    command!(["help"], "[<command>]", USER, "list matching or all commands", |w, level, s| told(&help(
        &w[1..],
        level,
        s.dialect()
    ))),
    command!(["prompt"], "", USER, "switch interactive mode", |_, _, _| Answer::Prompt),
    command!(["quit"], "", USER, "disconnect", |_, _, _| Answer::Quit),
];

/// Runs the command that the words begin with.
#[must_use]
pub fn run(words: &[String], level: SocketLevel, site: &dyn Site) -> Answer {
    let d = site.dialect();
    // COMPAT: an empty line is a command that is unknown before 2.8, and none after.
    if words.is_empty() && d >= Dialect::V2_8 {
        return text("");
    }
    let found = COMMANDS
        .iter()
        .filter(|c| c.lifetime.covers(d))
        .find(|c| c.words.len() <= words.len() && c.words.iter().zip(words).all(|(a, b)| *a == b.as_str()));
    match found {
        Some(c) if c.level > level => denied(),
        Some(c) => (c.run)(words, level, site),
        None => match planned::find(words, site.dialect()) {
            Some(p) => Answer::Text(format!("'{}' is not built yet.\n", p.name)),
            None => told(&unknown(words, level, site.dialect())),
        },
    }
}

/// A line's words: separated by blanks, which a backslash keeps.
#[must_use]
pub fn words(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => out.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    out
}

fn text(t: &str) -> Answer {
    Answer::Text(t.to_owned())
}

fn wrong(t: &str) -> Answer {
    Answer::Said(Severity::Error, t.to_owned())
}

fn told(t: &str) -> Answer {
    Answer::Said(Severity::Info, t.to_owned())
}

fn denied() -> Answer {
    wrong("Permission denied\n")
}

fn change(site: &dyn Site, c: Change) -> Answer {
    // COMPAT: that a frontend is so already is a notice (`talk/severities`).
    let severity = match c {
        Change::Listening(..) | Change::StopFrontend(_) => Severity::Notice,
        _ => Severity::Error,
    };
    match site.change(c) {
        Ok(()) => text(""),
        // COMPAT: but this one is an error.
        Err(e) if e.ends_with("cannot enable.") => Answer::Said(Severity::Error, format!("{e}\n")),
        Err(e) => Answer::Said(severity, format!("{e}\n")),
    }
}

fn front(words: &[String], site: &dyn Site, make: impl FnOnce(usize) -> Change) -> Answer {
    front_in(words, 2, site, make)
}

fn front_in(words: &[String], i: usize, site: &dyn Site, make: impl FnOnce(usize) -> Change) -> Answer {
    match front_at(words, i, site) {
        Ok(at) => change(site, make(at)),
        Err(answer) => answer,
    }
}

/// Finds the frontend in word `i`; the error is the answer.
fn front_at(words: &[String], i: usize, site: &dyn Site) -> Result<usize, Answer> {
    let name = words.get(i).map_or("", String::as_str);
    if name.is_empty() {
        return Err(wrong("A frontend name is expected.\n"));
    }
    let found = site.look().proxies.iter().position(|p| p.front.is_some() && p.name == name);
    found.ok_or_else(|| wrong("No such frontend.\n"))
}

/// `set rate-limit <what> global <n>`.
fn rate_limit(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let what = words.get(2).map_or("", String::as_str);
    let wide = words.get(3).is_some_and(|w| w == "global");
    if !wide || !matches!(what, "connections" | "sessions" | "ssl-sessions" | "http-compression") {
        return wrong(RATES);
    }
    let Some(value) = words.get(4) else { return wrong("Expects an integer value.\n") };
    let Some(n) = whole(value) else { return wrong("Value out of range.\n") };
    match what {
        "connections" => change(site, Change::ConnectionRate(n)),
        "sessions" => change(site, Change::SessionRate(n)),
        other => Answer::Text(format!("'set rate-limit {other}' is not built yet.\n")),
    }
}

const RATES: &str = "'set rate-limit' only supports :
   - 'connections global' to set the per-process maximum connection rate
   - 'sessions global' to set the per-process maximum session rate
   - 'ssl-sessions global' to set the per-process maximum SSL session rate
   - 'http-compression global' to set the per-process maximum compression speed in kB/s
";

/// A number as `atoi` reads it; `None` when it is negative.
fn whole(word: &str) -> Option<u32> {
    if word.starts_with('-') {
        return None;
    }
    let digits: String = word.trim_start_matches('+').chars().take_while(char::is_ascii_digit).collect();
    Some(digits.parse().unwrap_or(0))
}

fn level_word(level: SocketLevel) -> &'static str {
    match level {
        SocketLevel::User => "user",
        SocketLevel::Operator => "operator",
        SocketLevel::Admin => "admin",
    }
}

/// `10s`, `1m`, `500` (milliseconds).
fn delay_ms(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let n: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "" | "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    n.checked_mul(unit)
}

fn help(prefix: &[String], level: SocketLevel, d: Dialect) -> String {
    let mut out = String::from("The following commands are valid at this level:\n");
    let fits =
        |c: &&Command| c.level <= level && prefix.iter().zip(c.words).all(|(p, w)| w.starts_with(p.as_str()));
    for c in COMMANDS.iter().filter(|c| c.lifetime.covers(d)).filter(fits) {
        out.push_str(&help_line(c));
    }
    out
}

fn help_line(c: &Command) -> String {
    let mut head = c.words.join(" ");
    if !c.usage.is_empty() {
        head = format!("{head} {}", c.usage);
    }
    format!("  {head:<40}: {}\n", c.about)
}

/// The answer to what is no command, with what comes near.
fn unknown(words: &[String], level: SocketLevel, d: Dialect) -> String {
    let near: Vec<&Command> = nearest(words, level, d);
    let mut out = match (d >= Dialect::V2_8, words) {
        (_, []) => "Unknown command. Please enter one of the following commands only:\n".to_owned(),
        (true, [first, ..]) => {
            format!("Unknown command: '{first}', but maybe one of the following ones is a better match:\n")
        }
        (false, _) => "Unknown command, but maybe one of the following ones is a better match:\n".to_owned(),
    };
    for c in near {
        out.push_str(&help_line(c));
    }
    out
}

/// Up to five commands that come nearest, then those every connection has.
fn nearest(words: &[String], level: SocketLevel, d: Dialect) -> Vec<&'static Command> {
    let always = |c: &&Command| matches!(c.words, ["help" | "prompt" | "quit"]);
    let usable = COMMANDS.iter().filter(|c| c.level <= level && c.lifetime.covers(d));
    if words.is_empty() {
        return usable.collect();
    }
    let others: Vec<_> = usable.clone().filter(|c| !always(c)).collect();
    let near = near(words, &others, |c| c.words);
    near.into_iter().chain(usable.filter(always)).collect()
}

/// Up to five of some commands that come nearest to what was typed, in their own order.
///
/// COMPAT: only those whose first words are the most that match count, and of them the distance of all words.
pub fn near<'c, C>(
    words: &[String],
    among: &[&'c C],
    words_of: impl Fn(&'c C) -> &'c [&'c str],
) -> Vec<&'c C> {
    let same = |c: &'c C| words_of(c).iter().zip(words).take_while(|(a, b)| **a == b.as_str()).count();
    let most = among.iter().map(|c| same(c)).max().unwrap_or(0);
    let mut own = Fingerprint::of(b"");
    words.iter().for_each(|w| own.add(w.as_bytes()));
    let fits = among.iter().enumerate().filter(|(_, c)| same(c) == most);
    let mut ranked: Vec<(u32, usize, &'c C)> = fits
        .map(|(i, c)| {
            let mut f = Fingerprint::of(b"");
            words_of(c).iter().for_each(|w| f.add(w.as_bytes()));
            (own.distance(&f), i, *c)
        })
        .collect();
    ranked.sort_by_key(|(d, i, _)| (*d, *i));
    ranked.truncate(5);
    ranked.sort_by_key(|(_, i, _)| *i);
    ranked.into_iter().map(|(_, _, c)| c).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::view::{
        Back, Captures, ControlSocket, Front, Named, Process, Proxy, Server, ServerAt, Snapshot, Stream,
        Variable, Wish,
    };

    /// A site with one frontend and one backend that writes down what is asked of it.
    #[derive(Default)]
    pub struct Fake(pub RefCell<Vec<Change>>);

    impl Site for Fake {
        fn dialect(&self) -> Dialect {
            Dialect::V3_0
        }
        fn look(&self) -> Snapshot {
            let s = Server {
                name: "s1".into(),
                sid: 1,
                weights: (1, 1, 2),
                host: Some("127.0.0.1".into()),
                port: 80,
                operation: 2,
                ..Server::default()
            };
            Snapshot {
                process: Process { version: "9.9".into(), ..Process::default() },
                proxies: vec![
                    Proxy { name: "f".into(), iid: 2, front: Some(Front::default()), ..Proxy::default() },
                    Proxy {
                        name: "b".into(),
                        iid: 3,
                        back: Some(Back { servers: vec![s], ..Back::default() }),
                        ..Proxy::default()
                    },
                ],
            }
        }
        fn change(&self, c: Change) -> Result<(), String> {
            self.0.borrow_mut().push(c);
            Ok(())
        }
        fn environment(&self) -> Vec<(String, String)> {
            vec![("A".into(), "1".into())]
        }
        fn sockets(&self) -> Vec<ControlSocket> {
            vec![ControlSocket { name: "unix@/s".into(), level: ADMIN }]
        }
        fn startup_logs(&self) -> String {
            String::new()
        }
        fn streams(&self) -> Vec<Stream> {
            let named = |name: &str, id, mode| Named { name: name.into(), id, mode, address: None };
            vec![Stream {
                id: 0x12,
                protocol: "tcpv4",
                source: "10.0.0.1:99".into(),
                frontend: named("f", 2, "http"),
                backend: Some(named("b", 3, "http")),
                server: Some(named("s1", 1, "")),
                age_ms: 65_432,
                expires_ms: Some(3999),
                descriptor: 7,
                ..Stream::default()
            }]
        }
        fn kill(&self, id: u64) -> bool {
            id == 0x12
        }
        fn captures(&self) -> Captures {
            Captures::default()
        }
        fn variable(&self, name: &str) -> Option<Variable> {
            (name == "proc.x").then(|| Variable { kind: "sint", text: "5".into() })
        }
        fn set_variable(&self, name: &str, _: bool, _: &str) -> Result<(), String> {
            if name == "proc.x" { Ok(()) } else { Err("no".into()) }
        }
        fn anon_key(&self) -> u32 {
            0
        }
        fn set_anon_key(&self, _: u32) {}
        fn random(&self) -> u32 {
            7
        }
    }

    fn ask(line: &str, level: SocketLevel) -> (String, Vec<Change>) {
        let site = Fake::default();
        let text = match run(&words(line), level, &site) {
            Answer::Text(t) | Answer::Said(_, t) => t,
            other => format!("{other:?}"),
        };
        (text, site.0.into_inner())
    }

    #[test]
    fn answers_are_the_originals() {
        const AT: ServerAt = ServerAt { proxy: 1, server: 0 };
        for (line, answer) in [
            ("disable server b/nope", "No such server.\n"),
            ("disable server x/s1", "No such backend.\n"),
            ("disable server b", "Require 'backend/server'.\n"),
            ("disable server", "Require 'backend/server'.\n"),
            ("set server b/s1 state foo", "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n"),
            ("set server b/s1 weight 300", "Absolute weight can only be between 0 and 256 inclusive.\n"),
            ("get weight b/s1", "1 (initial 2)\n"),
            ("get weight x/y", "No such backend.\n"),
            ("disable frontend nope", "No such frontend.\n"),
            ("show cli sockets", "# socket lvl processes\nunix@/s admin all\n"),
            ("show backend", "# name\nb\n"),
            ("show env A", "A=1\n"),
        ] {
            assert_eq!(ask(line, ADMIN).0, answer, "{line}");
        }
        assert_eq!(ask("set server b/s1 weight 50%", ADMIN).1, [Change::Weight(AT, 1)]);
        assert_eq!(ask("disable server b/s1", ADMIN).1, [Change::State(AT, Wish::Maint)]);
        assert_eq!(ask("set maxconn frontend f 9", ADMIN).1, [Change::FrontendMaxconn(0, 9)]);
        assert_eq!(ask("disable server b/s1", OPERATOR), ("Permission denied\n".into(), vec![]));
    }

    #[test]
    fn what_is_unknown_gets_neighbours() {
        let t = ask("show statt", ADMIN).0;
        assert!(t.starts_with("Unknown command: 'show', but maybe"));
        assert!(t.contains("  show stat ") && t.ends_with(": disconnect\n"));
        assert_eq!(ask("", ADMIN).0, "");
        assert!(ask("help show", USER).0.lines().count() > 5);
    }

    #[test]
    fn names_are_unique_and_documented() {
        let mut seen = std::collections::HashSet::new();
        for c in COMMANDS {
            assert!(seen.insert(c.words) && !c.about.is_empty());
        }
    }
}
