//! The test account: its login, its password, the order of the steps.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_slow_login_needs_a_larger_reserve() {
    let report = inside(|options| options.login_delay = Duration::from_secs(8)).await;
    assert_says(&report, "ok login accepted after 8.0 s");
    assert_says(&report, "ok lock a second session is refused after 8.0 s");
    // What every login takes is not the lock's.
    assert_says(
        &report,
        "ok after QUIT the next login is accepted within 0.1 ms",
    );
    assert_eq!(
        settings(&report),
        [r#"login_reserve = "12s""#, r#"wait = "27s""#]
    );
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_tried_once_and_not_shown() {
    let server = server_with(|_| {});
    let ward = Ward {
        server: Arc::clone(&server),
        between: Between::Nothing,
    };
    let report = report(ward, &backend(), Some("Canary-4711")).await;
    assert_says(
        &report,
        "fault login refused after 0.1 ms (auth): -ERR [AUTH]",
    );
    assert_eq!(server.log().counts().auth_failures, 1);
    assert!(!format!("{report} {report:?} {}", report.to_json()).contains("Canary"));
}

#[tokio::test(start_paused = true)]
async fn a_password_that_the_server_repeats_is_not_shown() {
    let refusal = format!("-ERR {PASSWORD} is in use");
    let report = inside(|options| options.refusal = refusal).await;
    assert_says(
        &report,
        "ok lock a second session is refused after 0.1 ms: -ERR (the password)",
    );
    assert!(!format!("{report:?}").contains(PASSWORD));
}

#[tokio::test(start_paused = true)]
async fn somebody_who_is_in_for_a_moment_is_waited_for() {
    let server = server_with(|_| {});
    let (mut holder, far) = duplex(1024);
    tokio::spawn(Arc::clone(&server).serve_connection(far));
    let login = format!("USER {USER}\r\nPASS {PASSWORD}\r\n");
    holder.write_all(login.as_bytes()).await.unwrap();
    tokio::spawn(async move {
        sleep(Duration::from_secs(5)).await;
        drop(holder);
    });
    sleep(Duration::from_secs(1)).await;
    let ward = Ward {
        server,
        between: Between::Nothing,
    };
    let report = report(ward, &backend(), Some(PASSWORD)).await;
    assert_says(&report, "warn login accepted after 0.1 ms, at the 3. try");
}

#[tokio::test(start_paused = true)]
async fn without_an_account_nobody_logs_in() {
    let server = server_with(|_| {});
    let ward = Ward {
        server: Arc::clone(&server),
        between: Between::Nothing,
    };
    let report = report(ward, &backend(), None).await;
    assert_says(&report, "ok login not looked at");
    assert_eq!(server.log().counts().logins, 0);
}

#[tokio::test(start_paused = true)]
async fn each_step_is_told_once_and_in_order() {
    let ward = Ward {
        server: server_with(|_| {}),
        between: Between::Nothing,
    };
    let told = RefCell::new(Vec::new());
    let on_step = |step: ProbeStep| told.borrow_mut().push(step);
    let seen = examine(
        &backend(),
        Some(&account(PASSWORD)),
        Arc::new(ward),
        &on_step,
    )
    .await;
    assert!(!seen.unwrap().out_of_time);
    assert_eq!(told.into_inner(), ProbeStep::ALL);
}
