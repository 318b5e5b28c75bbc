//! Which wait was for which hold: where they overlap in time, the two are joined.

use super::scale::Scale;
use crate::limits::TIMELINE_LINKS_MAX;
use crate::report::timeline::{Bar, BarKind, Timeline};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Overlaps that are nearer than this are drawn as one, in pixels.
const LINK_GAP_MIN: f64 = 2.0;

/// Where waits of one row met holds of another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Link {
    /// The row that waited.
    pub(super) waiting: usize,
    /// The row that had the lock.
    pub(super) holding: usize,
    /// Where it begins.
    pub(super) left: f64,
    /// Where it ends.
    pub(super) right: f64,
}

/// A time at which a row had the lock.
struct Held {
    row: usize,
    from: Timestamp,
    until: Timestamp,
    /// The latest end of this one and all that began before it.
    latest: Timestamp,
}

/// All of a timeline. Of more than [`TIMELINE_LINKS_MAX`] the widest: they only point at what
/// the bars show.
pub(super) fn links(timeline: &Timeline, scale: &Scale) -> Vec<Link> {
    let held = held(timeline);
    let mut pairs: BTreeMap<(usize, usize), Vec<(f64, f64)>> = BTreeMap::new();
    for (row, wait) in bars(timeline, |kind| kind == BarKind::Wait) {
        let until = wait.until.unwrap_or(timeline.now);
        for (holding, from, until) in overlaps(&held, wait.from, until) {
            if holding != row && scale.shows(from, until) {
                let place = (scale.x(from), scale.x(until));
                pairs.entry((row, holding)).or_default().push(place);
            }
        }
    }
    let mut links: Vec<Link> = pairs.into_iter().flat_map(joined).collect();
    if links.len() > TIMELINE_LINKS_MAX {
        links.sort_by(|one, other| (other.right - other.left).total_cmp(&(one.right - one.left)));
        links.truncate(TIMELINE_LINKS_MAX);
    }
    links
}

/// Bars and their rows.
fn bars(
    timeline: &Timeline,
    is_wanted: impl Fn(BarKind) -> bool + Copy,
) -> impl Iterator<Item = (usize, &Bar)> {
    timeline.rows.iter().enumerate().flat_map(move |(row, of)| {
        let bars = of.bars.iter().filter(move |bar| is_wanted(bar.kind));
        bars.map(move |bar| (row, bar))
    })
}

/// The earliest first.
fn held(timeline: &Timeline) -> Vec<Held> {
    let has_lock = |kind| matches!(kind, BarKind::Hold | BarKind::Login);
    let mut held: Vec<Held> = bars(timeline, has_lock)
        .map(|(row, bar)| {
            let until = bar.until.unwrap_or(timeline.now);
            Held {
                row,
                from: bar.from,
                until,
                latest: until,
            }
        })
        .collect();
    held.sort_by_key(|it| it.from);
    for index in 1..held.len() {
        held[index].latest = held[index].latest.max(held[index - 1].latest);
    }
    held
}

/// Who had the lock at some time from `from` to `until`, and when within that.
fn overlaps(
    held: &[Held],
    from: Timestamp,
    until: Timestamp,
) -> impl Iterator<Item = (usize, Timestamp, Timestamp)> {
    let begun = held.partition_point(|it| it.from < until);
    held[..begun]
        .iter()
        .rev()
        .take_while(move |it| it.latest > from)
        .filter(move |it| it.until > from)
        .map(move |it| (it.row, it.from.max(from), it.until.min(until)))
}

fn joined(((waiting, holding), mut places): ((usize, usize), Vec<(f64, f64)>)) -> Vec<Link> {
    places.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut links: Vec<Link> = Vec::new();
    for (left, right) in places {
        match links.last_mut().filter(|it| left - it.right < LINK_GAP_MIN) {
            Some(last) => last.right = last.right.max(right),
            None => links.push(Link {
                waiting,
                holding,
                left,
                right,
            }),
        }
    }
    links
}
