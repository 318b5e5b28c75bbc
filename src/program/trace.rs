//! What a client did, in few octets: each open session has one.

use super::step::Step;
use crate::limits::TRACE_STEPS_MAX;

/// A step of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenStep {
    /// The command.
    pub step: Step,
    /// Whether it came before the command in front of it was answered.
    pub sent_ahead: bool,
}

/// The first commands of a session, up to [`TRACE_STEPS_MAX`]; of equal ones in a row the first
/// two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    steps: [u8; TRACE_STEPS_MAX],
    len: u8,
}

/// In the octet of a step: it was sent ahead.
const SENT_AHEAD: u8 = 0x80;

impl SeenStep {
    fn of_octet(octet: u8) -> Option<Self> {
        Some(Self {
            step: *Step::ALL.get(usize::from(octet & !SENT_AHEAD))?,
            sent_ahead: octet & SENT_AHEAD != 0,
        })
    }
}

impl Trace {
    /// The client has said `step`.
    pub fn push(&mut self, step: Step, sent_ahead: bool) {
        let octet = step as u8 | if sent_ahead { SENT_AHEAD } else { 0 };
        let len = usize::from(self.len);
        let is_third = len >= 2 && self.steps[len - 2..len].iter().all(|&it| it == octet);
        if is_third || len == TRACE_STEPS_MAX {
            return;
        }
        self.steps[len] = octet;
        self.len += 1;
    }

    /// As [`Trace::of_octets`] reads it: an octet for each step. It only grows.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.steps[..usize::from(self.len)]
    }

    /// What [`Trace::octets`] gave; what no step has is left out.
    #[must_use]
    pub fn of_octets(octets: impl IntoIterator<Item = u8>) -> Self {
        let mut trace = Self::default();
        for seen in octets.into_iter().filter_map(SeenStep::of_octet) {
            trace.push(seen.step, seen.sent_ahead);
        }
        trace
    }

    /// The steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = SeenStep> + '_ {
        self.octets().iter().copied().filter_map(SeenStep::of_octet)
    }

    /// What came before login with the login itself, the last one where several were tried, and
    /// what came behind it, up to QUIT.
    pub(super) fn at_login(&self) -> (Self, Self) {
        let is_quit = |octet: &u8| octet & !SENT_AHEAD == Step::Quit as u8;
        let octets = self.octets();
        let end = octets.iter().position(is_quit);
        let octets = &octets[..end.map_or(octets.len(), |quit| quit + 1)];
        let ends_login =
            |octet: &u8| SeenStep::of_octet(*octet).is_some_and(|it| it.step.ends_login());
        let login = octets.iter().rposition(ends_login);
        let (before, after) = octets.split_at(login.map_or(octets.len(), |login| login + 1));
        (Self::copy_of(before), Self::copy_of(after))
    }

    /// Of octets of a trace, in which no three are equal in a row.
    fn copy_of(octets: &[u8]) -> Self {
        let mut copy = Self::default();
        copy.steps[..octets.len()].copy_from_slice(octets);
        // A trace has no more than `TRACE_STEPS_MAX`.
        copy.len = u8::try_from(octets.len()).unwrap_or_default();
        copy
    }

    /// Whether it begins so.
    pub(super) fn begins_with(&self, steps: &[Step]) -> bool {
        let octets = self.octets();
        octets.len() >= steps.len()
            && steps
                .iter()
                .zip(octets)
                .all(|(step, octet)| octet & !SENT_AHEAD == *step as u8)
    }

    /// The part before login, with the login itself.
    #[must_use]
    pub fn beginning(&self) -> Self {
        self.at_login().0
    }

    /// Reads what [`Trace::to_text`] writes; what is no step of this version is [`Step::Other`].
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let mut trace = Self::default();
        for word in text.split(", ").filter(|word| !word.is_empty()) {
            let name = word.strip_prefix('+');
            let step = Step::named(name.unwrap_or(word)).unwrap_or(Step::Other);
            trace.push(step, name.is_some());
        }
        trace
    }

    /// In words, as the history keeps it: `CAPA, USER, +PASS, STAT`, with a plus at what was sent
    /// ahead.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (place, seen) in self.steps().enumerate() {
            if place > 0 {
                text.push_str(", ");
            }
            if seen.sent_ahead {
                text.push('+');
            }
            text.push_str(seen.step.as_str());
        }
        text
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            steps: [0; TRACE_STEPS_MAX],
            len: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(steps: &[(Step, bool)]) -> Trace {
        let mut trace = Trace::default();
        for &(step, sent_ahead) in steps {
            trace.push(step, sent_ahead);
        }
        trace
    }

    #[test]
    fn steps_come_back_in_order_with_what_was_sent_ahead() {
        let trace = trace(&[(Step::User, false), (Step::Pass, true), (Step::Stat, false)]);
        assert_eq!(trace.to_text(), "USER, +PASS, STAT");
        assert_eq!(Trace::from_text(&trace.to_text()), trace);
        assert_eq!(Trace::from_text(""), Trace::default());
        assert_eq!(Trace::of_octets(trace.octets().iter().copied()), trace);
    }

    #[test]
    fn it_is_parted_behind_the_last_login_and_ends_at_quit() {
        for (text, before, after) in [
            (
                "CAPA, USER, +PASS, +STAT, QUIT, STAT",
                "CAPA, USER, +PASS",
                "+STAT, QUIT",
            ),
            (
                "AUTH PLAIN, USER, PASS, LIST",
                "AUTH PLAIN, USER, PASS",
                "LIST",
            ),
            ("CAPA, QUIT, USER, PASS", "CAPA, QUIT", ""),
        ] {
            let (login, behind) = Trace::from_text(text).at_login();
            assert_eq!(
                (login.to_text().as_str(), behind.to_text().as_str()),
                (before, after)
            );
        }
    }

    #[test]
    fn of_equal_ones_in_a_row_two_are_kept_and_no_more_than_there_is_room_for() {
        let many = [(Step::Retr, false); 9];
        assert_eq!(trace(&many).to_text(), "RETR, RETR");
        let mut long = Trace::default();
        for _ in 0..TRACE_STEPS_MAX {
            long.push(Step::Retr, false);
            long.push(Step::Dele, false);
        }
        assert_eq!(long.steps().count(), TRACE_STEPS_MAX);
    }
}
