//! The statistics page shows some proxies only: those of `stats scope`, those a visitor asks for.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Origin, Start, assert_same, each};

const SITE: &str = "\
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
listen page
    bind {listen:page}
    stats enable
    stats uri /s
    SCOPE
listen Other
    bind {listen:other}
    server s1 {s1}
backend third
    server s1 {s1}
";

/// Names of the proxies in a table of either form.
fn names(body: &str) -> String {
    let is_row = |l: &&str| l.contains(",FRONTEND,") || l.contains(",BACKEND,");
    body.lines().filter(is_row).filter_map(|l| l.split(',').next()).collect::<Vec<_>>().join(" ")
}

#[test]
fn proxies_that_are_shown() {
    each(
        [
            ("none", "", ""),
            ("own", "stats scope .", ""),
            ("named", "stats scope Other\n    stats scope third", ""),
            ("unknown", "stats scope nobody", ""),
            ("asked", "", "?scope=oth"),
            ("asked-later", "", ";norefresh?scope=THIRD&x=y"),
            ("asked-none", "", "?scope=zz"),
            ("asked-short", "", "?scope=o"),
            ("asked-empty", "", "?scope="),
            ("asked-bad", "", "?scope=o%20t"),
            ("asked-within", "stats scope Other", "?scope=i"),
        ],
        |(id, scope, ask)| {
            assert_same(&format!("stats_scope/{id}"), |stage| {
                let origin = Origin::named("one");
                stage.start(&Start::with(&SITE.replace("SCOPE", scope)).fill("s1", origin.address()));
                let wire = format!("GET /s;csv{ask} HTTP/1.0\r\n\r\n");
                let body = stage.exchange("page", wire);
                stage.note("shown", names(&body));
                let page = stage.exchange("page", format!("GET /s{ask} HTTP/1.0\r\n\r\n"));
                for name in ["page", "Other", "third"] {
                    let told = page.contains(&format!("name=\"{name}\""))
                        || page.contains(&format!("<h2 id=\"{name}\""));
                    stage.note("on the page", format!("{name} {told}"));
                }
            });
        },
    );
}
