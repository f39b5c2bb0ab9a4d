//! `option httpchk`, `option tcp-check` and the options for other protocols' checks; `external-check`.

use rha_ir::{CheckKind, HttpCheck};

use super::options::not_negated;
use super::rows::row;
use super::state::CheckProtocol;
use super::{draft, too_many, warn_unless};
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[
    row(
        "option httpchk",
        Place::BACK,
        "[<method>] [<uri> [<version>]]",
        "Checks with an HTTP request.",
        httpchk,
    ),
    row("option tcp-check", Place::BACK, "", "Checks with a script.", tcp_check),
    row("option ssl-hello-chk", Place::BACK, "", "Checks with an SSL 3.0 hello.", |cx, line| {
        other(cx, line, 0)
    }),
    row("option smtpchk", Place::BACK, "[<hello> <domain>]", "Checks a mail server.", |cx, line| {
        other(cx, line, 2)
    }),
    row("option ldap-check", Place::BACK, "", "Checks a directory server.", |cx, line| other(cx, line, 0)),
    row("option redis-check", Place::BACK, "", "Checks a Redis server.", |cx, line| other(cx, line, 0)),
    row("option spop-check", Place::BACK, "", "Checks a stream processing agent.", |cx, line| {
        other(cx, line, 0)
    }),
    row(
        "option mysql-check",
        Place::BACK,
        "[user <username> [{post-41|pre-41}]]",
        "Checks a MySQL server.",
        mysql,
    ),
    row("option pgsql-check", Place::BACK, "user <username>", "Checks a PostgreSQL server.", pgsql),
    row("option external-check", Place::BACK, "", "Checks with a program.", external),
    row(
        "external-check",
        Place::BACK,
        "command|path <value>",
        "Sets the program that checks.",
        external_check,
    ),
];

/// What all of them begin with; whether to go on.
fn begin(cx: &mut Cx<'_>, line: &Line, max: usize) -> bool {
    if not_negated(cx, line) {
        return false;
    }
    warn_unless(cx, line, Place::BACKEND, &line.text(1), "");
    !too_many(cx, line, max, 1)
}

fn set(cx: &mut Cx<'_>, line: &Line, protocol: CheckProtocol, kind: CheckKind) {
    let Some(d) = draft(cx, line) else { return };
    d.extra.check = protocol;
    // COMPAT: any of these options takes the complaint about unused rules of either kind back.
    d.extra.unused_http_checks = false;
    d.extra.unused_tcp_checks = false;
    d.proxy.service.check.kind = kind;
}

fn tcp_check(cx: &mut Cx<'_>, line: &Line) {
    if begin(cx, line, 0) {
        set(cx, line, CheckProtocol::Tcp, CheckKind::TcpScript);
    }
}

fn other_kind(line: &Line) -> CheckKind {
    CheckKind::Other {
        name: line.text(1),
        args: (2..line.len()).map(|i| line.arg(i).to_owned()).collect(),
        origin: line.span,
    }
}

fn other(cx: &mut Cx<'_>, line: &Line, max: usize) {
    if begin(cx, line, max) {
        set(cx, line, CheckProtocol::Other, other_kind(line));
    }
}

fn external(cx: &mut Cx<'_>, line: &Line) {
    if begin(cx, line, 0) {
        set(cx, line, CheckProtocol::External, other_kind(line));
    }
}

fn mysql(cx: &mut Cx<'_>, line: &Line) {
    if !begin(cx, line, 3) {
        return;
    }
    if !line.arg(2).is_empty() {
        if !line.is(2, "user") {
            let text = format!(
                "'option mysql-check' only supports optional values: 'user' (got '{}').",
                line.text(2)
            );
            return cx.error("HA2101", line, 2, text);
        }
        if line.arg(3).is_empty() {
            return cx.error("HA2100", line, 3, "'option mysql-check user' expects <username> as argument.");
        }
        if !line.arg(4).is_empty() && !line.is(4, "post-41") && !line.is(4, "pre-41") {
            let text =
                format!("keyword 'user' only supports 'post-41' and 'pre-41' (got '{}').", line.text(4));
            return cx.error("HA2101", line, 4, text);
        }
    }
    set(cx, line, CheckProtocol::Other, other_kind(line));
}

