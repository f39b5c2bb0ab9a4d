//! Normalising: what may differ between two runs becomes a word in angle brackets.

use std::net::SocketAddr;
use std::sync::OnceLock;

use regex::{Captures, Regex};

/// What is known about one run: texts that stand for something.
#[derive(Default)]
pub struct Normal {
    known: Vec<(String, String)>,
}

impl Normal {
    /// An address and port that the run knows by name, also in quoted halves.
    pub fn address(&mut self, name: &str, address: SocketAddr) {
        self.known.push((address.to_string(), format!("<{name}>")));
        self.known.push((format!("'{}'", address.port()), format!("'<{name}'s port>'")));
        if address.ip().to_string() != "127.0.0.1" {
            self.known.push((format!("'{}'", address.ip()), format!("'<{name}'s address>'")));
        }
    }

    /// Any other text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.known.push((text.to_string(), format!("<{name}>")));
    }

    /// Replaces what this run knows.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        self.known.iter().fold(text.to_string(), |text, (from, to)| text.replace(from, to))
    }
}

/// Normalises what a program writes to standard error or output.
#[must_use]
pub fn stderr_text(text: &str) -> String {
    static RULES: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        rules(&[
            (r"(?m)^(\[[A-Z]+\]) +\(\d+\) : ", "$1 (<pid>) : "),
            (r"(haproxy version is ).*", "$1<version>"),
            (r"(path to executable is ).*", "$1<path>"),
            (r"check duration: \d+ms", "check duration: <n>ms"),
            (r"\(worker: \d+\)", "(worker: <pid>)"),
            (r"(worker|Worker|worker process|process) [\[(]?\d+[\])]?", "$1 (<pid>)"),
            (r"\[[^\s\]]+\.main\(\)\]", "[<path>.main()]"),
            // the proxy of the original's own HTTP client is nobody's business
            (r"(?m)^.*<HTTPCLIENT>.*\n", ""),
            (r"fd@\d+", "fd@<n>"),
            (r"in \d+ ms", "in <n> ms"),
        ])
    });
    replace_all(rules, text)
}

/// Normalises one log datagram: header, dates, timers (`-1` stays, it says how far things got), ports.
#[must_use]
pub fn log_line(line: &str) -> String {
    static RULES: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        rules(&[
            (r"^(<\d+>)[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ", "$1<date> "),
            (r"^(<\d+>(?:1 )?)\d{4}-\d\d-\d\dT[0-9:.+Z-]+ ", "$1<date> "),
            // the CLF's port and milliseconds, after a referer and an agent that no case sends
            (r#""" "" \d+ \d{1,3} ""#, "\"\" \"\" <port> <ms> \""),
            (r"^(<\d+>[^\[]*\w)\[\d+\]:", "$1[<pid>]:"),
            (r"( haproxy) \d+ ", "$1 <pid> "),
            (r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\]", "[<date>]"),
            (r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]", "[<date>]"),
            (r"\b127\.0\.0\.1:\d+", "<client>"),
            (r"check duration: \d+ms", "check duration: <n>ms"),
        ])
    });
    static TIMERS: OnceLock<Regex> = OnceLock::new();
    let timers = TIMERS.get_or_init(|| Regex::new(r"(\[<date>\] \S+ \S+ )([+/0-9-]+) ").expect("a pattern"));
    static CLF_TIMERS: OnceLock<Regex> = OnceLock::new();
    let clf = CLF_TIMERS
        .get_or_init(|| Regex::new(r#"("[^"]*") ((?:-?\d+ ){5})([A-Za-z-]{4}) "#).expect("a pattern"));
    let line = replace_all(rules, line);
    let each =
        |words: &str| words.split(' ').filter(|w| !w.is_empty()).map(timer).collect::<Vec<_>>().join(" ");
    let line = clf.replace(&line, |c: &Captures<'_>| format!("{} {} {} ", &c[1], each(&c[2]), &c[3]));
    timers
        .replace(&line, |c: &Captures<'_>| {
            format!("{}{} ", &c[1], c[2].split('/').map(timer).collect::<Vec<_>>().join("/"))
        })
        .into_owned()
}

fn timer(word: &str) -> String {
    match word {
        "-1" => word.to_string(),
        _ if word.starts_with('+') => "+<t>".to_string(),
        _ => "<t>".to_string(),
    }
}

fn rules(list: &[(&str, &'static str)]) -> Vec<(Regex, &'static str)> {
    list.iter().map(|(pattern, to)| (Regex::new(pattern).expect("a pattern"), *to)).collect()
}

fn replace_all(rules: &[(Regex, &str)], text: &str) -> String {
    rules.iter().fold(text.to_string(), |text, (pattern, to)| pattern.replace_all(&text, *to).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_lose_what_may_differ_and_nothing_else() {
        for (line, want) in [
            (
                "<134>Nov  3 12:07:13 vm haproxy[10996]: 127.0.0.1:38922 [20/Nov/2026:12:07:13.144] f b/s1 0/2/-1/-1/31 503 217 - - SC-- 1/1/0/0/3 0/0 \"GET / HTTP/1.1\"",
                "<134><date> vm haproxy[<pid>]: <client> [<date>] f b/s1 <t>/<t>/-1/-1/<t> 503 217 - - SC-- 1/1/0/0/3 0/0 \"GET / HTTP/1.1\"",
            ),
            (
                "<129>Nov 20 12:07:13 haproxy[1]: Server b/s1 is DOWN, reason: Layer4 connection problem, check duration: 12ms. 0 active",
                "<129><date> haproxy[<pid>]: Server b/s1 is DOWN, reason: Layer4 connection problem, check duration: <n>ms. 0 active",
            ),
            (
                "<134>Nov 20 12:07:13 haproxy[1]: 127.0.0.1:1 [20/Nov/2026:12:07:13.144] t t/s 1/0/+5 +12 -- 1/1/1/1/0 0/0",
                "<134><date> haproxy[<pid>]: <client> [<date>] t t/s <t>/<t>/+<t> +12 -- 1/1/1/1/0 0/0",
            ),
        ] {
            assert_eq!(log_line(line), want);
        }
    }

    #[test]
    fn messages_lose_pid_version_and_path() {
        let text = "[NOTICE]   (12) : haproxy version is 2.6\n[WARNING]  (12) : config : x\n";
        assert_eq!(
            stderr_text(text),
            "[NOTICE] (<pid>) : haproxy version is <version>\n[WARNING] (<pid>) : config : x\n"
        );
    }
}
