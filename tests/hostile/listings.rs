//! The largest listings of ever more maildrops: what is kept of them has its room, and beyond that
//! logins are as without sharing.
//!
//! A hundred maildrops and a quarter of the usual room here; `POPGATE_ATTACK_LISTINGS=10000` has
//! ten thousand, and all of it.

use crate::connect;
use crate::fire::{Figures, Gate, Program, Setup, free_address, raise_open_files, serve};
use crate::large::LargeServer;
use crate::regular::Regular;
use popgate::limits::{LISTED_MESSAGES_MAX, SHARING_MEMORY, UNIQUE_ID_MAX};
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A listing is kept with its ids and eight octets for each message.
const LISTING: usize = LISTED_MESSAGES_MAX * (UNIQUE_ID_MAX + 8);

/// Sessions at a time.
const AT_A_TIME: usize = 20;

/// KiB that a session takes while its maildrop is listed: lines, replies and buffers.
const SESSION: u64 = 2 * 1024;

/// KiB that all else takes.
const OTHERS: u64 = 8 * 1024;

const WITHIN: Duration = Duration::from_secs(60);

/// With that of `[defaults]`.
const OF_TENANTS: usize = 3;

const TENANTS: &str = "
[[tenant]]
name = \"attack\"
domains = [\"attack.example\"]

[[tenant]]
name = \"home\"
domains = [\"home.example\"]
backend = \"honest\"
";

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_listings_fill_their_room_and_logins_beyond_it_are_real() {
    let scene = Scene::begin("", "default", "regular@attack.example").await;
    let kept = scene.list_all(scene.memory).await;
    scene.log_in_again(kept).await;
    scene.end("one tenant").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_listings_of_one_tenant_leave_room_for_those_of_others() {
    let scene = Scene::begin(TENANTS, "attack", "regular@home.example").await;
    let kept = scene.list_all(scene.memory / OF_TENANTS).await;
    scene.log_in_again(kept).await;
    let of_home = ["tenant=\"home\""];
    let gate = &scene.gate;
    assert!(gate.metric("popgate_sharing_let_in_total", &of_home).await > 0.5);
    assert!(gate.metric("popgate_sharing_no_room_total", &of_home).await < 0.5);
    scene.end("a third of the room").await;
}

/// A gate that shares, before maildrops with the largest listings, and a regular.
struct Scene {
    gate: Gate,
    server: Arc<LargeServer>,
    regular: Regular,
    /// Whose the maildrops are, as a label.
    tenant: String,
    before: Figures,
    maildrops: usize,
    memory: usize,
    start: Instant,
}

impl Scene {
    async fn begin(tenants: &str, tenant: &str, regular: &str) -> Self {
        raise_open_files();
        let (maildrops, memory) = match std::env::var("POPGATE_ATTACK_LISTINGS") {
            Ok(wanted) => (wanted.parse().unwrap(), SHARING_MEMORY),
            Err(_) => (100, SHARING_MEMORY / 4),
        };
        let (server, address) = LargeServer::start().await;
        let honest = free_address("127.0.0.1");
        serve(&crate::server(), honest).await;
        let config = format!(
            "[[backend]]\nname = \"large\"\naddress = \"{address}\"\nshareable = true\n\
             [[backend]]\nname = \"honest\"\naddress = \"{honest}\"\nshareable = true\n\
             [defaults]\nbackend = \"large\"\nsharing = \"on\"\nfresh = \"10m\"\n\
             polls = {{ enforce = \"off\" }}\n{tenants}"
        );
        let memory_key = format!("sharing_memory = \"{}MiB\"", memory >> 20);
        let setup = Setup {
            config: &config,
            server: &memory_key,
            ..Setup::default()
        };
        let gate = Gate::start(setup).await;
        let before = gate.figures();
        let regular = Regular::start(gate.ports.plain, regular);
        Self {
            gate,
            server,
            regular,
            tenant: format!("tenant=\"{tenant}\""),
            before,
            maildrops,
            memory,
            start: Instant::now(),
        }
    }

    /// Each maildrop is listed once. Returns how many listings are kept in so much `room`.
    async fn list_all(&self, room: usize) -> usize {
        self.each(list).await;
        let gate = &self.gate;
        let octets = gate.metric("popgate_sharing_listings_bytes", &[]).await;
        let limit = gate
            .metric("popgate_sharing_listings_limit_bytes", &[])
            .await;
        let kept = gate.metric("popgate_sharing_listings", &[]).await as usize;
        // The regular's, too, where it is of that tenant.
        let no_room = gate
            .metric("popgate_sharing_no_room_total", &[&self.tenant])
            .await;
        println!("{kept} listings in {octets} of {limit} octets, no room for {no_room}");
        assert!((limit - self.memory as f64).abs() < 0.5 && octets <= limit);
        assert!(
            kept > 0 && kept <= room / LISTING + 1,
            "{kept} listings are kept"
        );
        assert!(
            no_room as usize >= self.maildrops.saturating_sub(kept),
            "no room for {no_room}"
        );
        kept
    }

    /// All come again: those that are not let in are logged in at the server.
    async fn log_in_again(&self, kept: usize) {
        let before = self.attackers_logins();
        self.each(ask).await;
        let real = self.attackers_logins() - before;
        println!(
            "{real} of {} logins were real the second time",
            self.maildrops
        );
        // The regular's may be one of those that are kept.
        let least = self.maildrops.saturating_sub(kept);
        assert!((least..=least + 1).contains(&real), "{real} logins");
    }

    /// The regular, who is logged in there for each message, does not count.
    fn attackers_logins(&self) -> usize {
        self.server.logins_of(|user| user.starts_with("user"))
    }

    /// Somebody from each maildrop, a few at a time.
    async fn each<F>(&self, visit: fn(Program, String) -> F)
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let next = Arc::new(AtomicUsize::new(0));
        let mut attackers = JoinSet::new();
        for _ in 0..AT_A_TIME {
            let (next, all, to) = (Arc::clone(&next), self.maildrops, self.gate.ports.plain);
            attackers.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= all {
                        return;
                    }
                    let program = connect(to).await.unwrap();
                    visit(program, format!("user{number}@attack.example"))
                        .await
                        .unwrap();
                }
            });
        }
        attackers.join_all().await;
    }

    async fn end(self, manner: &str) {
        let polls = self.regular.finish().await;
        let gate = self.gate;
        gate.wait_until_empty(self.before, WITHIN).await;
        assert!(gate.metric("popgate_sharing_views", &[]).await < 0.5);
        let (before, after, took) = (self.before, gate.figures(), self.start.elapsed());
        let bound = self.memory as u64 / 1024 + AT_A_TIME as u64 * SESSION + OTHERS;
        let grown = after.peak - before.peak;
        println!(
            "{} maildrops, {manner}, in {took:?}: resident at the peak {} KiB before, {} KiB after \
             (at most {bound} KiB more); memory {} KiB before, {} KiB after; {:?} of CPU time; {polls:?}",
            self.maildrops, before.peak, after.peak, before.memory, after.memory, after.cpu,
        );
        assert!(
            grown <= bound,
            "{grown} KiB more at the peak, beyond {bound}"
        );
        assert!(polls.count > 0);
    }
}

async fn list(mut program: Program, user: String) -> io::Result<()> {
    program.log_in(&user).await?;
    program.ok("STAT".to_owned()).await?;
    for command in ["LIST", "UIDL"] {
        let lines = program.listing(command).await?;
        assert_eq!(lines, LISTED_MESSAGES_MAX, "{command}");
    }
    program.ok("QUIT".to_owned()).await?;
    Ok(())
}

async fn ask(mut program: Program, user: String) -> io::Result<()> {
    program.log_in(&user).await?;
    let drop = program.ok("STAT".to_owned()).await?;
    assert!(
        drop.starts_with(&format!("+OK {LISTED_MESSAGES_MAX} ")),
        "{drop}"
    );
    program.ok("QUIT".to_owned()).await?;
    Ok(())
}
