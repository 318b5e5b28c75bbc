//! A sink that panics when it hears of something.

use popgate::observe::event::Event;
use popgate::observe::hub::{EventSink, Stamped};
use std::sync::{Arc, Mutex, PoisonError};

type Fuse = Box<dyn Fn(&Event) -> bool + Send>;

/// Nothing, until it is armed.
#[derive(Default)]
pub(super) struct Bomb(Mutex<Option<Fuse>>);

impl Bomb {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// The next event of this kind makes it panic, once.
    pub(super) fn arm(&self, which: impl Fn(&Event) -> bool + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(which));
    }

    /// Whether it did.
    pub(super) fn went_off(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }
}

impl EventSink for Bomb {
    fn handle(&self, event: &Stamped) {
        let event = &event.event;
        let mut fuse = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if fuse.as_ref().is_some_and(|which| which(event)) {
            *fuse = None;
            drop(fuse);
            panic!("injected at {event:?}");
        }
    }
}
