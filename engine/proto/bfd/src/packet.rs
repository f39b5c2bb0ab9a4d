//! The control packet, read and written.
//!
//! RFC 5880 §4.1:
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
//! |                       My Discriminator                        |
//! |                      Your Discriminator                       |
//! |                    Desired Min TX Interval                    |
//! |                   Required Min RX Interval                    |
//! |                 Required Min Echo RX Interval                 |
//! ```
//! Reading makes the checks of §6.8.6 that need no session; no bytes make it panic.

use std::fmt;

/// Length without authentication, bytes.
const LEN: usize = 24;
/// Longest packet, bytes: the Length field has eight bits.
pub const MAX_LEN: usize = 255;
const VERSION: u8 = 1;

/// A session's state. RFC 5880 §4.1 "Sta".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum State {
    /// Held down by an operator.
    AdminDown,
    /// No session.
    #[default]
    Down,
    /// The other side is heard.
    Init,
    /// Both sides hear each other.
    Up,
}

impl State {
    /// All states, by number.
    pub const ALL: [State; 4] = [State::AdminDown, State::Down, State::Init, State::Up];

    fn from_bits(bits: u8) -> State {
        match bits & 3 {
            0 => State::AdminDown,
            1 => State::Down,
            2 => State::Init,
            _ => State::Up,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::AdminDown => "AdminDown",
            State::Down => "Down",
            State::Init => "Init",
            State::Up => "Up",
        })
    }
}

/// Why a session last left Up. RFC 5880 §4.1 "Diag". Five bits; those without a meaning are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Diag(u8);

impl Diag {
    /// 0.
    pub const NONE: Diag = Diag(0);
    /// 1: control detection time expired.
    pub const EXPIRED: Diag = Diag(1);
    /// 2: echo function failed.
    pub const ECHO_FAILED: Diag = Diag(2);
    /// 3: neighbor signaled session down.
    pub const NEIGHBOR_DOWN: Diag = Diag(3);
    /// 4: forwarding plane reset.
    pub const FORWARDING_RESET: Diag = Diag(4);
    /// 5: path down.
    pub const PATH_DOWN: Diag = Diag(5);
    /// 6: concatenated path down.
    pub const CONCATENATED_DOWN: Diag = Diag(6);
    /// 7: administratively down.
    pub const ADMIN_DOWN: Diag = Diag(7);
    /// 8: reverse concatenated path down.
    pub const REVERSE_CONCATENATED_DOWN: Diag = Diag(8);

    /// From a number; only five bits are kept.
    #[must_use]
    pub const fn new(code: u8) -> Diag {
        Diag(code & 31)
    }

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Diag {
    /// As keepalived writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self.0 {
            0 => "No Diagnostic",
            1 => "Control Detection Time Expired",
            2 => "Echo Function Failed",
            3 => "Neighbor Signaled Session Down",
            4 => "Forwarding Plane Reset",
            5 => "Path Down",
            6 => "Concatenated Path Down",
            7 => "Administratively Down",
            8 => "Reverse Concatenated Path Down",
            _ => "Unknown",
        })
    }
}

/// The authentication section. RFC 5880 §4.2 to §4.4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Type 1: 1 to 16 bytes of password.
    SimplePassword {
        /// Key in use.
        key_id: u8,
        /// Password.
        password: Vec<u8>,
    },
    /// Types 2 and 3: keyed MD5.
    KeyedMd5 {
        /// Type 3: the sequence number rises with every packet.
        meticulous: bool,
        /// Key in use.
        key_id: u8,
        /// Sequence number.
        sequence: u32,
        /// Key or digest.
        digest: [u8; 16],
    },
    /// Types 4 and 5: keyed SHA1.
    KeyedSha1 {
        /// Type 5: the sequence number rises with every packet.
        meticulous: bool,
        /// Key in use.
        key_id: u8,
        /// Sequence number.
        sequence: u32,
        /// Key or digest.
        digest: [u8; 20],
    },
}

/// A control packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packet {
    /// Why the sender last left Up.
    pub diag: Diag,
    /// The sender's state.
    pub state: State,
    /// P: wants a packet with F at once.
    pub poll: bool,
    /// F: answers one with P.
    pub final_: bool,
    /// C: works on when the sender's control plane does not.
    pub control_plane_independent: bool,
    /// D: demand mode.
    pub demand: bool,
    /// Packets that may be lost in a row; not 0.
    pub detect_mult: u8,
    /// The sender's discriminator; not 0.
    pub my_discr: u32,
    /// The receiver's discriminator as the sender knows it, or 0.
    pub your_discr: u32,
    /// Shortest interval at which the sender wants to send, µs.
    pub desired_min_tx_us: u32,
    /// Shortest interval at which the sender takes packets, µs; 0 for "send none".
    pub required_min_rx_us: u32,
    /// Shortest interval for echo packets, µs; 0 for none.
    pub required_min_echo_rx_us: u32,
    /// Authentication section.
    pub auth: Option<Auth>,
}

