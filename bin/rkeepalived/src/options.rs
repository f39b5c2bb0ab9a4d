//! The command line: one row per option, read the way `getopt_long` reads it.
//!
//! COMPAT: short options may be glued (`-nlD`), long ones shortened while they stay unique
//! (`--log-con`), an unknown one is named on standard error and ends the start with 1 after all the
//! others have been read; a word that is no option is complained about and otherwise ignored. The words
//! `status`, `handover` and the options after the blank row are ours alone.

use rha_failover::log::LogOptions;

/// How an option takes its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// None.
    Nothing,
    /// `--name=VALUE`, `--name VALUE`, `-nVALUE`, `-n VALUE`.
    Value,
    /// `--name[=VALUE]`, `-n[VALUE]`.
    Maybe,
}

/// One option.
pub struct Row {
    /// Letter, `'\0'` for none.
    pub short: char,
    /// Long name.
    pub long: &'static str,
    /// Its value.
    pub takes: Takes,
    /// As the usage text shows it: the option, then what it does (further lines indented there).
    pub shown: &'static str,
    /// One line for the usage text.
    pub help: &'static str,
    set: fn(&mut Options, &str),
}

/// Output of `-t`.
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

/// Which parts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// VRRP (`-C` turns it off).
    pub vrrp: bool,
    /// Health checkers (`-P`).
    pub checkers: bool,
    /// BFD (`-B`).
    pub bfd: bool,
    /// `--all`: even without configuration.
    pub all: bool,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub struct Options {
    /// `-f`.
    pub file: String,
    /// Which parts run.
    pub parts: Parts,
    /// `-l`, `-D`, `-S`, `-g`, `-G`.
    pub log: LogOptions,
    /// `-u`.
    pub umask: Option<u32>,
    /// `-X`.
    pub release_vips: bool,
    /// `-V`.
    pub keep_vrrp: bool,
    /// `-I`.
    pub keep_ipvs: bool,
    /// `-R`.
    pub no_respawn: bool,
    /// `-n`.
    pub foreground: bool,
    /// `-d`.
    pub dump_conf: bool,
    /// `-p`.
    pub pid: Option<String>,
    /// `-r`.
    pub vrrp_pid: Option<String>,
    /// `-c`.
    pub checkers_pid: Option<String>,
    /// `-b`.
    pub bfd_pid: Option<String>,
    /// `-a`.
    pub report_addresses: bool,
    /// `-x`.
    pub snmp: bool,
    /// `-s`.
    pub namespace: Option<String>,
    /// `-m`, `-M`.
    pub core_dump: bool,
    /// `-M[PATTERN]`.
    pub core_pattern: Option<String>,
    /// `-e`.
    pub all_config: bool,
    /// `-i`.
    pub config_id: Option<String>,
    /// `-t`, with its file.
    pub test: Option<Option<String>>,
    /// `--ignore-sigint`.
    pub ignore_interrupt: bool,
    /// `-T`.
    pub genhash: bool,
    /// `--signum`.
    pub signum: Option<String>,
    /// `-v`.
    pub version: bool,
    /// `-h`.
    pub help: bool,
    /// `--format`.
    pub format: Format,
    /// `--allow-planned`.
    pub allow_planned: bool,
    /// Unless `--no-lease`.
    pub lease: bool,
    /// `--control`.
    pub control: Option<String>,
    /// `--metrics`.
    pub metrics: Option<String>,
    /// `--json`, of `status`.
    pub json: bool,
    /// Words that are no options.
    pub words: Vec<String>,
    /// What was wrong with values, one line each; none of it ends the start.
    pub complaints: Vec<String>,
    /// What was wrong enough to end the start.
    pub bad: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            file: "/etc/keepalived/keepalived.conf".to_owned(),
            parts: Parts { vrrp: true, checkers: true, bfd: true, all: false },
            log: LogOptions::default(),
            umask: None,
            release_vips: false,
            keep_vrrp: false,
            keep_ipvs: false,
            no_respawn: false,
            foreground: false,
            dump_conf: false,
            pid: None,
            vrrp_pid: None,
            checkers_pid: None,
            bfd_pid: None,
            report_addresses: false,
            snmp: false,
            namespace: None,
            core_dump: false,
            core_pattern: None,
            all_config: false,
            config_id: None,
            test: None,
            ignore_interrupt: false,
            genhash: false,
            signum: None,
            version: false,
            help: false,
            format: Format::Auto,
            allow_planned: false,
            lease: true,
            control: None,
            metrics: None,
            json: false,
            words: Vec::new(),
            complaints: Vec::new(),
            bad: false,
        }
    }
}

