//! Handing an instance to another node with nothing lost.
//!
//! The master sends priority 0 (RFC 5798 §6.4.3) and then no more adverts, but keeps the addresses and goes
//! on answering. A backup, ours or an original, takes over after its skew and sends its first advert before
//! it puts the addresses on and announces them. Only `hold` after that advert ours go. Had ours gone with
//! the priority 0, nobody would have answered for the skew. If no advert comes within an interval and a half
//! and the greatest skew, there is no backup: we go on as master.
//!
//! Afterwards we do not preempt (`yielded`) until the new master fails, or the handover would undo itself.

use std::net::IpAddr;
use std::time::Duration;

use super::transition::Farewell;
use super::{Instance, Turn};
use crate::event::{Action, State};
use crate::moment::Moment;
use crate::packet::Frame;

/// A handover under way.
#[derive(Debug, Clone)]
pub(crate) struct Handover {
    hold: Duration,
    /// The end of waiting for a successor, or of holding on after it was heard.
    until: Moment,
    successor: Option<(IpAddr, u8)>,
}

impl Handover {
    pub fn deadline(&self) -> Moment {
        self.until
    }
}

impl Instance {
    /// Begins a handover; ignored unless master.
    pub(crate) fn hand_over(&mut self, hold: Duration, turn: &mut Turn<'_>) {
        if self.state != State::Master || self.handover.is_some() {
            return;
        }
        self.send_priority_zero(turn);
        let patience = self.config.advert_interval * 3 / 2 + self.skew_of(255);
        self.handover = Some(Handover { hold, until: turn.moment().after(patience), successor: None });
        self.deadline = Moment::NEVER;
    }

    /// The advert of a node that took over, while we wait for one or hold on after it; or its farewell, which
    /// makes us go on as master.
    pub(super) fn hear_successor(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        let Some(handover) = &mut self.handover else { return };
        match handover.successor {
            None if frame.priority > 0 => {
                handover.successor = Some((frame.source, frame.priority));
                handover.until = turn.moment().after(handover.hold);
            }
            Some((source, _)) if frame.priority == 0 && source == frame.source => {
                self.handover = None;
                turn.act(Action::HandoverFailed);
                self.send_advert(self.effective, turn);
                self.arm_advert(turn);
            }
            _ => {}
        }
    }

    /// The end of a handover, if its time has come.
    pub(super) fn expire_handover(&mut self, turn: &mut Turn<'_>) {
        let Some(handover) = self.handover.take_if(|h| h.until <= turn.moment()) else { return };
        let Some((to, priority)) = handover.successor else {
            turn.act(Action::HandoverFailed);
            self.deadline = turn.moment(); // an advert at once, before somebody else's timer ends
            return;
        };
        self.want = State::Backup;
        self.leave_master(Farewell::Silent, turn);
        self.master = Some(to);
        self.master_priority = priority;
        self.yielded = true;
        turn.act(Action::HandedOver { to });
    }
}
