//! `stick-table`: every argument checked, the table itself planned.
//!
//! HAProxy configuration manual §11 "Stick-tables". The same checks serve `table` lines of `peers`
//! sections.

use rha_ir::StickTable;
use rha_text::Severity;
use rha_vocab::Dialect;

use super::basics::shown;
use super::draft;
use super::rows::planned;
use crate::units::{self, TimeError, TimeUnit};
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[planned(
    "stick-table",
    Place::LISTEN.or(Place::FRONTEND).or(Place::BACKEND),
    "type {ip|ipv6|integer|string [len <n>]|binary [len <n>]} size <size> [options]",
    "Declares a table of what is known about clients.",
    stick_table,
)];

/// Arguments of a stored value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Period,
    Size,
    SizeAndPeriod,
}

const DATA: &[(&str, Takes, Option<Dialect>)] = &[
    ("server_id", Takes::Nothing, None),
    ("gpt0", Takes::Nothing, None),
    ("gpc0", Takes::Nothing, None),
    ("gpc0_rate", Takes::Period, None),
    ("conn_cnt", Takes::Nothing, None),
    ("conn_rate", Takes::Period, None),
    ("conn_cur", Takes::Nothing, None),
    ("sess_cnt", Takes::Nothing, None),
    ("sess_rate", Takes::Period, None),
    ("http_req_cnt", Takes::Nothing, None),
    ("http_req_rate", Takes::Period, None),
    ("http_err_cnt", Takes::Nothing, None),
    ("http_err_rate", Takes::Period, None),
    ("bytes_in_cnt", Takes::Nothing, None),
    ("bytes_in_rate", Takes::Period, None),
    ("bytes_out_cnt", Takes::Nothing, None),
    ("bytes_out_rate", Takes::Period, None),
    ("gpc1", Takes::Nothing, None),
    ("gpc1_rate", Takes::Period, None),
    ("server_key", Takes::Nothing, None),
    ("http_fail_cnt", Takes::Nothing, None),
    ("http_fail_rate", Takes::Period, None),
    ("gpt", Takes::Size, None),
    ("gpc", Takes::Size, None),
    ("gpc_rate", Takes::SizeAndPeriod, None),
    ("glitch_cnt", Takes::Nothing, Some(Dialect::V3_0)),
    ("glitch_rate", Takes::Period, Some(Dialect::V3_0)),
];

fn stick_table(cx: &mut Cx<'_>, line: &Line) {
    let Some(d) = draft(cx, line) else { return };
    if d.is_defaults {
        let text = "'stick-table' is not supported in 'defaults' section.";
        return cx.error("HA2104", line, 0, text);
    }
    let (name, section) = (d.proxy.name.clone(), d.word());
    if let Some((owner, at)) = cx.proxies.tables.get(&name) {
        let text = format!(
            "stick-table name '{name}' conflicts with table declared in {owner} at {}.",
            cx.position(*at)
        );
        return cx.error("HA3103", line, 0, text);
    }
    let Some(peers) = check(cx, line, 1, false) else { return };
    cx.proxies.tables.insert(name.clone(), (format!("{section} '{name}'"), line.span));
    let words = (1..line.len()).map(|i| line.text(i)).collect();
    if let Some(d) = draft(cx, line) {
        d.extra.table_peers = peers;
        d.proxy.stick_table = Some(StickTable { words, origin: line.span });
    }
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    size: u32,
    has_type: bool,
    stored: Vec<&'static str>,
    peers: Option<String>,
}

/// Checks the arguments from word `start` on. `Some` holds the name of the `peers` section, if one is
/// named; `None` after an error that has been said.
pub fn check(cx: &mut Cx<'_>, line: &Line, start: usize, in_peers: bool) -> Option<Option<String>> {
    let keyword = line.text(0);
    let mut seen = Seen::default();
    let mut i = start;
    while !line.arg(i).is_empty() {
        match argument(cx, line, i, in_peers, &mut seen) {
            Ok(used) => i += used,
            Err(text) => {
                cx.error("HA2100", line, i, text);
                return None;
            }
        }
    }
    if seen.size == 0 {
        cx.error("HA2100", line, 0, format!("{keyword}: missing size."));
        return None;
    }
    if !seen.has_type {
        cx.error("HA2100", line, 0, format!("{keyword}: missing type."));
        return None;
    }
    Some(seen.peers)
}

/// Reads one argument; how many words it has.
fn argument(
    cx: &mut Cx<'_>,
    line: &Line,
    i: usize,
    in_peers: bool,
    seen: &mut Seen,
) -> Result<usize, String> {
    let k = line.text(0);
    let word = line.text(i);
    let needs_value = || {
        if line.arg(i + 1).is_empty() {
            Err(format!("{k}: missing argument after '{word}'."))
        } else {
            Ok(())
        }
    };
    match word.as_str() {
        "size" => {
            needs_value()?;
            seen.size = units::size(line.arg(i + 1))
                .map_err(|c| format!("{k}: unexpected character '{}' in argument of 'size'.", shown(c)))?;
            Ok(2)
        }
        "peers" if !in_peers => {
            needs_value()?;
            seen.peers = Some(line.text(i + 1));
            Ok(2)
        }
        "expire" => {
            needs_value()?;
            expire(cx, line, i)?;
            Ok(2)
        }
        "nopurge" => Ok(1),
        "recv-only" if cx.input.dialect >= Dialect::V3_2 => Ok(1),
        "brates-factor" if cx.input.dialect >= Dialect::V3_0 => {
            needs_value()?;
            Ok(2)
        }
        "type" => key_type(cx.input.dialect, line, i, seen),
        "store" => {
            store(cx, line, i, seen)?;
            Ok(2)
        }
        "srvkey" => {
            if line.is(i + 1, "name") || line.is(i + 1, "addr") {
                return Ok(2);
            }
            Err(format!("{k} : unknown server key type '{}'.", line.text(i + 1)))
        }
        "write-to" if cx.input.dialect >= Dialect::V3_0 => {
            if line.arg(i + 1).is_empty() {
                return Err(format!("{k} : write-to requires table name."));
            }
            if let Some(d) = cx.draft.as_mut() {
                d.extra.table_write_to = Some(line.text(i + 1));
            }
            Ok(2)
        }
        _ => Err(format!("{k}: unknown argument '{word}'.")),
    }
}

