//! From inside, with the test account: at most seven logins where all goes well, or eight where
//! PIPELINING is tried twice. Nothing is deleted by them.
//!
//! Two sessions at a time are open only to see what the second one meets; the others follow one
//! another.

use super::listings::{listing, unique_ids_of};
use super::observations::{
    AccountObservations, Attempt, CapaInside, ClassifiedLine, ProbeStep, Second, Uidl,
};
use super::probe_session::{MultilineReply, ProbeSession};
use super::probe_target::ProbeTarget;
use super::reach::texts;
use crate::backend::login::log_in;
use crate::dialect::Class;
use crate::limits::{DOCTOR_FIRST_PAUSE, DOCTOR_PAUSE, DOCTOR_RETRIES_MAX, DOCTOR_SECOND};
use crate::pop3::capability::Capabilities;
use crate::pop3::reply::{ReplyTo, Status};
use crate::pop3::sasl::Credentials;
use crate::time::{Duration, Instant};
use std::cell::Cell;
use std::collections::HashSet;
use tokio::time::{sleep, timeout};

/// The test account at one backend.
pub(super) struct Account<'a> {
    pub(super) target: &'a ProbeTarget,
    pub(super) credentials: &'a Credentials,
    /// What the gate takes the backend to be able to do.
    pub(super) capabilities: Capabilities,
    pub(super) on_step: &'a dyn Fn(ProbeStep),
}

/// The unique ids of one session, or the line that refuses them.
pub(super) type UniqueIds = Result<Vec<Vec<u8>>, String>;

impl Account<'_> {
    pub(super) async fn look(&self, seen: &mut AccountObservations) {
        (self.on_step)(ProbeStep::Login);
        let Some(mut first) = self.first_session(seen).await else {
            return;
        };
        let (ids, shown) = listing(&mut first, None).await;
        seen.sharing.listings.push(shown);
        let capa_inside = seen.capa_inside.insert(capa_inside(&mut first).await);
        if *capa_inside == CapaInside::Breaks {
            return;
        }
        (self.on_step)(ProbeStep::Second);
        let beside = self.beside(&mut first, &ids, seen).await;
        let next_ids = self.course(first, seen).await;
        seen.uidl = uidl(ids, next_ids.or(beside));
        (self.on_step)(ProbeStep::Pipelining);
        // The lock of the session before may linger: it must not be taken for a refusal.
        sleep(seen.longest_release() + DOCTOR_PAUSE).await;
        seen.pipelining = Some(self.pipelining().await);
    }

    /// Logs in, and again where that may help.
    async fn first_session(&self, seen: &mut AccountObservations) -> Option<ProbeSession> {
        let mut pause = DOCTOR_FIRST_PAUSE;
        let mut tries = 1;
        loop {
            let (attempt, session) = self.log_in(self.target.options().login_timeout).await;
            let is_in = attempt.is_in();
            let helps = attempt.line().is_some_and(may_pass);
            seen.login = Some((attempt, tries));
            if is_in {
                return session;
            }
            if !helps || tries > DOCTOR_RETRIES_MAX {
                return None;
            }
            sleep(pause).await;
            pause *= 2;
            tries += 1;
        }
    }

    /// A second session while the first is open; its unique ids, if it gets in.
    async fn beside(
        &self,
        first: &mut ProbeSession,
        first_ids: &UniqueIds,
        seen: &mut AccountObservations,
    ) -> Option<UniqueIds> {
        let (attempt, session) = self.log_in(DOCTOR_SECOND).await;
        let mut ids = None;
        let mut refused_late = None;
        let mut stays_open = None;
        match session {
            Some(mut session) if attempt.is_in() => {
                let found = unique_ids(&mut session).await;
                refused_late = self.late_refusal(first_ids, &found);
                ids = Some(found);
                session.quit().await;
            }
            Some(mut session) => stays_open = Some(session.ask("QUIT").await.is_ok()),
            None => {}
        }
        // Some servers throw the first session out instead of refusing the second.
        let first_lives = first.ask("NOOP").await.is_ok_and(|line| is_ok(&line));
        seen.second = Some(Second {
            attempt,
            refused_late,
            stays_open,
            first_lives,
        });
        ids
    }

    /// What the first session may ask is refused to the second one.
    fn late_refusal(&self, first: &UniqueIds, second: &UniqueIds) -> Option<ClassifiedLine> {
        match (first, second) {
            (Ok(_), Err(line)) => Some(self.line(ReplyTo::Uidl, line.as_bytes())),
            _ => None,
        }
    }

    /// A new connection and a login on it. The connection comes back where it may still be used.
    pub(super) async fn log_in(&self, bound: Duration) -> (Attempt, Option<ProbeSession>) {
        match self.target.connect().await {
            Ok((session, _)) => self.log_in_on(session, bound).await,
            Err(error) => (Attempt::Unreached(error), None),
        }
    }

    /// A login on this connection, one command after the other.
    pub(super) async fn log_in_on(
        &self,
        mut session: ProbeSession,
        bound: Duration,
    ) -> (Attempt, Option<ProbeSession>) {
        // A server that loses what stands behind a command would spoil every other finding;
        // pipelining is tried by itself, at the end.
        let one_by_one = Capabilities {
            pipelining: false,
            ..self.capabilities.clone()
        };
        let told = Cell::new(Instant::now());
        let mut on_password = || told.set(Instant::now());
        let blank_lines = session.conn.blank_lines;
        let login = log_in(
            &mut session.conn,
            self.credentials,
            &one_by_one,
            &mut on_password,
        );
        match timeout(bound, login).await {
            Ok(Ok(line)) => {
                session.note("the login", &line, blank_lines);
                let line = self.line(ReplyTo::Pass, &line);
                let after = told.get().elapsed();
                (Attempt::Answered { line, after }, Some(session))
            }
            Ok(Err(error)) => (Attempt::Broken(error.to_string()), None),
            Err(_) => (Attempt::Silent(bound), None),
        }
    }
}

