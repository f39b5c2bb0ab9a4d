//! Links that are made for instances: their own macvlan or ipvlan, and macvlans of single addresses
//! (`use_vmac`, `use_ipvlan`, `use_vmac_addr`, `virtual_ipaddress … use_vmac`; RFC 9568 §7.3).

use std::collections::BTreeSet;

use rha_ir::failover::{IpvlanMode, LinkKind, VrrpInstance};
use rha_net::netlink::{
    AddressFlag, AddressSpec, Change, IpvlanIsolation, IpvlanSpec, Mac, MacvlanSpec, vmac_address,
};
use rha_net::sysctl::{VMAC_PARENT, VMAC_V4, VMAC_V6, set_interface_setting};

use super::Worker;

/// A link that an instance wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnLink<'a> {
    /// Name of the instance.
    whose: &'a str,
    /// Name of the link.
    pub(super) name: &'a str,
    /// The interface below.
    base: &'a str,
    /// Family of what it is for.
    v6: bool,
    /// Whether there are addresses of the other family beside it.
    both: bool,
    group: u32,
    kind: LinkKind,
    mac: Option<Mac>,
    vrid: u8,
}

/// The links of an instance, its own first.
pub(super) fn links_of(i: &VrrpInstance) -> Vec<OwnLink<'_>> {
    let own = i.vmac.as_ref().map(|v| OwnLink {
        whose: &i.name,
        name: &v.name,
        base: &i.interface,
        v6: i.ipv6,
        both: i.excluded.iter().any(|a| a.address.is_ipv6() != i.ipv6),
        group: v.group.unwrap_or(0),
        kind: v.kind,
        mac: v.mac.map(Mac),
        vrid: i.vrid,
    });
    let others = i.address_links.iter().map(|l| OwnLink {
        whose: &i.name,
        name: &l.name,
        base: &l.base,
        v6: l.ipv6,
        both: false,
        group: 0,
        kind: LinkKind::Macvlan,
        mac: l.mac.map(Mac),
        vrid: i.vrid,
    });
    own.into_iter().chain(others).collect()
}

impl OwnLink<'_> {
    fn change(&self, parent: u32) -> Change {
        let (name, group) = (self.name.to_owned(), self.group);
        match self.kind {
            LinkKind::Macvlan => {
                let mac = self.mac.unwrap_or_else(|| vmac_address(self.v6, self.vrid));
                Change::AddMacvlan(MacvlanSpec { name, parent, mac, group })
            }
            LinkKind::Ipvlan(mode, _) => {
                let isolation = match mode {
                    IpvlanMode::Bridge => IpvlanIsolation::Bridge,
                    IpvlanMode::Private => IpvlanIsolation::Private,
                    IpvlanMode::Vepa => IpvlanIsolation::Vepa,
                };
                Change::AddIpvlan(IpvlanSpec { name, parent, isolation, group })
            }
        }
    }

    /// Families whose filter it is in. COMPAT: that of the addresses, and the other one if it has some too.
    fn families(&self) -> impl Iterator<Item = bool> {
        [Some(self.v6), self.both.then_some(!self.v6)].into_iter().flatten()
    }
}

impl Worker {
    /// Makes the links that instances want; those of a removed interface again when it is back.
    pub(super) fn make_links(&mut self) {
        let plan = self.plan.clone();
        let (mut made, mut script) = (false, String::new());
        for link in plan.failover.instances.iter().flat_map(links_of) {
            if let Some(parent) = self.kernel.interfaces.index(link.base) {
                made |= self.make_link(&link, parent, &mut script);
            }
        }
        self.apply_filter(&script);
        if made {
            let _ = self.kernel.list();
        }
    }

