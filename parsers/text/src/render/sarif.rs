//! SARIF 2.1.0 (OASIS), which code-scanning services read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{columns, is_summary, page, word};
use crate::{Diagnostic, Label, Sources};

/// A whole log with one run.
#[must_use]
pub fn log(sources: &Sources, all: &[Diagnostic], tool: &str, version: &str) -> Value {
    let shown: Vec<&Diagnostic> = all.iter().filter(|d| !is_summary(d)).collect();
    let codes: BTreeSet<&str> = shown.iter().map(|d| d.code).collect();
    let rules: Vec<Value> = codes.iter().map(|c| json!({"id": c, "helpUri": page(c)})).collect();
    let results: Vec<Value> = shown.iter().map(|d| result(sources, d)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": tool, "version": version, "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(sources: &Sources, d: &Diagnostic) -> Value {
    let place = |l: &&Label| sources.get(l.span.file).is_some();
    let mut places = d.labels.iter().filter(place).map(|l| location(sources, l));
    let main: Vec<Value> = places.next().into_iter().collect();
    let related: Vec<Value> = places.collect();
    let text = d.help.as_ref().map_or_else(|| d.message.clone(), |h| format!("{}\n{h}", d.message));
    let mut out = json!({
        "ruleId": d.code,
        "level": word(d.severity),
        "message": {"text": text},
        "locations": main,
    });
    if !related.is_empty() {
        out["relatedLocations"] = Value::Array(related);
    }
    if let Some(f) = &d.fix {
        let (column, end) = columns(sources, f.span);
        out["fixes"] = json!([{
            "artifactChanges": [{
                "artifactLocation": {"uri": sources.name(f.span.file)},
                "replacements": [{
                    "deletedRegion": {"startLine": f.span.line, "startColumn": column, "endColumn": end},
                    "insertedContent": {"text": f.replacement},
                }],
            }],
        }]);
    }
    out
}

fn location(sources: &Sources, l: &Label) -> Value {
    let (column, end) = columns(sources, l.span);
    let mut out = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": sources.name(l.span.file)},
            "region": {"startLine": l.span.line.max(1), "startColumn": column, "endColumn": end},
        },
    });
    if !l.text.is_empty() {
        out["message"] = json!({"text": l.text});
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn a_log_with_one_result() {
        let (sources, d) = samples::one();
        let log = log(&sources, &[d], "rhap", "0.1.0");
        assert_eq!(log["version"], "2.1.0");
        assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][0]["helpUri"], "docs/diagnostics/HA2002.md");
        insta::assert_snapshot!(log["runs"][0]["results"][0], @r#"{"fixes":[{"artifactChanges":[{"artifactLocation":{"uri":"a.cfg"},"replacements":[{"deletedRegion":{"endColumn":11,"startColumn":5,"startLine":2},"insertedContent":{"text":"maxconn"}}]}]}],"level":"error","locations":[{"message":{"text":"not known here"},"physicalLocation":{"artifactLocation":{"uri":"a.cfg"},"region":{"endColumn":11,"startColumn":5,"startLine":2}}}],"message":{"text":"unknown keyword 'maxcon'\ndid you mean 'maxconn'?"},"ruleId":"HA2002"}"#);
    }
}
