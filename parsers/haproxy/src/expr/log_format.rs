//! Log-format strings: text, `%alias`, `%{flags}alias`, `%[expr]`, `%(name)…`, `%%`.
//!
//! HAProxy configuration manual §8.2.6. They are also what most rule arguments are written in (`<fmt>`).

use rha_ir::{BString, LogFlags, LogFormat, LogNode, Mode};
use rha_text::Span;
use rha_vocab::{Checkpoints, Needs};

use super::sample::sample_prefix;
use super::{ArgContext, before_3_0, log_alias, shown};
use crate::Cx;

/// `option httplog`.
pub const HTTP_LOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";
/// `option httpslog`.
pub const HTTPS_LOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc";
/// `option tcplog`.
pub const TCP_LOG: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";
/// `option httplog clf`.
pub const CLF: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";

/// What a format is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSite {
    /// For the messages about names.
    pub context: ArgContext,
    /// Where it is evaluated.
    pub points: Checkpoints,
    /// Whether runs of blanks are folded.
    pub merge_spaces: bool,
    /// Whether it ends up in an HTTP message, where raw request bytes make no sense.
    pub http: bool,
}

impl LogSite {
    /// `log-format`, `error-log-format`.
    pub const LOG: LogSite =
        LogSite { context: ArgContext::Log, points: Checkpoints::FRONT_LOG, merge_spaces: true, http: false };

    /// An argument of a rule that puts the result into an HTTP message.
    #[must_use]
    pub const fn http(context: ArgContext, points: Checkpoints) -> LogSite {
        LogSite { context, points, merge_spaces: false, http: true }
    }

    /// An argument evaluated at `points`, nothing folded.
    #[must_use]
    pub const fn plain(context: ArgContext, points: Checkpoints) -> LogSite {
        LogSite { context, points, merge_spaces: false, http: false }
    }
}

/// A format as the check of its proxy needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatCheck {
    /// Whether anything in it waits for an HTTP message.
    pub message: bool,
    /// Section line of its proxy.
    pub owner: Option<Span>,
    /// Where it was written.
    pub span: Span,
}

/// Reads a format.
///
/// # Errors
/// The original's words, such as `no such format alias 'x'. …`.
pub fn log_format_text(cx: &mut Cx<'_>, span: Span, text: &[u8], site: LogSite) -> Result<LogFormat, String> {
    let mut reader = Reader {
        cx,
        span,
        text,
        site,
        at: 0,
        defaults: LogFlags::default(),
        nodes: Vec::new(),
        literal: Vec::new(),
        message: false,
    };
    reader.all()?;
    let Reader { nodes, message, .. } = reader;
    if before_3_0(cx) {
        let owner = super::owner(cx);
        cx.rules.formats.push(FormatCheck { message, owner, span });
    }
    Ok(LogFormat { nodes, origin: span })
}

/// What stands between `%` and the alias or expression.
#[derive(Default)]
struct Prefix {
    name: Option<Box<str>>,
    flags: Option<(usize, usize)>,
}

struct Reader<'c, 'i, 't> {
    cx: &'c mut Cx<'i>,
    span: Span,
    text: &'t [u8],
    site: LogSite,
    at: usize,
    defaults: LogFlags,
    nodes: Vec<LogNode>,
    literal: Vec<u8>,
    message: bool,
}

