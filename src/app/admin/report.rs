//! The report of one incident: what the history has of it, and what goes on now.

use super::AdminHandle;
use super::convert::cause_info;
use crate::admin::model::{CauseInfo, ReportInfo};
use crate::admin::{
    PictureLabels, ReportQuery, ReportRefusal, ReportView, TimelineQuery, TimelineView,
};
use crate::history::{GateNotice, HistoryQuery, StoredEntry};
use crate::ids::MaildropKey;
use crate::limits::{
    REPORT_DAY, REPORT_ENTRIES_MAX, REPORT_NEIGHBOURS_AROUND, REPORT_NEIGHBOURS_MAX,
    REPORT_PICTURE_AROUND, REPORT_SPAN,
};
use crate::net::BoxFuture;
use crate::policy::block::BlockEntry;
use crate::report::causes::causes;
use crate::report::domain::domain_of;
use crate::report::facts::{Occupant, PastLogin, ReportFacts, ReportSources, choose};
use crate::report::text::{Coverage, ReportText};
use crate::report::words::{Language, Words};
use crate::time::{Duration, Moment};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// The part of the past that is looked at.
#[derive(Clone, Copy)]
struct Span {
    at: Option<Timestamp>,
    since: Timestamp,
    until: Timestamp,
}

/// What the facts of an incident are taken from.
struct OwnedSources {
    entries: Vec<StoredEntry>,
    around: Vec<StoredEntry>,
    notices: Vec<GateNotice>,
    blocks: Vec<BlockEntry>,
    open: Vec<Occupant>,
    at: Option<Timestamp>,
}

impl ReportView for AdminHandle {
    fn domain_sentence(
        &self,
        query: &ReportQuery,
    ) -> BoxFuture<'static, Result<String, ReportRefusal>> {
        let language = language(query);
        let login = query.user.login.clone();
        let domains = Arc::clone(&self.domains);
        let resolver = self.cx.settings().resolver;
        Box::pin(async move {
            let language = language?;
            let domain = domain_of(login.as_bytes());
            let check = domains.check(domain, resolver).await;
            Ok(Words::new(language, TimeZone::system()).domain(domain, &check))
        })
    }

    fn report(&self, query: &ReportQuery, domain: String) -> Result<ReportInfo, ReportRefusal> {
        let language = language(query)?;
        let words = Words::new(language, TimeZone::system());
        let now = self.cx.moment();
        let span = Span::of(query, now.wall);
        let key = self.key_of(&query.user);
        let gathered = self.gather(&key, span, now)?;
        let facts = gathered.facts();
        let causes = causes(&facts);
        let report = ReportText {
            login: &query.user.login,
            maildrop: key.maildrop(),
            at: query.at,
            since: span.since,
            now: now.wall,
            domain,
            facts: &facts,
            causes: &causes,
            open: &gathered.open,
            coverage: self.coverage(&gathered.entries),
        };
        let at = facts.incident.map(|it| it.login.asked);
        let picture = at.map(|at| self.picture(query, at, now.wall)).transpose()?;
        Ok(ReportInfo {
            login: query.user.login.to_string(),
            at,
            language: language.as_str().to_owned(),
            text: report.text(&words),
            timeline_svg: picture,
            causes: causes.iter().map(|it| cause_info(it, &words)).collect(),
        })
    }
}

impl AdminHandle {
    /// Why the last logins of a maildrop went as they did, in English. Nothing where no history is
    /// kept.
    pub(super) fn causes_of(&self, key: &MaildropKey, now: Moment) -> Vec<CauseInfo> {
        let span = Span::before(now.wall);
        let Ok(gathered) = self.gather(key, span, now) else {
            return Vec::new();
        };
        let words = Words::new(Language::English, TimeZone::system());
        causes(&gathered.facts())
            .iter()
            .map(|found| cause_info(found, &words))
            .collect()
    }

    fn gather(
        &self,
        key: &MaildropKey,
        span: Span,
        now: Moment,
    ) -> Result<OwnedSources, ReportRefusal> {
        // In this order: what goes over in between is in both.
        let open = self.occupant(key, now);
        let entries = self.entries(&HistoryQuery {
            key: Some(key.clone()),
            since: Some(span.since),
            until: Some(span.until),
            limit: REPORT_ENTRIES_MAX,
            ..HistoryQuery::default()
        })?;
        let incident = choose(&entries, span.at);
        let around = incident.map_or_else(|| Ok(Vec::new()), |it| self.around(it))?;
        let notices = incident.map_or_else(|| Ok(Vec::new()), |it| self.notices(it))?;
        let prefix = incident.map(|it| it.client().prefix);
        Ok(OwnedSources {
            blocks: self.block_entries_of(key, &prefix.into_iter().collect(), now),
            around,
            notices,
            entries,
            open: open.into_iter().collect(),
            at: span.at,
        })
    }

