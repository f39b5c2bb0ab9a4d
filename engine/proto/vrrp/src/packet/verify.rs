//! Does a frame belong to an instance? The checks of RFC 3768 §7.1 and RFC 5798 §7.1 in keepalived's order,
//! so that the reason reported for a packet with several faults is the same one.

use std::net::IpAddr;

use super::sum::Sum;
use super::{AH_LEN, Frame, HEADER_LEN, PROTOCOL, Reject, TRAILER_LEN, TTL, TYPE_ADVERT, ah};
use crate::config::{Auth, Checksum, Config, Family, Target, Version};

/// What a frame is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Our instance.
    pub config: &'a Config,
    /// Our own source address, where there is one.
    pub source: Option<IpAddr>,
    /// Last sequence number accepted from this sender.
    pub sequence: u32,
    /// Compare the address list (not with `skip_check_adv_addr` and a master already checked).
    pub check_addresses: bool,
    /// How checksums are counted now; differs from the configuration once an old peer was heard.
    pub checksum: Checksum,
}

/// What an accepted frame changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its sequence number, with an authentication header.
    pub sequence: Option<u32>,
    /// It counts its checksum like keepalived up to 1.3.6.
    pub old_checksum: bool,
}

/// A value or the first reason to refuse the frame.
type Verdict<T> = Result<T, Reject>;

/// Checks a frame whose router id is ours.
///
/// # Errors
/// The first reason to refuse it.
pub fn verify(frame: &Frame<'_>, expected: &Expected<'_>) -> Verdict<Accepted> {
    let config = expected.config;
    let vrrp = whole(frame, config)?;
    check_ttl(frame, config)?;
    if frame.version != config.version.number() {
        return Err(Reject::Version { got: frame.version, expected: config.version.number() });
    }
    let sequence = match config.version {
        Version::V2 => check_v2(frame, vrrp, expected)?,
        Version::V3 => None,
    };
    if frame.kind != TYPE_ADVERT {
        return Err(Reject::Type { got: frame.kind });
    }
    let ours = config.addresses.len();
    if expected.check_addresses && usize::from(frame.count) != ours {
        return Err(Reject::AddressCount { got: frame.count, expected: ours });
    }
    if frame.total_len() != frame.received {
        return Err(Reject::TotalLength { claimed: frame.total_len(), received: frame.received });
    }
    let old_checksum = check_sum(frame, vrrp, expected)?;
    if frame.is_multicast() == Some(config.target.is_unicast()) {
        return Err(Reject::Kind { expected_unicast: config.target.is_unicast() });
    }
    // DIFFERS: keepalived acts on packets from its own address unless their priority equals its own
    if expected.source == Some(frame.source) {
        return Err(Reject::OwnAddress);
    }
    if expected.check_addresses {
        check_list(frame, config)?;
        check_peer(frame, config)?;
    }
    Ok(Accepted { sequence, old_checksum })
}

/// The VRRP part, if the packet is exactly as long as its header says.
fn whole<'a>(frame: &Frame<'a>, config: &Config) -> Verdict<&'a [u8]> {
    let expects_ah = matches!(config.auth, Auth::Ah(_));
    if frame.family == Family::V4 && frame.ah.is_some() != expects_ah {
        return Err(if expects_ah { Reject::MissingAh } else { Reject::UnexpectedAh });
    }
    let trailer = if frame.family == Family::V4 && frame.version == 2 { TRAILER_LEN } else { 0 };
    let vrrp_len = HEADER_LEN + trailer + usize::from(frame.count) * frame.family.address_len();
    let before = frame.ip.len() + frame.ah.map_or(0, <[u8]>::len);
    if frame.received != before + vrrp_len {
        return Err(Reject::Length { got: frame.received, expected: before + vrrp_len });
    }
    Ok(frame.vrrp)
}

/// RFC 5798 §7.1: 255, which no router lets pass; not asked of unicast.
fn check_ttl(frame: &Frame<'_>, config: &Config) -> Verdict<()> {
    match frame.ttl {
        Some(got) if got != TTL && !config.target.is_unicast() => Err(Reject::Ttl { got }),
        _ => Ok(()),
    }
}

