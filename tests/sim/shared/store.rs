//! What is in the maildrops, who was there, and what became of each message.

use super::plan::{Ids, ServerPlan};
use popgate::pop3::listing::MessageNumber;
use popgate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Never given again.
    pub(crate) id: usize,
    pub(crate) name: String,
    pub(crate) text: Arc<[u8]>,
}

/// A maildrop as a session found it.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) session: usize,
    pub(crate) names: Ids,
    pub(crate) messages: Vec<Message>,
}

impl Snapshot {
    pub(crate) fn ids(&self, numbers: &[MessageNumber]) -> Vec<usize> {
        let ids = numbers.iter().map(|it| self.messages[it.index()].id);
        ids.collect()
    }

    pub(crate) fn describe(&self) -> String {
        let ids = self.messages.iter().map(|it| (it.id, &it.name));
        format!("{:?}", ids.collect::<Vec<_>>())
    }
}

/// A session that the server let in.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) account: usize,
    pub(crate) start: Instant,
    pub(crate) ids: BTreeSet<usize>,
}

#[derive(Default)]
struct Stored {
    messages: Vec<Message>,
    inside: usize,
    locked_until: Option<Instant>,
    /// When each message that ever was there came.
    came: BTreeMap<usize, Instant>,
    /// Those that a session deleted.
    deleted: BTreeSet<usize>,
    /// Which message each name was given to last.
    named: BTreeMap<String, usize>,
    renewals: usize,
}

pub(crate) struct Store {
    names: Ids,
    equal_sizes: bool,
    short: u8,
    maildrops: Vec<Stored>,
    sessions: Vec<Entry>,
    /// How often each account's password has changed.
    passwords: Vec<usize>,
    /// When the newest password was accepted first.
    newest_accepted: Vec<Option<Instant>>,
    was_short: Vec<bool>,
    last_id: usize,
    random: fastrand::Rng,
    /// Nothing fails any more.
    pub(crate) is_calm: bool,
}

impl Store {
    pub(crate) fn new(
        plan: &ServerPlan,
        maildrops: usize,
        accounts: usize,
        mut random: fastrand::Rng,
    ) -> Self {
        let first: Vec<usize> = (0..maildrops).map(|_| random.usize(0..5)).collect();
        let mut store = Self {
            names: plan.ids,
            equal_sizes: plan.equal_sizes,
            short: plan.short,
            maildrops: (0..maildrops).map(|_| Stored::default()).collect(),
            sessions: Vec::new(),
            passwords: vec![0; accounts],
            newest_accepted: vec![None; accounts],
            was_short: vec![false; accounts],
            last_id: 0,
            random,
            is_calm: false,
        };
        for (maildrop, messages) in first.into_iter().enumerate() {
            (0..messages).for_each(|_| store.deliver(maildrop));
        }
        store
    }

    pub(crate) fn fork(&mut self) -> fastrand::Rng {
        self.random.fork()
    }

    pub(crate) fn deliver(&mut self, maildrop: usize) {
        self.last_id += 1;
        let id = self.last_id;
        let pad = if self.equal_sizes { 40 } else { 40 + id };
        let text = format!("Subject: {id:06}\r\n\r\n{}\r\n", "x".repeat(pad));
        let names = self.names;
        let stored = &mut self.maildrops[maildrop];
        let name = match names {
            Ids::Recycled => stored.free_name(),
            _ => format!("m{}-{id:06}", stored.renewals),
        };
        stored.came.insert(id, Instant::now());
        stored.named.insert(name.clone(), id);
        stored.messages.push(Message {
            id,
            name,
            text: text.into_bytes().into(),
        });
    }

    /// Somebody deletes a message elsewhere.
    pub(crate) fn webmail(&mut self, maildrop: usize) {
        let count = self.maildrops[maildrop].messages.len();
        if count > 0 {
            let place = self.random.usize(..count);
            self.maildrops[maildrop].messages.remove(place);
        }
    }

    pub(crate) fn renew(&mut self, maildrop: usize) {
        if self.names == Ids::Recycled {
            return;
        }
        let stored = &mut self.maildrops[maildrop];
        stored.renewals += 1;
        for message in &mut stored.messages {
            message.name = format!("m{}-{:06}", stored.renewals, message.id);
            stored.named.insert(message.name.clone(), message.id);
        }
    }

    pub(crate) fn change_password(&mut self, account: usize) {
        self.passwords[account] += 1;
        self.newest_accepted[account] = None;
    }

    pub(crate) fn password(&self, account: usize) -> String {
        password(self.passwords[account])
    }

