//! What is kept of the past.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Entries of the history, the latest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryPage {
    /// The entries.
    pub items: Vec<HistoryEntryInfo>,
    /// `before` of the next page; none where this is the last one.
    pub next: Option<u64>,
    /// How far back the history goes, and what is missing.
    pub journal: JournalInfo,
}

/// What happened to the gate and its backends, the latest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NoticeList {
    /// The notices.
    pub items: Vec<NoticeInfo>,
    /// Why notices may be missing among them; none where they are all that is kept.
    pub incomplete: Option<String>,
}

/// Something that happened to the gate or to a backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NoticeInfo {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `started`, `stopped`, `backend_up`, `backend_down`, `paused`, `resumed`, `draining`,
    /// `kicked`, `reloaded`, or `lost` (entries that could not be kept).
    pub kind: String,
    /// What it happened to: a backend, a session, and the like; empty where it is the gate.
    pub subject: String,
    /// The rest in a sentence. It can hold any character.
    pub text: String,
}

/// Where the history is kept, and how far back it goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JournalInfo {
    /// `off`, `memory` (the last hours alone) or `file`.
    pub kept_in: String,
    /// The end of the oldest entry; none where there is none.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Entries that are kept.
    pub entries: u64,
    /// Octets that the file uses; none without one.
    pub bytes: Option<u64>,
    /// Entries and changes of the block list that were lost since the start.
    pub lost: u64,
    /// Why the file cannot be written or read now, so that something may be missing; none where it
    /// can.
    pub trouble: Option<String>,
}

/// A login that is over, or a session that ended without one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntryInfo {
    /// Its place: later entries have higher numbers.
    pub id: u64,
    /// The number of its session, which is unique together with `gate_started`.
    pub session: u64,
    /// When the popgate started that had the session.
    #[schema(value_type = String, format = DateTime)]
    pub gate_started: Timestamp,
    /// When the client connected.
    #[schema(value_type = String, format = DateTime)]
    pub opened: Timestamp,
    /// When it was over.
    #[schema(value_type = String, format = DateTime)]
    pub ended: Timestamp,
    /// The listener.
    pub listener: String,
    /// The TCP port of the listener.
    pub port: u16,
    /// The client's address and port.
    pub client: String,
    /// `none`, `stls` or `tls`.
    pub encryption: String,
    /// `TLSv1.3` and the like; none without TLS.
    pub tls_version: Option<String>,
    /// The cipher suite; none without TLS.
    pub cipher: Option<String>,
    /// The server name that the client asked for in TLS.
    pub server_name: Option<String>,
    /// What is known where a client logged in, or tried to.
    pub login: Option<HistoryLoginInfo>,
    /// How it ended, in a word: a value of the label `end` of the metric `popgate_sessions_total`.
    pub end: String,
    /// Why, in a finer word: `held_by_another`, `locked_elsewhere` and the like.
    pub cause: String,
    /// Why, in a sentence. It can hold words of the backend, and any character.
    pub sentence: String,
    /// The last error line that the client got.
    pub answer: Option<String>,
    /// For how long the client had been silent at the end.
    pub idle_seconds: f64,
    /// Commands of the client.
    pub commands: u64,
    /// The program that it is thought to be.
    pub program: ProgramInfo,
    /// Whether another session of the same client was in the same maildrop within two seconds: a
    /// scanner or checker beside a mail program.
    pub twin: bool,
    /// Whether the client was let in and left without QUIT.
    pub without_quit: bool,
    /// The first commands of the client, as in `CAPA, USER, +PASS, STAT`: a plus at what was sent
    /// before the command in front of it was answered.
    pub trace: String,
}

/// A login of the past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryLoginInfo {
    /// When its password came.
    #[schema(value_type = String, format = DateTime)]
    pub asked: Timestamp,
    /// The name as typed; a hash where the journal keeps no names.
    pub name: String,
    /// The canonical name of its maildrop; a hash where the journal keeps no names.
    pub maildrop: String,
    /// The backends that may hold the maildrop, in order of preference.
    pub backends: Vec<String>,
    /// The tenant.
    pub tenant: String,
    /// Whether the backend had accepted its password within the last day.
    pub proven: bool,
    /// The backend that heard of it.
    pub backend: Option<String>,
    /// Whether the backend let it in.
    pub entered: bool,
    /// Why popgate let it in by itself, on a listing: `fresh`, `absorbed` or `wait_spent`; none
    /// where it did not.
    pub let_in: Option<String>,
    /// How often it was sent back to its listing because another login waited.
    pub demotions: u32,
    /// How often it went from its listing to the maildrop.
    pub promotions: u32,
    /// Waiters before it in its lane; none where the lock was free.
    pub ahead: Option<u32>,
    /// How long it was held for coming too often, or for wrong passwords.
    pub delayed_seconds: f64,
    /// How long it waited for the lock.
    pub waited_seconds: f64,
    /// When it was granted the lock; none where it never was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub granted: Option<Timestamp>,
    /// How long it held the lock.
    pub held_seconds: f64,
    /// How often the backend said that the maildrop is locked from elsewhere.
    pub locked_replies: u32,
    /// What the last error of the backend means: a class of `popgate classify`.
    pub backend_class: Option<String>,
    /// The last error line of the backend. It can hold any character.
    pub backend_line: Option<String>,
    /// The rule of popgate that refused it: a value of the label `rule` of the metric
    /// `popgate_login_refusals_total`.
    pub rule: Option<String>,
    /// What became of it where it came before its time: `delayed`, `refused`, `shadow` or
    /// `absorbed` (it was let in on a listing).
    pub poll: Option<String>,
    /// How long before its time it came.
    pub early_seconds: Option<f64>,
    /// Messages that were listed; none if it never asked.
    pub listed: Option<u64>,
    /// Messages retrieved.
    pub retrieved: u64,
    /// Messages deleted.
    pub deleted: u64,
    /// Messages marked as deleted when it ended, and not deleted.
    pub marked: u64,
    /// Octets sent to the client.
    pub bytes_to_client: u64,
    /// Octets sent to the backend.
    pub bytes_to_backend: u64,
}

/// A guess at a mail program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProgramInfo {
    /// The family of programs; `unknown` where nothing fits.
    pub name: String,
    /// `low`, `medium` or `high`.
    pub confidence: String,
}
