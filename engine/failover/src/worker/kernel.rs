//! What this process has put into the kernel: addresses, routes, rules, per instance; and their leases.
//!
//! DIFFERS: addresses carry a lifetime that [`Kernel::renew`] extends in one batch (see `lease`). What the
//! kernel refuses is logged once with its reason and does not stop the rest.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use rha_ir::failover::{VirtualIp, VrrpInstance};
use rha_net::netlink::{AddressSpec, Change, Lifetime, Netlink, RouteSpec, RuleSpec};

use super::interfaces::Interfaces;
use crate::log::Log;
use crate::plan::{address, instance::running_interface};

/// Errors that only say that a wish was fulfilled already.
const ALREADY: [i32; 4] = [
    17, // EEXIST
    99, // EADDRNOTAVAIL
    3,  // ESRCH
    2,  // ENOENT
];

/// There is no such interface (ENODEV).
const NO_DEVICE: i32 = 19;

/// What is installed for one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Held {
    addresses: Vec<AddressSpec>,
    routes: Vec<RouteSpec>,
    rules: Vec<RuleSpec>,
}

/// The kernel's tables and our part of them.
#[derive(Debug)]
pub struct Kernel {
    netlink: Netlink,
    /// What there is.
    pub interfaces: Interfaces,
    held: BTreeMap<String, Held>,
    /// What is static.
    fixed: Held,
    leases: bool,
    hurried: bool,
    log: Log,
}

