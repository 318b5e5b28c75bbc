//! The trace of an open session, as others read it while it grows.

use crate::limits::TRACE_STEPS_MAX;
use crate::program::Trace;
use std::array;
use std::sync::atomic::{AtomicU8, Ordering};

/// A [`Trace`] that its session alone writes. Neither it nor a reader waits.
pub(super) struct SeenTrace {
    octets: [AtomicU8; TRACE_STEPS_MAX],
    /// How many of them are there. Each is written before it is counted, and never again.
    len: AtomicU8,
}

impl SeenTrace {
    pub(super) fn new() -> Self {
        Self {
            octets: array::from_fn(|_| AtomicU8::new(0)),
            len: AtomicU8::new(0),
        }
    }

    /// Takes over what is new in `trace`, which has grown out of what is here.
    pub(super) fn grow(&self, trace: &Trace) {
        let octets = trace.octets();
        let seen = usize::from(self.len.load(Ordering::Relaxed));
        if octets.len() == seen {
            return;
        }
        for (place, &octet) in self.octets.iter().zip(octets).skip(seen) {
            place.store(octet, Ordering::Relaxed);
        }
        // A trace has at most `TRACE_STEPS_MAX` octets.
        let len = u8::try_from(octets.len()).unwrap_or(u8::MAX);
        self.len.store(len, Ordering::Release);
    }

    pub(super) fn now(&self) -> Trace {
        let len = usize::from(self.len.load(Ordering::Acquire));
        let octets = self.octets.iter().take(len);
        Trace::of_octets(octets.map(|octet| octet.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Step;

    #[test]
    fn a_reader_sees_all_that_the_session_has_done_so_far() {
        let seen = SeenTrace::new();
        let mut trace = Trace::default();
        assert_eq!(seen.now(), trace);
        for step in Step::ALL.iter().chain(Step::ALL) {
            trace.push(*step, *step == Step::Pass);
            seen.grow(&trace);
            assert_eq!(seen.now(), trace);
        }
        assert_eq!(trace.octets().len(), TRACE_STEPS_MAX);
    }
}
