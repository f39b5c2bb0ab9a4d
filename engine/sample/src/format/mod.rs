//! Log-format strings: literal text, aliases and expressions. HAProxy configuration manual §8.2.6.
//!
//! COMPAT: `-` stands for an empty field only under the flag `M`, which `log-format` sets for itself and
//! rules do not; what comes from a peer in aliases is escaped as `#XX`, in rules that write into a message
//! ([`Format::compile_for_http`]) as `%XX`.

mod alias;
mod date;
mod write;

use rha_base::Scene;
use rha_ir::{LogFlags, LogNode};

use crate::expr::Expr;
use crate::names::{Names, PlanError, Problem};
use write::Writer;

pub use alias::Alias;
use alias::Form;
pub(crate) use date::{Date, two, write_offset};

/// All aliases.
#[must_use]
pub fn aliases() -> &'static [Alias] {
    alias::ALIASES
}

/// A compiled log-format string.
#[derive(Debug)]
pub struct Format {
    nodes: Box<[Node]>,
    for_http: bool,
}

#[derive(Debug)]
enum Node {
    Text(Box<[u8]>),
    Alias(Form, LogFlags),
    Sample(Expr, LogFlags),
}

impl Format {
    /// Resolves a format for a log line, a body or a variable.
    ///
    /// # Errors
    /// As [`Expr::compile`]; JSON and CBOR encoding are not built yet.
    pub fn compile(format: &rha_ir::LogFormat, names: &mut dyn Names) -> Result<Format, PlanError> {
        let mut nodes: Vec<Node> = Vec::new();
        let mut text: Vec<u8> = Vec::new();
        for n in &format.nodes {
            let next = match n {
                LogNode::Text(t) => {
                    text.extend_from_slice(t);
                    continue;
                }
                LogNode::Separator => {
                    text.push(b' ');
                    continue;
                }
                LogNode::Sample { expr, flags, .. } => {
                    built(*flags).map_err(|p| p.at(expr.origin))?;
                    Node::Sample(Expr::compile(expr, names)?, *flags)
                }
                LogNode::Alias { alias, flags, .. } => {
                    built(*flags).map_err(|p| p.at(format.origin))?;
                    let found = alias::find(alias);
                    let unknown = || Problem::Unknown(format!("%{alias}")).at(format.origin);
                    Node::Alias(found.ok_or_else(unknown)?.form, *flags)
                }
            };
            flush(&mut text, &mut nodes);
            nodes.push(next);
        }
        flush(&mut text, &mut nodes);
        Ok(Format { nodes: nodes.into(), for_http: false })
    }

    /// Resolves a format whose text goes into a message (headers, targets, redirects, bodies of replies):
    /// control characters other than tabs that expressions give are written as `%XX`.
    ///
    /// # Errors
    /// As [`Format::compile`].
    pub fn compile_for_http(format: &rha_ir::LogFormat, names: &mut dyn Names) -> Result<Format, PlanError> {
        Self::compile(format, names).map(|f| Format { for_http: true, ..f })
    }

    /// The text, if nothing in it is variable.
    #[must_use]
    pub fn literal(&self) -> Option<&[u8]> {
        match &*self.nodes {
            [] => Some(b""),
            [Node::Text(t)] => Some(t),
            _ => None,
        }
    }

    /// Appends the text.
    pub fn write(&self, scene: &dyn Scene, out: &mut Vec<u8>) {
        let mut w = Writer { scene, out };
        for n in &self.nodes {
            match n {
                Node::Text(t) => w.out.extend_from_slice(t),
                Node::Alias(form, flags) => w.alias(*form, *flags),
                Node::Sample(expr, _) if self.for_http => w.head_sample(expr),
                Node::Sample(expr, flags) => w.sample(expr, *flags),
            }
        }
    }
}

/// Appends a date as log lines have it, `20/Nov/2026:12:07:13.144`: microseconds since 1970 and the time zone's
/// offset.
pub fn write_log_date(wall_us: i64, offset_s: i32, out: &mut Vec<u8>) {
    date::write_clf_of(wall_us.div_euclid(1_000_000) + i64::from(offset_s), out);
    let ms = wall_us.rem_euclid(1_000_000) / 1000;
    out.extend_from_slice(format!(".{ms:03}").as_bytes());
}

fn built(flags: LogFlags) -> Result<(), Problem> {
    if flags.json || flags.cbor {
        return Err(Problem::NotBuilt("log encoding".to_owned()));
    }
    Ok(())
}

fn flush(text: &mut Vec<u8>, nodes: &mut Vec<Node>) {
    if !text.is_empty() {
        nodes.push(Node::Text(std::mem::take(text).into()));
    }
}
