//! One maildrop in the engine: who holds it, who waits, and whose turn is next.

use popgate::cluster::protocol::{
    GateId, HoldingGate, Holds, MaildropReport, SyncCall, TurnNumber, TurnStanding,
};
use popgate::ids::BackendName;
use popgate::lock::queue::Lane;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const CLAIM: u64 = 2_000;
const GRACE: u64 = 2_000;
const REMEMBERED: u64 = 60_000;
const GATES_MAX: usize = 64;
const PASSED_MAX: u32 = 3;
const ASKS_WITHIN: u64 = 1_500;
const MAIN_TURNS: u32 = 3;

/// What a maildrop's script knows of the world around it.
pub(super) struct Around<'a> {
    /// Microseconds.
    pub(super) now: u64,
    /// The living gates, and how much longer their leases are good.
    pub(super) living: BTreeMap<GateId, Duration>,
    pub(super) listening: &'a BTreeSet<GateId>,
    /// When the epoch began, in milliseconds.
    pub(super) began: u64,
    /// Until when gates say what they hold.
    pub(super) restating: u64,
    /// How often gates have served by themselves.
    pub(super) alone: u64,
    /// The lease of the gate that asks.
    pub(super) lease: Duration,
}

impl Around<'_> {
    fn millis(&self) -> u64 {
        self.now / 1_000
    }

    fn epoch_age(&self) -> u64 {
        self.millis().saturating_sub(self.began)
    }

    /// Whether the epoch is old enough for turns to be given.
    fn gives(&self) -> bool {
        self.epoch_age() >= GRACE && self.millis() >= self.restating
    }

    /// How much longer a holder is one, if its gate says nothing more.
    fn left_of(&self, holder: Holder, lease: Duration) -> Duration {
        let lives = self.living.get(&holder.gate).copied().unwrap_or_default();
        if !holder.is_old {
            return lives;
        }
        let ends = self.began + millis(holder.lease.unwrap_or(lease));
        lives.max(Duration::from_millis(ends.saturating_sub(self.millis())))
    }
}

/// What the script publishes on its way, to gates that listen or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    Turn(GateId),
    Contended(GateId),
}

#[derive(Clone, Debug)]
struct Slot {
    gate: GateId,
    lane: Lane,
    place: u64,
    half: u64,
    ends: u64,
    missed: u32,
}

#[derive(Clone, Copy, Debug)]
struct Holder {
    gate: GateId,
    token: u64,
    lane: Lane,
    claim: Option<Claim>,
    /// Its gate's, if that has said it.
    lease: Option<Duration>,
    /// Of the epoch before: it counts until its gate has spoken, or for a lease.
    is_old: bool,
}

/// A turn that was pushed: until when it may be taken up, and what is so again if it is not.
#[derive(Clone, Copy, Debug)]
struct Claim {
    ends: u64,
    place: u64,
    main_turns: u32,
}

#[derive(Clone, Debug)]
struct Known {
    sequence: u64,
    at: u64,
    seen: u64,
    is_deaf: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Maildrop {
    holder: Option<Holder>,
    slots: Vec<Slot>,
    gates: BTreeMap<GateId, Known>,
    places: u64,
    main_turns: u32,
    token: u64,
    /// How often gates had served by themselves when the last turn was given; `None`: nobody knows
    /// what was since.
    alone: Option<u64>,
    home: Option<BackendName>,
    ended: Option<u64>,
}

impl Maildrop {
    pub(super) fn new() -> Self {
        Self {
            holder: None,
            slots: Vec::new(),
            gates: BTreeMap::new(),
            places: 0,
            main_turns: MAIN_TURNS,
            token: 0,
            alone: None,
            home: None,
            ended: None,
        }
    }

    /// What is left of it in a new epoch.
    pub(super) fn of_new_epoch(&self, now: u64) -> Self {
        let old = self.holder.map(|holder| Holder {
            claim: None,
            is_old: true,
            ..holder
        });
        Self {
            holder: old,
            main_turns: self.main_turns,
            token: self.token,
            home: self.home.clone(),
            ended: self.ended.map(|ended| ended.min(now)),
            ..Self::new()
        }
    }

