//! One user's timeline: what the history has of the maildrop, and what goes on there now.

use super::AdminHandle;
use super::convert::program_info;
use crate::admin::model::{TimelineBar, TimelineInfo, TimelineMark, TimelineRow};
use crate::admin::{PictureLabels, ReportRefusal, TimelineQuery, TimelineView, UserQuery};
use crate::gate::{Phase, SeenLogin, SessionView};
use crate::history::{HistoryAnswer, HistoryQuery, StoredEntry};
use crate::ids::{ListenerName, MaildropKey};
use crate::limits::{TIMELINE_DRAWN_MAX, TIMELINE_LISTED_MAX};
use crate::lock::LockView;
use crate::report::svg;
use crate::report::timeline::{Axis, Bar, ClientRow, Mark, OpenLogin, Timeline, TimelineSubject};
use crate::report::words::{Language, Words};
use crate::time::{Duration, Moment};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What is shown where nobody says since when.
const SPAN: Duration = Duration::from_secs(60 * 60);

impl TimelineView for AdminHandle {
    fn timeline(&self, query: &TimelineQuery) -> Result<TimelineInfo, ReportRefusal> {
        let timeline = self.timeline_of(query, TIMELINE_LISTED_MAX)?;
        Ok(timeline_info(&timeline))
    }

    fn timeline_svg(
        &self,
        query: &TimelineQuery,
        labels: &PictureLabels,
    ) -> Result<String, ReportRefusal> {
        let timeline = self.timeline_of(query, TIMELINE_DRAWN_MAX)?;
        let words = Words::new(language(labels)?, TimeZone::fixed(labels.offset));
        Ok(svg::draw(&timeline, &words))
    }
}

impl AdminHandle {
    fn timeline_of(
        &self,
        query: &TimelineQuery,
        logins_max: usize,
    ) -> Result<Timeline, ReportRefusal> {
        let now = self.cx.moment();
        let axis = axis(query, now.wall)?;
        let key = self.key_of(&query.user);
        // In this order: what goes over in between is in both, and shown once.
        let open = self.open_logins(&key, now);
        let past = self.past_logins(key.clone(), axis, logins_max)?;
        let subject = TimelineSubject {
            login: query.user.login.clone(),
            maildrop: key.maildrop().clone(),
            axis,
            now: now.wall,
            kept_since: self.history.state().since,
            incomplete: past.incomplete,
            logins_max,
        };
        Ok(Timeline::of(subject, &past.items, open))
    }

    /// By the same call as a session, so that this cannot show another maildrop than it would have.
    pub(super) fn key_of(&self, user: &UserQuery) -> MaildropKey {
        let settings = self.cx.settings();
        let nowhere = ListenerName::new("");
        let listener = user.listener.as_ref().unwrap_or(&nowhere);
        let server_name = user.server_name.as_deref();
        (settings.tenants)
            .identify(&user.login, server_name, listener)
            .key
    }

    /// One more than can be shown where there are more.
    fn past_logins(
        &self,
        key: MaildropKey,
        axis: Axis,
        logins_max: usize,
    ) -> Result<HistoryAnswer<StoredEntry>, ReportRefusal> {
        let query = HistoryQuery {
            key: Some(key),
            since: Some(axis.since()),
            until: Some(axis.until()),
            limit: logins_max + 1,
            ..HistoryQuery::default()
        };
        self.history
            .entries(&query)
            .map_err(|error| ReportRefusal::NoHistory(error.to_string()))
    }

    fn open_logins(&self, key: &MaildropKey, now: Moment) -> Vec<OpenLogin> {
        let lock = self.cx.locks.view(key);
        let sessions = self.cx.sessions.views_in(key);
        sessions
            .iter()
            .filter_map(|session| open_login(session, session.login.as_ref()?, lock.as_ref(), now))
            .collect()
    }
}

fn language(labels: &PictureLabels) -> Result<Language, ReportRefusal> {
    let Some(name) = &labels.language else {
        return Ok(Language::English);
    };
    Language::named(name).ok_or_else(|| {
        let known: Vec<_> = Language::ALL.iter().map(|it| it.as_str()).collect();
        let why = format!(
            "`lang` is `{name}`, and must be one of {}",
            known.join(", ")
        );
        ReportRefusal::Mistake(why)
    })
}

fn axis(query: &TimelineQuery, now: Timestamp) -> Result<Axis, ReportRefusal> {
    let until = query.until.unwrap_or(now);
    let an_hour_before = || until.checked_sub(SPAN).unwrap_or(Timestamp::MIN);
    let since = query.since.unwrap_or_else(an_hour_before);
    Axis::new(since, until).ok_or_else(|| {
        let why = format!("`since` is {since}, and must be before `until`, which is {until}");
        ReportRefusal::Mistake(why)
    })
}

/// The last login of a session; none where it is over.
fn open_login(
    session: &SessionView,
    login: &SeenLogin,
    lock: Option<&LockView>,
    now: Moment,
) -> Option<OpenLogin> {
    let entered = match session.phase {
        Phase::Greeting | Phase::Authorization | Phase::Closing => return None,
        Phase::Waiting | Phase::LoggingIn => false,
        // It may hold nothing for long: no bar of a hold is shown.
        Phase::Viewing => false,
        Phase::Transaction | Phase::Update => true,
    };
    let listing = login.listing.filter(|_| session.phase == Phase::Viewing);
    let waiter = lock.and_then(|lock| {
        lock.waiters
            .iter()
            .find(|waiter| waiter.claimant.session == session.id)
    });
    let holder = lock
        .and_then(|lock| lock.holder.as_ref())
        .filter(|holder| holder.claimant.session == session.id);
    // A session that asks again may hold the lock no more, though its last connection does.
    let granted = holder.filter(|_| waiter.is_none());
    let queued = match waiter {
        Some(waiter) => Some(waiter.since),
        None => granted.and(login.queued),
    };
    Some(OpenLogin {
        session: session.id,
        client: session.client,
        program: session.program,
        asked: now.wall_at(login.asked),
        delayed: login.delayed,
        queued: queued.map(|since| now.wall_at(since)),
        granted: granted.map(|holder| now.wall_at(holder.since)),
        viewing: listing.map(|listing| now.wall_at(listing.since)),
        entered,
    })
}

fn timeline_info(timeline: &Timeline) -> TimelineInfo {
    TimelineInfo {
        login: timeline.login.to_string(),
        maildrop: timeline.maildrop.to_string(),
        since: timeline.axis.since(),
        until: timeline.axis.until(),
        now: timeline.now,
        kept_since: timeline.kept_since,
        rows: timeline.rows.iter().map(row_info).collect(),
        left_out: timeline.left_out as u64,
        incomplete: timeline.incomplete.clone(),
    }
}

fn row_info(row: &ClientRow) -> TimelineRow {
    TimelineRow {
        program: program_info(row.program),
        address: row.client.to_string(),
        bars: row.bars.iter().map(bar_info).collect(),
        marks: row.marks.iter().map(mark_info).collect(),
    }
}

fn bar_info(bar: &Bar) -> TimelineBar {
    TimelineBar {
        kind: bar.kind.as_str().to_owned(),
        from: bar.from,
        until: bar.until,
        session: bar.session().0,
        text: bar.to_string(),
    }
}

fn mark_info(mark: &Mark) -> TimelineMark {
    TimelineMark {
        kind: mark.kind.as_str().to_owned(),
        at: mark.at,
        session: mark.entry.session.0,
        text: mark.to_string(),
    }
}
