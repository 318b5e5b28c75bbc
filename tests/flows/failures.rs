//! Wrong passwords: their answers come later and later, and one that the backend has refused again
//! and again is refused from memory.

use crate::support::{Gate, Wire, assert_took, seconds};
use popgate::observe::event::{End, Event, LockEvent, LoginRule, RuleEvent};
use popgate::time::{Duration, Instant};
use tokio::time::{sleep, sleep_until};

const NO: &str = "-ERR [AUTH] no";
const STRANGER: &str = "203.0.113.9";

/// Nobody is blocked or held for coming too often.
fn only(failures: &str) -> String {
    format!(
        "[defaults]\ncleartext = \"always\"\npolls = {{ enforce = \"off\" }}\n\
         blocks = {{ enforce = \"off\" }}\nfailures = {{ {failures} }}\n"
    )
}

async fn defaults() -> Gate {
    Gate::strict(&only("")).await
}

/// A try of ann's from this address, which the backend refuses at once; says when it had its
/// answer.
async fn fails(gate: &Gate, from: &str, password: &str) -> Duration {
    let mut client = gate.visitor().from(from).asking("ann", password).await;
    let asked = Instant::now();
    let mut backend = gate.dialed().await;
    backend.answers_login("ann", password, NO).await;
    client.expect(format!("{NO}\r\n")).await;
    asked.elapsed()
}

fn assert_about(took: Duration, expected: f64) {
    let apart = took.abs_diff(seconds(expected));
    assert!(apart < seconds(0.01), "{took:?}, not {expected} s");
}

/// A try with the stale password, which does not reach the backend.
async fn refused_from_memory(gate: &Gate) {
    let dials = gate.dials();
    let mut client = gate.asking("ann", "stale").await;
    client.expect(format!("{NO}\r\n")).await;
    assert_eq!(gate.dials(), dials);
}

fn from_memory(event: &Event) -> bool {
    matches!(
        event,
        Event::Rule(RuleEvent::LoginRefused {
            rule: LoginRule::FromMemory,
            ..
        })
    )
}

