//! What a certificate says of itself.

use crate::limits::CERTIFICATE_DAYS;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fmt;
use std::net::IpAddr;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

/// The facts that an operator looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Who signed it; `None` where it signed itself.
    pub issuer: Option<String>,
    /// The names that it is for; those of the subject where it has no others.
    pub names: Vec<String>,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
}

impl Certificate {
    /// Reads a certificate, DER.
    ///
    /// # Errors
    /// What about it cannot be read; the backend's fault.
    pub fn parse(der: &[u8]) -> Result<Self, String> {
        let (_, found) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
        let time = |seconds| Timestamp::from_second(seconds).map_err(|error| error.to_string());
        let signed_itself = found.issuer() == found.subject();
        Ok(Self {
            issuer: (!signed_itself).then(|| common_name(found.issuer())),
            names: names(&found),
            not_before: time(found.validity().not_before.timestamp())?,
            not_after: time(found.validity().not_after.timestamp())?,
        })
    }

    /// Whole days from `now` to its end; below zero where that is past.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> i64 {
        const DAY: i64 = 24 * 60 * 60;
        (self.not_after.as_second() - now.as_second()).div_euclid(DAY)
    }

    /// Whether it is valid at `now`, and will be for a while.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.not_before <= now && self.days_left(now) >= CERTIFICATE_DAYS
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.join(", ");
        match &self.issuer {
            Some(issuer) => write!(f, "for {names}, signed by {issuer}")?,
            None => write!(f, "for {names}, signed by itself")?,
        }
        let from = day(self.not_before);
        let until = day(self.not_after);
        write!(f, ", valid from {from} to {until}")
    }
}

fn day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d")
        .to_string()
}

fn names(found: &X509Certificate<'_>) -> Vec<String> {
    let extension = found.subject_alternative_name().ok().flatten();
    let names: Vec<String> = extension
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(name)
        .collect();
    // RFC 6125: the subject's name counts only where there is no other.
    if names.is_empty() {
        return vec![common_name(found.subject())];
    }
    names
}

fn name(general: &GeneralName<'_>) -> Option<String> {
    match general {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => address(octets).map(|ip| ip.to_string()),
        _ => None,
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

/// Its common name, which people know it by; else all of it.
fn common_name(name: &X509Name<'_>) -> String {
    name.iter_common_name()
        .next()
        .and_then(|attribute| attribute.as_str().ok())
        .map_or_else(|| name.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tls::authority::Authority;
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    fn parse(pem: &str) -> Certificate {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        Certificate::parse(&der).unwrap()
    }

    #[test]
    fn issuer_names_and_dates_are_read() {
        let authority = Authority::new();
        let (pem, _) = authority.expired(&["pop.example.com", "127.0.0.1", "::1"]);
        let found = parse(&pem);
        assert_eq!(found.names, ["pop.example.com", "127.0.0.1", "::1"]);
        let issuer = found.issuer.clone().unwrap();
        assert!(issuer.starts_with("authority "), "{issuer}");
        let told = found.to_string();
        assert!(
            told.ends_with("valid from 2019-01-01 to 2020-01-01"),
            "{told}"
        );
    }

    #[test]
    fn one_that_signed_itself_says_so() {
        let (pem, _) = crate::demo::certificate::self_signed().unwrap();
        let found = parse(&pem);
        assert_eq!(found.issuer, None);
        assert!(
            found
                .to_string()
                .starts_with("for localhost, 127.0.0.1, ::1, signed by itself")
        );
    }

    #[test]
    fn days_are_counted_to_its_end() {
        let (pem, _) = Authority::new().expired(&["a.example"]);
        let found = parse(&pem);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(found.days_left(at("2019-12-18T00:00:00Z")), 14);
        assert_eq!(found.days_left(at("2019-12-31T12:00:00Z")), 0);
        assert_eq!(found.days_left(at("2020-01-01T00:00:01Z")), -1);
        assert!(found.is_fresh(at("2019-12-18T00:00:00Z")));
        assert!(!found.is_fresh(at("2019-12-19T00:00:00Z")));
        assert!(!found.is_fresh(at("2018-12-31T00:00:00Z")));
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert!(Certificate::parse(b"no certificate").is_err());
    }
}
