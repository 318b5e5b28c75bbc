//! The mail programs that Debian has for the command line, in every mode that each of them has.

mod call;
mod fuse;
mod guesses;
mod program;

use crate::Outcome;
use crate::client::Client;
use crate::gate::{IMPATIENT_DOMAIN, Mode, SHORT_WAIT};
use crate::process::pause;
use crate::server::{Kind, PASSWORD};
use crate::site::{Site, straight, through_gate};
use fuse::Fuse;
use popgate::time::{Duration, Instant};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::thread;

pub(crate) use call::{Call, Door, Home, Ran, Task};
pub(crate) use guesses::tell_programs_apart;
pub(crate) use program::{NEEDED, Program};

const DOMAIN: &str = "popgate.test";
const HOLD: Duration = Duration::from_secs(5);
const SUBJECT: &str = "the-only-message";

/// Where programs are killed follows from this number.
const SEED: u64 = 4711;
const KILLS_EACH: usize = 5;
const MESSAGES: usize = 6;
const MESSAGE_OCTETS: usize = 1_500;
/// More than a session has octets, TLS and all: some programs end by themselves.
const OCTETS_MAX: f64 = 24_000.0;

/// Each program in each mode comes while its maildrop is held: all wait and none complains.
pub(crate) fn succeed_late(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    let calls = every_call(DOMAIN);
    through_gate(kind, ip, &users(&calls), |site| {
        deliver_to_all(site, &calls)?;
        for_each_at_once(&calls, |call| {
            let begun = Instant::now();
            let ran = run_while_held(site, call, HOLD)?;
            if begun.elapsed() < HOLD {
                return Err(format!("it did not wait: {ran:?}").into());
            }
            ran.expect_messages(&[SUBJECT])
        })
    })
}

/// The maildrop is held longer than the user may wait: what the user then sees.
pub(crate) fn beyond_the_wait(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    let calls = every_call(IMPATIENT_DOMAIN);
    through_gate(kind, ip, &users(&calls), |site| {
        deliver_to_all(site, &calls)?;
        for_each_at_once(&calls, |call| {
            // The holder's login has shown that the password is right.
            let ran = run_while_held(site, call, SHORT_WAIT + Duration::from_secs(3))?;
            ran.expect_complaint(call.program.when_refused(call.mode))
        })
    })
}

/// All programs come to one maildrop at once: each takes its turn.
pub(crate) fn share_one_maildrop(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    const USER: &str = "reader@popgate.test";
    let mut calls = Program::ALL.map(|program| Call::new(program, Mode::Plain, USER.to_owned()));
    for (number, call) in calls.iter_mut().enumerate() {
        let modes = call.program.modes();
        call.mode = modes[number % modes.len()];
    }
    through_gate(kind, ip, &[USER], |site| {
        site.server.deliver(USER, &[SUBJECT.to_owned()], 0)?;
        for_each_at_once(&calls, |call| {
            let ran = call.run(Task::Keep, &door(site, call.mode))?;
            ran.expect_messages(&[SUBJECT])
        })?;
        match site.relay.most_inside() {
            1 => Ok(()),
            sessions => Err(format!("{sessions} sessions at the server at once").into()),
        }
    })
}

/// Each program in each mode is killed at random points while it takes its mail: none is lost,
/// and the next session gets in.
pub(crate) fn killed_at_random_points(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    eprintln!("programs are killed at random points, seed {SEED}");
    let calls = every_call(DOMAIN);
    through_gate(kind, ip, &users(&calls), |site| {
        for_each_of_a_few(&calls, |call| {
            let mut random = fastrand::Rng::with_seed(SEED ^ name_as_number(call));
            let mut taken = BTreeSet::new();
            for round in 1..=KILLS_EACH {
                // Most of what can go wrong is in the first hundreds of octets.
                let octets = (random.f64().powi(2) * OCTETS_MAX) as usize;
                let delivered = message_ids(round);
                taken.extend(kill_once(site, call, &delivered, octets)?);
            }
            let all = (1..=KILLS_EACH).flat_map(message_ids).collect();
            expect_none_lost(site, call, &taken, &all)
        })
    })
}

/// The same without popgate: a server that locks refuses every program.
pub(crate) fn straight_while_held(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    const USER: &str = "reader@popgate.test";
    straight(kind, ip, &[USER], |server| {
        server.deliver(USER, &[SUBJECT.to_owned()], 0)?;
        let calls = Program::ALL.map(|program| Call::new(program, Mode::Plain, USER.to_owned()));
        let holder = Client::log_in(server.address(), USER, PASSWORD)?;
        let door = Door {
            address: server.address(),
            certificate: Path::new("none").to_owned(),
        };
        let trial = |call: &Call| {
            let ran = call.run(Task::Keep, &door)?;
            match kind.locks() {
                true if ran.inbox.is_empty() && !ran.complaints.is_empty() => Ok(()),
                true => Err(format!("it got in: {ran:?}").into()),
                false => ran.expect_messages(&[SUBJECT]),
            }
        };
        if kind.locks() {
            for_each_at_once(&calls, trial)?;
        } else {
            // At once they would do harm: where one session reads a message, Courier renames
            // its file, and another session does not find it.
            calls.iter().try_for_each(trial)?;
        }
        holder.quit()
    })
}