fn expire(cx: &mut Cx<'_>, line: &Line, i: usize) -> Result<(), String> {
    let k = line.text(0);
    let value = line.text(i + 1);
    units::time_warned(cx, line.at(i + 1), line.arg(i + 1), TimeUnit::Ms).map(|_| ()).map_err(|e| match e {
        TimeError::Over => format!("{k}: timer overflow in argument <{value}> to <expire>, maximum value is 2147483647 ms (~24.8 days)."),
        TimeError::Under => format!("{k}: timer underflow in argument <{value}> to <expire>, minimum non-null value is 1 ms."),
        TimeError::Unexpected(c) => format!("{k}: unexpected character '{}' in argument of 'expire'.", shown(c)),
    })
}

fn key_type(dialect: Dialect, line: &Line, i: usize, seen: &mut Seen) -> Result<usize, String> {
    let word = line.text(i + 1);
    if !["ip", "ipv6", "integer", "string", "binary"].contains(&word.as_str()) {
        return Err(format!("{}: unknown type '{word}'.", line.text(0)));
    }
    seen.has_type = true;
    if !matches!(word.as_str(), "string" | "binary") || !line.is(i + 2, "len") {
        return Ok(2);
    }
    let (n, rest) = units::strtol(line.arg(i + 3), 10);
    if n == 0 || !rest.is_empty() {
        if dialect < Dialect::V2_8 {
            return Err(format!("{}: unknown type '{}'.", line.text(0), line.text(i + 3)));
        }
        return Err("'len' expects a positive integer argument.".into());
    }
    Ok(4)
}

fn store(cx: &mut Cx<'_>, line: &Line, i: usize, seen: &mut Seen) -> Result<(), String> {
    let k = line.text(0);
    let text = line.text(i + 1);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (name, args, after) = next_item(rest)
            .map_err(|name| format!("{k}: missing closing parenthesis after store option '{name}'."))?;
        let dialect = cx.input.dialect;
        let found = DATA.iter().find(|(n, _, since)| *n == name && since.is_none_or(|s| dialect >= s));
        let Some((known, takes, _)) = found else {
            return Err(format!("{k}: unknown store option '{name}'."));
        };
        if seen.stored.contains(known) {
            let text = format!("{k}: store option '{name}' already enabled, ignored.");
            cx.parsing("HA3108", Severity::Warning, line, i + 1, ": ", &text);
        } else {
            check_args(*takes, args).map_err(|e| format!("{k}: {e} '{name}'."))?;
            seen.stored.push(known);
        }
        rest = after;
    }
    let has = |n: &str| seen.stored.contains(&n);
    for (array, singles, shown) in [
        ("gpt", ["gpt0", "gpt0"], "gpt0"),
        ("gpc", ["gpc0", "gpc1"], "gpc[0/1]"),
        ("gpc_rate", ["gpc0_rate", "gpc1_rate"], "gpc[0/1]_rate"),
    ] {
        if has(array) && singles.iter().any(|s| has(s)) {
            return Err(format!(
                "{k}: simultaneous usage of '{array}' and '{shown}' in a same table is not permitted as '{array}' overrides '{shown}'."
            ));
        }
    }
    Ok(())
}

/// Name, text in parentheses, and what follows the comma.
fn next_item(text: &str) -> Result<(&str, Option<&str>, &str), &str> {
    let end = text.find([',', '(']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let Some(inner) = rest.strip_prefix('(') else {
        return Ok((name, None, rest.strip_prefix(',').unwrap_or(rest)));
    };
    let (args, after) = inner.split_once(')').ok_or(name)?;
    let after = after.split_once(',').map_or("", |(_, a)| a);
    Ok((name, Some(args), after))
}

fn check_args(takes: Takes, args: Option<&str>) -> Result<(), &'static str> {
    const MISSING: &str = "missing argument to store option";
    const UNUSED: &str = "unexpected argument to store option";
    let (first, second) = match args {
        None => (None, None),
        Some(a) => a.split_once(',').map_or((Some(a), None), |(x, y)| (Some(x), Some(y))),
    };
    let period = |p: Option<&str>| match p {
        None => Err(MISSING),
        Some(p) => units::time(p.as_bytes(), TimeUnit::Ms)
            .map(|_| ())
            .map_err(|_| "error when processing store option"),
    };
    let size = |s: Option<&str>| match s.map(|s| units::atoi(s.as_bytes())) {
        None => Err(MISSING),
        Some(1..=100) => Ok(()),
        Some(_) => Err("array size is out of allowed range (1-100) for store option"),
    };
    match takes {
        Takes::Nothing if first.is_some() => Err(UNUSED),
        Takes::Nothing => Ok(()),
        Takes::Period => period(first),
        Takes::Size => {
            size(first)?;
            if second.is_some() { Err(UNUSED) } else { Ok(()) }
        }
        Takes::SizeAndPeriod => {
            size(first)?;
            period(second)
        }
    }
}
