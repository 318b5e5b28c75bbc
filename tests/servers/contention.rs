//! Programs that compete for one maildrop, some of them rude.

use crate::client::Client;
use crate::gate::Mode;
use crate::process::pause;
use crate::relay::Relay;
use crate::server::{Kind, PASSWORD};
use crate::site::{Site, straight, through_gate};
use crate::{Outcome, expect_equal};
use popgate::time::Duration;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Barrier;
use std::thread;

const USER: &str = "reader@popgate.test";
const PROGRAMS: usize = 8;
const HOLD: Duration = Duration::from_secs(2);
const MESSAGES: usize = 20;
/// What one program takes, so that eight of them take all, in turns.
const SHARE: usize = 3;
const SMALL_OCTETS: usize = 2_000;
/// More than the socket buffers between server and client hold.
const LARGE_OCTETS: usize = 16 << 20;

/// Eight programs at once, straight: a server that locks refuses some, the other one lets two in.
pub(crate) fn straight_load_shows_conflicts(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    straight(kind, ip, &[USER], |server| {
        server.deliver(USER, &message_ids(MESSAGES), SMALL_OCTETS)?;
        let relay = Relay::start(ip, server.address())?;
        let results = eight_at_once(relay.address()?);
        let Some(refusal) = kind.refusal() else {
            return more_than_one(relay.most_inside());
        };
        let refused = results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .filter(|error| error.to_string() == format!("PASS: {}", refusal.said))
            .count();
        match (refused, server.refusals_logged()) {
            (1.., 1..) => Ok(()),
            counts => Err(format!("refusals seen and logged: {counts:?}; {results:?}").into()),
        }
    })
}

fn more_than_one(sessions: usize) -> Outcome<()> {
    if sessions > 1 {
        return Ok(());
    }
    Err("the server let only one session in at a time".into())
}

/// Eight programs at once through popgate: all get in, one at a time, and share all messages.
pub(crate) fn eight_programs_share_one_maildrop(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    through_gate(kind, ip, &[USER], |site| {
        let ids = message_ids(MESSAGES);
        site.server.deliver(USER, &ids, SMALL_OCTETS)?;

        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        for result in eight_at_once(site.gate.address(Mode::Plain)) {
            for id in result? {
                *taken.entry(id).or_default() += 1;
            }
        }

        let once = ids.into_iter().map(|id| (message_id(&id), 1)).collect();
        expect_equal("how often each message was taken", &taken, &once)?;
        expect_equal(
            "sessions at the server at once",
            &site.relay.most_inside(),
            &1,
        )?;
        expect_equal("logins at the server", &site.relay.logins(), &PROGRAMS)?;
        expect_left_in_maildrop(site, 0)
    })
}

/// Programs that vanish at four points delete nothing, and the next one gets in.
pub(crate) fn killed_program_deletes_nothing(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    through_gate(kind, ip, &[USER], |site| {
        site.server.deliver(USER, &message_ids(2), SMALL_OCTETS)?;
        site.server
            .deliver(USER, &["large".to_owned()], LARGE_OCTETS)?;
        let gate = site.gate.address(Mode::Plain);

        log_in_and_delete(gate, 1)?.reset()?;
        expect_left_in_maildrop(site, 3)?;

        log_in_and_delete(gate, 1)?.close();
        expect_left_in_maildrop(site, 3)?;

        let mut in_mid_reply = log_in_and_delete(gate, 1)?;
        in_mid_reply.begin_to_retrieve(3)?;
        in_mid_reply.reset()?;
        expect_left_in_maildrop(site, 3)?;

        let holder = Client::log_in(gate, USER, PASSWORD)?;
        let mut waiter = Client::connect(gate)?;
        waiter.ok(&format!("USER {USER}"))?;
        waiter.send(&[&format!("PASS {PASSWORD}"), "DELE 1"])?;
        pause(Duration::from_millis(500));
        waiter.reset()?;
        pause(Duration::from_millis(500));
        holder.quit()?;
        expect_left_in_maildrop(site, 3)?;

        // Four killed or held sessions, four looks; nothing of the killed waiter.
        expect_equal("logins at the server", &site.relay.logins(), &8)?;
        expect_equal(
            "sessions at the server at once",
            &site.relay.most_inside(),
            &1,
        )
    })
}

/// A program that sends QUIT and is gone before the answer has deleted what it deleted.
pub(crate) fn quit_and_close_commits(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    through_gate(kind, ip, &[USER], |site| {
        site.server.deliver(USER, &message_ids(6), SMALL_OCTETS)?;
        let gate = site.gate.address(Mode::Plain);

        let mut closes = log_in_and_delete(gate, 1)?;
        closes.send(&["QUIT"])?;
        closes.close();
        expect_left_in_maildrop(site, 5)?;

        // The answer to DELE is unread when it closes.
        let mut hurries = Client::log_in(gate, USER, PASSWORD)?;
        hurries.send(&["DELE 1", "QUIT"])?;
        hurries.close();
        expect_left_in_maildrop(site, 4)?;

        let mut resets = log_in_and_delete(gate, 1)?;
        resets.send(&["QUIT"])?;
        resets.reset()?;
        expect_left_in_maildrop(site, 3)?;

        // Somebody waits: the commands behind its PASS count all the same.
        let holder = Client::log_in(gate, USER, PASSWORD)?;
        let mut waiter = Client::connect(gate)?;
        waiter.send(&[
            &format!("USER {USER}"),
            &format!("PASS {PASSWORD}"),
            "DELE 1",
            "QUIT",
        ])?;
        waiter.close();
        pause(Duration::from_millis(500));
        holder.quit()?;
        expect_left_in_maildrop(site, 2)?;
        expect_equal(
            "sessions at the server at once",
            &site.relay.most_inside(),
            &1,
        )
    })
}

/// What each of eight programs that start at once took, or why it failed.
fn eight_at_once(address: SocketAddr) -> Vec<Outcome<Vec<String>>> {
    let start = Barrier::new(PROGRAMS);
    let program = || {
        start.wait();
        take_a_share(address)
    };
    thread::scope(|scope| {
        let programs: Vec<_> = (0..PROGRAMS).map(|_| scope.spawn(program)).collect();
        programs
            .into_iter()
            .map(|program| program.join().unwrap_or(Err("it panicked".into())))
            .collect()
    })
}

/// Retrieves and deletes the first messages, holds the maildrop, and quits.
fn take_a_share(address: SocketAddr) -> Outcome<Vec<String>> {
    let mut client = Client::log_in(address, USER, PASSWORD)?;
    let mut taken = Vec::new();
    for number in 1..=client.count()?.min(SHARE) {
        taken.push(client.retrieve(number)?);
        client.ok(&format!("DELE {number}"))?;
    }
    pause(HOLD);
    client.quit()?;
    Ok(taken)
}

fn log_in_and_delete(gate: SocketAddr, number: usize) -> Outcome<Client> {
    let mut client = Client::log_in(gate, USER, PASSWORD)?;
    client.ok(&format!("DELE {number}"))?;
    Ok(client)
}

/// Looks through popgate: that login comes after the last session has ended at the server.
fn expect_left_in_maildrop(site: &Site, expected: usize) -> Outcome<()> {
    let mut client = Client::log_in(site.gate.address(Mode::Plain), USER, PASSWORD)?;
    let count = client.count()?;
    client.quit()?;
    expect_equal("messages in the maildrop", &count, &expected)
}

fn message_ids(count: usize) -> Vec<String> {
    (1..=count)
        .map(|number| format!("message-{number:02}"))
        .collect()
}

fn message_id(id: &str) -> String {
    format!("<{id}@popgate.test>")
}
