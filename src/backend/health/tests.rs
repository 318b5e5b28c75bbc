use super::*;
use crate::backend::BackendOptions;
use crate::backend::double::{ADDRESS, Double, answer, next, options};
use crate::net::conn::Conn;
use crate::observe::hub::{EventSink, Stamped};
use crate::time::{Duration, Instant, WallClock};
use std::sync::Mutex;
use tokio::io::DuplexStream;
use tokio::sync::mpsc::UnboundedReceiver;

const MOMENT: Duration = Duration::from_millis(1);

/// Keeps what was said, a word for each event.
#[derive(Default)]
struct Told(Mutex<Vec<&'static str>>);

impl EventSink for Told {
    fn handle(&self, event: &Stamped) {
        self.0.lock().unwrap().push(match event.event {
            Event::BackendUp { .. } => "up",
            Event::BackendDown { .. } => "down",
            _ => "else",
        });
    }
}

impl Told {
    fn hub(self: &Arc<Self>) -> Arc<EventHub> {
        let sink = Arc::clone(self) as _;
        Arc::new(EventHub::new(WallClock::System, vec![sink]))
    }
}

/// A backend under watch; the test holds its other side.
struct Rig {
    backend: Arc<Backend>,
    dial: Arc<Double>,
    arrivals: UnboundedReceiver<DuplexStream>,
    told: Arc<Told>,
    stop: CancellationToken,
}

impl Rig {
    fn new(options: BackendOptions) -> Self {
        let (dial, arrivals) = Double::new();
        let dial = Arc::new(dial);
        let rig = Self {
            backend: Arc::new(Backend::new(options, Arc::clone(&dial) as _).unwrap()),
            dial,
            arrivals,
            told: Arc::default(),
            stop: CancellationToken::new(),
        };
        let events = rig.told.hub();
        tokio::spawn(watch_backend(
            Arc::clone(&rig.backend),
            events,
            rig.stop.clone(),
        ));
        rig
    }

    /// Answers the next look with `capa`, and sees it end with QUIT.
    async fn serve(&mut self, capa: &str) {
        let mut conn = next(&mut self.arrivals).await;
        conn.write_all(b"+OK\r\n").await.unwrap();
        answer(&mut conn, "CAPA", capa.as_bytes()).await;
        answer(&mut conn, "QUIT", b"+OK\r\n").await;
        drop(conn);
        tokio::time::sleep(MOMENT).await;
    }

    fn told(&self) -> Vec<&'static str> {
        self.told.0.lock().unwrap().clone()
    }

    fn is_up(&self) -> bool {
        self.backend.is_up()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

const CAPA: &str = "+OK\r\nTOP\r\nUIDL\r\n.\r\n";
const CAPA_MORE: &str = "+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\n.\r\n";

#[tokio::test(start_paused = true)]
async fn it_is_looked_at_at_once_and_then_at_intervals() {
    let mut rig = Rig::new(options());
    assert_eq!(rig.backend.state(), State::Unknown);
    let start = Instant::now();
    let backend = Arc::clone(&rig.backend);
    tokio::join!(backend.known(), rig.serve(CAPA));
    assert!(start.elapsed() < PROBE_AGAIN);
    assert!(rig.is_up());
    rig.serve(CAPA).await;
    let elapsed = start.elapsed();
    assert!(elapsed >= PROBE_UP && elapsed < PROBE_UP + PROBE_AGAIN);
    assert_eq!(rig.told(), ["up"], "only changes are told");
}

#[tokio::test(start_paused = true)]
async fn going_down_and_coming_back_are_told_once() {
    let mut rig = Rig::new(options());
    rig.serve(CAPA).await;
    rig.dial.set_down(true);
    tokio::time::sleep(PROBE_UP + 3 * PROBE_DOWN).await;
    let State::Down(why) = rig.backend.state() else {
        panic!("it is not down");
    };
    assert!(why.contains(ADDRESS), "{why}");
    rig.dial.set_down(false);
    let start = Instant::now();
    rig.serve(CAPA).await;
    assert!(start.elapsed() <= PROBE_DOWN + MOMENT);
    assert_eq!(rig.told(), ["up", "down", "up"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_reported_is_looked_into_now_but_not_without_pause() {
    let mut rig = Rig::new(options());
    rig.serve(CAPA).await;
    tokio::time::sleep(PROBE_AGAIN).await;
    let start = Instant::now();
    for _ in 0..100 {
        rig.backend.report_failure();
    }
    rig.serve(CAPA).await;
    assert!(start.elapsed() <= 2 * MOMENT, "{:?}", start.elapsed());
    for _ in 0..100 {
        rig.backend.report_failure();
    }
    rig.serve(CAPA).await;
    let elapsed = start.elapsed();
    assert!(elapsed >= PROBE_AGAIN && elapsed < PROBE_UP, "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn capabilities_change_with_the_backend_without_an_event() {
    let mut rig = Rig::new(options());
    rig.serve(CAPA).await;
    let before = rig.backend.capabilities().unwrap();
    assert!(before.top && !before.pipelining);
    rig.serve(CAPA_MORE).await;
    assert!(rig.backend.capabilities().unwrap().pipelining);
    assert_eq!(rig.told(), ["up"]);
}

#[tokio::test(start_paused = true)]
async fn a_backend_without_capa_can_do_what_every_one_can() {
    let mut rig = Rig::new(options());
    rig.serve("-ERR unknown command\r\n").await;
    assert_eq!(
        *rig.backend.capabilities().unwrap(),
        Capabilities::assumed()
    );
}

#[tokio::test(start_paused = true)]
async fn capabilities_of_the_configuration_come_first() {
    let names = vec!["TOP".to_owned(), "PIPELINING".to_owned()];
    let mut rig = Rig::new(BackendOptions {
        capabilities: Some(names.clone()),
        ..options()
    });
    let mut conn = next(&mut rig.arrivals).await;
    conn.write_all(b"+OK\r\n").await.unwrap();
    answer(&mut conn, "QUIT", b"+OK\r\n").await;
    drop(conn);
    tokio::time::sleep(MOMENT).await;
    let known = rig.backend.capabilities().unwrap();
    assert_eq!(*known, Capabilities::from_names(&names));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_make_it_down_but_does_not_make_it_up_either() {
    let mut rig = Rig::new(options());
    let refusal: &[u8] = b"-ERR too many connections\r\n";
    next(&mut rig.arrivals)
        .await
        .write_all(refusal)
        .await
        .unwrap();
    tokio::time::sleep(MOMENT).await;
    assert!(matches!(rig.backend.state(), State::Down(_)));
    rig.serve(CAPA).await;
    next(&mut rig.arrivals)
        .await
        .write_all(refusal)
        .await
        .unwrap();
    tokio::time::sleep(MOMENT).await;
    assert!(rig.is_up());
}

#[tokio::test(start_paused = true)]
async fn one_that_closes_at_once_is_down_only_while_no_connection_to_it_is_open() {
    let mut rig = Rig::new(options());
    rig.serve(CAPA).await;
    let session = rig.backend.permit().await;
    drop(next(&mut rig.arrivals).await);
    tokio::time::sleep(MOMENT).await;
    assert!(rig.is_up());
    drop(session);
    drop(next(&mut rig.arrivals).await);
    tokio::time::sleep(MOMENT).await;
    assert!(!rig.is_up());
}

/// Serves a look: greets after so long, and answers CAPA with this, where it is anything.
async fn serve_oddly(mut conn: Conn, greets: Duration, reply: String) {
    tokio::time::sleep(greets).await;
    conn.write_all(b"+OK\r\n").await.unwrap();
    answer(&mut conn, "CAPA", reply.as_bytes()).await;
    let _ = conn.drain_to_end().await;
}

#[tokio::test(start_paused = true)]
async fn one_whose_answer_to_capa_is_odd_or_missing_is_up_as_one_without_capa() {
    let endless = format!("+OK\r\n{}", "X-AGAIN\r\n".repeat(9_000));
    for (reply, within) in [
        ("+OK\r\n", CAPA_PROMPT),
        ("", CAPA_PROMPT),
        ("hello\r\nworld\r\n", Duration::ZERO),
        ("* OK IMAP4rev1\r\n", Duration::ZERO),
        (endless.as_str(), Duration::ZERO),
    ] {
        let mut rig = Rig::new(options());
        let start = Instant::now();
        let conn = next(&mut rig.arrivals).await;
        tokio::spawn(serve_oddly(conn, Duration::ZERO, reply.to_owned()));
        rig.backend.known().await;
        assert!(rig.is_up(), "{reply:.20}");
        assert!(start.elapsed() <= within + MOMENT, "{reply:.20}");
        let known = rig.backend.capabilities().unwrap();
        assert_eq!(*known, Capabilities::assumed(), "{reply:.20}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_closes_at_capa_is_up_as_one_without_capa() {
    let mut rig = Rig::new(options());
    let mut conn = next(&mut rig.arrivals).await;
    conn.write_all(b"+OK\r\n").await.unwrap();
    answer(&mut conn, "CAPA", b"").await;
    drop(conn);
    rig.backend.known().await;
    assert!(rig.is_up());
    let known = rig.backend.capabilities().unwrap();
    assert_eq!(*known, Capabilities::assumed());
    assert!(rig.backend.leave_to_ask().is_none());
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_its_time_for_capa_is_up_before_and_its_list_is_taken_when_it_comes() {
    let mut rig = Rig::new(options());
    let mut conn = next(&mut rig.arrivals).await;
    conn.write_all(b"+OK\r\n").await.unwrap();
    rig.backend.known().await;
    assert!(rig.is_up() && !rig.backend.capabilities().unwrap().pipelining);
    tokio::time::sleep(Duration::from_secs(11)).await;
    answer(&mut conn, "CAPA", CAPA_MORE.as_bytes()).await;
    answer(&mut conn, "QUIT", b"+OK\r\n").await;
    assert!(rig.backend.capabilities().unwrap().pipelining);
    assert!(
        rig.backend.leave_to_ask().is_none(),
        "a login does not wait so long"
    );
    assert_eq!(rig.told(), ["up"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_slow_to_greet_is_up_where_a_login_would_wait_too() {
    for (greets, limit, is_up) in [(12, 15, true), (16, 15, false), (16, 20, true)] {
        let mut rig = Rig::new(BackendOptions {
            connect_timeout: Duration::from_secs(limit),
            ..options()
        });
        let conn = next(&mut rig.arrivals).await;
        let greets = Duration::from_secs(greets);
        let capa = CAPA.to_owned();
        let server = tokio::spawn(serve_oddly(conn, greets, capa));
        rig.backend.known().await;
        assert_eq!(rig.is_up(), is_up, "{greets:?}");
        server.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_that_waits_for_capa_makes_room_for_a_login() {
    let mut rig = Rig::new(BackendOptions {
        connections: 1,
        ..options()
    });
    let mut conn = next(&mut rig.arrivals).await;
    conn.write_all(b"+OK\r\n").await.unwrap();
    rig.backend.known().await;
    let start = Instant::now();
    let server = async {
        answer(&mut conn, "CAPA", b"").await;
        answer(&mut conn, "QUIT", b"+OK\r\n").await;
        drop(conn);
    };
    tokio::join!(rig.backend.permit(), server);
    assert!(start.elapsed() <= MOMENT, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_look_that_waits_for_capa_is_given_up_when_a_login_has_failed() {
    let mut rig = Rig::new(options());
    let mut conn = next(&mut rig.arrivals).await;
    conn.write_all(b"+OK\r\n").await.unwrap();
    rig.backend.known().await;
    rig.dial.set_down(true);
    let start = Instant::now();
    rig.backend.report_failure();
    let mut state = rig.backend.watch();
    state
        .wait_for(|state| matches!(state, State::Down(_)))
        .await
        .unwrap();
    assert!(start.elapsed() <= EOF_AFTER_QUIT + PROBE_AGAIN + MOMENT);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_long_for_a_first_look_that_has_no_end() {
    let rig = Rig::new(options());
    let start = Instant::now();
    rig.backend.known_in_time().await;
    assert_eq!(start.elapsed(), FIRST_LOOK);
    rig.backend.known_in_time().await;
    assert_eq!(start.elapsed(), FIRST_LOOK);
    assert_eq!(rig.backend.state(), State::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_gate_without_descriptors_knows_nothing_of_a_backend_that_is_new() {
    let mut rig = Rig::new(options());
    rig.dial.fails_with(libc::EMFILE);
    tokio::time::sleep(PROBE_DOWN).await;
    assert_eq!(rig.backend.state(), State::Unknown);
    rig.dial.fails_with(0);
    rig.serve(CAPA).await;
    assert!(rig.is_up());
}

#[tokio::test(start_paused = true)]
async fn a_full_backend_is_left_alone() {
    let mut rig = Rig::new(BackendOptions {
        connections: 1,
        ..options()
    });
    rig.serve(CAPA).await;
    let permit = rig.backend.try_permit().unwrap();
    rig.dial.set_down(true);
    tokio::time::sleep(3 * PROBE_UP).await;
    assert!(rig.is_up());
    drop(permit);
    tokio::time::sleep(PROBE_UP).await;
    assert!(!rig.is_up());
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_told_to() {
    let mut rig = Rig::new(options());
    rig.serve(CAPA).await;
    rig.stop.cancel();
    tokio::time::sleep(2 * PROBE_UP).await;
    assert!(rig.arrivals.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_gate_without_descriptors_does_not_take_the_backend_for_down() {
    let mut rig = Rig::new(options());
    rig.serve(CAPA).await;
    rig.dial.fails_with(libc::EMFILE);
    tokio::time::sleep(2 * PROBE_UP).await;
    assert!(rig.is_up());
    rig.dial.fails_with(libc::ECONNREFUSED);
    tokio::time::sleep(2 * PROBE_UP).await;
    assert!(!rig.is_up());
}

#[tokio::test(start_paused = true)]
async fn before_it_is_in_service_it_can_be_looked_at_once() {
    let (dial, mut arrivals) = Double::new();
    let backend = Backend::new(options(), Arc::new(dial)).unwrap();
    let told = Arc::new(Told::default());
    let server = async {
        let mut conn = next(&mut arrivals).await;
        conn.write_all(b"+OK\r\n").await.unwrap();
        answer(&mut conn, "CAPA", CAPA.as_bytes()).await;
        answer(&mut conn, "QUIT", b"+OK\r\n").await;
    };
    let events = told.hub();
    tokio::join!(look_once(&backend, &events), server);
    assert!(backend.is_up() && backend.capabilities().unwrap().uidl);
    tokio::time::sleep(2 * PROBE_UP).await;
    assert!(arrivals.try_recv().is_err());
    assert_eq!(*told.0.lock().unwrap(), ["up"]);
}

#[tokio::test(start_paused = true)]
async fn from_when_a_successor_is_watched_its_limit_holds() {
    let mut rig = Rig::new(options());
    rig.serve(CAPA).await;
    let _session = rig.backend.try_permit().unwrap();
    let next = rig.backend.with_options_from(BackendOptions {
        connections: 1,
        ..options()
    });
    let next = Arc::new(next.unwrap());
    assert!(next.is_up());
    rig.stop.cancel();
    tokio::spawn(watch_backend(
        next,
        rig.told.hub(),
        CancellationToken::new(),
    ));
    tokio::time::sleep(MOMENT).await;
    assert!(rig.backend.try_permit().is_none());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_unknown_is_looked_at_as_soon_as_there_is_a_place() {
    let (dial, mut arrivals) = Double::new();
    let limited = BackendOptions {
        connections: 1,
        ..options()
    };
    let before = Backend::new(limited.clone(), Arc::new(dial)).unwrap();
    let session = before.permit().await;
    let next_one = before.with_options_from(BackendOptions {
        capabilities: Some(vec!["TOP".to_owned()]),
        ..limited
    });
    let backend = next_one.unwrap();
    let told = Arc::new(Told::default());
    let sessions = async {
        tokio::time::sleep(backend.options().connect_timeout / 2).await;
        assert_eq!(backend.state(), State::Unknown);
        drop(session);
        let mut conn = next(&mut arrivals).await;
        conn.write_all(b"+OK\r\n").await.unwrap();
        answer(&mut conn, "QUIT", b"+OK\r\n").await;
    };
    let events = told.hub();
    tokio::join!(look_once(&backend, &events), sessions);
    assert!(backend.is_up());
}
