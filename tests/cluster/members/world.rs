//! Several gates, their engine, the lines between them, and what breaks of it.

use super::Lines;
use super::clock::GateClock;
use super::gate::{Gate, Login, News, Out};
use super::judge::Judge;
use super::plan::{Fault, Moment, Plan, Way};
use super::servers::Servers;
use crate::model::Engine;
use fastrand::Rng;
use popgate::cluster::protocol::{BeatCall, GateId, MaildropId, Push, SyncCall};
use popgate::limits::CLUSTER_CALL;
use popgate::lock::queue::{Lane, Ticket};
use popgate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// When all leases have run out of gates that are gone, and all calls are over.
const SETTLES: u64 = 20_000;
/// For so long all must be in order.
const IN_ORDER: u64 = 12_000;
/// By then everybody has left.
const ENDS: u64 = 20_000;
/// Steps at one moment; more than that would be without end.
const STEPS_MAX: u32 = 2_000;

/// A call on its way.
#[derive(Clone, Debug)]
enum Call {
    Sync(SyncCall),
    Beat(BeatCall),
    Leave,
}

#[derive(Clone, Debug)]
struct Sent {
    slot: usize,
    start: u32,
    gate: GateId,
    conn: u64,
    server: usize,
    call: Call,
    /// Whether it was held up already.
    is_late: bool,
}

#[derive(Clone, Debug)]
enum Event {
    Arrives(Sent),
    /// For one start of a gate, and where it came over a connection for that one.
    News(usize, u32, Option<u64>, News),
    Connects(usize, u32),
    /// The gate looks whether its connection is of use.
    Looks(usize, u32, u64),
    Subscribes(usize, u32, u64),
    Logs(usize),
    Breaks(Fault),
    KeepsReplica,
    Heals(usize, Healing),
    Judged,
}

#[derive(Clone, Copy, Debug)]
enum Healing {
    Thawed,
    Started,
    Cut,
}

pub(super) struct Conn {
    pub(super) number: u64,
    pub(super) server: usize,
}

/// A place for a gate, and which start of it is there.
pub(super) struct Slot {
    pub(super) gate: Option<Gate>,
    pub(super) start: u32,
    /// Since when, and whether its machine is suspended.
    pub(super) frozen: Option<(u64, bool)>,
    held_back: Vec<News>,
    pub(super) conn: Option<Conn>,
    conns: u64,
    pub(super) cut: Option<Way>,
    is_deaf: bool,
    freezes: Option<(Moment, bool, u64)>,
    wake: Option<u64>,
    last_arrival: u64,
}

pub(super) struct World {
    pub(super) plan: Plan,
    random: Rng,
    start: Instant,
    pub(super) now: u64,
    order: u64,
    events: BTreeMap<(u64, u64), Event>,
    pub(super) slots: Vec<Slot>,
    pub(super) servers: Servers,
    pub(super) judge: Judge,
    replica: Option<Engine>,
    tickets: u64,
    storm_until: u64,
    /// Nothing breaks any more, or nothing ever does: all must be in order.
    pub(super) is_strict: bool,
    takes_logins: bool,
    steps: u32,
}