macro_rules! row {
    ($short:literal, $long:literal, $takes:ident, $shown:literal, $help:literal, $set:expr) => {
        Row { short: $short, long: $long, takes: Takes::$takes, shown: $shown, help: $help, set: $set }
    };
}

/// Every option, in the order of the usage text.
pub const ROWS: &[Row] = &[
    row!(
        'f',
        "use-file",
        Value,
        "-f, --use-file=FILE",
        "Read this configuration file\n default '/etc/keepalived/keepalived.conf'",
        |o, v| o.file = v.to_owned()
    ),
    row!('P', "vrrp", Nothing, "-P, --vrrp", "Run VRRP without health checkers", |o, _| o.parts.checkers =
        false),
    row!('C', "check", Nothing, "-C, --check", "Run health checkers without VRRP", |o, _| o.parts.vrrp =
        false),
    row!('B', "no_bfd", Nothing, "-B, --no_bfd", "Run without BFD", |o, _| o.parts.bfd = false),
    row!('\0', "all", Nothing, "    --all", "Run every part, configured or not", |o, _| o.parts =
        Parts { vrrp: true, checkers: true, bfd: true, all: true }),
    row!('l', "log-console", Nothing, "-l, --log-console", "Log to standard error as well", |o, _| o
        .log
        .console =
        true),
    row!('D', "log-detail", Nothing, "-D, --log-detail", "Log in detail (twice: in more detail)", |o, _| {
        o.log.extra_detail = o.log.detail;
        o.log.detail = true;
    }),
    row!(
        'S',
        "log-facility",
        Value,
        "-S, --log-facility=([0-7]|local[0-7]|user|daemon)",
        "Syslog facility: local0 to local7, user, or daemon (default)",
        facility
    ),
    row!(
        'g',
        "log-file",
        Maybe,
        "-g, --log-file[=FILE]",
        "Append log lines to FILE (keepalived.log)",
        |o, v| {
            o.log.file = Some(if v.is_empty() { "keepalived.log" } else { v }.to_owned());
        }
    ),
    row!(
        '\0',
        "flush-log-file",
        Nothing,
        "    --flush-log-file",
        "Write each line to the log file at once (always so)",
        |_, _| {}
    ),
    row!('G', "no-syslog", Nothing, "-G, --no-syslog", "Do not log to syslog", |o, _| o.log.syslog = false),
    row!('u', "umask", Value, "-u, --umask=MASK", "Mode mask of the files written (a number)", umask),
    row!(
        'X',
        "release-vips",
        Nothing,
        "-X, --release-vips",
        "Drop addresses on transition from signal",
        |o, _| o.release_vips = true
    ),
    row!(
        'V',
        "dont-release-vrrp",
        Nothing,
        "-V, --dont-release-vrrp",
        "Leave addresses and routes where they are at the end",
        |o, _| o.keep_vrrp = true
    ),
    row!(
        'I',
        "dont-release-ipvs",
        Nothing,
        "-I, --dont-release-ipvs",
        "Leave virtual servers where they are at the end",
        |o, _| o.keep_ipvs = true
    ),
    row!(
        'R',
        "dont-respawn",
        Nothing,
        "-R, --dont-respawn",
        "Do not start a worker again that died",
        |o, _| o.no_respawn = true
    ),
    row!('n', "dont-fork", Nothing, "-n, --dont-fork", "Stay in the foreground", |o, _| o.foreground = true),
    row!(
        'd',
        "dump-conf",
        Nothing,
        "-d, --dump-conf",
        "Log the configuration as it was understood",
        |o, _| o.dump_conf = true
    ),
    row!('p', "pid", Value, "-p, --pid=FILE", "Pid file of the parent", |o, v| o.pid = Some(v.to_owned())),
    row!('r', "vrrp_pid", Value, "-r, --vrrp_pid=FILE", "Pid file of VRRP", |o, v| o.vrrp_pid =
        Some(v.to_owned())),
    row!('T', "genhash", Nothing, "-T, --genhash", "Work as genhash (only as the first option)", |o, _| o
        .genhash =
        true),
    row!('c', "checkers_pid", Value, "-c, --checkers_pid=FILE", "Pid file of health checkers", |o, v| o
        .checkers_pid =
        Some(v.to_owned())),
    row!(
        'a',
        "address-monitoring",
        Nothing,
        "-a, --address-monitoring",
        "Log every address that comes or goes",
        |o, _| o.report_addresses = true
    ),
    row!('b', "bfd_pid", Value, "-b, --bfd_pid=FILE", "Pid file of BFD", |o, v| o.bfd_pid =
        Some(v.to_owned())),
    row!('x', "snmp", Nothing, "-x, --snmp", "SNMP (not built: refused at start)", |o, _| o.snmp = true),
    row!(
        'A',
        "snmp-agent-socket",
        Value,
        "-A, --snmp-agent-socket=FILE",
        "Socket of the SNMP master agent",
        |_, _| {}
    ),
    row!(
        's',
        "namespace",
        Value,
        "-s, --namespace=NAME",
        "Run in this network namespace, whatever the file says",
        |o, v| o.namespace = Some(v.to_owned())
    ),
    row!('m', "core-dump", Nothing, "-m, --core-dump", "Allow core files", |o, _| o.core_dump = true),
    row!(
        'M',
        "core-dump-pattern",
        Maybe,
        "-M, --core-dump-pattern=PATN",
        "Also set the kernel's core pattern (default 'core')",
        |o, v| {
            o.core_dump = true;
            o.core_pattern = Some(if v.is_empty() { "core" } else { v }.to_owned());
        }
    ),
    row!('e', "all-config", Nothing, "-e, --all-config", "A missing included file is an error", |o, _| o
        .all_config =
        true),
    row!(
        'i',
        "config-id",
        Value,
        "-i, --config-id id",
        "Lines beginning '@' count for this id only,\n those beginning '@^' for any other (default: the node's name)",
        |o, v| o.config_id = Some(v.to_owned())
    ),
    row!(
        '\0',
        "signum",
        Value,
        "    --signum=SIGFUNC",
        "Print the number of STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON",
        |o, v| o.signum = Some(v.to_owned())
    ),
    row!(
        't',
        "config-test",
        Maybe,
        "-t, --config-test[=LOG_FILE]",
        "Check the configuration; messages to standard error or LOG_FILE",
        |o, v| {
            o.test = Some((!v.is_empty()).then(|| v.to_owned()));
        }
    ),
    row!('\0', "perf", Maybe, "    --perf[=PERF_TYPE]", "Accepted, without effect", |_, _| {}),
    row!('\0', "debug", Maybe, "    --debug[=...]", "Accepted, without effect", |_, _| {}),
    row!('\0', "no-mem-check", Nothing, "    --no-mem-check", "Accepted, without effect", |_, _| {}),
    row!(
        '\0',
        "config-fd",
        Value,
        "    --config-fd=FD",
        "Accepted, without effect (internal to the original)",
        |_, _| {}
    ),
    row!(
        '\0',
        "ignore-sigint",
        Nothing,
        "    --ignore-sigint",
        "Do not stop on an interrupt (debugging)",
        |o, _| o.ignore_interrupt = true
    ),
    row!('v', "version", Nothing, "-v, --version", "Show the version", |o, _| o.version = true),
    row!('h', "help", Nothing, "-h, --help", "Show this text", |o, _| o.help = true),
    row!(
        '\0',
        "format",
        Value,
        "    --format=FORMAT",
        "Form of -t: native, pretty, json, sarif, github",
        format
    ),
    row!(
        '\0',
        "allow-planned",
        Nothing,
        "    --allow-planned",
        "Start without what is not built yet, with a warning",
        |o, _| o.allow_planned = true
    ),
    row!(
        '\0',
        "no-lease",
        Nothing,
        "    --no-lease",
        "Install addresses without a kernel lifetime",
        |o, _| o.lease = false
    ),
    row!(
        '\0',
        "control",
        Value,
        "    --control=SOCKET",
        "Control socket (default beside the parent's pid file)",
        |o, v| o.control = Some(v.to_owned())
    ),
    row!('\0', "metrics", Value, "    --metrics=ADDRESS:PORT", "Serve Prometheus metrics there", |o, v| o
        .metrics =
        Some(v.to_owned())),
    row!('\0', "json", Nothing, "    --json", "status: as JSON", |o, _| o.json = true),
];

