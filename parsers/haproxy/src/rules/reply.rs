//! Arguments that describe a reply made here: `return`, `deny`, `tarpit`, `http-error`.
//!
//! HAProxy configuration manual §4.2 "http-request return" and "http-error".

use rha_ir::{LogFormat, Reply, ReplyBody};
use rha_text::Severity;
use rha_vocab::{Checkpoints, Dialect, Needs};

use super::{RuleCheck, RuleCheckKind, Set};
use crate::expr::{ArgContext, Args, LogSite, log_format_text};
use crate::{Cx, Line};

/// Statuses that have a page of their own; some only in later versions.
pub const HTTP_ERROR_CODES: [u16; 21] =
    [200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504];

/// Whether a version has a page for a status.
#[must_use]
pub(super) fn has_page(dialect: Dialect, status: i64) -> bool {
    let newer = matches!(status, 414 | 431);
    HTTP_ERROR_CODES.iter().any(|c| i64::from(*c) == status) && (!newer || dialect >= Dialect::V3_2)
}

/// Which argument gave the body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    ErrorFiles,
    DefaultErrorFiles,
    ErrorFile,
    Raw,
    Format,
}

/// A reply and the word after it.
pub struct ReadReply {
    /// The reply.
    pub reply: Reply,
    /// Its status, 0 when none was written and there is no default.
    pub status: i64,
    /// Index of the next word.
    pub next: usize,
}

struct Reader<'c, 'i, 'l> {
    cx: &'c mut Cx<'i>,
    args: Args<'l>,
    at: usize,
    site: LogSite,
    given: Option<(Given, String)>,
    status: i64,
    reply: Reply,
    /// The format of `lf-string` or `lf-file`, compiled at the end.
    pending_format: Option<Vec<u8>>,
    body_len: usize,
}

/// Reads the arguments of a reply from word `at` on; `default_status` 0 means none.
///
/// # Errors
/// The original's words.
pub fn reply_text(
    cx: &mut Cx<'_>,
    args: Args<'_>,
    at: usize,
    context: ArgContext,
    points: Checkpoints,
    default_status: i64,
) -> Result<ReadReply, String> {
    let reply = Reply { status: None, content_type: None, headers: Vec::new(), body: ReplyBody::Empty };
    let site = LogSite::http(context, points);
    let mut r = Reader {
        cx,
        args,
        at,
        site,
        given: None,
        status: default_status,
        reply,
        pending_format: None,
        body_len: 0,
    };
    while !r.args.ends(r.at) {
        if !r.argument()? {
            break;
        }
    }
    r.judge()?;
    Ok(ReadReply { reply: r.reply, status: r.status, next: r.at })
}

