//! The command line: one row per flag, read the way HAProxy reads it.
//!
//! COMPAT: a flag is recognised by its first letters, in the order of the rows, and whatever follows
//! them in the same word is ignored or belongs to it (`-dMfail`, `-dKcfg`); `-sf` and `-st` take words
//! up to the next one that begins with `-`; after `--` come file names. Long options are ours alone.
//! Held by the `process` differential tests.

use rha_vocab::{Dialect, Support};

/// How a flag takes its value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// None; the rest of the word is ignored.
    Nothing,
    /// The rest of the word.
    Rest,
    /// The next word.
    Next(&'static str),
    /// Words up to the next flag.
    Pids,
}

/// One flag.
pub struct Flag {
    /// Letters after the dash.
    pub letters: &'static str,
    /// Its value.
    pub takes: Takes,
    /// How far it is built.
    pub support: Support,
    /// One line for the usage text and the manual page.
    pub help: &'static str,
    set: fn(&mut Options, &str) -> Result<(), String>,
}

/// Output of `-c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Pretty on a terminal, native otherwise.
    #[default]
    Auto,
    /// The original's words.
    Native,
    /// For people.
    Pretty,
    /// One object per diagnostic.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// GitHub workflow commands.
    Github,
}

/// How chatty `-v` was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionAsk {
    /// `-v`.
    Short,
    /// `-vv`.
    Long,
    /// `-vq`: version only.
    Plain,
    /// `-vqb`: branch only.
    Branch,
    /// `-vqs`: version without suffix.
    Stable,
}

/// Everything the command line said.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches of the original")]
pub struct Options {
    /// `-f` and what follows `--`.
    pub files: Vec<String>,
    /// `-C`.
    pub directory: Option<String>,
    /// `-c`.
    pub check: bool,
    /// `-cc`.
    pub condition: Option<String>,
    /// `-v…`.
    pub version: Option<VersionAsk>,
    /// `-V`.
    pub verbose: bool,
    /// `-q`.
    pub quiet: bool,
    /// `-d`.
    pub debug: bool,
    /// `-db`.
    pub foreground: bool,
    /// `-D`.
    pub daemon: bool,
    /// `-W` or `-Ws`.
    pub master: bool,
    /// `-Ws`.
    pub systemd: bool,
    /// `-S`.
    pub master_sockets: Vec<String>,
    /// `-dW`.
    pub zero_warning: bool,
    /// `-dD`.
    pub diagnostic: bool,
    /// `-dr`.
    pub ignore_resolution: bool,
    /// `-dR`.
    pub no_reuseport: bool,
    /// `-dK…`.
    pub dump_keywords: Option<String>,
    /// `-p`.
    pub pidfile: Option<String>,
    /// `-n`.
    pub maxconn: Option<u32>,
    /// `-N`.
    pub proxy_maxconn: Option<u32>,
    /// `-m`, megabytes.
    pub memory_mb: Option<u32>,
    /// `-L`.
    pub peer: Option<String>,
    /// `-sf` (false) or `-st` (true) with its pids.
    pub old_pids: Option<(bool, Vec<i32>)>,
    /// `-x`.
    pub old_socket: Option<String>,
    /// `--compat`, or `RHAP_COMPAT`.
    pub dialect: Option<Dialect>,
    /// `--format`.
    pub format: Format,
    /// `--allow-planned`.
    pub allow_planned: bool,
    /// Flags used that are accepted but come later.
    pub later: Vec<&'static str>,
}

/// What reading the command line led to.
#[derive(Debug)]
pub enum Outcome {
    /// Go on with these.
    Run(Box<Options>),
    /// Print usage, exit 1.
    Usage,
    /// Print a message, then usage if so, exit 1.
    Fail {
        /// For `[ALERT]`.
        message: String,
        /// Whether the usage text follows.
        usage: bool,
    },
    /// `--help`.
    Help,
    /// `--completions SHELL`.
    Completions(String),
    /// `--man`.
    Manual,
}

