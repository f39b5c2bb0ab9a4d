//! BFD control packets: no bytes make the decoder or a session panic, what is read is written back the same, and
//! nothing a stranger sends makes a session send faster than its own interval.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rha_base::Now;
use rha_bfd::{Action, Config, Packet, Session, State};

fuzz_target!(|data: &[u8]| {
    let config = Config { min_tx_us: 50_000, min_rx_us: 50_000, ..Config::keepalived("fuzz") };
    let mut session = Session::new(config, 7, 1);
    let mut out = Vec::new();
    let mut now = Now::default();
    session.start(now, &mut out);
    for chunk in data.chunks(28) {
        let Some((&wait, bytes)) = chunk.split_first() else { continue };
        now.mono_us += u64::from(wait) * 997;
        out.clear();
        if session.deadline().is_some_and(|due| due <= now.mono_us) {
            session.handle_timeout(now, &mut out);
        }
        if let Ok(packet) = Packet::decode(bytes) {
            let mut again = Vec::new();
            packet.encode(&mut again);
            assert_eq!(Packet::decode(&again).as_ref(), Ok(&packet));
            let _ = session.handle_packet(now, &packet, Some(255), &mut out);
        }
        for action in &out {
            if let Action::Send(packet) = action {
                assert!(!(packet.poll && packet.final_));
                assert!(packet.state == State::Up || packet.desired_min_tx_us >= 1_000_000);
            }
        }
        assert!(out.iter().filter(|a| matches!(a, Action::Send(_))).count() <= 3);
    }
});