impl World {
    pub(super) fn new(seed: u64, lines: Option<Lines>) -> Self {
        let mut random = Rng::with_seed(seed);
        let plan = Plan::draw(&mut random);
        let judge = Judge::new(lines, plan.gates);
        judge.say(0, || format!("{plan:?}"));
        let mut world = Self {
            random,
            start: Instant::now(),
            now: 1_000,
            order: 0,
            events: BTreeMap::new(),
            slots: Vec::new(),
            servers: Servers::new(),
            judge,
            replica: None,
            tickets: 0,
            storm_until: 0,
            is_strict: false,
            takes_logins: true,
            steps: 0,
            plan,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for slot in 0..self.plan.gates {
            self.slots.push(Slot {
                gate: None,
                start: 0,
                frozen: None,
                held_back: Vec::new(),
                conn: None,
                conns: 0,
                cut: None,
                is_deaf: false,
                freezes: None,
                wake: None,
                last_arrival: 0,
            });
            self.start_gate(slot);
            let first = self.random.u64(1_000..3_000);
            self.at(first, Event::Logs(slot));
        }
        for (at, fault) in self.plan.faults.clone() {
            if let Fault::Replaced {
                kept: Some(ago), ..
            } = fault
            {
                self.at(at - ago, Event::KeepsReplica);
            }
            self.at(at, Event::Breaks(fault));
        }
        self.at(self.now, Event::Judged);
    }

    /// All of it; what was found.
    pub(super) fn play(mut self) -> Judge {
        if self.plan.faults.is_empty() {
            // Until the first epoch gives turns.
            self.run_until(5_000);
            self.is_strict = true;
        }
        let calm = self.plan.calm_from.max(10_000);
        self.run_until(calm);
        self.judge.say(self.now, || "calm from here on".to_owned());
        self.plan.lost = 0;
        self.plan.late = 0;
        for slot in &mut self.slots {
            slot.freezes = None;
        }
        self.plan.arrivals = 4_000;
        self.plan.longest_session = 400;
        self.run_until(self.now + SETTLES);
        self.judge
            .say(self.now, || "in order from here on".to_owned());
        self.is_strict = true;
        self.judge.begin_order(Ticket(self.tickets + 1));
        for slot in 0..self.slots.len() {
            for maildrop in 1..=self.plan.maildrops {
                self.log_in(slot, MaildropId([maildrop; 16]), 25_000);
            }
        }
        self.run_until(self.now + IN_ORDER);
        self.takes_logins = false;
        let end = self.now + ENDS;
        while self.now < end && self.gates().any(|gate| !gate.is_empty()) {
            self.run_until(self.now + 500);
        }
        self.run_until(self.now + 3_000);
        self.conclude();
        self.judge
    }

    pub(super) fn gates(&self) -> impl Iterator<Item = &Gate> {
        self.slots.iter().filter_map(|slot| slot.gate.as_ref())
    }

    /// Nothing is left, and a stop is over at once.
    fn conclude(&mut self) {
        self.judge.check_nothing_known(self.now, &self.slots);
        for slot in 0..self.slots.len() {
            self.tell(slot, News::Leaves);
        }
        self.run_until(self.now + 200);
        let now = self.now;
        let primary = self.servers.primary();
        let living = self.servers.at(primary, now).living().len();
        let left = self.servers.at(primary, now + 61_000).maildrops().count();
        let staying = self.gates().count();
        self.judge.check(now, staying == 0 && living == 0, || {
            format!("{staying} gates have not left, {living} live on in the engine")
        });
        self.judge.check(now, left == 0, || {
            format!("the engine remembers {left} maildrops that nobody uses")
        });
    }

    fn at(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.events.insert((at.max(self.now), self.order), event);
    }

    fn after(&mut self, after: u64, event: Event) {
        self.at(self.now + after, event);
    }

    fn run_until(&mut self, end: u64) {
        loop {
            let event = self.events.keys().next().map(|(at, _)| *at);
            let ticks = self.slots.iter().filter_map(|slot| slot.wake).min();
            let Some(next) = event.into_iter().chain(ticks).min().filter(|at| *at <= end) else {
                break;
            };
            self.steps = if next > self.now { 0 } else { self.steps + 1 };
            if self.steps > STEPS_MAX {
                self.judge.fault(self.now, "a loop without an end");
                break;
            }
            self.now = self.now.max(next);
            if event == Some(next) {
                let (_, event) = self.events.pop_first().expect("there is one");
                self.happens(event);
            } else {
                let due = |slot: &Slot| slot.wake.is_some_and(|at| at <= next);
                let slot = self.slots.iter().position(due).expect("there is one");
                self.with_gate(slot, |gate, out| gate.tick(out));
            }
        }
        self.now = self.now.max(end);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrives(sent) => self.arrives(sent),
            Event::News(slot, start, conn, news) => {
                let is_over_it =
                    |number| self.slots[slot].conn.as_ref().map(|it| it.number) == Some(number);
                if self.slots[slot].start == start && conn.is_none_or(is_over_it) {
                    self.tell(slot, news);
                }
            }
            Event::Connects(slot, start) => self.connects(slot, start),
            Event::Looks(slot, start, conn) => self.looks(slot, start, conn),
            Event::Subscribes(slot, start, conn) => self.subscribes(slot, start, conn),
            Event::Logs(slot) => self.logs(slot),
            Event::Breaks(fault) => self.breaks(fault),
            Event::KeepsReplica => self.replica = Some(self.servers.replica()),
            Event::Heals(slot, healing) => self.heals(slot, healing),
            Event::Judged => {
                self.look_at_all();
                self.after(250, Event::Judged);
            }
        }
    }

