//! A fault of popgate's own in each phase of a session: a panic, or a task that is cancelled. The
//! lock goes on, only after the backend has let go; one end is told; the others do not notice.

mod bomb;
mod cancelled;
mod panics;
mod storm;

use crate::support::{Gate, Scene, Wire, lets_in_at_once, seconds};
use popgate::observe::event::{End, Event};

/// What every such test is held against: bob, who reads his mail meanwhile, and that nothing is
/// left behind.
struct Bystander {
    bob: Wire,
    his: Wire,
}

impl Bystander {
    /// `client 1`.
    async fn of(gate: &Gate) -> Self {
        let (bob, his) = gate.log_in("bob", "hidden").await;
        Self { bob, his }
    }

    /// Bob has noticed nothing; when he leaves, too, no lock is in use.
    async fn ends_it(mut self, gate: &Gate) {
        self.bob.send("STAT\r\n").await;
        self.his.expect("STAT\r\n").await;
        self.his.send("+OK 1 120\r\n").await;
        self.bob.expect("+OK 1 120\r\n").await;
        self.bob.close();
        self.his.close();
        gate.sessions.close();
        gate.sessions.wait().await;
        gate.closers.close();
        gate.closers.wait().await;
        assert_eq!(gate.cx.locks.in_use(), 0);
        let opened = |event: &Event| matches!(event, Event::SessionOpened { .. });
        let ended = |event: &Event| matches!(event, Event::SessionEnded(_));
        assert_eq!(gate.events.count(opened), gate.events.count(ended));
        assert_eq!(gate.forced(), 0);
    }
}

/// Ann, from anew: the lock is free at once.
async fn ann_gets_in(gate: &Gate) {
    let (ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.close();
    inside.expect_eof().await;
    inside.close();
}

/// The session in `inside` has met its fault: its backend hears an end and no QUIT, and the waiter
/// gets in when that has let go, and not before.
async fn lock_goes_on(mut inside: Wire, spare: &mut Wire, waiter: &mut Wire) {
    inside.expect_eof().await;
    assert!(!inside.heard().contains("QUIT"), "{}", inside.heard());
    spare.expect_silence(seconds(1.5)).await;
    inside.close();
    lets_in_at_once(spare, waiter).await;
}

/// The scene ends well for everybody who is left.
async fn waiter_leaves(gate: &Gate, scene: (Wire, Wire), name: &str) {
    let (waiter, mut spare) = scene;
    waiter.close();
    spare.expect_eof().await;
    spare.close();
    assert_eq!(gate.only_end_of(name).await.end(), End::Left);
}

/// The holder of this scene has met its fault.
async fn scene_goes_on(gate: &Gate, scene: Scene) {
    let Scene {
        holder,
        inside,
        mut waiter,
        mut spare,
    } = scene;
    lock_goes_on(inside, &mut spare, &mut waiter).await;
    drop(holder);
    let name = waiter.name.clone();
    waiter_leaves(gate, (waiter, spare), &name).await;
}
