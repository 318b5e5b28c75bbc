//! Which locks have changed, gathered for whoever shows them.

use super::event::Event;
use super::hub::{EventSink, Stamped};
use crate::ids::MaildropKey;
use crate::limits::CHANGED_LOCKS_MAX;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The locks that have changed since somebody took them.
///
/// A sink and no subscription: a subscription has all events of all sessions, and wakes its reader
/// for each. This costs a session a look at a flag while nobody asks, and a push for each change of
/// its lock while somebody does.
#[derive(Debug, Default)]
pub struct ChangedLocks {
    gathers: AtomicBool,
    gathered: Mutex<Gathered>,
}

#[derive(Debug, Default)]
struct Gathered {
    /// In the order of their changes; a lock may be there several times.
    keys: Vec<MaildropKey>,
    /// Whether there were more than [`CHANGED_LOCKS_MAX`].
    some_are_lost: bool,
}

impl ChangedLocks {
    /// Gathers from now on, from nothing; or does no longer.
    pub fn gather(&self, gathers: bool) {
        // Before it is emptied, so that nothing comes behind that: a sink looks at the flag first.
        self.gathers.store(gathers, Ordering::SeqCst);
        *self.gathered() = Gathered::default();
    }

    /// The locks that have changed since the last call; a lock may be there several times. None
    /// where some of them are not known.
    #[must_use]
    pub fn take(&self) -> Option<Vec<MaildropKey>> {
        let gathered = mem::take(&mut *self.gathered());
        (!gathered.some_are_lost).then_some(gathered.keys)
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for ChangedLocks {
    fn handle(&self, event: &Stamped) {
        let Event::Lock(lock) = &event.event else {
            return;
        };
        let Some(key) = lock.key() else { return };
        if !self.gathers.load(Ordering::SeqCst) {
            return;
        }
        let mut gathered = self.gathered();
        if gathered.keys.len() < CHANGED_LOCKS_MAX {
            gathered.keys.push(key.clone());
        } else {
            gathered.some_are_lost = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserName;
    use crate::observe::event::{LockChange, LockEvent};
    use crate::observe::hub::EventHub;
    use crate::time::WallClock;
    use std::sync::Arc;

    struct Told {
        locks: Arc<ChangedLocks>,
        hub: EventHub,
    }

    impl Told {
        fn new() -> Self {
            let locks = Arc::new(ChangedLocks::default());
            let sink = Arc::clone(&locks) as Arc<dyn EventSink>;
            Self {
                locks,
                hub: EventHub::new(WallClock::System, vec![sink]),
            }
        }

        fn tell(&self, name: &str) {
            self.hub.emit(Event::Lock(LockEvent::Changed {
                key: MaildropKey::new(&Arc::from([]), &UserName::new(name.as_bytes())),
                change: LockChange::Moved,
            }));
        }

        fn taken(&self) -> Option<Vec<String>> {
            let keys = self.locks.take()?;
            Some(keys.iter().map(ToString::to_string).collect())
        }
    }

    #[test]
    fn what_changes_is_gathered_while_somebody_asks_and_taken_once() {
        let told = Told::new();
        told.tell("early");
        told.locks.gather(true);
        told.tell("ann");
        told.tell("ben");
        told.tell("ann");
        assert_eq!(told.taken().unwrap(), ["ann", "ben", "ann"]);
        assert_eq!(told.taken().unwrap(), [""; 0]);
        told.tell("late");
        told.locks.gather(false);
        told.tell("later");
        told.locks.gather(true);
        assert_eq!(told.taken().unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_too_much_is_not_kept_and_that_is_told_once() {
        let told = Told::new();
        told.locks.gather(true);
        for _ in 0..=CHANGED_LOCKS_MAX {
            told.tell("ann");
        }
        assert_eq!(told.locks.gathered().keys.len(), CHANGED_LOCKS_MAX);
        assert_eq!(told.taken(), None);
        told.tell("ann");
        assert_eq!(told.taken().unwrap(), ["ann"]);
    }
}
