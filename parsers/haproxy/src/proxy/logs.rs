//! `log`, `log-format` and its family, `log-tag`, `unique-id-*`, `option httplog` and the like.
//!
//! COMPAT: formats are read after the last line only, so that their errors come with the other checks.

use std::sync::Arc;

use rha_text::Severity;
use rha_vocab::{Dialect, Lifetime};

use super::options::not_negated;
use super::rows::{known, planned, row};
use super::state::{LogFormatKind, LogFormatUse};
use super::{draft, too_many};
use crate::log_target;
use crate::{Cx, Form, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[
    row(
        "log",
        Place::PROXY,
        "global | <target> [len <length>] … <facility> [<level> [<minlevel>]]",
        "Sends log lines somewhere.",
        log,
    ),
    row("log-format", Place::FRONT, "<string>", "Sets what a log line looks like.", log_format),
    planned(
        "log-format-sd",
        Place::FRONT,
        "<string>",
        "Sets the structured data of RFC 5424 lines.",
        log_format_sd,
    ),
    row(
        "error-log-format",
        Place::FRONT,
        "<string>",
        "Sets what a line about a failed connection looks like.",
        error_log_format,
    ),
    row("log-tag", Place::PROXY, "<string>", "Sets the tag of syslog lines.", log_tag),
    known(
        Lifetime::since(3, 2),
        planned("log-steps", Place::FRONT, "<steps>", "Sets when lines are written.", log_steps),
    ),
    row("unique-id-format", Place::PROXY, "<fmt>", "Sets how requests are numbered.", unique_id_format),
    row(
        "unique-id-header",
        Place::PROXY,
        "<name>",
        "Tells servers the number of the request.",
        unique_id_header,
    ),
    row("option httplog", Place::FRONT, "[clf]", "Logs HTTP requests.", option_log),
    row("option tcplog", Place::FRONT, "[clf]", "Logs connections.", option_log),
    row("option httpslog", Place::FRONT, "", "Logs HTTP requests over TLS.", option_log),
];

fn log(cx: &mut Cx<'_>, line: &Line) {
    if cx.form == Form::No {
        if !line.arg(1).is_empty() {
            return cx.error("HA2106", line, 1, "log : 'no log' does not expect arguments");
        }
        if let Some(d) = draft(cx, line) {
            d.proxy.logs.clear();
        }
        return;
    }
    if cx.form == Form::Default && line.is(1, "global") {
        // COMPAT: `default` leaves the last word behind a second time.
        return cx.error("HA2100", line, 1, "log : unknown log facility 'global'");
    }
    match log_target::parse(cx, line, false) {
        Ok(t) => {
            if let Some(d) = draft(cx, line) {
                d.proxy.logs.push(t);
            }
        }
        Err(e) => cx.error("HA2100", line, 1, format!("log : {e}")),
    }
}

/// The one argument of a format keyword; says what is wrong.
fn format_word(cx: &mut Cx<'_>, line: &Line) -> bool {
    let keyword = line.text(0);
    if line.arg(1).is_empty() {
        cx.error("HA2100", line, 1, format!("{keyword} expects an argument."));
        return false;
    }
    if !line.arg(2).is_empty() {
        let text = format!("{keyword} expects only one argument, don't forget to escape spaces!");
        cx.error("HA2106", line, 2, text);
        return false;
    }
    true
}

fn warn_ignored(cx: &mut Cx<'_>, line: &Line, keyword: &str) {
    let Some(d) = cx.draft.as_ref().filter(|d| !d.is_frontend()) else { return };
    let text = format!("backend '{}' : '{keyword}' directive is ignored in backends.", d.proxy.name);
    cx.warning("HA2103", line, 0, text);
}

fn set_format(cx: &mut Cx<'_>, line: &Line, kind: LogFormatKind) {
    let Some(d) = draft(cx, line) else { return };
    let before = d.extra.log_format.replace(LogFormatUse { kind, line: Arc::new(line.clone()) });
    let is_defaults = d.is_defaults;
    if let Some(before) = before.filter(|_| is_defaults) {
        let text =
            format!("'{}' overrides previous '{}' in 'defaults' section.", kind.word(), before.kind.word());
        cx.parsing("HA3108", Severity::Warning, line, 0, ": ", &text);
    }
}

fn log_format(cx: &mut Cx<'_>, line: &Line) {
    if format_word(cx, line) {
        set_format(cx, line, LogFormatKind::Written);
        warn_ignored(cx, line, "log-format");
    }
}

fn option_log(cx: &mut Cx<'_>, line: &Line) {
    if not_negated(cx, line) {
        return;
    }
    let name = line.text(1);
    let clf_ok = name == "httplog" || name == "tcplog" && cx.input.dialect >= Dialect::V3_2;
    let mut kind = match name.as_str() {
        "httplog" => LogFormatKind::Http,
        "tcplog" => LogFormatKind::Tcp,
        _ => LogFormatKind::Https,
    };
    if clf_ok && !line.arg(2).is_empty() {
        if !line.is(2, "clf") {
            return cx.error("HA2101", line, 2, format!("keyword '{name}' only supports option 'clf'."));
        }
        if too_many(cx, line, 1, 1) {
            return;
        }
        kind = if name == "httplog" { LogFormatKind::HttpClf } else { LogFormatKind::TcpClf };
    } else if name == "tcplog" {
        // COMPAT: what is too many is said after the format was taken.
        set_format(cx, line, kind);
        if !too_many(cx, line, 0, 1) {
            warn_ignored(cx, line, "option tcplog");
        }
        return;
    }
    set_format(cx, line, kind);
    warn_ignored(cx, line, &format!("option {name}"));
}

fn log_format_sd(cx: &mut Cx<'_>, line: &Line) {
    if format_word(cx, line) {
        if let Some(d) = draft(cx, line) {
            d.extra.log_format_sd = Some(Arc::new(line.clone()));
        }
        warn_ignored(cx, line, "log-format-sd");
    }
}

fn error_log_format(cx: &mut Cx<'_>, line: &Line) {
    if !format_word(cx, line) {
        return;
    }
    let Some(d) = draft(cx, line) else { return };
    let before = d.extra.error_log_format.replace(Arc::new(line.clone()));
    if before.is_some() && d.is_defaults {
        let text = "'error-log-format' overrides previous 'error-log-format' in 'defaults' section.";
        cx.parsing("HA3108", Severity::Warning, line, 0, ": ", &text);
    }
    warn_ignored(cx, line, "error-log-format");
}

fn log_tag(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "'log-tag' expects a tag for use in syslog.");
    }
    if let Some(d) = draft(cx, line) {
        d.proxy.log_tag = Some(line.text(1));
    }
}

fn log_steps(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        cx.error("HA2100", line, 1, "'log-steps' expects at least one log step as argument");
    }
}

fn unique_id_format(cx: &mut Cx<'_>, line: &Line) {
    if format_word(cx, line)
        && let Some(d) = draft(cx, line)
    {
        d.extra.unique_id_format = Some(Arc::new(line.clone()));
    }
}

fn unique_id_header(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "unique-id-header expects an argument.");
    }
    if let Some(d) = draft(cx, line) {
        d.proxy.unique_id_header = Some(line.arg(1).into());
    }
}
