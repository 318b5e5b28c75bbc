//! `sharing = "shadow"`: what a login is shown of its maildrop is compared with what it was shown
//! before, and nothing that the client or the backend sees is another.

use crate::support::{Gate, Wire};
use popgate::ids::TenantName;
use popgate::observe::event::{Event, SharingEvent};
use popgate::policy::sharing::{ShadowResult, Unshareable};
use popgate::pop3::listing::NotWhole;

const SHADOW: &str = "[defaults]\ncleartext = \"always\"\nsharing = \"shadow\"\n";

/// A session that lists a maildrop of messages with these unique-ids, sends `commands`, which are
/// all answered `+OK`, and QUIT.
async fn session(gate: &Gate, password: &str, ids: &[&str], commands: &[&str]) {
    let (mut client, mut backend) = gate.log_in("ann", password).await;
    let sizes: String = (1..=ids.len()).map(|n| format!("{n} 9\r\n")).collect();
    let names = ids.iter().zip(1..);
    let names: String = names.map(|(id, n)| format!("{n} {id}\r\n")).collect();
    pass(
        &mut client,
        &mut backend,
        "LIST",
        &format!("+OK\r\n{sizes}.\r\n"),
    )
    .await;
    pass(
        &mut client,
        &mut backend,
        "UIDL",
        &format!("+OK\r\n{names}.\r\n"),
    )
    .await;
    for command in commands {
        pass(&mut client, &mut backend, command, "+OK\r\n").await;
    }
    pass(&mut client, &mut backend, "QUIT", "+OK\r\n").await;
    backend.close();
    client.expect_eof().await;
}

async fn pass(client: &mut Wire, backend: &mut Wire, command: &str, answer: &str) {
    client.send(format!("{command}\r\n")).await;
    backend.expect(format!("{command}\r\n")).await;
    backend.send(answer).await;
    client.expect(answer).await;
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

#[tokio::test(start_paused = true)]
async fn each_session_is_compared_with_the_one_of_the_same_login_before_it() {
    let gate = Gate::with(SHADOW).await;
    session(&gate, "secret", &["a", "b"], &[]).await;
    session(&gate, "secret", &["a", "b"], &["NOOP"]).await;
    assert_eq!(compared(&gate, 0).await, (ShadowResult::Same, false));
    session(&gate, "secret", &["a", "b", "c"], &["DELE 1"]).await;
    assert_eq!(compared(&gate, 1).await, (ShadowResult::NewOnly, true));
    session(&gate, "other", &["b", "c"], &[]).await;
    session(&gate, "secret", &["b", "c"], &["DELE 1"]).await;
    assert_eq!(compared(&gate, 2).await, (ShadowResult::Missing, true));
    assert_eq!(gate.cx.admission.local.listings.kept().listings, 2);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_a_server_gives_twice_makes_a_maildrop_unshareable() {
    let gate = Gate::with(SHADOW).await;
    session(&gate, "secret", &["a", "b"], &["DELE 2"]).await;
    session(&gate, "secret", &["a", "b"], &[]).await;
    assert_eq!(compared(&gate, 0).await, (ShadowResult::Recycled, false));
    let is_unshareable =
        |event: &Event| matches!(event, Event::Sharing(SharingEvent::Unshareable { .. }));
    let told = gate.told(is_unshareable).await;
    assert!(
        matches!(
            told,
            Event::Sharing(SharingEvent::Unshareable {
                why: Unshareable::Recycled,
                ..
            })
        ),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_was_taken_back_deletes_nothing() {
    let gate = Gate::with(SHADOW).await;
    session(&gate, "secret", &["a", "b"], &["DELE 2", "RSET"]).await;
    session(&gate, "secret", &["a", "b"], &[]).await;
    assert_eq!(compared(&gate, 0).await, (ShadowResult::Same, false));
}

#[tokio::test(start_paused = true)]
async fn replies_that_are_no_whole_listing_are_told() {
    let gate = Gate::with(SHADOW).await;
    session(&gate, "secret", &["a b"], &[]).await;
    let is_told = |event: &Event| matches!(event, Event::Sharing(_));
    let told = gate.told(is_told).await;
    assert!(
        matches!(
            told,
            Event::Sharing(SharingEvent::NotWhole {
                why: NotWhole::UniqueId,
                ..
            })
        ),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_the_setting_nothing_is_kept() {
    let gate = Gate::with("[defaults]\ncleartext = \"always\"\n").await;
    session(&gate, "secret", &["a"], &[]).await;
    assert_eq!(gate.cx.admission.local.listings.kept().listings, 0);
}
