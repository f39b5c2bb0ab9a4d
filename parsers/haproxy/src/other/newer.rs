//! Sections and keywords that came after 3.0: `acme`, `log-profile`, `healthcheck`, and what older sections
//! gained.
//!
//! HAProxy 3.5 configuration manual §3.13, §8.3.5, §12. No original that knows them was at hand: what they
//! demand and how they say it is read in the source of 3.5-dev5; held by `fixtures/haproxy/lines/newer.tsv`.

use rha_vocab::{Checkpoints, Lifetime};

use super::{any, fail, fail_tight, known, row, warn_tight};
use crate::expr::{ArgContext, LogSite, log_format_text};
use crate::units::{self, TimeError, TimeUnit};
use crate::{Cx, Keyword, Line, Place, proxy};

const V32: Lifetime = Lifetime::since(3, 2);
const V34: Lifetime = Lifetime::since(3, 4);

/// Rows.
pub const KEYWORDS: &[Keyword] = &[
    known(
        Lifetime::since(3, 5),
        row(Place::CACHE, "early-hints", "<on|off|only>", "Whether hints of a response are kept.", hints),
    ),
    known(V32, row(Place::LOG_FORWARD, "option", "<option>", "An option of the section.", forward_option)),
    known(V32, row(Place::LOG_PROFILE, "log-tag", "<tag>", "Program name in these lines.", log_tag)),
    known(
        V32,
        row(Place::LOG_PROFILE, "on", "<step> [drop] [format <fmt>] [sd <fmt>]", "What a step logs.", on),
    ),
    known(V32, row(Place::TRACES, "trace", "<args...>", "Switches a trace on.", any)),
    known(V32, row(Place::ACME, "directory", "<url>", "Where the authority is.", one)),
    known(V32, row(Place::ACME, "contact", "<mail>", "Address the authority may write to.", one)),
    known(V32, row(Place::ACME, "account-key", "<file>", "Key of the account.", one)),
    known(V32, row(Place::ACME, "challenge", "<type>", "How names are proved.", challenge)),
    known(V32, row(Place::ACME, "keytype", "<type>", "Kind of new keys.", key_type)),
    known(V32, row(Place::ACME, "bits", "<number>", "Size of RSA keys.", bits)),
    known(V32, row(Place::ACME, "curves", "<name>", "Curve of elliptic keys.", curves)),
    known(V32, row(Place::ACME, "map", "<map>", "Map of tokens and thumbprints.", one)),
    known(V34, row(Place::ACME, "eab-key-id", "<id>", "Name of the external account.", one)),
    known(V34, row(Place::ACME, "eab-mac-alg", "<alg>", "Algorithm of the external account.", mac_alg)),
    known(V34, row(Place::ACME, "eab-mac-key", "<key>", "Key of the external account.", one)),
    known(V34, row(Place::ACME, "profile", "<name>", "Profile asked of the authority.", profile)),
    known(V34, row(Place::ACME, "reuse-key", "{ on | off }", "Whether a key is kept at renewal.", reuse)),
    known(V34, row(Place::ACME, "acme-vars", "<vars>", "Variables for DNS challenges.", one)),
    known(V34, row(Place::ACME, "provider-name", "<name>", "Name of the DNS provider.", one)),
    known(
        V34,
        row(Place::ACME, "challenge-ready", "<conditions>", "When a challenge counts as ready.", ready),
    ),
    known(V34, row(Place::ACME, "dns-delay", "<time>", "Wait before a DNS challenge.", delay)),
    known(V34, row(Place::ACME, "dns-timeout", "<time>", "Longest wait for a DNS challenge.", delay)),
    known(V34, row(Place::HEALTHCHECK, "type", "<type>", "Protocol of the check.", check_type)),
    known(V34, row(Place::HEALTHCHECK, "http-check", "<rule>", "A step of an HTTP check.", any)),
    known(V34, row(Place::HEALTHCHECK, "tcp-check", "<rule>", "A step of a TCP check.", any)),
];

