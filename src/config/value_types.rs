//! What the strings of the file may be: addresses, names, logins.

use super::value::{Bounded, Shown, Value, plain};
use crate::ids::{BackendName, ListenerName, TenantName, UserName};
use crate::limits::{CAPABILITY_LENGTH_MAX, CLUSTER_PREFIX_MAX, LOGIN_LENGTH_MAX, NAME_LENGTH_MAX};
use crate::net::ResolverChoice;
use ipnet::IpNet;
use serde_json::Value as Json;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

impl Value for SocketAddr {
    const EXPECTED: &'static str = r#"an address and a port, such as "0.0.0.0:110" or "[::]:110""#;

    fn stand_in() -> Self {
        Self::from(([0; 4], 0))
    }

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("`{text}` is not an IP address and a port"))
    }
}

impl Value for ResolverChoice {
    const EXPECTED: &'static str =
        r#""system", "off", or an address and a port, such as "192.0.2.53:53""#;

    fn stand_in() -> Self {
        Self::System
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let server = || match text.parse::<SocketAddr>() {
            Ok(server) if server.port() > 0 => Ok(Self::Server(server)),
            _ => Err(format!("`{text}` names no DNS server")),
        };
        match text {
            "system" => Ok(Self::System),
            "off" => Ok(Self::Off),
            _ => server(),
        }
    }
}

impl Shown for ResolverChoice {
    fn shown(&self) -> Json {
        self.to_string().into()
    }
}

/// A word that the engine is told, or shown in its names: printable ASCII without blanks.
#[derive(Clone, Debug)]
pub(super) struct EngineWord(pub(super) String);

impl Value for EngineWord {
    const EXPECTED: &'static str = r#"a word, such as "popgate""#;

