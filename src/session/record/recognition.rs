//! Which program a session's client is: what is remembered of it, and what is learnt for the next
//! time.

use crate::gate::{Neighbour, OpenSession, SeenProgram};
use crate::policy::attempt::LoginAttempt;
use crate::program::{Family, ProgramGuess};
use crate::time::{Duration, Instant};

/// What is known of the program at its last login.
#[derive(Default)]
pub(super) struct Recognition {
    /// What sessions were that began like this one.
    remembered: Option<Family>,
    neighbour: Neighbour,
    /// Whether it has a place in the memory: its password is right.
    has_come: bool,
}

impl Recognition {
    /// A login was read.
    pub(super) fn of_login(session: &OpenSession, attempt: &LoginAttempt) -> Self {
        let beginning = session.handle().beginning();
        let now = Instant::now();
        let mut recognition = Self {
            remembered: session.programs().recall(attempt, &beginning, now),
            ..Self::default()
        };
        if attempt.is_proven() {
            recognition.came(session, attempt);
        }
        recognition
    }

    pub(super) fn remembered(&self) -> Option<Family> {
        self.remembered
    }

    /// The password is right.
    pub(super) fn came(&mut self, session: &OpenSession, attempt: &LoginAttempt) {
        if !self.has_come {
            self.has_come = true;
            self.neighbour = session.programs().came(attempt, Instant::now());
        }
    }

    /// Whether it is the twin of a session that came just before it.
    pub(super) fn is_twin(&self, session: &OpenSession, family: Family) -> bool {
        self.neighbour.makes_a_twin_of(&seen(session, family))
    }

    /// The session is over. `has_given_up`: its client has left for the refusal of its last login;
    /// `silence`: for how long nothing had moved by then.
    pub(super) fn left(
        &self,
        session: &OpenSession,
        attempt: &LoginAttempt,
        has_given_up: bool,
        silence: Duration,
    ) {
        if !self.has_come {
            return;
        }
        let handle = session.handle();
        let guess = handle.guess(self.remembered, has_given_up, silence);
        let itself = match self.remembered {
            None => guess,
            Some(_) => handle.guess(None, has_given_up, silence),
        };
        // A memory must not keep itself alive, but may become more exact.
        let is_news = itself.is_worth_remembering() || Some(guess.family) != self.remembered;
        let learnt = Some(guess).filter(|guess| is_news && guess.is_worth_remembering());
        let seen = seen(session, guess.family);
        let family = learnt.map(|guess: ProgramGuess| guess.family);
        session
            .programs()
            .left(attempt, seen, family, Instant::now());
    }
}

fn seen(session: &OpenSession, family: Family) -> SeenProgram {
    let handle = session.handle();
    SeenProgram {
        trace: handle.trace(),
        hello: handle.hello_digest(),
        family,
    }
}
