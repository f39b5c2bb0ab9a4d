//! The row types: a signature for the parser, a function for the engine.
//!
//! Rows are written with [`fetch`] and [`convert`] and completed by builder calls: a row without a
//! function is `Planned`, `eval` makes it `Full`, `partly` makes it `Partial` with what is missing.

use rha_base::Value;
use rha_vocab::{ArgKind, ArgShape, ConverterSig, FetchSig, Lifetime, Needs, SampleType, Support};

use crate::cx::Cx;
use crate::names::{Names, Problem};
use crate::operand::Operand;

/// Evaluates a fetch; `None` with [`Cx::wait`] called means "not yet".
pub(crate) type FetchFn = for<'a> fn(&mut Cx<'a>) -> Option<Value<'a>>;
/// Applies a converter to a value already cast to its input type.
pub(crate) type ConvertFn = for<'a> fn(&mut Cx<'a>, Value<'a>) -> Option<Value<'a>>;
/// Completes operands after the general resolution by kind: reads a map, compiles a path.
pub(crate) type Prepare = fn(&mut Vec<Operand>, &mut dyn Names) -> Result<(), Problem>;

/// A sample fetch: signature and function.
pub struct Fetch {
    /// What the parser, documentation and the `-dKsmp` dump need.
    pub sig: FetchSig,
    pub(crate) eval: Option<FetchFn>,
    pub(crate) prepare: Option<Prepare>,
}

/// A converter: signature and function.
pub struct Converter {
    /// What the parser, documentation and the `-dKcnv` dump need.
    pub sig: ConverterSig,
    pub(crate) eval: Option<ConvertFn>,
    pub(crate) prepare: Option<Prepare>,
}

/// No arguments.
pub(crate) const NONE: ArgShape = ArgShape::NONE;
/// Known to every version.
pub(crate) const ALWAYS: Lifetime = Lifetime::ALWAYS;

/// Arguments, the first `mandatory` of them required.
pub(crate) const fn args(mandatory: u8, kinds: &'static [ArgKind]) -> ArgShape {
    ArgShape { mandatory, kinds }
}

/// A fetch that is not built.
pub(crate) const fn fetch(
    name: &'static str,
    args: ArgShape,
    output: SampleType,
    needs: Needs,
    lifetime: Lifetime,
    doc: &'static str,
) -> Fetch {
    let sig = FetchSig { name, args, output, needs, lifetime, support: Support::Planned, doc };
    Fetch { sig, eval: None, prepare: None }
}

/// A converter that is not built.
pub(crate) const fn convert(
    name: &'static str,
    args: ArgShape,
    input: SampleType,
    output: SampleType,
    lifetime: Lifetime,
    doc: &'static str,
) -> Converter {
    let sig = ConverterSig { name, args, input, output, lifetime, support: Support::Planned, doc };
    Converter { sig, eval: None, prepare: None }
}

impl Fetch {
    /// Built completely by `f`.
    pub(crate) const fn eval(mut self, f: FetchFn) -> Fetch {
        self.eval = Some(f);
        self.sig.support = Support::Full;
        self
    }

    /// Built by `f` but for what the note says.
    pub(crate) const fn partly(mut self, f: FetchFn, note: &'static str) -> Fetch {
        self.eval = Some(f);
        self.sig.support = Support::Partial(note);
        self
    }

    /// Built by `f` over a fact that the engine does not keep yet, so that it stays `Planned`.
    pub(crate) const fn unfed(mut self, f: FetchFn) -> Fetch {
        self.eval = Some(f);
        self
    }

    /// Operands completed by `f` when the plan is built.
    pub(crate) const fn prepare(mut self, f: Prepare) -> Fetch {
        self.prepare = Some(f);
        self
    }
}

impl Converter {
    /// Built completely by `f`.
    pub(crate) const fn eval(mut self, f: ConvertFn) -> Converter {
        self.eval = Some(f);
        self.sig.support = Support::Full;
        self
    }

    /// Operands completed by `f` when the plan is built.
    pub(crate) const fn prepare(mut self, f: Prepare) -> Converter {
        self.prepare = Some(f);
        self
    }
}
