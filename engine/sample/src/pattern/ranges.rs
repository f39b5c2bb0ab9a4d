//! Networks: nested prefixes flattened into sorted ranges, each naming its most specific network.
//!
//! A million networks become at most two million boundaries of 8 bytes (24 for IPv6), looked up by
//! binary search: smaller than any trie, and built by one sort and one sweep.

use std::net::{Ipv4Addr, Ipv6Addr};

use rha_ir::pattern::parse_network;

use crate::cast::v6_to_v4;

/// Networks of both families.
#[derive(Debug)]
pub(crate) struct NetIndex {
    v4: Flat<u32>,
    v6: Flat<u128>,
    /// IPv4 masks that are no prefix: address, mask, entry.
    odd: Box<[(u32, u32, u32)]>,
}

const NOTHING: u32 = u32::MAX;

/// From each boundary on to the next, the entry that holds; sorted.
#[derive(Debug)]
struct Flat<T> {
    starts: Box<[T]>,
    entries: Box<[u32]>,
}

impl NetIndex {
    /// Reads addresses and networks.
    pub(crate) fn build<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Result<NetIndex, String> {
        let (mut v4, mut v6, mut odd) = (Vec::new(), Vec::new(), Vec::new());
        for (i, t) in (0u32..).zip(texts) {
            if let Some((address, mask)) = odd_network(t) {
                odd.push((address & mask, mask, i));
                continue;
            }
            let n = parse_network(t).ok_or_else(|| {
                format!("'{}' is not a valid IPv4 or IPv6 address", String::from_utf8_lossy(t))
            })?;
            match n.address {
                std::net::IpAddr::V4(a) => {
                    let host = u32::MAX.checked_shr(u32::from(n.prefix_len)).unwrap_or(0);
                    v4.push((u32::from(a), u32::from(a) | host, i));
                }
                std::net::IpAddr::V6(a) => {
                    let host = u128::MAX.checked_shr(u32::from(n.prefix_len)).unwrap_or(0);
                    v6.push((u128::from(a), u128::from(a) | host, i));
                }
            }
        }
        Ok(NetIndex { v4: Flat::build(v4), v6: Flat::build(v6), odd: odd.into() })
    }

    /// The most specific network of an IPv4 address; IPv6 networks hold it in its mapped form.
    pub(crate) fn find_v4(&self, a: Ipv4Addr) -> Option<u32> {
        let n = u32::from(a);
        let odd = || self.odd.iter().find(|(address, mask, _)| n & mask == *address).map(|(_, _, i)| *i);
        self.v4.find(n).or_else(|| self.v6.find(u128::from(a.to_ipv6_mapped()))).or_else(odd)
    }

    /// The most specific network of an IPv6 address; IPv4 networks hold those that embed one.
    pub(crate) fn find_v6(&self, a: Ipv6Addr) -> Option<u32> {
        self.v6.find(u128::from(a)).or_else(|| {
            let n = u32::from(v6_to_v4(a)?);
            let odd = || self.odd.iter().find(|(address, mask, _)| n & mask == *address).map(|(_, _, i)| *i);
            self.v4.find(n).or_else(odd)
        })
    }
}

impl<T: Copy + Ord + Successor> Flat<T> {
    /// Of inclusive ranges that are nested or apart, as prefixes are.
    fn build(mut nets: Vec<(T, T, u32)>) -> Flat<T> {
        // outer ranges before inner ones, later entries before earlier ones so that the first one wins
        nets.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)).then(b.2.cmp(&a.2)));
        let (mut starts, mut entries): (Vec<T>, Vec<u32>) = (Vec::new(), Vec::new());
        let mut open: Vec<(T, u32)> = Vec::new();
        let mut begin = |at: T, entry: u32| {
            if starts.last() == Some(&at) {
                if let Some(e) = entries.last_mut() {
                    *e = entry;
                }
            } else if entries.last() != Some(&entry) {
                starts.push(at);
                entries.push(entry);
            }
        };
        let close = |open: &mut Vec<(T, u32)>, before: Option<T>, begin: &mut dyn FnMut(T, u32)| {
            while let Some((end, _)) = open.last().copied() {
                if before.is_some_and(|b| end >= b) {
                    break;
                }
                open.pop();
                if let Some(next) = end.successor() {
                    begin(next, open.last().map_or(NOTHING, |(_, e)| *e));
                }
            }
        };
        for (start, end, entry) in nets {
            close(&mut open, Some(start), &mut begin);
            begin(start, entry);
            open.push((end, entry));
        }
        close(&mut open, None, &mut begin);
        Flat { starts: starts.into(), entries: entries.into() }
    }

    fn find(&self, at: T) -> Option<u32> {
        let i = self.starts.partition_point(|s| *s <= at).checked_sub(1)?;
        self.entries.get(i).copied().filter(|e| *e != NOTHING)
    }
}

