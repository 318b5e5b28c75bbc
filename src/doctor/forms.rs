//! Which other forms of the test account's name the server takes for the same maildrop.
//!
//! Each is one login with the right password. A server that does not know the form counts a wrong
//! one, so they are few, apart, and only made where the operator asks for it.

use super::account::{Account, UniqueIds, unique_ids};
use super::observations::{Attempt, FormObservations};
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
        ..FormObservations::default()
    };
    let name = account.user.as_bytes();
    let Ok(own) = ids_of(&target, account.clone(), options, &mut seen).await else {
        return Ok(seen);
    };
    let mut same = vec![name.to_ascii_lowercase()];
    for form in forms(name) {
        // Servers and fail2ban count wrong passwords in a window of time.
        sleep(DOCTOR_FORM_PAUSE).await;
        let user = UserName::new(&form);
        let login = Credentials {
            user: user.clone(),
            ..account.clone()
        };
        match ids_of(&target, login, options, &mut seen).await {
            Ok(Some(ids)) => match compare(own.as_ref(), &ids) {
                Likeness::Same => {
                    seen.same.push(user.to_string());
                    same.push(form.to_ascii_lowercase());
                }
                Likeness::Other => seen.other.push(user.to_string()),
                Likeness::Unknown => seen.incomparable.push(user.to_string()),
            },
            Ok(None) => seen.refused.push(user.to_string()),
            Err(()) => break,
        }
    }
    advise(&same, tenant, &mut seen);
    Ok(seen)
}

/// The forms of a name with a domain; none of another, since nobody knows its domain.
fn forms(name: &[u8]) -> Vec<Vec<u8>> {
    let Some(at) = memchr::memrchr(b'@', name) else {
        return Vec::new();
    };
    let user = &name[..at];
    let domain = &name[at + 1..];
    let with_sign = SIGNS.iter().map(|&sign| [user, &[sign], domain].concat());
    let bare = std::iter::once(user.to_vec());
    bare.chain(with_sign).take(DOCTOR_FORMS_MAX - 1).collect()
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

/// Whether two names are one maildrop, as far as their messages tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    Same,
    Other,
    Unknown,
}

/// The password is right for both. Only lists that differ speak against one maildrop; two empty
/// ones say nothing, since any two maildrops may be empty.
fn compare(own: Option<&UniqueIds>, other: &UniqueIds) -> Likeness {
    match (own, other) {
        (Some(Ok(own)), Ok(other)) if own != other => Likeness::Other,
        (Some(Ok(own)), Ok(_)) if own.is_empty() => Likeness::Unknown,
        _ => Likeness::Same,
    }
}

/// What gives the forms one lock. The name without its domain, where it is one of them and the
/// tenant has no default domain, asks for one.
fn advise(same: &[Vec<u8>], tenant: &LoginPolicy, seen: &mut FormObservations) {
    let own = &same[0];
    let Some(at) = memchr::memrchr(b'@', own) else {
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
        let expected = ["Ann", "Ann%a.org", "Ann#a.org", "Ann&a.org"];
        assert_eq!(told[..4], expected);
        assert_eq!(told.len(), DOCTOR_FORMS_MAX - 1);
        assert_eq!(forms(b"ann"), [b""; 0]);
    }

    #[test]
    fn only_lists_that_differ_are_another_maildrop() {
        let ids = |ids: &[&str]| -> UniqueIds {
            Ok(ids.iter().map(|id| id.as_bytes().to_vec()).collect())
        };
        let refused = Err("-ERR".to_owned());
        for (own, other, expected) in [
            (ids(&["a"]), ids(&["a"]), Likeness::Same),
            (ids(&["a"]), ids(&["b"]), Likeness::Other),
            (ids(&["a"]), ids(&[]), Likeness::Other),
            (ids(&[]), ids(&[]), Likeness::Unknown),
            (refused, ids(&["a"]), Likeness::Same),
        ] {
            assert_eq!(compare(Some(&own), &other), expected, "{own:?} {other:?}");
        }
    }
}
