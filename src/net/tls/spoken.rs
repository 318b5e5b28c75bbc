//! What popgate speaks, and what to do about peers that do not.
//!
//! rustls has TLS 1.2 and 1.3, and of TLS 1.2 the suites with ECDHE and AEAD alone: no CBC, no RSA
//! key exchange, no DHE. Old programs and servers have nothing else.

use super::Leg;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{AlertDescription, CipherSuite, PeerIncompatible};
use std::fmt;

/// The versions and kinds of cipher suites, for people.
pub const SPOKEN: &str = "1.2 and 1.3, ECDHE with AES-GCM or ChaCha20-Poly1305";

/// The versions, as protocols name them.
pub const VERSIONS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];

/// The names of the cipher suites, the preferred one first.
#[must_use]
pub fn cipher_suites() -> Vec<&'static str> {
    let provider: CryptoProvider = aws_lc_rs::default_provider();
    provider
        .cipher_suites
        .iter()
        .map(|suite| suite_name(suite.suite()))
        .collect()
}

/// The name of a cipher suite in the registry of IANA; rustls writes `TLS13_` for the version's
/// own.
pub(in crate::net) fn suite_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or("unknown"),
    }
}

/// What a handshake found that both sides do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// A version of TLS.
    Version,
    /// A cipher suite, or what belongs to one: a curve, a kind of signature.
    CipherSuite,
}

impl Lacking {
    /// What the peer's alert says is lacking. OpenSSL and SChannel send `handshake_failure` where
    /// no suite is common, GnuTLS and NSS too or `insufficient_security` (RFC 8446 section 6.2).
    pub(super) fn of_alert(alert: AlertDescription) -> Option<Self> {
        match alert {
            AlertDescription::ProtocolVersion => Some(Self::Version),
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
                Some(Self::CipherSuite)
            }
            _ => None,
        }
    }

    /// What rustls says is lacking. A ClientHello without the extension for signatures is that of a
    /// version before 1.2, which made it (RFC 5246 section 7.4.1.4.1).
    pub(super) fn of(why: &PeerIncompatible) -> Self {
        match why {
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SignatureAlgorithmsExtensionRequired
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled => Self::Version,
            _ => Self::CipherSuite,
        }
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "no TLS version in common",
            Self::CipherSuite => "no cipher suite in common",
        })
    }
}

/// What is spoken, what a peer without it has, and what an operator does about it.
pub(super) fn advice(leg: Leg, lacking: Lacking) -> String {
    let peer = match leg {
        Leg::Client => "program",
        Leg::Backend => "server",
    };
    let has = match (lacking, leg) {
        (Lacking::Version, _) => "older versions alone",
        (Lacking::CipherSuite, Leg::Backend) => "others alone, such as CBC or RSA key exchange",
        (Lacking::CipherSuite, Leg::Client) => {
            "others alone, such as CBC or RSA key exchange, or none for this kind of certificate"
        }
    };
    let what_to_do = match (leg, lacking) {
        (Leg::Client, _) => {
            "update it, or have stunnel or HAProxy before popgate speak TLS with it"
        }
        (Leg::Backend, Lacking::Version) => {
            "enable TLS 1.2 there, or have stunnel beside popgate speak TLS with it, and reach that \
             with tls = \"off\""
        }
        (Leg::Backend, Lacking::CipherSuite) => {
            "enable ECDHE with AES-GCM there, or have stunnel beside popgate speak TLS with it, and \
             reach that with tls = \"off\""
        }
    };
    format!("popgate speaks TLS {SPOKEN}, and the {peer} has {has}: {what_to_do}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_be_spoken_is_what_the_library_has() {
        let suites = cipher_suites();
        assert!(suites.len() >= 3, "{suites:?}");
        for suite in &suites {
            let is_aead = suite.contains("_GCM_") || suite.contains("_CHACHA20_POLY1305_");
            // A suite of TLS 1.3 names no key exchange; it is ECDHE here (RFC 8446 section 4.2.7).
            let is_ecdhe = suite.starts_with("TLS_ECDHE_") || !suite.contains("_WITH_");
            assert!(is_aead && is_ecdhe, "{suite}");
        }
        assert!(suites.contains(&"TLS_AES_256_GCM_SHA384"));
        assert!(!suites.iter().any(|suite| suite.starts_with("TLS13_")));
    }

    #[test]
    fn alerts_say_what_is_lacking() {
        for (alert, lacking) in [
            (40, Some(Lacking::CipherSuite)),
            (70, Some(Lacking::Version)),
            (71, Some(Lacking::CipherSuite)),
            (42, None),
            (80, None),
        ] {
            assert_eq!(Lacking::of_alert(AlertDescription::from(alert)), lacking);
        }
    }
}
