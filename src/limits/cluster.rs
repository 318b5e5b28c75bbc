//! Several gates and their engine.

/// Octets of a text that comes from the engine and is kept: what people read of a gate or a
/// maildrop, sealed, takes some hundred.
pub const CLUSTER_TEXT_MAX: usize = 4096;

/// Octets of a message from gate to gate: the locks of a gate are told in parts of some hundred
/// each.
pub const CLUSTER_MESSAGE_MAX: usize = 64 * 1024;

/// Changes of the block list that one beat brings: after an hour away a gate has the whole list of
/// 50,000 entries in some minutes, and no beat is longer than a few milliseconds.
pub const CLUSTER_BLOCKS_EACH: usize = 500;
