//! Which sample types turn into which, and what type an expression ends with.
//!
//! HAProxy configuration manual §7.1, table of casts. COMPAT: before 3.0 an unspecific address turned
//! into nothing, and a converter without a type of its own gave "any".

use rha_ir::SampleExpr;
use rha_vocab::{Dialect, SampleType, SampleVocab};

/// How one type becomes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// It does not.
    Impossible,
    /// It is one already.
    Free,
    /// By a conversion.
    Converted,
}

/// How `from` becomes `to`.
#[must_use]
pub fn cast(dialect: Dialect, from: SampleType, to: SampleType) -> Cast {
    use SampleType::*;
    let old = dialect < Dialect::V3_0;
    match (from, to) {
        (Same, _) | (_, Same) => Cast::Impossible,
        (_, Any) => Cast::Free,
        (Any, _) if old => Cast::Free,
        (Any, _) => Cast::Converted,
        (Addr, _) if old => Cast::Impossible,
        (Addr, Addr | Ipv4 | Ipv6 | Str | Bin) => Cast::Converted,
        (Bool, Bool | Sint) | (Sint, Bool | Sint) => Cast::Free,
        (Bool | Sint, Str | Bin) | (Sint, Addr | Ipv4 | Ipv6) => Cast::Converted,
        (Ipv4, Addr | Ipv4) | (Ipv6, Addr | Ipv6) => Cast::Free,
        (Ipv4, Sint | Ipv6 | Str | Bin) | (Ipv6, Ipv4 | Str | Bin) => Cast::Converted,
        (Str, Str | Bin) | (Bin, Bin) | (Meth, Meth) => Cast::Free,
        (Str, Bool | Sint | Addr | Ipv4 | Ipv6 | Meth) | (Bin, Str | Meth) | (Meth, Str | Bin) => {
            Cast::Converted
        }
        _ => Cast::Impossible,
    }
}

/// Whether `from` can be used where `to` is wanted.
#[must_use]
pub fn can_cast(dialect: Dialect, from: SampleType, to: SampleType) -> bool {
    cast(dialect, from, to) != Cast::Impossible
}

/// The type after a converter, given the type before it.
#[must_use]
pub fn after(dialect: Dialect, before: SampleType, input: SampleType, output: SampleType) -> SampleType {
    match output {
        SampleType::Same if dialect < Dialect::V3_0 => SampleType::Any,
        SampleType::Same if cast(dialect, before, input) != Cast::Free => input,
        SampleType::Same => before,
        other => other,
    }
}

/// The type an expression gives, as far as it is known when the file is read.
#[must_use]
pub fn output_type(samples: &SampleVocab<'_>, dialect: Dialect, expr: &SampleExpr) -> SampleType {
    let first = samples.fetch(&expr.fetch.name).map_or(SampleType::Any, |f| f.output);
    expr.converters
        .iter()
        .filter_map(|c| samples.converter(&c.name))
        .fold(first, |t, c| after(dialect, t, c.input, c.output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_do_not_become_methods() {
        use SampleType::*;
        for (from, to, want) in [
            (Str, Sint, true),
            (Bool, Addr, false),
            (Ipv4, Sint, true),
            (Ipv6, Sint, false),
            (Bin, Meth, true),
            (Bin, Sint, false),
            (Addr, Str, true),
            (Meth, Str, true),
        ] {
            assert_eq!(can_cast(Dialect::V3_0, from, to), want, "{from:?} {to:?}");
        }
        assert!(!can_cast(Dialect::V2_6, Addr, Str));
    }
}
