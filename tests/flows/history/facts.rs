//! Each fact of a login, by what client and backend do.

use super::{entries, last_entry, login_of};
use crate::support::{Gate, Scene, Wire, lets_in_at_once, seconds};
use popgate::dialect::Class;
use popgate::history::{CauseName, End, HistoryLogin};
use popgate::ids::TenantName;
use popgate::policy::pause::PauseSubject;
use popgate::policy::poll::PollDecision;
use popgate::policy::refusal::LoginRule;
use std::sync::atomic::Ordering;

/// The error of the backend, as class and line.
fn backend_answer(login: &HistoryLogin) -> Option<(Class, &str)> {
    let answer = login.backend_answer.as_ref()?;
    Some((answer.class, &*answer.line))
}

#[tokio::test(start_paused = true)]
async fn what_was_done_in_the_maildrop_and_not_committed() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("STAT\r\nRETR 1\r\nDELE 1\r\nDELE 9\r\n").await;
    inside.expect("STAT\r\nRETR 1\r\n").await;
    inside.send("+OK 3 300\r\n+OK\r\nmail\r\n.\r\n").await;
    inside.expect("DELE 1\r\nDELE 9\r\n").await;
    inside.send("+OK\r\n-ERR no such message\r\n").await;
    ann.expect("+OK 3 300\r\n+OK\r\nmail\r\n.\r\n+OK\r\n-ERR no such message\r\n")
        .await;
    ann.expect_silence(seconds(7.0)).await;
    ann.close();
    inside.expect_eof().await;
    inside.close();
    let entry = last_entry(&gate, "client 1").await;
    let login = login_of(&entry);
    assert!(login.entered && login.proven, "{entry:?}");
    assert_eq!(entry.cause, CauseName::Left);
    assert_eq!((login.listed, login.retrieved), (Some(3), 1));
    assert_eq!((login.marked, login.deleted), (1, 0));
    assert_eq!(entry.answer.as_deref(), Some("-ERR no such message"));
    assert_eq!(backend_answer(login).unwrap().1, "-ERR no such message");
    assert_eq!(entry.idle, seconds(7.0));
    assert_eq!(login.held, seconds(7.0));
    assert!(login.ahead.is_none() && login.granted == Some(login.asked));
}

#[tokio::test(start_paused = true)]
async fn what_popgate_refuses_in_a_session_is_the_last_answer_too() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("DELE 9\r\n").await;
    inside.expect("DELE 9\r\n").await;
    inside.send("-ERR no such message\r\n").await;
    ann.expect("-ERR no such message\r\n").await;
    ann.send("PASS canary\r\n").await;
    ann.expect("-ERR Already logged in\r\n").await;
    ann.close();
    let entry = last_entry(&gate, "client 1").await;
    assert_eq!(entry.answer.as_deref(), Some("-ERR Already logged in"));
    let said = backend_answer(login_of(&entry)).unwrap().1;
    assert_eq!(said, "-ERR no such message");
}

#[tokio::test(start_paused = true)]
async fn deletions_that_quit_did_not_commit_stay_marked() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("DELE 1\r\n").await;
    inside.expect("DELE 1\r\n").await;
    inside.send("+OK\r\n").await;
    ann.expect("+OK\r\n").await;
    ann.send("QUIT\r\n").await;
    inside.expect("QUIT\r\n").await;
    inside
        .send("-ERR some deleted messages not removed\r\n")
        .await;
    inside.close();
    let entry = last_entry(&gate, "client 1").await;
    let login = login_of(&entry);
    assert_eq!((login.marked, login.deleted), (1, 0));
    let words = "-ERR some deleted messages not removed";
    assert_eq!(entry.answer.as_deref(), Some(words));
    assert_eq!(backend_answer(login).unwrap().1, words);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_knows_who_was_before_it_and_a_spent_wait_its_answer() {
    let gate = Gate::classic().await;
    let (_holder, _inside) = gate.log_in("ann", "secret").await;
    let _first = gate.waiter("ann", "one").await;
    let mut second = gate.waiter("ann", "two").await;
    let answer = second.expect_prefix("-ERR [SYS/TEMP] ").await;
    second.close();
    let entry = last_entry(&gate, "client 3").await;
    let login = login_of(&entry);
    assert_eq!(login.ahead, Some(1));
    assert_eq!(entry.cause, CauseName::HeldByAnother);
    assert_eq!(entry.answer.as_deref(), Some(answer.as_str()));
    assert_eq!((login.granted, login.backend.as_ref()), (None, None));
    assert_eq!((login.waited, login.delayed), (seconds(22.0), seconds(0.0)));
}

#[tokio::test(start_paused = true)]
async fn the_lock_is_granted_when_the_wait_is_over() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.waiter.expect_silence(seconds(3.0)).await;
    scene.holder.close();
    scene.inside.expect_eof().await;
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    scene.waiter.close();
    let entry = last_entry(&gate, "client 3").await;
    let login = login_of(&entry);
    assert_eq!(login.ahead, Some(0));
    assert_eq!(login.waited, seconds(3.0));
    let granted = login.granted.unwrap().duration_since(login.asked);
    assert_eq!(granted.unsigned_abs(), login.waited);
}

