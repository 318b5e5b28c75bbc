//! `LockQueue` under random scripts, against a model that knows only what was asked and which
//! effects were told, and that counts everything anew at each step.

mod siege;

use popgate::ids::ClientPrefix;
use popgate::lock::queue::{
    Authority, Effect, HolderStatement, Input, Lane, LaneStatement, LeaseChange, LockQueue,
    Request, Statement, Ticket,
};
use popgate::secret::PasswordTag;
use popgate::time::{Duration, Instant};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

const STEPS_MAX: usize = 150;

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask {
        lane: Lane,
        password: u8,
        block: u8,
        budget_s: u64,
    },
    /// An input about a ticket, which may be in any state, or unknown.
    About(fn(Ticket) -> Input, usize),
    /// An input about the holder, which is never out of date.
    Holder(fn(Ticket) -> Input),
    Lease(LeaseChange),
    Authority(Authority),
    Elsewhere(bool),
    Pass(Duration),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (lane(), 0..6u8, 0..4u8, 1..30u64)
            .prop_map(|(lane, password, block, budget_s)| Step::Ask { lane, password, block, budget_s }),
        2 => (any_input(), 0..STEPS_MAX).prop_map(|(input, ticket)| Step::About(input, ticket)),
        1 => (0..STEPS_MAX).prop_map(|ticket| Step::About(Input::Withdraw, ticket)),
        3 => Just(Step::Holder(Input::Release)),
        1 => Just(Step::Holder(Input::Accepted)),
        1 => Just(Step::Holder(Input::Refused)),
        1 => Just(Step::Holder(Input::Begin)),
        1 => any::<bool>().prop_map(Step::Elsewhere),
        3 => (0..8_000u64).prop_map(|ms| Step::Pass(Duration::from_millis(ms))),
    ]
}

/// Leases come and go when they like, whether they were asked for or not.
fn step_with_leases() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => step(),
        2 => lane().prop_map(|lane| Step::Lease(LeaseChange::Granted { lane })),
        1 => Just(Step::Lease(LeaseChange::Lost)),
    ]
}

/// And so does whoever grants them, so that the queue goes on by itself for a while.
fn step_with_outages() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => step_with_leases(),
        1 => Just(Step::Authority(Authority::Local)),
        1 => Just(Step::Authority(Authority::Leased)),
    ]
}

fn lane() -> impl Strategy<Value = Lane> {
    prop_oneof![1 => Just(Lane::Main), 2 => Just(Lane::Unproven)]
}

fn any_input() -> impl Strategy<Value = fn(Ticket) -> Input> {
    let inputs: [fn(Ticket) -> Input; 6] = [
        Input::Withdraw,
        Input::Accepted,
        Input::Refused,
        Input::Release,
        Input::Begin,
        Input::Pause,
    ];
    proptest::sample::select(inputs.to_vec())
}

proptest! {
    #[test]
    fn a_lock_queue_keeps_its_promises(capacity in 0..7usize, script in vec(step(), 1..STEPS_MAX)) {
        Run::new(Authority::Local, capacity).play(script);
    }

    /// The same where the right to serve comes from outside: at most one holder, nobody granted
    /// without a lease, in order within the lane that the lease names; no waiter is lost, and a
    /// lease that is lost serves nobody until it is granted again.
    #[test]
    fn a_lock_queue_with_leases_keeps_its_promises(
        capacity in 0..7usize,
        script in vec(step_with_leases(), 1..STEPS_MAX),
    ) {
        Run::new(Authority::Leased, capacity).play(script);
    }

    #[test]
    fn a_lock_queue_whose_leases_fail_keeps_its_promises(
        capacity in 0..7usize,
        script in vec(step_with_outages(), 1..STEPS_MAX),
    ) {
        Run::new(Authority::Leased, capacity).play(script);
    }

    #[test]
    fn a_local_lock_queue_is_deaf_to_leases(
        capacity in 0..7usize,
        script in vec(step_with_leases(), 1..STEPS_MAX),
    ) {
        Run::new(Authority::Local, capacity).play(script);
    }
}

