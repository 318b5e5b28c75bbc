//! Scripts before each server: what is shared before the server is known to be shareable, and what
//! becomes of sessions that live on listings.

use super::{Counts, USER, at_shareable, expect, message_ids};
use crate::client::{CLOSED, Client};
use crate::gate::Mode;
use crate::server::{Kind, PASSWORD};
use crate::site::{Site, through_gate};
use crate::{Outcome, expect_equal};
use std::net::Ipv4Addr;

const OCTETS: usize = 500;
const MESSAGES: usize = 3;
/// It writes unique-ids and status into the messages, whose sizes are others then.
const RESIZES: &str = "GNU mailutils pop3d";
const PROOF: &str = "popgate_sharing_backend_proof{backend=\"server\",verdict=\"given\"}";

/// As `shareable = "ask"` has it.
pub(crate) fn nothing_before_it_is_proven(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    through_gate(kind, ip, &[USER], |site| {
        site.server
            .deliver(USER, &message_ids(1, MESSAGES), OCTETS)?;
        for _ in 0..2 {
            let mut client = log_in(site)?;
            client.listing()?;
            client.quit()?;
        }
        is_not_shared(site, 2)?;
        site.server
            .deliver(USER, &message_ids(MESSAGES + 1, 1), OCTETS)?;
        let mut closes = log_in(site)?;
        let shown = closes.listing()?;
        closes.close();
        is_not_shared(site, 3)?;
        // Whether that was a proof shows at the next login.
        let mut looks = log_in(site)?;
        let again = looks.listing()?;
        looks.quit()?;
        let is_proven = site.gate.metric(PROOF).unwrap_or_default() == 1.0;
        expect_equal("proven", &is_proven, &(kind.to_string() != RESIZES))?;
        expect_equal("ids outlive a close", &(shown == again), &is_proven)?;
        let logins = site.relay.logins();
        log_in(site)?.quit()?;
        let is_shared = site.relay.logins() == logins;
        expect_equal("is shared", &is_shared, &is_proven)
    })
}

fn is_not_shared(site: &Site, logins: usize) -> Outcome<()> {
    let counts = Counts::of(site)?;
    let shared = [
        counts.fresh,
        counts.wait_spent,
        counts.demoted,
        counts.promoted,
    ];
    expect_equal("shared", &shared, &[0.0; 4])?;
    expect_equal("logins at the server", &site.relay.logins(), &logins)
}

/// One that rests, one that comes while it does, one that deletes.
pub(crate) fn sessions_live_on_listings(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    at_shareable(kind, ip, &[USER], |site| {
        site.server
            .deliver(USER, &message_ids(1, MESSAGES), OCTETS)?;
        let mut rests = log_in(site)?;
        let shown = rests.listing()?;
        let mut comes = log_in(site)?;
        expect_equal("the listing of who comes", &comes.listing()?, &shown)?;
        expect_equal("logins at the server", &site.relay.logins(), &1)?;
        let resizes = kind.to_string() == RESIZES;
        if comes.exchange("RETR 1")? == CLOSED {
            expect(resizes, "the first view goes on", Counts::of(site)?)?;
            expect_equal("who rests", &rests.listing()?, &shown)?;
            expect_equal("who rests", &rests.exchange("RETR 2")?.as_str(), &CLOSED)?;
            is_shared_no_more(site)?;
            return nothing_is_lost(site);
        }
        expect_equal("its listing in the maildrop", &comes.listing()?, &shown)?;
        comes.quit()?;
        expect_equal("the listing of who rests", &rests.listing()?, &shown)?;
        let counts = Counts::of(site)?;
        expect_equal(
            "demoted and promoted",
            &(counts.demoted, counts.promoted),
            &(1.0, 1.0),
        )?;

        let goes_on = rests.exchange("RETR 2")? != CLOSED;
        expect(
            goes_on && !resizes,
            "the second view goes on",
            Counts::of(site)?,
        )?;
        expect_equal("its listing in the maildrop", &rests.listing()?, &shown)?;
        rests.quit()?;
        is_shared_on(site)?;
        nothing_is_lost(site)
    })
}

/// New mail comes; a session on the older listing deletes a message of it.
fn is_shared_on(site: &Site) -> Outcome<()> {
    site.server
        .deliver(USER, &message_ids(MESSAGES + 1, 1), OCTETS)?;
    let mut takes = log_in(site)?;
    let shown = takes.listing()?;
    expect_message(&takes.retrieve(3)?, 3)?;
    let beyond = takes.exchange("RETR 4")?;
    expect(
        beyond.starts_with("-ERR"),
        "what it was not shown is not there",
        beyond,
    )?;
    expect_equal("its listing", &takes.listing()?, &shown)?;
    takes.ok("DELE 3")?;
    takes.quit()?;
    let counts = Counts::of(site)?;
    expect_equal("not promoted", &counts.not_promoted, &0.0)?;
    expect_equal("unshareable", &counts.unshareable, &0.0)
}

/// Those two sessions were closed that stood on a listing, and none more.
fn is_shared_no_more(site: &Site) -> Outcome<()> {
    let counts = Counts::of(site)?;
    expect(counts.unshareable > 0.0, "not shareable any more", counts)?;
    expect_equal("not promoted", &counts.not_promoted, &2.0)?;
    for _ in 0..2 {
        let logins = site.relay.logins();
        let mut client = log_in(site)?;
        client.listing()?;
        expect_message(&client.retrieve(3)?, 3)?;
        client.quit()?;
        expect_equal("logins at the server", &site.relay.logins(), &(logins + 1))?;
    }
    let mut client = log_in(site)?;
    client.ok("DELE 3")?;
    client.quit()?;
    site.server
        .deliver(USER, &message_ids(MESSAGES + 1, 1), OCTETS)
}

/// All but the third message, which was deleted.
fn nothing_is_lost(site: &Site) -> Outcome<()> {
    let mut client = log_in(site)?;
    let there: Outcome<Vec<String>> = (1..=client.count()?)
        .map(|number| client.retrieve(number))
        .collect();
    let there = there?;
    client.quit()?;
    let expected: Vec<String> = [1, 2, 4].map(message_id).to_vec();
    expect_equal("left", &there, &expected)?;
    expect_equal(
        "sessions at the server at once",
        &site.relay.most_inside(),
        &1,
    )
}

fn log_in(site: &Site) -> Outcome<Client> {
    Client::log_in(site.gate.address(Mode::Plain), USER, PASSWORD)
}

fn message_id(number: usize) -> String {
    format!("<message-{number:02}@popgate.test>")
}

fn expect_message(found: &str, number: usize) -> Outcome<()> {
    expect_equal("the message", &found, &message_id(number).as_str())
}
