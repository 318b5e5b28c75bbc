//! Signs of life: the gate's lease, the epoch, and what comes with their answers.

use super::Member;
use super::io::{BlockNews, MemberAction};
use super::maildrop::NO_LEASE;
use crate::cluster::protocol::{BeatAnswer, BeatCall, BlockRow, ClusterReport, Epoch, MaildropId};
use crate::limits::{
    CLUSTER_BEAT, CLUSTER_BLOCKS_EACH, CLUSTER_ESTABLISHED, CLUSTER_GRACE, CLUSTER_LEASE_MARGIN,
    CLUSTER_RETRY, CLUSTER_UNHEARD,
};
use crate::lock::queue::Authority;
use crate::time::Instant;
use std::sync::Arc;

/// Why a gate that another one does not let in is excluded.
const OTHERS_DIFFER: &str =
    "the other gates have another secret_file, fold_case (or other domains with it) or version";

/// Signs of life, and whether pushes come.
#[derive(Debug)]
pub(super) struct Beats {
    last: u64,
    pub(super) in_flight: Option<u64>,
    /// The version of the block list that the last call named.
    blocks: u64,
    /// Whether the last call said that the gate may have served by itself.
    said_alone: bool,
    pub(super) next: Instant,
    /// When a ping came back last, or the connection for pushes was made.
    pub(super) heard: Option<Instant>,
}

impl Beats {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last: 0,
            in_flight: None,
            blocks: 0,
            said_alone: false,
            next: now,
            heard: None,
        }
    }
}

impl Member {
    pub(super) fn may_beat(&self) -> bool {
        // After the good-bye it would be there again.
        self.is_connected && !self.has_left && self.beats.in_flight.is_none()
    }

    /// Whether it has taken part for so long that another gate which was first at an empty engine
    /// has to yield.
    fn is_established(&self, now: Instant) -> bool {
        self.member_since
            .is_some_and(|since| now.saturating_duration_since(since) >= CLUSTER_ESTABLISHED)
    }

    pub(super) fn hears(&self, now: Instant) -> bool {
        self.beats
            .heard
            .is_some_and(|heard| now.saturating_duration_since(heard) < CLUSTER_UNHEARD)
    }

    pub(super) fn beat(&mut self, now: Instant, out: &mut Vec<MemberAction>) {
        self.beats.last += 1;
        self.beats.in_flight = Some(self.beats.last);
        self.beats.blocks = self.blocks;
        self.beats.said_alone = self.was_alone;
        self.beats.next = now + CLUSTER_BEAT;
        out.push(MemberAction::Beat(BeatCall {
            known_epoch: self.epoch.as_ref().map_or(0, |epoch| epoch.number),
            lease: self.options.lease,
            fingerprint: Arc::clone(&self.options.fingerprint),
            settings: Arc::clone(&self.options.settings),
            info: Arc::clone(&self.options.info),
            ping: self.beats.last,
            blocks: self.blocks,
            is_established: self.is_established(now),
            restates: self.epoch.clone().filter(|_| self.health.restates()),
            was_alone: self.was_alone,
        }));
    }

    pub(super) fn beaten(
        &mut self,
        ping: u64,
        sent_at: Instant,
        lapsed: bool,
        answer: Result<BeatAnswer, String>,
        now: Instant,
        out: &mut Vec<MemberAction>,
    ) {
        if self.beats.in_flight != Some(ping) {
            return;
        }
        self.beats.in_flight = None;
        match answer {
            Err(why) => {
                // Soon: the next one in its time would come when the engine counts as away.
                self.beats.next = now + CLUSTER_RETRY;
                self.health.unanswered(sent_at, &why, out);
            }
            Ok(BeatAnswer::Stranger) => {
                self.exclude(OTHERS_DIFFER, now, out);
            }
            Ok(BeatAnswer::Alive(mut report)) => {
                self.has_answered = true;
                // Until this answer it went on by itself: that is said once more.
                self.was_alone &= !self.beats.said_alone || self.goes_local();
                let is_continued = report.is_continued && !lapsed;
                self.renew(sent_at, is_continued, now, out);
                self.joined(&report, now, out);
                let blocks = std::mem::take(&mut report.blocks);
                self.read_blocks(report.epoch.clone(), blocks, now, out);
                self.report(report, now, out);
            }
        }
    }

