//! What an open session shows of the program that its client is.

use super::SessionHandle;
use crate::gate::programs::Beginning;
use crate::program::{Evidence, Family, HelloFingerprint, ProgramGuess, Trace, guess};
use crate::time::{Duration, Instant};
use std::sync::atomic::Ordering;

impl SessionHandle {
    /// What the client has done so far.
    pub(crate) fn trace(&self) -> Trace {
        self.trace.now()
    }

    /// The client has gone on: `trace` has grown out of the one that is here.
    pub(crate) fn traced(&self, trace: &Trace) {
        self.trace.grow(trace);
    }

    /// The connection speaks TLS, in which its client offered this.
    pub(crate) fn secured(&self, hello: Option<HelloFingerprint>) {
        self.words().hello = hello;
    }

    /// Whether its client awaits a reply of the backend.
    pub(crate) fn awaits_reply(&self, awaits: bool) {
        self.awaits_reply.store(awaits, Ordering::Relaxed);
    }

    /// Which program its client is thought to be.
    pub(crate) fn program(&self, now: Instant) -> ProgramGuess {
        let words = self.words();
        let remembered = words.login.as_ref().and_then(|login| login.remembered);
        drop(words);
        self.guess(remembered, false, self.silence(now))
    }

    /// The same, where this is `remembered`. `has_given_up`: its last login was refused, and it has
    /// left since; `silence`: for how long nothing has moved.
    pub(crate) fn guess(
        &self,
        remembered: Option<Family>,
        has_given_up: bool,
        silence: Duration,
    ) -> ProgramGuess {
        let hello = self.words().hello;
        guess(&Evidence {
            trace: &self.trace.now(),
            hello,
            // Behind a command whose reply is due, the silence is the backend's.
            idle: match self.awaits_reply.load(Ordering::Relaxed) {
                true => Duration::ZERO,
                false => silence,
            },
            has_given_up,
            remembered,
        })
    }

    /// How its last login began.
    pub(crate) fn beginning(&self) -> Beginning {
        Beginning {
            trace: self.trace().beginning(),
            hello: self.hello_digest(),
        }
    }

    /// The digest of what its client offered in TLS; none in clear.
    pub(crate) fn hello_digest(&self) -> Option<u64> {
        self.words().hello.map(|hello| hello.digest)
    }
}
