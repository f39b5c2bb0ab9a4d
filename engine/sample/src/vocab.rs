//! The rows as the parser, the dump and the documentation see them.

use std::fmt::Write;
use std::sync::LazyLock;

use rha_vocab::{AclSig, ArgKind, ArgShape, ConverterSig, Dialect, FetchSig, Needs, SampleVocab};

use crate::row::{Converter, Fetch};
use crate::{acl_keyword, convert, fetch};

/// The places of the `-dKsmp` table where a fetch may be used, in its order of columns.
pub const CHECKPOINTS: usize = 22;

/// The vocabulary of the default dialect, with the names of all others added.
#[must_use]
pub fn vocab() -> SampleVocab<'static> {
    VOCAB.vocab()
}

/// What exactly one dialect knows, in its shapes.
#[must_use]
pub fn vocab_for(dialect: Dialect) -> SampleVocab<'static> {
    match dialect {
        d if d < Dialect::V3_0 => EXACT[0].vocab(),
        d if d < Dialect::V3_5 => EXACT[1].vocab(),
        _ => EXACT[2].vocab(),
    }
}

/// All fetches; a name whose shape changed between versions has a row for each.
pub fn fetches() -> impl Iterator<Item = &'static Fetch> {
    fetch::TABLES.iter().flat_map(|t| t.iter())
}

/// All converters; a name whose shape changed between versions has a row for each.
pub fn converters() -> impl Iterator<Item = &'static Converter> {
    convert::TABLES.iter().flat_map(|t| t.iter())
}

/// The checkpoints where a fetch with these needs may be used, as a set of column numbers.
#[must_use]
pub fn available(needs: Needs, dialect: Dialect) -> u32 {
    needs.checkpoints_in(dialect).0
}

/// A row as `-dKsmp` prints it.
#[must_use]
pub fn dump_line(sig: &FetchSig, dialect: Dialect) -> String {
    let places = available(sig.needs, dialect);
    let mut out = String::from("[ ");
    for i in 0..CHECKPOINTS {
        out.push_str(if places & (1 << i) != 0 { "Y " } else { ". " });
    }
    let _ = write!(out, "] {}{}: {}", sig.name, dump_args(&sig.args), sig.output.word());
    out
}

/// A row as `-dKcnv` prints it.
#[must_use]
pub fn dump_converter(sig: &ConverterSig) -> String {
    format!("{}{}: {} => {}", sig.name, dump_args(&sig.args), sig.output.word(), sig.input.word())
}

/// A row as `-dKacl` prints it.
#[must_use]
pub fn dump_acl(sig: &AclSig) -> String {
    let word = rha_vocab::Match::ALL.iter().find(|(m, _)| *m == sig.method).map_or("", |(_, w)| w);
    format!("{} = {} -m {word}", sig.name, sig.fetch)
}

/// The row behind a name: the default dialect's if it knows the name, the nearest one otherwise.
pub(crate) fn find_fetch(name: &str) -> Option<&'static Fetch> {
    let i = VOCAB.fetches.binary_search_by(|f| f.sig.name.cmp(name)).ok()?;
    VOCAB.fetches.get(i).copied()
}

/// As [`find_fetch`].
pub(crate) fn find_converter(name: &str) -> Option<&'static Converter> {
    let i = VOCAB.converters.binary_search_by(|f| f.sig.name.cmp(name)).ok()?;
    VOCAB.converters.get(i).copied()
}

struct Index {
    fetches: Vec<&'static Fetch>,
    converters: Vec<&'static Converter>,
    fetch_sigs: Vec<&'static FetchSig>,
    converter_sigs: Vec<&'static ConverterSig>,
    acls: Vec<&'static AclSig>,
}

static VOCAB: LazyLock<Index> = LazyLock::new(|| Index::build(None));
static EXACT: LazyLock<[Index; 3]> =
    LazyLock::new(|| [Dialect::V2_6, Dialect::V3_0, Dialect::V3_5].map(|d| Index::build(Some(d))));

impl Index {
    fn build(exact: Option<Dialect>) -> Index {
        let known = |l: rha_vocab::Lifetime| exact.is_none_or(|d| l.covers(d));
        let mut fetches: Vec<_> = fetches().filter(|f| known(f.sig.lifetime)).collect();
        fetches.sort_by_key(|f| (f.sig.name, rank(f.sig.lifetime)));
        fetches.dedup_by_key(|f| f.sig.name);
        let mut converters: Vec<_> = converters().filter(|c| known(c.sig.lifetime)).collect();
        converters.sort_by_key(|c| (c.sig.name, rank(c.sig.lifetime)));
        converters.dedup_by_key(|c| c.sig.name);
        Index {
            fetch_sigs: fetches.iter().map(|f| &f.sig).collect(),
            converter_sigs: converters.iter().map(|c| &c.sig).collect(),
            acls: acl_keyword::ROWS.iter().filter(|a| known(a.lifetime)).collect(),
            fetches,
            converters,
        }
    }

