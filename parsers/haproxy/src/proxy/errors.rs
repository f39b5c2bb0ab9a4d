//! `errorfile`, `errorloc*`, `errorfiles`.

use rha_ir::ErrorFile;
use rha_vocab::Dialect;

use super::draft;
use super::rows::row;
use crate::units;
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[
    row(
        "errorfile",
        Place::PROXY,
        "<code> <file>",
        "Answers a status with the contents of a file.",
        errorfile,
    ),
    row("errorloc", Place::PROXY, "<code> <url>", "Redirects a status with 302.", errorloc),
    row("errorloc302", Place::PROXY, "<code> <url>", "Redirects a status with 302.", errorloc),
    row("errorloc303", Place::PROXY, "<code> <url>", "Redirects a status with 303.", errorloc),
    row(
        "errorfiles",
        Place::PROXY,
        "<name> [<code>…]",
        "Takes answers from an http-errors section.",
        errorfiles,
    ),
];

/// Statuses that have an answer of their own.
const STATUSES: [u16; 21] =
    [200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504];

/// Whether a status has an answer of its own.
fn handled(cx: &Cx<'_>, status: i64) -> Option<u16> {
    let status = u16::try_from(status).ok()?;
    let newer = matches!(status, 414 | 431) && cx.input.dialect < Dialect::V3_0;
    (STATUSES.contains(&status) && !newer).then_some(status)
}

fn errorfile(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() || line.arg(2).is_empty() {
        let text = "errorfile : expects <status_code> and <file> as arguments.\n";
        return cx.error("HA2100", line, 1, text);
    }
    let path = line.text(2);
    let Ok(content) = cx.input.files.read(&path) else {
        return cx.error("HA2400", line, 2, format!("errorfile : error opening file '{path}'."));
    };
    let status = units::atol(line.arg(1));
    let limit = cx.model.process.bufsize.unwrap_or(16384) as usize;
    let content = content.get(..limit.min(content.len())).unwrap_or_default().to_vec();
    if let Err(text) = well_formed(&content) {
        return cx.error("HA2400", line, 2, format!("errorfile : '{path}': {text}"));
    }
    let Some(status) = handled(cx, status) else {
        return cx.error("HA2100", line, 1, format!("errorfile : status code '{status}' not handled."));
    };
    if let Some(d) = draft(cx, line) {
        d.proxy.error_files.push((status, ErrorFile::Content(content)));
    }
}

/// COMPAT: an empty file is no answer at all; anything else must begin with a status line.
pub(crate) fn well_formed(content: &[u8]) -> Result<(), &'static str> {
    if content.is_empty() || content.starts_with(b"HTTP/") && memchr::memchr(b'\n', content).is_some() {
        return Ok(());
    }
    Err("unable to parse headers (error offset: 0)")
}

fn errorloc(cx: &mut Cx<'_>, line: &Line) {
    let keyword = line.text(0);
    if line.arg(1).is_empty() || line.arg(2).is_empty() {
        let text = format!("{keyword} : expects <status_code> and <url> as arguments.\n");
        return cx.error("HA2100", line, 1, text);
    }
    let status = units::atol(line.arg(1));
    let Some(status) = handled(cx, status) else {
        return cx.error("HA2100", line, 1, format!("{keyword} : status code '{status}' not handled."));
    };
    let code = if keyword == "errorloc303" { 303 } else { 302 };
    if let Some(d) = draft(cx, line) {
        d.proxy.error_files.push((status, ErrorFile::Location(code, line.arg(2).into())));
    }
}

fn errorfiles(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "errorfiles : expects <name> as argument.");
    }
    let mut codes = Vec::new();
    for i in 2..line.len() {
        let status = units::atol(line.arg(i));
        let Some(s) = handled(cx, status) else {
            return cx.error("HA2100", line, i, format!("errorfiles : status code '{status}' not handled."));
        };
        codes.push(s);
    }
    if let Some(d) = draft(cx, line) {
        let name = line.text(1);
        let wanted: &[u16] = if codes.is_empty() { &STATUSES } else { &codes };
        d.proxy.error_files.extend(wanted.iter().map(|c| (*c, ErrorFile::Section(name.clone()))));
        d.extra.error_sections.push((name, codes, line.span));
    }
}