impl Kernel {
    /// Opens the socket and lists everything.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn open(leases: bool, log: Log) -> io::Result<Kernel> {
        let mut k = Kernel {
            netlink: Netlink::open()?,
            interfaces: Interfaces::default(),
            held: BTreeMap::new(),
            fixed: Held::default(),
            leases,
            hurried: false,
            log,
        };
        k.list()?;
        Ok(k)
    }

    /// The socket, for the stream of changes to name it as ours.
    #[must_use]
    pub fn netlink(&self) -> &Netlink {
        &self.netlink
    }

    /// The socket, for changes of other kinds.
    pub fn netlink_mut(&mut self) -> &mut Netlink {
        &mut self.netlink
    }

    /// Lists links and addresses anew.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn list(&mut self) -> io::Result<()> {
        let links = self.netlink.links()?;
        let addresses = self.netlink.addresses()?;
        self.interfaces.replace(links, addresses);
        Ok(())
    }

    /// Whether BFD sessions may end a master sooner than missed adverts do: leases are then as short as can be.
    pub fn set_hurried(&mut self, hurried: bool) {
        self.hurried = hurried;
    }

    /// How long addresses of an instance stay without a renewal; `None` for ever.
    #[must_use]
    pub fn lease(&self, i: &VrrpInstance) -> Option<Duration> {
        let interval = Duration::from_micros(i.advert_int_us);
        let lifetime = match self.hurried {
            true => crate::lease::shortest(),
            false => crate::lease::lifetime(interval, u32::from(i.down_timer_adverts)),
        };
        self.leases.then_some(lifetime)
    }

    fn valid(&self, i: &VrrpInstance) -> Lifetime {
        self.lease(i).map_or(Lifetime::Forever, Lifetime::from_duration)
    }

    fn spec(&self, v: &VirtualIp, i: &VrrpInstance, valid: Lifetime) -> Option<AddressSpec> {
        let device = v.interface.as_deref().unwrap_or_else(|| running_interface(i));
        Some(address::address(v, self.interfaces.index(device)?, valid))
    }

    fn specs(&self, i: &VrrpInstance, valid: Lifetime) -> Vec<AddressSpec> {
        i.addresses.iter().chain(&i.excluded).filter_map(|v| self.spec(v, i, valid)).collect()
    }

    /// Puts the addresses of an instance on.
    pub fn add_addresses(&mut self, i: &VrrpInstance) {
        let specs = self.specs(i, self.valid(i));
        // Renewing adds what is not there; an address left over for ever becomes a lease.
        let changes: Vec<Change> = specs.iter().cloned().map(Change::RenewAddress).collect();
        let _ = self.apply(&changes, &i.name);
        for s in &specs {
            self.interfaces.note_added(s);
        }
        self.held.entry(i.name.clone()).or_default().addresses = specs;
    }

    /// Takes the addresses of an instance off; with `force` also those another run left.
    pub fn remove_addresses(&mut self, i: &VrrpInstance, force: bool) {
        let held = self.held.get_mut(&i.name).map(|h| std::mem::take(&mut h.addresses)).unwrap_or_default();
        let mut specs = held;
        if force {
            for s in self.specs(i, Lifetime::Forever) {
                if self.interfaces.has(s.link, s.address) && !specs.iter().any(|o| is_same(o, &s)) {
                    specs.push(s);
                }
            }
        }
        let changes: Vec<Change> = specs.iter().cloned().map(Change::RemoveAddress).collect();
        let _ = self.apply(&changes, &i.name);
        for s in &specs {
            self.interfaces.note_removed(s);
        }
    }

    /// A reload changed the addresses of a master: what is gone comes off first, then what is new goes on.
    pub fn replace_addresses(&mut self, i: &VrrpInstance) {
        let wanted = self.specs(i, self.valid(i));
        let held = self.held.entry(i.name.clone()).or_default();
        let old = std::mem::take(&mut held.addresses);
        let gone: Vec<AddressSpec> =
            old.into_iter().filter(|o| !wanted.iter().any(|w| is_same(w, o))).collect();
        let changes: Vec<Change> = gone.iter().cloned().map(Change::RemoveAddress).collect();
        let _ = self.apply(&changes, &i.name);
        for s in &gone {
            self.interfaces.note_removed(s);
        }
        self.add_addresses(i);
    }

    /// Whether addresses of an instance are on that we did not put on.
    #[must_use]
    pub fn has_leftovers(&self, i: &VrrpInstance) -> bool {
        self.specs(i, Lifetime::Forever).iter().any(|s| self.interfaces.has(s.link, s.address))
    }

    /// Renames what an instance holds (a reload may rename it).
    pub fn rename(&mut self, from: &str, to: &str) {
        if let Some(h) = self.held.remove(from) {
            self.held.insert(to.to_owned(), h);
        }
    }

    /// Whether an instance has addresses on.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        self.held.get(name).is_some_and(|h| !h.addresses.is_empty())
    }

    /// Whose an address on a link is.
    #[must_use]
    pub fn owner(&self, link: u32, address: IpAddr) -> Option<&str> {
        let is_it = |s: &AddressSpec| s.link == link && s.address == address;
        self.held.iter().find(|(_, h)| h.addresses.iter().any(is_it)).map(|(n, _)| n.as_str())
    }

    /// Forgets an address somebody else removed.
    pub fn forget(&mut self, name: &str, address: IpAddr) {
        if let Some(h) = self.held.get_mut(name) {
            h.addresses.retain(|s| s.address != address);
        }
    }

    /// Time between two renewals while anything is held.
    #[must_use]
    pub fn tick(&self) -> Option<Duration> {
        let all = self.held.values().flat_map(|h| &h.addresses);
        crate::lease::tick(all.filter_map(|s| match s.valid {
            Lifetime::Seconds(s) => Some(Duration::from_secs(u64::from(s))),
            Lifetime::Forever => None,
        }))
    }

    /// Extends every lease, in one batch. What the kernel refuses (its interface is gone) is given up, so that
    /// it is said once.
    pub fn renew(&mut self) {
        let is_lease = |s: &&AddressSpec| s.valid != Lifetime::Forever;
        let all = self.held.values().flat_map(|h| &h.addresses).filter(is_lease);
        let changes: Vec<Change> = all.cloned().map(Change::RenewAddress).collect();
        for at in self.apply(&changes, "lease") {
            if let Some(Change::RenewAddress(lost)) = changes.get(at) {
                for h in self.held.values_mut() {
                    h.addresses.retain(|s| s != lost);
                }
            }
        }
    }

    /// Gives what an instance holds to the kernel for good (`-V`).
    pub fn abandon(&mut self, name: &str) {
        self.held.remove(name);
    }

    /// Puts routes on; COMPAT: one that cannot be added is logged, the others are.
    pub fn add_routes(&mut self, i: &VrrpInstance) {
        let specs: Vec<RouteSpec> = i.routes.iter().filter_map(|r| self.route(r, &i.name)).collect();
        let changes: Vec<Change> = specs.iter().cloned().map(Change::AddRoute).collect();
        let _ = self.apply(&changes, &i.name);
        self.held.entry(i.name.clone()).or_default().routes = specs;
    }

    /// Takes routes off.
    pub fn remove_routes(&mut self, i: &VrrpInstance) {
        let held = self.held.get_mut(&i.name).map(|h| std::mem::take(&mut h.routes)).unwrap_or_default();
        let specs = if held.is_empty() {
            i.routes.iter().filter_map(|r| self.route(r, &i.name)).collect()
        } else {
            held
        };
        let changes: Vec<Change> = specs.into_iter().map(Change::RemoveRoute).collect();
        let _ = self.apply(&changes, &i.name);
    }

    /// Puts rules on.
    pub fn add_rules(&mut self, i: &VrrpInstance) {
        let specs: Vec<RuleSpec> = i.rules.iter().map(address::rule).collect();
        let changes: Vec<Change> = specs.iter().cloned().map(Change::AddRule).collect();
        let _ = self.apply(&changes, &i.name);
        self.held.entry(i.name.clone()).or_default().rules = specs;
    }

    /// Takes rules off.
    pub fn remove_rules(&mut self, i: &VrrpInstance) {
        let held = self.held.get_mut(&i.name).map(|h| std::mem::take(&mut h.rules)).unwrap_or_default();
        let specs = if held.is_empty() { i.rules.iter().map(address::rule).collect() } else { held };
        let changes: Vec<Change> = specs.into_iter().map(Change::RemoveRule).collect();
        let _ = self.apply(&changes, &i.name);
    }

    /// Puts back what others removed of the routes and rules held; says what that was.
    ///
    /// DIFFERS: the original gives the instance up for an election; here the route comes back at once.
    /// What cannot be put back (its interface is down) is left for the next time.
    pub fn restore_routes(&mut self) {
        let fixed = (String::from("static"), self.fixed.clone());
        let ours: Vec<(String, Held)> =
            self.held.iter().map(|(n, h)| (n.clone(), h.clone())).chain([fixed]).collect();
        if ours.iter().all(|(_, h)| h.routes.is_empty() && h.rules.is_empty()) {
            return;
        }
        let (Ok(routes), Ok(rules)) = (self.netlink.routes(), self.netlink.rules()) else { return };
        let mut changes = Vec::new();
        for (name, held) in &ours {
            for r in held.routes.iter().filter(|r| !routes.iter().any(|o| r.is(o))) {
                changes.push((name.clone(), Change::AddRoute(r.clone())));
            }
            for r in held.rules.iter().filter(|r| !rules.contains(r)) {
                changes.push((name.clone(), Change::AddRule(r.clone())));
            }
        }
        for (name, change) in changes {
            let what = if matches!(change, Change::AddRoute(_)) { "route" } else { "rule" };
            if self.netlink.change(change).is_ok() {
                self.log
                    .info(format_args!("({name}) a virtual {what} was removed by somebody else - restored"));
            }
        }
    }

    /// `static_ipaddress`, `static_routes`, `static_rules`: takes off what is not wanted any more, puts on
    /// the rest. At the end nothing is wanted.
    pub fn statics(&mut self, wanted: Option<&rha_ir::Failover>) {
        let wanted = wanted.map(|f| self.static_specs(f)).unwrap_or_default();
        let old = std::mem::take(&mut self.fixed);
        let gone = |w: &Held, o: &Held| -> Vec<Change> {
            let addresses = o.addresses.iter().filter(|a| !w.addresses.contains(a)).cloned();
            let routes = o.routes.iter().filter(|r| !w.routes.contains(r)).cloned();
            let rules = o.rules.iter().filter(|r| !w.rules.contains(r)).cloned();
            rules
                .map(Change::RemoveRule)
                .chain(routes.map(Change::RemoveRoute))
                .chain(addresses.map(Change::RemoveAddress))
                .collect()
        };
        let mut changes = gone(&wanted, &old);
        changes.extend(wanted.addresses.iter().cloned().map(Change::RenewAddress));
        changes.extend(wanted.routes.iter().cloned().map(Change::AddRoute));
        changes.extend(wanted.rules.iter().cloned().map(Change::AddRule));
        let _ = self.apply(&changes, "static");
        self.fixed = wanted;
    }

    /// Whether a static address is on its interface.
    pub fn holds_static(&self, address: IpAddr) -> bool {
        self.fixed.addresses.iter().any(|a| a.address == address)
    }

    /// Puts a static address back that somebody removed; false if it is none of ours.
    pub fn restore_static(&mut self, link: u32, address: IpAddr) -> bool {
        let is_it = |a: &&AddressSpec| a.link == link && a.address == address;
        let Some(spec) = self.fixed.addresses.iter().find(is_it).cloned() else { return false };
        self.log.info(format_args!("Restoring deleted static address {}/{}", spec.address, spec.prefix));
        self.apply(&[Change::RenewAddress(spec)], "static");
        true
    }

    fn static_specs(&self, f: &rha_ir::Failover) -> Held {
        let address = |v: &VirtualIp| {
            let device = v.interface.as_deref().unwrap_or(&f.global.default_interface);
            Some(address::address(v, self.interfaces.index(device)?, Lifetime::Forever))
        };
        Held {
            addresses: f.static_addresses.iter().filter_map(address).collect(),
            routes: f.static_routes.iter().filter_map(|r| self.route(r, "static")).collect(),
            rules: f.static_rules.iter().map(address::rule).collect(),
        }
    }

    fn route(&self, r: &rha_ir::failover::IpRoute, name: &str) -> Option<RouteSpec> {
        match address::route(r, &|n| self.interfaces.index(n)) {
            Ok(spec) => Some(spec),
            Err(device) => {
                self.log.info(format_args!(
                    "({name}) route to {} needs {device}, which is not there",
                    r.dst.address
                ));
                None
            }
        }
    }

    /// Makes changes; the positions of those the kernel refused for good.
    fn apply(&mut self, changes: &[Change], name: &str) -> Vec<usize> {
        if changes.is_empty() {
            return Vec::new();
        }
        let refused = match self.netlink.apply(changes) {
            Ok(refused) => refused,
            Err(e) => {
                self.log.info(format_args!("Netlink: error: {e}"));
                return Vec::new();
            }
        };
        let mut positions = Vec::new();
        for r in refused {
            let code = r.error.raw_os_error().unwrap_or(0);
            // What is to be removed is gone with its interface.
            let gone = code == NO_DEVICE && changes.get(r.position).is_some_and(removes);
            if gone || ALREADY.contains(&code) {
                continue;
            }
            let what = changes.get(r.position).map(subject).unwrap_or_default();
            self.log.info(format_args!("({name}) {what}: {}", r.error));
            positions.push(r.position);
        }
        positions
    }
}