    fn entries(&self, query: &HistoryQuery) -> Result<Vec<StoredEntry>, ReportRefusal> {
        let entries = self.history.entries(query);
        entries.map_err(|error| ReportRefusal::NoHistory(error.to_string()))
    }

    /// Logins of all maildrops at the time of the incident.
    fn around(&self, incident: PastLogin<'_>) -> Result<Vec<StoredEntry>, ReportRefusal> {
        self.entries(&HistoryQuery {
            since: Some(earlier(incident.entry.ended, REPORT_NEIGHBOURS_AROUND)),
            until: Some(later(incident.entry.ended, REPORT_NEIGHBOURS_AROUND)),
            limit: REPORT_NEIGHBOURS_MAX,
            ..HistoryQuery::default()
        })
    }

    /// The oldest first.
    fn notices(&self, incident: PastLogin<'_>) -> Result<Vec<GateNotice>, ReportRefusal> {
        let since = earlier(incident.entry.ended, REPORT_DAY);
        let until = later(incident.entry.ended, REPORT_NEIGHBOURS_AROUND);
        let notices = self.history.notices(since, until);
        let mut notices = notices.map_err(|error| ReportRefusal::NoHistory(error.to_string()))?;
        notices.reverse();
        Ok(notices)
    }

    /// Who is in the maildrop now.
    fn occupant(&self, key: &MaildropKey, now: Moment) -> Option<Occupant> {
        let holder = self.cx.locks.view(key)?.holder?;
        let session = self.cx.sessions.view(holder.claimant.session)?;
        Some(Occupant {
            session: session.id,
            client: session.client,
            program: session.program,
            from: now.wall_at(holder.since),
            held: now.instant.saturating_duration_since(holder.since),
            idle: now.instant.saturating_duration_since(session.active),
            end: None,
            cause: None,
            is_twin: false,
        })
    }

    fn coverage(&self, entries: &[StoredEntry]) -> Coverage {
        let state = self.history.state();
        let is_cut = entries.len() >= REPORT_ENTRIES_MAX;
        let oldest = entries.last().filter(|_| is_cut);
        Coverage {
            kept_since: state.since,
            read_since: oldest.map(|it| it.entry.ended),
            lost: state.lost,
        }
    }

    fn picture(
        &self,
        query: &ReportQuery,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<String, ReportRefusal> {
        let timeline = TimelineQuery {
            user: query.user.clone(),
            since: Some(earlier(at, REPORT_PICTURE_AROUND)),
            until: Some(later(at, REPORT_PICTURE_AROUND).min(now)),
        };
        let labels = PictureLabels {
            language: query.language.clone(),
            offset: TimeZone::system().to_offset(at),
        };
        self.timeline_svg(&timeline, &labels)
    }
}

impl Span {
    fn of(query: &ReportQuery, now: Timestamp) -> Self {
        let Some(at) = query.at else {
            let span = Self::before(now);
            let since = query.since.unwrap_or(span.since);
            return Self { since, ..span };
        };
        // Two days before: an incident on the day before has a day before itself.
        let two_days_before = || earlier(at, 2 * REPORT_DAY);
        Self {
            at: Some(at),
            since: query.since.unwrap_or_else(two_days_before),
            until: later(at, REPORT_DAY),
        }
    }

    /// The last days.
    fn before(now: Timestamp) -> Self {
        Self {
            at: None,
            since: earlier(now, REPORT_SPAN),
            // What began just now did so before that.
            until: later(now, REPORT_DAY),
        }
    }
}

impl OwnedSources {
    fn facts(&self) -> ReportFacts<'_> {
        let sources = ReportSources {
            entries: &self.entries,
            around: &self.around,
            notices: &self.notices,
            blocks: &self.blocks,
            open: &self.open,
        };
        ReportFacts::of(choose(&self.entries, self.at), sources)
    }
}

fn language(query: &ReportQuery) -> Result<Language, ReportRefusal> {
    let Some(asked) = &query.language else {
        return Ok(Language::English);
    };
    Language::named(asked).ok_or_else(|| {
        let known: Vec<_> = Language::ALL.iter().map(|it| it.as_str()).collect();
        let known = known.join(", ");
        ReportRefusal::Mistake(format!("`lang` is one of: {known}"))
    })
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
