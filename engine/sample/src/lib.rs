//! Sample fetches, converters, ACL matching, maps and log-format strings.
//!
//! ```text
//! rows (fetch/, convert/, acl_keyword) ──▶ vocab()          what the parser checks names and arguments with
//! ir::SampleExpr ──Expr::compile──▶ Expr ──eval(scene)──▶ Sampled
//! ir::Condition  ──Condition::compile──▶ Condition ──holds(scene)──▶ Verdict
//! ir::LogFormat  ──Format::compile──▶ Format ──write(scene)──▶ bytes
//! ```
//! Compiling resolves every name, file, regular expression and variable through [`Names`]; evaluating
//! sees nothing but a [`rha_base::Scene`] and allocates nothing for values that can be borrowed from it.
//!
//! Deliberately absent: sockets, clocks, files, random sources, the state of tables and servers. All of
//! it is asked of the scene. HAProxy configuration manual §7 and §8.2.6.

#![allow(
    clippy::ptr_arg,
    reason = "functions of rows share one signature, whichever of them grow the vector"
)]

mod acl_keyword;
mod cast;
mod condition;
mod convert;
mod crypt;
mod cx;
mod expr;
mod fetch;
mod format;
pub mod forwarded;
mod http;
mod map;
mod names;
mod operand;
mod pattern;
mod regex;
mod row;
mod vocab;

pub use condition::{Condition, Verdict};
pub use cx::Cx;
pub use expr::{Expr, Sampled};
pub use fetch::rdp_cookie_value;
pub use format::{Alias, Format, aliases, write_log_date};
pub use names::{Names, PlanError, Problem, Shared};
pub use regex::{Groups, Regex, expand};
pub use row::{Converter, Fetch};
pub use vocab::{
    CHECKPOINTS, available, converters, dump_acl, dump_converter, dump_line, fetches, vocab, vocab_for,
};
