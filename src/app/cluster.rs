//! A gate's part in its cluster: made before its locks, and started when they are there.

mod messages;
#[cfg(test)]
pub(super) mod scene;
#[cfg(test)]
mod tests;

pub(super) use messages::{Answers, OtherGates};

use super::StartError;
use super::beginning::random_octets;
use super::block_share::{BlockSharing, ChangesOfBlocks};
use crate::admission::TellsElsewhere;
use crate::cluster::acceptance::AcceptedElsewhere;
use crate::cluster::engine::{EngineOptions, supervise};
use crate::cluster::handle::{ClusterHandle, HandleParts};
use crate::cluster::keys::{ClusterKeys, Sealed};
use crate::cluster::last_turns::LastTurns;
use crate::cluster::link::{EngineLink, LinkEvent};
use crate::cluster::member::{ClusterState, Member, MemberOptions, OnOutage};
use crate::cluster::node::{Node, NodeCommand, NodeParts, Outlets};
use crate::cluster::options::ClusterOptions;
use crate::cluster::protocol::GateId;
use crate::cluster::secret_file::{SecretFileError, read, read_password};
use crate::cluster::status::ClusterStatus;
use crate::config::{Config, fold_digest, shared_settings_digest};
use crate::gate::Context;
use crate::limits::{CLUSTER_BLOCK_NEWS_MAX, CLUSTER_COMMANDS_MAX, CLUSTER_EVENTS_MAX};
use crate::lock::shared::{DirtyMaildrops, GateLease};
use crate::net::tls::{Authorities, TlsError};
use crate::net::{BoxFuture, Dial};
use crate::observe::hub::EventHub;
use crate::time::{BootClock, Instant};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where the engine's events come from, where it is no Redis: a model of it, in tests.
pub type EngineEvents = mpsc::Receiver<LinkEvent>;

/// What there is of a gate's part before it is started.
pub(super) struct ClusterPart {
    options: ClusterOptions,
    engine: EngineOptions,
    given: Option<EngineEvents>,
    member: MemberOptions,
    keys: Arc<ClusterKeys>,
    pub(super) lease: Arc<GateLease>,
    pub(super) dirty: Arc<DirtyMaildrops>,
    status: watch::Sender<ClusterStatus>,
    link: watch::Sender<Option<Arc<dyn EngineLink>>>,
    pub(super) handle: ClusterHandle,
    commands: mpsc::Receiver<NodeCommand>,
    settings: watch::Receiver<Arc<str>>,
    telling: BoxFuture<'static, ()>,
    own_blocks: Arc<ChangesOfBlocks>,
    /// Where a reload puts the authorities of the engine's certificates; `None`: no TLS is spoken.
    pub(super) authorities: Option<watch::Sender<Authorities>>,
}

impl ClusterPart {
    /// `None`: the gate is alone. `seed`: what its random draws follow from, in tests; `given`: the
    /// engine of tests.
    pub(super) fn new(
        config: &Config,
        seed: Option<u64>,
        given: Option<EngineEvents>,
        events: &Arc<EventHub>,
        own_blocks: Arc<ChangesOfBlocks>,
    ) -> Result<Option<Self>, StartError> {
        let Some(options) = config.cluster.clone() else {
            return Ok(None);
        };
        let keys = ClusterKeys::new(&read(&options.secret_file)?)
            .map(Arc::new)
            .map_err(|_| StartError::Random)?;
        let gate = GateId(random_octets(seed)?);
        let info = keys
            .seal(Sealed::MemberInfo, options.name.as_bytes())
            .map_err(|_| StartError::Random)?;
        let settings: Arc<str> = shared_settings_digest(config).into();
        let (status, statuses) = watch::channel(joining(gate, &settings, options.on_outage));
        let (link, links) = watch::channel(None);
        let (commands, commanded) = mpsc::channel(CLUSTER_COMMANDS_MAX);
        let (other_settings, settings_in_force) = watch::channel(Arc::clone(&settings));
        let authorities = authorities(&options)?.map(|read| watch::channel(read).0);
        let tls = authorities.as_ref().map(watch::Sender::subscribe);
        let (accepted, telling) = AcceptedElsewhere::new(links.clone(), Arc::clone(events));
        let lease = Arc::new(GateLease::new(clock(seed)));
        Ok(Some(Self {
            engine: engine_options(&options, gate, tls)?,
            authorities,
            given,
            member: MemberOptions {
                gate,
                lease: options.lease,
                on_outage: options.on_outage,
                fingerprint: keys.fingerprint(&fold_digest(config)).into(),
                settings,
                info: info.into(),
                seed: u64::from_be_bytes(gate.0),
            },
            handle: ClusterHandle::new(HandleParts {
                keys: Arc::clone(&keys),
                accepted,
                last_turns: LastTurns::new(&keys, &lease, links.clone(), statuses.clone(), events),
                status: statuses,
                link: links,
                commands,
                settings: other_settings,
                blocks_told: own_blocks.told(),
            }),
            keys,
            lease,
            dirty: Arc::default(),
            status,
            link,
            commands: commanded,
            settings: settings_in_force,
            telling: Box::pin(telling),
            own_blocks,
            options,
        }))
    }

