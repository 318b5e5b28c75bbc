//! What is seen of a lock, and which settings follow.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_server_that_locks_as_it_should_needs_no_setting() {
    let server = server_with(|_| {});
    let messages = server.message_count(USER);
    let ward = Ward {
        server: Arc::clone(&server),
        between: Between::Nothing,
    };
    let report = report(ward, &backend(), Some(PASSWORD)).await;
    assert_says(
        &report,
        "ok lock a second session is refused after 0.1 ms: -ERR [IN-USE]",
    );
    assert_says(&report, "ok lock the refused connection stays open");
    assert_says(&report, "ok connections 12 at a time are taken");
    assert_says(
        &report,
        "ok after QUIT the next login is accepted within 0.1 ms",
    );
    assert_says(
        &report,
        "ok after a cut the next login is accepted within 0.1 ms",
    );
    assert_says(&report, "ok uidl the same in two sessions, 5 messages");
    assert_says(&report, "ok pipelining true");
    assert_says(&report, "nothing to change in its settings");
    // In clear, and nobody knows where to.
    let warned = report
        .findings
        .iter()
        .filter(|f| f.severity() != Severity::Ok);
    assert_eq!(warned.map(Finding::topic).collect::<Vec<_>>(), ["tls"]);

    let counts = server.log().counts();
    assert_eq!(
        (counts.logins, counts.refusals, counts.auth_failures),
        (6, 1, 0)
    );
    assert_eq!((counts.deleted, server.message_count(USER)), (0, messages));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_lock_is_no_fault() {
    let report = inside(|options| options.locking = false).await;
    assert_says(&report, "ok lock none: a second session is let in");
    assert_says(&report, "ok uidl the same in two sessions");
    assert_eq!(settings(&report), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_lingers_is_timed() {
    let report = inside(|options| options.linger = Duration::from_secs(5)).await;
    assert_says(
        &report,
        "warn after QUIT the next login is accepted within 7.9 s",
    );
    assert_says(
        &report,
        "warn after a cut the next login is accepted within 7.9 s",
    );
    // 15 s for the idle holder, 8 s for the lock and 3 s for the login do not fit into 25 s.
    assert_eq!(settings(&report), ["shareable = false", "wait = \"26s\""]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_never_goes_is_given_up() {
    let report = inside(|options| options.linger = Duration::from_secs(3600)).await;
    assert_says(&report, "warn after a cut still locked 5");
    assert_eq!(settings(&report), ["shareable = false", "wait = \"55s\""]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_closed_with_the_refusal_is_seen() {
    let report = inside(|options| options.close_after_refusal = true).await;
    assert_says(&report, "ok lock the refused connection is closed");
}

#[tokio::test(start_paused = true)]
async fn words_that_popgate_does_not_know_are_to_be_taught_and_then_known() {
    let ward = || Ward {
        server: server_with(|options| options.refusal = "-ERR Postfach \"belegt\"".to_owned()),
        between: Between::Nothing,
    };
    let mut options = backend();
    let first = report(ward(), &options, Some(PASSWORD)).await;
    assert_says(
        &first,
        "warn lock a second session is rejected; popgate classifies the reply as `perm`",
    );
    assert_says(&first, "ok after QUIT the next login is accepted");
    let [toml] = &settings(&first)[..] else {
        panic!("{first}");
    };
    let table: toml::Table = toml.parse().unwrap();
    let phrase = table["phrases"]["locked"][0].as_str().unwrap();
    assert_eq!(phrase, "Postfach \"belegt\"");

    options.phrases.locked.push(phrase.to_owned());
    let second = report(ward(), &options, Some(PASSWORD)).await;
    assert_says(&second, "ok lock a second session is refused after");
    assert_eq!(settings(&second), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_lingers_is_known_by_words_that_popgate_does_not_know() {
    let report = inside(|options| {
        options.refusal = "-ERR Postfach belegt".to_owned();
        options.linger = Duration::from_secs(2);
    })
    .await;
    assert_says(
        &report,
        "warn lock a second session is rejected; popgate classifies the reply as `perm`",
    );
    assert_says(
        &report,
        "warn after QUIT the next login is accepted within 2.6 s",
    );
}
