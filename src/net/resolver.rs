//! Which DNS server is asked for the domains of users.

use std::fmt;
use std::net::SocketAddr;

/// Which DNS server is asked for a user's domain. (Backends are resolved by the system.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResolverChoice {
    /// Those that the system asks.
    #[default]
    System,
    /// None: domains are not checked.
    Off,
    /// This one.
    Server(SocketAddr),
}

impl fmt::Display for ResolverChoice {
    /// As the configuration says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Off => f.write_str("off"),
            Self::Server(server) => server.fmt(f),
        }
    }
}
