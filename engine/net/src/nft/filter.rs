//! The table `keepalived`: sets of blocked addresses, and what a virtual router's own interface must not send.
//!
//! COMPAT: tables, sets, chains, priorities and rules are those that 2.2.7 makes (`nft list ruleset`), so that
//! whoever looks for them finds them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;

/// How the table is made, keepalived.conf(5) `nftables`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterOptions {
    /// Its name.
    pub table: String,
    /// Priority of its chains (`nftables_priority`).
    pub priority: i32,
    /// Rules count packets (`nftables_counters`).
    pub counters: bool,
}

impl Default for FilterOptions {
    fn default() -> Self {
        FilterOptions { table: "keepalived".to_owned(), priority: -1, counters: false }
    }
}

/// What has been made so far: each method gives the script of what is still missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    options: FilterOptions,
    made: BTreeSet<Made>,
}

/// A part of the table that is made once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Made {
    Table(Family),
    ChainOut(Family),
    Blocking(Family),
    Vmac(Family),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    fn word(self) -> &'static str {
        match self {
            Family::V4 => "ip",
            Family::V6 => "ip6",
        }
    }
}

/// One element of a set: an address, and the interface where a link-local one needs it.
fn element(address: IpAddr, link: &str) -> (&'static str, String) {
    match address {
        IpAddr::V6(a) if a.is_unicast_link_local() => ("vips_link_local", format!("{a} . \"{link}\"")),
        a => ("vips", a.to_string()),
    }
}

impl Filter {
    /// Nothing made yet.
    #[must_use]
    pub fn new(options: FilterOptions) -> Filter {
        Filter { options, made: BTreeSet::new() }
    }

    /// Makes packets to and from these addresses be dropped; with each address the name of its interface.
    #[must_use]
    pub fn block(&mut self, addresses: &[(IpAddr, &str)]) -> String {
        let mut out = String::new();
        for family in [Family::V4, Family::V6] {
            if addresses.iter().any(|(a, _)| Family::of(*a) == family) {
                self.make_blocking(family, &mut out);
            }
        }
        self.elements("add", addresses, &mut out);
        out
    }

    /// Lets packets to and from these addresses pass again.
    #[must_use]
    pub fn unblock(&self, addresses: &[(IpAddr, &str)]) -> String {
        let mut out = String::new();
        self.elements("delete", addresses, &mut out);
        out
    }

    /// Sends a virtual router's group reports by the interface below it, and no router solicitations: a switch
    /// would otherwise learn the virtual MAC address from a node that is not master.
    #[must_use]
    pub fn add_vmac(&mut self, v6: bool, macvlan: &str, parent: &str) -> String {
        let family = if v6 { Family::V6 } else { Family::V4 };
        let mut out = String::new();
        self.make_vmac(family, &mut out);
        let target = self.target(family);
        let _ = writeln!(out, "add element {target} vmac_map {{ \"{macvlan}\" : \"{parent}\" }}");
        if v6 {
            let _ = writeln!(out, "add element {target} vmac_set {{ \"{macvlan}\" }}");
        }
        out
    }

    /// Ends what [`Filter::add_vmac`] began; before the interface goes.
    #[must_use]
    pub fn remove_vmac(&self, v6: bool, macvlan: &str) -> String {
        let target = self.target(if v6 { Family::V6 } else { Family::V4 });
        let mut out = format!("delete element {target} vmac_map {{ \"{macvlan}\" }}\n");
        if v6 {
            let _ = writeln!(out, "delete element {target} vmac_set {{ \"{macvlan}\" }}");
        }
        out
    }

    /// Removes everything made.
    #[must_use]
    pub fn remove(&mut self) -> String {
        let mut out = String::new();
        for family in [Family::V4, Family::V6] {
            if self.made.contains(&Made::Table(family)) {
                let _ = writeln!(out, "delete table {}", self.target(family));
            }
        }
        self.made.clear();
        out
    }

    /// Removes what an earlier run has left, whether there is anything or not.
    #[must_use]
    pub fn remove_leftovers(&self) -> String {
        let mut out = String::new();
        for family in [Family::V4, Family::V6] {
            let target = self.target(family);
            let _ = writeln!(out, "add table {target}\ndelete table {target}");
        }
        out
    }

    fn target(&self, family: Family) -> String {
        format!("{} {}", family.word(), self.options.table)
    }

    fn verdict(&self, word: &str) -> String {
        if self.options.counters { format!("counter {word}") } else { word.to_owned() }
    }

