use super::*;
use crate::backend::double::{ADDRESS, Double, answer, next, options};
use crate::backend::lines::read_line;
use crate::net::tls::Acceptor;
use crate::net::tls::authority::Authority;
use crate::time::{Duration, Instant};
use std::future::pending;
use tokio::io::DuplexStream;
use tokio::sync::mpsc::UnboundedReceiver;

type Arrivals = UnboundedReceiver<DuplexStream>;

fn backend(options: BackendOptions) -> (Backend, Arrivals) {
    let (dial, arrivals) = Double::new();
    (Backend::new(options, Arc::new(dial)).unwrap(), arrivals)
}

fn with_tls(tls: TlsMode) -> (Backend, Arrivals, Acceptor) {
    let authority = Authority::new();
    let (certificate, key) = authority.pem(&["pop.example.com"]);
    let options = BackendOptions {
        tls,
        ca: Some(authority.file()),
        ..options()
    };
    let (backend, arrivals) = backend(options);
    let acceptor = Acceptor::from_pem(&certificate, &key).unwrap();
    (backend, arrivals, acceptor)
}

/// Connects to a backend that greets with `greeting` and then waits.
async fn greeted_by(greeting: &[u8]) -> Result<GreetedConnection, ConnectError> {
    let (backend, mut arrivals) = backend(options());
    let server = async {
        let mut conn = next(&mut arrivals).await;
        conn.write_all(greeting).await.unwrap();
        pending::<()>().await;
    };
    tokio::select! {
        result = backend.connect(None) => result,
        () = server => unreachable!("it waits for ever"),
    }
}

#[tokio::test]
async fn a_greeting_is_handed_on_and_what_follows_stays() {
    let greeted = greeted_by(b"+OK ready <1.2@x>\r\nmore").await.unwrap();
    assert_eq!(greeted.greeting, "+OK ready <1.2@x>");
    assert_eq!(&greeted.conn.input[..], b"more");
}

#[tokio::test]
async fn a_refusal_is_told_with_its_line_and_address() {
    for line in [
        "-ERR too many connections",
        "+ERR database has gone fishing",
    ] {
        let error = greeted_by(format!("{line}\r\n").as_bytes())
            .await
            .err()
            .unwrap();
        assert!(error.to_string().starts_with(ADDRESS), "{error}");
        assert!(
            matches!(error, ConnectError::Refused { line: told, .. } if told == line.as_bytes())
        );
    }
}

