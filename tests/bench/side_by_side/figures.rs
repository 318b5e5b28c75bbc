//! What was measured: samples of each figure, peer and round, and what is made of them.

use crate::parts::Part;
use crate::peers::Kind;
use std::collections::BTreeMap;

/// What a figure is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// At most this share of HAProxy's, in the same round.
    OfHaproxy(f64),
    /// At most this share of the best peer's, in the same round.
    OfBest(f64),
    /// At most this share of what goes straight to the backend, in the same round.
    OfStraight(f64),
    AtMost(f64),
}

/// One row of the result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    /// For `peers.json`.
    pub(crate) key: &'static str,
    pub(crate) part: Part,
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) is_more_better: bool,
    pub(crate) target: Option<Target>,
}

/// In the order in which they were declared or measured first.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) rows: Vec<Row>,
    /// What failed or stalled: the part, the peer, its words.
    pub(crate) failures: Vec<(Part, Kind, String)>,
    /// The last one of each part, peer and topic.
    pub(crate) notes: BTreeMap<(&'static str, Kind, &'static str), String>,
}

pub(crate) struct Row {
    pub(crate) figure: &'static Figure,
    /// For each peer a sample a round, or fewer where it failed.
    pub(crate) samples: BTreeMap<Kind, BTreeMap<usize, f64>>,
}

/// Of the rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Figures {
    /// In this order they stand in the table.
    pub(crate) fn declare<const N: usize>(&mut self, figures: [&'static Figure; N]) {
        for figure in figures {
            self.place(figure);
        }
    }

    pub(crate) fn add(&mut self, figure: &'static Figure, kind: Kind, round: usize, value: f64) {
        let place = self.place(figure);
        let of_peer = self.rows[place].samples.entry(kind).or_default();
        of_peer.insert(round, value);
    }

    fn place(&mut self, figure: &'static Figure) -> usize {
        let place = self.rows.iter().position(|row| row.figure == figure);
        place.unwrap_or_else(|| {
            self.rows.push(Row {
                figure,
                samples: BTreeMap::new(),
            });
            self.rows.len() - 1
        })
    }

    /// What a reader of the figures has to know.
    pub(crate) fn note(&mut self, part: Part, kind: Kind, topic: &'static str, words: String) {
        self.notes.insert((part.word(), kind, topic), words);
    }

    /// The rows that have samples.
    pub(crate) fn measured(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.samples.is_empty())
    }

    pub(crate) fn row(&self, key: &str) -> Option<&Row> {
        self.measured().find(|row| row.figure.key == key)
    }

    pub(crate) fn fail(&mut self, part: Part, kind: Kind, words: String) {
        // What it says the next time is more of the same.
        let is_known = |(known, of, _): &(Part, Kind, String)| (*known, *of) == (part, kind);
        if !self.failures.iter().any(is_known) {
            self.failures.push((part, kind, words));
        }
    }
}

impl Row {
    pub(crate) fn spread(&self, kind: Kind) -> Option<Spread> {
        Spread::of(self.samples.get(&kind)?.values().copied().collect())
    }

    /// popgate's share of another's, the median of the rounds.
    pub(crate) fn ratio(&self, other: Kind) -> Option<f64> {
        let (ours, theirs) = (self.samples.get(&Kind::Popgate)?, self.samples.get(&other)?);
        let pairs = ours
            .iter()
            .filter_map(|(round, ours)| Some(ours / theirs.get(round)?));
        Spread::of(pairs.collect()).map(|spread| spread.median)
    }

    /// popgate's share of the best peer's of each round.
    pub(crate) fn ratio_to_best(&self) -> Option<f64> {
        let ours = self.samples.get(&Kind::Popgate)?;
        let pairs = ours
            .iter()
            .filter_map(|(round, ours)| Some(ours / self.best(*round)?));
        Spread::of(pairs.collect()).map(|spread| spread.median)
    }

    fn best(&self, round: usize) -> Option<f64> {
        let peers = self.samples.iter().filter(|(kind, _)| !kind.is_ours());
        let values = peers.filter_map(|(_, samples)| samples.get(&round).copied());
        if self.figure.is_more_better {
            values.max_by(f64::total_cmp)
        } else {
            values.min_by(f64::total_cmp)
        }
    }

    /// What the target speaks of, and whether it is met.
    pub(crate) fn verdict(&self) -> Option<(f64, bool)> {
        let (value, most) = match self.figure.target? {
            Target::OfHaproxy(most) => (self.ratio(Kind::Haproxy)?, most),
            Target::OfBest(most) => (self.ratio_to_best()?, most),
            Target::OfStraight(most) => (self.ratio(Kind::Straight)?, most),
            Target::AtMost(most) => (self.spread(Kind::Popgate)?.median, most),
        };
        Some((value, value <= most))
    }
}

impl Spread {
    /// None of no samples.
    pub(crate) fn of(mut samples: Vec<f64>) -> Option<Self> {
        samples.sort_unstable_by(f64::total_cmp);
        let last = samples.len().checked_sub(1)?;
        let at = |quarter: usize| {
            // Between two samples, in proportion.
            let (place, part) = (last * quarter / 4, (last * quarter % 4) as f64 / 4.0);
            let next = samples[(place + 1).min(last)];
            samples[place] + (next - samples[place]) * part
        };
        Some(Self {
            low: at(1),
            median: at(2),
            high: at(3),
        })
    }
}
