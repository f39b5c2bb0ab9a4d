//! Keywords that count only the first time: a second line is an alert that does not stop anything.

use crate::{Cx, Line};

/// Says that a keyword was given before; whether it was said.
pub fn is_again(cx: &mut Cx<'_>, line: &Line, name: &'static str) -> bool {
    let again = cx.others.given.contains(&name);
    if again {
        cx.alert("HA3010", line, 0, " : ", format!("'{name}' already specified. Continuing."));
    }
    again
}

/// Notes that a keyword was given.
pub fn mark(cx: &mut Cx<'_>, name: &'static str) {
    cx.others.given.push(name);
}

/// The same, with another text before `already specified`.
pub fn is_again_as(cx: &mut Cx<'_>, line: &Line, name: &'static str, shown: &str) -> bool {
    let again = cx.others.given.contains(&name);
    if again {
        cx.alert("HA3010", line, 0, " : ", format!("{shown} already specified. Continuing."));
    }
    again
}
