//! One block list for all gates: what this gate changes goes to the engine, and what others
//! changed comes from there.
//!
//! All gates and the engine keep of each entry the change with the highest [`BlockStamp`]. So they
//! come to the same list in whatever order changes reach them, and an engine that lost its memory
//! gets back from any gate what that gate knows. A block that runs out does so at each gate by
//! itself: that is not told. An entry has at each gate a number of its own.

mod shared_block;
#[cfg(test)]
mod tests;

use super::keys::{ClusterKeys, Sealed};
use super::protocol::{BlockPut, BlockStamp, GateId, StoredBlock};
use crate::limits::{BLOCKS_KEPT, CLUSTER_BLOCKS_EACH, CLUSTER_BLOCKS_MAX};
use crate::policy::block::{BlockChange, BlockEntry, BlockState, ChangeKind, ChangedBy, later};
use crate::time::Duration;
use jiff::Timestamp;
use shared_block::SharedBlock;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What Lua can count to.
const LAST_MOMENT: u64 = 1 << 53;

/// What this gate and the engine know of the block list of each other.
///
/// Holds [`CLUSTER_BLOCKS_MAX`] entries. Where it is full, what is to be forgotten first is
/// forgotten: the engine is not told of it, if it was not yet, and does not get it back, if it
/// loses it.
pub struct BlockShare {
    keys: Arc<ClusterKeys>,
    gate: GateId,
    /// The last change of each entry that this gate knows of.
    known: HashMap<Arc<str>, KnownBlock>,
    /// When each of them is forgotten.
    ends: BTreeSet<(Timestamp, Arc<str>)>,
    /// Changes of this gate that the engine has not taken yet.
    news: BTreeSet<Arc<str>>,
    /// What the engine has not, though it may have had it.
    offers: BTreeSet<Arc<str>>,
    /// Counts how often the engine's list was read from its beginning.
    reading: u64,
    is_reading: bool,
    dropped: usize,
}

struct KnownBlock {
    stored: StoredBlock,
    ends: Timestamp,
    /// The reading of the engine's list since which the engine has it.
    seen: u64,
}

impl BlockShare {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(keys: Arc<ClusterKeys>, gate: GateId) -> Self {
        Self {
            keys,
            gate,
            known: HashMap::new(),
            ends: BTreeSet::new(),
            news: BTreeSet::new(),
            offers: BTreeSet::new(),
            reading: 1,
            is_reading: false,
            dropped: 0,
        }
    }

    /// Whether other gates must hear of a change: not of what they changed, nor of what runs out.
    #[must_use]
    pub fn is_told(change: &BlockChange) -> bool {
        matches!(change.by, ChangedBy::Rule | ChangedBy::Operator(_))
            && change.what != ChangeKind::Forgotten
    }

    /// An entry of an earlier process. Its stamp is no higher than the one that it had then: what
    /// the engine has of it counts, and a release wins over a block that began no later.
    pub fn restored(&mut self, entry: &BlockEntry, now: Timestamp) {
        let entry = entry.as_of(now);
        let is_release = entry.state == BlockState::Released && now < entry.expires;
        let what = match entry.state {
            BlockState::Blocked => ChangeKind::Blocked,
            BlockState::Released if is_release => ChangeKind::Released,
            BlockState::Released => ChangeKind::Expired,
        };
        let made = milliseconds(entry.since) + u64::from(is_release);
        let stamp = BlockStamp {
            released: if is_release { made } else { 0 },
            made,
            gate: self.gate,
        };
        let change = BlockChange {
            entry,
            what,
            by: ChangedBy::Rule,
        };
        // Offered when it is known that the engine has none.
        self.put(&change, stamp, now);
    }

    /// This gate changed an entry.
    pub fn changed(&mut self, change: &BlockChange, now: Timestamp) {
        if !Self::is_told(change) {
            return;
        }
        let name = self.keys.block_name(&change.entry.target);
        let known = self.known.get(name.as_str());
        let before = known.map_or_else(BlockStamp::default, |known| known.stored.stamp);
        let made = milliseconds(now).max(before.made + 1).min(LAST_MOMENT);
        // A block of an address that is lifted for one maildrop goes on.
        let is_release = change.entry.state == BlockState::Released;
        let stamp = BlockStamp {
            released: if is_release { made } else { before.released },
            made,
            gate: self.gate,
        };
        if let Some(name) = self.put(change, stamp, now) {
            self.offers.remove(&name);
            self.news.insert(name);
        }
    }

    fn put(&mut self, change: &BlockChange, stamp: BlockStamp, now: Timestamp) -> Option<Arc<str>> {
        let name: Arc<str> = self.keys.block_name(&change.entry.target).into();
        let ends = ends(stamp, &change.entry);
        if ends <= now {
            return None;
        }
        let text = SharedBlock::of(change, stamp).encode();
        let entry = self.keys.seal(Sealed::Block, &text).ok()?.into();
        let stored = StoredBlock { stamp, entry };
        self.know(
            &name,
            KnownBlock {
                stored,
                ends,
                seen: 0,
            },
        );
        self.known.contains_key(&name).then_some(name)
    }

    /// The engine's list is read from its beginning: at first, and where the engine may have lost
    /// something.
    pub fn reading_begins(&mut self) {
        self.reading += 1;
        self.is_reading = true;
        self.offers.clear();
    }

