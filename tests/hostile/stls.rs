//! What comes in clear around STLS is never executed.

use crate::{connect, honest, rest};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn bytes_behind_stls_end_the_connection_and_are_not_executed() {
    let (gate, server) = honest(None).await;
    let before = server.log().counts();
    for early in ["USER ann\r\nPASS secret\r\n", "QUIT\r\n", "x"] {
        let mut program = connect(gate.ports.stls).await.unwrap();
        let both = format!("STLS\r\n{early}");
        program.send(both.as_bytes()).await.unwrap();
        assert_eq!(
            rest(&mut program).await,
            b"",
            "an answer to STLS with {early:?}"
        );
    }
    let mut program = connect(gate.ports.stls).await.unwrap();
    program.ok("STLS".to_owned()).await.unwrap();
    program.send(b"USER ann\r\nPASS secret\r\n").await.unwrap();
    let alert = rest(&mut program).await;
    assert!(
        !alert.starts_with(b"+OK") && !alert.starts_with(b"-ERR"),
        "{alert:?}"
    );

    let (name, within) = ("popgate_sessions_total", Duration::from_secs(10));
    gate.wait_for(name, &["client_violation"], 3.0, within)
        .await;
    gate.wait_for(name, &["tls_failed"], 1.0, within).await;
    assert_eq!(server.log().counts().logins, before.logins);
    assert_eq!(server.log().counts().auth_failures, before.auth_failures);
}
