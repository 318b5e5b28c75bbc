//! What of one user can be looked at.

use super::model::UserInfo;
use crate::ids::{ListenerName, UserName};

/// A login that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserQuery {
    /// The name that the client types.
    pub login: UserName,
    /// Where it connects, if that is known.
    pub listener: Option<ListenerName>,
    /// The server name that it asks for in TLS, if that is known.
    pub server_name: Option<String>,
}

/// The users of a gate.
pub trait UserView: Send + Sync {
    /// What a login leads to, and how its maildrop fares. Each name leads somewhere: which ones
    /// there are only the backend knows.
    fn user(&self, query: &UserQuery) -> UserInfo;
}
