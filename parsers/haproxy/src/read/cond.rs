//! Conditions of `.if`, `.elif` and `-cc`.
//!
//! HAProxy configuration manual §2.4 "Conditional blocks":
//! ```text
//! expr := and [ "||" expr ]        term := "!"* ( integer | "(" expr ")" | predicate [ "(" args ")" ] )
//! and  := term [ "&&" and ]
//! ```
//! A condition is parsed as a whole before it is evaluated, so that a typing error in the second half
//! is found even when the first half decides. COMPAT: error texts and positions, held by `tests/badcfg`.

use bstr::ByteSlice;
use rha_text::Env;
use rha_vocab::Dialect;

use crate::features::{self, TlsLibrary};

/// Deepest nesting, counted as the original does (one per rule of the grammar).
const MAX_DEPTH: usize = 1024;

/// What predicates look at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// `defined(NAME)`.
    pub env: &'a Env,
    /// Whose grammar and answers.
    pub dialect: Dialect,
    /// `version_atleast(…)`.
    pub version: &'a str,
}

/// A condition that cannot be parsed or evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CondError {
    /// The original's words.
    pub text: String,
    /// Offset in the condition.
    pub at: usize,
}

/// Whether a condition holds; an empty one does not.
///
/// # Errors
/// The original's words and where.
pub fn evaluate(text: &[u8], facts: Facts<'_>) -> Result<bool, CondError> {
    if text.is_empty() {
        return Ok(false);
    }
    let mut p = Parser { text, at: 0, dialect: facts.dialect };
    let expr = match p.expr(MAX_DEPTH)? {
        Some(e) => e,
        None => return Err(error(format!("unparsable conditional expression '{}'", text.as_bstr()), 0)),
    };
    p.skip_blanks();
    if p.at < text.len() {
        let c = p.peek() as char;
        return Err(error(
            format!("unexpected character '{c}' at the end of conditional expression '{}'", text.as_bstr()),
            p.at,
        ));
    }
    expr.holds(facts).map_err(|text| error(text, p.at))
}

