//! The authentication header of RFC 2402 as keepalived fills it: 24 bytes, the SPI is the sender's IPv4
//! address, the value is HMAC-MD5 cut to 96 bits (RFC 2403).
//!
//! COMPAT: RFC 2402 §3.3.3.1.1.1 counts the TTL as mutable; keepalived zeroes it only for unicast.

use std::net::Ipv4Addr;

use hmac::{Hmac, Mac};
use md5::Md5;

use super::PROTOCOL;

/// Bytes of the header with its value.
pub const AH_LEN: usize = 24;
/// Bytes of the value.
pub(super) const ICV_LEN: usize = 12;
/// Length in 32-bit words less two.
const AH_WORDS: u8 = 4;

/// The header with a value of zero.
pub(super) fn header(spi: Ipv4Addr, sequence: u32) -> [u8; AH_LEN] {
    let mut header = [0; AH_LEN];
    let fixed = [PROTOCOL, AH_WORDS, 0, 0].into_iter();
    let bytes = fixed.chain(spi.octets()).chain(sequence.to_be_bytes());
    for (to, from) in header.iter_mut().zip(bytes) {
        *to = from;
    }
    header
}

/// The value over an IPv4 header (mutable fields still in place), an authentication header (value still in
/// place) and what follows.
pub(super) fn value(key: [u8; 8], ip: &[u8], ah: &[u8], rest: &[u8], unicast: bool) -> [u8; ICV_LEN] {
    let mut cut = [0; ICV_LEN];
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(&key) else { return cut };
    let mut ip = ip.to_vec();
    for mutable in [1, 6, 7, 10, 11].into_iter().chain(unicast.then_some(8)) {
        if let Some(byte) = ip.get_mut(mutable) {
            *byte = 0; // type of service, fragment offset, header checksum; for unicast the TTL
        }
    }
    mac.update(&ip);
    mac.update(ah.get(..AH_LEN - ICV_LEN).unwrap_or_default());
    mac.update(&[0; ICV_LEN]);
    mac.update(rest);
    for (to, from) in cut.iter_mut().zip(mac.finalize().into_bytes()) {
        *to = from;
    }
    cut
}

/// Equal, in a time that does not depend on where they differ.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}
