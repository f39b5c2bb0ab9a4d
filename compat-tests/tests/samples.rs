//! Fetches and converters that look at connections, proxies and headers; what they lead to in headers and logs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Origin, Request, Sink, Stage, Start, assert_same, each, visible};

const SITE: &str = "\
global
    stats socket {tmp}/cli.sock level admin
userlist people
    user md5 password $1$saltsalt$9xy1btjgzLYfb7hivXtC//
    user bcrypt password $2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a
    user yescrypt password $y$j9T$abcdefgh12345678$5sAznj4WEIGgyua2AXu2NRSCMeWB3V6LpE45tV7hHM8
    user plain insecure-password secret
defaults
    mode http
    log {log} local0
    timeout client 5s
    timeout server 5s
    timeout connect 5s
    timeout tarpit 7s
frontend fe
    bind {listen:fe}
    log-format \"LOG\"
    capture request header x-slot len 8
    capture response header x-slot len 8
    FRONT
    default_backend be
backend be
    BACK
    server s1 {s1} weight 7
";

fn old(stage: &Stage) -> bool {
    let out = stage.command().arg("-v").output().expect("-v");
    String::from_utf8_lossy(&out.stdout).contains("version 2.")
}

struct Site<'a> {
    log: &'a str,
    front: &'a str,
    back: &'a str,
}

const PLAIN: Site<'static> = Site { log: "%ST", front: "", back: "" };

/// Starts the site, sends requests one after another, notes replies, what the origin saw, and log lines.
fn play(
    stage: &mut Stage,
    site: &Site<'_>,
    requests: &[&str],
    answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static,
) {
    let origin = Origin::http(answer);
    let sink = Sink::udp();
    let text = SITE
        .replace("LOG", &site.log.replace('"', "\\\""))
        .replace("FRONT", &site.front.replace('\n', "\n    "))
        .replace("BACK", &site.back.replace('\n', "\n    "));
    stage.start(&Start::with(&text).fill("s1", origin.address()).log_to(&sink));
    for wire in requests {
        let back = stage.exchange("fe", wire.replace('\n', "\r\n"));
        stage.note("client got", back);
        for r in origin.take_all() {
            stage.note("origin saw", visible(&r.head));
        }
        stage.note_log("log", &sink.line());
    }
}

fn plain(_: &Request) -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=theirs\r\n\r\nhello".to_vec()
}

const GET: &str = "GET /x HTTP/1.1\nHost: a\nCookie: b=1; a=2\nConnection: close\n\n";

/// The same expression in a request's header, for each of `texts`.
fn in_header(id: &str, since_3_0: bool, expression: &str, texts: &[&str]) {
    assert_same(&format!("samples/{id}"), |stage| {
        if since_3_0 && old(stage) {
            stage.note("unknown", "since 3.0");
            return;
        }
        let front = format!("http-request set-header x-out \"[%[{expression}]]\"");
        let requests: Vec<String> = texts
            .iter()
            .map(|t| format!("GET /x HTTP/1.1\nHost: a\nX-In: {t}\nConnection: close\n\n"))
            .collect();
        let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
        play(stage, &Site { front: &front, ..PLAIN }, &requests, plain);
    });
}

#[test]
fn digests_of_every_name() {
    const NAMES: [&str; 27] = [
        "md4",
        "md5",
        "md5-sha1",
        "ripemd",
        "RMD160",
        "sha1",
        "SHA-1",
        "sha224",
        "sha256",
        "SHA2-256",
        "sha384",
        "sha512",
        "sha512-224",
        "sha512-256",
        "sha3-224",
        "sha3-256",
        "sha3-384",
        "sha3-512",
        "sm3",
        "blake2b512",
        "BLAKE2s256",
        "whirlpool",
        "RSA-SHA512/256",
        "ssl3-md5",
        "sha256WithRSAEncryption",
        "RSA-SM3",
        "sha-512/256",
    ];
    for (i, names) in NAMES.chunks(9).enumerate() {
        assert_same(&format!("samples/digest-{i}"), |stage| {
            let rule = |n: &&str| {
                format!(
                    "http-request add-header x-digest \"{n} %[path,digest({n}),hex] %[path,hmac({n},YWJj),hex]\""
                )
            };
            let front: Vec<String> = names.iter().map(rule).collect();
            play(stage, &Site { front: &front.join("\n"), ..PLAIN }, &[GET], plain);
        });
    }
}

