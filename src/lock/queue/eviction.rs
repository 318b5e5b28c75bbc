//! Which waiter loses its place where a lane is full.
//!
//! The client prefix with the most places pays, with what it took last, and only to a newcomer
//! whose own prefix has fewer, the newcomer counted. So no waiter is evicted for a prefix that has
//! as many places or more, and a prefix never loses its only place.
//!
//! The unproven lane also bounds the number of different passwords, since each may cost a failed
//! backend login. Where that bound is met, a place is a *password*: different passwords are
//! counted for each prefix, and a password is evicted with all its waiters, else it would still be
//! there. It counts as its waiter from the prefix with the fewest passwords: a waiter that happens
//! to share its password with a greedy prefix must not be evicted along with it.

use super::{Lane, Request, Ticket, Waiter};
use crate::ids::ClientPrefix;
use crate::secret::PasswordTag;
use std::collections::{HashMap, HashSet, VecDeque};

/// The waiters that must leave `lane` so that `newcomer` can enter: mostly none. `None`: the
/// newcomer gets no place.
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

/// The newest waiter of the prefix with the most places.
fn instead_of_a_waiter(lane: &VecDeque<Waiter>, newcomer: &Request) -> Option<Ticket> {
    let mut places: HashMap<ClientPrefix, usize> = HashMap::new();
    for request in requests(lane).chain([newcomer]) {
        *places.entry(request.prefix).or_default() += 1;
    }
    // Of several with equal keys `max_by_key` gives the last one: the newest.
    let loser = requests(lane).max_by_key(|waiting| places[&waiting.prefix])?;
    (places[&loser.prefix] > places[&newcomer.prefix]).then_some(loser.ticket)
}

/// All that wait with the password that came last from the prefix with the most passwords.
fn instead_of_a_password(lane: &VecDeque<Waiter>, newcomer: &Request) -> Option<Vec<Ticket>> {
    let mut passwords: HashMap<ClientPrefix, HashSet<PasswordTag>> = HashMap::new();
    for request in requests(lane).chain([newcomer]) {
        passwords
            .entry(request.prefix)
            .or_default()
            .insert(request.password);
    }
    // Of several with equal keys `max_by_key` gives the last one: the one that was brought last.
    let (fewest, loser) = in_order_of_arrival(lane)
        .map(|password| (fewest(lane, password, &passwords), password))
        .max_by_key(|(fewest, _)| *fewest)?;
    let is_greedier = fewest > Some(passwords[&newcomer.prefix].len());
    is_greedier.then(|| with(lane, loser).map(|waiting| waiting.ticket).collect())
}

/// How many passwords the most modest prefix has that brought `password`.
fn fewest(
    lane: &VecDeque<Waiter>,
    password: PasswordTag,
    passwords: &HashMap<ClientPrefix, HashSet<PasswordTag>>,
) -> Option<usize> {
    with(lane, password)
        .map(|waiting| passwords[&waiting.prefix].len())
        .min()
}

fn with(lane: &VecDeque<Waiter>, password: PasswordTag) -> impl Iterator<Item = &Request> {
    requests(lane).filter(move |waiting| waiting.password == password)
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
