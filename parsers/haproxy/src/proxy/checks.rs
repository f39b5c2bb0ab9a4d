//! `http-check …` and `tcp-check …`: the steps of scripted checks.
//!
//! HAProxy configuration manual §4.2. Both keywords share their steps; what a step may hold differs.

use rha_ir::{
    Expect, ExpectKind, HeaderExpect, HeaderMatch, HeaderPattern, HttpCheck, LogFormat, SampleExpr,
    StatusRange, TcpStep, VarValue,
};
use rha_vocab::{Checkpoints, Support};

use super::address::{self, Wants};
use super::rows::row;
use super::state::CheckProtocol;
use super::{draft, too_many, warn_unless};
use crate::expr::{ArgContext, Args, LogSite, check_regex, log_format_text, sample_text, variable_text};
use crate::units;
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[
    row(
        "http-check",
        Place::BACK,
        "connect|send|expect|comment|disable-on-404|send-state|set-var… …",
        "Describes an HTTP check.",
        http_check,
    ),
    row(
        "tcp-check",
        Place::BACK,
        "connect|send|expect|comment|set-var… …",
        "Describes a scripted check.",
        tcp_check,
    ),
];

fn http_check(cx: &mut Cx<'_>, line: &Line) {
    let warned = warn_unless(cx, line, Place::BACKEND, "http-check", "");
    let flag = line.is(1, "disable-on-404") || line.is(1, "send-state");
    if !flag {
        return step(cx, line, true);
    }
    let is_404 = line.is(1, "disable-on-404");
    if let Some(d) = draft(cx, line) {
        let check = &mut d.proxy.service.check;
        check.disable_on_404 |= is_404;
        check.send_state |= !is_404;
    }
    if !too_many(cx, line, 1, 0) && warned {
        null_warning(cx, line);
    }
}

/// COMPAT: the original warns a second time, with a text that is not there.
fn null_warning(cx: &mut Cx<'_>, line: &Line) {
    cx.warning("HA2103", line, 0, "(null)");
}

fn tcp_check(cx: &mut Cx<'_>, line: &Line) {
    let warned = warn_unless(cx, line, Place::BACKEND, "tcp-check", "");
    let before = cx.diagnostics.len();
    step(cx, line, false);
    if warned && cx.diagnostics.len() == before {
        null_warning(cx, line);
    }
}

fn step(cx: &mut Cx<'_>, line: &Line, http: bool) {
    let keyword = line.text(0);
    let word = line.text(1);
    let result = match word.as_str() {
        "connect" => connect(cx, line),
        "send" if http => send_http(cx, line),
        "send" | "send-binary" | "send-lf" | "send-binary-lf" if !http => send(cx, line),
        "expect" => expect(cx, line, http),
        "comment" => {
            if line.arg(2).is_empty() {
                Err("expects a string as argument".to_owned())
            } else {
                Ok(TcpStep::Comment(line.text(2)))
            }
        }
        w if w.starts_with("set-var(") || w.starts_with("set-var-fmt(") || w.starts_with("unset-var(") => {
            variable(cx, line, w)
        }
        _ => {
            let list = if http {
                "'disable-on-404', 'send-state', 'comment', 'connect', 'send', 'expect'"
            } else {
                "'comment', 'connect', 'send', 'send-binary', 'expect'"
            };
            let text = format!(
                "'{keyword}' only supports {list}, 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got '{word}'"
            );
            return cx.error("HA2101", line, 1, text);
        }
    };
    match result {
        Err(e) => {
            cx.error("HA2100", line, 1, format!("'{keyword} {word}' : {e}."));
            // COMPAT: a faulty step takes those before it along.
            if let Some(d) = cx.draft.as_mut() {
                d.extra.steps[usize::from(http)] = Default::default();
            }
        }
        Ok(s) => {
            let Some(d) = draft(cx, line) else { return };
            if http {
                d.extra.unused_http_checks |= d.extra.check != CheckProtocol::Http;
            } else {
                d.extra.unused_tcp_checks |= d.extra.check != CheckProtocol::Tcp;
            }
            let list = &mut d.extra.steps[usize::from(http)];
            if list.inherited {
                *list = Default::default();
                // COMPAT: with the first own step goes all that the defaults say, the request of their
                // `option httpchk` included.
                if http {
                    d.proxy.service.check.http = HttpCheck::default();
                    d.proxy.service.check.own_request_only = true;
                }
            }
            list.steps.push(s);
        }
    }
}

