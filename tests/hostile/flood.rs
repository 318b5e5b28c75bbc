//! Thousands of connections from one address.
//!
//! The same from an IPv6 /64 is shown where addresses become blocks (`ids`) and places are counted
//! (`admission::connections`): a machine has no second address in the /64 of `::1`.

use crate::fire::{Figures, Gate, Program, raise_open_files};
use crate::regular::Regular;
use crate::strangers::{Tally, connect_from, guarded, stranger, unheard_from};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

const FLOOD: usize = 2_000;

/// `connections.per_address` by default.
const PER_ADDRESS: usize = 200;

const TOO_MANY: &str =
    "-ERR [SYS/TEMP] Too many connections from your address, please wait and try again";
const READY: &str = "+OK POP3 server ready";
/// What a whole poll takes, where two thousand others come at that moment: a SYN that finds the
/// kernel's queue full comes again after a second, and after two more.
const GOOD_TIME: Duration = Duration::from_secs(4);
const WITHIN: Duration = Duration::from_secs(20);

/// Descriptors of others meanwhile: the regular's session and its backend's, one before that is
/// being ended, one that is turned away, the metrics.
const OTHERS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_its_places_and_no_more_and_nobody_else_notices() {
    raise_open_files();
    let (gate, server) = guarded("", Duration::ZERO).await;
    let (flooder, before) = (stranger(0), gate.figures());
    // Somebody lives behind that address, too.
    log_in_and_out(flooder, &gate, "ann").await.unwrap();
    let regular = Regular::start(gate.ports.plain, "bob");

    let (told, served, most) = flood(&gate, flooder).await;
    let shed = gate
        .metric("popgate_connections_shed_total", &["address"])
        .await;
    assert_eq!(
        (told.of(READY), told.of(TOO_MANY)),
        (PER_ADDRESS, FLOOD - PER_ADDRESS)
    );
    assert_eq!((told.all(), served.len()), (FLOOD, PER_ADDRESS));
    assert!(
        (shed - (FLOOD - PER_ADDRESS) as f64).abs() < 0.5,
        "{shed} were shed"
    );
    let full = gate.figures();
    let descriptors = most.max(full.descriptors) - before.descriptors;
    let refused = log_in_and_out(flooder, &gate, "ann").await.unwrap_err();
    assert!(refused.to_string().contains(TOO_MANY), "{refused}");
    // Others still come, while all these connections stand there.
    let mut slowest = Duration::ZERO;
    for number in 1..=50 {
        let start = Instant::now();
        log_in_and_out(stranger(number), &gate, "ann")
            .await
            .unwrap();
        slowest = slowest.max(start.elapsed());
    }

    drop(served);
    let ended = ["left_before_login"];
    gate.wait_for("popgate_sessions_total", &ended, PER_ADDRESS as f64, WITHIN)
        .await;
    log_in_and_out(flooder, &gate, "ann").await.unwrap();
    let polls = regular.finish().await;
    println!(
        "{FLOOD} connections of one address: {descriptors} descriptors more, {before:?} at first, \
         {full:?} then; regular {polls:?}; 50 others, the slowest {slowest:?}; told the flood:{told}"
    );
    assert!(
        descriptors <= PER_ADDRESS + OTHERS,
        "{descriptors} descriptors more"
    );
    assert!(polls.count >= 4 && polls.slowest < GOOD_TIME, "{polls:?}");
    assert!(slowest < GOOD_TIME, "{slowest:?}");
    gate.wait_until_empty(before, WITHIN).await;
    assert_eq!(server.log().overlaps(), 0);
}

/// What all were told, who of them is still there, and the most descriptors that the gate had.
async fn flood(gate: &Gate, source: Ipv4Addr) -> (Tally, Vec<Program>, usize) {
    let (mut told, mut served, mut most) = (Tally::default(), Vec::new(), 0);
    let mut clients = JoinSet::new();
    for _ in 0..FLOOD {
        clients.spawn(come(source, gate.ports.plain));
    }
    while let Some(client) = clients.join_next().await {
        let (answer, program) = client.unwrap().unwrap();
        told.add(&answer);
        served.extend(program);
        if told.all().is_multiple_of(20) {
            let Figures { descriptors, .. } = gate.figures();
            most = most.max(descriptors);
        }
    }
    (told, served, most)
}

/// Comes, and stays where it is let: its greeting, and its connection.
async fn come(source: Ipv4Addr, to: SocketAddr) -> io::Result<(String, Option<Program>)> {
    let mut program = unheard_from(source, to).await?;
    let greeting = program.line().await?;
    if greeting.starts_with("+OK") {
        return Ok((greeting, Some(program)));
    }
    assert_eq!(program.line().await?, "", "it is closed behind that");
    Ok((greeting, None))
}

async fn log_in_and_out(source: Ipv4Addr, gate: &Gate, user: &str) -> io::Result<()> {
    let mut program = connect_from(source, gate.ports.plain).await?;
    program.log_in(user).await?;
    program.ok("QUIT".to_owned()).await?;
    Ok(())
}
