//! Whether PIPELINING is honest: a whole login and two commands in one segment, each to be
//! answered in its turn (RFC 2449 section 6.6).

use super::account::{Account, is_ok};
use super::observations::Pipelining;
use super::probe_session::{MultilineReply, NoReply, ProbeSession};
use crate::backend::lines::LineError;
use crate::limits::{DOCTOR_PAUSE, LOGIN_LINE_MAX, PROBE_REPLY};
use crate::pop3::listing::DropListing;
use crate::pop3::reply::{Status, StatusLine};
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

/// What a session in segments met: the command without an answer, and why.
type Unanswered = (&'static str, NoReply);

impl Account<'_> {
    pub(super) async fn pipelining(&self) -> Pipelining {
        if !self.capabilities.pipelining {
            return Pipelining::NotOffered;
        }
        let at_once = self
            .in_segments(&[&[b"USER", b"PASS", b"STAT", b"LIST"]])
            .await;
        let Pipelining::Dishonest(_) = &at_once else {
            return at_once;
        };
        // The gate sends nothing behind a PASS before that is answered.
        sleep(DOCTOR_PAUSE).await;
        match self
            .in_segments(&[&[b"USER", b"PASS"], &[b"STAT", b"LIST"]])
            .await
        {
            Pipelining::Honest => Pipelining::LostBehindPass,
            other => other,
        }
    }

    /// A session whose commands go in these segments, each answered whole before the next.
    async fn in_segments(&self, segments: &[&[&[u8]]]) -> Pipelining {
        let mut session = match self.target.connect().await {
            Ok((session, _)) => session,
            Err(error) => return Pipelining::Unclear(error.to_string()),
        };
        let met = self.talk(&mut session, segments).await;
        session.quit().await;
        met.unwrap_or_else(|(command, error)| {
            Pipelining::Dishonest(format!("{command} got no answer: {error}"))
        })
    }

    async fn talk(
        &self,
        session: &mut ProbeSession,
        segments: &[&[&[u8]]],
    ) -> Result<Pipelining, Unanswered> {
        let of = |command| move |error| (command, error);
        let mut segments = segments.iter();
        self.send(session, segments.next()).await?;
        let user = in_time(session.answer("USER")).await.map_err(of("USER"))?;
        // A PASS takes the time that it takes.
        let pass = timeout(self.target.options().login_timeout, session.answer("PASS"))
            .await
            .unwrap_or(Err(NoReply::TimedOut))
            .map_err(of("PASS"))?;
        if let Some(refusal) = [user, pass].iter().find(|line| !is_ok(line)) {
            let line = self.discreet(refusal);
            return Ok(Pipelining::Unclear(format!(
                "the login was refused: {line}"
            )));
        }
        self.send(session, segments.next()).await?;
        let stat = in_time(session.answer("STAT")).await.map_err(of("STAT"))?;
        let list = in_time(session.multiline_answer("LIST"))
            .await
            .map_err(of("LIST"))?;
        Ok(match wrong(&self.discreet(&stat), &list) {
            Some(what) => Pipelining::Dishonest(what),
            None => Pipelining::Honest,
        })
    }

    async fn send(
        &self,
        session: &mut ProbeSession,
        verbs: Option<&&[&[u8]]>,
    ) -> Result<(), Unanswered> {
        let Some(verbs) = verbs else { return Ok(()) };
        let mut segment = Zeroizing::new(Vec::with_capacity(LOGIN_LINE_MAX * verbs.len()));
        for verb in *verbs {
            segment.extend_from_slice(verb);
            let argument = match *verb {
                b"USER" => self.credentials.user.as_bytes(),
                b"PASS" => self.credentials.password.expose(),
                _ => b"",
            };
            if !argument.is_empty() {
                segment.push(b' ');
            }
            segment.extend_from_slice(argument);
            segment.extend_from_slice(b"\r\n");
        }
        let written = session.conn.write_all(&segment).await;
        written.map_err(|error| ("the segment", LineError::from(error).into()))
    }
}

/// What was read along with PASS needs no look-up: it is answered at once, or never.
async fn in_time<T>(reply: impl Future<Output = Result<T, NoReply>>) -> Result<T, NoReply> {
    timeout(PROBE_REPLY, reply)
        .await
        .unwrap_or(Err(NoReply::TimedOut))
}

/// What about the answers to STAT and LIST shows that they are not those.
fn wrong(stat: &str, list: &MultilineReply) -> Option<String> {
    let reply = StatusLine::parse(stat);
    let drop_listing = DropListing::parse(reply.text.as_bytes());
    let (Status::Ok, Ok(drop_listing)) = (reply.status, drop_listing) else {
        return Some(format!("STAT was answered with {stat:?}"));
    };
    let lines = match list {
        MultilineReply::Lines(lines) => lines,
        MultilineReply::Refused(line) => {
            let line = String::from_utf8_lossy(line);
            return Some(format!("LIST was answered with {line:?}"));
        }
    };
    // How the lines look is another matter: only their number says whether STAT's answer is STAT's.
    let listed = lines.len() as u64;
    let counted = drop_listing.messages;
    (listed != counted)
        .then(|| format!("STAT counts {counted} messages, and LIST behind it {listed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_and_list_must_be_answered_each_and_agree() {
        let lines = |count: usize| MultilineReply::Lines(vec![b"1 120".to_vec(); count]);
        let refused = MultilineReply::Refused(b"-ERR no".to_vec());
        for (stat, list, expected) in [
            ("+OK 2 240", lines(2), None),
            ("+OK 2 240 more", lines(2), None),
            ("+OK 0 0", lines(0), None),
            (
                "+OK 3 360",
                lines(2),
                Some("STAT counts 3 messages, and LIST behind it 2"),
            ),
            (
                "+OK 2 240",
                refused,
                Some("LIST was answered with \"-ERR no\""),
            ),
            ("+OK", lines(2), Some("STAT was answered with \"+OK\"")),
            (
                "-ERR 2 240",
                lines(2),
                Some("STAT was answered with \"-ERR 2 240\""),
            ),
        ] {
            assert_eq!(wrong(stat, &list).as_deref(), expected, "{stat}");
        }
    }
}
