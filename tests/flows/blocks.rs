//! Who is blocked, because of what, and for how long; and limits on connections.

use crate::support::{Gate, assert_took, seconds};
use popgate::gate::Kick;
use popgate::observe::event::{Event, LockEvent, LoginRule, RuleEvent};
use popgate::policy::block::{
    BlockAction, BlockChange, BlockFilter, BlockReason, BlockState, ChangeKind, ChangedBy,
};
use popgate::time::{Duration, Instant};
use std::net::IpAddr;
use tokio::time::sleep;

pub(crate) const STRANGER: &str = "203.0.113.9";
pub(crate) const OTHER: &str = "203.0.113.10";
const NO: &str = "-ERR [AUTH] not you, ann!\r\n";
/// How long the backend looks for a password.
const LOOKS: f64 = 1.25;

/// Wrong passwords are answered when the backend answers them, and nobody comes too often.
pub(crate) fn blocking(blocks: &str) -> String {
    format!(
        "[defaults]\ncleartext = \"always\"\npolls = {{ enforce = \"off\" }}\n\
         failures = {{ delay = \"0s\", max_delay = \"0s\", same_password = 0 }}\n\
         blocks = {{ {blocks} }}\n"
    )
}

/// A gate whose backend lets in whoever says `secret`, and refuses others in its own words and
/// after its own time.
pub(crate) async fn gate_with(settings: &str) -> Gate {
    let gate = Gate::strict(settings).await;
    gate.serve_each(|mut backend| async move {
        let Some((user, password)) = backend.hears_login().await else {
            return;
        };
        sleep(seconds(LOOKS)).await;
        let answer = match password == "secret" {
            true => "+OK come in".to_owned(),
            false => format!("-ERR [AUTH] not you, {user}!"),
        };
        backend.answers(&answer).await;
    });
    gate
}

pub(crate) async fn defaults() -> Gate {
    gate_with(&blocking("")).await
}

/// A login; its answer.
pub(crate) async fn tries(gate: &Gate, from: &str, user: &str, password: &str) -> String {
    let mut client = gate.visitor().from(from).asking(user, password).await;
    client.read_line().await
}

/// So many different wrong passwords for ann's maildrop, which all reach the backend.
pub(crate) async fn guesses(gate: &Gate, from: &str, passwords: std::ops::Range<u32>) {
    for guess in passwords {
        let dials = gate.dials();
        let answer = tries(gate, from, "ann", &guess.to_string()).await;
        assert_eq!((answer + "\r\n").as_str(), NO);
        assert_eq!(
            gate.dials(),
            dials + 1,
            "guess {guess} has not reached the backend"
        );
    }
}

/// Ten guesses: the stranger is blocked.
async fn blocked() -> Gate {
    let gate = defaults().await;
    guesses(&gate, STRANGER, 0..10).await;
    gate
}

/// As [`blocked`], a minute ago: a trial login is due.
pub(crate) async fn blocked_for_a_minute() -> Gate {
    let gate = blocked().await;
    sleep(seconds(61.0)).await;
    gate
}

/// Whether a login gets as far as the backend, which it must not say by its answer.
pub(crate) async fn reaches(gate: &Gate, from: &str, user: &str, password: &str) -> bool {
    let dials = gate.dials();
    tries(gate, from, user, password).await;
    gate.dials() > dials
}

/// What became of entries so far.
pub(crate) fn changes(gate: &Gate) -> Vec<BlockChange> {
    let events = gate.events.events().into_iter();
    let changes = events.filter_map(|event| match event {
        Event::BlockChanged(change) => Some(*change),
        _ => None,
    });
    changes.collect()
}

pub(crate) fn refused_by(rule: LoginRule) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Rule(RuleEvent::LoginRefused { rule: refused, .. }) if *refused == rule)
}

pub(crate) fn ended(event: &Event) -> bool {
    matches!(event, Event::SessionEnded(_))
}