/// What is wrong with bytes. The texts are keepalived's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Fewer bytes than a packet has.
    TooSmall {
        /// Bytes there are.
        len: usize,
    },
    /// The Length field says more than there is, or less than a packet has.
    Length {
        /// Length field.
        field: u8,
        /// Bytes there are.
        len: usize,
    },
    /// Not version 1.
    Version(u8),
    /// Detect Mult is 0.
    DetectMultZero,
    /// M is set.
    Multipoint,
    /// My Discriminator is 0.
    MyDiscrZero,
    /// Your Discriminator is 0 in a state in which the sender must know it.
    YourDiscrZero,
    /// P and F are set.
    PollAndFinal,
    /// The authentication section has a wrong length or an unknown type.
    Auth {
        /// Type field.
        kind: u8,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TooSmall { len } => write!(f, "Packet is too small: {len} bytes"),
            Fault::Length { field, len } => {
                write!(f, "Packet size mismatch: length field: {field} bytes, buffer size: {len} bytes")
            }
            Fault::Version(version) => write!(f, "Packet is of unsupported version: {version}"),
            Fault::DetectMultZero => f.write_str("Packet 'detection multiplier' field is zero"),
            Fault::Multipoint => f.write_str("Packet has 'multipoint' flag"),
            Fault::MyDiscrZero => f.write_str("Packet 'my discriminator' field is zero"),
            Fault::YourDiscrZero => f.write_str(
                "Packet 'your discriminator' field is zero and 'state' field is not Down or AdminDown",
            ),
            Fault::PollAndFinal => f.write_str("Packet has both poll and final  flags set"),
            Fault::Auth { kind } => write!(f, "Packet has a malformed authentication section of type {kind}"),
        }
    }
}

impl std::error::Error for Fault {}

impl Packet {
    /// Reads a datagram's payload. Bytes behind the Length field's end are not looked at (RFC 5880 §6.8.6).
    ///
    /// # Errors
    /// The first check of RFC 5880 §6.8.6 that fails, in keepalived's order.
    pub fn decode(bytes: &[u8]) -> Result<Packet, Fault> {
        let &[first, flags, detect_mult, length, ref rest @ ..] = bytes else {
            return Err(Fault::TooSmall { len: bytes.len() });
        };
        let mut rest = rest;
        let mut word = || -> Result<u32, Fault> {
            let (head, tail) = rest.split_first_chunk::<4>().ok_or(Fault::TooSmall { len: bytes.len() })?;
            rest = tail;
            Ok(u32::from_be_bytes(*head))
        };
        let words = [word()?, word()?, word()?, word()?, word()?];
        let [my_discr, your_discr, desired_min_tx_us, required_min_rx_us, required_min_echo_rx_us] = words;
        // DIFFERS: keepalived wants the length to be the datagram's; RFC 5880 §6.8.6 allows what is behind it
        let wrong_length = Fault::Length { field: length, len: bytes.len() };
        let section = bytes.get(LEN..usize::from(length)).ok_or(wrong_length)?;
        if first >> 5 != VERSION {
            return Err(Fault::Version(first >> 5));
        }
        let state = State::from_bits(flags >> 6);
        let flag = |bit: u8| flags & bit != 0;
        for (wrong, fault) in [
            (detect_mult == 0, Fault::DetectMultZero),
            (flag(0x01), Fault::Multipoint),
            (my_discr == 0, Fault::MyDiscrZero),
            (your_discr == 0 && matches!(state, State::Init | State::Up), Fault::YourDiscrZero),
            (flag(0x20) && flag(0x10), Fault::PollAndFinal),
        ] {
            if wrong {
                return Err(fault);
            }
        }
        let auth = if flag(0x04) { Some(Auth::decode(section)?) } else { None };
        Ok(Packet {
            // DIFFERS: keepalived refuses diagnostics above 8; RFC 6428 has given 9 a meaning since
            diag: Diag::new(first),
            state,
            poll: flag(0x20),
            final_: flag(0x10),
            control_plane_independent: flag(0x08),
            demand: flag(0x02),
            detect_mult,
            my_discr,
            your_discr,
            desired_min_tx_us,
            required_min_rx_us,
            required_min_echo_rx_us,
            auth,
        })
    }

