//! Endless heads end: by number of fields, by size whole or in parts, with the status of each dialect.

use rha_http1::{Method, Parsed, Policy, Reason, Reject, RequestHead, ResponseHead};
use rha_vocab::Dialect;

fn refused(parsed: Parsed) -> Option<(u16, Reason)> {
    match parsed {
        Parsed::Bad(Reject { status, reason, .. }) => Some((status, reason)),
        _ => None,
    }
}

fn request(text: &[u8], dialect: Dialect) -> Option<(u16, Reason)> {
    refused(RequestHead::default().parse(text, &Policy { dialect, ..Policy::default() }))
}

fn with_fields(start: &str, n: usize) -> Vec<u8> {
    let fields: String = (0..n).map(|i| format!("h{i}: v\r\n")).collect();
    format!("{start}\r\n{fields}\r\n").into_bytes()
}

#[test]
fn a_hundred_fields_and_no_more() {
    let policy = Policy::default();
    for (n, bad) in [(97, false), (100, false), (101, true), (1000, true)] {
        let want = bad.then_some((400, Reason::TooManyFields));
        assert_eq!(request(&with_fields("GET / HTTP/1.1", n), Dialect::V3_0), want, "{n}");
        let answer = with_fields("HTTP/1.1 200 OK", n);
        let parsed = ResponseHead::default().parse(&answer, &policy, Method::Get);
        assert_eq!(refused(parsed), bad.then_some((502, Reason::TooManyFields)), "{n}");
    }
}

#[test]
fn fields_dropped_while_reading_do_not_count() {
    let mut text = b"GET / HTTP/1.1\r\n".to_vec();
    text.extend(b"Host: a\r\n".repeat(500));
    text.extend_from_slice(b"\r\n");
    assert_eq!(request(&text, Dialect::V3_0), None);
}

#[test]
fn a_head_that_never_ends_is_refused_while_it_comes() {
    let line = [&b"GET /"[..], &[b'a'; 20000]].concat();
    let field = [&b"GET / HTTP/1.1\r\nX: "[..], &[b'a'; 20000]].concat();
    let blank = b"\r\n".repeat(10000);
    for (text, new) in [(&line, 414), (&field, 431), (&blank, 414)] {
        assert_eq!(request(text, Dialect::V2_6), Some((400, Reason::TooLarge)));
        assert_eq!(request(text, Dialect::V3_0), Some((400, Reason::TooLarge)));
        assert_eq!(request(text, Dialect::V3_5), Some((new, Reason::TooLarge)));
    }
    // byte by byte it is the same, and not before the buffer is full
    let (mut head, policy) = (RequestHead::default(), Policy::default());
    let first = (1..field.len()).find(|end| head.parse(&field[..*end], &policy) != Parsed::Partial);
    assert_eq!(first, Some(16384 - 48));
}

#[test]
fn smaller_buffers_take_smaller_heads() {
    let policy = Policy { buffer_size: 2048, reserve: 1024, ..Policy::default() };
    let head = |n: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(n)).into_bytes();
    assert_eq!(refused(RequestHead::default().parse(&head(800), &policy)), None);
    assert_eq!(refused(RequestHead::default().parse(&head(1000), &policy)), Some((400, Reason::TooLarge)));
}

#[test]
fn storage_is_used_again() {
    let (policy, mut head) = (Policy::default(), RequestHead::default());
    for n in [90, 3, 0, 50] {
        let text = with_fields("GET / HTTP/1.1", n);
        head.clear();
        assert_eq!(head.parse(&text, &policy), Parsed::Complete { len: text.len() });
        assert_eq!(head.field_count(), n);
        assert_eq!(head.field(&text, n), None);
        head.add(b"X-Extra", b"1");
        assert_eq!(head.field(&text, n), Some((&b"x-extra"[..], &b"1"[..])));
    }
}
