//! One renderer per file: the originals' own wording, the pretty form for people, and three for machines.

pub mod haproxy;
