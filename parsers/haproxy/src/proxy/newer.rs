//! Keywords of proxies that came after 3.0 and are checked, not built.
//!
//! No original that knows them was at hand: texts and checks are read in the source of 3.5-dev5.

use super::{draft, word};
use crate::expr::{Args, condition_text};
use crate::{Cx, Line};

/// `force-be-switch { if | unless } <condition>`.
pub(super) fn force_be_switch(cx: &mut Cx<'_>, line: &Line) {
    let Some(d) = draft(cx, line) else { return };
    let text = if d.is_defaults {
        "'force-be-switch' not allowed in 'defaults' section."
    } else if !d.proxy.kind.is_frontend() {
        "'force-be-switch' only available in frontend or listen section."
    } else if !line.is(1, "if") && !line.is(1, "unless") {
        "'force-be-switch' requires either 'if' or 'unless' followed by a condition."
    } else {
        if let Err(e) = condition_text(cx, Args::of(line, 1)) {
            cx.error("HA2303", line, 1, format!("'force-be-switch' : {e}."));
        }
        return;
    };
    cx.error("HA2100", line, 0, text);
}

/// `filter-sequence { request | response } <filters>`.
pub(super) fn filter_sequence(cx: &mut Cx<'_>, line: &Line) {
    let at = cx.position(line.span);
    let Some(d) = draft(cx, line) else { return };
    let whose = format!("'filter-sequence' in {} '{}'", word(d.proxy.kind), d.proxy.name);
    let text = if d.is_defaults {
        "filter-sequence is not allowed in a 'default' section.".to_owned()
    } else if line.arg(1).is_empty() {
        format!("missing argument for {whose}.")
    } else if !line.is(1, "request") && !line.is(1, "response") {
        format!("expected either 'request' or 'response' for {whose}.")
    } else if line.arg(2).is_empty() {
        format!("missing filter list for {whose}.")
    } else {
        return;
    };
    cx.error("HA2370", line, 1, format!("parsing [{at}] : {text}"));
}
