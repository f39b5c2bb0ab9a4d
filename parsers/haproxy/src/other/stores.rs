//! `fcgi-app` and `crt-store`.

use rha_text::Severity;
use rha_vocab::Lifetime;

use super::{fail, fail_tight, known, row};
use crate::expr::Args;
use crate::{Cx, Form, Keyword, Line, Place, log_target, proxy, units};

const V32: Lifetime = Lifetime::since(3, 2);
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
    row(
        Place::FCGI_APP,
        "acl",
        "<aclname> <criterion> [flags] <value>",
        "A condition of the section.",
        crate::rules::acl,
    ),
    row(Place::FCGI_APP, "option", "", "What none of the other options takes.", option),
    row(Place::FCGI_APP, "option get-values", "", "Asks the application what it can do.", flag),
    row(Place::FCGI_APP, "option keep-conn", "", "Keeps connections.", flag),
    row(Place::FCGI_APP, "option mpxs-conns", "", "Sends several requests on a connection.", flag),
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
        return fail(cx, line, "'index' expects <filename> as argument.");
    }
    proxy::too_many(cx, line, 0, 1);
}

/// An option without arguments.
fn flag(cx: &mut Cx<'_>, line: &Line) {
    if !proxy::too_many(cx, line, 0, 1) && line.is(1, "mpxs-conns") {
        cx.others.current.servers = usize::from(cx.form != Form::No);
    }
}

fn path_info(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail(cx, line, "'path-info' expects <regex> as argument.");
    }
    let value = line.text(1);
    match crate::expr::check_regex(line.arg(1), false) {
        Err(e) => fail(cx, line, format!("'{value}' : {e}.")),
        Ok(()) => {
            proxy::too_many(cx, line, 1, 0);
        }
    }
}

fn log_stderr(cx: &mut Cx<'_>, line: &Line) {
    if let Err(text) = log_target::parse(cx, line, false) {
        cx.error("HA2300", line, 1, format!("log-stderr : {text}"));
    }
}

fn pass_header(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail(cx, line, "'pass-header' expects <name> as arguments.");
    }
    condition(cx, line, 2);
}

/// What may follow the arguments of a rule: a condition, or nothing.
fn condition(cx: &mut Cx<'_>, line: &Line, at: usize) {
    let name = line.text(1);
    if line.is(at, "if") || line.is(at, "unless") {
        if let Err(e) = crate::expr::condition_text(cx, Args::of(line, at)) {
            fail(cx, line, format!("'{name}' : {e}."));
        }
    } else if !line.arg(at).is_empty() {
        // COMPAT: the original has no words for it.
        fail(cx, line, format!("'{name}' : (null)."));
    }
}

fn set_param(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(2).is_empty() {
        return fail(cx, line, "'set-param' expects <name> and <value> as arguments.");
    }
    // COMPAT: the value is looked at only where a proxy uses the application.
    condition(cx, line, 3);
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
        return fail_tight(cx, line, "option 'max-reqs' expects a strictly positive integer argument.");
    }
    cx.others.current.largest = u64::try_from(units::atoi(line.arg(2))).unwrap_or(0);
}

/// An application needs a document root.
pub fn end_fcgi_app(cx: &mut Cx<'_>) {
    let c = std::mem::take(&mut cx.others.current);
    if !c.done && !c.name.is_empty() {
        let text = format!("fcgi-app '{}': no docroot configured.", c.name);
        cx.others.late.push((Severity::Error, c.origin, text));
    } else if c.largest > 1 && c.servers == 0 && !c.name.is_empty() {
        // COMPAT: a warning, and the configuration is refused all the same.
        let text =
            format!("fcgi-app '{}': multiplexing not supported, ignore the option 'max-reqs'.", c.name);
        cx.others.late.push((Severity::Warning, c.origin, text));
        cx.others.refused = true;
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
        return twice(cx, line, &format!("'{}' requires a <path> argument.", line.text(0)));
    }
    let which = usize::from(line.is(0, "key-base"));
    if let Some(base) = cx.others.current.base.get_mut(which) {
        *base = line.text(1);
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
    load_word("acme", V32, "Section that renews it."),
    load_word("domains", V32, "Names asked for when it is renewed."),
    load_word("ips", V34, "Addresses asked for when it is renewed."),
    load_word("jwt", V34, "Whether it may verify tokens."),
    load_word("generate-dummy", V34, "Makes a certificate up while there is none."),
    load_word("keytype", V34, "Type of a key made up."),
    load_word("bits", V34, "Size of a key made up."),
    load_word("curves", V34, "Curve of a key made up."),
];

fn load(cx: &mut Cx<'_>, line: &Line) {
    let mut i = 1;
    let (mut crt, mut alias, mut files) = (None, None, Vec::new());
    while !line.arg(i).is_empty() {
        let word = line.text(i);
        if !LOAD.iter().any(|w| word == w.name && w.lifetime.covers(cx.input.dialect)) {
            let text = format!("'load {word}' in section 'crt-store': unknown keyword '{word}'.");
            return twice(cx, line, &text);
        }
        let value = line.text(i + 1);
        match word.as_str() {
            "crt" => crt = Some(value),
            "alias" => alias = Some(value),
            "ocsp-update" if value != "on" && value != "off" => {
                let text = format!("cannot parse 'ocsp-update' value '{value}', 'on' or 'off' is expected.");
                return twice(cx, line, &text);
            }
            "key" | "ocsp" | "issuer" | "sctl" => files.push((word, value)),
            _ => {}
        }
        i += 2;
    }
    let Some(file) = crt else {
        return twice(cx, line, "'load' in section 'crt-store': mandatory 'crt' parameter not found.");
    };
    let store = cx.others.current.name.clone();
    let shown = format!("@{store}/{}", alias.unwrap_or_else(|| file.clone()));
    if cx.others.current.entries.contains(&shown) {
        let text = format!("'load' in section 'crt-store': store '{shown}' was already defined.");
        return twice(cx, line, &text);
    }
    cx.others.current.entries.push(shown);
    let base = cx.others.current.base.clone();
    let at = |i: usize, name: &str| match base.get(i) {
        Some(b) if !b.is_empty() && !name.starts_with('/') => format!("{b}/{name}"),
        _ => name.to_owned(),
    };
    let file = at(0, &file);
    if cx.input.files.read(&file).is_err() {
        fail(cx, line, format!("cannot open the file '{file}'.\n '{file}' cannot be read or parsed."));
        cx.aborted = true;
        return;
    }
    for (word, name) in files {
        let name = if word == "key" { at(1, &name) } else { at(0, &name) };
        if cx.input.files.read(&name).is_ok() {
            continue;
        }
        let lead = if word == "ocsp" { "Error opening OCSP response file" } else { "" };
        fail(cx, line, format!("{lead} '{name}' cannot be read or parsed."));
        cx.aborted = true;
        return;
    }
}
