//! What an entry of the history looks like on a timeline.

use super::{Bar, BarKind, ClientLogin, Mark, MarkKind, ShownLogin, is_shown};
use crate::history::{End, HistoryEntry, HistoryLogin, StoredEntry};
use crate::policy::sharing::LetInReason;
use crate::time::Duration;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

impl ClientLogin {
    /// None of a session without a login: it was in no maildrop.
    pub(super) fn past(stored: &StoredEntry) -> Option<Self> {
        let entry = &stored.entry;
        let login = entry.login.as_deref()?;
        Some(Self {
            program: entry.program,
            client: entry.client.ip().into(),
            was_let_in: login.got_in(),
            bars: bars(stored, login),
            marks: marks(stored, login),
        })
    }
}

/// Those of a login: each one begins where the one before it ends.
fn bars(stored: &StoredEntry, login: &HistoryLogin) -> Vec<Bar> {
    let entry = &stored.entry;
    let mut bars = Vec::new();
    let mut add = |kind, from, length| {
        bars.push(Bar {
            kind,
            from,
            until: Some(after(from, length)),
            login: ShownLogin::Past(Arc::clone(entry)),
            id: Some(stored.id),
        });
    };
    let delay = delay_before_wait(login);
    if is_shown(delay) {
        add(BarKind::Delay, login.asked, delay);
    }
    if is_shown(login.waited) {
        let from = login.granted.map_or_else(
            || after(login.asked, delay),
            // It may have waited again, for a later time in the maildrop.
            |granted| before(granted, login.waited).max(login.asked),
        );
        add(BarKind::Wait, from, login.waited);
    }
    if let Some(from) = held_from(entry, login) {
        let kind = if login.entered {
            BarKind::Hold
        } else {
            BarKind::Login
        };
        add(kind, from, login.held);
        // Answers to wrong passwords are held when the lock has been given on.
        let delay_behind = login.delayed.saturating_sub(delay);
        if is_shown(delay_behind) {
            add(BarKind::Delay, after(from, login.held), delay_behind);
        }
    }
    for (from, until) in views(entry, login) {
        let length = Duration::try_from(until.duration_since(from)).unwrap_or_default();
        if is_shown(length) {
            add(BarKind::View, from, length);
        }
    }
    bars
}

/// When it stood on a listing: since popgate has let it in, and since it was sent back. Of one that
/// came and went again and again, all its time in the maildrop is shown as one, at its beginning.
fn views(
    entry: &HistoryEntry,
    login: &HistoryLogin,
) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let entered = login.granted.filter(|_| login.entered);
    let let_in = login.listing.let_in.map(|reason| {
        let waited_first = reason == LetInReason::WaitSpent;
        let waited = if waited_first {
            login.waited
        } else {
            Duration::ZERO
        };
        let waits_later = login.waited.saturating_sub(waited);
        let begins = after(login.asked, login.delayed + waited);
        let until = entered.map(|granted| before(granted, waits_later));
        (begins, until.unwrap_or(entry.ended))
    });
    let is_sent_back = login.listing.demotions > 0;
    let sent_back = entered.filter(|_| is_sent_back);
    let sent_back = sent_back.map(|granted| (after(granted, login.held), entry.ended));
    let_in.into_iter().chain(sent_back)
}

/// What of its delay came before its wait: all that is not accounted for by the wait.
fn delay_before_wait(login: &HistoryLogin) -> Duration {
    let Some(granted) = login.granted else {
        return login.delayed;
    };
    let until_granted = granted.duration_since(login.asked);
    Duration::try_from(until_granted)
        .unwrap_or_default()
        .saturating_sub(login.waited)
        .min(login.delayed)
}

/// When it got the lock. A login that was let in has held it, whatever else is not known.
fn held_from(entry: &HistoryEntry, login: &HistoryLogin) -> Option<Timestamp> {
    let let_in = login.entered.then(|| before(entry.ended, login.held));
    login.granted.or(let_in)
}

fn marks(stored: &StoredEntry, login: &HistoryLogin) -> Vec<Mark> {
    let entry = &stored.entry;
    let mark = |kind, at| Mark {
        kind,
        at,
        entry: Arc::clone(entry),
        id: stored.id,
    };
    let twin = entry.is_twin.then(|| mark(MarkKind::Twin, login.asked));
    let end = mark_of_end(entry.end, login.got_in()).map(|kind| mark(kind, entry.ended));
    twin.into_iter().chain(end).collect()
}

/// None where all is well. A login that was not let in always has one.
fn mark_of_end(end: End, got_in: bool) -> Option<MarkKind> {
    match end {
        End::Quit if got_in => None,
        End::Left | End::TimedOut | End::Stalled if got_in => Some(MarkKind::WithoutQuit),
        End::Quit
        | End::Left
        | End::TimedOut
        | End::Stalled
        | End::QuitBeforeLogin
        | End::LeftBeforeLogin
        | End::LeftWaiting => Some(MarkKind::GaveUp),
        End::LoginRefused
        | End::WaitSpent
        | End::RefusedWhilePaused
        | End::RefusedByRule
        | End::ClosedAtPass
        | End::BackendUnreachable => Some(MarkKind::Refused),
        End::Preempted => Some(MarkKind::Preempted),
        End::Kicked => Some(MarkKind::Kicked),
        End::NotPromoted
        | End::QuitFailed
        | End::QuitUnanswered
        | End::BackendGone
        | End::BodyMisread
        | End::ClientViolation
        | End::TlsFailed
        | End::Shutdown
        | End::Panicked => Some(MarkKind::Failed),
    }
}

/// The sentence of a bar of `kind`.
pub(super) fn tell(kind: BarKind, entry: &HistoryEntry, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(login) = entry.login.as_deref() else {
        return f.write_str(&entry.sentence);
    };
    match kind {
        BarKind::Delay => f.write_str("held for coming too often, or for wrong passwords"),
        BarKind::Wait => match login.ahead {
            Some(ahead) if ahead > 0 => {
                write!(f, "waited for the maildrop behind {ahead} other logins")
            }
            _ => f.write_str("waited for the maildrop"),
        },
        BarKind::View => write!(
            f,
            "was logged in on a listing, without the maildrop: {}",
            entry.sentence
        ),
        BarKind::Login => write!(
            f,
            "had the lock, and the backend did not let it in: {}",
            entry.sentence
        ),
        BarKind::Hold => write!(
            f,
            "was in the maildrop, retrieved {} messages and deleted {}: {}",
            login.retrieved, login.deleted, entry.sentence
        ),
    }
}

fn after(at: Timestamp, length: Duration) -> Timestamp {
    at.checked_add(length).unwrap_or(Timestamp::MAX)
}

fn before(at: Timestamp, length: Duration) -> Timestamp {
    at.checked_sub(length).unwrap_or(Timestamp::MIN)
}
