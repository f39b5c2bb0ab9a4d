//! Macvlans that the configuration asks for: their names, and which addresses go on which.
//! keepalived.conf(5) `use_vmac`, `use_vmac_addr`, `virtual_ipaddress … use_vmac`.

use rha_ir::failover::{AddressLink, LinkKind};

use super::Draft;
use crate::Cx;

/// A macvlan that was given out: another address of the same router on the same interface shares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Macvlan {
    base: String,
    mac: [u8; 6],
    name: String,
}

impl Macvlan {
    /// `written` is `use_vmac … MAC`, `router` whether IPv6 is spoken and the router id.
    pub(super) fn new(base: String, written: Option<[u8; 6]>, router: (bool, u8), name: String) -> Macvlan {
        Macvlan { base, mac: router_mac(written, router.0, router.1), name }
    }
}

/// A virtual router's MAC address, RFC 9568 §7.3, or what is written instead.
fn router_mac(written: Option<[u8; 6]>, ipv6: bool, vrid: u8) -> [u8; 6] {
    written.unwrap_or([0, 0, 0x5e, 0, if ipv6 { 2 } else { 1 }, vrid])
}

/// Macvlans for addresses that want one and cannot have the instance's. `garp_extra_if` without `all` is about
/// those only, and without any interface but the instance's about nothing.
pub(super) fn give_links(cx: &mut Cx<'_>, d: &mut Draft, own: Option<&String>) {
    let macvlan = d.vmac.as_ref().is_some_and(|v| v.kind == LinkKind::Macvlan);
    let running = d.vmac.as_ref().map(|v| v.name.clone()).or_else(|| own.cloned());
    let all: Vec<_> = d.model.addresses.iter().chain(&d.model.excluded).cloned().collect();
    let (mut links, mut extra, mut extra_macvlan) = (Vec::new(), false, false);
    for ip in all {
        let here = ip.interface.is_none() || ip.interface.as_ref() == own;
        let same = ip.address.is_ipv6() == d.model.ipv6;
        let wanted = match here {
            true if macvlan && same => false,
            true => ip.use_vmac || d.vmac_addresses && !same,
            false => ip.use_vmac || d.vmac_addresses,
        };
        let base = if here { own.cloned() } else { ip.interface };
        let link =
            base.as_ref().filter(|_| wanted).map(|base| address_link(cx, d, base, ip.address.is_ipv6()));
        let device = match here && macvlan && same {
            true => running.clone(),
            false => link.clone().or(base),
        };
        if device != running {
            let made = device.is_some_and(|name| cx.vrrp.macvlans.iter().any(|m| m.name == name));
            extra |= !made;
            extra_macvlan |= made;
        }
        links.push(link);
    }
    for (ip, link) in d.model.addresses.iter_mut().chain(&mut d.model.excluded).zip(links) {
        ip.vmac = link;
    }
    let announced = extra_macvlan || extra && d.model.garp.extra_if_all;
    if !announced {
        d.model.garp.extra_if_us = 0;
    }
}

/// The macvlan for an address that does not go on the instance's own.
fn address_link(cx: &mut Cx<'_>, d: &mut Draft, base: &str, ipv6: bool) -> String {
    let written = d.vmac.as_ref().and_then(|v| v.mac);
    let mac = router_mac(written, ipv6, d.model.vrid);
    if let Some(there) = cx.vrrp.macvlans.iter().find(|m| m.base == base && m.mac == mac) {
        return there.name.clone();
    }
    let g = &cx.model.global;
    let prefix =
        g.vmac_addr_prefix.as_ref().or(g.vmac_prefix.as_ref()).map_or("vrrp", String::as_str).to_owned();
    let name = free_name(cx, &prefix, d.model.vrid, ipv6);
    let own = Macvlan::new(base.to_owned(), written, (ipv6, d.model.vrid), name.clone());
    cx.vrrp.macvlans.push(own);
    let link = AddressLink { name: name.clone(), base: base.to_owned(), ipv6, mac: written };
    d.model.address_links.push(link);
    name
}

/// A name for a macvlan that nobody has: `vrrp.51`, then `vrrp6.51` (IPv6), `vrrp1.51` and so on.
pub(super) fn free_name(cx: &mut Cx<'_>, prefix: &str, vrid: u8, ipv6: bool) -> String {
    let six = ipv6.then(|| "6".to_owned());
    let tries = std::iter::once(String::new()).chain(six).chain((1..u16::MAX).map(|n| n.to_string()));
    for number in tries {
        let tail = format!("{number}.{vrid}");
        let keep =
            prefix.char_indices().map(|(i, c)| i + c.len_utf8()).take_while(|n| n + tail.len() < 16).last();
        let name = format!("{}{tail}", prefix.get(..keep.unwrap_or(0)).unwrap_or_default());
        if cx.vrrp.vmac_names.insert(name.clone()) {
            return name;
        }
    }
    format!("{prefix}.{vrid}")
}

#[cfg(test)]
mod tests {
    use rha_text::MemoryFiles;

    use crate::{Input, MachineOf, check};

    fn links(defs: &str, inside: &str) -> (Vec<String>, Vec<Option<String>>, u64) {
        let machine = MachineOf { any_interface: true, ..MachineOf::default() };
        let mut files = MemoryFiles::default();
        let text = format!(
            "global_defs {{\n vrrp_garp_extra_if 1\n{defs}}}\n\
             vrrp_instance A {{\n interface eth0\n virtual_router_id 51\n{inside}}}\n"
        );
        files.0.insert("k.conf".to_owned(), text.into_bytes());
        let mut model = check(&Input::new("k.conf", &files, &machine)).model.failover;
        let i = model.instances.remove(0);
        let made = i.address_links.iter().map(|l| format!("{}@{} {}", l.name, l.base, l.ipv6)).collect();
        (made, i.addresses.iter().chain(&i.excluded).map(|a| a.vmac.clone()).collect(), i.garp.extra_if_us)
    }

    const ALL: &str = " virtual_ipaddress {\n  10.0.0.1/24\n  10.1.0.1/24 dev eth1\n  10.1.0.2/24 dev eth1\n }\n \
                       virtual_ipaddress_excluded {\n  fd00::1/64\n  fd01::1/64 dev eth1\n }\n";

    #[test]
    fn addresses_of_one_interface_and_family_share_a_macvlan() {
        let name = |n: &str| Some(n.to_owned());
        let (made, of, extra) =
            links(" vmac_addr_prefix mac\n", &format!(" use_vmac\n use_vmac_addr\n{ALL}"));
        assert_eq!(made, ["mac.51@eth1 false", "mac6.51@eth0 true", "mac1.51@eth1 true"]);
        assert_eq!(of, [None, name("mac.51"), name("mac.51"), name("mac6.51"), name("mac1.51")]);
        assert_eq!(extra, 1_000_000);
    }

    #[test]
    fn nothing_is_made_that_nobody_wants() {
        let (made, of, extra) = links("", &format!(" use_vmac\n{ALL}"));
        assert_eq!(
            (made.len(), of, extra),
            (0, vec![None; 5], 0),
            "plain links are announced with `all` only"
        );
        assert_eq!(links("", &format!(" garp_extra_if all 2\n{ALL}")).2, 2_000_000);
        let one = " virtual_ipaddress {\n  10.0.0.1/24 use_vmac\n }\n";
        assert_eq!(links("", one).0, ["vrrp.51@eth0 false"]);
    }
}