fn number(text: &str) -> u32 {
    let digits: String = text.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

const FULL: Support = Support::Full;
const NONE: Support = Support::NoEffect("the facility it switches does not exist here");

macro_rules! flag {
    ($letters:literal, $takes:expr, $support:expr, $help:literal, $set:expr) => {
        Flag { letters: $letters, takes: $takes, support: $support, help: $help, set: $set }
    };
}

/// All flags, in the order they are tried.
pub const FLAGS: &[Flag] = &[
    flag!("vqs", Takes::Nothing, FULL, "prints the version without its suffix", |o, _| version(
        o,
        VersionAsk::Stable
    )),
    flag!("vqb", Takes::Nothing, FULL, "prints the branch", |o, _| version(o, VersionAsk::Branch)),
    flag!("vq", Takes::Nothing, FULL, "prints the version and nothing else", |o, _| version(
        o,
        VersionAsk::Plain
    )),
    flag!("vv", Takes::Nothing, FULL, "prints version and build options", |o, _| version(
        o,
        VersionAsk::Long
    )),
    flag!("v", Takes::Nothing, FULL, "prints the version", |o, _| version(o, VersionAsk::Short)),
    flag!("de", Takes::Nothing, NONE, "does without epoll", |_, _| Ok(())),
    flag!("dp", Takes::Nothing, NONE, "does without poll", |_, _| Ok(())),
    flag!("dS", Takes::Nothing, NONE, "does without splice", |_, _| Ok(())),
    flag!("dG", Takes::Nothing, NONE, "does without getaddrinfo", |_, _| Ok(())),
    flag!("dR", Takes::Nothing, FULL, "does without SO_REUSEPORT", |o, _| put(&mut o.no_reuseport)),
    flag!("dF", Takes::Nothing, NONE, "does without fast-forwarding", |_, _| Ok(())),
    flag!("dI", Takes::Nothing, NONE, "allows forks after start", |_, _| Ok(())),
    flag!("dZ", Takes::Nothing, NONE, "does without zero-copy forwarding", |_, _| Ok(())),
    flag!("dV", Takes::Nothing, Support::Planned, "does not verify servers' certificates", |o, _| later(
        o, "-dV"
    )),
    flag!("V", Takes::Nothing, FULL, "says more (undoes -q)", |o, _| put(&mut o.verbose)),
    flag!("dC", Takes::Rest, Support::Planned, "prints the configuration, names hashed", |o, _| later(
        o, "-dC"
    )),
    flag!("db", Takes::Nothing, FULL, "stays in the foreground", |o, _| put(&mut o.foreground)),
    flag!("dD", Takes::Nothing, FULL, "reports suspicious statements", |o, _| put(&mut o.diagnostic)),
    flag!("dW", Takes::Nothing, FULL, "fails on any warning", |o, _| put(&mut o.zero_warning)),
    flag!("dM", Takes::Rest, NONE, "sets memory debugging", |_, _| Ok(())),
    flag!("dr", Takes::Nothing, FULL, "goes on when a server's name does not resolve", |o, _| {
        put(&mut o.ignore_resolution)
    }),
    flag!("dL", Takes::Nothing, Support::Planned, "lists loaded object files", |o, _| later(o, "-dL")),
    flag!("dK", Takes::Rest, FULL, "lists keywords of the given classes (help for a list)", |o, rest| {
        o.dump_keywords = Some(rest.to_owned());
        Ok(())
    }),
    flag!("dt", Takes::Rest, Support::Planned, "activates traces", |o, _| later(o, "-dt")),
    flag!("d", Takes::Nothing, FULL, "stays in the foreground and shows what happens", |o, _| put(
        &mut o.debug
    )),
    flag!(
        "cc",
        Takes::Next("condition"),
        FULL,
        "evaluates a condition: exit 0 true, 1 false, 2 not understood",
        |o, v| {
            o.condition = Some(v.to_owned());
            Ok(())
        }
    ),
    flag!("c", Takes::Nothing, FULL, "checks the configuration and exits", |o, _| put(&mut o.check)),
    flag!("D", Takes::Nothing, FULL, "goes to the background", |o, _| put(&mut o.daemon)),
    flag!("Ws", Takes::Nothing, FULL, "runs under a master that notifies systemd", |o, _| {
        (o.master, o.systemd) = (true, true);
        Ok(())
    }),
    flag!("W", Takes::Nothing, FULL, "runs under a master", |o, _| put(&mut o.master)),
    flag!("q", Takes::Nothing, FULL, "is quiet", |o, _| put(&mut o.quiet)),
    flag!("x", Takes::Next("socket"), FULL, "takes listeners over from a stats socket", |o, v| {
        o.old_socket = Some(v.to_owned());
        Ok(())
    }),
    flag!(
        "S",
        Takes::Next("bind"),
        Support::Partial("the master's own commands"),
        "opens the master's socket",
        |o, v| {
            o.master_sockets.push(v.to_owned());
            Ok(())
        }
    ),
    flag!("sf", Takes::Pids, FULL, "asks old processes to finish once started", |o, v| pids(o, false, v)),
    flag!("st", Takes::Pids, FULL, "terminates old processes once started", |o, v| pids(o, true, v)),
    flag!("C", Takes::Next("dir"), FULL, "changes to a directory before files are read", |o, v| {
        o.directory = Some(v.to_owned());
        Ok(())
    }),
    flag!("n", Takes::Next("maxconn"), FULL, "sets the process's connection limit", |o, v| {
        o.maxconn = Some(number(v));
        Ok(())
    }),
    flag!("m", Takes::Next("megabytes"), FULL, "limits memory", |o, v| {
        o.memory_mb = Some(number(v));
        Ok(())
    }),
    flag!("N", Takes::Next("maxconn"), FULL, "sets the default connection limit of a proxy", |o, v| {
        o.proxy_maxconn = Some(number(v));
        Ok(())
    }),
    flag!("L", Takes::Next("name"), FULL, "sets the local peer's name", |o, v| {
        o.peer = Some(v.to_owned());
        Ok(())
    }),
    flag!("f", Takes::Next("file|dir"), FULL, "reads a file, or the *.cfg files of a directory", |o, v| {
        o.files.push(v.to_owned());
        Ok(())
    }),
    flag!("p", Takes::Next("pidfile"), FULL, "writes the pid to a file", |o, v| {
        o.pidfile = Some(v.to_owned());
        Ok(())
    }),
];

fn put(switch: &mut bool) -> Result<(), String> {
    *switch = true;
    Ok(())
}

fn version(o: &mut Options, ask: VersionAsk) -> Result<(), String> {
    o.version.get_or_insert(ask);
    Ok(())
}

fn later(o: &mut Options, flag: &'static str) -> Result<(), String> {
    o.later.push(flag);
    Ok(())
}

fn pids(o: &mut Options, terminate: bool, word: &str) -> Result<(), String> {
    let list = &mut o.old_pids.get_or_insert_with(|| (terminate, Vec::new())).1;
    match word.trim().parse::<i32>() {
        Ok(pid) if pid > 0 => list.push(pid),
        Ok(_) => return Err(String::new()),
        Err(_) => {
            let flag = if terminate { "st" } else { "sf" };
            return Err(format!("-{flag} option: some bytes unconsumed in PID list {{{word}}}"));
        }
    }
    Ok(())
}

/// Reads the words after the program's name.
#[must_use]
pub fn read(words: &[String]) -> Outcome {
    let mut o = Options::default();
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            o.files.extend(words.map(str::to_owned));
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            if let Some(end) = long_option(&mut o, long, &mut words) {
                return end;
            }
            continue;
        }
        let Some(flag) = word.strip_prefix('-') else { return Outcome::Usage };
        let Some(row) = FLAGS.iter().find(|f| flag.starts_with(f.letters)) else { return Outcome::Usage };
        let done = match row.takes {
            Takes::Nothing => (row.set)(&mut o, ""),
            Takes::Rest => (row.set)(&mut o, &flag[row.letters.len()..]),
            Takes::Next(_) => match words.next() {
                Some(value) => (row.set)(&mut o, value),
                None => return without_value(row.letters),
            },
            Takes::Pids => {
                o.old_pids.get_or_insert_with(|| (row.letters == "st", Vec::new()));
                let mut all = Ok(());
                while all.is_ok()
                    && let Some(pid) = words.next_if(|w| !w.starts_with('-'))
                {
                    all = (row.set)(&mut o, pid);
                }
                all
            }
        };
        match done {
            Ok(()) => {}
            Err(empty) if empty.is_empty() => return Outcome::Usage,
            Err(message) => return Outcome::Fail { message, usage: false },
        }
        if o.version.is_some() {
            break;
        }
    }
    Outcome::Run(Box::new(o))
}

