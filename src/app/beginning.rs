//! What a gate begins with, out of its configuration.

use super::StartError;
use super::admin::AdminMemory;
use super::backends::{Backends, backends};
use super::block_share::ChangesOfBlocks;
use super::cluster::ClusterPart;
use super::fd_limit::ConnectionLimit;
use super::workers::Workers;
use crate::admin::AdminPolicy;
use crate::admin::token::{Token, TokenError};
use crate::admission::block_list::BlockList;
use crate::admission::listings::MaildropPlace;
use crate::admission::{Admission, LocalMemory};
use crate::config::Config;
use crate::gate::{BackendConnection, Settings};
use crate::history::SharingFact;
use crate::ids::{BackendName, ListenerName, TenantName};
use crate::limits::{self, NOT_SHAREABLE_FOR};
use crate::lock::Locks;
use crate::net::listen::BindError;
use crate::net::tls::{Acceptor, TlsError};
use crate::net::{Dial, TlsFiles};
use crate::observe::hub::{EventHub, EventSink};
use crate::observe::metrics::{Metrics, MetricsError};
use crate::secret::TagKey;
use crate::time::{Duration, Instant, Moment, WallClock};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// What a gate begins with.
pub(super) fn first_settings(
    config: &Config,
    given: Option<Acceptor>,
    dial: &Arc<dyn Dial>,
) -> Result<watch::Sender<Arc<Settings>>, TlsError> {
    let settings = Settings {
        tenants: config.tenants.clone(),
        backends: backends(config, &Backends::new(), dial)?,
        acceptor: acceptor(config, given)?,
        admin_acceptor: admin_tls(config)
            .map(|files| Acceptor::load(&files).map(Arc::new))
            .transpose()?,
        trusted: config.server.trusted_networks.clone(),
        grace: config.server.grace,
        resolver: config.resolver,
    };
    Ok(watch::Sender::new(Arc::new(settings)))
}

/// The token of the API, and what the operator should know of its file.
#[derive(Default)]
pub(super) struct ApiToken {
    pub(super) token: Option<Token>,
    pub(super) notice: Option<String>,
}

pub(super) fn token(config: &Config) -> Result<ApiToken, TokenError> {
    let admin = config.admin.as_ref();
    let Some(file) = admin.and_then(|admin| admin.token_file.as_ref()) else {
        return Ok(ApiToken::default());
    };
    let found = Token::read_or_make(file)?;
    Ok(ApiToken {
        token: Some(found.token),
        notice: found.notice,
    })
}

/// Which requests the admin port takes beside those that show the token.
pub(super) fn policy(config: &Config) -> AdminPolicy {
    let admin = config.admin.as_ref();
    AdminPolicy {
        host_names: admin.map_or_else(Vec::new, |admin| admin.host_names.clone()),
        trust_loopback: admin.is_some_and(|admin| admin.trust_loopback),
    }
}

/// How many sessions there is room for.
pub(super) fn connection_limit(
    config: &Config,
    workers: &Workers,
    sessions: &TaskTracker,
    closers: &TaskTracker,
) -> ConnectionLimit {
    let services = services_of(config, workers);
    let most = config.server.connections;
    ConnectionLimit::new(services, most, sessions.clone(), closers.clone())
}

/// How many descriptors are kept as long as the gate runs.
pub(super) fn services_of(config: &Config, workers: &Workers) -> usize {
    workers.descriptors(config.listeners.len()) + config.backends.len()
}

/// The names that metrics have as labels.
pub(super) fn names_of(config: &Config) -> (Vec<TenantName>, Vec<ListenerName>, Vec<BackendName>) {
    let tenants = config.tenants.tenants();
    let listeners = &config.listeners;
    let backends = &config.backends;
    (
        tenants.map(|tenant| tenant.name.clone()).collect(),
        listeners.iter().map(|it| it.name.clone()).collect(),
        backends.iter().map(|it| it.name.clone()).collect(),
    )
}