#[test]
fn forwarded_fields_are_taken_apart() {
    const FIELDS: &[&str] = &[
        "for=1.2.3.4",
        "proto=https;for=\"[::1]:_p\";by=_me;host=\"a.b:8\"",
        "for=unknown",
        "for=\"1.2.3.4:80\"",
        "For=1.2.3.4",
        "for=1.2.3.4:80",
        "for=[::1]",
        "x=y",
        "for=1.2.3.4; by=_a",
        "proto=\"http\"",
        "proto=http",
        "host=\"[::1]:1\"",
        "host=a.b",
        "for=_",
        "for=_a.b;by=\"_c:80\"",
    ];
    for (id, expression) in [
        ("rfc7239-valid", "req.hdr(x-in),rfc7239_is_valid"),
        ("rfc7239-for", "req.hdr(x-in),rfc7239_field(for)"),
        ("rfc7239-by", "req.hdr(x-in),rfc7239_field(by)"),
        ("rfc7239-host", "req.hdr(x-in),rfc7239_field(host)"),
        ("rfc7239-proto", "req.hdr(x-in),rfc7239_field(proto)"),
        ("rfc7239-n2nn", "req.hdr(x-in),rfc7239_field(for),rfc7239_n2nn"),
        ("rfc7239-n2np", "req.hdr(x-in),rfc7239_field(for),rfc7239_n2np"),
    ] {
        in_header(id, true, expression, FIELDS);
    }
}

#[test]
fn option_forwarded() {
    each(
        [
            ("plain", ""),
            ("all", "proto host by by_port for for_port"),
            ("no-ports", "host for by"),
            (
                "computed",
                "host-expr req.hdr(x-h) by-expr req.hdr(x-n) by_port-expr req.hdr(x-p) for-expr req.hdr(x-n)",
            ),
            ("v6", "for-expr ipv6(::1) by-expr ipv6(::2) by_port-expr int(8)"),
        ],
        |(id, words)| {
            assert_same(&format!("samples/forwarded-{id}"), |stage| {
                if old(stage) {
                    stage.note("unknown", "since 2.8");
                    return;
                }
                let head = "GET /x HTTP/1.1\nHost: a.b:80\nConnection: close\n";
                let requests = [
                    format!("{head}\n"),
                    format!("{head}X-H: h.i\nX-N: me\nX-P: _port\n\n"),
                    format!("{head}X-H: h i\nX-N: [::3]\nX-P: 99999\nForwarded: for=1.2.3.4\n\n"),
                    format!("{head}X-N: a b\nX-P: no\nForwarded: for=1.2.3.4, by=_x\nForwarded: host=z\n\n"),
                    format!("{head}X-N: unknown\nForwarded: for=nonsense\n\n"),
                ];
                let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
                let back = format!("option forwarded {words}");
                // Addresses and ports of connections differ from run to run.
                let back = format!(
                    "{back}\nhttp-request set-src-port int(7)\nhttp-request set-dst ipv4(10.0.0.1)\nhttp-request set-dst-port int(8)"
                );
                play(stage, &Site { back: &back, ..PLAIN }, &requests, plain);
            });
        },
    );
}

#[test]
fn connections_proxies_and_captures() {
    const LOG: &str = "%ST fc=%[fc_err]/%[fc_err_str] bc=%[bc_err]/%[bc_err_str] rtt=%[fc_rtt(us),bool]/%[fc_rttvar(us),bool] \
        sack=%[fc_sacked] lost=%[fc_lost] retr=%[fc_retrans] fack=%[fc_fackets] reo=%[fc_reordering] loc=%[src_is_local] \
        %[dst_is_local] defbe=%[fe_defbe] prio=%[prio_class]/%[prio_offset] nb=%[str(be),nbsrv] q=%[str(be/s1),srv_queue] \
        x=%[str(nope),nbsrv] y=%[str(be/x),srv_queue] z=%[str(fe),nbsrv] %hr %hs";
    const FRONT: &str = "http-request set-header x-cookie %[cookie(a)]
http-response set-header x-cookie %[cookie(a)]
http-request set-var(txn.a) str(much-too-long),capture-req(0),length
http-request set-header x-len %[var(txn.a)]
http-request set-header x-none %[str(a),capture-req(7)]
http-response set-var(txn.b) str(answer),capture-res(0)
http-request set-priority-class int(-3)
http-request return status 200 if { path /local }
http-request deny if { path /deny }";
    assert_same("samples/connection", |stage| {
        let all: Vec<String> = ["/x", "/local", "/deny"].iter().map(|p| GET.replace("/x", p)).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        play(stage, &Site { log: LOG, front: FRONT, back: "" }, &all, plain);
    });
    assert_same("samples/since-3-0", |stage| {
        if old(stage) {
            stage.note("unknown", "since 3.0");
            return;
        }
        let front = "acl slow path /slow
acl host req.hdr(host) a
http-request set-header x-acl %[acl(host,!slow)]-%[acl(slow)]-%[acl(METH_GET,TRUE)]-%[acl(!HTTP_1.1)]
http-response set-status 299
http-response set-header x-status %[server_status]-%[status]-%[bc_rtt(us),bool]-%[fc_src_is_local]-%[fc_dst_is_local]";
        let log = "%ST %[server_status] err=%[str(e),when(error)] ok=%[str(n),when(normal)] \
            fwd=%[str(f),when(forwarded)] not=%[str(f),when(!forwarded)] stop=%[str(s),when(!stopping)]";
        play(stage, &Site { log, front, back: "" }, &[GET, &GET.replace("/x", "/slow")], plain);
    });
}

