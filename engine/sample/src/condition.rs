//! Conditions: groups of ACL tests, any group of which must hold as a whole.

use std::sync::Arc;

use rha_base::Scene;
use rha_ir::PatternSource;
use rha_vocab::Match;

use crate::cx::Cx;
use crate::expr::Expr;
use crate::names::{AclKey, Names, PlanError, Problem};
use crate::operand::Operand;
use crate::pattern::{Patterns, Style, key_lines, pattern_lines};

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// More data may decide it (content inspection); counts as no once none can come.
    Wait,
}

impl Verdict {
    /// Whether it is [`Verdict::Yes`].
    #[must_use]
    pub fn is_yes(self) -> bool {
        self == Verdict::Yes
    }

    fn negated_if(self, negated: bool) -> Verdict {
        match self {
            Verdict::Yes if negated => Verdict::No,
            Verdict::No if negated => Verdict::Yes,
            v => v,
        }
    }
}

/// A compiled condition.
#[derive(Debug)]
pub struct Condition {
    any: Box<[Box<[Term]>]>,
    unless: bool,
}

#[derive(Debug)]
enum Term {
    Named { acl: Arc<Acl>, negated: bool },
    Anonymous { test: Box<Test>, negated: bool },
}

/// A named ACL: any of its lines.
#[derive(Debug)]
pub(crate) struct Acl(Box<[Test]>);

#[derive(Debug)]
struct Test {
    expr: Expr,
    patterns: Held,
}

#[derive(Debug)]
enum Held {
    Own(Patterns),
    Shared(Arc<Patterns>),
}

impl Condition {
    /// Resolves a condition; named ACLs are compiled once per proxy and shared.
    ///
    /// # Errors
    /// As [`Expr::compile`], and patterns that do not fit their way of matching.
    pub fn compile(
        condition: &rha_ir::Condition,
        acls: &[rha_ir::Acl],
        names: &mut dyn Names,
    ) -> Result<Condition, PlanError> {
        let group = |terms: &Vec<rha_ir::Term>, names: &mut dyn Names| {
            terms.iter().map(|t| Term::plan(t, condition, acls, names)).collect::<Result<Box<[Term]>, _>>()
        };
        let any = condition.any.iter().map(|g| group(g, names)).collect::<Result<Box<[_]>, _>>()?;
        Ok(Condition { any, unless: condition.unless })
    }

    /// Evaluates; groups after one that holds, and tests after one that does not, are left out.
    #[must_use]
    pub fn holds(&self, scene: &dyn Scene) -> Verdict {
        let mut all = Verdict::No;
        for group in &self.any {
            match group_holds(group, scene) {
                Verdict::Yes => {
                    all = Verdict::Yes;
                    break;
                }
                Verdict::Wait => all = Verdict::Wait,
                Verdict::No => {}
            }
        }
        all.negated_if(self.unless)
    }
}

/// All of the ACLs with these names, `!` before one turning it round (`acl(...)`).
pub(crate) fn of_names(words: &[Vec<u8>], names: &mut dyn Names) -> Result<Condition, Problem> {
    let acls = names.acls().to_vec();
    let mut group = Vec::with_capacity(words.len());
    for word in words {
        let text = String::from_utf8_lossy(word);
        let (name, negated) = text.strip_prefix('!').map_or((&*text, false), |n| (n, true));
        let missing = || Problem::Missing(format!("ACL {name}"));
        let acl = acls.iter().find(|a| a.name == name).ok_or_else(missing)?;
        let acl = Acl::shared(acl, names).map_err(|e| e.what)?;
        group.push(Term::Named { acl, negated });
    }
    Ok(Condition { any: [group.into()].into(), unless: false })
}

fn group_holds(group: &[Term], scene: &dyn Scene) -> Verdict {
    let mut all = Verdict::Yes;
    for term in group {
        match term.holds(scene) {
            Verdict::No => return Verdict::No,
            Verdict::Wait => all = Verdict::Wait,
            Verdict::Yes => {}
        }
    }
    all
}

impl Term {
    fn plan(
        term: &rha_ir::Term,
        condition: &rha_ir::Condition,
        acls: &[rha_ir::Acl],
        names: &mut dyn Names,
    ) -> Result<Term, PlanError> {
        Ok(match term {
            rha_ir::Term::Named { acl, negated } => {
                let found = acls.get(*acl as usize);
                let missing = || Problem::Missing(format!("ACL {acl}")).at(condition.origin);
                Term::Named { acl: Acl::shared(found.ok_or_else(missing)?, names)?, negated: *negated }
            }
            rha_ir::Term::Anonymous { test, negated } => {
                Term::Anonymous { test: Box::new(Test::plan(test, names)?), negated: *negated }
            }
        })
    }

    fn holds(&self, scene: &dyn Scene) -> Verdict {
        match self {
            Term::Named { acl, negated } => acl.holds(scene).negated_if(*negated),
            Term::Anonymous { test, negated } => test.holds(scene).negated_if(*negated),
        }
    }
}

