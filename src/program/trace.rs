//! What a client did, in few octets: each open session has one.

use crate::limits::TRACE_STEPS_MAX;
use crate::str_enum::str_enum;

str_enum! {
    /// A command, in the form that tells programs apart.
    Step {
        /// CAPA.
        Capa = "CAPA",
        /// STLS.
        Stls = "STLS",
        /// AUTH without a mechanism.
        AuthList = "AUTH",
        /// AUTH PLAIN that waits for the server's `+`.
        AuthPlain = "AUTH PLAIN",
        /// AUTH PLAIN with an initial response.
        AuthPlainInitial = "AUTH PLAIN =",
        /// AUTH LOGIN.
        AuthLogin = "AUTH LOGIN",
        /// Another mechanism.
        AuthOther = "AUTH other",
        /// USER.
        User = "USER",
        /// PASS.
        Pass = "PASS",
        /// APOP.
        Apop = "APOP",
        /// STAT.
        Stat = "STAT",
        /// LIST without a number.
        List = "LIST",
        /// LIST of one message.
        ListOne = "LIST n",
        /// UIDL without a number.
        Uidl = "UIDL",
        /// UIDL of one message.
        UidlOne = "UIDL n",
        /// RETR.
        Retr = "RETR",
        /// TOP of the header alone.
        TopHeader = "TOP n 0",
        /// TOP of some lines.
        Top = "TOP n m",
        /// TOP of so many lines that it is the whole message.
        TopAll = "TOP n all",
        /// DELE.
        Dele = "DELE",
        /// RSET.
        Rset = "RSET",
        /// NOOP.
        Noop = "NOOP",
        /// LAST (RFC 1460).
        Last = "LAST",
        /// UTF8 (RFC 6856).
        Utf8 = "UTF8",
        /// QUIT.
        Quit = "QUIT",
        /// Anything else.
        Other = "other",
    }
}

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

    /// The steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = SeenStep> + '_ {
        let kept = &self.steps[..usize::from(self.len)];
        kept.iter().filter_map(|&octet| {
            Some(SeenStep {
                step: *Step::ALL.get(usize::from(octet & !SENT_AHEAD))?,
                sent_ahead: octet & SENT_AHEAD != 0,
            })
        })
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
        let words = self.steps().map(|seen| {
            let plus = if seen.sent_ahead { "+" } else { "" };
            format!("{plus}{}", seen.step.as_str())
        });
        words.collect::<Vec<_>>().join(", ")
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
