//! One login: the facts that every rule, the lock and the record ask about.
//!
//! It is made once, where the line that completes a login is read, and borrowed from there on. It
//! holds no password, so that it may live as long as its session does; what the backend is given
//! is its [`Proof`], which is dropped as soon as the backend has let it in.

use super::rules::Rules;
use super::tenant::LoginPolicy;
use crate::ids::{ClientPrefix, MaildropKey, SessionId, TenantName, UserName};
use crate::pop3::sasl::Credentials;
use crate::secret::PasswordTag;
use crate::time::Instant;
use std::net::SocketAddr;
use std::sync::Arc;

/// A login that was read and is not answered yet, or the one that a session got in with.
#[derive(Clone, Debug)]
pub struct LoginAttempt {
    /// The connection that it came on.
    pub session: SessionId,
    /// The client's address.
    pub client: SocketAddr,
    /// Whether the client is in a trusted network.
    pub trusted: bool,
    /// Whose maildrop is meant, as typed: PLAIN's authorization identity, else the user.
    pub login: UserName,
    /// What is locked for it.
    pub key: MaildropKey,
    /// The limits that hold for it.
    pub policy: Arc<LoginPolicy>,
    /// Stands for its password.
    pub tag: PasswordTag,
    /// What is known of its password.
    pub standing: Standing,
    /// When its PASS, or the last line of its AUTH, was read: all waiting counts from here.
    pub asked: Instant,
}

/// What the backend said to a password within the last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It accepted the password, and has not refused it since.
    Proven,
    /// It accepted the password, and has refused it since. The password was changed, or the user
    /// database is out of order for a while.
    AcceptedLately,
    /// It did not accept it.
    Unproven,
}

/// By what a login shows whose it is.
///
/// SASL mechanisms that answer a challenge of the backend's will be another variant: such an
/// exchange can be carried on but not repeated. [`Proof::replayable`] then has nothing to return
/// for it, and its callers are the places that must do without.
#[derive(Debug)]
pub enum Proof {
    /// A name and a password, of USER and PASS, PLAIN or LOGIN. The backend may be given them as
    /// often as it takes, and their tag stands for them in the lanes, the penalties and the caches.
    Replayable(Credentials),
}

impl LoginAttempt {
    /// The network that counts as one client.
    #[must_use]
    pub fn prefix(&self) -> ClientPrefix {
        self.client.ip().into()
    }

    /// The rules of its tenant or user.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.policy.rules
    }

    /// Whether the backend accepted its password lately, and has not refused it since.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.standing.is_proven()
    }

    /// Whether the backend accepted its password lately, whatever it has said since.
    #[must_use]
    pub fn was_accepted_lately(&self) -> bool {
        self.standing.was_accepted_lately()
    }

    /// The tenant that it is of.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.policy.name
    }
}

impl Standing {
    /// Whether the backend accepted the password, and has not refused it since.
    #[must_use]
    pub fn is_proven(self) -> bool {
        self == Self::Proven
    }

    /// Whether the backend accepted the password, whatever it has said since.
    #[must_use]
    pub fn was_accepted_lately(self) -> bool {
        self != Self::Unproven
    }
}

impl Proof {
    /// Under `policy`, whether the login names another's maildrop, and not its user's own by
    /// another spelling.
    pub fn read_by(&mut self, policy: &LoginPolicy) {
        match self {
            Self::Replayable(credentials) => {
                let user = &credentials.user;
                let login = credentials.maildrop();
                credentials.is_anothers = user != login && policy.key(user) != policy.key(login);
            }
        }
    }

    /// What may be given to a backend again, and what a password's tag is made of.
    #[must_use]
    pub fn replayable(&self) -> &Credentials {
        match self {
            Self::Replayable(credentials) => credentials,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::secret::Secret;

    /// The defaults, with the backend `b`.
    pub(crate) fn policy() -> LoginPolicy {
        LoginPolicy {
            // None: they are compiled, and tests make logins by the thousand.
            aliases: Arc::default(),
            ..LoginPolicy::standard("default")
        }
    }

    /// A login of `user` under `policy` that comes now, and whose password is proven.
    pub(crate) fn attempt(user: &str, policy: LoginPolicy) -> LoginAttempt {
        let login = UserName::new(user.as_bytes());
        LoginAttempt {
            session: SessionId(1),
            client: "192.0.2.1:50000".parse().unwrap(),
            trusted: false,
            key: policy.key(&login),
            login,
            policy: Arc::new(policy),
            tag: PasswordTag::from_bytes([0; 32]),
            standing: Standing::Proven,
            asked: Instant::now(),
        }
    }

    fn said(user: &str, authorization: &str) -> Proof {
        Proof::Replayable(Credentials {
            authorization: Some(UserName::new(authorization.as_bytes())),
            ..Credentials::of_user(UserName::new(user.as_bytes()), Secret::new(b"pw".to_vec()))
        })
    }

    #[test]
    fn another_spelling_of_ones_own_name_is_nobody_elses() {
        for (user, authorization, is_anothers) in [
            ("ann", "ann", false),
            ("ann", " ANN", false),
            ("ann", "", false),
            ("ann", "ben", true),
        ] {
            let mut proof = said(user, authorization);
            proof.read_by(&policy());
            let read = proof.replayable().is_anothers;
            assert_eq!(read, is_anothers, "{user} for {authorization:?}");
        }
    }

    #[test]
    fn neither_a_login_nor_its_proof_shows_a_password() {
        let proof = said("ann", "ben");
        let login = attempt("ann", policy());
        let shown = format!("{login:?} {proof:?}");
        assert!(!shown.contains("pw"), "{shown}");
    }
}
