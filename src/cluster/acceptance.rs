//! Which passwords backends accepted at other gates.
//!
//! What the engine says moves a login to the main lane and past blocks. It lets nobody in: the
//! backend is asked each time.

use super::link::{EngineLink, LinkError};
use crate::admission::TellsElsewhere;
use crate::bounded::ExpiringLruMap;
use crate::limits::{
    CLUSTER_ACCEPTANCE_AGAIN, CLUSTER_ACCEPTANCE_BELIEVED, CLUSTER_ACCEPTANCES_MAX, CLUSTER_BEAT,
    CLUSTER_LOOKUPS_MAX,
};
use crate::observe::event::{CallResult, ClusterEvent, EngineCall, Event};
use crate::observe::hub::EventHub;
use crate::secret::PasswordTag;
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::sleep;

/// The engine of now, if there is a connection to it.
pub(super) type EngineWatch = watch::Receiver<Option<Arc<dyn EngineLink>>>;

/// Which passwords backends accepted at other gates.
#[derive(Clone)]
pub struct AcceptedElsewhere {
    link: EngineWatch,
    news: Arc<News>,
    lookups: Arc<Semaphore>,
    /// Passwords that the engine was asked about in vain.
    unanswered: Arc<Mutex<ExpiringLruMap<u64, (), Instant>>>,
    events: Arc<EventHub>,
}

impl AcceptedElsewhere {
    /// And the task that tells the engine what backends said here.
    pub fn new(
        link: EngineWatch,
        events: Arc<EventHub>,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let news = Arc::new(News::default());
        let telling = tell(Arc::clone(&news), link.clone(), Arc::clone(&events));
        let elsewhere = Self {
            link,
            news,
            lookups: Arc::new(Semaphore::new(CLUSTER_LOOKUPS_MAX)),
            unanswered: Arc::new(Mutex::new(ExpiringLruMap::new(CLUSTER_ACCEPTANCES_MAX))),
            events,
        };
        (elsewhere, telling)
    }

    /// How much longer a password counts as accepted at another gate; `None`: it does not, or the
    /// engine does not say in time.
    pub async fn look_up(&self, tag: PasswordTag) -> Option<Duration> {
        let answer = self.ask(tag.short()).await;
        let now = Instant::now();
        let mut unanswered = self.unanswered();
        match answer {
            Some(_) => unanswered.remove(&tag.short()),
            None => {
                let until = now + CLUSTER_ACCEPTANCE_BELIEVED;
                unanswered.insert(tag.short(), (), until, now);
            }
        }
        answer.flatten()
    }

    /// `None`: there is no answer.
    async fn ask(&self, tag: u64) -> Option<Option<Duration>> {
        let began = Instant::now();
        // Beyond that many at a time nobody waits for an answer: somebody guesses.
        let Ok(_place) = self.lookups.try_acquire() else {
            tell_called(&self.events, CallResult::Dropped, began);
            return None;
        };
        let link = self.link.borrow().clone()?;
        let answer = link.accepted(tag).await;
        tell_called(&self.events, result_of(&answer), began);
        answer.ok()
    }

    fn unanswered(&self) -> MutexGuard<'_, ExpiringLruMap<u64, (), Instant>> {
        let unanswered = self.unanswered.lock();
        unanswered.unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when the engine has heard what backends said here.
    pub async fn all_told(&self) {
        let mut is_told = self.news.is_told.subscribe();
        // An error: nobody can say anything any more.
        let _ = is_told.wait_for(|is_told| *is_told).await;
    }
}

impl TellsElsewhere for AcceptedElsewhere {
    /// What finds no room is not told: another gate has its owner wait in the lane of strangers
    /// once more.
    fn backend_said(&self, tag: PasswordTag, is_accepted: bool) {
        let now = Instant::now();
        let dropped = self.news.change(|waiting| {
            let dropped = waiting.say(tag.short(), is_accepted, now, CLUSTER_ACCEPTANCES_MAX);
            self.news.is_told.send_replace(false);
            dropped
        });
        self.news.changed.notify_one();
        if dropped {
            tell_called(&self.events, CallResult::Dropped, now);
        }
    }

    fn may_know(&self, tag: PasswordTag) -> bool {
        self.unanswered().contains(&tag.short(), Instant::now())
    }
}

/// What backends said here and the engine has not heard.
struct News {
    waiting: Mutex<UntoldPasswords>,
    changed: Notify,
    is_told: watch::Sender<bool>,
}

impl Default for News {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            changed: Notify::new(),
            is_told: watch::Sender::new(true),
        }
    }
}

impl News {
    fn change<T>(&self, change: impl FnOnce(&mut UntoldPasswords) -> T) -> T {
        let waiting = self.waiting.lock();
        change(&mut waiting.unwrap_or_else(PoisonError::into_inner))
    }

    /// The one that waits longest.
    fn next(&self) -> Option<(u64, Saying)> {
        self.change(|waiting| {
            let next = waiting.next(Instant::now());
            self.is_told.send_replace(next.is_none());
            next
        })
    }
}