    // Gates.

    fn start_gate(&mut self, slot: usize) {
        let now = self.now;
        let clock = GateClock::new(self.start, self.random.u64(990..=1_010), now);
        let place = &mut self.slots[slot];
        place.start += 1;
        place.held_back.clear();
        place.is_deaf = false;
        let number = u8::try_from(place.start % 200).unwrap_or_default();
        let id = GateId([
            u8::try_from(slot).unwrap_or(u8::MAX),
            number,
            0,
            0,
            0,
            0,
            0,
            0,
        ]);
        let seed = self.random.u64(..);
        place.gate = Some(Gate::new(id, clock, self.plan.on_outage, seed));
        place.wake = None;
        let start = place.start;
        self.judge.disturbed(slot, now);
        self.after(1, Event::Connects(slot, start));
        // It looks at its clock from the beginning.
        self.with_gate(slot, |_, _| {});
    }

    /// Tells the gate something, at once or when it is thawed.
    fn tell(&mut self, slot: usize, news: News) {
        let place = &mut self.slots[slot];
        if matches!(news, News::Pushed(Push::Turn(_)))
            && place.frozen.is_none()
            && let Some((Moment::Claimed, suspended, lasts)) = place.freezes
        {
            self.freeze(slot, Moment::Claimed, suspended, lasts);
        }
        let place = &mut self.slots[slot];
        if place.frozen.is_some() {
            place.held_back.push(news);
            return;
        }
        self.judge
            .say(self.now, || format!("gate {slot} <- {news:?}"));
        if matches!(news, News::Down) {
            let start = place.start;
            let soon = self.random.u64(50..=1_000);
            self.after(soon, Event::Connects(slot, start));
        }
        self.with_gate(slot, |gate, out| gate.hears(news, out));
    }

    fn with_gate(&mut self, slot: usize, what: impl FnOnce(&mut Gate, &mut Vec<Out>)) {
        let Some(gate) = &mut self.slots[slot].gate else {
            self.slots[slot].wake = None;
            return;
        };
        gate.clock.set(self.now);
        let mut out = Vec::new();
        what(gate, &mut out);
        for out in out {
            self.follow(slot, out);
        }
        let place = &mut self.slots[slot];
        let deadline = place.gate.as_ref().and_then(Gate::next_deadline);
        place.wake = match (&place.gate, deadline) {
            (Some(gate), Some(at)) if place.frozen.is_none() => Some(gate.clock.world(at)),
            _ => None,
        };
        self.look_after(slot);
    }

    fn follow(&mut self, slot: usize, out: Out) {
        self.judge
            .say(self.now, || format!("gate {slot} -> {out:?}"));
        let start = self.slots[slot].start;
        self.hear(slot, &out);
        match out {
            Out::Sync(call) => self.sends(slot, Call::Sync(call)),
            Out::Beat(call) => self.sends(slot, Call::Beat(call)),
            Out::Resubscribe => {
                if let Some(conn) = &self.slots[slot].conn {
                    let number = conn.number;
                    let soon = self.random.u64(1..300);
                    self.after(soon, Event::Subscribes(slot, start, number));
                }
            }
            Out::Dirty => self.after(0, Event::News(slot, start, None, News::Dirty)),
            Out::Waits(ticket, until) => {
                let at = self.slots[slot]
                    .gate
                    .as_ref()
                    .map(|it| it.clock.world(until));
                self.at(
                    at.unwrap_or_default(),
                    Event::News(slot, start, None, News::WaitEnds(ticket)),
                );
            }
            Out::Granted(ticket) => {
                let connects = if self.random.u8(..8) == 0 && !self.is_strict {
                    self.random.u64(..4_000)
                } else {
                    self.random.u64(..20)
                };
                self.after(
                    connects,
                    Event::News(slot, start, None, News::PassReady(ticket)),
                );
                self.freeze_at(slot, Moment::Given);
            }
            Out::Begins(ticket, ..) => {
                let longest = self.plan.longest_session;
                let lasts = self.random.u64(20..=longest);
                self.after(lasts, Event::News(slot, start, None, News::Ends(ticket)));
                self.freeze_at(slot, Moment::Inside);
            }
            Out::Contended(ticket) => {
                // Idle holders are pre-empted.
                let after = self.random.u64(500..3_000);
                self.after(after, Event::News(slot, start, None, News::Ends(ticket)));
            }
            Out::Left => self.sends(slot, Call::Leave),
            _ => {}
        }
    }

