//! What is allowed of `sharing`, and yet does less than it says.

use super::value::duration_text;
use crate::backend::{BackendOptions, Shareable};
use crate::policy::rules::{PollMode, SharingMode};
use crate::policy::tenant::LoginPolicy;
use crate::time::Duration;

/// What becomes of a tenant's sharing beside its own settings.
pub(super) struct Surroundings<'a> {
    /// The tenant's backends.
    pub(super) backends: Vec<&'a BackendOptions>,
}

impl Surroundings<'_> {
    /// The longest `login_reserve`.
    pub(super) fn reserve(&self) -> Duration {
        let reserves = self.backends.iter().map(|backend| backend.login_reserve);
        reserves.max().unwrap_or_default()
    }
}

/// A sentence for each.
pub(super) fn unwise(policy: &LoginPolicy, around: &Surroundings<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(absorbs_nothing(policy));
    if !policy.sharing.is_on() {
        return sentences;
    }
    sentences.extend(not_shareable(around));
    sentences.extend(demotes_late(policy, around));
    sentences
}

/// `polls.enforce = "absorb"` needs somebody to let in.
fn absorbs_nothing(policy: &LoginPolicy) -> Option<String> {
    let sharing = &policy.sharing;
    if policy.rules.polls.mode != PollMode::Absorb || (sharing.is_on() && sharing.let_in) {
        return None;
    }
    let why = match sharing.mode {
        SharingMode::Off => "sharing is \"off\"",
        SharingMode::Shadow => "sharing is \"shadow\"",
        SharingMode::On => "let_in of sharing is false",
    };
    Some(format!(
        "polls.enforce \"absorb\" acts as \"delay\", since {why}: it takes sharing = \"on\" and \
         let_in = true"
    ))
}

fn not_shareable(around: &Surroundings<'_>) -> Vec<String> {
    let backends = &around.backends;
    let is_no = |backend: &&BackendOptions| backend.shareable == Shareable::No;
    if !backends.is_empty() && backends.iter().all(is_no) {
        let what = "each of its backends has shareable = false, so nothing is shared";
        return vec![format!("sharing is \"on\", and {what}")];
    }
    let unknown = backends.iter().filter(|it| it.shareable == Shareable::Ask);
    unknown
        .map(|backend| {
            format!(
                "sharing is \"on\", and backend `{}` has shareable = \"ask\", so its sessions are \
                 only measured, as with \"shadow\", until they have shown that its listings can be \
                 shared: to share at once, write shareable = true if popgate doctor says so",
                backend.name
            )
        })
        .collect()
}

/// As `preempt_idle`.
fn demotes_late(policy: &LoginPolicy, around: &Surroundings<'_>) -> Option<String> {
    let idle = policy.sharing.demote_idle?;
    let reserve = around.reserve();
    let is_late = policy.sharing.demotion && idle + reserve > policy.wait;
    is_late.then(|| {
        format!(
            "demote_idle ({}) + login_reserve ({}) exceeds wait ({}), so waiters give up before an \
             idle session is demoted for them",
            duration_text(idle),
            duration_text(reserve),
            duration_text(policy.wait),
        )
    })
}

#[cfg(test)]
mod tests;
