//! Single values of the file: each parses itself, and knows where it stands.

use crate::ids::{BackendName, ListenerName, TenantName, UserName};
use crate::limits::{CAPABILITY_LENGTH_MAX, LOGIN_LENGTH_MAX, NAME_LENGTH_MAX};
use crate::net::TlsMode;
use crate::observe::LogFormat;
use crate::policy::tenant::Cleartext;
use crate::time::Duration;
use ipnet::IpNet;
use jiff::SpanRelativeTo;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::ops::{Deref, Range};
use std::path::PathBuf;

/// A value and the bytes of the file where it is written.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<'de, T: Value> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<Parsed<T>>::deserialize(deserializer)?;
        Ok(Self {
            span: spanned.span(),
            value: spanned.into_inner().0,
        })
    }
}

/// What can stand behind `=`. A refusal is a sentence; a line behind it says what to write
/// instead, where [`Value::EXPECTED`] does not say it well enough.
pub(super) trait Value: Sized {
    /// What a person should write.
    const EXPECTED: &'static str;

    /// From a string.
    fn from_text(text: &str) -> Result<Self, String> {
        Err(format!("wrong type: string `{text}`"))
    }

    /// From an integer.
    fn from_integer(integer: i64) -> Result<Self, String> {
        Err(format!("wrong type: {}", Unexpected::Signed(integer)))
    }

    /// From a boolean.
    fn from_bool(boolean: bool) -> Result<Self, String> {
        Err(format!("wrong type: {}", Unexpected::Bool(boolean)))
    }
}

/// A table that is written as one: serde's structs take a list of their values, too, and so
/// would misread `[[admin]]`.
#[derive(Clone, Debug, Default)]
pub(super) struct Section<T>(T);

impl<T> Deref for Section<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Section<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SectionReader(PhantomData))
    }
}

struct SectionReader<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SectionReader<T> {
    type Value = Section<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Section<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Section)
    }
}

struct Parsed<T>(T);

impl<'de, T: Value> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

struct Reader<T>(PhantomData<T>);

impl<T: Value> Reader<T> {
    fn finish<E: Error>(result: Result<T, String>) -> Result<Parsed<T>, E> {
        result.map(Parsed).map_err(|refusal| {
            if refusal.contains('\n') {
                E::custom(refusal)
            } else {
                E::custom(format!("{refusal}\nwrite {}", T::EXPECTED))
            }
        })
    }
}

impl<T: Value> Visitor<'_> for Reader<T> {
    type Value = Parsed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    /// No value has a use for control characters, and messages repeat the value.
    fn visit_str<E: Error>(self, text: &str) -> Result<Parsed<T>, E> {
        Self::finish(match text.chars().find(|c| c.is_control()) {
            Some(control) => Err(format!("a control character ({control:?}) in the text")),
            None => T::from_text(text),
        })
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<Parsed<T>, E> {
        Self::finish(T::from_integer(integer))
    }

    fn visit_bool<E: Error>(self, boolean: bool) -> Result<Parsed<T>, E> {
        Self::finish(T::from_bool(boolean))
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false, without quotes";

    fn from_bool(boolean: bool) -> Result<Self, String> {
        Ok(boolean)
    }
}

impl Value for usize {
    const EXPECTED: &'static str = "a whole number, without quotes";

    fn from_integer(integer: i64) -> Result<Self, String> {
        Self::try_from(integer).map_err(|_| format!("`{integer}` is below zero"))
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = r#"a duration such as "25s", "10m" or "14d""#;

    fn from_text(text: &str) -> Result<Self, String> {
        parse_duration(text)
    }
}

/// A duration as a person writes it: `25s`, `1m 30s`, `14d`. A day has 24 hours.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let no_duration = || format!("`{text}` is not a duration");
    let span: jiff::Span = text.parse().map_err(|_| no_duration())?;
    let signed = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| format!("`{text}` has no fixed length: units go from ms to weeks"))?;
    Duration::try_from(signed).map_err(|_| no_duration())
}

