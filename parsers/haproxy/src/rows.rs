//! Joining slices of rows into one, at compile time.

use rha_vocab::{Lifetime, Support};

use crate::{Keyword, Parse, Place};

/// Rows in all parts together.
#[must_use]
pub const fn count(parts: &[&[Keyword]]) -> usize {
    let mut total = 0;
    let mut i = 0;
    while i < parts.len() {
        total += parts[i].len();
        i += 1;
    }
    total
}

/// The parts one after another; `N` is their [`count`].
#[must_use]
pub const fn concat<const N: usize>(parts: &[&[Keyword]]) -> [Keyword; N] {
    let blank = Keyword {
        name: "",
        place: Place::OUTSIDE,
        usage: "",
        lifetime: Lifetime::ALWAYS,
        support: Support::Planned,
        doc: "",
        parse: Parse::Removed(never),
    };
    let mut out = [blank; N];
    let (mut i, mut n) = (0, 0);
    while i < parts.len() {
        let mut k = 0;
        while k < parts[i].len() {
            out[n] = parts[i][k];
            n += 1;
            k += 1;
        }
        i += 1;
    }
    out
}

fn never(_: &crate::Line) -> String {
    String::new()
}
