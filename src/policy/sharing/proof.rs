//! Whether a backend's sessions can be shared, as its sessions have shown.

use crate::str_enum::str_enum;

str_enum! {
    /// What is known of a backend.
    BackendProof {
        /// Not enough was seen.
        None = "none",
        /// Unique-ids of new mail outlive a session without QUIT, and the lock is free soon after.
        Given = "given",
        /// One of both is not so.
        Refuted = "refuted",
    }
}

/// What sessions of one backend have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendRecord {
    /// Whether the unique-ids of new mail were the same after a session that had shown them and
    /// left without QUIT, as far as that was seen.
    pub ids_outlive_close: Option<bool>,
    /// Whether the lock was free soon after a session that left without QUIT, as far as that was
    /// seen.
    pub lock_is_freed: Option<bool>,
}

impl BackendRecord {
    /// Adds what another session has shown. What speaks against the backend stays.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let worse = |a: Option<bool>, b: Option<bool>| match (a, b) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (a, b) => a.or(b),
        };
        Self {
            ids_outlive_close: worse(self.ids_outlive_close, other.ids_outlive_close),
            lock_is_freed: worse(self.lock_is_freed, other.lock_is_freed),
        }
    }

    /// What follows.
    #[must_use]
    pub fn verdict(self) -> BackendProof {
        match (self.ids_outlive_close, self.lock_is_freed) {
            (Some(false), _) | (_, Some(false)) => BackendProof::Refuted,
            (Some(true), Some(true)) => BackendProof::Given,
            _ => BackendProof::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_proven_by_both_and_refuted_by_one() {
        let seen = |ids_outlive_close, lock_is_freed| BackendRecord {
            ids_outlive_close,
            lock_is_freed,
        };
        for (proof, verdict) in [
            (seen(None, None), BackendProof::None),
            (seen(Some(true), None), BackendProof::None),
            (seen(None, Some(true)), BackendProof::None),
            (seen(Some(true), Some(true)), BackendProof::Given),
            (seen(Some(false), None), BackendProof::Refuted),
            (seen(Some(true), Some(false)), BackendProof::Refuted),
        ] {
            assert_eq!(proof.verdict(), verdict, "{proof:?}");
        }
        let good = seen(Some(true), Some(true));
        let bad = seen(Some(false), None);
        assert_eq!(good.with(bad).with(good).verdict(), BackendProof::Refuted);
        assert_eq!(seen(Some(true), None).with(seen(None, Some(true))), good);
    }
}
