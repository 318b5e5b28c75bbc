//! The rules for logins: which tenant a login belongs to, what its tenant allows, what its past
//! leads to. Functions of facts and time: no rule remembers anything, or waits for anything. What
//! they must know of earlier logins is kept in the stores of [`admission`](crate::admission).

pub mod alias;
pub mod attempt;
pub mod auth_failure_template;
pub mod block;
pub mod pause;
pub mod penalty;
pub mod poll;
pub mod refusal;
pub mod refusal_history;
pub mod rules;
pub mod sharing;
pub mod tenant;
pub mod twins;
