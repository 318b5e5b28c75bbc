//! A session on a listing gets the maildrop when its client wants a message.

use super::{let_in, list, pass, promotes, promotes_at, promotion, quit, sees, sharing, shown};
use crate::support::{Gate, Wire};
use popgate::gate::Stage;
use popgate::ids::{BackendName, TenantName};
use popgate::observe::event::{Event, SharingEvent};
use popgate::policy::pause::PauseSubject;
use popgate::policy::sharing::{LetInReason, PromotionOutcome};
use popgate::time::Duration;
use tokio::time::advance;

/// A session on the listing of these messages, and no one in the maildrop.
async fn viewing(gate: &Gate, ids: &[&str]) -> Wire {
    quit(shown(gate, ids).await).await;
    let mut client = gate.asking("ann", "secret").await;
    client.expect_prefix("+OK").await;
    assert_eq!(let_in(gate, 0).await, LetInReason::Fresh);
    client
}

#[tokio::test(start_paused = true)]
async fn who_wants_a_message_gets_it_from_the_backend() {
    let gate = sharing("demotion = false").await;
    let mut client = viewing(&gate, &["a", "b"]).await;
    client.send("RETR 1\r\nDELE 1\r\nSTAT\r\nLIST\r\n").await;
    let mut backend = promotes(&gate, &["a", "b"]).await;
    backend.expect("RETR 1\r\n").await;
    backend.send("+OK\r\nhello\r\n.\r\n").await;
    client.expect("+OK\r\nhello\r\n.\r\n").await;
    backend.expect("DELE 1\r\n").await;
    backend.send("+OK\r\n").await;
    client.expect("+OK\r\n+OK 1 9\r\n").await;
    client.expect_prefix("+OK").await;
    client.expect("2 9\r\n.\r\n").await;
    assert_eq!(promotion(&gate, 0).await, PromotionOutcome::Promoted);
    quit((client, backend)).await;
}

#[tokio::test(start_paused = true)]
async fn mail_that_came_since_is_not_there_for_a_client_that_was_not_shown_it() {
    let gate = sharing("demotion = false").await;
    let mut client = viewing(&gate, &["a"]).await;
    client.send("RETR 1\r\n").await;
    let mut backend = promotes(&gate, &["a", "b"]).await;
    backend.expect("RETR 1\r\n").await;
    backend.send("+OK\r\nhello\r\n.\r\n").await;
    client.expect("+OK\r\nhello\r\n.\r\n").await;
    sees(&mut client, &["a"]).await;
    for command in ["RETR 2", "DELE 2", "TOP 2 0", "UIDL 2", "LIST 2", "XTND"] {
        client.send(format!("{command}\r\n")).await;
        client.expect_prefix("-ERR").await;
    }
    quit((client, backend)).await;
}

#[tokio::test(start_paused = true)]
async fn where_a_message_is_gone_the_connection_ends_without_an_answer() {
    for ids in [&["b"][..], &["x", "b"], &["b", "a"], &[]] {
        let gate = sharing("demotion = false").await;
        let mut client = viewing(&gate, &["a", "b"]).await;
        client.send("RETR 2\r\n").await;
        let mut backend = promotes(&gate, ids).await;
        backend.expect_eof().await;
        backend.close();
        client.expect_eof().await;
        let outcome = promotion(&gate, 0).await;
        assert_eq!(outcome, PromotionOutcome::ListingChanged);
        // From now on it is the maildrop, for a day.
        advance(Duration::from_secs(1)).await;
        quit(shown(&gate, ids).await).await;
        quit(shown(&gate, ids).await).await;
    }
}

