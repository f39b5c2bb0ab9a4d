//! Instructions of classic packet filters (`SO_ATTACH_FILTER`), by what they do.

use socket2::SockFilter;

/// `SKF_AD_OFF + SKF_AD_NLATTR` of linux/filter.h: looks an attribute up.
const FIND_ATTRIBUTE: u32 = (-0x1000_i32).cast_unsigned() + 12;

const fn plain(code: u32, k: u32) -> SockFilter {
    jump(code, 0, 0, k)
}

const fn jump(code: u32, when_true: u8, when_false: u8, k: u32) -> SockFilter {
    // Codes have 16 bits by definition.
    SockFilter::new(code as u16, when_true, when_false, k)
}

/// A = 32 bits at an offset, network order.
pub(crate) const fn load_word(offset: u32) -> SockFilter {
    plain(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

/// A = 16 bits at an offset, network order.
pub(crate) const fn load_half(offset: u32) -> SockFilter {
    plain(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, offset)
}

/// A = the byte at an offset.
pub(crate) const fn load_byte(offset: u32) -> SockFilter {
    plain(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, offset)
}

/// A = the byte at X and an offset.
pub(crate) const fn load_byte_behind(offset: u32) -> SockFilter {
    plain(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, offset)
}

/// A = a number.
pub(crate) const fn load_value(value: u32) -> SockFilter {
    plain(libc::BPF_LD | libc::BPF_IMM, value)
}

/// X = a number.
pub(crate) const fn load_index(value: u32) -> SockFilter {
    plain(libc::BPF_LDX | libc::BPF_IMM, value)
}

/// X = A.
pub(crate) const fn to_index() -> SockFilter {
    plain(libc::BPF_MISC | libc::BPF_TAX, 0)
}

/// A = offset of the netlink attribute of type X, searched from offset A; 0 when there is none.
pub(crate) const fn load_attribute() -> SockFilter {
    load_word(FIND_ATTRIBUTE)
}

/// Skips instructions when A is the value.
pub(crate) const fn if_equal(value: u32, skip: u8) -> SockFilter {
    jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, skip, 0, value)
}

/// Skips instructions unless A is the value.
pub(crate) const fn unless_equal(value: u32, skip: u8) -> SockFilter {
    jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, skip, value)
}

/// Ends: passes on so many bytes of the packet, 0 drops it.
pub(crate) const fn answer(bytes: u32) -> SockFilter {
    plain(libc::BPF_RET | libc::BPF_K, bytes)
}
