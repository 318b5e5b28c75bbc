//! Logins that come too often: held, refused or only counted, and which of them count.

use crate::support::{Gate, Wire, assert_took, lets_in_at_once, seconds};
use popgate::observe::event::PollDecision::{Admitted, Delayed, Refused, Shadow};
use popgate::observe::event::{End, Event, LockEvent, LockOutcome, PollDecision, RuleEvent};
use popgate::time::{Duration, Instant};
use tokio::time::sleep_until;

const HOME: &str = "192.0.2.1";
const OFFICE: &str = "198.51.100.7";

/// One login a minute of all, and one in half a minute of each address.
const ONE_A_MINUTE: &str = r#"every = "60s", burst = 1, per_client = { every = "30s", burst = 1 }"#;
/// One login in five minutes of each address, and no matter how many of all.
const ONE_EACH: &str = r#"every = "60s", burst = 100, per_client = { every = "300s", burst = 1 }"#;

fn enforcing(mode: &str, quotas: &str) -> String {
    format!("[defaults]\ncleartext = \"always\"\npolls = {{ enforce = \"{mode}\", {quotas} }}\n")
}

/// Goes on to so many seconds after `start`.
async fn until(start: Instant, after: f64) {
    sleep_until(start + seconds(after)).await;
}

fn is_release(event: &Event) -> bool {
    matches!(event, Event::Lock(LockEvent::Released { .. }))
}

/// A whole session of ann's; says how long the login was held.
async fn look(gate: &Gate, from: &str) -> Duration {
    look_and(gate, from, &[]).await
}

/// The same, with these commands in it.
async fn look_and(gate: &Gate, from: &str, commands: &[&str]) -> Duration {
    let (before, asked) = (gate.events.count(is_release), Instant::now());
    let mut client = gate.visitor().from(from).asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    let held = asked.elapsed();
    backend.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
    for command in commands.iter().chain(&["QUIT"]) {
        client.send(format!("{command}\r\n")).await;
        backend.expect(format!("{command}\r\n")).await;
        backend.send("+OK done\r\n").await;
        client.expect("+OK done\r\n").await;
    }
    client.close();
    backend.close();
    gate.told_nth(before, is_release).await;
    held
}

/// A gate that ann's programs have asked too often: at 0 s, and at 10 s. Now it is 20 s, and their
/// next login is due at 60 s.
async fn pressed(mode: &str) -> Gate {
    let gate = Gate::strict(&enforcing(mode, ONE_A_MINUTE)).await;
    let start = Instant::now();
    for second in [10.0, 20.0] {
        assert_eq!(look(&gate, HOME).await, Duration::ZERO);
        until(start, second).await;
    }
    gate
}

/// What became of each login so far.
fn decisions(gate: &Gate) -> Vec<PollDecision> {
    let events = gate.events.events().into_iter();
    let decisions = events.filter_map(|event| match event {
        Event::Rule(RuleEvent::PollDecided { decision, .. }) => Some(decision),
        _ => None,
    });
    decisions.collect()
}

/// How long before its time the login came of which this was decided.
async fn early(gate: &Gate, what: PollDecision) -> Duration {
    let decided = gate
        .told(|event| matches!(event, Event::Rule(RuleEvent::PollDecided { decision, .. }) if *decision == what));
    match decided.await {
        Event::Rule(RuleEvent::PollDecided { early, .. }) => early,
        other => unreachable!("{other:?}"),
    }
}

/// A session that goes on, and cannot be cut off for a waiter.
async fn busy_holder(gate: &Gate, from: &str) -> (Wire, Wire) {
    let mut holder = gate.visitor().from(from).asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "secret").await;
    holder.expect("+OK ann, come in\r\n").await;
    holder.send("RETR 1\r\n").await;
    backend.expect("RETR 1\r\n").await;
    (holder, backend)
}

