//! Section lines: what name a section wants and what is said about two of one name.

use rha_text::Severity;
use rha_vocab::Dialect;

use super::{Current, fail, fail_tight};
use crate::tables::Section;
use crate::{Cx, Line, Place, proxy};

/// How a kind of section names itself in complaints.
struct Naming {
    missing: &'static str,
    missing_is_tight: bool,
    /// Whether more than a name is refused.
    one: bool,
    /// `{c}` the character, `{n}` the name; empty: any name goes.
    bad: &'static str,
    bad_is_tight: bool,
}

const FREE: Naming =
    Naming { missing: "", missing_is_tight: false, one: false, bad: "", bad_is_tight: false };

fn naming(place: Place, dialect: Dialect) -> Naming {
    match place {
        Place::PEERS => Naming {
            missing: "missing name for peers section.",
            one: true,
            bad: "character '{c}' is not permitted in 'peers' name '{n}'.",
            ..FREE
        },
        Place::MAILERS => Naming {
            missing: "missing name for mailers section.",
            bad: "character '{c}' is not permitted in 'mailers' name '{n}'.",
            ..FREE
        },
        Place::RESOLVERS => Naming {
            missing: "missing name for resolvers section.",
            bad: "character '{c}' is not permitted in 'resolvers' name '{n}'.",
            ..FREE
        },
        Place::USERLIST => Naming {
            missing: "'userlist' expects <name> as arguments.",
            missing_is_tight: true,
            one: true,
            bad: "character '{c}' is not permitted in 'userlist' name '{n}'.",
            bad_is_tight: true,
        },
        Place::CACHE => Naming { missing: "'cache' expects a <name> argument", one: true, ..FREE },
        Place::RING => Naming {
            missing: "missing ring name.",
            bad: "invalid ring name '{n}' (character '{c}' is not permitted).",
            ..FREE
        },
        Place::LOG_FORWARD => Naming {
            missing: if dialect >= Dialect::V2_8 {
                "missing name for log-forward section."
            } else {
                "missing name for ip-forward section."
            },
            one: true,
            bad: "character '{c}' is not permitted in 'log-forward' name '{n}'.",
            ..FREE
        },
        Place::HTTP_ERRORS => Naming {
            missing: "missing name for http-errors section.",
            bad: "character '{c}' is not permitted in 'http-errors' name '{n}'.",
            ..FREE
        },
        Place::FCGI_APP => Naming {
            missing: "'fcgi-app' expects <name> as argument.",
            missing_is_tight: true,
            one: true,
            bad: "character '{c}' is not permitted in 'fcgi-app' name '{n}'.",
            bad_is_tight: true,
        },
        Place::LOG_PROFILE => Naming {
            missing: "missing name for log-profile section.",
            one: true,
            bad: "character '{c}' is not permitted in 'log-profile' name '{n}'.",
            ..FREE
        },
        Place::HEALTHCHECK => Naming {
            missing: "missing name for healthcheck section.",
            bad: "character '{c}' is not permitted in 'healthcheck' name '{n}'.",
            ..FREE
        },
        Place::ACME => Naming {
            missing: "section 'acme' requires an ID argument.",
            missing_is_tight: true,
            one: true,
            ..FREE
        },
        Place::PROGRAM => Naming { missing: "'program' expects an <id> argument", one: true, ..FREE },
        _ => FREE,
    }
}

