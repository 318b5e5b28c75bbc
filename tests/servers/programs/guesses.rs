//! What popgate takes each program for: while its login waits, and at the end of its session. In
//! its first session, in the next one, and in one that finds nothing to fetch.

use super::call::{Call, Task};
use super::program::Program;
use super::{
    DOMAIN, SUBJECT, deliver_to_all, door, every_call, for_each_of_a_few, name_as_number, users,
};
use crate::Outcome;
use crate::client::Client;
use crate::gate::{Gate, Mode};
use crate::process::await_that;
use crate::server::{Kind, PASSWORD};
use crate::site::{Site, through_gate};
use popgate::admin::model::{HistoryEntryInfo, HistoryPage, Page, ProgramInfo, SessionInfo};
use popgate::program::Family;
use popgate::time::Duration;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};
use std::thread;

const RECORDINGS: &str = include_str!("../../programs/sessions.tsv");
const PATIENCE: Duration = Duration::from_secs(20);

/// Whoever holds the maildrop comes from elsewhere: it is no neighbour of the program.
const ELSEWHERE: &str = "203.0.113.";

/// What each program is taken for, before login and at the end, in these sessions: its first one, the
/// next one, and one that finds an empty maildrop. What is sure enough is remembered.
#[rustfmt::skip] // A table: one program in one mode a line.
const EXPECTED: [(Program, Mode, [[&str; 2]; 3]); 22] = [
    (Program::Fetchmail, Mode::Plain, [["unknown", "fetchmail (high)"], ["fetchmail (medium)", "fetchmail (high)"], ["fetchmail (medium)", "fetchmail (medium)"]]),
    (Program::Fetchmail, Mode::Stls, [["unknown", "fetchmail (high)"], ["fetchmail (medium)", "fetchmail (high)"], ["fetchmail (medium)", "fetchmail (medium)"]]),
    (Program::Fetchmail, Mode::Implicit, [["unknown", "fetchmail (high)"], ["fetchmail (medium)", "fetchmail (high)"], ["fetchmail (medium)", "fetchmail (medium)"]]),
    (Program::Getmail, Mode::Plain, [["unknown", "getmail (high)"], ["getmail (medium)", "getmail (high)"], ["getmail (medium)", "getmail (high)"]]),
    (Program::Getmail, Mode::Implicit, [["unknown", "getmail (high)"], ["getmail (medium)", "getmail (high)"], ["getmail (medium)", "getmail (high)"]]),
    (Program::Mpop, Mode::Plain, [["unknown", "mpop (low)"], ["unknown", "mpop (low)"], ["unknown", "unknown"]]),
    (Program::Mpop, Mode::Stls, [["unknown", "mpop (medium)"], ["mpop (medium)", "mpop (medium)"], ["mpop (medium)", "mpop (medium)"]]),
    (Program::Mpop, Mode::Implicit, [["unknown", "mpop (medium)"], ["mpop (medium)", "mpop (medium)"], ["mpop (medium)", "mpop (medium)"]]),
    (Program::Mutt, Mode::Plain, [["unknown", "mutt (high)"], ["mutt (medium)", "mutt (high)"], ["mutt (medium)", "mutt (medium)"]]),
    (Program::Mutt, Mode::Stls, [["unknown", "mutt (high)"], ["mutt (medium)", "mutt (high)"], ["mutt (medium)", "mutt (medium)"]]),
    (Program::Mutt, Mode::Implicit, [["unknown", "mutt (high)"], ["mutt (medium)", "mutt (high)"], ["mutt (medium)", "mutt (medium)"]]),
    (Program::Curl, Mode::Plain, [["unknown", "curl (high)"], ["curl (medium)", "curl (high)"], ["curl (medium)", "curl (high)"]]),
    (Program::Curl, Mode::Stls, [["unknown", "curl (high)"], ["curl (medium)", "curl (high)"], ["curl (medium)", "curl (high)"]]),
    (Program::Curl, Mode::Implicit, [["unknown", "curl (high)"], ["curl (medium)", "curl (high)"], ["curl (medium)", "curl (high)"]]),
    (Program::Poplib, Mode::Plain, [["unknown", "a script (low)"], ["unknown", "a script (low)"], ["unknown", "unknown"]]),
    (Program::Poplib, Mode::Stls, [["unknown", "a script (medium)"], ["a script (medium)", "a script (medium)"], ["a script (medium)", "a script (medium)"]]),
    (Program::Poplib, Mode::Implicit, [["unknown", "a script (low)"], ["unknown", "a script (low)"], ["unknown", "unknown"]]),
    (Program::NetPop3, Mode::Plain, [["unknown", "a script (low)"], ["unknown", "a script (low)"], ["unknown", "unknown"]]),
    (Program::NetPop3, Mode::Stls, [["unknown", "a script (medium)"], ["a script (medium)", "a script (medium)"], ["a script (medium)", "a script (medium)"]]),
    (Program::NetPop3, Mode::Implicit, [["unknown", "a script (low)"], ["unknown", "a script (low)"], ["unknown", "unknown"]]),
    (Program::NetPop, Mode::Plain, [["unknown", "a script (low)"], ["unknown", "a script (low)"], ["unknown", "unknown"]]),
    (Program::NetPop, Mode::Implicit, [["unknown", "a script (low)"], ["unknown", "a script (low)"], ["unknown", "unknown"]]),
];

