//! What gates and the engine say to each other, as types.
//!
//! A gate *states*, for one maildrop, all that it holds and wants there. The script answers what
//! follows. A statement that comes twice changes nothing, and one that comes late changes nothing.

mod gauge;
mod wire;

pub use gauge::{ExcessiveReply, ReplyGauge};
pub use wire::{EngineReply, Nonsense, block_arguments, read_put_answers};

use crate::ids::BackendName;
use crate::lock::queue::Lane;
use crate::time::Duration;
use std::fmt;
use std::sync::Arc;

/// One start of one gate: random, so that no two are alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GateId(pub [u8; 8]);

/// A maildrop as the engine knows it: a keyed hash of its lock key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MaildropId(pub [u8; 16]);

/// The number of a turn. Of one maildrop they only grow, within an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TurnNumber(pub u64);

/// The life of one engine's memory: it begins anew with a restart, a failover or a loss of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// What names the memory of the engine's server: of its `run_id` and its `master_replid`.
    pub run_id: Arc<str>,
    /// Counts epochs.
    pub number: u64,
}

/// What a gate says that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Nothing: what it held is given back.
    Nothing,
    /// A session that began without a turn, while the engine was away.
    Local,
    /// A turn.
    Turn(TurnNumber),
}

/// A gate's place in the main lane: one for all of its waiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MainSlot {
    /// How long its oldest waiter has waited.
    pub age: Duration,
    /// When the last of its waits ends, from now.
    pub until: Duration,
}

/// A gate's place in the unproven lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnprovenSlot {
    /// How long its oldest waiter has waited.
    pub age: Duration,
    /// When half of the oldest waiter's wait is over, from now; zero if it is.
    pub half: Duration,
    /// When the last of its waits ends, from now.
    pub until: Duration,
}

/// All that a gate says of one maildrop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncCall {
    /// The maildrop.
    pub maildrop: MaildropId,
    /// The epoch as the gate knows it.
    pub epoch: Epoch,
    /// Grows with each call of this gate about this maildrop; a lower one is out of date.
    pub sequence: u64,
    /// What it holds.
    pub holds: Holds,
    /// How long the gate's lease is good.
    pub lease: Duration,
    /// The highest turn that it was told of; a later one it has not heard of, and has not given
    /// back either.
    pub seen: TurnNumber,
    /// Its place in the main lane.
    pub main: Option<MainSlot>,
    /// Its place in the unproven lane.
    pub unproven: Option<UnprovenSlot>,
    /// Whether it hears pushes.
    pub hears: bool,
    /// The backend that the maildrop is on, if the gate knows.
    pub home: Option<BackendName>,
    /// How long ago the last backend session ended there that the gate knows of, where that was a
    /// moment ago.
    pub ended: Option<Duration>,
    /// How long the last turn is to be kept at least, once nobody holds the maildrop or waits for
    /// it.
    pub keep: Duration,
}

/// The answer to a [`SyncCall`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncAnswer {
    /// The epoch is another; nothing was done. The gate must beat.
    OtherEpoch,
    /// The gate's own lease is gone; nothing was done. The gate must beat.
    NoLease,
    /// It was done.
    Done(MaildropReport),
}

/// How a maildrop stands after a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaildropReport {
    /// How the gate that asked stands.
    pub standing: TurnStanding,
    /// Whether another gate waits in the main lane.
    pub others_in_main: bool,
    /// Whether another gate waits in the unproven lane.
    pub others_in_unproven: bool,
    /// The other gate that holds it or was given a turn.
    pub holder: Option<HoldingGate>,
    /// The backend that it is on, as the last gate that knew has said.
    pub home: Option<BackendName>,
    /// How long ago the last backend session in it ended.
    pub ended: Option<Duration>,
    /// The last turn that anybody had.
    pub last: TurnNumber,
}

/// How a gate stands at a maildrop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnStanding {
    /// The call was older than one before it: nothing was done.
    Stale,
    /// The gate holds this turn.
    Held(TurnNumber),
    /// The gate is given this turn, for this lane.
    Granted(TurnNumber, Lane),
    /// The gate said that it holds the maildrop, and another living gate does.
    Lost,
    /// The gate waits.
    Queued,
    /// The gate neither holds it nor waits.
    Idle,
}

/// Another gate that has a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldingGate {
    /// The gate.
    pub gate: GateId,
    /// When its lease ends, unless it renews it, from now.
    pub lease_left: Duration,
}