fn needs(line: &Line, i: usize, what: &str) -> Result<(), String> {
    if line.arg(i + 1).is_empty() { Err(format!("'{}' expects {what}", line.text(i))) } else { Ok(()) }
}

fn format(cx: &mut Cx<'_>, line: &Line, i: usize) -> Result<LogFormat, String> {
    let site = LogSite::plain(ArgContext::TcpCheck, Checkpoints::BACK_CHECK_RULE);
    let bytes = line.arg(i).to_owned();
    log_format_text(cx, line.at(i), &bytes, site)
        .map_err(|e| format!("'{}' invalid log-format string ({e}).\n", line.text(i)))
}

fn variable(cx: &mut Cx<'_>, line: &Line, word: &str) -> Result<TcpStep, String> {
    let (kind, rest) = word.split_once('(').unwrap_or((word, ""));
    let Some(inner) = rest.strip_suffix(')') else {
        return Err(format!(
            "'{kind}' : invalid or incomplete action '{word}'. Expects 'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'"
        ));
    };
    let name = inner.split(',').next().unwrap_or_default();
    let name = variable_text(name.as_bytes()).map_err(|e| format!("'{kind}' : {e}"))?;
    let value = match kind {
        "set-var" => {
            let mut at = 0;
            let expr = sample_text(cx, Args::of(line, 2), &mut at, ArgContext::TcpCheck)
                .map_err(|e| format!("'{kind}' : {e}"))?;
            Some(Box::new(VarValue::Expr(expr)))
        }
        "set-var-fmt" => Some(Box::new(VarValue::Format(format(cx, line, 2)?))),
        _ => None,
    };
    Ok(TcpStep::Variable { name, value, origin: line.span })
}

fn connect(cx: &mut Cx<'_>, line: &Line) -> Result<TcpStep, String> {
    let first_other = cx.draft.as_ref().and_then(|d| {
        let list = &d.extra.steps[usize::from(line.is(0, "http-check"))];
        let steps = if list.inherited { &[][..] } else { &list.steps };
        if steps.iter().any(|s| matches!(s, TcpStep::Connect { .. })) {
            return None;
        }
        steps.iter().find(|s| !matches!(s, TcpStep::Comment(_) | TcpStep::Variable { .. }))
    });
    if first_other.is_some() {
        return Err("first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' or a 'comment', when there is a 'connect' step in the tcp-check ruleset".to_owned());
    }
    let (mut port, mut port_expr, mut addr, mut comment) = (None, None, None, None);
    let (mut send_proxy, mut tls, mut linger, mut default, mut socks4) = (false, false, false, false, false);
    let mut i = 2;
    while !line.arg(i).is_empty() {
        match line.bytes(i) {
            b"default" => default = true,
            b"addr" => {
                needs(line, i, "<ipv4|ipv6> as argument.")?;
                let found = address::read(cx, &line.text(i + 1), Wants::SOURCE)
                    .map_err(|e| format!("'addr' : {e}."))?;
                addr = Some(found.address);
                i += 1;
            }
            b"port" => {
                needs(line, i, "a port number or a sample expression as argument.")?;
                (port, port_expr) = check_port(cx, line, i + 1)?;
                i += 1;
            }
            b"proto" => {
                needs(line, i, "a MUX protocol as argument.")?;
                let word = line.text(i + 1);
                let known = if line.is(0, "tcp-check") {
                    ["none"].as_slice()
                } else {
                    ["h1", "h2", "fcgi"].as_slice()
                };
                if !known.contains(&word.as_str()) {
                    let all = ["none", "h1", "h2", "fcgi"].contains(&word.as_str());
                    return Err(if all {
                        format!("'proto' : invalid MUX protocol '{word}' for {}", line.text(0))
                    } else {
                        format!("'proto' : unknown MUX protocol '{word}'.")
                    });
                }
                i += 1;
            }
            b"comment" => {
                needs(line, i, "a string as argument.")?;
                comment = Some(line.text(i + 1));
                i += 1;
            }
            b"send-proxy" => send_proxy = true,
            b"via-socks4" => socks4 = true,
            b"linger" => linger = true,
            b"ssl" => {
                tls = true;
                if let Some(d) = cx.draft.as_mut() {
                    d.extra.check_over_tls = true;
                }
                cx.note("check ssl", Support::Planned, line.at(i));
            }
            b"sni" | b"alpn" => {
                needs(line, i, "a string as argument.")?;
                i += 1;
            }
            _ => {
                return Err(format!(
                    "expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', 'default' but got '{}' as argument.",
                    line.text(i)
                ));
            }
        }
        i += 1;
    }
    let port_expr = port_expr.map(Box::new);
    let origin = line.span;
    Ok(TcpStep::Connect { port, port_expr, addr, default, send_proxy, socks4, tls, linger, comment, origin })
}

