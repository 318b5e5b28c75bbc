//! A login is let in on a fresh listing, and costs the backend nothing.

use super::{
    deletes, let_in, list, names, pass, promotes, quit, sees, settings, sharing, shown, sizes, stat,
};
use crate::support::{Gate, Wire, seconds};
use popgate::ids::TenantName;
use popgate::observe::event::{Event, LockEvent, LockOutcome, SharingEvent};
use popgate::policy::pause::PauseSubject;
use popgate::policy::sharing::LetInReason;
use popgate::time::{Duration, Instant};
use std::ops::RangeInclusive;
use tokio::time::advance;

const LET_IN: &str = "demotion = false, end_of_wait = false";

async fn polls(gate: &Gate, ids: &[&str]) -> Wire {
    let mut client = gate.asking("ann", "secret").await;
    client.expect_prefix("+OK").await;
    sees(&mut client, ids).await;
    client
}

#[tokio::test(start_paused = true)]
async fn a_poll_within_a_minute_is_answered_at_once_and_the_backend_hears_nothing() {
    let gate = sharing(LET_IN).await;
    quit(shown(&gate, &["a", "b"]).await).await;
    for skip in 0..5 {
        let mut client = polls(&gate, &["a", "b"]).await;
        assert_eq!(let_in(&gate, skip).await, LetInReason::Fresh);
        client.send("QUIT\r\n").await;
        client.expect_prefix("+OK").await;
        client.expect_eof().await;
    }
    assert_eq!(gate.dials(), 1);
    advance(Duration::from_secs(61)).await;
    quit(shown(&gate, &["a", "b", "c"]).await).await;
    polls(&gate, &["a", "b", "c"]).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_another_login_that_ends_it() {
    let gate = sharing(LET_IN).await;
    quit(shown(&gate, &["a"]).await).await;
    // A second password of the same login, which lists nothing.
    let mut other = gate.asking("ann", "other").await;
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "other").await;
    other.expect_prefix("+OK").await;
    let mut both = (other, backend);
    list(&mut both, &["a"]).await;
    quit(both).await;
    quit(shown(&gate, &["a"]).await).await;
    assert_eq!(gate.dials(), 3);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_let_in_while_a_session_has_marks_or_after_it_deleted() {
    let gate = sharing(LET_IN).await;
    let mut both = shown(&gate, &["a", "b"]).await;
    let mut client = polls(&gate, &["a", "b"]).await;
    client.send("QUIT\r\n").await;
    pass(&mut both, "DELE 1", "+OK\r\n").await;
    let mut waits = gate.asking("ann", "secret").await;
    waits.expect_silence(Duration::from_secs(1)).await;
    quit(both).await;
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "secret").await;
    waits.expect_prefix("+OK").await;
    let mut both = (waits, backend);
    list(&mut both, &["b"]).await;
    quit(both).await;
    polls(&gate, &["b"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_ids_are_numbers_is_never_shared() {
    let gate = sharing(LET_IN).await;
    for _ in 0..3 {
        quit(shown(&gate, &["1", "2"]).await).await;
    }
    assert_eq!(gate.dials(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_it_at_once() {
    let gate = sharing(LET_IN).await;
    quit(shown(&gate, &["a"]).await).await;
    let mut client = polls(&gate, &["a"]).await;
    gate.stage.send_replace(popgate::gate::Stage::Draining);
    client.expect_eof().await;
    let is_ended = |event: &Event| matches!(event, Event::SessionEnded(_));
    gate.told_nth(1, is_ended).await;
}

#[tokio::test(start_paused = true)]
async fn what_popgate_has_asked_before_quit_is_a_listing_like_others() {
    let gate = sharing(LET_IN).await;
    let mut both = gate.log_in("ann", "secret").await;
    pass(&mut both, "STAT", &stat(&["a"])).await;
    let (mut client, mut backend) = both;
    client.send("QUIT\r\n").await;
    backend.expect("LIST\r\nUIDL\r\n").await;
    let answers = [sizes(&["a"]), names(&["a"])];
    backend.send(answers.concat()).await;
    backend.expect("QUIT\r\n").await;
    backend.send("+OK\r\n").await;
    backend.close();
    client.expect_prefix("+OK").await;
    client.expect_eof().await;
    polls(&gate, &["a"]).await;
    assert_eq!(gate.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_let_in_where_an_operator_has_paused_the_maildrop() {
    let gate = sharing(LET_IN).await;
    quit(shown(&gate, &["a"]).await).await;
    let tenant = PauseSubject::Tenant(TenantName::new("default"));
    gate.cx.pause(&tenant);
    let mut client = gate.asking("ann", "secret").await;
    client.expect_silence(seconds(5.0)).await;
    gate.cx.resume(&tenant);
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "secret").await;
    client.expect_prefix("+OK").await;
}

#[tokio::test(start_paused = true)]
async fn where_sessions_delete_nobody_is_let_in_beside_another() {
    let gate = sharing(LET_IN).await;
    deletes(&gate, &["a", "b"]).await;
    // Beside a holder, which may delete what the other one is shown.
    let holder = shown(&gate, &["b"]).await;
    let mut waits = gate.asking("ann", "secret").await;
    waits.expect_silence(seconds(1.0)).await;
    waits.close();
    quit(holder).await;
    // Alone, and then beside one that may get the maildrop.
    let mut alone = polls(&gate, &["b"]).await;
    quit(shown(&gate, &["b"]).await).await;
    alone.send("QUIT\r\n").await;
    alone.expect_prefix("+OK").await;
    alone.expect_eof().await;
    polls(&gate, &["b"]).await;
    assert_eq!(gate.dials(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_is_let_in_as_soon_as_another_session_was_shown_a_listing() {
    let gate = sharing(LET_IN).await;
    let mut holder = gate.log_in("ann", "secret").await;
    let mut waits = gate.asking("ann", "secret").await;
    let mut other = gate.asking("ann", "other").await;
    waits.expect_silence(seconds(1.0)).await;
    list(&mut holder, &["a", "b"]).await;
    // The holder might be about to delete messages.
    waits.expect_silence(seconds(1.9)).await;
    waits.expect_prefix("+OK").await;
    sees(&mut waits, &["a", "b"]).await;
    assert_eq!(outcome(&gate, 1).await, LockOutcome::LetIn);
    assert_eq!(let_in(&gate, 0).await, LetInReason::Fresh);
    // It has left the queue: the lock goes to the other one, who was shown nothing.
    other.expect_silence(seconds(1.0)).await;
    quit(holder).await;
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "other").await;
    other.expect_prefix("+OK").await;
}

#[tokio::test(start_paused = true)]
async fn one_that_may_be_let_in_waits_for_no_timer() {
    let gate = sharing("let_in = false, demotion = false").await;
    let _holder = shown(&gate, &["a"]).await;
    let mut waits = gate.asking("ann", "secret").await;
    waits.expect_silence(seconds(5.0)).await;
    // Between two milliseconds, where each timer would wait for the next one.
    advance(Duration::from_micros(300)).await;
    let allowed = Instant::now();
    gate.reload(&settings(LET_IN));
    waits.expect_prefix("+OK").await;
    assert_eq!(allowed.elapsed(), Duration::ZERO);
    assert_eq!(let_in(&gate, 0).await, LetInReason::Fresh);
}

#[tokio::test(start_paused = true)]
async fn one_that_wants_a_message_waits_for_the_maildrop_whatever_others_were_shown() {
    let gate = sharing(LET_IN).await;
    quit(shown(&gate, &["a"]).await).await;
    let mut view = polls(&gate, &["a"]).await;
    advance(Duration::from_secs(61)).await;
    let mut holder = gate.log_in("ann", "secret").await;
    view.send("RETR 1\r\n").await;
    list(&mut holder, &["a"]).await;
    view.expect_silence(seconds(12.0)).await;
    quit(holder).await;
    let mut backend = promotes(&gate, &["a"]).await;
    backend.expect("RETR 1\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn where_sessions_delete_one_is_let_in_once_the_others_rest() {
    let gate = sharing(LET_IN).await;
    deletes(&gate, &["a", "b"]).await;
    let mut holder = shown(&gate, &["b"]).await;
    let mut waits = gate.asking("ann", "secret").await;
    waits.expect_silence(seconds(1.9)).await;
    waits.expect_prefix("+OK").await;
    assert_eq!(let_in(&gate, 0).await, LetInReason::Fresh);
    // The view that came in between is busy, too.
    sees(&mut waits, &["b"]).await;
    let mut third = gate.asking("ann", "secret").await;
    third.expect_silence(seconds(1.9)).await;
    third.expect_prefix("+OK").await;
    // One that has fetched may delete that for longer.
    pass(&mut holder, "RETR 1", "+OK\r\nb\r\n.\r\n").await;
    let mut fourth = gate.asking("ann", "secret").await;
    fourth.expect_silence(seconds(7.9)).await;
    fourth.expect_prefix("+OK").await;
    assert_eq!(gate.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn where_sessions_delete_a_slow_reply_is_no_rest() {
    let gate = sharing(LET_IN).await;
    deletes(&gate, &["a", "b"]).await;
    let (mut client, mut backend) = shown(&gate, &["b"]).await;
    client.send("TOP 1 0\r\n").await;
    backend.expect("TOP 1 0\r\n").await;
    let mut waits = gate.asking("ann", "secret").await;
    waits.expect_silence(seconds(10.0)).await;
    backend.send("+OK\r\n\r\n.\r\n").await;
    client.expect_prefix("+OK").await;
    waits.expect_prefix("+OK").await;
    assert_eq!(gate.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_comes_slowly_takes_room_and_is_not_kept_where_there_is_none() {
    let gate = sharing(LET_IN).await;
    let listings = &gate.cx.admission.local.listings;
    let (mut client, mut backend) = gate.log_in("ann", "secret").await;
    client.send("LIST\r\n").await;
    backend.expect("LIST\r\n").await;
    let lines = |of: RangeInclusive<u32>| of.map(|n| format!("{n} 9\r\n")).collect::<String>();
    backend.send(format!("+OK\r\n{}", lines(1..=1000))).await;
    client.expect(format!("+OK\r\n{}", lines(1..=1000))).await;
    client.expect_silence(seconds(1.5)).await;
    assert!(listings.size().1 > 4_000, "{:?}", listings.size());
    listings.give_room(4_000, 1);
    backend.send(lines(1001..=3000)).await;
    client.expect(lines(1001..=3000)).await;
    let is_told = |event: &Event| matches!(event, Event::Sharing(SharingEvent::NoRoom { .. }));
    gate.told(is_told).await;
    assert!(listings.size().1 < 4_000, "{:?}", listings.size());
    backend.send(".\r\n").await;
    client.expect(".\r\n").await;
    quit((client, backend)).await;
    assert_eq!(gate.events.count(is_told), 1);
}

async fn outcome(gate: &Gate, skip: usize) -> LockOutcome {
    let is_told = |event: &Event| matches!(event, Event::Lock(LockEvent::Outcome { .. }));
    match gate.told_nth(skip, is_told).await {
        Event::Lock(LockEvent::Outcome { outcome, .. }) => outcome,
        other => panic!("{other:?}"),
    }
}
