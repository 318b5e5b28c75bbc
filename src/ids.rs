//! Names of things: each its own type, so that the compiler refuses one in another's place.

use crate::limits::{KEPT_NAME_MAX, SHOWN_NAME_MAX};
use aws_lc_rs::digest::{SHA256, digest};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Wraps a name as the configuration gives it.
            #[must_use]
            pub fn new(name: &str) -> Self {
                Self(Arc::from(name))
            }

            /// The name as text, for labels and messages.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }
    };
}

name!(
    /// A `[[tenant]]` of the configuration, or `default`.
    TenantName
);
name!(
    /// A `[[backend]]` of the configuration.
    BackendName
);
name!(
    /// A `[[listen]]` of the configuration: its `name`, or else its address.
    ListenerName
);

/// One client connection, counted from 1 since the process started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// The turn under which a session is in its maildrop, where several gates take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTurn {
    /// Counts the times that this gate's lease began anew, as it does in each new epoch: turns of
    /// two leases are not compared.
    pub lease: u64,
    /// The engine's number of it: of one maildrop they only grow.
    pub number: u64,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The name that a client logs in with, as typed: any octets but NUL; a line end only where it
/// came as base64.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UserName(Arc<[u8]>);

impl UserName {
    /// Keeps the octets as they are.
    #[must_use]
    pub fn new(octets: &[u8]) -> Self {
        Self(Arc::from(octets))
    }

    /// The name as it is remembered: of one longer than [`KEPT_NAME_MAX`] the beginning and a hash.
    #[must_use]
    pub fn kept(&self) -> Self {
        kept(self)
    }

    /// The octets as typed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for UserName {
    /// Printable on one line: everything outside printable ASCII and UTF-8 letters is escaped. Of
    /// a name longer than [`SHOWN_NAME_MAX`] it is the beginning, and how long it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(SHOWN_NAME_MAX)];
        for c in String::from_utf8_lossy(shown).chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        if shown.len() < self.0.len() {
            write!(f, "… ({} octets)", self.0.len())?;
        }
        Ok(())
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// What is locked: the list of backends and the maildrop's canonical name there.
///
/// Two spellings of one maildrop must give one key, else the lock is none; one key for two
/// maildrops only costs a wait (the tenant is not part of it: two tenants may reach one maildrop).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MaildropKey {
    backends: Arc<[BackendName]>,
    maildrop: UserName,
}

impl MaildropKey {
    /// The key of `maildrop`, a canonical name, on `backends`. A login's is derived by
    /// [`LoginPolicy::key`](crate::policy::tenant::LoginPolicy::key) alone, which knows the other
    /// forms of its name. Of a name longer than [`KEPT_NAME_MAX`] it has the beginning and a hash.
    #[must_use]
    pub fn new(backends: &Arc<[BackendName]>, maildrop: &UserName) -> Self {
        Self {
            backends: Arc::clone(backends),
            maildrop: kept(maildrop),
        }
    }

    /// The canonical name of the maildrop.
    #[must_use]
    pub fn maildrop(&self) -> &UserName {
        &self.maildrop
    }

    /// The backends that may hold it, in order of preference.
    #[must_use]
    pub fn backends(&self) -> &[BackendName] {
        &self.backends
    }

    /// Whether both may be one maildrop: they have its name, and a backend, in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let is_shared = |backend| other.backends.contains(backend);
        self.maildrop == other.maildrop && self.backends.iter().any(is_shared)
    }
}

/// A name as it is remembered: whole up to [`KEPT_NAME_MAX`] octets. What is kept of a longer one
/// is kept as it is.
fn kept(name: &UserName) -> UserName {
    if name.0.len() <= KEPT_NAME_MAX {
        return name.clone();
    }
    let hash: String = digest(&SHA256, &name.0)
        .as_ref()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let end = format!("…#{hash}");
    let beginning = &name.0[..KEPT_NAME_MAX - end.len()];
    UserName(Arc::from([beginning, end.as_bytes()].concat()))
}

impl fmt::Display for MaildropKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.maildrop.fmt(f)
    }
}

