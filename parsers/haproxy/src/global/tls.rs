//! TLS keywords of `global`.

use rha_text::Severity;
use rha_vocab::{Lifetime, Support};

use super::{NO_TLS, TimeTexts, fail, once, row, since, time, too_many};
use crate::units::{self, TimeUnit};
use crate::{Cx, Keyword, Line};

/// Rows.
#[rustfmt::skip]
pub const KEYWORDS: &[Keyword] = &[
    row("ca-base", "<dir>", NO_TLS, "Directory of authority files with relative paths.", base_directory),
    row("crt-base", "<dir>", NO_TLS, "Directory of certificate files with relative paths.", base_directory),
    since(Lifetime::since(3, 0), row("key-base", "<dir>", NO_TLS, "Directory of key files with relative paths.", base_directory)),
    row("issuers-chain-path", "<dir>", NO_TLS, "Directory of certificates that complete chains.", issuers_chain),
    since(Lifetime::since(3, 0), row("ocsp-update.disable", "[ on | off ]", Support::Planned, "Stops the updating of OCSP responses.", ocsp_switch)),
    since(Lifetime::since(3, 0), row("ocsp-update.mode", "[ on | off ]", Support::Planned, "Whether OCSP responses are updated unless a certificate says otherwise.", ocsp_switch)),
    since(Lifetime::since(3, 0), row("ocsp-update.maxdelay", "<number>", Support::Planned, "Longest time between OCSP updates, seconds.", ocsp_maxdelay)),
    since(Lifetime::since(2, 8), row("tune.ssl.ocsp-update.maxdelay", "<number>", Support::Planned, "Longest time between OCSP updates, seconds.", ocsp_maxdelay)),
    since(Lifetime::since(3, 0), row("ocsp-update.mindelay", "<number>", Support::Planned, "Shortest time between OCSP updates, seconds.", ocsp_mindelay)),
    since(Lifetime::since(2, 8), row("tune.ssl.ocsp-update.mindelay", "<number>", Support::Planned, "Shortest time between OCSP updates, seconds.", ocsp_mindelay)),
    row("ssl-default-bind-options", "[<option>]...", NO_TLS, "TLS options of all listeners.", ssl_options),
    row("ssl-default-server-options", "[<option>]...", NO_TLS, "TLS options for all servers.", ssl_options),
    row("ssl-dh-param-file", "<file>", NO_TLS, "Parameters for Diffie-Hellman keys.", dh_file),
    row("ssl-load-extra-files", "<type>*", NO_TLS, "Files looked for beside a certificate.", extra_files),
    since(Lifetime::since(3, 0), row("ssl-security-level", "<number>", NO_TLS, "OpenSSL's security level.", security_level)),
    row("ssl-server-verify", "[none|required]", NO_TLS, "Whether certificates of servers are checked by default.", server_verify),
    row("tune.ssl.capture-buffer-size", "<number>", NO_TLS, "Bytes of a TLS hello that are kept.", capture_size),
    row("tune.ssl.capture-cipherlist-size", "<number>", NO_TLS, "Older name of tune.ssl.capture-buffer-size.", capture_size_old),
    row("tune.ssl.default-dh-param", "<number>", NO_TLS, "Size of Diffie-Hellman keys.", default_dh),
    row("tune.ssl.lifetime", "<timeout>", NO_TLS, "How long TLS sessions are kept.", ssl_lifetime),
];

/// COMPAT: a second line is fatal here, unlike elsewhere.
fn base_directory(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if cx.others.given.iter().any(|g| line.is(0, g)) {
        return fail(cx, line, "'{k}' already specified.");
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "global statement '{k}' expects a directory path as an argument.");
    }
    if let Some(name) = ["ca-base", "crt-base", "key-base"].into_iter().find(|n| line.is(0, n)) {
        once::mark(cx, name);
    }
}

fn issuers_chain(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    let path = line.text(1);
    let is_directory = matches!(cx.input.files.look(&path), Ok(rha_text::Listing::Directory(_)));
    if path.is_empty() || !is_directory {
        fail(cx, line, "global statement '{k}' expects a directory path as an argument.\n");
    }
}

fn ocsp_switch(cx: &mut Cx<'_>, line: &Line) {
    if !line.is(1, "on") && !line.is(1, "off") {
        let text = super::fill("'{k}' : expecting <on|off>", line);
        cx.parsing("HA2010", Severity::Warning, line, 1, " : ", &text);
    }
}

const OCSP_MAX: i64 = 3600;
const OCSP_MIN: i64 = 300;

fn ocsp_maxdelay(cx: &mut Cx<'_>, line: &Line) {
    if let Some(n) = ocsp_delay(cx, line)
        && n < OCSP_MIN
    {
        fail(cx, line, "'{k}' can not be lower than tune.ssl.ocsp-update.mindelay.");
    }
}

fn ocsp_mindelay(cx: &mut Cx<'_>, line: &Line) {
    if let Some(n) = ocsp_delay(cx, line)
        && n > OCSP_MAX
    {
        fail(cx, line, "'{k}' can not be higher than tune.ssl.ocsp-update.maxdelay.");
    }
}

