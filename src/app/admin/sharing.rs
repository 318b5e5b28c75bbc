//! Whether sessions of a maildrop may stand on a listing of it, and why not.

use super::AdminHandle;
use crate::admin::model::{SharedBackendInfo, SharingInfo};
use crate::app::changes::shareable_word;
use crate::backend::Shareable;
use crate::cluster::handle::ClusterHandle;
use crate::gate::Settings;
use crate::ids::{BackendName, MaildropKey};
use crate::policy::rules::{SharingMode, SharingRules};
use crate::policy::sharing::{BackendRecord, Unshareable};
use crate::policy::tenant::LoginPolicy;
use crate::time::Instant;

impl AdminHandle {
    pub(super) fn sharing(
        &self,
        key: &MaildropKey,
        policy: &LoginPolicy,
        now: Instant,
    ) -> SharingInfo {
        let settings = self.cx.settings();
        let local = &self.cx.admission.local;
        let known = |name: &BackendName| KnownBackend {
            name: name.clone(),
            shareable: configured(&settings, name),
            seen: local.proofs.of(name),
        };
        let backends: Vec<KnownBackend> = key.backends().iter().map(known).collect();
        let unshareable = local.listings.unshareable(key, now);
        let why_not = why_not(
            &policy.sharing,
            self.cx
                .cluster
                .as_ref()
                .is_none_or(ClusterHandle::is_healthy),
            &backends,
            &unshareable,
        );
        SharingInfo {
            mode: mode(policy.sharing.mode).to_owned(),
            steps: steps(&policy.sharing).map(str::to_owned).collect(),
            shareable: why_not.is_empty(),
            why_not,
            backends: backends.iter().map(KnownBackend::info).collect(),
            unshareable: unshareable
                .iter()
                .map(|why| why.as_str().to_owned())
                .collect(),
        }
    }
}

/// What is known of a backend that may hold the maildrop.
struct KnownBackend {
    name: BackendName,
    shareable: Shareable,
    seen: BackendRecord,
}

impl KnownBackend {
    /// Why its maildrops are not shared; none where they may be.
    fn why_not(&self) -> Option<String> {
        let name = &self.name;
        if self.shareable.allows(self.seen) {
            return None;
        }
        if self.shareable == Shareable::No {
            return Some(format!("backend {name} has shareable = false"));
        }
        let seen = self.seen;
        Some(match (seen.ids_outlive_close, seen.lock_is_freed) {
            (Some(false), _) => {
                format!("backend {name} gives new mail other unique ids after a close without QUIT")
            }
            (_, Some(false)) => {
                format!(
                    "backend {name} keeps its lock for more than 1 s after a close without QUIT"
                )
            }
            (None, _) => format!(
                "backend {name} has not shown yet that unique ids of new mail outlive a close \
                 without QUIT"
            ),
            (_, None) => format!(
                "backend {name} has not shown yet that its lock is free soon after a close without \
                 QUIT"
            ),
            (Some(true), Some(true)) => return None,
        })
    }

    fn info(&self) -> SharedBackendInfo {
        SharedBackendInfo {
            name: self.name.to_string(),
            shareable: shareable_word(self.shareable),
            proof: self.seen.verdict().as_str().to_owned(),
            ids_outlive_close: self.seen.ids_outlive_close,
            lock_is_freed: self.seen.lock_is_freed,
        }
    }
}

fn configured(settings: &Settings, backend: &BackendName) -> Shareable {
    let backend = settings.backends.get(backend);
    backend.map_or(Shareable::No, |it| it.options().shareable)
}

/// A sentence for each reason. A backend alone is none where another one may be shared.
fn why_not(
    rules: &SharingRules,
    engine_is_well: bool,
    backends: &[KnownBackend],
    unshareable: &[Unshareable],
) -> Vec<String> {
    let mode = match rules.mode {
        SharingMode::Off => Some("sharing is off"),
        SharingMode::Shadow => Some("sharing is \"shadow\", which lets nobody in on a listing"),
        SharingMode::On if steps(rules).next().is_none() => Some("all of sharing is switched off"),
        SharingMode::On => None,
    };
    let engine = (!engine_is_well).then_some("the engine of the cluster is not well just now");
    let settings = mode.into_iter().chain(engine).map(str::to_owned);
    let reasons: Vec<_> = backends.iter().map(KnownBackend::why_not).collect();
    let is_one_good = reasons.iter().any(Option::is_none);
    let of_backends = reasons.into_iter().flatten().filter(|_| !is_one_good);
    let of_maildrop = unshareable.iter().map(|&why| sentence(why).to_owned());
    settings.chain(of_backends).chain(of_maildrop).collect()
}

