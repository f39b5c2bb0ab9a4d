//! `quic-initial`: rules for the first packet of a QUIC connection (3.1).

use super::action::{Reading, Set, find, list, suggestion};
use super::{in_anonymous_defaults, proxy_name, proxy_word, sides, warn_conflict};
use crate::expr::{Args, condition_text};
use crate::{Cx, Line};

/// `quic-initial <action> …`.
pub(super) fn quic_initial(cx: &mut Cx<'_>, line: &Line) {
    if let Err(text) = rule(cx, line) {
        cx.error("HA2340", line, 1, text);
    }
}

fn rule(cx: &mut Cx<'_>, line: &Line) -> Result<(), String> {
    if in_anonymous_defaults(cx) {
        return Err("'quic-initial' not allowed in anonymous 'defaults' section.".to_owned());
    }
    if !sides(cx).0 {
        let (kind, name) = (proxy_word(cx), proxy_name(cx));
        let text = format!("'quic-initial' ignored because {kind} '{name}' has no frontend capability.");
        cx.warning("HA3340", line, 0, text);
        return Ok(());
    }
    let (set, dialect) = (Set::QuicInitial, cx.input.dialect);
    let word = line.text(1);
    let Some(row) = find(set, dialect, line.arg(1)) else {
        let missing = if word.is_empty() { " (missing argument)" } else { "" };
        return Err(format!(
            "'quic-initial' expects {}, but got '{word}'{missing}.{}",
            list(set, dialect),
            suggestion(set, dialect, &word, &[])
        ));
    };
    let args = Args::of(line, 0);
    let mut r = Reading { cx, args, at: 2, set, word: word.clone(), warning: None, condition: None };
    (row.read)(&mut r)?;
    let at = r.at;
    cx.note(&format!("quic-initial {}", row.name), row.support, line.span);
    if line.is(at, "if") || line.is(at, "unless") {
        let c = condition_text(cx, Args::of(line, at))
            .map_err(|e| format!("error detected while parsing a 'quic-initial {word}' condition : {e}."))?;
        let points = set.points(true, false);
        warn_conflict(cx, line, Some(&c), points);
    } else if !line.arg(at).is_empty() {
        return Err(format!(
            "'quic-initial {word}' expects either 'if' or 'unless' followed by a condition but found '{}'.",
            line.text(at)
        ));
    }
    Ok(())
}