    fn make_link(&mut self, link: &OwnLink<'_>, parent: u32, script: &mut String) -> bool {
        let change = link.change(parent);
        if let Some(there) = self.kernel.interfaces.link(link.name) {
            let index = there.index;
            let same = there.parent == Some(parent)
                && match &change {
                    Change::AddMacvlan(spec) => there.mac == Some(spec.mac),
                    _ => there.kind.as_deref() == Some("ipvlan"),
                };
            if same {
                if !self.prepared.contains(link.name) {
                    *script += &self.prepare_link(link);
                }
                let _ = self.kernel.netlink_mut().change(Change::SetLink { index, up: true });
                return false;
            }
            let _ = self.kernel.netlink_mut().change(Change::RemoveLink(index));
        }
        let what = if link.kind == LinkKind::Macvlan { "VMAC" } else { "ipvlan" };
        if let Err(e) = self.kernel.netlink_mut().change(change) {
            self.log
                .info(format_args!("({}): Error creating {what} interface {}: {e}", link.whose, link.name));
            return false;
        }
        self.log.info(format_args!("({}): Success creating {what} interface {}", link.whose, link.name));
        *script += &self.prepare_link(link);
        if let Ok(Some(there)) = self.kernel.netlink_mut().link(link.name) {
            let _ = self.kernel.netlink_mut().change(Change::SetLink { index: there.index, up: true });
            self.give_link_local(link, parent, there.index);
            if let LinkKind::Ipvlan(_, Some(own)) = link.kind {
                let spec = AddressSpec::new(there.index, own.address, own.len);
                let _ = self.kernel.netlink_mut().change(Change::AddAddress(spec));
            }
        }
        true
    }

    /// COMPAT: IPv6 adverts leave a macvlan from the link-local address of the interface below, so the
    /// macvlan gets it too; deprecated, that nobody else picks it.
    fn give_link_local(&mut self, link: &OwnLink<'_>, parent: u32, index: u32) {
        let Some(own) = self.kernel.interfaces.primary(parent, true, &|a| self.plan.is_virtual(a)) else {
            return;
        };
        if link.v6 {
            let mut spec = AddressSpec::new(index, own, 64);
            spec.flags = vec![AddressFlag::NoDad];
            spec.preferred_s = Some(0);
            let _ = self.kernel.netlink_mut().change(Change::AddAddress(spec));
        }
    }

    /// Settings of a macvlan and of what is below it; what the kernel does not know is no matter.
    fn prepare_link(&mut self, link: &OwnLink<'_>) -> String {
        let settings = if link.v6 { VMAC_V6 } else { VMAC_V4 };
        for (family, setting, value) in settings {
            let _ = set_interface_setting(*family, link.name, setting, value);
        }
        let below = if link.v6 { &[] } else { VMAC_PARENT };
        for (family, setting, value) in below {
            if let Ok(Some(former)) = set_interface_setting(*family, link.base, setting, value) {
                self.changed_settings.push((*family, link.base.to_owned(), (*setting).to_owned(), former));
            }
        }
        // Whether a macvlan's membership reports have to be led to the interface below.
        if !link.v6 && self.plan.failover.global.disable_local_igmp {
            return String::new();
        }
        self.prepared.insert(link.name.to_owned());
        link.families().map(|v6| self.filter.add_vmac(v6, link.name, link.base)).collect()
    }

    /// The filter and the links of all instances go; settings below them are put back.
    pub(super) fn remove_links(&mut self) {
        let plan = self.plan.clone();
        let script = self.filter.remove();
        self.apply_filter(&script);
        self.prepared.clear();
        for link in plan.failover.instances.iter().flat_map(links_of) {
            self.remove_link(&link);
        }
        self.restore_local_igmp();
        for (family, interface, setting, former) in std::mem::take(&mut self.changed_settings) {
            let _ = set_interface_setting(family, &interface, &setting, &former);
        }
    }

    /// Links of the plan before a reload that this one does not want.
    pub(super) fn remove_former_links(&mut self, former: &crate::Plan) {
        let plan = self.plan.clone();
        let wanted: BTreeSet<&str> =
            plan.failover.instances.iter().flat_map(links_of).map(|l| l.name).collect();
        for link in former.failover.instances.iter().flat_map(links_of) {
            if !wanted.contains(link.name) {
                self.remove_link(&link);
            }
        }
    }

    fn remove_link(&mut self, link: &OwnLink<'_>) {
        let Some(index) = self.kernel.interfaces.index(link.name) else { return };
        if self.prepared.remove(link.name) {
            let script: String = link.families().map(|v6| self.filter.remove_vmac(v6, link.name)).collect();
            self.apply_filter(&script);
        }
        if self.kernel.netlink_mut().change(Change::RemoveLink(index)).is_ok() {
            self.log.info(format_args!("({}) Success removing VMAC interface {}", link.whose, link.name));
        }
    }
}