pub(super) fn metrics(config: &Config) -> Result<Metrics, MetricsError> {
    let (tenants, listeners, backends) = names_of(config);
    Metrics::new(&tenants, &listeners, &backends, limits::TENANT_LABELS_MAX)
}

pub(super) fn acceptor(
    config: &Config,
    given: Option<Acceptor>,
) -> Result<Option<Arc<Acceptor>>, TlsError> {
    let acceptor = match (given, &config.tls) {
        (Some(acceptor), _) => Some(acceptor),
        (None, Some(files)) => Some(Acceptor::load(files)?),
        (None, None) => None,
    };
    Ok(acceptor.map(Arc::new))
}

/// The files of the admin port's certificate, where that speaks TLS.
pub(super) fn admin_tls(config: &Config) -> Option<TlsFiles> {
    let files = config.admin.as_ref()?.tls.as_ref()?;
    Some(TlsFiles {
        default: files.clone(),
        hosts: Vec::new(),
    })
}

pub(super) fn locks(
    events: &Arc<EventHub>,
    closers: &TaskTracker,
    cluster: Option<&ClusterPart>,
) -> Locks<BackendConnection> {
    let events = Arc::clone(events);
    match cluster {
        None => Locks::new(events, closers.clone()),
        Some(cluster) => {
            let lease = Arc::clone(&cluster.lease);
            Locks::shared(events, closers.clone(), lease, Arc::clone(&cluster.dirty))
        }
    }
}

/// For tags of passwords, and to tell one start of a gate from another.
pub(super) fn random_octets<const N: usize>(seed: Option<u64>) -> Result<[u8; N], StartError> {
    let mut octets = [0; N];
    if let Some(seed) = seed {
        fastrand::Rng::with_seed(seed).fill(&mut octets);
        return Ok(octets);
    }
    SystemRandom::new()
        .fill(&mut octets)
        .map_err(|_| StartError::Random)?;
    Ok(octets)
}

/// A gate whose runs are repeatable lives in 1970.
pub(super) fn wall_clock(seed: Option<u64>) -> WallClock {
    seed.map_or(WallClock::System, |_| {
        WallClock::From(Moment {
            instant: Instant::now(),
            wall: Timestamp::UNIX_EPOCH,
        })
    })
}

pub(super) fn jitter(seed: Option<u64>) -> fastrand::Rng {
    seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)
}

pub(super) async fn bind_admin(config: &Config) -> Result<Option<TcpListener>, StartError> {
    let Some(admin) = &config.admin else {
        return Ok(None);
    };
    let address = admin.address;
    let listener = TcpListener::bind(address).await;
    listener
        .map(Some)
        .map_err(|source| StartError::Admin(BindError { address, source }))
}

/// Makes the tags of passwords: the same ones at all gates of a cluster.
pub(super) fn tag_key(
    seed: Option<u64>,
    cluster: Option<&ClusterPart>,
) -> Result<TagKey, StartError> {
    Ok(match cluster {
        Some(cluster) => cluster.handle.keys.tag_key(),
        None => TagKey::new(&random_octets(seed)?),
    })
}

/// What is known of logins: the block list that was kept, and nothing else yet.
pub(super) fn admission(
    blocks: Arc<BlockList>,
    cluster: Option<&ClusterPart>,
    config: &Config,
) -> Admission {
    let admission = Admission::new(blocks, cluster.map(ClusterPart::tells_elsewhere));
    give_room(&admission, config);
    admission
}

/// The room that listings have, and how many tenants have it.
pub(super) fn give_room(admission: &Admission, config: &Config) {
    let tenants = config.tenants.tenants().count();
    let listings = &admission.local.listings;
    listings.give_room(config.server.sharing_memory, tenants);
}

/// What the process before has found out about sharing.
pub(super) fn restore_sharing(local: &LocalMemory, found: &[SharingFact], now: Moment) {
    for fact in found {
        match fact {
            SharingFact::Proven { backend, seen, .. } => {
                let _ = local.proofs.see(backend, *seen);
            }
            SharingFact::Unshareable {
                key,
                tenant,
                why,
                until,
            } => {
                let left = Duration::try_from(until.duration_since(now.wall));
                // One that is over holds no longer.
                let left = left.unwrap_or_default();
                let place = MaildropPlace { key, tenant };
                let until = now.instant + left.min(NOT_SHAREABLE_FOR);
                local.listings.forbid_until(place, *why, until);
            }
        }
    }
}

