//! What is said of the engine, to a person and to a program.

use super::connect::{EngineError, EngineOptions};
use super::findings::{EngineFinding, EngineVerdict};
use super::survey::EngineSurvey;
use serde_json::{Value, json};
use std::fmt;

/// What is said of the engine.
#[derive(Debug)]
pub struct EngineReport {
    /// What it is, and where.
    title: String,
    /// What was found, in order.
    findings: Vec<EngineFinding>,
    is_unavailable: bool,
}

impl EngineReport {
    /// From a look at the engine of `options`, or why there was none.
    #[must_use]
    pub fn new(options: &EngineOptions, seen: Result<EngineSurvey, EngineError>) -> Self {
        match seen {
            Ok(survey) => Self {
                title: format!("{} {}, {}", survey.product, survey.version, survey.address),
                findings: survey.findings(),
                is_unavailable: false,
            },
            Err(error) => Self {
                title: options.nodes.join(", "),
                is_unavailable: !matches!(error, EngineError::Unusable { .. }),
                findings: vec![EngineFinding {
                    verdict: EngineVerdict::Unfit,
                    topic: "reach",
                    what: error.to_string(),
                    effect: "gates cannot agree whose turn it is",
                    remedy: error.remedy(options),
                }],
            },
        }
    }

    /// The gravest verdict.
    #[must_use]
    pub fn verdict(&self) -> EngineVerdict {
        let verdicts = self.findings.iter().map(|it| it.verdict);
        verdicts
            .max_by_key(|it| *it as usize)
            .unwrap_or(EngineVerdict::Fit)
    }

    /// Whether it could not be looked at, since it cannot be reached, or answers nobody now.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.is_unavailable
    }

    /// As an object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let findings = self.findings.iter().map(|finding| {
            json!({
                "severity": finding.verdict.as_str(),
                "topic": finding.topic,
                "text": finding.what,
                "effect": none_if_empty(finding.effect),
                "hint": none_if_empty(&finding.remedy),
            })
        });
        json!({
            "name": self.title,
            "severity": self.verdict().as_str(),
            "findings": findings.collect::<Vec<_>>(),
        })
    }
}

fn none_if_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

impl fmt::Display for EngineReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "engine {}", self.title)?;
        for finding in &self.findings {
            let verdict = finding.verdict.as_str();
            write!(
                f,
                "\n  {verdict:<5}  {:<11}  {}",
                finding.topic, finding.what
            )?;
            if let Some(effect) = none_if_empty(finding.effect) {
                write!(f, "\n{:22}{effect}", "")?;
            }
            if let Some(remedy) = none_if_empty(&finding.remedy) {
                write!(f, "\n{:22}hint: {remedy}", "")?;
            }
        }
        Ok(())
    }
}
