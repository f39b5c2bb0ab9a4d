//! Credentials of the Authorization header.

use rha_vocab::{ArgKind, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "http_auth",
        args(1, &[ArgKind::UserList]),
        T::Bool,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Whether the request's credentials are valid in a user list.",
    )
    .partly(auth, "passwords kept in the DES form of crypt are refused at start")
    .prepare(users),
    fetch(
        "http_auth_bearer",
        args(0, &[ArgKind::Str]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Token of an Authorization: Bearer header.",
    )
    .eval(auth_bearer),
    fetch(
        "http_auth_group",
        args(1, &[ArgKind::UserList]),
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "User name, if its credentials are valid, to be matched against groups.",
    )
    .partly(auth_group, "passwords kept in the DES form of crypt are refused at start")
    .prepare(users),
    fetch(
        "http_auth_pass",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Password of the Authorization header.",
    )
    .eval(auth_pass),
    fetch(
        "http_auth_type",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "Scheme of the Authorization header.",
    )
    .eval(auth_type),
    fetch(
        "http_auth_user",
        NONE,
        T::Str,
        Needs::HTTP_REQUEST_HEADERS,
        ALWAYS,
        "User name of the Authorization header.",
    )
    .eval(auth_user),
];

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rha_base::{Request, Value};

use crate::cx::Cx;
use crate::http::header;
use crate::names::{Names, Problem};
use crate::operand::Operand;

/// What the Authorization header holds.
enum Credentials<'a> {
    Basic { user: Vec<u8>, password: Vec<u8> },
    Bearer(&'a [u8]),
}

/// COMPAT: a target that is absolute without a path (a proxy request) has Proxy-Authorization.
fn credentials<'a>(cx: &mut Cx<'a>) -> Option<Credentials<'a>> {
    let request = cx.request()?;
    let field = header(request, authorization(request))?;
    let (scheme, rest) = scheme(field)?;
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(Credentials::Bearer(rest));
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let plain = STANDARD.decode(rest).ok()?;
    let colon = memchr::memchr(b':', &plain)?;
    let (user, password) = plain.split_at(colon);
    let password = password.get(1..)?;
    let end = memchr::memchr(0, password).unwrap_or(password.len());
    Some(Credentials::Basic { user: user.to_vec(), password: password.get(..end)?.to_vec() })
}

fn authorization(request: &dyn Request) -> &'static [u8] {
    let proxied = header(request, b"proxy-connection").is_some() && !request.uri().starts_with(b"/");
    if proxied { b"proxy-authorization" } else { b"authorization" }
}

/// The scheme and, behind its blanks, the rest.
fn scheme(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memchr(b' ', field).filter(|i| *i > 0)?;
    let (scheme, rest) = field.split_at(blank);
    let from = rest.iter().position(|c| *c != b' ').unwrap_or(rest.len());
    Some((scheme, rest.get(from..)?))
}

fn auth_user<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    match credentials(cx)? {
        Credentials::Basic { user, .. } => Some(Value::Str(Cow::Owned(user))),
        Credentials::Bearer(_) => None,
    }
}

fn auth_pass<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    match credentials(cx)? {
        Credentials::Basic { password, .. } => Some(Value::Str(Cow::Owned(password))),
        Credentials::Bearer(_) => None,
    }
}

fn auth_type<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    Some(Value::str(match credentials(cx)? {
        Credentials::Basic { .. } => b"Basic",
        Credentials::Bearer(_) => b"Bearer",
    }))
}

fn auth_bearer<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    if let Some(name) = cx.text(0) {
        let Some(field) = header(cx.request()?, name) else { return Some(Value::str(b"")) };
        let (scheme, rest) = scheme(field)?;
        return scheme.eq_ignore_ascii_case(b"bearer").then(|| Value::str(rest));
    }
    match credentials(cx)? {
        Credentials::Bearer(token) => Some(Value::str(token)),
        Credentials::Basic { .. } => None,
    }
}

/// COMPAT: false, not absent, without credentials.
fn auth<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    cx.request()?;
    Some(Value::Bool(valid_user(cx).is_some()))
}

fn auth_group<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    valid_user(cx).map(|u| Value::Str(Cow::Owned(u)))
}

fn valid_user(cx: &mut Cx<'_>) -> Option<Vec<u8>> {
    let Operand::Users(list) = cx.arg(0) else { return None };
    let Some(Credentials::Basic { user, password }) = credentials(cx) else { return None };
    let known = list.users.iter().find(|u| u.name.as_bytes() == user)?;
    let (kept, plain) = known.password.as_ref()?;
    let right = if *plain { same(kept.as_bytes(), &password) } else { crypt_matches(kept, &password) };
    right.then_some(user)
}

/// In a time that does not tell where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    let differences = a.iter().zip(b).fold(0u8, |d, (x, y)| d | (x ^ y));
    a.len() == b.len() && std::hint::black_box(differences) == 0
}

/// Forms of crypt(3) without a function here are refused when the plan is built.
fn crypt_matches(kept: &str, password: &[u8]) -> bool {
    crate::crypt::matches(kept, password)
}

/// Whether every password of the list can be checked here.
fn users(args: &mut Vec<Operand>, _: &mut dyn Names) -> Result<(), Problem> {
    let Some(Operand::Users(list)) = args.first() else {
        return Err(Problem::Argument("a user list is needed".to_owned()));
    };
    let unknown =
        |u: &&rha_ir::User| u.password.as_ref().is_some_and(|(p, plain)| !plain && !crate::crypt::knows(p));
    match list.users.iter().find(unknown) {
        Some(u) => Err(Problem::Argument(format!(
            "the password of user '{}' is kept in a form of crypt(3) that is not built (DES and its relatives); \
             keep it as SHA-512 ($6$) or yescrypt ($y$)",
            u.name
        ))),
        None => Ok(()),
    }
}
