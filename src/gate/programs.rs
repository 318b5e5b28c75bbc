//! What is remembered of the programs that read one maildrop from one address: what each turned
//! out to be, for its next login, and which of them was there a moment ago.
//!
//! Only a login whose password is right gets a place here: guessing pushes nobody's memory out.

use crate::bounded::ExpiringLruMap;
use crate::ids::{ClientPrefix, MaildropKey, SessionId};
use crate::limits::{
    PROGRAM_AGE, PROGRAM_CLIENTS_MAX, PROGRAM_VISITS_EACH, PROGRAMS_EACH, TWIN_WITHIN,
};
use crate::policy::attempt::LoginAttempt;
use crate::program::{Family, Trace, could_be};
use crate::time::{Duration, Instant};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A maildrop, and an address that it is read from.
type ReaderKey = (MaildropKey, ClientPrefix);

type Readers = ExpiringLruMap<ReaderKey, KnownPrograms, Instant>;

/// The memory of all maildrops and addresses.
pub(crate) struct Programs(Mutex<Readers>);

/// How a session begins: all that is seen until its login is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beginning {
    /// Its commands up to the login.
    pub(crate) trace: Trace,
    /// The digest of what it offered in TLS; none in clear.
    pub(crate) hello: Option<u64>,
}

/// A session, as far as it tells which program had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeenProgram {
    /// What it did.
    pub(crate) trace: Trace,
    /// The digest of what it offered in TLS; none in clear.
    pub(crate) hello: Option<u64>,
    pub(crate) family: Family,
}

/// Who was there within [`TWIN_WITHIN`] of the moment when a login was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Neighbour {
    /// Nobody.
    #[default]
    Nobody,
    /// One that asked for its login so soon before or after, and was still there.
    Beside,
    /// One that had left so soon before. Boxed, since an open session keeps room for it.
    Left(Box<SeenProgram>),
}

/// The programs of one reader.
#[derive(Default)]
struct KnownPrograms {
    /// The one that was seen last is the last.
    programs: Vec<KnownProgram>,
    /// In the order of their logins.
    visits: Vec<Visit>,
}

struct KnownProgram {
    beginning: Beginning,
    family: Family,
    seen: Instant,
}

struct Visit {
    session: SessionId,
    asked: Instant,
    /// When it was over, and what it was.
    left: Option<(Instant, SeenProgram)>,
}

impl Programs {
    /// Nobody has come yet.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(ExpiringLruMap::new(PROGRAM_CLIENTS_MAX)))
    }

    /// What sessions of this maildrop and address that began so turned out to be; none where that
    /// is not known, or several programs begin so.
    pub(crate) fn recall(
        &self,
        attempt: &LoginAttempt,
        beginning: &Beginning,
        now: Instant,
    ) -> Option<Family> {
        let readers = self.readers();
        readers.get(&reader(attempt), now)?.recall(beginning, now)
    }

    /// A login with the right password; says who was there when it was asked for. That may be long
    /// ago: most passwords are known to be right only when the backend has said so.
    pub(crate) fn came(&self, attempt: &LoginAttempt, now: Instant) -> Neighbour {
        let mut readers = self.readers();
        let known = readers.touch(reader(attempt), now + PROGRAM_AGE, now);
        known.came(attempt.session, attempt.asked)
    }

    /// A session is over that [`came`](Self::came). `family`: what it has turned out to be, where
    /// that is sure enough for the next one.
    pub(crate) fn left(
        &self,
        attempt: &LoginAttempt,
        seen: SeenProgram,
        family: Option<Family>,
        now: Instant,
    ) {
        let mut readers = self.readers();
        let known = readers.touch(reader(attempt), now + PROGRAM_AGE, now);
        known.left(attempt.session, seen, now);
        if let Some(family) = family {
            known.learn(seen.beginning(), family, now);
        }
    }

    /// Frees what has not been seen for long.
    pub(crate) fn forget(&self, now: Instant) {
        self.readers().remove_expired(now);
    }

    fn readers(&self) -> MutexGuard<'_, Readers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Programs {
    fn default() -> Self {
        Self::new()
    }
}