    fn freeze_at(&mut self, slot: usize, moment: Moment) {
        if let Some((when, suspended, lasts)) = self.slots[slot].freezes
            && when == moment
        {
            self.freeze(slot, moment, suspended, lasts);
        }
    }

    fn freeze(&mut self, slot: usize, moment: Moment, suspended: bool, lasts: u64) {
        let place = &mut self.slots[slot];
        place.freezes = None;
        if place.frozen.is_some() || place.gate.is_none() {
            return;
        }
        let lasts = lasts.min(self.plan.calm_from.saturating_sub(self.now));
        place.frozen = Some((self.now, suspended));
        place.wake = None;
        let waits = place.gate.as_ref().is_some_and(|gate| !gate.is_empty());
        self.judge.count(match moment {
            Moment::Now if waits => "frozen_waiting",
            Moment::Now => "frozen",
            Moment::Claimed => "frozen_claimed",
            Moment::Given => "frozen_given",
            Moment::Inside => "frozen_inside",
        });
        self.judge
            .say(self.now, || format!("gate {slot} is frozen"));
        self.judge.disturbed(slot, self.now);
        self.after(lasts, Event::Heals(slot, Healing::Thawed));
    }

    fn logs(&mut self, slot: usize) {
        let mean = self.plan.arrivals;
        let next = self.random.u64(mean / 4..=mean * 7 / 4);
        self.after(next, Event::Logs(slot));
        if !self.takes_logins || self.slots[slot].gate.is_none() {
            return;
        }
        let maildrop = MaildropId([self.random.u8(1..=self.plan.maildrops); 16]);
        let patience = match self.judge.is_in_order() {
            true => 25_000,
            false => self.random.u64(2_000..25_000),
        };
        self.log_in(slot, maildrop, patience);
    }

    fn log_in(&mut self, slot: usize, maildrop: MaildropId, patience: u64) {
        self.tickets += 1;
        let login = Login {
            ticket: Ticket(self.tickets),
            maildrop,
            lane: match self.random.u8(..3) {
                0 => Lane::Unproven,
                _ => Lane::Main,
            },
            password: self.random.u8(1..=4),
            patience: Duration::from_millis(patience),
        };
        self.tell(slot, News::Arrives(login));
    }

    // Lines.

    pub(super) fn is_reachable(&self, slot: usize) -> bool {
        self.servers.is_ready(self.now)
            && self.slots[slot].cut.is_none()
            && self.servers.frozen_until <= self.now
    }

    fn connects(&mut self, slot: usize, start: u32) {
        if self.slots[slot].start != start || self.slots[slot].gate.is_none() {
            return;
        }
        if self.slots[slot].frozen.is_some() || !self.is_reachable(slot) {
            let again = self.random.u64(50..=500);
            return self.after(again, Event::Connects(slot, start));
        }
        let server = self.servers.primary();
        let place = &mut self.slots[slot];
        place.conns += 1;
        place.is_deaf = false;
        place.conn = Some(Conn {
            number: place.conns,
            server,
        });
        let id = place.gate.as_ref().expect("it is there").id;
        self.judge.heals(slot, self.now);
        self.servers.at(server, self.now).subscribe(id);
        self.tell(slot, News::Up);
    }

