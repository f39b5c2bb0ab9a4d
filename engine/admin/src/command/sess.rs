//! `show sess` and `shutdown session`.
//!
//! COMPAT: names, order and spelling of the fields are the original's as far as there is something they can stand
//! for here. DIFFERS: flags, buffers and the counters of its tasks are left out (`sess/*`).

use std::fmt::Write as _;

use rha_ir::SocketLevel;
use rha_vocab::Dialect;

use super::{Answer, Severity, text, wrong};
use crate::view::{Named, Site, Stream};

/// What is asked for.
enum Wanted {
    List,
    Details,
    One(u64),
    Older(u64),
    None,
}

/// `show sess [<id>|all|susp|older <age>]`.
pub fn show(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let wanted = match wanted(words, site.dialect()) {
        Ok(w) => w,
        Err(answer) => return answer,
    };
    let streams = site.streams();
    let veil = |name: &str| crate::veil::name(site.veil(), name);
    let mut out = String::new();
    match wanted {
        Wanted::List => streams.iter().for_each(|s| line(&mut out, s, &veil)),
        Wanted::Details => streams.iter().for_each(|s| details(&mut out, s, &veil)),
        Wanted::Older(ms) => {
            streams.iter().filter(|s| s.age_ms >= ms).for_each(|s| details(&mut out, s, &veil));
        }
        Wanted::One(id) => match streams.iter().find(|s| s.id == id) {
            Some(s) => details(&mut out, s, &veil),
            None => return text("Session not found.\n"),
        },
        Wanted::None => {}
    }
    Answer::Text(out)
}

/// COMPAT: what is no number is 0, which is no stream's and stands for the list.
fn wanted(words: &[String], d: Dialect) -> Result<Wanted, Answer> {
    Ok(match words.get(2).map(String::as_str) {
        None => Wanted::List,
        Some("all") => Wanted::Details,
        // A stream that cannot end is what this looks for: those of this engine always have a deadline or a peer.
        Some("susp") if d >= Dialect::V2_8 => Wanted::None,
        Some("older") if d >= Dialect::V2_8 => {
            let Some(age) = words.get(3) else {
                return Err(wrong("Expects a minimum age (in seconds by default).\n"));
            };
            match super::wait::duration_us(age, 1_000_000) {
                Some(us) => Wanted::Older(us / 1000),
                None => return Err(wrong("Invalid age.\n")),
            }
        }
        Some(word) => match number(word) {
            0 => Wanted::List,
            id => Wanted::One(id),
        },
    })
}

/// A number as `strtoul` reads it, in any base; 0 for what is none.
fn number(word: &str) -> u64 {
    let (digits, base) = match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if word.starts_with('0') => (word, 8),
        None => (word, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(base)).unwrap_or(digits.len());
    u64::from_str_radix(digits.get(..end).unwrap_or_default(), base).unwrap_or(0)
}

/// `shutdown session <id>`.
pub fn shutdown(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    match words.get(2).map_or(0, |w| number(w)) {
        0 => wrong("Session pointer expected (use 'show sess').\n"),
        id if site.kill(id) => text(""),
        _ => Answer::Said(Severity::Error, "No such session (use 'show sess').\n".to_owned()),
    }
}

fn line(out: &mut String, s: &Stream, veil: &dyn Fn(&str) -> String) {
    let name = |n: &Option<Named>, none: &str| n.as_ref().map_or_else(|| none.to_owned(), |n| veil(&n.name));
    let source = match s.source.strip_prefix("unix:").is_some() {
        true => s.source.clone(),
        false => match s.source.rsplit_once(':') {
            Some((host, port)) => format!("{}:{port}", veil(host)),
            None => veil(&s.source),
        },
    };
    let _ = writeln!(
        out,
        "{:#x}: proto={} src={source} fe={} be={} srv={} ts=00 epoch=0 age={} scf=[fd={}] exp={}",
        s.id,
        s.protocol,
        veil(&s.frontend.name),
        name(&s.backend, "<NONE>"),
        name(&s.server, "<none>"),
        human(s.age_ms / 1000),
        s.descriptor,
        s.expires_ms.map(|ms| human(ms / 1000)).unwrap_or_default(),
    );
}

fn details(out: &mut String, s: &Stream, veil: &dyn Fn(&str) -> String) {
    let address = |n: &Named| n.address.as_ref().map(|a| format!(" addr={a}")).unwrap_or_default();
    let _ = writeln!(out, "{:#x}: [{}] id={} proto={} source={}", s.id, s.began, s.id, s.protocol, s.source);
    let _ = writeln!(
        out,
        "  frontend={} (id={} mode={}), listener={} (id={}){}",
        veil(&s.frontend.name),
        s.frontend.id,
        s.frontend.mode,
        s.listener_name.as_deref().unwrap_or("?"),
        s.listener,
        address(&s.frontend)
    );
    let _ = match &s.backend {
        Some(b) => writeln!(out, "  backend={} (id={} mode={})", veil(&b.name), b.id, b.mode),
        None => writeln!(out, "  backend=<NONE> (id=-1 mode=-)"),
    };
    let _ = match &s.server {
        Some(v) => writeln!(out, "  server={} (id={}){}", veil(&v.name), v.id, address(v)),
        None => writeln!(out, "  server=<NONE> (id=-1)"),
    };
    let _ = writeln!(
        out,
        "  task (exp={} tid={} age={})",
        s.expires_ms.map_or_else(|| "<NEVER>".to_owned(), |ms| human(ms / 1000)),
        s.worker,
        human(s.age_ms / 1000)
    );
    let _ = writeln!(out, "  scf (fd={})", s.descriptor);
}

/// Seconds in the two largest units that count.
fn human(s: u64) -> String {
    let parts = [(s / 86_400, 'd'), (s / 3600 % 24, 'h'), (s / 60 % 60, 'm'), (s % 60, 's')];
    let shown: String =
        parts.iter().filter(|(n, _)| *n > 0).take(2).map(|(n, u)| format!("{n}{u}")).collect();
    if shown.is_empty() { "0s".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::tests::Fake;
    use crate::command::{run, words};

    fn ask(line: &str) -> String {
        match run(&words(line), SocketLevel::Admin, &Fake::default()) {
            Answer::Text(t) | Answer::Said(_, t) => t,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn streams_are_listed_found_and_ended_by_number() {
        let line =
            "0x12: proto=tcpv4 src=10.0.0.1:99 fe=f be=b srv=s1 ts=00 epoch=0 age=1m5s scf=[fd=7] exp=3s\n";
        assert_eq!(ask("show sess"), line);
        assert_eq!(ask("show sess nonsense"), line);
        assert_eq!(ask("show sess 0x13"), "Session not found.\n");
        assert!(ask("show sess 0x12").contains("  backend=b (id=3 mode=http)\n  server=s1 (id=1)"));
        assert!(ask("show sess older 1m").starts_with("0x12: ["));
        assert_eq!(ask("show sess older 2m"), "");
        assert_eq!(ask("show sess older x"), "Invalid age.\n");
        assert_eq!(ask("shutdown session 0x12"), "");
        assert_eq!(ask("shutdown session 18"), "");
        assert_eq!(ask("shutdown session 19"), "No such session (use 'show sess').\n");
        assert_eq!(ask("shutdown session x"), "Session pointer expected (use 'show sess').\n");
    }

    #[test]
    fn times_have_two_units() {
        for (s, shown) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (3661, "1h1m"), (90_000, "1d1h"), (86_405, "1d5s")]
        {
            assert_eq!(human(s), shown);
        }
    }
}
