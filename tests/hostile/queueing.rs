//! Strangers queue for a busy maildrop, and then its owner comes.

use crate::fire::{Gate, Program};
use crate::strangers::{AT_HOME, Tally, connect_from, guarded, stranger, try_password};
use popgate::demo::server::DemoServer;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

const STRANGERS: usize = 20;

/// Different passwords that wait at a time: half of `queue`, which is 16.
const WAITING: usize = 8;

/// What the backend takes for each login, right or wrong.
const LOGIN: Duration = Duration::from_millis(500);

/// What a busy machine takes beside: less than another login.
const SLACK: Duration = Duration::from_millis(450);

/// With its `login_reserve` of 3 s a login waits for 9 s, and after half of that its turn may come
/// before the owner's.
const SHORT_WAIT: &str = "wait = \"12s\"\npreempt_idle = \"off\"\n";
const HALF: f64 = 4.5;

const WITHIN: Duration = Duration::from_secs(20);
const WRONG: &str = "Authentication failed";
const BUSY: &str = "Mailbox is locked or busy";

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_comes_last_and_goes_first_past_strangers_from_everywhere() {
    let mut scene = Scene::begin("", stranger).await;
    scene.let_strangers_wait().await;
    let owner = scene.let_owner_come().await;
    let (took, tried) = scene.free_and_see(owner).await;
    let told = scene.end("20 addresses", took, tried).await;
    assert_eq!(tried, 0, "strangers had their turn before the owner");
    assert!(took <= LOGIN + SLACK, "{took:?}");
    assert_eq!(
        (told.of(WRONG), told.of(BUSY)),
        (WAITING, STRANGERS - WAITING)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_comes_last_and_goes_first_past_strangers_from_one_address() {
    let mut scene = Scene::begin("", |_| stranger(0)).await;
    scene.let_strangers_wait().await;
    let owner = scene.let_owner_come().await;
    let (took, tried) = scene.free_and_see(owner).await;
    let at_backend = scene.server.log().counts().auth_failures;
    let told = scene.end("one address", took, tried).await;
    assert_eq!(
        (tried, at_backend),
        (0, 0),
        "strangers had their turn before the owner"
    );
    assert!(took <= LOGIN + SLACK, "{took:?}");
    assert_eq!(told.of(WRONG) + told.of(BUSY), STRANGERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_have_waited_for_long_have_one_turn_before_the_owner() {
    let mut scene = Scene::begin(SHORT_WAIT, stranger).await;
    scene.let_strangers_wait().await;
    scene.wait_for_half().await;
    let owner = scene.let_owner_come().await;
    let (took, tried) = scene.free_and_see(owner).await;
    scene
        .end("20 addresses, past half of their wait", took, tried)
        .await;
    assert_eq!(tried, 1, "failed logins before the owner's");
    assert!(took <= 2 * LOGIN + SLACK, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_comes_while_strangers_are_tried_waits_for_one_of_them() {
    let mut scene = Scene::begin("", stranger).await;
    scene.let_strangers_wait().await;
    let holder = scene.holder.take().unwrap();
    quit(holder).await;
    // One has its turn now, and the next one soon.
    scene.wait_for_waiters(WAITING - 1).await;
    let before = scene.server.log().counts().auth_failures;
    let (owner, came) = (log_in(scene.gate.ports.plain), Instant::now());
    let owner = owner.await;
    let (took, after) = (came.elapsed(), scene.server.log().counts().auth_failures);
    scene.second = Some(owner);
    let tried = after - before;
    scene
        .end("20 addresses, of which one is being tried", took, tried)
        .await;
    assert!(tried <= 1, "{tried} failed logins before the owner's");
    assert!(took <= 2 * LOGIN + SLACK, "{took:?}");
}

/// A gate, a maildrop with a program of its owner in it, and strangers.
struct Scene {
    gate: Gate,
    server: Arc<DemoServer>,
    source: fn(usize) -> Ipv4Addr,
    holder: Option<Program>,
    second: Option<Program>,
    strangers: JoinSet<String>,
}

impl Scene {
    /// The owner has polled before, as always, and is in.
    async fn begin(rules: &str, source: fn(usize) -> Ipv4Addr) -> Self {
        let rules = format!("{rules}failures = {{ delay = \"0s\" }}");
        let (gate, server) = guarded(&rules, LOGIN).await;
        // Its turns count, where others are due.
        for _ in 0..3 {
            quit(log_in(gate.ports.plain).await).await;
        }
        let holder = Some(log_in(gate.ports.plain).await);
        Self {
            gate,
            server,
            source,
            holder,
            second: None,
            strangers: JoinSet::new(),
        }
    }

    /// Each with a wrong password of its own: some wait, the others are told that it is in vain.
    async fn let_strangers_wait(&mut self) {
        for number in 0..STRANGERS {
            let (source, to) = ((self.source)(number), self.gate.ports.plain);
            self.strangers.spawn(async move {
                let password = format!("guess{number}");
                let answer = try_password(source, to, "ann", &password).await;
                answer.unwrap()
            });
        }
        self.wait_for_waiters(WAITING).await;
    }

    async fn let_owner_come(&self) -> JoinHandle<Program> {
        let to = self.gate.ports.plain;
        let second = tokio::spawn(log_in(to));
        self.wait_for_waiters(WAITING + 1).await;
        second
    }

    async fn wait_for_waiters(&self, count: usize) {
        let name = "popgate_lock_waiters";
        self.gate.wait_for(name, &[], count as f64, WITHIN).await;
    }

    async fn wait_for_half(&self) {
        let waited = async {
            while self
                .gate
                .metric("popgate_lock_longest_wait_seconds", &[])
                .await
                < HALF
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(WITHIN, waited).await.unwrap();
    }

    /// The first program leaves: how long the second one needs from then on, and how many
    /// strangers were tried before it.
    async fn free_and_see(&mut self, second: JoinHandle<Program>) -> (Duration, u64) {
        assert_eq!(self.server.log().counts().auth_failures, 0);
        let holder = self.holder.take().unwrap();
        let start = Instant::now();
        quit(holder).await;
        self.second = Some(second.await.unwrap());
        (start.elapsed(), self.server.log().counts().auth_failures)
    }

    /// The second program leaves too: what the strangers are told.
    async fn end(&mut self, manner: &str, took: Duration, tried: u64) -> Tally {
        quit(self.second.take().unwrap()).await;
        let mut told = Tally::default();
        while let Some(answer) = self.strangers.join_next().await {
            told.add(&answer.unwrap());
        }
        println!(
            "{STRANGERS} strangers, {manner}: the owner is in {took:?} after its turn could come, \
             {tried} of them before it (a login takes {LOGIN:?}); told the strangers:{told}"
        );
        assert_eq!(told.all(), STRANGERS);
        assert_eq!(self.server.log().overlaps(), 0);
        told
    }
}

async fn log_in(to: SocketAddr) -> Program {
    let mut program = connect_from(AT_HOME, to).await.unwrap();
    program.log_in("ann").await.unwrap();
    program
}

async fn quit(mut program: Program) {
    program.ok("QUIT".to_owned()).await.unwrap();
}
