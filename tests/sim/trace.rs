//! What happened, line by line: shown where a seed is replayed, and always part of the digest that
//! tells whether a replay is exact.

use crate::lock;
use popgate::time::Instant;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Trace {
    start: Instant,
    aloud: bool,
    digest: AtomicU64,
    faults: Mutex<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(aloud: bool) -> Self {
        Self {
            start: Instant::now(),
            aloud,
            digest: AtomicU64::new(0),
            faults: Mutex::default(),
        }
    }

    pub(crate) fn say(&self, what: &str) {
        let line = format!("{:9.3} {what}", self.start.elapsed().as_secs_f64());
        let mut hasher = DefaultHasher::new();
        (self.digest(), &line).hash(&mut hasher);
        self.digest.store(hasher.finish(), Ordering::Relaxed);
        if self.aloud {
            println!("{line}");
        }
    }

    /// A promise is broken.
    pub(crate) fn fault(&self, what: &str) {
        self.say(&format!("BROKEN {what}"));
        let at = self.start.elapsed().as_secs_f64();
        lock(&self.faults).push(format!("{at:.3} s: {what}"));
    }

    pub(crate) fn check(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fault(&what());
        }
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest.load(Ordering::Relaxed)
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        lock(&self.faults).clone()
    }
}
