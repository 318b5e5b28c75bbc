//! From what was seen to a guess.

use super::evidence::{Evidence, Halves};
use super::family::{Confidence, Family, ProgramGuess};
use super::step::Step;
use super::table::{Signature, TABLE};
use super::trace::Trace;
use std::cmp::Ordering;

/// Which program this is thought to be.
///
/// Of the rows of the table that fit, the surest ones count. Where they name several programs, or
/// there is none, or one that scripts act like, what is remembered says more, as long as that
/// program could have done what was seen.
#[must_use]
pub fn guess(evidence: &Evidence<'_>) -> ProgramGuess {
    let halves = Halves::of(evidence.trace);
    let seen = surest(&halves, evidence);
    let guess = match evidence.remembered {
        Some(family) => recalled(seen, family, &halves),
        None => seen,
    };
    if evidence.has_given_up && guess.family == Family::ClawsOrSylpheed {
        let family = claws_or_sylpheed(&halves);
        return ProgramGuess { family, ..guess };
    }
    guess
}

fn surest(halves: &Halves, evidence: &Evidence<'_>) -> ProgramGuess {
    let mut best: Option<&Signature> = None;
    let mut is_unanimous = true;
    for row in TABLE.iter().filter(|row| row.fits(halves, evidence)) {
        match best.map(|best| row.confidence.cmp(&best.confidence)) {
            Some(Ordering::Less) => {}
            Some(Ordering::Equal) => is_unanimous &= best.is_some_and(|it| it.family == row.family),
            Some(Ordering::Greater) | None => (best, is_unanimous) = (Some(row), true),
        }
    }
    match best {
        Some(best) if is_unanimous => ProgramGuess {
            family: best.family,
            confidence: best.confidence,
        },
        _ => ProgramGuess::UNKNOWN,
    }
}

fn recalled(seen: ProgramGuess, remembered: Family, halves: &Halves) -> ProgramGuess {
    if seen.is_worth_remembering() {
        let family = seen.family.with(remembered).unwrap_or(seen.family);
        return ProgramGuess { family, ..seen };
    }
    if !may_fit(remembered, halves) {
        return seen;
    }
    ProgramGuess {
        family: remembered,
        confidence: Confidence::Medium,
    }
}

/// Whether a program of this family could have done what was seen, if it was not done yet.
#[must_use]
pub fn could_be(family: Family, trace: &Trace) -> bool {
    may_fit(family, &Halves::of(trace))
}

fn may_fit(family: Family, halves: &Halves) -> bool {
    TABLE
        .iter()
        .any(|row| row.family.with(family).is_some() && row.may_fit(halves))
}

/// Where it is refused, Claws Mail closes, and Sylpheed says QUIT first.
fn claws_or_sylpheed(halves: &Halves) -> Family {
    if halves.has(Step::Quit) {
        Family::Sylpheed
    } else {
        Family::ClawsMail
    }
}
