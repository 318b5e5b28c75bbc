//! More clients than there are descriptors.

use crate::fire::{Gate, Program, raise_open_files};
use crate::regular::Regular;
use crate::{connect, honest, rest};
use popgate::limits::{
    DESCRIPTORS_RESERVED, LISTENER_DESCRIPTORS, RUNTIME_DESCRIPTORS, SESSION_DESCRIPTORS,
};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::io;
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const ROOM: usize = 30;

/// The limit that leaves so much: the three listeners of each worker, its runtime, and one backend
/// have theirs.
fn hard_limit() -> u32 {
    let workers = available_parallelism().unwrap().get();
    let of_workers = workers * (RUNTIME_DESCRIPTORS + 3 * LISTENER_DESCRIPTORS);
    let all = DESCRIPTORS_RESERVED + of_workers + 1 + ROOM * SESSION_DESCRIPTORS;
    u32::try_from(all).unwrap()
}

const TOO_MANY: &str = "-ERR [SYS/TEMP] Too many connections, please wait and try again\r\n";
const SHED: &str = "popgate_connections_shed_total";
const WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_fit_is_told_so_and_the_others_notice_nothing() {
    raise_open_files();
    // The gate raises the soft limit to the hard one by itself.
    let hard = hard_limit();
    let (gate, server) = honest(Some((100, hard))).await;
    let before = gate.figures();
    let mut inside = Vec::new();
    for number in 0..ROOM {
        let mut program = connect(gate.ports.plain).await.unwrap();
        program.log_in(&format!("user{number}")).await.unwrap();
        inside.push(program);
    }
    let full = gate.figures();
    assert!(full.descriptors <= hard as usize, "{full:?}");

    let start = Instant::now();
    for number in 0..300 {
        let to = [gate.ports.plain, gate.ports.stls][number % 2];
        let mut program = Program::unheard(to).await.unwrap();
        assert_eq!(program.line().await.unwrap(), TOO_MANY);
        assert_eq!(
            program.line().await.unwrap(),
            "",
            "it is closed behind that"
        );
    }
    let mut over_tls = Program::unheard(gate.ports.tls).await.unwrap();
    assert_eq!(
        rest(&mut over_tls).await,
        b"",
        "no clear text on a TLS port"
    );
    sleep(Duration::from_secs(2)).await;
    let (busy, after) = (start.elapsed(), gate.figures());
    let cpu = after.cpu - full.cpu;
    println!("301 turned away in {busy:?} with {cpu:?} of CPU time: {before:?}, {after:?}");
    assert!(
        cpu < Duration::from_secs(1),
        "{cpu:?} of CPU time for 301 clients"
    );
    assert_eq!(gate.metric(SHED, &["resources"]).await, 301.0);

    for program in &mut inside {
        program.ok("STAT".to_owned()).await.unwrap();
        program.listing("RETR 1").await.unwrap();
    }
    for program in &mut inside {
        program.ok("QUIT".to_owned()).await.unwrap();
    }
    drop(inside);
    gate.wait_until_empty(before, WITHIN).await;
    connect(gate.ports.stls)
        .await
        .unwrap()
        .log_in("user0")
        .await
        .unwrap();
    assert_eq!(server.log().overlaps(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_descriptor_is_left_clients_hear_an_end_and_nothing_spins() {
    raise_open_files();
    let (gate, _server) = honest(Some((hard_limit(), hard_limit()))).await;
    let mut inside = connect(gate.ports.plain).await.unwrap();
    inside.log_in("ann").await.unwrap();
    let before = gate.figures();
    // Somebody else in the process has taken them all, as it were.
    limit_open_files(&gate, before.descriptors as u64);
    let (mut ended, mut greeted) = (0, Vec::new());
    while ended < 50 {
        let mut program = Program::unheard(gate.ports.plain).await.unwrap();
        match program.line().await.as_deref() {
            // Some descriptors below the limit may have been free.
            Ok("+OK POP3 server ready\r\n") => greeted.push(program),
            Ok("") | Err(_) => ended += 1,
            Ok(line) => panic!("{line:?}"),
        }
        assert!(greeted.len() < 10);
    }
    inside.listing("RETR 1").await.unwrap();
    sleep(Duration::from_secs(3)).await;
    let cpu = gate.figures().cpu - before.cpu;
    assert!(
        cpu < Duration::from_secs(1),
        "{cpu:?} of CPU time for 50 clients"
    );

    limit_open_files(&gate, hard_limit().into());
    drop(greeted);
    let regular = Regular::start(gate.ports.plain, "regular");
    sleep(Duration::from_secs(2)).await;
    let polls = regular.finish().await;
    assert!(polls.count >= 2, "{polls:?}");
    inside.ok("QUIT".to_owned()).await.unwrap();
    assert!(gate.metric(SHED, &["resources"]).await >= 50.0);
}

/// Only the soft limit moves, so that it can be raised again.
fn limit_open_files(gate: &Gate, soft: u64) {
    let limit = Rlimit {
        current: Some(soft),
        maximum: Some(hard_limit().into()),
    };
    let id = Pid::from_raw(i32::try_from(gate.id()).unwrap());
    let set: io::Result<_> = prlimit(id, Resource::Nofile, limit).map_err(Into::into);
    set.unwrap();
}
