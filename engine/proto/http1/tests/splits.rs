//! However a message is cut into reads, the outcome is the same; and no bytes make the machine panic.

#![allow(clippy::unwrap_used, reason = "a broken test is a failed test")]

use proptest::prelude::*;
use rha_http1::{Body, Method, Parsed, Policy, RequestHead, ResponseHead, ToClient, ToServer};
use rha_vocab::Dialect;

fn policies() -> impl Strategy<Value = Policy> {
    (0usize..Dialect::ALL.len(), any::<bool>()).prop_map(|(i, accept_unsafe)| Policy {
        dialect: Dialect::ALL[i],
        accept_unsafe,
        ..Policy::default()
    })
}

/// Bytes that look like a message often enough to get somewhere.
fn requests() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just("Host: a".to_owned()),
        Just("Content-Length: 3".to_owned()),
        Just("Transfer-Encoding: chunked".to_owned()),
        Just("Connection: close, foo".to_owned()),
        Just("Connection: upgrade".to_owned()),
        Just("Upgrade: websocket, h2c".to_owned()),
        Just("X: a\r\n b\r\n\tc".to_owned()),
        Just("TE: trailers".to_owned()),
        "[A-Za-z-]{1,12}:[ \t]{0,2}[ -~]{0,40}[ \t]{0,2}",
        "[ -~]{0,20}",
    ];
    let start = prop_oneof![
        Just("GET / HTTP/1.1".to_owned()),
        Just("POST http://a:80?x HTTP/1.1".to_owned()),
        Just("CONNECT a:80 HTTP/1.0".to_owned()),
        Just("HTTP/1.1 200 OK".to_owned()),
        Just("HTTP/1.0 204 ".to_owned()),
        "[A-Z]{1,5} [!-~]{0,20} HTTP/[0-9].[0-9]",
    ];
    let end = prop_oneof![Just("\r\n"), Just("\n")];
    (start, prop::collection::vec(line, 0..8), end).prop_map(|(start, lines, end)| {
        let mut text = start + end;
        for line in lines {
            text += &line;
            text += end;
        }
        text += end;
        text.into_bytes()
    })
}