impl Acl {
    /// The compiled ACL, made on first use.
    pub(crate) fn shared(acl: &rha_ir::Acl, names: &mut dyn Names) -> Result<Arc<Acl>, PlanError> {
        let key = AclKey {
            proxy: names.current(),
            name: acl.name.clone(),
            first: acl.tests.first().map(|t| t.origin),
            tests: acl.tests.len(),
        };
        if let Some(found) = names.shared().acls.get(&key) {
            return Ok(Arc::clone(found));
        }
        let tests = acl.tests.iter().map(|t| Test::plan(t, names)).collect::<Result<Box<[_]>, _>>()?;
        let made = Arc::new(Acl(tests));
        names.shared().acls.insert(key, Arc::clone(&made));
        Ok(made)
    }

    fn holds(&self, scene: &dyn Scene) -> Verdict {
        let mut any = Verdict::No;
        for test in &self.0 {
            match test.holds(scene) {
                Verdict::Yes => return Verdict::Yes,
                Verdict::Wait => any = Verdict::Wait,
                Verdict::No => {}
            }
        }
        any
    }
}

impl Test {
    fn plan(test: &rha_ir::AclTest, names: &mut dyn Names) -> Result<Test, PlanError> {
        let expr = Expr::compile(&test.expr, names)?;
        let patterns = patterns(test, &expr, names).map_err(|p| p.at(test.origin))?;
        Ok(Test { expr, patterns })
    }

    /// COMPAT: occurrences are tried until one matches or none is left; a converter that fails ends the
    /// search, and an undecided value counts only if nothing matched.
    fn holds(&self, scene: &dyn Scene) -> Verdict {
        let mut cx = Cx::new(scene, true);
        loop {
            cx.more = false;
            let Some(value) = self.expr.run(&mut cx) else { break };
            let patterns = match &self.patterns {
                Held::Own(p) => p,
                Held::Shared(p) => p,
            };
            if patterns.find(value).is_some() {
                return Verdict::Yes;
            }
            if !cx.more {
                break;
            }
        }
        if cx.may_change { Verdict::Wait } else { Verdict::No }
    }
}

fn patterns(test: &rha_ir::AclTest, expr: &Expr, names: &mut dyn Names) -> Result<Held, Problem> {
    if let ("http_auth_group", Some(Operand::Users(list))) = (expr.name(), expr.operand(0)) {
        return Ok(Held::Own(group_members(test, list)));
    }
    let style = Style {
        method: test.method,
        ignore_case: test.ignore_case,
        longest: false,
        dotted: matches!(expr.name(), "req.ssl_ver" | "req_ssl_ver"),
    };
    match test.patterns.as_slice() {
        [PatternSource::Inline(text)] => build(style, [text.as_slice()].into_iter()).map(Held::Own),
        [one @ (PatternSource::File(path) | PatternSource::MapFile(path))] => {
            let is_map = matches!(one, PatternSource::MapFile(_));
            let key = (path.clone(), test.method, test.ignore_case, is_map);
            if let Some(found) = names.shared().files.get(&key) {
                return Ok(Held::Shared(Arc::clone(found)));
            }
            let file = read(path, names)?;
            let made = Arc::new(build(style, file_patterns(is_map, &file).into_iter())?);
            names.shared().files.insert(key, Arc::clone(&made));
            Ok(Held::Shared(made))
        }
        several => {
            let files: Result<Vec<Vec<u8>>, Problem> = several
                .iter()
                .map(|p| match p {
                    PatternSource::Inline(_) => Ok(Vec::new()),
                    PatternSource::File(path) | PatternSource::MapFile(path) => read(path, names),
                })
                .collect();
            let files = files?;
            let mut all: Vec<&[u8]> = Vec::new();
            for (p, file) in several.iter().zip(&files) {
                match p {
                    PatternSource::Inline(text) => all.push(text),
                    PatternSource::File(_) => all.extend(file_patterns(false, file)),
                    PatternSource::MapFile(_) => all.extend(file_patterns(true, file)),
                }
            }
            build(style, all.into_iter()).map(Held::Own)
        }
    }
}

fn build<'a>(style: Style, texts: impl ExactSizeIterator<Item = &'a [u8]>) -> Result<Patterns, Problem> {
    Patterns::build(style, texts).map_err(Problem::Pattern)
}

fn file_patterns(is_map: bool, file: &[u8]) -> Vec<&[u8]> {
    if is_map { key_lines(file).map(|l| l.key).collect() } else { pattern_lines(file).collect() }
}

pub(crate) fn read(path: &str, names: &dyn Names) -> Result<Vec<u8>, Problem> {
    names.read_file(path).map_err(|e| Problem::File(format!("failed to open pattern file <{path}> : {e}")))
}

/// The names of the users that are in one of the groups: what `http_auth_group` gives is a user name.
fn group_members(test: &rha_ir::AclTest, list: &rha_ir::UserList) -> Patterns {
    let groups: Vec<&[u8]> = test
        .patterns
        .iter()
        .filter_map(|p| match p {
            PatternSource::Inline(t) => Some(t.as_slice()),
            _ => None,
        })
        .collect();
    let member = |u: &&rha_ir::User| u.groups.iter().any(|g| groups.contains(&g.as_bytes()));
    let users: Vec<&[u8]> = list.users.iter().filter(member).map(|u| u.name.as_bytes()).collect();
    let style = Style { method: Match::Str, ignore_case: false, longest: false, dotted: false };
    Patterns::build(style, users.into_iter()).unwrap_or(Patterns::Int(Default::default()))
}
