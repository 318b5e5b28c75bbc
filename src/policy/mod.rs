//! What a login may do, decided without I/O: which tenant it belongs to, what its tenant allows.

pub mod admission;
pub mod alias;
pub mod block;
pub mod connections;
pub mod imitation;
pub mod penalty;
pub mod poll;
pub mod proven;
mod recent;
pub mod refused;
pub mod rules;
pub mod tenant;
pub mod twins;
