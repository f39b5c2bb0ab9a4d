//! The form for people at a terminal: the line with a caret under the cause, advice, and the page.

use std::borrow::Cow;
use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use super::{is_summary, page};
use crate::{Diagnostic, Severity, Sources};

/// How it looks.
#[derive(Debug, Clone, Copy)]
pub struct Pretty {
    /// Terminal colours.
    pub color: bool,
    /// Box-drawing characters.
    pub unicode: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Pretty {
    /// One diagnostic, ending with a line feed.
    #[must_use]
    pub fn diagnostic(&self, sources: &Sources, d: &Diagnostic) -> String {
        let theme = match (self.color, self.unicode) {
            (true, true) => GraphicalTheme::unicode(),
            (false, true) => GraphicalTheme::unicode_nocolor(),
            (true, false) => {
                GraphicalTheme { characters: miette::ThemeCharacters::ascii(), ..GraphicalTheme::unicode() }
            }
            (false, false) => GraphicalTheme {
                characters: miette::ThemeCharacters::ascii(),
                ..GraphicalTheme::unicode_nocolor()
            },
        };
        let handler =
            GraphicalReportHandler::new_themed(theme).with_width(self.width.max(40)).with_links(false);
        let mut out = String::new();
        // Writing to a string cannot fail, and a report that did would be replaced by its sentence.
        if handler.render_report(&mut out, &Report::new(sources, d)).is_err() {
            out.clone_from(&d.message);
        }
        if !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(&format!("  {}: {}\n", d.code, page(d.code)));
        out
    }

    /// All of them with a count at the end; empty when there is none.
    #[must_use]
    pub fn all(&self, sources: &Sources, all: &[Diagnostic]) -> String {
        let mut out = String::new();
        let (mut errors, mut warnings) = (0, 0);
        for d in all.iter().filter(|d| !is_summary(d)) {
            errors += usize::from(d.severity == Severity::Error);
            warnings += usize::from(d.severity == Severity::Warning);
            out.push_str(&self.diagnostic(sources, d));
            out.push('\n');
        }
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        if errors + warnings > 0 {
            out.push_str(&format!("{}, {}\n", count(errors, "error"), count(warnings, "warning")));
        }
        out
    }
}

/// A diagnostic as miette wants to see it.
struct Report {
    message: String,
    severity: Severity,
    help: Option<String>,
    labels: Vec<LabeledSpan>,
    source: Option<NamedSource<String>>,
}

impl Report {
    fn new(sources: &Sources, d: &Diagnostic) -> Self {
        let main = d.span().and_then(|s| sources.get(s.file).map(|f| (s.file, f)));
        let mut labels = Vec::new();
        let mut elsewhere = Vec::new();
        for l in &d.labels {
            match main {
                Some((file, f)) if l.span.file == file && l.span.line > 0 => {
                    let start = (l.span.start as usize).min(f.text.len());
                    let length = (l.span.end as usize).clamp(start, f.text.len()) - start;
                    let text = Some(l.text.clone()).filter(|t| !t.is_empty());
                    labels.push(LabeledSpan::new(text, start, length));
                }
                _ if sources.get(l.span.file).is_some() && !l.text.is_empty() => {
                    elsewhere.push(format!("{}:{}: {}", sources.name(l.span.file), l.span.line, l.text));
                }
                _ => {}
            }
        }
        let help: Vec<String> = d.help.iter().cloned().chain(elsewhere).collect();
        Report {
            message: d.message.clone(),
            severity: d.severity,
            help: (!help.is_empty()).then(|| help.join("\n")),
            source: main
                .filter(|_| !labels.is_empty())
                .map(|(_, f)| NamedSource::new(&f.name, printable(&f.text).into_owned())),
            labels,
        }
    }
}

/// The text with every byte that is not UTF-8 replaced by one `?`, so that offsets stay.
fn printable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| '?'));
    }
    Cow::Owned(out)
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Notice => miette::Severity::Advice,
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|s| s as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    const PLAIN: Pretty = Pretty { color: false, unicode: true, width: 80 };

    #[test]
    fn a_caret_under_the_cause() {
        let (sources, d) = samples::one();
        let text = PLAIN.all(&sources, &[d]);
        insta::assert_snapshot!(text, @r#"
          × unknown keyword 'maxcon'
           ╭─[a.cfg:2:5]
         1 │ global
         2 │     maxcon 10
           ·     ───┬──
           ·        ╰── not known here
           ╰────
          help: did you mean 'maxconn'?
          HA2002: docs/diagnostics/HA2002.md

        1 error, 0 warnings
        "#);
    }

    #[test]
    fn bytes_that_are_no_text_keep_their_places() {
        assert_eq!(printable(b"a\xff\xfeb"), "a??b");
        let (mut sources, mut d) = samples::one();
        let file = sources.add("bad.cfg", b"x \xff y\n".to_vec());
        d.labels[0].span = crate::Span { file, line: 1, start: 4, end: 900 };
        assert!(PLAIN.diagnostic(&sources, &d).contains("bad.cfg"));
        d.labels.clear();
        assert!(PLAIN.diagnostic(&sources, &d).contains("unknown keyword"));
    }
}
