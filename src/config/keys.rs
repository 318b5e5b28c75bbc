//! The tables that hold limits, as they are written: `[defaults]`, `[[tenant]]` and
//! `[[tenant.user]]`, and the inline tables in them.

use super::aliases;
use super::value::{At, Section};
use super::value_types::{Domain, DomainPattern};
use crate::ids::{BackendName, ListenerName, TenantName, UserName};
use crate::policy::rules::{BlockMode, PollMode};
use crate::policy::tenant::Cleartext;
use crate::time::Duration;
use ipnet::IpNet;
use serde::Deserialize;
use toml::Spanned;

/// Names the keys that the three tables share, and hands them to `$declare` behind a table's
/// own: a limit is added here, and in the list of `limits.rs` or `rules.rs` that resolves it.
macro_rules! with_limits {
    ($declare:ident, $(#[$doc:meta])* $table:ident { $($own:tt)* }) => {
        $declare! {
            $(#[$doc])*
            $table { $($own)* }
            limits {
                backend: Option<At<BackendName>>,
                backends: Option<Spanned<Vec<At<BackendName>>>>,
                cleartext: Option<At<Cleartext>>,
                wait: Option<At<Duration>>,
                queue: Option<At<usize>>,
                preempt_idle: Option<At<Option<Duration>>>,
                idle_timeout: Option<At<Duration>>,
                fold_case: Option<At<bool>>,
                polls: Section<Polls>,
                connections: Section<Connections>,
                failures: Section<Failures>,
                blocks: Section<Blocks>,
            }
        }
    };
}

/// A table of the file. (serde cannot flatten one struct into another and still refuse unknown
/// keys.)
macro_rules! table {
    (
        $(#[$doc:meta])*
        $table:ident { $($(#[$attribute:meta])* $key:ident: $type:ty,)* }
        limits { $($limit:ident: $limit_type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $table {
            $($(#[$attribute])* pub(super) $key: $type,)*
            $(#[serde(default)] pub(super) $limit: $limit_type,)*
        }

        impl $table {
            /// The keys that it shares with `[defaults]`.
            pub(super) fn limits(&self) -> Limits {
                Limits { $($limit: self.$limit.clone(),)* }
            }
        }
    };
}

/// What merges key by key with what the table above says.
macro_rules! merging {
    ($(#[$doc:meta])* $table:ident {} limits { $($keys:tt)* }) => {
        merging! { $(#[$doc])* $table { $($keys)* } }
    };
    ($(#[$doc:meta])* $table:ident { $($key:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct $table {
            $(pub(super) $key: $type,)*
        }

        impl Merge for $table {
            fn merge(&self, above: &Self) -> Self {
                Self { $($key: self.$key.merge(&above.$key),)* }
            }

            fn is_written(&self) -> bool {
                $(self.$key.is_written())||*
            }
        }
    };
}

/// What is said in one table, and in the one above it where that says nothing.
pub(super) trait Merge {
    fn merge(&self, above: &Self) -> Self;

    /// Whether it says anything at all.
    fn is_written(&self) -> bool;
}

impl<T: Clone> Merge for Option<T> {
    fn merge(&self, above: &Self) -> Self {
        self.as_ref().or(above.as_ref()).cloned()
    }

    fn is_written(&self) -> bool {
        self.is_some()
    }
}

impl<T: Merge> Merge for Section<T> {
    fn merge(&self, above: &Self) -> Self {
        Self(self.0.merge(&above.0))
    }

    fn is_written(&self) -> bool {
        self.0.is_written()
    }
}

with_limits!(
    table,
    /// `[defaults]`.
    Defaults {
        aliases: Option<aliases::List>,
    }
);

with_limits!(
    table,
    /// A `[[tenant]]`.
    Tenant {
        name: At<TenantName>,
        default_domain: Option<At<Domain>>,
        aliases: Option<aliases::List>,
        #[serde(default)]
        domains: Vec<At<DomainPattern>>,
        #[serde(default)]
        server_names: Vec<At<Domain>>,
        #[serde(default)]
        listeners: Vec<At<ListenerName>>,
        allow_burst_from: Option<Vec<At<IpNet>>>,
        #[serde(default)]
        user: Vec<Section<User>>,
    }
);

with_limits!(
    table,
    /// A `[[tenant.user]]`.
    User {
        name: At<UserName>,
    }
);

with_limits!(
    merging,
    /// What `[defaults]`, a tenant or a user may say of a login.
    Limits {}
);

impl Limits {
    /// These limits, and those of the table `above` where they say nothing. `backend` and
    /// `backends` are two ways to say one thing.
    pub(super) fn over(&self, above: &Self) -> Self {
        let names_backends = self.backend.is_some() || self.backends.is_some();
        let from = if names_backends { self } else { above };
        Self {
            backend: from.backend.clone(),
            backends: from.backends.clone(),
            ..self.merge(above)
        }
    }
}

merging!(
    /// `polls`.
    Polls {
        enforce: Option<At<PollMode>>,
        max_delay: Option<At<Duration>>,
        every: Option<At<Duration>>,
        burst: Option<At<u32>>,
        per_client: Section<PerClient>,
    }
);

merging!(
    /// `polls.per_client`.
    PerClient {
        every: Option<At<Duration>>,
        burst: Option<At<u32>>,
    }
);

merging!(
    /// `connections`.
    Connections {
        per_address: Option<At<usize>>,
        per_maildrop: Option<At<usize>>,
        per_tenant: Option<At<usize>>,
    }
);

merging!(
    /// `failures`.
    Failures {
        delay: Option<At<Duration>>,
        max_delay: Option<At<Duration>>,
        same_password: Option<At<u32>>,
        retry: Option<At<Duration>>,
    }
);

merging!(
    /// `blocks`.
    Blocks {
        enforce: Option<At<BlockMode>>,
        passwords_per_maildrop: Option<At<u32>>,
        passwords_per_address: Option<At<u32>>,
        abuses: Option<At<u32>>,
        passing_per_day: Option<At<u32>>,
        window: Option<At<Duration>>,
        duration: Option<At<Duration>>,
        max_duration: Option<At<Duration>>,
    }
);
