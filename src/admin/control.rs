//! What operators do to a running gate.

use crate::gate::Kick;
use crate::ids::SessionId;
use crate::observe::event::Operator;
use crate::policy::pause::PauseSubject;
use crate::time::Duration;

/// Changes of a running gate, each told as an event with who made it.
pub trait GateControl: Send + Sync {
    /// Ends a session without QUIT; but none whose client has sent that.
    fn kick(&self, session: SessionId, operator: &Operator) -> Kick;

    /// From now on the logins of `subject` wait. One that is paused stays so.
    ///
    /// # Errors
    /// The configuration has no such name.
    fn pause(&self, subject: &PauseSubject, operator: &Operator) -> Result<(), UnknownName>;

    /// The logins of `subject` go on. One that is not paused stays so.
    ///
    /// # Errors
    /// The configuration has no such name.
    fn resume(&self, subject: &PauseSubject, operator: &Operator) -> Result<(), UnknownName>;

    /// Nobody new is served; the process ends with the last session, or when `grace` is over, by
    /// default that of the configuration. A drain that goes on is made shorter, never longer.
    fn drain(&self, grace: Option<Duration>, operator: &Operator);

    /// Which events are logged: a level, or a filter.
    fn log_level(&self) -> String;

    /// Logs those of `level` from now on; returns it as it is understood.
    ///
    /// # Errors
    /// It is neither a level nor a filter, said in a sentence.
    fn set_log_level(&self, level: &str, operator: &Operator) -> Result<String, String>;
}

/// The configuration has no such tenant or backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName;