/// `keyword 'k' in 'acme' section …`.
fn acme(cx: &mut Cx<'_>, line: &Line, rest: &str) {
    let keyword = line.text(0);
    fail_tight(cx, line, format!("keyword '{keyword}' in 'acme' section {rest}"));
}

/// Exactly one argument; whether it is there.
fn has_one(cx: &mut Cx<'_>, line: &Line) -> bool {
    if line.arg(1).is_empty() {
        let what = if line.is(0, "account-key") { "a filename" } else { "an" };
        acme(cx, line, &format!("requires {what} argument"));
        return false;
    }
    !proxy::too_many(cx, line, 1, 0)
}

fn one(cx: &mut Cx<'_>, line: &Line) {
    has_one(cx, line);
}

fn challenge(cx: &mut Cx<'_>, line: &Line) {
    const KNOWN: [&str; 3] = ["http-01", "dns-01", "dns-persist-01"];
    let value = line.text(1);
    if !KNOWN.iter().any(|k| k.eq_ignore_ascii_case(&value)) {
        let text =
            "keyword 'challenge' in 'acme' must be one of the following: http-01, dns-01, dns-persist-01";
        return fail_tight(cx, line, text);
    }
    proxy::too_many(cx, line, 1, 0);
}

fn key_type(cx: &mut Cx<'_>, line: &Line) {
    if has_one(cx, line) && !line.is(1, "RSA") && !line.is(1, "ECDSA") {
        acme(cx, line, "requires either 'RSA' or 'ECDSA' argument");
    }
}

fn bits(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return acme(cx, line, "requires an argument");
    }
    if !units::strtol(line.arg(1), 10).1.is_empty() {
        let text = format!("cannot parse 'bits' value '{}', an integer is expected.", line.text(1));
        return fail(cx, line, text);
    }
    proxy::too_many(cx, line, 1, 0);
}

fn curves(cx: &mut Cx<'_>, line: &Line) {
    let known = ["P-256", "P-384", "P-521"].iter().any(|c| line.is(1, c));
    if has_one(cx, line) && !known {
        fail_tight(cx, line, format!("unsupported curves '{}'", line.text(1)));
    }
}

fn mac_alg(cx: &mut Cx<'_>, line: &Line) {
    let known = ["HS256", "HS384", "HS512"].iter().any(|a| line.is(1, a));
    if has_one(cx, line) && !known {
        let text = "keyword 'eab-mac-alg' in 'acme' must be one of the following: HS256, HS384, HS512";
        fail_tight(cx, line, text);
    }
}

fn profile(cx: &mut Cx<'_>, line: &Line) {
    if !has_one(cx, line) {
        return;
    }
    let bad = line.arg(1).iter().find(|c| !c.is_ascii_alphanumeric() && !b"-_".contains(c)).copied();
    if let Some(c) = bad {
        acme(cx, line, &format!("contains unauthorized character '{}'", c as char));
    }
}

fn reuse(cx: &mut Cx<'_>, line: &Line) {
    if has_one(cx, line) && !line.is(1, "on") && !line.is(1, "off") {
        acme(cx, line, "requires either the 'on' or 'off' parameter");
    }
}

fn ready(cx: &mut Cx<'_>, line: &Line) {
    if !has_one(cx, line) {
        return;
    }
    let value = line.text(1);
    let words: Vec<&str> = value.split(',').filter(|w| !w.is_empty()).collect();
    for word in &words {
        match *word {
            "cli" | "dns" | "delay" => {}
            "none" if words.len() == 1 => {}
            "none" => {
                let text = "keyword 'challenge-ready' in 'acme' can't combine 'none' with other keywords.";
                return fail_tight(cx, line, text);
            }
            _ => return acme(cx, line, "requires parameter separated by commas: 'cli', 'dns' or 'none'"),
        }
    }
}

