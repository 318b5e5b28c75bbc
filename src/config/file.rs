//! The file as it is written: DESIGN section 6, key by key, before anything is resolved.

use super::value::{At, Section};
use super::words::{Capability, CertificateName, Domain, DomainPattern, Enforce, HostPort, Phrase};
use crate::ids::{BackendName, ListenerName, TenantName, UserName};
use crate::net::TlsMode;
use crate::observe::LogFormat;
use crate::policy::tenant::Cleartext;
use crate::time::Duration;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) server: Section<Server>,
    #[serde(default)]
    pub(super) listen: Vec<Spanned<Section<Listen>>>,
    pub(super) tls: Option<Section<Tls>>,
    #[serde(default)]
    pub(super) backend: Vec<Spanned<Section<Backend>>>,
    pub(super) admin: Option<Section<Admin>>,
    pub(super) journal: Option<Section<Journal>>,
    pub(super) defaults: Option<Spanned<Section<Defaults>>>,
    #[serde(default)]
    pub(super) tenant: Vec<Section<Tenant>>,
}

/// `[server]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) grace: Option<At<Duration>>,
    pub(super) trusted_networks: Option<Vec<At<IpNet>>>,
    pub(super) log: Option<At<LogFormat>>,
}

/// A `[[listen]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listen {
    pub(super) name: Option<At<ListenerName>>,
    pub(super) address: At<SocketAddr>,
    pub(super) tls: Option<At<TlsMode>>,
    pub(super) proxy_protocol: Option<At<bool>>,
}

/// `[tls]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) certificate: At<PathBuf>,
    pub(super) key: At<PathBuf>,
    #[serde(default)]
    pub(super) host: Vec<Section<TlsHost>>,
}

/// A `[[tls.host]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsHost {
    pub(super) names: Spanned<Vec<At<DomainPattern>>>,
    pub(super) certificate: At<PathBuf>,
    pub(super) key: At<PathBuf>,
}

/// A `[[backend]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Backend {
    pub(super) name: At<BackendName>,
    pub(super) address: At<HostPort>,
    pub(super) tls: Option<At<TlsMode>>,
    pub(super) ca: Option<At<PathBuf>>,
    pub(super) server_name: Option<At<CertificateName>>,
    pub(super) verify: Option<At<bool>>,
    pub(super) login_timeout: Option<At<Duration>>,
    pub(super) login_reserve: Option<At<Duration>>,
    pub(super) connections: Option<At<usize>>,
    pub(super) preconnect: Option<At<bool>>,
    pub(super) proxy_protocol: Option<At<bool>>,
    pub(super) capabilities: Option<Spanned<Vec<At<Capability>>>>,
    #[serde(default)]
    pub(super) phrases: Section<Phrases>,
}

/// `phrases` of a backend.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phrases {
    #[serde(default)]
    pub(super) locked: Vec<At<Phrase>>,
    #[serde(default)]
    pub(super) auth: Vec<At<Phrase>>,
    #[serde(default)]
    pub(super) temp: Vec<At<Phrase>>,
}

/// `[admin]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Admin {
    pub(super) address: At<SocketAddr>,
    pub(super) token_file: Option<At<PathBuf>>,
}

/// `[journal]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    pub(super) file: At<PathBuf>,
    pub(super) keep: Option<At<Duration>>,
    #[expect(dead_code, reason = "checked; of use once there is a journal")]
    pub(super) hash_users: Option<At<bool>>,
}

/// `polls`, which merges key by key with the one above it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Polls {
    pub(super) enforce: Option<At<Enforce>>,
    pub(super) max_delay: Option<At<Duration>>,
    pub(super) every: Option<At<Duration>>,
    pub(super) burst: Option<At<usize>>,
    #[serde(default)]
    pub(super) per_client: Section<PerClient>,
}

/// `polls.per_client`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PerClient {
    pub(super) every: Option<At<Duration>>,
    pub(super) burst: Option<At<usize>>,
}

/// Declares a table that has the keys of `[defaults]` besides its own. (serde cannot flatten one
/// struct into another and still refuse unknown keys.)
macro_rules! table_with_limits {
    ($(#[$doc:meta])* $table:ident { $($(#[$attribute:meta])* $key:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $table {
            $($(#[$attribute])* pub(super) $key: $type,)*
            pub(super) backend: Option<At<BackendName>>,
            pub(super) backends: Option<Spanned<Vec<At<BackendName>>>>,
            pub(super) cleartext: Option<At<Cleartext>>,
            pub(super) wait: Option<At<Duration>>,
            pub(super) queue: Option<At<usize>>,
            pub(super) preempt_idle: Option<At<Option<Duration>>>,
            pub(super) idle_timeout: Option<At<Duration>>,
            pub(super) fold_case: Option<At<bool>>,
            pub(super) polls: Option<Section<Polls>>,
        }

        impl $table {
            /// The keys that it shares with `[defaults]`.
            pub(super) fn limits(&self) -> Limits<'_> {
                Limits {
                    backend: self.backend.as_ref(),
                    backends: self.backends.as_ref(),
                    cleartext: self.cleartext.as_ref(),
                    wait: self.wait.as_ref(),
                    queue: self.queue.as_ref(),
                    preempt_idle: self.preempt_idle.as_ref(),
                    idle_timeout: self.idle_timeout.as_ref(),
                    fold_case: self.fold_case.as_ref(),
                    polls: self.polls.as_ref(),
                }
            }
        }
    };
}

table_with_limits!(
    /// `[defaults]`.
    Defaults {}
);
table_with_limits!(
    /// A `[[tenant]]`.
    Tenant {
        name: At<TenantName>,
        default_domain: Option<At<Domain>>,
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
table_with_limits!(
    /// A `[[tenant.user]]`.
    User {
        name: At<UserName>,
    }
);

/// What `[defaults]`, a tenant or a user may say of a login; of the last two, what they do not
/// say is that of the table above.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits<'a> {
    pub(super) backend: Option<&'a At<BackendName>>,
    pub(super) backends: Option<&'a Spanned<Vec<At<BackendName>>>>,
    pub(super) cleartext: Option<&'a At<Cleartext>>,
    pub(super) wait: Option<&'a At<Duration>>,
    pub(super) queue: Option<&'a At<usize>>,
    pub(super) preempt_idle: Option<&'a At<Option<Duration>>>,
    pub(super) idle_timeout: Option<&'a At<Duration>>,
    pub(super) fold_case: Option<&'a At<bool>>,
    pub(super) polls: Option<&'a Section<Polls>>,
}
