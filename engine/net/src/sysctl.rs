//! The kernel's settings of interfaces, and those a virtual router's own interface needs.

use std::fs;
use std::io;

/// Which tree of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettingFamily {
    /// `net.ipv4.conf`.
    V4,
    /// `net.ipv6.conf`.
    V6,
}

/// Settings of a virtual router's IPv4 macvlan: it answers only for its own addresses, takes packets whose
/// source is another of this machine's, keeps its other addresses when the first goes, and speaks no IPv6.
/// Where the kernel has no IPv6, those settings are not found, which is as good.
///
/// COMPAT: what 2.2.7 is seen to change, in the order in which it must be done.
pub const VMAC_V4: &[(SettingFamily, &str, &str)] = &[
    (SettingFamily::V6, "addr_gen_mode", "1"),
    (SettingFamily::V6, "disable_ipv6", "1"),
    (SettingFamily::V4, "arp_ignore", "1"),
    (SettingFamily::V4, "accept_local", "1"),
    (SettingFamily::V4, "rp_filter", "0"),
    (SettingFamily::V4, "promote_secondaries", "1"),
];

/// Settings of a virtual router's IPv6 macvlan: the kernel makes no address; the daemon gives it a copy of
/// the link-local one of the interface below, deprecated.
pub const VMAC_V6: &[(SettingFamily, &str, &str)] =
    &[(SettingFamily::V6, "addr_gen_mode", "1"), (SettingFamily::V6, "disable_ipv6", "0")];

/// Settings of the interface below an IPv4 macvlan: it must not answer for the macvlan's addresses. The
/// former values are to be put back.
pub const VMAC_PARENT: &[(SettingFamily, &str, &str)] =
    &[(SettingFamily::V4, "arp_ignore", "1"), (SettingFamily::V4, "arp_filter", "1")];

fn path(family: SettingFamily, interface: &str, name: &str) -> io::Result<String> {
    // A name with a slash would lead elsewhere.
    if interface.contains('/') || interface.starts_with('.') && interface.len() < 3 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let family = match family {
        SettingFamily::V4 => "ipv4",
        SettingFamily::V6 => "ipv6",
    };
    Ok(format!("/proc/sys/net/{family}/conf/{interface}/{name}"))
}

/// A setting of an interface (or of `all`, `default`).
///
/// # Errors
/// As the operating system tells them.
pub fn interface_setting(family: SettingFamily, interface: &str, name: &str) -> io::Result<String> {
    Ok(fs::read_to_string(path(family, interface, name)?)?.trim().to_owned())
}

/// Changes a setting of an interface; the former value when it was another.
///
/// # Errors
/// As the operating system tells them.
pub fn set_interface_setting(
    family: SettingFamily,
    interface: &str,
    name: &str,
    value: &str,
) -> io::Result<Option<String>> {
    let former = interface_setting(family, interface, name)?;
    if former == value {
        return Ok(None);
    }
    fs::write(path(family, interface, name)?, value)?;
    Ok(Some(former))
}

/// Whether this machine forwards packets of a family, or on an interface: the router flag of neighbour
/// advertisements.
#[must_use]
pub fn forwards(family: SettingFamily, interface: &str) -> bool {
    interface_setting(family, interface, "forwarding").is_ok_and(|v| v != "0")
}

/// Reverse path filtering of `all` applies to every interface, which leaves a virtual router's without what it
/// should hear. Moves it to the interfaces there are (and to `default`, for those to come) and takes it from
/// `all`. Gives what has been changed, as name and former value, in the order in which to put it back.
///
/// # Errors
/// As the operating system tells them.
pub fn spread_reverse_path_filter(interfaces: &[&str]) -> io::Result<Vec<(String, String)>> {
    const NAME: &str = "rp_filter";
    let of_all = interface_setting(SettingFamily::V4, "all", NAME)?;
    let mut changed = Vec::new();
    if of_all == "0" {
        return Ok(changed);
    }
    for interface in interfaces.iter().chain(&["default"]) {
        // The larger of both counts.
        if interface_setting(SettingFamily::V4, interface, NAME)? < of_all {
            let former = set_interface_setting(SettingFamily::V4, interface, NAME, &of_all)?;
            changed.extend(former.map(|f| ((*interface).to_owned(), f)));
        }
    }
    let former = set_interface_setting(SettingFamily::V4, "all", NAME, "0")?;
    changed.extend(former.map(|f| ("all".to_owned(), f)));
    changed.reverse();
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{Lab, in_lab};

    #[test]
    fn reverse_path_filtering_moves_to_the_interfaces() {
        in_lab("reverse_path_filtering_moves_to_the_interfaces", async |_: &Lab| {
            let get = |name: &str| interface_setting(SettingFamily::V4, name, "rp_filter").unwrap();
            let set = |name: &str, value: &str| {
                set_interface_setting(SettingFamily::V4, name, "rp_filter", value).unwrap();
            };
            for name in ["all", "default", "va", "lo"] {
                set(name, "0");
            }
            assert_eq!(spread_reverse_path_filter(&["va", "lo"]).unwrap(), []);
            set("all", "1");
            set("lo", "2");
            let changed = spread_reverse_path_filter(&["va", "lo"]).unwrap();
            assert_eq!(["all", "default", "va", "lo"].map(get), ["0", "1", "1", "2"]);
            for (name, former) in changed {
                set(&name, &former);
            }
            assert_eq!(["all", "default", "va", "lo"].map(get), ["1", "0", "0", "2"]);
        });
    }

    #[test]
    fn names_do_not_lead_elsewhere() {
        for name in ["../all", ".", "..", "a/b"] {
            let e = interface_setting(SettingFamily::V4, name, "forwarding").unwrap_err();
            assert_eq!(e.kind(), io::ErrorKind::InvalidInput, "{name}");
        }
        assert!(!forwards(SettingFamily::V4, "rha-no-such-link"));
    }
}
