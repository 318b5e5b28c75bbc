//! What an entry of the history looks like on a timeline.

use super::{Bar, BarKind, ClientLogin, Mark, MarkKind, ShownLogin, is_shown};
use crate::history::{End, HistoryEntry, HistoryLogin, StoredEntry};
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
            was_let_in: login.entered,
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
            |granted| before(granted, login.waited),
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
    bars
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
    let end = mark_of_end(entry.end, login.entered).map(|kind| mark(kind, entry.ended));
    twin.into_iter().chain(end).collect()
}

/// None where all is well. A login that was not let in always has one.
fn mark_of_end(end: End, entered: bool) -> Option<MarkKind> {
    match end {
        End::Quit if entered => None,
        End::Left | End::TimedOut | End::Stalled if entered => Some(MarkKind::WithoutQuit),
        End::Quit
        | End::Left
        | End::TimedOut
        | End::Stalled
        | End::QuitBeforeLogin
        | End::LeftBeforeLogin
        | End::LeftWaiting => Some(MarkKind::GaveUp),
        End::NotPromoted
        | End::LoginRefused
        | End::WaitSpent
        | End::RefusedWhilePaused
        | End::RefusedByRule
        | End::ClosedAtPass
        | End::BackendUnreachable => Some(MarkKind::Refused),
        End::Preempted => Some(MarkKind::Preempted),
        End::Kicked => Some(MarkKind::Kicked),
        End::QuitFailed
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
