//! The block list: which clients are refused for a while. It remembers; what follows from an
//! offence and what a login meets are rules ([`policy::block`](crate::policy::block)).

mod accepted_addresses;
mod by_hand;
mod counting;
mod offences;
mod table;
mod trials;

pub use self::by_hand::ChangesByHand;

use self::accepted_addresses::AcceptedAddresses;
use self::offences::OffenceCounters;
use self::table::BlockTable;
use self::trials::Trials;
use crate::ids::{ClientPrefix, MaildropKey, TenantName};
use crate::limits::BLOCKS_MAX;
use crate::policy::attempt::LoginAttempt;
use crate::policy::block::{
    BlockCause, BlockChange, BlockCount, BlockEntry, BlockFilter, BlockId, BlockReason, BlockState,
    BlockTarget, BlockVerdict, ChangeKind, ChangedBy, Offence, OffenceClass, Renewal,
    TransientCount,
};
use crate::policy::rules::{BlockMode, BlockRules};
use crate::time::Duration;
use jiff::Timestamp;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Which clients are blocked, and which offences may lead to it. Shared by all sessions.
///
/// See each part for how much of it is kept, and what is lost when it is full.
///
/// Whatever changes an entry returns the change, for events and for the file.
#[derive(Debug)]
pub struct BlockList(RwLock<Contents>);

/// What the list holds. Its entries may be a cluster's; the evidence for them, and the exceptions
/// from them, are this gate's own.
#[derive(Debug)]
struct Contents {
    table: BlockTable,
    offences: OffenceCounters,
    accepted: AcceptedAddresses,
    trials: Trials,
}

impl Default for BlockList {
    fn default() -> Self {
        Self::with_capacity(BLOCKS_MAX)
    }
}

impl BlockList {
    fn with_capacity(capacity: usize) -> Self {
        Self(RwLock::new(Contents {
            table: BlockTable::new(capacity),
            offences: OffenceCounters::default(),
            accepted: AcceptedAddresses::default(),
            trials: Trials::default(),
        }))
    }

    /// The list with the entries of an earlier process, all of them: what is beyond the capacity is
    /// dropped with the next block, and what blocks no more by the rules of now with the next
    /// [`Self::expire`], as changes that the file is told of.
    ///
    /// New entries have numbers above `last`, the highest that there was: the history of one that
    /// is forgotten stays for longer, and must not become another client's.
    #[must_use]
    pub fn restore(entries: Vec<BlockEntry>, last: BlockId) -> Self {
        let list = Self::default();
        let mut lists = list.write();
        lists.table.go_on_after(last);
        for entry in entries {
            lists.table.restore(entry.by_todays_rules());
        }
        drop(lists);
        list
    }