/// One script under way: the queue and the model side by side.
struct Run {
    queue: LockQueue,
    capacity: usize,
    now: Instant,
    asked: u64,
    model: Model,
}

impl Run {
    fn new(authority: Authority, capacity: usize) -> Self {
        Self {
            queue: LockQueue::new(authority),
            capacity,
            now: Instant::now(),
            asked: 0,
            model: Model {
                is_leased: authority == Authority::Leased,
                ..Model::default()
            },
        }
    }

    fn play(mut self, script: Vec<Step>) {
        for step in script {
            self.step(step);
        }
        self.drain();
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Ask {
                lane,
                password,
                block,
                budget_s,
            } => self.ask(lane, password, block, budget_s),
            Step::About(input, ticket) => self.apply(input(Ticket(ticket as u64))),
            Step::Holder(input) => {
                if let Some(holder) = self.model.holder {
                    self.apply(input(holder));
                }
            }
            Step::Lease(change) => self.apply(Input::Lease(change)),
            Step::Authority(authority) => self.apply(Input::Authority(authority)),
            Step::Elsewhere(somebody) => self.apply(Input::WaitersElsewhere(somebody)),
            Step::Pass(time) => self.now += time,
        }
    }

    fn ask(&mut self, lane: Lane, password: u8, block: u8, budget_s: u64) {
        self.asked += 1;
        self.apply(Input::Request(Request {
            ticket: Ticket(self.asked),
            lane,
            password: PasswordTag::from_bytes([password; 32]),
            prefix: IpAddr::V4(Ipv4Addr::new(192, 0, 2, block)).into(),
            capacity: self.capacity,
            until: self.now + Duration::from_secs(budget_s),
        }));
    }

    fn apply(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.queue.apply(input.clone(), self.now, &mut effects);
        self.model.take(input, self.now, &effects);
        self.model.check_bounds(self.capacity);
        self.compare();
    }

    /// What the queue says of itself agrees with what it told.
    fn compare(&self) {
        let (queue, model) = (&self.queue, &self.model);
        let line: Vec<&Waiter> = model.main.iter().chain(&model.unproven).collect();
        assert_eq!(queue.holder(), model.holder);
        assert_eq!(queue.waiters(), line.len());
        assert_eq!(
            queue.is_empty(),
            model.holder.is_none() && model.is_nobody_waiting()
        );
        assert_eq!(queue.is_contended(), model.is_contended());
        let oldest = line.iter().map(|waiter| self.now - waiter.since).max();
        let progress = queue.wait_progress(self.now);
        assert_eq!(progress.longest, oldest.unwrap_or_default());
        assert_eq!(queue.statement(), model.statement());
        for (ahead, waiter) in line.iter().enumerate() {
            assert_eq!(queue.ahead_of(waiter.ticket), Some(ahead));
        }
    }

    /// Every second waiter leaves, every holder ends: then nothing is left, and every ticket
    /// has ended.
    fn drain(&mut self) {
        let waiting = self.model.main.iter().chain(&self.model.unproven);
        let leaving: Vec<Ticket> = waiting.map(|waiter| waiter.ticket).step_by(2).collect();
        for ticket in leaving {
            self.apply(Input::Withdraw(ticket));
        }
        while !self.queue.is_empty() {
            match self.model.holder {
                Some(holder) => self.apply(Input::Release(holder)),
                None => self.apply(Input::Lease(LeaseChange::Granted {
                    lane: if self.model.main.is_empty() {
                        Lane::Unproven
                    } else {
                        Lane::Main
                    },
                })),
            }
        }
        assert!(self.queue.is_empty());
        let all: BTreeSet<Ticket> = (1..=self.asked).map(Ticket).collect();
        assert_eq!(self.model.ended, all);
    }
}

#[derive(Clone, Debug)]
struct Waiter {
    ticket: Ticket,
    lane: Lane,
    password: PasswordTag,
    prefix: ClientPrefix,
    since: Instant,
    half: Instant,
    until: Instant,
    capacity: usize,
}

