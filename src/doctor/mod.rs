//! The doctor: looks at a backend as an operator would, and says which settings follow.
//!
//! It connects and logs in by the gate's own code, a handful of times, and never deletes or
//! changes anything. What it saw is [`observations::Observations`]; what that means is in
//! [`judge`], which does no I/O.

mod account;
pub mod advice;
pub mod certificate;
mod course;
pub mod finding;
mod forms;
pub mod irregular;
pub mod judge;
pub mod listings;
pub mod observations;
mod pipelining;
mod probe_session;
mod probe_target;
mod reach;
mod release;
mod remedy;
pub mod report;
mod sharing_wording;
#[cfg(test)]
mod tests;
pub mod verdict;
mod wording;

pub use forms::try_forms;

use crate::backend::BackendOptions;
use crate::limits::DOCTOR_BACKEND;
use crate::net::Dial;
use crate::net::tls::TlsError;
use crate::pop3::sasl::Credentials;
use observations::{Observations, ProbeStep};
use probe_target::ProbeTarget;
use std::sync::Arc;
use tokio::time::timeout;

/// Looks at one backend, with `account` also from inside. `on_step` is told what begins.
///
/// # Errors
/// The operator's: `ca` or `server_name` cannot be used. What the backend does is no error.
pub async fn examine(
    options: &BackendOptions,
    account: Option<&Credentials>,
    dial: Arc<dyn Dial>,
    on_step: &dyn Fn(ProbeStep),
) -> Result<Observations, TlsError> {
    let target = ProbeTarget::new(options, dial)?;
    let mut seen = Observations::default();
    let look = look(&target, account, &mut seen, on_step);
    let in_time = timeout(DOCTOR_BACKEND, Box::pin(look)).await.is_ok();
    seen.out_of_time = !in_time;
    seen.irregular = target.notes().take();
    Ok(seen)
}

async fn look(
    target: &ProbeTarget,
    account: Option<&Credentials>,
    seen: &mut Observations,
    on_step: &dyn Fn(ProbeStep),
) {
    on_step(ProbeStep::Reach);
    reach::look(target, seen).await;
    // All else would fail for the same reason.
    let Some(Ok(_)) = &seen.reach else { return };
    on_step(ProbeStep::Connections);
    seen.connections = Some(reach::connections(target).await);
    if let Some(credentials) = account {
        let account = account::Account {
            target,
            credentials,
            capabilities: seen.capabilities_for(target.options()),
            on_step,
        };
        account
            .look(
                seen.account
                    .insert(observations::AccountObservations::default()),
            )
            .await;
    }
}
