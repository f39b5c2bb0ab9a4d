//! Writing adverts.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::sum::Sum;
use super::{AH_LEN, HEADER_LEN, IPV4_HEADER_LEN, PROTOCOL, PROTOCOL_AH, TOS, TRAILER_LEN, TYPE_ADVERT, ah};
use crate::config::{Auth, Checksum, Family, Target, Version};
use crate::moment::micros;

/// What an advert says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advert {
    /// Protocol version.
    pub version: Version,
    /// Family of the packet and its addresses.
    pub family: Family,
    /// Virtual router id.
    pub vrid: u8,
    /// Priority; 0: the master stops.
    pub priority: u8,
    /// Whole seconds in version 2, hundredths in version 3.
    pub interval: Duration,
    /// Version 2 only.
    pub auth: Auth,
    /// Version 3 over IPv4 only.
    pub checksum: Checksum,
    /// At most 255 are written; those of the other family are left out.
    pub addresses: Vec<IpAddr>,
}

/// The fields of one datagram that are not the advert's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Our address on the interface.
    pub source: IpAddr,
    /// The group or the peer.
    pub destination: IpAddr,
    /// The destination is a peer.
    pub unicast: bool,
    /// TTL of the IPv4 header.
    pub ttl: u8,
    /// IPv4 identification.
    pub id: u16,
    /// Sequence number of the authentication header.
    pub sequence: u32,
}

impl Advert {
    /// The bytes for the socket: a whole IPv4 datagram, or the IPv6 payload.
    #[must_use]
    pub fn encode(&self, route: &Route) -> Vec<u8> {
        let vrrp = self.encode_vrrp(route);
        let (IpAddr::V4(source), IpAddr::V4(destination), Family::V4) =
            (route.source, route.destination, self.family)
        else {
            return vrrp;
        };
        let key = match self.auth {
            Auth::Ah(key) if self.version == Version::V2 => Some(key),
            _ => None,
        };
        let total = IPV4_HEADER_LEN + key.map_or(0, |_| AH_LEN) + vrrp.len();
        let protocol = if key.is_some() { PROTOCOL_AH } else { PROTOCOL };
        let mut bytes = ipv4_header(source, destination, route, total, protocol).to_vec();
        if let Some(key) = key {
            let mut header = ah::header(source, route.sequence);
            let value = ah::value(key, &bytes, &header, &vrrp, route.unicast);
            for (to, from) in header.iter_mut().skip(AH_LEN - value.len()).zip(value) {
                *to = from;
            }
            bytes.extend_from_slice(&header);
        }
        bytes.extend_from_slice(&vrrp);
        bytes
    }

    fn encode_vrrp(&self, route: &Route) -> Vec<u8> {
        let mut addresses = Vec::with_capacity(self.addresses.len() * self.family.address_len());
        let mut count = 0u8;
        for address in self.addresses.iter().filter(|a| Family::of(**a) == self.family).take(255) {
            match address {
                IpAddr::V4(a) => addresses.extend_from_slice(&a.octets()),
                IpAddr::V6(a) => addresses.extend_from_slice(&a.octets()),
            }
            count = count.saturating_add(1);
        }
        let [a, b] = self.fifth_and_sixth();
        let head = [self.version.number() << 4 | TYPE_ADVERT, self.vrid, self.priority, count, a, b];
        let mut vrrp = Vec::with_capacity(HEADER_LEN + addresses.len() + TRAILER_LEN);
        vrrp.extend_from_slice(&head);
        vrrp.extend_from_slice(&[0, 0]);
        vrrp.extend_from_slice(&addresses);
        if (self.version, self.family) == (Version::V2, Family::V4) {
            vrrp.extend_from_slice(&match self.auth {
                Auth::Pass(secret) => secret,
                Auth::None | Auth::Ah(_) => [0; TRAILER_LEN],
            });
        }
        let sum = checksum_start(self, route, vrrp.len()).add(&vrrp).finish();
        if let Some(field) = vrrp.get_mut(6..HEADER_LEN) {
            field.copy_from_slice(&sum.to_be_bytes());
        }
        vrrp
    }

    /// Version 2: auth type and seconds (RFC 3768 §5.3.6–7). Version 3: four reserved bits and hundredths
    /// of a second (RFC 5798 §5.2.6–7).
    fn fifth_and_sixth(&self) -> [u8; 2] {
        match self.version {
            Version::V2 => [self.auth.number(), u8::try_from(self.interval.as_secs()).unwrap_or(u8::MAX)],
            Version::V3 => {
                let hundredths = u16::try_from(micros(self.interval) / 10_000).unwrap_or(u16::MAX);
                hundredths.min(0xfff).to_be_bytes()
            }
        }
    }
}

/// RFC 3768 §5.3.8: the message alone. RFC 5798 §5.2.8: with a pseudo-header.
/// COMPAT: keepalived adds one for IPv4 too unless `v3_checksum_as_v2` (RFC 9568 §5.2.8 leaves it out).
fn checksum_start(advert: &Advert, route: &Route, len: usize) -> Sum {
    let destination = match (advert.family, advert.version, advert.checksum) {
        (Family::V4, Version::V2, _) | (Family::V4, Version::V3, Checksum::Plain) => return Sum::default(),
        (Family::V4, Version::V3, Checksum::PseudoMulticast) => Target::GROUP_V4,
        _ => route.destination,
    };
    Sum::pseudo(route.source, destination, len)
}

fn ipv4_header(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    route: &Route,
    total: usize,
    protocol: u8,
) -> [u8; IPV4_HEADER_LEN] {
    let [l1, l2] = u16::try_from(total).unwrap_or(u16::MAX).to_be_bytes();
    let [i1, i2] = route.id.to_be_bytes();
    let [s1, s2, s3, s4] = source.octets();
    let [d1, d2, d3, d4] = destination.octets();
    let mut header =
        [0x45, TOS, l1, l2, i1, i2, 0, 0, route.ttl, protocol, 0, 0, s1, s2, s3, s4, d1, d2, d3, d4];
    let sum = Sum::default().add(&header).finish().to_be_bytes();
    [header[10], header[11]] = sum;
    header
}
