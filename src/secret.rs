//! Passwords: wiped when dropped, never printed; and what stands for them where they are
//! remembered.

use crate::ids::{MaildropKey, UserName};
use aws_lc_rs::hmac;
use std::fmt;
use zeroize::Zeroizing;

/// A password, or anything else that must not be seen.
///
/// It has no `Display`, its `Debug` is redacted, and its memory is wiped on drop.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the octets over; the caller's other copies stay the caller's to wipe.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The octets, to be written to a backend or hashed, and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Stands for one password of one login to one maildrop.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PasswordTag([u8; 32]);

impl PasswordTag {
    /// A tag for tests of pure code.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Enough of it to tell it from others where very many are remembered.
    pub(crate) fn short(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for PasswordTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordTag(…)")
    }
}

/// Makes tags: HMAC-SHA-256 under a random key that is never written anywhere. A tag is worth
/// nothing to who does not have the key.
pub struct TagKey(hmac::Key);

impl TagKey {
    /// `key` must be random.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The tag of a login: of the maildrop, the name that logs in and its password.
    #[must_use]
    pub fn tag(&self, maildrop: &MaildropKey, user: &UserName, password: &Secret) -> PasswordTag {
        let mut context = hmac::Context::with_key(&self.0);
        let backends = maildrop
            .backends()
            .iter()
            .map(|name| name.as_str().as_bytes());
        let parts = backends
            .chain([maildrop.maildrop().as_bytes(), user.as_bytes()])
            .chain([password.expose()]);
        // No part holds a NUL, so the separator keeps different parts apart.
        for part in parts {
            context.update(part);
            context.update(&[0]);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        PasswordTag(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BackendName;
    use std::sync::Arc;

    #[test]
    fn a_tag_depends_on_key_maildrop_name_and_password() {
        let backends: Arc<[BackendName]> = Arc::from([BackendName::new("b")]);
        let tag = |key: u8, maildrop: &str, user: &str, password: &str| {
            let maildrop = UserName::new(maildrop.as_bytes());
            let maildrop = MaildropKey::new(&backends, &maildrop);
            let password = Secret::new(password.as_bytes().to_vec());
            TagKey::new(&[key; 32]).tag(&maildrop, &UserName::new(user.as_bytes()), &password)
        };
        let ann = tag(7, "ann", "ann", "secret");
        assert_eq!(ann, tag(7, "ann", "ann", "secret"), "the same again");
        for other in [
            tag(8, "ann", "ann", "secret"),
            tag(7, "bob", "ann", "secret"),
            tag(7, "ann", "Ann", "secret"),
            tag(7, "ann", "ann", "Secret"),
            tag(7, "ann", "anns", "ecret"),
        ] {
            assert_ne!(ann, other);
        }
        assert_eq!(format!("{ann:?}"), "PasswordTag(…)");
    }

    #[test]
    fn debug_output_hides_it() {
        assert_eq!(
            format!("{:?}", Secret::new(b"hunter2".to_vec())),
            "Secret(…)"
        );
    }
}
