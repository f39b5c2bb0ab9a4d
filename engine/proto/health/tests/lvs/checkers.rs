//! Each kind of checker: what it sends, what it makes of answers, how it retries.

use pcre2::bytes::Regex;
use rha_health::lvs::{Event, HttpPlan, ProbePlan, RegexPlan, Transport, UdpPlan, UrlPlan};

use super::{Rig, SECOND, checker, http, pool, server, url};

const RS: &str = "[10.0.0.1]:tcp:80";

fn data(text: &str) -> Event {
    Event::Data(text.as_bytes().to_vec())
}

fn log_all(probe: ProbePlan, retry: u32) -> Rig {
    let mut plan = checker(probe, retry);
    plan.log_all_failures = true;
    Rig::new(pool(vec![server(1, vec![plan])]))
}

/// What going down and coming up does to the virtual server, behind the checker's own line.
const GONE: [&str; 8] = [
    "Removing service [10.0.0.1]:tcp:80 from VS [10.9.9.9]:tcp:80",
    "-0",
    "notify 0 false",
    "fifo RS [10.0.0.1]:tcp:80 [10.9.9.9]:tcp:80 DOWN\\n",
    "Lost quorum 1-0=1 > 0 for VS [10.9.9.9]:tcp:80",
    "notify quorum false",
    "fifo VS [10.9.9.9]:tcp:80 DOWN\\n",
    "",
];
const BACK: [&str; 7] = [
    "Adding service [10.0.0.1]:tcp:80 to VS [10.9.9.9]:tcp:80",
    "+0 weight 1",
    "notify 0 true",
    "fifo RS [10.0.0.1]:tcp:80 [10.9.9.9]:tcp:80 UP\\n",
    "Gained quorum 1+0=1 <= 1 for VS [10.9.9.9]:tcp:80",
    "notify quorum true",
    "fifo VS [10.9.9.9]:tcp:80 UP\\n",
];

