//! What all gates of a cluster derive from their secret: names that tell the engine nothing, and
//! seals for texts that go through it.

use super::protocol::MaildropId;
use crate::ids::MaildropKey;
use crate::limits::CLUSTER_SECRET_OCTETS;
use crate::policy::block::BlockTarget;
use crate::secret::TagKey;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use std::fmt;
use zeroize::Zeroizing;

/// Changes with what the scripts are asked and answer: gates of two such versions are not in one
/// cluster.
const SCHEMA: &str = "4";

/// The octets that all gates of a cluster have in their `secret_file`.
#[derive(Clone)]
pub struct ClusterSecret(Zeroizing<[u8; CLUSTER_SECRET_OCTETS]>);

impl ClusterSecret {
    /// From random octets.
    #[must_use]
    pub fn new(octets: [u8; CLUSTER_SECRET_OCTETS]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// From the file's text: hex digits, and nothing else but blanks around them.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digits = text.trim_ascii();
        let mut octets = Zeroizing::new([0; CLUSTER_SECRET_OCTETS]);
        if digits.len() != 2 * octets.len() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        for (octet, pair) in octets.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *octet = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(octets))
    }

    /// The file's text, with a line end.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(hex(&*self.0));
        text.push('\n');
        text
    }
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret(…)")
    }
}

/// What a sealed text is. One that was sealed as another cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// What a gate says of itself.
    MemberInfo,
    /// An entry of the block list.
    Block,
    /// A message from gate to gate.
    Message,
}

impl Sealed {
    fn label(self) -> &'static [u8] {
        match self {
            Self::MemberInfo => b"member",
            Self::Block => b"block",
            Self::Message => b"message",
        }
    }
}

/// A sealed text that cannot be opened: it was sealed with another secret, or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a text from the engine was not sealed by a gate of this cluster")]
pub struct NotSealed;

/// The keys of a cluster.
pub struct ClusterKeys {
    maildrops: hmac::Key,
    blocks: hmac::Key,
    fingerprints: hmac::Key,
    tags: Zeroizing<[u8; 32]>,
    seal: RandomizedNonceKey,
}

impl ClusterKeys {
    /// All of them follow from the secret.
    ///
    /// # Errors
    /// The library refuses a key of the right length: a fault of popgate.
    pub fn new(secret: &ClusterSecret) -> Result<Self, NotSealed> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, &*secret.0);
        // A label for each key, under a secret that is random: what HKDF's second half does.
        let derived = |label: &[u8]| {
            let mut octets = Zeroizing::new([0; 32]);
            octets.copy_from_slice(hmac::sign(&root, label).as_ref());
            octets
        };
        let hashing = |label: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, &*derived(label));
        Ok(Self {
            maildrops: hashing(b"popgate maildrops"),
            blocks: hashing(b"popgate blocks"),
            fingerprints: hashing(b"popgate fingerprint"),
            tags: derived(b"popgate password tags"),
            seal: RandomizedNonceKey::new(&AES_256_GCM, &*derived(b"popgate seals"))
                .map_err(|_| NotSealed)?,
        })
    }

    /// What the engine knows a maildrop by.
    #[must_use]
    pub fn maildrop_id(&self, key: &MaildropKey) -> MaildropId {
        let tag = sign_key(&self.maildrops, key);
        let mut id = [0; 16];
        id.copy_from_slice(&tag.as_ref()[..16]);
        MaildropId(id)
    }

    /// Makes the same tags of passwords at all gates.
    #[must_use]
    pub fn tag_key(&self) -> TagKey {
        TagKey::new(&self.tags)
    }

    /// What the engine knows an entry of the block list by.
    #[must_use]
    pub fn block_name(&self, target: &BlockTarget) -> String {
        let mut context = hmac::Context::with_key(&self.blocks);
        context.update(target.prefix.to_string().as_bytes());
        context.update(&[0]);
        if let Some(key) = &target.key {
            update_with(&mut context, key);
        }
        hex(&context.sign().as_ref()[..16])
    }

    /// What must be the same at all gates: `folds` says how each tenant folds names.
    #[must_use]
    pub fn fingerprint(&self, folds: &str) -> String {
        let mut context = hmac::Context::with_key(&self.fingerprints);
        context.update(SCHEMA.as_bytes());
        context.update(&[0]);
        context.update(folds.as_bytes());
        hex(&context.sign().as_ref()[..16])
    }

    /// Seals a text for the other gates. It is not padded: its length tells what is in it, roughly.
    ///
    /// # Errors
    /// The library does not encrypt: a fault of popgate.
    pub fn seal(&self, what: Sealed, text: &[u8]) -> Result<Vec<u8>, NotSealed> {
        let mut octets = text.to_vec();
        let nonce = self
            .seal
            .seal_in_place_append_tag(Aad::from(what.label()), &mut octets)
            .map_err(|_| NotSealed)?;
        octets.extend_from_slice(nonce.as_ref());
        Ok(octets)
    }

    /// Opens what another gate has sealed as `what`.
    ///
    /// # Errors
    /// No gate of this cluster has.
    pub fn open(&self, what: Sealed, sealed: &[u8]) -> Result<Vec<u8>, NotSealed> {
        let (text, nonce) = sealed.split_last_chunk::<NONCE_LEN>().ok_or(NotSealed)?;
        let mut text = text.to_vec();
        let nonce = Nonce::from(nonce);
        let length = self
            .seal
            .open_in_place(nonce, Aad::from(what.label()), &mut text)
            .map_err(|_| NotSealed)?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

impl fmt::Debug for ClusterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterKeys(…)")
    }
}

