//! `source` and its `usesrc` and `interface`, for proxies and servers alike.

use rha_ir::Address;

use super::address::{self, Wants};
use super::rows::{planned, row};
use super::{draft, warn_unless};
use crate::units;
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[
    row(
        "source",
        Place::BACK,
        "<addr>[:<port>] [usesrc …] [interface <name>]",
        "Sets the address connections to servers come from.",
        source,
    ),
    planned("usesrc", Place::BACK, "", "Only has a meaning after an address.", usesrc),
];

/// Occurrences of a header that `hdr_ip` can count back to.
const MAX_HISTORY: i64 = 10;

fn usesrc(cx: &mut Cx<'_>, line: &Line) {
    cx.error("HA2103", line, 0, "'usesrc' only allowed after a 'source' statement.");
}

fn source(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::BACKEND, "source", "");
    if line.arg(1).is_empty() {
        let text =
            "'source' expects <addr>[:<port>], and optionally 'usesrc' <addr>, and 'interface' <name>.";
        return cx.error("HA2100", line, 1, text);
    }
    let found = match address::read(cx, &line.text(1), Wants::SOURCE) {
        Ok(f) => f.address,
        Err(e) => return cx.error("HA2200", line, 1, format!("'source {}' : {e}", line.text(1))),
    };
    let mut header = None;
    let mut i = 2;
    while !line.arg(i).is_empty() {
        if line.is(i, "usesrc") {
            match use_source(cx, line, i) {
                Ok(h) => header = h.or(header),
                Err(text) => return cx.error("HA2100", line, i + 1, text),
            }
            cx.note("source usesrc", rha_vocab::Support::Planned, line.at(i));
        } else if line.is(i, "interface") {
            if line.arg(i + 1).is_empty() {
                return cx.error("HA2100", line, i + 1, "'source' : missing interface name.");
            }
            cx.note("source interface", rha_vocab::Support::Planned, line.at(i));
        } else {
            let text = "'source' only supports optional keywords 'interface' and 'usesrc'.";
            return cx.error("HA2101", line, i, text);
        }
        i += 2;
    }
    if let Some(d) = draft(cx, line) {
        d.proxy.source = Some(found);
        d.extra.source_header = header;
    }
}

/// Reads what follows `usesrc` at word `i`: a header name if it is one.
fn use_source(cx: &Cx<'_>, line: &Line, i: usize) -> Result<Option<String>, String> {
    let value = line.text(i + 1);
    match value.as_str() {
        "" => Err("'usesrc' expects <addr>[:<port>], 'client', or 'clientip' as argument.".into()),
        "client" | "clientip" => Ok(None),
        v if v.starts_with("hdr_ip(") => header(&v[7..]).map(Some).ok_or_else(|| {
            format!("usesrc hdr_ip(name,num) does not support negative occurrences values smaller than {MAX_HISTORY}.")
        }),
        v => address::read(cx, v, Wants::SOURCE).map(|_| None).map_err(|e| format!("'usesrc {v}' : {e}")),
    }
}

fn header(text: &str) -> Option<String> {
    let text = text.trim_start();
    let end = text.find(|c: char| c.is_whitespace() || c == ',' || c == ')').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if let Some(n) = rest.trim_start().strip_prefix(',')
        && units::atol(n.as_bytes()) < -MAX_HISTORY
    {
        return None;
    }
    Some(name.to_owned())
}

/// `source` on a `server` line: the address and how many words were used.
///
/// # Errors
/// The original's words.
pub(super) fn on_server(cx: &mut Cx<'_>, line: &Line, at: usize) -> Result<(Address, usize), String> {
    if line.arg(at + 1).is_empty() {
        return Err("'source' expects <addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, and 'interface' <name> as argument.\n".into());
    }
    let value = line.text(at + 1);
    let found = address::read(cx, &value, Wants::SOURCE.and(Wants::RANGE))
        .map_err(|e| format!("'source {value}' : {e}\n"))?;
    let mut i = at + 2;
    loop {
        if line.is(i, "usesrc") {
            use_source(cx, line, i)?;
            cx.note("source usesrc", rha_vocab::Support::Planned, line.at(i));
        } else if line.is(i, "interface") {
            if line.arg(i + 1).is_empty() {
                return Err("'source' : missing interface name.\n".into());
            }
            cx.note("source interface", rha_vocab::Support::Planned, line.at(i));
        } else {
            return Ok((found.address, i - at));
        }
        i += 2;
    }
}
