//! TLS on both legs: rustls with aws-lc-rs, versions 1.2 and 1.3 (RFC 8997 forbids older ones).

mod acceptor;
#[cfg(test)]
pub(crate) mod authority;
mod certificates;
mod connector;
mod spoken;

use connector::NotPinned;

pub use acceptor::{AcceptedStream, Acceptor};
pub use connector::{Authorities, Connector};
pub(super) use spoken::suite_name;
pub use spoken::{Lacking, SPOKEN, VERSIONS, cipher_suites};

use super::CertificateFiles;
use crate::limits::TLS_HANDSHAKE;
use rustls::{AlertDescription, CertificateError, InvalidMessage};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use tokio::time::timeout;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of the operator's cannot be used.
    #[error("{}: {why}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The operator's settings do not go together.
    #[error("{0}")]
    Setting(String),
    /// The peer sent bytes in clear that were to count behind the handshake: an injection.
    #[error("bytes came in clear ahead of the TLS handshake: refused, they may be injected")]
    EarlyBytes,
    /// The connection is TLS as it is.
    #[error("the connection is TLS already")]
    AlreadyTls,
    /// The peer does not speak TLS.
    #[error(
        "the peer does not speak TLS here; a wrong port, or tls = \"stls\" and \"implicit\" mixed up"
    )]
    NotTls,
    /// The handshake did not end in time.
    #[error("no TLS handshake within {TLS_HANDSHAKE:?}")]
    TimedOut,
    /// The peer closed, or its line broke, in the handshake.
    #[error("the connection ended in the TLS handshake: {0}")]
    Closed(io::Error),
    /// A server ended the connection instead of answering: some do where they have nothing in
    /// common with a client, such as SChannel of Windows.
    #[error(
        "the server ended the connection in the TLS handshake ({error}); some do where no cipher \
         suite is in common. If so: {advice}"
    )]
    ClosedByServer {
        /// How it ended.
        error: io::Error,
        /// What is spoken, and what to do.
        advice: String,
    },
    /// The peer does not speak what popgate does.
    #[error("TLS handshake: {lacking} ({found}); {advice}")]
    NothingInCommon {
        /// What is not common.
        lacking: Lacking,
        /// The peer's alert, or what rustls found.
        found: String,
        /// What is spoken, and what to do.
        advice: String,
    },
    /// The peer's certificate was refused.
    #[error("the peer's certificate {0}")]
    Certificate(String),
    /// The handshake failed otherwise.
    #[error("TLS handshake: {0}")]
    Handshake(String),
}

/// Whose handshake it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leg {
    /// A program connects to popgate.
    Client,
    /// popgate connects to a server.
    Backend,
}

/// Whether a certificate chain and its key can be read, and belong together.
///
/// # Errors
/// [`TlsError::File`], which names the one that is wrong.
pub fn check_certificate(files: &CertificateFiles) -> Result<(), TlsError> {
    certificates::load(files).map(drop)
}

/// Whether a file holds certificates, of authorities for a backend.
///
/// # Errors
/// [`TlsError::File`].
pub fn check_authorities(file: &Path) -> Result<(), TlsError> {
    certificates::read_certificates(file).map(drop)
}

/// Runs a handshake under its bound.
async fn bounded<T>(
    leg: Leg,
    handshake: impl Future<Output = io::Result<T>>,
) -> Result<T, TlsError> {
    match timeout(TLS_HANDSHAKE, handshake).await {
        Ok(result) => result.map_err(|error| from_handshake(leg, error)),
        Err(_) => Err(TlsError::TimedOut),
    }
}

fn from_handshake(leg: Leg, error: io::Error) -> TlsError {
    // tokio-rustls wraps what rustls found into an `io::Error`.
    let inner = error
        .get_ref()
        .and_then(|e| e.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        )) => TlsError::NotTls,
        Some(rustls::Error::InvalidCertificate(why)) => TlsError::Certificate(refusal(why)),
        Some(rustls::Error::AlertReceived(alert)) => from_alert(leg, *alert),
        Some(rustls::Error::PeerIncompatible(why)) => {
            nothing_in_common(leg, Lacking::of(why), format!("{why:?}"))
        }
        Some(other) => TlsError::Handshake(other.to_string()),
        None if leg == Leg::Backend => TlsError::ClosedByServer {
            error,
            advice: spoken::advice(leg, Lacking::CipherSuite),
        },
        None => TlsError::Closed(error),
    }
}

fn from_alert(leg: Leg, alert: AlertDescription) -> TlsError {
    match Lacking::of_alert(alert) {
        Some(lacking) => nothing_in_common(leg, lacking, format!("the peer ended it: {alert:?}")),
        None => TlsError::Handshake(complaint(alert)),
    }
}

fn nothing_in_common(leg: Leg, lacking: Lacking, found: String) -> TlsError {
    TlsError::NothingInCommon {
        lacking,
        found,
        advice: spoken::advice(leg, lacking),
    }
}

/// What the peer's alert tells the operator.
fn complaint(alert: AlertDescription) -> String {
    use AlertDescription::{BadCertificate, CertificateExpired, CertificateUnknown, UnknownCA};
    let meaning = match alert {
        UnknownCA => "it does not know who signed our certificate",
        CertificateExpired => "our certificate has expired",
        BadCertificate | CertificateUnknown => "it does not take our certificate",
        _ => return format!("the peer ended it: {alert:?}"),
    };
    format!("the peer ended it: {meaning} ({alert:?})")
}

/// What to do about a certificate for another name.
const OTHER_NAME: &str = "call it by a name of the certificate, in `server_name` of the backend \
                          or `nodes` of [cluster]";

/// What is wrong with the peer's certificate, and what to do, behind "the peer's certificate".
fn refusal(why: &CertificateError) -> String {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext,
        NotValidYet, NotValidYetContext, Other, UnknownIssuer,
    };
    match why {
        Expired => "has expired".to_owned(),
        ExpiredContext { not_after, .. } => format!("expired on {}", day(not_after.as_secs())),
        NotValidYet => "is not valid yet".to_owned(),
        NotValidYetContext { not_before, .. } => {
            format!("is not valid before {}", day(not_before.as_secs()))
        }
        UnknownIssuer => {
            "is signed by an authority that is not known; name its file with `ca`".to_owned()
        }
        BadSignature => {
            "is not signed by the authority that it names; that of `ca` may be an old one"
                .to_owned()
        }
        NotValidForName => format!("is for another name; {OTHER_NAME}"),
        NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "is not for {}, but for {}; {OTHER_NAME}",
            expected.to_str(),
            presented.join(", ")
        ),
        Other(error) if error.0.is::<NotPinned>() => NotPinned.to_string(),
        // `openssl req -x509` makes these. webpki's own type is not ours to name.
        Other(error) if format!("{error:?}").contains("CaUsedAsEndEntity") => {
            "is an authority's, which no server may use; make one with CA:FALSE, or set `verify = false`"
                .to_owned()
        }
        other => format!("was refused: {other}"),
    }
}

fn day(unix_seconds: u64) -> String {
    let seconds = i64::try_from(unix_seconds).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        Err(_) => format!("second {unix_seconds} of Unix time"),
    }
}

#[cfg(test)]
mod tests;