/// COMPAT: `-cc` alone is usage; the others fail when the words are kept for a reload.
fn without_value(letters: &str) -> Outcome {
    let message = match letters {
        "cc" => return Outcome::Usage,
        "x" => "Unix socket path expected with the -x flag\n",
        _ => "failed to copy argv.",
    };
    Outcome::Fail { message: message.to_owned(), usage: false }
}

fn long_option<'a>(o: &mut Options, long: &str, rest: &mut impl Iterator<Item = &'a str>) -> Option<Outcome> {
    let (name, glued) = match long.split_once('=') {
        Some((n, v)) => (n, Some(v)),
        None => (long, None),
    };
    let mut value = || glued.or_else(|| rest.next()).unwrap_or("").to_owned();
    let bad = |message: String| Some(Outcome::Fail { message, usage: false });
    match name {
        "help" => return Some(Outcome::Help),
        "man" => return Some(Outcome::Manual),
        "completions" => return Some(Outcome::Completions(value())),
        "allow-planned" => o.allow_planned = true,
        "compat" => {
            let v = value();
            match Dialect::parse(&v) {
                Some(d) => o.dialect = Some(d),
                None => return bad(format!("--compat: '{v}' is none of {}", dialects())),
            }
        }
        "format" => {
            let v = value();
            o.format = match v.as_str() {
                "auto" => Format::Auto,
                "native" => Format::Native,
                "pretty" => Format::Pretty,
                "json" => Format::Json,
                "sarif" => Format::Sarif,
                "github" => Format::Github,
                _ => {
                    return bad(format!(
                        "--format: '{v}' is none of auto, native, pretty, json, sarif, github"
                    ));
                }
            };
        }
        _ => return Some(Outcome::Usage),
    }
    None
}