fn delay(cx: &mut Cx<'_>, line: &Line) {
    if !has_one(cx, line) {
        return;
    }
    let (keyword, value) = (line.text(0), line.text(1));
    let text = match units::time(line.arg(1), TimeUnit::S) {
        Ok(_) => return,
        Err(TimeError::Over) => format!("timer overflow in argument <{value}> to '{keyword}'"),
        Err(TimeError::Under) => format!("timer underflow in argument <{value}> to '{keyword}'"),
        Err(TimeError::Unexpected(c)) => {
            format!("unexpected character '{}' in argument to '{keyword}'", c as char)
        }
    };
    fail_tight(cx, line, text);
}

fn log_tag(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        fail(cx, line, "'log-tag' expects a tag for use in syslog.");
    }
}

fn on(cx: &mut Cx<'_>, line: &Line) {
    const STEPS: [&str; 7] = ["accept", "request", "connect", "response", "close", "error", "any"];
    // Those that rules and subsystems register besides.
    const MORE: [&str; 7] =
        ["quic-init", "tcp-req-conn", "tcp-req-sess", "tcp-req-cont", "tcp-res-cont", "http-req", "http-res"];
    let step = line.text(1);
    let more = step == "http-after-res" || MORE.contains(&step.as_str());
    if !more && !STEPS.contains(&step.as_str()) {
        let text = "'on' expects a log step.\nexpected values are: 'accept', 'request', 'connect', 'response', 'close', 'error' or 'any'.";
        return fail_tight(cx, line, text);
    }
    let mut i = 2;
    while !line.arg(i).is_empty() {
        let word = line.text(i);
        match word.as_str() {
            "drop" if i == 2 => i += 1,
            "format" | "sd" if line.arg(i + 1).is_empty() => {
                return fail(cx, line, format!("'on {step} {word}' expects a logformat string."));
            }
            "format" | "sd" => {
                let site =
                    LogSite { points: Checkpoints::FRONT_LOG, context: ArgContext::Log, ..LogSite::LOG };
                let bytes = line.arg(i + 1).to_owned();
                if let Err(e) = log_format_text(cx, line.at(i + 1), &bytes, site) {
                    let at = cx.position(line.span);
                    let text = format!("Parsing [{at}]: failed to parse logformat: {e}.");
                    return cx.say("HA2302", rha_text::Severity::Error, line.at(i + 1), text);
                }
                i += 2;
            }
            _ => break,
        }
    }
    if i == 2 || !line.arg(i).is_empty() {
        fail(cx, line, format!("'on {step}' expects 'drop', 'format' or 'sd'."));
    }
}

fn forward_option(cx: &mut Cx<'_>, line: &Line) {
    match line.text(1).as_str() {
        "" => fail_tight(cx, line, "'option' expects an option name."),
        "assume-rfc6587-ntf" | "dont-parse-log" => {
            proxy::too_many(cx, line, 0, 1);
        }
        other => fail(cx, line, format!("unknown option '{other}'.")),
    }
}

fn hints(cx: &mut Cx<'_>, line: &Line) {
    if proxy::too_many(cx, line, 3, 0) {
        cx.aborted = true;
        return;
    }
    if !["on", "off", "only"].iter().any(|w| line.is(1, w)) {
        let text = "'early-hints' expects \"on\", \"off\" or \"only\" (enable or disable HTTP 103 Early Hints support, or store only hints).";
        warn_tight(cx, line, text);
    }
}

fn check_type(cx: &mut Cx<'_>, line: &Line) {
    const TYPES: [&str; 9] = [
        "tcp-check",
        "httpchk",
        "ssl-hello-chk",
        "smtpchk",
        "pgsql-check",
        "redis-check",
        "mysql-check",
        "ldap-check",
        "spop-check",
    ];
    let value = line.text(1);
    if value.is_empty() {
        fail(cx, line, "'type' expects a healthcheck type.");
        cx.aborted = true;
        return;
    }
    if cx.others.current.done {
        fail(cx, line, "healthcheck type already defined.");
        cx.aborted = true;
        return;
    }
    cx.others.current.done = true;
    if !TYPES.contains(&value.as_str()) {
        let known = TYPES.map(|t| format!("'{t}'"));
        let text = format!("unknown healthcheck type '{value}' (expects {}).", known.join(", "));
        fail(cx, line, text);
    }
}
