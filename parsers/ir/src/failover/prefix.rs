//! Addresses that move between nodes, with everything an address line may say.

use std::net::IpAddr;

use rha_text::Span;

/// An address with its prefix length, as `192.0.2.1/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpPrefix {
    /// Address; host bits are kept.
    pub address: IpAddr,
    /// Prefix length, 0..=32 or 0..=128.
    pub len: u8,
}

/// `brd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Broadcast {
    /// `brd +`: all host bits set.
    AllOnes,
    /// `brd -`: all host bits clear.
    AllZeros,
    /// Written out.
    Address(IpAddr),
}

/// A virtual address: a line of keepalived's `virtual_ipaddress`, `virtual_ipaddress_excluded` or
/// `static_ipaddress`, an address FRR announces, or one a `bind` needs. keepalived.conf(5) "Static addresses".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualIp {
    /// Address.
    pub address: IpAddr,
    /// Prefix length; without one written 32 or 128.
    pub prefix_len: u8,
    /// `dev`, otherwise the instance's interface (`default_interface` for static ones).
    pub interface: Option<String>,
    /// `brd`; `None` adds none.
    pub broadcast: Option<Broadcast>,
    /// `scope` as the kernel's number (0 global, 200 site, 253 link, 254 host, 255 nowhere).
    pub scope: u8,
    /// `label`, at most 15 bytes.
    pub label: Option<String>,
    /// `peer`: the other end of a point-to-point link.
    pub peer: Option<IpPrefix>,
    /// `home`: Mobile-IPv6 home address.
    pub home: bool,
    /// `-nodad`: duplicate address detection stays on (it is off for IPv6 virtual addresses otherwise).
    pub duplicate_detection: bool,
    /// `mngtmpaddr`.
    pub mngtmpaddr: bool,
    /// `noprefixroute`.
    pub noprefixroute: bool,
    /// `autojoin`.
    pub autojoin: bool,
    /// `preferred_lft`, seconds; `None` for forever.
    pub preferred_lft: Option<u32>,
    /// `no_track`: a deletion by others is not a reason to leave MASTER.
    pub no_track: bool,
    /// `track_group` (static addresses): the [`super::TrackGroup`] whose state is followed.
    pub track_group: Option<String>,
    /// `use_vmac`: goes on a macvlan even if its `dev` is not the instance's interface.
    pub use_vmac: bool,
    /// The macvlan of its own that it goes on, one of [`super::VrrpInstance::address_links`].
    pub vmac: Option<String>,
    /// Name of the instance that moves it; empty for static ones.
    pub session: String,
    /// Where it was written.
    pub origin: Span,
}
