//! Bytes that left through connections of this process, for `TotalBytesOut`.
//!
//! A counter per thread with that thread as its single writer; readers sum them up.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

static ALL: Mutex<Vec<Arc<AtomicU64>>> = Mutex::new(Vec::new());

thread_local! {
    static MINE: Arc<AtomicU64> = {
        let mine = Arc::new(AtomicU64::new(0));
        ALL.lock().unwrap_or_else(PoisonError::into_inner).push(mine.clone());
        mine
    };
}

pub(crate) fn count_sent(bytes: usize) {
    MINE.with(|m| m.store(m.load(Relaxed) + bytes as u64, Relaxed));
}

/// Bytes sent since start by all threads, to whomever.
#[must_use]
pub fn bytes_sent() -> u64 {
    ALL.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|m| m.load(Relaxed)).sum()
}
