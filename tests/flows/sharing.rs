//! `sharing = "shadow"`: what a login is shown of its maildrop is compared with what it was shown
//! before, and nothing that the client or the backend sees is another.

use crate::support::{Gate, Wire};
use popgate::admission::listings::MaildropPlace;
use popgate::ids::{BackendName, MaildropKey, TenantName, UserName};
use popgate::limits::{LISTED_MESSAGES_MAX, LISTING_PART_KEPT_FOR, LISTING_SHOWN_FOR};
use popgate::observe::event::{Event, SharingEvent};
use popgate::policy::sharing::{ListingOwner, ShadowResult, Unshareable};
use popgate::pop3::listing::{MaildropListing, NotWhole, ScanReader, UniqueIdReader};
use popgate::secret::PasswordTag;
use popgate::time::{Duration, Instant};
use std::sync::Arc;

const SHADOW: &str = "[defaults]\ncleartext = \"always\"\nsharing = \"shadow\"\n";

/// A session that lists a maildrop of messages with these unique-ids, sends `commands`, which are
/// all answered `+OK`, and QUIT.
async fn session(gate: &Gate, password: &str, ids: &[&str], commands: &[&str]) {
    let mut both = gate.log_in("ann", password).await;
    list(&mut both, ids).await;
    unique_ids(&mut both, ids).await;
    for command in commands {
        pass(&mut both, command, "+OK\r\n").await;
    }
    quit(both).await;
}

async fn list(both: &mut (Wire, Wire), ids: &[&str]) {
    let sizes: String = (1..=ids.len()).map(|n| format!("{n} 9\r\n")).collect();
    pass(both, "LIST", &format!("+OK\r\n{sizes}.\r\n")).await;
}

async fn unique_ids(both: &mut (Wire, Wire), ids: &[&str]) {
    let names = ids.iter().zip(1..);
    let names: String = names.map(|(id, n)| format!("{n} {id}\r\n")).collect();
    pass(both, "UIDL", &format!("+OK\r\n{names}.\r\n")).await;
}

async fn quit(mut both: (Wire, Wire)) {
    pass(&mut both, "QUIT", "+OK\r\n").await;
    let (mut client, backend) = both;
    backend.close();
    client.expect_eof().await;
}

async fn pass((client, backend): &mut (Wire, Wire), command: &str, answer: &str) {
    client.send(format!("{command}\r\n")).await;
    backend.expect(format!("{command}\r\n")).await;
    backend.send(answer).await;
    client.expect(answer).await;
}

/// A listing of so many messages.
fn numbered(messages: usize) -> Arc<MaildropListing> {
    let (mut scan, mut ids) = (ScanReader::default(), UniqueIdReader::default());
    for number in 1..=messages {
        scan.read(format!("{number} 9\r\n").as_bytes());
        ids.read(format!("{number} m{number}\r\n").as_bytes());
    }
    scan.read(b".\r\n");
    ids.read(b".\r\n");
    let listing = MaildropListing::new(None, scan, ids);
    Arc::new(listing.unwrap_or_else(|why| panic!("{why:?}")))
}

/// The event after `skip` others about a listing that was compared.
async fn compared(gate: &Gate, skip: usize) -> (ShadowResult, bool) {
    let is_compared =
        |event: &Event| matches!(event, Event::Sharing(SharingEvent::Compared { .. }));
    match gate.told_nth(skip, is_compared).await {
        Event::Sharing(SharingEvent::Compared {
            tenant,
            result,
            fetched,
        }) => {
            assert_eq!(tenant, TenantName::new("default"));
            (result, fetched)
        }
        other => panic!("{other:?}"),
    }
}

