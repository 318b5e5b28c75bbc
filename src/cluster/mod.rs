//! One lock space for several gates, on a Redis or Valkey that the operator runs.
//!
//! Each gate keeps its own queues. Whose *turn* it is at a maildrop is decided by a script in that
//! engine ([`protocol`] says what is asked and answered).

pub mod acceptance;
pub mod blocks;
pub mod engine;
pub mod handle;
pub mod keys;
pub mod last_turns;
pub mod link;
pub mod member;
pub mod messages;
pub mod node;
pub mod options;
pub mod protocol;
pub mod secret_file;
pub mod status;
