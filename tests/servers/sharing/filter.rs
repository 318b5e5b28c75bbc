//! getmail with a filter that takes its time for each message, and somebody who waits meanwhile.

use super::member::Member;
use super::{Counts, PATIENCE, USER, at_shareable, expect, message_ids};
use crate::client::Client;
use crate::gate::Mode;
use crate::process::await_that;
use crate::programs::{Call, Program, Task};
use crate::server::{Kind, PASSWORD};
use crate::site::Site;
use crate::{Outcome, expect_equal};
use std::net::Ipv4Addr;
use std::thread;

/// How long the filter takes for a message, how many there are, and how often getmail then logs in.
/// Only who is idle longer than `preempt_idle` goes back to its listing, and only once.
const FILTERS: [(&str, usize, usize); 2] = [("1.2", 5, 1), ("4", 3, 2)];

/// It is not logged in anew for each message, and none is filtered twice.
pub(crate) fn slow_filter(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    at_shareable(kind, ip, &[USER], |site| {
        let mut delivered = 0;
        for (filter, messages, logins) in FILTERS {
            site.server
                .deliver(USER, &message_ids(delivered + 1, messages), 500)?;
            delivered += messages;
            let mut getmail = Member::new(Call {
                delivery: Some(filter),
                ..Call::new(Program::Getmail, Mode::Plain, USER.to_owned())
            })?;
            let before = site.relay.logins();
            beside_somebody_who_waits(site, &mut getmail)?;
            expect_equal(
                "logins at the server",
                &(site.relay.logins() - before),
                &(logins + 1),
            )?;
            getmail.expect_once(&message_ids(delivered + 1 - messages, messages))?;
            take_all(site)?;
        }
        let counts = Counts::of(site)?;
        expect_equal("demoted", &counts.demoted, &1.0)?;
        expect_equal("not promoted", &counts.not_promoted, &0.0)
    })
}

fn beside_somebody_who_waits(site: &Site, getmail: &mut Member) -> Outcome<()> {
    let inbox = getmail.home.path("inbox");
    thread::scope(|scope| {
        let runs = scope.spawn(move || getmail.run(Task::Poll, site));
        await_that("the first message", PATIENCE, || {
            inbox.metadata().is_ok_and(|file| file.len() > 0)
        })?;
        let mut waits = log_in(site)?;
        waits.retrieve(1)?;
        waits.quit()?;
        runs.join()
            .unwrap_or(Err("getmail's thread panicked".into()))
    })
}

/// Two that delete meet at the first one's first message. The second one may have been shown what the
/// first one takes: it is closed then, once. All mail is stored, and once.
pub(crate) fn takers_meet(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    at_shareable(kind, ip, &[USER], |site| {
        site.server.deliver(USER, &message_ids(1, 4), 500)?;
        let call = |program| Call::new(program, Mode::Plain, USER.to_owned());
        let mut first = Member::new(Call {
            delivery: Some("1"),
            ..call(Program::Getmail)
        })?;
        let mut second = Member::new(call(Program::NetPop3))?;
        let inbox = first.home.path("inbox");
        thread::scope(|scope| {
            let takes = scope.spawn(|| first.run(Task::Take, site));
            await_that("the first message", PATIENCE, || {
                inbox.metadata().is_ok_and(|file| file.len() > 0)
            })?;
            second.run(Task::Take, site)?;
            takes
                .join()
                .unwrap_or(Err("getmail's thread panicked".into()))
        })?;
        let closed = Counts::of(site)?.not_promoted;
        expect_equal("troubles", &(second.troubles.len() as f64), &closed)?;
        second.run(Task::Take, site)?;
        expect_equal("not promoted", &Counts::of(site)?.not_promoted, &closed)?;
        expect_equal(
            "taken",
            &[first.stored, second.stored].concat(),
            &message_ids(1, 4),
        )
    })
}

fn take_all(site: &Site) -> Outcome<()> {
    let mut client = log_in(site)?;
    let messages = client.count()?;
    for number in 1..=messages {
        client.ok(&format!("DELE {number}"))?;
    }
    client.quit()?;
    expect(messages > 0, "there was mail", messages)
}

fn log_in(site: &Site) -> Outcome<Client> {
    Client::log_in(site.gate.address(Mode::Plain), USER, PASSWORD)
}
