//! Pairs of nodes through everything that happens to them: ours with ours, ours with the original, the
//! original with ours, and two originals, which test the tests and say what is right on the wire.
//!
//! [`VARIANTS`] × [`PAIRS`] × [`Event::ALL`] is the matrix. [`run`] takes one variant and pair through all
//! events on a LAN of its own; [`compare`] holds its packets against those of the two originals.

mod chain;
mod report;
mod variant;

pub use chain::{Cell, Outcome, run};
pub use report::{compare, judge, table};
pub use variant::{VARIANTS, Variant};

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::lan::Who;

/// Node 1, which has the higher priority, and node 2.
pub type Pair = [Who; 2];

/// Two originals: what is right.
pub const ORACLE: Pair = [Who::Original, Who::Original];

/// The pairs of the matrix.
pub const PAIRS: [Pair; 4] =
    [ORACLE, [Who::Ours, Who::Ours], [Who::Ours, Who::Original], [Who::Original, Who::Ours]];

/// LANs at once: they wait most of the time.
const AT_ONCE: usize = 6;

/// What happens to the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Both start.
    Start,
    /// TERM.
    GracefulStop,
    /// Its end comes without warning, for all of its processes at once.
    Kill,
    /// Its link loses carrier.
    CarrierLoss,
    /// Frames are dropped while the carrier stays.
    SilentCut,
    /// They pass again.
    Heal,
    /// A reload makes it the lower one.
    Priority,
    /// A reload of the same file, on both.
    Reload,
}

impl Event {
    /// In the order of a run.
    pub const ALL: [Event; 8] = [
        Event::Start,
        Event::GracefulStop,
        Event::Kill,
        Event::CarrierLoss,
        Event::SilentCut,
        Event::Heal,
        Event::Priority,
        Event::Reload,
    ];

    /// As tables and the list of gaps name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Event::Start => "start",
            Event::GracefulStop => "graceful-stop",
            Event::Kill => "kill-9",
            Event::CarrierLoss => "carrier-loss",
            Event::SilentCut => "silent-cut",
            Event::Heal => "heal",
            Event::Priority => "priority",
            Event::Reload => "reload",
        }
    }
}

/// `ours+original`.
#[must_use]
pub fn pair_name(pair: Pair) -> String {
    pair.map(Who::name).join("+")
}

/// The name of a case in `known-gaps.toml`; what is compared over a whole run has `packets` for an event.
#[must_use]
pub fn id(variant: &Variant, pair: Pair, event: &str) -> String {
    format!("interop/{}/{}/{event}", variant.name, pair_name(pair))
}

/// Every name there is.
pub fn ids() -> impl Iterator<Item = String> {
    let events = || Event::ALL.iter().map(|e| e.name()).chain(["packets"]);
    VARIANTS.iter().flat_map(move |v| PAIRS.iter().flat_map(move |p| events().map(move |e| id(v, *p, e))))
}

/// Runs these variants with these pairs, several at once, in this order; outcomes in the same order.
///
/// # Panics
/// A run panics.
#[must_use]
pub fn run_all(cases: &[(&'static Variant, Pair)]) -> Vec<Outcome> {
    crate::watch();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|s| {
        for _ in 0..AT_ONCE.min(cases.len()) {
            s.spawn(|| {
                while let Some((n, (variant, pair))) = take(&next, cases) {
                    let (outcome, left) = run(variant, pair);
                    done.lock().expect("no run panics").push((n, outcome, left));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no run panics");
    done.sort_by_key(|(n, ..)| *n);
    done.into_iter().map(|(_, outcome, _)| outcome).collect()
}

fn take<T: Copy>(next: &AtomicUsize, cases: &[T]) -> Option<(usize, T)> {
    let n = next.fetch_add(1, Ordering::Relaxed);
    cases.get(n).map(|case| (n, *case))
}