fn check_v2(frame: &Frame<'_>, vrrp: &[u8], expected: &Expected<'_>) -> Verdict<Option<u32>> {
    let config = expected.config;
    let got = frame.fifth;
    if got > 2 {
        return Err(Reject::InvalidAuthType { got });
    }
    if got != config.auth.number() {
        return Err(Reject::AuthType { got, expected: config.auth.number() });
    }
    let sequence = match config.auth {
        Auth::None => None,
        Auth::Pass(secret) => {
            let trailer = vrrp.last_chunk::<TRAILER_LEN>().map_or(&[][..], |t| t);
            // COMPAT: no trailer exists over IPv6, so there is nothing to compare
            if frame.family == Family::V4 && !ah::same(trailer, &secret) {
                return Err(Reject::Password);
            }
            None
        }
        Auth::Ah(key) => Some(check_ah(frame, vrrp, key, expected)?),
    };
    let ours = config.advert_interval.as_secs();
    if u64::from(frame.sixth) != ours {
        return Err(Reject::Interval { ours, got: frame.sixth });
    }
    Ok(sequence)
}

/// RFC 2402 §3.4: value, then SPI, then sequence number.
fn check_ah(frame: &Frame<'_>, vrrp: &[u8], key: [u8; 8], expected: &Expected<'_>) -> Verdict<u32> {
    let header: &[u8; AH_LEN] = frame.ah.and_then(<[u8]>::first_chunk).ok_or(Reject::MissingAh)?;
    if header[0] != PROTOCOL {
        return Err(Reject::AhProtocol);
    }
    let unicast = expected.config.target.is_unicast();
    let value = ah::value(key, frame.ip, header, vrrp, unicast);
    let [_, _, _, _, s1, s2, s3, s4, q1, q2, q3, q4, got @ ..] = header;
    if !ah::same(got, &value) {
        return Err(Reject::AhDigest);
    }
    let spi = std::net::Ipv4Addr::new(*s1, *s2, *s3, *s4);
    if let IpAddr::V4(source) = frame.source
        && source != spi
    {
        return Err(Reject::AhSpi { source, spi });
    }
    let got = u32::from_be_bytes([*q1, *q2, *q3, *q4]);
    if got <= expected.sequence {
        return Err(Reject::AhSequence { got, last: expected.sequence });
    }
    Ok(got)
}

/// True if the packet is right only by the rule of keepalived up to 1.3.6.
fn check_sum(frame: &Frame<'_>, vrrp: &[u8], expected: &Expected<'_>) -> Verdict<bool> {
    let config = expected.config;
    let version = config.version.number();
    let Some(destination) = frame.destination else { return Ok(false) }; // IPv6, checked by the kernel
    let right = |start: Sum| start.add(vrrp).finish() == 0;
    let pseudo = |destination| Sum::pseudo(frame.source, destination, vrrp.len());
    if frame.family == Family::V6 {
        return if right(pseudo(destination)) { Ok(false) } else { Err(Reject::Checksum { version }) };
    }
    let accepted = match (config.version, expected.checksum) {
        (Version::V2, _) | (Version::V3, Checksum::Plain) => right(Sum::default()),
        (Version::V3, Checksum::Pseudo) => right(pseudo(destination)),
        (Version::V3, Checksum::PseudoMulticast) => right(pseudo(Target::GROUP_V4)),
    };
    if accepted {
        return Ok(false);
    }
    let may_be_old = config.version == Version::V3
        && config.target.is_unicast()
        && expected.checksum == Checksum::Pseudo
        && !config.refuses_old_checksum
        && right(pseudo(Target::GROUP_V4));
    if may_be_old { Ok(true) } else { Err(Reject::Checksum { version }) }
}

/// RFC 5798 §7.1 MAY: every address of ours is in the advert; order and repetition do not matter.
fn check_list(frame: &Frame<'_>, config: &Config) -> Verdict<()> {
    if frame.addresses().eq(config.addresses.iter().map(|ours| ours.address)) {
        return Ok(());
    }
    let missing = config.addresses.iter().find(|ours| frame.addresses().all(|a| a != ours.address));
    match missing {
        None => Ok(()),
        Some(vip) => Err(Reject::AddressList { vrid: config.vrid, missing: vip.address }),
    }
}

fn check_peer(frame: &Frame<'_>, config: &Config) -> Verdict<()> {
    let Target::Unicast { peers, check_source: true } = &config.target else { return Ok(()) };
    let Some(peer) = peers.iter().find(|p| p.address == frame.source) else {
        return Err(Reject::UnknownPeer { source: frame.source });
    };
    match frame.ttl {
        Some(got) if got < peer.min_ttl || got > peer.max_ttl => {
            Err(Reject::PeerTtl { got, min: peer.min_ttl, max: peer.max_ttl })
        }
        _ => Ok(()),
    }
}
