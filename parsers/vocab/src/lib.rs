//! Row types of the keyword tables, and what every table can do: lookup, suggestions, support levels.
//!
//! The rows themselves live with the language they belong to (`parsers/haproxy`, `engine/sample`, …);
//! here is only their shape. From a row come parsing, argument checks, "did you mean", the `-dKall`
//! dump, the support matrix, completion and fuzz dictionaries: the one-place rule.
//!
//! Deliberately absent: any keyword.

mod checkpoint;
mod digest;
mod sample;
mod suggest;
mod version;

pub use checkpoint::Checkpoints;
pub use digest::Digest;
pub use sample::{AclSig, ArgKind, ArgShape, ConverterSig, FetchSig, Match, Needs, SampleType, SampleVocab};
pub use suggest::{Fingerprint, closest};
pub use version::{Dialect, Lifetime};

/// How far a keyword is built, and so how it is treated (`docs/architecture.md`, "What is not built yet").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Does what the original does.
    Full,
    /// Does what the original does but for what the note says.
    Partial(&'static str),
    /// Accepted silently: nothing a user could notice depends on it here.
    NoEffect(&'static str),
    /// The original's verdict at `-c`; a real start is refused with the reason.
    Refused(&'static str),
    /// The original's verdict at `-c`; a real start is refused, or warned about with `--allow-planned`.
    Planned,
}

impl Support {
    /// The word that matrices and JSON use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Support::Full => "full",
            Support::Partial(_) => "partial",
            Support::NoEffect(_) => "no-effect",
            Support::Refused(_) => "refused",
            Support::Planned => "planned",
        }
    }

    /// Whether a configuration using it may start.
    #[must_use]
    pub fn starts(self) -> bool {
        !matches!(self, Support::Refused(_) | Support::Planned)
    }
}
