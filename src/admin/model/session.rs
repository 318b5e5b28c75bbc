//! Sessions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A connection of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionInfo {
    /// Its number, which the log line has, too.
    pub id: u64,
    /// The client's address and port.
    pub client: String,
    /// The listener that accepted it.
    pub listener: String,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub opened: Timestamp,
    /// How long ago that is.
    pub open_seconds: f64,
    /// The maildrop of its last login, as typed; none before a login.
    pub maildrop: Option<String>,
    /// The tenant of its last login.
    pub tenant: Option<String>,
    /// The backend that it is on.
    pub backend: Option<String>,
    /// The program that it is thought to be; none where that is not known.
    pub program: Option<String>,
    /// How far it has come: `greeting`, `authorization`, `waiting`, `logging_in`, `viewing` (logged
    /// in, and without its maildrop), `transaction`, `update` (QUIT is not answered yet) or
    /// `closing`.
    pub phase: String,
    /// What it stands on while it is `viewing`: `fresh`, `absorbed` or `wait_spent` (popgate let it
    /// in on a listing, for this reason), or `sent_back` (it had the maildrop, and another login
    /// waited); none in other phases.
    pub listing: Option<String>,
    /// The last command of the client; none before the first.
    pub last_command: Option<String>,
    /// For how long the client has sent nothing and has been sent nothing.
    pub idle_seconds: Option<f64>,
    /// Messages retrieved so far.
    pub retrieved: u64,
    /// Octets sent to the client since its login.
    pub bytes_to_client: u64,
    /// Octets sent to the backend since its login.
    pub bytes_to_backend: u64,
}
