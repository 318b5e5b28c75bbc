//! All of it for a person, and for a program.

use super::advice::{Advice, AdvisedSetting, Terms, advice, why_none};
use super::finding::{Finding, Severity};
use super::judge::findings;
use super::observations::Observations;
use crate::backend::BackendOptions;
use crate::ids::BackendName;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt;

/// What is said of one backend.
#[derive(Debug)]
pub struct Report {
    /// Its name.
    pub backend: BackendName,
    /// Where it is, as configured.
    pub address: String,
    /// What was found, in order.
    pub findings: Vec<Finding>,
    /// Of each finding, why a warning ends in no setting.
    pub no_setting: Vec<Option<&'static str>>,
    /// What should be set.
    pub advice: Vec<Advice>,
}

impl Report {
    /// Judges what was seen.
    #[must_use]
    pub fn new(
        seen: &Observations,
        options: &BackendOptions,
        terms: &Terms,
        now: Timestamp,
    ) -> Self {
        Self::of(findings(seen, options, now), options, terms)
    }

    fn of(findings: Vec<Finding>, options: &BackendOptions, terms: &Terms) -> Self {
        let why = |finding| why_none(finding, &findings, options, terms);
        Self {
            backend: options.name.clone(),
            address: options.address.clone(),
            advice: advice(&findings, options, terms),
            no_setting: findings.iter().map(why).collect(),
            findings,
        }
    }

    /// The worst of its findings.
    #[must_use]
    pub fn severity(&self) -> Severity {
        let severities = self.findings.iter().map(Finding::severity);
        severities.max().unwrap_or(Severity::Ok)
    }

    /// As an object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let findings = self.findings.iter().zip(&self.no_setting);
        let findings = findings.map(|(finding, no_setting)| {
            json!({
                "severity": finding.severity().as_str(),
                "topic": finding.topic(),
                "text": finding.to_string(),
                "no_setting": no_setting,
            })
        });
        let advice = self.advice.iter().map(|advice| {
            json!({
                "table": match &advice.setting {
                    AdvisedSetting::DefaultDomain(_) => "tenant",
                    setting if setting.is_of_tenants() => "defaults",
                    _ => "backend",
                },
                "toml": advice.setting.to_string(),
                "reason": advice.reason,
            })
        });
        json!({
            "name": self.backend.as_str(),
            "address": self.address,
            "severity": self.severity().as_str(),
            "findings": findings.collect::<Vec<_>>(),
            "advice": advice.collect::<Vec<_>>(),
        })
    }

    fn write_advice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tenants, own): (Vec<_>, Vec<_>) = self
            .advice
            .iter()
            .partition(|advice| advice.setting.is_of_tenants());
        if !own.is_empty() {
            write!(f, "\n\n[[backend]]\nname = \"{}\"", self.backend)?;
            write_settings(f, &own)?;
        }
        let (of_one, of_all): (Vec<_>, Vec<_>) = tenants
            .into_iter()
            .partition(|advice| matches!(advice.setting, AdvisedSetting::DefaultDomain(_)));
        if !of_all.is_empty() {
            write!(f, "\n\n[defaults]")?;
            write_settings(f, &of_all)?;
        }
        if !of_one.is_empty() {
            write!(f, "\n\n[[tenant]]\nname = \"default\"")?;
            write_settings(f, &of_one)?;
        }
        Ok(())
    }
}

fn write_settings(f: &mut fmt::Formatter<'_>, advised: &[&Advice]) -> fmt::Result {
    for advice in advised {
        write!(f, "\n{}  # {}", advice.setting, advice.reason)?;
    }
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "backend {}, {}", self.backend, self.address)?;
        for (finding, no_setting) in self.findings.iter().zip(&self.no_setting) {
            let (severity, topic) = (finding.severity().as_str(), finding.topic());
            write!(f, "\n  {severity:<5}  {topic:<11}  {finding}")?;
            if let Some(why) = no_setting {
                write!(f, "\n{:20}  (no setting: {why})", "")?;
            }
        }
        if self.severity() == Severity::Fault && self.advice.is_empty() {
            return Ok(());
        }
        if self.advice.is_empty() {
            return write!(f, "\n  nothing to change in its settings");
        }
        write!(f, "\n  settings that follow:")?;
        self.write_advice(f)
    }
}
