//! A household's programs come to one maildrop for as long as one likes to watch, in real time:
//! with sharing, and beside that without it, each before a server of its own.

use super::expect;
use super::resident::{Diary, RESIDENTS, Resident};
use crate::gate::{APART_DOMAIN, HOUSEHOLD_DOMAIN};
use crate::process::pause;
use crate::server::Kind;
use crate::site::{Site, through_gate_with};
use crate::{Outcome, expect_equal};
use popgate::time::{Duration, Instant};
use std::net::Ipv4Addr;
use std::thread;

/// From one message to the next.
const BETWEEN_MAILS: Duration = Duration::from_secs(400);
const OCTETS: usize = 20_000;
/// What comes for the laptop.
const DOWNLOAD_OCTETS: usize = 50_000_000;
/// What was there before.
const FIRST: usize = 40;

/// For how many minutes it is to be played.
pub(crate) fn minutes() -> Option<u64> {
    std::env::var("POPGATE_HOUSEHOLD_MINUTES")
        .ok()?
        .parse()
        .ok()
}

/// What became of one household.
struct Played {
    backend_logins: usize,
    most_inside: usize,
    diaries: Vec<(&'static str, Diary)>,
}

pub(crate) fn hour(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    let length =
        Duration::from_secs(60 * minutes().ok_or("POPGATE_HOUSEHOLD_MINUTES is a number")?);
    let [a, b, c, last] = ip.octets();
    // No trial has an address so high.
    let beside = Ipv4Addr::new(a, b, c, last + 100);
    let (off, on) = thread::scope(|scope| {
        let off = scope.spawn(|| household(kind, ip, APART_DOMAIN, length));
        let on = household(kind, beside, HOUSEHOLD_DOMAIN, length);
        (off.join().unwrap_or(Err("a household panicked".into())), on)
    });
    let (off, on) = (off?, on?);
    println!("{}", table(&off, &on));
    expect_equal("at once at the server, off", &off.most_inside, &1)?;
    expect_equal("at once at the server, on", &on.most_inside, &1)?;
    on.expect_no_worse_than(&off)
}

fn household(kind: Kind, ip: Ipv4Addr, domain: &str, length: Duration) -> Outcome<Played> {
    let user = format!("home@{domain}");
    let mut played = Err("it was not played".into());
    through_gate_with(kind, ip, &[&user], "shareable = true\n", |site| {
        site.server
            .deliver(&user, &super::message_ids(1, FIRST), OCTETS)?;
        let diaries = live(site, &user, length)?;
        played = Ok(Played {
            backend_logins: site.relay.logins(),
            most_inside: site.relay.most_inside(),
            diaries,
        });
        Ok(())
    })?;
    played
}

/// All of them come and go, and mail comes.
fn live(site: &Site, user: &str, length: Duration) -> Outcome<Vec<(&'static str, Diary)>> {
    let mut delivered = FIRST;
    let end = Instant::now() + length;
    thread::scope(|scope| {
        let lives: Vec<_> = RESIDENTS
            .iter()
            .map(|resident| scope.spawn(move || (resident.name, resident.live(site, user, end))))
            .collect();
        let download_at = Instant::now() + length / 2;
        let mut has_download = false;
        while Instant::now() + BETWEEN_MAILS < end {
            pause(BETWEEN_MAILS / 2);
            deliver(site, user, &mut delivered, OCTETS)?;
            if !has_download && Instant::now() >= download_at {
                has_download = true;
                deliver(site, user, &mut delivered, DOWNLOAD_OCTETS)?;
            }
            pause(BETWEEN_MAILS / 2);
        }
        lives
            .into_iter()
            .map(|life| life.join().map_err(|_| "a program panicked".into()))
            .collect()
    })
}

fn deliver(site: &Site, user: &str, delivered: &mut usize, octets: usize) -> Outcome<()> {
    *delivered += 1;
    let ids = super::message_ids(*delivered, 1);
    site.server.deliver(user, &ids, octets)
}

impl Played {
    fn all(&self) -> Diary {
        let mut all = Diary::default();
        for (_, diary) in &self.diaries {
            all.add(diary);
        }
        all
    }

    fn expect_no_worse_than(&self, off: &Self) -> Outcome<()> {
        let logins = (self.backend_logins, off.backend_logins);
        expect(logins.0 < logins.1, "fewer logins at the server", logins)?;
        let (on, off) = (self.all(), off.all());
        expect_equal("messages fetched twice", &on.twice, &0)?;
        let errors = |it: &Diary| it.refused + it.closed;
        expect(errors(&on) <= errors(&off), "no more errors", (on, off))
    }
}

fn table(off: &Played, on: &Played) -> String {
    let (of_off, of_on) = (off.all(), on.all());
    let mut lines = vec![format!("{:<28}{:>12}{:>12}", "sharing", "off", "on")];
    let mut line = |what: &str, off: String, on: String| {
        lines.push(format!("{what:<28}{off:>12}{on:>12}"));
    };
    let count = |what: fn(&Diary) -> usize| [&of_off, &of_on].map(|it| what(it).to_string());
    let wait = |part: f64| [&of_off, &of_on].map(|it| format!("{:.2?}", it.wait(part)));
    let [off_logins, on_logins] = count(|it| it.waits.len());
    line("logins of programs", off_logins, on_logins);
    let logins = |it: &Played| it.backend_logins.to_string();
    line("logins at the server", logins(off), logins(on));
    for (what, part) in [("median", 0.5), ("99th percentile", 0.99), ("longest", 1.0)] {
        let [off, on] = wait(part);
        line(&format!("wait at PASS, {what}"), off, on);
    }
    for (what, of) in [
        ("refused at PASS", (|it| it.refused) as fn(&Diary) -> usize),
        ("closed at a command", |it| it.closed),
        ("closed while idle", |it| it.closed_idle),
        ("messages fetched", |it| it.fetched.len()),
        ("messages fetched twice", |it| it.twice),
    ] {
        let [off, on] = count(of);
        line(what, off, on);
    }
    for ((name, off), (_, on)) in off.diaries.iter().zip(&on.diaries) {
        let told = |it: &Diary| format!("{} of {}", it.refused + it.closed, it.waits.len());
        line(&format!("errors: {name}"), told(off), told(on));
    }
    lines.join("\n")
}

impl Resident {
    /// Comes again and again until the end.
    fn live(&self, site: &Site, user: &str, end: Instant) -> Diary {
        let mut diary = Diary::default();
        let mut next = Instant::now() + self.first;
        while next < end {
            pause(next.saturating_duration_since(Instant::now()));
            self.visit(site, user, &mut diary);
            next += self.every;
            // One that was kept for longer than that comes at its next time.
            while next < Instant::now() {
                next += self.every;
            }
        }
        diary
    }
}
