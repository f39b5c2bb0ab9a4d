//! One renderer per file: the originals' own wording, the pretty form for people, and three for machines.
//!
//! The machine forms leave out messages that only sum others up ([`is_summary`]); the native form is the
//! only one that repeats the original's stream byte for byte.

pub mod github;
pub mod haproxy;
pub mod json;
pub mod pretty;
pub mod sarif;

use crate::{Diagnostic, Severity, Sources, Span};

/// Whether a diagnostic only sums up what others said: code `…0001`.
#[must_use]
pub fn is_summary(d: &Diagnostic) -> bool {
    d.code.ends_with("0001")
}

/// The page that explains a code.
#[must_use]
pub fn page(code: &str) -> String {
    format!("docs/diagnostics/{code}.md")
}

/// 1-based columns of a span's first byte and of the one after its last, both on the first line,
/// counted in characters.
#[must_use]
pub fn columns(sources: &Sources, span: Span) -> (usize, usize) {
    let text = sources.get(span.file).map_or(&b""[..], |f| f.text.as_slice());
    let start = (span.start as usize).min(text.len());
    let line_start = text[..start].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let line_end = text[start..].iter().position(|b| *b == b'\n').map_or(text.len(), |n| start + n);
    let end = (span.end as usize).clamp(start, line_end);
    let characters = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().count();
    (1 + characters(&text[line_start..start]), 1 + characters(&text[line_start..end]))
}

/// The severity's word in machine forms.
const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Notice => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use crate::{Diagnostic, Severity, Sources, Span};

    /// A file and a diagnostic about its second line.
    pub fn one() -> (Sources, Diagnostic) {
        let mut sources = Sources::default();
        let file = sources.add("a.cfg", b"global\n    maxcon 10\n".to_vec());
        let span = Span { file, line: 2, start: 11, end: 17 };
        let text = "config : parsing [a.cfg:2] : unknown keyword 'maxcon' in 'global' section; did you mean 'maxconn' maybe ?";
        let d = Diagnostic::native("HA2002", Severity::Error, span, text)
            .saying("unknown keyword 'maxcon'")
            .under("not known here")
            .help("did you mean 'maxconn'?")
            .fix(span, "maxconn");
        (sources, d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileId;

    #[test]
    fn columns_count_characters_and_stay_on_the_line() {
        let mut s = Sources::default();
        let f = s.add("x", "aé b\nc".as_bytes().to_vec());
        let span = |start, end| Span { file: f, line: 1, start, end };
        assert_eq!(columns(&s, span(4, 5)), (4, 5));
        assert_eq!(columns(&s, span(4, 7)), (4, 5));
        assert_eq!(columns(&s, span(900, 901)), (2, 2));
        assert_eq!(columns(&s, Span { file: FileId(9), ..span(0, 0) }), (1, 1));
    }
}
