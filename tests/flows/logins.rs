//! What is told of each login, and of each change of a lock.

use crate::blocks::{STRANGER, blocking, gate_with, tries};
use crate::support::{Gate, Scene, seconds};
use popgate::history::HistoryEntry;
use popgate::ids::MaildropKey;
use popgate::observe::event::{End, Event, LockChange, LockEvent};
use std::sync::Arc;

/// The logins that are over, in the order of their ends.
fn logins(gate: &Gate) -> Vec<Arc<HistoryEntry>> {
    let login = |event: Event| match event {
        Event::Recorded(entry) => entry.login.is_some().then_some(entry),
        _ => None,
    };
    gate.events.events().into_iter().filter_map(login).collect()
}

fn ends(gate: &Gate) -> Vec<End> {
    logins(gate).iter().map(|entry| entry.end).collect()
}

/// Of the lock's changes those of this kind.
fn changes(gate: &Gate, which: LockChange) -> usize {
    let is_it = |event: &Event| matches!(event, Event::Lock(LockEvent::Changed { change, .. }) if *change == which);
    gate.events.count(is_it)
}

#[tokio::test(start_paused = true)]
async fn each_login_of_a_session_is_told_once_with_its_own_end() {
    let gate = gate_with(&blocking("")).await;
    let mut client = gate.visitor().from(STRANGER).greeted().await;
    for password in ["first", "second", "secret"] {
        client.asks_in("ann", password).await;
        client.read_line().await;
    }
    client.close();
    let id = gate.end_of("client 1").await.session;
    assert_eq!(
        ends(&gate),
        [End::LoginRefused, End::LoginRefused, End::Left]
    );
    for entry in logins(&gate) {
        let login = entry.login.as_ref().unwrap();
        assert_eq!(
            (entry.session, login.key.to_string()),
            (id, "ann".to_owned())
        );
        // How long the backend looks for a password: of this login alone.
        assert_eq!(login.held, seconds(1.25));
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_a_rule_refuses_is_told_though_no_backend_heard_of_it() {
    let gate = gate_with(&blocking("passwords_per_maildrop = 1")).await;
    tries(&gate, STRANGER, "ann", "first").await;
    tries(&gate, STRANGER, "ann", "second").await;
    assert_eq!(ends(&gate), [End::LoginRefused, End::RefusedByRule]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_answered_at_once_after_a_spent_wait_is_told_as_that() {
    let gate = Gate::classic().await;
    let (_holder, _inside) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.waiter("ann", "other").await;
    waiter.read_line().await;
    waiter.asks_in("ann", "other").await;
    waiter.read_line().await;
    waiter.close();
    gate.end_of("client 2").await;
    assert_eq!(ends(&gate), [End::WaitSpent, End::WaitSpent]);
    let waits: Vec<_> = logins(&gate)
        .iter()
        .map(|it| it.login.as_ref().unwrap().waited)
        .collect();
    assert_eq!(waits, [seconds(22.0), seconds(0.0)]);
}

#[tokio::test(start_paused = true)]
async fn lock_events_name_the_maildrop_and_what_changes_between_them_is_told() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    assert_eq!(changes(&gate, LockChange::Settled), 2, "of `prove`, too");
    assert_eq!(changes(&gate, LockChange::Closing), 1);
    scene.holder.close();
    scene.inside.expect_eof().await;
    gate.told_nth(1, |event| {
        matches!(
            event,
            Event::Lock(LockEvent::Changed {
                change: LockChange::Closing,
                ..
            })
        )
    })
    .await;
    scene.inside.close();
    gate.released(2).await;
    let named = |event: &Event| -> Option<MaildropKey> {
        match event {
            Event::Lock(LockEvent::Queued { key, .. })
            | Event::Lock(LockEvent::Outcome { key, .. })
            | Event::Lock(LockEvent::Released { key, .. })
            | Event::Lock(LockEvent::Changed { key, .. }) => Some(key.clone()),
            _ => None,
        }
    };
    let events = gate.events.events();
    let keys: Vec<_> = events.iter().filter_map(named).collect();
    assert!(keys.len() >= 9, "{keys:?}");
    assert!(keys.iter().all(|key| key.to_string() == "ann"), "{keys:?}");
}
