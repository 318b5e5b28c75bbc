//! What a login that is not over looks like on a timeline.

use super::{Bar, BarKind, ClientLogin, ShownLogin, is_shown};
use crate::history::StoredEntry;
use crate::ids::SessionId;
use crate::program::ProgramGuess;
use crate::time::Duration;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::Arc;

/// A login that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenLogin {
    /// Its session.
    pub session: SessionId,
    /// Who it comes from.
    pub client: SocketAddr,
    /// The program that it is thought to be.
    pub program: ProgramGuess,
    /// When its password came.
    pub asked: Timestamp,
    /// Whether it was held for coming too often, or for a wrong password.
    pub delayed: bool,
    /// Since when it waits, or waited, for the lock; none where it has not.
    pub queued: Option<Timestamp>,
    /// When it was granted the lock; none where it has not got it.
    pub granted: Option<Timestamp>,
    /// Since when it stands on a listing, and is not in the maildrop; none where it does not.
    pub viewing: Option<Timestamp>,
    /// Whether it is in the maildrop.
    pub entered: bool,
}

impl OpenLogin {
    /// Whether it is among the entries of `past` all the same: it went over after somebody looked.
    /// A session without that number and address has an entry only for an earlier login.
    pub(super) fn is_over(&self, past: &[StoredEntry]) -> bool {
        past.iter().any(|stored| {
            let entry = &stored.entry;
            entry.session == self.session
                && entry.client == self.client
                && entry.ended >= self.asked
        })
    }

    /// What it has gone through, and since when: the last one goes on.
    fn phases(&self) -> Vec<(BarKind, Timestamp)> {
        let has_lock = if self.entered {
            BarKind::Hold
        } else {
            BarKind::Login
        };
        let begun = [
            (BarKind::Delay, self.delayed.then_some(self.asked)),
            (BarKind::Wait, self.queued),
            (has_lock, self.granted),
            (BarKind::View, self.viewing),
        ];
        let mut phases: Vec<_> = begun
            .into_iter()
            .filter_map(|(kind, since)| Some((kind, since?)))
            .collect();
        for index in (1..phases.len()).rev() {
            let length = phases[index].1.duration_since(phases[index - 1].1);
            if !is_shown(Duration::try_from(length).unwrap_or_default()) {
                phases.remove(index - 1);
            }
        }
        phases
    }
}

impl ClientLogin {
    pub(super) fn open(login: OpenLogin) -> Self {
        let login = Arc::new(login);
        let phases = login.phases();
        let ends = phases.iter().skip(1).map(|&(_, next)| Some(next));
        let bars = phases.iter().zip(ends.chain([None]));
        Self {
            program: login.program,
            client: login.client.ip().into(),
            was_let_in: login.entered || login.viewing.is_some(),
            bars: bars
                .map(|(&(kind, from), until)| Bar {
                    kind,
                    from,
                    until,
                    login: ShownLogin::Open(Arc::clone(&login)),
                    id: None,
                })
                .collect(),
            marks: Vec::new(),
        }
    }
}

/// The sentence of a bar of `kind`.
pub(super) fn tell(kind: BarKind) -> &'static str {
    match kind {
        BarKind::Delay => "held for coming too often, or for wrong passwords",
        BarKind::Wait => "waiting for the maildrop",
        BarKind::View => "logged in on a listing, without the maildrop",
        BarKind::Login => "has the lock, and is not in the maildrop yet",
        BarKind::Hold => "in the maildrop",
    }
}