    pub(super) fn is_in_use(&self) -> bool {
        self.holder.is_some() || !self.slots.is_empty()
    }

    /// The last turn, if it is certain that no session has begun since.
    pub(super) fn last(&self, alone: u64) -> Option<TurnNumber> {
        (self.alone == Some(alone)).then_some(TurnNumber(self.token))
    }

    pub(super) fn holder(&self) -> Option<GateId> {
        self.holder.map(|holder| holder.gate)
    }

    /// By what it said in this epoch.
    pub(super) fn is_in_use_by(&self, gate: GateId) -> bool {
        let holder = self.holder.filter(|holder| !holder.is_old);
        self.waits(gate) || holder.is_some_and(|holder| holder.gate == gate)
    }

    fn waits(&self, gate: GateId) -> bool {
        self.slots.iter().any(|slot| slot.gate == gate)
    }

    /// A statement. `None`: it is one too many; nothing was done.
    pub(super) fn state(
        &mut self,
        call: &SyncCall,
        gate: GateId,
        around: &Around<'_>,
        published: &mut Vec<Published>,
    ) -> Option<MaildropReport> {
        let mut after = self.clone();
        after.prune(call, around);
        let known = after.gates.get(&gate);
        if known.is_some_and(|known| call.sequence <= known.sequence) {
            return Some(after.report(TurnStanding::Stale, gate, call.lease, around));
        }
        if known.is_none() && after.gates.len() >= GATES_MAX {
            return None;
        }
        after.note(call, gate, around);
        let mut standing = after.settle(call, gate, around);
        after.put_slots(call, gate, around);
        if after.holder.is_none() && around.gives() {
            after.serve(gate, around, published);
            standing = after.granted_to(gate);
        }
        let waits = after.waits(gate);
        let standing = standing.unwrap_or(match waits {
            true => TurnStanding::Queued,
            false => TurnStanding::Idle,
        });
        if let Some(holder) = after.holder
            && holder.gate != gate
            && (after.slot(gate, Lane::Main).is_some() || (holder.is_old && waits))
        {
            published.push(Published::Contended(holder.gate));
        }
        *self = after;
        Some(self.report(standing, gate, call.lease, around))
    }

    fn prune(&mut self, call: &SyncCall, around: &Around<'_>) {
        let now = around.millis();
        let lives = |gate: &GateId| around.living.contains_key(gate);
        self.slots
            .retain(|slot| lives(&slot.gate) && slot.ends > now);
        if let Some(holder) = self.holder {
            let is_over = |claim: &Claim| claim.ends <= now || claim.ends > now + CLAIM;
            if holder.is_old {
                let lease = holder.lease.unwrap_or(call.lease);
                let is_kept = around.epoch_age() < millis(lease);
                self.holder = Some(holder).filter(|_| is_kept);
            } else if !lives(&holder.gate) {
                self.holder = None;
            } else if let Some(claim) = holder.claim.filter(is_over) {
                self.holder = None;
                self.not_taken_up(holder, claim);
            }
        }
        let holder = self.holder();
        let slots = &self.slots;
        self.gates.retain(|gate, known| {
            let is_in = holder == Some(*gate) || slots.iter().any(|slot| slot.gate == *gate);
            is_in || (lives(gate) && now.saturating_sub(known.at) <= REMEMBERED)
        });
    }

    /// As if it had not been given, but that its gate does not hear.
    fn not_taken_up(&mut self, holder: Holder, claim: Claim) {
        if let Some(known) = self.gates.get_mut(&holder.gate) {
            known.is_deaf = true;
        }
        if let Some(slot) = self.slot_mut(holder.gate, holder.lane) {
            slot.place = claim.place;
        }
        self.main_turns = claim.main_turns;
    }