#[test]
fn passwords_in_every_form() {
    assert_same("samples/passwords", |stage| {
        use std::fmt::Write as _;
        let front = "http-request auth unless { http_auth(people) }";
        let mut requests = Vec::new();
        // The user and `secret`, and the user and `wrong`, in base64.
        for credentials in [
            "bWQ1OnNlY3JldA==",
            "bWQ1Ondyb25n",
            "YmNyeXB0OnNlY3JldA==",
            "YmNyeXB0Ondyb25n",
            "eWVzY3J5cHQ6c2VjcmV0",
            "eWVzY3J5cHQ6d3Jvbmc=",
            "cGxhaW46c2VjcmV0",
            "cGxhaW46d3Jvbmc=",
        ] {
            let mut wire = String::from("GET /x HTTP/1.1\nHost: a\nConnection: close\n");
            let _ = write!(wire, "Authorization: Basic {credentials}\n\n");
            requests.push(wire);
        }
        let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
        play(stage, &Site { front, ..PLAIN }, &requests, plain);
    });
}

#[test]
fn cacheable_cookies_are_blocked() {
    each(
        [
            ("expires", "Expires: Thu, 01 Jan 2099 00:00:00 GMT\r\n"),
            ("none", ""),
            ("public", "Cache-Control: public, max-age=5\r\n"),
            ("no-cookie", "Cache-Control: max-age=5, no-cache=\"set-cookie\"\r\n"),
            ("private", "Cache-Control: private\r\n"),
            ("pragma", "Pragma: no-cache\r\nETag: \"a\"\r\n"),
        ],
        |(id, fields)| {
            assert_same(&format!("samples/checkcache-{id}"), |stage| {
                let site = Site { back: "option checkcache\nno log", log: "%ST %ts %B", ..PLAIN };
                let answer =
                    format!("HTTP/1.1 200 OK\r\n{fields}Set-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok");
                play(stage, &site, &[GET], move |_: &Request| answer.clone().into_bytes());
            });
        },
    );
}

#[test]
fn messages_of_other_protocols() {
    const FIX: &[&str] = &[
        "OD1GSVguNC4yATk9MzUBMzU9QQE0OT1DTElFTlQBNTY9U0VSVkVSATM0PTEBOTg9MAExMD0xMzIB",
        "OD1GSVguNC45ATk9MzUBMzU9QQE0OT1DTElFTlQBNTY9U0VSVkVSATM0PTEBOTg9MAExMD0xMzkB",
        "OD1GSVguNC4yATk9MwEzNT1BATQ5PUNMSUVOVAE1Nj1TRVJWRVIBMzQ9MQE5OD0wATEwPTA3OQE=",
        "OD1GSVguNC4yATk9MzUBMzU9QQE0OT1DTElFTlQBNTY9U0VSVkVSATM0PTEBOTg9MAExMD0wMDEB",
        "OD1GSVguNC4yATk9MTABNDk9WAEzNT1BATEwPTIyNQE=",
        "OD1GSVguNC4yATk9NDEBMzU9QQE0OT1DTElFTlQBNTY9U0VSVkVSATM0PTEBOTg9MAE0NDc9RAExMD0xNjIB",
        "OD1GSVguNC4zATk9NDEBMzU9QQE0OT1DTElFTlQBNTY9U0VSVkVSATM0PTEBOTg9MAE0NDc9RAExMD0xNjMB",
        "OD1GSVguNC4yATk9NDMBMzU9QQE0OT1DTElFTlQBNTY9U0VSVkVSATM0PTEBOTg9MAExMDAwMT16ATEwPTA0NQE=",
        "OD1GSVguNC4yATk9MzUBMzU9QQE0OT1DTElFTlQB",
        "OD1GSVguNC4yATk9MzUBMzU9QQE0OT1DTElFTlQBNTY9U0VSVkVSATM0PTEBOTg9MAExMD0xMzIB",
        "OD1GSVhULjEuMQE5PTM1ATM1PUEBNDk9Q0xJRU5UATU2PVNFUlZFUgEzND0xATk4PTABMTA9MjEyAQ==",
        "Z2FyYmFnZSB3aXRob3V0IGFueSBzZW5zZSBhdCBhbGw=",
        "OD1GSVguNC4yATk9OQEzNT1BAXg9MQExMD0xNTcB",
        "OD1GSVguNC4yATk9OQEzNT1BATU4PQExMD0wOTcB",
    ];
    const PROTOBUF: &[&str] = &[
        "CKwCEgcaA2FiYyADLQEAAIAxAAAAAAAABMA9AABwQA==",
        "CKwCEgc=",
        "AA==",
        "Cww=",
        "CP///////////wE=",
        "CP///////////////w==",
    ];
    const GRPC: &[&str] = &[
        "AAAAAB8IrAISBxoDYWJjIAMtAQAAgDEAAAAAAAAEwD0AAHBA",
        "AAAAAAJIAQAAAAAfCKwCEgcaA2FiYyADLQEAAIAxAAAAAAAABMA9AABwQA==",
        "AAAAAGMIrAISBxoDYWJjIAMtAQAAgDEAAAAAAAAEwD0AAHBA",
    ];
    in_header("fix-valid", false, "req.hdr(x-in),b64dec,fix_is_valid", FIX);
    for tag in ["MsgType", "sendercompid", "56", "CheckSum", "98", "58"] {
        in_header(&format!("fix-{tag}"), false, &format!("req.hdr(x-in),b64dec,fix_tag_value({tag})"), FIX);
    }
    for what in [
        "1",
        "1,uint32",
        "1,int64",
        "1,sint64",
        "1,bool",
        "2",
        "2.3",
        "5,fixed32",
        "5,sfixed32",
        "6,double",
        "6,fixed64",
        "7,float",
        "7,fixed32",
        "1.1",
        "9",
    ] {
        let id = what.replace([',', '.'], "-");
        in_header(
            &format!("protobuf-{id}"),
            false,
            &format!("req.hdr(x-in),b64dec,protobuf({what}),hex"),
            PROTOBUF,
        );
        in_header(&format!("ungrpc-{id}"), false, &format!("req.hdr(x-in),b64dec,ungrpc({what}),hex"), GRPC);
    }
}

