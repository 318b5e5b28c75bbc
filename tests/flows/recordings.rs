//! What desktop mail programs sent when they were recorded (`tests/desktop`), sent again.

mod shared;

use crate::support::{Gate, Wire, assert_took, seconds};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::observe::event::Event as GateEvent;
use popgate::program::Step;
use popgate::secret::Secret;
use popgate::time::Instant;
use std::fs;
use std::path::Path;

const USER: &str = "ann@example.org";
const PASSWORD: &str = "wonderland";
/// A reply that came so much later than what it answers came when somebody else had left.
const LATE: f64 = 1.0;
const PROGRAMS: usize = 3;

/// One line of a recording: on which connection, when, who, and what was said.
struct Event {
    connection: usize,
    seconds: f64,
    is_client: bool,
    what: String,
}

#[tokio::test(start_paused = true)]
async fn recorded_programs_get_in_late_and_read_their_mail() {
    for scene in ["late-5", "late-20"] {
        for (name, events) in recordings(scene) {
            let gate = gate("25s").await;
            let retrieved = replay_beside_a_holder(&gate, &events).await;
            assert!(retrieved > 0, "{name}: it read no message");
            assert_eq!(taken_for(&gate).await, family(&name), "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn recorded_programs_are_told_when_the_wait_is_spent_and_at_once_when_they_ask_again() {
    for (_, events) in recordings("spent") {
        let gate = gate("8s").await;
        assert_eq!(replay_beside_a_holder(&gate, &events).await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_at_the_first_mailbox_command_reaches_recorded_programs() {
    for (_, events) in recordings("refused") {
        let gate = gate("25s").await;
        replay_before_a_script(&gate, &events).await;
    }
}

/// The program that read messages, as the gate sees it.
async fn taken_for(gate: &Gate) -> String {
    let has_read = |event: &GateEvent| match event {
        GateEvent::Recorded(entry) => entry.trace.steps().any(|seen| seen.step == Step::Retr),
        _ => false,
    };
    match gate.told(has_read).await {
        GateEvent::Recorded(entry) => entry.program.to_string(),
        other => panic!("{other:?}"),
    }
}

/// In clear, and without a memory of it.
fn family(recording: &str) -> &'static str {
    if recording.starts_with("thunderbird") {
        "Thunderbird (medium)"
    } else {
        "Claws Mail or Sylpheed (medium)"
    }
}

/// The recordings of this scene: name and events. Each is of one connection.
fn recordings(scene: &str) -> Vec<(String, Vec<Event>)> {
    let recordings = connections(scene).into_iter();
    let only = recordings.map(|(name, mut connections)| {
        assert_eq!(connections.len(), 1, "connections of {name}");
        (name, connections.remove(0))
    });
    only.collect()
}

/// The recordings of this scene: name, and events by connection.
fn connections(scene: &str) -> Vec<(String, Vec<Vec<Event>>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/desktop/recordings");
    let mut found = Vec::new();
    for entry in fs::read_dir(&dir).expect("the recordings") {
        let path = entry.expect("a recording").path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // "spent" is one, and "shared-spent" another.
        let program = name.strip_suffix(scene).and_then(|it| it.strip_suffix('-'));
        if program.is_some_and(|program| !program.ends_with("-shared")) {
            let text = fs::read_to_string(&path).expect("a text");
            let mut connections: Vec<Vec<Event>> = Vec::new();
            for event in text.lines().map(event) {
                connections.resize_with(connections.len().max(event.connection), Vec::new);
                connections[event.connection - 1].push(event);
            }
            found.push((name, connections));
        }
    }
    assert_eq!(found.len(), PROGRAMS, "programs in {scene}");
    found
}

/// `1 <tab> 5.012 <tab> client <tab> PASS PASSWORD\r\n`, with escapes as in Python.
fn event(line: &str) -> Event {
    let fields: Vec<&str> = line.split('\t').collect();
    let [connection, seconds, who, what] = fields[..] else {
        panic!("no line of a recording: {line:?}")
    };
    let what = what
        .replace("\\r\\n", "\r\n")
        .replace("PASSWORD", PASSWORD)
        .replace("BASE64", &initial_response());
    assert!(!what.contains('\\'), "an unknown escape: {what:?}");
    Event {
        connection: connection.parse().expect("a number"),
        seconds: seconds.parse().expect("a number"),
        is_client: who == "client",
        what,
    }
}

/// Login and password as AUTH PLAIN has them.
fn initial_response() -> String {
    BASE64_STANDARD.encode(format!("\0{USER}\0{PASSWORD}"))
}

fn ends_a_login(segment: &str) -> bool {
    segment.starts_with("PASS ") || segment.trim_end() == initial_response()
}

async fn gate(wait: &str) -> Gate {
    Gate::with(&format!(
        "[defaults]\ncleartext = \"always\"\nwait = \"{wait}\"\n"
    ))
    .await
}

/// Returns how many messages the program retrieved. The holder leaves when the recording has
/// the answer to a login that came late; where that is a refusal it stays.
async fn replay_beside_a_holder(gate: &Gate, events: &[Event]) -> usize {
    gate.serve_by(&DemoServer::new(DemoOptions {
        users: vec![(USER.to_owned(), Secret::new(PASSWORD.as_bytes().to_vec()))],
        ..DemoOptions::default()
    }));
    let mut holder = gate.asking(USER, PASSWORD).await;
    holder.expect_prefix("+OK").await;
    replay(gate, events, Some(holder)).await
}

/// Returns how many messages the program retrieved.
async fn replay(gate: &Gate, events: &[Event], mut holder: Option<Wire>) -> usize {
    let (mut program, mut asked, mut retrieved, mut last) = (gate.client(), "", 0, 0.0);
    for event in events {
        let passed = event.seconds - last;
        last = event.seconds;
        match (event.is_client, event.what.as_str()) {
            (true, "(connects)") => {}
            (true, "(closes)") => break,
            (true, segment) => {
                program.expect_silence(seconds(passed)).await;
                program.send(segment).await;
                asked = segment;
            }
            (false, "(closes)") => program.expect_eof().await,
            (false, reply) => {
                let start = Instant::now();
                let is_late = passed > LATE && reply.starts_with("+OK");
                if let Some(holder) = holder.take_if(|_| is_late) {
                    keep_waiting(&mut program, holder, passed).await;
                }
                hear(&mut program, asked, reply).await;
                assert_took(start, passed - LATE..=passed + LATE);
                retrieved += usize::from(asked.starts_with("RETR") && reply.starts_with("+OK"));
            }
        }
    }
    retrieved
}

/// The backend is a script: it lets the program in, and then answers what was recorded.
async fn replay_before_a_script(gate: &Gate, events: &[Event]) {
    let (mut program, mut backend, mut asked) = (gate.client(), None, "");
    for event in events {
        match (event.is_client, event.what.as_str(), &mut backend) {
            (true, "(connects)", _) => {}
            (true, "(closes)", _) => break,
            (true, segment, _) => {
                program.send(segment).await;
                asked = segment;
            }
            (false, "(closes)", _) => program.expect_eof().await,
            (false, reply, Some(inside)) => answer(inside, &mut program, asked, reply).await,
            (false, reply, none) => {
                if ends_a_login(asked) {
                    let inside: &mut Wire = none.insert(gate.dialed().await);
                    let_in(inside, asked).await;
                }
                hear(&mut program, asked, reply).await;
            }
        }
    }
    program.close();
    let mut backend = backend.expect("it logged in");
    backend.expect_eof().await;
}

/// The backend hears the login as the program said it.
async fn let_in(backend: &mut Wire, asked: &str) {
    if asked.starts_with("PASS ") {
        backend.lets_in(USER, PASSWORD).await;
    } else {
        let welcome = format!("+OK {USER}, come in");
        backend.answers_plain(&initial_response(), &welcome).await;
    }
}

/// Once logged in: the backend hears the command, and the program the backend's answer.
async fn answer(backend: &mut Wire, program: &mut Wire, asked: &str, reply: &str) {
    backend.expect(asked).await;
    backend.send(format!("{reply}\r\n")).await;
    program.expect(format!("{reply}\r\n")).await;
}

/// The holder leaves when the program has waited for so long.
async fn keep_waiting(program: &mut Wire, mut holder: Wire, passed: f64) {
    for _ in 0..passed as u32 {
        // It would be closed for being idle.
        holder.send("TOP 1 0\r\n").await;
        holder.expect_prefix("+OK").await;
        while holder.read_line().await != "." {}
        program.expect_silence(seconds(1.0)).await;
    }
    holder.send("QUIT\r\n").await;
    holder.expect_prefix("+OK").await;
}

/// The program hears the same as when it was recorded: the same status, of an error all words.
async fn hear(program: &mut Wire, asked: &str, reply: &str) {
    if !reply.starts_with("+OK") {
        program.expect(format!("{reply}\r\n")).await;
        return;
    }
    program.expect_prefix("+OK").await;
    if ["CAPA", "LIST\r\n", "UIDL\r\n", "RETR", "TOP"]
        .iter()
        .any(|verb| asked.starts_with(verb))
    {
        while program.read_line().await != "." {}
    }
}
