//! What a guess rests on, taken apart the way the table asks for it.

use super::family::Family;
use super::hello::HelloFingerprint;
use super::step::Step;
use super::tls::TlsLibrary;
use super::trace::Trace;
use crate::time::Duration;

/// All that is seen of a client, during its session or at the end of it.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What it did.
    pub trace: &'a Trace,
    /// What it offered in TLS; none in clear.
    pub hello: Option<HelloFingerprint>,
    /// How long it has been silent.
    pub idle: Duration,
    /// Whether its last login was refused, and it has left since.
    pub has_given_up: bool,
    /// What was made out of an earlier session that began like this one.
    pub remembered: Option<Family>,
}

impl Evidence<'_> {
    /// The library behind its TLS.
    pub(super) fn tls_library(&self) -> Option<TlsLibrary> {
        Some(self.hello?.tls_library)
    }
}

/// How a client used STLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stls {
    /// Not at all.
    Unused,
    /// Without having asked by CAPA whether there is STLS.
    Unasked,
    /// Behind CAPA, which it did not ask again, as RFC 2595 section 4 would have it.
    Asked,
    /// Behind CAPA, and then it asked again.
    AskedTwice,
}

/// A trace in its two halves.
pub(super) struct Halves {
    /// What came before login and the login itself, without STLS, the CAPA behind it, and UTF8,
    /// which come or not as the server has it.
    pub(super) before: Vec<Step>,
    /// Whether PASS came with USER.
    pub(super) pass_ahead: bool,
    pub(super) stls: Stls,
    /// What came behind the login, up to QUIT.
    pub(super) after: Trace,
}

impl Halves {
    pub(super) fn of(trace: &Trace) -> Self {
        let (login, after) = trace.at_login();
        let mut halves = Self {
            before: Vec::with_capacity(login.octets().len()),
            pass_ahead: login.steps().last().is_some_and(|last| last.sent_ahead),
            stls: Stls::Unused,
            after,
        };
        let mut steps = login.steps().map(|seen| seen.step).peekable();
        while let Some(step) = steps.next() {
            match step {
                Step::Stls => {
                    let has_asked = halves.before.contains(&Step::Capa);
                    let asks_again = has_asked && steps.next_if_eq(&Step::Capa).is_some();
                    halves.stls = match (has_asked, asks_again) {
                        (false, _) => Stls::Unasked,
                        (true, false) => Stls::Asked,
                        (true, true) => Stls::AskedTwice,
                    };
                }
                Step::Utf8 => {}
                _ => halves.before.push(step),
            }
        }
        halves
    }

    /// Whether what came behind the login begins so.
    pub(super) fn goes_on(&self, steps: &[Step]) -> bool {
        self.after.begins_with(steps)
    }

    /// Whether this came behind the login.
    pub(super) fn has(&self, step: Step) -> bool {
        self.after.steps().any(|seen| seen.step == step)
    }

    /// Whether one of these came behind the login before what was in front of it was answered.
    pub(super) fn has_ahead(&self, steps: &[Step]) -> bool {
        self.after
            .steps()
            .any(|seen| seen.sent_ahead && steps.contains(&seen.step))
    }
}
