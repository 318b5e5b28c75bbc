//! What happens: events, and who hears of them.

pub mod changed_locks;
pub mod end;
pub mod event;
pub mod hub;
pub mod log;
pub mod metrics;
pub mod recent;
pub mod samples;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person.
    Human,
    /// One JSON object a line.
    Json,
}