trait Successor: Sized {
    fn successor(self) -> Option<Self>;
}

impl Successor for u32 {
    fn successor(self) -> Option<u32> {
        self.checked_add(1)
    }
}

impl Successor for u128 {
    fn successor(self) -> Option<u128> {
        self.checked_add(1)
    }
}

/// `10.0.0.1/255.0.0.255`: a mask with holes.
fn odd_network(text: &[u8]) -> Option<(u32, u32)> {
    let (a, m) = std::str::from_utf8(text).ok()?.split_once('/')?;
    let mask = u32::from(m.parse::<Ipv4Addr>().ok()?);
    let address = u32::from(a.parse::<Ipv4Addr>().ok()?);
    (mask.leading_ones() != mask.count_ones()).then_some((address, mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(nets: &[&str]) -> NetIndex {
        NetIndex::build(nets.iter().map(|n| n.as_bytes())).unwrap()
    }

    fn v4(n: &NetIndex, a: &str) -> Option<u32> {
        n.find_v4(a.parse().unwrap())
    }

    #[test]
    fn the_most_specific_network_wins_and_the_first_of_equals() {
        let n =
            index(&["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/1", "10.1.0.0/16", "255.255.255.255"]);
        let cases = [
            ("10.0.0.1", Some(0)),
            ("10.1.2.2", Some(1)),
            ("10.1.2.3", Some(2)),
            ("10.1.2.4", Some(1)),
            ("10.2.0.0", Some(0)),
            ("11.0.0.0", Some(3)),
            ("128.0.0.0", None),
            ("255.255.255.255", Some(5)),
        ];
        for (a, want) in cases {
            assert_eq!(v4(&n, a), want, "{a}");
        }
        assert_eq!(n.find_v6("::ffff:10.1.2.3".parse().unwrap()), Some(2));
        assert_eq!(n.find_v6("2002:0a01:0203::".parse().unwrap()), Some(2));
        assert_eq!(n.find_v6("2001:db8::1".parse().unwrap()), None);
    }

    #[test]
    fn families_meet_in_mapped_addresses_and_odd_masks_are_kept() {
        let n = index(&["::ffff:0:0/96", "2001:db8::/32", "10.0.0.1/255.0.0.255"]);
        assert_eq!(v4(&n, "1.2.3.4"), Some(0));
        assert_eq!(n.find_v6("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap()), Some(1));
        assert_eq!(n.find_v6("2001:db9::".parse().unwrap()), None);
        let n = index(&["10.0.0.1/255.0.0.255"]);
        assert_eq!(v4(&n, "10.9.9.1"), Some(0));
        assert_eq!(v4(&n, "10.9.9.2"), None);
        assert!(NetIndex::build([&b"host"[..]].into_iter()).is_err());
    }

    proptest::proptest! {
        /// The flattened ranges find what comparing every network finds.
        #[test]
        fn ranges_agree_with_comparing_each(
            nets in proptest::collection::vec((0u32..64, 26u8..=32), 0..40),
            at in 0u32..64,
        ) {
            let texts: Vec<String> =
                nets.iter().map(|(a, l)| format!("{}/{l}", Ipv4Addr::from(*a))).collect();
            let holds = |a: u32, l: u8| {
                let mask = u32::MAX.checked_shl(32 - u32::from(l)).unwrap_or(0);
                a & mask == at & mask
            };
            let each = (0u32..).zip(&nets).filter(|(_, (a, l))| holds(*a, *l));
            let want = each.max_by_key(|(i, (_, l))| (*l, u32::MAX - i)).map(|(i, _)| i);
            let n = NetIndex::build(texts.iter().map(|t| t.as_bytes())).unwrap();
            proptest::prop_assert_eq!(n.find_v4(Ipv4Addr::from(at)), want);
        }
    }
}