fn is_same(a: &AddressSpec, b: &AddressSpec) -> bool {
    AddressSpec { valid: Lifetime::Forever, ..a.clone() }
        == AddressSpec { valid: Lifetime::Forever, ..b.clone() }
}

fn removes(c: &Change) -> bool {
    matches!(
        c,
        Change::RemoveAddress(_) | Change::RemoveRoute(_) | Change::RemoveRule(_) | Change::RemoveLink(_)
    )
}

fn subject(c: &Change) -> String {
    match c {
        Change::AddAddress(a) | Change::RenewAddress(a) => format!("cannot add {}/{}", a.address, a.prefix),
        Change::RemoveAddress(a) => format!("cannot remove {}/{}", a.address, a.prefix),
        Change::AddRoute(r) => format!("cannot add route {:?}", r.destination.map(|p| p.address)),
        Change::RemoveRoute(r) => format!("cannot remove route {:?}", r.destination.map(|p| p.address)),
        Change::AddRule(_) => "cannot add rule".to_owned(),
        Change::RemoveRule(_) => "cannot remove rule".to_owned(),
        Change::AddMacvlan(m) => format!("cannot make {}", m.name),
        Change::AddIpvlan(m) => format!("cannot make {}", m.name),
        Change::RemoveLink(_) => "cannot remove link".to_owned(),
        Change::SetLink { .. } => "cannot set link up or down".to_owned(),
    }
}