/// A session of a program, and what it was taken for.
#[derive(Debug)]
struct Session {
    before_login: String,
    at_the_end: String,
    trace: String,
}

/// The sessions of a call, in their order.
struct Seen {
    program: Program,
    mode: Mode,
    sessions: [Session; 3],
}

/// A session of `tests/programs`.
struct Recording {
    trace: &'static str,
    /// Before login, and at the end.
    guesses: [&'static str; 2],
}

impl Session {
    /// Before login, and at the end.
    fn guesses(&self) -> [&str; 2] {
        [&self.before_login, &self.at_the_end]
    }
}

pub(crate) fn tell_programs_apart(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    let calls = every_call(DOMAIN);
    let seen = Mutex::new(Vec::new());
    through_gate(kind, ip, &users(&calls), |site| {
        deliver_to_all(site, &calls)?;
        for_each_of_a_few(&calls, |call| {
            let sessions = three_sessions(site, call)?;
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(Seen {
                program: call.program,
                mode: call.mode,
                sessions,
            });
            Ok(())
        })
    })?;
    let mut seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    let place = |it: &Seen| {
        EXPECTED
            .iter()
            .position(|row| row.0 == it.program && row.1 == it.mode)
    };
    seen.sort_by_key(place);
    println!("{}", table(&seen));
    let faults: Vec<String> = seen.iter().flat_map(faults).collect();
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults.join("\n").into()),
    }
}

fn three_sessions(site: &Site, call: &Call) -> Outcome<[Session; 3]> {
    let first = session(site, call, 1, Task::Keep)?;
    let second = session(site, call, 2, Task::Keep)?;
    let mut client = from_elsewhere(site, call)?;
    client.ok("DELE 1")?;
    client.quit()?;
    Ok([first, second, session(site, call, 3, Task::FindNone)?])
}

/// The program's login waits until its session has been looked at.
fn session(site: &Site, call: &Call, number: usize, task: Task) -> Outcome<Session> {
    let door = door(site, call.mode);
    let holder = from_elsewhere(site, call)?;
    let (ran, before_login) = thread::scope(|scope| {
        let program = scope.spawn(|| call.run(task, &door));
        let before_login = guess_while_it_waits(&site.gate, &call.user);
        let quit = holder.quit();
        let ran = program.join().unwrap_or(Err("it panicked".into()))?;
        quit.and(before_login).map(|guess| (ran, guess))
    })?;
    if task == Task::Keep {
        ran.expect_messages(&[SUBJECT])?;
    }
    let entry = entry(&site.gate, &call.user, number)?;
    Ok(Session {
        before_login,
        at_the_end: shown(&entry.program),
        trace: entry.trace,
    })
}

