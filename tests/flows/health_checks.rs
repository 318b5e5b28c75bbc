//! Evidence about connections is not used against people: what health checks of balancers and
//! monitors do, what a script sends ahead behind a stale password, what an office behind one
//! address gives up; and how somebody gets in under a block.

use crate::blocks::{
    ABUSE, OTHER, STRANGER, blocking, changes, defaults, ended, gate_with, passes_by, reaches,
    tries,
};
use crate::support::{Gate, Wire, seconds};
use popgate::limits::SHARED_ADDRESS_MAILDROPS;
use popgate::observe::event::{End, Event, OffenceKind, RuleEvent};
use popgate::policy::block::{BlockReason, ChangeKind};
use tokio::time::sleep;

const BALANCER: &str = STRANGER;
const IN: &str = "+OK come in";
const ERRORS: &str =
    "-ERR [SYS/TEMP] Too many protocol errors from your address, please wait and try again";
const GIVEN_UP: &str =
    "-ERR [SYS/TEMP] Too many unfinished logins to this mailbox, please wait and try again";

/// Ann and bob get in from where the balancer's checks come from, too.
async fn all_get_in(gate: &Gate) {
    assert_eq!(changes(gate), []);
    for user in ["ann", "bob"] {
        assert_eq!(tries(gate, BALANCER, user, "secret").await, IN);
    }
}

/// What checks of balancers and monitors say behind the greeting, before they close.
fn checks() -> Vec<(&'static str, Vec<u8>)> {
    let browser = (0..20).map(|n| format!("X-Field-{n}: x\r\n"));
    let browser = format!("GET / HTTP/1.1\r\n{}\r\n", browser.collect::<String>());
    // A first message of TLS, with a LF in each 20 octets of its key share.
    let hello = [
        &b"\x16\x03\x01\x06\xc0\x01\x00\x06"[..],
        &b"share of a key\xff\n".repeat(40),
    ];
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0\0\n\0\0\n\n\n\n\n\n\n\n\n";
    vec![
        ("tcp-check of HAProxy: the greeting alone", Vec::new()),
        ("check_pop of Nagios without QUIT", b"CAPA\r\n".to_vec()),
        ("a scanner that leaves at USER", b"USER ann\r\n".to_vec()),
        ("half a line", b"USER a".to_vec()),
        ("option httpchk", b"OPTIONS / HTTP/1.0\r\n\r\n".to_vec()),
        ("a browser", browser.into_bytes()),
        ("HTTP/2", preface.to_vec()),
        ("TLS on a port in clear", hello.concat()),
        (
            "send-proxy to a port without it",
            b"PROXY UNKNOWN\r\n".to_vec(),
        ),
        ("an SMTP check", b"EHLO check\r\nQUIT\r\n".to_vec()),
    ]
}

