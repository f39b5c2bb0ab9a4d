//! Files of `bind … crt-list`: a certificate, options in brackets, names, one certificate a line.
//!
//! HAProxy configuration manual §5.1 "crt-list". COMPAT: what is wrong with an option is said as on a
//! `bind` line, without a place of its own; held by `fixtures/haproxy/lines/tls.tsv`.

use super::bind::BindDraft;
use super::bind_options::{CRT_LIST, OPTIONS};
use super::tls_options;
use crate::{Cx, Line, Word};

/// Reads a list; what its lines hold is judged and not kept.
///
/// # Errors
/// The original's words for the first line that is wrong. `Ok(false)`: there is no certificate in it.
pub(super) fn read(cx: &mut Cx<'_>, line: &Line, path: &str, bytes: &[u8]) -> Result<bool, String> {
    let mut any = false;
    for (n, text) in bytes.split(|b| *b == b'\n').enumerate() {
        let text = String::from_utf8_lossy(text);
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        entry(cx, line, text).map_err(|e| match e {
            Wrong::Form(e) => format!("'crt-list' : parsing [{path}:{}]: {e}", n + 1),
            Wrong::Value(e) => format!("'crt-list' : {e}"),
        })?;
        any = true;
    }
    Ok(any)
}

enum Wrong {
    /// Said with the line of the list.
    Form(String),
    /// Said without.
    Value(String),
}

fn entry(cx: &mut Cx<'_>, line: &Line, text: &str) -> Result<(), Wrong> {
    if text.starts_with('[') {
        return Err(Wrong::Form("file must start with a cert".to_owned()));
    }
    let (head, rest) = text.split_once('[').unwrap_or((text, ""));
    let mut words = head.split_whitespace();
    let file = words.next().unwrap_or_default();
    if !text.contains('[') && text.contains(']') {
        return Err(Wrong::Form("missing '['".to_owned()));
    }
    let options: Vec<&str> = rest.split(']').next().unwrap_or_default().split_whitespace().collect();
    judge(cx, line, &options)?;
    tls_options::certificate(cx, file).map_err(Wrong::Value)
}

fn judge(cx: &mut Cx<'_>, line: &Line, options: &[&str]) -> Result<(), Wrong> {
    let dialect = cx.input.dialect;
    let at = line.at(line.len());
    let word = |t: &str| Word { text: t.into(), span: at, expanded: false, quoted: false };
    let words: Vec<Word> = options.iter().map(|t| word(t)).collect();
    let own = Line { words, span: line.span };
    let mut draft = BindDraft { bind: rha_ir::Bind::default(), sockets: 0, has_reverse: false };
    let mut i = 0;
    while let Some(name) = options.get(i) {
        if *name == "ocsp-update" && dialect >= rha_vocab::Dialect::V2_8 {
            i += 2;
            continue;
        }
        let listed = OPTIONS.iter().filter(|_| CRT_LIST.contains(name));
        let Some(option) = listed.into_iter().find(|o| o.name == *name && o.lifetime.covers(dialect)) else {
            return Err(Wrong::Form(format!("unknown ssl keyword {name}")));
        };
        if option.words > 0 && options.get(i + 1).is_none() {
            return Err(Wrong::Form(format!("ssl args out of '[]' for {name}")));
        }
        (option.apply)(cx, &own, i, &mut draft).map_err(|e| Wrong::Value(e.trim_end().to_owned()))?;
        i += 1 + option.words;
    }
    Ok(())
}
