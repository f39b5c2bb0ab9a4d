//! Warnings about rules written after others that run later anyway.
//!
//! Rule sets run in a fixed order whatever the order of the lines: tcp-request connection, session,
//! content, monitor fail, http-request, redirect, use_backend, use-server. A rule below one of a later
//! set is told of the first such set only, looked for from its own place on.

use rha_ir::Proxy;

use crate::{Cx, Line};

/// Whether a proxy has rules of a set, and the set's words in the message.
type Stage = (&'static str, fn(&Proxy) -> bool);

/// In the order they run; each kind of rule is warned about those after its own.
const STAGES: [Stage; 7] = [
    ("a 'tcp-request session'", |p| !p.tcp_session.is_empty()),
    ("a 'tcp-request content'", |p| !p.tcp_content.is_empty()),
    ("a 'monitor fail'", |p| !p.monitor_fail.is_empty()),
    ("an 'http-request'", |p| !p.http_request.is_empty()),
    ("a 'redirect'", |p| !p.redirects.is_empty()),
    ("a 'use_backend'", |p| !p.use_backend.is_empty()),
    ("a 'use-server'", |p| !p.use_server.is_empty()),
];

/// The warning for a rule of `line` when any stage from `first` on is there already.
fn warn_after(cx: &mut Cx<'_>, line: &Line, first: usize) {
    let Some(draft) = cx.draft.as_ref() else { return };
    let later = STAGES.iter().skip(first).find(|(_, there)| there(&draft.proxy));
    if let Some((words, _)) = later {
        let keyword = line.text(0);
        let text = format!("a '{keyword}' rule placed after {words} rule will still be processed before.");
        cx.warning("HA3313", line, 0, text);
    }
}

/// For `tcp-request connection`.
pub(super) fn warn_misplaced_connection(cx: &mut Cx<'_>, line: &Line) {
    warn_after(cx, line, 0);
}

/// For `tcp-request session`.
pub(super) fn warn_misplaced_session(cx: &mut Cx<'_>, line: &Line) {
    warn_after(cx, line, 1);
}

/// For `tcp-request content`.
pub(super) fn warn_misplaced_content(cx: &mut Cx<'_>, line: &Line) {
    warn_after(cx, line, 2);
}

/// For `monitor fail`, whose keyword word is `monitor fail`'s first.
pub fn warn_misplaced_monitor(cx: &mut Cx<'_>, line: &Line) {
    warn_after(cx, line, 3);
}

/// For `http-request`.
pub(super) fn warn_misplaced_http_request(cx: &mut Cx<'_>, line: &Line) {
    warn_after(cx, line, 4);
}

/// For `redirect`.
pub(super) fn warn_misplaced_redirect(cx: &mut Cx<'_>, line: &Line) {
    warn_after(cx, line, 5);
}
