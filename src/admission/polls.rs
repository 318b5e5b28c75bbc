//! The logins that count against a quota, by governor's GCRA. How a login is measured against them
//! is a rule: [`policy::poll`](crate::policy::poll).

mod limiters;

use self::limiters::Limiters;
use crate::ids::{ClientPrefix, MaildropKey};
use crate::policy::attempt::LoginAttempt;
use crate::policy::poll::{EarlyPoll, Measured, PerQuota, PollHistory, is_measured};
use crate::policy::rules::PollRules;
use crate::time::Instant;
use dashmap::DashMap;

/// The accepted logins of each maildrop, of all clients together and of each by itself, until its
/// quotas are whole again.
///
/// Holds as many maildrops as a backend has let somebody into meanwhile: a stranger cannot add one,
/// so that there is no capacity, and nothing is evicted. Of one maildrop it knows
/// [`POLL_CLIENTS_MAX`](crate::limits::POLL_CLIENTS_MAX) clients; then the one that would be
/// forgotten first is forgotten, and has its whole burst again.
///
/// Whatever borrows from one of the maps is given back before the next one is touched.
pub struct Polls {
    maildrops: DashMap<MaildropKey, PollHistory>,
    by_maildrop: Limiters<MaildropKey>,
    by_client: Limiters<(MaildropKey, ClientPrefix)>,
}

impl Polls {
    /// Nobody has logged in yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            maildrops: DashMap::new(),
            by_maildrop: Limiters::new(),
            by_client: Limiters::new(),
        }
    }

    /// Measures a login before it asks for the lock. Nothing is remembered of it.
    #[must_use]
    pub fn measure(&self, attempt: &LoginAttempt, now: Instant) -> Measured {
        if !is_measured(attempt) {
            return Measured::Unlimited;
        }
        let earliest = self
            .maildrops
            .get(&attempt.key)
            .and_then(|maildrop| maildrop.earliest(attempt));
        match earliest {
            Some(earliest) if earliest > now => Measured::Early { earliest },
            _ => Measured::InTime,
        }
    }

    /// Which logins to a maildrop would come too early now, and when they would not.
    #[must_use]
    pub fn early(&self, key: &MaildropKey, rules: &PollRules, now: Instant) -> Vec<EarlyPoll> {
        let maildrop = self.maildrops.get(key);
        maildrop.map_or_else(Vec::new, |maildrop| maildrop.early(rules, now))
    }

    /// The backend accepted the login: it is charged, unless it is free.
    pub fn charge(&self, attempt: &LoginAttempt, now: Instant) {
        if !is_measured(attempt) {
            return;
        }
        // The maildrop's shard is released before governor's maps are touched.
        let Some(owes) = self.owes_unless_free(attempt) else {
            return;
        };
        let rules = &attempt.rules().polls;
        let of_client = (attempt.key.clone(), attempt.prefix());
        let from = PerQuota {
            maildrop: (self.by_maildrop).charge(rules.maildrop, &attempt.key, owes.maildrop),
            client: (self.by_client).charge(rules.client, &of_client, owes.client),
        };
        self.remember(attempt, |maildrop| maildrop.charged(attempt, &from, now));
    }

    /// popgate itself refused this proven login for want of a lock or a connection, and not
    /// because it came too soon: the client's next one is free for a while.
    pub fn turned_away(&self, attempt: &LoginAttempt, now: Instant) {
        if is_measured(attempt) {
            let client = attempt.prefix();
            self.remember(attempt, |maildrop| maildrop.turned_away(client, now));
        }
    }

    /// Its session has deleted messages: the client's next login is free for a while.
    pub fn deleted(&self, attempt: &LoginAttempt, now: Instant) {
        if is_measured(attempt) {
            let client = attempt.prefix();
            self.remember(attempt, |maildrop| maildrop.deleted(client, now));
        }
    }

    /// Forgets what does not matter any more; to be called about once a minute.
    pub fn forget_idle(&self, now: Instant) {
        self.maildrops
            .retain(|_, maildrop| maildrop.forget_idle(now));
        self.maildrops.shrink_to_fit();
        self.by_maildrop.forget_idle();
        self.by_client.forget_idle();
    }

    /// Keys in memory, those of the quotas included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.maildrops.len() + self.by_maildrop.keys() + self.by_client.keys()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is still owed; `None`: this login is free.
    fn owes_unless_free(&self, attempt: &LoginAttempt) -> Option<PerQuota<bool>> {
        let Some(mut maildrop) = self.maildrops.get_mut(&attempt.key) else {
            return Some(PerQuota {
                maildrop: false,
                client: false,
            });
        };
        let free = maildrop.take_free(attempt);
        (!free).then(|| maildrop.owes(attempt))
    }

    fn remember(&self, attempt: &LoginAttempt, change: impl FnOnce(&mut PollHistory)) {
        let mut maildrop = self.maildrops.entry(attempt.key.clone()).or_default();
        let forgotten = maildrop.make_room(attempt.prefix());
        change(&mut maildrop);
        // The maildrop's shard is released before a map of governor's is touched.
        drop(maildrop);
        if let Some(client) = forgotten {
            self.by_client.forget(&(attempt.key.clone(), client));
        }
    }
}

impl Default for Polls {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