impl Reader<'_, '_, '_> {
    fn all(&mut self) -> Result<(), String> {
        while let Some(&c) = self.text.get(self.at) {
            self.at += 1;
            match c {
                b'%' => self.token()?,
                b' ' if self.site.merge_spaces => {
                    self.flush();
                    if self.nodes.last() != Some(&LogNode::Separator) {
                        self.nodes.push(LogNode::Separator);
                    }
                }
                c => self.literal.push(c),
            }
        }
        self.flush();
        Ok(())
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.nodes.push(LogNode::Text(BString::from(std::mem::take(&mut self.literal))));
        }
    }

    fn here(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn slice(&self, from: usize, to: usize) -> &[u8] {
        self.text.get(from..to).unwrap_or(b"")
    }

    /// The word versions use for `%x`.
    fn noun(&self) -> &'static str {
        if before_3_0(self.cx) { "variable" } else { "alias" }
    }

    fn truncated(&self, from: Option<usize>) -> String {
        let rest = from.map_or_else(|| "%".to_owned(), |f| shown(self.slice(f, self.text.len())));
        format!("truncated line after '{rest}'")
    }

    /// What follows a `%`.
    fn token(&mut self) -> Result<(), String> {
        let mut prefix = Prefix::default();
        if self.here() == Some(b'(') && !before_3_0(self.cx) {
            prefix.name = self.custom_name()?;
        }
        match self.here() {
            None => Err(self.truncated(None)),
            Some(b'{') => {
                self.at += 1;
                let from = self.at;
                let Some(len) = memchr::memchr(b'}', self.slice(from, self.text.len())) else {
                    return Err(self.truncated(Some(from)));
                };
                prefix.flags = Some((from, from + len));
                self.at = from + len + 1;
                match self.here() {
                    Some(b'[') => self.sample(prefix),
                    Some(c) if c.is_ascii_alphanumeric() => self.alias(prefix),
                    _ => {
                        let flags = shown(self.slice(from, from + len));
                        let noun = self.noun();
                        Err(format!("parse argument modifier without {noun} name near '%{{{flags}}}'"))
                    }
                }
            }
            Some(b'[') => self.sample(prefix),
            Some(c) if c.is_ascii_alphabetic() => self.alias(prefix),
            Some(b'%') => {
                self.at += 1;
                self.literal.push(b'%');
                Ok(())
            }
            Some(c) if c.is_ascii_digit() || c == b' ' || c == b'\t' => Err(format!(
                "unexpected {} name near '{}' at position {} line : '{}'. Maybe you want to write a single '%', use the syntax '%%'",
                self.noun(),
                c as char,
                self.at,
                shown(self.text)
            )),
            // COMPAT: before any other byte the percent sign is dropped.
            Some(_) => Ok(()),
        }
    }

    /// `(name)` or `(name:type)`.
    fn custom_name(&mut self) -> Result<Option<Box<str>>, String> {
        let from = self.at + 1;
        let mut kind_from = None;
        self.at = from;
        loop {
            match self.here() {
                // COMPAT: the original prints the zero byte its own message then ends at.
                None => return Err("invalid character in custom name near '".to_owned()),
                Some(b')') => break,
                Some(b':') if kind_from.is_none() => kind_from = Some(self.at + 1),
                Some(c) if c.is_ascii_alphanumeric() || c == b'_' || c == b'-' => {}
                Some(c) => {
                    return Err(format!(
                        "invalid character in custom name near '{}' at position {} line : '{}'",
                        c as char,
                        self.at,
                        shown(self.text)
                    ));
                }
            }
            self.at += 1;
        }
        let name_end = kind_from.map_or(self.at, |k| k - 1);
        if let Some(k) = kind_from {
            let raw = self.cx.input.dialect >= rha_vocab::Dialect::V3_0;
            let kind = self.slice(k, self.at);
            let good = matches!(kind, b"str" | b"sint" | b"bool") || (raw && kind == b"raw");
            if !good {
                return Err(format!(
                    "unexpected output type '{}' at position {k} line : '{}'. Supported types are: str, sint, bool{}",
                    shown(kind),
                    shown(self.text),
                    if raw { ", raw" } else { "" }
                ));
            }
        }
        let name = shown(self.slice(from, name_end));
        self.at += 1;
        Ok((!name.is_empty()).then(|| name.into()))
    }

    fn flags(&self, prefix: &Prefix) -> LogFlags {
        let mut flags = self.defaults;
        if let Some((from, to)) = prefix.flags {
            read_flags(self.slice(from, to), &mut flags, !before_3_0(self.cx));
        }
        flags
    }

    fn alias(&mut self, prefix: Prefix) -> Result<(), String> {
        let from = self.at;
        while self.here().is_some_and(|c| c.is_ascii_alphanumeric()) {
            self.at += 1;
        }
        let name = self.slice(from, self.at);
        let dialect = self.cx.input.dialect;
        let Some(row) = log_alias::find(name).filter(|a| a.lifetime.covers(dialect)) else {
            return Err(format!(
                "no such format {} '{}'. If you wanted to emit the '%' character verbatim, you need to use '%%'",
                self.noun(),
                shown(name)
            ));
        };
        if row.http && before_3_0(self.cx) && !self.in_http_proxy() {
            return Err(format!("format variable '{}' is reserved for HTTP mode", row.name));
        }
        self.message |= row.message;
        let flags = self.flags(&prefix);
        if row.name == "o" {
            self.defaults = flags;
            return Ok(());
        }
        self.flush();
        self.nodes.push(LogNode::Alias { alias: row.name.into(), flags, name: prefix.name });
        Ok(())
    }

    fn in_http_proxy(&self) -> bool {
        super::owner_mode(self.cx).is_none_or(|m| m == Mode::Http)
    }

    fn sample(&mut self, prefix: Prefix) -> Result<(), String> {
        let from = self.at + 1;
        let inner = self.text.get(from..).unwrap_or(b"");
        let read = sample_prefix(self.cx, inner, self.span, self.site.context);
        let (expr, len) =
            read.map_err(|e| format!("failed to parse sample expression <{}> : {e}", shown(inner)))?;
        self.judge(&expr, inner)?;
        let flags = self.flags(&prefix);
        self.at = from + len;
        match self.here() {
            Some(b']') => self.at += 1,
            Some(c) if (0x20..0x7f).contains(&c) => {
                let before = shown(self.slice(from, self.at));
                return Err(format!("expected ']' after '{before}', but found '{}'", c as char));
            }
            _ => return Err(format!("missing ']' after '{}'", shown(self.slice(from, self.at)))),
        }
        self.flush();
        self.nodes.push(LogNode::Sample { expr: Box::new(expr), flags, name: prefix.name });
        Ok(())
    }

    /// Whether the fetch sees anything where the format is evaluated.
    fn judge(&mut self, expr: &rha_ir::SampleExpr, inner: &[u8]) -> Result<(), String> {
        let needs = self.cx.input.samples.fetch(&expr.fetch.name).map_or(Needs(0), |f| f.needs);
        self.message |= needs.http();
        let by_name = self.cx.input.dialect >= rha_vocab::Dialect::V3_2;
        let subject = if by_name { expr.fetch.name.to_string() } else { shown(inner) };
        if needs.checkpoints_in(self.cx.input.dialect).both(self.site.points).is_none() {
            return Err(format!(
                "sample fetch <{subject}> may not be reliably used here because it needs '{}' which is not available here",
                needs.names()
            ));
        }
        if self.site.http && needs.meets(Needs::L6_REQUEST.and(Needs::L6_RESPONSE)) {
            let at = self.cx.position(self.span);
            let text =
                format!("parsing [{at}] : L6 sample fetch <{subject}> ignored in HTTP log-format string.");
            self.cx.say("HA3304", rha_text::Severity::Warning, self.span, text);
        }
        Ok(())
    }
}

/// `+Q,-E,+X`: each piece counts from its last sign; unknown letters are ignored.
fn read_flags(text: &[u8], flags: &mut LogFlags, new: bool) {
    for piece in text.split(|c| *c == b',') {
        let Some(sign) = piece.iter().rposition(|c| *c == b'+' || *c == b'-') else { continue };
        let on = piece.get(sign) == Some(&b'+');
        let encoded = flags.json || flags.cbor;
        match piece.get(sign + 1..).unwrap_or(b"") {
            b"M" => flags.mandatory = on,
            b"Q" => flags.quote = on,
            b"X" => flags.hex = on,
            b"E" => flags.escape = on,
            b"bin" if new => flags.bin = on,
            // One encoding at most, the first.
            b"json" if new => flags.json = on && (flags.json || !encoded),
            b"cbor" if new => flags.cbor = on && (flags.cbor || !encoded),
            _ => {}
        }
    }
}
