//! The rows of every keyword table, in one form: what `coverage` counts and `docs` prints.

use rha_vocab::Support;

use crate::names::Name;

/// One row, whatever table it comes from.
pub struct Row {
    /// Class, context and name as `names-3.5.tsv` has them.
    pub name: Name,
    /// Arguments in the manual's notation.
    pub usage: String,
    /// Versions that know it, `2.8 –` and the like; empty for all.
    pub versions: String,
    /// How far it is built.
    pub support: Support,
    /// One sentence.
    pub doc: String,
}

/// All rows, table after table.
pub fn all() -> Vec<Row> {
    Vec::new()
}
