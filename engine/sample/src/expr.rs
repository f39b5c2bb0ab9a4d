//! Sample expressions: a fetch and the converters behind it.

use std::fmt;

use rha_base::{Scene, Value};
use rha_vocab::{SampleType, Support};

use crate::cast::cast;
use crate::cx::Cx;
use crate::names::{Names, PlanError, Problem};
use crate::operand::{Operand, resolve};
use crate::row::{Converter, Fetch};
use crate::vocab::{find_converter, find_fetch};

/// What evaluating gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Sampled<'a> {
    /// A value.
    Value(Value<'a>),
    /// None, and there will be none.
    None,
    /// None yet: more data may bring one (content inspection).
    Wait,
}

/// A compiled expression; 40 bytes and its arguments.
pub struct Expr {
    fetch: &'static Fetch,
    args: Box<[Operand]>,
    steps: Box<[Step]>,
}

/// One converter with its arguments.
struct Step {
    row: &'static Converter,
    args: Box<[Operand]>,
}

impl Expr {
    /// Resolves an expression.
    ///
    /// # Errors
    /// A name without a row or without a function behind it, an argument that names nothing, a file that
    /// cannot be read.
    pub fn compile(expr: &rha_ir::SampleExpr, names: &mut dyn Names) -> Result<Expr, PlanError> {
        Self::plan(expr, names).map_err(|p| p.at(expr.origin))
    }

    fn plan(expr: &rha_ir::SampleExpr, names: &mut dyn Names) -> Result<Expr, Problem> {
        let name = &*expr.fetch.name;
        let fetch = find_fetch(name).ok_or_else(|| Problem::Unknown(name.to_owned()))?;
        if fetch.eval.is_none() {
            return Err(Problem::NotBuilt(name.to_owned()));
        }
        let mut args = resolve(&expr.fetch.args, &fetch.sig.args, names)?;
        if let Some(prepare) = fetch.prepare {
            prepare(&mut args, names)?;
        }
        let steps: Result<Vec<Step>, Problem> =
            expr.converters.iter().map(|c| Step::plan(c, names)).collect();
        Ok(Expr { fetch, args: args.into(), steps: steps?.into() })
    }

    /// Evaluates once; of several occurrences the last one, as rules and logs want it.
    #[must_use]
    pub fn eval<'a>(&'a self, scene: &'a dyn Scene) -> Sampled<'a> {
        let mut cx = Cx::new(scene, false);
        match self.run(&mut cx) {
            Some(v) => Sampled::Value(v),
            None if cx.may_change => Sampled::Wait,
            None => Sampled::None,
        }
    }

    /// Evaluates to a value of a type; `None` also where the cast does not exist.
    #[must_use]
    pub fn eval_as<'a>(&'a self, scene: &'a dyn Scene, to: SampleType) -> Option<Value<'a>> {
        self.run(&mut Cx::new(scene, false)).and_then(|v| cast(v, to))
    }

    /// Evaluates as text, which every type can become.
    #[must_use]
    pub fn text<'a>(&'a self, scene: &'a dyn Scene) -> Option<std::borrow::Cow<'a, [u8]>> {
        self.run(&mut Cx::new(scene, false)).map(crate::cast::text)
    }

    /// The type the expression gives.
    #[must_use]
    pub fn output(&self) -> SampleType {
        let steps = self.steps.iter().map(|s| s.row.sig.output);
        steps.fold(self.fetch.sig.output, |t, o| if o == SampleType::Same { t } else { o })
    }

    /// The name of the fetch.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.fetch.sig.name
    }

    /// One occurrence, from where `cx` stands.
    pub(crate) fn run<'a>(&'a self, cx: &mut Cx<'a>) -> Option<Value<'a>> {
        cx.args = &self.args;
        let mut v = (self.fetch.eval?)(cx)?;
        for s in &self.steps {
            v = cast(v, s.row.sig.input)?;
            cx.args = &s.args;
            v = (s.row.eval?)(cx, v)?;
        }
        Some(v)
    }

    /// The operand of the fetch at `i`.
    pub(crate) fn operand(&self, i: usize) -> Option<&Operand> {
        self.args.get(i)
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.fetch.sig.name, self.args)?;
        self.steps.iter().try_for_each(|s| write!(f, ",{}{:?}", s.row.sig.name, s.args))
    }
}

impl Step {
    fn plan(call: &rha_ir::Call, names: &mut dyn Names) -> Result<Step, Problem> {
        let name = &*call.name;
        let row = find_converter(name).ok_or_else(|| Problem::Unknown(name.to_owned()))?;
        if row.eval.is_none() || matches!(row.sig.support, Support::Planned) {
            return Err(Problem::NotBuilt(name.to_owned()));
        }
        let mut args = resolve(&call.args, &row.sig.args, names)?;
        crate::convert::keep_flags(name, call, &mut args);
        if let Some(prepare) = row.prepare {
            prepare(&mut args, names)?;
        }
        Ok(Step { row, args: args.into() })
    }
}
