//! Properties that hold for any input, against naive models.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod maildrop;
mod pop3;
mod queue;
mod sharing;
