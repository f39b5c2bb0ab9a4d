//! Commands about the connection itself: modes, severities, hidden names.

use rha_ir::SocketLevel;

use super::{Answer, Mode, SeverityOutput, text, told, wrong};
use crate::view::Site;

/// `expert-mode [on|off]`.
pub fn expert(words: &[String], _: SocketLevel, _: &dyn Site) -> Answer {
    mode(Mode::Expert, words)
}

/// `experimental-mode [on|off]`.
pub fn experimental(words: &[String], _: SocketLevel, _: &dyn Site) -> Answer {
    mode(Mode::Experimental, words)
}

/// COMPAT: any other word switches it off (`talk/modes`).
fn mode(mode: Mode, words: &[String]) -> Answer {
    Answer::Mode(mode, words.get(1).map(|w| w == "on"))
}

/// `set severity-output [none|number|string]`.
pub fn severities(words: &[String], _: SocketLevel, _: &dyn Site) -> Answer {
    match words.get(2).and_then(|w| SeverityOutput::of(w)) {
        Some(s) => Answer::Severities(s),
        None => wrong("one of 'none', 'number', 'string' is a required argument\n"),
    }
}

/// `set anon on [<key>]`.
pub fn anon_on(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    match words.get(3) {
        Some(key) => match number(key) {
            0 => wrong("Value out of range (1 to 4294967295 expected).\n"),
            key => Answer::Veil(key),
        },
        None => Answer::Veil(Some(site.anon_key()).filter(|k| *k != 0).unwrap_or_else(|| site.random())),
    }
}

/// `set anon global-key <key>`.
pub fn global_key(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    site.set_anon_key(words.get(3).map_or(0, |w| number(w)));
    text("")
}

/// `show anon`.
pub fn show_anon(_: &[String], level: SocketLevel, site: &dyn Site) -> Answer {
    match site.veil() {
        0 => told("Anonymized mode disabled\n"),
        key if level >= SocketLevel::Operator => told(&format!("Anonymized mode enabled\nKey : {key}\n")),
        _ => told("Anonymized mode enabled\n"),
    }
}

/// COMPAT: what follows the digits is not looked at.
fn number(word: &str) -> u32 {
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