fn grow<T: PartialEq + std::fmt::Debug>(
    whole: &[u8],
    cuts: &[usize],
    mut parse: impl FnMut(&[u8]) -> Parsed,
    mut describe: impl FnMut(Parsed) -> T,
) -> T {
    let mut ends: Vec<usize> = cuts.iter().map(|c| c % (whole.len() + 1)).collect();
    ends.push(whole.len());
    ends.sort_unstable();
    for end in &ends {
        match parse(&whole[..*end]) {
            Parsed::Partial => {}
            done => return describe(done),
        }
    }
    describe(Parsed::Partial)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn request_heads(text in requests(), cuts in prop::collection::vec(any::<usize>(), 0..12), policy in policies()) {
        let mut whole = RequestHead::default();
        let all = whole.parse(&text, &policy);
        let mut cut = RequestHead::default();
        let parts = grow(&text, &cuts, |b| cut.parse(b, &policy), |p| p);
        prop_assert_eq!(all, parts);
        if let Parsed::Complete { .. } = all {
            let (mut one, mut two) = (Vec::new(), Vec::new());
            let sent = (whole.write(&text, ToServer::default(), &mut one), cut.write(&text, ToServer::default(), &mut two));
            prop_assert_eq!(sent.0, sent.1);
            prop_assert_eq!(&one, &two);
            // what goes out is taken in again, with the same meaning
            let mut again = RequestHead::default();
            let parsed = again.parse(&one, &policy);
            prop_assert!(matches!(parsed, Parsed::Complete { len } if len == one.len()), "{:?} {:?}", parsed, one.escape_ascii().to_string());
            prop_assert_eq!(again.body(), whole.body());
        }
    }

    #[test]
    fn response_heads(text in requests(), cuts in prop::collection::vec(any::<usize>(), 0..12), policy in policies(), head in any::<bool>()) {
        let asked = if head { Method::Head } else { Method::Get };
        let mut whole = ResponseHead::default();
        let all = whole.parse(&text, &policy, asked);
        let mut cut = ResponseHead::default();
        prop_assert_eq!(all, grow(&text, &cuts, |b| cut.parse(b, &policy, asked), |p| p));
        if let Parsed::Complete { .. } = all {
            let to = ToClient { keep: true, method: asked, http11: true };
            let (mut one, mut two) = (Vec::new(), Vec::new());
            prop_assert_eq!(whole.write(&text, to, &mut one), cut.write(&text, to, &mut two));
            prop_assert_eq!(one, two);
        }
    }

    #[test]
    fn chunked_bodies(pieces in prop::collection::vec(prop_oneof![
            Just(&b"3\r\nabc\r\n"[..]), Just(&b"a;x=\"y\"\r\n0123456789\r\n"[..]), Just(&b"0\r\n"[..]), Just(&b"\r\n"[..]),
            Just(&b"X-Trailer-Of-Some-Length: y\r\n"[..]), Just(&b"Host: b\r\n"[..]), Just(&b"T:  z \r\n w\r\n"[..]), Just(&b"zz"[..])], 0..10),
        cuts in prop::collection::vec(any::<usize>(), 0..12), policy in policies()) {
        let text = pieces.concat();
        let mut head = RequestHead::default();
        let start = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let complete = Parsed::Complete { len: start.len() };
        prop_assert_eq!(head.parse(start, &policy), complete);
        let relay = |cuts: &[usize]| -> (Vec<u8>, Vec<u8>, Option<usize>, bool) {
            let (mut body, mut plain, mut scratch) = (head.body(), head.body(), Vec::new());
            let (mut out, mut data, mut at) = (Vec::new(), Vec::new(), 0);
            for end in cuts {
                let input = &text[at..*end];
                let Ok(step) = body.relay(input, &mut scratch) else { return (Vec::new(), Vec::new(), None, false) };
                plain.decode(input, &mut data).unwrap();
                out.extend_from_slice(if step.rewritten { &scratch } else { &input[..step.consumed] });
                at += step.consumed;
                if step.done { break; }
            }
            (out, data, Some(at), body.is_done())
        };
        let mut ends: Vec<usize> = cuts.iter().map(|c| c % (text.len() + 1)).collect();
        ends.push(text.len());
        ends.sort_unstable();
        let whole = relay(&[text.len()]);
        let parts = relay(&ends);
        prop_assert_eq!((&whole.1, whole.2, whole.3), (&parts.1, parts.2, parts.3));
        if whole.3 {
            prop_assert_eq!(&whole.0, &parts.0);
            // filtered once, it passes as it is
            let (mut body, mut scratch) = (head.body(), Vec::new());
            let step = body.relay(&whole.0, &mut scratch).unwrap();
            prop_assert!(step.done && step.consumed == whole.0.len());
            let sent = if step.rewritten { &scratch } else { &whole.0 };
            prop_assert_eq!(sent, &whole.0);
        }
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), policy in policies()) {
        let (mut request, mut response) = (RequestHead::default(), ResponseHead::default());
        let mut out = Vec::new();
        if let Parsed::Complete { len } = request.parse(&bytes, &policy) {
            prop_assert!(len <= bytes.len());
            request.write(&bytes, ToServer::default(), &mut out);
        }
        let _ = response.parse(&bytes, &policy, Method::Get);
        let mut body = Body::Length(10);
        prop_assert!(body.relay(&bytes, &mut out).unwrap().consumed <= 10);
    }
}

#[test]
fn a_dropped_field_before_host_does_not_shift_edits() {
    // found by the proptest above: with Upgrade gone, Host is no longer the second field
    let text = b"POST http://a:80?x HTTP/1.1\r\nUpgrade: foo\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    let policy = Policy { dialect: Dialect::V3_5, ..Policy::default() };
    let (mut head, mut out) = (RequestHead::default(), Vec::new());
    assert!(matches!(head.parse(text, &policy), Parsed::Complete { .. }));
    head.write(text, ToServer::default(), &mut out);
    assert_eq!(out, b"POST http://a?x HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n");
}
