//! One JSON object per diagnostic and line, for scripts.
//!
//! The fields are stable: `code severity message file line column end_column help fix native`. What is
//! not known is `null`; `column` and `end_column` count characters from 1.

use serde_json::{Value, json};

use super::{columns, is_summary, word};
use crate::{Diagnostic, Sources};

/// One diagnostic as an object.
#[must_use]
pub fn object(sources: &Sources, d: &Diagnostic) -> Value {
    let place = d.span().filter(|s| sources.get(s.file).is_some());
    let (column, end_column) = place.map_or((None, None), |s| {
        let (a, b) = columns(sources, s);
        (Some(a), Some(b))
    });
    json!({
        "code": d.code,
        "severity": word(d.severity),
        "message": d.message,
        "file": place.map(|s| sources.name(s.file)),
        "line": place.map(|s| s.line),
        "column": column,
        "end_column": end_column,
        "help": d.help,
        "fix": d.fix.as_ref().map(|f| {
            let (a, b) = columns(sources, f.span);
            json!({"line": f.span.line, "column": a, "end_column": b, "replacement": f.replacement})
        }),
        "native": d.native.as_ref().map(|n| n.text.as_str()),
    })
}

/// All of them, a line each.
#[must_use]
pub fn lines(sources: &Sources, all: &[Diagnostic]) -> String {
    all.iter().filter(|d| !is_summary(d)).map(|d| format!("{}\n", object(sources, d))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn one_object_a_line() {
        let (sources, d) = samples::one();
        insta::assert_snapshot!(lines(&sources, &[d]), @r#"{"code":"HA2002","column":5,"end_column":11,"file":"a.cfg","fix":{"column":5,"end_column":11,"line":2,"replacement":"maxconn"},"help":"did you mean 'maxconn'?","line":2,"message":"unknown keyword 'maxcon'","native":"config : parsing [a.cfg:2] : unknown keyword 'maxcon' in 'global' section; did you mean 'maxconn' maybe ?","severity":"error"}"#);
    }
}
