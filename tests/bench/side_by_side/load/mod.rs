//! The load: mail programs in one thread, each a session at a time, that do what a script says.

mod client;
pub(crate) mod replies;
mod schedule;
pub(crate) mod script;
pub(crate) mod tally;
mod timers;
pub(crate) mod tls;
mod wire;

pub(crate) use client::{Ended, Times};
pub(crate) use schedule::{Again, Closed, Fixed, Schedule};
pub(crate) use tally::Tally;

use crate::poller::{Interest, Poller};
use crate::slots::Slots;
use client::{Client, Next};
use popgate::time::{Duration, Instant};
use rustls::ClientConfig;
use script::Step;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use timers::{Timer, Timers};
use wire::Wire;

/// A message may come in pieces of this size.
const BUFFER: usize = 256 * 1_024;
/// A part in which nothing happens for so long has stalled.
const STALLED: Duration = Duration::from_secs(20);
/// No load takes longer, by far.
const RUN_MAX: Duration = Duration::from_secs(120);
/// A program that got no socket tries again a little later.
const AFTER_NO_SOCKET: Duration = Duration::from_millis(10);

/// What the mail programs do, and where.
pub(crate) struct Plan<'a> {
    pub(crate) address: SocketAddr,
    /// One for each program; none: plain.
    pub(crate) tls: &'a [Arc<ClientConfig>],
    pub(crate) script: &'static [Step],
    pub(crate) programs: usize,
    /// The login of each program's sessions, of which this is the how manieth of all.
    pub(crate) user: &'a dyn Fn(usize, usize) -> String,
}

pub(crate) struct Load {
    poller: Poller,
    clients: Slots<Client>,
    timers: Timers,
    buffer: Vec<u8>,
    begun: usize,
    open: usize,
    stayed: usize,
}

