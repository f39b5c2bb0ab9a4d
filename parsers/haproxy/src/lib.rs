//! HAProxy's configuration language.
//!
//! ```text
//! bytes ──read/──▶ Line (words with spans, variables expanded, .if resolved)
//!       ──keyword tables──▶ section parsers (global/, proxy/, rules/, other/) ──▶ ir::Model
//!       ──check/──▶ names resolved, proxies cross-checked, "missing timeouts" and the like
//! ```
//! Lines are read and parsed one after another, not in two passes, because `setenv` and `.if` make the
//! reading of a line depend on what the lines before it did, and because messages of both stages must
//! come out in the original's order.
//!
//! Deliberately absent: any running state, any reading of the process's own environment or clock, and
//! printing. [`parse`] is a pure function of its [`Input`].

pub mod cx;
pub mod drive;
pub mod dump;
pub mod expr;
pub mod features;
pub mod global;
pub mod keyword;
pub mod line;
pub mod log_target;
pub mod other;
pub mod predefined;
pub mod proxy;
pub mod read;
mod rows;
pub mod rules;
pub mod tables;
pub mod units;

pub use cx::{Cx, Input, Parsed, SupportNote, any_descriptor};
pub use drive::parse;
pub use keyword::{Form, Keyword, Parse, Place};
pub use line::{Line, Word};