fn error(text: String, at: usize) -> CondError {
    CondError { text, at }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Predicate {
    Defined,
    Feature,
    Streq,
    Strneq,
    Strstr,
    VersionAtleast,
    VersionBefore,
    OpensslAtleast,
    OpensslBefore,
    SslLibName,
    AwslcAtleast,
    AwslcBefore,
    Enabled,
    FipsMode,
}

struct Row {
    word: &'static str,
    predicate: Predicate,
    /// Number of string arguments, all mandatory.
    args: usize,
    since: Dialect,
}

const fn row(word: &'static str, predicate: Predicate, args: usize, since: Dialect) -> Row {
    Row { word, predicate, args, since }
}

const PREDICATES: &[Row] = &[
    row("defined", Predicate::Defined, 1, Dialect::V2_6),
    row("feature", Predicate::Feature, 1, Dialect::V2_6),
    row("streq", Predicate::Streq, 2, Dialect::V2_6),
    row("strneq", Predicate::Strneq, 2, Dialect::V2_6),
    row("strstr", Predicate::Strstr, 2, Dialect::V2_8),
    row("version_atleast", Predicate::VersionAtleast, 1, Dialect::V2_6),
    row("version_before", Predicate::VersionBefore, 1, Dialect::V2_6),
    row("openssl_version_atleast", Predicate::OpensslAtleast, 1, Dialect::V2_6),
    row("openssl_version_before", Predicate::OpensslBefore, 1, Dialect::V2_6),
    row("ssllib_name_startswith", Predicate::SslLibName, 1, Dialect::V2_6),
    row("awslc_api_atleast", Predicate::AwslcAtleast, 1, Dialect::V3_4),
    row("awslc_api_before", Predicate::AwslcBefore, 1, Dialect::V3_4),
    row("enabled", Predicate::Enabled, 1, Dialect::V2_8),
    row("fips_mode", Predicate::FipsMode, 0, Dialect::V3_5),
];

#[derive(Debug, Clone)]
enum Node {
    Constant(bool),
    Call(Predicate, &'static str, Vec<Vec<u8>>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
}

impl Node {
    fn holds(&self, facts: Facts<'_>) -> Result<bool, String> {
        match self {
            Node::Constant(b) => Ok(*b),
            Node::Not(n) => Ok(!n.holds(facts)?),
            Node::And(a, b) => Ok(a.holds(facts)? && b.holds(facts)?),
            Node::Or(a, b) => Ok(a.holds(facts)? || b.holds(facts)?),
            Node::Call(p, word, args) => call(*p, word, args, facts),
        }
    }
}

fn call(predicate: Predicate, word: &str, args: &[Vec<u8>], facts: Facts<'_>) -> Result<bool, String> {
    let arg = |i: usize| args.get(i).map_or(&b""[..], Vec::as_slice);
    let library = |order: Option<std::cmp::Ordering>| {
        order.ok_or_else(|| {
            format!("invalid argument to conditional expression predicate '{word}': '{}'", arg(0).as_bstr())
        })
    };
    Ok(match predicate {
        Predicate::Defined => facts.env.value(arg(0)).is_some(),
        Predicate::Feature => features::has(arg(0)),
        Predicate::Streq => arg(0) == arg(1),
        Predicate::Strneq => arg(0) != arg(1),
        Predicate::Strstr => arg(0).find(arg(1)).is_some(),
        // COMPAT: a version that cannot be read counts as an old one.
        Predicate::VersionAtleast => {
            features::compare_version(facts.version, arg(0)).is_none_or(|o| o.is_le())
        }
        Predicate::VersionBefore => {
            features::compare_version(facts.version, arg(0)).is_some_and(|o| o.is_gt())
        }
        Predicate::OpensslAtleast => library(TlsLibrary::openssl_version(arg(0)))?.is_le(),
        Predicate::OpensslBefore => library(TlsLibrary::openssl_version(arg(0)))?.is_gt(),
        Predicate::AwslcAtleast => library(TlsLibrary::awslc_api(arg(0)))?.is_le(),
        Predicate::AwslcBefore => library(TlsLibrary::awslc_api(arg(0)))?.is_gt(),
        Predicate::SslLibName => TlsLibrary::name_starts_with(arg(0)),
        Predicate::Enabled => features::is_enabled(arg(0)),
        Predicate::FipsMode => false,
    })
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    dialect: Dialect,
}

/// `None` where the text ends before anything was found.
type Parsed = Result<Option<Node>, CondError>;

impl Parser<'_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or(b"")
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t') {
            self.at += 1;
        }
    }

    fn unparsable(&self, what: &str, at: usize) -> CondError {
        let rest = self.text.get(at..).unwrap_or(b"").as_bstr();
        error(format!("unparsable conditional {what} '{rest}'"), at)
    }

    fn expr(&mut self, depth: usize) -> Parsed {
        self.chain(depth, "expression", b"||", Self::and, Self::expr, Node::Or)
    }

    fn and(&mut self, depth: usize) -> Parsed {
        self.chain(depth, "sub-expression", b"&&", Self::term, Self::and, Node::And)
    }

    /// `left [ operator right ]`, the shape of both chains.
    fn chain(
        &mut self,
        depth: usize,
        what: &str,
        operator: &[u8],
        left: fn(&mut Self, usize) -> Parsed,
        right: fn(&mut Self, usize) -> Parsed,
        join: fn(Box<Node>, Box<Node>) -> Node,
    ) -> Parsed {
        if self.at >= self.text.len() {
            return Ok(None);
        }
        if depth == 0 {
            return Err(self.unparsable(what, self.at));
        }
        let start = self.at;
        let Some(first) = left(self, depth - 1)? else { return Err(self.unparsable(what, start)) };
        self.skip_blanks();
        let mark = self.at;
        if !self.rest().starts_with(operator) {
            return Ok(Some(first));
        }
        self.at += operator.len();
        self.skip_blanks();
        match right(self, depth - 1)? {
            Some(second) => Ok(Some(join(Box::new(first), Box::new(second)))),
            // COMPAT: nothing after the operator makes the whole unparsable from the operator on.
            None => Err(self.unparsable("expression", mark)),
        }
    }

    fn term(&mut self, depth: usize) -> Parsed {
        let start = self.at;
        self.skip_blanks();
        if self.at >= self.text.len() {
            self.at = start;
            return Ok(None);
        }
        if depth == 0 {
            return Err(self.unparsable("expression", start));
        }
        let mut negated = false;
        while self.peek() == b'!' {
            negated = !negated;
            self.at += 1;
            self.skip_blanks();
        }
        let node = self.operand(start, depth)?;
        Ok(Some(if negated { Node::Not(Box::new(node)) } else { node }))
    }

    fn operand(&mut self, start: usize, depth: usize) -> Result<Node, CondError> {
        let (value, rest) = crate::units::strtol(self.rest(), 0);
        if rest.len() < self.rest().len() {
            self.at = self.text.len() - rest.len();
            return Ok(Node::Constant(value != 0));
        }
        if self.peek() == b'(' {
            return self.parenthesis(start, depth);
        }
        let word_len = self.rest().find_byteset(b" (").unwrap_or(self.rest().len());
        let word = &self.rest()[..word_len];
        let known = PREDICATES.iter().find(|r| r.word.as_bytes() == word && self.dialect >= r.since);
        let Some(row) = known else { return Err(self.unparsable("expression", start)) };
        self.at += word_len;
        let args = self.args(row)?;
        Ok(Node::Call(row.predicate, row.word, args))
    }

    fn parenthesis(&mut self, start: usize, depth: usize) -> Result<Node, CondError> {
        self.at += 1;
        self.skip_blanks();
        let Some(inner) = self.expr(depth - 1)? else { return Err(self.unparsable("expression", start)) };
        self.skip_blanks();
        if self.peek() != b')' {
            let rest = self.text.get(start..).unwrap_or(b"").as_bstr();
            return Err(error(format!("expected ')' after conditional expression '{rest}'"), start));
        }
        self.at += 1;
        self.skip_blanks();
        Ok(inner)
    }

    /// `(a,b)`: second-level quoting, as many strings as the row wants. A missing pair of parentheses
    /// stands for one empty string.
    fn args(&mut self, row: &Row) -> Result<Vec<Vec<u8>>, CondError> {
        let bad = |text: String, number: usize, at: usize| {
            error(
                format!(
                    "{text} in argument {number} of predicate '{}' used in conditional expression",
                    row.word
                ),
                at,
            )
        };
        let open = self.peek() == b'(';
        let mut args = Vec::new();
        if row.args == 0 && !open {
            return Ok(args);
        }
        self.at += usize::from(open);
        while args.len() < row.args {
            args.push(if open { self.string() } else { Vec::new() });
            if !open || args.len() == row.args || self.peek() != b',' {
                break;
            }
            self.at += 1;
        }
        let found = args.len();
        if found < row.args {
            let text = format!("missing arguments (got {found}/{}), type 'string' expected", row.args);
            return Err(bad(text, found, self.at));
        }
        if open && self.peek() != b')' {
            let rest = self.rest().as_bstr();
            let text = if rest.is_empty() {
                "expected ')'".to_owned()
            } else {
                format!("expected ')' before '{rest}'")
            };
            return Err(bad(text, if found > 1 { found - 1 } else { found }, self.at));
        }
        self.at += usize::from(open);
        Ok(args)
    }

    /// One argument with second-level quotes and escapes undone.
    fn string(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut quote = None;
        loop {
            match self.peek() {
                0 => break,
                q @ (b'"' | b'\'') if quote.is_none() => quote = Some(q),
                q if quote == Some(q) => quote = None,
                b'\\' if quote != Some(b'\'') => {
                    let next = self.text.get(self.at + 1).copied().unwrap_or(0);
                    let escaped = match next {
                        b'\\' | b' ' | b'"' | b'\'' => Some(next),
                        b'r' => Some(b'\r'),
                        b'n' => Some(b'\n'),
                        b't' => Some(b'\t'),
                        _ => None,
                    };
                    out.push(escaped.unwrap_or(b'\\'));
                    self.at += usize::from(escaped.is_some());
                }
                b',' | b')' if quote.is_none() => break,
                b => out.push(b),
            }
            self.at += 1;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<bool, String> {
        let env = Env::from_pairs([("HOME", "/root")]);
        let facts = Facts { env: &env, dialect: Dialect::V3_0, version: "3.0.11-1+deb13u3" };
        evaluate(text.as_bytes(), facts).map_err(|e| e.text)
    }

    /// Recorded from 3.0.11's `-cc`, after its first-level lexer.
    #[test]
    fn truths() {
        for (text, want) in [
            ("", false),
            ("defined", false),
            ("defined()", false),
            ("defined(HOME)", true),
            ("streq(a b,\"a b\")", true),
            ("streq( a ,a)", false),
            ("1 && 0", false),
            ("(1 || 0) && 1", true),
            ("!! 1", true),
            ("!1", false),
            ("0x10", true),
            ("version_atleast(2.6.12-1)", true),
            ("version_atleast(abc)", true),
            ("version_atleast(3.0.12)", false),
            ("version_before(3.1-dev0)", true),
            ("enabled(POLL)", true),
            ("enabled(FOO)", false),
            ("strstr(abc,b)", true),
            ("feature(EPOLL)", true),
            ("feature(EPO)", false),
            ("ssllib_name_startswith(BoringSSL)", false),
        ] {
            assert_eq!(run(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn errors_in_the_originals_words() {
        for (text, want) in [
            (
                "defined(HOME",
                "expected ')' in argument 1 of predicate 'defined' used in conditional expression",
            ),
            (
                "defined(HOME,x)",
                "expected ')' before ',x)' in argument 1 of predicate 'defined' used in conditional expression",
            ),
            (
                "streq(a)",
                "missing arguments (got 1/2), type 'string' expected in argument 1 of predicate 'streq' used in conditional expression",
            ),
            (
                "streq(a,b,c)",
                "expected ')' before ',c)' in argument 1 of predicate 'streq' used in conditional expression",
            ),
            ("1 &&", "unparsable conditional expression '&&'"),
            ("&& 1", "unparsable conditional expression '&& 1'"),
            ("(1", "expected ')' after conditional expression '(1'"),
            ("1 || foo", "unparsable conditional expression 'foo'"),
            ("!", "unparsable conditional expression '!'"),
            ("12abc", "unexpected character 'a' at the end of conditional expression '12abc'"),
            (
                "defined (HOME)",
                "unexpected character '(' at the end of conditional expression 'defined (HOME)'",
            ),
            ("fips_mode", "unparsable conditional expression 'fips_mode'"),
            (" ", "unparsable conditional sub-expression ' '"),
        ] {
            assert_eq!(run(text).unwrap_err(), want, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        let text = "(".repeat(5000);
        assert!(run(&text).unwrap_err().starts_with("unparsable conditional"));
        assert!(run(&("!".repeat(5000) + "1")).unwrap());
    }
}