/// Who hears of events, beside those that are there where a part of the gate is.
pub(super) fn sinks(
    mut given: Vec<Arc<dyn EventSink>>,
    metrics: &Arc<Metrics>,
    memory: &AdminMemory,
    config: &Config,
) -> Vec<Arc<dyn EventSink>> {
    given.push(Arc::clone(metrics) as Arc<dyn EventSink>);
    given.extend(config.admin.iter().flat_map(|_| memory.sinks()));
    given
}

/// Hears of changes of the block list that other gates must know, if there are any.
pub(super) fn hear_of_blocks(
    config: &Config,
    sinks: &mut Vec<Arc<dyn EventSink>>,
) -> Arc<ChangesOfBlocks> {
    let own = Arc::new(ChangesOfBlocks::default());
    if config.cluster.is_some() {
        sinks.push(Arc::clone(&own) as Arc<dyn EventSink>);
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::double::gate;
    use crate::ids::{MaildropKey, UserName};
    use crate::observe::event::{Event, SharingEvent};
    use crate::policy::sharing::{BackendRecord, Unshareable};
    use std::future::ready;
    use std::path::Path;

    #[tokio::test(start_paused = true)]
    async fn what_a_gate_has_found_out_the_next_one_knows_for_the_rest_of_its_time() {
        let (local, now) = (LocalMemory::default(), WallClock::System.now());
        let backend = BackendName::new("legacy");
        let seen = BackendRecord {
            ids_outlive_close: Some(true),
            lock_is_freed: None,
        };
        let key = MaildropKey::new(&Arc::from([backend.clone()]), &UserName::new(b"ann"));
        let found = [
            SharingFact::Proven {
                backend: backend.clone(),
                seen,
                at: now.wall,
            },
            SharingFact::Unshareable {
                key: key.clone(),
                tenant: TenantName::new("default"),
                why: Unshareable::Numbers,
                until: now.wall + Duration::from_secs(60),
            },
        ];
        restore_sharing(&local, &found, now);
        assert_eq!(local.proofs.of(&backend), seen);
        let forbidden = |seconds| {
            let at = now.instant + Duration::from_secs(seconds);
            local.listings.unshareable(&key, at)
        };
        assert_eq!(forbidden(59), [Unshareable::Numbers]);
        assert_eq!(forbidden(61), []);
    }

    /// With a journal in this folder.
    fn config(folder: &Path) -> Config {
        let text = format!(
            "[[listen]]\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n\
             [[backend]]\nname = \"b\"\naddress = \"192.0.2.1:110\"\n\
             [journal]\nfile = {:?}\n",
            folder.join("popgate.db")
        );
        Config::parse(&text, Path::new("popgate.toml")).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_gate_has_found_out_is_in_the_journal_when_the_next_one_starts() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let backend = BackendName::new("b");
        let key = MaildropKey::new(&Arc::from([backend.clone()]), &UserName::new(b"ann"));
        let seen = BackendRecord {
            ids_outlive_close: Some(true),
            lock_is_freed: Some(true),
        };
        let first = gate(&config).await;
        for found in [
            SharingEvent::Proven {
                backend: backend.clone(),
                seen,
            },
            SharingEvent::Unshareable {
                tenant: TenantName::new("default"),
                key: key.clone(),
                why: Unshareable::Numbers,
            },
        ] {
            first.cx.events.emit(Event::Sharing(found));
        }
        first.stop(Duration::ZERO, ready(())).await;
        let next = gate(&config).await;
        let local = &next.cx.admission.local;
        assert_eq!(local.proofs.of(&backend), seen);
        let unshareable = local.listings.unshareable(&key, Instant::now());
        assert_eq!(unshareable, [Unshareable::Numbers]);
    }
}
