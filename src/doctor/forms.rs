//! Which other forms of the test account's name the server takes for the same maildrop.
//!
//! Each is one login with the right password. A server that does not know the form counts a wrong
//! one, so they are few, apart, and only made where the operator asks for it.

use super::account::{Account, UniqueIds, unique_ids};
use super::observations::{Attempt, CaseForm, FormMet, FormObservations};
use super::probe_session::ProbeSession;
use super::probe_target::ProbeTarget;
use crate::backend::BackendOptions;
use crate::dialect::Class;
use crate::ids::UserName;
use crate::limits::{DOCTOR_FORM_PAUSE, DOCTOR_FORMS_MAX};
use crate::net::Dial;
use crate::net::tls::TlsError;
use crate::policy::alias::proposal::proposal;
use crate::policy::tenant::LoginPolicy;
use crate::pop3::capability::Capabilities;
use crate::pop3::sasl::Credentials;
use std::sync::Arc;
use tokio::time::sleep;

/// The signs for `@`, the commonest first, and the name without its domain.
const SIGNS: &[u8] = b"%#&/:+";

/// Tries the forms at one backend: at most [`DOCTOR_FORMS_MAX`] logins, the account's own
/// included, none after one that meets anything but an answer about the password.
///
/// # Errors
/// The operator's: `ca` or `server_name` cannot be used.
pub async fn try_forms(
    options: &BackendOptions,
    account: &Credentials,
    tenant: &LoginPolicy,
    dial: Arc<dyn Dial>,
) -> Result<FormObservations, TlsError> {
    let target = ProbeTarget::new(options, dial)?;
    let mut seen = FormObservations {
        tenant: Some(tenant.name.clone()),
        folds_case: tenant.fold_case,
        ..FormObservations::default()
    };
    let name = account.user.as_bytes();
    let Ok(own) = ids_of(&target, account.clone(), options, &mut seen).await else {
        return Ok(seen);
    };
    for form in forms(name) {
        // Servers and fail2ban count wrong passwords in a window of time.
        sleep(DOCTOR_FORM_PAUSE).await;
        let login = Credentials {
            user: UserName::new(&form),
            ..account.clone()
        };
        match ids_of(&target, login, options, &mut seen).await {
            Ok(ids) => note(&mut seen, name, &form, met(own.as_ref(), ids.as_ref())),
            Err(()) => break,
        }
    }
    advise(name, tenant, &mut seen);
    Ok(seen)
}

fn note(seen: &mut FormObservations, name: &[u8], form: &[u8], met: FormMet) {
    let told = UserName::new(form).to_string();
    if form.eq_ignore_ascii_case(name) {
        seen.case = Some(CaseForm { form: told, met });
        return;
    }
    let forms = match met {
        FormMet::Same => &mut seen.same,
        FormMet::Other => &mut seen.other,
        FormMet::Incomparable => &mut seen.incomparable,
        FormMet::Refused => &mut seen.refused,
    };
    forms.push(told);
}

/// The name in other case, and the forms of one with a domain; none of another, since nobody knows
/// its domain.
fn forms(name: &[u8]) -> Vec<Vec<u8>> {
    let at = memchr::memrchr(b'@', name);
    let cased = in_other_case(name, at.unwrap_or(name.len())).into_iter();
    let Some(at) = at else {
        return cased.collect();
    };
    let user = &name[..at];
    let domain = &name[at + 1..];
    let with_sign = SIGNS.iter().map(|&sign| [user, &[sign], domain].concat());
    let bare = std::iter::once(user.to_vec());
    cased
        .chain(bare)
        .chain(with_sign)
        .take(DOCTOR_FORMS_MAX - 1)
        .collect()
}

/// The name with its first part, up to `end`, in capitals, or without any; none where that has no
/// letter. No server tells domains apart by their case.
fn in_other_case(name: &[u8], end: usize) -> Option<Vec<u8>> {
    let mut other = name.to_vec();
    other[..end].make_ascii_uppercase();
    if other == name {
        other[..end].make_ascii_lowercase();
    }
    (other != name).then_some(other)
}

