//! Causes and their evidence in words.

use super::causes::FoundCause;
use super::evidence::{CauseEvidence, Fact};
use super::words::{Words, length, verbatim};
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
        }
    }
}
