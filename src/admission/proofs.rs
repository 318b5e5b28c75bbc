//! Which backends have shown that their sessions can be shared.

use crate::ids::BackendName;
use crate::policy::sharing::{BackendProof, Proof};
use dashmap::DashMap;

/// What sessions of each backend have shown. Backends are named in the configuration, so that there
/// are few.
#[derive(Debug, Default)]
pub struct BackendProofs(DashMap<BackendName, Proof>);

impl BackendProofs {
    /// A session has shown this of its backend. Returns the verdict where it is another one now.
    pub fn see(&self, backend: &BackendName, seen: Proof) -> Option<BackendProof> {
        let mut proof = self.0.entry(backend.clone()).or_default();
        let before = proof.verdict();
        *proof = proof.with(seen);
        let verdict = proof.verdict();
        (verdict != before).then_some(verdict)
    }

    /// What is known of a backend.
    #[must_use]
    pub fn of(&self, backend: &BackendName) -> Proof {
        self.0.get(backend).map(|proof| *proof).unwrap_or_default()
    }

    /// What is known of each backend of which anything is.
    #[must_use]
    pub fn all(&self) -> Vec<(BackendName, Proof)> {
        let proofs = self.0.iter();
        proofs.map(|it| (it.key().clone(), *it.value())).collect()
    }
}
