//! Sample expressions: `fetch(args),converter(args),…`, in one word or in several.
//!
//! HAProxy configuration manual §7.3 and §7.3.1.

use rha_ir::{Call, SampleExpr, VarName, VarScope};
use rha_text::Span;
use rha_vocab::{ConverterSig, FetchSig, SampleType};

use super::args::{Owner, arg_list};
use super::cast::{after, can_cast};
use super::{ArgContext, Args, before_3_0, check, is_name_byte, shown};
use crate::Cx;

/// More converters than this in one expression are refused (the original has no limit but its line).
const MAX_CONVERTERS: usize = 1024;

/// Reads the expression at word `*at`, leaving `*at` on the first word that is not part of it.
///
/// # Errors
/// The original's words, such as `unknown fetch method 'x'`.
pub fn sample_text(
    cx: &mut Cx<'_>,
    args: Args<'_>,
    at: &mut usize,
    context: ArgContext,
) -> Result<SampleExpr, String> {
    let span = args.span(*at);
    let mut reader = Reader { cx, context, span };
    let (fetch, sig, end) = reader.fetch(args.at(*at))?;
    let mut expr = SampleExpr { fetch, converters: Vec::new(), origin: span };
    let mut words = Words::Many { args, at };
    reader.converters(&mut expr, sig.output, &mut words, end, Flavour::Plain)?;
    Ok(expr)
}

/// Reads the expression that `text` begins with and gives the offset of the first byte after it.
pub(super) fn sample_prefix(
    cx: &mut Cx<'_>,
    text: &[u8],
    span: Span,
    context: ArgContext,
) -> Result<(SampleExpr, usize), String> {
    let mut reader = Reader { cx, context, span };
    let (fetch, sig, end) = reader.fetch(text)?;
    let mut expr = SampleExpr { fetch, converters: Vec::new(), origin: span };
    let mut words = Words::Prefix { text };
    let end = reader.converters(&mut expr, sig.output, &mut words, end, Flavour::Plain)?;
    Ok((expr, end))
}

/// What follows an ACL keyword: its fetch's arguments and, in the same word, converters.
///
/// Gives the expression and the type it ends with.
pub(super) fn acl_sample(
    cx: &mut Cx<'_>,
    args: Args<'_>,
    keyword: &'static str,
    sig: &FetchSig,
) -> Result<(SampleExpr, SampleType), String> {
    let span = args.span(0);
    let text = args.at(0);
    let start = name_end(text, 0);
    let owner_span = span;
    let owner = Owner { keyword, converter: None, context: ArgContext::Acl, span: owner_span };
    let list = arg_list(cx, text, start, sig.args, &owner)
        .map_err(|e| format!("ACL keyword '{keyword}' : {}", e.text))?;
    let mut call = Call { name: sig.name.into(), args: list.args };
    if !call.args.is_empty() || check::ALWAYS_JUDGED.contains(&sig.name) {
        check::fetch(cx, &mut call, span).map_err(|e| format!("in argument to '{keyword}', {e}"))?;
    }
    note_support(cx, sig.name, sig.support, span);
    let mut expr = SampleExpr { fetch: call, converters: Vec::new(), origin: span };
    let mut reader = Reader { cx, context: ArgContext::Acl, span };
    let mut words = Words::One { text };
    let flavour = Flavour::AfterAcl(keyword);
    reader.converters(&mut expr, sig.output, &mut words, list.end, flavour)?;
    let dialect = cx.input.dialect;
    let out = super::output_type(&cx.input.samples, dialect, &expr);
    Ok((expr, out))
}

/// Splits `txn.id` and checks it as the original does.
///
/// # Errors
/// The original's words about the name.
pub fn variable_text(name: &[u8]) -> Result<VarName, String> {
    let text = shown(name);
    if name.is_empty() {
        return Err("Empty variable name cannot be accepted".to_owned());
    }
    let scopes: [(&str, VarScope); 6] = [
        ("proc.", VarScope::Proc),
        ("sess.", VarScope::Sess),
        ("txn.", VarScope::Txn),
        ("req.", VarScope::Req),
        ("res.", VarScope::Res),
        ("check.", VarScope::Check),
    ];
    let Some((prefix, scope)) = scopes.into_iter().find(|(p, _)| text.len() > p.len() && text.starts_with(p))
    else {
        return Err(format!(
            "invalid variable name '{text}'. A variable name must be start by its scope. The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'"
        ));
    };
    let rest = &text[prefix.len()..];
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if let Some(bad) = rest.find(|c| !good(c)) {
        return Err(format!("invalid syntax at char '{}'", &rest[bad..]));
    }
    Ok(VarName { scope, name: rest.to_owned() })
}

/// End of the name that begins at `start`.
fn name_end(text: &[u8], start: usize) -> usize {
    text.iter().skip(start).position(|c| !is_name_byte(*c)).map_or(text.len(), |n| start + n)
}

fn note_support(cx: &mut Cx<'_>, name: &str, support: rha_vocab::Support, span: Span) {
    cx.note(name, support, span);
}

