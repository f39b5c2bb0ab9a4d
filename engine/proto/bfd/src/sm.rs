//! The state machine alone: a state, what the other side says, the next state.
//!
//! RFC 5880 §6.2, what the other side says at the arrows:
//! ```text
//!                              +--+
//!                              |  | UP, ADMIN DOWN, TIMER
//!                              |  V
//!                      DOWN  +------+  INIT
//!               +------------|      |------------+
//!               |            | DOWN |            |
//!               |  +-------->|      |<--------+  |
//!               |  |         +------+         |  |
//!               |  |                          |  |
//!               |  |               ADMIN DOWN,|  |
//!               |  |ADMIN DOWN,          DOWN,|  |
//!               |  |TIMER                TIMER|  |
//!               V  |                          |  V
//!             +------+                      +------+
//!        +----|      |                      |      |----+
//!    DOWN|    | INIT |--------------------->|  UP  |    |INIT, UP
//!        +--->|      | INIT, UP             |      |<---+
//!             +------+                      +------+
//! ```

use crate::{Diag, State};

/// The state after a packet that says `received`, and the diagnostic if the session falls; `None` when nothing
/// changes. RFC 5880 §6.8.6.
#[must_use]
pub fn next(state: State, received: State) -> Option<(State, Diag)> {
    match (state, received) {
        (State::AdminDown, _) => None,
        (State::Init | State::Up, State::AdminDown) | (State::Up, State::Down) => {
            Some((State::Down, Diag::NEIGHBOR_DOWN))
        }
        (State::Down, State::Down) => Some((State::Init, Diag::NONE)),
        (State::Down, State::Init) | (State::Init, State::Init | State::Up) => Some((State::Up, Diag::NONE)),
        (State::Down, State::AdminDown | State::Up)
        | (State::Init, State::Down)
        | (State::Up, State::Init | State::Up) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_every_packet() {
        use State::{AdminDown, Down, Init, Up};
        for (state, received, then) in [
            (AdminDown, AdminDown, AdminDown),
            (AdminDown, Down, AdminDown),
            (AdminDown, Init, AdminDown),
            (AdminDown, Up, AdminDown),
            (Down, AdminDown, Down),
            (Down, Down, Init),
            (Down, Init, Up),
            (Down, Up, Down),
            (Init, AdminDown, Down),
            (Init, Down, Init),
            (Init, Init, Up),
            (Init, Up, Up),
            (Up, AdminDown, Down),
            (Up, Down, Down),
            (Up, Init, Up),
            (Up, Up, Up),
        ] {
            let got = next(state, received);
            assert_eq!(got.map_or(state, |(s, _)| s), then, "{state} hears {received}");
            assert!(got.is_none_or(|(s, _)| s != state), "{state} hears {received}: a change that is none");
            if let Some((State::Down, diag)) = got {
                assert_eq!(diag, Diag::NEIGHBOR_DOWN);
            }
        }
    }
}
