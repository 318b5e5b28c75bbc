//! What a login may do, decided without I/O: which tenant it belongs to, what its tenant allows.

pub mod poll;
pub mod connections;
pub mod block;
pub mod proven;
pub mod rules;
pub mod tenant;