/// Where converters may continue.
enum Words<'l, 'a> {
    /// In the words after this one.
    Many { args: Args<'l>, at: &'a mut usize },
    /// Only in this one, which they must fill.
    One { text: &'l [u8] },
    /// Only in this one, and something else may follow in it.
    Prefix { text: &'l [u8] },
}

/// How errors are worded.
#[derive(Clone, Copy)]
enum Flavour {
    Plain,
    /// After an ACL keyword. COMPAT: 2.6 read these by a function of its own, with full stops.
    AfterAcl(&'static str),
}

struct Reader<'c, 'i> {
    cx: &'c mut Cx<'i>,
    context: ArgContext,
    span: Span,
}

impl<'i> Reader<'_, 'i> {
    /// The fetch at the beginning of `text`.
    fn fetch(&mut self, text: &[u8]) -> Result<(Call, &'i FetchSig, usize), String> {
        let end = name_end(text, 0);
        let name = shown(&text[..end]);
        if name.is_empty() {
            return Err("missing fetch method".to_owned());
        }
        let known = self.cx.input.samples.fetch(&name);
        let Some(sig) = known.filter(|f| f.lifetime.covers(self.cx.input.dialect)) else {
            return Err(format!("unknown fetch method '{name}'"));
        };
        let owner = Owner { keyword: sig.name, converter: None, context: self.context, span: self.span };
        let list = arg_list(self.cx, text, end, sig.args, &owner)
            .map_err(|e| format!("fetch method '{name}' : {}", e.text))?;
        let mut call = Call { name: sig.name.into(), args: list.args };
        if !call.args.is_empty() || check::ALWAYS_JUDGED.contains(&sig.name) {
            check::fetch(self.cx, &mut call, self.span)
                .map_err(|e| format!("invalid args in fetch method '{name}' : {e}"))?;
        }
        note_support(self.cx, sig.name, sig.support, self.span);
        Ok((call, sig, list.end))
    }

    /// The converters after offset `end` of the current word, and of the words after it.
    fn converters(
        &mut self,
        expr: &mut SampleExpr,
        first: SampleType,
        words: &mut Words<'_, '_>,
        mut end: usize,
        flavour: Flavour,
    ) -> Result<usize, String> {
        let mut before = first;
        loop {
            let mut text: &[u8] = match words {
                Words::Many { args, at } => args.at(**at),
                Words::One { text } | Words::Prefix { text } => text,
            };
            match text.get(end) {
                None | Some(b',') => {}
                Some(_) if matches!(words, Words::Prefix { .. }) => return Ok(end),
                Some(_) => return Err(self.missing_comma(expr, flavour)),
            }
            while text.get(end) == Some(&b',') {
                end += 1;
            }
            let mut isolated = false;
            if end >= text.len() {
                let Words::Many { args, at } = words else { return Ok(end) };
                **at += 1;
                text = args.at(**at);
                end = 0;
                isolated = true;
                if text.is_empty() {
                    return Ok(0);
                }
            }
            let stop = name_end(text, end);
            let name = shown(&text[end..stop]);
            let known = self.cx.input.samples.converter(&name);
            let Some(sig) = known.filter(|c| c.lifetime.covers(self.cx.input.dialect)) else {
                if isolated {
                    return Ok(0);
                }
                return Err(self.word(flavour, format!("unknown converter '{name}'")));
            };
            if expr.converters.len() >= MAX_CONVERTERS {
                return Err(self.word(flavour, format!("converter '{name}' cannot be applied")));
            }
            if !can_cast(self.cx.input.dialect, before, sig.input) {
                return Err(self.word(flavour, format!("converter '{name}' cannot be applied")));
            }
            before = after(self.cx.input.dialect, before, sig.input, sig.output);
            let (call, next) = self.converter(&expr.fetch.name, text, stop, sig, flavour)?;
            expr.converters.push(call);
            end = next;
        }
    }

    /// Arguments of one converter.
    fn converter(
        &mut self,
        fetch: &str,
        text: &[u8],
        start: usize,
        sig: &ConverterSig,
        flavour: Flavour,
    ) -> Result<(Call, usize), String> {
        let name = sig.name;
        let owner = Owner { keyword: fetch, converter: Some(name), context: self.context, span: self.span };
        let list = arg_list(self.cx, text, start, sig.args, &owner).map_err(|e| {
            self.word(flavour, format!("invalid arg {} in converter '{name}' : {}", e.position + 1, e.text))
        })?;
        let mut call = Call { name: name.into(), args: list.args };
        check::converter(self.cx, &mut call, self.span)
            .map_err(|e| self.word(flavour, format!("invalid args in converter '{name}' : {e}")))?;
        note_support(self.cx, name, sig.support, self.span);
        Ok((call, list.end))
    }

    fn missing_comma(&self, expr: &SampleExpr, flavour: Flavour) -> String {
        let text = match expr.converters.last() {
            Some(c) => format!("missing comma after converter '{}'", c.name),
            None if before_3_0(self.cx) && matches!(flavour, Flavour::Plain) => {
                format!("missing comma after fetch keyword '{}'", expr.fetch.name)
            }
            None => "missing comma after fetch keyword".to_owned(),
        };
        self.word(flavour, text)
    }

    fn word(&self, flavour: Flavour, text: String) -> String {
        match flavour {
            Flavour::Plain => text,
            Flavour::AfterAcl(k) if before_3_0(self.cx) => format!("ACL keyword '{k}' : {text}."),
            Flavour::AfterAcl(k) => format!("ACL keyword '{k}' : {text}"),
        }
    }
}
