//! The VRRP decoder behind a node with one instance of each kind: no panic; a packet that is refused moves no
//! state and no timer; one that is accepted has the right checksum length, count and version; and whatever is
//! accepted is accepted again from its own re-encoding.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use rha_base::Now;
use rha_vrrp::packet::{Expected, Frame, verify};
use rha_vrrp::{
    Auth, Checksum, Config, Datagram, Family, InstanceId, Moment, Peer, Plan, Router, SplitDetector, State,
    Target, Version, Vip,
};

const NOW: Now = Now { mono_us: 5_000_000, wall_us: 0 };

fuzz_target!(|data: &[u8]| {
    let [kind, bytes @ ..] = data else { return };
    let config = config(*kind);
    let datagram = match config.family {
        Family::V4 => Datagram::v4(bytes),
        Family::V6 => {
            let destination = (kind & 0x80 == 0).then_some(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12));
            Datagram::v6(bytes, Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2), destination, Some(255))
        }
    };
    let mut out = Vec::new();
    let mut router = Router::new(Plan { instances: vec![config.clone()], detail: true, ..Plan::default() });
    router.start(Now::default(), &mut out);
    if kind & 0x40 != 0 {
        router.expire(NOW, &mut out); // master
    }
    let before = standing(&router);
    let delivered = router.recipient("eth0", datagram);
    let mut detector = SplitDetector::default();
    let refused = delivered.map(|id| (id, router.receive(id, datagram, NOW, &mut out)));
    detector.hear(&router, "eth0", datagram, refused, Moment::from(NOW), &mut Vec::new());
    let Ok(frame) = Frame::parse(datagram) else { return };
    if let Some((_, Some(reject))) = refused {
        assert_eq!(before, standing(&router), "refused packets move nothing: {reject:?}");
        let _ = reject.text("VI");
    }
    let expected = Expected {
        config: &config,
        source: None,
        sequence: 0,
        check_addresses: true,
        checksum: config.checksum,
    };
    if verify(&frame, &expected).is_ok() {
        assert_eq!(frame.addresses().count(), usize::from(frame.count));
        assert_eq!(frame.version, config.version.number());
    }
});

fn standing(router: &Router) -> (State, u8, Moment) {
    let instance = router.instance(InstanceId(0)).expect("the only one");
    (instance.state(), instance.effective_priority(), instance.advert_deadline())
}

fn config(kind: u8) -> Config {
    let v6 = kind & 1 != 0;
    let version = if kind & 2 != 0 || v6 { Version::V3 } else { Version::V2 };
    let address = |host| {
        if v6 {
            IpAddr::V6(Ipv6Addr::from_bits(0xfe80_u128 << 112 | host))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(host as u32))
        }
    };
    let secret = Auth::secret("s3cr3t");
    let group = if v6 { Target::GROUP_V6 } else { Target::GROUP_V4 };
    Config {
        name: "VI".into(),
        interface: "eth0".into(),
        family: if v6 { Family::V6 } else { Family::V4 },
        version,
        vrid: 51,
        source: Some(address(0x0a4d_0001)),
        auth: [Auth::None, Auth::Pass(secret), Auth::Ah(secret), Auth::None][usize::from(kind >> 2 & 3)],
        target: if kind & 16 != 0 {
            Target::Unicast { peers: vec![Peer::new(address(0x0a4d_0002))], check_source: kind & 32 != 0 }
        } else {
            Target::Multicast(group)
        },
        checksum: if kind & 32 != 0 { Checksum::Plain } else { Checksum::Pseudo },
        addresses: vec![Vip::new(address(0x0a4d_00c8), "eth0")],
        ..Config::default()
    }
}
