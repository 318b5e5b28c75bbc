//! Whether PIPELINING is what it is announced as.

use super::*;

#[tokio::test(start_paused = true)]
async fn pipelining_that_loses_what_popgate_never_sends_is_no_harm() {
    let ward = Ward {
        server: server_with(|_| {}),
        between: Between::ForgetsBehindPass,
    };
    let report = report(ward, &backend(), Some(PASSWORD)).await;
    assert_says(
        &report,
        "ok pipelining true after the login; what stands behind PASS",
    );
    assert_eq!(settings(&report), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn pipelining_that_loses_commands_is_found() {
    let ward = Ward {
        server: server_with(|_| {}),
        between: Between::ForgetsBehindLine,
    };
    let report = report(ward, &backend(), Some(PASSWORD)).await;
    assert_says(
        &report,
        "warn pipelining announced, and not true: PASS got no answer",
    );
    let [toml] = &settings(&report)[..] else {
        panic!("{report}");
    };
    assert!(
        toml.starts_with("capabilities = [\"TOP\"") && !toml.contains("PIPELINING"),
        "{toml}"
    );
}
