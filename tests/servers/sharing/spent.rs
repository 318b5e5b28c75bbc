//! What programs see where their wait for the maildrop is spent: nothing.

use super::member::Member;
use super::{Counts, PATIENCE, at_shareable, expect, message_ids};
use crate::client::Client;
use crate::gate::{HURRIED_DOMAIN, Mode};
use crate::process::await_that;
use crate::programs::{Call, Program, Task, every_call, for_each_at_once, users};
use crate::server::{Kind, PASSWORD};
use crate::site::Site;
use crate::{Outcome, expect_equal, lock};
use popgate::time::Instant;
use std::net::Ipv4Addr;
use std::sync::Mutex;

const EXCLUSIVE_DOMAIN: &str = "popgate.test";
const MESSAGES: usize = 3;
/// Where the programs note what they have seen.
const STATE_FILES: [&str; 4] = [".fetchids", "uidls", "seen", "oldmail"];

/// Each program in each mode comes while somebody has the maildrop, and keeps it. It is let in on
/// what it was shown last, finds nothing new, and its notes are those of a program that had its
/// maildrop in each session: it fetches nothing twice.
pub(crate) fn no_complaint_where_the_wait_is_spent(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    let (shared, exclusive) = (every_call(HURRIED_DOMAIN), every_call(EXCLUSIVE_DOMAIN));
    let all: Vec<&str> = [users(&shared), users(&exclusive)].concat();
    at_shareable(kind, ip, &all, |site| {
        let notes = Mutex::new(Vec::new());
        let all = [&shared[..], &exclusive].concat();
        for_each_at_once(&all, |call| {
            let noted = four_sessions(site, call)?;
            lock(&notes).push((call.to_string(), noted));
            Ok(())
        })?;
        let mut notes = lock(&notes);
        notes.sort();
        for pair in notes.chunks(2) {
            expect_equal(&pair[0].0, &pair[0], &pair[1])?;
        }
        let counts = Counts::of(site)?;
        let hurried = shared.iter().filter(|call| leaves_in_a_hurry(call));
        let surely = (shared.len() - hurried.count()) as f64;
        expect(counts.wait_spent >= surely, "let in", counts)?;
        expect_equal("not promoted", &counts.not_promoted, &0.0)
    })
}

/// Where it fetches nothing it asks for no LIST, and is gone before popgate can: its listing may
/// not be known.
fn leaves_in_a_hurry(call: &Call) -> bool {
    call.program == Program::Poplib
}

/// They fetch, find nothing, fetch, and find nothing. Then somebody else is in a maildrop that is
/// shared. Returns what the program has noted after all that.
fn four_sessions(site: &Site, call: &Call) -> Outcome<Vec<String>> {
    let mut member = Member::new(call.clone())?;
    let (server, user) = (&site.server, &call.user);
    server.deliver(user, &message_ids(1, MESSAGES), 100)?;
    member.run(Task::Poll, site)?;
    member.run(Task::Poll, site)?;
    server.deliver(user, &message_ids(MESSAGES + 1, 1), 100)?;
    poll_until(&mut member, MESSAGES + 1, site)?;
    // One that fetches may list too little to be let in on.
    member.run(Task::Poll, site)?;
    if user.ends_with(HURRIED_DOMAIN) {
        comes_while_held(site, &mut member)?;
    }
    server.deliver(user, &message_ids(MESSAGES + 2, 1), 100)?;
    poll_until(&mut member, MESSAGES + 2, site)?;
    if stores(call) {
        member.expect_once(&message_ids(1, MESSAGES + 2))?;
    }
    member.expect_no_trouble()?;
    Ok(noted(&member))
}

fn stores(call: &Call) -> bool {
    !matches!(call.program, Program::Curl | Program::Mutt)
}

fn poll_until(member: &mut Member, messages: usize, site: &Site) -> Outcome<()> {
    match member.call.program {
        Program::Curl => member.run(Task::Poll, site),
        Program::Mutt => {
            let has_all = format!("0/{messages} (");
            await_that(&has_all, PATIENCE, || {
                member.run(Task::Poll, site).is_ok()
                    && member.home.read("printed").contains(&has_all)
            })
        }
        _ => member.poll_until(messages, site),
    }
}

fn comes_while_held(site: &Site, member: &mut Member) -> Outcome<()> {
    // Who wants a message has the maildrop, and who marks one keeps it.
    let gate = site.gate.address(Mode::Plain);
    let mut holder = Client::log_in(gate, &member.call.user, PASSWORD)?;
    holder.retrieve(1)?;
    holder.ok("DELE 1")?;
    let begun = Instant::now();
    member.run(Task::Poll, site)?;
    let waited = begun.elapsed();
    holder.ok("RSET")?;
    holder.quit()?;
    expect(waited.as_secs() >= 4, "it waited first", waited)?;
    if leaves_in_a_hurry(&member.call) {
        let is_refusal = |trouble: &String| trouble.contains("[IN-USE]");
        member.troubles.retain(|trouble| !is_refusal(trouble));
    }
    Ok(())
}

/// Of unique-ids only the part that is not the maildrop's own, which is its time of birth.
fn noted(member: &Member) -> Vec<String> {
    let is_hex = |word: &&str| word.len() == 16 && word.bytes().all(|it| it.is_ascii_hexdigit());
    let mut ids = Vec::new();
    for text in member.home.read_all(&STATE_FILES) {
        let words = text.split(|it: char| !it.is_ascii_alphanumeric());
        ids.extend(words.filter(is_hex).map(|word| word[..8].to_owned()));
    }
    ids.sort();
    ids
}