/// A connection that comes, talks like this, and is over.
pub(crate) async fn passes_by(gate: &Gate, from: &str, talk: &str) {
    let before = gate.events.count(ended);
    let mut client = gate.visitor().from(from).greeted().await;
    client.send(talk).await;
    client.close();
    gate.told_nth(before, ended).await;
}

pub(crate) const ABUSE: &str =
    "GET\r\nGET\r\nGET\r\nGET\r\nGET\r\nGET\r\nGET\r\nGET\r\nGET\r\nGET\r\n";

#[tokio::test(start_paused = true)]
async fn the_eleventh_password_is_answered_as_the_backend_would_and_does_not_reach_it() {
    let gate = blocked().await;
    let start = Instant::now();
    let mut client = gate.visitor().from(STRANGER).asking("ann", "secret").await;
    client.expect(NO).await;
    assert_took(start, LOOKS..=LOOKS);
    assert_eq!(gate.dials(), 10);
    assert_eq!(gate.events.count(refused_by(LoginRule::Blocked)), 1);
    let [change] = &changes(&gate)[..] else {
        panic!("{:#?}", changes(&gate))
    };
    let entry = &change.entry;
    assert_eq!(
        (change.what, entry.state),
        (ChangeKind::Blocked, BlockState::Blocked)
    );
    assert_eq!(
        (entry.reason, entry.times_blocked),
        (BlockReason::GuessingOne, 1)
    );
    assert!(entry.target.key.is_some() && !entry.shadow);
    assert_eq!(
        entry.expires.duration_since(entry.last),
        Duration::from_secs(600).try_into().unwrap()
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_else_is_blocked() {
    let gate = blocked().await;
    assert!(
        reaches(&gate, OTHER, "ann", "guess").await,
        "another address"
    );
    assert!(
        reaches(&gate, STRANGER, "bob", "guess").await,
        "another maildrop"
    );
    assert!(
        !reaches(&gate, STRANGER, "ANN", "guess").await,
        "the same maildrop"
    );
}

#[tokio::test(start_paused = true)]
async fn nine_passwords_however_often_do_not_block() {
    let gate = defaults().await;
    for _ in 0..3 {
        guesses(&gate, STRANGER, 0..9).await;
    }
    assert_eq!(changes(&gate), []);
}

#[tokio::test(start_paused = true)]
async fn the_owner_passes_with_a_proven_password() {
    let gate = defaults().await;
    assert_eq!(tries(&gate, OTHER, "ann", "secret").await, "+OK come in");
    guesses(&gate, STRANGER, 0..10).await;
    assert!(!reaches(&gate, STRANGER, "ann", "guess").await);
    assert_eq!(tries(&gate, STRANGER, "ann", "secret").await, "+OK come in");
    assert!(!reaches(&gate, STRANGER, "ann", "guess").await);
}

#[tokio::test(start_paused = true)]
async fn fifty_passwords_for_many_maildrops_block_the_address() {
    let gate = defaults().await;
    for guess in 0..50 {
        let user = format!("user{guess}");
        assert!(reaches(&gate, STRANGER, &user, "1234").await, "{user}");
    }
    // One login a minute is really tried.
    assert!(reaches(&gate, STRANGER, "ann", "1234").await);
    assert!(!reaches(&gate, STRANGER, "bob", "1234").await);
    assert!(reaches(&gate, OTHER, "ann", "1234").await);
    assert_eq!(changes(&gate)[0].entry.reason, BlockReason::GuessingMany);
}

#[tokio::test(start_paused = true)]
async fn abuse_of_the_protocol_blocks_the_address() {
    let gate = defaults().await;
    for _ in 0..9 {
        passes_by(&gate, STRANGER, ABUSE).await;
    }
    assert!(reaches(&gate, STRANGER, "ann", "guess").await);
    passes_by(&gate, STRANGER, ABUSE).await;
    let mut client = gate.visitor().from(STRANGER).connect();
    client.expect_prefix("-ERR [SYS/TEMP] ").await;
    assert!(reaches(&gate, OTHER, "ann", "guess").await);
    let entry = &changes(&gate)[0].entry;
    assert_eq!(
        (entry.reason, &entry.target.key),
        (BlockReason::Abuse, &None)
    );
}

/// A gate with a session of ann's that does not end, and so many waiters that left; they come from
/// an address where nobody has logged in.
async fn waiters_that_leave(password: &str, times: u32) -> Gate {
    let gate = gate_with(&(blocking("") + "preempt_idle = \"off\"\n")).await;
    let mut holder = gate.visitor().from(OTHER).asking("ann", "secret").await;
    holder.expect("+OK come in\r\n").await;
    for _ in 0..times {
        let client = gate.visitor().from(STRANGER).asking("ann", password).await;
        gate.queued(&client).await;
        let before = gate.events.count(ended);
        client.close();
        gate.told_nth(before, ended).await;
    }
    holder.close();
    gate
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_as_late_as_mail_programs_do_is_not_at_fault() {
    for (patience, blocked) in [(28.0, true), (30.0, false)] {
        let gate = Gate::strict(&blocking("")).await;
        for _ in 0..6 {
            let client = gate.visitor().from(STRANGER).asking("ann", "secret").await;
            // A backend that does not answer PASS.
            let mut backend = gate.dialed().await;
            backend.greets().await;
            sleep(seconds(patience)).await;
            let before = gate.events.count(ended);
            client.close();
            gate.told_nth(before, ended).await;
            backend.expect("USER ann\r\nPASS secret\r\n").await;
        }
        assert_eq!(!changes(&gate).is_empty(), blocked, "{patience} s");
    }
}

#[tokio::test(start_paused = true)]
async fn leaving_the_queue_blocks_strangers_and_never_the_proven() {
    let stranger = waiters_that_leave("guess", 6).await;
    assert_eq!(changes(&stranger).len(), 1);
    let owner = waiters_that_leave("secret", 50).await;
    assert_eq!(changes(&owner), []);
    let counted =
        |event: &Event| matches!(event, Event::Rule(RuleEvent::Faulted { proven: true, .. }));
    assert!(owner.events.count(counted) >= 50);
}

#[tokio::test(start_paused = true)]
async fn polling_too_fast_and_losing_its_line_never_block_the_proven() {
    let quotas = "polls = { every = \"60s\", burst = 1, max_delay = \"1s\" }\n";
    let settings = blocking("").replace("polls = { enforce = \"off\" }\n", quotas);
    let gate = gate_with(&settings).await;
    assert_eq!(tries(&gate, OTHER, "ann", "secret").await, "+OK come in");
    for _ in 0..50 {
        sleep(seconds(3.0)).await;
        // It closes without QUIT.
        assert_eq!(tries(&gate, OTHER, "ann", "secret").await, "+OK come in");
    }
    for _ in 0..20 {
        // It leaves while it is held: at an address where nobody has logged in.
        let client = gate.visitor().from(STRANGER).asking("ann", "secret").await;
        let before = gate.events.count(ended);
        client.close();
        gate.told_nth(before, ended).await;
    }
    let faults = gate
        .events
        .count(|event| matches!(event, Event::Rule(RuleEvent::Faulted { .. })));
    assert!(faults > 100, "{faults}");
    assert_eq!(changes(&gate), []);
}

#[tokio::test(start_paused = true)]
async fn a_trusted_network_is_never_blocked() {
    let gate = defaults().await;
    guesses(&gate, "127.0.0.1", 0..60).await;
    for _ in 0..20 {
        passes_by(&gate, "127.0.0.1", ABUSE).await;
        passes_by(&gate, "127.0.0.1", "").await;
    }
    assert_eq!(changes(&gate), []);
    assert!(reaches(&gate, "127.0.0.1", "ann", "guess").await);
}

#[tokio::test(start_paused = true)]
async fn a_shadow_makes_entries_and_refuses_nobody() {
    let gate = gate_with(&blocking("enforce = \"shadow\"")).await;
    guesses(&gate, STRANGER, 0..12).await;
    let [change] = &changes(&gate)[..] else {
        panic!("{:#?}", changes(&gate))
    };
    assert!(change.entry.shadow && change.what == ChangeKind::Blocked);
    // Nor does it when it is enforced from now on.
    gate.reload(&blocking(""));
    assert!(reaches(&gate, STRANGER, "ann", "guess").await);
}

#[tokio::test(start_paused = true)]
async fn where_blocks_are_off_nobody_counts() {
    let gate = gate_with(&blocking("enforce = \"off\"")).await;
    guesses(&gate, STRANGER, 0..60).await;
    gate.reload(&blocking(""));
    guesses(&gate, STRANGER, 60..69).await;
    assert_eq!(changes(&gate), []);
}

#[tokio::test(start_paused = true)]
async fn a_reload_to_off_lets_in_who_is_blocked() {
    let gate = blocked().await;
    assert!(!reaches(&gate, STRANGER, "ann", "guess").await);
    gate.reload(&blocking("enforce = \"off\""));
    assert!(reaches(&gate, STRANGER, "ann", "guess").await);
}

#[tokio::test(start_paused = true)]
async fn the_thresholds_are_settings() {
    let gate = gate_with(&blocking("passwords_per_maildrop = 3")).await;
    guesses(&gate, STRANGER, 0..3).await;
    assert!(!reaches(&gate, STRANGER, "ann", "guess").await);
}

#[tokio::test(start_paused = true)]
async fn who_is_released_is_let_in_at_once() {
    let gate = blocked().await;
    assert!(!reaches(&gate, STRANGER, "ann", "secret").await);
    let blocks = &gate.cx.admission.shared.blocks;
    let operator = ChangedBy::Operator(IpAddr::from([127, 0, 0, 1]));
    let released = blocks.change(
        &BlockFilter::default(),
        BlockAction::Release,
        operator,
        gate.cx.moment().wall,
    );
    assert_eq!(released.flatten().count(), 1);
    assert_eq!(tries(&gate, STRANGER, "ann", "secret").await, "+OK come in");
}

#[tokio::test(start_paused = true)]
async fn a_block_ends_by_itself_and_comes_back_longer() {
    let gate = blocked().await;
    // The first is the real try of this minute, as long as the block lasts.
    sleep(seconds(597.0)).await;
    assert!(reaches(&gate, STRANGER, "ann", "one").await);
    assert!(!reaches(&gate, STRANGER, "ann", "two").await);
    sleep(seconds(1.0)).await;
    // Nine others, the last of which brings the block back.
    guesses(&gate, STRANGER, 100..109).await;
    sleep(seconds(1197.0)).await;
    assert!(reaches(&gate, STRANGER, "ann", "three").await);
    assert!(!reaches(&gate, STRANGER, "ann", "four").await);
    sleep(seconds(1.0)).await;
    assert!(reaches(&gate, STRANGER, "ann", "four").await);
    let kinds = changes(&gate)
        .into_iter()
        .map(|change| (change.what, change.entry.times_blocked));
    let blocked = ChangeKind::Blocked;
    assert_eq!(kinds.collect::<Vec<_>>(), [(blocked, 1), (blocked, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_maildrop_has_so_many_connections() {
    let settings = blocking("") + "connections = { per_maildrop = 2 }\n";
    let gate = gate_with(&settings).await;
    let mut holder = gate.asking("ann", "secret").await;
    holder.expect("+OK come in\r\n").await;
    let one = gate.asking("ann", "guess").await;
    gate.queued(&one).await;
    let full = "-ERR [SYS/TEMP] Too many connections to this mailbox, please wait and try again";
    assert_eq!(tries(&gate, "192.0.2.1", "ann", "other guess").await, full);
    assert_eq!(gate.events.count(refused_by(LoginRule::PerMaildrop)), 1);
    // Strangers elsewhere have theirs: the owner may be one of them.
    let elsewhere = gate.visitor().from(OTHER).asking("ann", "guess").await;
    gate.queued(&elsewhere).await;
    // The proven have places of their own, others' maildrops too, and a trusted network needs none.
    let owner = gate.asking("ann", "secret").await;
    gate.queued(&owner).await;
    assert_eq!(tries(&gate, OTHER, "bob", "secret").await, "+OK come in");
    let trusted = gate
        .visitor()
        .from("127.0.0.1")
        .asking("ann", "guess")
        .await;
    gate.queued(&trusted).await;
    // Whoever leaves gives its place back.
    let before = gate.events.count(ended);
    one.close();
    gate.told_nth(before, ended).await;
    let next = gate.asking("ann", "guess").await;
    gate.queued(&next).await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_has_so_many_connections() {
    let settings = blocking("") + "connections = { per_tenant = 2 }\n";
    let gate = gate_with(&settings).await;
    let mut sessions = Vec::new();
    for user in ["ann", "bob"] {
        let mut client = gate.asking(user, "secret").await;
        client.expect("+OK come in\r\n").await;
        sessions.push(client);
    }
    let full = "-ERR [SYS/TEMP] Too many connections to mailboxes of this domain, \
                please wait and try again";
    assert_eq!(tries(&gate, OTHER, "eve", "secret").await, full);
    assert_eq!(gate.events.count(refused_by(LoginRule::PerTenant)), 1);
    assert_eq!(
        tries(&gate, "127.0.0.1", "eve", "secret").await,
        "+OK come in"
    );
    let released = |event: &Event| matches!(event, Event::Lock(LockEvent::Released { .. }));
    let before = gate.events.count(released);
    sessions.pop();
    gate.told_nth(before, released).await;
    assert_eq!(tries(&gate, OTHER, "eve", "secret").await, "+OK come in");
}

#[tokio::test(start_paused = true)]
async fn an_address_has_so_many_connections() {
    let settings = blocking("") + "connections = { per_address = 1 }\n";
    let gate = gate_with(&settings).await;
    let connections = &gate.cx.admission.local.connections;
    let enter = |from: &str| {
        let address: std::net::IpAddr = from.parse().unwrap();
        connections.enter_address(address.into(), 0).unwrap()
    };
    let (_one, two, _trusted) = (
        enter(OTHER),
        enter(OTHER),
        [enter("127.0.0.1"), enter("127.0.0.1")],
    );
    let full = "-ERR [SYS/TEMP] Too many connections from your address, please wait and try again";
    assert_eq!(tries(&gate, OTHER, "ann", "secret").await, full);
    assert_eq!(gate.events.count(refused_by(LoginRule::PerAddress)), 1);
    assert_eq!(
        tries(&gate, "127.0.0.1", "ann", "secret").await,
        "+OK come in"
    );
    drop(two);
    assert_eq!(tries(&gate, OTHER, "ann", "secret").await, "+OK come in");
}

/// A trial login that holds or awaits ann's lock, and is kicked.
async fn kicks_the_trial(gate: &Gate) {
    let mut trial = gate.visitor().from(STRANGER).asking("ann", "guess").await;
    gate.queued(&trial).await;
    let session = gate.session(&trial).await;
    assert_eq!(gate.cx.sessions.kick(session, None), Kick::Kicked);
    trial.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_kicked_leaves_the_trial_login_under_a_block_to_another() {
    let gate = blocked_for_a_minute().await;
    let mut holder = gate.visitor().from(OTHER).asking("ann", "secret").await;
    holder.expect("+OK come in\r\n").await;
    kicks_the_trial(&gate).await;
    holder.close();
    assert!(reaches(&gate, STRANGER, "ann", "another").await);
}

#[tokio::test(start_paused = true)]
async fn a_trial_login_that_is_kicked_when_the_backend_has_its_password_is_spent() {
    let gate = blocked_for_a_minute().await;
    let mut trial = gate.visitor().from(STRANGER).asking("ann", "guess").await;
    // The backend looks for longer.
    trial.expect_silence(seconds(1.0)).await;
    let session = gate.session(&trial).await;
    assert_eq!(gate.cx.sessions.kick(session, None), Kick::Kicked);
    trial.expect_eof().await;
    assert!(!reaches(&gate, STRANGER, "ann", "another").await);
}