fn ocsp_delay(cx: &mut Cx<'_>, line: &Line) -> Option<i64> {
    if line.arg(1).is_empty() {
        fail(cx, line, "'{k}' expects an integer argument.");
        return None;
    }
    let n = i64::from(units::atoi(line.arg(1)));
    if n < 0 {
        fail(cx, line, "'{k}' expects a positive numeric value.");
        return None;
    }
    Some(n)
}

/// Options of `ssl-default-bind-options` and `ssl-default-server-options`.
const OPTIONS: &[&str] = &[
    "allow-0rtt",
    "curves",
    "force-sslv3",
    "force-tlsv10",
    "force-tlsv11",
    "force-tlsv12",
    "force-tlsv13",
    "no-alpn",
    "no-ca-names",
    "no-sslv3",
    "no-strict-sni",
    "no-tls-tickets",
    "no-tlsv10",
    "no-tlsv11",
    "no-tlsv12",
    "no-tlsv13",
    "prefer-client-ciphers",
    "strict-sni",
    "tls-tickets",
];

fn ssl_options(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail(cx, line, "global statement '{k}' expects an option as an argument.");
    }
    let mut i = 1;
    while !line.arg(i).is_empty() {
        let option = line.text(i);
        match option.as_str() {
            "ssl-min-ver" | "ssl-max-ver" => {
                let versions = ["SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
                if !versions.iter().any(|v| line.is(i + 1, v)) {
                    let text = if line.arg(i + 1).is_empty() {
                        format!("missing TLS version for '{option}'")
                    } else {
                        format!("global statement '{{k}}' : invalid value '{}'", line.text(i + 1))
                    };
                    return fail(cx, line, &text);
                }
                i += 2;
            }
            o if OPTIONS.contains(&o) => i += 1,
            _ => return fail(cx, line, &format!("unknown option '{option}' on global statement '{{k}}'.")),
        }
    }
}

fn dh_file(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expects a file path as an argument.");
    }
    if cx.input.files.read(&line.text(1)).is_err() {
        fail(cx, line, "'{k}': unable to load DH parameters from file <{v}>.");
    }
}

fn extra_files(cx: &mut Cx<'_>, line: &Line) {
    let known = ["none", "all", "bundle", "sctl", "ocsp", "issuer", "key"];
    let words: Vec<String> = (1..line.len()).map(|i| line.text(i)).take_while(|w| !w.is_empty()).collect();
    if words.is_empty() || words.iter().any(|w| !known.contains(&w.as_str())) {
        fail(cx, line, "'{k}' expects one or multiple arguments (none, all, bundle, sctl, ocsp, issuer).");
    }
}

fn security_level(cx: &mut Cx<'_>, line: &Line) {
    let (n, rest) = units::strtol(line.arg(1), 10);
    let text = if line.arg(1).is_empty() {
        "'{k}' : missing value"
    } else if !rest.is_empty() {
        "'{k}' : expects an integer argument, found '{v}'"
    } else if !(0..=5).contains(&n) {
        "'{k}' : expects a value between 0 and 5"
    } else {
        return;
    };
    fail(cx, line, text);
    cx.error("HA2010", line, 1, "(null)");
}

fn server_verify(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expects an integer argument.");
    }
    if !line.is(1, "none") && !line.is(1, "required") {
        fail(cx, line, "'{k}' expects 'none' or 'required' as argument.");
    }
}

/// COMPAT: the two names share one value and one complaint.
fn capture_size(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expects an integer argument.");
    }
    let n = units::atoi(line.arg(1));
    if cx.others.given.contains(&"tune.ssl.capture-buffer-size") {
        return fail(cx, line, "'{k}' is already configured.");
    }
    if n < 0 {
        return fail(cx, line, "'{k}' expects a positive numeric value.");
    }
    if n > 0 {
        once::mark(cx, "tune.ssl.capture-buffer-size");
    }
}

fn capture_size_old(cx: &mut Cx<'_>, line: &Line) {
    let text = super::fill(
        "'{k}' is deprecated and will be removed in version 2.7. Please use 'tune.ssl.capture-buffer-size' instead.",
        line,
    );
    cx.parsing("HA4102", Severity::Warning, line, 0, ": ", &text);
    capture_size(cx, line);
}

fn default_dh(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expects an integer argument.");
    }
    if (0..1024).contains(&units::atoi(line.arg(1))) {
        fail(cx, line, "'{k}' expects a value >= 1024.");
    }
}

fn ssl_lifetime(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    let texts = TimeTexts {
        missing: "'{k}' expects ssl sessions <lifetime> in seconds as argument.",
        over: "timer overflow in argument '{v}' to <{k}> (maximum value is 2147483647 s or ~68 years).",
        under: "timer underflow in argument '{v}' to <{k}> (minimum non-null value is 1 s).",
        unexpected: ("unexpected character '", "' in argument to <{k}>."),
        tight: false,
    };
    time(cx, line, TimeUnit::S, &texts);
}
