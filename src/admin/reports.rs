//! What is told of one user's past.

use super::model::TimelineInfo;
use super::users::UserQuery;
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
