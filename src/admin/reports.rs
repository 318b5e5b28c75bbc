//! What is told of one user's past.

use super::model::{ReportInfo, TimelineInfo};
use super::users::UserQuery;
use crate::history::EntryId;
use crate::net::BoxFuture;
use jiff::Timestamp;
use jiff::tz::Offset;

/// Whose past is asked for, and which part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineQuery {
    /// The login.
    pub user: UserQuery,
    /// The beginning; none: an hour before the end.
    pub since: Option<Timestamp>,
    /// The end; none: now.
    pub until: Option<Timestamp>,
}

/// How a picture is labelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureLabels {
    /// The language: `en` and the like; none: English.
    pub language: Option<String>,
    /// The time zone of its axis.
    pub offset: Offset,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportRefusal {
    /// The question has a mistake: what it is.
    #[error("{0}")]
    Mistake(String),
    /// No history is kept: why.
    #[error("{0}")]
    NoHistory(String),
}

/// The timelines of a gate's users.
pub trait TimelineView: Send + Sync {
    /// What happened in the maildrop of a login, and what goes on there.
    ///
    /// # Errors
    /// The question has a mistake, or no history is kept.
    fn timeline(&self, query: &TimelineQuery) -> Result<TimelineInfo, ReportRefusal>;

    /// The same as a picture, in SVG.
    ///
    /// # Errors
    /// As [`TimelineView::timeline`].
    fn timeline_svg(
        &self,
        query: &TimelineQuery,
        labels: &PictureLabels,
    ) -> Result<String, ReportRefusal>;
}

/// Whose trouble is asked for, and when it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportQuery {
    /// The login.
    pub user: UserQuery,
    /// When it was; none: the last one.
    pub at: Option<Timestamp>,
    /// The entry of the history that it is, whenever that was.
    pub entry: Option<EntryId>,
    /// From when on logins are looked at; none: as far as somebody remembers.
    pub since: Option<Timestamp>,
    /// The language: `en` and the like; none: English.
    pub language: Option<String>,
}

/// Reports for tickets.
pub trait ReportView: Send + Sync {
    /// Whether the domain of the login exists and its MX answers, in a sentence of the report: it
    /// is asked outside, and blocks nothing.
    fn domain_sentence(
        &self,
        query: &ReportQuery,
    ) -> BoxFuture<'static, Result<String, ReportRefusal>>;

    /// The report. `domain` is its sentence on the user's domain.
    ///
    /// # Errors
    /// The question has a mistake, or no history is kept.
    fn report(&self, query: &ReportQuery, domain: String) -> Result<ReportInfo, ReportRefusal>;
}
