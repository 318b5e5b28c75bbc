//! Which backends have shown that their sessions can be shared.

use crate::ids::BackendName;
use crate::policy::sharing::BackendRecord;
use dashmap::DashMap;

/// What sessions of each backend have shown. Backends are named in the configuration, so that there
/// are few.
#[derive(Debug, Default)]
pub struct BackendProofs(DashMap<BackendName, BackendRecord>);

impl BackendProofs {
    /// A session has shown this of its backend. Returns all that is known where that is more now.
    pub fn see(&self, backend: &BackendName, seen: BackendRecord) -> Option<BackendRecord> {
        let mut proof = self.0.entry(backend.clone()).or_default();
        let before = *proof;
        *proof = before.with(seen);
        (*proof != before).then_some(*proof)
    }

    /// What is known of a backend.
    #[must_use]
    pub fn of(&self, backend: &BackendName) -> BackendRecord {
        self.0.get(backend).map(|proof| *proof).unwrap_or_default()
    }

    /// Another server answers under this name: what was seen says nothing of it.
    pub fn forget(&self, backend: &BackendName) {
        self.0.remove(backend);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sharing::BackendProof;

    #[test]
    fn a_backend_that_was_proven_and_refuted_is_refuted() {
        let (proofs, backend) = (BackendProofs::default(), BackendName::new("b"));
        let ids = |outlive| BackendRecord {
            ids_outlive_close: Some(outlive),
            ..BackendRecord::default()
        };
        let lock = BackendRecord {
            lock_is_freed: Some(true),
            ..BackendRecord::default()
        };
        let verdict = || proofs.of(&backend).verdict();
        assert!(proofs.see(&backend, ids(true)).is_some());
        assert_eq!(verdict(), BackendProof::None);
        assert!(proofs.see(&backend, lock).is_some());
        assert_eq!(verdict(), BackendProof::Given);
        assert!(proofs.see(&backend, lock).is_none());
        assert!(proofs.see(&backend, ids(false)).is_some());
        assert!(proofs.see(&backend, ids(true)).is_none());
        assert_eq!(verdict(), BackendProof::Refuted);
    }
}