    fn note(&mut self, call: &SyncCall, gate: GateId, around: &Around<'_>) {
        let now = around.millis();
        let was_deaf = self.gates.get(&gate).is_some_and(|known| known.is_deaf);
        let known = Known {
            sequence: call.sequence,
            at: now,
            seen: call.seen.0,
            is_deaf: was_deaf && !call.hears,
        };
        self.gates.insert(gate, known);
        if call.home.is_some() {
            self.home.clone_from(&call.home);
        }
        if let Some(ago) = call.ended {
            self.ended = self.ended.max(Some(now - millis(ago)));
        }
    }

    fn settle(
        &mut self,
        call: &SyncCall,
        gate: GateId,
        around: &Around<'_>,
    ) -> Option<TurnStanding> {
        let own = self.holder.filter(|holder| holder.gate == gate);
        if call.holds == Holds::Nothing {
            return self.settle_nothing(call, own?);
        }
        let is_behind = |holder: Holder| {
            let later = |turn: TurnNumber| turn.0 > holder.token;
            holder.is_old && matches!(call.holds, Holds::Turn(turn) if later(turn))
        };
        if own.is_none() && self.holder.is_some_and(|it| !is_behind(it)) {
            self.alone = None;
            return Some(TurnStanding::Lost);
        }
        let only_unproven = call.unproven.is_some() && call.main.is_none();
        let (token, lane) = match (own, call.holds) {
            (Some(holder), _) => (holder.token, holder.lane),
            (None, holds) => {
                let token = match holds {
                    Holds::Turn(TurnNumber(token)) if token >= self.token => {
                        self.alone = self.alone.filter(|_| token == self.token);
                        token
                    }
                    _ => {
                        self.alone = Some(around.alone);
                        self.new_token(around)
                    }
                };
                (token, lane_of(only_unproven))
            }
        };
        self.token = self.token.max(token);
        self.holder = Some(Holder {
            gate,
            token,
            lane,
            claim: None,
            lease: Some(call.lease),
            is_old: false,
        });
        Some(TurnStanding::Held(TurnNumber(token)))
    }

    /// It holds nothing: it has given the turn back, or has not heard of it.
    fn settle_nothing(&mut self, call: &SyncCall, own: Holder) -> Option<TurnStanding> {
        let wants = match own.lane {
            Lane::Main => call.main.is_some(),
            Lane::Unproven => call.unproven.is_some(),
        };
        let is_unheard = own.token > call.seen.0 && !own.is_old;
        if let Some(claim) = own.claim.filter(|_| !(is_unheard && wants)) {
            self.main_turns = claim.main_turns;
        }
        self.holder = (is_unheard && wants).then_some(Holder {
            claim: None,
            lease: Some(call.lease),
            ..own
        });
        self.granted_to(own.gate)
    }

    fn granted_to(&self, gate: GateId) -> Option<TurnStanding> {
        let holder = self.holder.filter(|holder| holder.gate == gate)?;
        Some(TurnStanding::Granted(TurnNumber(holder.token), holder.lane))
    }

    fn put_slots(&mut self, call: &SyncCall, gate: GateId, around: &Around<'_>) {
        let now = around.millis();
        let main = call.main.map(|slot| (now, now + millis(slot.until)));
        let unproven = call
            .unproven
            .map(|slot| (now + millis(slot.half), now + millis(slot.until)));
        for (lane, times) in [(Lane::Main, main), (Lane::Unproven, unproven)] {
            let Some((half, ends)) = times else {
                self.slots
                    .retain(|slot| (slot.gate, slot.lane) != (gate, lane));
                continue;
            };
            if let Some(slot) = self.slot_mut(gate, lane) {
                slot.half = half;
                slot.ends = ends;
                continue;
            }
            self.places += 1;
            self.slots.push(Slot {
                gate,
                lane,
                place: self.places,
                half,
                ends,
                missed: 0,
            });
        }
    }

