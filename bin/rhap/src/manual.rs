//! What is made from the tables: usage text, help, manual page, shell completion, `-dK` dump.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};
use rha_vocab::{Dialect, Support};

use crate::options::{FLAGS, Flag, Takes};

const OURS: [(&str, Option<&str>, &str); 6] = [
    ("compat", Some("version"), "speaks as another HAProxy version (also: RHAP_COMPAT)"),
    ("format", Some("form"), "with -c: auto, native, pretty, json, sarif or github"),
    ("allow-planned", None, "starts although keywords in use are not built yet"),
    ("help", None, "prints this help"),
    ("man", None, "prints the manual page"),
    ("completions", Some("shell"), "prints completions for a shell"),
];

fn shape(f: &Flag) -> String {
    match f.takes {
        Takes::Nothing => format!("-{}", f.letters),
        Takes::Rest => format!("-{}…", f.letters),
        Takes::Next(what) => format!("-{} <{what}>", f.letters),
        Takes::Pids => format!("-{} <pid>…", f.letters),
    }
}

fn remark(s: Support) -> String {
    match s {
        Support::Full => String::new(),
        Support::Partial(what) => format!(" (without {what})"),
        Support::NoEffect(_) => " (accepted; changes nothing here)".to_owned(),
        Support::Refused(why) => format!(" (refused: {why})"),
        Support::Planned => " (accepted; comes later)".to_owned(),
    }
}

/// The short text after a wrong command line.
#[must_use]
pub fn usage() -> String {
    let mut out = String::from("Usage : rhap [-f <file|dir>]* [options] [-- <file>*]\n");
    for f in FLAGS {
        let _ = writeln!(out, "        {} {}{}", shape(f), f.help, remark(f.support));
    }
    for (name, value, help) in OURS {
        let value = value.map(|v| format!(" <{v}>")).unwrap_or_default();
        let _ = writeln!(out, "        --{name}{value} {help}");
    }
    out.push('\n');
    out
}

/// `--help`.
#[must_use]
pub fn help() -> String {
    format!(
        "rhap {} reads haproxy.cfg and serves what it says, as HAProxy would.\n\n{}",
        crate::version::OURS,
        usage()
    )
}

/// The flags as clap knows them: only for completion and the manual page, reading is our own.
fn command() -> Command {
    let mut c = Command::new("rhap")
        .version(crate::version::OURS)
        .about("Serves what a haproxy.cfg says, as HAProxy would")
        .disable_help_flag(true)
        .disable_version_flag(true);
    for f in FLAGS {
        let mut a = Arg::new(f.letters).help(format!("{}{}", f.help, remark(f.support)));
        let mut letters = f.letters.chars();
        a = match (letters.next(), letters.next()) {
            (Some(short), None) => a.short(short),
            // COMPAT: words behind one dash; clap has only letters there, so they are shown as long ones.
            _ => a.long(f.letters),
        };
        a = match f.takes {
            Takes::Next(what) => a.value_name(what).action(ArgAction::Append),
            Takes::Pids => a.value_name("pid").num_args(0..),
            _ => a.action(ArgAction::SetTrue),
        };
        c = c.arg(a);
    }
    for (name, value, help) in OURS {
        let a = Arg::new(format!("ours-{name}")).long(name).help(help);
        c = c.arg(match value {
            Some(v) => a.value_name(v),
            None => a.action(ArgAction::SetTrue),
        });
    }
    c
}

/// `--man`.
#[must_use]
pub fn page() -> String {
    let mut out = Vec::new();
    let _ = clap_mangen::Man::new(command()).render(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// `--completions`; `None` for an unknown shell.
#[must_use]
pub fn completions(shell: &str) -> Option<String> {
    let shell: clap_complete::Shell = shell.parse().ok()?;
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut command(), "rhap", &mut out);
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// `-dK`: the registered keywords of the asked classes.
#[must_use]
pub fn keywords(classes: &str, d: Dialect) -> String {
    let has = |class: &str| classes.split(',').any(|c| c == class || c == "all");
    let vocab = rha_sample::vocab_for(d);
    let mut out = String::new();
    if has("help") || classes.is_empty() {
        out.push_str("# List of supported keyword classes:\nall: list all keywords\nacl: ACL keywords\ncfg: configuration keywords\ncli: CLI keywords\ncnv: sample converter keywords\nsmp: sample fetch functions\n");
    }
    if has("acl") {
        out.push_str("# List of registered ACL keywords:\n");
        for a in vocab.acls.iter().filter(|a| a.lifetime.covers(d)) {
            let method = rha_vocab::Match::ALL.iter().find(|(m, _)| *m == a.method).map_or("", |(_, w)| w);
            let _ = writeln!(out, "{} = {} -m {method}", a.name, a.fetch);
        }
    }
    if has("cfg") {
        out.push_str("# List of registered configuration keywords:\n");
        for k in rha_haproxy::tables::all().filter(|k| k.lifetime.covers(d)) {
            let _ = writeln!(out, "\t{} {}", k.name, k.usage);
        }
    }
    if has("cli") {
        out.push_str("# List of registered CLI keywords:\n");
        for c in rha_admin::command::COMMANDS {
            let _ = writeln!(out, "{}", c.words.join(" "));
        }
        for p in rha_admin::command::PLANNED.iter().filter(|p| p.lifetime.covers(d)) {
            let _ = writeln!(out, "{} (not built yet)", p.name);
        }
    }
    if has("cnv") {
        out.push_str("# List of registered sample converter functions:\n");
        for c in vocab.converters.iter().filter(|c| c.lifetime.covers(d)) {
            let _ = writeln!(out, "{}: {} => {}", c.name, c.input.word(), c.output.word());
        }
    }
    if has("smp") {
        out.push_str("# List of registered sample fetch functions:\n");
        for f in vocab.fetches.iter().filter(|f| f.lifetime.covers(d)) {
            let _ = writeln!(out, "{}: {}", f.name, f.output.word());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_is_in_every_text() {
        let (usage, man) = (usage(), page());
        for f in FLAGS {
            assert!(usage.contains(&shape(f)), "{}", f.letters);
        }
        assert!(man.contains(".TH rhap") && completions("bash").is_some() && completions("x").is_none());
        assert!(keywords("acl", Dialect::V3_0).contains("path_beg = path -m beg\n"));
    }
}
