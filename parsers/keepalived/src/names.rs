//! Names of routing tables, protocols, scopes and the like, as iproute2's files and the kernel have them.

use crate::Cx;

/// A kind of name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Routing tables.
    Table,
    /// `tos`, `dsfield`.
    DsField,
    /// Interface groups.
    Group,
    /// Realms.
    Realm,
    /// Routing protocols.
    Protocol,
    /// Scopes.
    Scope,
}

impl Kind {
    const fn file(self) -> &'static str {
        match self {
            Kind::Table => "rt_tables",
            Kind::DsField => "rt_dsfield",
            Kind::Group => "group",
            Kind::Realm => "rt_realms",
            Kind::Protocol => "rt_protos",
            Kind::Scope => "rt_scopes",
        }
    }

    const fn most(self) -> u32 {
        match self {
            Kind::Table => u32::MAX,
            Kind::Group => i32::MAX as u32,
            _ => 255,
        }
    }

    const fn builtin(self) -> &'static [(u32, &'static str)] {
        match self {
            Kind::Table => &[(253, "default"), (254, "main"), (255, "local")],
            Kind::Protocol => &[
                (0, "none"),
                (1, "redirect"),
                (2, "kernel"),
                (3, "boot"),
                (4, "static"),
                (8, "gated"),
                (9, "ra"),
                (10, "mrt"),
                (11, "zebra"),
                (12, "bird"),
                (42, "babel"),
                (13, "dnrouted"),
                (14, "xorp"),
                (15, "ntk"),
                (16, "dhcp"),
            ],
            Kind::Scope => &[(0, "global"), (255, "nowhere"), (254, "host"), (253, "link"), (200, "site")],
            Kind::DsField | Kind::Group | Kind::Realm => &[],
        }
    }
}

/// Where the administrator keeps names for iproute2, and where distributions do.
const ETC: &str = "/etc/iproute2";
const USR: [&str; 2] = ["/usr/share/iproute2", "/usr/lib/iproute2"];

/// `strtoul` with base 0 over a whole text.
pub(crate) fn any_base(text: &str) -> Option<u64> {
    let text = text.trim_start_matches([' ', '\t']);
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if text.len() > 1 && text.starts_with('0') => (text.get(1..)?, 8),
        None => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

impl Cx<'_> {
    /// The number of a name, or a number written in any base.
    pub(crate) fn number_of(&self, kind: Kind, name: &str) -> Option<u32> {
        if let Some(n) = any_base(name) {
            return u32::try_from(n).ok().filter(|n| *n <= kind.most());
        }
        let g = &self.model.global;
        let etc = g.iproute_etc_dir.as_deref().unwrap_or(ETC);
        let usr = g.iproute_usr_dir.as_deref().map_or_else(|| USR.to_vec(), |one| vec![one]);
        for directory in std::iter::once(etc).chain(usr) {
            let Some(text) = self.input.machine.system_file(&format!("{directory}/{}", kind.file())) else {
                continue;
            };
            let text = String::from_utf8_lossy(&text).into_owned();
            for line in text.lines() {
                let mut words = line.split_whitespace();
                let (Some(number), Some(word), None) = (words.next(), words.next(), words.next()) else {
                    continue;
                };
                let number = any_base(number).and_then(|n| u32::try_from(n).ok());
                if word == name && number.is_some_and(|n| n <= kind.most()) {
                    return number;
                }
            }
            break;
        }
        kind.builtin().iter().find(|(_, n)| *n == name).map(|(n, _)| *n)
    }

    /// `from/to` realms as the kernel's 32 bits.
    pub(crate) fn realms(&self, text: &str) -> Option<u32> {
        match text.split_once('/') {
            Some((from, to)) => {
                Some(self.number_of(Kind::Realm, from)? << 16 | self.number_of(Kind::Realm, to)?)
            }
            None => self.number_of(Kind::Realm, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use rha_text::MemoryFiles;

    use crate::{Input, MachineOf, check};

    #[test]
    fn names_are_looked_up_where_the_configuration_says() {
        let route = "static_routes {\n 10.1.0.0/24 dev eth0 table blue\n}\n";
        let tables = [
            ("/etc/iproute2/rt_tables", "7 blue\n"),
            ("/usr/share/iproute2/rt_tables", "8 blue\n"),
            ("/opt/etc/rt_tables", "# ours\n9 blue\n"),
            ("/opt/usr/rt_tables", "10 blue\n"),
        ];
        for (lines, without, table) in [
            ("", "", 7),
            ("", "/etc/iproute2/rt_tables", 8),
            (" iproute_etc_dir /opt/etc\n iproute_usr_dir /opt/usr\n", "", 9),
            (" iproute_etc_dir /opt/etc\n iproute_usr_dir /opt/usr\n", "/opt/etc/rt_tables", 10),
        ] {
            let there = tables.iter().filter(|(name, _)| *name != without);
            let machine = MachineOf {
                any_interface: true,
                files: there.map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect(),
                ..MachineOf::default()
            };
            let mut files = MemoryFiles::default();
            let text = format!("global_defs {{\n router_id a\n{lines}}}\n{route}");
            files.0.insert("k.conf".to_owned(), text.into_bytes());
            let model = check(&Input::new("k.conf", &files, &machine)).model.failover;
            assert_eq!(model.static_routes.first().map(|r| r.table), Some(table), "{lines:?} {without:?}");
        }
    }
}
