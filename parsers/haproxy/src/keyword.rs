//! The row type of the keyword tables.
//!
//! One row per keyword as HAProxy's `-dKcfg` dump and manual name it: `maxconn`, `timeout client`,
//! `option httplog`, `http-request set-header`, `bind … accept-proxy`, `server … check`. The tables
//! themselves are explicit const slices beside the functions that parse their rows.

use rha_vocab::{Lifetime, Support};

use crate::{Cx, Line};

/// Sections a keyword may stand in, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(pub u32);

#[allow(missing_docs, reason = "each is the section of that name")]
impl Place {
    pub const GLOBAL: Place = Place(1);
    pub const DEFAULTS: Place = Place(1 << 1);
    pub const FRONTEND: Place = Place(1 << 2);
    pub const LISTEN: Place = Place(1 << 3);
    pub const BACKEND: Place = Place(1 << 4);
    pub const PEERS: Place = Place(1 << 5);
    pub const MAILERS: Place = Place(1 << 6);
    pub const USERLIST: Place = Place(1 << 7);
    pub const RESOLVERS: Place = Place(1 << 8);
    pub const CACHE: Place = Place(1 << 9);
    pub const RING: Place = Place(1 << 10);
    pub const LOG_FORWARD: Place = Place(1 << 11);
    pub const HTTP_ERRORS: Place = Place(1 << 12);
    pub const FCGI_APP: Place = Place(1 << 13);
    pub const CRT_STORE: Place = Place(1 << 14);
    pub const PROGRAM: Place = Place(1 << 15);
    pub const TRACES: Place = Place(1 << 16);
    pub const LOG_PROFILE: Place = Place(1 << 17);
    pub const ACME: Place = Place(1 << 18);
    pub const HEALTHCHECK: Place = Place(1 << 19);
    pub const NAMESPACE_LIST: Place = Place(1 << 20);
    /// Outside of every section (`.if` and the like are handled before).
    pub const OUTSIDE: Place = Place(1 << 31);

    /// Defaults, frontend, listen, backend.
    pub const PROXY: Place = Place(0b1_1110);
    /// Frontend and listen (and defaults).
    pub const FRONT: Place = Place(0b0_1110);
    /// Backend and listen (and defaults).
    pub const BACK: Place = Place(0b1_1010);

    /// Union.
    #[must_use]
    pub const fn or(self, other: Place) -> Place {
        Place(self.0 | other.0)
    }

    /// Whether the two share a section.
    #[must_use]
    pub const fn meets(self, other: Place) -> bool {
        self.0 & other.0 != 0
    }
}

/// How a line began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// With its keyword.
    #[default]
    Plain,
    /// With `no`.
    No,
    /// With `default`.
    Default,
}

/// What reading a keyword does.
#[derive(Clone, Copy)]
pub enum Parse {
    /// Calls a function with the line; it checks the arguments, says what is wrong, changes the model.
    With(fn(&mut Cx<'_>, &Line)),
    /// An older version's keyword: its successor's exact answer, always an error.
    Removed(fn(&Line) -> String),
}

/// One keyword.
#[derive(Clone, Copy)]
pub struct Keyword {
    /// Its words, separated by one blank: `timeout client`.
    pub name: &'static str,
    /// Where it may stand.
    pub place: Place,
    /// Arguments in the manual's notation, `<name> [len <n>]`; empty for none.
    pub usage: &'static str,
    /// Versions that know it.
    pub lifetime: Lifetime,
    /// How far it is built.
    pub support: Support,
    /// One sentence in our own words.
    pub doc: &'static str,
    /// What reading it does.
    pub parse: Parse,
}