impl Account<'_> {
    /// What a line means, and its text to be shown.
    fn line(&self, to: ReplyTo, line: &[u8]) -> ClassifiedLine {
        let ClassifiedLine { class, .. } = self.target.line(to, line);
        let text = self.discreet(line);
        ClassifiedLine { class, text }
    }

    /// The text of a line. Some servers repeat what they did not understand, and it may have
    /// been the password.
    pub(super) fn discreet(&self, line: &[u8]) -> String {
        let text = String::from_utf8_lossy(line);
        let password = String::from_utf8_lossy(self.credentials.password.expose());
        text.replace(&*password, "(the password)")
    }
}

fn may_pass(line: &ClassifiedLine) -> bool {
    matches!(line.class, Class::Locked | Class::Temp | Class::TooMany)
}

pub(super) fn is_ok(line: &[u8]) -> bool {
    Status::of_line(line) == Status::Ok
}

pub(super) async fn unique_ids(session: &mut ProbeSession) -> UniqueIds {
    unique_ids_of(&session.ask_multiline("UIDL").await)
}

/// New mail may have come, and another program may have deleted some: only ids that the smaller
/// maildrop has and the larger one has not are another's.
fn uidl(first: UniqueIds, second: Option<UniqueIds>) -> Option<Uidl> {
    let (first, second) = match (first, second) {
        (Err(line), _) => return Some(Uidl::Unknown(line)),
        (Ok(_), None | Some(Err(_))) => return None,
        (Ok(first), Some(Ok(second))) => (first, second),
    };
    let (fewer, more) = if first.len() <= second.len() {
        (first, second)
    } else {
        (second, first)
    };
    let known: HashSet<_> = more.into_iter().collect();
    let changed = fewer.iter().filter(|id| !known.contains(*id)).count();
    Some(match fewer.len() {
        0 => Uidl::Empty,
        messages => Uidl::Compared { messages, changed },
    })
}

/// CAPA, and then something that must be answered in its place.
async fn capa_inside(session: &mut ProbeSession) -> CapaInside {
    let capa = session.ask_multiline("CAPA").await;
    let goes_on = session.ask("NOOP").await.is_ok_and(|line| is_ok(&line));
    match capa {
        Ok(MultilineReply::Lines(lines)) if goes_on => CapaInside::Lists(texts(&lines)),
        Ok(MultilineReply::Refused(_)) if goes_on => CapaInside::Refused,
        _ => CapaInside::Breaks,
    }
}
