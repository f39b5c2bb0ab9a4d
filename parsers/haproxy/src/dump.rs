//! The list of configuration keywords, as `-dKcfg` prints it: a section's name, then its keywords, each
//! behind a tab.
//!
//! The original lists `global`, then `listen` for all four proxy sections, then the sections whose
//! keywords are registered one by one. Ours also lists what the original parses without registering.

use std::fmt::Write as _;

use rha_vocab::Dialect;

use crate::{Parse, Place, tables};

/// `-dKcfg` for a dialect.
#[must_use]
pub fn configuration(dialect: Dialect) -> String {
    let mut out = String::from("# List of registered configuration keywords:\n");
    let mut seen_proxies = false;
    for section in tables::SECTIONS.iter().filter(|s| s.lifetime.covers(dialect)) {
        let is_proxy = section.place.meets(Place::PROXY);
        if is_proxy && std::mem::replace(&mut seen_proxies, true) {
            continue;
        }
        let (name, place) = if is_proxy { ("listen", Place::PROXY) } else { (section.name, section.place) };
        let _ = writeln!(out, "{name}");
        let mut rows: Vec<_> = tables::all()
            .filter(|r| r.place.meets(place) && r.lifetime.covers(dialect))
            .filter(|r| matches!(r.parse, Parse::With(_)))
            .map(|r| if r.usage.is_empty() { r.name.to_owned() } else { format!("{} {}", r.name, r.usage) })
            .collect();
        rows.sort_unstable();
        for row in rows {
            let _ = writeln!(out, "\t{row}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_lists_each_section_once() {
        let text = configuration(Dialect::V3_0);
        assert_eq!(text.lines().filter(|l| *l == "listen").count(), 1);
        assert!(text.contains("\n\tmaxconn <number>\n"));
        assert!(!text.contains("\nacme\n"));
        assert!(configuration(Dialect::V3_5).contains("\nacme\n"));
    }
}