impl Waiter {
    fn new(request: &Request, now: Instant) -> Self {
        Self {
            ticket: request.ticket,
            lane: request.lane,
            password: request.password,
            prefix: request.prefix,
            since: now,
            half: now + (request.until - now) / 2,
            until: request.until,
            capacity: request.capacity,
        }
    }
}

fn lane_statement(lane: &[Waiter]) -> Option<LaneStatement> {
    let oldest = lane.first()?;
    Some(LaneStatement {
        since: oldest.since,
        half: oldest.half,
        until: lane.iter().map(|waiter| waiter.until).max()?,
    })
}

#[derive(Default)]
struct Model {
    is_leased: bool,
    waiters_elsewhere: bool,
    holder: Option<Ticket>,
    holding: Option<HolderStatement>,
    holders_password: Option<PasswordTag>,
    main: Vec<Waiter>,
    unproven: Vec<Waiter>,
    ended: BTreeSet<Ticket>,
    /// All turns so far: whether each came from the main lane.
    turns: Vec<bool>,
    told_contended: bool,
    told_head: Option<Ticket>,
}

impl Model {
    fn take(&mut self, input: Input, now: Instant, effects: &[Effect]) {
        let (told, rest): (Vec<Effect>, Vec<Effect>) = effects
            .iter()
            .partition(|effect| matches!(effect, Effect::Contended(_) | Effect::Head(_)));
        match input {
            Input::Request(request) => self.requested(&Waiter::new(&request, now), now, &rest),
            Input::Withdraw(ticket) => self.withdrawn(ticket, &rest),
            Input::Accepted(ticket) => self.accepted(ticket, &rest),
            Input::Refused(ticket) => self.refused(ticket, &rest),
            Input::Release(ticket) => self.released(ticket, now, &rest),
            Input::Lease(change) => self.lease_changed(change, now, &rest),
            Input::Authority(authority) => self.authority_changed(authority, now, &rest),
            Input::Begin(ticket) => self.set_begun(ticket, true, &rest),
            Input::Pause(ticket) => self.set_begun(ticket, false, &rest),
            Input::WaitersElsewhere(somebody) => {
                assert_eq!(rest, []);
                self.waiters_elsewhere = somebody;
            }
        }
        let granted = rest
            .iter()
            .any(|effect| matches!(effect, Effect::Granted(_)));
        self.told(&told, granted);
        assert_eq!(
            effects,
            [rest, told].concat(),
            "changes come before what is told of them"
        );
    }

    fn set_begun(&mut self, ticket: Ticket, has_begun: bool, effects: &[Effect]) {
        assert_eq!(effects, []);
        if self.holder == Some(ticket) {
            self.holding = self.holding.map(|holding| HolderStatement {
                has_begun,
                ..holding
            });
        }
    }

    fn requested(&mut self, newcomer: &Waiter, now: Instant, effects: &[Effect]) {
        if self.holder.is_none() && !self.is_leased {
            assert_eq!(effects, [Effect::Granted(newcomer.ticket)]);
            return self.grant(newcomer, now);
        }
        if self.holder.is_none() && self.is_nobody_waiting() {
            assert_eq!(effects, [], "whatever the capacity is");
            return self.lane(newcomer.lane).push(newcomer.clone());
        }
        let mut expected = match newcomer.lane {
            Lane::Main => self.promote(newcomer.password),
            Lane::Unproven => Vec::new(),
        };
        let lost = self.enter(newcomer);
        let newcomer_lost = [newcomer.ticket] == lost[..];
        expected.extend(evictions(&lost, newcomer_lost));
        assert_eq!(effects, expected);
    }

    fn withdrawn(&mut self, ticket: Ticket, effects: &[Effect]) {
        assert_eq!(effects, []);
        for lane in [&mut self.main, &mut self.unproven] {
            if lane.iter().any(|waiter| waiter.ticket == ticket) {
                lane.retain(|waiter| waiter.ticket != ticket);
                assert!(self.ended.insert(ticket));
            }
        }
    }

    fn accepted(&mut self, ticket: Ticket, effects: &[Effect]) {
        let password = self
            .holders_password
            .filter(|_| self.holder == Some(ticket));
        let expected = password.map_or_else(Vec::new, |password| self.promote(password));
        assert_eq!(effects, expected);
    }

