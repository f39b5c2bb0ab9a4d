//! `capture …` and `declare capture …`.

use rha_ir::Capture;

use super::rows::row;
use super::{draft, too_many, warn_unless};
use crate::units;
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[
    row(
        "capture",
        Place::FRONT,
        "cookie|request header|response header <name> len <length>",
        "Keeps a value for the log.",
        capture,
    ),
    row(
        "declare",
        Place::FRONT,
        "capture [request|response] len <length>",
        "Makes room for a value that rules fill.",
        declare,
    ),
];

fn capture(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::FRONTEND, "capture", "");
    let request = line.is(1, "request") && line.is(2, "header");
    let response = line.is(1, "response") && line.is(2, "header");
    let cookie = line.is(1, "cookie");
    if !request && !response && !cookie {
        let text = "'capture' expects 'cookie' or 'request header' or 'response header'.";
        return cx.error("HA2101", line, 1, text);
    }
    let Some(d) = draft(cx, line) else { return };
    if d.is_defaults {
        let text = format!("'capture {}' not allowed in 'defaults' section.", line.text(1));
        return cx.error("HA2104", line, 1, text);
    }
    if too_many(cx, line, 4, 1) {
        return;
    }
    if cookie {
        return capture_cookie(cx, line);
    }
    if line.arg(3).is_empty() || !line.is(4, "len") || line.arg(5).is_empty() {
        let text = format!("'capture {}' expects 'header' <header_name> 'len' <len>.", line.text(1));
        return cx.error("HA2100", line, 3, text);
    }
    let c = Capture { name: line.arg(3).into(), len: length(line, 5) };
    if let Some(d) = draft(cx, line) {
        let list = if request { &mut d.proxy.request_captures } else { &mut d.proxy.response_captures };
        list.push(c);
    }
}

fn length(line: &Line, i: usize) -> u32 {
    u32::try_from(units::atoi(line.arg(i))).unwrap_or(0)
}

fn capture_cookie(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(4).is_empty() {
        return cx.error("HA2100", line, 4, "'capture' expects 'cookie' <cookie_name> 'len' <len>.");
    }
    if let Some(d) = draft(cx, line) {
        d.proxy.cookie_capture = Some(Capture { name: line.arg(2).into(), len: length(line, 4) });
    }
}

fn declare(cx: &mut Cx<'_>, line: &Line) {
    match slot(cx, line) {
        Err(text) => cx.error("HA2100", line, 1, text),
        Ok(len) => {
            let c = Capture { name: Default::default(), len };
            if let Some(d) = draft(cx, line) {
                let request = line.is(2, "request");
                let list =
                    if request { &mut d.proxy.request_captures } else { &mut d.proxy.response_captures };
                list.push(c);
            }
        }
    }
}

fn slot(cx: &Cx<'_>, line: &Line) -> Result<u32, String> {
    let d = cx.draft.as_ref();
    if d.is_some_and(|d| d.is_defaults) {
        return Err("'declare' not available in default section".into());
    }
    if !d.is_some_and(super::Draft::is_frontend) {
        return Err("'declare' only available in frontend or listen section".into());
    }
    if line.arg(1).is_empty() {
        return Err(
            "'declare' needs a second keyword that specify the type of declaration ('capture')".into()
        );
    }
    if !line.is(1, "capture") {
        return Err(format!("unknown declaration type '{}' (supports 'capture')", line.text(1)));
    }
    if !line.is(2, "request") && !line.is(2, "response") {
        return Err("'declare capture' requires a direction ('request' or 'response')".into());
    }
    if !line.is(3, "len") {
        return Err("'declare capture' requires a capture length ('len')".into());
    }
    if line.arg(4).is_empty() {
        return Err(
            "'declare capture': 'len' requires a numeric value that represents the capture length".into()
        );
    }
    let (n, rest) = units::strtol(line.arg(4), 10);
    if !rest.is_empty() {
        return Err("'declare capture': cannot parse the length 'len'.".into());
    }
    u32::try_from(n).ok().filter(|n| *n > 0).ok_or_else(|| "length must be > 0".to_owned())
}