    fn vocab(&'static self) -> SampleVocab<'static> {
        SampleVocab { fetches: &self.fetch_sigs, converters: &self.converter_sigs, acls: &self.acls }
    }
}

/// Of several rows with one name, the one to show first.
fn rank(l: rha_vocab::Lifetime) -> u8 {
    if l.covers(Dialect::default()) { 0 } else { u8::from(!l.covers(Dialect::V3_5)) + 1 }
}

fn dump_args(shape: &ArgShape) -> String {
    if shape.kinds.is_empty() {
        return String::new();
    }
    let mut out = String::from("(");
    for (i, k) in shape.kinds.iter().enumerate() {
        let optional = i == usize::from(shape.mandatory);
        out.push_str(match (optional, i) {
            (true, _) if i == 0 => "[",
            (true, _) => "[,",
            (false, 0) => "",
            (false, _) => ",",
        });
        out.push_str(arg_word(*k));
    }
    if shape.kinds.len() > usize::from(shape.mandatory) {
        out.push(']');
    }
    out.push(')');
    out
}

/// The word of the dumps; files, variables and words of a set are strings there.
fn arg_word(kind: ArgKind) -> &'static str {
    match kind {
        ArgKind::Sint => "integer",
        ArgKind::Str | ArgKind::Id | ArgKind::Map | ArgKind::Var | ArgKind::Other => "string",
        ArgKind::Ipv4 => "IPv4 address",
        ArgKind::Msk4 => "IPv4 mask",
        ArgKind::Ipv6 => "IPv6 address",
        ArgKind::Msk6 => "IPv6 mask",
        ArgKind::Time => "delay",
        ArgKind::Size => "size",
        ArgKind::Frontend => "frontend",
        ArgKind::Backend => "backend",
        ArgKind::Table => "table",
        ArgKind::Server => "server",
        ArgKind::UserList => "user list",
        ArgKind::Regex => "regex",
        ArgKind::PbufFnum => "Protocol buffers field number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! dump {
        ($kind:literal, $version:literal) => {
            include_str!(concat!("../tests/fixtures/", $kind, "-", $version, ".txt"))
        };
    }

    fn differences(ours: &[String], theirs: &str) -> Vec<String> {
        let mut theirs: Vec<&str> = theirs.lines().collect();
        theirs.sort_unstable();
        let mut ours: Vec<&str> = ours.iter().map(String::as_str).collect();
        ours.sort_unstable();
        let missing = theirs.iter().filter(|l| ours.binary_search(l).is_err()).map(|l| format!("-{l}"));
        let extra = ours.iter().filter(|l| theirs.binary_search(l).is_err()).map(|l| format!("+{l}"));
        missing.chain(extra).collect()
    }

    #[test]
    fn the_dump_is_the_originals() {
        let dumps = [
            (Dialect::V2_6, dump!("smp", "2.6"), dump!("cnv", "2.6"), dump!("acl", "2.6")),
            (Dialect::V3_0, dump!("smp", "3.0"), dump!("cnv", "3.0"), dump!("acl", "3.0")),
            (Dialect::V3_5, dump!("smp", "3.5"), dump!("cnv", "3.5"), dump!("acl", "3.5")),
        ];
        for (d, smp, cnv, acl) in dumps {
            let v = vocab_for(d);
            let ours: Vec<String> = v.fetches.iter().map(|f| dump_line(f, d)).collect();
            assert_eq!(differences(&ours, smp), Vec::<String>::new(), "fetches of {d}");
            let ours: Vec<String> = v.converters.iter().map(|c| dump_converter(c)).collect();
            assert_eq!(differences(&ours, cnv), Vec::<String>::new(), "converters of {d}");
            let ours: Vec<String> = v.acls.iter().map(|a| dump_acl(a)).collect();
            assert_eq!(differences(&ours, acl), Vec::<String>::new(), "ACL keywords of {d}");
        }
    }

    #[test]
    fn all_names_are_found_and_documented() {
        let v = vocab();
        assert_eq!((v.fetches.len(), v.converters.len(), v.acls.len()), (563, 209, 77));
        for f in v.fetches {
            assert_eq!(v.fetch(f.name).map(|g| g.name), Some(f.name));
            assert!(f.doc.ends_with('.') && f.doc.len() > 8, "{}", f.name);
        }
        for c in v.converters {
            assert_eq!(v.converter(c.name).map(|g| g.name), Some(c.name));
            assert!(c.doc.ends_with('.') && c.doc.len() > 8, "{}", c.name);
        }
        assert!(v.acls.iter().all(|a| v.fetch(a.fetch).is_some() && v.acl(a.name).is_some()));
    }
}
