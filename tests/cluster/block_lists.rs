//! The block lists of several gates over the model of the scripts, with faults: they come to one
//! list, a release never comes back as a block, and nothing outlives its time.

use crate::model::Engine;
use crate::rules::beat_call;
use fastrand::Rng;
use popgate::admission::block_list::BlockList;
use popgate::cluster::blocks::BlockShare;
use popgate::cluster::keys::{ClusterKeys, ClusterSecret};
use popgate::cluster::protocol::{BeatAnswer, BeatCall, BlockPut, BlockStamp, Epoch, GateId};
use popgate::ids::{BackendName, ClientPrefix, MaildropKey, TenantName, UserName};
use popgate::limits::{BLOCKS_KEPT, CLUSTER_BLOCKS_EACH, CLUSTER_BLOCKS_MAX};
use popgate::policy::block::{
    BlockAction, BlockChange, BlockEntry, BlockFilter, BlockId, BlockState, ChangedBy, Offence,
};
use popgate::policy::rules::{BlockMode, BlockRules};
use popgate::secret::PasswordTag;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

const HISTORIES: u64 = 2_000;
const STEPS: usize = 150;
const GATES: u8 = 3;
const CLIENTS: u8 = 4;
/// Some time in 2027, in milliseconds.
const START: u64 = 1_800_000_000_123;
const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;

fn rules() -> BlockRules {
    BlockRules {
        mode: BlockMode::Block,
        passwords_per_maildrop: 1,
        passwords_per_address: 0,
        abuses: 0,
        passing_per_day: 0,
        window: Duration::from_secs(60),
        duration: Duration::from_secs(6 * 3600),
        max_duration: Duration::from_secs(48 * 3600),
    }
}

fn keys() -> Arc<ClusterKeys> {
    Arc::new(ClusterKeys::new(&ClusterSecret::new([7; 32])).unwrap())
}

fn client(number: u8) -> ClientPrefix {
    format!("192.0.2.{number}").parse().unwrap()
}

fn ann() -> MaildropKey {
    let backends: Arc<[BackendName]> = Arc::from([BackendName::new("b")]);
    MaildropKey::new(&backends, &UserName::new(b"ann"))
}

/// The releases that somebody knew of, by number.
type Releases = BTreeSet<u32>;

struct Gate {
    id: GateId,
    share: BlockShare,
    list: BlockList,
    epoch: Option<Epoch>,
    position: u64,
    is_cut_off: bool,
    /// By how much its clock is wrong, in milliseconds.
    clock: i64,
    knows: HashMap<Arc<str>, Releases>,
}

struct World {
    random: Rng,
    now: u64,
    engine: Engine,
    earlier: Option<Engine>,
    runs: u32,
    gates: Vec<Gate>,
    started: u8,
    /// Of each change the releases that it knew of.
    changes: HashMap<(Arc<str>, BlockStamp), Releases>,
    /// When each release was made, by the clock of its gate.
    releases: Vec<u64>,
    /// Changes that a gate had from its journal.
    restored: BTreeSet<BlockStamp>,
    guesses: u64,
}

impl Gate {
    fn new(number: u8) -> Self {
        let id = GateId([number; 8]);
        Self {
            id,
            share: BlockShare::new(keys(), id),
            list: BlockList::default(),
            epoch: None,
            position: 0,
            is_cut_off: false,
            clock: 0,
            knows: HashMap::new(),
        }
    }

    fn time(&self, now: u64) -> jiff::Timestamp {
        let millis = i64::try_from(now).unwrap() + self.clock;
        jiff::Timestamp::from_millisecond(millis).unwrap()
    }

