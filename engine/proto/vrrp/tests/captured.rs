//! Packets recorded from keepalived 2.2.7, byte for byte: what we write must be what it wrote, and what it
//! wrote must be accepted.

#![allow(clippy::expect_used, reason = "a fixture that is none fails the test")]

use std::net::IpAddr;
use std::time::Duration;

use rha_vrrp::packet::{Advert, Expected, Frame, Reject, Route, verify};
use rha_vrrp::{Auth, Checksum, Config, Datagram, Family, Target, Version, Vip};

struct Captured {
    what: &'static str,
    source: &'static str,
    destination: &'static str,
    version: Version,
    auth: Auth,
    priority: u8,
    interval_ms: u64,
    id: u16,
    sequence: u32,
    addresses: &'static [&'static str],
    /// IPv4: from the IP header's type of service on is implied; here what stands behind the IP header.
    behind_ip: &'static str,
    total_len: u16,
    protocol: u8,
}

const BASE: Captured = Captured {
    what: "",
    source: "10.77.0.2",
    destination: "224.0.0.18",
    version: Version::V2,
    auth: Auth::None,
    priority: 100,
    interval_ms: 1000,
    id: 1,
    sequence: 0,
    addresses: &["10.77.0.200"],
    behind_ip: "",
    total_len: 40,
    protocol: 112,
};

const KEY: [u8; 8] = *b"s3cr3t\0\0";
const V6: &[&str] = &["fe80::77:200", "fd77::200"];

const CAPTURED: &[Captured] = &[
    Captured {
        what: "v2 none, backup takes over",
        behind_ip: "2133640100016fb50a4d00c80000000000000000",
        ..BASE
    },
    Captured {
        what: "v2 none, priority 0",
        source: "10.77.0.1",
        priority: 0,
        id: 10,
        behind_ip: "213300010001d3b50a4d00c80000000000000000",
        ..BASE
    },
    Captured {
        what: "v2 password",
        auth: Auth::Pass(KEY),
        behind_ip: "213364010101649b0a4d00c87333637233740000",
        ..BASE
    },
    Captured {
        what: "v2 password, priority 0",
        auth: Auth::Pass(KEY),
        priority: 0,
        id: 11,
        behind_ip: "213300010101c89b0a4d00c87333637233740000",
        ..BASE
    },
    Captured {
        what: "v2 AH, first packet",
        auth: Auth::Ah(KEY),
        sequence: 1,
        total_len: 64,
        protocol: 51,
        behind_ip: "700400000a4d0002000000018e230c4e8d154bf46a6b908c2133640102016db50a4d00c80000000000000000",
        ..BASE
    },
    Captured {
        what: "v2 AH, a new master continues from the last number heard",
        source: "10.77.0.1",
        auth: Auth::Ah(KEY),
        priority: 110,
        sequence: 6,
        total_len: 64,
        protocol: 51,
        behind_ip: "700400000a4d000100000006342e4a56c49b763e6bd0925e21336e01020163b50a4d00c80000000000000000",
        ..BASE
    },
    Captured {
        what: "v2 AH, priority 0",
        source: "10.77.0.1",
        auth: Auth::Ah(KEY),
        priority: 0,
        id: 10,
        sequence: 15,
        total_len: 64,
        protocol: 51,
        behind_ip: "700400000a4d00010000000f0a7b6e1ae67df8340dbae0fc213300010201d1b50a4d00c80000000000000000",
        ..BASE
    },
    Captured {
        what: "v3 IPv4 with pseudo-header",
        version: Version::V3,
        interval_ms: 500,
        total_len: 32,
        behind_ip: "31336401003274a60a4d00c8",
        ..BASE
    },
    Captured {
        what: "v3 IPv4, priority 0",
        version: Version::V3,
        priority: 0,
        interval_ms: 500,
        id: 0x15,
        total_len: 32,
        behind_ip: "313300010032d8a60a4d00c8",
        ..BASE
    },
    Captured {
        what: "v3 IPv6",
        source: "fe80::77:ff:fe00:2",
        destination: "ff02::12",
        version: Version::V3,
        interval_ms: 500,
        addresses: V6,
        behind_ip: "3133640200326c81fe800000000000000000000000770200fd770000000000000000000000000200",
        ..BASE
    },
    Captured {
        what: "v3 IPv6, priority 0",
        source: "fe80::77:ff:fe00:1",
        destination: "ff02::12",
        version: Version::V3,
        priority: 0,
        interval_ms: 500,
        addresses: V6,
        behind_ip: "313300020032d082fe800000000000000000000000770200fd770000000000000000000000000200",
        ..BASE
    },
];

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect()
}

fn family(c: &Captured) -> Family {
    Family::of(ip(c.source))
}

fn config(c: &Captured) -> Config {
    Config {
        name: "VI_1".into(),
        family: family(c),
        version: c.version,
        vrid: 51,
        advert_interval: Duration::from_millis(c.interval_ms),
        auth: c.auth,
        target: Target::Multicast(ip(c.destination)),
        addresses: c.addresses.iter().map(|a| Vip::new(ip(a), "eth0")).collect(),
        ..Config::default()
    }
}

