//! The report of one incident: what the history has of it, and what goes on now.

use super::AdminHandle;
use super::convert::cause_info;
use crate::admin::model::{CauseInfo, ReportInfo};
use crate::admin::{
    PictureLabels, ReportQuery, ReportRefusal, ReportView, TimelineQuery, TimelineView,
};
use crate::history::{
    EntryId, GateNotice, HistoryAnswer, HistoryQuery, StoredBlockChange, StoredEntry,
};
use crate::ids::{MaildropKey, UserName};
use crate::limits::{
    EXPLAIN_ENTRIES_MAX, REPORT_AFTER, REPORT_DAY, REPORT_ENTRIES_MAX, REPORT_NEIGHBOURS_AROUND,
    REPORT_NEIGHBOURS_MAX, REPORT_NOTICES_MAX, REPORT_PICTURE_AROUND, REPORT_SPAN,
};
use crate::net::BoxFuture;
use crate::policy::block::{BlockEntry, BlockState};
use crate::policy::refusal::LoginRule;
use crate::report::causes::causes;
use crate::report::domain::domain_of;
use crate::report::facts::{Occupant, PastLogin, ReportFacts, ReportSources, WhichLogin, choose};
use crate::report::notices::concerns;
use crate::report::text::{Coverage, ReportText};
use crate::report::words::{Language, Words};
use crate::time::{Duration, Moment};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::HashSet;
use std::sync::Arc;

/// The part of the past that is looked at.
#[derive(Clone, Copy)]
struct Span {
    at: Option<WhichLogin>,
    since: Timestamp,
    until: Timestamp,
    logins_max: usize,
}

/// Why a login went as it did.
pub(super) struct ExplainedLogin {
    pub(super) asked: Timestamp,
    pub(super) causes: Vec<CauseInfo>,
}

/// What the facts of an incident are taken from.
struct OwnedSources {
    entries: Vec<StoredEntry>,
    /// Why the file of the history did not answer.
    trouble: Option<String>,
    around: Vec<StoredEntry>,
    notices: Vec<GateNotice>,
    blocks: Vec<BlockEntry>,
    open: Vec<Occupant>,
    at: Option<WhichLogin>,
}

