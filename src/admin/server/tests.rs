use super::*;
use crate::admin::double::AdminPort;
use crate::ids::BackendName;
use crate::observe::event::Event;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn metrics_are_there_from_the_start_and_follow_events() {
    let port = AdminPort::start().await;
    let answer = port.ask_openly("GET /metrics").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .contains("content-type: text/plain; version=0.0.4")
    );
    assert!(
        answer
            .body
            .contains("\npopgate_backend_up{backend=\"legacy\"} 0\n")
    );
    let backend = BackendName::new("legacy");
    port.gate.metrics.count(&Event::BackendUp { backend });
    let answer = port.ask_openly("GET /metrics").await;
    assert!(
        answer
            .body
            .contains("\npopgate_backend_up{backend=\"legacy\"} 1\n")
    );
}

#[tokio::test]
async fn a_scrape_first_sets_what_no_event_sets() {
    let port = AdminPort::start().await;
    let answer = port.ask_openly("GET /metrics").await;
    assert!(
        answer
            .body
            .contains("\npopgate_lock_longest_wait_seconds 7\n")
    );
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status_and_never_by_path() {
    let port = AdminPort::start().await;
    port.get("/api/v1/sessions/7").await;
    port.ask_openly("GET /api/v1/sessions/8").await;
    port.ask_openly("GET /made-up").await;
    let answer = port.ask_openly("GET /metrics").await;
    for (route, status) in [
        ("/api/v1/sessions/{id}", 404),
        ("/api/v1/sessions/{id}", 401),
        ("other", 404),
    ] {
        let series =
            format!("popgate_admin_requests_total{{route=\"{route}\",status=\"{status}\"}} 1\n");
        assert!(answer.body.contains(&series), "{series}");
    }
    assert!(!answer.body.contains("made-up"));
}

#[tokio::test]
async fn readiness_tells_why_not_and_health_stays() {
    let port = AdminPort::start().await;
    assert_eq!(port.ask_openly("GET /readyz").await.status, 200);
    *port.gate.ready.lock().unwrap() = Err("no backend can be reached".into());
    let answer = port.ask_openly("GET /readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body, "no backend can be reached\n");
    let answer = port.ask_openly("GET /healthz").await;
    assert_eq!((answer.status, &*answer.body), (200, "ok\n"));
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_in_clear_words() {
    let port = AdminPort::start().await;
    let answer = port.ask_openly("GET /metric").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("/metrics"));
    let answer = port.ask_openly("POST /metrics").await;
    assert_eq!(answer.status, 405);
    assert!(answer.head.contains("\r\nallow: GET,HEAD"));
    assert!(answer.body.contains("only be read"));
    assert_eq!(port.ask_openly("GET /metrics?x=1").await.status, 200);
}

#[tokio::test]
async fn the_page_is_served_without_the_token_and_cannot_be_written_to() {
    let port = AdminPort::start().await;
    for path in ["/", "/page/page.js", "/page/page.css"] {
        let answer = port.ask_openly(&format!("GET {path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.head.contains("\r\ncontent-security-policy: "));
    }
    let answer = port.ask_openly("POST /").await;
    assert_eq!(answer.status, 405);
    assert!(answer.body.contains("only be read"));
    assert_eq!(port.ask_openly("GET /page/mod.rs").await.status, 404);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let port = AdminPort::start().await;
    let answer = port.ask_openly("HEAD /healthz").await;
    assert_eq!((answer.status, &*answer.body), (200, ""));
    assert!(answer.head.contains("\r\ncontent-length: 3"));
}

#[tokio::test(start_paused = true)]
async fn an_endless_head_is_refused() {
    let (place, _places) = place();
    let caller = Caller {
        address: SocketAddr::from(([127, 0, 0, 1], 40_000)),
        is_tls: false,
        probes_are_open: true,
        place,
    };
    // No socket: its reset could overtake the answer.
    let (mut near, far) = tokio::io::duplex(4 * ADMIN_HEAD_MAX);
    let long = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(2 * ADMIN_HEAD_MAX));
    near.write_all(long.as_bytes()).await.unwrap();
    answer_on(far, Router::new(), caller, &CancellationToken::new()).await;
    let mut answer = String::new();
    near.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn what_a_peer_leaves_untaken_is_little_and_not_kept_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_near, (stream, _)) = tokio::join!(TcpStream::connect(address), accept(&listener));
    let socket = SockRef::from(&stream);
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(STREAM_STALL));
    // Linux doubles it for its own records.
    assert_eq!(socket.send_buffer_size().unwrap(), 2 * ADMIN_SEND_BUFFER);
}

#[tokio::test(start_paused = true)]
async fn silent_connections_are_closed_and_their_places_given_on() {
    let port = AdminPort::start().await;
    let mut silent = Vec::new();
    for _ in 0..ADMIN_CONNECTIONS_MAX {
        silent.push(port.connect().await);
    }
    assert_eq!(port.ask_openly("GET /healthz").await.status, 200);
    let mut rest = Vec::new();
    silent[0].read_to_end(&mut rest).await.unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn stop_closes_the_port_and_what_is_under_way() {
    let mut port = AdminPort::start().await;
    let mut silent = port.connect().await;
    assert_eq!(port.ask_openly("GET /healthz").await.status, 200);
    port.stop.cancel();
    (&mut port.server).await.unwrap();
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    assert!(TcpStream::connect(port.address).await.is_err());
}

/// A place, and the semaphore that it is of.
fn place() -> (ConnectionPlace, Arc<Semaphore>) {
    let places = Arc::new(Semaphore::new(1));
    let permit = Arc::clone(&places).try_acquire_owned().unwrap();
    (ConnectionPlace::new(permit), places)
}

#[tokio::test(start_paused = true)]
async fn a_request_has_its_place_until_its_deadline() {
    let (place, places) = place();
    let start = tokio::time::Instant::now();
    place.bounded(pending()).await;
    assert_eq!(start.elapsed(), ADMIN_REQUEST);
    assert_eq!(places.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_end_gives_its_place_back_and_outlives_the_deadline_of_requests() {
    let (place, places) = place();
    let answering = async {
        sleep(ADMIN_REQUEST / 2).await;
        place.give_back();
        assert_eq!(places.available_permits(), 1);
        sleep(10 * ADMIN_REQUEST).await;
        place.cut();
        pending().await
    };
    let start = tokio::time::Instant::now();
    place.bounded(answering).await;
    assert_eq!(start.elapsed(), ADMIN_REQUEST * 21 / 2);
}
