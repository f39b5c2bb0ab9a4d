//! `-t`: says what is wrong with the files, and exits as the original does.

use std::io::{IsTerminal, Write};

use rha_keepalived::Outcome;
use rha_text::render;
use rha_text::{Diagnostic, DiskFiles, Severity};
use rha_vocab::Support;

use crate::config;
use crate::options::{Format, Options};

/// Checks, prints, and gives the exit code.
#[must_use]
pub fn test(options: &Options, log_file: Option<&str>) -> i32 {
    let outcome = config::read(options, true, &DiskFiles::default(), config::seed());
    match format(options, log_file) {
        Format::Auto | Format::Native => {
            let text: String = outcome.native().iter().map(|l| format!("{l}\n")).collect();
            if let Err(e) = write_native(&text, log_file) {
                eprint_one(&format!(
                    "Unable to open config-test log file {} {} - {e}\n",
                    log_file.unwrap_or(""),
                    e.raw_os_error().unwrap_or(0)
                ));
                return 1;
            }
        }
        form => print_form(form, &outcome),
    }
    outcome.exit_code
}

/// Native for files, pipes and CI; pretty for people.
fn format(options: &Options, log_file: Option<&str>) -> Format {
    let people = std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
    match options.format {
        Format::Auto if log_file.is_none() && people => Format::Pretty,
        Format::Auto => Format::Native,
        other => other,
    }
}

fn write_native(text: &str, log_file: Option<&str>) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    match log_file {
        None => {
            eprint_one(text);
            Ok(())
        }
        Some(path) => std::fs::File::options()
            .append(true)
            .create(true)
            .mode(0o644)
            .open(path)?
            .write_all(text.as_bytes()),
    }
}

fn print_form(form: Format, outcome: &Outcome) {
    let mut all = outcome.diagnostics.clone();
    all.extend(outcome.notes.iter().filter_map(support));
    let sources = &outcome.sources;
    match form {
        Format::Pretty | Format::Auto | Format::Native => eprint_one(&pretty().all(sources, &all)),
        Format::Json => print_one(&render::json::lines(sources, &all)),
        Format::Sarif => {
            let log = render::sarif::log(sources, &all, "rkeepalived", env!("CARGO_PKG_VERSION"));
            print_one(&format!("{log:#}\n"));
        }
        Format::Github => print_one(&render::github::commands(sources, &all)),
    }
}

/// Support notes as diagnostics, for the forms that are ours.
fn support(n: &rha_keepalived::SupportNote) -> Option<Diagnostic> {
    let keyword = &n.keyword;
    let d = match n.support {
        Support::Full | Support::NoEffect(_) => return None,
        Support::Partial(what) => {
            Diagnostic::own("KA4003", Severity::Notice, n.span, format!("'{keyword}' is built but for: {what}"))
        }
        Support::Refused(reason) => {
            Diagnostic::own("KA4002", Severity::Error, n.span, format!("'{keyword}' is refused: {reason}"))
        }
        Support::Planned => {
            Diagnostic::own("KA4001", Severity::Notice, n.span, format!("'{keyword}' is understood but not built yet"))
                .help("rkeepalived will not start with it: remove the line, or start with --allow-planned to go on without what it asks for")
        }
    };
    Some(d)
}

fn pretty() -> render::pretty::Pretty {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let width = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).unwrap_or(100);
    let dumb = std::env::var_os("TERM").is_none_or(|t| t == "dumb");
    let color = std::io::stderr().is_terminal() && !set("NO_COLOR") && !dumb;
    render::pretty::Pretty { color, unicode: !dumb, width }
}

/// Writes to standard error; a closed pipe is the reader's choice.
pub fn eprint_one(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes to standard output; a closed pipe is the reader's choice.
pub fn print_one(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
