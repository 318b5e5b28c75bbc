//! From outside: connection, certificate, CAPA, connections at a time.

use super::certificate::Certificate;
use super::observations::{Capa, ConnectionCapacity, Observations, Unreached};
use super::probe_session::{MultilineReply, ProbeSession};
use super::probe_target::ProbeTarget;
use crate::limits::{DOCTOR_CONNECTIONS, DOCTOR_PAUSE, DOCTOR_REPLY};
use crate::net::TlsMode;
use crate::time::Instant;
use tokio::time::sleep;

/// Fills `reach`, `certificate` and `capa`.
pub(super) async fn look(target: &ProbeTarget, seen: &mut Observations) {
    match target.connect().await {
        Ok((mut session, reached)) => {
            seen.certificate = certificate(&session);
            seen.reach = Some(Ok(reached));
            seen.capa = Some(capa(&mut session).await);
            session.quit().await;
        }
        Err(error) => {
            // Where a greeting refuses, TLS was not the trouble.
            let may_be_tls = matches!(error, Unreached::Failed(_));
            seen.reach = Some(Err(error));
            if may_be_tls && target.options().tls != TlsMode::Off {
                seen.certificate = refused_certificate(target).await;
            }
        }
    }
}

/// Opens connections until one is not taken, or enough are.
pub(super) async fn connections(target: &ProbeTarget) -> ConnectionCapacity {
    let mut open = Vec::new();
    let began = Instant::now();
    let capacity = loop {
        // A server that is slow to greet leaves no time for more.
        if open.len() == DOCTOR_CONNECTIONS || began.elapsed() > DOCTOR_REPLY {
            break ConnectionCapacity::AtLeast(open.len());
        }
        match target.connect().await {
            Ok((session, _)) => open.push(session),
            Err(why) => break ConnectionCapacity::AtMost(open.len(), why),
        }
    };
    for session in open {
        session.quit().await;
    }
    // Who counts connections may take a moment to see that they are gone.
    sleep(DOCTOR_PAUSE).await;
    capacity
}

fn certificate(session: &ProbeSession) -> Option<Result<Certificate, String>> {
    session.conn.peer_certificate().map(Certificate::parse)
}

/// The certificate that was perhaps refused: what is wrong with it shows best in itself.
async fn refused_certificate(target: &ProbeTarget) -> Option<Result<Certificate, String>> {
    let (session, _) = target.unverified().ok()?.connect().await.ok()?;
    let found = certificate(&session);
    session.quit().await;
    found
}

async fn capa(session: &mut ProbeSession) -> Capa {
    match session.ask_multiline("CAPA").await {
        Ok(MultilineReply::Lines(lines)) => Capa::Lists(texts(&lines)),
        Ok(MultilineReply::Refused(line)) => Capa::Unknown(text(&line)),
        Err(error) => Capa::Broken(error.to_string()),
    }
}

pub(super) fn texts(lines: &[Vec<u8>]) -> Vec<String> {
    lines.iter().map(|line| text(line)).collect()
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim().to_owned()
}
