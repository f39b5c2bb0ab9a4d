//! `program`, `namespace_list`, `acme`, `healthcheck`.

use bstr::ByteSlice;
use rha_text::Severity;
use rha_vocab::Lifetime;

use super::{any, fail, fail_tight, known, row};
use crate::{Cx, Keyword, Line, Place};

const V32: Lifetime = Lifetime::since(3, 2);
const V34: Lifetime = Lifetime::since(3, 4);

/// Rows.
pub const KEYWORDS: &[Keyword] = &[
    row(Place::PROGRAM, "command", "<command> [arguments*]", "What is started.", command),
    row(Place::PROGRAM, "user", "<user name>", "User it runs as.", user),
    row(Place::PROGRAM, "group", "<group name>", "Group it runs as.", group),
    row(Place::PROGRAM, "option", "", "What none of the other options takes.", option),
    row(Place::PROGRAM, "option start-on-reload", "", "Starts it again at a reload.", on_reload),
    row(Place::NAMESPACE_LIST, "namespace", "<name>", "A network namespace.", namespace),
    known(V32, row(Place::ACME, "directory", "<url>", "Where the authority is.", any)),
    known(V32, row(Place::ACME, "contact", "<mail>", "Address the authority may write to.", any)),
    known(V32, row(Place::ACME, "account-key", "<file>", "Key of the account.", any)),
    known(V32, row(Place::ACME, "challenge", "<type>", "How names are proved.", any)),
    known(V32, row(Place::ACME, "keytype", "<type>", "Kind of new keys.", any)),
    known(V32, row(Place::ACME, "bits", "<number>", "Size of RSA keys.", any)),
    known(V32, row(Place::ACME, "curves", "<name>", "Curve of elliptic keys.", any)),
    known(V32, row(Place::ACME, "map", "<map>", "Map of tokens and thumbprints.", any)),
    known(V34, row(Place::ACME, "eab-key-id", "<id>", "Name of the external account.", any)),
    known(V34, row(Place::ACME, "eab-mac-alg", "<alg>", "Algorithm of the external account.", any)),
    known(V34, row(Place::ACME, "eab-mac-key", "<key>", "Key of the external account.", any)),
    known(V34, row(Place::ACME, "profile", "<name>", "Profile asked of the authority.", any)),
    known(V34, row(Place::ACME, "reuse-key", "{ on | off }", "Whether a key is kept at renewal.", any)),
    known(V34, row(Place::ACME, "acme-vars", "<vars>", "Variables for DNS challenges.", any)),
    known(V34, row(Place::ACME, "provider-name", "<name>", "Name of the DNS provider.", any)),
    known(V34, row(Place::ACME, "challenge-ready", "<conditions>", "When a challenge counts as ready.", any)),
    known(V34, row(Place::ACME, "dns-delay", "<time>", "Wait before a DNS challenge.", any)),
    known(V34, row(Place::ACME, "dns-timeout", "<time>", "Longest wait for a DNS challenge.", any)),
    known(V34, row(Place::HEALTHCHECK, "type", "<type>", "Protocol of the check.", any)),
    known(V34, row(Place::HEALTHCHECK, "http-check", "<rule>", "A step of an HTTP check.", any)),
    known(V34, row(Place::HEALTHCHECK, "tcp-check", "<rule>", "A step of a TCP check.", any)),
];

fn command(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail_tight(
            cx,
            line,
            "'command' expects a command with optional arguments separated in words.",
        );
    }
    cx.others.current.done = true;
}

fn user(cx: &mut Cx<'_>, line: &Line) {
    account(cx, line, "user", "/etc/passwd");
}

fn group(cx: &mut Cx<'_>, line: &Line) {
    account(cx, line, "group", "/etc/group");
}

fn account(cx: &mut Cx<'_>, line: &Line, what: &str, file: &str) {
    let name = line.arg(1);
    if name.is_empty() {
        return fail_tight(cx, line, format!("'{what}' expects a {what} name."));
    }
    if crate::proxy::too_many(cx, line, 1, 0) {
        return;
    }
    let Ok(accounts) = cx.input.files.read(file) else { return };
    if !accounts.split(|b| *b == b'\n').any(|l| l.split(|b| *b == b':').next() == Some(name.as_bytes())) {
        fail(cx, line, format!("cannot find {what} id for '{}' (0:Success)", line.text(1)));
    }
}

fn option(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail_tight(cx, line, "'option' expects an option name.");
    }
    fail(cx, line, format!("unknown option '{}'.", line.text(1)));
}

fn on_reload(cx: &mut Cx<'_>, line: &Line) {
    crate::proxy::too_many(cx, line, 0, 1);
}

fn namespace(cx: &mut Cx<'_>, line: &Line) {
    let name = line.text(1);
    if !name.is_empty() && cx.input.files.look(&format!("/var/run/netns/{name}")).is_err() {
        fail_tight(cx, line, format!("Cannot open namespace '{name}'.\n"));
    }
}

/// Said of every section unless there is a master by the end.
pub const NO_MASTER: &str = "Can't use a 'program' section without master worker mode.";

/// Both complaints come after the last line.
pub fn end(cx: &mut Cx<'_>) {
    let c = std::mem::take(&mut cx.others.current);
    if c.name.is_empty() {
        return;
    }
    if !c.done {
        let text = format!("The program section '{}' lacks a command to launch.", c.name);
        cx.others.late.push((Severity::Error, c.origin, text));
    }
    cx.others.late.push((Severity::Error, c.origin, NO_MASTER.to_owned()));
}
