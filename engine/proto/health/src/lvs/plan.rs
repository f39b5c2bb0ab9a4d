//! What is written about a virtual server, defaults filled in. keepalived.conf(5) "Virtual server(s)".

use std::net::SocketAddr;

use pcre2::bytes::Regex;

/// `regex` of a page.
#[derive(Debug, Clone)]
pub struct RegexPlan {
    /// Compiled.
    pub regex: Regex,
    /// `regex_no_match`.
    pub no_match: bool,
    /// `regex_min_offset`.
    pub min_offset: usize,
    /// One behind `regex_max_offset`; 0 for none.
    pub max_offset: usize,
}

/// Options of `regex_options` and what turns them on in a pattern; empty for those without a visible effect.
const REGEX_OPTIONS: &[(&str, &str)] = &[
    ("auto_callout", ""),
    ("caseless", "(?i)"),
    ("dotall", "(?s)"),
    ("dupnames", "(?J)"),
    ("extended", "(?x)"),
    ("multiline", "(?m)"),
    ("never_ucp", ""),
    ("never_utf", ""),
    ("never_backslash_c", ""),
    ("no_auto_capture", "(?n)"),
    ("no_auto_possess", "(*NO_AUTO_POSSESS)"),
    ("no_dotstar_anchor", "(*NO_DOTSTAR_ANCHOR)"),
    ("no_start_optimize", "(*NO_START_OPT)"),
    ("ucp", "(*UCP)"),
    ("ungreedy", "(?U)"),
    ("use_offset_limit", ""),
    ("utf", "(*UTF)"),
];

impl RegexPlan {
    /// Compiles a pattern with the words of `regex_options`.
    ///
    /// # Errors
    /// What is wrong with the pattern, or the name of an option that is not offered (`dollar_endonly`, `firstline`,
    /// `alt_circumflex` and others that no pattern can turn on).
    pub fn compile(pattern: &str, options: &[String]) -> Result<RegexPlan, String> {
        let mut on = Vec::new();
        for option in options {
            match REGEX_OPTIONS.iter().find(|(name, _)| name == option) {
                Some((_, turn)) => on.push(*turn),
                None => return Err(format!("regex_options {option} is not offered")),
            }
        }
        // verbs come first, or they are none
        on.sort_by_key(|turn| !turn.starts_with("(*"));
        let regex = Regex::new(&format!("{}{pattern}", on.concat())).map_err(|e| e.to_string())?;
        Ok(RegexPlan { regex, no_match: false, min_offset: 0, max_offset: 0 })
    }
}

/// `url`.
#[derive(Debug, Clone, Default)]
pub struct UrlPlan {
    /// `path`.
    pub path: String,
    /// `digest`.
    pub digest: Option<[u8; 16]>,
    /// `status_code` ranges; empty for 200 to 299.
    pub status: Vec<(u16, u16)>,
    /// Host as sent: the page's, the checker's, the real server's or the virtual server's `virtualhost`.
    pub virtual_host: Option<String>,
    /// Name for TLS.
    pub sni: Option<String>,
    /// `tls_compliant`, of the page or the checker.
    pub goodbye: bool,
    /// What is looked for in the page.
    pub regex: Option<RegexPlan>,
}

/// `HTTP_GET`, `SSL_GET`.
#[derive(Debug, Clone, Default)]
pub struct HttpPlan {
    /// `SSL_GET`.
    pub tls: bool,
    /// HTTP/1.1, otherwise 1.0.
    pub http11: bool,
    /// `Connection: close` is sent.
    pub close: bool,
    /// `fast_recovery`.
    pub fast_recovery: bool,
    /// Pages, one after another.
    pub urls: Vec<UrlPlan>,
}

/// `UDP_CHECK`.
#[derive(Debug, Clone, Default)]
pub struct UdpPlan {
    /// `payload`; empty for 32 bytes of text.
    pub payload: Vec<u8>,
    /// `require_reply`.
    pub required: bool,
    /// Bytes a reply starts with, as far as it goes; empty for any.
    pub pattern: Vec<u8>,
    /// Bits of these bytes that do not matter.
    pub ignore: Vec<u8>,
    /// `min_reply_length`.
    pub min_len: usize,
    /// `max_reply_length`.
    pub max_len: usize,
}

/// What a checker does.
#[derive(Debug, Clone)]
pub enum ProbePlan {
    /// `TCP_CHECK`.
    Tcp,
    /// `HTTP_GET`, `SSL_GET`.
    Http(HttpPlan),
    /// `SMTP_CHECK`.
    Smtp {
        /// `helo_name`.
        helo: String,
    },
    /// `DNS_CHECK`.
    Dns {
        /// Number of the record type.
        kind: u16,
        /// `name`.
        name: String,
    },
    /// `UDP_CHECK`.
    Udp(UdpPlan),
    /// `PING_CHECK`.
    Ping,
    /// `MISC_CHECK`.
    Misc {
        /// First word of `misc_path`, for log lines.
        program: String,
        /// `misc_timeout`, microseconds; the virtual server's `delay_loop` when not written.
        timeout_us: u64,
        /// `misc_dynamic`.
        dynamic: bool,
    },
    /// `BFD_CHECK`.
    Bfd {
        /// Name of the `bfd_instance`.
        instance: String,
    },
    /// `FILE_CHECK`.
    File {
        /// Name of the `track_file`.
        file: String,
        /// Factor; 0 for "down while the value is not 0".
        weight: i32,
        /// `reverse`.
        reverse: bool,
    },
}