/// `-S`: COMPAT: a number or `localN` is local0 to local7.
fn facility(o: &mut Options, v: &str) {
    let number = |s: &str| s.parse::<u8>().ok().filter(|n| *n <= 7);
    o.log.facility = match (number(v).or_else(|| v.strip_prefix("local").and_then(number)), v) {
        (Some(n), _) => 16 + n,
        (None, "user") => 1,
        (None, "daemon") => 3,
        (None, _) => {
            o.complaints.push(format!("Invalid log facility '{v}'"));
            return;
        }
    };
}

/// COMPAT: as C reads a number: 0x hexadecimal, 0 octal, otherwise decimal.
fn umask(o: &mut Options, v: &str) {
    let parsed = match (v.strip_prefix("0x"), v.strip_prefix('0')) {
        (Some(hex), _) => u32::from_str_radix(hex, 16).ok(),
        (None, Some(octal)) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
        _ => v.parse().ok(),
    };
    match parsed.filter(|m| *m <= 0o777) {
        Some(m) => o.umask = Some(m),
        None => o.complaints.push(format!("Invalid --umask option {v} - ignoring")),
    }
}

fn format(o: &mut Options, v: &str) {
    o.format = match v {
        "native" => Format::Native,
        "pretty" => Format::Pretty,
        "json" => Format::Json,
        "sarif" => Format::Sarif,
        "github" => Format::Github,
        _ => {
            o.complaints.push(format!("Unknown format '{v}' (native, pretty, json, sarif, github)"));
            o.bad = true;
            return;
        }
    };
}

