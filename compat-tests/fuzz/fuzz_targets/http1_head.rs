//! Request and response heads: no bytes make the parser panic; cutting the input changes nothing; what is
//! written is taken in again with the same meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rha_http1::{Method, Parsed, Policy, RequestHead, ResponseHead, ToClient, ToServer};
use rha_vocab::Dialect;

fuzz_target!(|data: &[u8]| {
    let [choice, cut, text @ ..] = data else { return };
    let policy = Policy {
        dialect: Dialect::ALL[usize::from(choice & 7) % Dialect::ALL.len()],
        accept_unsafe: choice & 8 != 0,
        ..Policy::default()
    };
    if choice & 16 == 0 { request(text, *cut, &policy) } else { response(text, *cut, &policy, choice & 32 != 0) }
});

fn request(text: &[u8], cut: u8, policy: &Policy) {
    let (mut whole, mut parts) = (RequestHead::default(), RequestHead::default());
    let all = whole.parse(text, policy);
    let middle = text.len() * usize::from(cut) / 256;
    let first = parts.parse(&text[..middle], policy);
    let rest = if first == Parsed::Partial { parts.parse(text, policy) } else { first };
    assert_eq!(all, rest);
    let Parsed::Complete { len } = all else { return };
    assert!(len <= text.len());
    let mut out = Vec::new();
    whole.write(text, ToServer::default(), &mut out);
    let mut again = RequestHead::default();
    let parsed = again.parse(&out, policy);
    // what was padded by a byte or two may now be too large; nothing else may be refused
    if let Parsed::Complete { len } = parsed {
        assert_eq!(len, out.len());
        assert_eq!(whole.body(), again.body());
        assert_eq!(whole.method(text), again.method(&out));
        // an absolute target like `http://a:80:80` loses one default port a time, as in HAProxy
        if whole.target(text).starts_with(b"/") {
            assert_eq!(whole.target(text), again.target(&out));
        }
    } else {
        assert!(out.len() > 15000 || policy.accept_unsafe, "{:?}", parsed);
    }
}

fn response(text: &[u8], cut: u8, policy: &Policy, head: bool) {
    let asked = if head { Method::Head } else { Method::Get };
    let (mut whole, mut parts) = (ResponseHead::default(), ResponseHead::default());
    let all = whole.parse(text, policy, asked);
    let middle = text.len() * usize::from(cut) / 256;
    let first = parts.parse(&text[..middle], policy, asked);
    let rest = if first == Parsed::Partial { parts.parse(text, policy, asked) } else { first };
    assert_eq!(all, rest);
    if let Parsed::Complete { .. } = all {
        let mut out = Vec::new();
        whole.write(text, ToClient { keep: true, method: asked, http11: true }, &mut out);
        let mut again = ResponseHead::default();
        if let Parsed::Complete { len } = again.parse(&out, policy, asked) {
            assert_eq!(len, out.len());
            assert_eq!(whole.body(), again.body());
        }
    }
}
