//! From outside: connection, certificate, CAPA.

use super::certificate::Certificate;
use super::patient::Patient;
use super::seen::{Capa, Seen, Unreached};
use super::visit::{Listing, Visit};
use crate::net::TlsMode;

/// Fills `reach`, `certificate` and `capa`.
pub(super) async fn look(patient: &Patient, seen: &mut Seen) {
    match patient.visit().await {
        Ok((mut visit, reached)) => {
            seen.certificate = certificate(&visit);
            seen.reach = Some(Ok(reached));
            seen.capa = Some(capa(&mut visit).await);
            visit.quit().await;
        }
        Err(error) => {
            let may_be_tls = matches!(error, Unreached::Failed(_));
            seen.reach = Some(Err(error));
            if may_be_tls && patient.options().tls != TlsMode::Off {
                seen.certificate = refused_certificate(patient).await;
            }
        }
    }
}

fn certificate(visit: &Visit) -> Option<Result<Certificate, String>> {
    visit.conn.peer_certificate().map(Certificate::parse)
}

/// The certificate that was perhaps refused: what is wrong with it shows best in itself.
async fn refused_certificate(patient: &Patient) -> Option<Result<Certificate, String>> {
    let (visit, _) = patient.unverified().ok()?.visit().await.ok()?;
    let found = certificate(&visit);
    visit.quit().await;
    found
}

async fn capa(visit: &mut Visit) -> Capa {
    match visit.list("CAPA").await {
        Ok(Listing::Lines(lines)) => Capa::Lists(lines.iter().map(|line| text(line)).collect()),
        Ok(Listing::Refused(line)) => Capa::Unknown(text(&line)),
        Err(error) => Capa::Broken(error.to_string()),
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim().to_owned()
}
