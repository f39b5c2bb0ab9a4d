//! ACL tests: `fetch[,converter…] [-i] [-m method] [-f file] … [--] patterns…`.
//!
//! HAProxy configuration manual §7.1. A named ACL keyword (`path_beg`) brings its way of matching along;
//! any other fetch matches by the type its expression ends with.

use rha_ir::{AclTest, BString, PatternSource};
use rha_text::Severity;
use rha_vocab::{Match, SampleType};

use super::cast::can_cast;
use super::pattern::{MapValue, Reading, check_file, check_pattern, whole_number};
use super::sample::acl_sample;
use super::{ArgContext, Args, is_name_byte, output_type, sample_text, shown};
use crate::{Cx, units};

/// Keywords whose integers are versions.
const DOTTED: [&str; 2] = ["req.ssl_ver", "req_ssl_ver"];

/// Reads a whole test.
///
/// # Errors
/// The original's words.
pub fn acl_test_text(cx: &mut Cx<'_>, args: Args<'_>) -> Result<AclTest, String> {
    let subject = subject(cx, args)?;
    let mut flags = Flags::default();
    let mut method = subject.method;
    if method.is_some() && subject.output != SampleType::Bool && args.ends(1) {
        warn_no_pattern(cx, args);
    }
    let mut patterns = Vec::new();
    let mut at = 1;
    while args.at(at).first() == Some(&b'-') {
        let word = args.at(at);
        match word.as_ref() as &[u8] {
            b"-i" => flags.ignore_case = true,
            b"-n" => flags.no_dns = true,
            b"-M" => flags.map = true,
            b"-u" => {
                at += 1;
                flags.id = Some(pattern_id(cx, args.at(at))?);
            }
            b"-f" => {
                at += 1;
                let Some(m) = method else { return Err(needs_method(&subject.name)) };
                patterns.push(pattern_file(cx, &args.text(at), m, &subject, &flags)?);
                flags.loaded = true;
            }
            b"-m" => {
                at += 1;
                method = Some(forced_method(cx, &args.text(at), &subject, &mut flags)?);
            }
            b"--" => {
                at += 1;
                break;
            }
            other => {
                return Err(format!(
                    "'{}' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'",
                    shown(other)
                ));
            }
        }
        at += 1;
    }
    let Some(method) = method else { return Err(needs_method(&subject.name)) };
    warn_overwritten(cx, args, &subject, method);
    let reading = subject.reading(method, &flags);
    inline_patterns(cx, args.from(at), reading, &mut patterns)?;
    Ok(AclTest {
        keyword: subject.name.into(),
        expr: subject.expr,
        method,
        ignore_case: flags.ignore_case,
        no_dns: flags.no_dns,
        id: flags.id,
        patterns,
        origin: args.span(0),
    })
}

#[derive(Default)]
struct Flags {
    ignore_case: bool,
    no_dns: bool,
    map: bool,
    loaded: bool,
    forced: bool,
    id: Option<u32>,
}

