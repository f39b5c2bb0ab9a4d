//! The kernel's virtual server (IPVS) over generic netlink (linux/ip_vs.h).
//!
//! [`IpvsChange`] is what is to be changed, encoded by a pure function; [`Ipvs`] carries it. A kernel without
//! IPVS says so when [`Ipvs::open`] asks for it, with [`std::io::ErrorKind::Unsupported`], so that the caller can
//! use [`crate::nft`] for NAT and refuse the rest.

mod codec;
mod socket;

pub use codec::{
    IpvsChange, IpvsDaemon, IpvsForward, IpvsSelector, IpvsServer, IpvsService, IpvsTimeouts, IpvsTunnel,
};
pub use socket::Ipvs;