fn pgsql(cx: &mut Cx<'_>, line: &Line) {
    if !begin(cx, line, 2) {
        return;
    }
    if line.arg(2).is_empty() || line.arg(3).is_empty() {
        return cx.error("HA2100", line, 2, "'option pgsql-check' expects 'user <username>' as argument.");
    }
    if !line.is(2, "user") {
        return cx.error("HA2101", line, 2, "'option pgsql-check' only supports optional values: 'user'.");
    }
    set(cx, line, CheckProtocol::Other, other_kind(line));
}

fn httpchk(cx: &mut Cx<'_>, line: &Line) {
    if !begin(cx, line, 3) {
        return;
    }
    let (method, uri, version) = match line.len() {
        0..=2 => ("OPTIONS".into(), "/".to_owned(), String::new()),
        3 => ("OPTIONS".into(), line.text(2), String::new()),
        _ => (line.arg(2).to_owned(), line.text(3), line.text(4)),
    };
    if version.contains("\r\n") && !hidden_headers(cx, line) {
        return;
    }
    let (version, headers) = split_version(&version);
    let literal =
        |t: &str| rha_ir::LogFormat { nodes: vec![rha_ir::LogNode::Text(t.into())], origin: line.span };
    let http = HttpCheck {
        method,
        uri: Some(literal(&uri)),
        version: if version.is_empty() { "HTTP/1.0".into() } else { version.into() },
        headers: headers.into_iter().map(|(n, v)| (n.into(), literal(&v))).collect(),
        body: None,
        comment: None,
    };
    set(cx, line, CheckProtocol::Http, CheckKind::Http);
    if let Some(d) = draft(cx, line) {
        d.proxy.service.check.http = http;
        d.proxy.service.check.own_request_only = false;
        // COMPAT: a section that says it again does without the `http-check` rules of its defaults.
        if d.extra.steps[1].inherited {
            d.extra.steps[1] = Default::default();
        }
    }
}

/// COMPAT: headers after the version are an error in 3.0; false then.
fn hidden_headers(cx: &mut Cx<'_>, line: &Line) -> bool {
    let what = "'option httpchk' : hiding headers or body at the end of the version string is";
    if cx.input.dialect >= rha_vocab::Dialect::V3_0 {
        let text = format!("{what} unsupported.Use 'http-check send' directive instead..");
        cx.error("HA2100", line, 4, text);
        return false;
    }
    let text = format!("{what} deprecated. Please, consider to use 'http-check send' directive instead.");
    cx.parsing("HA4102", rha_text::Severity::Warning, line, 4, ": ", &text);
    true
}

/// COMPAT: headers could be hidden behind the version before 2.2 and still may.
fn split_version(text: &str) -> (String, Vec<(String, String)>) {
    let Some((version, rest)) = text.split_once("\r\n") else { return (text.to_owned(), Vec::new()) };
    let head = rest.split("\r\n\r\n").next().unwrap_or_default();
    let headers = head
        .split("\r\n")
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.trim().to_owned(), v.trim().to_owned()))
        .collect();
    (version.to_owned(), headers)
}

fn external_check(cx: &mut Cx<'_>, line: &Line) {
    let keyword = line.text(1);
    match keyword.as_str() {
        "command" | "path" => {}
        "" => return cx.error("HA2100", line, 1, "missing argument after 'external-check'.\n"),
        _ => {
            let text = format!("'external-check' only supports 'command' and 'path'. but got '{keyword}'.");
            return cx.error("HA2101", line, 1, text);
        }
    }
    if line.arg(2).is_empty() {
        return cx.error("HA2100", line, 2, format!("missing argument after '{keyword}'."));
    }
    if too_many(cx, line, 2, 0) {
        return;
    }
    let value = line.text(2);
    if let Some(d) = draft(cx, line) {
        let check = &mut d.proxy.service.check;
        *if keyword == "command" { &mut check.external_command } else { &mut check.external_path } =
            Some(value);
    }
}
