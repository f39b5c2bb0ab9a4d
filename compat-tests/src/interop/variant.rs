//! The configurations of the matrix, and what the protocol allows with each.

use std::net::IpAddr;
use std::time::Duration;

/// One row of the matrix.
pub struct Variant {
    /// As tables and the list of gaps name it.
    pub name: &'static str,
    /// VRRP version.
    pub version: u8,
    /// `advert_int`, milliseconds.
    pub interval_ms: u64,
    /// Addresses of each instance; several instances are a sync group.
    pub instances: &'static [&'static [&'static str]],
    /// Further lines of an instance on this node.
    pub inside: fn(node: usize) -> String,
    /// `nopreempt`.
    pub nopreempt: bool,
    /// `preempt_delay`, seconds.
    pub preempt_delay_s: u64,
    /// Adverts are not sent to a group.
    pub unicast: bool,
}

const V4: &[&[&str]] = &[&["10.77.0.200/24"]];

const PLAIN: Variant = Variant {
    name: "",
    version: 3,
    interval_ms: 300,
    instances: V4,
    inside: nothing,
    nopreempt: false,
    preempt_delay_s: 0,
    unicast: false,
};

/// The rows.
pub const VARIANTS: &[Variant] = &[
    Variant { name: "v2-pass", version: 2, interval_ms: 1000, inside: |_| auth("PASS"), ..PLAIN },
    Variant { name: "v2-ah", version: 2, interval_ms: 1000, inside: |_| auth("AH"), ..PLAIN },
    Variant { name: "v3-ipv4", ..PLAIN },
    Variant { name: "v3-ipv6", instances: &[&["fe80::77:200/64", "fd77::200/64"]], ..PLAIN },
    Variant { name: "unicast", inside: peers, unicast: true, ..PLAIN },
    Variant { name: "vmac", inside: |_| " use_vmac\n".to_owned(), ..PLAIN },
    Variant { name: "sync-group", instances: &[&["10.77.0.200/24"], &["10.77.0.201/24"]], ..PLAIN },
    Variant { name: "nopreempt", inside: |_| " nopreempt\n".to_owned(), nopreempt: true, ..PLAIN },
    Variant {
        name: "preempt-delay",
        inside: |_| " preempt_delay 1\n".to_owned(),
        preempt_delay_s: 1,
        ..PLAIN
    },
];

fn nothing(_: usize) -> String {
    String::new()
}

fn auth(kind: &str) -> String {
    format!(" authentication {{\n  auth_type {kind}\n  auth_pass s3cr3t\n }}\n")
}

fn peers(node: usize) -> String {
    format!(" unicast_src_ip 10.77.0.{node}\n unicast_peer {{\n  10.77.0.{}\n }}\n", 3 - node)
}

impl Variant {
    /// By name.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn named(name: &str) -> &'static Variant {
        VARIANTS.iter().find(|v| v.name == name).unwrap_or_else(|| panic!("there is no variant {name}"))
    }

    /// The priority a node has unless told otherwise.
    #[must_use]
    pub fn usual_priority(node: usize) -> u8 {
        if node == 1 { 110 } else { 100 }
    }

    /// A node's configuration.
    #[must_use]
    pub fn config(&self, node: usize, priority: u8) -> String {
        let mut text = format!("global_defs {{\n router_id n{node}\n script_user root\n}}\n");
        let names = self.names();
        if names.len() > 1 {
            text += &format!("vrrp_sync_group G {{\n group {{\n  {}\n }}\n}}\n", names.join("\n  "));
        }
        for (n, addresses) in self.instances.iter().enumerate() {
            text += &format!(
                "vrrp_instance {} {{\n state BACKUP\n interface eth0\n virtual_router_id {}\n priority {priority}\n \
                 version {}\n advert_int {}\n{} virtual_ipaddress {{\n  {}\n }}\n}}\n",
                names[n],
                51 + n,
                self.version,
                Duration::from_millis(self.interval_ms).as_secs_f64(),
                (self.inside)(node),
                addresses.join("\n  ")
            );
        }
        text
    }

    /// Names of the instances.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        (1..=self.instances.len()).map(|n| format!("VI_{n}")).collect()
    }

    /// All virtual addresses.
    ///
    /// # Panics
    /// A row of the table is wrong.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let all = self.instances.iter().flat_map(|i| i.iter());
        all.map(|a| a.split('/').next().unwrap_or(a).parse().expect("an address")).collect()
    }

    /// The one that is pinged: the last, which is no link-local one.
    #[must_use]
    pub fn pinged(&self) -> IpAddr {
        *self.addresses().last().expect("every variant has addresses")
    }

    /// Time between two adverts.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms)
    }

    /// How much longer a backup of this priority waits (RFC 3768 §6.1, RFC 5798 §6.1).
    #[must_use]
    pub fn skew(&self, priority: u8) -> Duration {
        let of = if self.version == 2 { Duration::from_secs(1) } else { self.interval() };
        of * (256 - u32::from(priority)) / 256
    }

    /// Until a backup takes a dead master's place, counted from that one's last advert.
    #[must_use]
    pub fn down(&self, priority: u8) -> Duration {
        self.interval() * 3 + self.skew(priority)
    }
}
