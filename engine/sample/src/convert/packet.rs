//! Fields of saved SYN packets.

use rha_vocab::{ArgKind, Lifetime, SampleType as T};

use crate::row::{Converter, NONE, args, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert("eth.data", NONE, T::Bin, T::Bin, Lifetime::since(3, 5), "Payload of an Ethernet frame."),
    convert("eth.dst", NONE, T::Bin, T::Bin, Lifetime::since(3, 5), "Destination address of an Ethernet frame."),
    convert("eth.hdr", NONE, T::Bin, T::Bin, Lifetime::since(3, 5), "Header of an Ethernet frame."),
    convert("eth.proto", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Protocol number of an Ethernet frame."),
    convert("eth.src", NONE, T::Bin, T::Bin, Lifetime::since(3, 5), "Source address of an Ethernet frame."),
    convert("eth.vlan", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "VLAN of an Ethernet frame."),
    convert("ip.data", NONE, T::Bin, T::Bin, Lifetime::since(3, 5), "Payload of an IP packet."),
    convert("ip.df", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Don't-fragment flag of an IP packet."),
    convert("ip.dst", NONE, T::Bin, T::Addr, Lifetime::since(3, 5), "Destination address of an IP packet."),
    convert("ip.fp", args(0, &[ArgKind::Sint]), T::Bin, T::Bin, Lifetime::since(3, 5), "Fingerprint of a TCP SYN packet."),
    convert("ip.hdr", NONE, T::Bin, T::Bin, Lifetime::since(3, 5), "Header of an IP packet."),
    convert("ip.proto", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Protocol number of an IP packet."),
    convert("ip.src", NONE, T::Bin, T::Addr, Lifetime::since(3, 5), "Source address of an IP packet."),
    convert("ip.tos", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Type of service of an IP packet."),
    convert("ip.ttl", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Time to live of an IP packet."),
    convert("ip.ver", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Version of an IP packet."),
    convert("tcp.dst", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Destination port of a TCP segment."),
    convert("tcp.flags", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Flags of a TCP segment."),
    convert("tcp.options.mss", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Maximum segment size option of a TCP segment."),
    convert("tcp.options.sack", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Whether a TCP segment permits selective acknowledgement."),
    convert("tcp.options.tsopt", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Whether a TCP segment has timestamps."),
    convert("tcp.options.tsval", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Timestamp of a TCP segment."),
    convert("tcp.options.wscale", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Window scale of a TCP segment."),
    convert("tcp.options.wsopt", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Whether a TCP segment has a window scale."),
    convert("tcp.options_list", NONE, T::Bin, T::Bin, Lifetime::since(3, 5), "Option kinds of a TCP segment in order."),
    convert("tcp.seq", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Sequence number of a TCP segment."),
    convert("tcp.src", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Source port of a TCP segment."),
    convert("tcp.win", NONE, T::Bin, T::Sint, Lifetime::since(3, 5), "Window of a TCP segment."),
];
