//! What a program of the household noticed over the day.

use super::super::comparison::speaks_of_a_lock;
use super::super::mail_client::ClientError;
use crate::backend::lines::LineError;
use crate::str_enum::str_enum;
use crate::time::{Duration, Instant};
use std::collections::BTreeSet;

str_enum! {
    /// What a program with the right password shows its user as an error.
    ShownError {
        /// The password was refused, for a lock.
        LockError = "lock_error",
        /// The password was refused for another reason.
        Refused = "refused",
        /// A command was refused.
        CommandRefused = "command_refused",
        /// The connection was closed instead of an answer, or in the middle of one.
        Closed = "closed",
        /// No answer came for as long as it listens.
        NoAnswer = "no_answer",
        /// What came was no answer to what it had asked.
        Senseless = "senseless",
        /// It got another message than it had asked for.
        WrongMessage = "wrong_message",
    }
}

impl ShownError {
    pub(super) fn at_password(answer: &str) -> Self {
        match speaks_of_a_lock(answer) {
            true => Self::LockError,
            false => Self::Refused,
        }
    }

    pub(super) fn in_session(error: &ClientError) -> Self {
        match error {
            ClientError::Refused(_) => Self::CommandRefused,
            ClientError::TimedOut(_) => Self::NoAnswer,
            ClientError::Io(_) | ClientError::Reply(LineError::Closed | LineError::Io(_)) => {
                Self::Closed
            }
            ClientError::Reply(_) | ClientError::Listing(_) => Self::Senseless,
        }
    }

    /// Whether its user is asked for the password.
    pub(super) fn is_prompt(self) -> bool {
        matches!(self, Self::LockError | Self::Refused)
    }
}

/// How long a program waited for the answer to its password, and since when in the day.
#[derive(Clone, Copy, Debug)]
pub(super) struct PasswordWait {
    pub(super) asked: Duration,
    pub(super) took: Duration,
}

/// What a program noticed. Messages go by their place among all that ever came.
#[derive(Debug)]
pub(super) struct Diary {
    begun: Instant,
    pub(super) logins: u64,
    pub(super) waits: Vec<PasswordWait>,
    pub(super) message_waits: Vec<Duration>,
    /// What went wrong, and when in the day.
    pub(super) troubles: Vec<(Duration, ShownError)>,
    /// Connections that ended while it said nothing.
    pub(super) closed_while_idle: u64,
    /// What it had whole and has not forgotten.
    known: BTreeSet<usize>,
    /// What it ever had whole.
    pub(super) had: BTreeSet<usize>,
    /// What it had again.
    pub(super) had_twice: u64,
    /// From the time that a message came to the time that it had it.
    pub(super) delays: Vec<Duration>,
    /// When its last session ended.
    pub(super) last_end: Duration,
    marked: Vec<usize>,
    /// What it deleted.
    pub(super) deleted: u64,
}

impl Diary {
    /// Of a day that begins now.
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            logins: 0,
            waits: Vec::new(),
            message_waits: Vec::new(),
            troubles: Vec::new(),
            closed_while_idle: 0,
            known: BTreeSet::new(),
            had: BTreeSet::new(),
            had_twice: 0,
            delays: Vec::new(),
            last_end: Duration::ZERO,
            marked: Vec::new(),
            deleted: 0,
        }
    }

    /// It asked at that time to be let in, and has the answer.
    pub(super) fn waited(&mut self, asked: Instant) {
        self.marked.clear();
        self.logins += 1;
        self.waits.push(PasswordWait {
            asked: asked.duration_since(self.begun),
            took: asked.elapsed(),
        });
    }

    /// It asked for a message at that time, and has the first line.
    pub(super) fn waited_for_message(&mut self, asked: Instant) {
        self.message_waits.push(asked.elapsed());
    }

    pub(super) fn trouble(&mut self, trouble: ShownError) {
        self.troubles.push((self.begun.elapsed(), trouble));
    }

    pub(super) fn ended(&mut self) {
        self.last_end = self.begun.elapsed();
    }

    pub(super) fn closed_while_idle(&mut self) {
        self.closed_while_idle += 1;
    }

    /// All that is there: a program forgets what is not.
    pub(super) fn listed(&mut self, places: &BTreeSet<usize>) {
        self.known.retain(|place| places.contains(place));
    }

    pub(super) fn knows(&self, place: usize) -> bool {
        self.known.contains(&place)
    }

    /// It has a message whole, which came at that time.
    pub(super) fn has(&mut self, place: usize, came: Option<Instant>) {
        self.known.insert(place);
        if self.had.insert(place) {
            self.delays.extend(came.map(|came| came.elapsed()));
        } else {
            self.had_twice += 1;
        }
    }

    pub(super) fn marks(&mut self, place: usize) {
        self.marked.push(place);
    }

    /// What it has marked is deleted.
    pub(super) fn deleted(&mut self) {
        self.deleted += self.marked.len() as u64;
        self.marked.clear();
    }

    pub(super) fn waited_in_all(&self) -> Duration {
        self.waits.iter().map(|wait| wait.took).sum()
    }

    pub(super) fn prompts(&self) -> u64 {
        let prompts = self.troubles.iter().filter(|(_, it)| it.is_prompt());
        prompts.count() as u64
    }

    pub(super) fn count(&self, wanted: ShownError) -> u64 {
        let troubles = self.troubles.iter().filter(|(_, it)| *it == wanted);
        troubles.count() as u64
    }
}
