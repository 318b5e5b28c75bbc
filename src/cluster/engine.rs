//! The client of Redis or Valkey: a connection for calls and one for pushes, both to one server.
//!
//! A connection is the life of one server: nothing connects anew beneath a call. [`supervise`]
//! looks for the primary, and follows a failover.

mod access;
mod connect;
mod findings;
mod link;
mod report;
mod sentinel;
mod stream;
mod supervisor;
mod survey;

pub use access::{COMMANDS, acl_line};
pub use connect::{EngineError, EngineOptions};
pub use findings::{EngineFinding, EngineVerdict};
pub use report::EngineReport;
pub use supervisor::supervise;
pub use survey::{EngineSurvey, survey};