#[tokio::test(start_paused = true)]
async fn each_locked_reply_counts_and_the_backends_last_words_are_kept() {
    let gate = Gate::classic().await;
    gate.serve_each(|mut wire| async move {
        if wire.hears_login().await.is_some() {
            wire.answers("-ERR [IN-USE] locked by another").await;
        }
    });
    let mut ann = gate.asking("ann", "secret").await;
    ann.expect_prefix("-ERR [SYS/TEMP] ").await;
    ann.close();
    let entry = last_entry(&gate, "client 1").await;
    let login = login_of(&entry);
    assert_eq!(entry.cause, CauseName::LockedElsewhere);
    assert_eq!(login.locked_replies as usize, gate.dials());
    assert!(login.locked_replies > 3, "{login:?}");
    let words = (Class::Locked, "-ERR [IN-USE] locked by another");
    assert_eq!(backend_answer(login), Some(words));
}

#[tokio::test(start_paused = true)]
async fn a_login_behind_a_spent_wait_has_no_words_about_another_maildrop() {
    let gate = Gate::classic().await;
    gate.serve_each(|mut wire| async move {
        if let Some((user, _)) = wire.hears_login().await {
            let locked = format!("-ERR [IN-USE] /var/mail/.{user}.pop lock busy!");
            wire.answers(&locked).await;
        }
    });
    let mut client = gate.greeted().await;
    for user in ["ann", "ann", "bob", "ann"] {
        client.asks_in(user, "secret").await;
        client.expect_prefix("-ERR [SYS/TEMP] ").await;
    }
    client.close();
    gate.end_of("client 1").await;
    let entries = entries(&gate);
    let causes: Vec<_> = entries.iter().map(|entry| entry.cause).collect();
    let locked = CauseName::LockedElsewhere;
    let held = CauseName::HeldByAnother;
    assert_eq!(causes, [locked, locked, held, held]);
    assert!(entries[1].sentence.contains(".ann.pop"), "{entries:?}");
    assert!(!entries[2].sentence.contains("ann"), "{entries:?}");
}

#[tokio::test(start_paused = true)]
async fn a_login_behind_a_wait_that_was_spent_in_a_pause_was_refused_in_a_pause() {
    let gate = Gate::classic().await;
    let paused = PauseSubject::Tenant(TenantName::new("default"));
    gate.cx.pause(&paused);
    let mut client = gate.greeted().await;
    for user in ["ann", "bob"] {
        client.asks_in(user, "secret").await;
        client.expect_prefix("-ERR [SYS/TEMP] ").await;
    }
    client.close();
    gate.end_of("client 1").await;
    let entries = entries(&gate);
    let causes: Vec<_> = entries.iter().map(|entry| entry.cause).collect();
    assert_eq!(causes, [CauseName::Paused; 2]);
}

