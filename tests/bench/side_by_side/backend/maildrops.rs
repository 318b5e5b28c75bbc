//! Maildrops that lock, and what can be seen of their locks from the server.

use popgate::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The maildrops whose login begins so let one session in at a time. All others do not lock, so
/// that they cost nothing.
pub(crate) const LOCKING: &[u8] = b"lock";

#[derive(Default)]
pub(crate) struct Maildrops(HashMap<Vec<u8>, Maildrop>);

#[derive(Default)]
struct Maildrop {
    is_held: bool,
    first_login: Option<Instant>,
    last_end: Option<Instant>,
    seen: Seen,
}

/// What one maildrop, or all together, saw since the last report.
#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) logins: u64,
    pub(crate) refusals: u64,
    /// From the first login to the end of the last session, in microseconds.
    pub(crate) span_us: u64,
    /// In that time, how long nobody was logged in.
    pub(crate) idle_us: u64,
    /// Each time that nobody was, from the end of a session to the next PASS, in nanoseconds.
    pub(crate) gaps_ns: Vec<u64>,
}

impl Maildrops {
    /// Whether the session may in; its lock must then be given back by `leave`.
    pub(crate) fn enter(&mut self, login: &[u8], now: Instant) -> bool {
        let maildrop = self.0.entry(login.to_vec()).or_default();
        if maildrop.is_held {
            maildrop.seen.refusals += 1;
            return false;
        }
        maildrop.enter(now);
        true
    }

    pub(crate) fn leave(&mut self, login: &[u8], now: Instant) {
        if let Some(maildrop) = self.0.get_mut(login) {
            maildrop.is_held = false;
            maildrop.last_end = Some(now);
        }
    }

    /// All maildrops together; those that nobody holds are forgotten.
    pub(crate) fn report(&mut self) -> Seen {
        let mut sum = Seen::default();
        for maildrop in self.0.values_mut() {
            sum.add(&maildrop.report());
        }
        self.0.retain(|_, maildrop| maildrop.is_held);
        sum
    }
}

impl Maildrop {
    fn enter(&mut self, now: Instant) {
        self.is_held = true;
        self.seen.logins += 1;
        self.first_login.get_or_insert(now);
        if let Some(end) = self.last_end {
            let gap = now.duration_since(end);
            self.seen.idle_us += u64::try_from(gap.as_micros()).unwrap_or(u64::MAX);
            let gap = u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX);
            self.seen.gaps_ns.push(gap);
        }
    }

    fn report(&mut self) -> Seen {
        let mut seen = std::mem::take(&mut self.seen);
        if let (Some(first), Some(last)) = (self.first_login.take(), self.last_end.take()) {
            let span = last.saturating_duration_since(first);
            seen.span_us = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        }
        seen
    }
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.logins += other.logins;
        self.refusals += other.refusals;
        self.span_us += other.span_us;
        self.idle_us += other.idle_us;
        self.gaps_ns.extend_from_slice(&other.gaps_ns);
    }
}
