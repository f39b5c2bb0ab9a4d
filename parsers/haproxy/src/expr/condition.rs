//! Conditions: `if a !b { path /x } or c`, and what is wrong with where they stand.
//!
//! HAProxy configuration manual §7.2. Predefined ACLs (`TRUE`, `METH_GET`, …) are added to the proxy's
//! list on first use, which is what lets a proxy define its own of the same name before.

use rha_ir::{Acl, AclTest, BString, Condition, Term};
use rha_text::Span;
use rha_vocab::{Checkpoints, Dialect, Needs};

use super::{Args, acl_test_text, shown};
use crate::{Cx, Word};

/// Terms in one condition; a line has at most 64 words, so this is never met.
const MAX_TERMS: usize = 64;

/// Name and words of each predefined ACL.
const PREDEFINED: [(&str, &[&str]); 23] = [
    ("TRUE", &["always_true"]),
    ("FALSE", &["always_false"]),
    ("LOCALHOST", &["src", "127.0.0.1/8", "::1"]),
    ("HTTP", &["req.proto_http"]),
    ("HTTP_1.0", &["req.ver", "1.0"]),
    ("HTTP_1.1", &["req.ver", "1.1"]),
    ("HTTP_2.0", &["req.ver", "2.0"]),
    ("HTTP_3.0", &["req.ver", "3.0"]),
    ("METH_CONNECT", &["method", "CONNECT"]),
    ("METH_DELETE", &["method", "DELETE"]),
    ("METH_GET", &["method", "GET", "HEAD"]),
    ("METH_HEAD", &["method", "HEAD"]),
    ("METH_OPTIONS", &["method", "OPTIONS"]),
    ("METH_POST", &["method", "POST"]),
    ("METH_PUT", &["method", "PUT"]),
    ("METH_TRACE", &["method", "TRACE"]),
    ("HTTP_URL_ABS", &["url_reg", "^[^/:]*://"]),
    ("HTTP_URL_SLASH", &["url_beg", "/"]),
    ("HTTP_URL_STAR", &["url", "*"]),
    ("HTTP_CONTENT", &["req.hdr_val(content-length)", "gt", "0"]),
    ("RDP_COOKIE", &["req.rdp_cookie_cnt", "gt", "0"]),
    ("REQ_CONTENT", &["req.len", "gt", "0"]),
    ("WAIT_END", &["wait_end"]),
];

/// Reads `if …` or `unless …` at word 0 of `args`.
///
/// # Errors
/// The original's words, such as `no such ACL : 'x'`.
pub fn condition_text(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Condition, String> {
    let unless = match args.at(0).as_ref() as &[u8] {
        b"if" => false,
        b"unless" => true,
        _ => return Err("conditions must start with either 'if' or 'unless'".to_owned()),
    };
    let mut groups: Vec<Vec<Term>> = Vec::new();
    let mut open = false;
    let mut negated = false;
    let mut at = 1;
    let mut terms = 0;
    while !args.ends(at) {
        let word = args.at(at);
        let bangs = word.iter().take_while(|c| **c == b'!').count();
        negated ^= bangs % 2 == 1;
        let word = word.get(bangs..).unwrap_or_default();
        if word.is_empty() {
            at += 1;
            continue;
        }
        if word.eq_ignore_ascii_case(b"or") || word == b"||" {
            open = false;
            negated = false;
            at += 1;
            continue;
        }
        terms += 1;
        if terms > MAX_TERMS {
            return Err("out of memory when parsing condition".to_owned());
        }
        let (term, next) = term(cx, args, at, word, negated)?;
        if !open {
            groups.push(Vec::new());
            open = true;
        }
        if let Some(group) = groups.last_mut() {
            group.push(term);
        }
        negated = false;
        at = next;
    }
    let origin = args.span(0).to(args.span(at.saturating_sub(1)));
    Ok(Condition { any: groups, unless, origin })
}

/// One term at word `at`, and the index after it.
fn term(
    cx: &mut Cx<'_>,
    args: Args<'_>,
    at: usize,
    word: &[u8],
    negated: bool,
) -> Result<(Term, usize), String> {
    if word != b"{" {
        let acl = named(cx, &shown(word), args.span(at))?;
        return Ok((Term::Named { acl, negated }, at + 1));
    }
    let mut end = at + 1;
    while !args.ends(end) && !args.is(end, "}") {
        end += 1;
    }
    if args.ends(end) {
        return Err("missing closing '}' in condition".to_owned());
    }
    let inner = args.window(at + 1, end);
    let test = acl_test_text(cx, inner)?;
    warn_space(cx, "", inner);
    Ok((Term::Anonymous { test: Box::new(test), negated }, end + 1))
}

/// Warns about `acl x hdr (host)`. `name` is empty for an anonymous test, whose words `args` are.
pub(crate) fn warn_space(cx: &mut Cx<'_>, name: &str, args: Args<'_>) {
    if args.at(0).contains(&b'(') || args.at(1).first() != Some(&b'(') {
        return;
    }
    let text = format!(
        "parsing acl '{name}' :\n  matching '{}' for pattern '{}' is likely a mistake and probably\n  not what you want. Maybe you need to remove the extraneous space before '('.\n  If you are really sure this is not an error, please insert '--' between the\n  match and the pattern to make this warning message disappear.",
        args.text(0),
        args.text(1)
    );
    cx.say("HA3303", rha_text::Severity::Warning, args.span(1), text);
}

/// Whether a condition of the proxy being read may name an ACL; a predefined one is one of the proxy's then.
pub(super) fn knows_acl(cx: &mut Cx<'_>, name: &str, at: Span) -> bool {
    let acls = cx.draft.as_ref().map_or(&[][..], |d| &d.proxy.acls);
    acls.iter().any(|a| a.name == name)
        || PREDEFINED.iter().any(|(n, _)| *n == name) && (cx.draft.is_none() || named(cx, name, at).is_ok())
}

/// Index of an ACL of the proxy, adding a predefined one.
fn named(cx: &mut Cx<'_>, name: &str, at: Span) -> Result<u32, String> {
    let acls = cx.draft.as_ref().map_or(&[][..], |d| &d.proxy.acls);
    if let Some(i) = acls.iter().position(|a| a.name == name) {
        return Ok(u32::try_from(i).unwrap_or(u32::MAX));
    }
    let known = PREDEFINED.iter().find(|(n, _)| *n == name);
    let known = known.filter(|(n, _)| *n != "HTTP_3.0" || cx.input.dialect >= Dialect::V2_8);
    let Some((_, words)) = known else { return Err(format!("no such ACL : '{name}'")) };
    let word = |w: &&str| Word { text: BString::from(*w), span: at, expanded: false, quoted: false };
    let words: Vec<Word> = words.iter().map(word).collect();
    let test = acl_test_text(cx, Args::made(&words, at))?;
    let Some(draft) = cx.draft.as_mut() else { return Err(format!("no such ACL : '{name}'")) };
    draft.proxy.acls.push(Acl { name: name.to_owned(), tests: vec![test] });
    Ok(u32::try_from(draft.proxy.acls.len() - 1).unwrap_or(u32::MAX))
}

/// A test that cannot work where its condition stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The warning in the original's words, without position.
    pub text: String,
}

