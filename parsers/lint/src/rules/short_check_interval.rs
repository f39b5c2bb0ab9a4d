//! `HA5001` `short-check-interval`: checks every few milliseconds.
//!
//! # What it does
//! Finds `inter`, `fastinter` and `downinter` below 100 ms that were written without a unit.
//!
//! # Why it is bad
//! A number without a unit is milliseconds. `inter 4` in many guides means four seconds and asks for 250
//! checks a second and server; `fall 3` then takes a server out after 12 ms of trouble.
//!
//! # Example
//! `server s1 192.0.2.1:80 check inter 4`
//!
//! # Fix
//! Write the unit: `inter 4s`, or `inter 4ms` if it is meant.

use rha_ir::{Model, Server};
use rha_text::{Diagnostic, Severity, Sources, Span};

use crate::Rule;

/// Shortest interval that needs no explanation, milliseconds.
const SHORT_MS: u32 = 100;

pub(crate) const RULE: Rule = Rule {
    code: "HA5001",
    name: "short-check-interval",
    about: "A check interval of a few milliseconds, written without a unit.",
    find,
};

fn find(model: &Model, sources: &Sources) -> Vec<Diagnostic> {
    let servers = model.proxies.iter().flat_map(|p| &p.service.servers);
    servers.filter(|s| s.checked).flat_map(|s| of_server(s, sources)).collect()
}

fn of_server(s: &Server, sources: &Sources) -> Vec<Diagnostic> {
    let t = &s.timing;
    let written = [("inter", Some(t.inter_ms)), ("fastinter", t.fastinter_ms), ("downinter", t.downinter_ms)];
    written
        .into_iter()
        .filter_map(|(word, ms)| {
            let ms = ms.filter(|ms| *ms < SHORT_MS)?;
            // Only what stands on the server's own line can be pointed at.
            let span = value_of(word, &ms.to_string(), s.origin, sources)?;
            let text = format!("`{word} {ms}` is {ms} milliseconds: {} checks a second", 1000 / ms.max(1));
            Some(
                Diagnostic::own(RULE.code, Severity::Warning, span, text)
                    .under("no unit means milliseconds")
                    .help(format!("write `{word} {ms}s` for seconds, or `{word} {ms}ms` if it is meant"))
                    .fix(span, format!("{ms}s")),
            )
        })
        .collect()
}

/// Where `word value` stands on a line, the value's span.
fn value_of(word: &str, value: &str, line: Span, sources: &Sources) -> Option<Span> {
    let file = sources.get(line.file)?;
    let rest = file.text.get(line.start as usize..)?;
    let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    let mut words = Words { text: rest.get(..end)?, at: 0 };
    while let Some((_, found)) = words.next() {
        if found != word.as_bytes() {
            continue;
        }
        let (start, found) = words.next()?;
        if found == value.as_bytes() {
            let start = line.start + u32::try_from(start).ok()?;
            return Some(Span { start, end: start + u32::try_from(found.len()).ok()?, ..line });
        }
    }
    None
}

struct Words<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<(usize, &'a [u8])> {
        let rest = self.text.get(self.at..)?;
        let start = self.at + rest.iter().position(|b| !b.is_ascii_whitespace())?;
        let word = self.text.get(start..)?;
        let len = word.iter().position(u8::is_ascii_whitespace).unwrap_or(word.len());
        self.at = start + len;
        Some((start, word.get(..len)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lint(line: &str, inter_ms: u32) -> Vec<Diagnostic> {
        let mut sources = Sources::default();
        let file = sources.add("a.cfg", format!("backend b\n {line}\n").into_bytes());
        let origin = Span { file, line: 2, start: 11, end: 11 + u32::try_from(line.len()).unwrap() };
        let mut server = Server::new("s1", rha_ir::Address::Fd(3), origin);
        server.checked = true;
        server.timing.inter_ms = inter_ms;
        of_server(&server, &sources)
    }

    #[test]
    fn a_bare_small_number_is_found_and_nothing_else() {
        let found = lint("server s1 192.0.2.1:80 check inter 4 fall 3", 4);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].span().unwrap().start, found[0].fix.as_ref().unwrap().replacement.as_str()),
            (46, "4s")
        );
        assert!(found[0].native.is_none());
        assert!(lint("server s1 192.0.2.1:80 check inter 4ms", 4).is_empty());
        assert!(lint("server s1 192.0.2.1:80 check inter 4s", 4000).is_empty());
        assert!(lint("server s1 192.0.2.1:80 check", 2000).is_empty());
    }
}
