//! Somebody tries ever new names: what the gate remembers of them is bounded.
//!
//! Twenty thousand of them here; `POPGATE_ATTACK_NAMES=100000` has as many as the limits of the
//! gate's memory are there for.

use crate::fire::{Figures, Gate, raise_open_files};
use crate::strangers::{AT_HOME, connect_from, guarded, stranger};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use popgate::limits::{
    BLOCKS_MAX, HISTORY_OTHERS_KEPT, KEPT_NAME_MAX, LOGIN_ATTEMPTS_MAX, LOGIN_LENGTH_MAX,
    NEGATIVE_AUTH_CACHE_MAX, OFFENDERS_MAX, PENALTY_ADDRESSES_MAX,
};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Connections at a time.
const AT_A_TIME: usize = 50;

/// Names over one connection, of which the last may still be tried.
const NAMES_EACH: usize = LOGIN_ATTEMPTS_MAX as usize;

/// 18 MB, if they were all kept.
const LONG_NAMES: usize = 2_000;

/// 40 MB, if they were all kept.
const LONGEST_NAMES: usize = 10_000;

/// Octets of an entry of the history, with its texts.
const HISTORY_ENTRY: usize = 1_000;

/// KiB that sessions, their buffers and the log's take, however many names there are.
const OTHERS: u64 = 6 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn ever_new_names_over_few_connections_are_forgotten_beyond_the_bounds() {
    let rules = "failures = { delay = \"0s\" }\nblocks = { enforce = \"off\" }";
    let attack = Attack::new(names(), NAMES_EACH);
    let addresses = attack.names.div_ceil(attack.each);
    // An address has all its wrong logins here.
    let kept = 900 * addresses.min(PENALTY_ADDRESSES_MAX)
        + 250 * attack.names.min(NEGATIVE_AUTH_CACHE_MAX);
    let (gate, failures) = attack.run("without blocks", rules, kept).await;
    assert_eq!(failures, names() as u64, "each is another password");
    assert!(gate.metric("popgate_blocks", &[]).await < 0.5);
}

#[tokio::test(flavor = "multi_thread")]
async fn ever_new_names_from_ever_new_addresses_are_forgotten_beyond_the_bounds() {
    // Each address is blocked at once, so that the list is filled as well.
    let rules = "failures = { delay = \"0s\" }\nblocks = { passwords_per_address = 1 }";
    let attack = Attack::new(names(), 1);
    let faulty = 2 * 200 * attack.names.min(OFFENDERS_MAX) + 300 * attack.names.min(BLOCKS_MAX);
    let penalties = 300 * attack.names.min(PENALTY_ADDRESSES_MAX);
    let kept = penalties + 250 * attack.names.min(NEGATIVE_AUTH_CACHE_MAX) + faulty;
    let (gate, failures) = attack.run("each address blocked", rules, kept).await;
    assert_eq!(failures, names() as u64, "each is another address");
    let blocks = gate.metric("popgate_blocks", &[]).await;
    assert!(
        blocks > 0.5 && blocks <= BLOCKS_MAX as f64,
        "{blocks} blocks"
    );
}

/// A SASL line has room for names of 9 KB, and as many of them as there are addresses.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_no_user_command_has_room_for_are_refused_and_not_remembered() {
    let rules = "failures = { delay = \"0s\" }";
    let (gate, server) = guarded(rules, Duration::ZERO).await;
    let before = gate.figures();
    for number in 0..LONG_NAMES {
        let name = format!("{number:09000}");
        let response = STANDARD.encode(format!("\0{name}\0guess"));
        let mut program = connect_from(stranger(number), gate.ports.plain)
            .await
            .unwrap();
        program.ask("AUTH PLAIN").await.unwrap();
        let answer = program.ask(&response).await.unwrap();
        assert!(answer.starts_with("-ERR"), "{answer}");
    }
    let (after, failures) = (gate.figures(), server.log().counts().auth_failures);
    let grown = after.memory - before.memory;
    println!("{LONG_NAMES} names of 9,000 octets: {grown} KiB more, {failures} at the backend");
    assert_eq!(failures, 0);
    assert!(grown < OTHERS, "{grown} KiB more");
}

