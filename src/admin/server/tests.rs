use super::*;
use crate::admin::Reloaded;
use crate::admin::blocks::BlockListAdmin;
use crate::ids::{BackendName, ListenerName, TenantName};
use crate::lock::queue::WaitProgress;
use crate::net::BoxFuture;
use crate::net::tls::Acceptor;
use crate::observe::event::Event;
use crate::observe::metrics::{Metrics, MetricsError};
use crate::time::Duration;
use std::net::SocketAddr;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

/// A server on a port of its own, and what it looks at.
struct Gate {
    address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<()>,
    metrics: Arc<Metrics>,
    ready: Arc<Mutex<Result<(), String>>>,
}

/// A gate of which there is no more than the open pages show.
struct Shown {
    metrics: Arc<Metrics>,
    ready: Arc<Mutex<Result<(), String>>>,
}

impl GateAdmin for Shown {
    fn metrics(&self) -> Result<String, MetricsError> {
        self.metrics.set_waits(WaitProgress {
            longest: Duration::from_secs(7),
            spent: 0.25,
        });
        self.metrics.render()
    }

    fn ready(&self) -> Result<(), String> {
        self.ready.lock().unwrap().clone()
    }

    fn acceptor(&self) -> Option<Arc<Acceptor>> {
        None
    }

    fn blocks(&self) -> &dyn BlockListAdmin {
        unreachable!("there is no API")
    }

    fn reload(&self) -> BoxFuture<'static, Reloaded> {
        unreachable!("there is no API")
    }
}

impl Gate {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let tenants = [TenantName::new("default")];
        let listeners = [ListenerName::new("pop3")];
        let backends = [BackendName::new("legacy")];
        let metrics = Arc::new(Metrics::new(&tenants, &listeners, &backends, 200).unwrap());
        let ready = Arc::new(Mutex::new(Ok(())));
        let gate = Shown {
            metrics: Arc::clone(&metrics),
            ready: Arc::clone(&ready),
        };
        let state = AdminState {
            gate: Arc::new(gate),
            token: None,
        };
        let server = tokio::spawn(serve(listener, Arc::new(state), stop.clone()));
        Self {
            address,
            stop,
            server,
            metrics,
            ready,
        }
    }

    /// Sends `head` and gives the whole answer; the server closes the connection.
    async fn ask(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{head} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn metrics_are_there_from_the_start_and_follow_events() {
    let gate = Gate::start().await;
    let answer = gate.ask("GET /metrics").await;
    assert_eq!(status(&answer), "200");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"));
    assert!(body(&answer).contains("\npopgate_backend_up{backend=\"legacy\"} 0\n"));
    let backend = BackendName::new("legacy");
    gate.metrics.count(&Event::BackendUp { backend });
    let answer = gate.ask("GET /metrics").await;
    assert!(body(&answer).contains("\npopgate_backend_up{backend=\"legacy\"} 1\n"));
}

#[tokio::test]
async fn a_scrape_first_sets_what_no_event_sets() {
    let gate = Gate::start().await;
    let answer = gate.ask("GET /metrics").await;
    assert!(body(&answer).contains("\npopgate_lock_longest_wait_seconds 7\n"));
}

#[tokio::test]
async fn readiness_tells_why_not_and_health_stays() {
    let gate = Gate::start().await;
    assert_eq!(status(&gate.ask("GET /readyz").await), "200");
    *gate.ready.lock().unwrap() = Err("no backend can be reached".into());
    let answer = gate.ask("GET /readyz").await;
    let expected = ("503", "no backend can be reached\n");
    assert_eq!((status(&answer), body(&answer)), expected);
    let answer = gate.ask("GET /healthz").await;
    assert_eq!((status(&answer), body(&answer)), ("200", "ok\n"));
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_in_clear_words() {
    let gate = Gate::start().await;
    let answer = gate.ask("GET /metric").await;
    assert_eq!(status(&answer), "404");
    assert!(body(&answer).contains("/metrics"));
    let answer = gate.ask("POST /metrics").await;
    assert_eq!(status(&answer), "405");
    assert!(answer.contains("allow: GET, HEAD\r\n"));
    assert_eq!(status(&gate.ask("GET /metrics?x=1").await), "200");
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let gate = Gate::start().await;
    let answer = gate.ask("HEAD /healthz").await;
    assert_eq!((status(&answer), body(&answer)), ("200", ""));
    assert!(answer.contains("content-length: 3\r\n"));
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let gate = Gate::start().await;
    let long = format!("GET /{}", "a".repeat(2 * ADMIN_HEAD_MAX));
    let mut stream = TcpStream::connect(gate.address).await.unwrap();
    // The server may close before it has read all.
    let _ = stream.write_all(long.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(status(&gate.ask("GET /healthz").await), "200");
}

#[tokio::test(start_paused = true)]
async fn silent_connections_are_closed_and_their_places_given_on() {
    let gate = Gate::start().await;
    let mut silent = Vec::new();
    for _ in 0..ADMIN_CONNECTIONS_MAX {
        silent.push(TcpStream::connect(gate.address).await.unwrap());
    }
    assert_eq!(status(&gate.ask("GET /healthz").await), "200");
    let mut rest = Vec::new();
    silent[0].read_to_end(&mut rest).await.unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn stop_closes_the_port_and_what_is_under_way() {
    let gate = Gate::start().await;
    let mut silent = TcpStream::connect(gate.address).await.unwrap();
    assert_eq!(status(&gate.ask("GET /healthz").await), "200");
    gate.stop.cancel();
    gate.server.await.unwrap();
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    assert!(TcpStream::connect(gate.address).await.is_err());
}
