//! Servers in order of a number, equals in order of arrival: a short sorted list, or a tree when there are many.
//!
//! A list of a few dozen entries is several times faster than a tree at what a choice does: look at the first, take
//! one out, put one in.

use std::collections::BTreeMap;

/// The number, and the arrival that orders equals.
pub(crate) type Rank = (u32, u64);

/// Most servers for which a list is kept.
const SHORT: usize = 48;

#[derive(Debug)]
pub(crate) enum Order {
    /// Last is first: what comes next is taken from the end.
    List(Vec<(Rank, usize)>),
    Tree(BTreeMap<Rank, usize>),
}

impl Order {
    /// An empty order for up to so many servers.
    pub(crate) fn new(servers: usize) -> Order {
        if servers <= SHORT { Order::List(Vec::with_capacity(servers)) } else { Order::Tree(BTreeMap::new()) }
    }

    /// The server that comes first.
    pub(crate) fn first(&self) -> Option<usize> {
        match self {
            Order::List(list) => list.last().map(|e| e.1),
            Order::Tree(tree) => tree.first_key_value().map(|e| *e.1),
        }
    }

    pub(crate) fn insert(&mut self, rank: Rank, server: usize) {
        match self {
            Order::List(list) => {
                let at = list.iter().position(|e| e.0 < rank).unwrap_or(list.len());
                list.insert(at, (rank, server));
            }
            Order::Tree(tree) => {
                tree.insert(rank, server);
            }
        }
    }

    pub(crate) fn remove(&mut self, rank: &Rank) {
        match self {
            Order::List(list) => {
                // What is taken out is nearly always the first.
                if let Some(at) = list.iter().rposition(|e| e.0 == *rank) {
                    list.remove(at);
                }
            }
            Order::Tree(tree) => {
                tree.remove(rank);
            }
        }
    }

    /// The first server in order that `wanted` does not refuse.
    pub(crate) fn find(&self, mut wanted: impl FnMut(usize) -> bool) -> Option<usize> {
        match self {
            Order::List(list) => list.iter().rev().map(|e| e.1).find(|s| wanted(*s)),
            Order::Tree(tree) => tree.values().copied().find(|s| wanted(*s)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn list_and_tree_agree(steps in proptest::collection::vec((any::<bool>(), 0u32..8), 0..60)) {
            let (mut list, mut tree) = (Order::new(1), Order::new(SHORT + 1));
            let mut ranks: Vec<Rank> = Vec::new();
            for (at, (insert, n)) in steps.into_iter().enumerate() {
                if insert || ranks.is_empty() {
                    let rank = (n, at as u64);
                    ranks.push(rank);
                    list.insert(rank, at);
                    tree.insert(rank, at);
                } else {
                    let rank = ranks.swap_remove(n as usize % ranks.len());
                    list.remove(&rank);
                    tree.remove(&rank);
                }
                prop_assert_eq!(list.first(), tree.first());
                let all = |o: &Order| { let mut v = Vec::new(); o.find(|s| { v.push(s); false }); v };
                prop_assert_eq!(all(&list), all(&tree));
                prop_assert_eq!(all(&list).len(), ranks.len());
            }
        }
    }
}
