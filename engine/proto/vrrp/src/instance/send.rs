//! Adverts and announcements of one instance.

use std::net::IpAddr;
use std::time::Duration;

use super::{Instance, Turn};
use crate::config::{Config, Family, Target, Vip};
use crate::event::{Action, State};
use crate::moment::Moment;
use crate::packet::{Advert, Route, TTL};

impl Vip {
    /// The original's detail line of one announcement that leaves.
    #[must_use]
    pub fn announcement_text(&self) -> String {
        let what = match self.address {
            IpAddr::V4(_) => "gratuitous ARP",
            IpAddr::V6(_) => "unsolicited Neighbour Advert",
        };
        format!("Sending {what} on {} for {}", self.device, self.address)
    }
}

impl Instance {
    /// Sends an advert with this priority to the group or to every peer.
    ///
    /// One IP id and one AH sequence number per advert, whatever the number of peers. Version 3 carries our
    /// own interval, never the adopted one (RFC 5798 §5.2.7).
    pub(super) fn send_advert(&mut self, priority: u8, turn: &mut Turn<'_>) {
        let Some(source) = self.source else { return };
        // COMPAT: the kernel would replace an id of 0, so it is skipped
        self.ip_id = self.ip_id.checked_add(1).unwrap_or(1);
        self.sequence = self.sequence.saturating_add(1);
        let advert = advert(&self.config, self.checksum, priority);
        let route = Route {
            source,
            destination: source,
            unicast: self.config.target.is_unicast(),
            ttl: if self.config.target.is_unicast() { self.config.ttl } else { TTL },
            id: self.ip_id,
            sequence: self.sequence,
        };
        let mut send = |to| {
            let bytes = advert.encode(&Route { destination: to, ..route });
            turn.act(Action::Send { to, priority, bytes });
        };
        match &self.config.target {
            Target::Multicast(group) => send(*group),
            Target::Unicast { peers, .. } => peers.iter().for_each(|peer| send(peer.address)),
        }
        self.stats.adverts_sent += 1;
        self.sent = turn.moment();
    }

    /// Sends priority 0 (RFC 5798 §6.4.3: Shutdown) and says so.
    pub(super) fn send_priority_zero(&mut self, turn: &mut Turn<'_>) {
        self.send_advert(0, turn);
        self.stats.priority_zero_sent += 1;
        turn.log_detail(|| format!("({}) sent 0 priority", self.config.name));
    }

    /// Announces every address this many times, round robin, if they are on.
    pub(super) fn announce(&self, rounds: u32, turn: &mut Turn<'_>) {
        if !self.holds {
            return;
        }
        for round in 0..rounds {
            for (place, vip) in self.config.vips().enumerate() {
                self.announce_one(place, vip, round == 0, turn);
            }
        }
    }

    fn announce_one(&self, place: usize, vip: &Vip, first: bool, turn: &mut Turn<'_>) {
        if first {
            turn.log_detail(|| queueing_text(&self.config.name, vip));
        }
        turn.act(Action::Announce { vip: place });
    }

    /// The bursts of a new master: now, after `garp_master_delay`, and the refresh clock.
    pub(super) fn announce_mastership(&mut self, turn: &mut Turn<'_>) {
        let garp = &self.config.garp;
        let in_future = |delay: Duration| {
            if delay.is_zero() { Moment::NEVER } else { turn.moment().after(delay) }
        };
        self.bursts.delayed = in_future(garp.delay);
        self.bursts.refresh = in_future(garp.refresh);
        self.bursts.extra = in_future(garp.extra);
        self.announce(garp.repeat, turn);
    }

    /// The bursts after a lower priority was heard, ours or another group member's.
    pub(crate) fn announce_against_lower(&mut self, turn: &mut Turn<'_>) {
        let garp = &self.config.garp;
        if garp.lower_prio_repeat == 0 || self.state != State::Master {
            return;
        }
        if !garp.lower_prio_delay.is_zero() {
            self.bursts.lower = turn.moment().after(garp.lower_prio_delay);
        }
        self.announce(garp.lower_prio_repeat, turn);
    }

    /// An operator wants the neighbours told again.
    pub(crate) fn announce_again(&self, turn: &mut Turn<'_>) {
        self.announce(self.config.garp.repeat.max(1), turn);
    }

    /// Bursts whose time has come.
    pub(super) fn expire_bursts(&mut self, turn: &mut Turn<'_>) {
        let now = turn.moment();
        if self.bursts.delayed <= now {
            self.bursts.delayed = Moment::NEVER;
            self.announce(self.config.garp.repeat, turn);
        }
        if self.bursts.lower <= now {
            self.bursts.lower = Moment::NEVER;
            self.announce(self.config.garp.lower_prio_repeat, turn);
        }
    }

    /// `garp_master_refresh` and `garp_extra_if`. COMPAT: looked at when an advert is sent, not at their own time.
    pub(super) fn refresh(&mut self, turn: &mut Turn<'_>) {
        let garp = &self.config.garp;
        if self.bursts.refresh < turn.moment() {
            self.announce(garp.refresh_repeat, turn);
            self.bursts.refresh = turn.moment().after(garp.refresh);
        }
        if self.bursts.extra < turn.moment() {
            for place in &garp.extra_places {
                if let Some(vip) = self.config.vips().nth(*place) {
                    self.announce_one(*place, vip, true, turn);
                }
            }
            self.bursts.extra = turn.moment().after(garp.extra);
        }
    }

    /// Unicast peers may have lost us from their caches while we were away.
    pub(crate) fn announce_source(&self, turn: &mut Turn<'_>) {
        let (true, Some(address)) = (self.config.target.is_unicast(), self.source) else { return };
        if self.config.interface.is_empty() {
            return;
        }
        let what = if self.config.family == Family::V4 { "ARP" } else { "NA" };
        turn.log_detail(|| format!("{}: sending gratuitous {what} for {address}", self.config.name));
        turn.act(Action::AnnounceSource { address });
    }
}

fn advert(config: &Config, checksum: crate::Checksum, priority: u8) -> Advert {
    Advert {
        version: config.version,
        family: config.family,
        vrid: config.vrid,
        priority,
        interval: config.advert_interval,
        auth: config.auth,
        checksum,
        addresses: config.addresses.iter().map(|vip| vip.address).collect(),
    }
}

fn queueing_text(name: &str, vip: &Vip) -> String {
    let what = match vip.address {
        IpAddr::V4(_) => "gratuitous ARPs",
        IpAddr::V6(_) => "Unsolicited Neighbour Adverts",
    };
    format!("({name}) Sending/queueing {what} on {} for {}", vip.device, vip.address)
}
