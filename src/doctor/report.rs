//! All of it for a person, and for a program.

use super::advice::{Advice, SettingTable, Terms, advice, why_none};
use super::finding::{Finding, Severity};
use super::judge::findings;
use super::observations::Observations;
use super::verdict::{Against, SharingVerdict};
use crate::backend::BackendOptions;
use crate::ids::{BackendName, TenantName};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt;

/// What is said of one backend.
#[derive(Debug)]
pub struct Report {
    /// Its name.
    pub backend: BackendName,
    /// The tenant of the test account.
    pub tenant: TenantName,
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
        let findings = findings(seen, options, now);
        let tenant = seen.forms.as_ref().and_then(|forms| forms.tenant.clone());
        let why = |finding| why_none(finding, &findings, options, terms);
        Self {
            backend: options.name.clone(),
            tenant: tenant.unwrap_or_else(|| TenantName::new("default")),
            address: options.address.clone(),
            advice: advice(&findings, options, terms),
            no_setting: findings.iter().map(why).collect(),
            findings,
        }
    }

    /// The worst of its findings.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.findings
            .iter()
            .map(Finding::severity)
            .max()
            .unwrap_or(Severity::Ok)
    }

    /// Whether nothing but the configuration is at fault.
    #[must_use]
    pub fn is_only_misconfigured(&self) -> bool {
        let mut faults = self.findings.iter();
        self.severity() == Severity::Fault
            && faults.all(|it| it.severity() < Severity::Fault || it.is_misconfigured())
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
                "table": advice.setting.table().as_str(),
                "toml": advice.setting.to_string(),
                "reason": advice.reason,
            })
        });
        json!({
            "name": self.backend.as_str(),
            "address": self.address,
            "severity": self.severity().as_str(),
            "sharing": self.sharing_json(),
            "findings": findings.collect::<Vec<_>>(),
            "advice": advice.collect::<Vec<_>>(),
        })
    }

    /// Whether listings may be shared, `null` where that is not known, and words for why.
    fn sharing_json(&self) -> Value {
        let verdict = self.findings.iter().find_map(|finding| match finding {
            Finding::Sharing(verdict, _) => Some(verdict),
            _ => None,
        });
        let (shareable, reasons) = match verdict {
            Some(SharingVerdict::Shareable { .. }) => (Some(true), Vec::new()),
            Some(SharingVerdict::Not(against)) => {
                let reasons = against.iter().map(Against::as_str).collect();
                (Some(false), reasons)
            }
            Some(SharingVerdict::Unknown(lacking)) => (None, vec![lacking.as_str()]),
            None => (None, vec!["no_login"]),
        };
        json!({ "shareable": shareable, "reasons": reasons })
    }

    fn write_advice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in SettingTable::ALL {
            let mut advised = self
                .advice
                .iter()
                .filter(|advice| advice.setting.table() == *table)
                .peekable();
            if advised.peek().is_none() {
                continue;
            }
            match table {
                SettingTable::Backend => write!(f, "\n\n[[backend]]\nname = \"{}\"", self.backend)?,
                SettingTable::Defaults => write!(f, "\n\n[defaults]")?,
                SettingTable::Tenant => write!(f, "\n\n[[tenant]]\nname = \"{}\"", self.tenant)?,
            }
            for advice in advised {
                write!(f, "\n{}  # {}", advice.setting, advice.reason)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "backend {}, {}", self.backend, self.address)?;
        for (finding, no_setting) in self.findings.iter().zip(&self.no_setting) {
            let severity = finding.severity().as_str();
            write!(f, "\n  {severity:<5}  {:<11}  {finding}", finding.topic())?;
            if let Some(why) = no_setting {
                write!(f, "\n{:20}  (no setting: {why})", "")?;
            }
        }
        // "Nothing to change" would sound as if all were well.
        if self.severity() == Severity::Fault && self.advice.is_empty() {
            return Ok(());
        }
        if self.advice.is_empty() {
            return write!(f, "\n  nothing to change in its settings");
        }
        write!(f, "\n  recommended settings:")?;
        self.write_advice(f)
    }
}
