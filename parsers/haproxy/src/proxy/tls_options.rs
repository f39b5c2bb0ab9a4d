//! TLS options of `bind` and `server` lines: checked as the original does, kept as written.
//!
//! COMPAT: files that are missing are errors here already; what is in them is not looked at (TLS is
//! planned, and a start with it is refused).

use rha_text::{Listing, Severity};
use rha_vocab::Dialect;

use crate::{Cx, Line};

/// Options as the model keeps them.
pub(super) type Kept = Vec<(&'static str, String)>;

/// Names are kept as constants, so that fifty thousand servers do not each hold a copy.
const NAMES: &[&str] = &[
    "allow-0rtt",
    "alpn",
    "ca-file",
    "ca-ignore-err",
    "ca-sign-file",
    "ca-sign-pass",
    "ca-verify-file",
    "check-alpn",
    "check-sni",
    "check-sni-auto",
    "ciphers",
    "ciphersuites",
    "client-sigalgs",
    "crl-file",
    "crt",
    "crt-ignore-err",
    "crt-list",
    "curves",
    "default-crt",
    "ecdhe",
    "ech",
    "force-sslv3",
    "force-tlsv10",
    "force-tlsv11",
    "force-tlsv12",
    "force-tlsv13",
    "generate-certificates",
    "ktls",
    "no-alpn",
    "no-ca-names",
    "no-check-sni-auto",
    "no-renegotiate",
    "no-sni-auto",
    "no-ssl-reuse",
    "no-sslv3",
    "no-strict-sni",
    "no-tls-tickets",
    "no-tlsv10",
    "no-tlsv11",
    "no-tlsv12",
    "no-tlsv13",
    "npn",
    "prefer-client-ciphers",
    "renegotiate",
    "sigalgs",
    "sni",
    "sni-auto",
    "ssl-max-ver",
    "ssl-min-ver",
    "ssl-reuse",
    "strict-sni",
    "tls-ticket-keys",
    "tls-tickets",
    "verify",
    "verifyhost",
];

/// The constant for the option at word `i`.
pub(super) fn name_of(line: &Line, i: usize) -> &'static str {
    let word = line.bytes(i);
    NAMES.iter().find(|n| n.as_bytes() == word).copied().unwrap_or("?")
}

/// The value after word `i`, which must be there.
pub(super) fn keep(line: &Line, i: usize, missing: &str, out: &mut Kept) -> Result<(), String> {
    if line.arg(i + 1).is_empty() {
        return Err(format!("'{}' : {missing}", line.text(i)));
    }
    out.push((name_of(line, i), line.text(i + 1)));
    Ok(())
}

pub(super) fn alpn(_: &mut Cx<'_>, line: &Line, i: usize, out: &mut Kept) -> Result<(), String> {
    keep(line, i, "missing the comma-delimited ALPN protocol suite", out)?;
    match line.text(i + 1).split(',').find(|p| p.len() > 255) {
        Some(p) => Err(format!("'{}' : ALPN protocol name too long : '{p}'", line.text(i))),
        None => Ok(()),
    }
}

