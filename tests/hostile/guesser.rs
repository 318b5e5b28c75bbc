//! Somebody guesses the password of a maildrop while its owner polls.
//!
//! Scaled down, so that it is short: an owner who polls every 30 s polls 0.3 s after each poll,
//! and a backend that takes 2 s for a wrong password, as Dovecot does, takes 0.5 s for each login.
//! The guesser is not scaled: it has a thousand passwords, and its answers are not even held
//! (`failures.delay`), which would slow it down further.

use crate::fire::Gate;
use crate::regular::Polls;
use crate::strangers::{AT_HOME, Tally, connect_from, guarded, stranger, try_password};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

const PASSWORDS: usize = 1_000;

/// What the backend takes for each login, right or wrong.
const LOGIN: Duration = Duration::from_millis(500);

/// Between two polls of the owner.
const PAUSE: Duration = Duration::from_millis(300);

/// From the owner's PASS to its `+OK`: the stranger's login that has begun, its own, and what a
/// busy machine takes for connecting, handing over and answering. Two strangers before it would
/// take three times [`LOGIN`] at least, which is more.
const BOUND: Duration = Duration::from_millis(1_450);

/// `blocks.passwords_per_maildrop` by default.
const BLOCKED_AFTER: u64 = 10;

/// Different passwords that wait for a maildrop at a time: half of `queue`, which is 16.
const WAITING: u64 = 8;

/// Guessers at a time: below `connections.per_address`.
const AT_A_TIME: usize = 100;

