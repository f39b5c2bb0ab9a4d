//! Everything the three configuration languages share before any of them has a meaning:
//! source files, spans, the environment as a value, diagnostics as plain data, and their renderers.
//!
//! Deliberately absent: any keyword, any grammar, and any reading of `std::env` or of the file system
//! outside [`DiskFiles`]. A parser is a pure function of the [`Files`] and the [`Env`] it is given.

mod diagnostic;
mod env;
mod files;
pub mod render;

pub use diagnostic::{DIAG, Diagnostic, Fix, Label, Native, Severity};
pub use env::Env;
pub use files::{DiskFiles, FileId, Files, Listing, MemoryFiles, Source, Sources, Span};
