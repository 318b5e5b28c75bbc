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
        tell(&self.cx, by, change);
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
        kick(&self.cx, session, operator)
    }

    fn pause(&self, subject: &PauseSubject, operator: &Operator) -> Result<(), UnknownName> {
        self.known(subject)?;
        if self.cx.pause(subject) {
            // A reload that has dropped the name since may have forgotten its pauses before this.
            if let Err(gone) = self.known(subject) {
                self.cx.resume(subject);
                return Err(gone);
            }
            self.tell(operator, OperatorChange::Paused(subject.clone()));
        }
        Ok(())
    }

    fn resume(&self, subject: &PauseSubject, operator: &Operator) -> Result<(), UnknownName> {
        if self.cx.resume(subject) {
            self.tell(operator, OperatorChange::Resumed(subject.clone()));
            return Ok(());
        }
        self.known(subject)
    }

    fn drain(&self, grace: Option<Duration>, operator: &Operator) {
        let grace = grace.unwrap_or_else(|| self.cx.settings().grace);
        // What is left of it, where a drain that ends sooner has begun before.
        let left = self.drain.begin(grace);
        self.tell(operator, OperatorChange::Draining(left));
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
        let is_shown_before = log.shows_warnings();
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

/// Ends a session, and tells who did it.
pub(super) fn kick(cx: &Context, session: SessionId, operator: &Operator) -> Kick {
    let kick = cx.sessions.kick(session, operator.reason.clone());
    if kick == Kick::Kicked {
        tell(cx, operator, OperatorChange::Kicked(session));
    }
    kick
}

fn tell(cx: &Context, by: &Operator, change: OperatorChange) {
    let by = by.clone();
    let action = Box::new(OperatorAction { by, change });
    cx.events.emit(Event::OperatorActed(action));
}

/// Whether the configuration has a tenant or a backend of this name.
pub(super) fn exists(settings: &Settings, subject: &PauseSubject) -> bool {
    match subject {
        PauseSubject::Tenant(name) => settings.tenants.tenants().any(|it| it.name == *name),
        PauseSubject::Backend(name) => settings.backends.contains_key(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::double::gate;
    use crate::config::Config;
    use crate::ids::{BackendName, TenantName};
    use crate::observe::hub::Reading;
    use crate::policy::sharing::BackendRecord;
    use std::path::Path;

    fn config(tenants: &str) -> Config {
        before_server("192.0.2.1:110", tenants)
    }

    fn before_server(address: &str, more: &str) -> Config {
        let text = format!(
            "[[listen]]\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n\
             [[backend]]\nname = \"b\"\naddress = \"{address}\"\n{more}"
        );
        Config::parse(&text, Path::new("popgate.toml")).unwrap()
    }

    const ACME: &str = "[[tenant]]\nname = \"acme\"\ndomains = [\"acme.example\"]\n";

    #[tokio::test(start_paused = true)]
    async fn a_pause_outlives_a_reload_and_ends_with_the_name() {
        let gate = gate(&config(ACME)).await;
        let acme = PauseSubject::Tenant(TenantName::new("acme"));
        assert!(gate.cx.pause(&acme));
        let wait = format!("{ACME}[defaults]\nwait = \"30s\"\n");
        gate.reload(&config(&wait)).await.unwrap();
        assert!(!gate.cx.pause(&acme), "it is paused still");
        let changes = gate.reload(&config("")).await.unwrap();
        let gone = "tenant `acme` is gone, and no longer paused".to_owned();
        assert!(changes.contains(&gone), "{changes:?}");
        gate.reload(&config(ACME)).await.unwrap();
        assert!(gate.cx.pauses.now().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_sessions_have_shown_of_a_server_says_nothing_of_another_one_under_its_name() {
        let gate = gate(&config("")).await;
        let proofs = &gate.cx.admission.local.proofs;
        let backend = BackendName::new("b");
        let seen = BackendRecord {
            ids_outlive_close: Some(true),
            lock_is_freed: Some(true),
        };
        proofs.see(&backend, seen);
        gate.reload(&config("login_timeout = \"30s\"\n"))
            .await
            .unwrap();
        assert_eq!(proofs.of(&backend), seen);
        let other = before_server("192.0.2.2:110", "");
        gate.reload(&other).await.unwrap();
        assert_eq!(proofs.of(&backend), BackendRecord::default());
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_the_configuration_names_is_paused_and_each_change_is_told_once() {
        let gate = gate(&config(ACME)).await;
        let mut events = gate.events();
        let control = OperatorControl {
            cx: Arc::clone(&gate.cx),
            drain: gate.drain.clone(),
            log: None,
        };
        let operator = Operator {
            address: "127.0.0.1:9".parse().unwrap(),
            reason: Some("moving".into()),
        };
        let acme = PauseSubject::Tenant(TenantName::new("acme"));
        let other = PauseSubject::Tenant(TenantName::new("other"));
        assert_eq!(control.pause(&other, &operator), Err(UnknownName));
        for _ in 0..2 {
            assert_eq!(control.pause(&acme, &operator), Ok(()));
        }
        assert_eq!(control.resume(&acme, &operator), Ok(()));
        // As a reload leaves it that drops the name in the middle of a pause.
        assert!(gate.cx.pause(&other));
        assert_eq!(control.resume(&other, &operator), Ok(()));
        control.drain(None, &operator);
        control.drain(Some(Duration::from_secs(3_600)), &operator);
        let mut told = Vec::new();
        while told.len() < 5 {
            if let Some(Reading::Event(event)) = events.next().await
                && let Event::OperatorActed(action) = &event.event
            {
                assert_eq!(action.by, operator);
                told.push(action.change.clone());
            }
        }
        let expected = [
            OperatorChange::Paused(acme.clone()),
            OperatorChange::Resumed(acme),
            OperatorChange::Resumed(other),
            OperatorChange::Draining(Duration::from_secs(60)),
            OperatorChange::Draining(Duration::from_secs(60)),
        ];
        assert_eq!(told, expected);
    }
}