    /// The gate may not take part: it serves nothing by itself either.
    pub(super) fn exclude(&mut self, why: &str, now: Instant, out: &mut Vec<MemberAction>) {
        self.member_since = None;
        self.health.excluded(why, out);
        let all: Vec<_> = self.maildrops.keys().copied().collect();
        for id in all {
            self.share_again(id, now, out);
        }
    }

    /// `is_continued`: by the engine's clock and by the gate's the lease before was good until now.
    fn renew(
        &mut self,
        sent_at: Instant,
        is_continued: bool,
        now: Instant,
        out: &mut Vec<MemberAction>,
    ) {
        let until = sent_at + self.options.lease - CLUSTER_LEASE_MARGIN;
        if !is_continued || self.lease_generation == NO_LEASE {
            self.lease_generation += 1;
            // Turns of an earlier lease are good again when the engine says so.
            let all: Vec<_> = self.maildrops.keys().copied().collect();
            for id in all {
                self.schedule(id, Some(now));
            }
        }
        out.push(MemberAction::Lease {
            generation: self.lease_generation,
            until,
        });
    }

    fn joined(&mut self, report: &ClusterReport, now: Instant, out: &mut Vec<MemberAction>) {
        self.member_since.get_or_insert(now);
        let is_new = self.epoch.as_ref() != Some(&report.epoch);
        if is_new {
            self.grace_until = Some(now + CLUSTER_GRACE.saturating_sub(report.epoch_age));
            // Turns that the memory before gave since, or goes on giving, this one does not know.
            self.was_alone |= self.epoch.is_some();
            self.epoch = Some(report.epoch.clone());
            if self.was_alone || self.blocks > 0 {
                self.blocks = 0;
                self.beats.next = now;
            }
            out.push(MemberAction::EpochBegan(report.epoch.clone()));
        }
        if self.health.is_open() && !is_new {
            return self.health.answered(out);
        }
        // All is said anew: to an engine that has been away, or one that knows nothing yet.
        let all: Vec<_> = self.maildrops.keys().copied().collect();
        self.health.back(all.iter().copied(), out);
        if self.health.restates() {
            // That it is still saying what it holds, so that no turn is given away meanwhile.
            self.beats.next = now;
        }
        // First those that it holds: others must not be given them.
        let holds = |id: &MaildropId| {
            let maildrop = self.maildrops.get(id);
            maildrop.is_some_and(|it| it.statement.queue.holder.is_some())
        };
        let (held, wanted): (Vec<_>, Vec<_>) = all.into_iter().partition(holds);
        for id in held.into_iter().chain(wanted) {
            self.share_again(id, now, out);
        }
    }

    fn share_again(&mut self, id: MaildropId, now: Instant, out: &mut Vec<MemberAction>) {
        if let Some(maildrop) = self.maildrops.get_mut(&id) {
            maildrop.is_unsaid = true;
            if maildrop.is_local {
                maildrop.share_again();
                out.push(MemberAction::Authority {
                    maildrop: id,
                    authority: Authority::Leased,
                });
            }
        }
        self.attend(id, now, out);
    }

    fn read_blocks(
        &mut self,
        epoch: Epoch,
        rows: Vec<BlockRow>,
        now: Instant,
        out: &mut Vec<MemberAction>,
    ) {
        let after = self.blocks;
        if self.beats.blocks != after {
            // They were asked for from a place of the epoch before, or those before them found no
            // room: they come again with the next beat.
            return;
        }
        let is_all = rows.len() < CLUSTER_BLOCKS_EACH;
        if !is_all {
            self.beats.next = now;
        }
        // Also that there are none is news, where the list is read from its beginning.
        if rows.is_empty() && after > 0 {
            return;
        }
        self.blocks = rows.last().map_or(after, |row| row.version);
        out.push(MemberAction::Blocks(BlockNews {
            epoch,
            after,
            rows,
            is_all,
        }));
    }

    fn report(&mut self, report: ClusterReport, now: Instant, out: &mut Vec<MemberAction>) {
        out.push(MemberAction::Members(report.members));
        if !self.hears(now) {
            self.beats.heard = Some(now);
            out.push(MemberAction::Resubscribe);
        }
    }
}