#[tokio::test(start_paused = true)]
async fn where_a_session_has_deleted_what_is_gone_the_maildrop_can_still_be_shared() {
    let gate = sharing("demotion = false").await;
    let mut client = viewing(&gate, &["a", "b"]).await;
    // The next one is not let in any more.
    advance(Duration::from_secs(61)).await;
    let mut both = shown(&gate, &["a", "b"]).await;
    pass(&mut both, "DELE 1", "+OK\r\n").await;
    quit(both).await;
    client.send("RETR 2\r\n").await;
    let mut backend = promotes(&gate, &["b"]).await;
    backend.expect_eof().await;
    backend.close();
    client.expect_eof().await;
    assert_eq!(promotion(&gate, 0).await, PromotionOutcome::Deleted);
    let forbids = |event: &Event| matches!(event, Event::Sharing(SharingEvent::Unshareable { .. }));
    assert_eq!(gate.events.count(forbids), 0);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_passes_where_nothing_has_changed() {
    let gate = sharing("demotion = false").await;
    let mut client = viewing(&gate, &["a"]).await;
    client.send("XTND XLST\r\n").await;
    let mut backend = promotes(&gate, &["a"]).await;
    backend.expect("XTND XLST\r\n").await;
    backend.send("+OK\r\n").await;
    client.expect("+OK\r\n").await;
    client.close();
    backend.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_does_not_pass_where_mail_has_come() {
    let gate = sharing("demotion = false").await;
    let mut client = viewing(&gate, &["a"]).await;
    client.send("XTND XLST\r\n").await;
    let mut backend = promotes(&gate, &["a", "b"]).await;
    backend.expect_eof().await;
    backend.close();
    client.expect_eof().await;
    assert_eq!(promotion(&gate, 0).await, PromotionOutcome::ListingChanged);
}

#[tokio::test(start_paused = true)]
async fn a_quit_behind_it_is_carried_out_though_the_client_is_gone() {
    let gate = sharing("demotion = false").await;
    let mut client = viewing(&gate, &["a"]).await;
    client.send("DELE 1\r\nQUIT\r\n").await;
    client.close();
    let mut backend = promotes(&gate, &["a"]).await;
    backend.expect("DELE 1\r\n").await;
    backend.send("+OK\r\n").await;
    backend.expect("QUIT\r\n").await;
    backend.send("+OK\r\n").await;
    backend.close();
    assert_eq!(promotion(&gate, 0).await, PromotionOutcome::Promoted);
}

#[tokio::test(start_paused = true)]
async fn an_operator_who_has_paused_it_and_no_server_is_named_where_that_lasts_too_long() {
    let tenant = PauseSubject::Tenant(TenantName::new("default"));
    let backend = PauseSubject::Backend(BackendName::new("legacy"));
    for subject in [tenant, backend] {
        let gate = sharing("demotion = false").await;
        let mut client = viewing(&gate, &["a"]).await;
        gate.cx.pause(&subject);
        client.send("RETR 1\r\n").await;
        client.expect_eof().await;
        let outcome = promotion(&gate, 0).await;
        assert_eq!(outcome, PromotionOutcome::Paused, "{subject:?}");
        gate.cx.resume(&subject);
        let mut next = gate.asking("ann", "secret").await;
        next.expect_prefix("+OK").await;
        assert_eq!(gate.dials(), 1);
    }
}

/// A session on the listing that wants its message deleted, and waits for the maildrop; what it
/// says later has come before anything else happens.
async fn waiting(gate: &Gate, commands: &str, later: &str) -> Wire {
    let mut client = gate.asking("ann", "secret").await;
    client.expect_prefix("+OK").await;
    client.send(commands).await;
    gate.queued(&client).await;
    client.send(later).await;
    client.expect_silence(Duration::from_secs(1)).await;
    client
}

#[tokio::test(start_paused = true)]
async fn no_stop_but_the_last_ends_one_that_has_said_quit() {
    for (commands, later) in [("DELE 1\r\nQUIT\r\n", ""), ("DELE 1\r\n", "QUIT\r\n")] {
        let gate = sharing("demotion = false").await;
        let (_phone, mut holding) = shown(&gate, &["a"]).await;
        let mut client = waiting(&gate, commands, later).await;
        gate.stage.send_replace(Stage::Draining);
        gate.stage.send_replace(Stage::Closing);
        holding.expect_eof().await;
        holding.close();
        let mut backend = promotes(&gate, &["a"]).await;
        backend.expect("DELE 1\r\n").await;
        backend.send("+OK\r\n").await;
        backend.expect("QUIT\r\n").await;
        backend.send("+OK\r\n").await;
        client.expect("+OK\r\n+OK\r\n").await;
        assert_eq!(promotion(&gate, 0).await, PromotionOutcome::Promoted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_one_that_has_not_said_quit_when_it_ends_sessions() {
    for (quit, last_stage) in [("", Stage::Closing), ("QUIT\r\n", Stage::Closed)] {
        let gate = sharing("demotion = false").await;
        let holder = shown(&gate, &["a"]).await;
        let mut client = waiting(&gate, &format!("DELE 1\r\n{quit}"), "").await;
        gate.stage.send_replace(Stage::Draining);
        client.expect_silence(Duration::from_secs(1)).await;
        gate.stage.send_replace(last_stage);
        client.expect_eof().await;
        assert_eq!(promotion(&gate, 0).await, PromotionOutcome::Ended);
        drop(holder);
        assert_eq!(gate.dials(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn at_another_backend_it_does_not_go_on_though_the_listing_is_the_same() {
    let backend = |name, host| {
        format!(
            "[[backend]]\nname = \"{name}\"\naddress = \"10.0.0.{host}:110\"\n\
             preconnect = false\nshareable = true\n"
        )
    };
    let defaults = "[defaults]\nbackends = [\"first\", \"second\"]\ncleartext = \"always\"\n\
                    sharing = { mode = \"on\", demotion = false }\n";
    let gate = Gate::with(&[&backend("first", 5), &backend("second", 6), defaults].concat()).await;
    let mut client = gate.asking("ann", "secret").await;
    let mut first = gate.dialed_at("first").await;
    first.lets_in("ann", "secret").await;
    client.expect_prefix("+OK").await;
    let mut both = (client, first);
    list(&mut both, &["a"]).await;
    quit(both).await;
    let mut viewing = gate.asking("ann", "secret").await;
    viewing.expect_prefix("+OK").await;
    gate.cut_off("first");
    viewing.send("RETR 1\r\n").await;
    let mut second = gate.dialed_at("second").await;
    promotes_at(&mut second, &["a"]).await;
    second.expect_eof().await;
    second.close();
    viewing.expect_eof().await;
    assert_eq!(promotion(&gate, 0).await, PromotionOutcome::ListingChanged);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_while_it_waits_needs_no_maildrop_any_more() {
    let gate = sharing("demotion = false").await;
    let holder = shown(&gate, &["a"]).await;
    let mut client = gate.asking("ann", "secret").await;
    client.expect_prefix("+OK").await;
    client.send("RETR 1\r\n").await;
    client.close();
    assert_eq!(promotion(&gate, 0).await, PromotionOutcome::ClientGone);
    quit(holder).await;
    assert_eq!(gate.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_is_refused_ends_all_sessions_on_its_listings_and_is_nobodys_guess() {
    let gate = sharing("demotion = false").await;
    let mut client = viewing(&gate, &["a"]).await;
    let mut others = Vec::new();
    for _ in 0..7 {
        let mut other = gate.asking("ann", "secret").await;
        other.expect_prefix("+OK").await;
        others.push(other);
    }
    client.send("RETR 1\r\n").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend
        .answers_login("ann", "secret", "-ERR [AUTH] no")
        .await;
    client.expect_eof().await;
    for mut other in others {
        other.expect_eof().await;
    }
    assert_eq!(promotion(&gate, 0).await, PromotionOutcome::PasswordRefused);
    assert_eq!(gate.dials(), 2);
}
