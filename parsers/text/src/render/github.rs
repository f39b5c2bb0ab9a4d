//! Workflow commands of GitHub Actions: `::error file=…,line=…,col=…,title=CODE::message`.

use super::{columns, is_summary};
use crate::{Diagnostic, Severity, Sources};

/// One diagnostic as one line with its line feed.
#[must_use]
pub fn command(sources: &Sources, d: &Diagnostic) -> String {
    let level = match d.severity {
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let mut properties = Vec::new();
    if let Some(span) = d.span().filter(|s| sources.get(s.file).is_some()) {
        let (column, end) = columns(sources, span);
        properties.push(format!("file={}", property(sources.name(span.file))));
        properties.push(format!("line={}", span.line));
        properties.push(format!("col={column}"));
        properties.push(format!("endColumn={end}"));
    }
    properties.push(format!("title={}", d.code));
    let help = d.help.as_ref().map_or_else(String::new, |h| format!("\n{h}"));
    format!("::{level} {}::{}\n", properties.join(","), data(&format!("{}{help}", d.message)))
}

/// All of them.
#[must_use]
pub fn commands(sources: &Sources, all: &[Diagnostic]) -> String {
    all.iter().filter(|d| !is_summary(d)).map(|d| command(sources, d)).collect()
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn one_command() {
        let (sources, d) = samples::one();
        insta::assert_snapshot!(commands(&sources, &[d]), @"::error file=a.cfg,line=2,col=5,endColumn=11,title=HA2002::unknown keyword 'maxcon'%0Adid you mean 'maxconn'?");
    }

    #[test]
    fn what_would_end_a_command_is_escaped() {
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }
}
