//! `HTTP_GET` and `SSL_GET`.

use bstr::ByteSlice;
use rha_ir::failover::{CheckerKind, HttpProtocol, HttpUrl, RegexCheck};

use super::checkers::{begin, edit, link_local};
use super::count;
use crate::rows::*;
use crate::{Cx, Flow, Keyword, Line, Place};

const R: Place = Place::REAL_SERVER;
const H: Place = Place::HTTP_GET.or(Place::SSL_GET);
const U: Place = Place::HTTP_URL.or(Place::SSL_URL);

/// What is missing of `SSL_GET`.
const TLS: Support = Support::Partial(
    "TLS 1.3, and TLS 1.2 with ECDHE and AES-GCM or ChaCha20; a server that has only CBC suites, DHE or RSA key exchange fails",
);

/// Names of PCRE2 options.
const OPTIONS: [&str; 24] = [
    "allow_empty_class",
    "alt_bsux",
    "auto_callout",
    "caseless",
    "dollar_endonly",
    "dotall",
    "dupnames",
    "extended",
    "firstline",
    "match_unset_backref",
    "multiline",
    "never_ucp",
    "never_utf",
    "no_auto_capture",
    "no_auto_possess",
    "no_dotstar_anchor",
    "no_start_optimize",
    "ucp",
    "ungreedy",
    "utf",
    "never_backslash_c",
    "alt_circumflex",
    "alt_verbnames",
    "use_offset_limit",
];

