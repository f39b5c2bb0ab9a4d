//! VRRP on the wire: RFC 3768 §5.1 (version 2), RFC 5798 §5.1–5.2 and RFC 9568 §5 (version 3), with the
//! authentication of RFC 2338 §5.3.6 (password, or an RFC 2402 authentication header).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------+-------+---------------+---------------+---------------+
//! |Version| Type  | Virtual Rtr ID|   Priority    |Count IP Addrs |
//! +-------+-------+---------------+---------------+---------------+
//! |v2: Auth Type  |v2: Advert sec |           Checksum            |
//! |v3: 0000 | Max Advert Int (cs) |                               |
//! +---------------+---------------+-------------------------------+
//! |                    IPv4 or IPv6 address(es)                   |
//! +---------------------------------------------------------------+
//! |      v2 over IPv4: eight bytes of authentication data         |
//! +---------------------------------------------------------------+
//! ```
//!
//! IPv4 is written and read as whole datagrams, because the sockets carry their own IP header; IPv6 as
//! payload. Nothing here panics on any bytes.

mod ah;
mod encode;
mod frame;
mod reject;
mod sum;
mod verify;

pub use ah::AH_LEN;
pub use encode::{Advert, Route};
pub use frame::{Datagram, Frame, TooShort};
pub use reject::{Reject, RejectKind};
pub use verify::{Accepted, Expected, verify};

/// IP protocol number of VRRP.
pub const PROTOCOL: u8 = 112;
/// IP protocol number of the authentication header.
pub const PROTOCOL_AH: u8 = 51;
/// TTL and hop limit of multicast adverts (RFC 5798 §5.1.1.3).
pub const TTL: u8 = 255;
/// Type of service of every advert: network control.
pub const TOS: u8 = 0xc0;
/// The only packet type (RFC 5798 §5.2.2).
pub const TYPE_ADVERT: u8 = 1;
/// Bytes before the addresses.
pub const HEADER_LEN: usize = 8;
/// Bytes of authentication data behind the addresses of version 2 over IPv4.
pub const TRAILER_LEN: usize = 8;
/// Bytes of an IPv4 header without options.
pub const IPV4_HEADER_LEN: usize = 20;
