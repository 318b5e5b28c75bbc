//! Three gates as processes, one engine, one backend that does not lock and counts sessions that
//! overlap: what several gates promise, under load and with faults. Each fault prints its figures:
//! `cargo test --test gates -- --nocapture`.
//!
//! The engine is Debian's `redis-server`, or what `POPGATE_ENGINE` names, started by each test for
//! itself; wrong clocks come from Debian's libfaketime, and lost packets from network namespaces,
//! which take root. Where one of them is missing, its tests are skipped aloud, and fail where
//! CI=true.
//!
//! # What went wrong elsewhere
//!
//! Analyses and bugs of locks in Redis that are public, and the tests that show that they do not
//! happen here. `cluster` is `tests/cluster`.
//!
//! Jepsen and others:
//! - Redis with Sentinel (2013, aphyr.com/posts/283): a primary in a minority goes on, and its
//!   writes are lost: `failover`, both tests.
//! - etcd 3.4.3 (2020, jepsen.io): a client whose lease ran out believes that it has the lock, as
//!   after a pause (Kleppmann, "How to do distributed locking"): `frozen`, all tests.
//! - Clocks that jump (Kleppmann): `clock`, both tests;
//!   `cluster::rules::when_the_clock_is_set_back_turns_go_on_after_two_seconds`.
//!
//! Redisson (github.com/redisson/redisson):
//! - #1104: a waiter that is gone stays first, and asking again moves the end of other waits:
//!   `cluster::pitfalls::{a_waiter_whose_time_is_over_stops_nobody,
//!   asking_again_does_not_move_the_end_of_a_wait}`.
//! - #3166: waiters of a process that died stop the others:
//!   `cluster::pitfalls::waiters_of_a_dead_gate_stop_nobody`.
//! - #3004: a waiter that was taken for gone, and lives, is never called:
//!   `cluster::pitfalls::a_waiter_that_was_taken_for_gone_is_in_again_when_it_asks`.
//! - #3730, #6150: nobody is called when a lock runs out with its holder:
//!   `faults::a_killed_gates_maildrops_are_free_within_its_lease`.
//! - #2883, #2278: of hundreds of waiters some hang:
//!   `order::hundreds_of_waiters_all_have_their_turn`, `cluster::crowd`.
//! - A subscription for each lock, which its manual offers a spin lock against:
//!   `cluster::pitfalls::a_gate_has_one_channel`.
//!
//! node-redlock (github.com/mike-marcacci/node-redlock):
//! - #65, #131, #362: the release of a lock that has run out is an error:
//!   `cluster::pitfalls::a_release_behind_the_lease_is_no_error_and_releases_nobody_else`.
//! - #169, #296: a lock counts from another moment than that of the call that gave it:
//!   `cluster::pitfalls::a_lease_counts_from_the_sending_of_its_beat`.
//! - #19, #43, #288: "somebody else has it" looks like "Redis is broken":
//!   `engine_faults::an_engine_that_does_not_write_is_one_that_is_away`, where one waits for the
//!   holder and all others are let in.
//! - #11: an unlock that Redis refuses (MISCONF) is silent: the same test, in which a turn is given
//!   back when the engine writes again.
//!
//! redis-py (github.com/redis/redis-py) and RedBeat (github.com/sibson/redbeat):
//! - redis-py #629, #1014, RedBeat #127: each renewal adds to the lease:
//!   `cluster::pitfalls::a_lease_is_set_anew_and_never_added_to`.
//! - redis-py #1095: "not yours any more" is no answer of its own:
//!   `cluster::rules`, where a session that began without the engine is told that another has it.
//! - RedBeat #230: a lease that is hardly longer than the time between renewals:
//!   `cluster::pitfalls::the_shortest_lease_outlasts_three_beats_and_a_search`.
//! - RedBeat #129, #218: a lease that ran out ends the process:
//!   `frozen::a_frozen_gate_begins_nothing_by_turns_from_before`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "another process does not run by paused time"
)]

mod across;
mod clock;
mod clocks;
mod cut;
mod door;
mod engine_faults;
mod failover;
mod faults;
#[path = "../fire/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "other tests look closer at a gate"
)]
mod fire;
mod frozen;
mod killed;
mod line;
mod load;
mod memory;
mod network;
mod order;
mod redis;
mod report;
mod rolling;
mod sharing;
mod site;
mod strangers;