/// The event after `skip` others about a maildrop that must not be shared.
async fn unshareable(gate: &Gate, skip: usize) -> Unshareable {
    let is_told = |event: &Event| matches!(event, Event::Sharing(SharingEvent::Unshareable { .. }));
    match gate.told_nth(skip, is_told).await {
        Event::Sharing(SharingEvent::Unshareable { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

/// How many listings were compared so far, all sessions being over.
fn comparisons(gate: &Gate) -> usize {
    gate.events
        .count(|event| matches!(event, Event::Sharing(SharingEvent::Compared { .. })))
}

#[tokio::test(start_paused = true)]
async fn each_session_is_compared_with_the_one_of_the_same_login_before_it() {
    let gate = Gate::with(SHADOW).await;
    session(&gate, "secret", &["a", "b"], &[]).await;
    session(&gate, "secret", &["a", "b"], &["NOOP"]).await;
    assert_eq!(compared(&gate, 0).await, (ShadowResult::Same, false));
    session(&gate, "other", &["a", "b"], &[]).await;
    session(&gate, "secret", &["a", "b", "c"], &[]).await;
    assert_eq!(compared(&gate, 1).await, (ShadowResult::NewOnly, false));
    session(&gate, "secret", &["b", "c"], &[]).await;
    assert_eq!(compared(&gate, 2).await, (ShadowResult::Missing, false));
}

#[tokio::test(start_paused = true)]
async fn a_session_fetched_if_a_retr_top_or_dele_was_accepted() {
    let gate = Gate::with(SHADOW).await;
    session(&gate, "secret", &["a"], &[]).await;
    let sessions = [
        (&["TOP 1 0"][..], "+OK\r\n.\r\n", true),
        (&["RETR 1"], "+OK\r\nhalf a message\r\n", true),
        (&["RETR 1"], "-ERR no\r\n", false),
        (&["DELE 1", "RSET"], "+OK\r\n", true),
        (&["LIST 1", "NOOP", "RSET"], "+OK\r\n", false),
        (&["XTND XMIT"], "+OK\r\n", true),
    ];
    for (told, (commands, answer, fetched)) in sessions.into_iter().enumerate() {
        let mut both = gate.log_in("ann", "secret").await;
        list(&mut both, &["a"]).await;
        unique_ids(&mut both, &["a"]).await;
        for command in commands {
            pass(&mut both, command, answer).await;
        }
        let (client, backend) = both;
        client.close();
        backend.close();
        assert_eq!(
            compared(&gate, told).await,
            (ShadowResult::Same, fetched),
            "{commands:?} {answer:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_that_downloads_and_deletes_loses_nothing() {
    let gate = Gate::with(SHADOW).await;
    for mail in [&["a", "b"], &["c", "d"], &["e", "f"]] {
        session(&gate, "other", mail, &[]).await;
        session(&gate, "secret", mail, &["DELE 1", "DELE 2"]).await;
    }
    assert_eq!(comparisons(&gate), 0);
    session(&gate, "secret", &[], &[]).await;
    session(&gate, "secret", &["g"], &[]).await;
    assert_eq!(compared(&gate, 0).await, (ShadowResult::NewOnly, false));
}

#[tokio::test(start_paused = true)]
async fn what_may_have_deleted_counts_as_deletion() {
    let gate = Gate::with(SHADOW).await;
    session(&gate, "secret", &["a"], &[]).await;
    // The backend closes the connection in place of an answer to QUIT.
    let mut both = gate.log_in("ann", "secret").await;
    pass(&mut both, "DELE 1", "+OK\r\n").await;
    let (mut client, mut backend) = both;
    client.send("QUIT\r\n").await;
    backend.expect("QUIT\r\n").await;
    backend.close();
    client.expect_eof().await;
    session(&gate, "secret", &[], &[]).await;
    assert_eq!(comparisons(&gate), 0);
    // Without QUIT nothing is deleted.
    let mut both = gate.log_in("ann", "secret").await;
    pass(&mut both, "DELE 1", "+OK\r\n").await;
    let (client, mut backend) = both;
    client.close();
    backend.expect_eof().await;
    backend.close();
    session(&gate, "secret", &[], &[]).await;
    assert_eq!(compared(&gate, 0).await, (ShadowResult::Same, false));
}

#[tokio::test(start_paused = true)]
async fn an_id_that_a_server_gives_twice_makes_a_maildrop_unshareable() {
    let gate = Gate::with(SHADOW).await;
    session(&gate, "secret", &["a", "b"], &["DELE 2"]).await;
    session(&gate, "secret", &["a", "b"], &[]).await;
    assert_eq!(unshareable(&gate, 0).await, Unshareable::Recycled);
    session(&gate, "secret", &["a", "b"], &[]).await;
    assert_eq!(compared(&gate, 0).await, (ShadowResult::Recycled, false));
}

#[tokio::test(start_paused = true)]
async fn ids_that_are_new_in_each_session_make_a_maildrop_unshareable() {
    let gate = Gate::with(SHADOW).await;
    session(&gate, "secret", &["a1", "b1"], &[]).await;
    session(&gate, "secret", &["a2", "b2", "c2"], &[]).await;
    assert_eq!(compared(&gate, 0).await, (ShadowResult::Changed, false));
    assert_eq!(unshareable(&gate, 0).await, Unshareable::Changed);
}

#[tokio::test(start_paused = true)]
async fn ids_that_are_numbers_make_a_maildrop_unshareable_though_nothing_else_shows() {
    let gate = Gate::with(SHADOW).await;
    session(&gate, "secret", &["1"], &[]).await;
    session(&gate, "secret", &["1", "2"], &[]).await;
    assert_eq!(compared(&gate, 0).await, (ShadowResult::NewOnly, false));
    assert_eq!(unshareable(&gate, 0).await, Unshareable::Numbers);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_deletes_what_it_has_sent_makes_a_maildrop_unshareable() {
    let gate = Gate::with(SHADOW).await;
    for mail in ["a", "b"] {
        let mut both = gate.log_in("ann", "secret").await;
        list(&mut both, &[mail]).await;
        unique_ids(&mut both, &[mail]).await;
        pass(&mut both, "RETR 1", "+OK\r\nmail\r\n.\r\n").await;
        quit(both).await;
        session(&gate, "secret", &[], &[]).await;
    }
    assert_eq!(unshareable(&gate, 0).await, Unshareable::Vanished);
}

#[tokio::test(start_paused = true)]
async fn what_a_backend_lists_can_make_its_maildrops_unshareable() {
    let gate = Gate::with(SHADOW).await;
    gate.look(
        "legacy",
        &["USER", "PIPELINING", "EXPIRE 30", "LOGIN-DELAY 300"],
    )
    .await;
    for _ in 0..2 {
        session(&gate, "secret", &["a"], &[]).await;
    }
    assert_eq!(unshareable(&gate, 0).await, Unshareable::Expire);
    assert_eq!(unshareable(&gate, 1).await, Unshareable::LoginDelay);
    let told = gate
        .events
        .count(|event| matches!(event, Event::Sharing(_)));
    assert_eq!(told, 3, "both once, and a comparison");
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_was_taken_back_deletes_nothing() {
    let gate = Gate::with(SHADOW).await;
    session(&gate, "secret", &["a", "b"], &["DELE 2", "RSET"]).await;
    session(&gate, "secret", &["a", "b"], &[]).await;
    assert_eq!(compared(&gate, 0).await, (ShadowResult::Same, false));
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_replies_are_no_whole_listing_is_told_once() {
    let gate = Gate::with(SHADOW).await;
    let mut both = gate.log_in("ann", "secret").await;
    for _ in 0..3 {
        list(&mut both, &["a"]).await;
        unique_ids(&mut both, &["a b"]).await;
    }
    quit(both).await;
    let events = gate.events.events();
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Sharing(SharingEvent::NotWhole { why, .. }) => Some(*why),
            _ => None,
        })
        .collect();
    assert_eq!(told, [NotWhole::UniqueId]);
}

#[tokio::test(start_paused = true)]
async fn one_reply_does_not_wait_for_the_other_where_its_client_rests() {
    let gate = Gate::with(SHADOW).await;
    session(&gate, "secret", &["a"], &[]).await;
    let half = LISTING_PART_KEPT_FOR / 2;
    for (rest, sessions) in [(half, 1), (3 * half, 1), (half, 2)] {
        let mut both = gate.log_in("ann", "secret").await;
        unique_ids(&mut both, &["a"]).await;
        tokio::time::sleep(rest).await;
        list(&mut both, &["a"]).await;
        quit(both).await;
        assert_eq!(comparisons(&gate), sessions, "{rest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_keeps_its_listing_no_longer_than_the_gate_does() {
    let gate = Gate::with(SHADOW).await;
    let mut both = gate.log_in("ann", "secret").await;
    list(&mut both, &["a"]).await;
    unique_ids(&mut both, &["a"]).await;
    let start = Instant::now();
    while start.elapsed() <= LISTING_SHOWN_FOR {
        tokio::time::sleep(Duration::from_secs(300)).await;
        pass(&mut both, "NOOP", "+OK\r\n").await;
    }
    gate.cx.admission.forget_idle(Instant::now());
    // Nobody knows any more which id that was, so that it does not count when it comes again.
    pass(&mut both, "DELE 1", "+OK\r\n").await;
    quit(both).await;
    session(&gate, "secret", &["a"], &[]).await;
    let told = gate
        .events
        .count(|event| matches!(event, Event::Sharing(_)));
    assert_eq!(told, 0);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_finds_no_room_is_told() {
    let gate = Gate::with(SHADOW).await;
    // Those of others fill the memory, but for less than a message.
    let listings = &gate.cx.admission.local.listings;
    let backends = Arc::from([BackendName::new("legacy")]);
    let of_other = |listing: &Arc<MaildropListing>, number: usize| {
        let login = UserName::new(number.to_string().as_bytes());
        let owner = ListingOwner {
            login: login.clone(),
            tag: PasswordTag::from_bytes([0; 32]),
            backend: BackendName::new("legacy"),
            client: None,
        };
        let (key, tenant) = (
            MaildropKey::new(&backends, &login),
            TenantName::new("default"),
        );
        let place = MaildropPlace {
            key: &key,
            tenant: &tenant,
        };
        let shown = listings.shown(place, &owner, Arc::clone(listing), None, Instant::now());
        !shown.no_room
    };
    let mut others = 0..;
    for messages in [LISTED_MESSAGES_MAX, 1] {
        let listing = numbered(messages);
        let fits = |other: &usize| of_other(&listing, *other);
        assert!(others.by_ref().take_while(fits).count() > 0);
    }

    session(&gate, "secret", &["one-that-is-longer"], &[]).await;
    let told = gate.events.events();
    let told = told.iter().find(|event| matches!(event, Event::Sharing(_)));
    assert!(
        matches!(told, Some(Event::Sharing(SharingEvent::NoRoom { .. }))),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_the_setting_nothing_is_kept() {
    let gate = Gate::with("[defaults]\ncleartext = \"always\"\n").await;
    // The second one would be compared, and both are unshareable.
    session(&gate, "secret", &["1"], &[]).await;
    session(&gate, "secret", &["1"], &[]).await;
    let told = gate
        .events
        .count(|event| matches!(event, Event::Sharing(_)));
    assert_eq!(told, 0);
}