/// Reads a section line.
pub fn begin(cx: &mut Cx<'_>, section: &'static Section, line: &Line) {
    cx.others.current = Current { origin: line.span, ..Current::default() };
    if section.place == Place::GLOBAL {
        proxy::too_many(cx, line, 0, 0);
        return;
    }
    if section.place == Place::CRT_STORE && !line.arg(2).is_empty() {
        return fail(cx, line, "'crt-store' section only supports a <name> argument.");
    }
    if section.place == Place::ACME && !cx.experimental {
        let text =
            "section 'acme' is experimental, must be allowed via a global 'expose-experimental-directives'";
        return fail_tight(cx, line, text);
    }
    let naming = naming(section.place, cx.input.dialect);
    let say = |cx: &mut Cx<'_>, tight: bool, text: &str| {
        if tight { fail_tight(cx, line, text) } else { fail(cx, line, text) }
    };
    let name = line.text(1);
    if name.is_empty() {
        if !naming.missing.is_empty() {
            say(cx, naming.missing_is_tight, naming.missing);
            cx.aborted |= aborts(section.place);
        }
        return;
    }
    if !naming.bad.is_empty()
        && let Some(c) = proxy::invalid_char(name.as_bytes())
    {
        let text = naming.bad.replace("{c}", &(c as char).to_string()).replace("{n}", &name);
        say(cx, naming.bad_is_tight, &text);
        cx.aborted |= aborts(section.place);
        return;
    }
    if naming.one && proxy::too_many(cx, line, 1, 0) {
        cx.aborted |= aborts(section.place);
        return;
    }
    if duplicate(cx, section, line, &name) {
        return;
    }
    cx.others.current.name.clone_from(&name);
    cx.others.named.push((section.name, name.clone(), line.span));
    match section.place {
        Place::FCGI_APP => {
            // its conditions look at ACLs of its own
            let mut draft = proxy::Draft::new(&name, rha_ir::ProxyKind::Backend, false, line.span);
            draft.proxy.mode = rha_ir::Mode::Http;
            cx.draft = Some(draft);
        }
        Place::PEERS => {
            // COMPAT: complaints about its servers name no proxy.
            cx.draft = Some(proxy::Draft::new("(null)", rha_ir::ProxyKind::Backend, false, line.span));
            cx.others.peers.push(name);
        }
        Place::RING => {
            cx.draft = Some(proxy::Draft::new(&name, rha_ir::ProxyKind::Backend, false, line.span));
        }
        Place::MAILERS => cx.others.mailers.push(name),
        Place::USERLIST => {
            cx.model.user_lists.push(rha_ir::UserList { name, users: Vec::new(), origin: line.span });
        }
        Place::HTTP_ERRORS => {
            cx.model.error_sections.push(rha_ir::ErrorSection { name, pages: Vec::new() });
        }
        _ => {}
    }
}

/// COMPAT: these end the run on a bad section line (`tests/badcfg`, `section-*`).
fn aborts(place: Place) -> bool {
    matches!(
        place,
        Place::CACHE
            | Place::LOG_FORWARD
            | Place::PROGRAM
            | Place::HTTP_ERRORS
            | Place::PEERS
            | Place::MAILERS
            | Place::RESOLVERS
    )
}

/// Says that a section of the name exists, if the original minds.
fn duplicate(cx: &mut Cx<'_>, section: &'static Section, line: &Line, name: &str) -> bool {
    let earlier = cx.others.named.iter().find(|(s, n, _)| *s == section.name && n == name).map(|e| e.2);
    let Some(earlier) = earlier else { return false };
    let (here, there) = (cx.position(line.span), cx.position(earlier));
    let word = section.name;
    let mut stop = true;
    let (severity, text) = match section.place {
        Place::HEALTHCHECK => (
            Severity::Error,
            format!("parsing [{here}] : healthcheck section '{name}' already defined at {there}."),
        ),
        Place::PEERS | Place::MAILERS | Place::LOG_FORWARD | Place::LOG_PROFILE => (
            Severity::Error,
            format!(
                "Parsing [{here}]: {word} section '{name}' has the same name as another {word} section declared at {there}."
            ),
        ),
        Place::RESOLVERS => (
            Severity::Error,
            format!(
                "Parsing [{here}]: resolvers '{name}' has same name as another resolvers (declared at {there})."
            ),
        ),
        Place::FCGI_APP => (
            Severity::Error,
            format!(
                "Parsing [{here}]: fcgi-app section '{name}' has the same name as another one declared at {there}."
            ),
        ),
        Place::HTTP_ERRORS => (
            Severity::Error,
            format!("parsing [{here}]: http-errors section '{name}' already exists (declared at {there})."),
        ),
        Place::USERLIST => {
            (Severity::Warning, format!("parsing [{here}]: ignoring duplicated userlist '{name}'."))
        }
        Place::RING => (Severity::Error, format!("parsing [{here}] : sink named '{name}' already exists.")),
        Place::CACHE => (Severity::Error, format!("parsing [{here}]: Duplicate cache name '{name}'.")),
        Place::PROGRAM => (
            Severity::Error,
            format!("parsing [{here}]: '{name}' program section already exists in the configuration."),
        ),
        _ => {
            stop = false;
            (Severity::Notice, String::new())
        }
    };
    if stop {
        cx.say("HA3021", severity, line.at(1), text);
        if section.place == Place::RESOLVERS {
            fail(cx, line, "out of memory.");
            cx.aborted = true;
        }
    }
    stop
}
