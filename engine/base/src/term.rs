//! How a stream ended: the letters in `%ts` and `%tsc`, HAProxy configuration manual §8.5.

/// First letter: whose doing the end was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// `-` a normal end.
    #[default]
    None,
    /// `C` the client aborted.
    Client,
    /// `S` the server aborted or refused.
    Server,
    /// `P` a rule, a limit or a protocol violation here.
    Proxy,
    /// `L` answered locally (redirect, return, stats).
    Local,
    /// `R` a resource ran out.
    Resource,
    /// `I` an internal error.
    Internal,
    /// `D` killed because the server went down.
    Down,
    /// `U` killed because a primary server came back.
    Up,
    /// `K` killed by an operator.
    Killed,
    /// `c` the client's timeout.
    ClientTimeout,
    /// `s` the server's timeout.
    ServerTimeout,
}

impl Side {
    /// Its letter.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Side::None => '-',
            Side::Client => 'C',
            Side::Server => 'S',
            Side::Proxy => 'P',
            Side::Local => 'L',
            Side::Resource => 'R',
            Side::Internal => 'I',
            Side::Down => 'D',
            Side::Up => 'U',
            Side::Killed => 'K',
            Side::ClientTimeout => 'c',
            Side::ServerTimeout => 's',
        }
    }
}

/// Second letter: what the stream was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// `-` done.
    #[default]
    None,
    /// `R` waiting for the request.
    Request,
    /// `Q` in the queue.
    Queue,
    /// `C` connecting to the server.
    Connect,
    /// `H` waiting for the response's headers.
    Headers,
    /// `D` moving data.
    Data,
    /// `L` sending the last data to the client.
    Last,
    /// `T` tarpitted.
    Tarpit,
}

impl Phase {
    /// Its letter.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Phase::None => '-',
            Phase::Request => 'R',
            Phase::Queue => 'Q',
            Phase::Connect => 'C',
            Phase::Headers => 'H',
            Phase::Data => 'D',
            Phase::Last => 'L',
            Phase::Tarpit => 'T',
        }
    }
}

/// First two letters together; the first event of a stream decides, later ones do not change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ending {
    /// Whose doing.
    pub side: Side,
    /// What was going on.
    pub phase: Phase,
}

impl Ending {
    /// Records an end unless one is recorded.
    pub fn set(&mut self, side: Side, phase: Phase) {
        if self.side == Side::None {
            *self = Ending { side, phase };
        }
    }
}

/// Third and fourth letter of `%tsc`: what was done about the persistence cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieMark {
    /// `N I D V E O U -`.
    pub request: u8,
    /// `N I U P R D -`.
    pub response: u8,
}

impl Default for CookieMark {
    fn default() -> Self {
        CookieMark { request: b'-', response: b'-' }
    }
}
