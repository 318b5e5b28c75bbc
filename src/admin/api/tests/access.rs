//! Who is let in.

use super::*;

#[tokio::test]
async fn nothing_is_told_or_done_without_the_token() {
    let port = start().await;
    let close = format!("{}0", &TOKEN[..TOKEN.len() - 1]);
    for shown in [
        String::new(),
        "Authorization: Bearer\r\n".to_owned(),
        format!("Authorization: Bearer {close}\r\n"),
        format!("Authorization: Basic {TOKEN}\r\n"),
        format!("Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer {close}\r\n"),
    ] {
        let headers = format!("Host: localhost\r\nContent-Type: application/json\r\n{shown}");
        for line in [
            "GET /api/v1/blocks",
            "POST /api/v1/blocks/release",
            "GET /api",
        ] {
            let answer = port.ask(line, &headers, r#"{"all": true}"#).await;
            assert_eq!(answer.status, 401, "{line} {shown}");
            assert!(
                answer
                    .head
                    .contains("www-authenticate: Bearer realm=\"popgate\"")
            );
            assert!(answer.body.starts_with(r#"{"error":"#));
        }
    }
    assert_eq!(port.get("/api/v1/blocks?state=blocked").await.1["total"], 2);
}

#[tokio::test]
async fn a_page_of_another_site_is_refused_even_with_the_token() {
    let port = start().await;
    let shown = format!("Authorization: Bearer {TOKEN}\r\n");
    for named in [
        "Host: evil.example\r\n",
        "Host: localhost\r\nOrigin: http://evil.example\r\n",
        "Host: localhost\r\nOrigin: null\r\n",
        "",
    ] {
        let headers = format!("{named}{shown}");
        let answer = port.ask("GET /api/v1/blocks", &headers, "").await;
        assert_eq!(answer.status, 403, "{named}");
    }
    // Metrics are no secret of those who have the token: a page must not read them by such a name.
    for (target, status) in [
        ("/metrics", 403),
        ("/", 403),
        ("/healthz", 200),
        ("/readyz", 200),
    ] {
        let line = format!("GET {target}");
        let answer = port.ask(&line, "Host: gate.example\r\n", "").await;
        assert_eq!(answer.status, status, "{target}");
    }
}

#[tokio::test]
async fn without_a_token_file_there_is_no_api_and_that_is_said() {
    let policy = AdminPolicy::default();
    let port = AdminPort::start_as(gate(Vec::new()), "127.0.0.1:0", None, policy).await;
    let (status, told) = port.get("/api/v1/blocks").await;
    assert_eq!(status, 404);
    assert!(told["error"].as_str().unwrap().contains("token_file"));
}

/// A port that is not on loopback alone.
async fn start_everywhere(token: Option<Token>) -> AdminPort {
    let policy = AdminPolicy::default();
    AdminPort::start_as(gate(Vec::new()), "0.0.0.0:0", token, policy).await
}

#[tokio::test]
async fn beyond_loopback_the_probes_need_the_token_too() {
    let port = start_everywhere(Some(token())).await;
    for probe in ["GET /metrics", "GET /healthz", "GET /readyz"] {
        assert_eq!(port.ask_openly(probe).await.status, 401, "{probe}");
    }
    let answer = port.ask("GET /metrics", &headers(""), "").await;
    assert_eq!(answer.status, 200);
    let port = start_everywhere(None).await;
    let answer = port.ask_openly("GET /metrics").await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("token_file"), "{}", answer.body);
}

#[tokio::test]
async fn where_loopback_is_trusted_a_page_of_this_gate_needs_no_token_and_another_gets_nothing() {
    let policy = AdminPolicy {
        trust_loopback: true,
        ..AdminPolicy::default()
    };
    let port = AdminPort::start_as(gate(Vec::new()), "127.0.0.1:0", None, policy).await;
    let host = port.address;
    let json = format!("Host: {host}\r\nContent-Type: application/json\r\n");
    for (origin, status) in [
        (String::new(), 200),
        (format!("Origin: http://{host}\r\n"), 200),
        ("Origin: http://evil.example\r\n".to_owned(), 403),
        ("Sec-Fetch-Site: cross-site\r\n".to_owned(), 403),
        // From a reverse proxy: there is no token, so there is no API.
        ("X-Forwarded-For: 192.0.2.7\r\n".to_owned(), 404),
        ("Forwarded: for=192.0.2.7\r\n".to_owned(), 404),
    ] {
        let headers = format!("{json}{origin}");
        let answer = port.ask("POST /api/v1/reload", &headers, "{}").await;
        assert_eq!(answer.status, status, "{origin}");
    }
    let rebound = "Host: evil.example\r\nContent-Type: application/json\r\n";
    let answer = port.ask("POST /api/v1/reload", rebound, "{}").await;
    assert_eq!(answer.status, 403);
}
