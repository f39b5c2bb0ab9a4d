//! Who is told what: scripts and FIFOs, in order.

pub mod queue;
