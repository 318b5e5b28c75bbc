//! Why a login is refused.

use super::block::BlockReason;
use crate::str_enum::str_enum;
use crate::time::Duration;

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is on the block list, for these offences. For guesses it is answered as a wrong password
    /// is.
    Blocked(BlockReason),
    /// Its password was refused again and again; it is answered as a wrong password is.
    FromMemory,
    /// Its address has too many connections.
    PerAddress,
    /// Its maildrop has too many logins.
    PerMaildrop,
    /// Its tenant has too many logins.
    PerTenant,
    /// Its password is proven, and its quota allows it only after this time.
    LoginDelay(Duration),
}

str_enum! {
    /// Which rule refused a login: the label `rule` of `login_refusals_total`.
    LoginRule {
        /// The block list.
        Blocked = "blocked",
        /// The backend refused the same password again and again.
        FromMemory = "from_memory",
        /// Connections of its address.
        PerAddress = "per_address",
        /// Logins to its maildrop.
        PerMaildrop = "per_maildrop",
        /// Logins of its tenant.
        PerTenant = "per_tenant",
        /// It came before its quota allows.
        LoginDelay = "login_delay",
    }
}

impl Refusal {
    /// The rule that says so.
    #[must_use]
    pub fn rule(self) -> LoginRule {
        match self {
            Self::Blocked(_) => LoginRule::Blocked,
            Self::FromMemory => LoginRule::FromMemory,
            Self::PerAddress => LoginRule::PerAddress,
            Self::PerMaildrop => LoginRule::PerMaildrop,
            Self::PerTenant => LoginRule::PerTenant,
            Self::LoginDelay(_) => LoginRule::LoginDelay,
        }
    }

    /// Whether it must not be told from a wrong password.
    #[must_use]
    pub fn looks_like_a_wrong_password(self) -> bool {
        match self {
            Self::Blocked(reason) => reason.protects_passwords(),
            Self::FromMemory => true,
            _ => false,
        }
    }
}
