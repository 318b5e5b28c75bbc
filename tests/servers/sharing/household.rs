//! Programs of one household, which come to one maildrop at the same time.

use super::member::{BETWEEN_POLLS, Member};
use super::open_mutt::OpenMutt;
use super::{Counts, PATIENCE, USER, at_shareable, await_counts, expect, message_ids};
use crate::client::{CLOSED, Client};
use crate::gate::Mode;
use crate::process::{await_that, pause};
use crate::programs::{Call, Program, Task};
use crate::server::{Kind, PASSWORD};
use crate::site::Site;
use crate::{Outcome, expect_equal, lock};
use std::fs;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::thread;

const OCTETS: usize = 1_500;
/// Of the first delivery, and of each one later.
const FIRST: usize = 4;
const MORE: usize = 2;
const ALL: usize = FIRST + 2 * MORE;

/// Programs that keep what they store on the server, of which one leaves without QUIT, and a mutt
/// that is left open. Mail is delivered meanwhile; one message is deleted by another way.
pub(crate) fn keepers(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    at_shareable(kind, ip, &[USER], |site| {
        let ids = message_ids(1, FIRST);
        site.server.deliver(USER, &ids, OCTETS)?;
        let mutt = OpenMutt::open(site, USER)?;
        is_sent_back_for_who_fetches(site)?;
        let mut members = members()?;
        all_poll_while_mail_comes(site, &mut members)?;
        for member in &members {
            member.expect_once(&message_ids(1, ALL))?;
        }
        let counts = Counts::of(site)?;
        expect(
            counts.fresh > 0.0 && counts.promoted > 0.0,
            "let in and promoted",
            counts,
        )?;
        expect_equal("not promoted", &counts.not_promoted, &0.0)?;
        expect_equal("mutt's copies", &mutt.copy_all(FIRST)?, &ids)?;
        is_gone_by_another_way(site, &mut members)?;
        expect_one_at_a_time(site)
    })
}

/// Nobody but mutt is in the maildrop.
fn is_sent_back_for_who_fetches(site: &Site) -> Outcome<()> {
    let mut client = Client::log_in(site.gate.address(Mode::Plain), USER, PASSWORD)?;
    client.retrieve(1)?;
    client.quit()?;
    expect_equal("mutt is demoted", &Counts::of(site)?.demoted, &1.0)
}

fn members() -> Outcome<Vec<Member>> {
    let call = |program, mode| Call::new(program, mode, USER.to_owned());
    let slow = Call {
        delivery: Some("1"),
        ..call(Program::Getmail, Mode::Plain)
    };
    Ok(vec![
        Member::fetchmail(USER, "", "0.4")?,
        Member::fetchmail(USER, "fastuidl 4", "0")?,
        Member::new(slow)?,
        Member::new(call(Program::Mpop, Mode::Implicit))?,
        Member::new(call(Program::Poplib, Mode::Plain))?,
        Member::new(call(Program::NetPop3, Mode::Stls))?,
        Member::new(call(Program::NetPop, Mode::Plain))?,
    ])
}

/// Delivers what is missing of so many messages.
fn deliver_up_to(messages: usize, delivered: &Mutex<usize>, site: &Site) -> Outcome<()> {
    let mut delivered = lock(delivered);
    let missing = messages.saturating_sub(*delivered);
    let ids = message_ids(*delivered + 1, missing);
    *delivered = messages.max(*delivered);
    site.server.deliver(USER, &ids, OCTETS)
}

/// More is delivered when the first one has all that there is.
fn all_poll_while_mail_comes(site: &Site, members: &mut [Member]) -> Outcome<()> {
    let delivered = &Mutex::new(FIRST);
    thread::scope(|scope| {
        let polls: Vec<_> = members
            .iter_mut()
            .map(|member| {
                scope.spawn(move || {
                    for messages in (FIRST..ALL).step_by(MORE) {
                        member.poll_until(messages, site)?;
                        deliver_up_to(messages + MORE, delivered, site)?;
                    }
                    member.poll_until(ALL, site)
                })
            })
            .collect();
        let mut curl = Member::new(Call::new(Program::Curl, Mode::Plain, USER.to_owned()))?;
        for _ in 0..5 {
            curl.run(Task::Poll, site)?;
        }
        curl.expect_no_trouble()?;
        polls
            .into_iter()
            .try_for_each(|poll| poll.join().unwrap_or(Err("a program panicked".into())))
    })
}

