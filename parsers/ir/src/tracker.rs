//! What a failover decision looks at.

use rha_text::Span;

/// Kind of thing watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackerKind {
    /// Interface state.
    Interface(String),
    /// Exit code of a command.
    Script(String),
    /// Presence of processes.
    Process(String),
    /// Number in a file.
    File(String),
    /// BFD session.
    Bfd(String),
    /// Servers of a [`crate::Service`].
    Service(String),
}

/// A watched thing and its weight on a priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracker {
    /// Name.
    pub name: String,
    /// What.
    pub kind: TrackerKind,
    /// Added to the priority while up (positive) or down (negative); 0 means "fault when down".
    pub weight: i32,
    /// Where it was written.
    pub origin: Span,
}
