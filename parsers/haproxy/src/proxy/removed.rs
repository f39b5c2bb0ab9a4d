//! Keywords of older versions, with the answer of the versions that no longer have them.
//!
//! COMPAT: every one of them is an error; the texts name the successor. `bind-process` is the exception:
//! 2.6 still takes it, with a warning.

use rha_text::Severity;
use rha_vocab::{Dialect, Support};

use super::draft;
use super::rows::{removed, row, with};
use crate::{Cx, Keyword, Line, Place};

macro_rules! gone {
    ($name:literal, $($answer:tt)*) => {
        removed($name, "An older version's keyword.", |_| format!($($answer)*))
    };
}

const REWRITE: &str =
    "Use 'http-request replace-path', 'http-request replace-uri' or 'http-request replace-header' instead.";

pub(super) const KEYWORDS: &[Keyword] = &[
    gone!(
        "redispatch",
        "keyword 'redispatch' directive is not supported anymore since HAProxy 2.1. Use 'option redispatch'."
    ),
    gone!(
        "redisp",
        "keyword 'redisp' directive is not supported anymore since HAProxy 2.1. Use 'option redispatch'."
    ),
    gone!("appsession", "'appsession' is not supported anymore since HAProxy 1.6."),
    removed("monitor-net", "An older version's keyword.", |line| {
        format!(
            "'monitor-net' doesn't exist anymore. Please use 'http-request return status 200 if {{ src {} }}' instead.",
            line.text(1)
        )
    }),
    gone!(
        "clitimeout",
        "the 'clitimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout client'."
    ),
    gone!(
        "srvtimeout",
        "the 'srvtimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout server'."
    ),
    gone!(
        "contimeout",
        "the 'contimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout connect'."
    ),
    gone!("cliexp", "The 'cliexp' directive is not supported anymore since HAProxy 2.1. {REWRITE}"),
    gone!("reqrep", "The 'reqrep' directive is not supported anymore since HAProxy 2.1. {REWRITE}"),
    gone!(
        "reqdel",
        "The 'reqdel' directive is not supported anymore since HAProxy 2.1. Use 'http-request del-header' instead."
    ),
    gone!(
        "reqdeny",
        "The 'reqdeny' not supported anymore since HAProxy 2.1. Use 'http-request deny' instead."
    ),
    gone!("reqpass", "The 'reqpass' not supported anymore since HAProxy 2.1."),
    gone!(
        "reqallow",
        "The 'reqallow' directive is not supported anymore since HAProxy 2.1. Use 'http-request allow' instead."
    ),
    gone!(
        "reqtarpit",
        "The 'reqtarpit' directive is not supported anymore since HAProxy 2.1. Use 'http-request tarpit' instead."
    ),
    gone!(
        "reqirep",
        "The 'reqirep' directive is not supported anymore since HAProxy 2.1. Use 'http-request replace-header' instead."
    ),
    gone!(
        "reqidel",
        "The 'reqidel' directive is not supported anymore since HAProxy 2.1. Use 'http-request del-header' instead."
    ),
    gone!(
        "reqideny",
        "The 'reqideny' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny' instead."
    ),
    gone!("reqipass", "The 'reqipass' directive is not supported anymore since HAProxy 2.1."),
    gone!(
        "reqiallow",
        "The 'reqiallow' directive is not supported anymore since HAProxy 2.1. Use 'http-request allow' instead."
    ),
    gone!(
        "reqitarpit",
        "The 'reqitarpit' directive is not supported anymore since HAProxy 2.1. Use 'http-request tarpit' instead."
    ),
    gone!(
        "reqadd",
        "The 'reqadd' directive is not supported anymore since HAProxy 2.1. Use 'http-request add-header' instead."
    ),
    gone!(
        "srvexp",
        "The 'srvexp' directive is not supported anymore since HAProxy 2.1. Use 'http-response replace-header' instead."
    ),
    gone!(
        "rsprep",
        "The 'rsprep' directive is not supported anymore since HAProxy 2.1. Use 'http-response replace-header' instead."
    ),
    gone!(
        "rspdel",
        "The 'rspdel' directive is not supported anymore since HAProxy 2.1. Use 'http-response del-header' ."
    ),
    gone!(
        "rspdeny",
        "The 'rspdeny' directive is not supported anymore since HAProxy 2.1. Use 'http-response deny' instead."
    ),
    gone!(
        "rspirep",
        "The 'rspirep' directive is not supported anymore since HAProxy 2.1. Use 'http-response replace-header' instead."
    ),
    gone!(
        "rspidel",
        "The 'rspidel' directive is not supported anymore since HAProxy 2.1. Use 'http-response del-header' instead."
    ),
    gone!(
        "rspideny",
        "The 'rspideny' directive is not supported anymore since HAProxy 2.1. Use 'http-response deny' instead."
    ),
    gone!(
        "rspadd",
        "The 'rspadd' directive is not supported anymore since HAProxy 2.1. Use 'http-response add-header' instead."
    ),
    row("grace", Place::PROXY, "", "An older version's keyword.", |cx, line| {
        cx.error_tight(
            "HA4101",
            line,
            0,
            "the 'grace' keyword is not supported any more since HAProxy version 2.5.",
        );
    }),
    with(
        Support::NoEffect("there is one process"),
        row(
            "bind-process",
            Place::PROXY,
            "all|odd|even|<number>…",
            "An older version's keyword.",
            bind_process,
        ),
    ),
];

fn bind_process(cx: &mut Cx<'_>, line: &Line) {
    if draft(cx, line).is_none() {
        return;
    }
    if cx.input.dialect >= Dialect::V2_8 {
        return cx.error_tight("HA4101", line, 0, "'bind-process' is not supported anymore.");
    }
    for i in 1..line.len() {
        let word = line.text(i);
        let number = |n: &str| n.is_empty() || n.bytes().all(|b| b.is_ascii_digit());
        let range = word.starts_with(|c: char| c.is_ascii_digit()) && word.split('-').all(number);
        if !range && !matches!(word.as_str(), "all" | "odd" | "even") {
            let text = format!("bind-process : '{word}' is not a valid number/range.");
            return cx.error("HA2100", line, i, text);
        }
    }
    let text = "'bind-process' has no effect, is deprecated, and will be removed in version 2.7.";
    cx.parsing("HA4102", Severity::Warning, line, 0, ": ", &text);
}