#[tokio::test]
async fn another_protocol_is_told_as_such() {
    let error = greeted_by(b"220 smtp.example.com\r\n").await.err().unwrap();
    let told = error.to_string();
    assert_eq!(
        told,
        format!("{ADDRESS} sent no POP3 reply, but \"220 smtp.example.com\"")
    );
    let error = greeted_by(&[b'x'; 10_000]).await.err().unwrap();
    assert!(matches!(error, ConnectError::Protocol { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_backend_is_not_waited_for() {
    let start = Instant::now();
    let error = greeted_by(b"+OK without end").await.err().unwrap();
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error}");
    assert_eq!(start.elapsed(), options().connect_timeout);
}

#[tokio::test]
async fn a_backend_that_is_not_there_is_unreachable() {
    let (dial, _arrivals) = Double::new();
    dial.set_down(true);
    let backend = Backend::new(options(), Arc::new(dial)).unwrap();
    let error = backend.connect(None).await.err().unwrap();
    assert!(matches!(error, ConnectError::Unreachable { .. }));
    assert!(error.to_string().contains(ADDRESS), "{error}");
}

#[tokio::test]
async fn implicit_tls_comes_before_the_greeting() {
    let (backend, mut arrivals, acceptor) = with_tls(TlsMode::Implicit);
    let server = async {
        let mut conn = next(&mut arrivals)
            .await
            .accept_tls(&acceptor)
            .await
            .unwrap();
        conn.write_all(b"+OK\r\n").await.unwrap();
        conn
    };
    let (greeted, _server) = tokio::join!(backend.connect(None), server);
    assert!(greeted.unwrap().conn.is_tls());
}

#[tokio::test]
async fn stls_comes_behind_the_greeting() {
    let (backend, mut arrivals, acceptor) = with_tls(TlsMode::Stls);
    let server = async {
        let mut conn = next(&mut arrivals).await;
        conn.write_all(b"\n+OK hello\r\n").await.unwrap();
        answer(&mut conn, "STLS", b"\n\r\n+OK, begin\r\n").await;
        conn.accept_tls(&acceptor).await.unwrap()
    };
    let (greeted, _server) = tokio::join!(backend.connect(None), server);
    let greeted = greeted.unwrap();
    assert!(greeted.conn.is_tls());
    assert_eq!(greeted.greeting, "+OK hello");
    let answer = StlsAnswer {
        line: "+OK, begin".to_owned(),
        blank_lines: 2,
    };
    assert_eq!((greeted.conn.blank_lines, greeted.stls), (1, Some(answer)));
}

#[tokio::test]
async fn without_stls_there_is_no_going_on_in_clear() {
    let (backend, mut arrivals, _) = with_tls(TlsMode::Stls);
    let server = async {
        let mut conn = next(&mut arrivals).await;
        conn.write_all(b"+OK\r\n").await.unwrap();
        answer(&mut conn, "STLS", b"-ERR unknown command\r\n").await;
        // Nothing but the end may follow.
        read_line(&mut conn, 512).await
    };
    let (greeted, next) = tokio::join!(backend.connect(None), server);
    let told = greeted.err().unwrap().to_string();
    assert_eq!(
        told,
        format!("{ADDRESS} does not do STLS: -ERR unknown command")
    );
    assert!(matches!(next, Err(LineError::Closed)));
}

#[tokio::test]
async fn bytes_injected_behind_the_answer_to_stls_end_it() {
    let (backend, mut arrivals, _) = with_tls(TlsMode::Stls);
    let server = async {
        let mut conn = next(&mut arrivals).await;
        conn.write_all(b"+OK\r\n").await.unwrap();
        answer(&mut conn, "STLS", b"+OK begin\r\n+OK injected\r\n").await;
        conn
    };
    let (greeted, _server) = tokio::join!(backend.connect(None), server);
    let error = greeted.err().unwrap();
    let early = matches!(
        &error,
        ConnectError::Tls {
            source: TlsError::EarlyBytes,
            ..
        }
    );
    assert!(early, "{error}");
}

#[tokio::test]
async fn a_proxy_header_comes_first_and_names_the_client_or_us() {
    let options = BackendOptions {
        proxy_protocol: true,
        ..options()
    };
    let (backend, mut arrivals) = backend(options);
    let client = "192.0.2.7:40000".parse().unwrap();
    for from in [Some(client), None] {
        let server = async {
            let mut conn = next(&mut arrivals).await;
            let named = proxy_protocol::read_header(&mut conn).await.unwrap();
            conn.write_all(b"+OK\r\n").await.unwrap();
            named.map(|named| named.client)
        };
        let (greeted, named) = tokio::join!(backend.connect(from), server);
        assert!(greeted.is_ok());
        assert_eq!(named, from);
    }
}

#[tokio::test(start_paused = true)]
async fn connections_over_the_limit_wait_in_order_of_arrival() {
    let options = BackendOptions {
        connections: 1,
        ..options()
    };
    let (backend, _arrivals) = backend(options);
    let held = backend.permit().await;
    assert!(backend.try_permit().is_none());

    let short = Duration::from_secs(1);
    // A waiter that leaves does not keep its place.
    assert!(timeout(short, backend.permit()).await.is_err());
    let waiter = backend.permit();
    tokio::pin!(waiter);
    assert!(timeout(short, &mut waiter).await.is_err());
    drop(held);
    assert!(backend.try_permit().is_none(), "the place is the waiter's");
    let held = timeout(short, waiter).await.unwrap();
    drop(held);
    assert!(backend.try_permit().is_some());
}

#[tokio::test]
async fn a_connection_that_fails_gives_its_place_back() {
    let (dial, _arrivals) = Double::new();
    dial.set_down(true);
    let options = BackendOptions {
        connections: 1,
        ..options()
    };
    let backend = Backend::new(options, Arc::new(dial)).unwrap();
    assert!(backend.connect(None).await.is_err());
    assert!(backend.try_permit().is_some());
}

#[test]
fn the_host_of_an_address_is_the_name_of_the_certificate() {
    assert_eq!(host("pop.example.com:110"), "pop.example.com");
    assert_eq!(host("[2001:db8::1]:995"), "2001:db8::1");
}

#[tokio::test]
async fn a_successor_reached_in_the_same_way_knows_what_is_known_and_counts_what_is_open() {
    let limited = |connections| BackendOptions {
        connections,
        ..options()
    };
    let (old, _arrivals) = backend(limited(2));
    let open = old.try_permit().unwrap();
    let next = old.with_options_from(limited(1)).unwrap();
    assert!(Arc::ptr_eq(&old.known, &next.known));
    // Until it is in service, nothing has changed.
    drop(old.try_permit().unwrap());
    next.enter_service();
    assert!(next.try_permit().is_none() && old.try_permit().is_none());
    drop((open, old));
    let _only = next.try_permit().unwrap();
    assert!(next.try_permit().is_none());
}

#[tokio::test]
async fn of_a_successor_reached_in_another_way_nothing_is_known_but_what_is_open() {
    let (old, _arrivals) = backend(BackendOptions {
        connections: 1,
        ..options()
    });
    let _open = old.try_permit();
    let others = [
        BackendOptions {
            tls: TlsMode::Implicit,
            ..old.options().clone()
        },
        BackendOptions {
            proxy_protocol: true,
            ..old.options().clone()
        },
        BackendOptions {
            capabilities: Some(Vec::new()),
            ..old.options().clone()
        },
    ];
    for other in others {
        let next = old.with_options_from(other).unwrap();
        assert!(!Arc::ptr_eq(&old.known, &next.known));
        assert!(next.try_permit().is_none());
    }
}

#[tokio::test]
async fn a_successor_at_another_address_begins_from_nothing() {
    let (old, _arrivals) = backend(BackendOptions {
        connections: 1,
        ..options()
    });
    let _open = old.try_permit();
    let next = old.with_options_from(BackendOptions {
        address: "192.0.2.5:110".to_owned(),
        ..old.options().clone()
    });
    let next = next.unwrap();
    assert!(!Arc::ptr_eq(&old.known, &next.known));
    assert!(next.try_permit().is_some());
}

#[tokio::test]
async fn a_successor_whose_files_cannot_be_read_is_none() {
    let (old, _arrivals) = backend(options());
    let next = old.with_options_from(BackendOptions {
        tls: TlsMode::Implicit,
        ca: Some("/nonexistent/ca.pem".into()),
        ..options()
    });
    assert!(next.is_err());
}
