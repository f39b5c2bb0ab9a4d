//! The TLS hello seen in a buffer, without any TLS library.

use rha_vocab::{Lifetime, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch(
        "rep_ssl_hello_type",
        NONE,
        T::Sint,
        Needs::L6_RESPONSE,
        ALWAYS,
        "Type of the TLS hello in the response (old name of res.ssl_hello_type).",
    )
    .eval(res_hello_type),
    fetch(
        "req.ssl_alpn",
        NONE,
        T::Str,
        Needs::L6_REQUEST,
        ALWAYS,
        "Protocols the TLS client offers, joined by commas.",
    )
    .eval(req_alpn),
    fetch(
        "req.ssl_cipherlist",
        NONE,
        T::Bin,
        Needs::L6_REQUEST.and(Needs::L4_CLIENT).and(Needs::L5_CLIENT).and(Needs::FRONTEND),
        Lifetime::since(3, 5),
        "Cipher suites of the TLS hello in the request.",
    )
    .eval(req_ciphers),
    fetch(
        "req.ssl_ec_ext",
        NONE,
        T::Bool,
        Needs::L6_REQUEST,
        ALWAYS,
        "Whether the TLS client sent the supported groups extension.",
    )
    .eval(req_groups_present),
    fetch(
        "req.ssl_hello_type",
        NONE,
        T::Sint,
        Needs::L6_REQUEST,
        ALWAYS,
        "Type of the TLS hello in the request.",
    )
    .eval(req_hello_type),
    fetch(
        "req.ssl_keyshare_groups",
        NONE,
        T::Bin,
        Needs::L6_REQUEST.and(Needs::L4_CLIENT).and(Needs::L5_CLIENT).and(Needs::FRONTEND),
        Lifetime::since(3, 5),
        "Key share groups of the TLS hello in the request.",
    )
    .eval(req_keyshares),
    fetch(
        "req.ssl_sigalgs",
        NONE,
        T::Bin,
        Needs::L6_REQUEST.and(Needs::L4_CLIENT).and(Needs::L5_CLIENT).and(Needs::FRONTEND),
        Lifetime::since(3, 5),
        "Signature algorithms of the TLS hello in the request.",
    )
    .eval(req_sigalgs),
    fetch(
        "req.ssl_sni",
        NONE,
        T::Str,
        Needs::L6_REQUEST,
        ALWAYS,
        "Server name of the TLS hello in the request.",
    )
    .eval(req_sni),
    fetch(
        "req.ssl_st_ext",
        NONE,
        T::Sint,
        Needs::L6_REQUEST,
        ALWAYS,
        "Whether the TLS client sent a session ticket extension: 0 no, 1 empty, 2 with a ticket.",
    )
    .eval(req_ticket),
    fetch(
        "req.ssl_supported_groups",
        NONE,
        T::Bin,
        Needs::L6_REQUEST.and(Needs::L4_CLIENT).and(Needs::L5_CLIENT).and(Needs::FRONTEND),
        Lifetime::since(3, 5),
        "Supported groups of the TLS hello in the request.",
    )
    .eval(req_groups),
    fetch(
        "req.ssl_ver",
        NONE,
        T::Sint,
        Needs::L6_REQUEST,
        ALWAYS,
        "Version of the TLS hello in the request, major times 65536 plus minor.",
    )
    .eval(req_version),
    fetch(
        "req_ssl_hello_type",
        NONE,
        T::Sint,
        Needs::L6_REQUEST,
        ALWAYS,
        "Type of the TLS hello in the request (old name of req.ssl_hello_type).",
    )
    .eval(req_hello_type),
    fetch(
        "req_ssl_sni",
        NONE,
        T::Str,
        Needs::L6_REQUEST,
        ALWAYS,
        "Server name of the TLS hello in the request (old name of req.ssl_sni).",
    )
    .eval(req_sni),
    fetch(
        "req_ssl_ver",
        NONE,
        T::Sint,
        Needs::L6_REQUEST,
        ALWAYS,
        "Version of the TLS hello in the request (old name of req.ssl_ver).",
    )
    .eval(req_version),
    fetch(
        "res.ssl_hello_type",
        NONE,
        T::Sint,
        Needs::L6_RESPONSE,
        ALWAYS,
        "Type of the TLS hello in the response.",
    )
    .eval(res_hello_type),
];

use std::borrow::Cow;

use rha_base::Value;

use crate::cx::Cx;

/// What reading a part of a hello gave.
enum Read<T> {
    Some(T),
    /// It is no hello, or the part is not in it.
    None,
    /// More bytes are needed.
    Short,
}

/// Handshake type and body of the first message, RFC 8446 §4; the record header is 5 bytes, the
/// handshake header 4.
fn handshake(buffer: &[u8]) -> Read<(u8, &[u8])> {
    let Some(kind) = buffer.first() else { return Read::Short };
    if !matches!(kind, 0x14..=0x17 | 0xff) {
        return Read::None;
    }
    let Some([_, major, _, l1, l0, hs, h2, h1, h0]) = buffer.first_chunk::<9>() else { return Read::Short };
    if *major < 3 || usize::from(*l1) << 8 | usize::from(*l0) < 4 {
        return Read::None;
    }
    let length = usize::from(*h2) << 16 | usize::from(*h1) << 8 | usize::from(*h0);
    match buffer.get(9..9 + length) {
        Some(body) => Read::Some((*hs, body)),
        None => Read::Short,
    }
}