/// A number or an expression.
fn check_port(cx: &mut Cx<'_>, line: &Line, i: usize) -> Result<(Option<u16>, Option<SampleExpr>), String> {
    let (n, rest) = units::strtol(line.arg(i), 10);
    if !rest.is_empty() {
        let mut at = 0;
        let expr = sample_text(cx, Args::of(line, i).window(0, 1), &mut at, ArgContext::TcpCheck)
            .map_err(|e| format!("error detected while parsing port expression : {e}"))?;
        return Ok((None, Some(expr)));
    }
    let port = u16::try_from(n).ok().filter(|p| *p > 0);
    port.map(|p| (Some(p), None)).ok_or_else(|| {
        format!(
            "expects a valid TCP port (from range 1 to 65535) or a sample expression, got {}.",
            line.text(i)
        )
    })
}

fn send(cx: &mut Cx<'_>, line: &Line) -> Result<TcpStep, String> {
    let word = line.text(1);
    let binary = word.contains("binary");
    let what = if binary { "binary string" } else { "string" };
    if line.arg(2).is_empty() {
        // COMPAT: the two words are the wrong way round.
        return Err(format!("'{what}' expects a {word} as argument"));
    }
    let mut comment = None;
    let mut i = 3;
    while !line.arg(i).is_empty() {
        if !line.is(i, "comment") {
            return Err(format!("expects 'comment' but got '{}' as argument.", line.text(i)));
        }
        needs(line, i, "a string as argument.")?;
        comment = Some(line.text(i + 1));
        i += 2;
    }
    if word.ends_with("-lf") {
        let format = format(cx, line, 2)?;
        return Ok(TcpStep::SendFormat { format, hex: binary, comment, origin: line.span });
    }
    let data = if binary {
        hexadecimal(line.arg(2)).map_err(|e| format!("'{}' invalid binary string ({e}).\n", line.text(2)))?
    } else {
        line.arg(2).to_vec()
    };
    Ok(TcpStep::Send { data, comment, origin: line.span })
}

/// Pairs of hexadecimal digits.
fn hexadecimal(text: &[u8]) -> Result<Vec<u8>, String> {
    if !text.len().is_multiple_of(2) {
        return Err("an even number of hex digit is expected".into());
    }
    let digit = |b: u8| (b as char).to_digit(16);
    if let Some(b) = text.iter().find(|b| digit(**b).is_none()) {
        return Err(format!("an hex digit is expected (found '{}')", *b as char));
    }
    let byte = |p: &[u8]| p.iter().fold(0, |v, b| v << 4 | digit(*b).unwrap_or(0));
    Ok(text.chunks_exact(2).map(|p| u8::try_from(byte(p)).unwrap_or(0)).collect())
}

