//! What one gate remembers of logins.

pub mod auth_cache;
pub mod twins;
