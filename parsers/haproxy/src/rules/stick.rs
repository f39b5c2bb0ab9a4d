//! `stick match|on|store-request|store-response`.
//!
//! HAProxy configuration manual §4.2 "stick match". Tables are not built; the rules are kept for the
//! checks after the last line.

use rha_ir::{Condition, SampleExpr};
use rha_text::Span;
use rha_vocab::{Checkpoints, Needs, Support};

use super::switching::{refused_in_defaults, warn_side};
use super::warn_conflict;
use crate::expr::{ArgContext, Args, condition_text, sample_text};
use crate::{Cx, Line};

/// What a rule does with the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StickWhen {
    /// Looks up.
    Match,
    /// Looks up and stores.
    On,
    /// Stores by the request.
    StoreRequest,
    /// Stores by the response.
    StoreResponse,
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Stick {
    /// What it does.
    pub when: StickWhen,
    /// The key.
    pub key: SampleExpr,
    /// Table; the proxy's own when empty.
    pub table: String,
    /// When.
    pub condition: Option<Condition>,
    /// Where it was written.
    pub origin: Span,
}

/// `stick …`.
pub(super) fn stick(cx: &mut Cx<'_>, line: &Line) {
    if refused_in_defaults(cx, line) || warn_side(cx, line, false) {
        return;
    }
    match rule(cx, line) {
        Ok(rule) => {
            let place = place(rule.when);
            warn_conflict(cx, line, rule.condition.as_ref(), place);
            cx.note("stick", Support::Planned, line.span);
            if let Some(owner) = cx.draft.as_ref().map(|d| d.proxy.origin) {
                cx.rules.sticks.push((owner, rule));
            }
        }
        Err(text) => cx.error("HA2360", line, 1, text),
    }
}

fn place(when: StickWhen) -> Checkpoints {
    if when == StickWhen::StoreResponse { Checkpoints::BACK_STORE_RULE } else { Checkpoints::BACK_SET_SERVER }
}

fn rule(cx: &mut Cx<'_>, line: &Line) -> Result<Stick, String> {
    let when = match line.arg(1).as_ref() as &[u8] {
        b"store" | b"store-request" => StickWhen::StoreRequest,
        b"store-response" => StickWhen::StoreResponse,
        b"match" => StickWhen::Match,
        b"on" => StickWhen::On,
        _ => return Err("'stick' expects 'on', 'match', or 'store'.".to_owned()),
    };
    if line.arg(2).is_empty() {
        return Err("'stick' expects a fetch method.".to_owned());
    }
    let mut at = 2;
    let key = sample_text(cx, Args::of(line, 0), &mut at, ArgContext::Stick)
        .map_err(|e| format!("'stick': {e}"))?;
    let needs = cx.input.samples.fetch(&key.fetch.name).map_or(Needs(0), |f| f.needs);
    if needs.checkpoints_in(cx.input.dialect).both(place(when)).is_none() {
        let where_to =
            if when == StickWhen::StoreResponse { "for 'store-response'" } else { "during request" };
        return Err(format!(
            "'stick': fetch method '{}' extracts information from '{}', none of which is available {where_to}.",
            key.fetch.name,
            needs.names()
        ));
    }
    let mut table = String::new();
    if line.is(at, "table") {
        table = line.text(at + 1);
        at += 2;
    }
    let mut condition = None;
    if line.is(at, "if") || line.is(at, "unless") {
        let read = condition_text(cx, Args::of(line, at));
        let c =
            read.map_err(|e| format!("'stick': error detected while parsing sticking condition : {e}."))?;
        condition = Some(c);
    } else if !line.arg(at).is_empty() {
        return Err(format!("'stick': unknown keyword '{}'.", line.text(at)));
    }
    Ok(Stick { when, key, table, condition, origin: line.span })
}