    fn looks(&mut self, slot: usize, start: u32, conn: u64) {
        let place = &self.slots[slot];
        let is_same = place.conn.as_ref().is_some_and(|it| it.number == conn);
        if place.start == start && is_same && self.is_of_no_use(slot) {
            self.disconnects(slot);
        }
    }

    fn is_of_no_use(&self, slot: usize) -> bool {
        let primary = self.servers.primary();
        let is_old = self.slots[slot]
            .conn
            .as_ref()
            .is_some_and(|it| it.server != primary);
        is_old || !self.is_reachable(slot)
    }

    fn disconnects(&mut self, slot: usize) {
        let Some(conn) = self.slots[slot].conn.take() else {
            return;
        };
        self.judge.disturbed(slot, self.now);
        let Some(gate) = &self.slots[slot].gate else {
            return;
        };
        let id = gate.id;
        let unanswered: Vec<_> = gate.unanswered().collect();
        self.servers.at(conn.server, self.now).unsubscribe(id);
        let is_first = self.random.bool();
        if is_first {
            self.tell(slot, News::Down);
        }
        for (maildrop, sequence) in unanswered {
            self.tell(
                slot,
                News::Synced(maildrop, sequence, Err("the connection ended")),
            );
        }
        if let Some(ping) = self.slots[slot]
            .gate
            .as_ref()
            .and_then(Gate::unanswered_beat)
        {
            self.tell(slot, News::Beaten(ping, Err("the connection ended")));
        }
        if !is_first {
            self.tell(slot, News::Down);
        }
    }

    fn subscribes(&mut self, slot: usize, start: u32, conn: u64) {
        let place = &mut self.slots[slot];
        let Some(server) = place.conn.as_ref().filter(|it| it.number == conn) else {
            return;
        };
        let Some(gate) = place.gate.as_ref().filter(|_| place.start == start) else {
            return;
        };
        place.is_deaf = false;
        let (server, id) = (server.server, gate.id);
        self.servers.at(server, self.now).subscribe(id);
    }

    fn loses(&mut self) -> bool {
        let percent = if self.now < self.storm_until {
            50
        } else {
            self.plan.lost
        };
        percent > 0 && self.random.u8(..100) < percent
    }

    fn way(&mut self) -> u64 {
        let is_late = self.plan.late > 0 && self.random.u8(..100) < self.plan.late;
        let longest = if is_late { 1_500 } else { self.plan.latency };
        self.random.u64(..=longest)
    }

    fn sends(&mut self, slot: usize, call: Call) {
        let place = &self.slots[slot];
        let Some(gate) = &place.gate else {
            return;
        };
        let (start, id) = (place.start, gate.id);
        let Some(conn) = &place.conn else {
            if let Call::Leave = call {
                return self.dies(slot);
            }
            let news = unanswered(&call, "no connection");
            return self.after(0, Event::News(slot, start, None, news));
        };
        let sent = Sent {
            slot,
            start,
            gate: id,
            conn: conn.number,
            server: conn.server,
            call,
            is_late: false,
        };
        let is_lost = self.loses() || matches!(self.slots[slot].cut, Some(Way::To | Way::Both));
        if let Call::Leave = sent.call {
            self.dies(slot);
        } else {
            let late = u64::try_from(CLUSTER_CALL.as_millis()).unwrap_or(u64::MAX);
            let news = unanswered(&sent.call, "timeout");
            self.after(late, Event::News(slot, start, None, news));
        }
        let way = self.way();
        if is_lost || way > 50 {
            self.judge.disturbed_for(slot, self.now, way + 300);
        }
        if is_lost {
            return;
        }
        let mut at = self.now + way;
        if let Call::Leave = sent.call {
            // The last that a gate says: it does not come before what it said before.
            at = at.max(self.slots[slot].last_arrival);
        }
        let last = &mut self.slots[slot].last_arrival;
        *last = at.max(*last);
        self.at(at, Event::Arrives(sent));
    }

