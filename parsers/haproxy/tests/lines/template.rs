//! The smallest configuration a line of `fixtures/haproxy/lines/*.tsv` stands in, by its place; shared by
//! the test that reads the recorded verdicts and the example that records them.

/// One row: place (with a mode after a colon), the line (`\n` separates several), dialect, verdict.
pub struct Row {
    /// `frontend`, `backend:tcp` and so on.
    pub place: String,
    /// The line or lines.
    pub line: String,
    /// `2.6` or `3.0`.
    pub dialect: String,
    /// `ok`, `warning` or `error`; empty before it is recorded.
    pub verdict: String,
}

/// Reads a table; comments begin with `#`.
pub fn rows(text: &str) -> Vec<Row> {
    text.lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .map(|l| {
            let mut columns = l.split('\t').map(str::to_owned);
            let mut next = || columns.next().unwrap_or_default();
            Row { place: next(), line: next(), dialect: next(), verdict: next() }
        })
        .collect()
}

/// The configuration around a line.
pub fn configuration(row: &Row) -> String {
    let (place, mode) = row.place.split_once(':').unwrap_or((&row.place, "http"));
    let line = row.line.replace("\\n", "\n ");
    let timeouts = " timeout client 1s\n timeout server 1s\n timeout connect 1s\n";
    let server = format!("backend b\n mode {mode}\n server s 1.2.3.4:80\n");
    match place {
        "global" => format!("global\n {line}\ndefaults\n{timeouts}frontend f\n bind :1\n"),
        "defaults" => format!("defaults d\n{timeouts} {line}\nfrontend f from d\n bind :1\n"),
        "frontend" | "listen" => {
            format!("defaults\n{timeouts}{place} f\n mode {mode}\n bind :1\n {line}\n{server}")
        }
        "backend" => format!(
            "defaults\n{timeouts}frontend f\n mode {mode}\n bind :1\nbackend b\n mode {mode}\n {line}\n server s 1.2.3.4:80\n"
        ),
        section => format!("{section} x\n {line}\ndefaults\n{timeouts}frontend f\n bind :1\n"),
    }
}
