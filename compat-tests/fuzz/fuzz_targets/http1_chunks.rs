//! The chunk decoder: no panic, the same outcome however the input is cut, and what it lets through
//! passes a second time unchanged with the same data.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rha_http1::{Body, Parsed, Policy, RequestHead};
use rha_vocab::Dialect;

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

fuzz_target!(|data: &[u8]| {
    let [choice, cut, text @ ..] = data else { return };
    let dialect = Dialect::ALL[usize::from(*choice) % Dialect::ALL.len()];
    let policy = Policy { dialect, ..Policy::default() };
    let mut head = RequestHead::default();
    assert!(matches!(head.parse(HEAD, &policy), Parsed::Complete { .. }));
    let middle = text.len() * usize::from(*cut) / 256;
    let whole = follow(head.body(), &[text]);
    let parts = follow(head.body(), &[&text[..middle], &text[middle..]]);
    assert_eq!(whole.is_some(), parts.is_some());
    let (Some(whole), Some(parts)) = (whole, parts) else { return };
    assert_eq!((whole.used, &whole.data, whole.done), (parts.used, &parts.data, parts.done));
    if whole.done {
        assert_eq!(whole.sent, parts.sent);
        let again = follow(head.body(), &[&whole.sent]).expect("what was let through passes");
        assert!(again.done);
        assert_eq!((again.used, &again.sent, &again.data), (whole.sent.len(), &whole.sent, &whole.data));
    }
});

#[derive(Debug)]
struct Outcome {
    sent: Vec<u8>,
    data: Vec<u8>,
    used: usize,
    done: bool,
}

fn follow(body: Body, pieces: &[&[u8]]) -> Option<Outcome> {
    let (mut relayed, mut decoded, mut scratch) = (body, body, Vec::new());
    let mut outcome = Outcome { sent: Vec::new(), data: Vec::new(), used: 0, done: false };
    for piece in pieces {
        let step = relayed.relay(piece, &mut scratch).ok()?;
        let plain = decoded.decode(piece, &mut outcome.data).ok()?;
        assert_eq!((step.consumed, step.done), (plain.consumed, plain.done));
        outcome.sent.extend_from_slice(if step.rewritten { &scratch } else { &piece[..step.consumed] });
        outcome.used += step.consumed;
        outcome.done = step.done;
        if step.done {
            break;
        }
    }
    Some(outcome)
}