impl Load {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            poller: Poller::new()?,
            clients: Slots::new(),
            timers: Timers::default(),
            buffer: vec![0; BUFFER],
            begun: 0,
            open: 0,
            stayed: 0,
        })
    }

    /// Sessions of all runs.
    pub(crate) const fn begun(&self) -> usize {
        self.begun
    }

    /// Sessions that stay and are still there.
    pub(crate) const fn stayed(&self) -> usize {
        self.stayed
    }

    /// Runs until no program begins another session. Sessions that stay are kept open beyond that.
    ///
    /// # Errors
    ///
    /// If the machine refuses, or nothing happens for long; what a proxy does is in the tally.
    pub(crate) fn run(
        &mut self,
        plan: &Plan<'_>,
        schedule: &mut dyn Schedule,
    ) -> io::Result<Tally> {
        let mut tally = Tally::new();
        let began = Instant::now();
        for program in 0..plan.programs {
            if let Some(start) = schedule.next(program, None, began) {
                self.timers.add(start, Timer::Begin(program));
            }
        }
        self.turn(began, plan, schedule, &mut tally)?;
        Ok(tally)
    }

    /// All sessions that stay go on by the plan's script, and end with it.
    ///
    /// # Errors
    ///
    /// As `run`.
    pub(crate) fn go_on(&mut self, plan: &Plan<'_>) -> io::Result<Tally> {
        let mut tally = Tally::new();
        let began = Instant::now();
        let mut schedule = Closed { left: 0 };
        for place in self.clients.taken() {
            if let Some(client) = self.clients.get_mut(place) {
                let next = client.go_on(plan.script, began);
                self.stayed -= 1;
                self.open += 1;
                self.follow(place, next, plan, &mut schedule, &mut tally)?;
            }
        }
        self.turn(began, plan, &mut schedule, &mut tally)?;
        Ok(tally)
    }

    fn turn(
        &mut self,
        began: Instant,
        plan: &Plan<'_>,
        schedule: &mut dyn Schedule,
        tally: &mut Tally,
    ) -> io::Result<()> {
        let mut last_event = Instant::now();
        while self.open > 0 || !self.timers.is_empty() {
            let now = Instant::now();
            while let Some((planned, timer)) = self.timers.due(now) {
                self.fire(timer, planned, plan, schedule, tally)?;
            }
            let patience = self.timers.patience(Instant::now()).unwrap_or(STALLED);
            let ready = self.poller.wait(Some(patience.min(STALLED)))?;
            if !ready.is_empty() || !self.timers.is_empty() {
                last_event = Instant::now();
            }
            if last_event.elapsed() >= STALLED || began.elapsed() >= RUN_MAX {
                tally.stalled = self.open;
                break;
            }
            for key in ready {
                self.proceed(key, plan, schedule, tally)?;
            }
        }
        tally.elapsed = began.elapsed();
        Ok(())
    }

    /// For so long nothing is asked for; what happens to those that stay shows afterwards.
    pub(crate) fn rest(&mut self, span: Duration) -> io::Result<Tally> {
        let mut tally = Tally::new();
        let end = Instant::now() + span;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            for key in self.poller.wait(Some(left))? {
                self.look_at_stayed(key, &mut tally)?;
            }
        }
        Ok(tally)
    }

    fn fire(
        &mut self,
        timer: Timer,
        planned: Instant,
        plan: &Plan<'_>,
        schedule: &mut dyn Schedule,
        tally: &mut Tally,
    ) -> io::Result<()> {
        match timer {
            Timer::Begin(program) => self.begin(program, planned, plan, schedule, tally),
            Timer::Resume(place) => {
                let Some(client) = self.clients.get_mut(place) else {
                    return Ok(());
                };
                let next = client.resume();
                self.follow(place, next, plan, schedule, tally)
            }
        }
    }

    fn begin(
        &mut self,
        program: usize,
        planned: Instant,
        plan: &Plan<'_>,
        schedule: &mut dyn Schedule,
        tally: &mut Tally,
    ) -> io::Result<()> {
        let user = (plan.user)(program, self.begun);
        self.begun += 1;
        let tls = plan.tls.get(program);
        match Wire::connect(plan.address, tls) {
            Ok(wire) => {
                let interest = wire.interest();
                let client = Client::new(wire, program, plan.script, user, planned);
                let place = self.clients.insert(client);
                self.open += 1;
                if let Some(client) = self.clients.get_mut(place) {
                    let stream = client.wire.stream();
                    self.poller.add(stream, place as u64, interest)?;
                }
            }
            Err(error) => {
                let ended = Ended::Broken(format!("at connect: {error}"));
                if let Some(start) = self.note(program, &ended, schedule, tally) {
                    self.timers
                        .add(start + AFTER_NO_SOCKET, Timer::Begin(program));
                }
            }
        }
        Ok(())
    }

    fn proceed(
        &mut self,
        key: u64,
        plan: &Plan<'_>,
        schedule: &mut dyn Schedule,
        tally: &mut Tally,
    ) -> io::Result<()> {
        let place = usize::try_from(key).map_err(io::Error::other)?;
        let Some(client) = self.clients.get_mut(place) else {
            return Ok(());
        };
        if client.has_stayed {
            return self.look_at_stayed(key, tally);
        }
        let before = client.wire.interest();
        let next = client.proceed(&mut self.buffer);
        let after = client.wire.interest();
        if before != after || after == Interest::Write {
            self.poller.change(client.wire.stream(), key, after)?;
        }
        self.follow(place, next, plan, schedule, tally)
    }

    fn follow(
        &mut self,
        place: usize,
        next: Next,
        plan: &Plan<'_>,
        schedule: &mut dyn Schedule,
        tally: &mut Tally,
    ) -> io::Result<()> {
        let ended = match next {
            Next::Waits => return Ok(()),
            Next::Pauses(pause) => {
                self.timers
                    .add(Instant::now() + pause, Timer::Resume(place));
                return Ok(());
            }
            Next::Ends(ended) => ended,
        };
        self.open -= 1;
        let program = self.clients.get_mut(place).map(|client| client.program);
        if matches!(ended, Ended::Stayed) {
            self.stayed += 1;
        } else if let Some(client) = self.clients.remove(place) {
            client.wire.close();
        }
        // The next session of a program that has no pause begins at once, not one turn later.
        if let Some(program) = program
            && let Some(start) = self.note(program, &ended, schedule, tally)
        {
            if start <= Instant::now() {
                return self.begin(program, start, plan, schedule, tally);
            }
            self.timers.add(start, Timer::Begin(program));
        }
        Ok(())
    }

    fn note(
        &mut self,
        program: usize,
        ended: &Ended,
        schedule: &mut dyn Schedule,
        tally: &mut Tally,
    ) -> Option<Instant> {
        tally.add(ended);
        schedule.next(program, Some(ended), Instant::now())
    }

    /// A session that stays has nothing to be told but its end. What a waiting one hears is its
    /// turn.
    fn look_at_stayed(&mut self, key: u64, tally: &mut Tally) -> io::Result<()> {
        let place = usize::try_from(key).map_err(io::Error::other)?;
        let Some(client) = self.clients.get_mut(place) else {
            return Ok(());
        };
        if let Err(error) = client.wire.receive(&mut self.buffer) {
            tally.add(&Ended::Broken(format!("while it stays: {error}")));
            self.clients.remove(place);
            self.stayed -= 1;
        }
        Ok(())
    }
}