/// What is looked at, and how by default.
struct Subject {
    expr: rha_ir::SampleExpr,
    /// Fetch or ACL keyword, as messages call it.
    name: String,
    output: SampleType,
    method: Option<Match>,
    /// The ACL keyword and its own method, if it is one.
    keyword: Option<(&'static str, Match)>,
    dotted: bool,
}

impl Subject {
    fn reading(&self, method: Match, flags: &Flags) -> Reading {
        let dotted = self.dotted && !flags.forced;
        Reading { method, dotted, ignore_case: flags.ignore_case, no_dns: flags.no_dns }
    }
}

fn subject(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Subject, String> {
    let dialect = cx.input.dialect;
    let word = args.at(0);
    let end = word.iter().position(|c| !is_name_byte(*c)).unwrap_or(word.len());
    let name = shown(word.get(..end).unwrap_or(b""));
    let samples = cx.input.samples;
    let known = samples.acl(&name).filter(|a| a.lifetime.covers(dialect));
    if let Some((acl, fetch)) = known.and_then(|a| Some((a, samples.fetch(a.fetch)?))) {
        let (expr, output) = acl_sample(cx, args, acl.name, fetch)?;
        let own = expr.converters.is_empty();
        let method = if own { Some(acl.method) } else { by_type(output) };
        let shown_name = if own { acl.name } else { fetch.name };
        return Ok(Subject {
            name: shown_name.to_owned(),
            expr,
            output,
            method,
            keyword: Some((acl.name, acl.method)),
            dotted: own && DOTTED.contains(&acl.name),
        });
    }
    let mut at = 0;
    let expr = sample_text(cx, args.window(0, 1), &mut at, ArgContext::Acl)
        .map_err(|e| format!("{e} in ACL expression '{}'", args.text(0)))?;
    let output = output_type(&samples, dialect, &expr);
    let method = by_type(output);
    Ok(Subject { name: expr.fetch.name.to_string(), expr, output, method, keyword: None, dotted: false })
}

fn by_type(t: SampleType) -> Option<Match> {
    match t {
        SampleType::Bool => Some(Match::Bool),
        SampleType::Sint => Some(Match::Int),
        SampleType::Addr | SampleType::Ipv4 | SampleType::Ipv6 => Some(Match::Ip),
        SampleType::Str => Some(Match::Str),
        SampleType::Any | SampleType::Same | SampleType::Bin | SampleType::Meth => None,
    }
}

fn needs_method(name: &str) -> String {
    format!(
        "matching method must be specified first (using '-m') when using a sample fetch of this type ('{name}')"
    )
}

fn forced_method(cx: &Cx<'_>, word: &str, subject: &Subject, flags: &mut Flags) -> Result<Match, String> {
    if flags.loaded {
        return Err(
            "'-m' must only be specified before patterns and files in parsing ACL expression".to_owned()
        );
    }
    if flags.forced && cx.input.dialect >= rha_vocab::Dialect::V3_2 {
        return Err("only one explicit matching method can be defined with '-m' parameter. if migrating from an old version, just keep the last one".to_owned());
    }
    let Some(method) = Match::parse(word.as_bytes()) else {
        return Err(format!("unknown matching method '{word}' when parsing ACL expression"));
    };
    let wanted = match method {
        Match::Found => SampleType::Any,
        Match::Bool | Match::Int => SampleType::Sint,
        Match::Ip => SampleType::Addr,
        Match::Bin => SampleType::Bin,
        _ => SampleType::Str,
    };
    if !can_cast(cx.input.dialect, subject.output, wanted) {
        let name = &subject.name;
        return Err(format!("matching method '{word}' cannot be used with fetch keyword '{name}'"));
    }
    flags.forced = true;
    Ok(method)
}

fn pattern_id(cx: &mut Cx<'_>, word: &[u8]) -> Result<u32, String> {
    let (n, rest) = units::strtol(word, 10);
    if !rest.is_empty() {
        return Err("the argument of -u must be an integer".to_owned());
    }
    // COMPAT: a number that is no id (negative) is kept out of the table, as it would be there.
    let id = u32::try_from(n).unwrap_or(u32::MAX);
    if cx.rules.pattern_ids.contains(&id) {
        return Err("the id is already used".to_owned());
    }
    cx.rules.pattern_ids.push(id);
    Ok(id)
}

fn pattern_file(
    cx: &mut Cx<'_>,
    name: &str,
    method: Match,
    subject: &Subject,
    flags: &Flags,
) -> Result<PatternSource, String> {
    let value = if flags.map { MapValue::Str } else { MapValue::None };
    check_file(cx, name, subject.reading(method, flags), value, flags.map)?;
    let name = name.to_owned();
    Ok(if flags.map { PatternSource::MapFile(name) } else { PatternSource::File(name) })
}

/// The patterns on the line, operators folded into ranges.
fn inline_patterns(
    cx: &Cx<'_>,
    args: Args<'_>,
    reading: Reading,
    out: &mut Vec<PatternSource>,
) -> Result<(), String> {
    let numeric = matches!(reading.method, Match::Int | Match::Len);
    let mut operator = Operator::Eq;
    let mut at = 0;
    while !args.ends(at) {
        let word = args.at(at);
        at += 1;
        let mut pattern = BString::from(word.to_vec());
        if numeric {
            if let Some(op) = Operator::parse(word) {
                operator = op;
                continue;
            }
            let ranged = word.contains(&b':') || word.contains(&b'-');
            if !ranged && operator != Operator::Eq {
                pattern = operator.range(word, reading.dotted)?.into();
            }
        }
        check_pattern(cx, reading, &pattern)?;
        out.push(PatternSource::Inline(pattern));
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Eq,
    Ge,
    Gt,
    Le,
    Lt,
}

impl Operator {
    fn parse(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"eq" => Operator::Eq,
            b"ge" => Operator::Ge,
            b"gt" => Operator::Gt,
            b"le" => Operator::Le,
            b"lt" => Operator::Lt,
            _ => return None,
        })
    }

    /// `gt 5` as the range `6:`.
    fn range(self, word: &[u8], dotted: bool) -> Result<String, String> {
        let name = shown(word);
        let neither = || format!("'{name}' is neither a number nor a supported operator");
        let dot = word.iter().position(|c| *c == b'.');
        let mut minor = 0;
        if let (true, Some(d)) = (dotted, dot) {
            minor = word.get(d + 1..).and_then(whole_number).ok_or_else(neither)?;
            if minor >= 65536 {
                return Err(format!("'{name}' contains too large a minor value"));
            }
        }
        let head = word.get(..dot.unwrap_or(word.len())).unwrap_or(b"");
        let mut value = whole_number(head).ok_or_else(neither)?;
        if dotted {
            if value >= 65536 {
                return Err(format!("'{name}' contains too large a major value"));
            }
            value = (value << 16) | (minor & 0xffff);
        }
        value = match self {
            Operator::Gt => value.wrapping_add(1),
            Operator::Lt => value.wrapping_sub(1),
            _ => value,
        };
        let text = if dotted { format!("{}.{}", value >> 16, value & 0xffff) } else { value.to_string() };
        Ok(if matches!(self, Operator::Ge | Operator::Gt) { format!("{text}:") } else { format!(":{text}") })
    }
}

fn warn_no_pattern(cx: &mut Cx<'_>, args: Args<'_>) {
    let text = format!(
        "parsing acl keyword '{}' :\n  no pattern to match against were provided, so this ACL will never match.\n  If this is what you intended, please add '--' to get rid of this warning.\n  If you intended to match only for existence, please use '-m found'.\n  If you wanted to force an int to match as a bool, please use '-m bool'.\n",
        args.text(0)
    );
    cx.say("HA3301", Severity::Warning, args.span(0), text);
}

/// COMPAT: said since 3.2 only.
fn warn_overwritten(cx: &mut Cx<'_>, args: Args<'_>, subject: &Subject, method: Match) {
    let Some((keyword, own)) = subject.keyword else { return };
    let telling = matches!(
        own,
        Match::Beg | Match::Dir | Match::Dom | Match::End | Match::Len | Match::Reg | Match::Sub
    );
    if telling && method != own && cx.input.dialect >= rha_vocab::Dialect::V3_2 {
        let at = cx.position(args.span(0));
        let text = format!(
            "parsing [{at}] : original matching method '{keyword}' was overwritten and will not be applied as expected."
        );
        cx.say("HA3302", Severity::Warning, args.span(0), text);
    }
}