fn send_http(cx: &mut Cx<'_>, line: &Line) -> Result<TcpStep, String> {
    let list = cx.draft.as_ref().map(|d| &d.extra.steps[1]).filter(|l| !l.inherited);
    let steps = list.map_or(&[][..], |l| &l.steps);
    let last = steps.iter().rev().find(|s| !matches!(s, TcpStep::Comment(_) | TcpStep::Variable { .. }));
    if last.is_some_and(|s| !matches!(s, TcpStep::Connect { .. })) {
        let step = steps.len() + 1;
        return Err(format!("unable to add http-check send rule at step {step} (missing connect rule)."));
    }
    let mut http = HttpCheck::default();
    let mut i = 2;
    let mut host: Option<String> = None;
    while !line.arg(i).is_empty() {
        let word = line.text(i);
        match word.as_str() {
            "meth" | "uri" | "uri-lf" | "ver" | "body" | "body-lf" | "comment" => {
                needs(line, i, "a string as argument.")?;
                match word.as_str() {
                    "meth" => http.method = line.arg(i + 1).to_owned(),
                    "uri" => http.uri = Some(literal(line, i + 1)),
                    "uri-lf" => http.uri = Some(format(cx, line, i + 1)?),
                    "ver" => http.version = line.arg(i + 1).to_owned(),
                    "body" => http.body = Some(literal(line, i + 1)),
                    "body-lf" => http.body = Some(format(cx, line, i + 1)?),
                    _ => http.comment = Some(line.text(i + 1)),
                }
                i += 2;
            }
            "hdr" => {
                if line.arg(i + 1).is_empty() || line.arg(i + 2).is_empty() {
                    return Err("'hdr' expects <name> and <value> as arguments".into());
                }
                let name = line.text(i + 1).to_ascii_lowercase();
                if name == "host" {
                    if let Some(before) = host {
                        return Err(format!(
                            "'{}' header already defined (previous value is '{before}')",
                            line.text(i + 1)
                        ));
                    }
                    host = Some(line.text(i + 2));
                }
                if name != "content-length" && name != "transfer-encoding" {
                    let value = format(cx, line, i + 2)?;
                    http.headers.push((line.arg(i + 1).to_owned(), value));
                }
                i += 3;
            }
            _ => {
                return Err(format!(
                    "expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' but got '{word}' as argument."
                ));
            }
        }
    }
    Ok(TcpStep::HttpSend(http))
}

/// What an `expect` line has so far.
#[derive(Default)]
struct ExpectDraft {
    kind: Option<ExpectKind>,
    negated: bool,
    comment: Option<String>,
    min_recv: Option<i64>,
    statuses: [Option<String>; 3],
    messages: [Option<LogFormat>; 2],
    status_code: Option<SampleExpr>,
}

fn expect(cx: &mut Cx<'_>, line: &Line, http: bool) -> Result<TcpStep, String> {
    if line.arg(2).is_empty() {
        return Err("expects at least a matching pattern as arguments".into());
    }
    let mut e = ExpectDraft::default();
    let mut i = 2;
    while !line.arg(i).is_empty() {
        let whole = line.text(i);
        let bangs = whole.bytes().take_while(|b| *b == b'!').count();
        let mut word = whole[bangs..].to_owned();
        let mut in_pattern = false;
        if bangs > 0 {
            e.negated = !e.negated & (bangs % 2 == 1) | e.negated & (bangs % 2 == 0);
            in_pattern = true;
            if word.is_empty() {
                i += 1;
                word = line.text(i);
            }
        }
        i += expect_word(cx, line, i, &word, http, in_pattern, &mut e)?;
    }
    let Some(kind) = e.kind else { return Err("pattern not found".into()) };
    Ok(TcpStep::Expect(Expect {
        negated: e.negated,
        kind,
        comment: e.comment,
        min_recv: e.min_recv,
        statuses: e.statuses,
        messages: e.messages,
        status_code: e.status_code,
        origin: line.span,
    }))
}

