//! The engine of several gates: the model of its scripts, at the end of lines that are slow, lose
//! messages and break.

use crate::lock;
use crate::model::Engine;
use crate::trace::Trace;
use popgate::app::EngineEvents;
use popgate::cluster::link::{EngineLink, LinkError, LinkEvent, PendingCall};
use popgate::cluster::protocol::{
    BeatAnswer, BeatCall, BlockPut, GateId, LastTurnAnswer, LastTurnCall, StoredBlock, SyncAnswer,
    SyncCall,
};
use popgate::limits::LISTING_SHOWN_FOR;
use popgate::limits::{AUTH_CACHE_AGE, CLUSTER_BLOCKS_MAX, CLUSTER_CALL, CLUSTER_EVENTS_MAX};
use popgate::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

/// Some time in 2027, in microseconds.
const START: u64 = 1_800_000_000_000_000;
/// From the end of its line to the gate's noticing.
const NOTICED: Duration = Duration::from_secs(2);

/// How good the gates' lines to their engine are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EngineLines {
    /// The longest way of a message, in milliseconds.
    pub(crate) latency: u64,
    /// One in so many calls has no answer; 0: none. Never two of a gate in a row.
    pub(crate) unanswered: u64,
    /// Of a hundred pushes.
    pub(crate) pushes_lost: u8,
}

/// What goes wrong with the engine, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EngineFate {
    /// It is not there.
    Away(Duration),
    /// It is not there, and remembers nothing then.
    Emptied(Duration),
    /// Each of its answers is too late.
    Slow(Duration),
    /// One gate's line to it is dead.
    Cut(usize, Duration),
}

#[derive(Clone, Debug, Default)]
struct EngineState {
    run: u64,
    is_away: bool,
    is_slow: bool,
    cut: BTreeSet<usize>,
}

impl EngineState {
    fn reaches(&self, slot: usize, run: u64) -> bool {
        !self.is_away && self.run == run && !self.cut.contains(&slot)
    }
}

/// The engine.
pub(crate) struct EngineSite {
    lines: EngineLines,
    model: Mutex<Engine>,
    start: Instant,
    state: watch::Sender<EngineState>,
    random: Mutex<fastrand::Rng>,
    accepted: Mutex<BTreeMap<u64, Instant>>,
    gates: Mutex<BTreeMap<GateId, mpsc::Sender<LinkEvent>>>,
    trace: Arc<Trace>,
}

impl EngineSite {
    pub(crate) fn new(lines: EngineLines, random: fastrand::Rng, trace: Arc<Trace>) -> Arc<Self> {
        Arc::new(Self {
            lines,
            model: Mutex::new(Engine::new("run0", START)),
            start: Instant::now(),
            state: watch::Sender::default(),
            random: Mutex::new(random),
            accepted: Mutex::default(),
            gates: Mutex::default(),
            trace,
        })
    }

    /// What a start of a gate hears of its line. It has a number of its own, and stands at a place.
    pub(crate) fn connect(self: &Arc<Self>, start: u32, slot: usize) -> EngineEvents {
        let (events, heard) = mpsc::channel(CLUSTER_EVENTS_MAX);
        let [.., b0, b1, b2, b3] = u64::from(start).to_be_bytes();
        let line = GateLine {
            site: Arc::clone(self),
            slot,
            gate: GateId([0, 0, 0, 0, b0, b1, b2, b3]),
            run: 0,
            calls: Arc::default(),
        };
        tokio::spawn(line.run(events));
        heard
    }

    pub(crate) fn suffers(self: &Arc<Self>, fate: EngineFate) {
        let (lasts, begin, end): (_, Change, Change) = match fate {
            EngineFate::Away(lasts) => (
                lasts,
                Box::new(|state| state.is_away = true),
                Box::new(|state| state.is_away = false),
            ),
            EngineFate::Emptied(lasts) => {
                let run = self.state.borrow().run + 1;
                lock(&self.model).restart_empty(&format!("run{run}"));
                (
                    lasts,
                    Box::new(move |state| {
                        state.run = run;
                        state.is_away = true;
                    }),
                    Box::new(|state| state.is_away = false),
                )
            }
            EngineFate::Slow(lasts) => (
                lasts,
                Box::new(|state| state.is_slow = true),
                Box::new(|state| state.is_slow = false),
            ),
            EngineFate::Cut(slot, lasts) => (
                lasts,
                Box::new(move |state| {
                    state.cut.insert(slot);
                }),
                Box::new(move |state| {
                    state.cut.remove(&slot);
                }),
            ),
        };
        self.state.send_modify(begin);
        let site = Arc::clone(self);
        tokio::spawn(async move {
            sleep(lasts).await;
            site.state.send_modify(end);
        });
    }

    /// Gates that have not said good-bye, and maildrops that are remembered though nobody has been
    /// there for a minute.
    pub(crate) fn left_behind(&self) -> (usize, usize) {
        let mut model = lock(&self.model);
        model.set_clock(self.now());
        let gates = model.living().len();
        // The last turn of a maildrop is kept for so long where its listings may be shown again.
        let kept = LISTING_SHOWN_FOR + Duration::from_secs(61);
        model.advance(u64::try_from(kept.as_millis()).unwrap_or_default());
        (gates, model.maildrops().count())
    }

    fn now(&self) -> u64 {
        START + u64::try_from(self.start.elapsed().as_micros()).unwrap_or_default()
    }

    fn way(&self) -> Duration {
        let longest = self.lines.latency;
        Duration::from_millis(lock(&self.random).u64(..=longest))
    }

