//! The row type of the keyword tables.
//!
//! One row per keyword, list entry, and option of an entry or argument, as keepalived.conf(5) and the
//! parsers of the original name them. The tables are const slices beside the functions that read them.

use rha_vocab::Support;

use crate::{Cx, Flow, Line, Version};

/// Blocks a keyword may stand in, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place(pub u64);

#[allow(missing_docs, reason = "each is named as its entry in Place::NAMES")]
impl Place {
    pub const LEXICAL: Place = Place(1);
    pub const TOP: Place = Place(1 << 1);
    pub const SSL: Place = Place(1 << 2);
    pub const BFD: Place = Place(1 << 3);
    pub const GARP_GROUP: Place = Place(1 << 4);
    pub const GARP_INTERFACES: Place = Place(1 << 5);
    pub const GLOBAL: Place = Place(1 << 6);
    pub const SYNC_DAEMON: Place = Place(1 << 7);
    pub const LVS_TIMEOUTS: Place = Place(1 << 8);
    pub const EMAIL: Place = Place(1 << 9);
    pub const DELAYS: Place = Place(1 << 10);
    pub const LINKBEAT: Place = Place(1 << 11);
    pub const TUNNEL: Place = Place(1 << 12);
    pub const STATIC_ADDRESS: Place = Place(1 << 13);
    pub const STATIC_ROUTE: Place = Place(1 << 14);
    pub const STATIC_RULE: Place = Place(1 << 15);
    pub const TRACK_FILE: Place = Place(1 << 16);
    pub const TRACK_GROUP: Place = Place(1 << 17);
    pub const TRACK_GROUP_LIST: Place = Place(1 << 18);
    pub const VIRTUAL_SERVER: Place = Place(1 << 19);
    pub const REAL_SERVER: Place = Place(1 << 20);
    pub const BFD_CHECK: Place = Place(1 << 21);
    pub const DNS_CHECK: Place = Place(1 << 22);
    pub const FILE_CHECK: Place = Place(1 << 23);
    pub const HTTP_GET: Place = Place(1 << 24);
    pub const HTTP_URL: Place = Place(1 << 25);
    pub const MISC_CHECK: Place = Place(1 << 26);
    pub const PING_CHECK: Place = Place(1 << 27);
    pub const SMTP_CHECK: Place = Place(1 << 28);
    pub const SMTP_HOST: Place = Place(1 << 29);
    pub const SSL_GET: Place = Place(1 << 30);
    pub const SSL_URL: Place = Place(1 << 31);
    pub const TCP_CHECK: Place = Place(1 << 32);
    pub const UDP_CHECK: Place = Place(1 << 33);
    pub const SERVER_GROUP: Place = Place(1 << 34);
    pub const INSTANCE: Place = Place(1 << 35);
    pub const HMAC: Place = Place(1 << 36);
    pub const AUTHENTICATION: Place = Place(1 << 37);
    pub const TRACK_LIST: Place = Place(1 << 38);
    pub const UNICAST_PEER: Place = Place(1 << 39);
    pub const USE_IPVLAN: Place = Place(1 << 40);
    pub const USE_VMAC: Place = Place(1 << 41);
    pub const VIRTUAL_ADDRESS: Place = Place(1 << 42);
    pub const VIRTUAL_ROUTE: Place = Place(1 << 43);
    pub const VIRTUAL_RULE: Place = Place(1 << 44);
    pub const SCRIPT: Place = Place(1 << 45);
    pub const SYNC_GROUP: Place = Place(1 << 46);
    pub const SYNC_LIST: Place = Place(1 << 47);
    pub const OLD_TRACK_FILE: Place = Place(1 << 48);
    pub const TRACK_PROCESS: Place = Place(1 << 49);