/// All dialects in one line.
#[must_use]
pub fn dialects() -> String {
    Dialect::ALL.map(|d| d.to_string()).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Options {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match read(&words) {
            Outcome::Run(o) => *o,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn flags_are_read_by_their_first_letters() {
        let o = run("-dMfail -dI -dW -db -f a -f b -p /run/x -- c d");
        assert!(o.zero_warning && o.foreground && !o.debug);
        assert_eq!(o.files, ["a", "b", "c", "d"]);
        assert_eq!(o.pidfile.as_deref(), Some("/run/x"));
        assert!(run("-d").debug && !run("-db").debug);
        assert_eq!(run("-dKcfg,acl").dump_keywords.as_deref(), Some("cfg,acl"));
        assert!(run("-Ws").systemd && run("-W").master && !run("-W").systemd);
    }

    #[test]
    fn old_pids_end_at_the_next_flag() {
        let o = run("-sf 12 13 -c");
        assert_eq!(o.old_pids, Some((false, vec![12, 13])));
        assert!(o.check);
        assert_eq!(run("-st").old_pids, Some((true, vec![])));
        let words = ["-sf".to_owned(), "1x".to_owned()];
        assert!(matches!(read(&words), Outcome::Fail { usage: false, .. }));
    }

    #[test]
    fn what_is_not_known_is_usage() {
        for line in ["foo", "-zz", "--foo", "-cc", "-sf 0"] {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert!(matches!(read(&words), Outcome::Usage), "{line}");
        }
        assert!(matches!(read(&["-f".to_owned()]), Outcome::Fail { usage: false, .. }));
        assert_eq!(run("--compat 2.6").dialect, Some(Dialect::V2_6));
        assert_eq!(run("--format=json").format, Format::Json);
    }
}