    fn with_model<T>(self: &Arc<Self>, what: impl FnOnce(&mut Engine) -> T) -> T {
        let mut model = lock(&self.model);
        model.set_clock(self.now());
        let answer = what(&mut model);
        let pushes = model.take_pushes();
        drop(model);
        for (gate, push) in pushes {
            let is_lost = lock(&self.random).u8(..100) < self.lines.pushes_lost;
            let events = lock(&self.gates).get(&gate).cloned();
            let Some(events) = events.filter(|_| !is_lost) else {
                continue;
            };
            let way = self.way();
            tokio::spawn(async move {
                sleep(way).await;
                let _ = events.send(LinkEvent::Pushed(push)).await;
            });
        }
        answer
    }
}

type Change = Box<dyn FnOnce(&mut EngineState) + Send>;

/// The line of one start of a gate.
#[derive(Clone)]
struct GateLine {
    site: Arc<EngineSite>,
    slot: usize,
    gate: GateId,
    run: u64,
    calls: Arc<Mutex<u64>>,
}

impl GateLine {
    /// Comes and goes as the engine does, until the gate is gone.
    async fn run(mut self, events: mpsc::Sender<LinkEvent>) {
        let hears = events.clone();
        tokio::select! {
            () = hears.closed() => {}
            () = self.come_and_go(events) => {}
        }
        lock(&self.site.model).unsubscribe(self.gate);
        lock(&self.site.gates).remove(&self.gate);
    }

    async fn come_and_go(&mut self, events: mpsc::Sender<LinkEvent>) {
        let mut states = self.site.state.subscribe();
        let slot = self.slot;
        loop {
            // The sender lives in the site.
            let found = states.wait_for(|it| it.reaches(slot, it.run)).await;
            self.run = found.map_or(0, |state| state.run);
            lock(&self.site.model).subscribe(self.gate);
            lock(&self.site.gates).insert(self.gate, events.clone());
            let _ = events.send(LinkEvent::Up(Arc::new(self.clone()))).await;
            let run = self.run;
            let _ = states.wait_for(|it| !it.reaches(slot, run)).await;
            lock(&self.site.model).unsubscribe(self.gate);
            lock(&self.site.gates).remove(&self.gate);
            if self.site.state.borrow().cut.contains(&slot) {
                sleep(NOTICED).await;
            }
            let _ = events.send(LinkEvent::Down("it is gone".to_owned())).await;
            sleep(Duration::from_millis(100)).await;
        }
    }

    fn is_unanswered(&self) -> bool {
        let mut calls = lock(&self.calls);
        *calls += 1;
        let one_in = self.site.lines.unanswered;
        one_in > 0 && calls.is_multiple_of(one_in)
    }

    fn reaches(&self) -> bool {
        self.site.state.borrow().reaches(self.slot, self.run)
    }

    fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Engine) -> Result<T, LinkError> + Send + 'static,
    ) -> PendingCall<T> {
        let line = self.clone();
        Box::pin(async move {
            let is_unanswered = line.is_unanswered();
            let asking = async {
                sleep(line.site.way()).await;
                if !line.reaches() {
                    return pending().await;
                }
                let answer = line.site.with_model(what);
                if is_unanswered {
                    return pending().await;
                }
                sleep(line.site.way()).await;
                let is_slow = line.site.state.borrow().is_slow;
                if is_slow || !line.reaches() {
                    return pending().await;
                }
                answer
            };
            let answer = timeout(CLUSTER_CALL, asking).await;
            answer.unwrap_or(Err(LinkError::Timeout))
        })
    }
}

impl EngineLink for GateLine {
    fn resubscribe(&self) {
        lock(&self.site.model).subscribe(self.gate);
    }

    fn sync(&self, call: SyncCall) -> PendingCall<SyncAnswer> {
        let (gate, trace) = (self.gate, Arc::clone(&self.site.trace));
        self.ask(move |engine| {
            let answer = engine.sync(&call, gate);
            trace.say(&format!("engine: {gate} {call:?}: {answer:?}"));
            answer.map_err(|_| LinkError::Refused("too many gates".to_owned()))
        })
    }

    fn last_turn(&self, call: LastTurnCall) -> PendingCall<LastTurnAnswer> {
        let gate = self.gate;
        self.ask(move |engine| Ok(engine.last_turn(&call, gate)))
    }

    fn beat(&self, call: BeatCall) -> PendingCall<BeatAnswer> {
        let gate = self.gate;
        self.ask(move |engine| Ok(engine.beat(&call, gate)))
    }

    fn leave(&self) -> PendingCall<()> {
        let gate = self.gate;
        self.ask(move |engine| {
            engine.leave(gate);
            Ok(())
        })
    }

    fn put_blocks(&self, rows: Vec<BlockPut>) -> PendingCall<Vec<Option<StoredBlock>>> {
        self.ask(move |engine| Ok(engine.put_blocks(&rows, CLUSTER_BLOCKS_MAX)))
    }

    fn accepted(&self, tag: u64) -> PendingCall<Option<Duration>> {
        let site = Arc::clone(&self.site);
        self.ask(move |_| {
            let at = lock(&site.accepted).get(&tag).copied();
            Ok(at.map(|at| AUTH_CACHE_AGE.saturating_sub(at.elapsed())))
        })
    }

    fn put_accepted(&self, tag: u64) -> PendingCall<()> {
        let site = Arc::clone(&self.site);
        self.ask(move |_| {
            lock(&site.accepted).insert(tag, Instant::now());
            Ok(())
        })
    }

    fn remove_accepted(&self, tag: u64) -> PendingCall<()> {
        let site = Arc::clone(&self.site);
        self.ask(move |_| {
            lock(&site.accepted).remove(&tag);
            Ok(())
        })
    }

    fn tell(&self, _: GateId, _: Vec<u8>) -> PendingCall<bool> {
        // No operator asks one gate about another here.
        self.ask(|_| Ok(false))
    }
}
