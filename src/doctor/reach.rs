//! From outside: connection, certificate, CAPA, connections at a time.

use super::certificate::Certificate;
use super::patient::Patient;
use super::seen::{Capa, Connections, Seen, Unreached};
use super::visit::{Listing, Visit};
use crate::limits::{DOCTOR_CONNECTIONS, DOCTOR_PAUSE, DOCTOR_REPLY};
use crate::net::TlsMode;
use crate::time::Instant;
use tokio::time::sleep;

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

/// Opens connections until one is not taken, or enough are.
pub(super) async fn connections(patient: &Patient) -> Connections {
    let (mut open, began) = (Vec::new(), Instant::now());
    let seen = loop {
        // A server that is slow to greet leaves no time for more.
        if open.len() == DOCTOR_CONNECTIONS || began.elapsed() > DOCTOR_REPLY {
            break Connections::AtLeast(open.len());
        }
        match patient.visit().await {
            Ok((visit, _)) => open.push(visit),
            Err(why) => break Connections::AtMost(open.len(), why),
        }
    };
    for visit in open {
        visit.quit().await;
    }
    // Who counts connections may take a moment to see that they are gone.
    sleep(DOCTOR_PAUSE).await;
    seen
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
        Ok(Listing::Lines(lines)) => Capa::Lists(texts(&lines)),
        Ok(Listing::Refused(line)) => Capa::Unknown(text(&line)),
        Err(error) => Capa::Broken(error.to_string()),
    }
}

pub(super) fn texts(lines: &[Vec<u8>]) -> Vec<String> {
    lines.iter().map(|line| text(line)).collect()
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim().to_owned()
}
