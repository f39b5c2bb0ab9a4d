//! What every part of the engine shares: ids, the clock, sample values, counters, termination states,
//! and the traits through which rules see a message, a stream and the site around it.
//!
//! Deliberately absent: sockets, threads, tokio, any protocol, any reading of a clock. Time is an
//! argument everywhere below `engine/net`.

mod clock;
mod counters;
mod ids;
mod term;
mod text;
mod value;
mod view;

pub use clock::{Now, Tick};
pub use counters::{Counter, FrequencyCounter};
pub use ids::{ProxyId, ServerId};
pub use term::{CookieMark, Ending, Phase, Side};
pub use text::{push_decimal, push_ip, push_v4};
pub use value::{Value, parse_int};
pub use view::{
    Fact, Message, ProxyFact, Request, Response, Scene, Scope, ServerFact, Site, TcpFact, VarSlot,
};
