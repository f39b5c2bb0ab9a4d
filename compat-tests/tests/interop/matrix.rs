//! A cross-section of the matrix: every variant once, every pair several times, all events.

use std::collections::BTreeSet;

use rha_compat_tests::Gaps;
use rha_compat_tests::interop::{ORACLE, PAIRS, Pair, VARIANTS, Variant, ids, judge, run_all, table};
use rha_compat_tests::lan::impossible;

/// The pair of each variant, besides the originals where packets are compared.
fn section() -> Vec<(&'static Variant, Pair)> {
    let [_, both, first, second] = PAIRS;
    let mut cases = Vec::new();
    for (name, pairs) in [
        ("v2-pass", &[second][..]),
        ("v2-ah", &[ORACLE, first]),
        ("v3-ipv4", &[ORACLE, both, first, second]),
        ("v3-ipv6", &[second]),
        ("unicast", &[first]),
        ("vmac", &[first]),
        ("sync-group", &[second]),
        ("nopreempt", &[first]),
        ("preempt-delay", &[second]),
    ] {
        cases.extend(pairs.iter().map(|p| (Variant::named(name), *p)));
    }
    cases
}

#[test]
fn pairs_agree_through_every_event() {
    rha_compat_tests::steadily(pairs_agree_through_every_event_once);
}

fn pairs_agree_through_every_event_once() {
    if impossible("the interop matrix").is_some() {
        return;
    }
    let outcomes = run_all(&section());
    let complaints = judge(&outcomes);
    assert!(complaints.is_empty(), "{}\n\n{}", complaints.join("\n\n"), table(&outcomes));
}

#[test]
fn the_cross_section_has_every_variant_and_pair() {
    rha_compat_tests::steadily(the_cross_section_has_every_variant_and_pair_once);
}

fn the_cross_section_has_every_variant_and_pair_once() {
    let cases = section();
    let variants: BTreeSet<_> = cases.iter().map(|(v, _)| v.name).collect();
    let pairs: BTreeSet<_> = cases.iter().map(|(_, p)| *p).collect();
    assert_eq!(variants.len(), VARIANTS.len());
    assert_eq!(pairs.len(), PAIRS.len());
}

#[test]
fn every_listed_gap_of_the_matrix_is_a_case_of_it() {
    rha_compat_tests::steadily(every_listed_gap_of_the_matrix_is_a_case_of_it_once);
}

fn every_listed_gap_of_the_matrix_is_a_case_of_it_once() {
    let all: BTreeSet<String> = ids().collect();
    for gap in Gaps::listed().gap.iter().filter(|g| g.id.starts_with("interop/")) {
        assert!(all.contains(&gap.id), "{}: there is no such case", gap.id);
    }
}
