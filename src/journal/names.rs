//! Names of users in the file: as they are, or as keyed hashes that say nothing without the key.
//!
//! A name can be asked for by its hash. The names of the block list have to come back, so that they
//! are encrypted besides.

use super::redact::Redaction;
use crate::history::{CauseName, HistoryEntry, HistoryLogin, StoredEntry};
use crate::ids::{MaildropKey, UserName};
use crate::limits::NAME_HASH_OCTETS;
use crate::observe::event::EndCause;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use std::borrow::Cow;
use std::fmt::{self, Write};
use std::sync::Arc;

/// How names stand in the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// There where names are hashed, or were.
    pub(super) key: Option<Arc<NameKey>>,
    /// Whether they are hashed from now on.
    pub(super) are_hashed: bool,
}

impl Names {
    /// The key under which names are hashed from now on; none where they stand in clear.
    pub(super) fn hashing(&self) -> Option<&NameKey> {
        self.key.as_deref().filter(|_| self.are_hashed)
    }

    /// `stored` as it is written.
    pub(super) fn written<'a>(&self, stored: &'a StoredEntry) -> Cow<'a, StoredEntry> {
        match self.hashing() {
            Some(key) => Cow::Owned(StoredEntry {
                entry: Arc::new(key.hide_names(&stored.entry)),
                ..stored.clone()
            }),
            None => Cow::Borrowed(stored),
        }
    }

    /// Puts the name that was asked for in the place of its hash; for the login also as it was
    /// typed, since that may differ from the canonical name.
    pub(super) fn put_back(
        &self,
        asked: &UserName,
        typed: Option<&UserName>,
        entry: &mut HistoryEntry,
    ) {
        let (Some(key), Some(login)) = (&self.key, &mut entry.login) else {
            return;
        };
        let hash = key.hash(asked);
        if *login.key.maildrop() == hash {
            login.key = MaildropKey::new(&login.key.backends().into(), asked);
        }
        let mut names = [Some(asked), typed].into_iter().flatten();
        if let Some(name) = names.find(|name| key.hash(name) == login.name) {
            login.name = name.clone();
        }
    }
}

/// Whether `name` is what stands for another one in a file: no mailbox is named so.
#[must_use]
pub fn is_name_hash(name: &UserName) -> bool {
    let hash = name.as_bytes().strip_prefix(b"#").unwrap_or_default();
    let is_hex = |octet: &u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
    hash.len() == 2 * NAME_HASH_OCTETS && hash.iter().all(is_hex)
}

/// The key of a key file, and what is derived from it for each use.
pub(super) struct NameKey {
    hashing: hmac::Key,
    sealing: RandomizedNonceKey,
    fingerprint: String,
}

impl NameKey {
    pub(super) fn new(octets: &[u8]) -> Result<Self, Unspecified> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, octets);
        let derived = |purpose: &str| hmac::sign(&key, purpose.as_bytes());
        Ok(Self {
            hashing: hmac::Key::new(hmac::HMAC_SHA256, derived("name hash").as_ref()),
            sealing: RandomizedNonceKey::new(&AES_256_GCM, derived("block list").as_ref())?,
            fingerprint: hex(derived("fingerprint").as_ref()),
        })
    }

    /// Tells this key from others, and nothing about it.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What stands for `name`.
    pub(super) fn hash(&self, name: &UserName) -> UserName {
        let hash = hmac::sign(&self.hashing, name.as_bytes());
        UserName::new(format!("#{}", hex(hash.as_ref())).as_bytes())
    }

    /// The key of a lock with the hash of its name.
    pub(super) fn hash_key(&self, key: &MaildropKey) -> MaildropKey {
        MaildropKey::new(&key.backends().into(), &self.hash(key.maildrop()))
    }

    /// `name`, encrypted: the nonce and then the rest.
    pub(super) fn seal(&self, name: &UserName) -> Result<Vec<u8>, Unspecified> {
        let mut octets = name.as_bytes().to_vec();
        let nonce = self
            .sealing
            .seal_in_place_append_tag(Aad::empty(), &mut octets)?;
        Ok([nonce.as_ref().as_slice(), &octets].concat())
    }

    /// What [`NameKey::seal`] made under this key.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<UserName> {
        let (nonce, octets) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut octets = octets.to_vec();
        let name = self
            .sealing
            .open_in_place(nonce, Aad::empty(), &mut octets)
            .ok()?;
        Some(UserName::new(name))
    }

    /// `entry` without a name in clear, also where others repeated it.
    pub(super) fn hide_names(&self, entry: &HistoryEntry) -> HistoryEntry {
        let mut entry = entry.clone();
        if entry.cause == CauseName::Kicked {
            // An operator's reason may name anybody, not just the user of this login.
            entry.sentence = EndCause::Kicked { reason: None }.to_string().into();
        }
        let Some(login) = &entry.login else {
            return entry;
        };
        let redaction = Redaction::new(&[&login.name, login.key.maildrop()]);
        let mut answer = login.backend_answer.clone();
        if let Some(answer) = &mut answer {
            answer.line = redaction.apply(&answer.line);
        }
        let login = HistoryLogin {
            name: self.hash(&login.name),
            key: self.hash_key(&login.key),
            backend_answer: answer,
            ..(**login).clone()
        };
        HistoryEntry {
            login: Some(Box::new(login)),
            sentence: redaction.apply(&entry.sentence),
            answer: entry.answer.as_ref().map(|line| redaction.apply(line)),
            ..entry
        }
    }
}

impl fmt::Debug for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameKey(…)")
    }
}

fn hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(2 * NAME_HASH_OCTETS);
    for octet in &octets[..NAME_HASH_OCTETS] {
        // A String takes all that is written to it.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(octet: u8) -> NameKey {
        NameKey::new(&[octet; 32]).unwrap()
    }

    #[test]
    fn a_hash_depends_on_name_and_key_and_tells_neither() {
        let ann = UserName::new(b"ann");
        let hash = key(1).hash(&ann);
        assert_eq!(hash, key(1).hash(&ann));
        assert_ne!(hash, key(2).hash(&ann));
        assert_ne!(hash, key(1).hash(&UserName::new(b"ben")));
        assert!(is_name_hash(&hash) && !is_name_hash(&ann), "{hash}");
        assert!(!is_name_hash(&UserName::new(b"#1")));
        assert_eq!(format!("{:?}", key(1)), "NameKey(…)");
    }

    #[test]
    fn a_sealed_name_is_opened_by_its_key_alone() {
        let name = UserName::new(b"ann\xff@example.com");
        let sealed = key(1).seal(&name).unwrap();
        assert_eq!(key(1).open(&sealed), Some(name.clone()));
        assert_eq!(key(2).open(&sealed), None);
        assert_eq!(key(1).open(&sealed[1..]), None);
        assert_eq!(key(1).open(&[]), None);
        assert_ne!(sealed, key(1).seal(&name).unwrap(), "a nonce of its own");
    }
}
