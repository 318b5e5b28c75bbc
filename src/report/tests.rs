//! Pasts of a maildrop, and what is made of them.

mod advice;
mod catalogues;
mod facts;
mod habits;
mod incidents;
mod passwords;
mod texts;

use super::causes::{Cause, CauseAdvice, FoundCause, Likelihood, causes};
use super::facts::{Occupant, ReportFacts, ReportSources, WhichLogin, choose};
use crate::dialect::Class;
use crate::history::tests::entry_of;
use crate::history::{
    BackendAnswer, EntryId, GateNotice, HistoryEntry, HistoryLogin, NoticeKind, StoredEntry,
};
use crate::ids::{SessionId, TenantName};
use crate::observe::event::EndCause;
use crate::policy::block::{BlockEntry, BlockId, BlockReason, BlockState, BlockTarget};
use crate::program::{Confidence, Family, ProgramGuess};
use crate::time::{Duration, Instant, Moment};
use jiff::Timestamp;
use std::net::IpAddr;
use std::sync::Arc;

const THUNDERBIRD: Family = Family::Thunderbird;
const PHONE: Family = Family::IosMail;

/// Noon of a Saturday.
const NOON: i64 = 1_795_867_200;

/// What happened, in the order in which it is told here.
#[derive(Default)]
struct Past {
    entries: Vec<StoredEntry>,
    around: Vec<StoredEntry>,
    notices: Vec<GateNotice>,
    blocks: Vec<BlockEntry>,
    open: Vec<Occupant>,
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(NOON + second).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A login to Ann's maildrop that ended at `second` by `cause`, from the host with this number.
fn login(second: i64, host: u8, family: Family, cause: &EndCause) -> HistoryEntry {
    login_of("ann@example.org", second, host, family, cause)
}

fn login_of(name: &str, second: i64, host: u8, family: Family, cause: &EndCause) -> HistoryEntry {
    let at = Moment {
        instant: Instant::now(),
        wall: time(second),
    };
    let mut entry = entry_of(name, cause, at);
    entry.client = format!("192.0.2.{host}:{}", 1024 + second.unsigned_abs() % 60_000)
        .parse()
        .unwrap();
    entry.session = SessionId(second.unsigned_abs());
    entry.program = ProgramGuess {
        family,
        confidence: Confidence::High,
    };
    entry.login.as_mut().unwrap().waited = Duration::ZERO;
    entry
}

/// One that was in the maildrop for `held` seconds until `second`.
fn inside(second: i64, held: u64, host: u8, family: Family, cause: &EndCause) -> HistoryEntry {
    let mut entry = login(second, host, family, cause);
    let begin = time(second).checked_sub(seconds(held)).unwrap();
    entry.opened = begin;
    with_login(entry, |login| {
        login.asked = begin;
        login.entered = true;
        login.granted = Some(begin);
        login.held = seconds(held);
    })
}

/// One that waited in vain for `waited` seconds until `second`.
fn waited_in_vain(second: i64, waited: u64, host: u8, family: Family) -> HistoryEntry {
    let mut entry = login(second, host, family, &EndCause::HeldByAnother);
    let begin = time(second).checked_sub(seconds(waited)).unwrap();
    entry.opened = begin;
    entry.answer = Some("-ERR [IN-USE] Mailbox is locked".into());
    with_login(entry, |login| {
        login.asked = begin;
        login.ahead = Some(0);
        login.waited = seconds(waited);
    })
}

fn with_login(mut entry: HistoryEntry, change: impl FnOnce(&mut HistoryLogin)) -> HistoryEntry {
    change(entry.login.as_mut().unwrap());
    entry
}

fn silent(mut entry: HistoryEntry, idle: u64) -> HistoryEntry {
    entry.idle = seconds(idle);
    entry
}

fn twin(mut entry: HistoryEntry) -> HistoryEntry {
    entry.is_twin = true;
    entry
}

/// A wrong password that never was right.
fn guess(second: i64, host: u8, family: Family) -> HistoryEntry {
    let entry = login(second, host, family, &wrong_password());
    with_login(entry, |login| login.proven = false)
}

fn wrong_password() -> EndCause {
    EndCause::WrongPassword {
        line: "-ERR invalid password".to_owned(),
    }
}

fn told(class: Class, line: &str) -> Option<BackendAnswer> {
    Some(BackendAnswer {
        class,
        line: line.into(),
    })
}

impl Past {
    fn of(entries: impl IntoIterator<Item = HistoryEntry>) -> Self {
        Self {
            entries: stored(entries),
            ..Self::default()
        }
    }

    /// Other maildrops, each of which fared so.
    fn with_others(mut self, second: i64, others: u8, cause: &EndCause) -> Self {
        let each = (0..others).map(|number| {
            let name = format!("user{number}@example.org");
            let entered = *cause == EndCause::Quit;
            let entry = login_of(&name, second, 100 + number, Family::Unknown, cause);
            with_login(entry, |login| login.entered = entered)
        });
        self.around = stored(each);
        self
    }

    /// The host with this number is on the block list for all that it does to Ann's maildrop.
    fn with_block(mut self, host: u8, reason: BlockReason) -> Self {
        let first = &self.entries[0].entry;
        let at = time(0);
        self.blocks.push(BlockEntry {
            id: BlockId(7),
            target: BlockTarget {
                key: first.login.as_ref().map(|login| login.key.clone()),
                prefix: IpAddr::from([192, 0, 2, host]).into(),
            },
            tenant: TenantName::new("default"),
            reason,
            state: BlockState::Blocked,
            pinned: false,
            shadow: false,
            first: at,
            last: at,
            since: at,
            expires: time(3_600),
            times_blocked: 1,
            times_released: 0,
        });
        self
    }

    fn with_notice(mut self, second: i64, kind: NoticeKind, text: &str) -> Self {
        self.notices.push(GateNotice {
            id: EntryId(1_000),
            at: time(second),
            kind,
            subject: "legacy".into(),
            text: text.into(),
        });
        self
    }

    fn facts_at(&self, at: Option<Timestamp>) -> ReportFacts<'_> {
        self.facts_of(at.map(WhichLogin::NearestTo))
    }

    fn facts_of(&self, which: Option<WhichLogin>) -> ReportFacts<'_> {
        let sources = ReportSources {
            entries: &self.entries,
            around: &self.around,
            notices: &self.notices,
            blocks: &self.blocks,
            open: &self.open,
        };
        ReportFacts::of(choose(&self.entries, which), sources)
    }

    fn facts(&self) -> ReportFacts<'_> {
        self.facts_at(None)
    }

    fn causes(&self) -> Vec<FoundCause> {
        causes(&self.facts())
    }

    fn found(&self) -> Vec<(Cause, Likelihood)> {
        let causes = self.causes();
        causes.iter().map(|it| (it.cause, it.likelihood)).collect()
    }

    fn advice(&self, cause: Cause) -> Option<CauseAdvice> {
        let causes = self.causes();
        causes
            .iter()
            .find(|it| it.cause == cause)
            .map(|it| it.advice)
    }

    fn likelihood(&self, cause: Cause) -> Option<Likelihood> {
        let found = self.found();
        found.iter().find(|it| it.0 == cause).map(|it| it.1)
    }
}

fn stored(entries: impl IntoIterator<Item = HistoryEntry>) -> Vec<StoredEntry> {
    (1..)
        .zip(entries)
        .map(|(id, entry)| StoredEntry {
            id: EntryId(id),
            gate_started: time(-100_000),
            entry: Arc::new(entry),
        })
        .collect()
}
