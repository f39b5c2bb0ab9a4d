//! `get var` and `set var`: variables of the process.

use rha_ir::SocketLevel;

use super::{Answer, Severity, told, wrong};
use crate::view::Site;

/// `get var <name>`.
pub fn get(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let Some(name) = words.get(2) else { return wrong("Missing process-wide variable identifier.\n") };
    match site.variable(name) {
        Some(v) => told(&format!("{name}: type={} value=<{}>\n", v.kind, v.text)),
        None => wrong("Variable not found.\n"),
    }
}

/// `set var <name> [fmt|expr] {<fmt>|<expr>}`.
pub fn set(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let Some(name) = words.get(2) else { return wrong("Missing process-wide variable identifier.\n") };
    let done = match (words.get(3).map(String::as_str), words.get(4)) {
        (None, _) => return wrong("Missing either 'expr', 'fmt' or expression.\n"),
        (Some(value), None) => site.set_variable(name, false, value),
        (Some("fmt"), Some(value)) => site.set_variable(name, true, value),
        (Some("expr"), Some(value)) => site.set_variable(name, false, value),
        (Some(other), Some(_)) => {
            Err(format!("'set var': arg type must be either 'expr' or 'fmt' but got '{other}'."))
        }
    };
    match done {
        Ok(()) => super::text(""),
        // COMPAT: before 2.8 the text ends without a line of its own.
        Err(e) if site.dialect() < rha_vocab::Dialect::V2_8 => Answer::Said(Severity::Error, e),
        Err(e) => Answer::Said(Severity::Error, e + "\n"),
    }
}