pub(crate) fn every_call(domain: &str) -> Vec<Call> {
    let each_mode = |program: Program| {
        program.modes().iter().map(move |&mode| {
            let user = format!("{}-{}@{domain}", program.name(), mode.name());
            Call::new(program, mode, user)
        })
    };
    Program::ALL.into_iter().flat_map(each_mode).collect()
}

pub(crate) fn users(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.user.as_str()).collect()
}

fn deliver_to_all(site: &Site, calls: &[Call]) -> Outcome<()> {
    calls
        .iter()
        .try_for_each(|call| site.server.deliver(&call.user, &[SUBJECT.to_owned()], 0))
}

pub(crate) fn door(site: &Site, mode: Mode) -> Door {
    Door {
        address: site.gate.address(mode),
        certificate: site.gate.certificate(),
    }
}

/// Runs the program while a session of the same user holds the maildrop for so long.
fn run_while_held(site: &Site, call: &Call, hold: Duration) -> Outcome<Ran> {
    let door = door(site, call.mode);
    let holder = Client::log_in(site.gate.address(Mode::Plain), &call.user, PASSWORD)?;
    thread::scope(|scope| {
        let program = scope.spawn(|| call.run(Task::Keep, &door));
        pause(hold);
        let quit = holder.quit();
        let ran = program.join().unwrap_or(Err("it panicked".into()))?;
        quit.map(|()| ran)
    })
}

/// Delivers messages, lets the program take mail, kills it after so many octets, and waits until
/// the maildrop is free again. Returns the messages that the program has stored.
fn kill_once(
    site: &Site,
    call: &Call,
    delivered: &[String],
    octets: usize,
) -> Outcome<BTreeSet<String>> {
    site.server.deliver(&call.user, delivered, MESSAGE_OCTETS)?;
    let mut door = door(site, call.mode);
    let fuse = Fuse::start(door.address, octets)?;
    door.address = fuse.address()?;
    let ran = call.run_until(Task::Take, &door, || fuse.has_blown());
    drop(fuse);
    let at = |error| format!("killed after {octets} octets: {error}");
    let gate = site.gate.address(Mode::Plain);
    let next = Client::log_in(gate, &call.user, PASSWORD).map_err(at)?;
    next.quit().map_err(at)?;
    Ok(ran.map_err(at)?.subjects())
}

/// Each message is with the program or still in the maildrop, and those only read are there.
fn expect_none_lost(
    site: &Site,
    call: &Call,
    taken: &BTreeSet<String>,
    all: &BTreeSet<String>,
) -> Outcome<()> {
    let mut client = Client::log_in(site.gate.address(Mode::Plain), &call.user, PASSWORD)?;
    let mut left = BTreeSet::new();
    for number in 1..=client.count()? {
        let id = client.retrieve(number)?;
        let id = id
            .trim_start_matches('<')
            .split('@')
            .next()
            .unwrap_or_default();
        left.insert(id.to_owned());
    }
    client.quit()?;
    let here: BTreeSet<String> = left.union(taken).cloned().collect();
    if here != *all {
        return Err(
            format!("of {all:?} there are {left:?} in the maildrop, {taken:?} taken").into(),
        );
    }
    if !call.program.deletes() && left != *all {
        return Err(format!("it deleted: there are {left:?} of {all:?}").into());
    }
    Ok(())
}

fn message_ids(round: usize) -> Vec<String> {
    (1..=MESSAGES)
        .map(|number| format!("message-{round}-{number}"))
        .collect()
}

/// The same in each run.
fn name_as_number(call: &Call) -> u64 {
    let octets = call.user.bytes();
    octets.fold(0, |sum, octet| {
        sum.wrapping_mul(31).wrapping_add(octet.into())
    })
}

/// A few calls at a time. Each starts one program after the other: were it all of them, a server's
/// process on two cores could not end within the second that popgate gives it.
fn for_each_of_a_few(calls: &[Call], trial: impl Fn(&Call) -> Outcome<()> + Sync) -> Outcome<()> {
    calls
        .chunks(4)
        .try_for_each(|few| for_each_at_once(few, &trial))
}

/// All calls at once. The first error, if any, is returned.
pub(crate) fn for_each_at_once(
    calls: &[Call],
    trial: impl Fn(&Call) -> Outcome<()> + Sync,
) -> Outcome<()> {
    let trial = &trial;
    thread::scope(|scope| {
        let trials: Vec<_> = calls
            .iter()
            .map(|call| {
                scope.spawn(move || trial(call).map_err(|error| format!("{call}: {error}")))
            })
            .collect();
        trials
            .into_iter()
            .try_for_each(|trial| trial.join().unwrap_or(Err("a call panicked".into())))?;
        Ok(())
    })
}
