//! From files to logical lines.
//!
//! [`copy`] reads files once, takes comments off and resolves `include`; [`lines`] turns what it kept
//! into logical lines, once per pass; [`skip`] counts braces in what a pass does not read. Everything that goes wrong is said at the place where the original
//! says it. Limits: [`LINE`] bytes a line, [`DEPTH`] files deep, [`REPLACEMENTS`] substitutions a line.

pub(crate) mod comment;
pub(crate) mod copy;
pub(crate) mod define;
pub(crate) mod glob;
pub(crate) mod lines;
pub(crate) mod quoted;
pub(crate) mod sequence;
pub(crate) mod shape;
pub(crate) mod skip;

use crate::log::Position;

pub(crate) use lines::Reader;

/// Longest line; what is longer is cut into several.
pub(crate) const LINE: usize = 1023;
/// Most files that may be open inside one another.
pub(crate) const DEPTH: usize = 64;
/// Most substitutions in one line, which ends `$A=$A`.
pub(crate) const REPLACEMENTS: usize = 10_000;
/// Most bytes that all lines of one pass may have, which ends a `~SEQ` without end.
pub(crate) const VOLUME: usize = 1 << 25;
/// Most files that may be opened in all, however often each is included.
pub(crate) const FILES: usize = 20_000;

/// A file being read, as messages name it.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    /// Name as written or found.
    pub name: String,
    /// Where it was read, to know it again.
    pub path: String,
    /// Whether messages say it.
    pub named: bool,
    /// Lines ended so far.
    pub line: u32,
    /// Directory its own includes start at.
    pub directory: String,
}

impl Open {
    /// Where we are in it.
    pub fn position(&self) -> Position {
        Position { file: self.name.clone(), line: self.line, named: self.named }
    }
}
