//! Error pages: what `errorfile` and `errorloc` say, else the built-in ones.

use rha_http1::{Method, Parsed, Policy, ResponseHead, pages};
use rha_ir::Span;

use super::PlanError;
use super::rules::ReplyPlan;
use crate::http::message::Reply;

/// What a proxy has for a status.
#[derive(Debug)]
pub enum Page {
    /// A response from the configuration.
    Fixed(PagePlan),
    /// `http-error`: composed for each request.
    Reply(Box<ReplyPlan>),
    /// `http-error … default-errorfiles`: the built-in page.
    Builtin,
    /// An empty file: the connection is closed without an answer.
    Silent,
}

impl Page {
    /// Reads a whole response from the configuration.
    pub(super) fn parse(status: u16, raw: &[u8], policy: &Policy, span: Span) -> Result<Page, PlanError> {
        if raw.is_empty() {
            return Ok(Page::Silent);
        }
        PagePlan::parse(raw, policy).map(Page::Fixed).ok_or_else(|| PlanError {
            span,
            message: format!("the error file for status {status} is not an HTTP response"),
        })
    }
}

/// A page read from the configuration: a response taken apart.
#[derive(Debug, Clone)]
pub struct PagePlan {
    status: u16,
    reason: String,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    http10: bool,
    has_length: bool,
}

impl PagePlan {
    /// `errorloc`.
    pub(super) fn location(code: u16, to: &[u8]) -> PagePlan {
        PagePlan {
            status: code,
            reason: if code == 303 { "See Other" } else { "Found" }.to_owned(),
            fields: vec![
                (b"cache-control".to_vec(), b"no-cache".to_vec()),
                (b"content-length".to_vec(), b"0".to_vec()),
                (b"location".to_vec(), to.to_vec()),
            ],
            body: Vec::new(),
            http10: false,
            has_length: true,
        }
    }

    fn parse(raw: &[u8], policy: &Policy) -> Option<PagePlan> {
        let mut head = ResponseHead::default();
        let Parsed::Complete { len } = head.parse(raw, policy, Method::Get) else { return None };
        let body = raw.get(len..).unwrap_or_default().to_vec();
        let mut fields = Vec::new();
        for i in 0..head.field_count() {
            if let Some((n, v)) = head.field(raw, i) {
                if n.eq_ignore_ascii_case(b"connection") {
                    continue;
                }
                fields.push((n.to_ascii_lowercase(), v.to_vec()));
            }
        }
        // COMPAT: the version stays, and a body without a length ends with the connection (`error_pages/*`).
        Some(PagePlan {
            http10: head.version(raw) == (1, 0),
            has_length: head.content_length().is_some(),
            status: head.status(),
            reason: String::from_utf8_lossy(head.reason(raw)).into_owned(),
            fields,
            body,
        })
    }

    pub(crate) fn fill(&self, reply: &mut Reply, policy: &Policy) {
        reply.status = self.status;
        reply.head.build(self.status, Some(&self.reason), policy);
        if self.http10 {
            reply.head.speak_http10();
        }
        if !self.has_length {
            reply.head.frame_by_close();
        }
        for (n, v) in &self.fields {
            reply.head.add(n, v);
        }
        reply.body.clear();
        reply.body.extend_from_slice(&self.body);
    }
}

/// The built-in page; a bare status when the dialect has none.
pub(crate) fn builtin(status: u16, reply: &mut Reply, policy: &Policy) {
    reply.status = status;
    reply.body.clear();
    match pages::of(status, policy.dialect) {
        Some(page) => {
            page.fill(&mut reply.head, policy);
            reply.body.extend_from_slice(page.body(policy.dialect).as_bytes());
        }
        None => {
            reply.head.build(status, None, policy);
            reply.head.add(b"content-length", b"0");
        }
    }
}

/// The built-in page in the spelling of a request that was refused before it could be read.
pub(crate) fn early(status: u16, reply: &mut Reply, policy: &Policy) {
    reply.status = status;
    match pages::of(status, policy.dialect) {
        Some(page) => reply.raw = page.early(policy.dialect),
        None => builtin(status, reply, policy),
    }
}
