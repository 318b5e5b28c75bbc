//! What a seed says: how many gates, how good the lines are, and what breaks when.

use fastrand::Rng;
use popgate::cluster::member::OnOutage;
use std::ops::Range;

/// How it goes while things break, and where nothing does.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) gates: usize,
    pub(super) maildrops: u8,
    pub(super) on_outage: OnOutage,
    /// The longest way of a message, in milliseconds.
    pub(super) latency: u64,
    /// Of a hundred messages each.
    pub(super) lost: u8,
    pub(super) late: u8,
    /// Between two logins of one gate in one maildrop, on average.
    pub(super) arrivals: u64,
    pub(super) longest_session: u64,
    pub(super) faults: Vec<(u64, Fault)>,
    /// When nothing breaks any more.
    pub(super) calm_from: u64,
}

/// Something that breaks, and for how many milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// The gate does nothing; its machine may be suspended, too.
    Frozen {
        gate: usize,
        when: Moment,
        suspended: bool,
        lasts: u64,
    },
    /// It dies, and another start of it takes its place.
    Killed { gate: usize, lasts: u64 },
    /// It stops in order, and starts again.
    Leaves { gate: usize, lasts: u64 },
    /// Messages between it and the engine are lost.
    Cut { gate: usize, way: Way, lasts: u64 },
    /// Its connection ends.
    Dropped { gate: usize },
    /// Its pushes are lost until it subscribes anew; whether the engine knows.
    Deaf { gate: usize, is_known: bool },
    /// The engine is another one: it has what was `kept` this long ago, or nothing.
    Replaced {
        kept: Option<u64>,
        lasts: u64,
        /// By how much its clock is behind.
        behind: u64,
        /// The one before still answers those who are connected with it.
        lingers: bool,
    },
    /// The engine does nothing, and then all at once.
    EngineFrozen { lasts: u64 },
    /// Each of its answers takes too long.
    EngineSlow { lasts: u64 },
    /// Many messages are lost.
    Storm { lasts: u64 },
}

/// When a gate is frozen: at once, or as soon as it is in such a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Now,
    /// Just before it hears of a turn that is its.
    Claimed,
    /// Just after it was given one.
    Given,
    Inside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    To,
    From,
    Both,
}

impl Plan {
    pub(super) fn draw(random: &mut Rng) -> Self {
        let is_calm = random.u8(..8) == 0;
        let gates = random.usize(2..=4);
        let mut plan = Self {
            gates,
            maildrops: random.u8(1..=2),
            on_outage: match random.u8(..3) {
                0 => OnOutage::Refuse,
                _ => OnOutage::Local,
            },
            latency: *choose(random, &[1, 5, 20]),
            lost: 0,
            late: 0,
            arrivals: *choose(random, &[700, 2_000, 5_000]),
            longest_session: *choose(random, &[300, 2_000, 15_000]),
            faults: Vec::new(),
            calm_from: 0,
        };
        if is_calm {
            return plan;
        }
        plan.lost = *choose(random, &[0, 0, 2, 10]);
        plan.late = *choose(random, &[0, 0, 5]);
        for _ in 0..random.usize(1..=4) {
            let at = random.u64(3_000..20_000);
            let fault = Fault::draw(random, gates);
            plan.calm_from = plan.calm_from.max(at + fault.lasts());
            plan.faults.push((at, fault));
        }
        plan.calm_from = plan.calm_from.max(10_000) + 3_000;
        plan.faults.sort_by_key(|(at, _)| *at);
        plan
    }
}

impl Fault {
    fn draw(random: &mut Rng, gates: usize) -> Self {
        let gate = random.usize(..gates);
        let short = random.u64(100..4_000);
        let long = random.u64(14_000..22_000);
        let lasts = if random.bool() { short } else { long };
        match random.u8(..14) {
            0..=2 => Self::Frozen {
                gate,
                when: *choose(
                    random,
                    &[Moment::Now, Moment::Claimed, Moment::Given, Moment::Inside],
                ),
                suspended: random.bool(),
                lasts,
            },
            3 => Self::Killed { gate, lasts: short },
            4 => Self::Leaves { gate, lasts: short },
            5 | 6 => Self::Cut {
                gate,
                way: *choose(random, &[Way::To, Way::From, Way::Both]),
                lasts,
            },
            7 => Self::Dropped { gate },
            8 => Self::Deaf {
                gate,
                is_known: random.bool(),
            },
            9 | 10 => Self::Replaced {
                kept: match random.u8(..3) {
                    0 => None,
                    1 => Some(0),
                    _ => Some(random.u64(1..2_500)),
                },
                lasts: among(random, 0..1_500, 1_500..8_000),
                behind: among(random, 0..1, 0..4_000),
                lingers: random.bool(),
            },
            11 => Self::EngineFrozen { lasts: short },
            12 => Self::EngineSlow { lasts: short },
            _ => Self::Storm { lasts: short },
        }
    }

    fn lasts(self) -> u64 {
        match self {
            // It may have to wait for its moment.
            Self::Frozen { lasts, .. } => lasts + 3_000,
            Self::Killed { lasts, .. }
            | Self::Leaves { lasts, .. }
            | Self::Cut { lasts, .. }
            | Self::Replaced { lasts, .. }
            | Self::EngineFrozen { lasts }
            | Self::EngineSlow { lasts }
            | Self::Storm { lasts } => lasts,
            Self::Dropped { .. } | Self::Deaf { .. } => 0,
        }
    }
}

fn among(random: &mut Rng, one: Range<u64>, other: Range<u64>) -> u64 {
    let range = if random.bool() { one } else { other };
    random.u64(range)
}

pub(super) fn choose<'a, T>(random: &mut Rng, among: &'a [T]) -> &'a T {
    &among[random.usize(..among.len())]
}
