//! The maildrops: their messages, their locks, and the log of who was in.

use super::log::SessionLog;
use super::server::ListingFlaw;
use crate::limits::DEMO_MAILDROPS_MAX;
use crate::pop3::listing::MessageNumber;
use crate::pop3::transaction::Maildrop;
use crate::time::{Duration, Instant};
use std::collections::HashMap;
use std::sync::Arc;

/// A message with its unique id (RFC 1939 section 7, UIDL).
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) unique_id: u64,
    pub(super) text: Arc<[u8]>,
    /// The first session that saw it and ended with QUIT.
    kept_by: Option<u64>,
}

/// A maildrop as a session found it when it came in: what is delivered later it does not see.
#[derive(Clone, Debug)]
pub(super) struct MaildropSnapshot {
    messages: Vec<Message>,
    session: u64,
    flaw: Option<ListingFlaw>,
}

impl MaildropSnapshot {
    /// What the store knows the messages by: on a server that does not lock, another session may
    /// have removed some before, so that their numbers say nothing there.
    pub(super) fn unique_ids(&self, numbers: &[MessageNumber]) -> Vec<u64> {
        numbers
            .iter()
            .map(|number| self.messages[number.index()].unique_id)
            .collect()
    }
}

impl Maildrop for MaildropSnapshot {
    fn messages(&self) -> usize {
        self.messages.len()
    }

    fn octets(&self, number: MessageNumber) -> u64 {
        self.text(number).len() as u64
    }

    fn unique_id(&self, number: MessageNumber) -> String {
        let message = &self.messages[number.index()];
        let id = message.unique_id;
        match self.flaw {
            Some(ListingFlaw::IdsAreNumbers) => number.to_string(),
            Some(ListingFlaw::NewIds) => format!("demo-{id:06}-{}", self.session),
            Some(ListingFlaw::NewIdsWithoutQuit) => {
                format!("demo-{id:06}-{}", message.kept_by.unwrap_or(self.session))
            }
            _ => format!("demo-{id:06}"),
        }
    }

    fn text(&self, number: MessageNumber) -> &[u8] {
        &self.messages[number.index()].text
    }
}

/// All that outlives a connection.
#[derive(Default)]
pub(super) struct Store {
    maildrops: HashMap<String, StoredMaildrop>,
    has_distinct_unique_ids: bool,
    flaw: Option<ListingFlaw>,
    pub(super) log: SessionLog,
}

#[derive(Default)]
struct StoredMaildrop {
    messages: Vec<Message>,
    last_unique_id: u64,
    inside: usize,
    locked_until: Option<Instant>,
}

/// A session that is in a maildrop. It must be given back by [`Store::leave`].
pub(super) struct OpenMaildrop {
    user: String,
    number: u64,
    quit: bool,
    /// Unique ids of the messages that were fetched.
    pub(super) fetched: Vec<u64>,
}

/// Why a login was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryRefused {
    Locked,
    TooManyMaildrops,
}

/// Unique ids of a maildrop, where no other has them.
const UNIQUE_IDS_EACH: u64 = 1_000_000;

impl Store {
    /// No maildrop is there yet.
    pub(super) fn new(has_distinct_unique_ids: bool, flaw: Option<ListingFlaw>) -> Self {
        Self {
            has_distinct_unique_ids,
            flaw,
            ..Self::default()
        }
    }

