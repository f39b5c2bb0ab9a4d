//! Every keyword of keepalived has a row, and every row is fit to be shown.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use rha_keepalived::{Place, Run, tables};

/// `block<TAB>keyword` of every keyword, entry and option of versions up to 2.4.3.
fn names() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keepalived/keywords.txt");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_keyword_has_a_row() {
    let names = names();
    let pairs: Vec<(&str, &str)> = names.lines().filter_map(|l| l.split_once('\t')).collect();
    assert!(pairs.len() >= 787, "{} names", pairs.len());
    let missing: Vec<String> = pairs
        .iter()
        .filter(|(block, name)| Place::named(block).and_then(|p| tables::documented(p, name)).is_none())
        .map(|(block, name)| format!("{block}: {name}"))
        .collect();
    assert!(missing.is_empty(), "{} missing:\n{}", missing.len(), missing.join("\n"));
}

#[test]
fn rows_are_documented_and_unique() {
    let mut seen = BTreeSet::new();
    for row in tables::rows() {
        assert!(row.doc.ends_with('.') && row.doc.len() > 4, "{}: {}", row.name, row.doc);
        assert!(row.place.0 != 0, "{}", row.name);
        if matches!(row.run, Run::PartOf(_) | Run::Lexical) {
            continue;
        }
        for bit in (0..64).filter(|b| row.place.0 & (1 << b) != 0) {
            for name in row.name.split('|') {
                assert!(seen.insert((bit, name)), "{name} twice in {}", Place(1 << bit).name());
            }
        }
    }
    assert!(seen.len() > 400, "{}", seen.len());
}

#[test]
fn blocks_are_found_by_the_names_documents_use() {
    for name in Place::NAMES {
        assert_eq!(Place::named(name).map(Place::name), Some(name));
    }
    assert_eq!(Place::named("vrrp_sync_group/track_bfd"), Place::named("vrrp_instance/track_script"));
}