/// Rows of page checkers.
pub(super) const ROWS: &[Keyword] = &[
    Keyword::block("HTTP_GET", R, "{", V1_2, "Pages over HTTP.", Place::HTTP_GET)
        .opening(|cx, l| open(cx, l, false))
        .closing(close),
    Keyword::block("SSL_GET", R, "{", V1_2, "Pages over TLS.", Place::SSL_GET)
        .opening(|cx, l| open(cx, l, true))
        .closing(close)
        .support(TLS),
    Keyword::new("nb_get_retry", H, "N", V1_2, "Older word for retry.", |cx, l| {
        cx.error("KA4101", l, 0, "nb_get_retry is deprecated - please use 'retry'");
        let n = count(cx, l, 0, u32::MAX, true, "Invalid nb_get_retry value '{v}'")?;
        edit(cx, |c| c.times.retry = n.or(c.times.retry))
    }),
    Keyword::new("virtualhost", H, "NAME", V1_3, "Host that pages are asked of.", |cx, l| {
        let Some(name) = l.get(1) else {
            cx.error("KA2030", l, 0, "HTTP_GET virtualhost name missing");
            return Ok(());
        };
        let name = name.to_owned();
        edit(cx, |c| {
            if let CheckerKind::Http { virtual_host, .. } = &mut c.kind {
                *virtual_host = Some(name);
            }
        })
    }),
    Keyword::new("http_protocol", H, "1.0|1.0C|1.1", V2_0, "Version of HTTP.", |cx, l| {
        let protocol = match l.get(1) {
            None => {
                cx.error("KA2030", l, 0, "Missing http_protocol version");
                return Ok(());
            }
            Some("1.0") => HttpProtocol::Http10,
            Some("1.0C" | "1.0c") => HttpProtocol::Http10Close,
            Some("1.1") => HttpProtocol::Http11,
            Some(o) => {
                cx.error("KA3042", l, 1, format!("Invalid http_protocol version {o}"));
                return Ok(());
            }
        };
        edit(cx, |c| {
            if let CheckerKind::Http { protocol: p, .. } = &mut c.kind {
                *p = protocol;
            }
        })
    }),
    Keyword::new("enable_sni", H, "[BOOL]", V1_4, "Names the host in the handshake.", |cx, l| {
        let on = cx.optional_switch(l, |v| format!("Invalid enable_sni parameter {v}"));
        edit(cx, |c| {
            if let CheckerKind::Http { sni, .. } = &mut c.kind {
                *sni = on.unwrap_or(*sni);
            }
        })
    }),
    Keyword::new("sni_name", H, "NAME", NEXT, "Name in the handshake.", |cx, l| {
        let name = cx.arg(l, 1)?.to_owned();
        edit(cx, |c| {
            if let CheckerKind::Http { sni_name, .. } = &mut c.kind {
                *sni_name = Some(name);
            }
        })
    }),
    Keyword::new(
        "fast_recovery",
        H,
        "[BOOL]",
        V2_0,
        "All pages are asked for at once after a failure.",
        |cx, l| {
            let on = cx.optional_switch(l, |v| format!("Invalid fast_recovery parameter {v}"));
            edit(cx, |c| {
                if let CheckerKind::Http { fast_recovery, .. } = &mut c.kind {
                    *fast_recovery = on.unwrap_or(*fast_recovery);
                }
            })
        },
    ),
    Keyword::new(
        "tls_compliant",
        H,
        "",
        V2_2_8,
        "The connection is closed with TLS's own close_notify.",
        |cx, _| {
            edit(cx, |c| {
                if let CheckerKind::Http { tls_compliant, .. } = &mut c.kind {
                    *tls_compliant = true;
                }
            })
        },
    ),
    Keyword::block("url", Place::HTTP_GET, "{", V1_2, "A page.", Place::HTTP_URL)
        .opening(open_url)
        .closing(close_url),
    Keyword::block("url", Place::SSL_GET, "{", V1_2, "A page.", Place::SSL_URL)
        .opening(open_url)
        .closing(close_url),
    Keyword::new("path", U, "PATH", V1_2, "Its path.", |cx, l| {
        let path = cx.arg(l, 1)?.to_owned();
        url(cx, |u| u.path = path)
    }),
    Keyword::new("digest", U, "MD5", V1_2, "Its checksum.", digest),
    Keyword::new("status_code", U, "CODE|LOW-HIGH…", V1_2, "Answers that are right.", status),
    Keyword::new("virtualhost", U, "NAME", V1_3, "Host it is asked of.", |cx, l| {
        let Some(name) = l.get(1) else {
            cx.error("KA2030", l, 0, "Missing HTTP_GET virtualhost name");
            return Ok(());
        };
        let name = name.to_owned();
        url(cx, |u| u.virtual_host = Some(name))
    }),
    Keyword::new("regex", U, "PATTERN", V2_0, "What must be in it.", |cx, l| {
        let text = l.text.clone();
        let words = cx.quoted_words(l, &text).unwrap_or_default();
        let [_, pattern] = words.as_slice() else {
            cx.remark("KA3042", l.at(0), "regex missing or too many fields");
            return Ok(());
        };
        let pattern = pattern.to_str_lossy().into_owned();
        regex(cx, |r| r.pattern = pattern)
    }),
    Keyword::new("regex_no_match", U, "", V2_0, "It must not be in it.", |cx, _| {
        regex(cx, |r| r.no_match = true)
    }),
    Keyword::new("regex_options", U, "OPTION…", V2_0, "How the pattern is read.", |cx, l| {
        let known = l.iter().skip(1).filter(|w| OPTIONS.contains(w)).map(str::to_owned).collect();
        regex(cx, |r| r.options = known)
    }),
    Keyword::new("regex_min_offset", U, "N", V2_0, "Where a match begins at the earliest.", |cx, l| {
        let n = offset(cx, l);
        regex(cx, |r| r.min_offset = n)
    }),
    Keyword::new("regex_max_offset", U, "N", V2_0, "Where a match begins at the latest.", |cx, l| {
        let n = offset(cx, l);
        regex(cx, |r| r.max_offset = n.saturating_add(1))
    }),
    Keyword::new("regex_stack", U, "START MAX", V2_0, "Memory of the matcher.", |cx, l| {
        let number = |i: usize| l.get(i).and_then(|w| w.parse::<u64>().ok());
        match (number(1), number(2), l.len()) {
            (Some(a), Some(b), 3) if a <= b => regex(cx, |r| r.stack = Some((a, b))),
            _ => {
                cx.remark("KA3042", l.at(0), "regex_stack requires start and max values");
                Ok(())
            }
        }
    }),
    Keyword::new("tls_compliant", U, "", V2_2_8, "As for the checker, for this page.", |cx, _| {
        url(cx, |u| u.tls_compliant = true)
    }),
];

fn open(cx: &mut Cx<'_>, line: &Line, tls: bool) -> Flow {
    let kind = CheckerKind::Http {
        tls,
        sni: false,
        sni_name: None,
        virtual_host: None,
        protocol: HttpProtocol::Http10,
        fast_recovery: false,
        tls_compliant: false,
        urls: Vec::new(),
    };
    begin(cx, line, kind, true)?;
    edit(cx, |c| c.default_before_retry_us = Some(3_000_000))
}

/// Pages of the checker.
fn urls(cx: &mut Cx<'_>, change: impl FnOnce(&mut Vec<HttpUrl>)) -> Flow {
    edit(cx, |c| {
        if let CheckerKind::Http { urls, .. } = &mut c.kind {
            change(urls);
        }
    })
}

