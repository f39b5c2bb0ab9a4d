//! Adverts heard by one instance.

use std::net::IpAddr;
use std::time::Duration;

use super::{Instance, Turn};
use crate::config::{Auth, Checksum, Family, OWNER, Target, Version};
use crate::event::{Action, Notice, State};
use crate::moment::Moment;
use crate::packet::{Datagram, Expected, Frame, Reject, RejectKind, verify};

/// What hearing a packet did that concerns others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Refused, for this reason, or too short to have one.
    Refused(Option<Reject>),
    /// Not listening (INIT, FAULT).
    Deaf,
    /// Acted on or rightly ignored.
    Taken,
    /// A master heard a lower priority: the whole group announces itself.
    Lower,
}

impl Instance {
    /// A packet with our router id came in. What is refused moves no state and no timer.
    ///
    /// DIFFERS: keepalived restarts a master's advert timer with every packet, refused ones too, so that two
    /// masters with different passwords keep each other from sending.
    pub(crate) fn hear(&mut self, datagram: Datagram<'_>, turn: &mut Turn<'_>) -> Heard {
        if !matches!(self.state, State::Backup | State::Master) {
            return Heard::Deaf;
        }
        if self.state == State::Master {
            // Before the advert of whoever took over meanwhile makes us answer as master.
            self.gives_way_when_late(turn);
        }
        let frame = match Frame::parse(datagram) {
            Ok(frame) => frame,
            Err(short) => {
                self.stats.count_reject(RejectKind::Length);
                if self.logged.kinds.insert(RejectKind::Length) {
                    turn.log(short.to_string());
                }
                return Heard::Refused(None);
            }
        };
        if frame.family == Family::V6 && frame.is_multicast() == Some(self.config.target.is_unicast()) {
            return self.discard_other_kind(&frame, turn);
        }
        let known = self.state == State::Backup && self.master == Some(frame.source);
        let expected = Expected {
            config: &self.config,
            source: self.source,
            sequence: self.replays.last(frame.source),
            check_addresses: !(self.config.skip_check_adv_addr && known),
            checksum: self.checksum,
        };
        let accepted = match verify(&frame, &expected) {
            Ok(accepted) => accepted,
            Err(reject) => {
                self.refuse(&reject, frame.source, turn);
                return Heard::Refused(Some(reject));
            }
        };
        if let Some(sequence) = accepted.sequence {
            self.replays.heard(frame.source, sequence);
            self.sequence = self.sequence.max(sequence); // a new master continues from the last number
        }
        if accepted.old_checksum {
            self.checksum = Checksum::PseudoMulticast;
            turn.log(format!("({}) Setting unicast VRRPv3 checksum to old version", self.config.name));
        }
        if self.logged.source == Some(frame.source) {
            self.logged = super::Logged::default();
        }
        self.stats.adverts_received += 1;
        self.stats.priority_zero_received += u64::from(frame.priority == 0);
        if self.state == State::Backup {
            self.hear_as_backup(&frame, turn);
            Heard::Taken
        } else {
            self.hear_as_master(&frame, turn)
        }
    }

    /// COMPAT: over IPv6 a multicast packet on a unicast socket (or the other way) is normal, hence no error
    /// and only a detail line.
    fn discard_other_kind(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) -> Heard {
        let word = |unicast: bool| if unicast { "un" } else { "mult" };
        let ours = self.config.target.is_unicast();
        let reject = Reject::Kind { expected_unicast: ours };
        self.stats.count_reject(reject.kind());
        if self.logged.kinds.insert(reject.kind()) {
            self.logged.source = Some(frame.source);
            let name = &self.config.name;
            turn.log_detail(|| {
                format!("({name}) discarding {}icast packet on {}icast instance", word(!ours), word(ours))
            });
        }
        Heard::Refused(Some(reject))
    }

    /// RFC 5798 §6.4.2 (420)–(465); RFC 3768 §6.4.2.
    fn hear_as_backup(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        let now = turn.moment();
        if frame.priority == 0 {
            turn.log_detail(|| format!("({}) Backup received priority 0 advertisement", self.config.name));
            self.arm_down(self.skew(), turn);
            return;
        }
        let delay_pending = !self.config.preempt_delay.is_zero() && self.preempt_at.is_none_or(|at| at > now);
        let stays_back = self.config.nopreempt || self.yielded || delay_pending;
        if frame.priority < self.effective && !stays_back {
            // RFC 5798 §6.4.2 (450): discard. The timer keeps running, so we preempt when it ends
            turn.log(format!(
                "({}) received lower priority ({}) advert from {} - discarding",
                self.config.name, frame.priority, frame.source
            ));
            self.master = Some(frame.source);
            return;
        }
        self.adopt_interval(frame, turn);
        self.arm_down(self.down_interval(), turn);
        self.master = Some(frame.source);
        self.master_priority = frame.priority;
        if !self.config.preempt_delay.is_zero() {
            self.count_preempt_delay(frame.priority, turn);
        }
        // a group may have held us back although our timer had ended; now there is a master
        self.want = State::Backup;
    }