impl Reader<'_, '_, '_> {
    /// One argument; `false` when the word is none.
    fn argument(&mut self) -> Result<bool, String> {
        let word = self.args.text(self.at);
        match word.as_str() {
            "status" => {
                let value = self.value(&word, "<status_code>")?;
                let n = i64::from(crate::units::atoi(value.as_bytes()));
                if !(200..=599).contains(&n) {
                    return Err(format!("Unexpected status code '{n}'"));
                }
                self.status = n;
                self.reply.status = u16::try_from(n).ok();
            }
            "content-type" => {
                let value = self.value(&word, "<ctype>")?;
                self.reply.content_type = Some(value.into());
            }
            "errorfiles" => {
                self.body(Given::ErrorFiles, &word)?;
                let name = self.value(&word, "<name>")?;
                self.note_error_files(&name);
                self.reply.body = ReplyBody::ErrorFiles(name);
            }
            "default-errorfiles" => {
                self.body(Given::DefaultErrorFiles, &word)?;
                self.at += 1;
                self.reply.body = ReplyBody::Default;
            }
            "errorfile" => {
                self.body(Given::ErrorFile, &word)?;
                let path = self.value(&word, "<fmt>")?;
                self.error_file(&path)?;
                self.reply.body = ReplyBody::ErrorFile(path);
            }
            "file" => {
                self.body(Given::Raw, &word)?;
                let path = self.value(&word, "<file>")?;
                let bytes = self.content(&path)?;
                self.body_len = bytes.len();
                self.reply.body = ReplyBody::File(bytes);
            }
            "string" => {
                self.body(Given::Raw, &word)?;
                let text = self.raw_value(&word, "<str>")?;
                self.body_len = text.len();
                self.reply.body = ReplyBody::Text(text.into());
            }
            "lf-file" => {
                self.body(Given::Format, &word)?;
                let path = self.value(&word, "<file>")?;
                self.pending_format = Some(self.content(&path)?);
                self.reply.body =
                    ReplyBody::FormatFile(LogFormat { nodes: vec![], origin: self.args.span(0) });
            }
            "lf-string" => {
                self.body(Given::Format, &word)?;
                self.pending_format = Some(self.raw_value(&word, "<fmt>")?);
                self.reply.body = ReplyBody::Format(LogFormat { nodes: vec![], origin: self.args.span(0) });
            }
            "hdr" => self.header(&word)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn value(&mut self, word: &str, wanted: &str) -> Result<String, String> {
        Ok(String::from_utf8_lossy(&self.raw_value(word, wanted)?).into_owned())
    }

    fn raw_value(&mut self, word: &str, wanted: &str) -> Result<Vec<u8>, String> {
        let value = self.args.at(self.at + 1);
        if value.is_empty() {
            return Err(format!("'{word}' expects {wanted} as argument"));
        }
        self.at += 2;
        Ok(value.to_vec())
    }

    /// At most one argument gives the body.
    fn body(&mut self, given: Given, word: &str) -> Result<(), String> {
        if let Some((_, before)) = &self.given {
            return Err(format!("unexpected '{word}' argument, '{before}' already defined"));
        }
        self.given = Some((given, word.to_owned()));
        Ok(())
    }

    fn note_error_files(&mut self, name: &str) {
        let Some(owner) = self.cx.draft.as_ref().map(|d| d.proxy.origin) else { return };
        let kind = RuleCheckKind::ErrorFiles(name.to_owned());
        let set =
            if self.site.context == ArgContext::HttpResponse { Set::HttpResponse } else { Set::HttpRequest };
        let (rule, span) = (self.args.text(0), self.args.span(0));
        self.cx.rules.checks.push(RuleCheck { kind, set, condition: Needs(0), owner, rule, span });
    }

    fn content(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let bytes = self.cx.input.files.read(path).map_err(|_| format!("error opening file '{path}'"))?;
        let limit = super::buffer(self.cx);
        if bytes.len() as u64 > limit {
            return Err(format!("file '{path}' exceeds the buffer size ({} > {limit})", bytes.len()));
        }
        Ok(bytes)
    }

    /// A whole response in a file; only its first line is judged here.
    fn error_file(&mut self, path: &str) -> Result<(), String> {
        let read = self.cx.input.files.read(path);
        let bytes = read.map_err(|_| format!("error opening file '{path}'."))?;
        // COMPAT: an empty file closes the connection without an answer.
        if !bytes.is_empty() && !bytes.starts_with(b"HTTP/") {
            return Err(format!("'{path}': unable to parse headers"));
        }
        Ok(())
    }

    fn header(&mut self, word: &str) -> Result<(), String> {
        let (name, value) = (self.args.at(self.at + 1), self.args.at(self.at + 2));
        if name.is_empty() || value.is_empty() {
            return Err(format!("'{word}' expects <name> and <value> as arguments"));
        }
        let ours: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"content-type"];
        if ours.iter().any(|o| name.eq_ignore_ascii_case(o)) {
            let text = format!("header '{}' always ignored by the http reply.", self.args.text(self.at + 1));
            self.warn(&text);
        } else {
            let format = log_format_text(self.cx, self.args.span(self.at + 2), value, self.site)?;
            self.reply.headers.push((name.to_owned(), format));
        }
        self.at += 3;
        Ok(())
    }

    fn warn(&mut self, text: &str) {
        let span = self.args.span(0);
        let at = self.cx.position(span);
        self.cx.say("HA3314", Severity::Warning, span, format!("parsing [{at}] : {text}"));
    }

    fn take_content_type(&mut self) -> Option<String> {
        self.reply.content_type.take().map(|t| String::from_utf8_lossy(&t).into_owned())
    }

    /// What only shows once all arguments are read.
    fn judge(&mut self) -> Result<(), String> {
        let Some((given, word)) = self.given.clone() else {
            if let Some(t) = self.take_content_type() {
                self.warn(&format!(
                    "content-type '{t}' ignored by the http reply because neither errorfile nor payload defined."
                ));
            }
            return Ok(());
        };
        match given {
            Given::ErrorFiles | Given::DefaultErrorFiles | Given::ErrorFile => self.judge_pages(given, &word),
            Given::Raw => self.judge_raw(),
            Given::Format => self.judge_format(),
        }
    }

    fn judge_pages(&mut self, given: Given, word: &str) -> Result<(), String> {
        if given != Given::ErrorFile && !has_page(self.cx.input.dialect, self.status) {
            let status = self.status;
            return Err(format!("status code '{status}' not handled by default with '{word}' argument."));
        }
        if let Some(t) = self.take_content_type() {
            self.warn(&format!("content-type '{t}' ignored by the http reply when used with an erorrfile."));
        }
        if !self.reply.headers.is_empty() {
            self.warn("hdr parameters ignored by the http reply when used with an erorrfile.");
            self.reply.headers.clear();
        }
        Ok(())
    }

    fn judge_raw(&mut self) -> Result<(), String> {
        if matches!(self.status, 204 | 304) && self.body_len > 0 {
            return Err(format!("No body expected for {} responses", self.status));
        }
        if self.reply.content_type.is_none() && self.body_len > 0 {
            return Err("a content type must be defined when non-empty payload is configured".to_owned());
        }
        if self.body_len == 0
            && let Some(t) = self.take_content_type()
        {
            self.warn(&format!(
                "content-type '{t}' ignored by the http reply when used with an empty payload."
            ));
        }
        if super::buffer(self.cx).saturating_sub(self.body_len as u64) < 1024 {
            self.warn("http reply payload runs over the buffer space reserved to headers rewriting. It may lead to internal errors if strict rewriting mode is enabled.");
        }
        Ok(())
    }

    fn judge_format(&mut self) -> Result<(), String> {
        if matches!(self.status, 204 | 304) {
            return Err(format!("No body expected for {} responses", self.status));
        }
        if self.reply.content_type.is_none() {
            return Err("a content type must be defined with a log-format payload".to_owned());
        }
        let text = self.pending_format.take().unwrap_or_default();
        let format = log_format_text(self.cx, self.args.span(0), &text, self.site)?;
        match &mut self.reply.body {
            ReplyBody::Format(f) | ReplyBody::FormatFile(f) => *f = format,
            _ => {}
        }
        Ok(())
    }
}

/// `http-error status … …` in a proxy.
pub(super) fn http_error(cx: &mut Cx<'_>, line: &Line) {
    let both = Checkpoints(u32::MAX >> 13);
    let args = Args::of(line, 0);
    let read = match reply_text(cx, args, 1, ArgContext::HttpError, both, 0) {
        Ok(r) => r,
        Err(e) => {
            cx.error("HA2320", line, 1, format!("http-error : {e}"));
            return;
        }
    };
    let complaint = if read.status == 0 {
        // COMPAT: a line break of the original's stands at the end of this message.
        Some("http-error : expects at least a <status> as arguments.\n".to_owned())
    } else if !has_page(cx.input.dialect, read.status) {
        Some(format!("http-error: status code '{}' not handled.", read.status))
    } else if !args.ends(read.next) {
        Some(format!("http-error : unknown keyword '{}'.", args.text(read.next)))
    } else {
        None
    };
    if let Some(text) = complaint {
        cx.error("HA2320", line, 1, text);
        return;
    }
    if let (Some(d), Ok(status)) = (cx.draft.as_mut(), u16::try_from(read.status)) {
        d.proxy.error_files.push((status, rha_ir::ErrorFile::Reply(read.reply)));
    }
}