    /// As operators see it. When it last was an offence is not told each time.
    fn effects(&self, now: u64) -> Vec<BlockEntry> {
        let now = self.time(now);
        let entries = self.list.entries(&BlockFilter::default(), now);
        let mut entries: Vec<_> = entries
            .into_iter()
            .filter(|entry| entry.is_blocked(now))
            // A gate whose clock was an hour ahead has seen the end of the others.
            .filter(|entry| entry.pinned || entry.expires > now + Duration::from_secs(7200))
            .map(|entry| BlockEntry {
                id: BlockId(0),
                last: entry.since,
                ..entry
            })
            .collect();
        entries.sort_by_key(|entry| entry.target.prefix.to_string());
        entries
    }
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            now: START,
            engine: Engine::new("run0", START * 1_000),
            earlier: None,
            runs: 0,
            gates: (1..=GATES).map(Gate::new).collect(),
            started: GATES,
            changes: HashMap::new(),
            releases: Vec::new(),
            restored: BTreeSet::new(),
            guesses: 0,
        }
    }

    fn any_gate(&mut self) -> usize {
        self.random.usize(0..self.gates.len())
    }

    fn step(&mut self) {
        let gate = self.any_gate();
        match self.random.u8(0..100) {
            0..12 => self.guess(gate),
            12..20 => self.by_hand(gate),
            20..50 => self.beat(gate),
            50..75 => self.send(gate),
            75..85 => {
                let millis = self.random.u64(0..30 * SECOND);
                self.pass(millis);
            }
            85..87 => {
                let millis = self.random.u64(0..HOUR);
                self.pass(millis);
            }
            87..91 => self.gates[gate].is_cut_off = self.random.bool(),
            91 => self.gates[gate].clock = self.random.i64(-3_600_000..=3_600_000),
            92..94 => self.restart(gate),
            94 => self.restart_engine(None),
            95..97 => self.earlier = Some(self.engine.clone()),
            97..99 => {
                if let Some(earlier) = self.earlier.take() {
                    self.restart_engine(Some(&earlier));
                }
            }
            _ => {
                let wrong = self.random.u64(0..2 * HOUR);
                self.engine.set_clock((self.now + wrong - HOUR) * 1_000);
            }
        }
    }

    fn pass(&mut self, millis: u64) {
        self.now += millis;
        self.engine.advance(millis);
    }

    /// Empty, or as it was earlier.
    fn restart_engine(&mut self, earlier: Option<&Engine>) {
        self.runs += 1;
        let run = format!("run{}", self.runs);
        match earlier {
            None => self.engine.restart_empty(&run),
            Some(earlier) => self.engine.failover(earlier, &run),
        }
    }

    /// With its journal, or with nothing.
    fn restart(&mut self, gate: usize) {
        self.started += 1;
        let has_journal = self.random.bool();
        let old = std::mem::replace(&mut self.gates[gate], Gate::new(self.started));
        let new = &mut self.gates[gate];
        new.clock = old.clock;
        if !has_journal {
            return;
        }
        let now = old.time(self.now);
        let entries = old.list.entries(&BlockFilter::default(), now);
        for entry in &entries {
            new.share.restored(entry, now);
        }
        new.list = BlockList::restore(entries, BlockId(0));
        new.share.reading_begins();
        new.share.reading_ended();
        for put in new.share.offers(now) {
            // Which releases they knew of is not sure any more.
            self.restored.insert(put.stored.stamp);
            let key = (put.name, put.stored.stamp);
            self.changes.insert(key, Releases::new());
        }
    }

    fn guess(&mut self, gate: usize) {
        self.guesses += 1;
        let mut tag = [0; 32];
        tag[..8].copy_from_slice(&self.guesses.to_be_bytes());
        let tag = PasswordTag::from_bytes(tag);
        let client = client(self.random.u8(0..CLIENTS));
        let tenant = TenantName::new("default");
        let at = &self.gates[gate];
        let changes = at.list.record(
            Some(&ann()),
            client,
            &tenant,
            Offence::Guess { tag },
            &rules(),
            at.time(self.now),
        );
        self.changed(gate, &changes);
    }

    fn by_hand(&mut self, gate: usize) {
        let action = match self.random.u8(0..6) {
            0 => BlockAction::Pin,
            1 => BlockAction::Unpin,
            _ => BlockAction::Release,
        };
        let filter = BlockFilter {
            address: Some(client(self.random.u8(0..CLIENTS))),
            ..BlockFilter::default()
        };
        let at = &self.gates[gate];
        let by = ChangedBy::Operator(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let changes: Vec<_> = at
            .list
            .change(&filter, action, by, at.time(self.now))
            .flatten()
            .collect();
        self.changed(gate, &changes);
    }

    fn changed(&mut self, gate: usize, changes: &[BlockChange]) {
        let at = &mut self.gates[gate];
        let now = at.time(self.now);
        for change in changes {
            at.share.changed(change, now);
            let name: Arc<str> = keys().block_name(&change.entry.target).into();
            let knows = at.knows.entry(Arc::clone(&name)).or_default();
            let puts = at.share.news(now);
            let stored = &puts.iter().find(|put| put.name == name).unwrap().stored;
            if change.entry.state == BlockState::Released {
                knows.insert(u32::try_from(self.releases.len()).unwrap());
                self.releases.push(stored.stamp.made);
            }
            self.changes.insert((name, stored.stamp), knows.clone());
        }
    }

    fn learn(&mut self, gate: usize, name: &Arc<str>, stamp: BlockStamp, change: &BlockChange) {
        let at = &mut self.gates[gate];
        let now = at.time(self.now);
        let knew = &self.changes[&(Arc::clone(name), stamp)];
        at.knows.entry(Arc::clone(name)).or_default().extend(knew);
        at.list.changed_elsewhere(change, now);
    }

    fn beat(&mut self, gate: usize) {
        let at = &mut self.gates[gate];
        if at.is_cut_off {
            return;
        }
        let call = BeatCall {
            blocks: at.position,
            ..beat_call(at.epoch.as_ref().map_or(0, |it| it.number))
        };
        let BeatAnswer::Alive(report) = self.engine.beat(&call, at.id) else {
            panic!("all have one secret");
        };
        self.engine.take_pushes();
        // The answer is lost.
        if self.random.u8(0..10) == 0 {
            return;
        }
        if at.epoch.as_ref() != Some(&report.epoch) {
            at.epoch = Some(report.epoch);
            if at.position > 0 {
                at.position = 0;
                return;
            }
        }
        if at.position == 0 {
            at.share.reading_begins();
        }
        let now = at.time(self.now);
        let is_all = report.blocks.len() < CLUSTER_BLOCKS_EACH;
        for row in report.blocks {
            let at = &mut self.gates[gate];
            at.position = row.version;
            if let Some(change) = at.share.received(&row.name, &row.stored, now) {
                self.learn(gate, &row.name, row.stored.stamp, &change);
            }
        }
        if is_all {
            self.gates[gate].share.reading_ended();
        }
    }

    fn send(&mut self, gate: usize) {
        let at = &mut self.gates[gate];
        let now = at.time(self.now);
        at.list.expire(now);
        at.share.forget(now);
        if at.is_cut_off {
            return;
        }
        let is_lost = self.random.u8(0..10) == 0;
        for puts in [at.share.news(now), at.share.offers(now)] {
            self.put(gate, &puts, is_lost);
        }
    }

    fn put(&mut self, gate: usize, puts: &[BlockPut], is_lost: bool) {
        let counts = self.engine.put_blocks(puts, CLUSTER_BLOCKS_MAX);
        if is_lost {
            return;
        }
        let at = &mut self.gates[gate];
        let now = at.time(self.now);
        let before: BTreeMap<_, _> = puts
            .iter()
            .zip(&counts)
            .filter_map(|(put, counts)| Some((Arc::clone(&put.name), counts.as_ref()?.stamp)))
            .collect();
        for change in at.share.sent(puts, &counts, now) {
            let name: Arc<str> = keys().block_name(&change.entry.target).into();
            self.learn(gate, &name, before[&name], &change);
        }
    }

    /// No more faults; all gates speak with the engine.
    fn heal(&mut self) {
        for gate in &mut self.gates {
            gate.is_cut_off = false;
            gate.clock = 0;
        }
        self.engine.set_clock(self.now * 1_000);
        self.settle();
    }

    fn settle(&mut self) {
        for _ in 0..40 {
            for gate in 0..self.gates.len() {
                self.beat(gate);
                self.send(gate);
            }
            self.pass(SECOND);
        }
    }

    /// Of each entry the change that counts at the engine.
    fn rows(&mut self) -> BTreeMap<Arc<str>, BlockStamp> {
        let gate = self.gates[0].id;
        let BeatAnswer::Alive(report) = self.engine.beat(&beat_call(0), gate) else {
            panic!("all have one secret");
        };
        let rows = report.blocks.into_iter();
        rows.map(|row| (row.name, row.stored.stamp)).collect()
    }

    /// Releases that a living gate or the engine knows of.
    fn known_releases(&mut self) -> BTreeMap<Arc<str>, Releases> {
        let mut known: BTreeMap<Arc<str>, Releases> = BTreeMap::new();
        for (name, stamp) in self.rows() {
            let knew = self.changes[&(Arc::clone(&name), stamp)].clone();
            known.entry(name).or_default().extend(knew);
        }
        for gate in &self.gates {
            for (name, knew) in &gate.knows {
                known.entry(Arc::clone(name)).or_default().extend(knew);
            }
        }
        known
    }
}