/// The ids of a login that is let in, and none of one whose name or password is refused.
async fn ids_of(
    target: &ProbeTarget,
    login: Credentials,
    options: &BackendOptions,
    seen: &mut FormObservations,
) -> Result<Option<UniqueIds>, ()> {
    let account = Account {
        target,
        credentials: &login,
        // USER and PASS, which every server has; a name in base64 would be another experiment.
        capabilities: Capabilities::assumed(),
        on_step: &|_| {},
    };
    let (attempt, session) = account.log_in(options.login_timeout).await;
    match (session, &attempt) {
        (Some(mut session), attempt) if attempt.is_in() => {
            let ids = unique_ids(&mut session).await;
            ProbeSession::quit(session).await;
            Ok(Some(ids))
        }
        (_, Attempt::Answered { line, .. }) if matches!(line.class, Class::Auth | Class::Perm) => {
            Ok(None)
        }
        _ => {
            seen.stopped = Some(login.user.to_string());
            Err(())
        }
    }
}

/// The password is right for both. Only lists that differ speak against one maildrop; two empty
/// ones say nothing, since any two maildrops may be empty. `None`: it was refused.
fn met(own: Option<&UniqueIds>, other: Option<&UniqueIds>) -> FormMet {
    match (own, other) {
        (_, None) => FormMet::Refused,
        (Some(Ok(own)), Some(Ok(other))) if own != other => FormMet::Other,
        (Some(Ok(own)), Some(Ok(_))) if own.is_empty() => FormMet::Incomparable,
        _ => FormMet::Same,
    }
}

/// What gives the forms one lock. The name without its domain, where it is one of them and the
/// tenant has no default domain, asks for one.
fn advise(name: &[u8], tenant: &LoginPolicy, seen: &mut FormObservations) {
    let own = name.to_ascii_lowercase();
    let same = seen.same.iter().map(|form| form.to_ascii_lowercase());
    let same: Vec<Vec<u8>> = std::iter::once(own.clone())
        .chain(same.map(String::into_bytes))
        .collect();
    let Some(at) = memchr::memrchr(b'@', &own) else {
        return;
    };
    let domain = String::from_utf8_lossy(&own[at + 1..]).into_owned();
    let is_bare = same.iter().any(|form| form[..] == own[..at]);
    if is_bare && tenant.default_domain.is_none() {
        seen.default_domain = Some(domain.clone());
    }
    let names: Vec<&[u8]> = same.iter().map(Vec::as_slice).collect();
    let domain = tenant.default_domain.as_deref().unwrap_or(&domain);
    seen.aliases = proposal(&tenant.aliases, &names, Some(domain)).map(|it| it.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_are_few_and_keep_the_name() {
        let told: Vec<_> = forms(b"Ann@a.org")
            .into_iter()
            .map(|form| String::from_utf8(form).unwrap())
            .collect();
        let expected = ["ANN@a.org", "Ann", "Ann%a.org", "Ann#a.org"];
        assert_eq!(told[..4], expected);
        assert_eq!(told.len(), DOCTOR_FORMS_MAX - 1);
        assert_eq!(forms(b"ann"), [b"ANN"]);
        assert_eq!(forms(b"ANN"), [b"ann"]);
        assert_eq!(forms(b"47"), [b""; 0]);
    }

    #[test]
    fn only_lists_that_differ_are_another_maildrop() {
        let ids = |ids: &[&str]| -> UniqueIds {
            Ok(ids.iter().map(|id| id.as_bytes().to_vec()).collect())
        };
        let refused = Err("-ERR".to_owned());
        for (own, other, expected) in [
            (ids(&["a"]), ids(&["a"]), FormMet::Same),
            (ids(&["a"]), ids(&["b"]), FormMet::Other),
            (ids(&["a"]), ids(&[]), FormMet::Other),
            (ids(&[]), ids(&[]), FormMet::Incomparable),
            (refused, ids(&["a"]), FormMet::Same),
        ] {
            assert_eq!(met(Some(&own), Some(&other)), expected, "{own:?} {other:?}");
        }
    }
}
