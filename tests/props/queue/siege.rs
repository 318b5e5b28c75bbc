//! An owner and a crowd of strangers at one lock.

use super::lane;
use popgate::lock::queue::{Effect, Input, Lane, LockQueue, Request, Ticket};
use popgate::secret::PasswordTag;
use popgate::time::{Duration, Instant};
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

proptest! {
    /// Strangers from one address do what they like, and all who hold the lock end. The owner,
    /// with one place, always gets it and keeps it, and its turn comes: in the main lane after
    /// one stranger at most beside the holder, in the other one after those before it.
    #[test]
    fn no_stranger_starves_an_owner(
        capacity in 4..8usize,
        lane in lane(),
        before in vec(stranger(), 1..40),
        after in vec(stranger(), 1..40),
    ) {
        let mut siege = Siege::new(capacity);
        before.into_iter().for_each(|deed| siege.stranger(deed));
        siege.ask(OWNER, lane, 200, 1);
        after.into_iter().for_each(|deed| siege.stranger(deed));
        siege.release_until_the_owner_holds();
        let turns_max = if lane == Lane::Main { 2 } else { capacity };
        prop_assert!(siege.turns <= turns_max);
    }
}

const OWNER: Ticket = Ticket(0);

#[derive(Clone, Copy, Debug)]
enum Deed {
    Ask(u8),
    Leave(u64),
    Refused,
    End,
    Pass(Duration),
}

fn stranger() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..9u8).prop_map(Deed::Ask),
        1 => (0..40u64).prop_map(Deed::Leave),
        1 => Just(Deed::Refused),
        1 => Just(Deed::End),
        1 => (0..8_000u64).prop_map(|ms| Deed::Pass(Duration::from_millis(ms))),
    ]
}

struct Siege {
    queue: LockQueue,
    capacity: usize,
    now: Instant,
    asked: u64,
    owner_asked: bool,
    /// Ends of a holder that the owner waited for.
    turns: usize,
}

impl Siege {
    fn new(capacity: usize) -> Self {
        Self {
            queue: LockQueue::default(),
            capacity,
            now: Instant::now(),
            asked: 0,
            owner_asked: false,
            turns: 0,
        }
    }

    fn stranger(&mut self, deed: Deed) {
        let holder = self.queue.holder();
        match deed {
            Deed::Ask(password) => {
                self.asked += 1;
                self.ask(Ticket(self.asked), Lane::Unproven, password, 2);
            }
            Deed::Leave(ticket) => self.apply(Input::Withdraw(Ticket(ticket + 1))),
            Deed::Pass(time) => self.now += time,
            Deed::Refused | Deed::End if holder == Some(OWNER) => {}
            Deed::Refused => holder
                .into_iter()
                .for_each(|holder| self.apply(Input::Refused(holder))),
            Deed::End => holder.into_iter().for_each(|holder| self.end(holder)),
        }
    }

    fn ask(&mut self, ticket: Ticket, lane: Lane, password: u8, block: u8) {
        self.owner_asked |= ticket == OWNER;
        self.apply(Input::Request(Request {
            ticket,
            lane,
            password: PasswordTag::from_bytes([password; 32]),
            prefix: IpAddr::V4(Ipv4Addr::new(192, 0, 2, block)).into(),
            capacity: self.capacity,
            until: self.now + Duration::from_secs(22),
        }));
    }

    fn end(&mut self, holder: Ticket) {
        self.turns += usize::from(self.owner_asked);
        self.apply(Input::Release(holder));
    }

    fn release_until_the_owner_holds(&mut self) {
        while let Some(holder) = self.queue.holder().filter(|holder| *holder != OWNER) {
            self.end(holder);
        }
        assert_eq!(self.queue.holder(), Some(OWNER));
    }

    fn apply(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.queue.apply(input, self.now, &mut effects);
        let is_lost = |effect: &Effect| match effect {
            Effect::Refused(ticket) | Effect::Evicted { ticket, .. } => *ticket == OWNER,
            _ => false,
        };
        assert!(!effects.iter().any(is_lost), "the owner lost its place");
    }
}
