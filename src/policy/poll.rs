//! How often a maildrop may be looked at: one quota for the maildrop and one for each client of it
//!, by governor's GCRA.
//!
//! A login is charged when the backend has accepted it, so that strangers cannot spend the owner's
//! quota and only real maildrops are remembered. It is too late to say no then: it is the next
//! login that has to wait until the quota has room for it.

mod history;
mod limiters;

use self::history::{Both, Login, Maildrop};
use self::limiters::Limiters;
use super::rules::{PollMode, PollRules};
use crate::ids::{ClientPrefix, MaildropKey};
use crate::time::Instant;
use dashmap::DashMap;
use std::net::IpAddr;

/// The logins of all maildrops that count against a quota. Whatever borrows from one of its maps
/// is given back before the next one is touched.
pub struct Polls {
    maildrops: DashMap<MaildropKey, Maildrop>,
    by_maildrop: Limiters<MaildropKey>,
    by_client: Limiters<(MaildropKey, ClientPrefix)>,
}

/// A login to one maildrop.
#[derive(Clone, Copy, Debug)]
pub struct Poll<'a> {
    /// The maildrop.
    pub maildrop: &'a MaildropKey,
    /// Who asks for it.
    pub client: ClientPrefix,
    /// Where it comes from, to find out whether that network is limited.
    pub address: IpAddr,
    /// When its PASS came.
    pub asked: Instant,
    /// Whether its password was proven then.
    pub proven: bool,
}

/// Whether a login comes too soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Nobody counts, or nobody counts logins from this network.
    Unlimited,
    /// The quotas have room for it.
    InTime,
    /// They have not yet.
    Early {
        /// When they will have.
        earliest: Instant,
    },
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
    pub fn measure(&self, rules: &PollRules, poll: &Poll<'_>, now: Instant) -> Measured {
        if rules.mode_for(poll.address) == PollMode::Off {
            return Measured::Unlimited;
        }
        let maildrop = self.maildrops.get(poll.maildrop);
        let earliest =
            maildrop.and_then(|maildrop| maildrop.earliest(rules, poll.login(), poll.proven));
        match earliest {
            Some(earliest) if earliest > now => Measured::Early { earliest },
            _ => Measured::InTime,
        }
    }

    /// The backend accepted the login: it is charged, unless it is free.
    pub fn charge(&self, rules: &PollRules, poll: &Poll<'_>, now: Instant) {
        if rules.mode_for(poll.address) == PollMode::Off {
            return;
        }
        let Some(owes) = self.owes_unless_free(rules, poll) else {
            return;
        };
        let of_client = (poll.maildrop.clone(), poll.client);
        let from = Both {
            maildrop: (self.by_maildrop).charge(rules.maildrop, poll.maildrop, owes.maildrop),
            client: (self.by_client).charge(rules.client, &of_client, owes.client),
        };
        self.remember(poll, |maildrop| {
            maildrop.charged(rules, poll.login(), &from, now);
        });
    }

    /// popgate itself refused this proven login for want of a lock or a connection, and not
    /// because it came too soon: the client's next one is free for a while.
    pub fn turned_away(&self, poll: &Poll<'_>, now: Instant) {
        self.remember(poll, |maildrop| maildrop.turned_away(poll.client, now));
    }

    /// Its session has deleted messages: the client's next login is free for a while.
    pub fn deleted(&self, poll: &Poll<'_>, now: Instant) {
        self.remember(poll, |maildrop| maildrop.deleted(poll.client, now));
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
    fn owes_unless_free(&self, rules: &PollRules, poll: &Poll<'_>) -> Option<Both<bool>> {
        let Some(mut maildrop) = self.maildrops.get_mut(poll.maildrop) else {
            return Some(Both {
                maildrop: false,
                client: false,
            });
        };
        let free = maildrop.take_free(poll.login());
        (!free).then(|| maildrop.owes(rules, poll.client))
    }

    fn remember(&self, poll: &Poll<'_>, change: impl FnOnce(&mut Maildrop)) {
        let mut maildrop = self.maildrops.entry(poll.maildrop.clone()).or_default();
        let forgotten = maildrop.make_room(poll.client);
        change(&mut maildrop);
        drop(maildrop);
        if let Some(client) = forgotten {
            self.by_client.forget(&(poll.maildrop.clone(), client));
        }
    }
}

impl Default for Polls {
    fn default() -> Self {
        Self::new()
    }
}

impl Poll<'_> {
    fn login(&self) -> Login {
        Login {
            client: self.client,
            asked: self.asked,
        }
    }
}

#[cfg(test)]
mod tests;
