//! The right to serve a maildrop where several gates share it.
//!
//! A gate that is the only one may always serve: [`Authority::Local`]. With [`Authority::Leased`]
//! each turn needs a lease, which somebody outside hands from gate to gate, so that the order holds
//! across gates, too. The queue then has waiters without a holder. What it holds and wants is its
//! [`Statement`](super::Statement); it hears by [`Input::Lease`](super::Input::Lease).
//!
//! A lease is for one turn: it is over when its holder ends. One that is lost cuts nobody: its
//! holder stays, but nobody behind it is served until a lease is granted again.

use super::{Effect, Lane, LockQueue};
use crate::time::Instant;

/// Where the right to serve a maildrop comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authority {
    /// This gate alone serves it, and may always.
    #[default]
    Local,
    /// Other gates serve it, too: each turn needs a lease.
    Leased,
}

/// What became of the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseChange {
    /// One turn may be served.
    Granted {
        /// The lane that must be served: whoever grants leases keeps the order between the lanes.
        lane: Lane,
    },
    /// The lease, or the request for it, is not valid any more.
    Lost,
}

/// How a queue stands with its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// It needs none.
    Local,
    /// It has none.
    NoLease,
    /// It has one.
    Held,
}

impl From<Authority> for Right {
    fn from(authority: Authority) -> Self {
        match authority {
            Authority::Local => Self::Local,
            Authority::Leased => Self::NoLease,
        }
    }
}

impl LockQueue {
    pub(super) fn lease_changed(
        &mut self,
        change: LeaseChange,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        if self.right == Right::Local {
            return;
        }
        match change {
            LeaseChange::Lost => self.right = Right::NoLease,
            // A holder that outlived its lease has one again.
            LeaseChange::Granted { .. } if self.holder.is_some() => self.right = Right::Held,
            LeaseChange::Granted { lane } => {
                self.right = Right::Held;
                // Whoever waited there may have left, or moved to the other lane. That one is not
                // served instead: it is another gate's turn then.
                if let Some(next) = self.lane_mut(lane).pop_front() {
                    self.grant(&next.request, now, effects);
                }
            }
        }
    }

    /// The queue serves by itself from now on, or needs leases from now on. A holder stays.
    pub(super) fn change_authority(
        &mut self,
        authority: Authority,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let is_local = self.right == Right::Local;
        if is_local == (authority == Authority::Local) {
            return;
        }
        self.right = authority.into();
        if self.right == Right::Local && self.holder.is_none() {
            self.serve_next(now, effects);
        }
    }

    /// A lease is over with its holder, and one that nobody used is over at once.
    pub(super) fn settle_lease(&mut self) {
        if self.right == Right::Held && self.holder.is_none() {
            self.right = Right::NoLease;
        }
    }
}