fn mode(mode: SharingMode) -> &'static str {
    match mode {
        SharingMode::Off => "off",
        SharingMode::Shadow => "shadow",
        SharingMode::On => "on",
    }
}

/// Those that are switched on.
fn steps(rules: &SharingRules) -> impl Iterator<Item = &'static str> {
    let steps = [
        (rules.end_of_wait, "end_of_wait"),
        (rules.demotion, "demotion"),
        (rules.let_in, "let_in"),
    ];
    let on = steps.into_iter().filter(|(is_on, _)| *is_on);
    on.map(|(_, name)| name)
}

fn sentence(why: Unshareable) -> &'static str {
    match why {
        Unshareable::Numbers => "its unique ids are the numbers of the messages",
        Unshareable::Repeated => "two of its messages had one unique id",
        Unshareable::Changed => "its messages had other unique ids than before",
        Unshareable::Recycled => "the unique id of a deleted message was used again",
        Unshareable::Renumbered => "its messages stood in another order than before",
        Unshareable::Resized => "the size of a message changed",
        Unshareable::Vanished => "its messages vanish after they are fetched",
        Unshareable::Expire => "its server deletes messages of itself (EXPIRE)",
        Unshareable::LoginDelay => "its server refuses logins that come too soon (LOGIN-DELAY)",
        Unshareable::NotPromoted => "a session on a listing could not go on in it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(shareable: Shareable, ids: Option<bool>, lock: Option<bool>) -> KnownBackend {
        KnownBackend {
            name: BackendName::new("b"),
            shareable,
            seen: BackendRecord {
                ids_outlive_close: ids,
                lock_is_freed: lock,
            },
        }
    }

    #[test]
    fn a_backend_says_what_it_lacks() {
        for (backend, part) in [
            (backend(Shareable::Yes, Some(false), None), None),
            (backend(Shareable::Ask, Some(true), Some(true)), None),
            (
                backend(Shareable::No, Some(true), Some(true)),
                Some("shareable = false"),
            ),
            (
                backend(Shareable::Ask, None, None),
                Some("not shown yet that unique ids"),
            ),
            (
                backend(Shareable::Ask, Some(true), None),
                Some("not shown yet that its lock"),
            ),
            (
                backend(Shareable::Ask, Some(false), None),
                Some("other unique ids"),
            ),
            (
                backend(Shareable::Ask, None, Some(false)),
                Some("keeps its lock"),
            ),
        ] {
            let why = backend.why_not();
            assert_eq!(why.is_some(), part.is_some(), "{why:?}");
            assert!(why.unwrap_or_default().contains(part.unwrap_or_default()));
        }
    }

    #[test]
    fn settings_backends_and_maildrop_each_may_forbid_it() {
        let on = SharingRules {
            mode: SharingMode::On,
            ..SharingRules::default()
        };
        let good = || backend(Shareable::Yes, None, None);
        let bad = || backend(Shareable::No, None, None);
        assert_eq!(why_not(&on, true, &[bad(), good()], &[]), [""; 0]);
        let none = SharingRules {
            end_of_wait: false,
            demotion: false,
            let_in: false,
            ..on
        };
        for (reasons, part) in [
            (
                why_not(&SharingRules::default(), true, &[good()], &[]),
                "is off",
            ),
            (why_not(&none, true, &[good()], &[]), "switched off"),
            (why_not(&on, false, &[good()], &[]), "cluster"),
            (why_not(&on, true, &[bad()], &[]), "shareable = false"),
            (
                why_not(&on, true, &[good()], &[Unshareable::Numbers]),
                "numbers",
            ),
        ] {
            assert_eq!(reasons.len(), 1, "{reasons:?}");
            assert!(reasons[0].contains(part), "{reasons:?}");
        }
    }
}