pub(super) fn version(line: &Line, i: usize, out: &mut Kept) -> Result<(), String> {
    keep(line, i, "missing the ssl/tls version", out)?;
    let known = ["SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
    if known.iter().any(|v| line.is(i + 1, v)) {
        return Ok(());
    }
    Err(format!("'{}' : unknown ssl/tls version", line.text(i + 1)))
}

pub(super) fn verify(line: &Line, i: usize, on_bind: bool, out: &mut Kept) -> Result<(), String> {
    keep(line, i, "missing verify method", out)?;
    let ok = line.is(i + 1, "none") || line.is(i + 1, "required") || on_bind && line.is(i + 1, "optional");
    let known = if on_bind { "'none', 'optional', and 'required'" } else { "'none' and 'required'" };
    if ok {
        return Ok(());
    }
    Err(format!("'verify' : unknown verify method '{}', only {known} are supported", line.text(i + 1)))
}

/// Versions of TLS a listener or server may use, from 1.0 on, and whether any option limits them.
///
/// COMPAT: SSL 3.0 is in none of the libraries at hand, so that it alone is nothing.
pub(super) fn versions(options: &[(&'static str, String)], least: usize) -> [bool; 4] {
    const OFF: [&str; 4] = ["no-tlsv10", "no-tlsv11", "no-tlsv12", "no-tlsv13"];
    const FORCED: [&str; 4] = ["force-tlsv10", "force-tlsv11", "force-tlsv12", "force-tlsv13"];
    const NAMES: [&str; 4] = ["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
    let given = |name: &str| options.iter().any(|(k, _)| *k == name);
    if given("force-sslv3") {
        return [false; 4];
    }
    if let Some(only) = FORCED.iter().position(|f| given(f)) {
        return std::array::from_fn(|i| i == only);
    }
    let limit = |name: &str| {
        let value = options.iter().rev().find(|(k, _)| *k == name).map(|(_, v)| v.as_str());
        value.and_then(|v| NAMES.iter().position(|n| *n == v))
    };
    let limited = OFF.iter().any(|o| given(o));
    let low = limit("ssl-min-ver").unwrap_or(if limited { 0 } else { least });
    let high = limit("ssl-max-ver").unwrap_or(3);
    std::array::from_fn(|i| i >= low && i <= high && !given(OFF[i]))
}

/// The versions left out between others that are not.
pub(super) fn holes(on: [bool; 4]) -> impl Iterator<Item = &'static str> {
    let first = on.iter().position(|v| *v).unwrap_or(4);
    let last = on.iter().rposition(|v| *v).unwrap_or(0);
    let names = ["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"].into_iter().enumerate();
    names
        .filter(move |(i, _)| *i > first && *i < last && !on.get(*i).copied().unwrap_or(true))
        .map(|(_, n)| n)
}

fn based(path: &str, base: Option<&String>) -> String {
    match base {
        Some(b) if !path.starts_with('/') && !path.starts_with('@') => format!("{b}/{path}"),
        _ => path.to_owned(),
    }
}

/// `ca-ignore-err`, `crt-ignore-err`: numbers, and from 2.8 on OpenSSL's names for them.
pub(super) fn ignored_errors(cx: &Cx<'_>, line: &Line, i: usize, out: &mut Kept) -> Result<(), String> {
    keep(line, i, "missing error IDs list", out)?;
    let list = line.text(i + 1);
    if list == "all" {
        return Ok(());
    }
    let old = cx.input.dialect < Dialect::V2_8;
    for id in list.split(',') {
        let n = crate::units::atoi(id.as_bytes());
        let name = !old && !id.starts_with(|c: char| c.is_ascii_digit());
        if name && !id.starts_with("X509_V_") {
            return Err(format!(
                "'{}' : error constant '{id}' unknown in error IDs list '{list}'",
                line.text(i)
            ));
        }
        if !name && !(1..=94).contains(&n) {
            return Err(format!(
                "'{}' : ID '{n}' out of range (1..94) in error IDs list '{list}'",
                line.text(i)
            ));
        }
    }
    Ok(())
}

/// The operating system's words for an error, without Rust's number.
pub(super) fn os_words(e: &std::io::Error) -> String {
    let text = e.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None if e.kind() == std::io::ErrorKind::NotFound => "No such file or directory".into(),
        None => text,
    }
}

/// `ca-file`, `ca-verify-file`, `crl-file` on a `bind` line.
pub(super) fn ca_file(
    cx: &mut Cx<'_>,
    line: &Line,
    i: usize,
    out: &mut Kept,
    what: &str,
) -> Result<(), String> {
    keep(line, i, &format!("missing {what}"), out)?;
    let path = based(&line.text(i + 1), cx.model.process.ca_base.as_ref());
    if path.starts_with('@') {
        return Ok(());
    }
    match cx.input.files.look(&path) {
        Ok(_) => Ok(()),
        Err(e) => {
            let text = format!("Couldn't open the ca-file '{path}' ({}).", os_words(&e));
            cx.say("HA2400", Severity::Error, line.at(i + 1), text);
            Err(format!("'{}' : unable to load {path}", line.text(i)))
        }
    }
}

/// `crt`, `default-crt` on a `bind` line: a file or a directory.
pub(super) fn bind_crt(cx: &mut Cx<'_>, line: &Line, i: usize, out: &mut Kept) -> Result<(), String> {
    keep(line, i, "missing certificate location", out)?;
    certificate(cx, &line.text(i + 1))
}

/// Whether a certificate, or a folder of them, can be read.
pub(super) fn certificate(cx: &Cx<'_>, path: &str) -> Result<(), String> {
    let path = based(path, cx.model.process.crt_base.as_ref());
    if path.starts_with('@') && cx.input.dialect >= Dialect::V3_0 {
        return Ok(());
    }
    let missing =
        |e: &std::io::Error| format!("unable to stat SSL certificate from file '{path}' : {}.", os_words(e));
    match cx.input.files.look(&path) {
        Err(e) => Err(missing(&e)),
        Ok(Listing::Directory(names)) => {
            let aside = [".issuer", ".ocsp", ".sctl", ".key"];
            let wanted = |n: &&String| !n.starts_with('.') && !aside.iter().any(|a| n.ends_with(a));
            names.iter().filter(wanted).try_for_each(|n| holds_certificate(cx, &format!("{path}/{n}")))
        }
        Ok(Listing::File) => holds_certificate(cx, &path),
    }
}

/// COMPAT: a file without a PEM block is told apart from one that has; the block itself is not read.
fn holds_certificate(cx: &Cx<'_>, path: &str) -> Result<(), String> {
    let Ok(bytes) = cx.input.files.read(path) else {
        return Err(format!("unable to load certificate from file '{path}'."));
    };
    if memchr::memmem::find(&bytes, b"-----BEGIN ").is_some() {
        return Ok(());
    }
    let why = if cx.input.dialect >= Dialect::V3_0 { ": no start line" } else { "" };
    Err(format!("unable to load certificate from file '{path}'{why}."))
}

/// `crt` on a `server` line.
pub(super) fn server_crt(cx: &mut Cx<'_>, line: &Line, i: usize, out: &mut Kept) -> Result<(), String> {
    keep(line, i, "missing certificate file path", out)
        .map_err(|_| format!("'{}' : missing certificate file path", line.text(i)))?;
    if let Some(last) = out.last_mut() {
        last.1 = based(&last.1, cx.model.process.crt_base.as_ref());
    }
    Ok(())
}

pub(super) fn crt_list(cx: &mut Cx<'_>, line: &Line, i: usize, out: &mut Kept) -> Result<(), String> {
    keep(line, i, "missing certificate location", out)?;
    let path = line.text(i + 1);
    if path.starts_with('@') {
        return Ok(());
    }
    match cx.input.files.read(&path) {
        Ok(bytes) => {
            // COMPAT: a list without a certificate counts as none.
            if !super::crt_list::read(cx, line, &path, &bytes)? {
                out.pop();
            }
            Ok(())
        }
        Err(e) => Err(format!("'crt-list' : cannot open file '{path}' : {}", os_words(&e))),
    }
}

pub(super) fn ticket_keys(cx: &mut Cx<'_>, line: &Line, i: usize, out: &mut Kept) -> Result<(), String> {
    keep(line, i, "missing TLS ticket keys file path", out)?;
    let path = line.text(i + 1);
    let Ok(bytes) = cx.input.files.read(&path) else {
        return Err(format!("'{path}' : unable to load ssl tickets keys file"));
    };
    let mut keys = 0;
    for (n, key) in bytes.split(|b| *b == b'\n').enumerate().filter(|(_, l)| !l.is_empty()) {
        let base64 = |c: &u8| c.is_ascii_alphanumeric() || b"+/=".contains(c);
        if key.len() % 4 != 0 || !key.iter().all(base64) {
            return Err(format!("'{path}' : unable to decode base64 key on line {}", n + 1));
        }
        keys += 1;
    }
    if keys < 3 {
        return Err(format!("'{path}' : please supply at least 3 keys in the tls-tickets-file"));
    }
    Ok(())
}
