//! What is drawn of many bars: those that are too short or too near to be told apart become one
//! block.
//!
//! A phone that checks each minute has ten thousand bars in a week. As blocks they are some
//! hundreds, however many there are.

use super::scale::Scale;
use crate::history::EntryId;
use crate::report::timeline::{Bar, Mark, MarkKind};
use crate::time::Duration;
use jiff::Timestamp;

/// The narrowest block, in pixels: something that took no time at all is still seen.
pub(super) const BLOCK_WIDTH_MIN: f64 = 1.2;

/// Bars that are nearer than this are not told apart.
const BLOCK_GAP_MIN: f64 = 0.6;

/// A block that is made of short bars is no wider, so that a busy hour of a day is seen as one.
const CROWD_WIDTH_MAX: f64 = 8.0;

/// The width of the sign of a mark, and some room.
const MARK_WIDTH: f64 = 10.0;

/// Bars of one kind that are drawn as one.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// Where it begins.
    pub(super) left: f64,
    /// Where it ends.
    pub(super) right: f64,
    /// The bars, the earliest first; never empty.
    pub(super) bars: Vec<&'a Bar>,
    /// The end of the last one.
    pub(super) until: Timestamp,
    /// The time that is covered by them.
    pub(super) busy: Duration,
}

/// Marks that are drawn as one.
#[derive(Debug)]
pub(super) struct MarkCluster<'a> {
    /// Where its middle is.
    pub(super) x: f64,
    /// The gravest one.
    pub(super) kind: MarkKind,
    /// Them, the earliest first; never empty.
    pub(super) marks: Vec<&'a Mark>,
}

impl Block<'_> {
    /// Whether one of them goes on.
    pub(super) fn goes_on(&self) -> bool {
        self.bars.iter().any(|bar| bar.until.is_none())
    }

    /// The entry of the last of them that is over.
    pub(super) fn entry(&self) -> Option<EntryId> {
        self.bars.iter().rev().find_map(|bar| bar.id)
    }

    /// When it begins.
    pub(super) fn from(&self) -> Option<Timestamp> {
        self.bars.first().map(|bar| bar.from)
    }

    /// How much of its time is covered, from 0 to 1.
    pub(super) fn density(&self) -> f64 {
        let whole = self
            .from()
            .map_or(0.0, |from| self.until.duration_since(from).as_secs_f64());
        if whole > 0.0 {
            (self.busy.as_secs_f64() / whole).min(1.0)
        } else {
            1.0
        }
    }
}

impl<'a> MarkCluster<'a> {
    /// The first of the gravest marks, which the picture tells of.
    pub(super) fn gravest(&self) -> Option<&'a Mark> {
        self.marks.iter().find(|it| it.kind == self.kind).copied()
    }
}

/// The blocks of `bars`, which are of one kind and of one row, the earliest first. Blocks do not
/// overlap.
pub(super) fn blocks<'a>(
    bars: impl Iterator<Item = &'a Bar>,
    scale: &Scale,
    now: Timestamp,
) -> Vec<Block<'a>> {
    let mut blocks: Vec<Block<'a>> = Vec::new();
    for bar in bars {
        let until = bar.until.unwrap_or(now).max(bar.from);
        if !scale.shows(bar.from, until) {
            continue;
        }
        let last = blocks.last_mut();
        match last.filter(|last| last.takes_in(bar, until, scale)) {
            Some(last) => last.take_in(bar, until, scale),
            None => {
                let edge = blocks.last().map_or(scale.left, |last| last.right);
                blocks.push(Block::new(bar, until, edge, scale));
            }
        }
    }
    blocks
}

impl<'a> Block<'a> {
    /// Not before `edge`, where the block before it ends.
    fn new(bar: &'a Bar, until: Timestamp, edge: f64, scale: &Scale) -> Self {
        let left = scale
            .x(bar.from)
            .min(scale.right - BLOCK_WIDTH_MIN)
            .max(edge);
        Self {
            left,
            right: scale.x(until).max(left + BLOCK_WIDTH_MIN),
            bars: vec![bar],
            until,
            busy: bar.length(until),
        }
    }

    fn takes_in(&self, bar: &Bar, until: Timestamp, scale: &Scale) -> bool {
        // Two at a time: one program can wait twice.
        let overlaps = bar.from < self.until;
        let has_no_room = self.right + BLOCK_WIDTH_MIN > scale.right;
        let is_near = scale.x(bar.from) - self.right < BLOCK_GAP_MIN;
        let both_are_short = (scale.x(until) - self.left) <= CROWD_WIDTH_MAX;
        overlaps || has_no_room || (is_near && both_are_short)
    }

    fn take_in(&mut self, bar: &'a Bar, until: Timestamp, scale: &Scale) {
        let added = until.duration_since(bar.from.max(self.until));
        self.busy += Duration::try_from(added).unwrap_or_default();
        self.until = self.until.max(until);
        self.right = self
            .right
            .max(scale.x(until))
            .max(self.left + BLOCK_WIDTH_MIN);
        self.bars.push(bar);
    }
}

/// The clusters of `marks`, the earliest first. Their signs do not overlap.
pub(super) fn clusters<'a>(
    marks: impl Iterator<Item = &'a Mark>,
    scale: &Scale,
) -> Vec<MarkCluster<'a>> {
    let mut clusters: Vec<MarkCluster<'a>> = Vec::new();
    for mark in marks.filter(|mark| scale.shows(mark.at, mark.at)) {
        let x = scale.x(mark.at);
        match clusters.last_mut().filter(|last| x - last.x < MARK_WIDTH) {
            Some(last) => {
                last.kind = graver(last.kind, mark.kind);
                last.marks.push(mark);
            }
            None => clusters.push(MarkCluster {
                x,
                kind: mark.kind,
                marks: vec![mark],
            }),
        }
    }
    clusters
}

fn graver(one: MarkKind, other: MarkKind) -> MarkKind {
    let order = |kind| MarkKind::ALL.iter().position(|it| *it == kind);
    if order(other) > order(one) {
        other
    } else {
        one
    }
}