fn encoded(c: &Captured) -> Vec<u8> {
    let advert = Advert {
        version: c.version,
        family: family(c),
        vrid: 51,
        priority: c.priority,
        interval: Duration::from_millis(c.interval_ms),
        auth: c.auth,
        checksum: Checksum::Pseudo,
        addresses: c.addresses.iter().map(|a| ip(a)).collect(),
    };
    let (source, destination) = (ip(c.source), ip(c.destination));
    advert.encode(&Route { source, destination, unicast: false, ttl: 255, id: c.id, sequence: c.sequence })
}

fn datagram<'a>(c: &Captured, bytes: &'a [u8]) -> Datagram<'a> {
    match (ip(c.source), ip(c.destination)) {
        (IpAddr::V6(source), IpAddr::V6(to)) => Datagram::v6(bytes, source, Some(to), Some(255)),
        _ => Datagram::v4(bytes),
    }
}

#[test]
fn what_we_write_is_what_was_recorded() {
    for c in CAPTURED {
        let ours = encoded(c);
        if family(c) == Family::V6 {
            assert_eq!(ours, bytes(c.behind_ip), "{}", c.what);
            continue;
        }
        let (header, behind) = ours.split_at(20);
        assert_eq!(behind, bytes(c.behind_ip), "{}", c.what);
        // ihl=20 tos=0xc0 ttl=255 flags/frag=0000
        assert_eq!(header[..2], [0x45, 0xc0], "{}", c.what);
        assert_eq!(header[2..4], c.total_len.to_be_bytes(), "{}", c.what);
        assert_eq!(header[4..6], c.id.to_be_bytes(), "{}", c.what);
        assert_eq!(header[6..10], [0, 0, 255, c.protocol], "{}", c.what);
        let sum = header.chunks(2).fold(0u32, |s, p| s + u32::from(u16::from_be_bytes([p[0], p[1]])));
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "{}: header checksum", c.what);
    }
}

#[test]
fn what_was_recorded_is_accepted() {
    for c in CAPTURED {
        let packet = encoded(c);
        let config = config(c);
        let frame = Frame::parse(datagram(c, &packet)).expect("whole");
        assert_eq!((frame.vrid, frame.priority, frame.source), (51, c.priority, ip(c.source)), "{}", c.what);
        let expected = Expected {
            config: &config,
            source: Some(ip(if family(c) == Family::V4 { "10.77.0.9" } else { "fe80::9" })),
            sequence: c.sequence.saturating_sub(1),
            check_addresses: true,
            checksum: Checksum::Pseudo,
        };
        let accepted = verify(&frame, &expected).expect(c.what);
        assert_eq!(accepted.sequence.is_some(), matches!(c.auth, Auth::Ah(_)), "{}", c.what);
        assert!(!accepted.old_checksum);
        if c.sequence > 0 {
            let replayed = verify(&frame, &Expected { sequence: c.sequence, ..expected });
            assert_eq!(replayed, Err(Reject::AhSequence { got: c.sequence, last: c.sequence }));
        }
    }
}

/// Every refusal with the words of the original, made by changing one thing of our side or of the packet.
#[test]
fn refusals_in_the_originals_words() {
    type Change = fn(&mut Config, &mut Vec<u8>);
    // which packet, what is changed, the line
    let rows: &[(usize, Change, &str)] = &[
        (0, |c, _| c.auth = Auth::Ah(KEY), "(VI_1) No AH header but auth type is AH"),
        (4, |c, _| c.auth = Auth::None, "(VI_1) Received AH header but auth type not AH"),
        (0, |_, p| p.truncate(39), "(VI_1) vrrp packet too short, length 39 and expect 40"),
        (0, |_, p| p.push(0), "(VI_1) vrrp packet too long, length 41 and expect 40"),
        (0, |_, p| p[8] = 254, "(VI_1) invalid TTL/HL. Received 254 and expect 255"),
        (0, |c, _| c.version = Version::V3, "(VI_1) wrong version. Received 2 and expect 3"),
        (7, |c, _| c.version = Version::V2, "(VI_1) wrong version. Received 3 and expect 2"),
        (0, |_, p| p[24] = 3, "(VI_1) Invalid auth type: 3"),
        (0, |c, _| c.auth = Auth::Pass(KEY), "(VI_1) received a 0 auth, expecting 1!"),
        (2, |c, _| c.auth = Auth::Pass(*b"other\0\0\0"), "(VI_1) received an invalid passwd!"),
        (
            4,
            |c, _| c.auth = Auth::Ah(*b"other\0\0\0"),
            "(VI_1) IPSEC-AH : invalid IPSEC HMAC-MD5 value. Due to fields mutation or bad password !",
        ),
        (
            0,
            |c, _| c.advert_interval = Duration::from_secs(2),
            "(VI_1) advertisement interval mismatch mine=2 sec rcv'd=1 sec",
        ),
        (0, |_, p| p[20] = 0x22, "(VI_1) Invalid packet type. 2 and expect 1"),
        (
            0,
            |c, _| c.addresses.push(Vip::new(ip("10.77.0.201"), "eth0")),
            "(VI_1) received an unexpected ip number count 1, expected 2!",
        ),
        (0, |_, p| p[3] = 39, "(VI_1) ip_tot_len mismatch against received length. 39 and received 40"),
        (0, |_, p| p[22] = 101, "(VI_1) Invalid VRRPv2 checksum"),
        (7, |_, p| p[22] = 101, "(VI_1) Invalid VRRPv3 checksum"),
        (7, |c, _| c.checksum = Checksum::Plain, "(VI_1) Invalid VRRPv3 checksum"),
        (9, |_, p| p[2] = 101, "(VI_1) Invalid VRRPv3 checksum"),
        (
            0,
            |c, _| c.target = Target::Unicast { peers: vec![], check_source: false },
            "(VI_1) Expected unicast packet but received multicast packet",
        ),
        (
            0,
            |c, _| c.addresses[0].address = ip("10.77.0.201"),
            "(VI_1) ip address associated with VRID 51 not present in MASTER advert: 10.77.0.201",
        ),
        (
            0,
            |c, _| c.source = Some(ip("10.77.0.2")),
            "(VI_1) WARNING - equal priority advert received from remote host with our IP address.",
        ),
    ];
    for (packet, change, line) in rows {
        let c = &CAPTURED[*packet];
        let (mut config, mut bytes) = (config(c), encoded(c));
        change(&mut config, &mut bytes);
        let frame = Frame::parse(datagram(c, &bytes)).expect("whole header");
        let checksum = config.checksum;
        let source = config.source;
        let expected = Expected { config: &config, source, sequence: 0, check_addresses: true, checksum };
        let reject = verify(&frame, &expected).expect_err(line);
        assert_eq!(reject.text("VI_1").as_deref(), Some(*line));
    }
}

