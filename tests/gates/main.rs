//! Three gates as processes, one engine, one backend that does not lock and counts sessions that
//! overlap: what several gates promise, under load and with faults.
//!
//! The engine is Debian's `redis-server`, started by each test for itself. Where it is missing the
//! tests are skipped aloud, and fail where CI=true.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "another process does not run by paused time"
)]

mod across;
mod faults;
#[allow(
    dead_code,
    unused_imports,
    reason = "other tests with fire need more of it"
)]
#[path = "../fire/mod.rs"]
mod fire;
mod load;
mod memory;
mod order;
mod redis;
mod rolling;
mod site;