    fn stand_in() -> Self {
        Self(String::new())
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let is_word = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic());
        if !is_word {
            return Err("it must be printable ASCII without blanks".to_owned());
        }
        if text.len() > CLUSTER_PREFIX_MAX {
            return Err(format!("it is longer than {CLUSTER_PREFIX_MAX} characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Where a backend listens: `host:port`, the host a name or an address.
#[derive(Clone, Debug)]
pub(super) struct HostPort(pub(super) String);

impl HostPort {
    /// The host alone, an IPv6 address without its brackets.
    pub(super) fn host(&self) -> &str {
        let host = self.0.rsplit_once(':').map_or(&*self.0, |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl Value for HostPort {
    const EXPECTED: &'static str =
        r#"a host and a port, such as "10.0.0.5:110" or "mail.example.net:110""#;

    fn stand_in() -> Self {
        Self(String::new())
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let refusal = || format!("`{text}` is not a host and a port");
        let (host, port) = text.rsplit_once(':').ok_or_else(refusal)?;
        let port: u16 = port.parse().map_err(|_| refusal())?;
        let is_v6 = text.parse::<SocketAddr>().is_ok();
        if port == 0 || !(is_v6 || is_host_name(host)) {
            return Err(refusal());
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for IpNet {
    const EXPECTED: &'static str = r#"a network such as "10.0.0.0/8" or "2001:db8::/32""#;

    fn stand_in() -> Self {
        Self::from(IpAddr::from([0; 4]))
    }

    fn from_text(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::from(address));
        }
        let network: Self = text
            .parse()
            .map_err(|_| format!("`{text}` is not a network"))?;
        if network.addr() == network.network() {
            return Ok(network);
        }
        let whole = network.trunc();
        let host = network.addr();
        Err(format!(
            "`{text}` is an address inside a network\nwrite \"{whole}\" for the network, or \
             \"{host}\" for the address"
        ))
    }
}

/// A domain that may begin with `*.`, in lower case.
#[derive(Clone, Debug)]
pub(super) struct DomainPattern(pub(super) String);

impl Value for DomainPattern {
    const EXPECTED: &'static str =
        r#"a domain such as "example.com", or "*.example.com" for all below it"#;

    fn stand_in() -> Self {
        Self(String::new())
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let domain = text.strip_prefix("*.").unwrap_or(text);
        if !is_host_name(domain) {
            return Err(format!("`{text}` is not a domain"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// A domain or a host's name, in lower case.
#[derive(Clone, Debug)]
pub(super) struct Domain(pub(super) String);

impl Value for Domain {
    const EXPECTED: &'static str = r#"one whole name such as "mail.example.com""#;

    fn stand_in() -> Self {
        Self(String::new())
    }

    fn from_text(text: &str) -> Result<Self, String> {
        if !is_host_name(text) {
            return Err(format!("`{text}` is not a name"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// The name or address that a backend's certificate must have.
#[derive(Clone, Debug)]
pub(super) struct CertificateName(pub(super) String);

impl Value for CertificateName {
    const EXPECTED: &'static str = r#"a name or an address such as "mail.example.net""#;

    fn stand_in() -> Self {
        Self(String::new())
    }

    fn from_text(text: &str) -> Result<Self, String> {
        rustls_pki_types::ServerName::try_from(text)
            .map_err(|_| format!("`{text}` cannot be the name in a certificate"))?;
        Ok(Self(text.to_owned()))
    }
}

/// Labels of letters, digits, `-` and `_` (old intranets have the latter), with dots between.
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let length = label.len();
        (1..=63).contains(&length)
            && label
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Names are labels of metrics and words of log lines.
fn check_name(text: &str) -> Result<&str, String> {
    let fits = (1..=NAME_LENGTH_MAX).contains(&text.len());
    if fits && !text.contains(char::is_whitespace) {
        Ok(text)
    } else {
        Err(format!("`{text}` is not a name"))
    }
}

const NAME_EXPECTED: &str = "one word of at most 64 octets";

impl Value for BackendName {
    const EXPECTED: &'static str = NAME_EXPECTED;

    fn stand_in() -> Self {
        Self::new("")
    }

    fn from_text(text: &str) -> Result<Self, String> {
        check_name(text).map(Self::new)
    }
}

impl Value for ListenerName {
    const EXPECTED: &'static str = NAME_EXPECTED;

    fn stand_in() -> Self {
        Self::new("")
    }

    fn from_text(text: &str) -> Result<Self, String> {
        check_name(text).map(Self::new)
    }
}

impl Value for TenantName {
    const EXPECTED: &'static str = NAME_EXPECTED;

    fn stand_in() -> Self {
        Self::new("")
    }

    fn from_text(text: &str) -> Result<Self, String> {
        if matches!(text, "none" | "other") {
            return Err(format!(
                "`{text}` cannot be a tenant: metrics say it of logins without one\nchoose \
                 another name"
            ));
        }
        check_name(text).map(Self::new)
    }
}

impl Value for UserName {
    const EXPECTED: &'static str = "the login as the client types it";

    fn stand_in() -> Self {
        Self::new(b"")
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let login = text.trim_ascii();
        if !(1..=LOGIN_LENGTH_MAX).contains(&login.len()) {
            return Err(format!(
                "`{}` cannot be a login\na login has at most {LOGIN_LENGTH_MAX} octets",
                Self::new(login.as_bytes())
            ));
        }
        Ok(Self::new(login.as_bytes()))
    }
}

impl Value for PathBuf {
    const EXPECTED: &'static str = "the path of a file, relative to this one";

    fn stand_in() -> Self {
        Self::new()
    }

    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an empty path".to_owned());
        }
        Ok(Self::from(text))
    }
}

/// So many octets.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct ByteSize(pub(super) u64);

const UNITS: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

impl Value for ByteSize {
    const EXPECTED: &'static str = r#"a size such as "500MiB" or "4GiB""#;

    fn stand_in() -> Self {
        Self(0)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let size = UNITS.iter().find_map(|(unit, octets)| {
            let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
            number.checked_mul(*octets)
        });
        size.map(Self)
            .ok_or_else(|| format!("`{text}` is not a size"))
    }
}

impl Shown for ByteSize {
    fn shown(&self) -> Json {
        let whole = UNITS
            .iter()
            .find(|(_, octets)| self.0.is_multiple_of(*octets));
        match whole {
            Some((unit, octets)) => format!("{}{unit}", self.0 / octets).into(),
            None => self.0.to_string().into(),
        }
    }
}

/// So many octets, as the file would say it.
pub(crate) fn size_text(octets: usize) -> String {
    plain(&ByteSize(octets as u64).shown())
}

impl Bounded for ByteSize {
    type Bound = Self;

    fn bound(&self) -> Option<Self> {
        Some(*self)
    }
}

/// A line of a CAPA reply (RFC 2449 section 3).
#[derive(Clone, Debug)]
pub(super) struct Capability(pub(super) String);

impl Value for Capability {
    const EXPECTED: &'static str = r#"a capability such as "UIDL" or "EXPIRE 60""#;

    fn stand_in() -> Self {
        Self(String::new())
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let fits = (1..=CAPABILITY_LENGTH_MAX).contains(&text.len());
        let is_line = text.bytes().all(|b| matches!(b, b' '..=b'~'));
        if !fits || !is_line || text.starts_with([' ', '.']) || text.ends_with(' ') {
            return Err(format!("`{text}` is not a capability"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A part of an error line. A short one would be found in lines that mean something else.
#[derive(Clone, Debug)]
pub(super) struct Phrase(pub(super) String);

impl Value for Phrase {
    const EXPECTED: &'static str =
        "at least three characters of the error line, as the server says them";

    fn stand_in() -> Self {
        Self(String::new())
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let phrase = text.trim();
        if phrase.chars().count() < 3 {
            return Err(format!("`{text}` is not a phrase"));
        }
        Ok(Self(phrase.to_owned()))
    }
}
