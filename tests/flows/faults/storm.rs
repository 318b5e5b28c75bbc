//! Faults of every kind at once, on many threads, before a server that tells of each overlap.

use crate::support::{Gate, Wire};
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::gate::Kick;
use popgate::observe::event::Event;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::task::JoinSet;

const PROGRAMS: u64 = 12;
const SESSIONS_EACH: u64 = 40;

/// How a session in the storm ends.
#[derive(Clone, Copy)]
enum Fate {
    Quits,
    QuitsAndCloses,
    Vanishes,
    VanishesInMidReply,
    IsCancelled,
    IsCancelledAsItAsks,
    IsKicked,
    IsKickedAsItAsks,
    PanicsAsItReads,
    PanicsAsItWrites,
    LeavesTheQueue,
}

const FATES: &[Fate] = &[
    Fate::Quits,
    Fate::QuitsAndCloses,
    Fate::Vanishes,
    Fate::VanishesInMidReply,
    Fate::IsCancelled,
    Fate::IsCancelledAsItAsks,
    Fate::IsKicked,
    Fate::IsKickedAsItAsks,
    Fate::PanicsAsItReads,
    Fate::PanicsAsItWrites,
    Fate::LeavesTheQueue,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_fault_makes_two_sessions_of_a_maildrop_meet_or_keeps_a_lock() {
    let gate = Arc::new(Gate::classic().await);
    let demo = DemoServer::new(DemoOptions {
        any_user: true,
        ..DemoOptions::default()
    });
    gate.serve_by(&demo);
    let mut programs = JoinSet::new();
    for seed in 0..PROGRAMS {
        programs.spawn(program(Arc::clone(&gate), seed));
    }
    while let Some(ended) = programs.join_next().await {
        ended.expect("a program whose session ended as it should");
    }
    gate.sessions.close();
    gate.sessions.wait().await;
    gate.closers.close();
    gate.closers.wait().await;
    let log = demo.log();
    assert_eq!((log.refusals(), log.overlaps()), (0, 0));
    assert!(log.counts().logins >= PROGRAMS * SESSIONS_EACH / 3);
    assert_eq!((gate.cx.locks.in_use(), gate.forced()), (0, 0));
    let count = |which: fn(&Event) -> bool| gate.events.count(which);
    let opened = count(|event| matches!(event, Event::SessionOpened { .. }));
    assert_eq!(opened as u64, PROGRAMS * SESSIONS_EACH);
    let ended = count(|event| matches!(event, Event::SessionEnded(_)));
    assert_eq!(opened, ended);
    assert_eq!(gate.cx.sessions.count(), 0);
}

async fn is_kicked(gate: &Gate, mut client: Wire) {
    let session = gate.session(&client).await;
    assert_eq!(gate.cx.sessions.kick(session, None), Kick::Kicked);
    while client.hears_more().await {}
}

async fn program(gate: Arc<Gate>, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..SESSIONS_EACH {
        let fate = FATES[random.usize(..FATES.len())];
        let user = ["ann", "bob", "eve"][random.usize(..3)];
        live(&gate, user, fate).await;
    }
}

async fn live(gate: &Gate, user: &str, fate: Fate) {
    let mut client = gate.asking(user, "secret").await;
    match fate {
        Fate::LeavesTheQueue => return client.close(),
        Fate::IsCancelledAsItAsks => return gate.cancel(&client),
        Fate::IsKickedAsItAsks => return is_kicked(gate, client).await,
        _ => client.expect_prefix("+OK Maildrop").await,
    };
    meets(gate, client, fate).await;
}

/// In its maildrop.
async fn meets(gate: &Gate, mut client: Wire, fate: Fate) {
    match fate {
        Fate::Quits => {
            client.send("STAT\r\nQUIT\r\n").await;
            client.expect_prefix("+OK").await;
            client.expect_prefix("+OK").await;
        }
        Fate::QuitsAndCloses => client.send("STAT\r\nRSET\r\nQUIT\r\n").await,
        Fate::VanishesInMidReply => {
            client.send("RETR 1\r\n").await;
            client.expect("+OK").await;
        }
        Fate::IsCancelled => gate.cancel(&client),
        Fate::IsKicked => return is_kicked(gate, client).await,
        Fate::PanicsAsItReads => {
            let socket = &client.socket;
            socket.panics_at_read.store(true, Ordering::Relaxed);
            // It may look into its socket before that for reasons of its own.
            client.half_close().await;
        }
        Fate::PanicsAsItWrites => {
            let socket = &client.socket;
            socket.panics_at_write.store(true, Ordering::Relaxed);
            client.send("STAT\r\n").await;
            client.expect_eof().await;
        }
        Fate::Vanishes
        | Fate::LeavesTheQueue
        | Fate::IsCancelledAsItAsks
        | Fate::IsKickedAsItAsks => {}
    }
    client.close();
}