const RULES: &str = "failures = { delay = \"0s\" }";
const BUSY: &str = "Mailbox is locked or busy";

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_guesser_is_blocked_after_ten_passwords_and_the_owner_notices_nothing() {
    let (gate, server) = guarded(RULES, LOGIN).await;
    let owner = Owner::start(gate.ports.plain).await;
    let mut tally = Tally::default();
    for number in 0..20 {
        let password = format!("guess{number}");
        let answer = try_password(stranger(0), gate.ports.plain, "ann", &password);
        tally.add(&answer.await.unwrap());
    }
    let alone = server.log().counts().auth_failures;
    let rest = Guesses::new(20, |_| stranger(0));
    timeout(
        Duration::from_secs(60),
        rest.all(gate.ports.plain, &mut tally),
    )
    .await
    .unwrap();
    let failures = server.log().counts().auth_failures;
    let polls = owner.finish().await;
    tell(
        "one address, one after the other, then 100 at a time",
        &gate,
        &tally,
        failures,
        &polls,
    )
    .await;
    assert_eq!((alone, failures), (BLOCKED_AFTER, BLOCKED_AFTER));
    assert_eq!(tally.all(), PASSWORDS);
    assert!(polls.count >= 5 && polls.slowest <= BOUND, "{polls:?}");
    assert_eq!(server.log().overlaps(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hasty_guesser_gets_no_further_than_the_queue_beyond_its_block() {
    let (gate, server) = guarded(RULES, LOGIN).await;
    let owner = Owner::start(gate.ports.plain).await;
    let mut tally = Tally::default();
    let guesses = Guesses::new(0, |_| stranger(0));
    timeout(
        Duration::from_secs(60),
        guesses.all(gate.ports.plain, &mut tally),
    )
    .await
    .unwrap();
    let failures = server.log().counts().auth_failures;
    let polls = owner.finish().await;
    tell(
        "one address, 100 at a time",
        &gate,
        &tally,
        failures,
        &polls,
    )
    .await;
    // Who waits when the block comes is tried.
    assert!(
        failures <= BLOCKED_AFTER + WAITING,
        "{failures} passwords tried"
    );
    assert!(polls.count >= 3 && polls.slowest <= BOUND, "{polls:?}");
    assert_eq!(server.log().overlaps(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessers_at_a_thousand_addresses_cost_the_owner_one_failed_login_at_a_time() {
    let (gate, server) = guarded(RULES, LOGIN).await;
    let owner = Owner::start(gate.ports.plain).await;
    let (mut tally, for_so_long) = (Tally::default(), Duration::from_secs(15));
    let guesses = Guesses::new(0, stranger);
    // They would go on for longer than the test.
    let _ = timeout(for_so_long, guesses.all(gate.ports.plain, &mut tally)).await;
    let failures = server.log().counts().auth_failures;
    let polls = owner.finish().await;
    tell(
        "a thousand addresses, 100 at a time, for 15 s",
        &gate,
        &tally,
        failures,
        &polls,
    )
    .await;
    assert!(failures >= 10, "they were not kept from trying: {failures}");
    assert!(polls.count >= 12 && polls.slowest <= BOUND, "{polls:?}");
    assert_eq!(server.log().overlaps(), 0);
}

async fn tell(manner: &str, gate: &Gate, tally: &Tally, failures: u64, polls: &Polls) {
    let blocks = gate.metric("popgate_blocks", &["blocked"]).await;
    println!(
        "{PASSWORDS} passwords, {manner}: {failures} reached the backend, {blocks} blocks; owner \
         {polls:?} (at most {BOUND:?}); told the guesser:{tally}"
    );
}

/// Passwords that are still to be tried, and where each is tried from.
struct Guesses {
    next: AtomicUsize,
    source: fn(usize) -> Ipv4Addr,
}

impl Guesses {
    fn new(first: usize, source: fn(usize) -> Ipv4Addr) -> Arc<Self> {
        Arc::new(Self {
            next: AtomicUsize::new(first),
            source,
        })
    }

    /// Tries them all, [`AT_A_TIME`].
    async fn all(self: Arc<Self>, to: SocketAddr, tally: &mut Tally) {
        let (told, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let mut guessers = JoinSet::new();
        for _ in 0..AT_A_TIME {
            guessers.spawn(Arc::clone(&self).guess(to, told.clone()));
        }
        drop(told);
        while let Some(answer) = answers.recv().await {
            tally.add(&answer);
        }
    }

    /// A guesser who is told that the maildrop is busy comes again with the same password.
    async fn guess(
        self: Arc<Self>,
        to: SocketAddr,
        told: tokio::sync::mpsc::UnboundedSender<String>,
    ) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= PASSWORDS {
                return;
            }
            let (source, password) = ((self.source)(number), format!("guess{number}"));
            loop {
                let answer = try_password(source, to, "ann", &password).await;
                let answer = answer.unwrap_or_else(|error| error.to_string());
                let busy = answer.contains(BUSY);
                // The test may have heard enough.
                let _ = told.send(answer);
                if !busy {
                    break;
                }
                sleep(LOGIN).await;
            }
        }
    }
}

/// The owner's program, which polls until it is told to stop.
struct Owner {
    stop: CancellationToken,
    polls: JoinHandle<io::Result<Polls>>,
}

impl Owner {
    /// Begins when its password is proven.
    async fn start(gate: SocketAddr) -> Self {
        poll(gate).await.unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let polls = tokio::spawn(async move {
            let mut polls = Polls::default();
            while !stopped.is_cancelled() {
                let took = poll(gate).await?;
                polls.count += 1;
                polls.slowest = polls.slowest.max(took);
                sleep(PAUSE).await;
            }
            Ok(polls)
        });
        Self { stop, polls }
    }

    async fn finish(self) -> Polls {
        self.stop.cancel();
        self.polls.await.unwrap().expect("the owner was refused")
    }
}

/// How long it is from PASS to `+OK`.
async fn poll(gate: SocketAddr) -> io::Result<Duration> {
    let mut program = connect_from(AT_HOME, gate).await?;
    program.ok("USER ann".to_owned()).await?;
    let start = Instant::now();
    program.ok("PASS secret".to_owned()).await?;
    let took = start.elapsed();
    program.ok("STAT".to_owned()).await?;
    program.ok("QUIT".to_owned()).await?;
    Ok(took)
}
