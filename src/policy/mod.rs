//! What a login may do, decided without I/O: which tenant it belongs to, what its tenant allows.

pub mod admission;
pub mod alias;
pub mod attempt;
pub mod auth_failure_template;
pub mod auth_failure_templates;
pub mod block;
pub mod block_list;
pub mod connections;
pub mod negative_auth_cache;
pub mod penalties;
pub mod penalty;
pub mod poll;
pub mod refusal_history;
pub mod rules;
pub mod tenant;
pub mod twins;
