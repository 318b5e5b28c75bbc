//! What operators do to this gate.

use super::drain::Drain;
use crate::admin::{GateControl, UnknownName};
use crate::gate::{Context, Kick, Settings};
use crate::ids::SessionId;
use crate::observe::event::{Event, Operator, OperatorAction, OperatorChange};
use crate::observe::log::{LogFilter, parse_level};
use crate::policy::pause::PauseSubject;
use crate::time::Duration;
use std::sync::Arc;

/// A gate in the hands of its operators.
pub(super) struct OperatorControl {
    pub(super) cx: Arc<Context>,
    pub(super) drain: Drain,
    /// None where the log is not this gate's own.
    pub(super) log: Option<LogFilter>,
}

impl OperatorControl {
    fn tell(&self, by: &Operator, change: OperatorChange) {
        let by = by.clone();
        let action = Box::new(OperatorAction { by, change });
        self.cx.events.emit(Event::OperatorActed(action));
    }

    fn known(&self, subject: &PauseSubject) -> Result<(), UnknownName> {
        if exists(&self.cx.settings(), subject) {
            Ok(())
        } else {
            Err(UnknownName)
        }
    }
}

impl GateControl for OperatorControl {
    fn kick(&self, session: SessionId, operator: &Operator) -> Kick {
        let kick = self.cx.sessions.kick(session, operator.reason.clone());
        if kick == Kick::Kicked {
            self.tell(operator, OperatorChange::Kicked(session));
        }
        kick
    }

    fn pause(&self, subject: &PauseSubject, operator: &Operator) -> Result<(), UnknownName> {
        self.known(subject)?;
        if self.cx.pause(subject) {
            self.tell(operator, OperatorChange::Paused(subject.clone()));
        }
        Ok(())
    }

    fn resume(&self, subject: &PauseSubject, operator: &Operator) -> Result<(), UnknownName> {
        self.known(subject)?;
        if self.cx.resume(subject) {
            self.tell(operator, OperatorChange::Resumed(subject.clone()));
        }
        Ok(())
    }

    fn drain(&self, grace: Option<Duration>, operator: &Operator) {
        let grace = grace.unwrap_or_else(|| self.cx.settings().grace);
        self.tell(operator, OperatorChange::Draining(grace));
        self.drain.begin(grace);
    }

    fn log_level(&self) -> String {
        self.log.as_ref().map(LogFilter::level).unwrap_or_default()
    }

    fn set_log_level(&self, level: &str, operator: &Operator) -> Result<String, String> {
        let filter = parse_level(level).map_err(|error| error.to_string())?;
        let log = self
            .log
            .as_ref()
            .ok_or_else(|| "this gate has no log of its own".to_owned())?;
        let level = filter.to_string();
        let change = OperatorChange::LogLevel(level.clone());
        // The line that says so is written under whichever of the two filters lets it through.
        let is_shown_before = log.shows_info();
        if is_shown_before {
            self.tell(operator, change.clone());
        }
        log.set(filter).map_err(|error| error.to_string())?;
        if !is_shown_before {
            self.tell(operator, change);
        }
        Ok(level)
    }
}

/// Whether the configuration has a tenant or a backend of this name.
pub(super) fn exists(settings: &Settings, subject: &PauseSubject) -> bool {
    match subject {
        PauseSubject::Tenant(name) => settings.tenants.tenants().any(|it| it.name == *name),
        PauseSubject::Backend(name) => settings.backends.contains_key(name),
    }
}
