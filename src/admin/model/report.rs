//! One user's past as a picture, and the report for a ticket.

use super::ProgramInfo;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What happened in one maildrop, on one time axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineInfo {
    /// The login that was asked about.
    pub login: String,
    /// The canonical name of its maildrop.
    pub maildrop: String,
    /// The beginning of the axis.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The end of the axis.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// When the answer was made: what goes on is known up to here.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// How far back the history goes; none where it has nothing. What was before is not known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_since: Option<Timestamp>,
    /// A row for each program at each address; the one that was there first comes first.
    pub rows: Vec<TimelineRow>,
    /// Logins that are not shown, because there are too many: at least so many. The latest ones are
    /// shown, of those clients that were let in and that came most often.
    pub left_out: u64,
    /// Why logins of the past may be missing; none where they are all that is kept.
    pub incomplete: Option<String>,
}

/// One program at one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineRow {
    /// The program that it is thought to be.
    pub program: ProgramInfo,
    /// The client: an address, or an IPv6 network.
    pub address: String,
    /// What took time.
    pub bars: Vec<TimelineBar>,
    /// What happened at one moment.
    pub marks: Vec<TimelineMark>,
}

/// Something that took time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineBar {
    /// `hold` (in the maildrop), `login` (it has the lock, and the backend has not let it in),
    /// `view` (logged in on a listing, without the maildrop), `wait` (for the lock) or `delay`
    /// (held for coming too often, or for wrong passwords).
    pub kind: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// When it ended; none where it goes on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// The number of the session.
    pub session: u64,
    /// What it was, in a sentence.
    pub text: String,
}

/// Something that happened at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineMark {
    /// `refused`, `gave_up` (the client left before it was let in), `preempted`, `kicked`, `failed`
    /// (cut off by the backend, a stop or a fault), `without_quit` or `twin`.
    pub kind: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The number of the session.
    pub session: u64,
    /// What it was, in a sentence.
    pub text: String,
}

/// A report of one incident, for a ticket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportInfo {
    /// The login that was asked about.
    pub login: String,
    /// The moment that it is about; none where nothing is known of the login.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// `en`, `de`, `pt` or `vi`.
    pub language: String,
    /// The report, in plain text.
    pub text: String,
    /// The hour around it as a picture, in SVG; none where nothing is known of it.
    pub timeline_svg: Option<String>,
    /// What is the matter, the most likely first.
    pub causes: Vec<CauseInfo>,
}

/// Something that may be the matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CauseInfo {
    /// Its name: `stale_password`, `guessing`, `never_let_in`, `phone_without_quit`,
    /// `two_programs`, `scanner_twin`, `checking_too_often`, `shaky_line`, `locked_elsewhere`,
    /// `storage_down`, `message_gone` or `deletions_not_done`.
    pub cause: String,
    /// How likely it is: `high`, `medium` or `low`.
    pub likelihood: String,
    /// What it is, in a few words.
    pub title: String,
    /// What was seen.
    pub evidence: String,
    /// What to do about it.
    pub advice: String,
}
