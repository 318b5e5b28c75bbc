//! The history of the gate, as the API shows it.

use super::AdminHandle;
use super::convert::program_info;
use crate::admin::model::{
    HistoryEntryInfo, HistoryLoginInfo, HistoryPage, JournalInfo, NoticeInfo, NoticeList,
};
use crate::admin::{HistoryView, UserQuery};
use crate::history::{
    Encryption, GateNotice, HistoryAnswer, HistoryLogin, HistoryQuery, StoredEntry, TlsParameters,
};
use crate::ids::UserName;
use crate::journal::{HistoryError, JournalState};
use crate::limits::PAGE_MAX;
use jiff::Timestamp;

impl HistoryView for AdminHandle {
    fn entries(
        &self,
        user: Option<&UserName>,
        mut query: HistoryQuery,
    ) -> Result<HistoryPage, HistoryError> {
        let limit = query.limit;
        // One more tells whether there is another page.
        query.limit = limit + 1;
        if let Some(user) = user {
            query.typed = Some(user.clone());
            query.key = Some(self.key_of(&UserQuery {
                login: user.clone(),
                listener: None,
                server_name: None,
            }));
        }
        let found = match self.history.entries(&query) {
            Err(HistoryError::Off) => HistoryAnswer::complete(Vec::new()),
            other => other?,
        };
        let journal = journal_info(self.history.state());
        Ok(history_page(found, limit, journal))
    }

    fn notices(&self, since: Timestamp, until: Timestamp) -> Result<NoticeList, HistoryError> {
        let notices = self.history.notices(since, until, PAGE_MAX)?;
        Ok(NoticeList {
            items: notices.items.iter().map(notice_info).collect(),
            incomplete: notices.incomplete,
        })
    }
}

/// The first `limit` of what was found.
fn history_page(
    mut found: HistoryAnswer<StoredEntry>,
    limit: usize,
    journal: JournalInfo,
) -> HistoryPage {
    let is_last = found.items.len() <= limit;
    found.items.truncate(limit);
    let last = found.items.last().map(|stored| stored.id.0);
    HistoryPage {
        items: found.items.iter().map(entry_info).collect(),
        next: last.filter(|_| !is_last),
        // What this question met, before what the last one of all did.
        journal: JournalInfo {
            trouble: found.incomplete.or(journal.trouble),
            ..journal
        },
    }
}

pub(super) fn journal_info(state: JournalState) -> JournalInfo {
    JournalInfo {
        kept_in: state.kept_in.as_str().to_owned(),
        since: state.since,
        entries: state.entries,
        bytes: state.bytes,
        lost: state.lost,
        trouble: state.trouble,
    }
}

fn notice_info(notice: &GateNotice) -> NoticeInfo {
    NoticeInfo {
        at: notice.at,
        kind: notice.kind.as_str().to_owned(),
        subject: notice.subject.to_string(),
        text: notice.text.to_string(),
    }
}

fn entry_info(stored: &StoredEntry) -> HistoryEntryInfo {
    let entry = &*stored.entry;
    let tls = tls(&entry.encryption);
    HistoryEntryInfo {
        id: stored.id.0,
        session: entry.session.0,
        gate_started: stored.gate_started,
        opened: entry.opened,
        ended: entry.ended,
        listener: entry.listener.to_string(),
        port: entry.port,
        client: entry.client.to_string(),
        encryption: encryption(&entry.encryption).to_owned(),
        tls_version: tls.map(|it| it.version.to_string()),
        cipher: tls.map(|it| it.cipher.to_string()),
        server_name: entry.server_name.as_deref().map(str::to_owned),
        login: entry.login.as_deref().map(login_info),
        end: entry.end.as_str().to_owned(),
        cause: entry.cause.as_str().to_owned(),
        sentence: entry.sentence.to_string(),
        answer: entry.answer.as_deref().map(str::to_owned),
        idle_seconds: entry.idle.as_secs_f64(),
        commands: entry.commands,
        program: program_info(entry.program),
        twin: entry.is_twin,
        without_quit: entry.left_without_quit(),
        trace: entry.trace.to_text(),
    }
}

fn login_info(login: &HistoryLogin) -> HistoryLoginInfo {
    let answer = login.backend_answer.as_ref();
    HistoryLoginInfo {
        asked: login.asked,
        name: login.name.to_string(),
        maildrop: login.key.to_string(),
        backends: login
            .key
            .backends()
            .iter()
            .map(ToString::to_string)
            .collect(),
        tenant: login.tenant.to_string(),
        proven: login.proven,
        backend: login.backend.as_ref().map(ToString::to_string),
        entered: login.entered,
        let_in: login.listing.let_in.map(|it| it.as_str().to_owned()),
        demotions: login.listing.demotions,
        promotions: login.listing.promotions,
        ahead: login.ahead,
        delayed_seconds: login.delayed.as_secs_f64(),
        waited_seconds: login.waited.as_secs_f64(),
        granted: login.granted,
        held_seconds: login.held.as_secs_f64(),
        locked_replies: login.locked_replies,
        backend_class: answer.map(|it| it.class.as_str().to_owned()),
        backend_line: answer.map(|it| it.line.to_string()),
        rule: login.rule.map(|it| it.as_str().to_owned()),
        poll: login.early.map(|it| it.decision.as_str().to_owned()),
        early_seconds: login.early.map(|it| it.early.as_secs_f64()),
        listed: login.listed,
        retrieved: login.retrieved,
        deleted: login.deleted,
        marked: login.marked,
        bytes_to_client: login.bytes_to_client,
        bytes_to_backend: login.bytes_to_backend,
    }
}

fn encryption(encryption: &Encryption) -> &'static str {
    match encryption {
        Encryption::None => "none",
        Encryption::Stls(_) => "stls",
        Encryption::Implicit(_) => "tls",
    }
}

fn tls(encryption: &Encryption) -> Option<&TlsParameters> {
    match encryption {
        Encryption::None => None,
        Encryption::Stls(tls) | Encryption::Implicit(tls) => Some(tls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EntryId;
    use crate::history::tests::entry_of;
    use crate::observe::event::EndCause;
    use crate::time::{Duration, WallClock};
    use std::sync::Arc;

    fn stored(id: u64) -> StoredEntry {
        let idle = Duration::from_secs(40);
        let cause = EndCause::Preempted { idle };
        let mut entry = entry_of("ann", &cause, WallClock::System.now());
        entry.login.as_mut().unwrap().entered = true;
        StoredEntry {
            id: EntryId(id),
            gate_started: Timestamp::UNIX_EPOCH,
            entry: Arc::new(entry),
        }
    }

    #[test]
    fn a_page_says_what_its_own_question_met() {
        let mut found = HistoryAnswer::complete(vec![stored(9), stored(8)]);
        let calm = || JournalInfo::default();
        let page = history_page(found.clone(), 1, calm());
        assert_eq!((page.next, page.journal.trouble), (Some(9), None));
        found.incomplete = Some("no answer".to_owned());
        // Another reader had an answer meanwhile.
        let page = history_page(found.clone(), 2, calm());
        assert_eq!(page.next, None);
        assert_eq!(page.journal.trouble.as_deref(), Some("no answer"));
        found.incomplete = None;
        let full = JournalInfo {
            trouble: Some("disk full".to_owned()),
            ..calm()
        };
        let page = history_page(found, 2, full);
        assert_eq!(page.journal.trouble.as_deref(), Some("disk full"));
    }

    #[test]
    fn a_phone_that_is_closed_for_another_left_without_quit() {
        assert!(entry_info(&stored(1)).without_quit);
    }
}
