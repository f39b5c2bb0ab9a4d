//! `rkeepalived status` and `rkeepalived handover`: a question over the control socket, the answer printed.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::check::{eprint_one, print_one};
use crate::options::Options;
use crate::pidfile::{Naming, PidFiles};

/// Where the control socket of these options is: beside the parent's pid file.
#[must_use]
pub fn socket(options: &Options, naming: &Naming) -> String {
    options.control.clone().unwrap_or_else(|| {
        let main = PidFiles::of(options, naming).main;
        format!("{}.sock", main.strip_suffix(".pid").unwrap_or(&main))
    })
}

/// Asks; the exit code is 0, 1 when the answer is no, 2 when there is none.
#[must_use]
pub fn run(options: &Options) -> i32 {
    let words: Vec<&str> = options.words.iter().map(String::as_str).collect();
    let question = match words.as_slice() {
        ["status"] if options.json => "status json".to_owned(),
        ["status"] => "status".to_owned(),
        ["handover"] => "handover".to_owned(),
        ["handover", name] => format!("handover {name}"),
        _ => {
            eprint_one("rkeepalived status [--json] | rkeepalived handover [INSTANCE]\n");
            return 2;
        }
    };
    let naming = Naming { namespace: options.namespace.clone(), ..Naming::default() };
    let path = socket(options, &naming);
    match ask(&path, &question) {
        Ok(answer) => match answer.split_at_checked(1) {
            Some(("+", text)) => {
                print_one(text);
                0
            }
            Some((_, text)) => {
                eprint_one(text);
                1
            }
            None => 2,
        },
        Err(e) => {
            eprint_one(&format!("rkeepalived: no answer at {path}: {e}\n"));
            2
        }
    }
}

fn ask(path: &str, question: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.write_all(format!("{question}\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