#[tokio::test(start_paused = true)]
async fn logins_of_one_connection_have_their_own_facts() {
    let gate = Gate::classic().await;
    let mut ann = gate.asking("ann", "wrong").await;
    let mut backend = gate.dialed().await;
    backend
        .answers_login("ann", "wrong", "-ERR [AUTH] no")
        .await;
    ann.expect("-ERR [AUTH] no\r\n").await;
    backend.close();
    ann.asks_in("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.lets_in("ann", "secret").await;
    ann.expect("+OK ann, come in\r\n").await;
    ann.close();
    gate.end_of("client 1").await;
    let entries = entries(&gate);
    let [refused, let_in] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert_eq!(refused.answer.as_deref(), Some("-ERR [AUTH] no"));
    let words = (Class::Auth, "-ERR [AUTH] no");
    assert_eq!(backend_answer(login_of(refused)), Some(words));
    assert!(!login_of(refused).entered && !login_of(refused).proven);
    assert_eq!(
        (let_in.answer.as_deref(), login_of(let_in).entered),
        (None, true)
    );
    assert_eq!(backend_answer(login_of(let_in)), None);
}

#[tokio::test(start_paused = true)]
async fn a_login_before_its_time_says_how_early_and_what_became_of_it() {
    for (mode, decision) in [
        ("delay", PollDecision::Delayed),
        ("shadow", PollDecision::Shadow),
    ] {
        let settings = format!(
            "[defaults]\ncleartext = \"always\"\n\
             polls = {{ enforce = \"{mode}\", every = \"60s\", burst = 1, \
             per_client = {{ every = \"30s\", burst = 1 }} }}\n"
        );
        let gate = Gate::strict(&settings).await;
        for _ in 0..3 {
            let mut ann = gate.asking("ann", "secret").await;
            let mut inside = gate.dialed().await;
            inside.lets_in("ann", "secret").await;
            ann.expect("+OK ann, come in\r\n").await;
            ann.close();
            inside.expect_eof().await;
            inside.close();
            tokio::time::sleep(seconds(10.0)).await;
        }
        let entry = last_entry(&gate, "client 3").await;
        let login = login_of(&entry);
        let early = login.early.unwrap_or_else(|| panic!("{mode}: {entry:?}"));
        assert_eq!(early.decision, decision, "{mode}");
        assert!(early.early > seconds(1.0), "{early:?}");
        assert_eq!(!login.delayed.is_zero(), mode == "delay", "{login:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_refuses_is_named() {
    let settings = "[defaults]\ncleartext = \"always\"\nconnections = { per_maildrop = 1 }\n";
    let gate = Gate::with(settings).await;
    let (_holder, _inside) = gate.log_in("ann", "secret").await;
    let mut second = gate.asking("ann", "other").await;
    let answer = second.expect_prefix("-ERR [SYS/TEMP] Too many").await;
    second.close();
    let entry = last_entry(&gate, "client 2").await;
    assert_eq!(login_of(&entry).rule, Some(LoginRule::PerMaildrop));
    assert_eq!(entry.answer.as_deref(), Some(answer.as_str()));
}

#[tokio::test(start_paused = true)]
async fn what_was_known_is_told_after_a_cancelled_task_a_panic_and_a_kick() {
    for end in ["cancelled", "panicked", "kicked"] {
        let gate = Gate::classic().await;
        let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
        ann.send("DELE 1\r\nRETR 2\r\n").await;
        inside.expect("DELE 1\r\nRETR 2\r\n").await;
        inside.send("+OK\r\n+OK\r\nmail\r\n.\r\n").await;
        ann.expect("+OK\r\n+OK\r\nmail\r\n.\r\n").await;
        match end {
            "cancelled" => gate.cancel(&ann),
            "panicked" => {
                ann.socket.panics_at_read.store(true, Ordering::Relaxed);
                ann.send("NOOP\r\n").await;
            }
            _ => {
                let session = gate.cx.sessions.views()[0].id;
                gate.cx.sessions.kick(session, None);
            }
        }
        let entry = last_entry(&gate, "client 1").await;
        let login = login_of(&entry);
        assert_eq!((login.marked, login.retrieved), (1, 1), "{end}");
        assert!(
            login.entered && login.bytes_to_backend == 16,
            "{end}: {login:?}"
        );
    }
}

/// A gate whose backend has answered RETR with `reply`: the client, and the backend's side.
async fn in_reply(reply: &str) -> (Gate, Wire, Wire) {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("RETR 1\r\n").await;
    inside.expect("RETR 1\r\n").await;
    inside.send(reply).await;
    ann.expect(reply).await;
    (gate, ann, inside)
}

const HALF: &str = "+OK\r\nhalf of it\r\n";
const WHOLE: &str = "+OK\r\nmail\r\n.\r\n";

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_in_the_middle_of_a_reply_is_told_from_one_that_has_it_all() {
    for (reply, cause) in [(HALF, CauseName::LeftInReply), (WHOLE, CauseName::Left)] {
        let (gate, ann, mut inside) = in_reply(reply).await;
        ann.close();
        inside.expect_eof().await;
        inside.close();
        let entry = last_entry(&gate, "client 1").await;
        assert_eq!((entry.end, entry.cause), (End::Left, cause), "{reply}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_closes_in_the_middle_of_a_reply_is_told_from_one_that_owes_nothing() {
    for (reply, cause) in [
        (HALF, CauseName::BackendClosedInReply),
        (WHOLE, CauseName::BackendClosed),
    ] {
        let (gate, _ann, inside) = in_reply(reply).await;
        inside.close();
        let entry = last_entry(&gate, "client 1").await;
        assert_eq!(
            (entry.end, entry.cause),
            (End::BackendGone, cause),
            "{reply}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_takes_its_leave_is_no_word_of_the_client() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.expect_silence(seconds(300.0)).await;
    inside.send("-ERR Autologout; idle for too long\r\n").await;
    ann.expect_silence(seconds(1.0)).await;
    inside.close();
    let entry = last_entry(&gate, "client 1").await;
    assert_eq!(entry.cause, CauseName::BackendClosed);
    assert_eq!(entry.idle, seconds(301.0));
}

#[tokio::test(start_paused = true)]
async fn a_client_on_a_slow_line_is_not_silent_while_its_message_is_on_the_way() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("RETR 1\r\n").await;
    inside.expect("RETR 1\r\n").await;
    let message = format!("+OK\r\n{}\r\n.\r\n", "mail".repeat(300));
    let on_the_way = |octets| ann.socket.unacknowledged.store(octets, Ordering::Relaxed);
    on_the_way(1_000);
    inside.send(&message).await;
    for octets in [800, 600, 400, 200] {
        tokio::time::sleep(seconds(8.0)).await;
        on_the_way(octets);
    }
    tokio::time::sleep(seconds(2.0)).await;
    let session = gate.cx.sessions.views()[0].id;
    gate.cx.sessions.kick(session, None);
    let entry = last_entry(&gate, "client 1").await;
    assert!(entry.idle <= seconds(2.0), "{entry:?}");
}