    /// How often it has changed.
    pub(crate) fn password_changes(&self, account: usize) -> usize {
        self.passwords[account]
    }

    /// When the newest password of an account was accepted first.
    pub(crate) fn newest_accepted(&self, account: usize) -> Option<Instant> {
        self.newest_accepted[account]
    }

    pub(crate) fn is_locked(&self, maildrop: usize, now: Instant) -> bool {
        let stored = &self.maildrops[maildrop];
        stored.inside > 0 || stored.locked_until.is_some_and(|until| now < until)
    }

    pub(crate) fn inside(&self, maildrop: usize) -> usize {
        self.maildrops[maildrop].inside
    }

    /// A session begins; what it is shown may lack messages, but not twice in a row for one login.
    pub(crate) fn enter(
        &mut self,
        account: usize,
        maildrop: usize,
        random: &mut fastrand::Rng,
    ) -> (usize, Snapshot) {
        let is_short = !self.is_calm && !self.was_short[account] && random.u8(..100) < self.short;
        self.was_short[account] = is_short;
        let is_empty = is_short && random.bool();
        let stored = &mut self.maildrops[maildrop];
        stored.inside += 1;
        let mut messages = stored.messages.clone();
        if is_short {
            messages.retain(|_| !is_empty && random.bool());
        }
        let session = self.sessions.len();
        let now = Instant::now();
        self.newest_accepted[account].get_or_insert(now);
        self.sessions.push(Entry {
            account,
            start: now,
            ids: messages.iter().map(|it| it.id).collect(),
        });
        let names = self.names;
        let snapshot = Snapshot {
            session,
            names,
            messages,
        };
        (session, snapshot)
    }

    pub(crate) fn delete(&mut self, maildrop: usize, ids: &[usize]) {
        let stored = &mut self.maildrops[maildrop];
        stored.messages.retain(|it| !ids.contains(&it.id));
        stored.deleted.extend(ids);
    }

    pub(crate) fn leave(&mut self, maildrop: usize, locked_until: Instant) {
        let stored = &mut self.maildrops[maildrop];
        stored.inside -= 1;
        stored.locked_until = Some(locked_until);
    }

    /// Messages that are there.
    pub(crate) fn present(&self, maildrop: usize) -> BTreeSet<usize> {
        let messages = self.maildrops[maildrop].messages.iter();
        messages.map(|it| it.id).collect()
    }

    /// What sessions have deleted.
    pub(crate) fn deleted(&self, maildrop: usize) -> &BTreeSet<usize> {
        &self.maildrops[maildrop].deleted
    }

    /// Messages that have come until then.
    pub(crate) fn came_until(&self, maildrop: usize, then: Instant) -> BTreeSet<usize> {
        let came = self.maildrops[maildrop].came.iter();
        came.filter(|(_, at)| **at <= then)
            .map(|(id, _)| *id)
            .collect()
    }

    /// The message that a row of a listing stands for, where that can be told.
    pub(crate) fn identify(
        &self,
        maildrop: usize,
        name: &str,
        size: Option<usize>,
    ) -> Option<usize> {
        match self.names {
            Ids::Stable => self.maildrops[maildrop].named.get(name).copied(),
            Ids::PerSession => name.split_once('-')?.1.parse().ok(),
            Ids::Numbers | Ids::Recycled if self.equal_sizes => None,
            Ids::Numbers | Ids::Recycled => size?.checked_sub(UNPADDED),
        }
    }

    /// Whether the server itself, in a session of the account that began after `since`, has shown
    /// just these.
    pub(crate) fn has_shown(&self, account: usize, since: Instant, ids: &BTreeSet<usize>) -> bool {
        let mut sessions = self.sessions.iter().rev();
        sessions.any(|it| it.account == account && it.start >= since && it.ids == *ids)
    }
}

/// Octets of a message with the id 0.
const UNPADDED: usize = "Subject: 000000\r\n\r\n\r\n".len() + 40;

pub(crate) fn password(changes: usize) -> String {
    format!("secret{changes}")
}

/// The message that a text is.
pub(crate) fn id_in(text: &str) -> Option<usize> {
    let id = text.strip_prefix("Subject: ")?;
    id.get(..6)?.parse().ok()
}

impl Stored {
    fn free_name(&self) -> String {
        let is_taken = |name: &String| self.messages.iter().any(|it| it.name == *name);
        let mut names = (1..).map(|number| format!("u{number}"));
        names.find(|name| !is_taken(name)).unwrap_or_default()
    }
}
