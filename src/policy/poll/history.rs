//! What is remembered of the logins to one maildrop, beside what governor counts.

use crate::ids::ClientPrefix;
use crate::limits::{
    POLL_AFTER_DELETION, POLL_AFTER_REFUSAL, POLL_CLIENTS_MAX, POLL_TWIN, WAIT_MAX,
};
use crate::policy::attempt::LoginAttempt;
use crate::policy::rules::{PollRules, Quota};
use crate::time::{Duration, Instant};

/// The past of one maildrop and of its clients.
#[derive(Default)]
pub struct PollHistory {
    overdraft: Option<Overdraft>,
    matters_until: Option<Instant>,
    clients: Vec<ClientHistory>,
}

/// One login: whose, and when its PASS came.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ChargedLogin {
    client: ClientPrefix,
    asked: Instant,
}

/// One value for each of the two quotas of a login.
pub struct PerQuota<T> {
    /// For the quota of the maildrop.
    pub maildrop: T,
    /// For that of the maildrop from one client.
    pub client: T,
}

/// Logins that would come too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlyPoll {
    /// Whose; none: those of all clients of the maildrop.
    pub client: Option<ClientPrefix>,
    /// When they are in time.
    pub next: Instant,
}

/// A login that a quota had no room for. It was let in, and the next one may come at `earliest`
/// and pays for both. Under another quota, after a reload, it is worth nothing.
#[derive(Clone, Copy)]
struct Overdraft {
    quota: Quota,
    earliest: Instant,
    by: ChargedLogin,
}

impl Overdraft {
    /// That of a login for which `quota` has room only `from` then; `None`: it had room.
    fn of(by: ChargedLogin, quota: Quota, from: Option<Instant>) -> Option<Self> {
        from.map(|earliest| Self {
            quota,
            earliest,
            by,
        })
    }

    /// When the next login may come, if this counts under `quota` and not for the `twin` of the
    /// login that it is of.
    fn counts(self, quota: Quota, twin: Option<ChargedLogin>) -> Option<Instant> {
        (self.quota == quota && Some(self.by) != twin).then_some(self.earliest)
    }
}

struct ClientHistory {
    prefix: ClientPrefix,
    overdraft: Option<Overdraft>,
    charged: Option<Charged>,
    turned_away: Option<Instant>,
    deleted: Option<Instant>,
    matters_until: Instant,
}

/// The last login of a client that was charged.
struct Charged {
    asked: Instant,
    /// Whether another one may still come with it free.
    twin: bool,
}

impl PollHistory {
    /// When the quotas of its rules allow the login; `None`: they have not said no, or it is free.
    /// One that is not proven is measured against its client's quota alone: that of the maildrop
    /// would tell a stranger that somebody looks for mail there.
    pub fn earliest(&self, attempt: &LoginAttempt) -> Option<Instant> {
        let client = self.client(attempt.prefix());
        if client.is_some_and(|client| client.has_free(attempt.asked)) {
            return None;
        }
        let rules = &attempt.rules().polls;
        let twin = client.and_then(|client| client.twin_of(attempt.asked));
        let of_client = client.and_then(|client| client.overdraft);
        let of_maildrop = self.overdraft.filter(|_| attempt.is_proven());
        let by_client = of_client.and_then(|it| it.counts(rules.client, twin));
        let by_maildrop = of_maildrop.and_then(|it| it.counts(rules.maildrop, twin));
        by_maildrop.max(by_client)
    }

    /// Which logins would come too early under `rules`, and when they would not: those of the whole
    /// maildrop, and those of each client. A client that has one free is left out.
    pub fn early(&self, rules: &PollRules, now: Instant) -> Vec<EarlyPoll> {
        let of = |client: Option<ClientPrefix>, overdraft: Option<Overdraft>, quota: Quota| {
            let next = overdraft?.counts(quota, None).filter(|next| *next > now)?;
            Some(EarlyPoll { client, next })
        };
        let of_clients = self.clients.iter().filter_map(|client| {
            let is_free = client.has_free(now);
            of(Some(client.prefix), client.overdraft, rules.client).filter(|_| !is_free)
        });
        let of_maildrop = of(None, self.overdraft, rules.maildrop);
        of_maildrop.into_iter().chain(of_clients).collect()
    }

    /// Whether the login is free; nothing makes two of them free.
    pub fn take_free(&mut self, attempt: &LoginAttempt) -> bool {
        let prefix = attempt.prefix();
        self.clients
            .iter_mut()
            .find(|client| client.prefix == prefix)
            .is_some_and(|client| client.take_free(attempt.asked))
    }

    /// Whether the maildrop and the client each owe a login under the quotas of its rules.
    pub fn owes(&self, attempt: &LoginAttempt) -> PerQuota<bool> {
        let rules = &attempt.rules().polls;
        let client = self.client(attempt.prefix());
        let of_client = client.and_then(|client| client.overdraft);
        PerQuota {
            maildrop: self.overdraft.is_some_and(|it| it.quota == rules.maildrop),
            client: of_client.is_some_and(|it| it.quota == rules.client),
        }
    }