/// Reads the words after the program's name.
#[must_use]
pub fn read(words: &[String]) -> Options {
    let mut o = Options::default();
    let mut rest = words.iter();
    let mut only_words = false;
    while let Some(word) = rest.next() {
        if only_words || word == "-" || !word.starts_with('-') {
            o.words.push(word.clone());
        } else if word == "--" {
            only_words = true;
        } else if let Some(long) = word.strip_prefix("--") {
            read_long(&mut o, word, long, &mut rest);
        } else {
            read_short(&mut o, word, &mut rest);
        }
    }
    o
}

fn read_long<'a>(o: &mut Options, word: &str, long: &str, rest: &mut impl Iterator<Item = &'a String>) {
    let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v)));
    let exact = ROWS.iter().find(|r| r.long == name);
    let mut near = ROWS.iter().filter(|r| r.long.starts_with(name));
    let row = match (exact, near.next(), near.next()) {
        (Some(r), ..) | (None, Some(r), None) => r,
        _ => return o.refuse(format!("Unknown option {word}")),
    };
    match (row.takes, value) {
        (Takes::Nothing, None) => (row.set)(o, ""),
        (Takes::Nothing, Some(_)) => o.refuse(format!("Unknown option {word}")),
        (Takes::Maybe, v) => (row.set)(o, v.unwrap_or("")),
        (Takes::Value, Some(v)) if !v.is_empty() => (row.set)(o, v),
        (Takes::Value, Some(_)) => o.refuse(format!("Missing parameter for option --{}", row.long)),
        (Takes::Value, None) => match rest.next() {
            Some(v) => (row.set)(o, v),
            None => o.refuse(format!("Missing parameter for option --{}", row.long)),
        },
    }
}

