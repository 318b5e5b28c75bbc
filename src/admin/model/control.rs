//! What operators send, and what they are answered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why something is done; it stands in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReasonBody {
    /// A sentence of at most 200 characters.
    #[schema(max_length = 200)]
    pub reason: Option<String>,
}

/// What became of a kick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KickInfo {
    /// `kicked`: the session ends now.
    pub result: String,
}

/// How to drain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DrainBody {
    /// How long sessions may go on, a day at most; `null` is the `grace` of the configuration.
    #[schema(maximum = 86_400)]
    pub grace_seconds: Option<u64>,
    /// Why, a sentence of at most 200 characters.
    #[schema(max_length = 200)]
    pub reason: Option<String>,
}

/// Which events are logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogLevel {
    /// `error`, `warn`, `info`, `debug` or `trace`; or a filter in the syntax of `RUST_LOG`, as in
    /// `popgate=debug,rustls=info`.
    pub level: String,
}
