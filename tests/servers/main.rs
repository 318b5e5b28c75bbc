//! popgate before real POP3 servers, with real mail programs.
//!
//! Each trial starts its own server, and mostly its own gate, on a loopback address of its own
//! with throw-away users in a throw-away directory. The servers come from Debian 12 and are
//! started as root. `POPGATE_SERVERS` says what happens elsewhere: `skip` skips all trials,
//! `require` fails where one cannot run; without it they are skipped where they cannot run.

mod client;
mod client_address;
mod contention;
mod courier;
mod cyrus;
mod doctor;
mod dovecot;
mod gate;
mod inetd;
mod mailutils;
mod popa3d;
mod process;
mod programs;
mod relay;
mod root;
mod second;
mod server;
mod sharing;
mod site;
mod solid_pop3d;
mod syslog;
mod system_users;

use libtest_mimic::{Arguments, Trial};
use server::Kind;
use std::error::Error;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What every fallible step of a trial returns.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const LOCKING_DOVECOT: Kind = &dovecot::Dovecot {
    locks_session: true,
    trusts: true,
};

/// All servers that we test with.
const KINDS: [Kind; 7] = [
    &courier::Courier,
    &cyrus::Cyrus,
    &popa3d::Popa3d,
    &solid_pop3d::SolidPop3d,
    LOCKING_DOVECOT,
    &dovecot::Dovecot {
        locks_session: false,
        trusts: false,
    },
    &mailutils::Mailutils,
];

/// A trial: all that it starts listens on the address that it is given.
type Scenario = fn(Kind, Ipv4Addr) -> Outcome<()>;

/// Those that run before each server.
const PER_SERVER: &[(&str, Scenario)] = &[
    (
        "straight: the load shows that the test can fail",
        contention::straight_load_shows_conflicts,
    ),
    (
        "straight: what a second session is told",
        second::second_session_is_told,
    ),
    (
        "through popgate: eight programs at once, no lock error, each message once",
        contention::eight_programs_share_one_maildrop,
    ),
    (
        "through popgate: a killed program deletes nothing",
        contention::killed_program_deletes_nothing,
    ),
    (
        "through popgate: QUIT and close at once commits the deletions",
        contention::quit_and_close_commits,
    ),
    (
        "through popgate: every mail program in every mode succeeds late",
        programs::succeed_late,
    ),
    (
        "through popgate: all mail programs come to one maildrop at once",
        programs::share_one_maildrop,
    ),
    (
        "through popgate: mail programs killed at random points lose nothing",
        programs::killed_at_random_points,
    ),
    (
        "straight: what mail programs see while the maildrop is held",
        programs::straight_while_held,
    ),
    (
        "straight: the doctor says what the server does",
        doctor::says_what_the_server_does,
    ),
    (
        "sharing: nothing is shared before it is proven",
        sharing::nothing_before_it_is_proven,
    ),
    (
        "sharing: sessions are let in, promoted and demoted",
        sharing::sessions_live_on_listings,
    ),
];

/// Those that run before one of them.
const AT_ONE_SERVER: &[(&str, Scenario)] = &[
    // What they say then does not depend on the server.
    (
        "through popgate: held beyond the wait, every mail program says so in its way",
        programs::beyond_the_wait,
    ),
    (
        "through popgate: every mail program in every mode is taken for what it is",
        programs::tell_programs_apart,
    ),
    (
        "through popgate: the server knows the client's address",
        client_address::reaches_the_server,
    ),
    (
        "sharing: programs that keep their mail, and mutt left open, get each message once",
        sharing::keepers,
    ),
    (
        "sharing: programs that delete their mail share it, each message once",
        sharing::takers,
    ),
    (
        "sharing: a slow filter does not log in for each message",
        sharing::slow_filter,
    ),
    (
        "sharing: two programs that delete meet, and all mail is stored once",
        sharing::takers_meet,
    ),
    (
        "sharing: no program complains where its wait is spent, or notes another thing",
        sharing::no_complaint_where_the_wait_is_spent,
    ),
    (
        "sharing: a listing is for the addresses that the server lets in",
        sharing::listings_by_address,
    ),
    (
        "sharing: a password that was changed ends all that stood on it",
        sharing::changed_password,
    ),
    (
        "sharing: somebody who guesses changes nothing for the owner",
        sharing::guesser,
    ),
];

/// Most trials wait rather than work, so that more of them than cores run at once.
const TRIALS_AT_ONCE: usize = 4;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(TRIALS_AT_ONCE);
    let wish = std::env::var("POPGATE_SERVERS").unwrap_or_default();
    let obstacle = match wish.as_str() {
        "skip" => Some("POPGATE_SERVERS=skip".to_owned()),
        "require" | "" => server::obstacle(&KINDS),
        other => {
            eprintln!("POPGATE_SERVERS is skip or require, not {other:?}");
            return ExitCode::FAILURE;
        }
    };
    match &obstacle {
        Some(why) if wish == "require" => {
            eprintln!("the real servers are required, but cannot run here: {why}");
            return ExitCode::FAILURE;
        }
        Some(why) => eprintln!("SKIPPED, all trials with real servers: {why}"),
        None => {}
    }
    let trials = trials()
        .into_iter()
        .map(|trial| trial.with_ignored_flag(obstacle.is_some()))
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trials() -> Vec<Trial> {
    let in_real_time = sharing::minutes().map(|_| {
        let name = "sharing: a household in real time has no more errors than without it";
        (name, sharing::hour as Scenario)
    });
    // Server after server in turn: while packages are installed for one, others run.
    let trials = PER_SERVER
        .iter()
        .flat_map(|&(name, scenario)| KINDS.map(|kind| (kind, name, scenario)));
    let once = AT_ONE_SERVER.iter().copied().chain(in_real_time);
    let once = once.map(|(name, scenario)| (LOCKING_DOVECOT, name, scenario));
    (1..)
        .zip(trials.chain(once))
        .map(|(number, (kind, name, scenario))| {
            let address = loopback(number);
            Trial::test(format!("{kind} {name}"), move || {
                Ok(scenario(kind, address)?)
            })
        })
        .collect()
}

/// An address that no other trial has, nor another run at the same time: fixed ports cannot clash.
fn loopback(trial: u8) -> Ipv4Addr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high.max(1), low, trial)
}

fn expect_equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: &T,
    expected: &T,
) -> Outcome<()> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found:?}, expected {expected:?}").into())
}

/// A panic elsewhere does not make a count wrong.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
