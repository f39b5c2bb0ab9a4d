//! Versions of the rows, in one place so that tables stay readable, and shapes that many rows share.

use rha_vocab::Support;

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

/// Real-time priorities, CPU sets and locked memory are left to the service manager.
pub(crate) const TUNING: Support =
    Support::NoEffect("the service manager sets priorities, processors and limits; takeover times do not depend on it");
/// There is no SNMP agent.
pub(crate) const SNMP: Support = Support::Refused("there is no SNMP agent here; see status and metrics");
/// There is no D-Bus service.
pub(crate) const DBUS: Support = Support::Refused("there is no D-Bus service here; see status and metrics");
