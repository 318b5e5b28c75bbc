//! The doctor: looks at a backend as an operator would, and says which settings follow.
//!
//! It connects and logs in by the gate's own code, a handful of times, and never deletes or
//! changes anything. What it saw is [`seen::Seen`]; what that means is in [`judge`], which does
//! no I/O.

mod account;
pub mod advice;
pub mod certificate;
pub mod finding;
mod forms;
pub mod irregular;
pub mod judge;
mod patient;
mod pipelining;
mod reach;
mod release;
mod remedy;
pub mod report;
pub mod seen;
#[cfg(test)]
mod tests;
mod visit;
mod wording;

pub use forms::try_forms;

use crate::backend::BackendOptions;
use crate::limits::DOCTOR_BACKEND;
use crate::net::Dial;
use crate::net::tls::TlsError;
use crate::pop3::sasl::Credentials;
use patient::Patient;
use seen::{Seen, Step};
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
    on_step: &dyn Fn(Step),
) -> Result<Seen, TlsError> {
    let patient = Patient::new(options, dial)?;
    let mut seen = Seen::default();
    let look = look(&patient, account, &mut seen, on_step);
    let in_time = timeout(DOCTOR_BACKEND, Box::pin(look)).await.is_ok();
    seen.out_of_time = !in_time;
    seen.irregular = patient.notes().take();
    Ok(seen)
}

async fn look(
    patient: &Patient,
    account: Option<&Credentials>,
    seen: &mut Seen,
    on_step: &dyn Fn(Step),
) {
    on_step(Step::Reach);
    reach::look(patient, seen).await;
    let Some(Ok(_)) = &seen.reach else { return };
    on_step(Step::Connections);
    seen.connections = Some(reach::connections(patient).await);
    if let Some(credentials) = account {
        let account = account::Account {
            patient,
            credentials,
            capabilities: seen.capabilities_for(patient.options()),
            on_step,
        };
        account
            .look(seen.account.insert(seen::AccountSeen::default()))
            .await;
    }
}
