//! A day in a household, in moved time and in the default settings: all its programs look at one
//! maildrop, behind one address.

use crate::support::{Gate, Wire, seconds};
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::observe::event::{Event, LoginRule, PollDecision, RuleEvent};
use popgate::secret::Secret;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep_until};

const HOME: &str = "203.0.113.7";
const PASSWORD: &str = "of this year";
const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

/// A program and when it looks for mail.
#[derive(Clone, Copy)]
struct Habit {
    name: &'static str,
    first: f64,
    every: f64,
    until: f64,
    password: &'static str,
    line_breaks: bool,
}

const STEADY: Habit = Habit {
    name: "",
    first: 0.0,
    every: 60.0,
    until: DAY,
    password: PASSWORD,
    line_breaks: false,
};

const HOUSEHOLD: &[Habit] = &[
    Habit {
        name: "phone",
        first: 7.0,
        ..STEADY
    },
    Habit {
        name: "PC",
        first: 20.0,
        every: 300.0,
        ..STEADY
    },
    Habit {
        name: "scanner",
        first: 20.3,
        every: 300.0,
        ..STEADY
    },
    Habit {
        name: "mutt",
        first: 10.0 * HOUR,
        every: 15.0,
        until: 11.0 * HOUR,
        ..STEADY
    },
    Habit {
        name: "tablet",
        first: 31.0,
        password: "of last year",
        ..STEADY
    },
    Habit {
        name: "phone on a bad line",
        first: 44.0,
        line_breaks: true,
        ..STEADY
    },
];

/// What became of a program's polls.
#[derive(Debug, Default)]
struct Tally {
    polls: u64,
    accepted: u64,
    refused: u64,
    broken: u64,
    longest: Duration,
}

/// How a line breaks, in turn.
#[derive(Clone, Copy)]
enum Break {
    BeforeLogin,
    WhileAsking,
    AfterLogin,
}

const BREAKS: [Break; 3] = [Break::BeforeLogin, Break::WhileAsking, Break::AfterLogin];

#[tokio::test(start_paused = true)]
async fn nobody_with_a_right_password_is_refused_and_a_stale_one_costs_the_backend_little() {
    let gate = Arc::new(Gate::strict("[defaults]\ncleartext = \"always\"\n").await);
    let demo = DemoServer::new(DemoOptions {
        users: vec![("ann".to_owned(), Secret::new(PASSWORD.as_bytes().to_vec()))],
        ..DemoOptions::default()
    });
    gate.serve_by(&demo);
    let start = Instant::now();
    let mut programs = JoinSet::new();
    for &habit in HOUSEHOLD {
        let gate = Arc::clone(&gate);
        programs.spawn(async move { (habit, live(&gate, habit, start).await) });
    }
    let tallies = programs.join_all().await;
    for (habit, tally) in &tallies {
        println!("{:>20}: {tally:?}", habit.name);
        let right = habit.password == PASSWORD;
        assert_eq!(
            (right, tally.refused),
            (right, if right { 0 } else { tally.polls })
        );
        assert!(!right || tally.longest < seconds(15.0), "{}", habit.name);
    }
    let count = |which: fn(&Event) -> bool| gate.events.count(which);
    let decided = |wanted: PollDecision| move |event: &Event| matches!(event, Event::Rule(RuleEvent::PollDecided { decision, .. }) if *decision == wanted);
    let (delays, in_time) = (
        gate.events.count(decided(PollDecision::Delayed)),
        gate.events.count(decided(PollDecision::Admitted)),
    );
    let from_memory = count(|event| {
        matches!(
            event,
            Event::Rule(RuleEvent::LoginRefused {
                rule: LoginRule::FromMemory,
                ..
            })
        )
    });
    let refusals = count(|event| matches!(event, Event::Rule(RuleEvent::LoginRefused { .. })));
    let blocks = count(|event| matches!(event, Event::BlockChanged(_)));
    let seen = demo.log().counts();
    println!(
        "backend: {} logins, {} wrong passwords, {} lock errors; popgate: {in_time} polls in time, \
         {delays} delayed, {from_memory} refused from memory, {blocks} blocks",
        seen.logins, seen.auth_failures, seen.refusals,
    );
    assert_eq!((refusals, blocks), (from_memory, 0));
    assert_eq!((seen.refusals, seen.overlaps), (0, 0));
    // Three within ten minutes, then one in five minutes.
    assert!(seen.auth_failures <= 3 + 24 * 12, "{}", seen.auth_failures);
    assert!(delays > 0);
}

async fn live(gate: &Gate, habit: Habit, start: Instant) -> Tally {
    let (mut tally, mut next) = (Tally::default(), habit.first);
    while next < habit.until {
        sleep_until(start + seconds(next)).await;
        next += habit.every;
        tally.polls += 1;
        let breaks = habit.line_breaks && tally.polls % 3 == 0;
        if breaks {
            tally.broken += 1;
            let how = BREAKS[usize::try_from(tally.broken % 3).expect("it is small")];
            break_off(gate, habit.password, how).await;
            continue;
        }
        let asked = Instant::now();
        if look(gate, habit.password).await {
            tally.accepted += 1;
        } else {
            tally.refused += 1;
        }
        tally.longest = tally.longest.max(asked.elapsed());
    }
    tally
}

/// Looks for mail as most programs do; says whether it was let in.
async fn look(gate: &Gate, password: &str) -> bool {
    let mut client = gate.visitor().from(HOME).asking("ann", password).await;
    let answer = client.expect_prefix("").await;
    if answer.starts_with("+OK") {
        client.send("STAT\r\n").await;
        client.expect_prefix("+OK").await;
    }
    quit(client).await;
    answer.starts_with("+OK")
}

async fn quit(mut client: Wire) {
    client.send("QUIT\r\n").await;
    client.expect_prefix("+OK").await;
    client.expect_eof().await;
}

async fn break_off(gate: &Gate, password: &str, how: Break) {
    let visitor = gate.visitor().from(HOME);
    match how {
        Break::BeforeLogin => visitor.greeted().await.close(),
        Break::WhileAsking => visitor.asking("ann", password).await.close(),
        Break::AfterLogin => {
            let mut client = visitor.asking("ann", password).await;
            client.expect_prefix("+OK").await;
            client.close();
        }
    }
}