    /// The list was read to its end. If that was from its beginning, what did not come is missing
    /// there.
    pub fn reading_ended(&mut self) {
        if !std::mem::take(&mut self.is_reading) {
            return;
        }
        let missing = self
            .known
            .iter()
            .filter(|(name, known)| known.seen != self.reading && !self.news.contains(*name));
        self.offers = missing.map(|(name, _)| Arc::clone(name)).collect();
    }

    /// What the engine has of an entry. `None`: this gate knows as much or more, or it makes no
    /// sense.
    pub fn received(
        &mut self,
        name: &Arc<str>,
        stored: &StoredBlock,
        now: Timestamp,
    ) -> Option<BlockChange> {
        if let Some(known) = self.known.get_mut(name) {
            if stored.stamp < known.stored.stamp {
                // It lost the later one, or does not have it yet.
                if !self.news.contains(name) {
                    self.offers.insert(Arc::clone(name));
                }
                return None;
            }
            if stored.stamp == known.stored.stamp {
                known.seen = self.reading;
                self.news.remove(name);
                self.offers.remove(name);
                return None;
            }
        }
        let text = self.keys.open(Sealed::Block, &stored.entry).ok()?;
        let change = SharedBlock::decode(&text)?.change(stored.stamp)?;
        let ends = ends(stored.stamp, &change.entry);
        // Whoever runs the engine could have put it under another name.
        if *self.keys.block_name(&change.entry.target) != **name || ends <= now {
            return None;
        }
        self.news.remove(name);
        self.offers.remove(name);
        let known = KnownBlock {
            stored: stored.clone(),
            ends,
            seen: self.reading,
        };
        self.know(name, known);
        Some(change)
    }

    fn know(&mut self, name: &Arc<str>, block: KnownBlock) {
        let ends = block.ends;
        if let Some(before) = self.known.insert(Arc::clone(name), block) {
            self.ends.remove(&(before.ends, Arc::clone(name)));
        }
        self.ends.insert((ends, Arc::clone(name)));
        while self.known.len() > CLUSTER_BLOCKS_MAX {
            let was_unsent = self.forget_first();
            self.dropped += usize::from(was_unsent);
        }
    }

    /// Forgets what is over.
    pub fn forget(&mut self, now: Timestamp) {
        while self.ends.first().is_some_and(|(ends, _)| *ends <= now) {
            self.forget_first();
        }
    }

    /// Returns whether it was a change that the engine has not heard of.
    fn forget_first(&mut self) -> bool {
        let Some((_, name)) = self.ends.pop_first() else {
            return false;
        };
        self.known.remove(&name);
        self.offers.remove(&name);
        self.news.remove(&name)
    }

    /// Changes of this gate that the engine should take next; at most some hundred.
    #[must_use]
    pub fn news(&self, now: Timestamp) -> Vec<BlockPut> {
        self.puts(self.news.iter(), now)
    }

    /// What else the engine should have; at most some hundred. Each gate begins somewhere else.
    #[must_use]
    pub fn offers(&self, now: Timestamp) -> Vec<BlockPut> {
        let begin: Arc<str> = self.gate.to_string().into();
        let before = self.offers.range(..Arc::clone(&begin));
        self.puts(self.offers.range(begin..).chain(before), now)
    }

    /// Whether there is anything that the engine should have.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        !self.news.is_empty() || !self.offers.is_empty()
    }

    /// Whether the engine has heard of all changes of this gate.
    #[must_use]
    pub fn has_told_news(&self) -> bool {
        self.news.is_empty()
    }

    fn puts<'a>(&self, names: impl Iterator<Item = &'a Arc<str>>, now: Timestamp) -> Vec<BlockPut> {
        names
            .filter_map(|name| {
                let known = self.known.get(name)?;
                Some(BlockPut {
                    name: Arc::clone(name),
                    stored: known.stored.clone(),
                    keep: Duration::try_from(known.ends.duration_since(now)).ok()?,
                })
            })
            .take(CLUSTER_BLOCKS_EACH)
            .collect()
    }

    /// What the engine answered to `puts`: the entries that count instead of some of them. Returns
    /// what this gate learns by it.
    pub fn sent(
        &mut self,
        puts: &[BlockPut],
        answers: &[Option<StoredBlock>],
        now: Timestamp,
    ) -> Vec<BlockChange> {
        let mut changes = Vec::new();
        for (put, answer) in puts.iter().zip(answers) {
            let counts = answer.as_ref().unwrap_or(&put.stored);
            changes.extend(self.received(&put.name, counts, now));
        }
        changes
    }

    /// How many changes of this gate were forgotten before the engine heard of them, since this was
    /// called last.
    pub fn take_dropped(&mut self) -> usize {
        std::mem::take(&mut self.dropped)
    }

    /// How many entries are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// When a change is forgotten: no gate is away for longer than [`BLOCKS_KEPT`] and then comes with
/// a block that was released, and no entry before its block runs out. One that is pinned stays.
fn ends(stamp: BlockStamp, entry: &BlockEntry) -> Timestamp {
    if entry.pinned {
        return Timestamp::MAX;
    }
    let made = i64::try_from(stamp.made).ok();
    let made = made.and_then(|made| Timestamp::from_millisecond(made).ok());
    made.map_or(Timestamp::MAX, |made| later(made, BLOCKS_KEPT))
        .max(entry.expires)
}

fn milliseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}
