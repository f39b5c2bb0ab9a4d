//! The sections that fixture lines are put into, shared by the test and the recorder.

/// A whole file with `lines` in the section a template names; `None` for an unknown template.
pub fn file(template: &str, lines: &str) -> Option<String> {
    const TIMEOUTS: &str = " timeout client 1s\n timeout server 1s\n timeout connect 1s\n";
    const SERVER: &str = " server s 127.0.0.1:1\n";
    let head = match template {
        "listen" => format!("listen f\n mode http\n bind :1\n{TIMEOUTS}{SERVER}"),
        "tcp" => format!("listen f\n mode tcp\n bind :1\n{TIMEOUTS}{SERVER}"),
        "frontend" => "frontend f\n mode http\n bind :1\n timeout client 1s\n".to_owned(),
        "backend" => format!("backend f\n mode http\n timeout server 1s\n timeout connect 1s\n{SERVER}"),
        "defaults" => "defaults\n mode http\n".to_owned(),
        "named-defaults" => "defaults n\n mode http\n".to_owned(),
        _ => return None,
    };
    let body: String = lines.split("\\N").map(|l| format!(" {l}\n")).collect();
    Some(head + &body)
}

/// Whether a message only sums up, or depends on where it runs.
pub fn sums_up(text: &str) -> bool {
    ["Error(s) found in", "Fatal errors found", "will not start (no listener)"]
        .iter()
        .any(|s| text.contains(s))
}

/// Messages as a field of the table.
pub fn field(messages: &[String]) -> String {
    let all = messages.iter().map(|m| m.trim_end_matches('\n')).collect::<Vec<_>>().join("\n");
    if all.is_empty() {
        return "-".to_owned();
    }
    all.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t")
}