    /// Appends the packet. A password longer than 16 bytes is cut.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut section = Vec::new();
        if let Some(auth) = &self.auth {
            auth.encode(&mut section);
        }
        let flags = (self.state as u8) << 6
            | u8::from(self.poll) << 5
            | u8::from(self.final_) << 4
            | u8::from(self.control_plane_independent) << 3
            | u8::from(self.auth.is_some()) << 2
            | u8::from(self.demand) << 1;
        let length = LEN + section.len();
        out.extend([VERSION << 5 | self.diag.code(), flags, self.detect_mult]);
        out.push(u8::try_from(length).unwrap_or(u8::MAX));
        for word in [
            self.my_discr,
            self.your_discr,
            self.desired_min_tx_us,
            self.required_min_rx_us,
            self.required_min_echo_rx_us,
        ] {
            out.extend(word.to_be_bytes());
        }
        out.extend(section);
    }
}

impl Auth {
    /// Type field.
    #[must_use]
    pub fn kind(&self) -> u8 {
        match self {
            Auth::SimplePassword { .. } => 1,
            Auth::KeyedMd5 { meticulous, .. } => 2 + u8::from(*meticulous),
            Auth::KeyedSha1 { meticulous, .. } => 4 + u8::from(*meticulous),
        }
    }

    fn decode(section: &[u8]) -> Result<Auth, Fault> {
        let fault = Fault::Auth { kind: section.first().copied().unwrap_or_default() };
        let &[kind, length, ref rest @ ..] = section else { return Err(fault) };
        let body = usize::from(length).checked_sub(2).and_then(|len| rest.get(..len)).ok_or(fault)?;
        let (&key_id, value) = body.split_first().ok_or(fault)?;
        match kind {
            1 if (1..=16).contains(&value.len()) => {
                Ok(Auth::SimplePassword { key_id, password: value.to_vec() })
            }
            2 | 3 => {
                let (sequence, digest) = digest(value).ok_or(fault)?;
                Ok(Auth::KeyedMd5 { meticulous: kind == 3, key_id, sequence, digest })
            }
            4 | 5 => {
                let (sequence, digest) = digest(value).ok_or(fault)?;
                Ok(Auth::KeyedSha1 { meticulous: kind == 5, key_id, sequence, digest })
            }
            _ => Err(fault),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let mut section = |key_id: u8, parts: [&[u8]; 2]| {
            let len = 3 + parts.iter().map(|p| p.len()).sum::<usize>();
            out.extend([self.kind(), u8::try_from(len).unwrap_or(u8::MAX), key_id]);
            parts.iter().for_each(|p| out.extend_from_slice(p));
        };
        match self {
            Auth::SimplePassword { key_id, password } => {
                section(*key_id, [password.get(..16).unwrap_or(password), &[]]);
            }
            Auth::KeyedMd5 { key_id, sequence, digest, .. } => {
                let mut head = vec![0];
                head.extend(sequence.to_be_bytes());
                section(*key_id, [&head, digest]);
            }
            Auth::KeyedSha1 { key_id, sequence, digest, .. } => {
                let mut head = vec![0];
                head.extend(sequence.to_be_bytes());
                section(*key_id, [&head, digest]);
            }
        }
    }
}

/// Reserved byte, sequence number, digest. RFC 5880 §4.3.
fn digest<const N: usize>(value: &[u8]) -> Option<(u32, [u8; N])> {
    let (_reserved, value) = value.split_first()?;
    let (sequence, value) = value.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*sequence), value.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first packet of keepalived 2.2.7, recorded: min_rx, min_tx 50 ms, multiplier 3.
    const RECORDED: [u8; 24] = [
        0x20, 0x40, 3, 24, 0x24, 0x64, 0xcf, 0xca, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40, 0, 0, 0xc3, 0x50, 0, 0,
        0, 0,
    ];

