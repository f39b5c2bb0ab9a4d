//! Properties of the codec: what is written is read back, changed bytes are refused, no bytes panic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::prelude::*;
use rha_base::Now;
use rha_vrrp::packet::{Advert, Expected, Frame, Route, verify};
use rha_vrrp::{
    Auth, Checksum, Config, Datagram, Family, Input, InstanceId, Plan, Router, Target, Version, Vip,
};

#[derive(Debug, Clone)]
struct Case {
    advert: Advert,
    route: Route,
}

prop_compose! {
    fn case()(
        v3 in any::<bool>(),
        v6 in any::<bool>(),
        unicast in any::<bool>(),
        vrid in 1u8..,
        priority in any::<u8>(),
        seconds in 1u64..=255,
        hundredths in 1u64..=4095,
        auth in 0..3,
        secret in any::<[u8; 8]>(),
        checksum in 0..3,
        addresses in prop::collection::vec(any::<u128>(), 0..40),
        hosts in (1u32.., 1u32..),
        ttl in any::<u8>(),
        id in any::<u16>(),
        sequence in 1u32..,
    ) -> Case {
        let family = if v6 { Family::V6 } else { Family::V4 };
        let version = if v3 { Version::V3 } else { Version::V2 };
        let address = |n: u128| match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(n as u32)),
            Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(n)),
        };
        let host = |n: u32| match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 | n & 0xff_ffff)),
            Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(n))),
        };
        let group = if v6 { Target::GROUP_V6 } else { Target::GROUP_V4 };
        let auth = match (auth, version, family) {
            (1, Version::V2, Family::V4) => Auth::Pass(secret),
            (2, Version::V2, Family::V4) => Auth::Ah(secret),
            _ => Auth::None,
        };
        let checksum = match (checksum, unicast) {
            (1, _) => Checksum::Plain,
            (2, true) => Checksum::PseudoMulticast,
            _ => Checksum::Pseudo,
        };
        Case {
            advert: Advert {
                version,
                family,
                vrid,
                priority,
                interval: if v3 { Duration::from_millis(hundredths * 10) } else { Duration::from_secs(seconds) },
                auth,
                checksum,
                addresses: addresses.into_iter().map(address).collect(),
            },
            route: Route {
                source: host(hosts.0),
                destination: if unicast { host(hosts.1) } else { group },
                unicast,
                ttl: if unicast { ttl } else { 255 },
                id,
                sequence,
            },
        }
    }
}

fn config(case: &Case) -> Config {
    let unicast = Target::Unicast { peers: vec![], check_source: false };
    Config {
        name: "VI".into(),
        family: case.advert.family,
        version: case.advert.version,
        vrid: case.advert.vrid,
        advert_interval: case.advert.interval,
        auth: case.advert.auth,
        target: if case.route.unicast { unicast } else { Target::Multicast(case.route.destination) },
        addresses: case.advert.addresses.iter().map(|a| Vip::new(*a, "eth0")).collect(),
        checksum: case.advert.checksum,
        ..Config::default()
    }
}

fn datagram<'a>(case: &Case, bytes: &'a [u8]) -> Datagram<'a> {
    match (case.route.source, case.route.destination) {
        (IpAddr::V6(source), IpAddr::V6(to)) => Datagram::v6(bytes, source, Some(to), Some(255)),
        _ => Datagram::v4(bytes),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(case in case()) {
        let bytes = case.advert.encode(&case.route);
        let frame = Frame::parse(datagram(&case, &bytes)).expect("whole");
        prop_assert_eq!(frame.vrid, case.advert.vrid);
        prop_assert_eq!(frame.priority, case.advert.priority);
        prop_assert_eq!(frame.source, case.route.source);
        prop_assert_eq!(frame.destination, Some(case.route.destination));
        prop_assert_eq!(frame.addresses().collect::<Vec<_>>(), case.advert.addresses.clone());
        if case.advert.version == Version::V3 {
            let interval = Duration::from_millis(u64::from(frame.hundredths()) * 10);
            prop_assert_eq!(interval, case.advert.interval);
        }
        let config = config(&case);
        let checksum = case.advert.checksum;
        let expected = Expected { config: &config, source: None, sequence: 0, check_addresses: true, checksum };
        let accepted = verify(&frame, &expected);
        prop_assert!(accepted.is_ok(), "{:?}", accepted);
    }

    /// One changed bit behind the IP header never gets through (the checksum sees every single one).
    #[test]
    fn a_flipped_bit_is_refused(case in case(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut bytes = case.advert.encode(&case.route);
        let start = if case.advert.family == Family::V4 { 20 } else { 0 };
        let place = start + at.index(bytes.len() - start);
        bytes[place] ^= 1u8 << bit;
        let config = config(&case);
        let checksum = case.advert.checksum;
        let expected = Expected { config: &config, source: None, sequence: 0, check_addresses: true, checksum };
        let frame = Frame::parse(datagram(&case, &bytes)).expect("whole");
        prop_assert!(verify(&frame, &expected).is_err());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), v6 in any::<bool>(), v3 in any::<bool>()) {
        let datagram = if v6 {
            Datagram::v6(&bytes, Ipv6Addr::LOCALHOST, None, None)
        } else {
            Datagram::v4(&bytes)
        };
        let source = if v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
        let config = Config {
            family: Family::of(source),
            version: if v3 { Version::V3 } else { Version::V2 },
            vrid: bytes.get(1).copied().unwrap_or(1),
            source: Some(source),
            ..Config::default()
        };
        let mut router = Router::new(Plan { instances: vec![config], ..Plan::default() });
        let mut out = Vec::new();
        router.start(Now::default(), &mut out);
        let _ = router.recipient("", datagram);
        router.handle(InstanceId(0), Input::Datagram(datagram), Now::default(), &mut out);
        if let Ok(frame) = Frame::parse(datagram) {
            let _ = frame.addresses().count();
        }
    }
}
