//! Every kind of checker finds its server well, dead, and well again.

use rha_compat_tests::balancer::{Balancer, Neighbour, Service, Space, assert_same};
use rha_compat_tests::lan::{Who, impossible};

use super::virtual_server;
use crate::tls::{Certificate, End, Version, serve};

const REAL: &str = "127.0.0.11";
const PAGE: &str = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Checkers by port.
fn configuration() -> String {
    let url = "url {\n path /\n status_code 200\n digest 5d41402abc4b2a76b9719d911017c592\n }";
    let pings = virtual_server(8005, "10.9.8.1", "PING_CHECK {\n connect_timeout 1\n }");
    let checkers = [
        (8001, "TCP_CHECK {\n connect_timeout 2\n }".to_owned()),
        (8002, format!("HTTP_GET {{\n connect_timeout 2\n {url}\n }}")),
        (8003, format!("SSL_GET {{\n connect_timeout 2\n {url}\n }}")),
        (8004, "SMTP_CHECK {\n connect_timeout 2\n helo_name lb.example\n }".to_owned()),
        (8006, "UDP_CHECK {\n connect_timeout 2\n payload 61 62 63\n require_reply 61 62\n }".to_owned()),
        (8007, "DNS_CHECK {\n connect_timeout 2\n type A\n name www.example\n }".to_owned()),
        (8008, "MISC_CHECK {\n misc_path \"/usr/bin/test -e /tmp/well\"\n misc_timeout 5\n }".to_owned()),
        (8009, "FILE_CHECK {\n track_file number\n weight 0\n }".to_owned()),
        (8010, "BFD_CHECK {\n name peer\n }".to_owned()),
    ];
    let servers: String =
        checkers.iter().map(|(port, checker)| virtual_server(*port, REAL, checker)).collect();
    format!(
        "global_defs {{\n script_user root\n enable_script_security\n}}
track_file number {{\n file /tmp/number\n init_file 0\n}}
bfd_instance peer {{\n neighbor_ip 10.9.7.2\n source_ip 10.9.7.1\n min_tx 100\n min_rx 100\n}}
{pings}{servers}"
    )
}

fn servers(certificate: &Certificate, there: &Neighbour) -> Vec<Service> {
    let at = |port: u16| format!("{REAL}:{port}");
    vec![
        Service::lines(&at(8001), &[""]),
        Service::lines(&at(8002), &["", PAGE]),
        serve(&at(8003), certificate, Version::Tls13, PAGE, End::Said, |_| {}),
        Service::lines(&at(8004), &["220 mail\r\n", "250 well met\r\n", "221 farewell\r\n"]),
        Service::echo(&at(8006)),
        Service::echo(&at(8007)),
        Service::bfd(there),
    ]
}

fn case(who: Who) -> Vec<Vec<String>> {
    let space = Space::enter();
    let (certificate, there) = (Certificate::new(), space.neighbour());
    space.address("10.9.8.1/32", true);
    let mut running = servers(&certificate, &there);
    let mut balancer = Balancer::start(who, &configuration());
    // both want it before the first check, a second after the start
    std::fs::write(balancer.file("well"), "").unwrap();
    let mut notes = Vec::new();
    balancer.until(&[
        "TCP connection to [127.0.0.11]:tcp:8001 success.",
        "Remote Web server [127.0.0.11]:tcp:8002 succeed",
        "Remote Web server [127.0.0.11]:tcp:8003 succeed",
        "Remote SMTP server [127.0.0.11]:tcp:8004 succeed",
        "ICMP connection to [10.9.8.1]:tcp:8005 success.",
        "UDP connection to [127.0.0.11]:tcp:8006 success.",
        "BFD check of [peer] RS([127.0.0.11]:tcp:8010) is UP",
        "for [[127.0.0.11]:tcp:8008 VS [10.9.9.9]:tcp:8008] by [/usr/bin/test] succeeded",
    ]);
    notes.push(balancer.about_servers());

    running.clear();
    space.address("10.9.8.1/32", false);
    std::fs::remove_file(balancer.file("well")).unwrap();
    std::fs::write(balancer.file("number"), "1\n").unwrap();
    let gone = |real: &str, port: u16| format!("Lost quorum 1-0=1 > 0 for VS [10.9.9.9]:tcp:{port}{real}");
    let all: Vec<String> = (8001..=8010).map(|port| gone("", port)).collect();
    balancer.until(&all.iter().map(String::as_str).collect::<Vec<_>>());
    notes.push(balancer.about_servers());

    space.address("10.9.8.1/32", true);
    running = servers(&certificate, &there);
    std::fs::write(balancer.file("well"), "").unwrap();
    std::fs::write(balancer.file("number"), "0\n").unwrap();
    let all: Vec<String> =
        (8001..=8010).map(|port| format!("Gained quorum 1+0=1 <= 1 for VS [10.9.9.9]:tcp:{port}")).collect();
    balancer.until(&all.iter().map(String::as_str).collect::<Vec<_>>());
    notes.push(balancer.about_servers());
    drop(running);
    notes
}

#[test]
fn every_kind_of_checker_goes_down_and_up() {
    if impossible("every_kind_of_checker_goes_down_and_up").is_none() {
        rha_compat_tests::steadily(|| assert_same(case));
    }
}
