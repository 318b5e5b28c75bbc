//! Whether sessions may stand on listings, by the sessions that are had.

use super::*;
use crate::demo::server::ListingFlaw;
use serde_json::json;

fn asking() -> BackendOptions {
    BackendOptions {
        shareable: Shareable::Ask,
        ..backend()
    }
}

/// A look at a server that is as `change` makes it, and the server.
async fn look(
    options: &BackendOptions,
    change: impl FnOnce(&mut DemoOptions),
) -> (Report, Arc<DemoServer>) {
    let server = server_with(change);
    let ward = Ward {
        server: Arc::clone(&server),
        between: Between::Nothing,
    };
    (report(ward, options, Some(PASSWORD)).await, server)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_its_listings_is_shareable_with_and_without_a_lock() {
    for locking in [true, false] {
        let (report, server) = look(&asking(), |options| options.locking = locking).await;
        assert_says(
            &report,
            "ok sharing yes, if the messages were new: ids, order and sizes",
        );
        assert_eq!(settings(&report), ["shareable = true"]);
        let expected = json!({ "shareable": true, "reasons": [] });
        assert_eq!(report.to_json()["sharing"], expected);
        assert_eq!(server.log().counts().deleted, 0);
        assert_eq!(server.log().max_overlap(USER), if locking { 1 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_goes_within_a_second_is_seen_to_go_in_time() {
    for linger in [200, 500, 800] {
        let linger = Duration::from_millis(linger);
        let (report, _) = look(&asking(), |options| options.linger = linger).await;
        assert_eq!(report.to_json()["sharing"]["shareable"], true, "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_never_goes_is_told_from_one_that_goes_late() {
    for (linger, words) in [
        (2, "the maildrop is free after 2.6 s, and not within 1 s"),
        (3_600, "the maildrop is still locked after 57.9 s"),
    ] {
        let linger = Duration::from_secs(linger);
        let (report, _) = look(&asking(), |options| options.linger = linger).await;
        let words = format!("warn sharing no: after a close without QUIT {words}");
        assert_says(&report, &words);
    }
}

/// Each flaw, the words of its reason, and what stands in JSON.
#[tokio::test(start_paused = true)]
async fn each_flaw_of_a_server_is_found() {
    use ListingFlaw::*;
    let capability = |name: &'static str| {
        move |options: &mut DemoOptions| options.capabilities.push(name.to_owned())
    };
    let flaw = |flaw| move |options: &mut DemoOptions| options.flaw = Some(flaw);
    type Change = Box<dyn FnOnce(&mut DemoOptions)>;
    let cases: [(Change, &str, &str); 9] = [
        (
            Box::new(flaw(IdsAreNumbers)),
            "the unique ids are the numbers",
            "numbers",
        ),
        (
            Box::new(flaw(NewIds)),
            "messages have other unique ids after a close without QUIT",
            "changed",
        ),
        (
            Box::new(flaw(NewIdsWithoutQuit)),
            "messages have other unique ids after a close without QUIT",
            "changed",
        ),
        (
            Box::new(flaw(StatusLine)),
            "the size of a message is another after a download and a QUIT",
            "resized",
        ),
        (
            Box::new(flaw(Vanish)),
            "message 1 is gone after a download and a close without QUIT",
            "vanished",
        ),
        (
            Box::new(capability("LOGIN-DELAY 120")),
            "it announces more than 60 s",
            "login_delay",
        ),
        (
            Box::new(capability("EXPIRE 0")),
            "it announces EXPIRE other than NEVER",
            "expire",
        ),
        (
            Box::new(|options| options.linger = Duration::from_secs(2)),
            "after a close without QUIT the maildrop is free after 2.6 s, and not within 1 s",
            "lock_kept",
        ),
        (
            Box::new(|options| options.capabilities.retain(|line| line != "UIDL")),
            "there is no UIDL",
            "no_uidl",
        ),
    ];
    for (change, words, reason) in cases {
        let (report, _) = look(&asking(), change).await;
        assert_says(&report, &format!("warn sharing no: {words}"));
        let settings = settings(&report);
        assert!(
            settings.contains(&"shareable = false".to_owned()),
            "{settings:?}"
        );
        let expected = json!({ "shareable": false, "reasons": [reason] });
        assert_eq!(report.to_json()["sharing"], expected, "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn new_ids_of_new_mail_are_found_beside_old_mail() {
    let server = server_with(|options| options.flaw = Some(ListingFlaw::NewIdsWithoutQuit));
    // A session with QUIT, which keeps the ids.
    let (mut client, far) = duplex(1024);
    let login = format!("USER {USER}\r\nPASS {PASSWORD}\r\nQUIT\r\n");
    client.write_all(login.as_bytes()).await.unwrap();
    Arc::clone(&server).serve_connection(far).await;
    server.deliver(USER, b"Subject: new\r\n\r\nnew\r\n");
    let ward = Ward {
        server,
        between: Between::Nothing,
    };
    let report = report(ward, &asking(), Some(PASSWORD)).await;
    assert_says(
        &report,
        "warn sharing no: messages have other unique ids after a close",
    );
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_is_wrong_is_a_fault_and_nothing_else_is() {
    for (set, severity, advised) in [
        (Shareable::Yes, Severity::Fault, &["shareable = false"][..]),
        (Shareable::Ask, Severity::Warn, &["shareable = false"]),
        (Shareable::No, Severity::Warn, &[]),
    ] {
        let options = BackendOptions {
            shareable: set,
            ..backend()
        };
        let flaw = |options: &mut DemoOptions| options.flaw = Some(ListingFlaw::IdsAreNumbers);
        let (report, _) = look(&options, flaw).await;
        // In clear, which is a warning.
        assert_eq!(report.severity(), severity, "{report}");
        assert_eq!(report.is_only_misconfigured(), set == Shareable::Yes);
        assert_eq!(settings(&report), advised);
    }
    let (report, _) = look(&backend(), |_| {}).await;
    assert_says(&report, "nothing to change in its settings");
}

#[tokio::test(start_paused = true)]
async fn a_no_of_the_operator_is_not_talked_out_of() {
    let options = BackendOptions {
        shareable: Shareable::No,
        ..backend()
    };
    let (report, _) = look(&options, |_| {}).await;
    assert_eq!(settings(&report), [""; 0]);
    assert_says(&report, "ok sharing yes,");
    assert!(report.to_string().contains("says `shareable = false`"));
}

#[tokio::test(start_paused = true)]
async fn an_empty_maildrop_or_one_that_was_seen_before_shows_nothing() {
    let (report, _) = look(&asking(), |options| options.messages.clear()).await;
    assert_says(&report, "ok sharing not known: the account had no message");
    assert_eq!(settings(&report), [""; 0]);
    let expected = json!({ "shareable": null, "reasons": ["no_message"] });
    assert_eq!(report.to_json()["sharing"], expected);

    let seen = b"Status: RO\r\nSubject: old\r\n\r\nold\r\n".to_vec();
    let (report, _) = look(&asking(), |options| options.messages = vec![seen]).await;
    assert_says(
        &report,
        "ok sharing not known: message 1 was in a session before (Status: RO)",
    );
    assert_eq!(settings(&report), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_server_with_a_message_that_vanishes_has_no_other_one_touched() {
    let (_, server) = look(&asking(), |options| {
        options.flaw = Some(ListingFlaw::Vanish)
    })
    .await;
    // The demo has five, of which the first went.
    assert_eq!(server.message_count(USER), 4);
}