/// Reads one word of `expect` with its value; how many words were used.
fn expect_word(
    cx: &mut Cx<'_>,
    line: &Line,
    i: usize,
    word: &str,
    http: bool,
    in_pattern: bool,
    e: &mut ExpectDraft,
) -> Result<usize, String> {
    let setting = matches!(
        word,
        "min-recv"
            | "custom"
            | "comment"
            | "on-success"
            | "on-error"
            | "ok-status"
            | "error-status"
            | "tout-status"
            | "status-code"
    );
    if in_pattern && setting {
        return Err(format!("[!] not supported with '{word}'"));
    }
    let pattern = matches!(
        word,
        "string"
            | "rstring"
            | "string-lf"
            | "binary"
            | "rbinary"
            | "binary-lf"
            | "status"
            | "rstatus"
            | "hdr"
            | "fhdr"
            | "custom"
    );
    let fits = if http {
        !matches!(word, "binary" | "rbinary" | "binary-lf")
    } else {
        !matches!(word, "status" | "rstatus" | "hdr" | "fhdr")
    };
    if !fits || !pattern && !setting {
        return Err(if http {
            format!(
                "'only supports min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', [!]hdr, [!]fhdr or comment but got '{word}' as argument."
            )
        } else {
            format!(
                "'only supports min-recv, '[!]binary', '[!]string', '[!]rstring', '[!]string-lf''[!]rbinary', '[!]binary-lf' or comment but got '{word}' as argument."
            )
        });
    }
    if pattern && e.kind.is_some() {
        return Err("only on pattern expected".into());
    }
    if !pattern {
        return expect_setting(cx, line, i, word, e);
    }
    if word == "custom" {
        e.kind = Some(ExpectKind::Custom);
        return Ok(1);
    }
    if word == "hdr" || word == "fhdr" {
        return expect_header(cx, line, i, word, e);
    }
    if line.arg(i + 1).is_empty() {
        return Err(format!("'{word}' expects a <pattern> as argument"));
    }
    e.kind = Some(pattern_kind(cx, line, i + 1, word)?);
    Ok(2)
}

fn pattern_kind(cx: &mut Cx<'_>, line: &Line, i: usize, word: &str) -> Result<ExpectKind, String> {
    let bytes = line.arg(i).to_owned();
    Ok(match word {
        "string" => ExpectKind::Text(bytes),
        "rstring" => {
            check_regex(&bytes, false)?;
            ExpectKind::Regex(bytes)
        }
        "rstatus" => {
            check_regex(&bytes, false)?;
            ExpectKind::StatusRegex(bytes)
        }
        "string-lf" => ExpectKind::TextFormat(format(cx, line, i)?),
        "binary" => {
            ExpectKind::Binary(hexadecimal(&bytes).map_err(|e| format!("invalid binary string ({e})"))?)
        }
        "rbinary" => {
            check_regex(&bytes, false)?;
            ExpectKind::BinaryRegex(bytes)
        }
        "binary-lf" => ExpectKind::BinaryFormat(format(cx, line, i)?),
        _ => ExpectKind::Status(status_ranges(&line.text(i))?),
    })
}

fn status_ranges(text: &str) -> Result<StatusRange, String> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        let number = |r: &mut &[u8]| {
            let n = r.iter().take_while(|b| b.is_ascii_digit()).count();
            let v = units::atol(&r[..n]);
            *r = &r[n..];
            u16::try_from(v).unwrap_or(u16::MAX)
        };
        let low = number(&mut rest);
        let mut high = low;
        if let Some(r) = rest.strip_prefix(b"-") {
            rest = r;
            high = number(&mut rest);
        }
        if low > high {
            return Err(format!("invalid range of status codes '{text}'"));
        }
        out.push((low, high));
        match rest {
            [] => return Ok(StatusRange(out)),
            [b',', r @ ..] => rest = r,
            [c, ..] => return Err(format!("invalid character '{}' in the list of status codes", *c as char)),
        }
    }
}

