//! What rules say of logins and clients.

use crate::ids::{SessionId, TenantName};
pub use crate::policy::poll::PollDecision;
pub use crate::policy::refusal::LoginRule;
use crate::str_enum::str_enum;
use crate::time::Duration;

/// What a rule said of a login or a client.
#[derive(Clone, Debug)]
pub enum RuleEvent {
    /// A login was measured against its tenant's polling limit.
    PollDecided {
        /// Whose login it was.
        session: SessionId,
        /// The tenant of the login.
        tenant: TenantName,
        /// What became of it.
        decision: PollDecision,
        /// How long before its time it came; zero where it came in time.
        early: Duration,
    },
    /// A rule of popgate refused a login before the backend was asked.
    LoginRefused {
        /// Whose login it was.
        session: SessionId,
        /// The tenant of the login.
        tenant: TenantName,
        /// Which rule.
        rule: LoginRule,
    },
    /// Something went wrong at the client's end that may count against its address.
    Faulted {
        /// Whose session it was.
        session: SessionId,
        /// The tenant, as far as it is known.
        tenant: TenantName,
        /// What it was.
        fault: OffenceKind,
        /// Whether the login was proven: then it is counted, and never blocks.
        proven: bool,
    },
}

str_enum! {
    /// What went wrong at a client's end: the label `fault` of `faults_total`.
    OffenceKind {
        /// A wrong password.
        Guess = "guess",
        /// It broke the protocol.
        Abuse = "abuse",
        /// The connection ended before a login.
        LeftBeforeLogin = "left_before_login",
        /// It came too often, or found no place.
        MetLimit = "met_limit",
        /// It left while it waited.
        AbandonedWait = "abandoned_wait",
        /// It left after its login without QUIT.
        LostLine = "lost_line",
    }
}
