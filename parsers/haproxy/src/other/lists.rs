//! `userlist`, and `http-errors`.

use rha_ir::User;
use rha_text::{Severity, Span};

use super::{built, fail, fail_tight, row};
use crate::{Cx, Keyword, Line, Place};

/// Rows.
pub const KEYWORDS: &[Keyword] = &[
    built(row(
        Place::USERLIST,
        "user",
        "<username> [password|insecure-password <password>] [groups <group>,<group>,(...)]",
        "A user with a password and groups.",
        user,
    )),
    built(row(
        Place::USERLIST,
        "group",
        "<groupname> [users <user>,<user>,(...)]",
        "A group of users.",
        group,
    )),
    built(row(Place::HTTP_ERRORS, "errorfile", "<code> <file>", "A whole reply for a status.", errorfile)),
];

fn user(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail_tight(cx, line, "'user' expects <name> as arguments.");
    }
    let name = line.text(1);
    let known = cx.model.user_lists.last().is_some_and(|l| l.users.iter().any(|u| u.name == name));
    if known {
        let list = cx.others.current.name.clone();
        let text = format!("ignoring duplicated user '{name}' in userlist '{list}'.");
        return cx.parsing("HA3021", Severity::Warning, line, 1, ": ", &text);
    }
    let mut user = User { name, password: None, groups: Vec::new() };
    let mut i = 2;
    while !line.arg(i).is_empty() {
        let value = line.text(i + 1);
        match line.text(i).as_str() {
            "password" => user.password = Some((value, false)),
            "insecure-password" => user.password = Some((value, true)),
            "groups" => user.groups = value.split(',').map(str::to_owned).collect(),
            _ => {
                return fail_tight(
                    cx,
                    line,
                    "'user' only supports 'password', 'insecure-password' and 'groups' options.",
                );
            }
        }
        i += 2;
    }
    if let Some(list) = cx.model.user_lists.last_mut() {
        list.users.push(user);
    }
}

fn group(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail_tight(cx, line, "'group' expects <name> as arguments.");
    }
    let name = line.text(1);
    if cx.others.current.entries.contains(&name) {
        let list = cx.others.current.name.clone();
        let text = format!("ignoring duplicated group '{name}' in userlist '{list}'.");
        return cx.parsing("HA3021", Severity::Warning, line, 1, ": ", &text);
    }
    if !line.arg(2).is_empty() && !line.is(2, "users") {
        return fail_tight(cx, line, "'group' only supports 'users' option.");
    }
    let users = line.text(3);
    let list = cx.others.current.name.clone();
    cx.others.current.entries.push(name.clone());
    cx.others.groups.push((
        list,
        name,
        users.split(',').filter(|u| !u.is_empty()).map(str::to_owned).collect(),
    ));
}

/// Joins users and groups; false when one names what does not exist.
pub fn resolve_users(cx: &mut Cx<'_>) -> bool {
    let mut lists = std::mem::take(&mut cx.model.user_lists);
    let groups = std::mem::take(&mut cx.others.groups);
    let mut wrong: Vec<(Span, String)> = Vec::new();
    for list in &mut lists {
        let own = groups.iter().filter(|(l, ..)| *l == list.name);
        for user in &list.users {
            for g in user.groups.iter().filter(|g| !own.clone().any(|(_, n, _)| n == *g)) {
                let text = format!(
                    "userlist '{}': no such group '{g}' specified in user '{}'",
                    list.name, user.name
                );
                wrong.push((list.origin, text));
            }
        }
        for (_, group, members) in own {
            for m in members {
                match list.users.iter_mut().find(|u| u.name == *m) {
                    Some(u) => u.groups.push(group.clone()),
                    None => wrong.push((
                        list.origin,
                        format!("userlist '{}': no such user '{m}' specified in group '{group}'", list.name),
                    )),
                }
            }
        }
    }
    cx.model.user_lists = lists;
    let fine = wrong.is_empty();
    if let Some((span, text)) = wrong.into_iter().next() {
        cx.say_late("HA3023", Severity::Error, span, text);
    }
    fine
}

fn errorfile(cx: &mut Cx<'_>, line: &Line) {
    const CODES: [&str; 22] = [
        "200", "400", "401", "403", "404", "405", "407", "408", "410", "413", "414", "421", "422", "425",
        "429", "431", "500", "501", "502", "503", "504", "0",
    ];
    if line.arg(2).is_empty() {
        return fail(cx, line, "errorfile: expects <status_code> and <file> as arguments.");
    }
    let (code, file) = (line.text(1), line.text(2));
    if !CODES.contains(&code.as_str()) {
        return fail(cx, line, format!("errorfile : status code '{code}' not handled."));
    }
    let Ok(content) = cx.input.files.read(&file) else {
        return fail(cx, line, format!("errorfile : error opening file '{file}'."));
    };
    let limit = cx.model.process.bufsize.unwrap_or(16384) as usize;
    let content = content.get(..limit.min(content.len())).unwrap_or_default().to_vec();
    if let Err(text) = crate::proxy::error_page_is_well_formed(&content) {
        return fail(cx, line, format!("errorfile : '{file}': {text}"));
    }
    if let (Some(section), Ok(code)) = (cx.model.error_sections.last_mut(), code.parse()) {
        section.pages.retain(|(c, _)| *c != code);
        section.pages.push((code, content));
    }
}