/// What a name of 4 KiB leaves behind is as much as a short one does, and half a kilobyte.
#[tokio::test(flavor = "multi_thread")]
async fn the_longest_names_are_remembered_by_their_beginnings() {
    let rules = "failures = { delay = \"0s\" }\nblocks = { passwords_per_address = 1 }";
    let (gate, server) = guarded(rules, Duration::ZERO).await;
    let before = gate.figures();
    for number in 0..LONGEST_NAMES {
        let name = format!("{number:0LOGIN_LENGTH_MAX$}");
        let response = STANDARD.encode(format!("\0{name}\0guess"));
        let mut program = connect_from(stranger(number), gate.ports.plain)
            .await
            .unwrap();
        program.ask("AUTH PLAIN").await.unwrap();
        let answer = program.ask(&response).await.unwrap();
        assert!(answer.starts_with("-ERR [AUTH]"), "{answer}");
    }
    let (after, failures) = (gate.figures(), server.log().counts().auth_failures);
    let grown = after.memory - before.memory;
    println!("{LONGEST_NAMES} names of 4 KiB: {grown} KiB more, {failures} at the backend");
    assert_eq!(failures, LONGEST_NAMES as u64);
    // As of short names, from ever new addresses.
    let history = HISTORY_ENTRY + 2 * KEPT_NAME_MAX;
    let kept = LONGEST_NAMES * (KEPT_NAME_MAX + 2 * 200 + 300 + 300 + 250 + history);
    assert!(grown < OTHERS + 2 * kept as u64 / 1024, "{grown} KiB more");
}

fn names() -> usize {
    let wanted = std::env::var("POPGATE_ATTACK_NAMES").ok();
    wanted.map_or(20_000, |wanted| wanted.parse().unwrap())
}

/// So many names, so many of them over each connection; each connection from another address.
struct Attack {
    names: usize,
    each: usize,
    next: AtomicUsize,
}

impl Attack {
    fn new(names: usize, each: usize) -> Arc<Self> {
        Arc::new(Self {
            names,
            each,
            next: AtomicUsize::new(0),
        })
    }

    /// The gate afterwards, and how many names its backend heard. `kept` is what the limits say of
    /// the octets that are remembered; a table that grows is there twice for a moment, and an
    /// allocator needs its own.
    async fn run(self: Arc<Self>, manner: &str, rules: &str, kept: usize) -> (Gate, u64) {
        raise_open_files();
        let (gate, server) = guarded(rules, Duration::ZERO).await;
        let before = gate.figures();
        let kept = kept + HISTORY_ENTRY * self.names.min(HISTORY_OTHERS_KEPT);
        let bound = OTHERS + 2 * kept as u64 / 1024;
        let start = Instant::now();
        let mut attackers = JoinSet::new();
        for _ in 0..AT_A_TIME {
            attackers.spawn(Arc::clone(&self).attack(gate.ports.plain));
        }
        let wrong: usize = attackers.join_all().await.into_iter().sum();
        let took = start.elapsed();
        gate.wait_for("popgate_sessions_open", &[], 0.0, took).await;
        let after = gate.figures();
        let failures = server.log().counts().auth_failures;
        let blocks = gate.metric("popgate_blocks", &[]).await;
        self.tell(manner, took, &[before, after], bound);
        println!("  {failures} logins at the backend, {blocks} blocks");
        assert_eq!(wrong, self.names, "answers to wrong passwords");
        let grown = after.peak - before.peak;
        assert!(
            grown <= bound,
            "{grown} KiB more at the peak, beyond {bound}"
        );
        // Nobody else notices.
        let mut ann = connect_from(AT_HOME, gate.ports.plain).await.unwrap();
        ann.log_in("ann").await.unwrap();
        (gate, failures)
    }

    fn tell(&self, manner: &str, took: Duration, [before, after]: &[Figures; 2], bound: u64) {
        println!(
            "{} names, {manner}, in {took:?}: memory {} KiB before, {} KiB after; resident at the \
             peak {} KiB before, {} KiB after (at most {bound} KiB more)",
            self.names, before.memory, after.memory, before.peak, after.peak,
        );
    }

    /// Goes on as long as there are names: how many passwords were wrong.
    async fn attack(self: Arc<Self>, to: SocketAddr) -> usize {
        let mut wrong = 0;
        loop {
            let first = self.next.fetch_add(self.each, Ordering::Relaxed);
            if first >= self.names {
                return wrong;
            }
            let count = self.each.min(self.names - first);
            let source = stranger(first / self.each);
            wrong += try_names(source, to, first, count).await.unwrap();
        }
    }
}

/// Tries them over one connection, all said at once.
async fn try_names(
    source: Ipv4Addr,
    to: SocketAddr,
    first: usize,
    count: usize,
) -> io::Result<usize> {
    let mut program = connect_from(source, to).await?;
    let names = first..first + count;
    let said: String = names
        .map(|n| format!("USER user{n}\r\nPASS guess\r\n"))
        .collect();
    program.send(said.as_bytes()).await?;
    let mut wrong = 0;
    for _ in 0..count {
        program.ok(String::new()).await?;
        wrong += usize::from(program.line().await?.contains("Authentication failed"));
    }
    Ok(wrong)
}
