//! Passwords that are old or wrong, while sessions live on listings.

use super::{Counts, PATIENCE, USER, at_shareable, expect, message_ids};
use crate::client::{CLOSED, Client};
use crate::gate::FRESH;
use crate::process::{await_that, pause};
use crate::server::{Kind, PASSWORD};
use crate::site::Site;
use crate::{Outcome, expect_equal};
use popgate::time::{Duration, Instant};
use std::fs;
use std::net::Ipv4Addr;
use std::thread;

const NEW_PASSWORD: &str = "Another-0815-one";
const VIEWS: usize = 8;
const OWNER: &str = "203.0.113.7";
const STRANGER: &str = "198.51.100.9";
/// Of a login that nobody punishes.
const AT_ONCE: Duration = Duration::from_secs(2);
/// In Dovecot's log.
const REFUSED: &str = "auth failed, 1 attempts";

/// The password changes at the server while views are open. The first of them that wants a message
/// ends all of them, at the price of one failed login, and the owner goes on with the new password.
pub(crate) fn changed_password(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    at_shareable(kind, ip, &[USER], |site| {
        site.server.deliver(USER, &message_ids(1, 3), 100)?;
        let shown = poll(site, OWNER, PASSWORD)?;
        let views: Outcome<Vec<Client>> = (0..VIEWS)
            .map(|_| from(OWNER, site)?.logged_in(USER, PASSWORD))
            .collect();
        let mut views = views?;
        expect_equal("views", &Counts::of(site)?.fresh, &(VIEWS as f64))?;
        change_password(site, NEW_PASSWORD)?;

        let mut first = views.pop().ok_or("no view")?;
        expect_equal("who fetches", &first.exchange("RETR 1")?.as_str(), &CLOSED)?;
        for view in views {
            view.expect_end()?;
        }
        expect_equal("logins at the server", &site.relay.logins(), &2)?;
        owner_goes_on(site, &shown)?;
        old_password_is_used_on(site, &shown)?;
        expect_equal("sessions at once", &site.relay.most_inside(), &1)?;
        a_change_shows_within_its_time(site)
    })
}

fn owner_goes_on(site: &Site, shown: &[String]) -> Outcome<()> {
    for _ in 0..3 {
        let begun = Instant::now();
        expect_equal(
            "the owner's listing",
            &poll(site, OWNER, NEW_PASSWORD)?.as_slice(),
            &shown,
        )?;
        expect(
            begun.elapsed() < AT_ONCE,
            "the owner is let in at once",
            begun.elapsed(),
        )?;
    }
    Ok(())
}

/// By a program at home that nobody has told, and by somebody who knew it.
fn old_password_is_used_on(site: &Site, shown: &[String]) -> Outcome<()> {
    let before = Counts::of(site)?.fresh;
    for client in [OWNER, STRANGER, STRANGER, OWNER] {
        let refused = poll(site, client, PASSWORD)
            .err()
            .ok_or("the old password is taken")?;
        expect(
            refused.to_string().starts_with("PASS: -ERR"),
            "refused",
            &refused,
        )?;
    }
    expect_equal("let in", &Counts::of(site)?.fresh, &before)?;
    owner_goes_on(site, shown)
}

/// Nobody fetches, nobody uses the new password: a let-in renews nothing.
fn a_change_shows_within_its_time(site: &Site) -> Outcome<()> {
    let begun = Instant::now();
    poll(site, OWNER, NEW_PASSWORD)?;
    change_password(site, "A-third-1234")?;
    let mut taken = Duration::ZERO;
    await_that("the password to be refused", PATIENCE, || {
        let asked = begun.elapsed();
        let is_taken = poll(site, OWNER, NEW_PASSWORD).is_ok();
        taken = if is_taken { asked } else { taken };
        !is_taken
    })?;
    expect(
        taken <= 2 * FRESH,
        "it is taken no longer than it is fresh",
        taken,
    )
}

/// Dovecot looks at its file once a second. Nobody is in the maildrop who could be disturbed.
fn change_password(site: &Site, password: &str) -> Outcome<()> {
    let users = format!("{USER}:{{PLAIN}}{password}::::::\n");
    fs::write(site.server.ground().dir().join("users"), users)?;
    await_that("the server to know it", PATIENCE, || {
        let client = Client::log_in(site.server.address(), USER, password);
        client.and_then(Client::quit).is_ok()
    })
}

/// Wrong passwords come from elsewhere, all the time. The owner sees what it would see without.
pub(crate) fn guesser(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    at_shareable(kind, ip, &[USER], |site| {
        site.server.deliver(USER, &message_ids(1, 3), 100)?;
        let alone = a_while_of_the_owner(site)?;
        let before = Counts::of(site)?;
        let beside = thread::scope(|scope| {
            let guesses = scope.spawn(|| guess(site));
            let beside = a_while_of_the_owner(site);
            let tried = guesses.join().map_err(|_| "the guesser panicked")??;
            let refused = site.server.log().matches(REFUSED).count();
            expect(
                (1..=tried).contains(&refused),
                "guesses came to the server",
                refused,
            )?;
            beside
        })?;
        expect_equal("with a guesser, and without", &beside, &alone)?;
        let counts = Counts::of(site)?;
        expect(
            counts.fresh > before.fresh && counts.promoted > before.promoted,
            "the owner lived on listings meanwhile",
            (before, counts),
        )?;
        expect_equal("views that were closed", &counts.not_promoted, &0.0)
    })
}

fn guess(site: &Site) -> Outcome<usize> {
    let mut tried = 0;
    let begun = Instant::now();
    while begun.elapsed() < 2 * FRESH {
        tried += 1;
        let guess = from(STRANGER, site)?.logged_in(USER, &format!("guess-{tried}"));
        expect(guess.is_err(), "a guess is wrong", tried)?;
    }
    Ok(tried)
}

/// Returns what each session saw, and whether each login was answered at once.
fn a_while_of_the_owner(site: &Site) -> Outcome<Vec<(bool, Vec<String>)>> {
    let mut seen = Vec::new();
    let mut view = from(OWNER, site)?.logged_in(USER, PASSWORD)?;
    view.listing()?;
    for round in 0..6 {
        let begun = Instant::now();
        let shown = poll(site, OWNER, PASSWORD)?;
        seen.push((begun.elapsed() < AT_ONCE, shown));
        if round % 2 == 1 {
            view.retrieve(1)?;
        }
        pause(Duration::from_millis(500));
    }
    seen.push((true, view.listing()?));
    view.quit()?;
    Ok(seen)
}

fn poll(site: &Site, client: &str, password: &str) -> Outcome<Vec<String>> {
    let mut client = from(client, site)?.logged_in(USER, password)?;
    let shown = client.listing()?;
    client.quit()?;
    Ok(shown)
}

fn from(client: &str, site: &Site) -> Outcome<Client> {
    let header = format!("PROXY TCP4 {client} 192.0.2.1 4711 110\r\n");
    Client::connect_behind(&header, site.gate.address_for_balancer())
}