fn read_short<'a>(o: &mut Options, word: &str, rest: &mut impl Iterator<Item = &'a String>) {
    let mut letters = word.chars();
    letters.next();
    while let Some(c) = letters.next() {
        let Some(row) = ROWS.iter().find(|r| r.short == c && c != '\0') else {
            o.refuse(format!("Unknown option -{c}"));
            continue;
        };
        let glued = letters.as_str();
        match row.takes {
            Takes::Nothing => {
                (row.set)(o, "");
                continue;
            }
            Takes::Maybe => (row.set)(o, glued.strip_prefix('=').unwrap_or(glued)),
            Takes::Value if !glued.is_empty() => (row.set)(o, glued),
            Takes::Value => match rest.next() {
                Some(v) => (row.set)(o, v),
                None => o.refuse(format!("Missing parameter for option -{c}")),
            },
        }
        return;
    }
}

impl Options {
    fn refuse(&mut self, why: String) {
        self.complaints.push(why);
        self.bad = true;
    }
}

/// The usage text.
#[must_use]
pub fn usage(program: &str) -> String {
    let mut text =
        format!("Usage: {program} [OPTION...]\n       {program} status [--json] | handover [INSTANCE]\n");
    for r in ROWS {
        for (i, line) in r.help.split('\n').enumerate() {
            let left = if i == 0 { r.shown } else { "" };
            if left.len() > 28 {
                text += &format!("  {left}\n  {:28} {line}\n", "");
            } else {
                text += &format!("  {left:28} {line}\n");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Options {
        read(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn rows_are_unique_and_documented() {
        for (i, r) in ROWS.iter().enumerate() {
            assert!(!r.help.is_empty() && r.shown.contains(r.long), "{}", r.long);
            let twice =
                ROWS.iter().skip(i + 1).any(|s| s.long == r.long || r.short != '\0' && s.short == r.short);
            assert!(!twice, "{}", r.long);
        }
    }

    #[test]
    fn glued_letters_values_and_shortened_names() {
        let o = of(&["-nlDDf", "a.conf", "-pX", "--log-fac=local3", "--vrrp_pid", "r", "-S", "user"]);
        assert!(o.foreground && o.log.console && o.log.detail && o.log.extra_detail && !o.bad);
        assert_eq!(
            (o.file.as_str(), o.pid.as_deref(), o.vrrp_pid.as_deref()),
            ("a.conf", Some("X"), Some("r"))
        );
        assert_eq!(o.log.facility, 1);
        assert_eq!(of(&["-S", "5"]).log.facility, 21);
        assert_eq!(of(&["-u", "022"]).umask, Some(0o22));
        assert_eq!(of(&["-C"]).parts, Parts { vrrp: false, checkers: true, bfd: true, all: false });
    }

    #[test]
    fn a_value_that_may_be_missing_is_never_the_next_word() {
        assert_eq!(of(&["-t", "x"]).test, Some(None));
        assert_eq!(of(&["-t", "x"]).words, ["x"]);
        assert_eq!(of(&["--config-test=log"]).test, Some(Some("log".to_owned())));
        assert_eq!(of(&["-tlog"]).test, Some(Some("log".to_owned())));
        assert_eq!(of(&["-M"]).core_pattern.as_deref(), Some("core"));
    }

    #[test]
    fn what_is_wrong_is_said_in_the_originals_words() {
        for (words, want) in [
            (&["-Zq", "--foo"][..], &["Unknown option -Z", "Unknown option -q", "Unknown option --foo"][..]),
            (&["-f"], &["Missing parameter for option -f"]),
            (&["--pid="], &["Missing parameter for option --pid"]),
            (&["--log"], &["Unknown option --log"]),
        ] {
            let o = of(words);
            assert_eq!(o.complaints, want);
            assert!(o.bad);
        }
        let o = of(&["-S", "9"]);
        assert_eq!(o.complaints, ["Invalid log facility '9'"]);
        assert!(!o.bad);
    }
}