fn play(seed: u64) -> World {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
    }
    world
}

#[test]
fn gates_come_to_one_list_in_which_no_release_came_back() {
    let mut blocked = 0;
    let mut offered = 0;
    for seed in 0..HISTORIES {
        let mut world = play(seed);
        let known = world.known_releases();
        world.heal();
        let now = world.now;
        let rows = world.rows();
        for gate in &world.gates {
            assert_eq!(gate.effects(now), world.gates[0].effects(now), "{seed}");
            assert!(!gate.share.is_unsent(), "{seed}");
            assert_eq!(gate.share.len(), rows.len(), "{seed}");
        }
        assert!(rows.len() <= usize::from(CLIENTS), "{seed}");
        for entry in world.gates[0].effects(now) {
            let name: Arc<str> = keys().block_name(&entry.target).into();
            let stamp = rows[&name];
            let knew = &world.changes[&(Arc::clone(&name), stamp)];
            let known = known.get(&name).cloned().unwrap_or_default();
            for release in &known - knew {
                // One that it did not know of, but a later one.
                let made = world.releases[release as usize];
                assert!(made <= stamp.released, "{seed}: {entry:?} {stamp:?} {made}");
            }
            blocked += 1;
            offered += usize::from(world.restored.contains(&stamp));
        }
    }
    assert!(blocked > 1_000, "{blocked} blocks were looked at");
    assert!(offered > 10, "{offered} of them were restored and offered");
}

#[test]
fn nothing_outlives_its_time_but_what_is_pinned() {
    for seed in 0..HISTORIES / 10 {
        let mut world = play(seed);
        world.heal();
        let pinned: Vec<_> = world.gates[0]
            .effects(world.now)
            .into_iter()
            .filter(|entry| entry.pinned)
            .collect();
        world.pass(15 * 24 * HOUR);
        world.settle();
        // The engine forgets when it is told something.
        for _ in 0..20 {
            world.engine.put_blocks(&[], CLUSTER_BLOCKS_MAX);
            world.pass(997);
        }
        let now = world.now;
        for gate in &world.gates {
            let _ = gate.list.forget(BLOCKS_KEPT, gate.time(now));
            let listed = gate.list.entries(&BlockFilter::default(), gate.time(now));
            assert!(
                listed.iter().all(|entry| entry.pinned),
                "{seed}: {listed:?}"
            );
            assert_eq!(gate.effects(now), pinned, "{seed}");
            assert!(gate.share.len() <= usize::from(CLIENTS), "{seed}");
        }
        let kept = world.engine.blocks();
        assert_eq!(kept, world.gates[0].share.len(), "{seed}");
    }
}