/// Asks which turn was the last at a maildrop. It writes what is there anew: an engine that cannot
/// write would not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastTurnCall {
    /// The maildrop.
    pub maildrop: MaildropId,
    /// The epoch as the gate knows it.
    pub epoch: Epoch,
}

/// The answer to a [`LastTurnCall`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastTurnAnswer {
    /// The epoch is another.
    OtherEpoch,
    /// The gate's own lease is gone.
    NoLease,
    /// It is not known, or there may have been sessions since that had no turn.
    Unknown,
    /// This one; no session has begun since, at whichever gate.
    Last(TurnNumber),
}

/// A gate's sign of life, once a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeatCall {
    /// The highest number of an epoch that this gate has heard of; 0: none.
    pub known_epoch: u64,
    /// How long its lease is good.
    pub lease: Duration,
    /// Of the secret and all that must be the same at all gates.
    pub fingerprint: Arc<str>,
    /// Of the settings that should be the same.
    pub settings: Arc<str>,
    /// What people may read of the gate, sealed.
    pub info: Arc<[u8]>,
    /// Comes back as a push, if pushes come.
    pub ping: u64,
    /// The version of the block list up to which this gate knows it.
    pub blocks: u64,
    /// Whether it has taken part for long.
    pub is_established: bool,
    /// The epoch in which it has not said yet all that it holds.
    pub restates: Option<Epoch>,
    /// Whether it may have served by itself, or under another memory of the engine, since it was
    /// answered last.
    pub was_alone: bool,
}

/// The answer to a [`BeatCall`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeatAnswer {
    /// The gates that are there have another fingerprint; nothing was done.
    Stranger,
    /// The lease is good from the sending of the call on.
    Alive(ClusterReport),
}

/// The cluster as a gate finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterReport {
    /// The epoch, which this call may have begun.
    pub epoch: Epoch,
    /// How long ago it began.
    pub epoch_age: Duration,
    /// Whether anybody listens to this gate's pushes.
    pub is_heard: bool,
    /// Whether the lease of before was good until now, by the engine's clock.
    pub is_continued: bool,
    /// All living gates, this one too.
    pub members: Vec<MemberReport>,
    /// The version of the block list.
    pub blocks_version: u64,
    /// What changed in it since the version that the call named, in order: at most a few.
    pub blocks: Vec<BlockRow>,
}

/// One living gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberReport {
    /// It.
    pub gate: GateId,
    /// What it says of itself, sealed.
    pub info: Arc<[u8]>,
    /// Of its settings that should be the same everywhere.
    pub settings: Arc<str>,
}

/// Where a change stands among all changes of one entry of the block list: the highest counts, in
/// whatever order they come and however often.
///
/// First comes the last release that the change knew of, so that a release wins over what did not
/// know of it; then the time. A gate's clock may be wrong: a change is always above the one that
/// the gate knew before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockStamp {
    /// When the entry was released last, in milliseconds; of a release the time of itself.
    pub released: u64,
    /// When the change was made, in milliseconds.
    pub made: u64,
    /// The gate that made it: no two changes are alike.
    pub gate: GateId,
}

/// An entry of the block list as the engine keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// Its last change.
    pub stamp: BlockStamp,
    /// The entry, sealed.
    pub entry: Arc<[u8]>,
}

/// A change of the block list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRow {
    /// Its place in the order in which the engine took changes.
    pub version: u64,
    /// The entry's name: a keyed hash of what is blocked.
    pub name: Arc<str>,
    /// The entry.
    pub stored: StoredBlock,
}

/// A change of the block list on its way to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockPut {
    /// The entry's name: a keyed hash of what is blocked.
    pub name: Arc<str>,
    /// The entry.
    pub stored: StoredBlock,
    /// How long the engine keeps it.
    pub keep: Duration,
}

/// What the engine pushes to a gate. It is a hint: it confers nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// The gate may have a turn at this maildrop.
    Turn(MaildropId),
    /// Somebody waits elsewhere for what the gate holds.
    Contended(MaildropId),
    /// The gate's own ping.
    Ping(u64),
    /// A message of another gate, sealed.
    Message(Arc<[u8]>),
}

impl fmt::Display for GateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Display for MaildropId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Display for BlockStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.released, self.made, self.gate)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.run_id, self.number)
    }
}

fn hex(octets: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
}

impl GateId {
    /// From 16 hex digits.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        parse_hex(text).map(Self)
    }
}

impl MaildropId {
    /// From 32 hex digits.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        parse_hex(text).map(Self)
    }
}

fn parse_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut octets = [0; N];
    if text.len() != 2 * N || !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (octet, digits) in octets.iter_mut().zip(text.chunks(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(octets)
}