    /// All that wait with this password go to the end of the main lane.
    fn promote(&mut self, password: PasswordTag) -> Vec<Effect> {
        let mut expected = Vec::new();
        for mut waiter in self.unproven.clone() {
            if waiter.password == password {
                self.unproven.retain(|other| other.ticket != waiter.ticket);
                waiter.lane = Lane::Main;
                let lost = self.enter(&waiter);
                expected.extend(evictions(&lost, false));
                if lost != [waiter.ticket] {
                    expected.push(Effect::Promoted(waiter.ticket));
                }
            }
        }
        expected
    }

    fn refused(&mut self, ticket: Ticket, effects: &[Effect]) {
        let mut expected = Vec::new();
        if self.holder == Some(ticket) {
            for lane in [&mut self.main, &mut self.unproven] {
                let hit =
                    lane.extract_if(.., |waiter| Some(waiter.password) == self.holders_password);
                expected.extend(hit.map(|waiter| waiter.ticket));
            }
        }
        for ticket in &expected {
            assert!(self.ended.insert(*ticket));
        }
        let expected: Vec<Effect> = expected.into_iter().map(Effect::Refused).collect();
        assert_eq!(effects, expected);
    }

    fn released(&mut self, ticket: Ticket, now: Instant, effects: &[Effect]) {
        if self.holder != Some(ticket) {
            return assert_eq!(effects, []);
        }
        self.holder = None;
        self.holding = None;
        assert!(self.ended.insert(ticket));
        if self.is_leased {
            return assert_eq!(effects, [], "the next turn needs another lease");
        }
        let Some(next) = self.next(now) else {
            return assert_eq!(effects, []);
        };
        assert_eq!(effects, [Effect::Granted(next.ticket)]);
        self.grant(&next, now);
    }

    fn lease_changed(&mut self, change: LeaseChange, now: Instant, effects: &[Effect]) {
        if !self.is_leased {
            return assert_eq!(effects, []);
        }
        match change {
            LeaseChange::Granted { lane }
                if self.holder.is_none() && !self.lane(lane).is_empty() =>
            {
                let next = self.lane(lane).remove(0);
                assert_eq!(effects, [Effect::Granted(next.ticket)]);
                self.grant(&next, now);
            }
            _ => assert_eq!(effects, []),
        }
    }

    /// Whoever waits is served by the queue itself from then on, or by leases.
    fn authority_changed(&mut self, authority: Authority, now: Instant, effects: &[Effect]) {
        let was_leased = self.is_leased;
        self.is_leased = authority == Authority::Leased;
        if !was_leased || self.is_leased || self.holder.is_some() {
            return assert_eq!(effects, []);
        }
        let Some(next) = self.next(now) else {
            return assert_eq!(effects, []);
        };
        assert_eq!(effects, [Effect::Granted(next.ticket)]);
        self.grant(&next, now);
    }

    fn statement(&self) -> Statement {
        Statement {
            holder: self.holding,
            main: lane_statement(&self.main),
            unproven: lane_statement(&self.unproven),
        }
    }

    fn is_nobody_waiting(&self) -> bool {
        self.main.is_empty() && self.unproven.is_empty()
    }

    fn is_contended(&self) -> bool {
        !self.main.is_empty() || self.waiters_elsewhere
    }

    fn lane(&mut self, lane: Lane) -> &mut Vec<Waiter> {
        match lane {
            Lane::Main => &mut self.main,
            Lane::Unproven => &mut self.unproven,
        }
    }

    /// The front of a lane: first come, first served. A stranger's turn before a waiter of the
    /// main lane is one in four at most.
    fn next(&mut self, now: Instant) -> Option<Waiter> {
        let is_due = self
            .unproven
            .first()
            .is_some_and(|waiter| now >= waiter.half);
        let may = self.turns.iter().rev().take(3).all(|is_main| *is_main);
        let lane = if self.main.is_empty() || is_due && may {
            &mut self.unproven
        } else {
            &mut self.main
        };
        (!lane.is_empty()).then(|| lane.remove(0))
    }