    /// The login was charged, and where a quota had no room for it, it will have `from` then.
    pub fn charged(
        &mut self,
        attempt: &LoginAttempt,
        from: &PerQuota<Option<Instant>>,
        now: Instant,
    ) {
        let by = ChargedLogin {
            client: attempt.prefix(),
            asked: attempt.asked,
        };
        let rules = &attempt.rules().polls;
        self.overdraft = Overdraft::of(by, rules.maildrop, from.maildrop);
        self.matters_until = Some(now + whole_again(rules.maildrop));
        let client = self.client_mut(by.client, now);
        client.overdraft = Overdraft::of(by, rules.client, from.client);
        client.charged(by.asked);
        client.matters(now + whole_again(rules.client).max(POLL_TWIN + WAIT_MAX));
    }

    /// popgate itself refused a login of `client`.
    pub fn turned_away(&mut self, client: ClientPrefix, now: Instant) {
        let client = self.client_mut(client, now);
        client.turned_away = Some(now);
        client.matters(now + POLL_AFTER_REFUSAL + WAIT_MAX);
    }

    /// A session of `client` has deleted messages.
    pub fn deleted(&mut self, client: ClientPrefix, now: Instant) {
        let client = self.client_mut(client, now);
        client.deleted = Some(now);
        client.matters(now + POLL_AFTER_DELETION + WAIT_MAX);
    }

    /// Makes room for `newcomer` if it is one and there is none: the client that would be forgotten
    /// first is forgotten now.
    pub fn make_room(&mut self, newcomer: ClientPrefix) -> Option<ClientPrefix> {
        if self.clients.len() < POLL_CLIENTS_MAX || self.client(newcomer).is_some() {
            return None;
        }
        let (first, _) = self
            .clients
            .iter()
            .enumerate()
            .min_by_key(|(_, client)| client.matters_until)?;
        Some(self.clients.swap_remove(first).prefix)
    }

    /// Forgets what does not matter any more; whether anything is left.
    pub fn forget_idle(&mut self, now: Instant) -> bool {
        self.clients.retain(|client| now <= client.matters_until);
        self.clients.shrink_to_fit();
        self.matters_until = self.matters_until.filter(|until| now <= *until);
        if self.matters_until.is_none() {
            self.overdraft = None;
        }
        self.matters_until.is_some() || !self.clients.is_empty()
    }

    fn client(&self, prefix: ClientPrefix) -> Option<&ClientHistory> {
        self.clients.iter().find(|client| client.prefix == prefix)
    }

    fn client_mut(&mut self, prefix: ClientPrefix, now: Instant) -> &mut ClientHistory {
        let known = self.clients.iter().position(|it| it.prefix == prefix);
        let index = known.unwrap_or_else(|| {
            self.clients.push(ClientHistory::new(prefix, now));
            self.clients.len() - 1
        });
        &mut self.clients[index]
    }
}

impl ClientHistory {
    fn new(prefix: ClientPrefix, now: Instant) -> Self {
        Self {
            prefix,
            overdraft: None,
            charged: None,
            turned_away: None,
            deleted: None,
            matters_until: now,
        }
    }

    /// The login that one asked for at `asked` is the twin of.
    fn twin_of(&self, asked: Instant) -> Option<ChargedLogin> {
        let charged = self.charged.as_ref();
        let charged = charged.filter(|charged| charged.twin && charged.is_near(asked))?;
        Some(ChargedLogin {
            client: self.prefix,
            asked: charged.asked,
        })
    }

    fn take_free(&mut self, asked: Instant) -> bool {
        if self.twin_of(asked).is_some() {
            self.charged = self.charged.take().map(Charged::without_twin);
            return true;
        }
        take_within(&mut self.deleted, asked, POLL_AFTER_DELETION)
            || take_within(&mut self.turned_away, asked, POLL_AFTER_REFUSAL)
    }

    /// Whether what it was given makes a login free that was asked for at `asked`.
    fn has_free(&self, asked: Instant) -> bool {
        is_within(self.deleted, asked, POLL_AFTER_DELETION)
            || is_within(self.turned_away, asked, POLL_AFTER_REFUSAL)
    }

    /// A third login beside a pair is no scanner's, so that it gets no twin of its own.
    fn charged(&mut self, asked: Instant) {
        let before = self.charged.as_ref();
        let twin = !before.is_some_and(|charged| charged.is_near(asked));
        self.charged = Some(Charged { asked, twin });
    }

    fn matters(&mut self, until: Instant) {
        self.matters_until = self.matters_until.max(until);
    }
}

impl Charged {
    /// Either may have been let in first.
    fn is_near(&self, asked: Instant) -> bool {
        let apart = asked
            .duration_since(self.asked)
            .max(self.asked.duration_since(asked));
        apart <= POLL_TWIN
    }

    fn without_twin(self) -> Self {
        Self {
            twin: false,
            ..self
        }
    }
}

/// Takes what was given at some time, if the login was asked for at most `within` after it. It may
/// have been asked for before: the client had its reply, and we had not yet closed our books.
fn take_within(given: &mut Option<Instant>, asked: Instant, within: Duration) -> bool {
    given
        .take_if(|at| is_within(Some(*at), asked, within))
        .is_some()
}

fn is_within(given: Option<Instant>, asked: Instant, within: Duration) -> bool {
    given.is_some_and(|at| asked <= at + within)
}

/// How long after a charge the quota is surely whole again and its state is forgotten: governor
/// keeps that for one login more. The configuration bounds both factors.
fn whole_again(quota: Quota) -> Duration {
    quota
        .every
        .saturating_mul(quota.burst.saturating_add(1).get())
}