impl ReportView for AdminHandle {
    fn domain_sentence(
        &self,
        query: &ReportQuery,
    ) -> BoxFuture<'static, Result<String, ReportRefusal>> {
        let language = language(query);
        // A login without a domain may have the default one, and an alias leads to another.
        let maildrop = self.key_of(&query.user).maildrop().clone();
        let domains = Arc::clone(&self.domains);
        let resolver = self.cx.settings().resolver;
        Box::pin(async move {
            let language = language?;
            let domain = domain_of(maildrop.as_bytes());
            let check = domains.check(domain, resolver).await;
            Ok(Words::new(language, TimeZone::system()).domain(domain, &check, resolver))
        })
    }

    fn report(&self, query: &ReportQuery, domain: String) -> Result<ReportInfo, ReportRefusal> {
        let language = language(query)?;
        let words = Words::new(language, TimeZone::system());
        let now = self.cx.moment();
        let key = self.key_of(&query.user);
        let span = self.span_of(query, &key, now.wall)?;
        let gathered = self.gather(&key, Some(&query.user.login), span, now)?;
        let facts = gathered.facts();
        let causes = causes(&facts);
        let report = ReportText {
            login: &query.user.login,
            maildrop: key.maildrop(),
            at: query.at,
            since: span.since,
            until: span.until.min(now.wall),
            now: now.wall,
            domain,
            facts: &facts,
            causes: &causes,
            open: &gathered.open,
            coverage: self.coverage(&gathered),
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
    /// Why the last login of a day that did not end well went as it did, in English. None where no
    /// history is kept, or nobody logged in.
    pub(super) fn explained(&self, key: &MaildropKey, now: Moment) -> Option<ExplainedLogin> {
        let gathered = self.gather(key, None, Span::last_day(now.wall), now).ok()?;
        let facts = gathered.facts();
        let words = Words::new(Language::English, TimeZone::system());
        Some(ExplainedLogin {
            asked: facts.incident?.login.asked,
            causes: causes(&facts)
                .iter()
                .map(|found| cause_info(found, &words))
                .collect(),
        })
    }

    /// The part of the past that `query` asks for. Of an entry it is that around it.
    fn span_of(
        &self,
        query: &ReportQuery,
        key: &MaildropKey,
        now: Timestamp,
    ) -> Result<Span, ReportRefusal> {
        let Some(id) = query.entry else {
            return Ok(Span::of(query, now));
        };
        let up_to_it = HistoryQuery {
            key: Some(key.clone()),
            before: Some(EntryId(id.0.saturating_add(1))),
            limit: 1,
            ..HistoryQuery::default()
        };
        let found = self.find(&up_to_it)?;
        let entry = found
            .items
            .first()
            .filter(|it| it.id == id)
            .ok_or_else(|| {
                let login = &query.user.login;
                ReportRefusal::Mistake(format!("the history has no entry {} of {login}", id.0))
            })?;
        let query = ReportQuery {
            at: Some(entry.entry.ended),
            ..query.clone()
        };
        Ok(Span {
            at: Some(WhichLogin::Entry(id)),
            ..Span::of(&query, now)
        })
    }

    fn gather(
        &self,
        key: &MaildropKey,
        typed: Option<&UserName>,
        span: Span,
        now: Moment,
    ) -> Result<OwnedSources, ReportRefusal> {
        // In this order: what goes over in between is in both.
        let open = self.occupant(key, now);
        let found = self.find(&HistoryQuery {
            typed: typed.cloned(),
            ..span.query(key)
        })?;
        let incident = choose(&found.items, span.at);
        let around = incident.map_or_else(
            || Ok(HistoryAnswer::complete(Vec::new())),
            |it| self.find(&neighbours_query(it)),
        )?;
        let notices =
            incident.map_or_else(|| Ok(Vec::new()), |it| self.notices(it, &found.items))?;
        let blocks = incident.map_or_else(|| Ok(Vec::new()), |it| self.blocks(it, now))?;
        Ok(OwnedSources {
            blocks,
            around: around.items,
            notices,
            trouble: found.incomplete.or(around.incomplete),
            entries: found.items,
            open: open.into_iter().collect(),
            at: span.at,
        })
    }

    fn find(&self, query: &HistoryQuery) -> Result<HistoryAnswer<StoredEntry>, ReportRefusal> {
        let found = self.history.entries(query);
        found.map_err(|error| ReportRefusal::NoHistory(error.to_string()))
    }

    /// Those of today, and the one that a login of another day met.
    fn blocks(
        &self,
        incident: PastLogin<'_>,
        now: Moment,
    ) -> Result<Vec<BlockEntry>, ReportRefusal> {
        let prefix = incident.client().prefix;
        let today = self.block_entries_of(&incident.login.key, &[prefix].into(), now);
        if incident.login.rule != Some(LoginRule::Blocked) {
            return Ok(today);
        }
        let changes = self
            .history
            .client_block_changes(prefix, incident.login.asked)
            .map_err(|error| ReportRefusal::NoHistory(error.to_string()))?;
        Ok(with_blocks_of_then(today, &changes.items, incident))
    }

    /// The oldest first.
    fn notices(
        &self,
        incident: PastLogin<'_>,
        entries: &[StoredEntry],
    ) -> Result<Vec<GateNotice>, ReportRefusal> {
        let since = earlier(incident.entry.ended, REPORT_DAY);
        let until = later(incident.entry.ended, REPORT_NEIGHBOURS_AROUND);
        let found = self.history.notices(since, until, REPORT_NOTICES_MAX);
        let mut notices = found
            .map_err(|error| ReportRefusal::NoHistory(error.to_string()))?
            .items;
        notices.retain(|it| concerns(it, incident, entries));
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

    fn coverage(&self, gathered: &OwnedSources) -> Coverage {
        let state = self.history.state();
        let is_cut = gathered.entries.len() >= REPORT_ENTRIES_MAX;
        let oldest = gathered.entries.last().filter(|_| is_cut);
        Coverage {
            kept_since: state.since,
            read_since: oldest.map(|it| it.entry.ended),
            lost: state.lost,
            trouble: gathered.trouble.clone(),
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
            at: Some(WhichLogin::NearestTo(at)),
            since: query.since.unwrap_or_else(two_days_before),
            until: later(at, REPORT_AFTER),
            logins_max: REPORT_ENTRIES_MAX,
        }
    }

    fn query(self, key: &MaildropKey) -> HistoryQuery {
        HistoryQuery {
            key: Some(key.clone()),
            since: Some(self.since),
            until: Some(self.until),
            limit: self.logins_max,
            ..HistoryQuery::default()
        }
    }

    /// The last days.
    fn before(now: Timestamp) -> Self {
        Self {
            at: None,
            since: earlier(now, REPORT_SPAN),
            // What began just now did so before that.
            until: later(now, REPORT_DAY),
            logins_max: REPORT_ENTRIES_MAX,
        }
    }

    /// The last day: what was wrong last week may be mended.
    fn last_day(now: Timestamp) -> Self {
        Self {
            since: earlier(now, REPORT_DAY),
            logins_max: EXPLAIN_ENTRIES_MAX,
            ..Self::before(now)
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
        ReportFacts {
            is_named: matches!(self.at, Some(WhichLogin::Entry(_))),
            ..ReportFacts::of(choose(&self.entries, self.at), sources)
        }
    }
}

/// Logins of all maildrops shortly before the incident. Not after it: the latest come first, and on
/// a busy gate the limit would leave those alone that came when all was well again.
fn neighbours_query(incident: PastLogin<'_>) -> HistoryQuery {
    HistoryQuery {
        since: Some(earlier(incident.entry.ended, REPORT_NEIGHBOURS_AROUND)),
        until: Some(incident.entry.ended),
        limit: REPORT_NEIGHBOURS_MAX,
        ..HistoryQuery::default()
    }
}

/// Entries as they stood when the incident's password came, and those of `today`. `changes`: the
/// latest first.
fn with_blocks_of_then(
    today: Vec<BlockEntry>,
    changes: &[StoredBlockChange],
    incident: PastLogin<'_>,
) -> Vec<BlockEntry> {
    let asked = incident.login.asked;
    let mut seen = HashSet::new();
    let of_then: Vec<_> = changes
        .iter()
        .map(|it| &it.change.entry)
        .filter(|entry| seen.insert(entry.id))
        .filter(|entry| {
            let is_of_login =
                (entry.target.key.as_ref()).is_none_or(|it| *it == incident.login.key);
            let is_in_force = entry.pinned || entry.expires > asked;
            is_of_login && is_in_force && entry.state == BlockState::Blocked
        })
        .cloned()
        .collect();
    let of_today: Vec<_> = today
        .into_iter()
        .filter(|entry| of_then.iter().all(|it| it.id != entry.id))
        .collect();
    [of_then, of_today].concat()
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

#[cfg(test)]
mod tests;
