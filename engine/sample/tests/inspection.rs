//! Content inspection: what waits while bytes may still come, and what a TLS hello tells.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test whose own text is wrong should stop")]

mod common;

use common::{Plan, Stage, condition, expr};
use rha_base::Value;
use rha_sample::{Condition, Expr, Sampled, Verdict};

/// A vector with its length before it, in `width` bytes.
fn vector(width: usize, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u32).to_be_bytes();
    [&length[4 - width..], data].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector(2, data)].concat()
}

/// A ClientHello in one record, RFC 8446 §4.1.2.
fn client_hello() -> Vec<u8> {
    let name = vector(2, &[&[0][..], &vector(2, b"www.example.com")].concat());
    let alpn = vector(2, &[vector(1, b"h2"), vector(1, b"http/1.1")].concat());
    let groups = vector(2, &[0, 29, 0, 23]);
    let share = vector(2, &[&[0, 29][..], &vector(2, &[7; 32])].concat());
    let extensions = [
        extension(0, &name),
        extension(10, &groups),
        extension(16, &alpn),
        extension(35, b""),
        extension(51, &share),
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &[9; 32],
        &vector(1, b""),
        &vector(2, &[0x13, 0x01, 0x13, 0x02]),
        &vector(1, &[0]),
        &vector(2, &extensions),
    ]
    .concat();
    let handshake = [&[1][..], &vector(3, &body)].concat();
    [&[22, 3, 1][..], &vector(2, &handshake)].concat()
}

fn stage(buffer: &[u8], may_grow: bool) -> Stage {
    Stage { buffer: buffer.to_vec(), may_grow, ..Stage::default() }
}

#[test]
fn a_client_hello_is_read() {
    let stage = stage(&client_hello(), true);
    let cases = [
        ("req.ssl_hello_type", "1"),
        ("req.ssl_ver", "196611"),
        ("req.ssl_sni", "www.example.com"),
        ("req.ssl_alpn", "h2,http/1.1"),
        ("req.ssl_ec_ext", "1"),
        ("req.ssl_st_ext", "1"),
        ("req.ssl_cipherlist,hex", "13011302"),
        ("req.ssl_supported_groups,hex", "001D0017"),
        ("req.ssl_keyshare_groups,hex", "001D"),
        ("req.len", "152"),
        ("req.payload(0,3),hex", "160301"),
        ("req.payload_lv(3,2),hex,length", "294"),
    ];
    for (text, want) in cases {
        let e = Expr::compile(&expr(text), &mut Plan::default()).unwrap();
        assert_eq!(
            e.text(&stage).map(|t| String::from_utf8(t.into_owned()).unwrap()).as_deref(),
            Some(want),
            "{text}"
        );
    }
}

/// Every beginning of a hello waits while more may come and gives nothing once none can.
#[test]
fn part_of_a_hello_waits() {
    let hello = client_hello();
    let e = Expr::compile(&expr("req.ssl_sni"), &mut Plan::default()).unwrap();
    for end in 0..hello.len() {
        assert_eq!(e.eval(&stage(&hello[..end], true)), Sampled::Wait, "{end}");
        assert_eq!(e.eval(&stage(&hello[..end], false)), Sampled::None, "{end}");
    }
    assert_eq!(e.eval(&stage(b"GET / HTTP/1.1\r\n", true)), Sampled::None);
}

/// No bytes make the readers panic or give more than they were given.
#[test]
fn damaged_hellos_are_survived() {
    let hello = client_hello();
    let names =
        ["req.ssl_sni", "req.ssl_alpn", "req.ssl_ver", "req.ssl_hello_type", "req.ssl_keyshare_groups"];
    let all: Vec<Expr> =
        names.iter().map(|n| Expr::compile(&expr(n), &mut Plan::default()).unwrap()).collect();
    for i in 0..hello.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut damaged = hello.clone();
            damaged[i] = byte;
            let stage = stage(&damaged, false);
            for e in &all {
                if let Sampled::Value(Value::Str(s) | Value::Bin(s)) = e.eval(&stage) {
                    assert!(s.len() <= damaged.len());
                }
            }
        }
    }
}

#[test]
fn conditions_wait_for_what_may_decide_them() {
    use Verdict::{No, Wait, Yes};
    let hello = client_hello();
    // condition, with bytes to come, with none to come
    let cases: [(&str, &[u8], Verdict, Verdict); 14] = [
        ("{ req.len gt 10 }", b"abc", Wait, No),
        ("{ req.len gt 2 }", b"abc", Yes, Yes),
        ("!{ req.len gt 10 }", b"abc", Wait, Yes),
        ("{ req.ssl_hello_type 1 }", b"", Wait, No),
        ("{ req.ssl_hello_type 1 }", &hello, Yes, Yes),
        ("{ req.ssl_sni -m end example.com }", &hello, Yes, Yes),
        ("{ req.ssl_sni other }", &hello, No, No),
        ("{ req.ssl_ver 3.1-3.3 }", &hello, Yes, Yes),
        ("{ req.payload(0,3) -m bin 160301 }", &hello, Yes, Yes),
        ("{ req.payload(0,0) -m sub zz }", b"abc", Wait, No),
        ("{ wait_end }", b"", Wait, Yes),
        ("{ req.len gt 10 } { always_false }", b"abc", No, No),
        ("{ req.len gt 10 } or { always_true }", b"abc", Yes, Yes),
        ("{ path /x }", b"GE", Wait, No),
    ];
    for (text, buffer, while_open, at_end) in cases {
        let c = Condition::compile(&condition(text), &[], &mut Plan::default()).unwrap();
        assert_eq!(c.holds(&stage(buffer, true)), while_open, "{text}");
        assert_eq!(c.holds(&stage(buffer, false)), at_end, "{text}");
    }
}

#[test]
fn rdp_cookies_are_found_behind_their_headers() {
    let mut packet = vec![3, 0, 0, 40, 35, 0xe0, 0, 0, 0, 0, 0];
    packet.extend_from_slice(b"Cookie: mstshash=user1\r\n");
    let e = Expr::compile(&expr("rdp_cookie(MSTSHASH)"), &mut Plan::default()).unwrap();
    assert_eq!(e.eval(&stage(&packet, true)), Sampled::Value(Value::str(b"user1")));
    assert_eq!(e.eval(&stage(&packet[..30], true)), Sampled::Wait);
    let other = Expr::compile(&expr("rdp_cookie(msts)"), &mut Plan::default()).unwrap();
    assert_eq!(other.eval(&stage(&packet, true)), Sampled::None);
}

/// What is not built is refused when the plan is, not silently false.
#[test]
fn planned_names_do_not_compile() {
    let mut plan = Plan::default();
    for text in ["src_conn_rate", "ssl_fc", "src,in_table(t)", "str(a),jwt_verify(a,b)"] {
        assert!(Expr::compile(&expr(text), &mut plan).is_err(), "{text}");
    }
    assert!(Condition::compile(&condition("{ src 300.1.2.3 }"), &[], &mut plan).is_err());
    assert!(Condition::compile(&condition("{ path_reg [ }"), &[], &mut plan).is_err());
    assert!(Condition::compile(&condition("{ path -f none.lst }"), &[], &mut plan).is_err());
}