fn from_elsewhere(site: &Site, call: &Call) -> Outcome<Client> {
    let host = name_as_number(call) % 250 + 1;
    let header = format!("PROXY TCP4 {ELSEWHERE}{host} 192.0.2.1 4711 110\r\n");
    let client = Client::connect_behind(&header, site.gate.address_for_balancer())?;
    client.logged_in(&call.user, PASSWORD)
}

fn guess_while_it_waits(gate: &Gate, user: &str) -> Outcome<String> {
    let path = format!("/api/v1/sessions?phase=waiting&maildrop={user}");
    let mut waiting = None;
    await_that("its login waits", PATIENCE, || {
        let page = gate.api::<Page<SessionInfo>>(&path);
        waiting = page.ok().and_then(|mut page| page.items.pop());
        waiting.is_some()
    })?;
    let program = waiting.ok_or("its login waits")?.program;
    Ok(program.unwrap_or_else(|| Family::Unknown.as_str().to_owned()))
}

/// What the history has of the program's session of this number.
fn entry(gate: &Gate, user: &str, number: usize) -> Outcome<HistoryEntryInfo> {
    let path = format!("/api/v1/history?user={user}");
    let mut latest = None;
    await_that("its session is in the history", PATIENCE, || {
        let page = gate.api::<HistoryPage>(&path);
        let mut entries = page.map_or_else(|_| Vec::new(), |page| page.items);
        entries.retain(|entry| !entry.client.starts_with(ELSEWHERE));
        let is_there = entries.len() == number;
        latest = entries.into_iter().next();
        is_there
    })?;
    Ok(latest.ok_or("its session is in the history")?)
}

fn shown(program: &ProgramInfo) -> String {
    match program.name.as_str() {
        "unknown" => program.name.clone(),
        name => format!("{name} ({})", program.confidence),
    }
}

fn table(seen: &[Seen]) -> String {
    let mut table =
        String::from("program | tls | session | before login | at the end | commands\n");
    for one in seen {
        let (program, mode) = (one.program.name(), one.mode.name());
        for (session, name) in one.sessions.iter().zip(["first", "next", "empty"]) {
            let [before, end] = session.guesses();
            let trace = &session.trace;
            let _ = writeln!(
                table,
                "{program} | {mode} | {name} | {before} | {end} | {trace}"
            );
        }
    }
    table
}

fn faults(seen: &Seen) -> Vec<String> {
    let (program, mode) = (seen.program.name(), seen.mode.name());
    let mut faults = Vec::new();
    let guesses = seen.sessions.each_ref().map(Session::guesses);
    let expected = EXPECTED
        .iter()
        .find(|row| row.0 == seen.program && row.1 == seen.mode);
    if expected.is_none_or(|row| row.2 != guesses) {
        faults.push(format!("it is taken for {guesses:?}"));
    }
    let family = seen.program.family().as_str();
    for guess in guesses.as_flattened() {
        if guess.ends_with("(high)") && !guess.starts_with(family) {
            faults.push(format!("another program's name is sure: {guess}"));
        }
    }
    for (session, is_first) in seen.sessions.iter().zip([true, false, false]) {
        let recordings: Vec<Recording> = recordings(seen)
            .filter(|it| it.trace == session.trace)
            .collect();
        // What is remembered is no part of a recording.
        let is_recorded = |it: &Recording| !is_first || it.guesses == session.guesses();
        if !recordings.iter().any(is_recorded) {
            faults.push(format!("it is not recorded so: {session:?}"));
        }
    }
    faults
        .into_iter()
        .map(|fault| format!("{program} with tls {mode}: {fault}"))
        .collect()
}

/// Of sessions of the same program, with or without TLS.
fn recordings(seen: &Seen) -> impl Iterator<Item = Recording> {
    let family = seen.program.family().as_str();
    let has_tls = seen.mode != Mode::Plain;
    RECORDINGS.lines().filter_map(move |line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [program, tls, "tried", _, trace, before_login, at_the_end, _] = cells[..] else {
            return None;
        };
        let is_alike = program == family && has_tls == (tls != "-");
        is_alike.then_some(Recording {
            trace,
            guesses: [before_login, at_the_end],
        })
    })
}