/// What the terms of a condition look at.
#[derive(Clone, Copy)]
struct Looks<'a> {
    name: &'a str,
    tests: &'a [AclTest],
}

fn terms<'a>(acls: &'a [Acl], condition: &'a Condition) -> impl Iterator<Item = Looks<'a>> {
    condition.any.iter().flatten().filter_map(move |t| match t {
        Term::Named { acl, .. } => acls.get(*acl as usize).map(|a| Looks { name: &a.name, tests: &a.tests }),
        Term::Anonymous { test, .. } => Some(Looks { name: "", tests: std::slice::from_ref(&**test) }),
    })
}

fn needs(cx: &Cx<'_>, test: &AclTest) -> Needs {
    cx.input.samples.fetch(&test.expr.fetch.name).map_or(Needs(0), |f| f.needs)
}

/// Everything a condition looks at, given the ACLs of its proxy.
#[must_use]
pub fn condition_needs(cx: &Cx<'_>, acls: &[Acl], condition: &Condition) -> Needs {
    let all = terms(acls, condition).flat_map(|l| l.tests.iter());
    all.fold(Needs(0), |n, t| n.and(needs(cx, t)))
}

/// The first test of a condition that cannot work at `place`.
#[must_use]
pub fn conflict(cx: &Cx<'_>, condition: &Condition, place: Checkpoints) -> Option<Conflict> {
    let works = |t: &AclTest| !needs(cx, t).checkpoints_in(cx.input.dialect).both(place).is_none();
    let at = place.name();
    let acls = cx.draft.as_ref().map_or(&[][..], |d| &d.proxy.acls);
    let never = terms(acls, condition).find(|l| !l.tests.iter().any(works));
    if let Some(l) = never {
        let keyword = l.tests.first().map_or("", |t| &t.keyword);
        let text = if l.name.is_empty() {
            format!(
                "anonymous acl will never match because it uses keyword '{keyword}' which is incompatible with '{at}'"
            )
        } else {
            format!(
                "acl '{}' will never match because it only involves keywords that are incompatible with '{at}'",
                l.name
            )
        };
        return Some(Conflict { text });
    }
    let partly = terms(acls, condition).find_map(|l| Some((l.name, l.tests.iter().find(|t| !works(t))?)));
    partly.map(|(name, t)| Conflict {
        text: if name.is_empty() {
            format!("anonymous acl involves keyword '{}' which is incompatible with '{at}'", t.keyword)
        } else {
            format!("acl '{name}' involves keywords '{}' which is incompatible with '{at}'", t.keyword)
        },
    })
}
