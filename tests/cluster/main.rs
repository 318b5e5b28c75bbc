//! The engine: its client, its scripts and a model of these, before real servers:
//! `redis-server` and `redis-sentinel` of Debian.
//!
//! Where they are not installed, these tests are skipped aloud, and fail where CI=true.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "another process does not run by paused time"
)]

mod conformance;
mod crowd;
mod engine;
mod epochs;
mod model;
mod redis;
mod resp;
mod rules;
mod scripted;
mod sentinel;