fn sign_key(key: &hmac::Key, maildrop: &MaildropKey) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    update_with(&mut context, maildrop);
    context.sign()
}

/// No part holds a NUL, so the separator keeps different parts apart.
fn update_with(context: &mut hmac::Context, key: &MaildropKey) {
    for backend in key.backends() {
        context.update(backend.as_str().as_bytes());
        context.update(&[0]);
    }
    context.update(key.maildrop().as_bytes());
}

fn hex(octets: &[u8]) -> String {
    use std::fmt::Write;
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BackendName, UserName};
    use std::sync::Arc;

    fn keys(octet: u8) -> ClusterKeys {
        ClusterKeys::new(&ClusterSecret::new([octet; CLUSTER_SECRET_OCTETS])).unwrap()
    }

    fn maildrop(backends: &[&str], name: &str) -> MaildropKey {
        let backends: Arc<[BackendName]> = backends.iter().map(|it| BackendName::new(it)).collect();
        MaildropKey::new(&backends, &UserName::new(name.as_bytes()))
    }

    #[test]
    fn a_maildrops_id_depends_on_the_secret_and_on_each_part_of_the_key() {
        let ann = keys(1).maildrop_id(&maildrop(&["a", "b"], "ann"));
        assert_eq!(ann, keys(1).maildrop_id(&maildrop(&["a", "b"], "ann")));
        for other in [
            keys(2).maildrop_id(&maildrop(&["a", "b"], "ann")),
            keys(1).maildrop_id(&maildrop(&["b", "a"], "ann")),
            keys(1).maildrop_id(&maildrop(&["ab"], "ann")),
            keys(1).maildrop_id(&maildrop(&["a"], "ann")),
            keys(1).maildrop_id(&maildrop(&["a", "b"], "bob")),
        ] {
            assert_ne!(ann, other);
        }
    }

    #[test]
    fn a_sealed_text_opens_with_the_same_secret_as_what_it_is_and_unchanged() {
        let sealed = keys(1).seal(Sealed::Block, b"ann").unwrap();
        assert!(!sealed.windows(3).any(|it| it == b"ann"));
        assert_eq!(keys(1).open(Sealed::Block, &sealed).unwrap(), b"ann");
        assert_eq!(keys(2).open(Sealed::Block, &sealed), Err(NotSealed));
        assert_eq!(keys(1).open(Sealed::Message, &sealed), Err(NotSealed));
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(keys(1).open(Sealed::Block, &changed), Err(NotSealed));
        }
        assert_eq!(keys(1).open(Sealed::Block, b"short"), Err(NotSealed));
        let again = keys(1).seal(Sealed::Block, b"ann").unwrap();
        assert_ne!(sealed, again, "with another nonce");
    }

    #[test]
    fn fingerprints_differ_where_gates_must_not_meet() {
        let own = keys(1).fingerprint("true");
        assert_eq!(own, keys(1).fingerprint("true"));
        assert_ne!(own, keys(2).fingerprint("true"));
        assert_ne!(own, keys(1).fingerprint("false"));
    }

    #[test]
    fn a_secret_is_read_as_it_is_written_and_nothing_else_is_one() {
        let secret = ClusterSecret::new([0xa5; CLUSTER_SECRET_OCTETS]);
        let text = secret.text();
        let read = ClusterSecret::parse(text.as_bytes()).unwrap();
        assert_eq!(*read.0, *secret.0);
        assert_eq!(format!("{read:?}"), "ClusterSecret(…)");
        for wrong in [
            "",
            "abcd",
            &text[1..],
            &format!("0{}", text.trim()),
            &text.replace('a', "g"),
        ] {
            assert!(ClusterSecret::parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