/// Who counts as one client where places are shared out: an IPv4 address, or an IPv6 /64,
/// since a customer of an IPv6 network has at least that much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientPrefix(u64);

impl ClientPrefix {
    /// A number for it, by which a file can find it.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl From<IpAddr> for ClientPrefix {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(u64::from(u32::from(v4))),
            // No global or local /64 has its upper 32 bits zero, so the two never meet.
            IpAddr::V6(v6) => Self((u128::from(v6) >> 64) as u64),
        }
    }
}

impl fmt::Display for ClientPrefix {
    /// `192.0.2.1`, or `2001:db8:1:2::/64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u32::try_from(self.0) {
            // 0 is the block of `::1`: nobody connects from 0.0.0.0.
            Ok(v4) if v4 != 0 => Ipv4Addr::from(v4).fmt(f),
            _ => write!(f, "{}/64", Ipv6Addr::from(u128::from(self.0) << 64)),
        }
    }
}

impl FromStr for ClientPrefix {
    type Err = NotAnAddress;

    /// Reads what `Display` writes, and any other address of an IPv6 /64.
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let whole = text.parse::<IpAddr>();
        let of_64 = || text.strip_suffix("/64")?.parse::<Ipv6Addr>().ok();
        let address = whole.ok().or_else(|| of_64().map(IpAddr::V6));
        address.map(Self::from).ok_or(NotAnAddress)
    }
}

/// A text that names no client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither an address, as in 192.0.2.1, nor an IPv6 network, as in 2001:db8:1:2::/64")]
pub struct NotAnAddress;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_kept_short_and_stays_itself() {
        let backends: Arc<[BackendName]> = Arc::from([BackendName::new("b")]);
        let key = |name: &str| MaildropKey::new(&backends, &UserName::new(name.as_bytes()));
        let long = key(&("n".repeat(4_000) + "@example.com"));
        assert_eq!(long.maildrop().as_bytes().len(), KEPT_NAME_MAX);
        assert_ne!(key(&("n".repeat(4_000) + "@example.org")), long);
        // As the journal reads it.
        assert_eq!(MaildropKey::new(&backends, long.maildrop()), long);
        let longest = "n".repeat(KEPT_NAME_MAX);
        assert_eq!(key(&longest).maildrop().as_bytes(), longest.as_bytes());
    }

    #[test]
    fn a_long_name_is_shown_by_its_beginning_and_length() {
        let shown = UserName::new(&[0x1b; 4_096]).to_string();
        assert!(shown.ends_with("… (4096 octets)"), "{shown}");
        assert!(shown.len() < 4_096, "{}", shown.len());
        let longest = [b'n'; SHOWN_NAME_MAX];
        assert_eq!(UserName::new(&longest).to_string().as_bytes(), longest);
    }

    #[test]
    fn control_octets_of_a_name_are_escaped() {
        assert_eq!(UserName::new(b"a\x1b[2Jb").to_string(), "a\\u{1b}[2Jb");
    }

    #[test]
    fn neighbours_in_a_64_are_one_block() {
        let block = |text: &str| ClientPrefix::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(block("2001:db8::1"), block("2001:db8::ffff:2"));
        assert_ne!(block("2001:db8::1"), block("2001:db8:0:1::1"));
        assert_eq!(block("::ffff:192.0.2.1"), block("192.0.2.1"));
    }

    #[test]
    fn a_block_of_addresses_is_read_as_it_is_written() {
        for (typed, shown) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("255.255.255.255", "255.255.255.255"),
            ("2001:db8:1:2::/64", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::5/64", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("fe80::1", "fe80::/64"),
            ("::1", "::/64"),
        ] {
            let block: ClientPrefix = typed.parse().unwrap();
            assert_eq!(block.to_string(), shown);
            assert_eq!(shown.parse(), Ok(block));
        }
        for wrong in [
            "",
            "ann",
            "192.0.2.1/32",
            "192.0.2.1/64",
            "2001:db8::/32",
            "::1 ",
        ] {
            assert_eq!(wrong.parse::<ClientPrefix>(), Err(NotAnAddress), "{wrong}");
        }
    }
}