/// One checker.
#[derive(Debug, Clone)]
pub struct CheckerPlan {
    /// What it does.
    pub probe: ProbePlan,
    /// Where it connects, for log lines and requests; how is the caller's business.
    pub target: SocketAddr,
    /// `connect_timeout`, microseconds; also for each answer.
    pub timeout_us: u64,
    /// `delay_loop`, microseconds.
    pub delay_loop_us: u64,
    /// `warmup`, microseconds: the first check waits up to so long.
    pub warmup_us: u64,
    /// `retry`.
    pub retry: u32,
    /// `delay_before_retry`, microseconds.
    pub delay_before_retry_us: u64,
    /// `alpha`: down until it has succeeded.
    pub alpha: bool,
    /// `log_all_failures`, of the checker or global.
    pub log_all_failures: bool,
}

impl CheckerPlan {
    /// Whether a reload may take over its state: what is checked, and where, is the same.
    pub(super) fn is_same(&self, other: &CheckerPlan) -> bool {
        let probes = match (&self.probe, &other.probe) {
            (ProbePlan::Tcp, ProbePlan::Tcp) | (ProbePlan::Ping, ProbePlan::Ping) => true,
            (ProbePlan::Udp(_), ProbePlan::Udp(_)) => true,
            (ProbePlan::Http(a), ProbePlan::Http(b)) => a.is_same(b),
            (ProbePlan::Smtp { helo: a }, ProbePlan::Smtp { helo: b }) => a == b,
            (ProbePlan::Dns { kind, name }, ProbePlan::Dns { kind: k, name: n }) => kind == k && name == n,
            (ProbePlan::Misc { program, dynamic, .. }, ProbePlan::Misc { program: p, dynamic: d, .. }) => {
                program == p && dynamic == d
            }
            (ProbePlan::Bfd { instance: a }, ProbePlan::Bfd { instance: b }) => a == b,
            // a file's value is known anyway
            _ => false,
        };
        probes && self.target == other.target
    }
}

impl HttpPlan {
    fn is_same(&self, other: &HttpPlan) -> bool {
        let page = |a: &UrlPlan, b: &UrlPlan| {
            let regex = |u: &UrlPlan| u.regex.as_ref().map(|r| (r.regex.as_str().to_owned(), r.no_match));
            (&a.path, a.digest, &a.status, &a.virtual_host) == (&b.path, b.digest, &b.status, &b.virtual_host)
                && regex(a) == regex(b)
        };
        self.tls == other.tls
            && self.urls.len() == other.urls.len()
            && self.urls.iter().zip(&other.urls).all(|(a, b)| page(a, b))
    }
}

/// `real_server`.
#[derive(Debug, Clone)]
pub struct ServerPlan {
    /// Address.
    pub address: SocketAddr,
    /// `weight`.
    pub weight: i64,
    /// `inhibit_on_failure`.
    pub inhibit: bool,
    /// `smtp_alert`.
    pub mail: bool,
    /// In the order written.
    pub checkers: Vec<CheckerPlan>,
}

/// `sorry_server`.
#[derive(Debug, Clone)]
pub struct SorryPlan {
    /// Address.
    pub address: SocketAddr,
    /// `sorry_server_inhibit`.
    pub inhibit: bool,
    /// Weight.
    pub weight: u32,
}

/// `virtual_server`.
#[derive(Debug, Clone)]
pub struct PoolPlan {
    /// As log lines name it: `[address]:protocol:port`, `[group]:port` or `FWM mark`.
    pub name: String,
    /// `tcp`, `udp`, `sctp`; `none` for marks.
    pub protocol: &'static str,
    /// `quorum`.
    pub quorum: u32,
    /// `hysteresis`.
    pub hysteresis: u32,
    /// `omega`: notify at a stop, too.
    pub omega: bool,
    /// `smtp_alert` of the virtual server.
    pub mail: bool,
    /// `ha_suspend`: no checks while the address is not here.
    pub ha_suspend: bool,
    /// `sorry_server`.
    pub sorry: Option<SorryPlan>,
    /// In the order written.
    pub servers: Vec<ServerPlan>,
    /// `router_id`.
    pub router_id: String,
    /// `no_checker_emails`: mail only when the real server itself changes.
    pub no_checker_emails: bool,
    /// `rs_init_notifies`: scripts are told of real servers at the start.
    pub rs_init_notifies: bool,
    /// `-D`.
    pub detail: bool,
}

impl PoolPlan {
    /// `[address]:protocol:port`, as the original names servers.
    #[must_use]
    pub fn server_name(address: SocketAddr, protocol: &str) -> String {
        format!("[{}]:{protocol}:{}", address.ip(), address.port())
    }
}

/// `[address]:port`.
pub(super) fn pair(address: SocketAddr) -> String {
    format!("[{}]:{}", address.ip(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_turned_on_in_the_pattern() {
        let all: Vec<String> = REGEX_OPTIONS.iter().map(|(n, _)| (*n).to_owned()).collect();
        assert!(RegexPlan::compile("a", &all).is_ok());
        for (pattern, options, text, matches) in [
            ("hello", &[][..], "Hello", false),
            ("hello", &["caseless"], "Hello", true),
            ("a.b", &[], "a\nb", false),
            ("a.b", &["dotall"], "a\nb", true),
            ("^b", &["multiline"], "a\nb", true),
            ("a b", &["extended", "caseless"], "AB", true),
            ("^.$", &["utf"], "é", true),
            ("^.$", &["caseless"], "é", false),
        ] {
            let options: Vec<String> = options.iter().map(|o| (*o).to_owned()).collect();
            let plan = RegexPlan::compile(pattern, &options).unwrap();
            assert_eq!(plan.regex.is_match(text.as_bytes()).unwrap(), matches, "{pattern} {options:?}");
        }
        assert!(RegexPlan::compile("(", &[]).is_err());
        assert!(RegexPlan::compile("a", &["firstline".to_owned()]).is_err());
    }
}
