//! How the last logins of each maildrop ended, for whoever has its user on the phone.

use super::end::End;
use super::event::Event;
use super::hub::{EventSink, Stamped};
use crate::bounded::ExpiringLruMap;
use crate::history::{HistoryEntry, HistoryLogin};
use crate::ids::{MaildropKey, SessionId};
use crate::limits::{
    RECENT_LOGINS_AGE, RECENT_LOGINS_EACH, RECENT_MAILDROPS_MAX, RECENT_SENTENCE_MAX,
    RECENT_STRANGERS_MAX,
};
use crate::program::ProgramGuess;
use crate::time::{Duration, Instant};
use jiff::Timestamp;
use std::cmp::Reverse;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A login that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentLogin {
    /// When its password came.
    pub at: Timestamp,
    /// Its session.
    pub session: SessionId,
    /// Who it came from.
    pub client: SocketAddr,
    /// How long it waited for the lock, or was held for coming too often.
    pub waited: Duration,
    /// How long it held the lock.
    pub held: Duration,
    /// Messages retrieved whole.
    pub retrieved: u64,
    /// The program that it is thought to be.
    pub program: ProgramGuess,
    /// How it ended, in a word.
    pub end: End,
    /// How it ended, in a sentence; at most [`RECENT_SENTENCE_MAX`] octets, and any characters.
    pub sentence: Box<str>,
}

/// The last logins of each maildrop, up to [`RECENT_LOGINS_EACH`], for [`RECENT_LOGINS_AGE`] after
/// the last one.
///
/// Holds [`RECENT_MAILDROPS_MAX`] maildrops that a backend has let somebody into, and
/// [`RECENT_STRANGERS_MAX`] names that it has not: ever new names do not push out real ones. Where
/// one of them is full, the maildrop whose last login is the oldest is forgotten.
pub struct RecentLogins(Mutex<Memory>);

type Maildrops = ExpiringLruMap<MaildropKey, Vec<RecentLogin>, Instant>;

struct Memory {
    entered: Maildrops,
    strangers: Maildrops,
}

