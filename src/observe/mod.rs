//! What happens: events, and who hears of them.

pub mod end;
pub mod event;
pub mod hub;
pub mod log;
pub mod metrics;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person.
    Human,
    /// One JSON object a line.
    Json,
}
