//! What a login may do, decided without I/O: which tenant it belongs to, what its tenant allows.

pub mod alias;
pub mod attempt;
pub mod auth_failure_template;
pub mod block;
pub mod penalty;
pub mod poll;
pub mod refusal;
pub mod refusal_history;
pub mod rules;
pub mod tenant;
pub mod twins;
