//! `stats socket`, `stats timeout`, `stats maxconn`: the runtime API's side of `global`.

use rha_ir::StatsSocket;
use rha_vocab::{Dialect, Support};

use super::{fail, row};
use crate::units::{self, TimeError, TimeUnit};
use crate::{Cx, Keyword, Line};

/// Rows.
pub const KEYWORDS: &[Keyword] = &[
    row("stats", "", Support::Full, "What none of the other stats keywords takes.", other),
    row(
        "stats socket",
        "[<address:port>|<path>] [param*]",
        Support::Full,
        "Opens a socket for the runtime API.",
        socket,
    ),
    row("stats timeout", "<timeout>", Support::Full, "Idle timeout of the runtime API.", timeout),
    row("stats maxconn", "<connections>", Support::Full, "Most connections to the runtime API.", maxconn),
    row("stats bind-process", "", Support::Full, "Gone since processes are threads.", bind_process),
];

fn other(cx: &mut Cx<'_>, line: &Line) {
    fail(cx, line, "'stats' only supports 'socket', 'maxconn', 'bind-process' and 'timeout' (got '{v}')");
}

fn socket(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(2).is_empty() {
        return fail(
            cx,
            line,
            "'stats socket' in global section expects an address or a path to a UNIX socket",
        );
    }
    match crate::proxy::parse_bind(cx, line, 2, 3, "global") {
        Ok(bind) => cx.model.process.stats_sockets.push(StatsSocket { bind }),
        // COMPAT: what is wrong with the address is said with its position twice and an empty line.
        Err(None) => {
            let position = format!("parsing [{}] : ", cx.position(line.span));
            if let Some(n) = cx.diagnostics.last_mut().and_then(|d| d.native.as_mut()) {
                n.text = n.text.replacen(&position, &position.repeat(2), 1) + "\n";
            }
        }
        Err(Some(_)) => reword(cx, line),
    }
}

/// COMPAT: what is wrong with an option is worded differently here than on a `bind` line.
fn reword(cx: &mut Cx<'_>, line: &Line) {
    let lead = format!("'stats socket {}' in section 'global'", line.text(2));
    let Some(n) = cx.diagnostics.last_mut().and_then(|d| d.native.as_mut()) else { return };
    let Some((before, after)) = n.text.split_once(&lead) else { return };
    n.text = if let Some(text) = after.strip_prefix(" : ") {
        format!("{before}'stats socket' : '{text}'")
    } else {
        let text = after.trim_start_matches(": ");
        let (what, suggestion) =
            text.split_once("; did you mean").unwrap_or((text.trim_end_matches('.'), ""));
        let suggestion =
            if suggestion.is_empty() { String::new() } else { format!(" Did you mean{suggestion}") };
        format!("{before}'stats socket' : {what}.{suggestion}")
    };
}

fn timeout(cx: &mut Cx<'_>, line: &Line) {
    let value = line.text(2);
    match units::time(line.arg(2), TimeUnit::Ms) {
        Ok(t) if t.value == 0 => fail(cx, line, "'stats timeout' expects a positive value"),
        Ok(t) => cx.model.process.stats_timeout_ms = Some(t.value),
        Err(TimeError::Over) => {
            let text = format!(
                "timer overflow in argument '{value}' to 'stats timeout' (maximum value is 2147483647 ms or ~24.8 days)"
            );
            fail(cx, line, &text);
        }
        Err(TimeError::Under) => {
            let text = format!(
                "timer underflow in argument '{value}' to 'stats timeout' (minimum non-null value is 1 ms)"
            );
            fail(cx, line, &text);
        }
        Err(TimeError::Unexpected(0)) => fail(cx, line, "'stats timeout' : unexpected character '"),
        Err(TimeError::Unexpected(c)) => {
            fail(cx, line, &format!("'stats timeout' : unexpected character '{}'", c as char));
        }
    }
}

fn maxconn(cx: &mut Cx<'_>, line: &Line) {
    match u32::try_from(units::atoi(line.arg(2))) {
        Ok(n) if n > 0 => cx.model.process.stats_maxconn = Some(n),
        _ => fail(cx, line, "'stats maxconn' expects a positive value"),
    }
}

fn bind_process(cx: &mut Cx<'_>, line: &Line) {
    if cx.input.dialect >= Dialect::V2_8 {
        return fail(cx, line, "'stats bind-process' is not supported anymore.");
    }
    for i in 2..line.len() {
        let word = line.text(i);
        let numbers = |w: &str| w.split('-').all(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()));
        if !matches!(word.as_str(), "all" | "odd" | "even") && !numbers(&word) {
            return fail(cx, line, &format!("'stats bind-process' : '{word}' is not a valid number/range."));
        }
        // COMPAT: one process is all there can be; a line break of the original's ends the message.
        if numbers(&word) && word.split('-').any(|n| n.parse() != Ok(1u32)) {
            let text = format!(
                "'stats bind-process' : '{word}' is not a valid number/range. It supports numbers from 1 to 1.\n"
            );
            return fail(cx, line, &text);
        }
    }
}