/// `"off"` is `None`.
impl Value for Option<Duration> {
    const EXPECTED: &'static str = r#"a duration such as "15s", or "off""#;

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(None);
        }
        parse_duration(text).map(Some)
    }
}

impl Value for SocketAddr {
    const EXPECTED: &'static str = r#"an address and a port, such as "0.0.0.0:110" or "[::]:110""#;

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("`{text}` is not an IP address and a port"))
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
    const EXPECTED: &'static str = r#"a host and a port, such as "10.0.0.5:110", "mail.example.net:110" or "[2001:db8::5]:110""#;

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
        let (whole, host) = (network.trunc(), network.addr());
        Err(format!(
            "`{text}` is an address inside a network\nwrite \"{whole}\" for the network, or \"{host}\" for the address"
        ))
    }
}

/// A domain that may begin with `*.`, in lower case.
#[derive(Clone, Debug)]
pub(super) struct DomainPattern(pub(super) String);

impl Value for DomainPattern {
    const EXPECTED: &'static str =
        r#"a domain such as "example.com", or "*.example.com" for all below it"#;

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

    fn from_text(text: &str) -> Result<Self, String> {
        check_name(text).map(Self::new)
    }
}

impl Value for ListenerName {
    const EXPECTED: &'static str = NAME_EXPECTED;

    fn from_text(text: &str) -> Result<Self, String> {
        check_name(text).map(Self::new)
    }
}

impl Value for TenantName {
    const EXPECTED: &'static str = NAME_EXPECTED;

    fn from_text(text: &str) -> Result<Self, String> {
        if matches!(text, "none" | "other") {
            return Err(format!(
                "`{text}` cannot be a tenant: metrics say it of logins without one\nchoose another name"
            ));
        }
        check_name(text).map(Self::new)
    }
}

impl Value for UserName {
    const EXPECTED: &'static str = "the login as the client types it";

    fn from_text(text: &str) -> Result<Self, String> {
        let login = text.trim_ascii();
        if !(1..=LOGIN_LENGTH_MAX).contains(&login.len()) {
            return Err(format!("`{text}` cannot be a login"));
        }
        Ok(Self::new(login.as_bytes()))
    }
}

impl Value for PathBuf {
    const EXPECTED: &'static str = "the path of a file, relative to this one";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an empty path".to_owned());
        }
        Ok(Self::from(text))
    }
}

/// A line of a CAPA reply (RFC 2449 section 3).
#[derive(Clone, Debug)]
pub(super) struct Capability(pub(super) String);

impl Value for Capability {
    const EXPECTED: &'static str = r#"a capability such as "UIDL" or "EXPIRE 60""#;

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

    fn from_text(text: &str) -> Result<Self, String> {
        let phrase = text.trim();
        if phrase.chars().count() < 3 {
            return Err(format!("`{text}` is not a phrase"));
        }
        Ok(Self(phrase.to_owned()))
    }
}

impl Value for TlsMode {
    const EXPECTED: &'static str = r#""off", "stls" or "implicit""#;

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "stls" => Ok(Self::Stls),
            "implicit" => Ok(Self::Implicit),
            _ => Err(format!("`{text}` is no way to speak TLS")),
        }
    }
}

impl Value for LogFormat {
    const EXPECTED: &'static str = r#""human" or "json""#;

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(format!("`{text}` is no form of log lines")),
        }
    }
}

impl Value for Cleartext {
    const EXPECTED: &'static str = r#""never", "trusted" or "always""#;

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            "trusted" => Ok(Self::Trusted),
            "always" => Ok(Self::Always),
            _ => Err(format!(
                "`{text}` does not say who may send passwords without TLS"
            )),
        }
    }
}

/// What becomes of a login that comes too soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enforce {
    Off,
    Shadow,
    Delay,
    Refuse,
}

impl Value for Enforce {
    const EXPECTED: &'static str = r#""off", "shadow", "delay" or "refuse""#;

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "shadow" => Ok(Self::Shadow),
            "delay" => Ok(Self::Delay),
            "refuse" => Ok(Self::Refuse),
            _ => Err(format!("`{text}` is no way to enforce a limit")),
        }
    }
}
