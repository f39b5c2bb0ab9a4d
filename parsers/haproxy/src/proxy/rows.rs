//! Short ways to write rows, and the joining of the tables of this folder into one.

use rha_vocab::{Lifetime, Support};

use crate::{Cx, Keyword, Line, Parse, Place};

/// A row that is fully built and known to every version.
pub const fn row(
    name: &'static str,
    place: Place,
    usage: &'static str,
    doc: &'static str,
    parse: fn(&mut Cx<'_>, &Line),
) -> Keyword {
    Keyword {
        name,
        place,
        usage,
        lifetime: Lifetime::ALWAYS,
        support: Support::Full,
        doc,
        parse: Parse::With(parse),
    }
}

/// The same, not built yet.
pub const fn planned(
    name: &'static str,
    place: Place,
    usage: &'static str,
    doc: &'static str,
    parse: fn(&mut Cx<'_>, &Line),
) -> Keyword {
    with(Support::Planned, row(name, place, usage, doc, parse))
}

/// The same row at another level of support.
pub const fn with(support: Support, row: Keyword) -> Keyword {
    Keyword { support, ..row }
}

/// The same row, known to some versions only.
pub const fn known(lifetime: Lifetime, row: Keyword) -> Keyword {
    Keyword { lifetime, ..row }
}

/// A keyword of older versions.
pub const fn removed(name: &'static str, doc: &'static str, answer: fn(&Line) -> String) -> Keyword {
    Keyword {
        name,
        place: Place::PROXY,
        usage: "",
        lifetime: Lifetime::ALWAYS,
        support: Support::Full,
        doc,
        parse: Parse::Removed(answer),
    }
}

/// How many rows there are.
pub const fn count(parts: &[&[Keyword]]) -> usize {
    let (mut n, mut i) = (0, 0);
    while i < parts.len() {
        n += parts[i].len();
        i += 1;
    }
    n
}

/// All rows in one array.
pub const fn concat<const N: usize>(parts: &[&[Keyword]]) -> [Keyword; N] {
    let mut out = [parts[0][0]; N];
    let (mut n, mut i) = (0, 0);
    while i < parts.len() {
        let mut j = 0;
        while j < parts[i].len() {
            out[n] = parts[i][j];
            n += 1;
            j += 1;
        }
        i += 1;
    }
    out
}
