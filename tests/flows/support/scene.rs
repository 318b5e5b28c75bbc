//! A scene that many scripts begin with: ann is in her maildrop and at its door.

use super::{Gate, Wire};
use popgate::observe::event::{Event, LockEvent, SessionSummary};

/// Two sessions of ann's, whose password is proven.
pub(crate) struct Scene {
    /// `client 2`, which the backend let in.
    pub(crate) holder: Wire,
    /// The backend's side of the holder's session.
    pub(crate) inside: Wire,
    /// `client 3`, which waits in the main lane.
    pub(crate) waiter: Wire,
    /// The connection that is open and greeted for whoever is next.
    pub(crate) spare: Wire,
}

impl Scene {
    /// Sets it up in a gate that preconnects.
    pub(crate) async fn of(gate: &Gate) -> Self {
        gate.prove("ann", "secret").await;
        let (holder, inside) = gate.log_in("ann", "secret").await;
        let waiter = gate.waiter("ann", "secret").await;
        let mut spare = gate.dialed().await;
        spare.greets().await;
        Self {
            holder,
            inside,
            waiter,
            spare,
        }
    }
}

/// A login of ann's that has waited goes over this connection, which has greeted.
pub(crate) async fn lets_in_at_once(backend: &mut Wire, client: &mut Wire) {
    backend
        .answers_password("ann", "secret", "+OK ann, come in")
        .await;
    client.expect("+OK ann, come in\r\n").await;
}

impl Gate {
    /// A client that stands in the queue.
    pub(crate) async fn waiter(&self, user: &str, password: &str) -> Wire {
        let waiter = self.asking(user, password).await;
        self.queued(&waiter).await;
        waiter
    }

    /// How many hand-overs did not wait for the backend's end.
    pub(crate) fn forced(&self) -> usize {
        let forced = |event: &Event| matches!(event, Event::Lock(LockEvent::HandOverForced { .. }));
        self.events.count(forced)
    }

    /// Waits until the lock has been given back so many times.
    pub(crate) async fn released(&self, times: usize) {
        let released = |event: &Event| matches!(event, Event::Lock(LockEvent::Released { .. }));
        self.told_nth(times - 1, released).await;
    }

    /// How the session of this client ended; it must have ended once.
    pub(crate) async fn only_end_of(&self, client: &str) -> SessionSummary {
        let summary = self.end_of(client).await;
        let number = summary.session;
        let its =
            |event: &Event| matches!(event, Event::SessionEnded(other) if other.session == number);
        assert_eq!(self.events.count(its), 1, "ends of {client}");
        summary
    }
}