/// Of each password what was said last, in the order in which it was said.
#[derive(Default)]
struct UntoldPasswords {
    places: HashMap<u64, u64>,
    sayings: BTreeMap<u64, Saying>,
    last: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Saying {
    tag: u64,
    is_accepted: bool,
    at: Instant,
}

impl UntoldPasswords {
    /// Returns whether there was no room for all, so that the oldest is not told.
    fn say(&mut self, tag: u64, is_accepted: bool, at: Instant, most: usize) -> bool {
        self.last += 1;
        if let Some(before) = self.places.insert(tag, self.last) {
            self.sayings.remove(&before);
        }
        let saying = Saying {
            tag,
            is_accepted,
            at,
        };
        self.sayings.insert(self.last, saying);
        let is_full = self.sayings.len() > most;
        if is_full && let Some((_, oldest)) = self.sayings.pop_first() {
            self.places.remove(&oldest.tag);
        }
        is_full
    }

    /// The oldest, with its place. That a password was accepted half a day ago is not told any
    /// more: the engine would keep it for a day from now on.
    fn next(&mut self, now: Instant) -> Option<(u64, Saying)> {
        loop {
            let (place, saying) = self.sayings.first_key_value()?;
            let age = now.saturating_duration_since(saying.at);
            if !saying.is_accepted || age < CLUSTER_ACCEPTANCE_AGAIN {
                return Some((*place, *saying));
            }
            let place = *place;
            self.told(place);
        }
    }

    fn told(&mut self, place: u64) {
        if let Some(saying) = self.sayings.remove(&place) {
            self.places.remove(&saying.tag);
        }
    }
}

async fn tell(news: Arc<News>, mut link: EngineWatch, events: Arc<EventHub>) {
    loop {
        let engine = match link.wait_for(Option::is_some).await {
            Ok(engine) => engine.clone(),
            Err(_) => return,
        };
        let Some((engine, (place, saying))) = engine.zip(news.next()) else {
            news.changed.notified().await;
            continue;
        };
        let began = Instant::now();
        let answer = match saying.is_accepted {
            true => engine.put_accepted(saying.tag).await,
            false => engine.remove_accepted(saying.tag).await,
        };
        tell_called(&events, result_of(&answer), began);
        match answer {
            Ok(()) => news.change(|waiting| waiting.told(place)),
            Err(_) => sleep(CLUSTER_BEAT).await,
        }
    }
}

fn result_of<T>(answer: &Result<T, LinkError>) -> CallResult {
    answer
        .as_ref()
        .map_or_else(LinkError::result, |_| CallResult::Answered)
}

fn tell_called(events: &EventHub, result: CallResult, began: Instant) {
    events.emit(Event::Cluster(ClusterEvent::Called {
        call: EngineCall::Acceptance,
        result,
        took: began.elapsed(),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Moment, WallClock};
    use jiff::Timestamp;

    fn waiting(waiting: &mut UntoldPasswords, now: Instant) -> Vec<(u64, bool)> {
        let mut all = Vec::new();
        while let Some((place, saying)) = waiting.next(now) {
            all.push((saying.tag, saying.is_accepted));
            waiting.told(place);
        }
        assert!(waiting.places.is_empty() && waiting.sayings.is_empty());
        all
    }

    #[test]
    fn of_each_password_what_was_said_last_is_told_in_order() {
        let now = Instant::now();
        let mut news = UntoldPasswords::default();
        for (tag, is_accepted) in [(1, true), (2, true), (1, false), (3, false)] {
            assert!(!news.say(tag, is_accepted, now, 3));
        }
        assert_eq!(waiting(&mut news, now), [(2, true), (1, false), (3, false)]);
    }

    #[test]
    fn what_is_said_while_the_engine_is_told_is_told_too() {
        let now = Instant::now();
        let mut news = UntoldPasswords::default();
        news.say(1, true, now, 3);
        let (place, _) = news.next(now).unwrap();
        news.say(1, false, now, 3);
        news.told(place);
        assert_eq!(waiting(&mut news, now), [(1, false)]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_could_not_be_asked_may_know_a_password_for_a_minute() {
        let wall = WallClock::From(Moment {
            instant: Instant::now(),
            wall: Timestamp::UNIX_EPOCH,
        });
        let (_, no_engine) = watch::channel(None);
        let events = Arc::new(EventHub::new(wall, Vec::new()));
        let (elsewhere, _) = AcceptedElsewhere::new(no_engine, events);
        let tag = PasswordTag::from_bytes([1; 32]);
        assert!(!elsewhere.may_know(tag));
        assert_eq!(elsewhere.look_up(tag).await, None);
        assert!(elsewhere.may_know(tag));
        tokio::time::advance(CLUSTER_ACCEPTANCE_BELIEVED).await;
        assert!(!elsewhere.may_know(tag));
    }

    #[test]
    fn where_there_is_no_room_the_oldest_is_not_told() {
        let now = Instant::now();
        let mut news = UntoldPasswords::default();
        for tag in 1..=3 {
            assert!(!news.say(tag, true, now, 3));
        }
        assert!(!news.say(1, true, now, 3), "it is among them");
        assert!(news.say(4, true, now, 3));
        assert_eq!(waiting(&mut news, now), [(3, true), (1, true), (4, true)]);
    }

    #[test]
    fn a_password_that_was_accepted_half_a_day_ago_is_told_with_its_next_login() {
        let now = Instant::now();
        let mut news = UntoldPasswords::default();
        news.say(1, true, now, 3);
        news.say(2, false, now, 3);
        news.say(3, true, now + Duration::from_secs(1), 3);
        let later = now + CLUSTER_ACCEPTANCE_AGAIN;
        assert_eq!(waiting(&mut news, later), [(2, false), (3, true)]);
    }
}