    fn elements(&self, verb: &str, addresses: &[(IpAddr, &str)], out: &mut String) {
        for (family, set) in [(Family::V4, "vips"), (Family::V6, "vips"), (Family::V6, "vips_link_local")] {
            let of_set: Vec<String> = addresses
                .iter()
                .filter(|(a, _)| Family::of(*a) == family)
                .map(|(a, link)| element(*a, link))
                .filter(|(of, _)| *of == set)
                .map(|(_, text)| text)
                .collect();
            if !of_set.is_empty() {
                let target = self.target(family);
                let _ = writeln!(out, "{verb} element {target} {set} {{ {} }}", of_set.join(", "));
            }
        }
    }

    fn make_table(&mut self, family: Family, out: &mut String) {
        if self.made.insert(Made::Table(family)) {
            // Leftovers of an earlier run go in the same transaction.
            let target = self.target(family);
            let _ = writeln!(out, "add table {target}\ndelete table {target}\nadd table {target}");
        }
    }

    fn make_chain(&self, family: Family, name: &str, hook: &str, out: &mut String) {
        let (target, priority) = (self.target(family), self.options.priority);
        let _ = writeln!(
            out,
            "add chain {target} {name} {{ type filter hook {hook} priority {priority} ; policy accept ; }}"
        );
    }

    fn make_out(&mut self, family: Family, out: &mut String) {
        self.make_table(family, out);
        if self.made.insert(Made::ChainOut(family)) {
            self.make_chain(family, "out", "output", out);
        }
    }

    fn make_blocking(&mut self, family: Family, out: &mut String) {
        self.make_out(family, out);
        if !self.made.insert(Made::Blocking(family)) {
            return;
        }
        self.make_chain(family, "in", "input", out);
        let (t, drop) = (self.target(family), self.verdict("drop"));
        match family {
            Family::V4 => {
                let _ = writeln!(
                    out,
                    "add set {t} vips {{ type ipv4_addr ; }}\n\
                     add rule {t} out ip saddr @vips {drop}\n\
                     add rule {t} in ip daddr @vips {drop}"
                );
            }
            Family::V6 => {
                let (accept, goto) = (self.verdict("accept"), self.verdict("goto"));
                let _ = writeln!(
                    out,
                    "add set {t} vips {{ type ipv6_addr ; }}\n\
                     add set {t} neighbor-discovery {{ type icmpv6_type ; flags constant ; elements = \
                     {{ nd-neighbor-solicit, nd-neighbor-advert }} ; }}\n\
                     add set {t} vips_link_local {{ type ipv6_addr . iface_index ; }}\n\
                     add chain {t} in_link_local\n\
                     add chain {t} out_link_local\n\
                     add rule {t} in_link_local ip6 daddr . iif @vips_link_local {drop}\n\
                     add rule {t} out_link_local ip6 saddr . oif @vips_link_local {drop}\n\
                     add rule {t} out icmpv6 type @neighbor-discovery {accept}\n\
                     add rule {t} out ip6 saddr fe80::/10 {goto} out_link_local\n\
                     add rule {t} out ip6 saddr @vips {drop}\n\
                     add rule {t} in icmpv6 type @neighbor-discovery {accept}\n\
                     add rule {t} in ip6 daddr fe80::/10 {goto} in_link_local\n\
                     add rule {t} in ip6 daddr @vips {drop}"
                );
            }
        }
    }

    fn make_vmac(&mut self, family: Family, out: &mut String) {
        self.make_out(family, out);
        if !self.made.insert(Made::Vmac(family)) {
            return;
        }
        let (t, drop) = (self.target(family), self.verdict("drop"));
        let _ = writeln!(out, "add map {t} vmac_map {{ type iface_index : iface_index ; }}");
        match family {
            Family::V4 => {
                let _ = writeln!(
                    out,
                    "add rule {t} out ip protocol igmp meta oifkind \"macvlan\" dup to ip daddr device oif map \
                     @vmac_map {drop}"
                );
            }
            Family::V6 => {
                let _ = writeln!(
                    out,
                    "add set {t} vmac_set {{ type iface_index ; }}\n\
                     add rule {t} out icmpv6 type mld2-listener-report meta oifkind \"macvlan\" dup to ip6 daddr \
                     device oif map @vmac_map {drop}\n\
                     add rule {t} out icmpv6 type nd-router-solicit meta oifkind \"macvlan\" oif @vmac_set {drop}"
                );
            }
        }
    }
}
