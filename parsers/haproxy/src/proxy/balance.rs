//! `balance`, `hash-type`, `hash-balance-factor`, `hash-preserve-affinity`.

use std::sync::Arc;

use rha_ir::{Balance, BalanceKey, HashFunction, HashKind, HashType};
use rha_vocab::{Dialect, Lifetime};

use super::rows::{known, planned, row};
use super::{draft, warn_unless};
use crate::units;
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[
    row("balance", Place::BACK, "<algorithm> [<arguments>]", "Sets how a server is picked.", balance),
    row(
        "hash-type",
        Place::BACK,
        "<method> [<function> [<modifier>]]",
        "Sets how keys are mapped to servers.",
        hash_type,
    ),
    row(
        "hash-balance-factor",
        Place::BACK,
        "<factor>",
        "Limits the load of one server in a hash ring.",
        factor,
    ),
    known(
        Lifetime::since(3, 2),
        planned(
            "hash-preserve-affinity",
            Place::BACK,
            "always|maxconn|maxqueue",
            "Sets when a hashed server is left.",
            affinity,
        ),
    ),
];

fn balance(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::BACKEND, "balance", "");
    let parsed = algorithm(cx.input.dialect, line);
    match parsed {
        Err(text) => cx.error("HA2100", line, 1, format!("balance {text}")),
        Ok(b) => {
            let Some(d) = draft(cx, line) else { return };
            let hash = line.is(1, "hash") || line.is(1, "log-hash");
            d.extra.balance_hash = hash.then(|| Arc::new(line.clone()));
            d.extra.balance_needs_http = matches!(
                b,
                Balance::Hash(
                    BalanceKey::Uri { .. } | BalanceKey::UrlParam { .. } | BalanceKey::Header { .. }
                )
            );
            d.extra.balance_needs_log = line.is(1, "log-hash");
            let planned = line.is(1, "log-hash") || matches!(b, Balance::Sticky);
            d.proxy.service.balance = Some(b);
            if planned {
                cx.note(&format!("balance {}", line.text(1)), rha_vocab::Support::Planned, line.at(1));
            }
        }
    }
}

fn algorithm(dialect: Dialect, line: &Line) -> Result<Balance, String> {
    let word = line.text(1);
    Ok(match word.as_str() {
        "" | "roundrobin" => Balance::RoundRobin,
        "static-rr" => Balance::StaticRr,
        "first" => Balance::First,
        "leastconn" => Balance::LeastConn,
        "source" => Balance::Hash(BalanceKey::Source),
        "uri" => Balance::Hash(uri(line)?),
        "url_param" => Balance::Hash(url_param(line)?),
        "hash" => {
            if line.arg(2).is_empty() {
                return Err("hash requires a sample expression.".into());
            }
            if !line.arg(3).is_empty() {
                return Err(format!("hash takes no other argument (got '{}').", line.text(3)));
            }
            Balance::RoundRobin
        }
        "log-hash" if dialect >= Dialect::V3_0 => {
            if line.arg(2).is_empty() {
                return Err("log-hash requires a converter list.".into());
            }
            Balance::RoundRobin
        }
        "sticky" if dialect >= Dialect::V3_0 => Balance::Sticky,
        w if w.starts_with("random") => Balance::Random(draws(&w[6..])?),
        w if w.starts_with("hdr(") => Balance::Hash(header(&w[4..], line)?),
        w if w.starts_with("rdp-cookie") => Balance::Hash(rdp_cookie(&w[10..])?),
        _ if dialect >= Dialect::V3_0 => {
            return Err("only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hash', 'hdr(name)', 'rdp-cookie(name)', 'log-hash' and 'sticky' options.".into());
        }
        _ => {
            return Err("only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and 'rdp-cookie(name)' options.".into());
        }
    })
}

fn draws(rest: &str) -> Result<u32, String> {
    let Some(inner) = rest.strip_prefix('(').filter(|r| !r.starts_with(')')) else { return Ok(2) };
    let (n, tail) = units::strtol(inner.as_bytes(), 0);
    match tail.first() {
        Some(b')') => {}
        None => return Err("random : missing closing parenthesis.".into()),
        Some(c) => return Err(format!("random : unexpected character '{}' after argument.", *c as char)),
    }
    u32::try_from(n)
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| "random : number of draws must be at least 1.".to_owned())
}

fn uri(line: &Line) -> Result<BalanceKey, String> {
    let (mut len, mut depth, mut whole, mut path_only) = (None, None, false, false);
    let mut i = 2;
    while !line.arg(i).is_empty() {
        match line.bytes(i) {
            word @ (b"len" | b"depth") => {
                let n = u32::try_from(units::atoi(line.arg(i + 1))).ok().filter(|n| *n > 0);
                let Some(n) = n else {
                    return Err(format!(
                        "uri : '{}' expects a positive integer (got '{}').",
                        line.text(i),
                        line.text(i + 1)
                    ));
                };
                *if word == b"len" { &mut len } else { &mut depth } = Some(n);
                i += 2;
            }
            b"whole" => {
                whole = true;
                i += 1;
            }
            b"path-only" => {
                path_only = true;
                i += 1;
            }
            _ => {
                return Err(format!(
                    "uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got '{}').",
                    line.text(i)
                ));
            }
        }
    }
    Ok(BalanceKey::Uri { len, depth, whole, path_only })
}

