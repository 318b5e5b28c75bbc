//! Calls as arguments of the scripts, and their answers, which are checked: the engine is not ours.

use super::{
    BeatAnswer, BeatCall, BlockPut, BlockRow, BlockStamp, ClusterReport, Epoch, GateId,
    HoldingGate, Holds, LastTurnAnswer, LastTurnCall, MaildropId, MaildropReport, MainSlot,
    MemberReport, Push, StoredBlock, SyncAnswer, SyncCall, TurnNumber, TurnStanding, UnprovenSlot,
};
use crate::ids::BackendName;
use crate::limits::{CLUSTER_BLOCKS_EACH, CLUSTER_LEASE, CLUSTER_MESSAGE_MAX, CLUSTER_TEXT_MAX};
use crate::lock::queue::Lane;
use crate::time::Duration;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// A reply of the engine, as its protocol has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineReply {
    /// Nothing.
    Nil,
    /// A number.
    Int(i64),
    /// Octets.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<EngineReply>),
}

/// The engine answered what no script of popgate answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine's answer makes no sense: {0}")]
pub struct Nonsense(&'static str);

impl SyncCall {
    /// The arguments of the script, for `gate`, whose pushes come on a channel with `prefix` before
    /// its name.
    #[must_use]
    pub fn arguments(&self, gate: GateId, channel_prefix: &str) -> Vec<Vec<u8>> {
        vec![
            gate.to_string().into_bytes(),
            self.epoch.to_string().into_bytes(),
            number(self.sequence),
            match self.holds {
                Holds::Nothing => Vec::new(),
                Holds::Local => b"0".to_vec(),
                Holds::Turn(TurnNumber(turn)) => number(turn),
            },
            number(self.seen.0),
            self.main.map_or_else(Vec::new, main_slot),
            self.unproven.map_or_else(Vec::new, unproven_slot),
            channel_prefix.as_bytes().to_vec(),
            flag(self.hears),
            self.home
                .as_ref()
                .map_or_else(Vec::new, |home| home.as_str().as_bytes().to_vec()),
            self.ended
                .map_or_else(Vec::new, |ago| number(milliseconds(ago))),
            number(milliseconds(self.lease)),
            number(milliseconds(self.keep)),
        ]
    }
}

impl LastTurnCall {
    /// The arguments of the script.
    #[must_use]
    pub fn arguments(&self) -> Vec<Vec<u8>> {
        vec![self.epoch.to_string().into_bytes()]
    }
}

impl BeatCall {
    /// The arguments of the script, for `gate`.
    #[must_use]
    pub fn arguments(&self, gate: GateId) -> Vec<Vec<u8>> {
        vec![
            gate.to_string().into_bytes(),
            number(self.known_epoch),
            number(milliseconds(self.lease)),
            self.fingerprint.as_bytes().to_vec(),
            self.info.to_vec(),
            self.settings.as_bytes().to_vec(),
            number(self.ping),
            number(self.blocks),
            number(CLUSTER_BLOCKS_EACH as u64),
            flag(self.is_established),
            self.restates
                .as_ref()
                .map_or_else(Vec::new, |epoch| epoch.to_string().into_bytes()),
            flag(self.was_alone),
        ]
    }
}

impl SyncAnswer {
    /// Reads the script's answer.
    ///
    /// # Errors
    /// It is none.
    pub fn read(reply: EngineReply) -> Result<Self, Nonsense> {
        let mut fields = Fields::of(reply)?;
        let status = fields.bytes()?;
        match status.as_slice() {
            b"epoch" => return fields.end().map(|()| Self::OtherEpoch),
            b"lease" => return fields.end().map(|()| Self::NoLease),
            _ => {}
        }
        let turn = TurnNumber(fields.count()?);
        let lane = lane(&fields.bytes()?);
        let standing = standing(&status, turn, lane).ok_or(Nonsense("standing"))?;
        let report = MaildropReport {
            standing,
            others_in_main: fields.count()? > 0,
            others_in_unproven: fields.count()? > 0,
            holder: holder(&fields.bytes()?, fields.count()?)?,
            home: home(fields.bytes()?)?,
            ended: u64::try_from(fields.int()?).ok().map(Duration::from_millis),
            last: TurnNumber(fields.count()?),
        };
        fields.end()?;
        Ok(Self::Done(report))
    }
}

impl LastTurnAnswer {
    /// Reads the script's answer.
    ///
    /// # Errors
    /// It is none.
    pub fn read(reply: EngineReply) -> Result<Self, Nonsense> {
        let mut fields = Fields::of(reply)?;
        let answer = match fields.bytes()?.as_slice() {
            b"epoch" => Self::OtherEpoch,
            b"lease" => Self::NoLease,
            b"unknown" => Self::Unknown,
            b"last" => Self::Last(TurnNumber(fields.count()?)),
            _ => return Err(Nonsense("last turn")),
        };
        fields.end()?;
        Ok(answer)
    }
}

impl BeatAnswer {
    /// Reads the script's answer.
    ///
    /// # Errors
    /// It is none.
    pub fn read(reply: EngineReply) -> Result<Self, Nonsense> {
        let mut fields = Fields::of(reply)?;
        match fields.bytes()?.as_slice() {
            b"stranger" => return fields.end().map(|()| Self::Stranger),
            b"ok" => {}
            _ => return Err(Nonsense("status of a beat")),
        }
        let report = ClusterReport {
            epoch: Epoch::parse(&fields.bytes()?).ok_or(Nonsense("epoch"))?,
            epoch_age: Duration::from_millis(fields.count()?),
            is_heard: fields.count()? > 0,
            is_continued: fields.count()? > 0,
            members: fields
                .list()?
                .into_iter()
                .map(member)
                .collect::<Result<_, _>>()?,
            blocks_version: fields.count()?,
            blocks: fields
                .list()?
                .into_iter()
                .filter_map(|row| block(row).transpose())
                .collect::<Result<_, _>>()?,
        };
        fields.end()?;
        Ok(Self::Alive(report))
    }
}

/// The arguments of the script that takes changes of the block list, of which it keeps `most`.
#[must_use]
pub fn block_arguments(puts: &[BlockPut], most: usize) -> Vec<Vec<u8>> {
    let most = number(most as u64);
    let puts = puts.iter().flat_map(|put| {
        [
            put.name.as_bytes().to_vec(),
            put.stored.stamp.to_string().into_bytes(),
            number(milliseconds(put.keep)),
            put.stored.entry.to_vec(),
        ]
    });
    std::iter::once(most).chain(puts).collect()
}

/// Reads for each change that was put the entry that counts instead of it, if another one does.
///
/// # Errors
/// It is no answer of the script.
pub fn read_put_answers(reply: EngineReply) -> Result<Vec<Option<StoredBlock>>, Nonsense> {
    let mut fields = Fields::of(reply)?;
    let count = fields.0.len();
    (0..count)
        .map(|_| Ok(stored_block(&fields.text()?)))
        .collect()
}

impl Push {
    /// Reads a message on the gate's channel; `None`: it is none of popgate's.
    #[must_use]
    pub fn read(message: &[u8]) -> Option<Self> {
        let (kind, rest) = message.split_first()?;
        Some(match kind {
            b't' => Self::Turn(MaildropId::parse(rest)?),
            b'c' => Self::Contended(MaildropId::parse(rest)?),
            b'p' => Self::Ping(std::str::from_utf8(rest).ok()?.parse().ok()?),
            b'o' if rest.len() <= CLUSTER_MESSAGE_MAX => Self::Message(Arc::from(rest)),
            _ => return None,
        })
    }
}

impl Epoch {
    /// From its `Display` form.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (run_id, number) = std::str::from_utf8(text).ok()?.rsplit_once(':')?;
        let is_plain = run_id.len() <= 64 && run_id.bytes().all(|it| it.is_ascii_alphanumeric());
        is_plain.then_some(Self {
            run_id: Arc::from(run_id),
            number: number.parse().ok()?,
        })
    }
}

