//! The kernel's links, addresses, routes and rules over rtnetlink (rtnetlink(7)).
//!
//! [`Netlink`] asks and changes: one blocking socket, because the kernel answers a route request inside the
//! call that sends it. A batch of changes is one system call however many addresses it names, so that all
//! leases of a node are renewed on one tick. [`NetlinkEvents`] tells what others change.
//!
//! Messages are those of `netlink-packet-route`. Deliberately absent: which address belongs to whom, and when.

mod addresses;
mod encapsulation;
mod events;
mod links;
mod routes;
mod rules;
mod socket;
#[cfg(test)]
mod tests;

pub use addresses::{AddressFlag, AddressSpec, InterfaceAddress, Lifetime};
pub use encapsulation::{Encapsulation, OuterHeader};
pub use events::{NetlinkEvent, NetlinkEvents};
pub use links::{
    IpvlanIsolation, IpvlanSpec, Link, Mac, MacvlanSpec, VMAC_PREFIX_V4, VMAC_PREFIX_V6, vmac_address,
};
pub use routes::{Metric, NextHop, Placement, Prefix, Route, RouteKind, RouteSpec};
pub use rules::{RuleKind, RuleSpec};
pub(crate) use socket::split;
pub use socket::{Change, ChangeError, Netlink};

/// Number under which the kernel lists what belongs to this daemon (`proto keepalived`), for routes, rules
/// and, since Linux 5.18, addresses.
pub const PROTOCOL_KEEPALIVED: u8 = 18;
