//! `fcgi-app` and `crt-store`.

use rha_text::Severity;
use rha_vocab::Lifetime;

use super::{any, fail, fail_tight, known, row};
use crate::{Cx, Keyword, Line, Place, log_target, proxy, units};

const ALWAYS: Lifetime = Lifetime::ALWAYS;
const V34: Lifetime = Lifetime::since(3, 4);
const V30: Lifetime = Lifetime::since(3, 0);

/// Rows.
pub const KEYWORDS: &[Keyword] = &[
    row(Place::FCGI_APP, "docroot", "<path>", "Where the application's files are.", docroot),
    row(Place::FCGI_APP, "index", "<script-name>", "Script for addresses that end in a slash.", index),
    row(Place::FCGI_APP, "path-info", "<regex>", "Splits an address into script and rest.", path_info),
    row(
        Place::FCGI_APP,
        "log-stderr",
        "global | <address> …",
        "Where the application's complaints go.",
        log_stderr,
    ),
    row(
        Place::FCGI_APP,
        "pass-header",
        "<name> [ { if | unless } <condition> ]",
        "Passes a header on.",
        pass_header,
    ),
    row(
        Place::FCGI_APP,
        "set-param",
        "<name> <fmt> [ { if | unless } <condition> ]",
        "Sets a parameter.",
        set_param,
    ),
    row(Place::FCGI_APP, "acl", "<aclname> <criterion> [flags] <value>", "A condition of the section.", any),
    row(Place::FCGI_APP, "option", "", "What none of the other options takes.", option),
    row(Place::FCGI_APP, "option get-values", "", "Asks the application what it can do.", any),
    row(Place::FCGI_APP, "option keep-conn", "", "Keeps connections.", any),
    row(Place::FCGI_APP, "option mpxs-conns", "", "Sends several requests on a connection.", any),
    row(Place::FCGI_APP, "option max-reqs", "<reqs>", "Requests at a time on a connection.", max_reqs),
    known(V30, row(Place::CRT_STORE, "crt-base", "<dir>", "Directory of certificates.", base)),
    known(V30, row(Place::CRT_STORE, "key-base", "<dir>", "Directory of keys.", base)),
    known(V30, row(Place::CRT_STORE, "load", "[crt <filename>] [param*]", "A certificate.", load)),
];

fn docroot(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail(cx, line, "'docroot' expects <path> as argument.");
    }
    // COMPAT: the path is named as if it were part of the keyword.
    if proxy::too_many(cx, line, 0, 1) {
        return;
    }
    cx.others.current.done = true;
}

fn index(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        fail(cx, line, "'index' expects <filename> as argument.");
    }
}

fn path_info(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        fail(cx, line, "'path-info' expects <regex> as argument.");
    }
}

fn log_stderr(cx: &mut Cx<'_>, line: &Line) {
    if let Err(text) = log_target::parse(cx, line, false) {
        cx.error("HA2300", line, 1, format!("log-stderr : {text}"));
    }
}

fn pass_header(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        fail(cx, line, "'pass-header' expects <name> as arguments.");
    }
}

fn set_param(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(2).is_empty() {
        fail(cx, line, "'set-param' expects <name> and <value> as arguments.");
    }
}

fn option(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail_tight(cx, line, "'option' expects an option name.");
    }
    fail(cx, line, format!("unknown option '{}'.", line.text(1)));
}

fn max_reqs(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(2).is_empty() {
        return fail_tight(cx, line, "option 'max-reqs' expects an integer argument.");
    }
    if units::atoi(line.arg(2)) <= 0 {
        fail_tight(cx, line, "option 'max-reqs' expects a strictly positive integer argument.");
    }
}

/// An application needs a document root.
pub fn end_fcgi_app(cx: &mut Cx<'_>) {
    let c = std::mem::take(&mut cx.others.current);
    if !c.done && !c.name.is_empty() {
        let text = format!("fcgi-app '{}': no docroot configured.", c.name);
        cx.others.late.push((Severity::Error, c.origin, text));
    }
}

/// COMPAT: the position stands twice, and the run ends.
fn twice(cx: &mut Cx<'_>, line: &Line, text: &str) {
    let position = cx.position(line.span);
    fail(cx, line, format!("parsing [{position}] : {text}"));
    cx.aborted = true;
}

fn base(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        twice(cx, line, &format!("'{}' requires a <path> argument.", line.text(0)));
    }
}

/// A word of a `load` line, with the versions that know it.
pub struct LoadWord {
    /// The word.
    pub name: &'static str,
    /// Versions that know it.
    pub lifetime: Lifetime,
    /// One sentence in our own words.
    pub doc: &'static str,
}

const fn load_word(name: &'static str, lifetime: Lifetime, doc: &'static str) -> LoadWord {
    LoadWord { name, lifetime, doc }
}

/// Words of a `load` line; each has a value.
pub const LOAD: &[LoadWord] = &[
    load_word("crt", V30, "File of the certificate."),
    load_word("key", V30, "File of the key."),
    load_word("ocsp", V30, "File of the OCSP response."),
    load_word("issuer", V30, "File of the issuer's certificate."),
    load_word("sctl", V30, "File of the transparency list."),
    load_word("alias", V30, "Another name of the certificate."),
    load_word("ocsp-update", V30, "Whether its OCSP response is kept fresh."),
    load_word("acme", ALWAYS, "Section that renews it."),
    load_word("domains", ALWAYS, "Names asked for when it is renewed."),
    load_word("ips", ALWAYS, "Addresses asked for when it is renewed."),
    load_word("jwt", ALWAYS, "Whether it may verify tokens."),
    load_word("generate-dummy", ALWAYS, "Makes a certificate up while there is none."),
    load_word("keytype", V34, "Type of a key made up."),
    load_word("bits", V34, "Size of a key made up."),
    load_word("curves", V34, "Curve of a key made up."),
];

fn load(cx: &mut Cx<'_>, line: &Line) {
    let mut i = 1;
    let mut crt = None;
    while !line.arg(i).is_empty() {
        let word = line.text(i);
        if !LOAD.iter().any(|w| word == w.name && w.lifetime.covers(cx.input.dialect)) {
            let text = format!("'load {}' in section 'crt-store': unknown keyword '{word}'.", line.text(1));
            return twice(cx, line, &text);
        }
        if word == "crt" {
            crt = Some(line.text(i + 1));
        }
        i += 2;
    }
    let Some(file) = crt else {
        return twice(cx, line, "'load' in section 'crt-store': mandatory 'crt' parameter not found.");
    };
    if cx.input.files.read(&file).is_err() {
        let text = format!("cannot open the file '{file}'.\n  '{file}' cannot be read or parsed.");
        fail(cx, line, text);
        cx.aborted = true;
    }
}
