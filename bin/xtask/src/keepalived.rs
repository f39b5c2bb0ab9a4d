//! The rows of keepalived's keyword tables in the form of [`crate::rows`].

use rha_keepalived::{Keyword, Place, Version, tables};

use crate::names::Name;
use crate::rows::Row;

/// Class of these rows in lists of names.
pub const CLASS: &str = "keepalived";

/// All rows, once per block they stand in.
pub fn rows() -> Vec<Row> {
    tables::rows().flat_map(|k| blocks(k).map(|block| row(k, block))).collect()
}

/// The blocks of a row, as documents name them.
fn blocks(k: &'static Keyword) -> impl Iterator<Item = &'static str> {
    let bits = Place::NAMES.iter().enumerate();
    bits.filter(|(bit, _)| k.place.meets(Place(1 << bit))).map(|(_, name)| *name)
}

fn row(k: &Keyword, block: &str) -> Row {
    Row {
        name: Name::new(CLASS, block, k.name),
        usage: k.usage.to_string(),
        versions: versions(k.since),
        support: k.support,
        doc: k.doc.to_string(),
    }
}

/// Only what a reader of today may miss: keywords newer than the version whose words we speak.
fn versions(since: Version) -> String {
    match since {
        v if v == Version::NEXT => "in no release yet".to_string(),
        v if v > Version::SPOKEN => format!("from {}.{}.{}", v.0, v.1, v.2),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_in_a_block() {
        let rows = rows();
        assert!(rows.len() >= 700, "{}", rows.len());
        assert!(rows.iter().any(|r| r.name == Name::new(CLASS, "vrrp_instance", "virtual_router_id")));
    }
}
