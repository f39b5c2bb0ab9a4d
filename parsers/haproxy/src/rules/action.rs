//! What an action is: its rule set, its row, and the reading position while its arguments are read.

use rha_ir::{Action, LogFormat, SampleExpr};
use rha_text::Span;
use rha_vocab::{Checkpoints, Dialect, Fingerprint, Lifetime, Needs, Support};

use super::rows::ACTIONS;
use super::{RuleCheck, RuleCheckKind, sides};
use crate::Cx;
use crate::expr::{ArgContext, Args, LogSite, log_format_text, sample_text};

/// A rule set. In the order their rules are checked after the last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the keyword of that name")]
pub enum Set {
    QuicInitial,
    TcpConnection,
    TcpSession,
    TcpRequest,
    TcpResponse,
    HttpRequest,
    HttpResponse,
    HttpAfterResponse,
}

impl Set {
    /// Where its rules are evaluated, in a proxy with these sides.
    #[must_use]
    pub fn points(self, front: bool, back: bool) -> Checkpoints {
        let (f, b) = match self {
            Set::HttpRequest => (Checkpoints::FRONT_REQUEST_HEADERS, Checkpoints::BACK_REQUEST_HEADERS),
            Set::HttpResponse | Set::HttpAfterResponse => {
                (Checkpoints::FRONT_RESPONSE_HEADERS, Checkpoints::BACK_RESPONSE_HEADERS)
            }
            Set::TcpConnection => return Checkpoints::FRONT_CONNECTION,
            Set::TcpSession => return Checkpoints::FRONT_SESSION,
            Set::TcpRequest => (Checkpoints::FRONT_REQUEST_CONTENT, Checkpoints::BACK_REQUEST_CONTENT),
            Set::TcpResponse => (Checkpoints::FRONT_RESPONSE_CONTENT, Checkpoints::BACK_RESPONSE_CONTENT),
            Set::QuicInitial => return Checkpoints::FRONT_CONNECTION,
        };
        let pick = |on: bool, c: Checkpoints| if on { c } else { Checkpoints::NONE };
        pick(front, f).or(pick(back, b))
    }

    /// For the messages about names in its expressions.
    #[must_use]
    pub fn context(self) -> ArgContext {
        match self {
            Set::HttpRequest => ArgContext::HttpRequest,
            Set::HttpResponse | Set::HttpAfterResponse => ArgContext::HttpResponse,
            Set::TcpConnection | Set::QuicInitial => ArgContext::TcpConnection,
            Set::TcpSession => ArgContext::TcpSession,
            Set::TcpRequest => ArgContext::TcpRequest,
            Set::TcpResponse => ArgContext::TcpResponse,
        }
    }

    /// Whether it is a set of HTTP responses.
    #[must_use]
    pub fn is_http_response(self) -> bool {
        matches!(self, Set::HttpResponse | Set::HttpAfterResponse)
    }
}

/// Reads an action's arguments; the error is the original's words.
pub type ReadAction = fn(&mut Reading<'_, '_, '_>) -> Result<Action, String>;

/// One action of one rule set.
#[derive(Clone, Copy)]
pub struct ActionRow {
    /// The rule set.
    pub set: Set,
    /// Name.
    pub name: &'static str,
    /// Position in the lists of messages: 2.6, 3.0, 3.5.
    pub order: [u8; 3],
    /// Whether anything may follow the name in the same word, `set-var(txn.x)`.
    pub prefix: bool,
    /// Versions that know it.
    pub lifetime: Lifetime,
    /// How far it is built.
    pub support: Support,
    /// Its arguments.
    pub read: ReadAction,
}

/// The row an action's word names: the whole word, or the longest prefix that allows more.
#[must_use]
pub fn find(set: Set, dialect: Dialect, word: &[u8]) -> Option<&'static ActionRow> {
    let mut best: Option<&ActionRow> = None;
    for row in ACTIONS.iter().filter(|a| a.set == set && a.lifetime.covers(dialect)) {
        if row.name.as_bytes() == word {
            return Some(row);
        }
        let longer = best.is_none_or(|b| row.name.len() > b.name.len());
        if row.prefix && longer && word.starts_with(row.name.as_bytes()) {
            best = Some(row);
        }
    }
    best
}

/// The rows of a set in the order the version lists them.
fn listed(set: Set, dialect: Dialect) -> Vec<&'static ActionRow> {
    let known = |a: &&ActionRow| a.set == set && a.lifetime.covers(dialect);
    let mut rows: Vec<&ActionRow> = ACTIONS.iter().filter(known).collect();
    let column = match dialect {
        d if d >= Dialect::V3_2 => 2,
        d if d >= Dialect::V2_8 => 1,
        _ => 0,
    };
    rows.sort_by_key(|a| a.order.get(column).copied().unwrap_or(u8::MAX));
    rows
}

/// `'a', 'b(*)'`: the names as messages list them.
#[must_use]
pub fn list(set: Set, dialect: Dialect) -> String {
    let name = |a: &&ActionRow| format!("'{}{}'", a.name, if a.prefix { "(*)" } else { "" });
    listed(set, dialect).iter().map(name).collect::<Vec<_>>().join(", ")
}

