//! Whether PIPELINING is honest: a whole login and two commands in one segment, each to be
//! answered in its turn (RFC 2449 section 6.6).

use super::account::{Account, is_ok};
use super::seen::Pipelining;
use super::visit::{Listing, NoReply, Visit, bounded};
use crate::backend::lines::LineError;
use tokio::time::timeout;
use zeroize::Zeroizing;

impl Account<'_> {
    pub(super) async fn pipelining(&self) -> Pipelining {
        if !self.capabilities.pipelining || !self.capabilities.user {
            return Pipelining::NotOffered;
        }
        let mut visit = match self.patient.visit().await {
            Ok((visit, _)) => visit,
            Err(error) => return Pipelining::Unclear(error.to_string()),
        };
        let answered = self.all_at_once(&mut visit).await;
        visit.quit().await;
        answered.unwrap_or_else(|(command, error)| {
            Pipelining::Dishonest(format!("{command} got no answer: {error}"))
        })
    }

    /// The error names the command that has no answer.
    async fn all_at_once(&self, visit: &mut Visit) -> Result<Pipelining, (&'static str, NoReply)> {
        let of = |command| move |error: NoReply| (command, error);
        let written = visit.conn.write_all(&self.segment()).await;
        written.map_err(|error| ("USER", LineError::from(error).into()))?;
        let user = bounded(visit.line()).await.map_err(of("USER"))?;
        // A PASS takes the time that it takes.
        let bound = self.patient.options().login_timeout;
        let pass = timeout(bound, visit.line()).await;
        let pass = pass.unwrap_or(Err(NoReply::TimedOut)).map_err(of("PASS"))?;
        if let Some(refusal) = [user, pass].iter().find(|line| !is_ok(line)) {
            let line = self.discreet(refusal);
            return Ok(Pipelining::Unclear(format!(
                "the login was refused: {line}"
            )));
        }
        let stat = bounded(visit.line()).await.map_err(of("STAT"))?;
        let list = bounded(visit.listing()).await.map_err(of("LIST"))?;
        Ok(match wrong(&self.discreet(&stat), &list) {
            Some(what) => Pipelining::Dishonest(what),
            None => Pipelining::Honest,
        })
    }

    fn segment(&self) -> Zeroizing<Vec<u8>> {
        let user = self.credentials.user.as_bytes();
        let password = self.credentials.password.expose();
        let parts: [&[u8]; 5] = [
            b"USER ",
            user,
            b"\r\nPASS ",
            password,
            b"\r\nSTAT\r\nLIST\r\n",
        ];
        Zeroizing::new(parts.concat())
    }
}

/// What about the answers to STAT and LIST shows that they are not those.
fn wrong(stat: &str, list: &Listing) -> Option<String> {
    let mut words = stat.split_ascii_whitespace();
    let counts: Option<(usize, u64)> = (|| {
        let ok = words.next()? == "+OK";
        let counts = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        ok.then_some(counts)
    })();
    match (counts, list) {
        (None, _) => Some(format!("STAT was answered with {stat:?}")),
        (_, Listing::Refused(line)) => {
            let line = String::from_utf8_lossy(line);
            Some(format!("LIST was answered with {line:?}"))
        }
        (Some((messages, _)), Listing::Lines(lines)) if lines.len() != messages => {
            let listed = lines.len();
            Some(format!(
                "STAT counts {messages} messages, and LIST behind it {listed}"
            ))
        }
        _ => None,
    }
}
