//! How many connections and logins there are, by address, maildrop and tenant.
//!
//! An address (IPv6: a /64) that opens thousands of connections, or a maildrop whose password is
//! being guessed in parallel, must not take the others' places. Each is counted by itself, against
//! the limit that its tenant sets ([`ConnectionLimits`](crate::policy::rules::ConnectionLimits));
//! logins to a maildrop are counted apart for proven passwords and for the others of each address,
//! so that strangers cannot take the owner's places, also if the owner is not proven yet. A client
//! that is exempt comes with a limit of 0, and is counted all the same.
//!
//! Courier (`MAXPERIP`) and Dovecot (`mail_max_userip_connections`) count alike, and see only
//! popgate's address unless they are told the client's: here it is known first hand.

use crate::ids::{ClientPrefix, MaildropKey, TenantName};
use dashmap::{DashMap, Entry};
use std::sync::Arc;

/// The connections of each address, and the logins of each maildrop and each tenant, as long as
/// they last. One gate's own.
///
/// Holds as many counts as there are connections, which the limit of descriptors bounds: there is
/// no capacity, and nothing is ever evicted.
#[derive(Default)]
pub struct Connections {
    counts: DashMap<Arc<CountedFor>, usize>,
}

/// What connections are counted for.
#[derive(PartialEq, Eq, Hash)]
enum CountedFor {
    Address(ClientPrefix),
    /// Proven logins together; the others by their addresses.
    Maildrop {
        key: MaildropKey,
        stranger: Option<ClientPrefix>,
    },
    Tenant {
        name: TenantName,
        proven: bool,
    },
}

/// One place under a limit, given back when dropped. Two pointers: an idle session keeps three of
/// them for hours.
#[must_use = "a place that is dropped is given back"]
pub struct ConnectionSlot {
    connections: Arc<Connections>,
    whose: Arc<CountedFor>,
}

impl Connections {
    /// Nobody is there.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A connection of an address. `None`: it has `limit` of them already; 0 is no limit.
    #[must_use]
    pub fn enter_address(
        self: &Arc<Self>,
        block: ClientPrefix,
        limit: usize,
    ) -> Option<ConnectionSlot> {
        self.enter(CountedFor::Address(block), limit)
    }

    /// A login to a maildrop, proven or by a `stranger`. `None`: it has `limit` proven ones, or of
    /// that stranger's, already; 0 is no limit.
    #[must_use]
    pub fn enter_maildrop(
        self: &Arc<Self>,
        key: &MaildropKey,
        stranger: Option<ClientPrefix>,
        limit: usize,
    ) -> Option<ConnectionSlot> {
        let key = key.clone();
        self.enter(CountedFor::Maildrop { key, stranger }, limit)
    }

    /// A login of a tenant, proven or not. `None`: it has `limit` of that kind already; 0 is no
    /// limit.
    #[must_use]
    pub fn enter_tenant(
        self: &Arc<Self>,
        tenant: &TenantName,
        proven: bool,
        limit: usize,
    ) -> Option<ConnectionSlot> {
        let name = tenant.clone();
        self.enter(CountedFor::Tenant { name, proven }, limit)
    }

    /// Connections of an address.
    #[must_use]
    pub fn of_address(&self, block: ClientPrefix) -> usize {
        self.count(&Arc::new(CountedFor::Address(block)))
    }

