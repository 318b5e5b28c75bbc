//! What must hold of a lock at every moment.
//!
//! Each is looked at in production, where it can be in constant time. A broken one is a fault of
//! popgate: it is counted, what is wrong is put right, so that nobody waits for ever, and the one
//! session that cannot go on ends.

use crate::str_enum::str_enum;

str_enum! {
    /// A rule that popgate's own code keeps: the label `invariant` of
    /// `invariant_violations_total`.
    Invariant {
        /// Somebody waits only while somebody holds the lock, or where a turn is awaited.
        WaitersAreServed = "waiters_are_served",
        /// The holder is in no lane.
        HolderDoesNotWait = "holder_does_not_wait",
        /// Each waiter has a seat, by which it hears of its turn, and nobody else has one.
        SeatForEachWaiter = "seat_for_each_waiter",
        /// A holder meets a backend connection only when the one before has ended.
        OneConnection = "one_connection",
    }
}