fn reader(attempt: &LoginAttempt) -> ReaderKey {
    (attempt.key.clone(), attempt.prefix())
}

impl KnownPrograms {
    fn recall(&self, beginning: &Beginning, now: Instant) -> Option<Family> {
        let is_known = |it: &&KnownProgram| it.beginning == *beginning && it.is_fresh(now);
        let mut alike = self.programs.iter().filter(is_known);
        let first = alike.next()?.family;
        // With two programs that begin alike, the last one is no better guess than the other.
        alike.try_fold(first, |family, it| family.with(it.family))
    }

    fn learn(&mut self, beginning: Beginning, family: Family, now: Instant) {
        let known = self
            .programs
            .iter()
            .position(|it| it.beginning == beginning && it.family.with(family).is_some());
        // Of two that agree the one that says more.
        let family = known
            .map(|place| self.programs.remove(place).family)
            .and_then(|before| before.with(family))
            .unwrap_or(family);
        self.programs.retain(|it| it.is_fresh(now));
        if self.programs.len() >= PROGRAMS_EACH {
            self.programs.remove(0);
        }
        // Most have one, and the first push makes room for four.
        self.programs.reserve_exact(1);
        self.programs.push(KnownProgram {
            beginning,
            family,
            seen: now,
        });
    }

    fn came(&mut self, session: SessionId, asked: Instant) -> Neighbour {
        self.visits
            .retain(|it| it.session != session && it.is_open_or_left_after(asked));
        let neighbour = self.neighbour(asked);
        if self.visits.len() >= PROGRAM_VISITS_EACH {
            self.visits.remove(0);
        }
        self.visits.reserve_exact(1);
        self.visits.push(Visit {
            session,
            asked,
            left: None,
        });
        neighbour
    }

    /// One that is still there says more than one that has left.
    fn neighbour(&self, asked: Instant) -> Neighbour {
        let mut neighbour = Neighbour::Nobody;
        for visit in &self.visits {
            match visit.left {
                Some((left, seen)) if left <= asked => {
                    neighbour = Neighbour::Left(Box::new(seen));
                }
                _ if visit.asked_within(TWIN_WITHIN, asked) => return Neighbour::Beside,
                _ => {}
            }
        }
        neighbour
    }

    fn left(&mut self, session: SessionId, seen: SeenProgram, now: Instant) {
        self.visits.retain(|it| it.is_open_or_left_after(now));
        let visits = self.visits.iter_mut();
        for visit in visits.filter(|it| it.session == session) {
            visit.left = Some((now, seen));
        }
    }
}

impl KnownProgram {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.seen) < PROGRAM_AGE
    }
}

impl Visit {
    /// Whether it asked for its login so soon before or after.
    fn asked_within(&self, time: Duration, asked: Instant) -> bool {
        asked.max(self.asked) - asked.min(self.asked) <= time
    }

    fn is_open_or_left_after(&self, asked: Instant) -> bool {
        let gone_for = |left: Instant| asked.saturating_duration_since(left);
        self.left
            .is_none_or(|(left, _)| gone_for(left) <= TWIN_WITHIN)
    }
}

impl Neighbour {
    /// Whether a session with such a neighbour is the twin of another program's, and not the same
    /// program that comes again: fetchmail does to delete at once, and some log in to be allowed
    /// to send mail.
    pub(crate) fn makes_a_twin_of(&self, session: &SeenProgram) -> bool {
        match self {
            Self::Nobody => false,
            Self::Beside => true,
            Self::Left(other) => !other.is_perhaps(session),
        }
    }
}

impl SeenProgram {
    fn beginning(&self) -> Beginning {
        Beginning {
            trace: self.trace.beginning(),
            hello: self.hello,
        }
    }

    /// With an empty maildrop a program does not get so far that it is known.
    fn is_perhaps(&self, next: &Self) -> bool {
        let begins_alike = self.beginning() == next.beginning();
        match (self.family, next.family) {
            (Family::Unknown, Family::Unknown) => begins_alike,
            (Family::Unknown, family) => begins_alike && could_be(family, &self.trace),
            (family, next) => family.with(next).is_some(),
        }
    }
}

#[cfg(test)]
mod tests;
