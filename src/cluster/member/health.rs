//! How the gate stands with the engine: what follows from answers, and from their absence.

use super::io::{ClusterState, MemberAction};
use crate::cluster::protocol::MaildropId;
use crate::limits::{CLUSTER_AWAY, CLUSTER_JOIN, CLUSTER_LATE};
use crate::time::Instant;
use std::collections::HashSet;

/// How the gate stands with the engine.
#[derive(Debug)]
pub(super) struct Health {
    state: ClusterState,
    /// Since when calls, or a connection, are waited for in vain.
    silent_since: Option<Instant>,
    /// The gate itself stood still when the engine would have counted as away.
    had_another_chance: bool,
    why: String,
    /// Maildrops that the engine has yet to hear of since it is back.
    unreconciled: HashSet<MaildropId>,
}

impl Health {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: ClusterState::Joining,
            silent_since: Some(now),
            had_another_chance: false,
            why: "there is no connection to the engine yet".to_owned(),
            unreconciled: HashSet::new(),
        }
    }

    pub(super) fn state(&self) -> ClusterState {
        self.state
    }

    /// Whether the engine is asked about maildrops.
    pub(super) fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// When the engine counts as away, if it goes on like this.
    pub(super) fn away_at(&self) -> Option<Instant> {
        // One that may not take part does not serve alone either.
        let may_be = !matches!(self.state, ClusterState::Degraded | ClusterState::Excluded);
        let patience = match self.state {
            ClusterState::Joining => CLUSTER_JOIN,
            _ => CLUSTER_AWAY,
        };
        self.silent_since
            .filter(|_| may_be)
            .map(|since| since + patience)
    }

    /// Whether the engine counts as away now. A gate that stood still past that moment, as a frozen
    /// process does, gives it another chance: answers may be there that nobody has read yet.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let Some(at) = self.away_at().filter(|at| *at <= now) else {
            return false;
        };
        let stood_still = now.saturating_duration_since(at) > CLUSTER_LATE;
        if stood_still && !self.had_another_chance {
            self.had_another_chance = true;
            self.silent_since = Some(now);
            return false;
        }
        true
    }

    /// A call that was made at `since` has no answer, or the connection has ended then.
    pub(super) fn unanswered(&mut self, since: Instant, why: &str, out: &mut Vec<MemberAction>) {
        if self.state == ClusterState::Excluded {
            return;
        }
        why.clone_into(&mut self.why);
        self.silent_since.get_or_insert(since);
        if matches!(
            self.state,
            ClusterState::Healthy | ClusterState::Reconciling
        ) {
            self.enter(ClusterState::Suspect, out);
        }
    }

    /// The engine answers.
    pub(super) fn answered(&mut self, out: &mut Vec<MemberAction>) {
        self.hears();
        if self.state == ClusterState::Suspect {
            self.enter(self.open_state(), out);
        }
    }

    /// The gate may not take part, until it is answered that it does.
    pub(super) fn excluded(&mut self, why: &str, out: &mut Vec<MemberAction>) {
        if self.state != ClusterState::Excluded || self.why != why {
            why.clone_into(&mut self.why);
            self.enter(ClusterState::Excluded, out);
        }
    }

    /// Whether the engine has not heard yet of all maildrops since it is back.
    pub(super) fn restates(&self) -> bool {
        !self.unreconciled.is_empty()
    }

    /// No answer came for too long.
    pub(super) fn away(&mut self, out: &mut Vec<MemberAction>) {
        self.enter(ClusterState::Degraded, out);
    }

    /// The engine is there, or there again, and is told of these.
    pub(super) fn back(
        &mut self,
        maildrops: impl Iterator<Item = MaildropId>,
        out: &mut Vec<MemberAction>,
    ) {
        self.hears();
        self.unreconciled = maildrops.collect();
        let state = self.open_state();
        if state != self.state {
            self.enter(state, out);
        }
    }

    /// The engine has heard of this one.
    pub(super) fn reconciled(&mut self, maildrop: MaildropId, out: &mut Vec<MemberAction>) {
        self.unreconciled.remove(&maildrop);
        if self.state == ClusterState::Reconciling && self.unreconciled.is_empty() {
            self.enter(ClusterState::Healthy, out);
        }
    }

    fn hears(&mut self) {
        self.silent_since = None;
        self.had_another_chance = false;
    }

    fn open_state(&self) -> ClusterState {
        match self.unreconciled.is_empty() {
            true => ClusterState::Healthy,
            false => ClusterState::Reconciling,
        }
    }

    fn enter(&mut self, state: ClusterState, out: &mut Vec<MemberAction>) {
        self.state = state;
        let why = match state {
            ClusterState::Healthy | ClusterState::Reconciling => String::new(),
            _ => self.why.clone(),
        };
        out.push(MemberAction::State { state, why });
    }
}
