//! What is seen without a login: the connection, TLS, CAPA, the limit of connections.

use super::*;

#[tokio::test(start_paused = true)]
async fn answers_that_are_not_quite_regular_are_told_and_need_no_setting() {
    let ward = Ward {
        server: server_with(|_| {}),
        between: Between::Noise,
    };
    let report = report(ward, &backend(), Some(PASSWORD)).await;
    assert_says(
        &report,
        "warn replies an empty line stands before the status line (the greeting, CAPA, ",
    );
    assert_says(
        &report,
        "warn replies no blank stands behind the status word (the greeting, CAPA, QUIT, the login, ",
    );
    assert!(
        report
            .to_string()
            .contains("(no setting: popgate understands it, as mail programs do)")
    );
    assert_says(&report, "ok lock a second session is refused");
    assert_says(&report, "nothing to change in its settings");
}

#[tokio::test(start_paused = true)]
async fn a_server_without_capa_is_taken_to_know_what_all_do() {
    let report = inside(|options| options.capabilities.clear()).await;
    assert_says(&report, "ok capa not known (-ERR Unknown command)");
    assert_says(
        &report,
        "ok capa refused after the login, which does no harm",
    );
    assert_says(&report, "ok pipelining not announced");
    assert_eq!(settings(&report), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_connections_is_found_and_fits_once_it_is_set() {
    let ward = || Ward {
        server: server_with(|_| {}),
        between: Between::AtMost(Arc::new(Semaphore::new(4))),
    };
    let mut options = backend();
    let first = report(ward(), &options, Some(PASSWORD)).await;
    assert_says(
        &first,
        "warn connections 4 at a time are taken, and not one more: pop.example",
    );
    assert_says(&first, "ok pipelining true");
    assert_eq!(settings(&first), ["connections = 4"]);

    options.connections = 4;
    let second = report(ward(), &options, Some(PASSWORD)).await;
    assert_says(
        &second,
        "ok connections 4 at a time are taken, and popgate opens no more",
    );
    assert_eq!(settings(&second), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_one_connection_is_not_asked_for_two() {
    let ward = Ward {
        server: server_with(|_| {}),
        between: Between::AtMost(Arc::new(Semaphore::new(1))),
    };
    let report = report(ward, &backend(), Some(PASSWORD)).await;
    assert_says(&report, "warn connections 1 at a time are taken");
    assert_says(&report, "warn connections a second one is not taken");
    assert_eq!(settings(&report), ["connections = 1", "preconnect = false"]);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_refused_is_shown() {
    let (chain, key) = self_signed().unwrap();
    let acceptor = Arc::new(Acceptor::from_pem(&chain, &key).unwrap());
    let ward = || Ward {
        server: server_with(|_| {}),
        between: Between::Tls(Arc::clone(&acceptor)),
    };
    let mut options = BackendOptions {
        tls: TlsMode::Implicit,
        server_name: Some("localhost".to_owned()),
        ca: None,
        ..backend()
    };
    let authority = crate::net::tls::authority::Authority::new();
    options.ca = Some(authority.file());
    let refused = report(ward(), &options, Some(PASSWORD)).await;
    assert_says(
        &refused,
        "fault reach pop.example.com:110: the peer's certificate is",
    );
    assert_says(
        &refused,
        "ok certificate for localhost, 127.0.0.1, ::1, signed by itself",
    );
    assert_eq!(refused.severity(), Severity::Fault);

    options.verify = false;
    let taken = report(ward(), &options, Some(PASSWORD)).await;
    assert_says(&taken, "ok tls TLSv1.3 from the first byte");
    assert_says(&taken, "warn tls the certificate is not verified");
    assert_says(&taken, "ok uidl the same");
    assert_eq!(taken.severity(), Severity::Warn);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_not_there_is_a_fault() {
    for (between, what) in [
        (
            Between::Firewall,
            "fault reach pop.example.com:110 cannot be reached",
        ),
        (
            Between::Silence,
            "fault reach pop.example.com:110 did not greet in time",
        ),
    ] {
        let ward = Ward {
            server: server_with(|_| {}),
            between,
        };
        let report = report(ward, &backend(), Some(PASSWORD)).await;
        assert_says(&report, what);
        assert_eq!(report.findings.len(), 1);
    }
}
