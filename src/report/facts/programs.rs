//! How many programs there are.

use super::ClientProgram;
use crate::program::Family;
use std::collections::HashSet;

/// How many programs these are. One that was not recognised in one of its sessions is the same as
/// another one at its place.
#[must_use]
pub fn count_programs(clients: impl IntoIterator<Item = ClientProgram>) -> usize {
    let seen: HashSet<ClientProgram> = clients.into_iter().collect();
    let is_also = |one: &ClientProgram, other: &ClientProgram| {
        let is_wider = match one.family {
            Family::Unknown => true,
            family => family.with(other.family) == Some(other.family),
        };
        one != other && one.prefix == other.prefix && is_wider
    };
    seen.iter()
        .filter(|one| !seen.iter().any(|other| is_also(one, other)))
        .count()
}