    /// Addresses, maildrops and tenants that have a connection.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn enter(self: &Arc<Self>, whose: CountedFor, limit: usize) -> Option<ConnectionSlot> {
        let whose = match self.counts.entry(Arc::new(whose)) {
            Entry::Occupied(slot) if limit > 0 && *slot.get() >= limit => return None,
            Entry::Occupied(mut slot) => {
                *slot.get_mut() += 1;
                // The key in the map, so that all places of one maildrop share it.
                Arc::clone(slot.key())
            }
            Entry::Vacant(slot) => {
                let whose = Arc::clone(slot.key());
                slot.insert(1);
                whose
            }
        };
        let connections = Arc::clone(self);
        Some(ConnectionSlot { connections, whose })
    }

    fn count(&self, whose: &Arc<CountedFor>) -> usize {
        self.counts.get(whose).map_or(0, |count| *count)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let counts = &self.connections.counts;
        // Counted down and removed under one guard, or a new connection between the two would be
        // lost.
        counts.remove_if_mut(&self.whose, |_, count| {
            *count -= 1;
            *count == 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserName;
    use crate::policy::attempt::tests::policy;
    use std::net::{IpAddr, Ipv4Addr};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    fn block(last: u8) -> ClientPrefix {
        IpAddr::from(Ipv4Addr::new(192, 0, 2, last)).into()
    }

    fn maildrop(user: &str) -> MaildropKey {
        policy().key(&UserName::new(user.as_bytes()))
    }

    #[test]
    fn an_address_enters_up_to_its_limit_and_again_when_one_has_left() {
        let all = Arc::new(Connections::new());
        let first = all.enter_address(block(1), 2).unwrap();
        let second = all.enter_address(block(1), 2).unwrap();
        assert!(all.enter_address(block(1), 2).is_none());
        assert!(all.enter_address(block(2), 2).is_some(), "another address");
        assert_eq!(
            all.of_address(block(1)),
            2,
            "the refused one is not counted"
        );
        drop(first);
        let third = all.enter_address(block(1), 2);
        assert!(third.is_some());
        drop((second, third));
        assert!(all.is_empty());
    }

    #[test]
    fn without_a_limit_all_enter_and_are_counted_for_when_one_comes() {
        let all = Arc::new(Connections::new());
        let places: Vec<_> = (0..1000)
            .filter_map(|_| all.enter_address(block(1), 0))
            .collect();
        assert_eq!(all.of_address(block(1)), 1000);
        assert!(all.enter_address(block(1), 200).is_none());
        drop(places);
        assert!(all.enter_address(block(1), 200).is_some());
    }

    #[test]
    fn strangers_cannot_take_the_owners_places() {
        let all = Arc::new(Connections::new());
        let enter = |user, stranger: Option<u8>| {
            all.enter_maildrop(&maildrop(user), stranger.map(block), 1)
        };
        let _stranger = enter("ann", Some(1)).unwrap();
        assert!(enter("ANN", Some(1)).is_none());
        assert!(enter("ann", Some(2)).is_some(), "the owner, not proven yet");
        let _owner = enter("ann", None).unwrap();
        assert!(enter("ann", None).is_none());
        assert!(enter("bob", Some(1)).is_some());
    }

    #[test]
    fn tenants_are_counted_apart() {
        let all = Arc::new(Connections::new());
        let one = TenantName::new("one");
        let other = TenantName::new("other");
        let _place = all.enter_tenant(&one, false, 1).unwrap();
        assert!(all.enter_tenant(&one, false, 1).is_none());
        assert!(all.enter_tenant(&one, true, 1).is_some(), "the proven");
        assert!(all.enter_tenant(&other, false, 1).is_some());
    }

    #[test]
    fn a_place_is_given_back_by_a_panic() {
        let all = Arc::new(Connections::new());
        let session = AssertUnwindSafe(|| {
            let _place = all.enter_address(block(1), 1).unwrap();
            panic!("on purpose");
        });
        assert!(catch_unwind(session).is_err());
        assert!(all.is_empty());
        assert!(all.enter_address(block(1), 1).is_some());
    }

    #[test]
    fn threads_never_pass_the_limit_and_leave_nothing_behind() {
        let all = Arc::new(Connections::new());
        let key = maildrop("ann");
        let tenant = TenantName::new("t");
        let rounds = |n: u8| {
            for round in 0..2000 {
                let address = all.enter_address(block(n % 2), 3);
                let login = all.enter_maildrop(&key, (round % 2 == 0).then(|| block(n)), 3);
                let whole = all.enter_tenant(&tenant, round % 2 == 0, 3);
                assert!(all.of_address(block(n % 2)) <= 3);
                drop((address, login, whole));
            }
        };
        thread::scope(|scope| {
            for n in 0..8 {
                scope.spawn(move || rounds(n));
            }
        });
        assert_eq!(all.len(), 0);
    }

    #[test]
    fn an_idle_session_keeps_two_pointers_for_a_place() {
        assert_eq!(size_of::<ConnectionSlot>(), 2 * size_of::<usize>());
        assert_eq!(
            size_of::<Option<ConnectionSlot>>(),
            size_of::<ConnectionSlot>()
        );
    }
}
