use super::double::FeedDouble;
use super::*;
use crate::admin::double::{AdminPort, GateDouble, headers};
use crate::limits::{ADMIN_CONNECTIONS_MAX, STREAM_LINGER, STREAM_STALL};
use crate::time::{Duration, Instant};
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{advance, sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(20);

/// Streams without a port, on paused time.
struct Studio {
    gate: Arc<GateDouble>,
    streams: Arc<LockStreams>,
}

/// What a reader is sent.
struct Events {
    body: Body,
    octets: String,
    connection: ConnectionPlace,
}

#[derive(Debug)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Studio {
    fn new() -> Self {
        let gate = Arc::new(GateDouble::default());
        let streams = Arc::new(LockStreams::new(BlockingReads::new(gate.clone())));
        let feed = Arc::clone(&streams);
        tokio::spawn(async move { feed.feed().await });
        Self { gate, streams }
    }

    fn locks(&self) -> &FeedDouble {
        &self.gate.feed
    }

    async fn connection() -> ConnectionPlace {
        let places = Arc::new(Semaphore::new(1));
        ConnectionPlace::new(places.acquire_owned().await.unwrap())
    }

    async fn open(&self, scope: Scope, last_event: Option<&str>) -> Events {
        let connection = Self::connection().await;
        let body = self.streams.open(scope, last_event, connection.clone());
        Events {
            body: body.unwrap(),
            octets: String::new(),
            connection,
        }
    }

    /// A reader that has the snapshot.
    async fn reading(&self, scope: Scope) -> (Events, Event) {
        let mut events = self.open(scope, None).await;
        let snapshot = events.next().await;
        assert_eq!(snapshot.name, "snapshot");
        (events, snapshot)
    }
}

impl Events {
    /// The next event; no status.
    async fn next(&mut self) -> Event {
        let next = async {
            loop {
                let event = self.read().await;
                if event.name != "status" {
                    return event;
                }
            }
        };
        timeout(PATIENCE, next).await.expect("no event came")
    }

    async fn any(&mut self) -> Event {
        let event = timeout(PATIENCE, self.read());
        event.await.expect("no event came")
    }

    async fn read(&mut self) -> Event {
        loop {
            if let Some((event, rest)) = self.octets.split_once("\n\n") {
                let read = parse(event);
                self.octets = rest.to_owned();
                if let Some(read) = read {
                    return read;
                }
                continue;
            }
            let frame = self.body.frame().await.expect("the stream is over");
            let octets = frame.unwrap().into_data().unwrap();
            self.octets += std::str::from_utf8(&octets).unwrap();
        }
    }

    /// The next change: whose, and how many wait now.
    async fn change(&mut self) -> (String, usize) {
        let event = self.next().await;
        assert_eq!(event.name, "lock", "{event:?}");
        waiting(&event.data)
    }

    async fn silence(&mut self) {
        let told = timeout(Duration::from_millis(900), self.next()).await;
        assert!(told.is_err(), "{told:?}");
    }
}

/// None for a comment.
fn parse(event: &str) -> Option<Event> {
    let field = |name: &str| {
        let mut lines = event.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(key, _)| *key == name)?;
        Some(found.1.to_owned())
    };
    Some(Event {
        name: field("event")?,
        id: field("id"),
        data: serde_json::from_str(&field("data")?).unwrap(),
    })
}

fn waiting(lock: &Value) -> (String, usize) {
    let maildrop = lock["maildrop"].as_str().unwrap().to_owned();
    (maildrop, lock["waiters"].as_array().unwrap().len())
}