fn url_param(line: &Line) -> Result<BalanceKey, String> {
    if line.arg(2).is_empty() {
        return Err("url_param requires an URL parameter name.".into());
    }
    let check_post = match line.bytes(3) {
        b"" => None,
        b"check_post" => Some(u32::try_from(units::atol(line.arg(4))).unwrap_or(0)),
        _ => {
            return Err(format!("url_param only accepts 'check_post' modifier (got '{}').", line.text(3)));
        }
    };
    Ok(BalanceKey::UrlParam { name: line.arg(2).into(), check_post })
}

fn header(rest: &str, line: &Line) -> Result<BalanceKey, String> {
    let name = rest.split_once(')').map(|(n, _)| n).filter(|n| !n.is_empty());
    let Some(name) = name else { return Err("hdr requires an http header field name.".into()) };
    let domain_only = match line.bytes(2) {
        b"" => false,
        b"use_domain_only" => true,
        _ => {
            return Err(format!(
                "{} only accepts 'use_domain_only' modifier (got '{}').",
                line.text(1),
                line.text(2)
            ));
        }
    };
    Ok(BalanceKey::Header { name: name.into(), domain_only })
}

fn rdp_cookie(rest: &str) -> Result<BalanceKey, String> {
    if rest.is_empty() {
        return Ok(BalanceKey::RdpCookie("mstshash".into()));
    }
    let name =
        rest.strip_prefix('(').and_then(|r| r.split_once(')')).map(|(n, _)| n).filter(|n| !n.is_empty());
    name.map(|n| BalanceKey::RdpCookie(n.into()))
        .ok_or_else(|| "rdp-cookie : missing cookie name.".to_owned())
}

fn hash_type(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::BACKEND, "hash-type", "");
    match hash(cx.input.dialect, line) {
        Ok(h) => {
            if let Some(d) = draft(cx, line) {
                d.proxy.service.hash_type = h;
            }
        }
        Err(text) => cx.error("HA2100", line, 1, text),
    }
}

fn hash(dialect: Dialect, line: &Line) -> Result<HashType, &'static str> {
    let kind = match line.bytes(1) {
        b"consistent" => HashKind::Consistent,
        b"map-based" => HashKind::MapBased,
        b"avalanche" => {
            return Err(
                "experimental feature 'hash-type avalanche' is not supported anymore, please use 'hash-type map-based sdbm avalanche' instead.",
            );
        }
        _ => return Err("'hash-type' only supports 'consistent' and 'map-based'."),
    };
    let function = match line.bytes(2) {
        b"" => {
            let avalanche = kind == HashKind::Consistent;
            return Ok(HashType { kind, function: HashFunction::Sdbm, function_written: false, avalanche });
        }
        b"sdbm" => HashFunction::Sdbm,
        b"djb2" => HashFunction::Djb2,
        b"wt6" => HashFunction::Wt6,
        b"crc32" => HashFunction::Crc32,
        b"none" if dialect >= Dialect::V2_8 => HashFunction::None,
        _ => return Err("'hash-type' only supports 'sdbm', 'djb2', 'crc32', or 'wt6' hash functions."),
    };
    let avalanche = match line.bytes(3) {
        b"" => false,
        b"avalanche" => true,
        _ => return Err("'hash-type' only supports 'avalanche' as a modifier for hash functions."),
    };
    Ok(HashType { kind, function, function_written: true, avalanche })
}

fn factor(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "'hash-balance-factor' expects an integer argument.");
    }
    let n = units::atol(line.arg(1));
    if n != 0 && n <= 100 {
        return cx.error("HA2100", line, 1, "'hash-balance-factor' must be 0 or greater than 100.");
    }
    if let Some(d) = draft(cx, line) {
        d.proxy.service.hash_balance_factor = u32::try_from(n).unwrap_or(0);
    }
}

fn affinity(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::BACKEND, "hash-preserve-affinity", "");
    if !["always", "maxconn", "maxqueue"].iter().any(|w| line.is(1, w)) {
        let text = format!(
            "'hash-preserve-affinity': unsupported keyword '{}' (expects 'always', 'maxconn', or 'maxqueue')",
            line.text(1)
        );
        return cx.error("HA2100", line, 1, text);
    }
    if let Some(d) = draft(cx, line) {
        d.proxy.hash_preserve_affinity = Some(line.text(1));
    }
}
