//! Causes and their evidence in words, and the marks of a timeline.

use super::causes::FoundCause;
use super::evidence::{CauseEvidence, Fact};
use super::timeline::{Mark, MarkKind};
use super::words::{Words, length, verbatim};
use crate::escape::escaped;
use crate::history::{CauseName, HistoryEntry};
use crate::policy::refusal::LoginRule;
use fluent_bundle::FluentValue;

/// A cause in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CauseWords {
    /// What it is, in a few words.
    pub title: String,
    /// How likely it is.
    pub likelihood: String,
    /// What was seen, in sentences.
    pub evidence: String,
    /// What to do, in a sentence.
    pub advice: String,
}

impl Words {
    /// `found` in words.
    #[must_use]
    pub fn cause(&self, found: &FoundCause) -> CauseWords {
        let name = found.cause.as_str();
        let evidence: Vec<_> = found.evidence.iter().map(|it| self.evidence(it)).collect();
        CauseWords {
            title: self.say(&format!("title-{name}")),
            likelihood: self.say(&format!("likelihood-{}", found.likelihood.as_str())),
            evidence: evidence.join(" "),
            advice: self.say(&format!("advice-{}", found.advice.as_str())),
        }
    }

    fn evidence(&self, evidence: &CauseEvidence) -> String {
        let id = format!("evidence-{}", evidence.kind.as_str());
        let facts: Vec<_> = evidence
            .facts
            .iter()
            .map(|(name, fact)| (*name, self.fact(fact)))
            .collect();
        self.tell(&id, &facts)
    }

    fn fact(&self, fact: &Fact) -> FluentValue<'static> {
        match fact {
            Fact::Time(at) => self.time(*at).into(),
            Fact::Length(duration) => length(*duration).into(),
            // As text: a number could be grouped.
            Fact::Count(count) => count.to_string().into(),
            Fact::Client(who) => self.client(who.address, who.program).into(),
            Fact::Quote(text) => verbatim(text),
            Fact::Ending {
                cause,
                rule,
                sentence,
            } => self.told_ending(*cause, *rule, sentence).into(),
        }
    }

    /// How a login ended; where a rule refused it, by which one.
    pub(super) fn entry_ending(&self, entry: &HistoryEntry) -> String {
        self.ending_by(entry.cause, rule_of(entry))
    }

    fn ending_by(&self, cause: CauseName, rule: Option<LoginRule>) -> String {
        match rule.filter(|_| cause == CauseName::RefusedByRule) {
            Some(rule) => self.say(&format!("rule-{}", rule.as_str())),
            None => self.ending(cause),
        }
    }

    /// How a login ended, with the log's `sentence` where that says more.
    fn told_ending(&self, cause: CauseName, rule: Option<LoginRule>, sentence: &str) -> String {
        let ending = self.ending_by(cause, rule);
        match has_words_of_others(cause) {
            true => format!("{ending} ({})", escaped(sentence)),
            false => ending,
        }
    }

    /// What a mark of a timeline stands for.
    pub(super) fn mark(&self, mark: &Mark) -> String {
        let entry = &*mark.entry;
        let ending = self.told_ending(entry.cause, rule_of(entry), &entry.sentence);
        match (mark.kind, &entry.answer) {
            (MarkKind::Twin, _) => self.say("mark-twin"),
            (MarkKind::Refused, Some(line)) => self.tell(
                "mark-answer",
                &[("ending", ending.into()), ("line", verbatim(line))],
            ),
            _ => ending,
        }
    }
}

fn rule_of(entry: &HistoryEntry) -> Option<LoginRule> {
    entry.login.as_ref()?.rule
}

/// Whether the log's sentence of this cause says more than the catalogue can.
pub(super) fn has_words_of_others(cause: CauseName) -> bool {
    matches!(
        cause,
        CauseName::BackendUnreachable
            | CauseName::LoginUnanswered
            | CauseName::LoginUnansweredInTime
            | CauseName::LostToCapa
            | CauseName::ClosedAtPass
            | CauseName::BackendViolation
            | CauseName::Kicked
    )
}
