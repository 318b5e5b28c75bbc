//! One user: what the gate knows and does, for whoever has the person on the phone.

use super::{CauseInfo, LockInfo, SessionInfo};
use crate::admin::blocks::BlockView;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a login leads to, and how its maildrop fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserInfo {
    /// The login that was asked about.
    pub login: String,
    /// The canonical name of its maildrop. It can hold any character.
    pub maildrop: String,
    /// The lock of the maildrop, as [`LockInfo`] names it.
    pub lock_id: String,
    /// The tenant of the login.
    pub tenant: String,
    /// The backends that may hold the maildrop, in order of preference.
    pub backends: Vec<String>,
    /// Whether the login could be another tenant's at another listener or under another TLS server
    /// name, and neither was given.
    pub depends_on_connection: bool,
    /// The lock; none while nobody holds it or waits for it.
    pub lock: Option<LockInfo>,
    /// Open sessions of the maildrop, whatever form of its name they logged in with.
    pub sessions: Vec<SessionInfo>,
    /// The limits that hold for the login.
    pub limits: Vec<LimitInfo>,
    /// Whether its sessions may stand on a listing of the maildrop.
    pub sharing: SharingInfo,
    /// Clients of the maildrop whose next login would come too early, and when it would not.
    pub polls: Vec<PollInfo>,
    /// Entries of the block list for the maildrop, and those for addresses that its last logins
    /// came from.
    pub blocks: Vec<BlockView>,
    /// Addresses of its last logins that gave wrong passwords lately, so that the answer to the
    /// next wrong one is delayed.
    pub penalties: Vec<PenaltyInfo>,
    /// How its last logins ended, the latest first: those that were refused, too. One that is in
    /// its maildrop still is among `sessions`.
    pub last_logins: Vec<LoginInfo>,
    /// When the login began that `causes` are about: of the last day the last one that did not end
    /// well, or the last one. None where the history has none.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub causes_of: Option<Timestamp>,
    /// Why it went as it did, the most likely cause first; in English.
    pub causes: Vec<CauseInfo>,
}

/// A limit that holds for a login.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LimitInfo {
    /// Its key in the configuration, with a point before those of inline tables:
    /// `polls.per_client.burst`.
    pub name: String,
    /// Its value, as the configuration would say it.
    pub value: String,
    /// The table of the configuration that says so: `user`, `tenant` or `defaults`; `built-in`
    /// where none does.
    pub set_by: String,
}

/// Whether sessions of a maildrop may stand on a listing of it, and hold no lock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SharingInfo {
    /// `off`, `shadow` (listings are compared, and nobody is let in on one) or `on`.
    pub mode: String,
    /// What is done where it is `on`: `end_of_wait`, `demotion`, `let_in`.
    pub steps: Vec<String>,
    /// Whether they may.
    pub shareable: bool,
    /// Why not, a sentence each, whatever `mode` says; none where they may. One that is about a
    /// backend holds where there are others, too.
    pub why_not: Vec<String>,
    /// The backends that may hold the maildrop, in order of preference.
    pub backends: Vec<SharedBackendInfo>,
    /// What was found out about the maildrop within a day that forbids it: values of the label
    /// `reason` of the metric `popgate_sharing_unshareable_total`.
    pub unshareable: Vec<String>,
}

/// What is known of sharing at a backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SharedBackendInfo {
    /// Its name.
    pub name: String,
    /// What the configuration says: `true`, `false` or `ask`.
    pub shareable: String,
    /// What its sessions have shown: `none` (not enough), `given` or `refuted`.
    pub proof: String,
    /// Whether unique ids of new mail outlive a session without QUIT, as far as that was seen.
    pub ids_outlive_close: Option<bool>,
    /// Whether the lock was free soon after such a session, as far as that was seen.
    pub lock_is_freed: Option<bool>,
}

/// When a client's next login is in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PollInfo {
    /// The client: an address, or an IPv6 network as in `2001:db8:1:2::/64`; none where it holds
    /// for all clients of the maildrop together.
    pub address: Option<String>,
    /// When its next login is in time.
    #[schema(value_type = String, format = DateTime)]
    pub next: Timestamp,
}

/// An address whose wrong passwords are answered late.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PenaltyInfo {
    /// An address, or an IPv6 network as in `2001:db8:1:2::/64`.
    pub address: String,
    /// Different wrong logins that count.
    pub wrong_logins: usize,
    /// How long the answer to its next other wrong login would be held.
    pub next_delay_seconds: f64,
}

/// A login that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LoginInfo {
    /// When its password came.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The number of its session.
    pub session: u64,
    /// The client's address and port.
    pub client: String,
    /// The program that it is thought to be; none where that is not known.
    pub program: Option<String>,
    /// How it ended, in a word: a value of the label `end` of the metric `popgate_sessions_total`.
    pub end: String,
    /// How it ended, in a sentence. It can hold words of the backend, and any character.
    pub sentence: String,
    /// How long it waited for the maildrop, or was held for coming too often.
    pub waited_seconds: f64,
    /// How long it was in the maildrop or at the backend; 0 where it never had the lock.
    pub held_seconds: f64,
    /// Messages that it retrieved.
    pub retrieved: u64,
}