fn ann(waiters: usize) -> (String, usize) {
    ("ann".to_owned(), waiters)
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_wait_that_the_reader_alone_has_seen_is_told() {
    let studio = Studio::new();
    let (mut events, _) = studio.reading(Scope::Contended).await;
    studio.locks().let_glimpse("ann");
    studio.locks().set("ann", 0);
    assert_eq!(events.change().await, ann(1));
    studio.locks().set("ann", 0);
    assert_eq!(events.change().await, ann(0));
    studio.locks().set("ann", 0);
    events.silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_comes_first_then_each_change_as_it_is_now() {
    let studio = Studio::new();
    studio.locks().set("ann", 0);
    let (mut events, snapshot) = studio.reading(Scope::All).await;
    assert_eq!(waiting(&snapshot.data["locks"][0]), ann(0));
    assert_eq!(snapshot.data["status"]["stage"], "serving");
    assert_eq!(snapshot.data["left_out"], 0);
    for waiters in [2, 1] {
        studio.locks().set("ann", waiters);
    }
    assert_eq!(
        events.change().await,
        ann(1),
        "what was between is left out"
    );
    events.silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_contention_hears_of_its_end_once_and_of_nothing_else() {
    let studio = Studio::new();
    studio.locks().set("ann", 1);
    studio.locks().set("ben", 0);
    let (mut events, snapshot) = studio.reading(Scope::Contended).await;
    assert_eq!(snapshot.data["locks"].as_array().unwrap().len(), 1);
    studio.locks().set("ann", 0);
    assert_eq!(events.change().await, ann(0));
    studio.locks().set("ann", 0);
    studio.locks().set("ben", 0);
    events.silence().await;
    studio.locks().set("ann", 3);
    assert_eq!(events.change().await, ann(3));
}

#[tokio::test(start_paused = true)]
async fn contention_that_only_a_snapshot_has_shown_has_an_end_for_its_reader() {
    let studio = Studio::new();
    let (_first, _) = studio.reading(Scope::All).await;
    studio.locks().set("ann", 1);
    // Not gathered yet.
    let (mut events, snapshot) = studio.reading(Scope::Contended).await;
    assert_eq!(waiting(&snapshot.data["locks"][0]), ann(1));
    studio.locks().set("ann", 0);
    assert_eq!(events.change().await, ann(0));
}

#[tokio::test(start_paused = true)]
async fn who_comes_again_is_sent_what_has_changed_since() {
    let studio = Studio::new();
    let (mut events, _) = studio.reading(Scope::All).await;
    studio.locks().set("ann", 1);
    let seen = events.next().await.id.unwrap();
    drop(events);
    studio.locks().set("ben", 2);
    sleep(Duration::from_secs(30)).await;
    let mut again = studio.open(Scope::All, Some(&seen)).await;
    let told = again.next().await;
    assert_eq!(waiting(&told.data), ("ben".to_owned(), 2));
    again.silence().await;
    for (scope, id) in [
        (Scope::All, "another-process-1"),
        (Scope::Contended, &*seen),
    ] {
        let mut other = studio.open(scope, Some(id)).await;
        assert_eq!(other.next().await.name, "snapshot");
    }
}

#[tokio::test(start_paused = true)]
async fn changes_that_are_lost_are_told_and_a_snapshot_follows() {
    let studio = Studio::new();
    let (mut events, _) = studio.reading(Scope::All).await;
    sleep(Duration::from_secs(1)).await;
    studio.locks().set("ann", 1);
    studio.locks().lose();
    let missed = events.next().await;
    assert_eq!((missed.name.as_str(), missed.id), ("missed", None));
    assert!(missed.data["why"].as_str().unwrap().contains("faster"));
    let snapshot = events.next().await;
    assert_eq!(snapshot.name, "snapshot");
    assert_eq!(waiting(&snapshot.data["locks"][0]), ann(1));
    studio.locks().set("ann", 2);
    assert_eq!(events.change().await, ann(2));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_misses_what_is_forgotten_and_is_told_so() {
    let studio = Studio::new();
    let (mut events, _) = studio.reading(Scope::All).await;
    // More than may be untaken, and more than is known.
    for n in 0..2 * LOCK_CHANGES_KEPT {
        studio.locks().set(&n.to_string(), 1);
        if n % 1000 == 0 {
            sleep(Duration::from_secs(1)).await;
        }
    }
    sleep(Duration::from_secs(1)).await;
    let mut names = Vec::new();
    while names.last().is_none_or(|name| name != "snapshot") {
        names.push(events.next().await.name);
    }
    assert!(names.len() < 1100, "{} events", names.len());
    assert_eq!(names[names.len() - 2], "missed");
}

#[tokio::test(start_paused = true)]
async fn the_status_comes_each_second() {
    let studio = Studio::new();
    let (mut events, _) = studio.reading(Scope::All).await;
    let start = Instant::now();
    for _ in 0..10 {
        assert_eq!(events.any().await.name, "status");
    }
    let took = start.elapsed().as_secs_f64();
    assert!((9.0..11.5).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_is_cut_and_one_that_takes_little_is_not() {
    let studio = Studio::new();
    let (mut taking, _) = studio.reading(Scope::All).await;
    let (idle, _) = studio.reading(Scope::All).await;
    let start = Instant::now();
    while !idle.connection.is_cut() {
        taking.any().await;
        assert!(start.elapsed() < 2 * STREAM_STALL);
    }
    assert!(start.elapsed() >= STREAM_STALL);
    assert!(!taking.connection.is_cut());
    assert_eq!(studio.locks().readers.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_gathered_before_the_first_reader_and_long_after_the_last() {
    let studio = Studio::new();
    let gathers = || studio.locks().gathers.load(Ordering::SeqCst);
    sleep(Duration::from_secs(1)).await;
    assert!(!gathers());
    let (events, _) = studio.reading(Scope::All).await;
    assert!(gathers());
    drop(events);
    sleep(STREAM_LINGER - Duration::from_secs(5)).await;
    assert!(gathers());
    advance(Duration::from_secs(10)).await;
    sleep(Duration::from_secs(1)).await;
    assert!(!gathers());
    let (mut again, _) = studio.reading(Scope::All).await;
    studio.locks().set("ann", 1);
    assert_eq!(again.change().await, ann(1));
}

async fn open(port: &AdminPort) -> TcpStream {
    let mut stream = port.connect().await;
    let head = headers("");
    let request = format!("GET /api/v1/locks/events HTTP/1.1\r\n{head}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until `what` has come.
async fn read_until(stream: &mut TcpStream, what: &str) -> String {
    let mut text = String::new();
    let mut octets = [0; 4096];
    while !text.contains(what) {
        let read = timeout(PATIENCE, stream.read(&mut octets));
        let length = read.await.expect("nothing came").unwrap();
        assert_ne!(length, 0, "the end came behind {text}");
        text += &String::from_utf8_lossy(&octets[..length]);
    }
    text
}

#[tokio::test]
async fn streams_have_places_of_their_own_and_leave_requests_theirs() {
    let port = AdminPort::start().await;
    let mut streams = Vec::new();
    for _ in 0..STREAM_READERS_MAX {
        let mut stream = open(&port).await;
        read_until(&mut stream, "event: snapshot").await;
        streams.push(stream);
    }
    const { assert!(STREAM_READERS_MAX >= ADMIN_CONNECTIONS_MAX) };
    let (status, refusal) = port.get("/api/v1/locks/events").await;
    assert_eq!(status, 503);
    assert!(refusal["error"].as_str().unwrap().contains("all 32 places"));
    assert_eq!(port.get("/api/v1/status").await.0, 200);
    // A place comes free with its reader.
    streams.pop();
    let mut late = open(&port).await;
    let head = timeout(PATIENCE, async {
        loop {
            let head = read_until(&mut late, "HTTP/1.1 ").await;
            if head.contains("200 OK") {
                return head;
            }
            late = open(&port).await;
        }
    });
    let head = head.await.expect("no place came free").to_lowercase();
    assert!(head.contains("content-type: text/event-stream"), "{head}");
}

#[tokio::test]
async fn a_stop_ends_streams_at_once() {
    let mut port = AdminPort::start().await;
    let mut stream = open(&port).await;
    read_until(&mut stream, "event: snapshot").await;
    port.stop.cancel();
    let ended = timeout(Duration::from_secs(5), &mut port.server).await;
    assert!(ended.is_ok(), "the stream goes on");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}
