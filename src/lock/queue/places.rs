//! Who loses its place where a lane is full.
//!
//! The block of addresses that has the most places pays, with what it took last, and only to a
//! newcomer whose own block has fewer, the newcomer counted. So nobody is pushed out by a block
//! that has as many places or more, and a block's only place is never lost.
//!
//! The unproven lane bounds also the number of different passwords, since each may cost a failed
//! backend login. Where that bound is met, a place is a *password*: the count is of different
//! passwords for each block, and a password goes with all who wait with it, else it would still
//! be there. It stands as firmly as its waiter from the block with the fewest passwords, so
//! that nobody is lost for company: who shares a password with a greedy block loses nothing to
//! a newcomer that has as much.

use super::{Lane, Request, Ticket, Waiter};
use crate::ids::ClientPrefix;
use crate::secret::PasswordTag;
use std::collections::{HashMap, HashSet, VecDeque};

/// Who must leave `lane` so that `newcomer` can enter: mostly nobody. `None`: the newcomer gets
/// no place.
///
/// Waiters of one maildrop may come from tenants with different capacities. The newcomer's is
/// what counts: a lane that is beyond it already does not shrink to it, but grows no more.
pub(super) fn make_room(lane: &VecDeque<Waiter>, newcomer: &Request) -> Option<Vec<Ticket>> {
    if newcomer.capacity == 0 {
        return None;
    }
    if newcomer.lane == Lane::Unproven && is_a_password_too_many(lane, newcomer) {
        return instead_of_a_password(lane, newcomer);
    }
    if lane.len() >= newcomer.capacity {
        return instead_of_a_waiter(lane, newcomer).map(|ticket| vec![ticket]);
    }
    Some(Vec::new())
}

fn is_a_password_too_many(lane: &VecDeque<Waiter>, newcomer: &Request) -> bool {
    let passwords: HashSet<_> = requests(lane).map(|waiting| waiting.password).collect();
    let bound = (newcomer.capacity / 2).max(1);
    !passwords.contains(&newcomer.password) && passwords.len() >= bound
}

/// The newest waiter of the block with the most places.
fn instead_of_a_waiter(lane: &VecDeque<Waiter>, newcomer: &Request) -> Option<Ticket> {
    let mut places: HashMap<ClientPrefix, usize> = HashMap::new();
    for request in requests(lane).chain([newcomer]) {
        *places.entry(request.address).or_default() += 1;
    }
    // Of several with equal keys `max_by_key` gives the last one: the newest.
    let loser = requests(lane).max_by_key(|waiting| places[&waiting.address])?;
    (places[&loser.address] > places[&newcomer.address]).then_some(loser.ticket)
}

/// All who wait with the password that came last from the block with the most passwords.
fn instead_of_a_password(lane: &VecDeque<Waiter>, newcomer: &Request) -> Option<Vec<Ticket>> {
    let mut passwords: HashMap<ClientPrefix, HashSet<PasswordTag>> = HashMap::new();
    for request in requests(lane).chain([newcomer]) {
        let of_block = passwords.entry(request.address).or_default();
        of_block.insert(request.password);
    }
    let with = |password| requests(lane).filter(move |waiting| waiting.password == password);
    let fewest = |password| {
        with(password)
            .map(|waiting| passwords[&waiting.address].len())
            .min()
    };
    // Of several with equal keys `max_by_key` gives the last one: the one that was brought last.
    let loser = in_order_of_arrival(lane).max_by_key(|password| fewest(*password))?;
    let is_greedier = fewest(loser) > Some(passwords[&newcomer.address].len());
    is_greedier.then(|| with(loser).map(|waiting| waiting.ticket).collect())
}

/// The different passwords of a lane, each where its first waiter stands.
fn in_order_of_arrival(lane: &VecDeque<Waiter>) -> impl Iterator<Item = PasswordTag> {
    let mut seen = HashSet::new();
    requests(lane)
        .map(|waiting| waiting.password)
        .filter(move |password| seen.insert(*password))
}

fn requests(lane: &VecDeque<Waiter>) -> impl Iterator<Item = &Request> {
    lane.iter().map(|waiter| &waiter.request)
}