fn expect_setting(
    cx: &mut Cx<'_>,
    line: &Line,
    i: usize,
    word: &str,
    e: &mut ExpectDraft,
) -> Result<usize, String> {
    let what = match word {
        "min-recv" => "a integer as argument",
        "status-code" => "an expression as argument",
        _ => "a string as argument",
    };
    if line.arg(i + 1).is_empty() {
        return Err(format!("'{word}' expects {what}"));
    }
    let value = line.text(i + 1);
    let one_of = |list: &[&str], text: &str| {
        if list.iter().any(|w| value.eq_ignore_ascii_case(w)) {
            Ok(Some(value.to_ascii_uppercase()))
        } else {
            Err(format!("'{word}' only supports {text} status (got '{value}')."))
        }
    };
    match word {
        "min-recv" => {
            let n = units::atol(line.arg(i + 1));
            if n < -1 || n > i64::from(i32::MAX) {
                return Err("'min-recv' expects -1 or an integer from 0 to INT_MAX".into());
            }
            e.min_recv = Some(n);
        }
        "comment" => e.comment = Some(value),
        "on-success" => e.messages[0] = Some(format(cx, line, i + 1)?),
        "on-error" => e.messages[1] = Some(format(cx, line, i + 1)?),
        "ok-status" => {
            e.statuses[0] = one_of(&["L7OK", "L7OKC", "L6OK", "L4OK"], "'L4OK', 'L6OK', 'L7OK' or 'L7OKC'")?;
        }
        "error-status" => {
            e.statuses[1] = one_of(
                &["L7RSP", "L7STS", "L7OKC", "L6RSP", "L4CON"],
                "'L4CON', 'L6RSP', 'L7RSP' or 'L7STS'",
            )?;
        }
        "tout-status" => {
            e.statuses[2] = one_of(&["L7TOUT", "L6TOUT", "L4TOUT"], "'L4TOUT', 'L6TOUT' or 'L7TOUT'")?;
        }
        _ => {
            let mut at = 0;
            let expr = sample_text(cx, Args::of(line, i + 1), &mut at, ArgContext::TcpCheck)
                .map_err(|t| format!("error detected while parsing status-code expression : {t}"))?;
            e.status_code = Some(expr);
            return Ok(1 + at.max(1));
        }
    }
    Ok(2)
}

fn expect_header(
    cx: &mut Cx<'_>,
    line: &Line,
    start: usize,
    word: &str,
    e: &mut ExpectDraft,
) -> Result<usize, String> {
    let mut i = start + 1;
    if !line.is(i, "name") && !line.is(i, "name-lf") || line.arg(i + 1).is_empty() {
        return Err(format!("'{word}' expects at the name keyword as first argument followed by a pattern"));
    }
    let name = header_pattern(cx, line, &mut i, word)?;
    let mut value = None;
    if line.is(i, "value") || line.is(i, "value-lf") {
        if line.arg(i + 1).is_empty() {
            return Err(format!("'{word}' expect a pattern with the value keyword"));
        }
        value = Some(header_pattern(cx, line, &mut i, word)?);
    }
    e.kind = Some(ExpectKind::Header(Box::new(HeaderExpect { full: word == "fhdr", name, value })));
    Ok(i - start)
}

/// `name|value [-m method] pattern` from word `i` on, which is moved behind it.
fn header_pattern(cx: &mut Cx<'_>, line: &Line, i: &mut usize, word: &str) -> Result<HeaderPattern, String> {
    let is_format = line.text(*i).ends_with("-lf");
    *i += 1;
    let mut method = HeaderMatch::Str;
    if line.is(*i, "-m") {
        let text = line.text(*i + 1);
        method = match text.as_str() {
            "str" => HeaderMatch::Str,
            "beg" => HeaderMatch::Beg,
            "end" => HeaderMatch::End,
            "sub" => HeaderMatch::Sub,
            "reg" if is_format => {
                return Err(format!(
                    "'{word}': log-format string is not supported with a regex matching method"
                ));
            }
            "reg" => HeaderMatch::Reg,
            "" => {
                return Err(format!(
                    "'{word}' : '-m' expects at a matching pattern ('str', 'beg', 'end', 'sub' or 'reg')"
                ));
            }
            m => {
                return Err(format!(
                    "'{word}' : '-m' only supports 'str', 'beg', 'end', 'sub' or 'reg' (got '{m}')"
                ));
            }
        };
        *i += 2;
    }
    if method == HeaderMatch::Reg {
        check_regex(&line.arg(*i).to_owned(), true)?;
    }
    let text = if is_format { format(cx, line, *i)? } else { literal(line, *i) };
    *i += 1;
    Ok(HeaderPattern { method, text })
}

/// A word as a format without variable parts.
fn literal(line: &Line, i: usize) -> LogFormat {
    LogFormat { nodes: vec![rha_ir::LogNode::Text(line.arg(i).to_owned())], origin: line.at(i) }
}