    fn arrives(&mut self, mut sent: Sent) {
        if self.servers.is_dead(sent.server) {
            return;
        }
        let is_primary = sent.server == self.servers.primary();
        if is_primary && self.servers.frozen_until > self.now {
            return self.at(self.servers.frozen_until, Event::Arrives(sent));
        }
        if is_primary && self.servers.slow_until > self.now && !sent.is_late {
            sent.is_late = true;
            return self.after(300, Event::Arrives(sent));
        }
        let engine = self.servers.at(sent.server, self.now);
        let news = match &sent.call {
            Call::Leave => {
                engine.leave(sent.gate);
                None
            }
            Call::Beat(call) => {
                let answer = engine.beat(call, sent.gate);
                Some(News::Beaten(call.ping, Ok(answer)))
            }
            Call::Sync(call) => {
                let answer = engine.sync(call, sent.gate).expect("few gates");
                Some(News::Synced(call.maildrop, call.sequence, Ok(answer)))
            }
        };
        self.judge.say(self.now, || {
            format!("engine {}: {:?} -> {news:?}", sent.server, sent.call)
        });
        self.judge.engine_said(self.now, news.as_ref());
        if let Call::Beat(call) = &sent.call
            && is_primary
        {
            self.judge.listings.heard(sent.slot, call.ping);
        }
        if is_primary {
            self.look_at_listings();
        }
        self.pushes(sent.server);
        if let Some(news) = news {
            self.answers(&sent, news);
        }
    }

    fn answers(&mut self, sent: &Sent, news: News) {
        let slot = sent.slot;
        let is_cut = matches!(self.slots[slot].cut, Some(Way::From | Way::Both));
        let is_lost = self.loses() || is_cut;
        let way = self.way();
        if is_lost || way > 50 {
            self.judge.disturbed_for(slot, self.now, way + 300);
        }
        if !is_lost {
            self.after(way, Event::News(slot, sent.start, Some(sent.conn), news));
        }
    }

    fn pushes(&mut self, server: usize) {
        for (id, push) in self.servers.pushes(server) {
            let is_lost = self.loses();
            let way = self.way();
            let slot = usize::from(id.0[0]);
            let place = &self.slots[slot];
            let hears = place.gate.as_ref().is_some_and(|gate| gate.id == id)
                && !place.is_deaf
                && !matches!(place.cut, Some(Way::From | Way::Both));
            let Some(conn) = place
                .conn
                .as_ref()
                .filter(|it| it.server == server && hears)
            else {
                continue;
            };
            let (start, number) = (place.start, conn.number);
            if !is_lost {
                let news = News::Pushed(push);
                self.after(way, Event::News(slot, start, Some(number), news));
            }
        }
    }

    // What breaks.

    fn dies(&mut self, slot: usize) {
        if let Some(conn) = self.slots[slot].conn.take()
            && let Some(gate) = &self.slots[slot].gate
        {
            let id = gate.id;
            self.servers.at(conn.server, self.now).unsubscribe(id);
        }
        let place = &mut self.slots[slot];
        place.gate = None;
        place.wake = None;
        place.frozen = None;
        place.held_back.clear();
        self.judge.gone(self.now, slot);
    }

    fn breaks(&mut self, fault: Fault) {
        self.judge.say(self.now, || format!("{fault:?}"));
        self.judge.broke(&fault);
        match fault {
            Fault::Frozen {
                gate,
                when,
                suspended,
                lasts,
            } => {
                self.slots[gate].freezes = Some((when, suspended, lasts));
                self.freeze_at(gate, Moment::Now);
            }
            Fault::Killed { gate, lasts } => {
                self.dies(gate);
                self.after(lasts, Event::Heals(gate, Healing::Started));
            }
            Fault::Leaves { gate, lasts } => {
                self.tell(gate, News::Leaves);
                self.after(lasts, Event::Heals(gate, Healing::Started));
            }
            Fault::Cut { gate, way, lasts } => {
                self.slots[gate].cut = Some(way);
                self.judge.disturbed(gate, self.now);
                self.look_later(gate);
                self.after(lasts, Event::Heals(gate, Healing::Cut));
            }
            Fault::Dropped { gate } => self.disconnects(gate),
            Fault::Deaf { gate, is_known } => {
                self.slots[gate].is_deaf = true;
                if let (Some(conn), Some(it)) = (&self.slots[gate].conn, &self.slots[gate].gate)
                    && is_known
                {
                    let (server, id) = (conn.server, it.id);
                    self.servers.at(server, self.now).unsubscribe(id);
                }
            }
            Fault::Replaced {
                kept,
                lasts,
                behind,
                lingers,
            } => self.replaced(kept, lasts, behind, lingers),
            Fault::EngineFrozen { lasts } => {
                self.servers.frozen_until = self.now + lasts;
                for slot in 0..self.slots.len() {
                    self.judge.disturbed_for(slot, self.now, lasts + 300);
                    self.look_later(slot);
                }
            }
            Fault::EngineSlow { lasts } => {
                self.servers.slow_until = self.now + lasts;
                for slot in 0..self.slots.len() {
                    self.judge.disturbed_for(slot, self.now, lasts + 600);
                }
            }
            Fault::Storm { lasts } => self.storm_until = self.now + lasts,
        }
    }