/// A backend that has refused the stale password three times, at 0, 60 and 120 s; now it is 180 s.
async fn held_against() -> (Gate, Instant) {
    let (gate, start) = (defaults().await, Instant::now());
    for minute in 1..=3 {
        fails(&gate, "192.0.2.1", "stale").await;
        sleep_until(start + seconds(60.0) * minute).await;
    }
    (gate, start)
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_each_other_wrong_password_comes_later() {
    let gate = defaults().await;
    for (guess, delay) in [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
        .into_iter()
        .enumerate()
    {
        let took = fails(&gate, STRANGER, &guess.to_string()).await;
        assert_about(took, delay);
    }
    assert_about(fails(&gate, "203.0.113.10", "guess").await, 1.0);
}

#[tokio::test(start_paused = true)]
async fn on_one_connection_it_grows_as_well() {
    let gate = defaults().await;
    let mut client = gate.greeted().await;
    for delay in [1.0, 2.0, 4.0] {
        let start = Instant::now();
        client.asks_in("ann", &delay.to_string()).await;
        let mut backend = gate.dialed().await;
        backend.answers_login("ann", &delay.to_string(), NO).await;
        client.expect_silence(seconds(delay - 0.01)).await;
        client.expect(format!("{NO}\r\n")).await;
        assert_took(start, delay..=delay);
    }
    client.close();
    assert_about(gate.end_of("client 1").await.delayed, 7.0);
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_network_is_one_address() {
    let gate = defaults().await;
    for (from, delay) in [
        ("2001:db8::1", 1.0),
        ("2001:db8::2", 2.0),
        ("2001:db8:0:1::1", 1.0),
    ] {
        assert_about(fails(&gate, from, from).await, delay);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_wrong_password_does_not_raise_it() {
    let gate = Gate::strict(&only("same_password = 0")).await;
    for _ in 0..12 {
        assert_about(fails(&gate, STRANGER, "stale").await, 1.0);
    }
    assert_about(fails(&gate, STRANGER, "guess").await, 2.0);
    assert_about(fails(&gate, STRANGER, "stale").await, 2.0);
}

#[tokio::test(start_paused = true)]
async fn after_ten_minutes_it_begins_anew() {
    let gate = defaults().await;
    for guess in ["1", "2", "3"] {
        fails(&gate, STRANGER, guess).await;
    }
    sleep(seconds(601.0)).await;
    assert_about(fails(&gate, STRANGER, "4").await, 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_trusted_network_has_its_answer_at_once() {
    let gate = defaults().await;
    for guess in 0..12 {
        assert_about(fails(&gate, "127.0.0.1", &guess.to_string()).await, 0.0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_says_nothing_of_the_password_is_not_held() {
    let gate = defaults().await;
    for _ in 0..5 {
        let mut client = gate.asking("ann", "secret").await;
        let start = Instant::now();
        let mut backend = gate.dialed().await;
        let closed = "-ERR [SYS/PERM] closed on Sundays";
        backend.answers_login("ann", "secret", closed).await;
        client.expect(format!("{closed}\r\n")).await;
        assert_took(start, 0.0..=0.0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_owner_gets_in_while_a_strangers_answer_is_held() {
    let gate = Gate::strict(&only("delay = \"15s\"")).await;
    let mut stranger = gate.visitor().from(STRANGER).asking("ann", "1").await;
    let start = Instant::now();
    let mut backend = gate.dialed().await;
    backend.answers_login("ann", "1", NO).await;
    backend.expect_eof().await;
    backend.close();
    gate.log_in("ann", "secret").await;
    assert_took(start, 0.0..=0.1);
    stranger.expect(format!("{NO}\r\n")).await;
    assert_took(start, 15.0..=15.0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_its_answer_is_gone_at_once() {
    let gate = Gate::strict(&only("delay = \"15s\"")).await;
    let mut stranger = gate.asking("ann", "1").await;
    let start = Instant::now();
    gate.dialed().await.answers_login("ann", "1", NO).await;
    stranger.expect_silence(seconds(1.0)).await;
    stranger.close();
    let summary = gate.end_of("client 1").await;
    assert_took(start, 1.0..=1.0);
    assert_eq!(summary.end(), End::LoginRefused);
    // It has not spared itself the next delay.
    assert_about(fails(&gate, "192.0.2.1", "2").await, 15.0);
}

#[tokio::test(start_paused = true)]
async fn the_delays_are_settings() {
    let gate = Gate::strict(&only("delay = \"3s\", max_delay = \"10s\"")).await;
    for (guess, delay) in [3.0, 6.0, 10.0].into_iter().enumerate() {
        assert_about(fails(&gate, STRANGER, &guess.to_string()).await, delay);
    }
}

#[tokio::test(start_paused = true)]
async fn after_three_refusals_a_password_is_refused_from_memory() {
    let (gate, start) = held_against().await;
    assert_eq!((gate.dials(), gate.events.count(from_memory)), (3, 0));
    let asked = Instant::now();
    refused_from_memory(&gate).await;
    // The backend took no time at all, so that this is the delay of a wrong password.
    assert_took(asked, 1.0..=1.0);
    assert_eq!(gate.events.count(from_memory), 1);
    assert_eq!(gate.end_of("client 4").await.end(), End::RefusedByRule);
    // Others are not touched: not this one of another maildrop, and no other one of ann's.
    fails(&gate, "192.0.2.1", "other").await;
    let mut bob = gate.asking("bob", "stale").await;
    gate.dialed().await.lets_in("bob", "stale").await;
    bob.expect("+OK bob, come in\r\n").await;
    assert_took(start, 180.0..=183.1);
}

#[tokio::test(start_paused = true)]
async fn the_backend_hears_it_once_in_five_minutes() {
    let (gate, start) = held_against().await;
    // A tablet that looks each minute, for an hour.
    let mut tries = Vec::new();
    for minute in 3..60 {
        sleep_until(start + seconds(60.0) * minute).await;
        let mut tablet = gate.asking("ann", "stale").await;
        tablet.expect_silence(seconds(0.5)).await;
        if gate.dials() > 3 + tries.len() {
            tries.push(minute);
            gate.dialed().await.answers_login("ann", "stale", NO).await;
        }
        tablet.expect(format!("{NO}\r\n")).await;
    }
    // The last of the first three was at two minutes; each answer is later than its question.
    assert_eq!(tries, [7, 13, 19, 25, 31, 37, 43, 49, 55]);
}

#[tokio::test(start_paused = true)]
async fn refusals_further_apart_than_ten_minutes_are_not_held_against_it() {
    let gate = defaults().await;
    // At 620 s the first of three is too old.
    for pause in [301.0, 308.0, 5.0, 0.0] {
        fails(&gate, STRANGER, "stale").await;
        sleep(seconds(pause)).await;
    }
    refused_from_memory(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn a_real_try_that_succeeds_ends_it() {
    let (gate, start) = held_against().await;
    refused_from_memory(&gate).await;
    sleep_until(start + seconds(421.0)).await;
    let (client, backend) = gate.log_in("ann", "stale").await;
    drop((client, backend));
    gate.told(|event| matches!(event, Event::Lock(LockEvent::Released { .. })))
        .await;
    gate.log_in("ann", "stale").await;
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_within_a_day_is_never_refused_from_memory() {
    let gate = defaults().await;
    gate.prove("ann", "secret").await;
    // The server's user database is away for 23 hours.
    for _ in 0..23 * 4 {
        fails(&gate, STRANGER, "secret").await;
        sleep(seconds(880.0)).await;
        for _ in 0..4 {
            fails(&gate, STRANGER, "secret").await;
        }
    }
    gate.prove("ann", "secret").await;
    assert_eq!(gate.events.count(from_memory), 0);
}

#[tokio::test(start_paused = true)]
async fn a_day_later_it_may_be() {
    let gate = defaults().await;
    gate.prove("ann", "stale").await;
    sleep(seconds(24.0 * 3600.0 + 1.0)).await;
    for _ in 0..3 {
        fails(&gate, STRANGER, "stale").await;
    }
    refused_from_memory(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn zero_never_refuses_from_memory() {
    let gate = Gate::strict(&only("same_password = 0")).await;
    for _ in 0..30 {
        fails(&gate, STRANGER, "stale").await;
    }
    assert_eq!(gate.events.count(from_memory), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_the_answer_from_memory_is_gone_at_once() {
    let (gate, _) = held_against().await;
    let start = Instant::now();
    let mut tablet: Wire = gate.asking("ann", "stale").await;
    tablet.expect_silence(seconds(0.5)).await;
    tablet.close();
    assert_eq!(gate.end_of("client 4").await.end(), End::RefusedByRule);
    assert_took(start, 0.5..=0.5);
}
