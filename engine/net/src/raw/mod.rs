//! Sockets below UDP: VRRP over IP, gratuitous ARP and neighbour advertisements, sightings of addresses.
//!
//! [`VrrpSocket`] carries VRRP and AH payloads with the source, hop limit and interface they came by;
//! [`FrameSender`] sends the frames that [`gratuitous_arp`] and [`neighbour_advertisement`] build;
//! [`Sightings`] hears others use given addresses and never sends, [`Overhearing`] adverts to the group;
//! [`PingSocket`] asks a host whether it is there. Deliberately absent: what a VRRP packet
//! means, and when anything is sent.

mod bpf;
mod frames;
mod message;
mod overhear;
mod packet;
mod ping;
mod sightings;
#[cfg(test)]
mod tests;
mod vrrp;

pub use frames::{gratuitous_arp, neighbour_advertisement};
pub use overhear::Overhearing;
pub use packet::FrameSender;
pub use ping::{PingOptions, PingSocket};
pub use sightings::{Seen, Sighting, Sightings};
pub use vrrp::{
    IpProtocolNumber, Outgoing, Received, VRRP_GROUP_V4, VRRP_GROUP_V6, VrrpSocket, VrrpSocketOptions,
    ipv4_packet,
};

pub(crate) use bpf::{
    answer, if_equal, load_attribute, load_byte, load_byte_behind, load_half, load_index, load_value,
    load_word, to_index, unless_equal,
};
pub(crate) use message::{
    Control, receive as receive_message, send as send_message, set_number, set_receive_buffer, switch_on,
};
