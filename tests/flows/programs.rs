//! What a gate sees of the programs that come to it, and which ones it takes them for.

use crate::support::{Gate, Wire, seconds};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::history::HistoryEntry;
use popgate::observe::event::Event;
use popgate::program::{Step, Trace};
use popgate::secret::Secret;
use std::sync::Arc;

const USER: &str = "ann@example.org";
const PASSWORD: &str = "wonderland";

/// A gate before a server with some messages for [`USER`].
async fn gate() -> Gate {
    let gate = Gate::classic().await;
    gate.serve_by(&DemoServer::new(DemoOptions {
        users: vec![(USER.to_owned(), Secret::new(PASSWORD.as_bytes().to_vec()))],
        ..DemoOptions::default()
    }));
    gate
}

/// The entry of the client with this number, once its session is over.
async fn entry(gate: &Gate, client: &Wire) -> Arc<HistoryEntry> {
    let address = client.address;
    let is_its = |event: &Event| matches!(event, Event::Recorded(entry) if entry.client == address);
    match gate.told(is_its).await {
        Event::Recorded(entry) => entry,
        other => panic!("{other:?}"),
    }
}

/// Does what a trace says, in its segments: what was sent ahead goes out with the command before.
async fn play(program: &mut Wire, script: &str) {
    let steps: Vec<_> = Trace::from_text(script).steps().collect();
    let mut message = 0;
    for segment in steps.chunk_by(|_, next| next.sent_ahead) {
        let lines = segment.iter().map(|seen| {
            message += u32::from(seen.step == Step::Retr);
            line_of(seen.step, message)
        });
        program.send(lines.collect::<String>()).await;
        for seen in segment {
            hear(program, seen.step).await;
        }
    }
}

fn line_of(step: Step, message: u32) -> String {
    match step {
        Step::User => format!("USER {USER}\r\n"),
        Step::Pass => format!("PASS {PASSWORD}\r\n"),
        Step::AuthPlainInitial => format!("AUTH PLAIN {}\r\n", response()),
        Step::Retr | Step::Dele => format!("{} {message}\r\n", step.as_str()),
        Step::TopAll => "TOP 1 99999999\r\n".to_owned(),
        Step::Top => "TOP 1 20\r\n".to_owned(),
        Step::AuthOther => "AUTH SCRAM-SHA-256\r\n".to_owned(),
        _ => format!("{}\r\n", step.as_str().replace('n', "1")),
    }
}

/// Name and password as AUTH PLAIN has them.
fn response() -> String {
    BASE64_STANDARD.encode(format!("\0{USER}\0{PASSWORD}"))
}

/// Hears the whole reply to a command.
async fn hear(program: &mut Wire, step: Step) {
    let mut status = program.read_line().await;
    if step == Step::AuthPlain && status.starts_with("+ ") {
        program.send(format!("{}\r\n", response())).await;
        status = program.read_line().await;
    }
    let has_body = matches!(
        step,
        Step::Capa
            | Step::List
            | Step::Uidl
            | Step::Retr
            | Step::Top
            | Step::TopHeader
            | Step::TopAll
            | Step::AuthList
    );
    if has_body && status.starts_with("+OK") {
        while program.read_line().await != "." {}
    }
}

#[tokio::test(start_paused = true)]
async fn the_trace_of_a_session_has_its_commands_and_segments_before_and_after_login() {
    let gate = gate().await;
    for script in [
        "CAPA, AUTH PLAIN, STAT, LIST, UIDL, RETR, QUIT",
        "CAPA, USER, +PASS, CAPA, LIST, +UIDL, RETR, +RETR, QUIT",
        "AUTH, AUTH other, USER, PASS, STAT, UIDL n, TOP n all, DELE, RSET, QUIT",
        "USER, PASS, STAT, UIDL, LIST, TOP n 0, TOP n m, NOOP, QUIT",
        "AUTH PLAIN =, LIST, +UIDL, +STAT, QUIT",
    ] {
        let mut program = gate.greeted().await;
        play(&mut program, script).await;
        let trace = entry(&gate, &program).await.trace;
        assert_eq!(trace.to_text(), script);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_and_a_session_without_one_have_traces_as_well() {
    let gate = gate().await;
    let mut stranger = gate.greeted().await;
    play(&mut stranger, "CAPA, QUIT").await;
    let mut guesser = gate.greeted().await;
    guesser.asks_in(USER, "another").await;
    guesser.expect_prefix("-ERR").await;
    for (program, trace) in [(&stranger, "CAPA, QUIT"), (&guesser, "USER, PASS")] {
        assert_eq!(entry(&gate, program).await.trace.to_text(), trace);
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_is_named_by_its_last_session_before_its_login_is_answered() {
    let gate = gate().await;
    let mut first = gate.greeted().await;
    play(&mut first, "CAPA, AUTH PLAIN, STAT, UIDL, RETR, QUIT").await;
    let entry = entry(&gate, &first).await;
    assert_eq!(entry.program.to_string(), "K-9 Mail (high)");
    let mut holder = gate.greeted().await;
    play(&mut holder, "USER, PASS").await;
    let mut waiter = gate.greeted().await;
    play(&mut waiter, "CAPA").await;
    waiter.send("AUTH PLAIN\r\n").await;
    waiter.expect("+ \r\n").await;
    waiter.send(format!("{}\r\n", response())).await;
    gate.queued(&waiter).await;
    for (client, program) in [(&waiter, "K-9 Mail (medium)"), (&holder, "unknown")] {
        let id = gate.session(client).await;
        let view = gate.cx.sessions.view(id).expect("it is open");
        assert_eq!(view.program.to_string(), program);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_right_behind_another_programs_is_its_twin() {
    let checker = "USER, PASS, STAT, UIDL, TOP n m, TOP n m, QUIT";
    let thunderbird = "CAPA, AUTH PLAIN, STAT, LIST, UIDL, RETR, QUIT";
    let claws = "USER, PASS, STAT, UIDL, LIST, RETR, QUIT";
    for (first, pause, second, is_twin) in [
        (checker, 1.0, thunderbird, true),
        (checker, 3.0, thunderbird, false),
        (thunderbird, 1.0, thunderbird, false),
        ("USER, PASS, QUIT", 1.0, claws, false),
    ] {
        let gate = gate().await;
        let mut earlier = gate.greeted().await;
        play(&mut earlier, first).await;
        assert!(!entry(&gate, &earlier).await.is_twin, "{first}");
        tokio::time::advance(seconds(pause)).await;
        let mut later = gate.greeted().await;
        play(&mut later, second).await;
        let later = entry(&gate, &later).await;
        assert_eq!(later.is_twin, is_twin, "{first}, and {second}");
    }
}
