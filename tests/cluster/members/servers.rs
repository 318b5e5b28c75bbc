//! The engine as the gates find it: one server after the other.

use crate::model::Engine;
use popgate::cluster::protocol::{GateId, Push};

/// Some time in 2027, in microseconds.
const START: u64 = 1_800_000_000_000_000;

struct Server {
    engine: Engine,
    is_dead: bool,
    /// By how many microseconds its clock is behind.
    behind: u64,
}

/// All servers that ever were.
pub(super) struct Servers {
    all: Vec<Server>,
    /// From when the last of them takes connections.
    ready_at: u64,
    pub(super) frozen_until: u64,
    pub(super) slow_until: u64,
}

impl Servers {
    pub(super) fn new() -> Self {
        let first = Server {
            engine: Engine::new("run0", START),
            is_dead: false,
            behind: 0,
        };
        Self {
            all: vec![first],
            ready_at: 0,
            frozen_until: 0,
            slow_until: 0,
        }
    }

    pub(super) fn primary(&self) -> usize {
        self.all.len() - 1
    }

    pub(super) fn is_ready(&self, now: u64) -> bool {
        self.ready_at <= now
    }

    pub(super) fn is_dead(&self, server: usize) -> bool {
        self.all[server].is_dead
    }

    pub(super) fn at(&mut self, server: usize, now: u64) -> &mut Engine {
        let server = &mut self.all[server];
        server
            .engine
            .set_clock(START + now * 1_000 - server.behind * 1_000);
        &mut server.engine
    }

    pub(super) fn replica(&self) -> Engine {
        self.all[self.primary()].engine.clone()
    }

    /// Another server takes over, with this memory or none. The one before may go on for those
    /// who do not know.
    pub(super) fn replace(
        &mut self,
        kept: Option<&Engine>,
        behind: u64,
        lingers: bool,
        ready_at: u64,
    ) {
        let run_id = format!("run{}", self.all.len());
        let mut engine = self.replica();
        match kept {
            Some(kept) => engine.failover(kept, &run_id),
            None => engine.restart_empty(&run_id),
        }
        let last = self.primary();
        self.all[last].is_dead = !lingers;
        self.all.push(Server {
            engine,
            is_dead: false,
            behind,
        });
        self.ready_at = ready_at;
        self.frozen_until = 0;
    }

    pub(super) fn pushes(&mut self, server: usize) -> Vec<(GateId, Push)> {
        self.all[server].engine.take_pushes()
    }
}