    fn grant(&mut self, waiter: &Waiter, now: Instant) {
        assert_eq!(self.holder, None, "mutual exclusion");
        self.holding = Some(HolderStatement {
            lane: waiter.lane,
            since: now,
            has_begun: false,
        });
        assert!(!self.ended.contains(&waiter.ticket));
        self.holder = Some(waiter.ticket);
        self.holders_password = Some(waiter.password);
        self.turns.push(waiter.lane == Lane::Main);
        self.told_contended = false;
    }

    /// A newcomer at the end of its lane, and who is lost for it: perhaps itself.
    fn enter(&mut self, newcomer: &Waiter) -> Vec<Ticket> {
        let lane = self.lane(newcomer.lane);
        lane.push(newcomer.clone());
        let lost = overflow(lane, newcomer);
        lane.retain(|waiter| !lost.contains(&waiter.ticket));
        for ticket in &lost {
            assert!(self.ended.insert(*ticket));
        }
        lost
    }

    fn told(&mut self, told: &[Effect], granted: bool) {
        let mut expected = Vec::new();
        let contended = self.is_contended();
        if self.holder.is_some() && contended != self.told_contended {
            expected.push(Effect::Contended(contended));
            self.told_contended = contended;
        }
        assert!(!granted || !expected.contains(&Effect::Contended(false)));
        let head = self.main.first().map(|waiter| waiter.ticket);
        if head != self.told_head {
            expected.extend(head.map(Effect::Head));
            self.told_head = head;
        }
        assert_eq!(told, expected);
    }

    fn check_bounds(&self, capacity: usize) {
        // One may wait for the lease alone.
        let capacity_here = capacity.max(usize::from(self.is_leased));
        assert!(self.main.len() <= capacity_here);
        assert!(self.unproven.len() <= capacity_here);
        let passwords = distinct(self.unproven.iter());
        assert!(passwords <= (capacity / 2).max(1));
        assert!(self.holder.is_some() || self.is_nobody_waiting() || self.is_leased);
    }
}

fn evictions(lost: &[Ticket], newcomer: bool) -> Vec<Effect> {
    let evicted = |ticket: &Ticket| Effect::Evicted {
        ticket: *ticket,
        newcomer,
    };
    lost.iter().map(evicted).collect()
}

/// Who is lost where `lane`, whose last waiter is the newcomer, breaks a bound: the last of the
/// groups that stand least firmly, where a group is a waiter or, if there are too many
/// passwords, all who share one.
fn overflow(lane: &[Waiter], newcomer: &Waiter) -> Vec<Ticket> {
    let bound = (newcomer.capacity / 2).max(1);
    let by_password = newcomer.lane == Lane::Unproven && distinct(lane.iter()) > bound;
    if !by_password && lane.len() <= newcomer.capacity {
        return Vec::new();
    }
    let mut groups: BTreeMap<usize, Vec<&Waiter>> = BTreeMap::new();
    for (place, waiter) in lane[..lane.len() - 1].iter().enumerate() {
        let shares = |other: &Waiter| by_password && other.password == waiter.password;
        let first = lane.iter().position(shares).unwrap_or(place);
        groups.entry(first).or_default().push(waiter);
    }
    let has = |waiter: &Waiter| {
        let block = lane.iter().filter(|other| other.prefix == waiter.prefix);
        if by_password {
            distinct(block)
        } else {
            block.count()
        }
    };
    let greed = |group: &[&Waiter]| group.iter().map(|waiter| has(waiter)).min();
    let loser = groups.into_values().max_by_key(|group| greed(group));
    let loser = loser.filter(|group| greed(group) > Some(has(newcomer)));
    let lost = loser.unwrap_or_else(|| vec![newcomer]);
    lost.iter().map(|waiter| waiter.ticket).collect()
}

fn distinct<'a>(waiters: impl Iterator<Item = &'a Waiter>) -> usize {
    let mut passwords: Vec<PasswordTag> = Vec::new();
    for waiter in waiters {
        if !passwords.contains(&waiter.password) {
            passwords.push(waiter.password);
        }
    }
    passwords.len()
}