    /// Records an offence of a client without a proven password, which may lead to a block.
    pub fn record(
        &self,
        maildrop: Option<&MaildropKey>,
        address: ClientPrefix,
        tenant: &TenantName,
        offence: Offence,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Vec<BlockChange> {
        // Not even counted: a reload that turns blocks on starts from nothing.
        if rules.mode == BlockMode::Off {
            return Vec::new();
        }
        let mut lists = self.write();
        // A phone on a breaking line does not get its household's logins blocked.
        if offence.class() == OffenceClass::Transient && lists.accepted.contains(address, now) {
            return Vec::new();
        }
        let causes = lists
            .offences
            .add(maildrop, address, tenant, offence, rules, now);
        causes
            .into_iter()
            .flat_map(|cause| lists.block(cause, tenant, rules, now))
            .collect()
    }

    /// The entries that `filter` means, by number.
    #[must_use]
    pub fn entries(&self, filter: &BlockFilter, now: Timestamp) -> Vec<BlockEntry> {
        let all = self.read().table.all();
        let mut meant: Vec<_> = all
            .iter()
            .filter(|entry| filter.selects(entry, now))
            .map(|entry| entry.as_of(now))
            .collect();
        meant.sort_unstable_by_key(|entry| entry.id);
        meant
    }

    /// The entry of `target`, as it is by now.
    #[must_use]
    pub fn entry(&self, target: &BlockTarget, now: Timestamp) -> Option<BlockEntry> {
        let lists = self.read();
        lists.table.get(target).map(|entry| entry.as_of(now))
    }

    /// The passing faults of today that are counted against each of `targets`; none where there are
    /// none, or a login from there was accepted within a day, so that they lead to no block.
    #[must_use]
    pub fn transient(
        &self,
        targets: &[BlockTarget],
        now: Timestamp,
    ) -> Vec<Option<TransientCount>> {
        let lists = self.read();
        targets
            .iter()
            .map(|target| {
                let count = lists.offences.transient(target, now)?;
                let is_excused = lists.accepted.contains(target.prefix, now);
                (!is_excused).then_some(count)
            })
            .collect()
    }

    /// Ends blocks that have run out. [`Self::check`] and [`Self::entries`] know by themselves;
    /// this is for [`Self::counts`], for events and for the file.
    pub fn expire(&self, now: Timestamp) -> Vec<BlockChange> {
        // Each scrape asks, and logins need the lock.
        if !self.read().table.is_any_expired(now) {
            return Vec::new();
        }
        let mut lists = self.write();
        let ended = lists.table.expired(now);
        ended
            .into_iter()
            .map(|entry| {
                lists.table.changed(BlockChange {
                    entry,
                    what: ChangeKind::Expired,
                    by: ChangedBy::Expiry,
                })
            })
            .collect()
    }

    /// Drops entries that are neither blocked nor pinned and whose last offence is older than
    /// `keep`, and offences that are too old to count.
    pub fn forget(&self, keep: Duration, now: Timestamp) -> Vec<BlockChange> {
        let mut lists = self.write();
        lists.offences.forget(now);
        lists.accepted.forget(now);
        lists.trials.forget(now);
        let old: Vec<_> = lists
            .table
            .iter()
            .filter(|entry| entry.is_forgettable(keep, now))
            .cloned()
            .collect();
        old.into_iter()
            .map(|entry| lists.table.forget(entry, ChangedBy::Expiry))
            .collect()
    }

    /// How many entries each tenant has that has any; as of the last [`Self::expire`].
    #[must_use]
    pub fn counts(&self) -> Vec<BlockCount> {
        self.read().table.counts()
    }

    /// The offences behind a block that a connection from `address` meets before it says anything:
    /// one that protects no password, where no login was accepted lately, and whose trial login is
    /// not due. A trusted network must not ask.
    #[must_use]
    pub fn at_greeting(
        &self,
        address: ClientPrefix,
        mode: BlockMode,
        now: Timestamp,
    ) -> Option<BlockReason> {
        if mode != BlockMode::Block {
            return None;
        }
        let lists = self.read();
        let entry = lists.in_force(&BlockTarget::all_of(address), now)?;
        // A block for guessing is told at the login, in the words of a wrong password; and at an
        // address with right passwords, or when a trial is due, the login decides.
        let may_talk = entry.reason.protects_passwords()
            || lists.accepted.contains(address, now)
            || lists.trial_is_due(entry, now);
        (!may_talk).then_some(entry.reason)
    }

    /// What a login meets under the rules of its tenant. One with a proven password, or from a
    /// trusted network, must not ask.
    #[must_use]
    pub fn check(&self, attempt: &LoginAttempt, now: Timestamp) -> BlockVerdict {
        if attempt.rules().blocks.mode != BlockMode::Block {
            return BlockVerdict::Clear;
        }
        let lists = self.read();
        let blocks = lists.blocks(attempt, now);
        BlockVerdict::of(&blocks, |entry| lists.trial_is_due(entry, now))
    }

    /// Takes the trial login of this minute under each block that the login meets; `false`: another
    /// was quicker.
    #[must_use]
    pub fn take_trial(&self, attempt: &LoginAttempt, now: Timestamp) -> bool {
        let mut lists = self.write();
        let blocks = lists.blocks(attempt, now);
        // Checked again under the lock for writing: two logins may have seen it due.
        if !blocks.iter().all(|entry| lists.trial_is_due(entry, now)) {
            return false;
        }
        let targets: Vec<_> = blocks.iter().map(|entry| entry.target.clone()).collect();
        for target in targets {
            lists.trials.take(target, attempt.tag, now);
        }
        true
    }

    /// The trial login never came to the backend: another may be it.
    pub fn return_trial(&self, attempt: &LoginAttempt, now: Timestamp) {
        let mut lists = self.write();
        // Only its own: the block may have got another trial login meanwhile.
        for target in [
            BlockTarget::maildrop_of(attempt),
            BlockTarget::all_of(attempt.prefix()),
        ] {
            if lists.trials.is_by(&target, attempt.tag, now) {
                lists.trials.give_back(&target);
            }
        }
    }

    /// The backend said `+OK`. For a day passing faults from that address lead to no block, and
    /// what [`BlockEntry::is_lifted`] says is lifted for the maildrop.
    pub fn accepted(&self, attempt: &LoginAttempt, now: Timestamp) -> Vec<BlockChange> {
        let mut lists = self.write();
        lists.accepted.add(&attempt.key, attempt.prefix(), now);
        let lifted: Vec<_> = lists
            .blocks(attempt, now)
            .into_iter()
            .filter(|entry| {
                let was_trial = lists.trials.is_by(&entry.target, attempt.tag, now);
                entry.is_lifted(was_trial)
            })
            .cloned()
            .collect();
        lifted
            .into_iter()
            .map(|entry| lists.lift(entry, attempt, now))
            .collect()
    }

    /// Takes over an entry as another gate changed it; none where it is so already. Where the list
    /// is full of pinned entries there is no room for it. Of one that was released there the
    /// offences so far are forgiven here, too.
    pub fn changed_elsewhere(&self, change: &BlockChange, now: Timestamp) -> Vec<BlockChange> {
        let mut lists = self.write();
        // The engine keeps what it was told last, also of a block that has run out since.
        let has_run_out = change.entry.state != change.entry.state_at(now);
        let mut entry = change.entry.as_of(now);
        let what = if has_run_out {
            ChangeKind::Expired
        } else {
            change.what
        };
        if what == ChangeKind::Released {
            lists.offences.forgive(&entry.target);
        }
        let mut changes = Vec::new();
        let known = lists.table.get(&entry.target);
        if let Some(known) = known {
            entry.id = known.id;
            if *known == entry {
                return changes;
            }
        } else {
            let (id, dropped) = lists.table.next_id(now);
            changes = dropped;
            let Some(id) = id else {
                return changes;
            };
            entry.id = id;
        }
        changes.push(lists.table.changed(BlockChange {
            entry,
            what,
            by: change.by,
        }));
        changes
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        let lists = self.read();
        lists.offences.len() + lists.accepted.len()
    }

    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Contents> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn block(
        &mut self,
        cause: BlockCause,
        tenant: &TenantName,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Vec<BlockChange> {
        // A carrier's NAT: the block would hit many more than the client that did it.
        let is_whole_address = cause.target.key.is_none();
        if is_whole_address && self.accepted.is_shared(cause.target.prefix, now) {
            return Vec::new();
        }
        let renewal = match self.table.get(&cause.target) {
            Some(entry) => entry.after(&cause, tenant, rules, now),
            None => return self.block_first(cause, tenant, rules, now),
        };
        match renewal {
            Renewal::Unchanged => Vec::new(),
            Renewal::Noted(entry) => {
                self.table.put(entry);
                Vec::new()
            }
            Renewal::Changed(change) => vec![self.table.changed(change)],
        }
    }

    fn block_first(
        &mut self,
        cause: BlockCause,
        tenant: &TenantName,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Vec<BlockChange> {
        let (id, mut changes) = self.table.next_id(now);
        if let Some(id) = id {
            changes.push(self.table.changed(BlockChange {
                entry: BlockEntry::first(id, cause, tenant, rules, now),
                what: ChangeKind::Blocked,
                by: ChangedBy::Rule,
            }));
        }
        changes
    }

    /// The entry of `target` if it has an effect now.
    fn in_force(&self, target: &BlockTarget, now: Timestamp) -> Option<&BlockEntry> {
        let entry = self.table.get(target)?;
        let is_shared = self.accepted.is_shared(target.prefix, now);
        entry.is_in_force(is_shared, now).then_some(entry)
    }

    /// Those in force that a login meets: of its maildrop, and of its address.
    fn blocks(&self, attempt: &LoginAttempt, now: Timestamp) -> Vec<&BlockEntry> {
        let maildrop = BlockTarget::maildrop_of(attempt);
        let of_address = match self.trials.is_lifted(&maildrop, now) {
            true => None,
            false => self.in_force(&BlockTarget::all_of(attempt.prefix()), now),
        };
        self.in_force(&maildrop, now)
            .into_iter()
            .chain(of_address)
            .collect()
    }

    fn trial_is_due(&self, entry: &BlockEntry, now: Timestamp) -> bool {
        entry.allows_trial(now) && self.trials.is_free(&entry.target, now)
    }

    /// Ends a block of the login's maildrop, and spares it one of the whole address.
    fn lift(
        &mut self,
        mut entry: BlockEntry,
        attempt: &LoginAttempt,
        now: Timestamp,
    ) -> BlockChange {
        // The login that got in spent nothing: the next one under the block is a trial at once.
        self.trials.give_back(&entry.target);
        if entry.target.key.is_none() {
            self.trials.lift(BlockTarget::maildrop_of(attempt), now);
        } else {
            entry.state = BlockState::Released;
        }
        self.table.changed(BlockChange {
            entry,
            what: ChangeKind::Lifted,
            by: ChangedBy::Rule,
        })
    }
}

#[cfg(test)]
mod tests;