    #[test]
    fn a_packet_is_read_and_written() {
        let packet = Packet::decode(&RECORDED).unwrap();
        assert_eq!(
            packet,
            Packet {
                state: State::Down,
                detect_mult: 3,
                my_discr: 0x2464_cfca,
                desired_min_tx_us: 1_000_000,
                required_min_rx_us: 50_000,
                ..Packet::default()
            }
        );
        let mut out = Vec::new();
        packet.encode(&mut out);
        assert_eq!(out, RECORDED);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let with = |changes: &[(usize, u8)]| {
            let mut bytes = RECORDED.to_vec();
            for &(at, value) in changes {
                bytes[at] = value;
            }
            Packet::decode(&bytes).map(|_| ()).map_err(|f| f.to_string())
        };
        for (changes, told) in [
            (&[(3, 25)][..], "Packet size mismatch: length field: 25 bytes, buffer size: 24 bytes"),
            (&[(3, 23)], "Packet size mismatch: length field: 23 bytes, buffer size: 24 bytes"),
            (&[(0, 0x40)], "Packet is of unsupported version: 2"),
            (&[(0, 0x00)], "Packet is of unsupported version: 0"),
            (&[(2, 0)], "Packet 'detection multiplier' field is zero"),
            (&[(1, 0x41)], "Packet has 'multipoint' flag"),
            (&[(4, 0), (5, 0), (6, 0), (7, 0)], "Packet 'my discriminator' field is zero"),
            (
                &[(1, 0x80)],
                "Packet 'your discriminator' field is zero and 'state' field is not Down or AdminDown",
            ),
            (&[(1, 0x70)], "Packet has both poll and final  flags set"),
            (&[(1, 0x44)], "Packet has a malformed authentication section of type 0"),
        ] {
            assert_eq!(with(changes), Err(told.to_owned()), "{changes:?}");
        }
        assert_eq!(with(&[(1, 0x00)]), Ok(()));
        assert_eq!(with(&[(0, 0x29)]), Ok(()));
        assert_eq!(Packet::decode(&RECORDED[..23]), Err(Fault::TooSmall { len: 23 }));
        assert_eq!(Packet::decode(&[]), Err(Fault::TooSmall { len: 0 }));
        let mut padded = RECORDED.to_vec();
        padded.extend([0; 8]);
        assert_eq!(Packet::decode(&padded), Packet::decode(&RECORDED));
    }

    fn any_auth() -> impl Strategy<Value = Auth> {
        let head = (any::<bool>(), any::<u8>(), any::<u32>());
        prop_oneof![
            (any::<u8>(), prop::collection::vec(any::<u8>(), 1..=16))
                .prop_map(|(key_id, password)| Auth::SimplePassword { key_id, password }),
            (head, any::<[u8; 16]>()).prop_map(|((meticulous, key_id, sequence), digest)| {
                Auth::KeyedMd5 { meticulous, key_id, sequence, digest }
            }),
            (head, any::<[u8; 20]>()).prop_map(|((meticulous, key_id, sequence), digest)| {
                Auth::KeyedSha1 { meticulous, key_id, sequence, digest }
            }),
        ]
    }

    fn any_packet() -> impl Strategy<Value = Packet> {
        let flags = (0u8..3, any::<bool>(), any::<bool>());
        let words = (1u32.., any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
        (0u8..32, 0usize..4, flags, 1u8.., words, prop::option::of(any_auth())).prop_map(
            |(diag, state, (poll_final, cpi, demand), detect_mult, (my, your, tx, rx, echo), auth)| {
                let state = State::ALL[state];
                let known = matches!(state, State::Init | State::Up);
                Packet {
                    diag: Diag::new(diag),
                    state,
                    poll: poll_final == 1,
                    final_: poll_final == 2,
                    control_plane_independent: cpi,
                    demand,
                    detect_mult,
                    my_discr: my,
                    your_discr: if known { your.max(1) } else { your },
                    desired_min_tx_us: tx,
                    required_min_rx_us: rx,
                    required_min_echo_rx_us: echo,
                    auth,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(packet in any_packet()) {
            let mut out = Vec::new();
            packet.encode(&mut out);
            prop_assert!(out.len() <= MAX_LEN);
            prop_assert_eq!(Packet::decode(&out), Ok(packet));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(packet) = Packet::decode(&bytes) {
                let mut out = Vec::new();
                packet.encode(&mut out);
                prop_assert_eq!(Packet::decode(&out), Ok(packet));
            }
        }

        #[test]
        fn no_change_to_a_good_packet_makes_it_panic(
            packet in any_packet(), changes in prop::collection::vec((0usize..60, any::<u8>()), 0..4), cut in 0usize..80
        ) {
            let mut out = Vec::new();
            packet.encode(&mut out);
            for (at, value) in changes {
                if let Some(byte) = out.get_mut(at) { *byte = value; }
            }
            out.truncate(cut);
            if let Ok(packet) = Packet::decode(&out) {
                prop_assert!(packet.detect_mult > 0 && packet.my_discr > 0);
            }
        }
    }
}