/// The ClientHello after its version and random: session id, cipher suites, extensions.
struct ClientHello<'a> {
    ciphers: &'a [u8],
    extensions: &'a [u8],
}

fn client_hello(buffer: &[u8]) -> Read<ClientHello<'_>> {
    let body = match handshake(buffer) {
        Read::Some((1, body)) => body,
        Read::Some(_) | Read::None => return Read::None,
        Read::Short => return Read::Short,
    };
    let parse = || {
        let rest = body.get(34..)?;
        let (_, rest) = prefixed(rest, 1)?;
        let (ciphers, rest) = prefixed(rest, 2)?;
        let (_, rest) = prefixed(rest, 1)?;
        let extensions = prefixed(rest, 2).map_or(&b""[..], |(e, _)| e);
        Some(ClientHello { ciphers, extensions })
    };
    parse().map_or(Read::None, Read::Some)
}

/// A vector whose length stands in its first `width` bytes, and what follows it.
fn prefixed(text: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let length = text.get(..width)?.iter().fold(0usize, |n, c| n << 8 | usize::from(*c));
    let rest = text.get(width..)?;
    Some((rest.get(..length)?, rest.get(length..)?))
}

impl<'a> ClientHello<'a> {
    fn extension(&self, wanted: u16) -> Option<&'a [u8]> {
        let mut rest = self.extensions;
        while let Some(([a, b], tail)) = rest.split_first_chunk::<2>() {
            let (data, tail) = prefixed(tail, 2)?;
            if u16::from_be_bytes([*a, *b]) == wanted {
                return Some(data);
            }
            rest = tail;
        }
        None
    }
}

fn hello<'a>(cx: &mut Cx<'a>) -> Option<ClientHello<'a>> {
    match client_hello(cx.scene.request_buffer()) {
        Read::Some(h) => Some(h),
        Read::None => None,
        Read::Short => {
            cx.wait_request();
            None
        }
    }
}

fn req_hello_type<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    match handshake(cx.scene.request_buffer()) {
        Read::Some((t, _)) => Some(Value::Int(i64::from(t))),
        Read::None => None,
        Read::Short => {
            cx.wait_request();
            None
        }
    }
}

fn res_hello_type<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    match handshake(cx.scene.response_buffer()) {
        Read::Some((t, _)) => Some(Value::Int(i64::from(t))),
        Read::None => None,
        Read::Short => {
            cx.wait_response();
            None
        }
    }
}

/// The version in the hello, not the record's; the whole record must be there.
fn req_version<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let buffer = cx.scene.request_buffer();
    if buffer.first().is_some_and(|k| !matches!(k, 0x14..=0x17 | 0xff)) {
        return None;
    }
    let Some([_, major, _, l1, l0, _, _, _, _, hello_major, hello_minor]) = buffer.first_chunk::<11>() else {
        cx.wait_request();
        return None;
    };
    let length = usize::from(*l1) << 8 | usize::from(*l0);
    if *major < 3 || !(6..=(1 << 14) + 2048).contains(&length) {
        return None;
    }
    if buffer.len() < 5 + length {
        cx.wait_request();
        return None;
    }
    Some(Value::Int(i64::from(*hello_major) << 16 | i64::from(*hello_minor)))
}

/// RFC 6066 §3: the first host name of the list.
fn req_sni<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let (list, _) = prefixed(hello(cx)?.extension(0)?, 2)?;
    let (0, rest) = list.split_first().map(|(t, r)| (*t, r))? else { return None };
    prefixed(rest, 2).map(|(name, _)| Value::str(name))
}

/// RFC 7301 §3.1, names joined by commas.
fn req_alpn<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let (mut list, _) = prefixed(hello(cx)?.extension(16)?, 2)?;
    let mut all: Vec<&[u8]> = Vec::new();
    while let Some((name, rest)) = prefixed(list, 1) {
        all.push(name);
        list = rest;
    }
    Some(Value::Str(Cow::Owned(all.join(&b','))))
}

fn req_groups_present<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    hello(cx)?.extension(10).map(|_| Value::Bool(true))
}

fn req_ticket<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    Some(Value::Int(match hello(cx)?.extension(35) {
        None => 0,
        Some([]) => 1,
        Some(_) => 2,
    }))
}

fn req_ciphers<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    hello(cx).map(|h| Value::Bin(h.ciphers.into()))
}

fn req_groups<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    list_extension(cx, 10)
}

fn req_sigalgs<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    list_extension(cx, 13)
}

fn list_extension<'a>(cx: &mut Cx<'a>, kind: u16) -> Option<Value<'a>> {
    let (list, _) = prefixed(hello(cx)?.extension(kind)?, 2)?;
    Some(Value::Bin(list.into()))
}

/// The groups of RFC 8446 §4.2.8, two bytes each, without their keys.
fn req_keyshares<'a>(cx: &mut Cx<'a>) -> Option<Value<'a>> {
    let (mut list, _) = prefixed(hello(cx)?.extension(51)?, 2)?;
    let mut out = Vec::new();
    while let Some((group, rest)) = list.split_first_chunk::<2>() {
        out.extend_from_slice(group);
        let Some((_, rest)) = prefixed(rest, 2) else { break };
        list = rest;
    }
    Some(Value::Bin(Cow::Owned(out)))
}