    /// Who tells the other gates of passwords.
    pub(super) fn tells_elsewhere(&self) -> Arc<dyn TellsElsewhere> {
        Arc::new(self.handle.accepted.clone())
    }

    /// Takes part from now on.
    pub(super) fn start(
        self,
        cx: &Arc<Context>,
        dial: Arc<dyn Dial>,
        services: &TaskTracker,
        stop: &CancellationToken,
        messages: mpsc::Sender<Arc<[u8]>>,
    ) {
        tracing::info!(gate = %self.options.name, "takes part in a cluster");
        let link = self.given.unwrap_or_else(|| {
            let (events, link) = mpsc::channel(CLUSTER_EVENTS_MAX);
            let supervising = supervise(dial, self.engine, events);
            let stop = stop.clone();
            services.spawn(async move { stop.run_until_cancelled(supervising).await });
            link
        });
        let (blocks, block_news) = mpsc::channel(CLUSTER_BLOCK_NEWS_MAX);
        let gate = self.member.gate;
        let own = self.own_blocks;
        let sharing = BlockSharing::new(Arc::clone(cx), self.handle, gate, own, block_news);
        let node = Node::new(NodeParts {
            member: Member::new(self.member, Instant::now()),
            queues: Arc::new(cx.locks.clone()),
            dirty: self.dirty,
            lease: self.lease,
            keys: self.keys,
            events: Arc::clone(&cx.events),
            link,
            status: self.status,
            settings: self.settings,
            outlets: Outlets {
                link: self.link,
                blocks,
                messages,
            },
        });
        let tasks: [BoxFuture<'static, ()>; 3] = [
            Box::pin(node.run(self.commands)),
            Box::pin(sharing.run()),
            self.telling,
        ];
        for task in tasks {
            let stop = stop.clone();
            services.spawn(async move { stop.run_until_cancelled(task).await });
        }
    }
}

/// How a gate stands that has not found its engine yet.
fn joining(gate: GateId, settings: &Arc<str>, on_outage: OnOutage) -> ClusterStatus {
    ClusterStatus {
        gate,
        state: ClusterState::Joining,
        epoch: None,
        why: "the engine has not been reached yet".to_owned(),
        doubt: String::new(),
        gates: Vec::new(),
        settings: Arc::clone(settings),
        on_outage,
    }
}

/// The clock of its lease.
fn clock(seed: Option<u64>) -> BootClock {
    match seed {
        None => BootClock::System,
        Some(_) => BootClock::From(Instant::now()),
    }
}

/// Whether the file with the secret holds another one by now. One that cannot be read does not.
pub(super) fn has_other_secret(options: &ClusterOptions, keys: &ClusterKeys) -> bool {
    let secret = read(&options.secret_file).ok();
    let now = secret.and_then(|secret| ClusterKeys::new(&secret).ok());
    now.is_some_and(|now| now.fingerprint("") != keys.fingerprint(""))
}

/// Who may have signed the engine's certificates; `None`: no TLS is spoken.
///
/// # Errors
/// The file with them cannot be used, or the system has none.
pub fn authorities(options: &ClusterOptions) -> Result<Option<Authorities>, TlsError> {
    let read = || Authorities::read(options.ca.as_deref());
    options.tls.then(read).transpose()
}

/// How the engine of these settings is reached, with [`authorities`] that were read.
///
/// # Errors
/// The file with the password cannot be used.
pub fn engine_options(
    options: &ClusterOptions,
    gate: GateId,
    tls: Option<watch::Receiver<Authorities>>,
) -> Result<EngineOptions, SecretFileError> {
    let password = options.password_file.as_deref().map(read_password);
    Ok(EngineOptions {
        nodes: options.nodes.clone(),
        master: options.master.clone(),
        tls,
        username: options.username.clone(),
        password: password.transpose()?,
        prefix: options.prefix.clone(),
        gate,
    })
}