impl RecentLogins {
    /// Nobody has logged in yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Mutex::new(Memory {
            entered: ExpiringLruMap::new(RECENT_MAILDROPS_MAX),
            strangers: ExpiringLruMap::new(RECENT_STRANGERS_MAX),
        }))
    }

    /// The last logins to a maildrop, the latest first.
    #[must_use]
    pub fn of(&self, key: &MaildropKey, now: Instant) -> Vec<RecentLogin> {
        let memory = self.memory();
        let known = memory.entered.get(key, now);
        let logins = known.or_else(|| memory.strangers.get(key, now));
        let mut logins = logins.cloned().unwrap_or_default();
        // Kept in the order of their ends: of two at once the one that came first may end last.
        logins.sort_by_key(|login| Reverse(login.at));
        logins
    }

    fn remember(&self, entry: &HistoryEntry, now: Instant) {
        let Some(login) = &entry.login else { return };
        // What allocates is done before the lock: sessions of all maildrops meet there.
        let ended = RecentLogin::new(entry, login);
        self.memory().add(login, ended, now);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for RecentLogins {
    fn default() -> Self {
        Self::new()
    }
}

impl EventSink for RecentLogins {
    fn handle(&self, event: &Stamped) {
        if let Event::Recorded(entry) = &event.event {
            self.remember(entry, event.at.instant);
        }
    }
}

impl Memory {
    fn add(&mut self, login: &HistoryLogin, ended: RecentLogin, now: Instant) {
        let key = &login.key;
        let before = self.strangers.get_mut(key, now);
        let earlier = before.filter(|_| login.got_in()).map(std::mem::take);
        let maildrops = if login.got_in() || self.entered.contains(key, now) {
            self.strangers.remove(key);
            &mut self.entered
        } else {
            &mut self.strangers
        };
        let logins = maildrops.touch(key.clone(), now + RECENT_LOGINS_AGE, now);
        if let Some(earlier) = earlier {
            *logins = earlier;
        }
        if logins.len() >= RECENT_LOGINS_EACH {
            logins.remove(0);
        }
        // Most maildrops have one or two, and there are many: no room for those to come.
        logins.reserve_exact(1);
        logins.push(ended);
    }
}

impl RecentLogin {
    fn new(entry: &HistoryEntry, login: &HistoryLogin) -> Self {
        let sentence = &entry.sentence;
        Self {
            at: login.asked,
            session: entry.session,
            client: entry.client,
            waited: login.waited + login.delayed + login.waited_elsewhere(),
            held: login.held - login.waited_elsewhere(),
            retrieved: login.retrieved,
            program: entry.program,
            end: entry.end,
            sentence: sentence[..sentence.floor_char_boundary(RECENT_SENTENCE_MAX)].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::entry_of;
    use crate::ids::{BackendName, UserName};
    use crate::observe::event::EndCause;
    use crate::time::Moment;
    use std::sync::Arc;

    struct Told {
        recent: RecentLogins,
        start: Instant,
    }

    fn key(name: &str) -> MaildropKey {
        let backends: Arc<[BackendName]> = Arc::from([BackendName::new("legacy")]);
        MaildropKey::new(&backends, &UserName::new(name.as_bytes()))
    }

    impl Told {
        fn new() -> Self {
            Self {
                recent: RecentLogins::new(),
                start: Instant::now(),
            }
        }

        /// The login number `n` ends `n` seconds after the start, 2 s after its password.
        fn tell(&self, n: u64, name: &str, entered: bool, cause: &EndCause) {
            let start = Moment {
                instant: self.start,
                wall: Timestamp::UNIX_EPOCH,
            };
            let at = start.after(Duration::from_secs(n));
            let mut entry = entry_of(name, cause, at);
            entry.session = SessionId(n);
            entry.login.as_mut().unwrap().entered = entered;
            self.recent.handle(&Stamped {
                at,
                event: Event::Recorded(Arc::new(entry)),
            });
        }

        /// For how many logins of a maildrop there is memory.
        fn room(&self, name: &str) -> usize {
            let memory = self.recent.memory();
            let known = memory.entered.get(&key(name), self.start);
            let logins = known.or_else(|| memory.strangers.get(&key(name), self.start));
            logins.map_or(0, Vec::capacity)
        }

        fn numbers(&self, name: &str) -> Vec<u64> {
            let logins = self.recent.of(&key(name), self.start);
            logins.iter().map(|login| login.session.0).collect()
        }
    }

    #[test]
    fn the_last_logins_are_told_the_latest_first_with_their_ends() {
        let told = Told::new();
        told.tell(5, "ann", true, &EndCause::Quit);
        told.tell(9, "ann", false, &EndCause::HeldByAnother);
        told.tell(9, "ben", true, &EndCause::Left);
        let logins = told.recent.of(&key("ann"), told.start);
        let ends: Vec<_> = logins.iter().map(|login| login.end).collect();
        assert_eq!(ends, [End::WaitSpent, End::Quit]);
        assert_eq!(logins[0].at, Timestamp::from_second(7).unwrap());
        assert!(logins[0].sentence.contains("another session"));
        assert!(told.numbers("nobody").is_empty());
    }

    #[test]
    fn who_met_a_lock_elsewhere_has_waited_and_was_not_in_the_maildrop() {
        let at = Moment {
            instant: Instant::now(),
            wall: Timestamp::UNIX_EPOCH,
        };
        let mut entry = entry_of("ann", &EndCause::HeldByAnother, at);
        let login = entry.login.as_mut().unwrap();
        login.entered = false;
        login.locked_replies = 3;
        login.waited = Duration::from_secs(2);
        login.delayed = Duration::ZERO;
        login.held = Duration::from_secs(19);
        let told = RecentLogin::new(&entry, entry.login.as_ref().unwrap());
        let seconds = [told.waited, told.held].map(|it| it.as_secs());
        assert_eq!(seconds, [21, 0]);
    }

    #[test]
    fn of_a_maildrop_only_the_last_ones_are_kept_and_only_so_much_of_what_was_said() {
        let told = Told::new();
        let line = "ä".repeat(RECENT_SENTENCE_MAX);
        for n in 0..RECENT_LOGINS_EACH as u64 + 5 {
            let line = line.clone();
            told.tell(n, "ann", false, &EndCause::WrongPassword { line });
        }
        assert_eq!(told.room("ann"), RECENT_LOGINS_EACH);
        let kept = told.numbers("ann");
        assert_eq!((kept.len(), kept[0]), (RECENT_LOGINS_EACH, 14));
        let logins = told.recent.of(&key("ann"), told.start);
        assert!(
            logins
                .iter()
                .all(|it| it.sentence.len() <= RECENT_SENTENCE_MAX)
        );
    }

    #[test]
    fn ever_new_names_do_not_push_out_a_real_maildrop_and_stay_within_their_bound() {
        let told = Told::new();
        told.tell(0, "ann", true, &EndCause::Quit);
        for n in 0..RECENT_STRANGERS_MAX as u64 + 7 {
            told.tell(n, &n.to_string(), false, &EndCause::QueueFull);
        }
        assert_eq!(told.recent.memory().strangers.len(), RECENT_STRANGERS_MAX);
        assert!(told.numbers("6").is_empty());
        assert_eq!(told.numbers("7"), [7]);
        assert_eq!(told.numbers("ann"), [0]);
    }

    #[test]
    fn a_name_that_turns_out_to_be_a_maildrop_keeps_its_past() {
        let told = Told::new();
        for (n, entered) in [(1, false), (2, true), (3, false)] {
            told.tell(n, "ann", entered, &EndCause::Left);
            assert_eq!(told.room("ann"), n as usize);
        }
        assert_eq!(told.numbers("ann"), [3, 2, 1]);
        let memory = told.recent.memory();
        assert_eq!((memory.entered.len(), memory.strangers.len()), (1, 0));
    }

    #[test]
    fn what_is_long_ago_is_not_known() {
        let told = Told::new();
        told.tell(0, "ann", true, &EndCause::Quit);
        let late = told.start + RECENT_LOGINS_AGE;
        assert!(told.recent.of(&key("ann"), late).is_empty());
    }
}
