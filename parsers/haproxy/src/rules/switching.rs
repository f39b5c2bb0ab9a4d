//! `acl`, `use_backend`, `use-server`, `redirect`, `block`.

use rha_ir::{Acl, BackendRule, Condition, LogFormat, LogNode, Redirect, Rule, ServerRule};
use rha_vocab::Checkpoints;

use super::redirect::{RedirectPlace, redirect_text};
use super::{in_anonymous_defaults, order, proxy_name, proxy_word, sides, warn_conflict};
use crate::expr::{
    ArgContext, Args, LogSite, acl_test_text, condition_text, http_request_points, is_name_byte,
    log_format_text,
};
use crate::{Cx, Line};

/// `acl <name> <test>`.
pub(crate) fn acl(cx: &mut Cx<'_>, line: &Line) {
    if in_anonymous_defaults(cx) {
        cx.error("HA2310", line, 0, "'acl' not allowed in anonymous 'defaults' section.");
        return;
    }
    let name = line.text(1);
    if line.arg(1).is_empty() {
        // COMPAT: the original prints the zero byte its own message then ends at.
        cx.error("HA2350", line, 1, "character '");
        return;
    }
    if let Some(c) = line.arg(1).iter().find(|c| !is_name_byte(**c)) {
        let text = format!("character '{}' is not permitted in acl name '{name}'.", *c as char);
        cx.error("HA2350", line, 1, text);
        return;
    }
    if name.eq_ignore_ascii_case("or") {
        let text = format!(
            "acl name '{name}' will never match. 'or' is used to express a logical disjunction within a condition."
        );
        cx.error("HA2350", line, 1, text);
        return;
    }
    let args = Args::of(line, 2);
    match acl_test_text(cx, args) {
        Ok(test) => {
            crate::expr::warn_space(cx, &name, args);
            let Some(draft) = cx.draft.as_mut() else { return };
            match draft.proxy.acls.iter_mut().find(|a| a.name == name && !name.is_empty()) {
                Some(a) => a.tests.push(test),
                None => draft.proxy.acls.push(Acl { name, tests: vec![test] }),
            }
        }
        Err(e) => {
            cx.error("HA2351", line, 2, format!("error detected while parsing ACL '{name}' : {e}."));
        }
    }
}

/// Complains about a rule in a `defaults` section.
pub(super) fn refused_in_defaults(cx: &mut Cx<'_>, line: &Line) -> bool {
    let refused = cx.draft.as_ref().is_some_and(|d| d.is_defaults);
    if refused {
        let keyword = line.text(0);
        cx.error("HA2310", line, 0, format!("'{keyword}' not allowed in 'defaults' section."));
    }
    refused
}

/// Warns when the section lacks the side the rule works on.
pub(super) fn warn_side(cx: &mut Cx<'_>, line: &Line, front: bool) -> bool {
    let (has_front, has_back) = sides(cx);
    if if front { has_front } else { has_back } {
        return false;
    }
    let missing = if front { "no frontend" } else { "no backend" };
    let text = format!(
        "'{}' ignored because {} '{}' has {missing} capability.",
        line.text(0),
        proxy_word(cx),
        proxy_name(cx)
    );
    cx.warning("HA3350", line, 0, text);
    true
}

/// `use_backend <name> [{if|unless} <condition>]`.
pub(super) fn use_backend(cx: &mut Cx<'_>, line: &Line) {
    if refused_in_defaults(cx, line) {
        return;
    }
    warn_side(cx, line, true);
    if line.arg(1).is_empty() {
        cx.error("HA2352", line, 1, "'use_backend' expects a backend name.");
        return;
    }
    let condition = if line.is(2, "if") || line.is(2, "unless") {
        let Some(c) = switching_condition(cx, line) else { return };
        warn_conflict(cx, line, Some(&c), Checkpoints::FRONT_USE_BACKEND);
        Some(c)
    } else if line.arg(2).is_empty() {
        None
    } else {
        let word = line.text(2);
        let text =
            format!("unexpected keyword '{word}' after switching rule, only 'if' and 'unless' are allowed.");
        cx.error("HA2352", line, 2, text);
        return;
    };
    let target = LogFormat { nodes: vec![LogNode::Text(line.arg(1).to_owned())], origin: line.at(1) };
    if let Some(draft) = cx.draft.as_mut() {
        draft.proxy.use_backend.push(BackendRule { target, condition, origin: line.span });
    }
}

