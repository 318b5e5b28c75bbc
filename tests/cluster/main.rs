//! The engine: its client, its scripts and a model of these, before real servers:
//! Debian's `redis-server`, as an engine and as a Sentinel, or what `POPGATE_ENGINE` names.
//!
//! Where it is not installed, these tests are skipped aloud, and fail where CI=true.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "another process does not run by paused time"
)]

mod arguments;
mod block_lists;
mod conformance;
mod crowd;
mod engine;
mod epochs;
mod last_turns;
mod members;
mod model;
mod pitfalls;
mod redis;
mod resp;
mod rules;
mod scripted;
mod sentinel;
mod survey;
