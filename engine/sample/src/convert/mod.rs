//! Converters, one file per subject; each has its rows and the functions behind them.

mod codec;
mod crypto;
mod hash;
mod json_path;
mod map;
mod mqtt;
mod net;
mod number;
mod packet;
mod protobuf;
mod protocol;
mod site;
mod string;
mod table;
mod time;
mod variable;

use crate::row::Converter;

/// All rows, by subject.
pub(crate) const TABLES: &[&[Converter]] = &[
    codec::ROWS,
    crypto::ROWS,
    hash::ROWS,
    map::ROWS,
    net::ROWS,
    number::ROWS,
    packet::ROWS,
    protocol::ROWS,
    site::ROWS,
    string::ROWS,
    table::ROWS,
    time::ROWS,
    variable::ROWS,
];

/// Value of a hexadecimal digit, 0 for anything else.
pub(crate) fn hex_digit(c: u8) -> u8 {
    match c {
        b'0'..=b'9' => c - b'0',
        b'a'..=b'f' => c - b'a' + 10,
        b'A'..=b'F' => c - b'A' + 10,
        _ => 0,
    }
}

/// Bytes of pairs of hexadecimal digits.
pub(crate) fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let whole = text.len().is_multiple_of(2) && text.iter().all(u8::is_ascii_hexdigit);
    let pair = |p: &[u8]| p.iter().fold(0u8, |n, c| n << 4 | hex_digit(*c));
    whole.then(|| text.chunks(2).map(pair).collect())
}

/// Flags that the model keeps in an argument and the operands do not.
pub(crate) fn keep_flags(name: &str, call: &rha_ir::Call, args: &mut Vec<crate::operand::Operand>) {
    let global = |a: &rha_ir::Arg| matches!(a, rha_ir::Arg::Regex { global: true, .. });
    if name == "regsub" && call.args.first().is_some_and(global) {
        args.resize_with(3, || crate::operand::Operand::Absent);
        args.push(crate::operand::Operand::Int(1));
    }
}

/// The 32-bit mixer that HAProxy calls a full avalanche, spread by a last multiplication.
pub(crate) fn full_hash(a: u32) -> u32 {
    let a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    let a = (a ^ 0xc761_c23c) ^ (a >> 19);
    let a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    let a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    let a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    ((a ^ 0xb55a_4f09) ^ (a >> 16)).wrapping_mul(3_221_225_473)
}