    /// `preempt_delay` runs from the first lower-priority advert and stops at the first other one.
    fn count_preempt_delay(&mut self, heard: u8, turn: &mut Turn<'_>) {
        let name = &self.config.name;
        if heard >= self.effective {
            if self.preempt_at.take().is_some() {
                turn.log_detail(|| format!("({name}) stop preempt delay"));
            }
        } else if self.preempt_at.is_none() {
            let delay = self.config.preempt_delay;
            turn.log_detail(|| {
                format!("({name}) start preempt delay ({}.{:06})", delay.as_secs(), delay.subsec_micros())
            });
            self.preempt_at = Some(turn.moment().after(delay));
        }
    }

    /// RFC 5798 §6.4.2 (430): Master_Adver_Interval := the interval of the advert. Version 2 has refused
    /// another interval already.
    ///
    /// DIFFERS: an interval of 0 is not adopted; keepalived's timer would run out at once, for ever.
    fn adopt_interval(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        let heard = Duration::from_millis(u64::from(frame.hundredths()) * 10);
        if self.config.version == Version::V2 || heard.is_zero() || heard == self.master_interval {
            return;
        }
        let known = self.master_interval;
        turn.log_detail(|| {
            format!(
                "({}) advertisement interval updated from {}ms to {}ms by master",
                self.config.name,
                known.as_millis(),
                heard.as_millis()
            )
        });
        self.master_interval = heard;
    }

    /// RFC 5798 §6.4.3 (700)–(775); RFC 3768 §6.4.3.
    fn hear_as_master(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) -> Heard {
        if self.handover.is_some() {
            self.hear_successor(frame, turn);
            return Heard::Taken;
        }
        if frame.priority == 0 {
            // RFC 5798 §6.4.3 (705): send an advert, restart the timer
            self.send_advert(self.effective, turn);
            turn.log_detail(|| format!("({}) Master received priority 0 message", self.config.name));
            self.arm_advert(turn);
            return Heard::Taken;
        }
        let wins = self.yields_to(frame.priority, frame.source);
        if wins && self.config.higher_prio_send_advert {
            self.send_advert(self.effective, turn);
        }
        if frame.priority == OWNER && self.effective == OWNER {
            self.cede_ownership(turn);
        }
        // COMPAT: with our priority lowered just now the other one wins whatever its address
        if wins || self.yields_to(frame.priority, frame.source) {
            self.give_way(frame, turn);
            Heard::Taken
        } else {
            self.stand_firm(frame, turn);
            Heard::Lower
        }
    }

    /// RFC 5798 §6.4.3 (725): higher priority, or equal and the sender's address is greater than ours.
    fn yields_to(&self, priority: u8, source: IpAddr) -> bool {
        priority > self.effective
            || priority == self.effective && self.source.is_some_and(|ours| source > ours)
    }

    /// Two nodes say that they own the addresses. COMPAT: ours goes down to 254 until the next start.
    fn cede_ownership(&mut self, turn: &mut Turn<'_>) {
        turn.log(format!(
            "({}) CONFIGURATION ERROR: local instance and a remote instance are both configured as address \
             owner, please fix - reducing local priority",
            self.config.name
        ));
        self.base = OWNER - 1;
        self.effective = OWNER - 1;
        self.total = i32::from(OWNER - 1);
    }

    /// RFC 5798 §6.4.3 (730)–(755).
    fn give_way(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        let (name, ours) = (&self.config.name, self.effective);
        let (from, heard) = (frame.source, frame.priority);
        turn.log(if heard > ours {
            format!("({name}) Master received advert from {from} with higher priority {heard}, ours {ours}")
        } else {
            format!(
                "({name}) Master received advert from {from} with same priority {heard} but higher IP address \
                 than ours"
            )
        });
        self.adopt_interval(frame, turn);
        self.master = Some(frame.source);
        self.master_priority = frame.priority;
        self.want = State::Backup;
        self.leave_master(super::transition::Farewell::Silent, turn);
    }

    /// RFC 5798 §6.4.3 (770): discard. COMPAT: keepalived answers with an advert and announces again, since
    /// the other one was master and drew the traffic.
    fn stand_firm(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        let answers = !self.config.lower_prio_no_advert;
        let name = &self.config.name;
        turn.log(format!(
            "({name}) Received advert from {} with lower priority {}, ours {}{}",
            frame.source,
            frame.priority,
            self.effective,
            if answers { ", forcing new election" } else { "" }
        ));
        if matches!(self.config.auth, Auth::Ah(_)) {
            turn.log(format!("({name}) IPSEC-AH : Syncing seq_num - Increment seq"));
            self.sequence = self.sequence.saturating_add(1);
        }
        if answers {
            self.send_advert(self.effective, turn);
            self.arm_advert(turn);
        }
        self.announce_against_lower(turn);
        turn.act(Action::Notify { notice: Notice::MasterRxLowerPri, priority: self.effective });
    }

    /// A session that watches the path to a node went down. If that node is the master we follow, it is
    /// gone; the better backup comes first within `spread`. Before a master was heard, only the timer counts.
    pub(crate) fn lose_path(&mut self, peer: IpAddr, spread: Duration, turn: &mut Turn<'_>) {
        if self.state != State::Backup || self.master != Some(peer) {
            return;
        }
        if let Target::Unicast { peers, .. } = &self.config.target
            && peers.iter().all(|p| p.address != peer)
        {
            return;
        }
        let share = spread * u32::from(u8::MAX - self.effective) / 256;
        let at: Moment = turn.moment().max(turn.not_before).after(share);
        self.deadline = self.deadline.min(at);
    }
}