#[tokio::test(start_paused = true)]
async fn health_checks_are_counted_and_block_nobody() {
    for (check, says) in checks() {
        let gate = defaults().await;
        for _ in 0..30 {
            let before = gate.events.count(ended);
            let mut client = gate.visitor().from(BALANCER).greeted().await;
            client.send(&says).await;
            client.close();
            gate.told_nth(before, ended).await;
        }
        let kind = OffenceKind::LeftBeforeLogin;
        let left = |event: &Event| matches!(event, Event::Rule(RuleEvent::Faulted { fault, .. }) if *fault == kind);
        let quits = check == "an SMTP check";
        assert_eq!(
            gate.events.count(left),
            if quits { 0 } else { 30 },
            "{check}"
        );
        all_get_in(&gate).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_alone_or_not_even_that_blocks_nobody() {
    let gate = defaults().await;
    for _ in 0..20 {
        for shakes_hands in [true, false] {
            let before = gate.events.count(ended);
            let client = gate.visitor().from(BALANCER).at("pop3s").connect();
            match shakes_hands {
                true => client.start_tls().await.close(),
                false => client.close(),
            }
            gate.told_nth(before, ended).await;
        }
    }
    all_get_in(&gate).await;
}

/// Comes ten times, says all of `script` at once, and is answered to the end, QUIT too.
async fn runs_ten_times(gate: &Gate, script: &str) {
    for _ in 0..10 {
        let before = gate.events.count(ended);
        let mut client = gate.visitor().from(STRANGER).greeted().await;
        client.send(script).await;
        let mut last = String::new();
        for _ in script.lines() {
            last = client.read_line().await;
        }
        assert_eq!(last, "+OK Goodbye", "{script}");
        client.expect_eof().await;
        client.close();
        gate.told_nth(before, ended).await;
    }
    let reasons = changes(gate).into_iter().map(|change| change.entry.reason);
    assert!(
        !reasons
            .into_iter()
            .any(|reason| reason == BlockReason::Abuse),
        "{script}"
    );
}

fn ahead(login: &str, verb: &str, times: usize) -> String {
    let commands = (1..=times).map(|n| format!("{verb} {n}\r\n"));
    format!("{login}{}QUIT\r\n", commands.collect::<String>())
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_ahead_behind_a_refused_login_is_answered_and_no_abuse() {
    let stale = "USER ann\r\nPASS stale\r\n";
    let many = ["RETR", "DELE", "TOP 1", "NOOP", "XTND XLST"].map(|verb| ahead(stale, verb, 12));
    let rules = [
        ("", ahead(stale, "RETR", 1_000)),
        // Refused from memory, and blocked.
        ("same_password = 1", ahead(stale, "RETR", 12)),
        ("", ahead("AUTH LOGIN\r\nYW5u\r\nc3RhbGU=\r\n", "RETR", 12)),
        // Refused by popgate before there is a login.
        (
            "",
            ahead("APOP ann c4c9334bac560ecc979e58001b3e22fb\r\n", "RETR", 12),
        ),
        ("", ahead("PASS secret\r\n", "RETR", 12)),
        ("", ahead("AUTH CRAM-MD5\r\n", "RETR", 12)),
    ];
    for script in &many {
        runs_ten_times(&defaults().await, script).await;
    }
    for (rule, script) in &rules {
        let settings = blocking("").replace("same_password = 0", rule);
        runs_ten_times(&gate_with(&settings).await, script).await;
    }
    let blocked = gate_with(&blocking("passwords_per_maildrop = 1")).await;
    runs_ten_times(&blocked, &ahead(stale, "UIDL", 12)).await;
    let in_clear = gate_with(&blocking("").replace("always", "never")).await;
    runs_ten_times(&in_clear, &ahead(stale, "RETR", 12)).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_login_the_same_is_abuse() {
    let gate = defaults().await;
    for _ in 0..10 {
        passes_by(&gate, STRANGER, &ahead("", "RETR", 12)).await;
    }
    assert_eq!(changes(&gate)[0].entry.reason, BlockReason::Abuse);
}

/// alpine tries three times by each of two ways.
#[tokio::test(start_paused = true)]
async fn a_program_that_repeats_its_stale_password_is_no_abuser() {
    let gate = defaults().await;
    for _ in 0..20 {
        let before = gate.events.count(ended);
        let mut client = gate.visitor().from(STRANGER).greeted().await;
        for _ in 0..6 {
            client.asks_in("ann", "stale").await;
            client.expect_prefix("-ERR").await;
        }
        client.expect_eof().await;
        client.close();
        gate.told_nth(before, ended).await;
    }
    all_get_in(&gate).await;
}

/// Ten connections that sent garbage: their address is blocked.
async fn abused() -> Gate {
    let gate = defaults().await;
    for _ in 0..10 {
        passes_by(&gate, STRANGER, ABUSE).await;
    }
    gate
}

async fn is_told(mut client: Wire, line: &str) {
    client.expect(format!("{line}\r\n")).await;
    client.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn abuse_is_told_at_the_greeting_and_one_login_a_minute_is_tried() {
    let gate = abused().await;
    is_told(gate.visitor().from(STRANGER).connect(), ERRORS).await;
    let before = gate.events.count(ended);
    let secure = gate.visitor().from(STRANGER).at("pop3s").connect();
    is_told(secure.start_tls().await, ERRORS).await;
    let Event::SessionEnded(summary) = gate.told_nth(before, ended).await else {
        unreachable!()
    };
    assert_eq!(summary.end(), End::RefusedByRule);
    sleep(seconds(60.0)).await;
    // Who comes and says nothing takes no try.
    passes_by(&gate, STRANGER, "").await;
    assert!(reaches(&gate, STRANGER, "ann", "guess").await);
    is_told(gate.visitor().from(STRANGER).connect(), ERRORS).await;
    sleep(seconds(60.0)).await;
    assert_eq!(tries(&gate, STRANGER, "ann", "secret").await, IN);
    let kinds = changes(&gate).into_iter().map(|change| change.what);
    let told = [ChangeKind::Blocked, ChangeKind::Lifted];
    assert_eq!(kinds.collect::<Vec<_>>(), told);
    // Now somebody is at home there: the others are greeted, and judged by their logins.
    assert!(reaches(&gate, STRANGER, "bob", "guess").await);
    assert_eq!(tries(&gate, STRANGER, "bob", "guess").await, ERRORS);
    assert!(reaches(&gate, STRANGER, "ann", "guess").await, "lifted");
}

#[tokio::test(start_paused = true)]
async fn abuse_is_over_after_minutes_however_often_it_comes() {
    let gate = defaults().await;
    for _ in 0..5 {
        for _ in 0..10 {
            passes_by(&gate, STRANGER, ABUSE).await;
        }
        is_told(gate.visitor().from(STRANGER).connect(), ERRORS).await;
        sleep(seconds(600.0)).await;
    }
    assert_eq!(changes(&gate).len(), 5);
    assert_eq!(tries(&gate, STRANGER, "ann", "secret").await, IN);
}

/// The office has a maildrop that is in use; carol's program gives up the wait for it again and
/// again.
#[tokio::test(start_paused = true)]
async fn waits_that_are_given_up_block_one_maildrop_and_say_so() {
    let gate = gate_with(&(blocking("") + "preempt_idle = \"off\"\nwait = \"28s\"\n")).await;
    let mut holder = gate.visitor().from(OTHER).asking("carol", "secret").await;
    holder.expect("+OK come in\r\n").await;
    let gives_up = async || {
        let before = gate.events.count(ended);
        let client = gate.visitor().from(STRANGER).asking("carol", "new").await;
        gate.queued(&client).await;
        client.close();
        gate.told_nth(before, ended).await;
    };
    for _ in 0..6 {
        gives_up().await;
    }
    let entry = changes(&gate)[0].entry.clone();
    assert_eq!(entry.reason, BlockReason::Passing);
    assert!(entry.target.key.is_some());
    // The real try, which is given up, too, and so left to the next one.
    gives_up().await;
    let tried = gate.visitor().from(STRANGER).asking("carol", "new").await;
    gate.queued(&tried).await;
    assert_eq!(tries(&gate, STRANGER, "carol", "new").await, GIVEN_UP);
    // Nobody else in the office notices.
    for user in ["ann", "bob"] {
        assert_eq!(tries(&gate, STRANGER, user, "secret").await, IN);
    }
    sleep(seconds(600.0)).await;
    holder.close();
    assert_eq!(tries(&gate, STRANGER, "carol", "secret").await, IN);
}

/// Fifty wrong logins at as many maildrops: the address is blocked, and ann's real try is the next.
async fn sprayed() -> Gate {
    let gate = defaults().await;
    for guess in 0..50 {
        let user = format!("user{guess}");
        assert!(reaches(&gate, STRANGER, &user, "1234").await, "{user}");
    }
    assert_eq!(changes(&gate)[0].entry.reason, BlockReason::GuessingMany);
    gate
}

#[tokio::test(start_paused = true)]
async fn a_stale_password_takes_no_real_try_from_the_others_behind_its_address() {
    let gate = sprayed().await;
    for _ in 0..5 {
        assert!(!reaches(&gate, STRANGER, "user7", "1234").await);
    }
    assert_eq!(tries(&gate, STRANGER, "ann", "secret").await, IN);
    // It cost no try, and lifted the block for her.
    assert!(reaches(&gate, STRANGER, "bob", "guess").await);
    assert!(!reaches(&gate, STRANGER, "bob", "guess2").await);
    assert!(reaches(&gate, STRANGER, "ann", "guess").await);
    sleep(seconds(61.0)).await;
    assert_eq!(tries(&gate, STRANGER, "bob", "secret").await, IN);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_many_share_is_never_blocked_as_a_whole() {
    let gate = defaults().await;
    for n in 0..SHARED_ADDRESS_MAILDROPS {
        let user = format!("user{n}");
        assert_eq!(tries(&gate, STRANGER, &user, "secret").await, IN);
    }
    for guess in 0..50 {
        let user = format!("other{guess}");
        assert!(reaches(&gate, STRANGER, &user, "1234").await, "{user}");
    }
    for _ in 0..20 {
        passes_by(&gate, STRANGER, ABUSE).await;
    }
    assert_eq!(changes(&gate), []);
    assert!(reaches(&gate, STRANGER, "ann", "guess").await);
    let abuse = |event: &Event| {
        matches!(
            event,
            Event::Rule(RuleEvent::Faulted {
                fault: OffenceKind::Abuse,
                ..
            })
        )
    };
    assert_eq!(gate.events.count(abuse), 20);
}
