//! The engine with its scripts as a model: from the rules, and not from the Lua. No I/O, no clock
//! of its own: the caller moves the time.

mod maildrop;

use maildrop::{Around, Maildrop, Published};
use popgate::cluster::protocol::{
    BeatAnswer, BeatCall, BlockPut, BlockRow, ClusterReport, Epoch, GateId, LastTurnAnswer,
    LastTurnCall, MaildropId, MemberReport, Push, StoredBlock, SyncAnswer, SyncCall,
};
use popgate::limits::CLUSTER_BLOCKS_EACH;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const LEASE_MAX: u64 = 60_000;
const IN_USE: u64 = 7_200_000;
const UNUSED: u64 = 60_000;
const SWEPT: usize = 100;
const SAYS_AGAIN: u64 = 1_500;

/// The script refused a statement: 64 gates are at that maildrop already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyGates;

/// A key with an end, in milliseconds.
#[derive(Clone, Debug)]
struct Ending<T> {
    value: T,
    ends: u64,
}

#[derive(Clone, Debug)]
struct BlockEntry {
    version: u64,
    forget_at: u64,
    stored: StoredBlock,
}

/// One engine's memory. A clone is a replica.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    /// Microseconds.
    now: u64,
    run_id: Arc<str>,
    epoch: Option<(Epoch, u64)>,
    /// Until when gates say what they hold.
    restating: u64,
    /// How often gates have served by themselves in this epoch.
    alone: u64,
    gates: BTreeMap<GateId, Ending<Epoch>>,
    members: BTreeMap<GateId, (Arc<[u8]>, Arc<str>)>,
    /// And whether an established gate has said it.
    fingerprint: Option<(Arc<str>, bool)>,
    maildrops: BTreeMap<MaildropId, Ending<(Epoch, Maildrop)>>,
    blocks_version: u64,
    blocks: BTreeMap<Arc<str>, BlockEntry>,
    listening: BTreeSet<GateId>,
    pushes: Vec<(GateId, Push)>,
}

impl Engine {
    /// An empty one, at a time in microseconds.
    pub(crate) fn new(run_id: &str, now: u64) -> Self {
        Self {
            now,
            run_id: Arc::from(run_id),
            epoch: None,
            restating: 0,
            alone: 0,
            gates: BTreeMap::new(),
            members: BTreeMap::new(),
            fingerprint: None,
            maildrops: BTreeMap::new(),
            blocks_version: 0,
            blocks: BTreeMap::new(),
            listening: BTreeSet::new(),
            pushes: Vec::new(),
        }
    }