/// ` Did you mean 'x' maybe ?`, or nothing. `extra` are words that are no rows.
#[must_use]
pub fn suggestion(set: Set, dialect: Dialect, word: &str, extra: &[&'static str]) -> String {
    if word.is_empty() {
        return String::new();
    }
    let own = Fingerprint::of(word.as_bytes());
    let rows = listed(set, dialect).into_iter().map(|a| (a.name, 2 + usize::from(a.prefix)));
    let words = rows.chain(extra.iter().map(|w| (*w, 2)));
    let mut best: Option<(usize, &str, usize)> = None;
    for (name, tolerance) in words {
        let distance = own.distance(&Fingerprint::of(name.as_bytes())) as usize;
        if best.is_none_or(|(d, _, _)| distance < d) {
            best = Some((distance, name, tolerance));
        }
    }
    let near = |(d, n, t): &(usize, &str, usize)| *d <= t * word.len() && *d <= t * n.len();
    best.filter(near).map_or_else(String::new, |(_, n, _)| format!(" Did you mean '{n}' maybe ?"))
}

/// An action's arguments being read.
pub struct Reading<'c, 'i, 'l> {
    /// Everything else.
    pub cx: &'c mut Cx<'i>,
    /// All words of the line.
    pub args: Args<'l>,
    /// Next word.
    pub at: usize,
    /// The rule set.
    pub set: Set,
    /// The action's own word, with what follows its name in it.
    pub word: String,
    /// Said after the action was read, if nothing was wrong.
    pub warning: Option<String>,
    /// The condition, for actions that read it themselves.
    pub condition: Option<rha_ir::Condition>,
}

impl<'l> Reading<'_, '_, 'l> {
    /// The next word as text.
    pub fn text(&self) -> String {
        self.args.text(self.at)
    }

    /// The next word.
    pub fn bytes(&self) -> &'l [u8] {
        self.args.at(self.at)
    }

    /// Whether no argument is left: the end, `if` or `unless`.
    pub fn done(&self) -> bool {
        self.done_at(0)
    }

    /// Whether word `ahead` of here is the end, `if` or `unless`.
    pub fn done_at(&self, ahead: usize) -> bool {
        let i = self.at + ahead;
        self.args.ends(i) || self.args.is(i, "if") || self.args.is(i, "unless")
    }

    /// Whether there is no word `ahead` of here.
    pub fn ends_at(&self, ahead: usize) -> bool {
        self.args.ends(self.at + ahead)
    }

    /// Takes the word if it is this one.
    pub fn take(&mut self, word: &str) -> bool {
        let is = self.args.is(self.at, word);
        self.at += usize::from(is);
        is
    }

    /// Leaves something to be judged after the last line.
    pub fn note(&mut self, kind: RuleCheckKind) {
        let Some(owner) = crate::expr::owner(self.cx) else { return };
        let (set, rule, span) = (self.set, self.word.clone(), self.args.span(0));
        let check = RuleCheck { kind, set, condition: Needs(0), owner, rule, span };
        self.cx.rules.checks.push(check);
    }

    /// Where the next word is.
    pub fn span(&self) -> Span {
        self.args.span(self.at)
    }

    /// Where the rule is evaluated.
    pub fn points(&self) -> Checkpoints {
        let (front, back) = sides(self.cx);
        self.set.points(front, back)
    }

    /// Where HTTP requests of the proxy are evaluated, whatever the set.
    pub fn request_points(&self) -> Checkpoints {
        let (front, back) = sides(self.cx);
        Set::HttpRequest.points(front, back)
    }

    /// The next word as a format whose result goes into an HTTP message.
    pub fn http_format(&mut self) -> Result<LogFormat, String> {
        let site = LogSite::http(self.set.context(), self.points());
        let format = log_format_text(self.cx, self.args.span(self.at), self.args.at(self.at), site)?;
        self.at += 1;
        Ok(format)
    }

    /// The next words as an expression.
    pub fn sample(&mut self, context: ArgContext) -> Result<SampleExpr, String> {
        sample_text(self.cx, self.args, &mut self.at, context)
    }

    /// What an expression looks at.
    pub fn needs(&self, expr: &SampleExpr) -> Needs {
        self.cx.input.samples.fetch(&expr.fetch.name).map_or(Needs(0), |f| f.needs)
    }

    /// The next words as an expression that sees something at `points`.
    ///
    /// COMPAT: the message names the word before the first that is not part of the expression.
    pub fn sample_at(&mut self, points: Checkpoints, context: ArgContext) -> Result<SampleExpr, String> {
        let expr = self.sample(context)?;
        let last = self.args.text(self.at.saturating_sub(1));
        self.must_see(&expr, points, &last)?;
        Ok(expr)
    }

    /// Complains when an expression sees nothing at `points`.
    pub fn must_see(&self, expr: &SampleExpr, points: Checkpoints, name: &str) -> Result<(), String> {
        let needs = self.needs(expr);
        if needs.checkpoints_in(self.cx.input.dialect).both(points).is_none() {
            return Err(format!(
                "fetch method '{name}' extracts information from '{}', none of which is available here",
                needs.names()
            ));
        }
        Ok(())
    }

    /// `config : parsing [file:line] : text` while the action is still being read.
    pub fn warn(&mut self, text: &str) {
        let span = self.args.span(0);
        let at = self.cx.position(span);
        let text = format!("parsing [{at}] : {text}");
        self.cx.say("HA3311", rha_text::Severity::Warning, span, text);
    }
}

/// Whether a rule with this action and no condition makes later ones of its set unreachable.
#[must_use]
pub fn is_final(action: &Action) -> bool {
    match action {
        Action::Allow | Action::Deny(_) | Action::Tarpit(_) | Action::Return(_) | Action::Auth(_) => true,
        Action::Redirect(r) => !r.ignore_empty,
        _ => false,
    }
}