fn url(cx: &mut Cx<'_>, change: impl FnOnce(&mut HttpUrl)) -> Flow {
    urls(cx, |urls| {
        if let Some(u) = urls.last_mut() {
            change(u);
        }
    })
}

fn regex(cx: &mut Cx<'_>, change: impl FnOnce(&mut RegexCheck)) -> Flow {
    url(cx, |u| change(u.regex.get_or_insert_default()))
}

fn open_url(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let origin = line.at(0);
    urls(cx, |urls| urls.push(HttpUrl { origin, ..HttpUrl::default() }))
}

fn close_url(cx: &mut Cx<'_>) -> Flow {
    let mut bad = None;
    let mut remark = None;
    urls(cx, |urls| {
        let Some(u) = urls.last_mut() else { return };
        if u.path.is_empty() {
            bad = Some(u.origin);
            urls.pop();
            return;
        }
        if u.status.is_empty() {
            u.status.push((200, 299));
        }
        if let Some(r) = &mut u.regex {
            if r.pattern.is_empty() {
                remark = Some((u.origin, "regex parameters specified without regex".to_owned()));
                u.regex = None;
            } else if r.max_offset > 0 && r.min_offset >= r.max_offset {
                let said = format!(
                    "regex min offset {} > regex_max_offset {} - ignoring",
                    r.min_offset,
                    r.max_offset - 1
                );
                remark = Some((u.origin, said));
                (r.min_offset, r.max_offset) = (0, 0);
            }
        }
    })?;
    if let Some(span) = bad {
        let line = Line { span, ..Line::default() };
        cx.error("KA3042", &line, 0, "HTTP/SSL_GET checker url has no path - ignoring");
    }
    if let Some((span, said)) = remark {
        cx.remark("KA3042", span, said);
    }
    Ok(())
}

/// DIFFERS: the original crashes behind this message.
fn close(cx: &mut Cx<'_>) -> Flow {
    let empty = cx
        .check
        .checker()
        .filter(|c| matches!(&c.kind, CheckerKind::Http { urls, .. } if urls.is_empty()))
        .map(|c| c.origin);
    let Some(span) = empty else { return link_local(cx) };
    let line = Line { span, ..Line::default() };
    cx.error("KA3042", &line, 0, "HTTP/SSL_GET checker has no urls specified - ignoring");
    if let Some(r) = cx.check.real() {
        r.checkers.pop();
    }
    Ok(())
}

fn digest(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let text = cx.arg(line, 1)?.to_owned();
    let mut there = false;
    url(cx, |u| there = u.digest.is_some())?;
    if there {
        cx.error("KA2040", line, 1, format!("Digest '{text}' is a duplicate"));
        return Ok(());
    }
    if text.len() != 32 {
        let said = format!("digest '{text}' character length should be 32 rather than {}", text.len());
        cx.error("KA3042", line, 1, said);
        return Ok(());
    }
    let mut bytes = [0; 16];
    for (i, byte) in bytes.iter_mut().enumerate().rev() {
        let digits = text.get(2 * i..2 * i + 2).filter(|d| d.chars().all(|c| c.is_ascii_hexdigit()));
        let Some(digits) = digits else {
            let shown = text.get(..2 * i + 2).unwrap_or(&text);
            let said =
                format!("Unable to interpret hex digit in '{shown}' at offset {}/{}", 2 * i, 2 * i + 1);
            cx.error("KA3042", line, 1, said);
            return Ok(());
        };
        *byte = u8::from_str_radix(digits, 16).unwrap_or(0);
    }
    url(cx, |u| u.digest = Some(bytes))
}

fn status(cx: &mut Cx<'_>, line: &Line) -> Flow {
    for i in 1..line.len() {
        let text = line.word(i).to_owned();
        let (low, high) = text.split_once('-').unwrap_or((&text, &text));
        let range = low.parse::<u16>().ok().zip(high.parse::<u16>().ok());
        let fits = |n: u16| (100..=599).contains(&n);
        match range.filter(|(a, b)| fits(*a) && fits(*b) && a <= b) {
            Some(range) => url(cx, |u| u.status.push(range))?,
            None => cx.error("KA3042", line, i, format!("Invalid HTTP_GET status code '{text}'")),
        }
    }
    Ok(())
}

fn offset(cx: &mut Cx<'_>, line: &Line) -> u64 {
    let n = line.get(1).filter(|_| line.len() == 2).and_then(|w| w.parse().ok());
    if n.is_none() {
        cx.remark("KA3042", line.at(0), format!("Invalid {} {} specified", line.word(0), line.word(1)));
    }
    n.unwrap_or(0)
}