    /// Gives the turn to the first who can take it.
    fn serve(&mut self, asking: GateId, around: &Around<'_>, published: &mut Vec<Published>) {
        let now = around.millis();
        let mut passed = Vec::new();
        while let Some((gate, lane)) = self.next_but(&passed, now) {
            if gate == asking || self.hears(gate, around, published) {
                for (gate, lane) in passed {
                    self.slot_mut(gate, lane).unwrap().missed += 1;
                }
                return self.give(gate, lane, asking, around);
            }
            let missed = self.slot(gate, lane).unwrap().missed;
            if missed >= PASSED_MAX && now.saturating_sub(self.gates[&gate].at) <= ASKS_WITHIN {
                return;
            }
            passed.push((gate, lane));
        }
    }

    fn next_but(&self, passed: &[(GateId, Lane)], now: u64) -> Option<(GateId, Lane)> {
        let first = |lane, half_by| {
            self.slots
                .iter()
                .filter(|slot| slot.lane == lane && !passed.contains(&(slot.gate, lane)))
                .filter(|slot| slot.half <= half_by)
                .min_by_key(|slot| slot.place)
        };
        let past_half = first(Lane::Unproven, now).filter(|_| self.main_turns >= MAIN_TURNS);
        let next = past_half
            .or_else(|| first(Lane::Main, u64::MAX))
            .or_else(|| first(Lane::Unproven, u64::MAX));
        next.map(|slot| (slot.gate, slot.lane))
    }

    fn hears(&mut self, gate: GateId, around: &Around<'_>, published: &mut Vec<Published>) -> bool {
        let known = self.gates.get_mut(&gate).unwrap();
        if known.is_deaf {
            return false;
        }
        published.push(Published::Turn(gate));
        known.is_deaf = !around.listening.contains(&gate);
        !known.is_deaf
    }

    fn give(&mut self, gate: GateId, lane: Lane, asking: GateId, around: &Around<'_>) {
        let token = self.new_token(around);
        self.token = token;
        self.alone = Some(around.alone);
        self.places += 1;
        let last = self.places;
        let main_turns = self.main_turns;
        let slot = self.slot_mut(gate, lane).unwrap();
        let place = std::mem::replace(&mut slot.place, last);
        slot.missed = 0;
        self.main_turns = match lane {
            Lane::Main => MAIN_TURNS.min(main_turns + 1),
            Lane::Unproven => 0,
        };
        let claim = Claim {
            ends: around.millis() + CLAIM,
            place,
            main_turns,
        };
        self.holder = Some(Holder {
            gate,
            token,
            lane,
            claim: (gate != asking).then_some(claim),
            lease: (gate == asking).then_some(around.lease),
            is_old: false,
        });
    }

    fn new_token(&self, around: &Around<'_>) -> u64 {
        let seen = self.gates.values().map(|known| known.seen);
        seen.chain([self.token, around.now]).max().unwrap() + 1
    }

    fn slot(&self, gate: GateId, lane: Lane) -> Option<&Slot> {
        self.slots
            .iter()
            .find(|slot| (slot.gate, slot.lane) == (gate, lane))
    }

    fn slot_mut(&mut self, gate: GateId, lane: Lane) -> Option<&mut Slot> {
        self.slots
            .iter_mut()
            .find(|slot| (slot.gate, slot.lane) == (gate, lane))
    }

    fn report(
        &self,
        standing: TurnStanding,
        gate: GateId,
        lease: Duration,
        around: &Around<'_>,
    ) -> MaildropReport {
        let others = |lane| {
            self.slots
                .iter()
                .any(|slot| slot.gate != gate && slot.lane == lane)
        };
        let elsewhere = self.holder.filter(|holder| holder.gate != gate);
        MaildropReport {
            standing,
            others_in_main: others(Lane::Main),
            others_in_unproven: others(Lane::Unproven),
            holder: elsewhere.map(|holder| HoldingGate {
                gate: holder.gate,
                lease_left: around.left_of(holder, lease),
            }),
            home: self.home.clone(),
            ended: self
                .ended
                .map(|ended| Duration::from_millis(around.millis().saturating_sub(ended))),
            last: TurnNumber(self.token),
        }
    }
}

fn lane_of(is_unproven: bool) -> Lane {
    match is_unproven {
        true => Lane::Unproven,
        false => Lane::Main,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}
