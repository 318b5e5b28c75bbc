//! How many octets listings may take, in all and of one tenant.

use crate::ids::TenantName;
use crate::limits::{SHARING_MEMORY, SHARING_TENANTS};
use dashmap::DashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Octets that are taken, and that there are.
#[derive(Debug)]
pub(super) struct Room {
    most: AtomicUsize,
    /// How many tenants it is for.
    tenants: AtomicUsize,
    taken: AtomicUsize,
    by_tenant: DashMap<TenantName, usize>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            most: AtomicUsize::new(SHARING_MEMORY),
            tenants: AtomicUsize::new(1),
            taken: AtomicUsize::new(0),
            by_tenant: DashMap::new(),
        }
    }
}

impl Room {
    /// Sets how many there are, and for how many tenants. What is taken beyond that stays until it
    /// is given back.
    pub(super) fn give(&self, octets: usize, tenants: usize) {
        self.most.store(octets, Ordering::Relaxed);
        self.tenants.store(tenants, Ordering::Relaxed);
    }

    /// Octets that there are.
    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Octets that are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Takes `after` octets in place of those `before`, if they are fewer or there is room.
    pub(super) fn take(&self, tenant: &TenantName, before: usize, after: usize) -> bool {
        let mut of_tenant = self.by_tenant.entry(tenant.clone()).or_default();
        let octets = *of_tenant - before + after;
        let is_less = after <= before;
        if !(is_less || octets <= self.most_of_a_tenant()) {
            return false;
        }
        let relaxed = Ordering::Relaxed;
        let most = self.most();
        let taken = self.taken.fetch_update(relaxed, relaxed, |taken| {
            let taken = taken - before + after;
            (is_less || taken <= most).then_some(taken)
        });
        if taken.is_ok() {
            *of_tenant = octets;
        }
        taken.is_ok()
    }

    /// Takes octets that are in use already.
    pub(super) fn take_anyway(&self, tenant: &TenantName, octets: usize) {
        self.taken.fetch_add(octets, Ordering::Relaxed);
        *self.by_tenant.entry(tenant.clone()).or_default() += octets;
    }

    /// An even share, where there are few.
    fn most_of_a_tenant(&self) -> usize {
        let tenants = self.tenants.load(Ordering::Relaxed);
        self.most() / tenants.clamp(1, SHARING_TENANTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tenant_has_more_than_its_share_and_one_of_many_has_a_tenth() {
        let room = Room::default();
        let tenants = ["a", "b"].map(TenantName::new);
        for (of, share) in [(1, 1_000), (2, 500), (10, 100), (5_000, 100)] {
            room.give(1_000, of);
            assert!(room.take(&tenants[0], 0, share) && !room.take(&tenants[0], 0, 1));
            assert!(room.take(&tenants[0], share, 0), "{of}");
        }
        assert!(room.take(&tenants[0], 0, 100) && !room.take(&tenants[0], 0, 1));
        assert!(room.take(&tenants[1], 0, 100));
        // Less is always taken.
        assert!(room.take(&tenants[0], 100, 40) && room.taken() == 140);
        room.give(1_000, 1);
        assert!(room.take(&tenants[0], 40, 900) && !room.take(&tenants[1], 100, 101));
    }

    #[test]
    fn what_is_taken_stays_where_there_is_less_room_than_before() {
        let room = Room::default();
        let tenant = TenantName::new("a");
        assert!(room.take(&tenant, 0, 500));
        room.give(100, 1);
        assert!(!room.take(&tenant, 500, 501) && room.take(&tenant, 500, 500));
        assert!(room.take(&tenant, 500, 0) && room.taken() == 0);
    }

    #[test]
    fn what_is_in_use_counts_beyond_the_room() {
        let room = Room::default();
        let tenant = TenantName::new("a");
        room.give(100, 1);
        room.take_anyway(&tenant, 150);
        assert!(room.taken() == 150 && !room.take(&tenant, 0, 1));
    }
}