fn with(first: &str, rest: &[&str]) -> Vec<String> {
    std::iter::once(first).chain(rest.iter().copied()).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

#[test]
fn retries_of_the_plain_kinds() {
    // (kind, good answer, words for up, down, down after retries)
    let udp = UdpPlan { required: true, max_len: 255, ..UdpPlan::default() };
    let echo = |n: u8| Event::Data([&[0u8, 0, 0, 0, 0, 0, 0, n][..], b"x"].concat());
    let kinds: [(ProbePlan, Vec<Event>, [&str; 3]); 3] = [
        (
            ProbePlan::Tcp,
            vec![Event::Connected],
            [
                "TCP connection to [10.0.0.1]:tcp:80 success.",
                "TCP_CHECK on service [10.0.0.1]:tcp:80 failed.",
                "TCP_CHECK on service [10.0.0.1]:tcp:80 failed after 2 retries.",
            ],
        ),
        (
            ProbePlan::Udp(udp),
            vec![Event::Connected, data("x")],
            [
                "UDP connection to [10.0.0.1]:tcp:80 success.",
                "UDP_CHECK on service [10.0.0.1]:tcp:80 failed.",
                "UDP_CHECK on service [10.0.0.1]:tcp:80 failed after 2 retries.",
            ],
        ),
        (
            ProbePlan::Ping,
            vec![Event::Connected, echo(1)],
            [
                "ICMP connection to [10.0.0.1]:tcp:80 success.",
                "ICMP CHECK on service [10.0.0.1]:tcp:80 failed.",
                "ICMP CHECK on service [10.0.0.1]:tcp:80 of [10.9.9.9]:tcp:80 failed after 2 retries.",
            ],
        ),
    ];
    for (probe, good, [up, down, after]) in kinds {
        let ping = matches!(probe, ProbePlan::Ping);
        // at the start one failure is enough, and is not called a retry
        let mut rig = Rig::one(probe.clone(), 2);
        assert_eq!(rig.check(&[Event::Unreachable]), with(down, &GONE));
        assert!(!rig.alive());
        // no retry while down: the next check comes after delay_loop, success needs one
        assert_eq!(rig.check(&[Event::Unreachable]), [""; 0]);
        let (waited, _) = rig.due();
        assert_eq!(waited, 10);
        let said: Vec<String> = good.iter().flat_map(|e| rig.hear(e.clone())).collect();
        let said: Vec<String> = said.into_iter().filter(|s| !s.starts_with("send")).collect();
        assert_eq!(said, with(up, &BACK));
        assert!(rig.alive());
        // once it has run: two retries, each after delay_before_retry
        if ping {
            // the socket of a well server stays open: only the answer is missing
            let (waited, said) = rig.due();
            assert_eq!((waited, said.len()), (10, 1), "{said:?}");
            assert_eq!(rig.due().0, 3);
        } else {
            assert_eq!(rig.due().0, 10);
            assert_eq!(rig.hear(Event::Unreachable), [""; 0]);
        }
        for _ in 0..1 {
            assert_eq!(rig.due().0, 2);
            assert_eq!(rig.hear(Event::Unreachable), [""; 0]);
        }
        assert_eq!(rig.due().0, 2);
        assert_eq!(rig.hear(Event::Unreachable), with(after, &GONE));
        assert!(!rig.alive());
    }
}

#[test]
fn every_failure_is_told_where_that_is_asked_for() {
    let udp = UdpPlan { required: true, pattern: b"ok".to_vec(), max_len: 9, ..UdpPlan::default() };
    let got = |kind: u8, sequence: u8| Event::Data(vec![kind, 0, 0, 0, 0, 0, 0, sequence]);
    for (probe, events, told) in [
        (ProbePlan::Tcp, vec![Event::Refused], vec![format!("TCP connection to {RS} failed.")]),
        (ProbePlan::Tcp, vec![Event::Unreachable], vec![]),
        (ProbePlan::Tcp, vec![], vec![format!("TCP connection to {RS} timeout.")]),
        (
            ProbePlan::Udp(udp.clone()),
            vec![Event::Connected, data("no")],
            vec![format!("UDP check to {RS} reply data mismatch.")],
        ),
        (
            ProbePlan::Udp(udp.clone()),
            vec![Event::Connected, Event::Refused],
            vec![format!("UDP connection to {RS} failed.")],
        ),
        (ProbePlan::Udp(udp), vec![Event::Connected], vec![format!("UDP connection to {RS} failed.")]),
        (ProbePlan::Ping, vec![Event::Connected], vec![format!("ICMP connection to address {RS} timeout.")]),
        (
            ProbePlan::Ping,
            vec![Event::Connected, got(3, 1)],
            vec![
                "Got ICMP packet with type 0x3".to_owned(),
                format!("ICMP connection to {RS} of [10.9.9.9]:tcp:80 failed."),
            ],
        ),
        (
            ProbePlan::Ping,
            vec![Event::Connected, got(0, 9)],
            vec![
                "Ping reply expected seq no 1, received 9".to_owned(),
                format!("ICMP connection to {RS} of [10.9.9.9]:tcp:80 failed."),
            ],
        ),
        (
            http(vec![url("/")]),
            vec![Event::Connected, data("HTTP/1.1 500 no\r\n\r\n"), Event::Eof],
            vec![format!("HTTP status code error to server {RS}.")],
        ),
        (http(vec![url("/")]), vec![Event::Refused], vec![format!("Connection failed server {RS}.")]),
        (
            http(vec![url("/")]),
            vec![Event::Unreachable],
            vec![format!("HTTP_CHECK - network unreachable server {RS}.")],
        ),
        (
            http(vec![url("/")]),
            vec![Event::Connected, Event::Eof],
            vec![format!("Read, no data received from  server {RS}.")],
        ),
        (http(vec![url("/")]), vec![], vec![format!("Timeout connecting server {RS}.")]),
        (http(vec![url("/")]), vec![Event::Connected], vec![format!("Timeout WEB read server {RS}.")]),
        (
            http(vec![url("/")]),
            vec![Event::Connected, data("HTTP")],
            vec![format!("Timeout HTTP read server {RS}.")],
        ),
        (
            http(vec![url("/")]),
            vec![Event::Connected, Event::ReadError { errno: 104, text: String::new() }],
            vec![format!("Read error with server {RS}.")],
        ),
        (
            http(vec![url("/")]),
            vec![Event::Connected, Event::WriteError],
            vec![format!("Cannot send get request to server {RS}.")],
        ),
    ] {
        let mut rig = log_all(probe.clone(), 5);
        // the first check is well, so that retries count
        let good: &[Event] = match probe {
            ProbePlan::Udp(_) => &[Event::Connected, data("ok")],
            ProbePlan::Ping => &[Event::Connected, got(0, 1)],
            ProbePlan::Http(_) => &[Event::Connected, data("HTTP/1.0 200 OK\r\n\r\n"), Event::Eof],
            _ => &[Event::Connected],
        };
        rig.check(good);
        let mut events = events;
        if matches!(probe, ProbePlan::Ping) {
            events.remove(0);
            for event in &mut events {
                if let Event::Data(d) = event
                    && d[7] == 1
                {
                    d[7] = 2;
                }
            }
        }
        let mut said = rig.check(&events);
        if said.is_empty() && events.iter().all(|e| !matches!(e, Event::Unreachable)) {
            said = rig.due().1;
        }
        let told: Vec<String> = told.into_iter().map(|t| t.replace("seq no 1,", "seq no 2,")).collect();
        assert_eq!(said, told, "{events:?}");
        assert!(rig.alive());
    }
}

#[test]
fn pages_are_asked_for_as_the_original_asks() {
    let host = UrlPlan { virtual_host: Some("www.example".to_owned()), ..url("/b?c") };
    for (plan, target, sent) in [
        (
            HttpPlan { urls: vec![url("/a")], ..HttpPlan::default() },
            "10.0.0.1:80",
            r"send GET /a HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 10.0.0.1:80\r\n\r\n",
        ),
        (
            HttpPlan { urls: vec![host.clone()], close: true, http11: true, ..HttpPlan::default() },
            "10.0.0.1:80",
            r"send GET /b?c HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example\r\n\r\n",
        ),
        (
            HttpPlan { urls: vec![url("/")], close: true, ..HttpPlan::default() },
            "[2001:db8::1]:8080",
            r"send GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: [2001:db8::1]:8080\r\n\r\n",
        ),
    ] {
        let mut checker = checker(ProbePlan::Http(plan), 0);
        checker.target = target.parse().unwrap();
        let mut rig = Rig::new(pool(vec![server(1, vec![checker])]));
        assert_eq!(rig.due().1, ["open 0/0 Tcp"]);
        assert_eq!(rig.hear(Event::Connected), [sent]);
    }
    let name = UrlPlan { sni: Some("sni.example".to_owned()), goodbye: true, ..host };
    let mut rig =
        Rig::one(ProbePlan::Http(HttpPlan { tls: true, urls: vec![name], ..HttpPlan::default() }), 0);
    let open = Transport::Tls { sni: Some("sni.example".to_owned()), goodbye: true };
    assert_eq!(rig.due().1, [format!("open 0/0 {open:?}")]);
}

/// What keepalived 2.2.7 said to servers that did these things.
#[test]
fn pages_over_tls_end_in_their_own_ways() {
    let reset = Event::ReadError { errno: 104, text: String::new() };
    let ok = "HTTP/1.0 200 OK\r\n\r\n";
    for (events, said) in [
        (&[Event::Handshake { remark: None }][..], "SSL handshake/communication error connecting to"),
        (&[Event::Refused], "Connection failed"),
        (&[Event::Connected, Event::WriteError], "Cannot send get request to"),
        (&[Event::Connected, Event::Eof], "SSL read error from"),
        (&[Event::Connected, data("HTTP/1.0 200 OK\r\n"), Event::Eof], "SSL read error from"),
        (&[Event::Connected, Event::Truncated], "Read, no data received from "),
        (&[Event::Connected, data("HTTP/1.0 200 OK\r\n"), reset.clone()], "Read, no data received from "),
        (&[Event::Connected, data("HTTP/1.0 404 No\r\n\r\n"), Event::Truncated], "HTTP status code error to"),
        (&[Event::Connected, data(ok), Event::Eof], ""),
        (&[Event::Connected, data(ok), Event::Truncated], ""),
        (&[Event::Connected, data(ok), reset], ""),
    ] {
        let mut rig = over_tls();
        rig.due();
        let mut heard = Vec::new();
        events.iter().for_each(|e| heard.extend(rig.hear(e.clone())));
        let line = match said {
            "" => "Remote Web server [10.0.0.1]:tcp:80 succeed on service.".to_owned(),
            why => format!("{why} server [10.0.0.1]:tcp:80."),
        };
        assert!(heard.contains(&line), "{events:?}: {heard:?}");
    }
}

#[test]
fn a_page_over_tls_has_one_time_to_begin_and_one_to_come() {
    let mut rig = over_tls();
    rig.due();
    rig.hear(Event::Connected);
    let at = |rig: &Rig| rig.pool.deadline().unwrap();
    let first = at(&rig);
    rig.now_us += SECOND;
    // something of TLS's own, then data
    rig.hear(Event::Data(Vec::new()));
    let second = at(&rig);
    assert_eq!(second - first, SECOND);
    rig.now_us += SECOND;
    rig.hear(Event::Data(b"HTTP".to_vec()));
    assert_eq!(at(&rig), second);
    assert!(rig.due().1.contains(&"Timeout SSL read server [10.0.0.1]:tcp:80.".to_owned()));
    let mut mute = over_tls();
    mute.due();
    mute.hear(Event::Connected);
    assert!(mute.due().1.contains(&"Timeout WEB read server [10.0.0.1]:tcp:80.".to_owned()));
}

#[test]
fn a_remark_on_tls_is_made_once() {
    let mut rig = over_tls();
    let remark = Some("nothing in common".to_owned());
    let line = "SSL_GET of [10.0.0.1]:tcp:80: nothing in common".to_owned();
    for told in [true, false] {
        rig.due();
        let heard = rig.hear(Event::Handshake { remark: remark.clone() });
        assert_eq!(heard.contains(&line), told, "{heard:?}");
    }
}

fn over_tls() -> Rig {
    log_all(ProbePlan::Http(HttpPlan { tls: true, urls: vec![url("/")], ..HttpPlan::default() }), 0)
}

#[test]
fn pages_are_judged() {
    let digest =
        [0x5d, 0x41, 0x40, 0x2a, 0xbc, 0x4b, 0x2a, 0x76, 0xb9, 0x71, 0x9d, 0x91, 0x10, 0x17, 0xc5, 0x92];
    let hello = UrlPlan { digest: Some(digest), ..url("/") };
    let regex = |pattern: &str, no_match, min_offset, max_offset| {
        let regex = RegexPlan { regex: Regex::new(pattern).unwrap(), no_match, min_offset, max_offset };
        UrlPlan { regex: Some(regex), ..url("/") }
    };
    let status = |ranges: &[(u16, u16)]| UrlPlan { status: ranges.to_vec(), ..url("/") };
    for (url, answer, good) in [
        (url("/"), "HTTP/1.0 200 OK\r\n\r\n", true),
        (url("/"), "HTTP/1.0 299 OK\r\n\r\nx", true),
        (url("/"), "HTTP/1.0 300 OK\r\n\r\n", false),
        (url("/"), "HTTP/1.0 200\r\n\r\n", false),
        (url("/"), "HTTP/1.0 2000 OK\r\n\r\n", false),
        (url("/"), "HTTP/1.0 20x OK\r\n\r\n", false),
        (url("/"), "HTTP/1.0 200 OK\r\n", false),
        (url("/"), "garbage", false),
        (url("/"), "", false),
        (status(&[(404, 404), (500, 503)]), "HTTP/1.0 404 Not\r\n\r\n", true),
        (status(&[(404, 404), (500, 503)]), "HTTP/1.0 502 Not\r\n\r\n", true),
        (status(&[(404, 404), (500, 503)]), "HTTP/1.0 200 OK\r\n\r\n", false),
        (status(&[(1, 999)]), "HTTP/1.0 600 OK\r\n\r\n", false),
        (hello.clone(), "HTTP/1.0 200 OK\r\n\r\nhello", true),
        (hello.clone(), "HTTP/1.0 200 OK\r\n\r\nhello\n", false),
        (hello.clone(), "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello, world", true),
        (hello.clone(), "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello, world", false),
        (hello.clone(), "HTTP/1.0 200 OK\r\nContent-Length: 5x\r\n\r\nhello, world", false),
        (hello, "HTTP/1.0 500 OK\r\n\r\nhello", false),
        (regex("w.rld", false, 0, 0), "HTTP/1.0 200 OK\r\n\r\nhello, world", true),
        (regex("w.rld", true, 0, 0), "HTTP/1.0 200 OK\r\n\r\nhello, world", false),
        (regex("w.xld", true, 0, 0), "HTTP/1.0 200 OK\r\n\r\nhello, world", true),
        (regex("hello", false, 1, 0), "HTTP/1.0 200 OK\r\n\r\nhello, world", false),
        (regex("world", false, 7, 8), "HTTP/1.0 200 OK\r\n\r\nhello, world", true),
        (regex("world", false, 0, 7), "HTTP/1.0 200 OK\r\n\r\nhello, world", false),
        (regex("OK", false, 0, 0), "HTTP/1.0 200 OK\r\n\r\n", false),
    ] {
        for step in [answer.len().max(1), 1, 7] {
            let mut rig = Rig::one(http(vec![url.clone()]), 0);
            let mut events = vec![Event::Connected];
            events.extend(answer.as_bytes().chunks(step).map(|c| Event::Data(c.to_vec())));
            events.push(Event::Eof);
            rig.check(&events);
            assert_eq!(rig.alive(), good, "{answer:?} {:?}", url.status);
        }
    }
}

#[test]
fn a_wrong_length_is_told_when_it_changes() {
    let mut rig = Rig::one(http(vec![url("/x")]), 0);
    let get = |rig: &mut Rig, answer: &str| rig.check(&[Event::Connected, data(answer), Event::Eof]);
    let short = "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nabc";
    let line = "http_check for RS [10.0.0.1]:tcp:80 VS [10.9.9.9]:tcp:80 url /x: content_length (9) does not match \
                received bytes (3)";
    assert_eq!(get(&mut rig, short)[0], line);
    assert_eq!(get(&mut rig, short), [""; 0]);
    assert_eq!(get(&mut rig, "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"), [""; 0]);
    assert_eq!(get(&mut rig, short), [line]);
}

#[test]
fn several_pages_must_all_be_right() {
    let mut rig = Rig::one(http(vec![url("/1"), url("/2")]), 1);
    let good = [Event::Connected, data("HTTP/1.0 200 OK\r\n\r\n"), Event::Eof];
    let bad = [Event::Connected, data("HTTP/1.0 500 no\r\n\r\n"), Event::Eof];
    let get = |rig: &mut Rig, events: &[Event]| {
        let (waited, _) = rig.due();
        let mut page = String::new();
        let mut said = Vec::new();
        for event in events {
            for line in rig.hear(event.clone()) {
                match line.strip_prefix("send GET ") {
                    Some(rest) => page = rest.split(' ').next().unwrap().to_owned(),
                    None => said.push(line),
                }
            }
        }
        (waited, page, said)
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(get(&mut rig, &good), (1, "/1".to_owned(), none.clone()));
    let up = "Remote Web server [10.0.0.1]:tcp:80 succeed on service.".to_owned();
    assert_eq!(get(&mut rig, &good), (10, "/2".to_owned(), vec![up.clone()]));
    assert_eq!(get(&mut rig, &good), (10, "/1".to_owned(), none.clone()));
    assert_eq!(get(&mut rig, &bad), (10, "/2".to_owned(), none.clone()));
    let (waited, page, said) = get(&mut rig, &bad);
    assert_eq!((waited, page.as_str()), (2, "/2"));
    assert_eq!(said[0], "HTTP_CHECK on service [10.0.0.1]:tcp:80 failed after 1 retries.");
    // the failed page is tried alone; when it is right, all are got before the server is
    assert_eq!(get(&mut rig, &bad), (10, "/2".to_owned(), none.clone()));
    let well = |path: &str| format!("HTTP status code success to [10.0.0.1]:tcp:80 url({path})");
    assert_eq!(get(&mut rig, &good), (10, "/2".to_owned(), vec![well("/2")]));
    assert_eq!(get(&mut rig, &good), (10, "/1".to_owned(), vec![well("/1")]));
    let (_, page, said) = get(&mut rig, &good);
    assert_eq!((page.as_str(), &said[..2]), ("/2", &[well("/2"), up][..]));
    assert!(rig.alive());
}

#[test]
fn fast_recovery_does_not_wait_between_pages() {
    let plan = HttpPlan { urls: vec![url("/1"), url("/2")], fast_recovery: true, ..HttpPlan::default() };
    let mut rig = Rig::one(ProbePlan::Http(plan), 0);
    let good = [Event::Connected, data("HTTP/1.0 200 OK\r\n\r\n"), Event::Eof];
    let mut waits = Vec::new();
    for _ in 0..4 {
        waits.push(rig.due().0);
        for event in &good {
            rig.hear(event.clone());
        }
    }
    assert_eq!(waits, [1, 0, 10, 10]);
}

#[test]
fn mail_servers_are_talked_to() {
    let target = "[10.0.0.1]:80";
    let smtp = || ProbePlan::Smtp { helo: "lb.example".to_owned() };
    for (lines, good, why) in [
        (&["220 hi\r\n", "250 ok\r\n", "221 bye\r\n"][..], true, ""),
        (&["220", " hi\r\n", "250\n", "anything\n"], true, ""),
        (&["220\r\n"], false, "Bad greeting banner from server"),
        (&["220-hi\r\n220 there\r\n"], false, "Bad greeting banner from server"),
        (&["554 no\r\n"], false, "Bad greeting banner from server"),
        (&["220 hi\r\n", "500 what\r\n"], false, "Bad HELO response from server"),
        (&["220 hi\r\n", "EOF"], false, "Read failure from server"),
        (&["220 hi\r\n", "250 ok\r\n", "EOF"], false, "Read failure from server"),
    ] {
        let mut rig = Rig::one(smtp(), 0);
        let mut said = rig.due().1;
        said.extend(rig.hear(Event::Connected));
        for line in lines {
            said.extend(rig.hear(if *line == "EOF" { Event::Eof } else { data(line) }));
        }
        assert_eq!(rig.alive(), good, "{lines:?}");
        if good {
            assert_eq!(
                said,
                [
                    "open 0/0 Tcp",
                    r"send HELO lb.example\r\n",
                    r"send QUIT\r\n",
                    "Remote SMTP server [10.0.0.1]:tcp:80 succeed on service."
                ]
            );
        } else {
            assert!(said.contains(&format!("SMTP_CHECK {why} {target}")), "{said:?}");
        }
    }
    for (events, why) in [
        (&[Event::Refused][..], "SMTP_CHECK Could not connect to server [10.0.0.1]:80"),
        (
            &[Event::Unreachable],
            "SMTP_CHECK Network unreachable for server 10.0.0.1 - real server [10.0.0.1]:80",
        ),
        (&[Event::Connected, Event::WriteError], "SMTP_CHECK Write failure to server [10.0.0.1]:80"),
    ] {
        assert_eq!(Rig::one(smtp(), 0).check(events)[0], why);
    }
    let mut rig = Rig::one(smtp(), 0);
    rig.due();
    assert_eq!(rig.due().1[0], "SMTP_CHECK Connection timeout to server [10.0.0.1]:80");
    let mut rig = Rig::one(smtp(), 0);
    rig.due();
    rig.hear(Event::Connected);
    assert_eq!(rig.due().1[0], "SMTP_CHECK Read timeout from server [10.0.0.1]:80");
    // it has its retries from the first check on
    let mut rig = Rig::one(smtp(), 1);
    assert_eq!(rig.check(&[Event::Refused]), [""; 0]);
    assert_eq!(rig.due().0, 2);
    assert_eq!(rig.hear(Event::Refused)[0], "SMTP_CHECK Could not connect to server [10.0.0.1]:80");
    assert!(!rig.alive());
}

#[test]
fn names_are_asked_for() {
    let dns = |name: &str, kind| ProbePlan::Dns { kind, name: name.to_owned() };
    for (name, kind, question) in [
        (".", 6u16, &b"\0"[..]),
        ("", 6, b"\0"),
        ("example.com", 1, b"\x07example\x03com\0"),
        ("a.example.com.", 28, b"\x01a\x07example\x03com\0"),
        ("_x.example", 16, b"\x02_x\x07example\0"),
    ] {
        let mut rig = Rig::one(dns(name, kind), 3);
        assert_eq!(rig.due().1, ["open 0/0 Udp"]);
        let sent = rig.hear(Event::Connected);
        let expected = [&b"\x01\0\0\x01\0\0\0\0\0\0"[..], question, &kind.to_be_bytes(), b"\0\x01"].concat();
        assert!(sent[0].ends_with(&expected.escape_ascii().to_string()), "{sent:?}");
        assert!(rig.alive());
    }
}

#[test]
fn name_servers_answers_are_judged() {
    let ask = |answer: &dyn Fn([u8; 2]) -> Vec<u8>| {
        let mut rig = Rig::one(ProbePlan::Dns { kind: 6, name: ".".to_owned() }, 1);
        rig.due();
        let mut id = [0, 0];
        rig.act(|p, now, out| {
            p.handle(super::ID, Event::Connected, now, out);
            for act in out.iter() {
                if let rha_health::lvs::Act::Send(_, bytes) = act {
                    id = [bytes[0], bytes[1]];
                }
            }
        });
        let said = rig.hear(Event::Data(answer(id)));
        (rig.alive(), said, rig)
    };
    let header = |id: [u8; 2], flags: [u8; 2]| [&id[..], &flags, &[0; 8]].concat();
    // no error, whatever is in it
    let (alive, said, _) = ask(&|id| [header(id, [0x81, 0x80]), b"junk".to_vec()].concat());
    assert!(alive && said.is_empty());
    // an error code
    let (alive, said, _) = ask(&|id| header(id, [0x81, 0x85]));
    assert!(!alive);
    assert_eq!(said[0], "DNS_CHECK ([10.0.0.1]:tcp:80) read error occurred. (rcode = 5)");
    // somebody else's, a question, too short: waits on, then gives up
    for answer in [
        &(|id: [u8; 2]| header([id[0], id[1].wrapping_add(1)], [0x81, 0x80])) as &dyn Fn([u8; 2]) -> Vec<u8>,
        &|id| header(id, [0x01, 0x00]),
        &|id| header(id, [0x81, 0x80])[..11].to_vec(),
        &|_| Vec::new(),
    ] {
        let (alive, said, mut rig) = ask(answer);
        assert!(alive && said.is_empty());
        assert_eq!(rig.due().1[0], "DNS_CHECK ([10.0.0.1]:tcp:80) read timeout from socket");
        assert!(!rig.alive());
    }
    let mut rig = Rig::one(ProbePlan::Dns { kind: 6, name: ".".to_owned() }, 0);
    let said =
        rig.check(&[Event::Connected, Event::ReadError { errno: 111, text: "Connection refused".into() }]);
    assert_eq!(
        said[0],
        "DNS_CHECK ([10.0.0.1]:tcp:80) failed to read socket; errno 111 (Connection refused)"
    );
    // retries end with their number
    let mut rig = log_all(ProbePlan::Dns { kind: 6, name: ".".to_owned() }, 1);
    let down = [Event::Unreachable];
    assert_eq!(rig.check(&down)[0], "DNS_CHECK ([10.0.0.1]:tcp:80) network unreachable for [10.0.0.1]:80");
    assert!(!rig.alive());
}

#[test]
fn datagrams_are_compared() {
    let plan = |pattern: &[u8], ignore: &[u8], min_len, max_len| UdpPlan {
        required: true,
        pattern: pattern.to_vec(),
        ignore: ignore.to_vec(),
        min_len,
        max_len,
        ..UdpPlan::default()
    };
    let any = UdpPlan::default();
    for (plan, answer, good) in [
        (any.clone(), None, true),
        (any, Some(&b"x"[..]), true),
        (plan(b"", b"", 0, 255), Some(b"x"), true),
        (plan(b"", b"", 0, 255), None, false),
        (plan(b"ok", b"", 0, 255), Some(b"ok"), true),
        (plan(b"ok", b"", 0, 255), Some(b"okay"), true),
        (plan(b"ok", b"", 0, 255), Some(b"o"), true),
        (plan(b"ok", b"", 2, 255), Some(b"o"), false),
        (plan(b"ok", b"", 0, 3), Some(b"okay"), false),
        (plan(b"ok", b"", 0, 255), Some(b"no"), false),
        (plan(b"ok", &[0, 0xff], 0, 255), Some(b"o!"), true),
        (plan(b"ok", &[0, 0x01], 0, 255), Some(b"oj"), true),
        (plan(b"ok", &[0, 0x01], 0, 255), Some(b"oi"), false),
    ] {
        let mut rig = Rig::one(ProbePlan::Udp(plan.clone()), 0);
        assert_eq!(rig.due().1, ["open 0/0 Udp"]);
        assert_eq!(rig.hear(Event::Connected), ["send keepalived check - keepalived ch"]);
        match answer {
            Some(answer) => drop(rig.hear(Event::Data(answer.to_vec()))),
            None => assert_eq!(rig.due().0, 3),
        }
        assert_eq!(rig.alive(), good, "{plan:?} {answer:?}");
    }
    let payload = UdpPlan { payload: b"\x00\x01".to_vec(), ..UdpPlan::default() };
    let mut rig = Rig::one(ProbePlan::Udp(payload), 0);
    rig.due();
    assert_eq!(rig.hear(Event::Connected), [r"send \x00\x01"]);
}

#[test]
fn echoes_go_out_on_one_socket_while_they_come_back() {
    for (target, request, reply) in [("10.0.0.1:0", 8u8, 0u8), ("[2001:db8::1]:0", 128, 129)] {
        let mut plan = checker(ProbePlan::Ping, 0);
        plan.target = target.parse().unwrap();
        let mut rig = Rig::new(pool(vec![server(1, vec![plan])]));
        assert_eq!(rig.due().1, ["open 0/0 Icmp"]);
        for n in 1u8..4 {
            let sent = if n == 1 { rig.hear(Event::Connected) } else { rig.due().1 };
            let head = [request, 0, 0, 0, 0, 0, 0, n].escape_ascii().to_string();
            assert!(
                sent.len() == 1 && sent[0].starts_with(&format!("send {head}keepalived check - ")),
                "{sent:?}"
            );
            rig.hear(Event::Data(vec![reply, 0, 0, 0, 1, 2, 0, n]));
            assert!(rig.alive());
        }
        rig.due();
        assert_eq!(rig.due().0, 3);
        assert!(!rig.alive());
        assert_eq!(rig.due().1, ["open 0/0 Icmp"]);
    }
}

#[test]
fn programs_are_judged_by_their_exit() {
    let misc = |dynamic| ProbePlan::Misc { program: "/bin/chk".to_owned(), timeout_us: 4 * SECOND, dynamic };
    let said = |what: &str| format!("Misc check for [{RS} VS [10.9.9.9]:tcp:80] by [/bin/chk] {what}.");
    for (dynamic, event, alive, told) in [
        (false, Event::Exited(0), true, "succeeded"),
        (false, Event::Exited(1), false, "failed with retry disabled (exited with status 1)"),
        (false, Event::Exited(2), false, "failed with retry disabled (exited with status 2)"),
        (true, Event::Exited(1), false, "failed with retry disabled (exited with status 1)"),
        (true, Event::Exited(0), true, "succeeded"),
        (true, Event::Exited(3), true, "succeeded"),
        (false, Event::Signaled(11), false, "failed with retry disabled (due to signal 11)"),
        (false, Event::NotStarted, false, "failed with retry disabled (exited with status 127)"),
    ] {
        let mut rig = Rig::one(misc(dynamic), 0);
        assert_eq!(rig.due().1, ["run"]);
        assert_eq!(rig.hear(event.clone())[0], said(told), "{event:?}");
        assert_eq!(rig.alive(), alive, "{event:?}");
    }
    // retries and their numbers
    let mut rig = log_all(misc(false), 2);
    rig.check(&[Event::Exited(0)]);
    assert_eq!(rig.check(&[Event::Exited(1)]), [said("failed, will do 2 retries (exited with status 1)")]);
    assert_eq!(rig.check(&[Event::Exited(1)]), [said("failed on retry 1/2 (exited with status 1)")]);
    assert_eq!(rig.check(&[Event::Exited(1)])[0], said("failed after 2 retries (exited with status 1)"));
    assert!(!rig.alive());
    // while down nothing is said, and nothing retried
    assert_eq!(rig.check(&[Event::Exited(1)]), [""; 0]);
    assert_eq!(rig.check(&[Event::Exited(0)])[0], said("succeeded"));
    assert!(rig.alive());
}

#[test]
fn a_late_program_is_ended() {
    let misc = ProbePlan::Misc { program: "/bin/chk".to_owned(), timeout_us: 4 * SECOND, dynamic: false };
    let late = "Misc check for [[10.0.0.1]:tcp:80 VS [10.9.9.9]:tcp:80] by [/bin/chk] timed out with retry disabled.";
    let mut rig = Rig::one(misc.clone(), 0);
    rig.due();
    assert_eq!(rig.due(), (4, vec!["kill gently".to_owned()]));
    let said = rig.hear(Event::Signaled(15));
    assert_eq!(said[..2], ["kill hard", late]);
    // the next start counts from the last one
    assert_eq!(rig.due().0, 6);
    let mut rig = Rig::one(misc, 0);
    rig.due();
    rig.due();
    assert_eq!(rig.due(), (2, vec!["kill hard".to_owned()]));
    assert_eq!(rig.due(), (2, vec!["kill hard".to_owned()]));
    assert_eq!(rig.hear(Event::Signaled(9))[0], late);
}

#[test]
fn misc_dynamic_sets_the_weight() {
    let misc = ProbePlan::Misc { program: "/bin/chk".to_owned(), timeout_us: SECOND, dynamic: true };
    let mut plan = pool(vec![server(1, vec![checker(misc, 0)])]);
    plan.servers[0].weight = 10;
    let mut rig = Rig::new(plan);
    let weight = |rig: &Rig| rig.pool.server(0).unwrap().weight;
    rig.check(&[Event::Exited(0)]);
    assert_eq!(weight(&rig), 10);
    assert_eq!(
        rig.check(&[Event::Exited(7)]),
        [
            "Changing weight from 10 to 5 for active service [10.0.0.1]:tcp:80 of VS [10.9.9.9]:tcp:80",
            "=0 weight 5"
        ]
    );
    assert_eq!(rig.check(&[Event::Exited(7)]), [""; 0]);
    rig.check(&[Event::Exited(255)]);
    assert_eq!(weight(&rig), 253);
    // weight 0 is no failure, but ends the quorum
    let said = rig.check(&[Event::Exited(2)]);
    assert_eq!(said[2], "Lost quorum 1-0=1 > 0 for VS [10.9.9.9]:tcp:80");
    assert!(rig.alive());
    rig.check(&[Event::Exited(1)]);
    assert_eq!((weight(&rig), rig.alive()), (10, false));
    rig.check(&[Event::Exited(4)]);
    assert_eq!((weight(&rig), rig.alive()), (2, true));
    rig.check(&[Event::Exited(0)]);
    assert_eq!(weight(&rig), 10);
}

#[test]
fn what_could_not_be_tried_says_nothing_about_the_server() {
    for (probe, line) in [
        (ProbePlan::Tcp, "TCP socket bind failed. Rescheduling."),
        (http(vec![url("/")]), "WEB socket bind failed. Rescheduling"),
        (ProbePlan::Smtp { helo: String::new() }, "SMTP_CHECK socket bind failed. Rescheduling."),
        (
            ProbePlan::Dns { kind: 1, name: ".".to_owned() },
            "DNS_CHECK ([10.0.0.1]:tcp:80) UDP socket bind failed. Rescheduling.",
        ),
        (ProbePlan::Ping, "ICMP connect fail to create socket. Rescheduling."),
    ] {
        let mut rig = Rig::one(probe, 0);
        assert_eq!(rig.check(&[Event::Unable]), [line]);
        assert!(rig.alive());
        assert_eq!(rig.due().0, 10);
    }
}