    fn replaced(&mut self, kept: Option<u64>, lasts: u64, behind: u64, lingers: bool) {
        let replica = match kept {
            Some(0) => Some(self.servers.replica()),
            Some(_) => self.replica.clone(),
            None => None,
        };
        let ready_at = self.now + lasts;
        self.servers
            .replace(replica.as_ref(), behind, lingers, ready_at);
        for slot in 0..self.slots.len() {
            self.judge.disturbed(slot, self.now);
            if lingers {
                let Some(conn) = &self.slots[slot].conn else {
                    continue;
                };
                let (start, number) = (self.slots[slot].start, conn.number);
                let soon = self.random.u64(..1_200);
                self.after(soon, Event::Looks(slot, start, number));
            } else {
                self.disconnects(slot);
            }
        }
    }

    fn look_later(&mut self, slot: usize) {
        if let Some(conn) = &self.slots[slot].conn {
            let (start, number) = (self.slots[slot].start, conn.number);
            let later = self.random.u64(2_000..3_000);
            self.after(later, Event::Looks(slot, start, number));
        }
    }

    fn heals(&mut self, slot: usize, healing: Healing) {
        self.judge
            .say(self.now, || format!("gate {slot}: {healing:?}"));
        match healing {
            Healing::Cut => {
                self.slots[slot].cut = None;
                self.may_be_well(slot);
            }
            Healing::Started => {
                if self.slots[slot].gate.is_some() {
                    // It has not ended in order.
                    self.dies(slot);
                }
                self.start_gate(slot);
            }
            Healing::Thawed => self.thaw(slot),
        }
    }

    /// Its line is as it should be, as far as it knows.
    fn may_be_well(&mut self, slot: usize) {
        let place = &self.slots[slot];
        let primary = self.servers.primary();
        let is_connected = place.conn.as_ref().is_some_and(|it| it.server == primary);
        if is_connected && place.frozen.is_none() && place.cut.is_none() {
            self.judge.heals(slot, self.now);
        }
    }

    fn thaw(&mut self, slot: usize) {
        let Some((since, suspended)) = self.slots[slot].frozen.take() else {
            return;
        };
        let now = self.now;
        let place = &mut self.slots[slot];
        let Some(gate) = &mut place.gate else {
            return;
        };
        gate.clock.set(now);
        if suspended {
            gate.clock.was_suspended(since);
        }
        let mut held_back = std::mem::take(&mut place.held_back);
        self.may_be_well(slot);
        if !suspended && since + 1_200 <= now {
            self.judge.thawed(slot, now);
        }
        // Its clock's deadlines are looked at before what its sockets have, or after.
        if self.random.bool() {
            held_back.sort_by_key(|news| !news.is_deadline());
        }
        let ticks_first = self.random.bool();
        if ticks_first {
            self.with_gate(slot, |gate, out| gate.tick(out));
        }
        for news in held_back {
            self.tell(slot, news);
        }
        self.with_gate(slot, |gate, out| gate.tick(out));
    }
}

fn unanswered(call: &Call, why: &'static str) -> News {
    match call {
        Call::Sync(call) => News::Synced(call.maildrop, call.sequence, Err(why)),
        Call::Beat(call) => News::Beaten(call.ping, Err(why)),
        Call::Leave => News::Dirty,
    }
}
