//! Tenants and backends that an operator has paused: their logins wait, their sessions go on.

use crate::ids::{BackendName, TenantName};
use std::collections::BTreeSet;
use std::fmt;

/// What an operator can pause.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PauseSubject {
    /// The logins of a tenant.
    Tenant(TenantName),
    /// The logins that go to a backend.
    Backend(BackendName),
}

impl fmt::Display for PauseSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(name) => write!(f, "tenant `{name}`"),
            Self::Backend(name) => write!(f, "backend `{name}`"),
        }
    }
}

/// All that is paused, in the order of the names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PausedNames {
    /// Tenants.
    pub tenants: BTreeSet<TenantName>,
    /// Backends.
    pub backends: BTreeSet<BackendName>,
}

impl PausedNames {
    /// Whether nothing is paused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tenants.is_empty() && self.backends.is_empty()
    }

    /// Pauses `subject`; `false`: it was paused.
    pub fn pause(&mut self, subject: &PauseSubject) -> bool {
        match subject {
            PauseSubject::Tenant(name) => self.tenants.insert(name.clone()),
            PauseSubject::Backend(name) => self.backends.insert(name.clone()),
        }
    }

    /// Resumes `subject`; `false`: it was not paused.
    pub fn resume(&mut self, subject: &PauseSubject) -> bool {
        match subject {
            PauseSubject::Tenant(name) => self.tenants.remove(name),
            PauseSubject::Backend(name) => self.backends.remove(name),
        }
    }

    /// The names for which `exists` is false.
    #[must_use]
    pub fn missing(&self, exists: impl Fn(&PauseSubject) -> bool) -> Vec<PauseSubject> {
        let tenants = self.tenants.iter().cloned().map(PauseSubject::Tenant);
        let backends = self.backends.iter().cloned().map(PauseSubject::Backend);
        tenants
            .chain(backends)
            .filter(|subject| !exists(subject))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> PauseSubject {
        PauseSubject::Tenant(TenantName::new(name))
    }

    fn backend(name: &str) -> PauseSubject {
        PauseSubject::Backend(BackendName::new(name))
    }

    #[test]
    fn a_tenant_and_a_backend_of_one_name_are_paused_apart() {
        let mut paused = PausedNames::default();
        assert!(paused.pause(&tenant("example")));
        assert!(!paused.pause(&tenant("example")));
        assert!(paused.backends.is_empty());
        assert!(!paused.resume(&backend("example")));
        assert!(paused.resume(&tenant("example")));
        assert!(paused.is_empty());
    }

    #[test]
    fn a_name_that_is_gone_is_told_from_one_that_is_there() {
        let mut paused = PausedNames::default();
        for subject in [tenant("a"), tenant("b"), backend("a")] {
            paused.pause(&subject);
        }
        let gone = paused.missing(|subject| *subject == tenant("b"));
        assert_eq!(gone, [tenant("a"), backend("a")]);
    }
}