/// `use-server <name> {if|unless} <condition>`.
pub(super) fn use_server(cx: &mut Cx<'_>, line: &Line) {
    if refused_in_defaults(cx, line) {
        return;
    }
    warn_side(cx, line, false);
    if line.arg(1).is_empty() {
        cx.error("HA2353", line, 1, "'use-server' expects a server name.");
        return;
    }
    if !line.is(2, "if") && !line.is(2, "unless") {
        let text = "'use-server' requires either 'if' or 'unless' followed by a condition.";
        cx.error("HA2353", line, 2, text);
        return;
    }
    let Some(c) = switching_condition(cx, line) else { return };
    warn_conflict(cx, line, Some(&c), Checkpoints::BACK_SET_SERVER);
    let target = LogFormat { nodes: vec![LogNode::Text(line.arg(1).to_owned())], origin: line.at(1) };
    if let Some(draft) = cx.draft.as_mut() {
        draft.proxy.use_server.push(ServerRule { target, condition: Some(c), origin: line.span });
    }
}

fn switching_condition(cx: &mut Cx<'_>, line: &Line) -> Option<Condition> {
    match condition_text(cx, Args::of(line, 2)) {
        Ok(c) => Some(c),
        Err(e) => {
            cx.error("HA2354", line, 2, format!("error detected while parsing switching rule : {e}."));
            None
        }
    }
}

/// The target of a switching rule as a format, which the original reads after the last line.
///
/// Until then a rule's target is its word as one piece of text. The result has one piece of text (or
/// none) for a fixed name, anything else for one that is made per request.
///
/// # Errors
/// The original's words about the format.
pub(super) fn target_format(
    cx: &mut Cx<'_>,
    proxy: usize,
    target: &LogFormat,
    context: ArgContext,
) -> Result<LogFormat, String> {
    let Some(text) = target.literal() else { return Ok(target.clone()) };
    if !text.contains(&b'%') {
        return Ok(target.clone());
    }
    cx.rules.late = cx.model.proxies.get(proxy).map(|p| (p.origin, p.mode));
    let site = LogSite::plain(context, Checkpoints::FRONT_REQUEST_HEADERS);
    let format = log_format_text(cx, target.origin, &text, site);
    cx.rules.late = None;
    format
}

/// `redirect …`, a line of its own.
pub(super) fn redirect(cx: &mut Cx<'_>, line: &Line) {
    if refused_in_defaults(cx, line) {
        return;
    }
    match redirect_text(cx, Args::of(line, 1), RedirectPlace::Line) {
        Ok((redirect, condition)) => push_redirect(cx, line, redirect, condition),
        Err(e) => {
            let text = format!(
                "error detected in {} '{}' while parsing redirect rule : {e}.",
                proxy_word(cx),
                proxy_name(cx)
            );
            cx.error("HA2355", line, 1, text);
        }
    }
}

fn push_redirect(cx: &mut Cx<'_>, line: &Line, redirect: Redirect, condition: Option<Condition>) {
    order::warn_misplaced_redirect(cx, line);
    let (front, back) = sides(cx);
    warn_conflict(cx, line, condition.as_ref(), http_request_points(front, back));
    if let Some(draft) = cx.draft.as_mut() {
        let action = rha_ir::Action::Redirect(redirect);
        draft.proxy.redirects.push(Rule { action, condition, origin: line.span });
    }
}

/// `block`, gone since 2.1.
pub(super) fn block(cx: &mut Cx<'_>, line: &Line) {
    cx.error("HA4101", line, 0, "The 'block' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny' which uses the exact same syntax.");
}