/// A message vanishes that nobody deleted through popgate, and another one comes.
fn is_gone_by_another_way(site: &Site, members: &mut [Member]) -> Outcome<()> {
    let maildir = site.server.ground().home(USER).join("Maildir/cur");
    let file = fs::read_dir(&maildir)?
        .flatten()
        .find(|file| file.file_name().to_string_lossy().starts_with("message-02"));
    fs::remove_file(file.ok_or("no such file")?.path())?;
    site.server
        .deliver(USER, &message_ids(ALL + 1, 1), OCTETS)?;
    for member in members.iter_mut() {
        member.poll_until(ALL + 1, site)?;
    }
    for member in members {
        member.expect_once(&message_ids(1, ALL + 1))?;
    }
    Ok(())
}

/// Programs that delete what they store come at the same time, a phone rests in the maildrop.
pub(crate) fn takers(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    const MESSAGES: usize = 8;
    const ROUNDS: usize = 3;
    at_shareable(kind, ip, &[USER], |site| {
        let mut takers = takers_at_home()?;
        let mut phone = Client::log_in(site.gate.address(Mode::Plain), USER, PASSWORD)?;
        let shown = phone.listing()?;
        for round in 0..ROUNDS {
            let ids = message_ids(1 + round * MESSAGES, MESSAGES);
            site.server.deliver(USER, &ids, OCTETS)?;
            all_take(site, &mut takers)?;
            // They may have been shown what there was before.
            await_that("all to be taken", PATIENCE, || {
                pause(BETWEEN_POLLS);
                takers[0].run(Task::Take, site).is_ok()
                    && all_stored(&takers).len() == (round + 1) * MESSAGES
            })?;
        }
        expect_equal(
            "taken",
            &all_stored(&takers),
            &message_ids(1, ROUNDS * MESSAGES),
        )?;
        no_trouble_but_closed_views(site, &takers)?;
        expect_equal("the phone's listing", &phone.listing()?, &shown)?;
        expect(phone.exchange("NOOP")? != CLOSED, "the phone is in", ())?;
        await_counts(site, "the phone's demotion", |counts| counts.demoted > 0.0)?;
        expect_one_at_a_time(site)
    })
}

/// Two that delete may be shown the same mail before one of them deletes it. The other one's
/// connection is closed then, which loses nothing.
fn no_trouble_but_closed_views(site: &Site, takers: &[Member]) -> Outcome<()> {
    let troubles = takers.iter().flat_map(|it| {
        let of = it.call.to_string();
        it.troubles.iter().map(move |trouble| (of.clone(), trouble))
    });
    let troubles: Vec<_> = troubles.collect();
    let counts = Counts::of(site)?;
    let closed = counts.not_promoted_for_deletions;
    expect_equal("closed", &counts.not_promoted, &closed)?;
    expect(
        troubles.len() as f64 <= closed,
        "no other trouble",
        troubles,
    )
}

fn takers_at_home() -> Outcome<Vec<Member>> {
    let call = |program, mode| Member::new(Call::new(program, mode, USER.to_owned()));
    Ok(vec![
        Member::fetchmail(USER, "", "0.1")?,
        Member::fetchmail(USER, "expunge 1", "0")?,
        call(Program::Getmail, Mode::Implicit)?,
        call(Program::Mpop, Mode::Stls)?,
        call(Program::Poplib, Mode::Plain)?,
        call(Program::NetPop3, Mode::Plain)?,
        call(Program::NetPop, Mode::Implicit)?,
    ])
}

fn all_take(site: &Site, takers: &mut [Member]) -> Outcome<()> {
    thread::scope(|scope| {
        let runs: Vec<_> = takers
            .iter_mut()
            .map(|taker| scope.spawn(move || taker.run(Task::Take, site)))
            .collect();
        runs.into_iter()
            .try_for_each(|run| run.join().unwrap_or(Err("a program panicked".into())))
    })
}

/// In their order; one that was stored twice stands there twice.
fn all_stored(takers: &[Member]) -> Vec<String> {
    let mut all: Vec<String> = takers.iter().flat_map(|it| it.stored.clone()).collect();
    all.sort();
    all
}

fn expect_one_at_a_time(site: &Site) -> Outcome<()> {
    expect_equal(
        "sessions at the server at once",
        &site.relay.most_inside(),
        &1,
    )
}
