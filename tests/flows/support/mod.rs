//! A gate between scripted clients and scripted backends.
//!
//! ```text
//! let gate = Gate::classic().await;                 // one backend, looked at, named "legacy"
//! let gate = Gate::with("[defaults]\n…").await;     // the same with settings; see `Gate::with`
//!
//! let mut ann = gate.greeted().await;               // a client that has the greeting
//! ann.send("USER ann\r\n").await;
//! ann.expect("+OK Send PASS\r\n").await;            // these octets and no others, before all else
//! ann.send("PASS secret\r\n").await;
//!
//! let mut backend = gate.dialed().await;            // the backend's side of the next connection
//! backend.lets_in("ann", "secret").await;           // greeting, USER and PASS, +OK
//! ann.expect("+OK ann, come in\r\n").await;
//! ann.close();                                      // both directions; or half_close().await
//! backend.expect_eof().await;
//! let summary = gate.end_of("client 1").await;      // how that session ended
//! ```
//!
//! In short:
//! * [`Gate::visitor`] is a client from a certain address or listener; [`Gate::log_in`] one that
//!   the backend has let in; [`Gate::prove`] makes a password proven; [`Gate::queued`] waits until
//!   a client stands in the queue.
//! * [`Scene`] is a holder, a waiter in the main lane, and the connection that is open for it.
//! * [`Gate::serve_by`] puts a demo server behind the gate, [`Gate::cut_off`] takes the backend
//!   away, [`Gate::look`] lets its watcher look once. It looks at no other time: no connection
//!   comes to the backend that the script does not speak of.
//! * [`Gate::events`] has all events; [`Gate::told`] waits for one.
//! * Each `expect` fails with a sentence when nothing comes for [`PATIENCE`] of virtual time.

mod double;
mod ends;
mod gate;
mod recorder;
mod scene;
mod visitor;
mod wire;

pub(crate) use gate::Gate;
pub(crate) use scene::{Scene, lets_in_at_once};
pub(crate) use wire::Wire;

use popgate::time::{Duration, Instant};
use std::ops::RangeInclusive;

/// Longer than anything that a script may wait for without saying so.
pub(crate) const PATIENCE: Duration = Duration::from_secs(100);

/// So many seconds of virtual time.
pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// That `seconds` of virtual time have passed since `start`. Timers are a millisecond coarse.
#[track_caller]
pub(crate) fn assert_took(start: Instant, seconds: RangeInclusive<f64>) {
    let took = start.elapsed().as_secs_f64();
    let range = seconds.start() - 0.001..=seconds.end() + 0.01;
    assert!(range.contains(&took), "it took {took} s, not {seconds:?} s");
}