fn number(value: u64) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn flag(value: bool) -> Vec<u8> {
    if value { b"1".to_vec() } else { Vec::new() }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn main_slot(slot: MainSlot) -> Vec<u8> {
    let age = milliseconds(slot.age);
    format!("{age},{}", milliseconds(slot.until)).into_bytes()
}

fn unproven_slot(slot: UnprovenSlot) -> Vec<u8> {
    let age = milliseconds(slot.age);
    let half = milliseconds(slot.half);
    format!("{age},{half},{}", milliseconds(slot.until)).into_bytes()
}

fn lane(word: &[u8]) -> Option<Lane> {
    match word {
        b"m" => Some(Lane::Main),
        b"u" => Some(Lane::Unproven),
        _ => None,
    }
}

fn standing(status: &[u8], turn: TurnNumber, lane: Option<Lane>) -> Option<TurnStanding> {
    Some(match status {
        b"stale" => TurnStanding::Stale,
        b"held" => TurnStanding::Held(turn),
        b"granted" => TurnStanding::Granted(turn, lane?),
        b"lost" => TurnStanding::Lost,
        b"queued" => TurnStanding::Queued,
        b"idle" => TurnStanding::Idle,
        _ => return None,
    })
}

fn holder(gate: &[u8], lease_left: u64) -> Result<Option<HoldingGate>, Nonsense> {
    if gate.is_empty() {
        return Ok(None);
    }
    Ok(Some(HoldingGate {
        gate: GateId::parse(gate).ok_or(Nonsense("gate"))?,
        // No gate's is longer, whatever the engine says: a waiter must not wait for it for ever.
        lease_left: Duration::from_millis(lease_left).min(*CLUSTER_LEASE.end()),
    }))
}

/// Whether it is one of the configuration is for others to say.
fn home(name: Vec<u8>) -> Result<Option<BackendName>, Nonsense> {
    if name.is_empty() {
        return Ok(None);
    }
    let name = String::from_utf8(name).map_err(|_| Nonsense("backend"))?;
    Ok((name.len() <= CLUSTER_TEXT_MAX).then(|| BackendName::new(&name)))
}

fn member(reply: EngineReply) -> Result<MemberReport, Nonsense> {
    let mut fields = Fields::of(reply)?;
    let member = MemberReport {
        gate: GateId::parse(&fields.bytes()?).ok_or(Nonsense("gate"))?,
        info: fields.text()?.into(),
        settings: String::from_utf8(fields.text()?)
            .map_err(|_| Nonsense("settings"))?
            .into(),
    };
    fields.end()?;
    Ok(member)
}

/// `None`: the entry was forgotten since, or is no block of popgate's, which stops nothing else.
fn block(reply: EngineReply) -> Result<Option<BlockRow>, Nonsense> {
    let mut fields = Fields::of(reply)?;
    let version = fields.count()?;
    let name = String::from_utf8(fields.text()?).map_err(|_| Nonsense("name of a block"))?;
    let stored = fields.bytes()?;
    fields.end()?;
    let stored = stored_block(&stored).filter(|it| it.entry.len() <= CLUSTER_TEXT_MAX);
    Ok(stored.map(|stored| BlockRow {
        version,
        name: name.into(),
        stored,
    }))
}

/// `None`: there is nothing, or nothing that makes sense.
fn stored_block(stored: &[u8]) -> Option<StoredBlock> {
    let end = stored.iter().position(|octet| *octet == b'\n')?;
    let mut words = std::str::from_utf8(&stored[..end]).ok()?.split(',');
    let mut next = || words.next();
    Some(StoredBlock {
        stamp: BlockStamp {
            released: next()?.parse().ok()?,
            made: next()?.parse().ok()?,
            gate: GateId::parse(next()?.as_bytes())?,
        },
        entry: stored[end + 1..].into(),
    })
}

/// The fields of a list, one after another.
struct Fields(std::vec::IntoIter<EngineReply>);

impl Fields {
    fn of(reply: EngineReply) -> Result<Self, Nonsense> {
        match reply {
            EngineReply::List(fields) => Ok(Self(fields.into_iter())),
            _ => Err(Nonsense("no list")),
        }
    }

    fn bytes(&mut self) -> Result<Vec<u8>, Nonsense> {
        match self.0.next() {
            Some(EngineReply::Bytes(bytes)) => Ok(bytes),
            _ => Err(Nonsense("no text")),
        }
    }

    /// Octets that are kept.
    fn text(&mut self) -> Result<Vec<u8>, Nonsense> {
        let text = self.bytes()?;
        if text.len() > CLUSTER_TEXT_MAX {
            return Err(Nonsense("a text is too long"));
        }
        Ok(text)
    }

    /// A number, as such or in digits: Lua's own are no larger than 2^53.
    fn int(&mut self) -> Result<i64, Nonsense> {
        match self.0.next() {
            Some(EngineReply::Int(value)) => Ok(value),
            Some(EngineReply::Bytes(digits)) => std::str::from_utf8(&digits)
                .ok()
                .and_then(|digits| digits.parse().ok())
                .ok_or(Nonsense("no number")),
            _ => Err(Nonsense("no number")),
        }
    }

    fn count(&mut self) -> Result<u64, Nonsense> {
        u64::try_from(self.int()?).map_err(|_| Nonsense("a negative number"))
    }

    /// There is no more.
    fn end(self) -> Result<(), Nonsense> {
        match self.0.len() {
            0 => Ok(()),
            _ => Err(Nonsense("too many fields")),
        }
    }

    fn list(&mut self) -> Result<Vec<EngineReply>, Nonsense> {
        match self.0.next() {
            Some(EngineReply::List(list)) => Ok(list),
            _ => Err(Nonsense("no list")),
        }
    }
}