    pub(crate) fn run_id(&self) -> Arc<str> {
        Arc::clone(&self.run_id)
    }

    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.epoch.as_ref().map(|(epoch, _)| epoch.clone())
    }

    /// Microseconds.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Time passes, and keys end.
    pub(crate) fn advance(&mut self, millis: u64) {
        self.now += millis * 1_000;
        self.expire();
    }

    /// Its clock is set.
    pub(crate) fn set_clock(&mut self, micros: u64) {
        self.now = micros;
        self.expire();
    }

    fn expire(&mut self) {
        let now = self.now / 1_000;
        self.gates.retain(|_, gate| gate.ends > now);
        self.maildrops.retain(|_, maildrop| maildrop.ends > now);
    }

    /// It starts again, with nothing in its memory; all connections end.
    pub(crate) fn restart_empty(&mut self, run_id: &str) {
        *self = Self::new(run_id, self.now);
    }

    /// A replica of how `earlier` was takes over; what came since is lost, and all connections end.
    pub(crate) fn failover(&mut self, earlier: &Self, run_id: &str) {
        *self = Self {
            now: self.now,
            run_id: Arc::from(run_id),
            listening: BTreeSet::new(),
            pushes: Vec::new(),
            ..earlier.clone()
        };
        self.expire();
    }

    pub(crate) fn subscribe(&mut self, gate: GateId) {
        self.listening.insert(gate);
    }

    pub(crate) fn unsubscribe(&mut self, gate: GateId) {
        self.listening.remove(&gate);
    }

    /// What was pushed since this was called last, in order.
    pub(crate) fn take_pushes(&mut self) -> Vec<(GateId, Push)> {
        std::mem::take(&mut self.pushes)
    }

    /// A message to a gate; whether it hears.
    pub(crate) fn push(&mut self, gate: GateId, push: Push) -> bool {
        let is_heard = self.listening.contains(&gate);
        if is_heard {
            self.pushes.push((gate, push));
        }
        is_heard
    }

    /// How much longer the gates live that do.
    pub(crate) fn living(&self) -> BTreeMap<GateId, Duration> {
        let Some((epoch, _)) = &self.epoch else {
            return BTreeMap::new();
        };
        self.gates
            .iter()
            .filter(|(_, gate)| gate.value == *epoch)
            .map(|(name, gate)| (*name, Duration::from_millis(gate.ends - self.now / 1_000)))
            .collect()
    }

    /// Who holds a maildrop, or was given a turn there.
    pub(crate) fn holder(&self, id: MaildropId) -> Option<GateId> {
        self.maildrops.get(&id)?.value.1.holder()
    }

    /// Whether a gate holds it or waits there, by what it said in this epoch.
    pub(crate) fn is_in_use_by(&self, id: MaildropId, gate: GateId) -> bool {
        let epoch = self.epoch.as_ref().map(|(epoch, _)| epoch);
        let kept = self.maildrops.get(&id).map(|kept| &kept.value);
        kept.is_some_and(|(of, maildrop)| Some(of) == epoch && maildrop.is_in_use_by(gate))
    }

    /// Maildrops that are remembered, and for how many milliseconds more.
    pub(crate) fn maildrops(&self) -> impl Iterator<Item = (MaildropId, u64)> {
        self.maildrops
            .iter()
            .map(|(id, maildrop)| (*id, maildrop.ends - self.now / 1_000))
    }

    pub(crate) fn sync(
        &mut self,
        call: &SyncCall,
        gate: GateId,
    ) -> Result<SyncAnswer, TooManyGates> {
        let Some((epoch, began)) = self.epoch.clone().filter(|(id, _)| *id == call.epoch) else {
            return Ok(SyncAnswer::OtherEpoch);
        };
        let around = Around {
            now: self.now,
            living: self.living(),
            listening: &self.listening,
            began,
            restating: self.restating,
            alone: self.alone,
            lease: call.lease,
        };
        if !around.living.contains_key(&gate) {
            return Ok(SyncAnswer::NoLease);
        }
        let mut maildrop = match self.maildrops.get(&call.maildrop) {
            None => Maildrop::new(),
            Some(kept) if kept.value.0 == epoch => kept.value.1.clone(),
            Some(kept) => kept.value.1.of_new_epoch(self.now / 1_000),
        };
        let mut published = Vec::new();
        let report = maildrop
            .state(call, gate, &around, &mut published)
            .ok_or(TooManyGates)?;
        if report.standing != popgate::cluster::protocol::TurnStanding::Stale {
            let keep = u64::try_from(call.keep.as_millis()).unwrap();
            let life = match maildrop.is_in_use() {
                true => IN_USE,
                false => keep.max(UNUSED),
            };
            let kept = Ending {
                value: (epoch, maildrop),
                ends: self.now / 1_000 + life,
            };
            self.maildrops.insert(call.maildrop, kept);
        }
        for what in published {
            match what {
                Published::Turn(gate) => self.push(gate, Push::Turn(call.maildrop)),
                Published::Contended(gate) => self.push(gate, Push::Contended(call.maildrop)),
            };
        }
        Ok(SyncAnswer::Done(report))
    }

    /// Which turn was the last.
    pub(crate) fn last_turn(&self, call: &LastTurnCall, gate: GateId) -> LastTurnAnswer {
        let epoch = self.epoch.as_ref().map(|(epoch, _)| epoch);
        if epoch != Some(&call.epoch) {
            return LastTurnAnswer::OtherEpoch;
        }
        if !self.living().contains_key(&gate) {
            return LastTurnAnswer::NoLease;
        }
        let kept = self.maildrops.get(&call.maildrop);
        let kept = kept.filter(|kept| kept.value.0 == call.epoch);
        let last = kept.and_then(|kept| kept.value.1.last(self.alone));
        last.map_or(LastTurnAnswer::Unknown, LastTurnAnswer::Last)
    }

    pub(crate) fn beat(&mut self, call: &BeatCall, gate: GateId) -> BeatAnswer {
        if self.is_strange(call, gate) {
            return BeatAnswer::Stranger;
        }
        let (epoch, began) = self.epoch_of(call, gate);
        let is_continued = self.living().contains_key(&gate);
        self.alone += u64::from(call.was_alone || !is_continued);
        let now = self.now / 1_000;
        let lease = u64::try_from(call.lease.as_millis()).unwrap();
        let ends = now + lease;
        if call.restates.as_ref() == Some(&epoch) {
            let until = (now + SAYS_AGAIN).min(began + lease);
            self.restating = self.restating.max(until);
        }
        let value = epoch.clone();
        self.gates.insert(gate, Ending { value, ends });
        let said = (Arc::clone(&call.info), Arc::clone(&call.settings));
        self.members.insert(gate, said);
        for other in self.gates.iter_mut().filter(|(name, _)| **name != gate) {
            other.1.ends = other.1.ends.min(now + LEASE_MAX);
        }
        let living = self.living();
        self.members.retain(|gate, _| living.contains_key(gate));
        let is_heard = self.push(gate, Push::Ping(call.ping));
        BeatAnswer::Alive(ClusterReport {
            epoch,
            epoch_age: Duration::from_millis(now.saturating_sub(began)),
            is_heard,
            is_continued,
            members: self.members.iter().map(member).collect(),
            blocks_version: self.blocks_version,
            blocks: self.blocks_since(call.blocks),
        })
    }

    /// Whether gates with another fingerprint are there, to which this one must yield. Else it is
    /// this one's from now on.
    fn is_strange(&mut self, call: &BeatCall, gate: GateId) -> bool {
        let living = self.living();
        let mut others = self.members.keys().filter(|other| **other != gate);
        let another_lives = others.any(|other| living.contains_key(other));
        let (stored, mut is_established) = match self.fingerprint.take() {
            Some((stored, is_established)) => (Some(stored), is_established),
            None => (None, false),
        };
        if stored.as_ref() != Some(&call.fingerprint) {
            if another_lives && (is_established || !call.is_established) {
                self.fingerprint = stored.map(|stored| (stored, is_established));
                return true;
            }
            if another_lives {
                let members = std::mem::take(&mut self.members);
                self.gates.retain(|name, _| !members.contains_key(name));
            }
            is_established = false;
        }
        let is_established = is_established || call.is_established;
        self.fingerprint = Some((Arc::clone(&call.fingerprint), is_established));
        false
    }

    /// The epoch, which begins anew where the server is another, or all that were there are gone.
    fn epoch_of(&mut self, call: &BeatCall, gate: GateId) -> (Epoch, u64) {
        let living = self.living();
        let mut members = self.members.keys();
        let others = self.members.keys().filter(|member| **member != gate);
        let are_gone = others.count() > 0 && !members.any(|member| living.contains_key(member));
        let now = self.now / 1_000;
        if let Some((epoch, began)) = &mut self.epoch
            && epoch.run_id == self.run_id
            && !are_gone
        {
            if now < *began {
                *began = now;
                self.restating = 0;
            }
            return (epoch.clone(), *began);
        }
        let stored = self.epoch.as_ref().map_or(0, |(epoch, _)| epoch.number);
        let epoch = Epoch {
            run_id: Arc::clone(&self.run_id),
            number: stored.max(call.known_epoch) + 1,
        };
        self.members.clear();
        self.restating = 0;
        self.alone = 0;
        self.epoch.insert((epoch, self.now / 1_000)).clone()
    }

    /// A gate says good-bye.
    pub(crate) fn leave(&mut self, gate: GateId) {
        self.gates.remove(&gate);
        self.members.remove(&gate);
    }

    /// Changes of the block list. Returns for each the entry that counts instead of it, if another
    /// one does.
    pub(crate) fn put_blocks(
        &mut self,
        puts: &[BlockPut],
        most: usize,
    ) -> Vec<Option<StoredBlock>> {
        let now = self.now / 1_000;
        let mut counts = Vec::new();
        for put in puts {
            let stored = self.blocks.get(&put.name).map(|entry| &entry.stored);
            let order = stored.map(|stored| put.stored.stamp.cmp(&stored.stamp));
            counts.push(stored.filter(|_| order == Some(Ordering::Less)).cloned());
            if matches!(order, Some(Ordering::Less | Ordering::Equal)) {
                continue;
            }
            self.blocks_version += 1;
            let entry = BlockEntry {
                version: self.blocks_version,
                forget_at: now + u64::try_from(put.keep.as_millis()).unwrap(),
                stored: put.stored.clone(),
            };
            self.blocks.insert(Arc::clone(&put.name), entry);
        }
        self.forget_old(now);
        while self.blocks.len() > most {
            let oldest = self.blocks.iter().min_by_key(|(_, row)| row.version);
            let name = oldest.map(|(name, _)| Arc::clone(name)).unwrap();
            self.blocks.remove(&name);
        }
        counts
    }

    /// How many entries of the block list are kept.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Looks at some, from a version on that is another one at another time.
    fn forget_old(&mut self, now: u64) {
        let from = now % (self.blocks_version + 1);
        let mut rows: Vec<_> = self.blocks.iter().collect();
        rows.sort_by_key(|(_, row)| row.version);
        let over: Vec<_> = rows
            .into_iter()
            .filter(|(_, row)| row.version >= from)
            .take(SWEPT)
            .filter(|(_, row)| row.forget_at <= now)
            .map(|(name, _)| Arc::clone(name))
            .collect();
        self.blocks.retain(|name, _| !over.contains(name));
    }

    fn blocks_since(&self, version: u64) -> Vec<BlockRow> {
        let mut rows: Vec<_> = self
            .blocks
            .iter()
            .filter(|(_, row)| row.version > version)
            .map(|(name, row)| BlockRow {
                version: row.version,
                name: Arc::clone(name),
                stored: row.stored.clone(),
            })
            .collect();
        rows.sort_by_key(|row| row.version);
        rows.truncate(CLUSTER_BLOCKS_EACH);
        rows
    }
}

fn member((gate, (info, settings)): (&GateId, &(Arc<[u8]>, Arc<str>))) -> MemberReport {
    MemberReport {
        gate: *gate,
        info: Arc::clone(info),
        settings: Arc::clone(settings),
    }
}