    /// What documents call each block, by bit position.
    pub const NAMES: [&'static str; 50] = [
        "(lexical)",
        "(top level)",
        "SSL",
        "bfd_instance",
        "garp_group",
        "garp_group/interfaces",
        "global_defs",
        "global_defs/lvs_sync_daemon",
        "global_defs/lvs_timeouts",
        "global_defs/notification_email",
        "interface_up_down_delays",
        "linkbeat_interfaces",
        "lvs_method TUN (vs/rs/sorry)",
        "static_ipaddress",
        "static_routes",
        "static_rules",
        "track_file",
        "track_group",
        "track_group/group",
        "virtual_server",
        "virtual_server/real_server",
        "virtual_server/real_server/BFD_CHECK",
        "virtual_server/real_server/DNS_CHECK",
        "virtual_server/real_server/FILE_CHECK",
        "virtual_server/real_server/HTTP_GET",
        "virtual_server/real_server/HTTP_GET/url",
        "virtual_server/real_server/MISC_CHECK",
        "virtual_server/real_server/PING_CHECK",
        "virtual_server/real_server/SMTP_CHECK",
        "virtual_server/real_server/SMTP_CHECK/host",
        "virtual_server/real_server/SSL_GET",
        "virtual_server/real_server/SSL_GET/url",
        "virtual_server/real_server/TCP_CHECK",
        "virtual_server/real_server/UDP_CHECK",
        "virtual_server_group",
        "vrrp_instance",
        "vrrp_instance/auth_hmac",
        "vrrp_instance/authentication",
        "vrrp_instance/track_…",
        "vrrp_instance/unicast_peer",
        "vrrp_instance/use_ipvlan",
        "vrrp_instance/use_vmac",
        "vrrp_instance/virtual_ipaddress",
        "vrrp_instance/virtual_routes",
        "vrrp_instance/virtual_rules",
        "vrrp_script",
        "vrrp_sync_group",
        "vrrp_sync_group/group",
        "vrrp_track_file",
        "vrrp_track_process",
    ];

    /// Union.
    #[must_use]
    pub const fn or(self, other: Place) -> Place {
        Place(self.0 | other.0)
    }

    /// Whether the two share a block.
    #[must_use]
    pub const fn meets(self, other: Place) -> bool {
        self.0 & other.0 != 0
    }

    /// The name of the first block in the set.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self.0.trailing_zeros() as usize).copied().unwrap_or("?")
    }

    /// The block of a name; lists that read alike share one.
    #[must_use]
    pub fn named(name: &str) -> Option<Place> {
        let name = match name {
            "vrrp_instance/virtual_ipaddress_excluded" => "vrrp_instance/virtual_ipaddress",
            n if n.contains("/track_") && n.starts_with("vrrp_") => "vrrp_instance/track_…",
            n => n,
        };
        Self::NAMES.iter().position(|n| *n == name).map(|bit| Place(1 << bit))
    }
}

/// Which of the original's processes reads a top-level keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// The parent only.
    Parent,
    /// VRRP.
    Vrrp,
    /// The health checker.
    Checker,
    /// All children, each for itself.
    Children,
    /// VRRP and the health checker.
    Trackers,
}