#[test]
fn unicast_checks_peers_and_their_ttl() {
    use rha_vrrp::Peer;
    let c = &CAPTURED[7];
    let (source, destination) = (ip("10.77.0.2"), ip("10.77.0.1"));
    let mut config = config(c);
    config.target = Target::Unicast { peers: vec![Peer::new(source)], check_source: true };
    let advert = |checksum| Advert {
        version: Version::V3,
        family: Family::V4,
        vrid: 51,
        priority: 100,
        interval: Duration::from_millis(500),
        auth: Auth::None,
        checksum,
        addresses: vec![ip("10.77.0.200")],
    };
    let route = |source, ttl| Route { source, destination, unicast: true, ttl, id: 1, sequence: 1 };
    let check = |config: &Config, checksum, source, ttl| {
        let packet = advert(checksum).encode(&route(source, ttl));
        let frame = Frame::parse(Datagram::v4(&packet)).expect("whole");
        let checksum = config.checksum;
        verify(&frame, &Expected { config, source: None, sequence: 0, check_addresses: true, checksum })
            .map_err(|r| r.text("VI_1").unwrap_or_default())
            .map(|a| a.old_checksum)
    };
    assert_eq!(check(&config, Checksum::Pseudo, source, 64), Ok(false), "TTL is not asked of unicast");
    assert_eq!(check(&config, Checksum::PseudoMulticast, source, 64), Ok(true), "keepalived up to 1.3.6");
    config.refuses_old_checksum = true;
    let refused = check(&config, Checksum::PseudoMulticast, source, 64);
    assert_eq!(refused, Err("(VI_1) Invalid VRRPv3 checksum".into()), "old_unicast_checksum never");
    let stranger = check(&config, Checksum::Pseudo, ip("10.77.0.7"), 64);
    assert_eq!(stranger, Err("(VI_1) unicast source address 10.77.0.7 not a unicast peer".into()));
    config.target =
        Target::Unicast { peers: vec![Peer { min_ttl: 254, ..Peer::new(source) }], check_source: true };
    let far = check(&config, Checksum::Pseudo, source, 253);
    assert_eq!(far, Err("(VI_1) TTL/HL 253 not in range 254 - 255".into()));
    config.checksum = Checksum::Plain;
    assert_eq!(check(&config, Checksum::Plain, source, 255), Ok(false), "RFC 9568");
}

#[test]
fn headers_that_end_too_early() {
    for len in 0..28 {
        let packet = &encoded(&CAPTURED[0])[..len];
        let short = Frame::parse(Datagram::v4(packet)).expect_err("short").to_string();
        assert_eq!(short, format!("IPv4 VRRP packet too short - {len} bytes"));
    }
    let packet = &encoded(&CAPTURED[4])[..50];
    let short = Frame::parse(Datagram::v4(packet)).expect_err("short").to_string();
    assert_eq!(short, "IPv4 VRRP packet with AH too short - 50 bytes");
    let packet = &encoded(&CAPTURED[9])[..7];
    let short = Frame::parse(datagram(&CAPTURED[9], packet)).expect_err("short").to_string();
    assert_eq!(short, "IPv6 VRRP packet too short - 7 bytes");
}
