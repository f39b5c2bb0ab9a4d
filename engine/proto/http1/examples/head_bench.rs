//! Prints what one head costs, parse and rewrite apart: `cargo run --release -p rha-http1 --example head_bench`.
#![allow(clippy::print_stdout, reason = "it is a measuring program")]

use std::hint::black_box;
use std::time::Instant;

use rha_http1::{Method, Parsed, Policy, RequestHead, ResponseHead, ToClient, ToServer};

/// Heads in one timed batch, and batches; the quickest batch counts, so that a busy machine matters less.
const BATCH: u32 = 5_000;
const BATCHES: u32 = 300;

const REQUEST: &[u8] = b"GET /index.html?a=b HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nReferer: https://www.example.com/start\r\nConnection: keep-alive\r\nCookie: SID=31d4d96e407aad42; theme=dark\r\nUpgrade-Insecure-Requests: 1\r\nCache-Control: max-age=0\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Fri, 20 Nov 2026 12:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 64\r\nLast-Modified: Thu, 19 Nov 2026 12:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"5f3c-40\"\r\nVary: Accept-Encoding\r\nCache-Control: public, max-age=60\r\nAccept-Ranges: bytes\r\n\r\n";

fn time(what: &str, mut step: impl FnMut()) {
    let best = (0..BATCHES)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..BATCH {
                step();
            }
            start.elapsed().as_nanos() as f64 / f64::from(BATCH)
        })
        .fold(f64::INFINITY, f64::min);
    println!("{what:<28} {best:7.1} ns");
}

fn main() {
    let policy = Policy::default();
    let (mut request, mut response) = (RequestHead::default(), ResponseHead::default());
    let mut out = Vec::with_capacity(4096);
    time("request: parse", || {
        request.clear();
        assert!(matches!(request.parse(black_box(REQUEST), &policy), Parsed::Complete { .. }));
    });
    time("request: parse, edit, write", || {
        request.clear();
        request.parse(black_box(REQUEST), &policy);
        request.add(b"x-forwarded-for", b"192.0.2.1");
        out.clear();
        black_box(request.write(REQUEST, ToServer::default(), &mut out));
    });
    time("response: parse", || {
        response.clear();
        assert!(matches!(response.parse(black_box(RESPONSE), &policy, Method::Get), Parsed::Complete { .. }));
    });
    time("response: parse, write", || {
        response.clear();
        response.parse(black_box(RESPONSE), &policy, Method::Get);
        out.clear();
        black_box(response.write(RESPONSE, ToClient::answering(&request), &mut out));
    });
}
