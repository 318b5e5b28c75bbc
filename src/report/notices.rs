//! Which notices of the gate a user's report tells: other tenants' and other backends' are none of
//! that user's business.

use super::facts::PastLogin;
use crate::history::{GateNotice, NoticeKind, StoredEntry};
use crate::policy::pause::PauseSubject;

/// Whether `notice` may have to do with the incident: it is about the whole gate, a backend of its
/// maildrop, its tenant, or one of the maildrop's sessions, `entries`.
#[must_use]
pub fn concerns(notice: &GateNotice, incident: PastLogin<'_>, entries: &[StoredEntry]) -> bool {
    let login = incident.login;
    let subject = &*notice.subject;
    let is_paused = |paused: PauseSubject| paused.to_string() == subject;
    let mut backends = login.key.backends().iter();
    match notice.kind {
        NoticeKind::Started
        | NoticeKind::Stopped
        | NoticeKind::Draining
        | NoticeKind::Reloaded
        | NoticeKind::Lost => true,
        NoticeKind::BackendUp | NoticeKind::BackendDown => {
            backends.any(|it| it.as_str() == subject)
        }
        NoticeKind::Paused | NoticeKind::Resumed => {
            is_paused(PauseSubject::Tenant(login.tenant.clone()))
                || backends.any(|it| is_paused(PauseSubject::Backend(it.clone())))
        }
        NoticeKind::Kicked => entries.iter().any(|it| {
            // Numbers of sessions begin anew with each start.
            let was_open = it.entry.opened <= notice.at && notice.at <= it.entry.ended;
            was_open && it.entry.session.to_string() == subject
        }),
    }
}