#[test]
fn mqtt_packets() {
    const PACKETS: &[&str] = &[
        "ECwABE1RVFQExgA8AANjaWQABndpbGwvdAAHcGF5bG9hZAAEdXNlcgAEcGFzcw==",
        "EGMABE1RVFQFxgA8HREAAAAKIQAFJgABawABdhUABG1ldGgWAARkYXRhAAAbGAAAAAcBAQMACnRleHQvcGxhaW4JAARjb3JyAAZ3aWxsL3QAB3BheWxvYWQABHVzZXIABHBhc3M=",
        "EA0ABE1RWFgEAgA8AAFj",
        "EA0ABE1RVFQEAwA8AAFj",
        "EBIABE1RVFQFAgA8BBYAAWQAAWM=",
        "EBEABE1RVFQFAgA8AyEAAAABYw==",
        "ECwABE1RVFQExgA8AANjaWQABndpbGwvdAAHcGF5bG9hZAAEdXNlcgAEcGFzc3g=",
        "ECwABE1RVFQExg==",
        "wAA=",
        "EQA=",
        "EA0ABE1RVFQEGAA8AAFj",
        "IAIBBQ==",
        "ICAAhx0SAAhhc3NpZ25lZCQBHwADd2h5EwAJJgABawABdg==",
        "IAYAAAMSAAA=",
        "MAgAAXRoZWxsbw==",
    ];
    in_header("mqtt-valid", false, "req.hdr(x-in),b64dec,mqtt_is_valid", PACKETS);
    for fields in [
        &[
            "connect,protocol_name",
            "connect,protocol_version",
            "connect,flags",
            "connect,keepalive",
            "connect,17",
            "connect,33",
            "connect,39",
            "connect,34",
            "connect,25",
            "connect,23",
        ][..],
        &[
            "connect,21",
            "connect,22",
            "connect,client_identifier",
            "connect,24",
            "connect,1",
            "connect,2",
            "connect,3",
            "connect,8",
            "connect,9",
            "connect,will_topic",
        ][..],
        &[
            "connect,will_payload",
            "connect,username",
            "connect,password",
            "connect,38",
            "connack,flags",
            "connack,protocol_version",
            "connack,reason_code",
            "connack,17",
            "connack,33",
            "connack,36",
        ][..],
        &[
            "connack,37",
            "connack,39",
            "connack,18",
            "connack,34",
            "connack,31",
            "connack,40",
            "connack,19",
            "connack,26",
            "connack,38",
            "PUBLISH,11",
        ][..],
    ] {
        let all: Vec<String> =
            fields.iter().map(|f| format!("%[req.hdr(x-in),b64dec,mqtt_field_value({f})]")).collect();
        let inner = all.join("|");
        // The header's own brackets and percent sign stand around the first and the last.
        let inner = inner.strip_prefix("%[").and_then(|t| t.strip_suffix(']')).unwrap();
        in_header(&format!("mqtt-{}", fields[0].replace(',', "-")), false, inner, PACKETS);
    }
}
