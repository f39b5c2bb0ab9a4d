//! Versions of the rows, in one place so that tables stay readable, and shapes that many rows share.

pub(crate) use rha_vocab::Support;

use crate::Version;

pub(crate) const V1: Version = Version(1, 0, 0);
pub(crate) const V1_1: Version = Version(1, 1, 0);
pub(crate) const V1_2: Version = Version(1, 2, 0);
pub(crate) const V1_3: Version = Version(1, 3, 0);
pub(crate) const V1_4: Version = Version(1, 4, 3);
pub(crate) const V2_0: Version = Version(2, 0, 0);
pub(crate) const V2_1: Version = Version(2, 1, 0);
pub(crate) const V2_2: Version = Version(2, 2, 0);
pub(crate) const V2_2_8: Version = Version(2, 2, 8);
pub(crate) const V2_3: Version = Version(2, 3, 0);
pub(crate) const V2_3_2: Version = Version(2, 3, 2);
pub(crate) const V2_3_3: Version = Version(2, 3, 3);
pub(crate) const V2_4: Version = Version(2, 4, 0);
pub(crate) const NEXT: Version = Version::NEXT;

/// Done as the original does it.
pub(crate) const FULL: Support = Support::Full;
/// Done but for what the text says.
pub(crate) const fn partial(missing: &'static str) -> Support {
    Support::Partial(missing)
}
/// Accepted; why nobody could notice.
pub(crate) const fn no_effect(why: &'static str) -> Support {
    Support::NoEffect(why)
}

/// Real-time priorities, CPU sets and locked memory are left to the service manager.
pub(crate) const TUNING: Support = Support::NoEffect(
    "the service manager sets priorities, processors and limits; takeover times do not depend on it",
);
/// There is no SNMP agent.
pub(crate) const SNMP: Support = Support::Refused("there is no SNMP agent here; see status and metrics");
/// There is no D-Bus service.
pub(crate) const DBUS: Support = Support::Refused("there is no D-Bus service here; see status and metrics");
/// The kernel's word on links is taken.
pub(crate) const LINKBEAT: Support =
    Support::Partial("links are not polled: what the kernel reports is believed");
/// One worker does everything.
pub(crate) const ONE_WORKER: Support =
    Support::NoEffect("one worker does everything, named by vrrp_process_name");
/// Packet filter.
pub(crate) const FILTER: Support = Support::Partial("packets are dropped by an nftables table instead");
/// Receive buffers.
pub(crate) const BUFFERS: Support = Support::NoEffect("the system's own buffers hold hundreds of adverts");
