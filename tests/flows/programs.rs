//! What a gate sees of the programs that come to it, and which ones it takes them for.

use crate::support::{Gate, Wire, seconds};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::gate::Kick;
use popgate::history::{End, HistoryEntry};
use popgate::observe::event::Event;
use popgate::program::{Step, Trace};
use popgate::secret::Secret;
use std::net::SocketAddr;
use std::sync::Arc;

const USER: &str = "ann@example.org";
const PASSWORD: &str = "wonderland";

/// A gate before a server with some messages for [`USER`].
async fn gate() -> Gate {
    let gate = Gate::classic().await;
    gate.serve_by(&server());
    gate
}

fn server() -> Arc<DemoServer> {
    DemoServer::new(DemoOptions {
        users: vec![(USER.to_owned(), Secret::new(PASSWORD.as_bytes().to_vec()))],
        ..DemoOptions::default()
    })
}

/// The entry of this client, once its session is over.
async fn entry(gate: &Gate, client: &Wire) -> Arc<HistoryEntry> {
    entry_of(gate, client.address).await
}

async fn entry_of(gate: &Gate, address: SocketAddr) -> Arc<HistoryEntry> {
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
        assert_eq!(shown_as(&gate, client).await, program);
    }
}

/// What an open session is taken for.
async fn shown_as(gate: &Gate, client: &Wire) -> String {
    let id = gate.session(client).await;
    let view = gate.cx.sessions.view(id).expect("it is open");
    view.program.to_string()
}

/// Either of them, as far as a session tells that QUIT ends.
const CLAWS_OR_SYLPHEED: &str = "Claws Mail or Sylpheed (medium)";

/// A gate that knows such a program, whose password is proven.
async fn gate_that_knows_claws_or_sylpheed() -> Gate {
    let gate = gate().await;
    let mut first = gate.greeted().await;
    play(&mut first, "USER, PASS, STAT, UIDL, LIST, RETR, QUIT").await;
    let program = entry(&gate, &first).await.program.to_string();
    assert_eq!(program, CLAWS_OR_SYLPHEED);
    gate
}

/// What its next session is taken for as soon as it has logged in.
async fn recalled(gate: &Gate) -> String {
    let mut next = gate.greeted().await;
    play(&mut next, "USER, PASS").await;
    let shown = shown_as(gate, &next).await;
    play(&mut next, "QUIT").await;
    shown
}

#[tokio::test(start_paused = true)]
async fn a_program_that_leaves_or_is_kicked_without_an_answer_is_no_better_known() {
    for is_kicked in [false, true] {
        let gate = gate_that_knows_claws_or_sylpheed().await;
        let mut holder = gate.visitor().from("192.0.2.9").greeted().await;
        play(&mut holder, "USER, PASS").await;
        let mut waiter = gate.waiter(USER, PASSWORD).await;
        let address = waiter.address;
        if is_kicked {
            let id = gate.session(&waiter).await;
            assert_eq!(gate.cx.sessions.kick(id, None), Kick::Kicked);
            waiter.expect_eof().await;
        }
        waiter.close();
        let entry = entry_of(&gate, address).await;
        let end = match is_kicked {
            true => End::Kicked,
            false => End::LeftWaiting,
        };
        assert_eq!(
            (entry.end, entry.trace.to_text().as_str()),
            (end, "USER, PASS")
        );
        play(&mut holder, "QUIT").await;
        assert_eq!(recalled(&gate).await, CLAWS_OR_SYLPHEED, "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_is_known_by_how_it_takes_a_refusal() {
    for (last_words, expected) in [
        ("", "Claws Mail (medium)"),
        ("QUIT\r\n", "Sylpheed (medium)"),
        ("kicked", CLAWS_OR_SYLPHEED),
    ] {
        let gate = gate_that_knows_claws_or_sylpheed().await;
        gate.serve_each(|mut wire| async move {
            if wire.hears_login().await.is_some() {
                wire.answers("-ERR [SYS/PERM] not today").await;
            }
        });
        let mut refused = gate.asking(USER, PASSWORD).await;
        refused.expect("-ERR [SYS/PERM] not today\r\n").await;
        let id = gate.session(&refused).await;
        match last_words {
            "kicked" => {
                assert_eq!(gate.cx.sessions.kick(id, None), Kick::Kicked);
                refused.expect_eof().await;
            }
            words => refused.send(words).await,
        }
        refused.close();
        gate.told(|event| matches!(event, Event::SessionEnded(it) if it.session == id))
            .await;
        gate.serve_by(&server());
        assert_eq!(recalled(&gate).await, expected, "{last_words:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_for_its_server_is_not_silent() {
    let listing = "+OK\r\n1 a\r\n.\r\n";
    for (is_answered, expected) in [(false, "unknown"), (true, "iOS Mail (medium)")] {
        let gate = Gate::classic().await;
        let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
        ann.send("STAT\r\n").await;
        inside.expect("STAT\r\n").await;
        inside.send("+OK 1 9\r\n").await;
        ann.expect("+OK 1 9\r\n").await;
        ann.send("UIDL\r\n").await;
        inside.expect("UIDL\r\n").await;
        if is_answered {
            inside.send(listing).await;
            ann.expect(listing).await;
        }
        ann.expect_silence(seconds(12.0)).await;
        assert_eq!(shown_as(&gate, &ann).await, expected, "{is_answered}");
        ann.half_close().await;
        if !is_answered {
            inside.send(listing).await;
        }
        let entry = entry(&gate, &ann).await;
        assert_eq!(entry.program.to_string(), expected, "{is_answered}");
        assert_eq!((entry.end, entry.idle), (End::Left, seconds(12.0)));
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
