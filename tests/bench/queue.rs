//! What a lock costs: one request and one release, idle and with sixteen waiters.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use popgate::lock::queue::{Effect, Input, Lane, LockQueue, Request, Ticket};
use popgate::secret::PasswordTag;
use popgate::time::{Duration, Instant};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

const WAITERS: u64 = 16;

fn request(ticket: u64, lane: Lane, now: Instant) -> Input {
    ask(ticket, lane, (ticket % WAITERS / 2) as u8, now)
}

fn ask(ticket: u64, lane: Lane, password: u8, now: Instant) -> Input {
    let block = (ticket % WAITERS) as u8;
    Input::Request(Request {
        ticket: Ticket(ticket),
        lane,
        password: PasswordTag::from_bytes([password; 32]),
        prefix: IpAddr::V4(Ipv4Addr::new(192, 0, 2, block)).into(),
        capacity: WAITERS as usize,
        until: now + Duration::from_secs(22),
    })
}

/// A holder with ticket 0 and sixteen waiters, 1 to 16.
fn crowd(lane: Lane, now: Instant) -> LockQueue {
    let mut queue = LockQueue::default();
    let mut effects = Vec::new();
    for ticket in 0..=WAITERS {
        queue.apply(request(ticket, lane, now), now, &mut effects);
    }
    queue
}

fn idle(criterion: &mut Criterion) {
    let now = Instant::now();
    let mut queue = LockQueue::default();
    let mut effects: Vec<Effect> = Vec::new();
    criterion.bench_function("lock_queue/idle/request_and_release", |bench| {
        bench.iter(|| {
            effects.clear();
            queue.apply(request(1, Lane::Main, now), now, &mut effects);
            queue.apply(Input::Release(Ticket(1)), now, &mut effects);
            black_box(&effects);
        });
    });
}

/// A release hands over to the first of sixteen, then a newcomer takes the free place.
fn crowded(criterion: &mut Criterion, name: &str, lane: Lane) {
    let now = Instant::now();
    let mut effects = Vec::new();
    criterion.bench_function(&format!("lock_queue/{name}/release_and_request"), |bench| {
        let mut queue = crowd(lane, now);
        let mut ticket = 0;
        bench.iter(|| {
            effects.clear();
            queue.apply(Input::Release(Ticket(ticket)), now, &mut effects);
            queue.apply(request(ticket + WAITERS + 1, lane, now), now, &mut effects);
            ticket += 1;
            black_box(&effects);
        });
    });
}

/// A newcomer with one password too many: the dearest thing that a stranger can ask for.
fn full(criterion: &mut Criterion) {
    let now = Instant::now();
    let newcomer = ask(WAITERS + 1, Lane::Unproven, u8::MAX, now);
    let mut effects = Vec::new();
    criterion.bench_function("lock_queue/full/refused_request", |bench| {
        bench.iter_batched_ref(
            || crowd(Lane::Unproven, now),
            |queue| queue.apply(newcomer.clone(), now, &mut effects),
            BatchSize::SmallInput,
        );
    });
}

fn all(criterion: &mut Criterion) {
    idle(criterion);
    crowded(criterion, "sixteen_main", Lane::Main);
    crowded(criterion, "sixteen_unproven", Lane::Unproven);
    full(criterion);
}

criterion_group!(benches, all);
criterion_main!(benches);
