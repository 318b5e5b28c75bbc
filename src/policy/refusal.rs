//! Why a login is refused.

use super::block::BlockReason;
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

impl Refusal {
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