    /// Lets a session into `user`'s maildrop, made from `initial` where it is new, unless
    /// `locking` and another session is in, or its lock lingers.
    pub(super) fn enter(
        &mut self,
        user: &str,
        initial: &[Arc<[u8]>],
        locking: bool,
        now: Instant,
    ) -> Result<(OpenMaildrop, MaildropSnapshot), EntryRefused> {
        if !self.maildrops.contains_key(user) && self.maildrops.len() >= DEMO_MAILDROPS_MAX {
            return Err(EntryRefused::TooManyMaildrops);
        }
        let maildrop = self.maildrop(user, initial);
        if locking && maildrop.is_locked(now) {
            self.log.counts.refusals += 1;
            return Err(EntryRefused::Locked);
        }
        // Counted also where nobody is kept out: the log tells of overlaps by it.
        maildrop.inside += 1;
        let messages = maildrop.messages.clone();
        let login = OpenMaildrop {
            user: user.to_owned(),
            number: self.log.entered(user, now),
            quit: false,
            fetched: Vec::new(),
        };
        let snapshot = MaildropSnapshot {
            messages,
            session: login.number,
            flaw: self.flaw,
        };
        Ok((login, snapshot))
    }

    /// The UPDATE state: removes what the session marked (RFC 1939 section 6). What another
    /// session removed before it, on a server that does not lock, is gone already.
    pub(super) fn update(&mut self, login: &mut OpenMaildrop, deleted: &[u64]) {
        login.quit = true;
        let Some(maildrop) = self.maildrops.get_mut(&login.user) else {
            return;
        };
        let before = maildrop.messages.len();
        maildrop
            .messages
            .retain(|message| !deleted.contains(&message.unique_id));
        // By what is gone, not by what was asked for: it may have been gone before.
        self.log.counts.deleted += (before - maildrop.messages.len()) as u64;
        maildrop.end_with_quit(login, self.flaw);
    }

    /// The session's connection has ended; its lock goes, after `linger`.
    pub(super) fn leave(&mut self, login: &OpenMaildrop, linger: Duration, now: Instant) {
        if let Some(maildrop) = self.maildrops.get_mut(&login.user) {
            maildrop.inside -= 1;
            maildrop.locked_until = Some(now + linger);
            if self.flaw == Some(ListingFlaw::Vanish) {
                let is_left = |it: &Message| !login.fetched.contains(&it.unique_id);
                maildrop.messages.retain(is_left);
            }
        }
        self.log.left(&login.user, login.number, login.quit, now);
    }

    /// Puts a message behind the others.
    pub(super) fn deliver(&mut self, user: &str, initial: &[Arc<[u8]>], text: Arc<[u8]>) {
        self.maildrop(user, initial).add(text);
    }

    /// How many messages are in `user`'s maildrop.
    pub(super) fn count(&mut self, user: &str, initial: &[Arc<[u8]>]) -> usize {
        self.maildrop(user, initial).messages.len()
    }

    fn maildrop(&mut self, user: &str, initial: &[Arc<[u8]>]) -> &mut StoredMaildrop {
        let before = match self.has_distinct_unique_ids {
            true => self.maildrops.len() as u64 * UNIQUE_IDS_EACH,
            false => 0,
        };
        self.maildrops.entry(user.to_owned()).or_insert_with(|| {
            let mut maildrop = StoredMaildrop {
                last_unique_id: before,
                ..StoredMaildrop::default()
            };
            initial.iter().for_each(|text| maildrop.add(text.clone()));
            maildrop
        })
    }
}

impl StoredMaildrop {
    fn is_locked(&self, now: Instant) -> bool {
        self.inside > 0 || self.locked_until.is_some_and(|until| now < until)
    }

    /// What else a QUIT does.
    fn end_with_quit(&mut self, login: &OpenMaildrop, flaw: Option<ListingFlaw>) {
        let was_fetched = |message: &Message| login.fetched.contains(&message.unique_id);
        if flaw == Some(ListingFlaw::StatusLine) {
            for message in self.messages.iter_mut().filter(|it| was_fetched(it)) {
                message.text = [b"Status: RO\r\n", &*message.text].concat().into();
            }
        }
        for message in &mut self.messages {
            message.kept_by.get_or_insert(login.number);
        }
    }

    fn add(&mut self, text: Arc<[u8]>) {
        self.last_unique_id += 1;
        self.messages.push(Message {
            unique_id: self.last_unique_id,
            text,
            kept_by: None,
        });
    }
}