/// A keyword's function: checks the arguments, says what is wrong, changes the model.
pub type Read = fn(&mut Cx<'_>, &Line) -> Flow;
/// What happens at the closing brace of a block.
pub type Close = fn(&mut Cx<'_>) -> Flow;

/// What reading a keyword does.
#[derive(Clone, Copy)]
pub enum Run {
    /// Calls a function with the line.
    With(Read),
    /// Opens a block of keywords.
    Block {
        /// Called with the keyword's own line.
        open: Option<Read>,
        /// The block.
        inside: Place,
        /// Called at its end, unless it was skipped.
        close: Option<Close>,
    },
    /// An entry, an entry's option or an argument's option: the function of the keyword it belongs to
    /// reads it (named here, as documents show it).
    PartOf(&'static str),
    /// Part of the reader itself.
    Lexical,
}

/// Blocks whose keywords are not built unless their rows say so.
const UNBUILT: Place = Place::SYNC_DAEMON.or(Place::HMAC);

/// Blocks that are about forwarding by the kernel.
const FORWARDING: Place = Place::SERVER_GROUP;

/// Blocks that only IPVS itself can obey.
const KERNEL: Place = Place::LVS_TIMEOUTS.or(Place::TUNNEL);

/// How far virtual servers are built.
pub(crate) const LVS: Support = Support::Partial(
    "without IPVS in the kernel only lvs_method NAT forwards, through nftables; IPVS was never met live",
);

/// How far that is built for which nftables, where it stands in for IPVS, has nothing.
pub(crate) const IPVS: Support =
    Support::Partial("without IPVS in the kernel it has no effect, and IPVS was never met live");

/// Blocks of servers and checkers; their rows about forwarding say so themselves.
const CHECKERS: Place = Place::BFD_CHECK
    .or(Place::VIRTUAL_SERVER)
    .or(Place::REAL_SERVER)
    .or(Place::DNS_CHECK)
    .or(Place::FILE_CHECK)
    .or(Place::HTTP_GET)
    .or(Place::HTTP_URL)
    .or(Place::MISC_CHECK)
    .or(Place::PING_CHECK)
    .or(Place::SMTP_CHECK)
    .or(Place::SMTP_HOST)
    .or(Place::SSL)
    .or(Place::SSL_GET)
    .or(Place::SSL_URL)
    .or(Place::TCP_CHECK)
    .or(Place::UDP_CHECK);

/// The level of a row that names none: planned, but for virtual servers and their checkers.
const fn usual(place: Place) -> Support {
    if place.meets(UNBUILT) {
        Support::Planned
    } else if place.meets(FORWARDING) {
        LVS
    } else if place.meets(KERNEL) {
        IPVS
    } else if place.meets(CHECKERS) {
        Support::Full
    } else {
        Support::Planned
    }
}

/// One keyword.
#[derive(Clone, Copy)]
pub struct Keyword {
    /// Its word; alternatives separated by `|`.
    pub name: &'static str,
    /// Where it may stand.
    pub place: Place,
    /// Arguments, `<x> [y]`; empty for none.
    pub usage: &'static str,
    /// First version that knows it.
    pub since: Version,
    /// How far it is built.
    pub support: Support,
    /// One sentence in our own words.
    pub doc: &'static str,
    /// What reading it does.
    pub run: Run,
    /// Who reads it (top-level keywords only).
    pub reader: Reader,
}

impl Keyword {
    /// A keyword with a function.
    #[must_use]
    pub const fn new(
        name: &'static str,
        place: Place,
        usage: &'static str,
        since: Version,
        doc: &'static str,
        read: Read,
    ) -> Self {
        Keyword {
            name,
            place,
            usage,
            since,
            support: usual(place),
            doc,
            run: Run::With(read),
            reader: Reader::Parent,
        }
    }

    /// A keyword that opens a block.
    #[must_use]
    pub const fn block(
        name: &'static str,
        place: Place,
        usage: &'static str,
        since: Version,
        doc: &'static str,
        inside: Place,
    ) -> Self {
        Keyword {
            name,
            place,
            usage,
            since,
            support: usual(place),
            doc,
            run: Run::Block { open: None, inside, close: None },
            reader: Reader::Parent,
        }
    }

    /// A list entry, an option of one, or an argument option.
    #[must_use]
    pub const fn part(
        name: &'static str,
        place: Place,
        usage: &'static str,
        doc: &'static str,
        of: &'static str,
    ) -> Self {
        Keyword {
            name,
            place,
            usage,
            since: Version::OLD,
            support: usual(place),
            doc,
            run: Run::PartOf(of),
            reader: Reader::Parent,
        }
    }

    /// Part of the reader.
    #[must_use]
    pub const fn lexical(name: &'static str, usage: &'static str, since: Version, doc: &'static str) -> Self {
        Keyword {
            name,
            place: Place::LEXICAL,
            usage,
            since,
            support: Support::Full,
            doc,
            run: Run::Lexical,
            reader: Reader::Parent,
        }
    }

    /// With a function for the keyword's line (blocks).
    #[must_use]
    pub const fn opening(mut self, read: Read) -> Self {
        if let Run::Block { inside, close, .. } = self.run {
            self.run = Run::Block { open: Some(read), inside, close };
        }
        self
    }

    /// With a function for the end of the block.
    #[must_use]
    pub const fn closing(mut self, end: Close) -> Self {
        if let Run::Block { inside, open, .. } = self.run {
            self.run = Run::Block { open, inside, close: Some(end) };
        }
        self
    }

    /// Read by another process than the parent.
    #[must_use]
    pub const fn read_by(mut self, reader: Reader) -> Self {
        self.reader = reader;
        self
    }

    /// With a support level.
    #[must_use]
    pub const fn support(mut self, support: Support) -> Self {
        self.support = support;
        self
    }
}