#[tokio::test(start_paused = true)]
async fn who_is_held_has_no_place_in_the_queue_and_no_connection() {
    let gate = Gate::strict(&enforcing("delay", ONE_EACH)).await;
    let start = Instant::now();
    look(&gate, HOME).await;
    until(start, 10.0).await;
    look(&gate, HOME).await;
    until(start, 20.0).await;
    let mut phone = gate.visitor().from(HOME).asking("ann", "secret").await;
    phone.expect_silence(seconds(2.0)).await;
    assert_eq!(gate.dials(), 2);
    // It came later, and is not held: another address.
    let (office, backend) = busy_holder(&gate, OFFICE).await;
    assert_took(start, 22.0..=22.0);
    phone.expect_silence(seconds(2.9)).await;
    assert_eq!(gate.dials(), 3);
    let queued = |event: &Event| matches!(event, Event::Lock(LockEvent::Queued { .. }));
    assert_eq!(gate.events.count(queued), 0);
    gate.queued(&phone).await;
    assert_took(start, 25.0..=25.0);
    let mut spare = gate.dialed().await;
    spare.greets().await;
    drop((office, backend));
    lets_in_at_once(&mut spare, &mut phone).await;
    phone.close();
    let summary = gate.end_of("client 3").await;
    assert!(
        summary.delayed >= seconds(5.0) && summary.waited < seconds(0.1),
        "{summary:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn it_is_held_until_its_time_comes_and_for_max_delay_at_most() {
    let gate = pressed("delay").await;
    let start = Instant::now();
    let held = look(&gate, HOME).await;
    assert!((seconds(5.0)..seconds(5.01)).contains(&held), "{held:?}");
    assert_eq!(early(&gate, Delayed).await, seconds(40.0));
    assert_eq!(decisions(&gate), [Admitted, Admitted, Delayed]);
    // It is 57 s: what came too soon meanwhile has not put off the time.
    until(start, 37.0).await;
    let held = look(&gate, HOME).await;
    assert!((seconds(3.0)..seconds(3.01)).contains(&held), "{held:?}");
}

#[tokio::test(start_paused = true)]
async fn max_delay_is_a_setting_and_zero_holds_nobody() {
    for (delay, expected) in [("0s", 0.0), ("12s", 12.0)] {
        let quotas = format!("{ONE_A_MINUTE}, max_delay = \"{delay}\"");
        let gate = pressed("delay").await;
        gate.reload(&enforcing("delay", &quotas));
        let start = Instant::now();
        look(&gate, HOME).await;
        assert_took(start, expected..=expected);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_held_for_all_of_its_wait_is_let_in_where_nobody_is() {
    let gate = pressed("delay").await;
    gate.reload(&(enforcing("delay", ONE_A_MINUTE) + "wait = \"6s\"\n"));
    let start = Instant::now();
    look(&gate, HOME).await;
    assert_took(start, 3.0..=3.0);
}

#[tokio::test(start_paused = true)]
async fn who_is_held_for_all_of_its_wait_is_turned_away_where_somebody_is() {
    let gate = pressed("delay").await;
    gate.reload(&enforcing("off", ONE_A_MINUTE));
    let (_holder, _backend) = busy_holder(&gate, OFFICE).await;
    gate.reload(&(enforcing("delay", ONE_A_MINUTE) + "wait = \"6s\"\n"));
    let start = Instant::now();
    let mut phone = gate.asking("ann", "secret").await;
    phone.expect_prefix("-ERR [IN-USE] Mailbox is locked").await;
    assert_took(start, 3.0..=3.0);
}

#[tokio::test(start_paused = true)]
async fn the_time_for_which_it_is_held_is_part_of_its_wait() {
    let gate = pressed("delay").await;
    gate.reload(&enforcing("off", ONE_A_MINUTE));
    let (_holder, _backend) = busy_holder(&gate, OFFICE).await;
    gate.reload(&enforcing("delay", ONE_A_MINUTE));
    let start = Instant::now();
    let mut phone = gate.asking("ann", "secret").await;
    phone.expect_prefix("-ERR [IN-USE] Mailbox is locked").await;
    assert_took(start, 22.0..=22.0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_while_it_is_held_is_gone_at_once() {
    let gate = pressed("delay").await;
    let start = Instant::now();
    let mut phone = gate.asking("ann", "secret").await;
    phone.expect_silence(seconds(1.0)).await;
    phone.close();
    let summary = gate.end_of("client 3").await;
    assert_took(start, 1.0..=1.0);
    assert_eq!(summary.end(), End::LeftWaiting);
    assert!(summary.delayed >= seconds(1.0), "{summary:?}");
    until(start, 10.0).await;
    assert_eq!(gate.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_switches_polls_off_lets_in_who_is_held() {
    let gate = pressed("delay").await;
    let start = Instant::now();
    let mut phone = gate.asking("ann", "secret").await;
    phone.expect_silence(seconds(2.0)).await;
    gate.reload(&enforcing("off", ONE_A_MINUTE));
    let mut backend = gate.dialed().await;
    assert_took(start, 2.0..=2.0);
    backend.lets_in("ann", "secret").await;
    phone.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_gives_who_is_held_the_new_max_delay_from_its_own_start() {
    let gate = pressed("delay").await;
    let start = Instant::now();
    let mut phone = gate.asking("ann", "secret").await;
    phone.expect_silence(seconds(2.0)).await;
    let quotas = format!("{ONE_A_MINUTE}, max_delay = \"12s\"");
    gate.reload(&enforcing("delay", &quotas));
    gate.dialed().await;
    assert_took(start, 12.0..=12.0);
}

#[tokio::test(start_paused = true)]
async fn a_shadow_counts_and_lets_in() {
    let gate = pressed("shadow").await;
    assert_eq!(look(&gate, HOME).await, Duration::ZERO);
    assert_eq!(decisions(&gate), [Admitted, Admitted, Shadow]);
    assert_eq!(early(&gate, Shadow).await, seconds(40.0));
}

#[tokio::test(start_paused = true)]
async fn where_polls_are_off_nobody_counts() {
    let gate = pressed("off").await;
    assert_eq!(look(&gate, HOME).await, Duration::ZERO);
    assert_eq!(decisions(&gate), []);
    // What came meanwhile is not held against anybody.
    gate.reload(&enforcing("delay", ONE_A_MINUTE));
    assert_eq!(look(&gate, HOME).await, Duration::ZERO);
    assert_eq!(decisions(&gate), [Admitted]);
}

#[tokio::test(start_paused = true)]
async fn the_proven_are_told_when_to_come_again() {
    let gate = pressed("refuse").await;
    let start = Instant::now();
    let mut phone = gate.asking("ann", "secret").await;
    phone
        .expect("-ERR [LOGIN-DELAY] Please wait 40 seconds between mail checks\r\n")
        .await;
    until(start, 10.5).await;
    phone.asks_in("ann", "secret").await;
    phone
        .expect("-ERR [LOGIN-DELAY] Please wait 30 seconds between mail checks\r\n")
        .await;
    until(start, 39.9).await;
    phone.asks_in("ann", "secret").await;
    phone
        .expect("-ERR [LOGIN-DELAY] Please wait 1 seconds between mail checks\r\n")
        .await;
    assert_eq!(gate.dials(), 2);
    assert_eq!(decisions(&gate)[2..], [Refused; 3]);
    // Who was refused has not been charged.
    until(start, 40.1).await;
    phone.asks_in("ann", "secret").await;
    gate.dialed().await.lets_in("ann", "secret").await;
    phone.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn the_unproven_are_not_told_and_held_instead() {
    let gate = pressed("refuse").await;
    let start = Instant::now();
    let mut stranger = gate.asking("ann", "guess").await;
    stranger.expect_silence(seconds(4.9)).await;
    assert_eq!(gate.dials(), 2);
    let mut backend = gate.dialed().await;
    assert_took(start, 5.0..=5.0);
    backend
        .answers_login("ann", "guess", "-ERR [AUTH] no")
        .await;
    stranger.expect("-ERR [AUTH] no\r\n").await;
    assert_eq!(decisions(&gate), [Admitted, Admitted, Delayed]);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_not_told_by_a_delay_that_somebody_looks_for_mail() {
    for mode in ["delay", "refuse"] {
        let gate = pressed(mode).await;
        let start = Instant::now();
        for user in ["ann", "nobody"] {
            let stranger = gate
                .visitor()
                .from("198.51.100.66")
                .asking(user, "guess")
                .await;
            let mut backend = gate.dialed().await;
            backend.answers_login(user, "guess", "-ERR [AUTH] no").await;
            assert_took(start, 0.0..=0.0);
            stranger.close();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn strangers_do_not_spend_the_quota() {
    let without =
        "failures = { delay = \"0s\", max_delay = \"0s\" }\nblocks = { enforce = \"off\" }\n";
    let gate = Gate::strict(&(enforcing("delay", ONE_A_MINUTE) + without)).await;
    for guess in 0..20 {
        let guess = format!("guess {guess}");
        let mut stranger = gate.asking("ann", &guess).await;
        let mut backend = gate.dialed().await;
        backend.answers_login("ann", &guess, "-ERR [AUTH] no").await;
        stranger.expect("-ERR [AUTH] no\r\n").await;
        stranger.close();
    }
    assert_eq!(look(&gate, HOME).await, Duration::ZERO);
    assert!(decisions(&gate).iter().all(|&what| what == Admitted));
}

/// The line of CAPA that names LOGIN-DELAY.
async fn told_delay(client: &mut Wire) -> Option<String> {
    client.send("CAPA\r\n").await;
    client.expect("+OK Capability list follows\r\n").await;
    let mut told = None;
    loop {
        let line = client.read_line().await;
        if line == "." {
            return told;
        }
        told = told.or(line.starts_with("LOGIN-DELAY").then_some(line));
    }
}

/// The same, before and after the login of `user`.
async fn told_to(gate: &Gate, user: &str) -> [Option<String>; 2] {
    let mut client = gate.greeted().await;
    let before = told_delay(&mut client).await;
    client.asks_in(user, "secret").await;
    let mut backend = gate.dialed().await;
    backend.lets_in(user, "secret").await;
    client.expect(format!("+OK {user}, come in\r\n")).await;
    [before, told_delay(&mut client).await]
}

#[tokio::test(start_paused = true)]
async fn capa_tells_the_longest_delay_before_login_and_the_exact_one_after() {
    let tenants = r#"
        [[tenant]]
        name = "slow"
        domains = ["slow.example"]
        polls = { every = "600s" }
        [[tenant.user]]
        name = "boss@slow.example"
        polls = { every = "5s", per_client = { every = "10s" } }
        [[tenant]]
        name = "lenient"
        domains = ["lenient.example"]
        polls = { enforce = "delay", every = "3600s" }
        "#;
    let gate = Gate::strict(&(enforcing("refuse", ONE_A_MINUTE) + tenants)).await;
    for (user, exact) in [
        ("ann", "LOGIN-DELAY 60"),
        ("ann@slow.example", "LOGIN-DELAY 600"),
        ("boss@slow.example", "LOGIN-DELAY 10"),
        ("ann@lenient.example", "LOGIN-DELAY 0"),
    ] {
        let [before, after] = told_to(&gate, user).await;
        assert_eq!(before.as_deref(), Some("LOGIN-DELAY 600 USER"), "{user}");
        assert_eq!(after.as_deref(), Some(exact), "{user}");
    }
}

#[tokio::test(start_paused = true)]
async fn capa_says_nothing_of_a_delay_where_nobody_is_refused_for_it() {
    for mode in ["off", "shadow", "delay"] {
        let gate = Gate::strict(&enforcing(mode, ONE_A_MINUTE)).await;
        assert_eq!(told_to(&gate, "ann").await, [None, None], "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_and_its_scanner_count_once() {
    let gate = Gate::strict(&enforcing("delay", ONE_EACH)).await;
    let start = Instant::now();
    // 301 s would be too soon if the scanner of 1.5 s had been charged.
    for second in [0.0, 1.5, 301.0, 302.9] {
        until(start, second).await;
        assert_eq!(look(&gate, HOME).await, Duration::ZERO, "at {second} s");
    }
    // The next one is charged though the quota has no room, and the one behind it waits.
    for (second, expected) in [(310.0, Duration::ZERO), (320.0, seconds(5.0))] {
        until(start, second).await;
        assert!(
            look(&gate, HOME).await.abs_diff(expected) < seconds(0.01),
            "at {second} s"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn later_than_two_seconds_or_from_elsewhere_it_is_no_scanner() {
    for (second, from) in [(2.1, HOME), (1.5, OFFICE)] {
        let gate = Gate::strict(&enforcing("delay", ONE_A_MINUTE)).await;
        let start = Instant::now();
        look(&gate, HOME).await;
        until(start, second).await;
        look(&gate, from).await;
        until(start, 31.0).await;
        look(&gate, HOME).await;
        assert_eq!(
            decisions(&gate),
            [Admitted, Admitted, Delayed],
            "{second} {from}"
        );
    }
}

/// A proven login that waits in vain, from 5 s to 27 s, after a session that was charged.
async fn in_vain(start: Instant) -> Gate {
    let gate = Gate::strict(&enforcing("delay", ONE_EACH)).await;
    look(&gate, HOME).await;
    let holder = busy_holder(&gate, OFFICE).await;
    until(start, 5.0).await;
    let mut phone = gate.asking("ann", "secret").await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    phone.expect_prefix("-ERR [IN-USE]").await;
    gate.told(|event| {
        matches!(
            event,
            Event::Lock(LockEvent::Outcome {
                outcome: LockOutcome::Timeout,
                ..
            })
        )
    })
    .await;
    assert_took(start, 27.0..=27.0);
    drop((phone, holder));
    gate.told_nth(1, is_release).await;
    gate
}

#[tokio::test(start_paused = true)]
async fn a_login_that_was_turned_away_is_not_charged_for_coming_again() {
    let start = Instant::now();
    let gate = in_vain(start).await;
    for (second, expected) in [(146.0, 0.0), (150.0, 0.0), (160.0, 5.0)] {
        until(start, second).await;
        let held = look(&gate, HOME).await;
        assert!(
            held.abs_diff(seconds(expected)) < seconds(0.01),
            "at {second} s"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn two_minutes_after_it_was_turned_away_it_is_charged_again() {
    let start = Instant::now();
    let gate = in_vain(start).await;
    for (second, expected) in [(148.0, 0.0), (160.0, 5.0)] {
        until(start, second).await;
        let held = look(&gate, HOME).await;
        assert!(
            held.abs_diff(seconds(expected)) < seconds(0.01),
            "at {second} s"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_after_a_session_that_deleted_something_is_not_charged() {
    for (commands, third) in [(["DELE 1"], Admitted), (["NOOP"], Delayed)] {
        let gate = Gate::strict(&enforcing("delay", ONE_EACH)).await;
        let start = Instant::now();
        look_and(&gate, HOME, &commands).await;
        for second in [5.0, 10.0, 20.0] {
            until(start, second).await;
            look(&gate, HOME).await;
        }
        assert_eq!(decisions(&gate), [Admitted, Admitted, third, Delayed]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_minute_after_a_deletion_a_login_is_charged() {
    let gate = Gate::strict(&enforcing("delay", ONE_EACH)).await;
    let start = Instant::now();
    look_and(&gate, HOME, &["DELE 1"]).await;
    for second in [61.0, 70.0] {
        until(start, second).await;
        look(&gate, HOME).await;
    }
    assert_eq!(decisions(&gate), [Admitted, Admitted, Delayed]);
}

#[tokio::test(start_paused = true)]
async fn networks_that_may_come_as_they_like_are_not_measured() {
    for mode in ["delay", "refuse", "shadow"] {
        let tenant = format!(
            "[[tenant]]\nname = \"all\"\nlisteners = [\"pop3\"]\nallow_burst_from = [\"{OFFICE}/32\"]\n"
        );
        let gate = Gate::strict(&(enforcing(mode, ONE_A_MINUTE) + &tenant)).await;
        for _ in 0..20 {
            assert_eq!(look(&gate, OFFICE).await, Duration::ZERO);
        }
        assert_eq!(decisions(&gate), [], "{mode}");
        // And nobody else pays for them.
        assert_eq!(look(&gate, HOME).await, Duration::ZERO);
    }
}
