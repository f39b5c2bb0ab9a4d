//! `compression …`.

use rha_vocab::Dialect;

use super::draft;
use super::rows::planned;
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[planned(
    "compression",
    Place::PROXY,
    "algo|type|offload|direction …",
    "Compresses responses.",
    compression,
)];

fn compression(cx: &mut Cx<'_>, line: &Line) {
    let newer = cx.input.dialect >= Dialect::V2_8;
    let result = match line.bytes(1) {
        b"algo" => algorithms(line),
        b"algo-res" | b"algo-req" if newer => algorithms(line),
        b"type" => types(line),
        b"type-res" | b"type-req" if newer => types(line),
        b"offload" => {
            if cx.draft.as_ref().is_some_and(|d| d.is_defaults) {
                let text = "'compression' : 'offload' ignored in 'defaults' section.";
                cx.warning("HA2104", line, 1, text);
            }
            Ok(())
        }
        b"direction" if newer => {
            if ["request", "response", "both"].iter().any(|w| line.is(2, w)) {
                Ok(())
            } else {
                Err("'compression' expects 'request', 'response', or 'both'.".to_owned())
            }
        }
        b"minsize-req" | b"minsize-res" if cx.input.dialect >= Dialect::V3_2 => {
            crate::units::size(line.arg(2))
                .map(|_| ())
                .map_err(|_| format!("'compression' '{}' : invalid size.", line.text(1)))
        }
        _ if newer => Err("'compression' expects 'algo', 'type' 'direction' or 'offload'".to_owned()),
        _ => Err("'compression' expects 'algo', 'type' or 'offload'".to_owned()),
    };
    match result {
        Ok(()) => {
            if let Some(d) = draft(cx, line) {
                d.extra.compression = true;
            }
        }
        Err(text) => {
            let text = if text.starts_with("parsing") {
                format!("parsing [{}] : 'compression' expects <algorithm>.", cx.position(line.span))
            } else {
                text
            };
            cx.error("HA2100", line, 1, text);
        }
    }
}

fn algorithms(line: &Line) -> Result<(), String> {
    if line.arg(2).is_empty() {
        return Err("parsing".to_owned());
    }
    for i in 2..line.len() {
        if !["identity", "gzip", "deflate", "raw-deflate"].iter().any(|w| line.is(i, w)) {
            return Err(format!("'compression' : '{}' is not a supported algorithm.", line.text(i)));
        }
    }
    Ok(())
}

fn types(line: &Line) -> Result<(), String> {
    if line.arg(2).is_empty() { Err("'compression' expects <type>.".to_owned()) } else { Ok(()) }
}
