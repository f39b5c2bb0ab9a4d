//! All rows, and finding one.

use std::sync::LazyLock;

use hashbrown::HashMap;

use crate::keyword::{Keyword, Place, Run};

/// Every table.
pub const TABLES: &[&[Keyword]] = &[
    LEXICAL,
    crate::global::ROWS,
    crate::bfd::ROWS,
    crate::vrrp::INSTANCE,
    crate::vrrp::GROUP,
    crate::vrrp::TRACKERS,
    crate::vrrp::ADDRESSES,
    crate::vrrp::ROUTES,
    crate::vrrp::RULES,
    crate::vrrp::OTHERS,
    crate::check::SERVERS,
    crate::check::CHECKERS,
];

use crate::rows::*;

/// What the reader itself understands.
const LEXICAL: &[Keyword] = &[
    Keyword::lexical("include FILE", "PATTERN", V1_1, "Reads other files in its place; none is fine."),
    Keyword::lexical(
        "includer|includem|includew|includeb|includea FILE",
        "PATTERN",
        V2_2,
        "Reads other files and insists on readable, matching, wildcard-matching, brace-matching ones, or on all of it.",
    ),
    Keyword::lexical("# and !", "", V1, "A comment up to the end of the line."),
    Keyword::lexical(
        "\"…\" and '…'",
        "",
        V1_3,
        "One word with blanks in it; the single kind for programs only.",
    ),
    Keyword::lexical("$NAME=VALUE", "", V1_3, "Defines a text."),
    Keyword::lexical("$NAME=…\\", "", V1_3, "Defines a text of several lines."),
    Keyword::lexical("$NAME", "", V1_3, "Puts a defined text in, at the end of a word."),
    Keyword::lexical("${NAME}", "", V1_3, "Puts a defined text in, anywhere."),
    Keyword::lexical("@ID line", "", V1_3, "Keeps a line for one configuration id."),
    Keyword::lexical("@^ID line", "", V1_3, "Keeps a line for all configuration ids but one."),
    Keyword::lexical(
        "~SEQ(VAR[,START[,STEP]],END) rest",
        "",
        V2_0,
        "Repeats the rest of the line with numbers.",
    ),
    Keyword::lexical("~SEQx(…)", "", V2_1, "The same with hexadecimal numbers."),
    Keyword::lexical(
        "~LST(VAR,v1,…) / ~LST({A,B},{1,2},…)",
        "",
        V2_1,
        "Repeats the rest of the line with values of a list.",
    ),
    Keyword::lexical("${_PWD}", "", V1_3, "Directory of the file being read."),
    Keyword::lexical("${_INSTANCE}", "", V1_3, "The configuration id."),
    Keyword::lexical("${_RANDOM [MIN [MAX]]}", "", V2_0, "A random number."),
    Keyword::lexical(
        "${_ENV VAR}",
        "",
        V2_4,
        "An environment variable, when version 2.4 or later is asked for.",
    ),
    Keyword::lexical("${_HASH} ${_BANG}", "", V2_1, "The characters that begin comments."),
    Keyword::lexical("{ }", "", V1, "A block."),
];

/// Rows that a line can begin with, by block and word.
static BY_NAME: LazyLock<HashMap<(u32, &'static str), &'static Keyword>> = LazyLock::new(|| {
    let mut map = HashMap::new();
    for row in rows().filter(|r| matches!(r.run, Run::With(_) | Run::Block { .. })) {
        for bit in (0..64).filter(|b| row.place.0 & (1 << b) != 0) {
            for name in row.name.split('|') {
                map.entry((bit, name)).or_insert(row);
            }
        }
    }
    map
});

/// All rows of all tables.
pub fn rows() -> impl Iterator<Item = &'static Keyword> {
    TABLES.iter().flat_map(|t| t.iter())
}

/// The row of a word in one block.
#[must_use]
pub fn find(block: Place, word: &str) -> Option<&'static Keyword> {
    BY_NAME.get(&(block.0.trailing_zeros(), word)).copied()
}

/// Words that may begin a line of a block.
pub fn names(block: Place) -> impl Iterator<Item = &'static str> {
    rows()
        .filter(move |r| r.place.meets(block) && matches!(r.run, Run::With(_) | Run::Block { .. }))
        .flat_map(|r| r.name.split('|'))
}

/// A row of that name in some other block.
#[must_use]
pub fn elsewhere(word: &str) -> Option<&'static Keyword> {
    rows().find(|r| matches!(r.run, Run::With(_) | Run::Block { .. }) && r.name.split('|').any(|n| n == word))
}

/// The row of a name as documents write it (`blackhole|unreachable`), in any block of a set.
#[must_use]
pub fn documented(block: Place, name: &str) -> Option<&'static Keyword> {
    rows().find(|r| {
        r.place.meets(block) && (r.name == name || name.split('|').all(|n| r.name.split('|').any(|o| o == n)))
    })
}
