//! A reload: everything that can fail is done first, then all is swapped at once.

use super::Gate;
use super::backends::{Backends, backends, look_around, other_authorities};
use super::beginning::{admin_tls, give_room, names_of, services_of};
use super::changes::{needs_restart, said, warnings};
use super::cluster::{authorities, has_other_secret};
use super::control::exists;
use super::ports::NewPorts;
use crate::backend::connect::Backend;
use crate::backend::health::State;
use crate::config::{Config, ConfigErrors, shared_settings_digest};
use crate::gate::Settings;
use crate::ids::BackendName;
use crate::net::TlsFiles;
use crate::net::listen::BindError;
use crate::net::tls::{Acceptor, Authorities, TlsError};
use crate::observe::event::Event;
use std::path::Path;
use std::sync::Arc;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

/// What a reload changed, a sentence each; none where nothing changed.
pub type Changes = Vec<String>;

/// Why a reload was refused. All is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A certificate or an authority's file cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A port could not be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// What changed is fixed at the start: a sentence each.
    #[error("this needs a restart, and nothing else of the file is taken over before:{}", lines(.0))]
    NeedsRestart(Vec<String>),
    /// A task of the reload ended in a panic: a fault of popgate.
    #[error("a fault of popgate ended the reload: {0}")]
    Task(#[from] JoinError),
}

fn lines(sentences: &[String]) -> String {
    sentences.iter().map(|line| format!("\n  {line}")).collect()
}

/// All that a reload swaps, made ready.
struct Prepared {
    settings: Settings,
    /// Of the cluster's engine, where they are others than before.
    engine_authorities: Option<Authorities>,
    new_ports: NewPorts,
    /// What is to be told of backends that are new.
    findings: Vec<Event>,
    changes: Changes,
}

impl Gate {
    /// Reads the configuration at `path` and takes it over, as [`Gate::reload`] does.
    ///
    /// # Errors
    /// The file cannot be read, or as [`Gate::reload`].
    pub async fn reload_file(&self, path: &Path) -> Result<Changes, ReloadError> {
        let path = path.to_owned();
        let reloaded = async {
            // Ten thousand tenants take longer than a task may keep others from running.
            let config = spawn_blocking(move || Config::load(&path)).await??;
            self.take_over(config).await
        };
        self.tell(reloaded.await)
    }

    /// Takes over another configuration, whole or not at all, while sessions go on: a client that
    /// is logged in notices nothing, a waiter has the new limits, and connections from now on find
    /// the new listeners and certificates. Reloads run one after the other. The future may be
    /// dropped: then all is as it was, or all is new.
    ///
    /// # Errors
    /// A file or a port cannot be had, or the change needs a restart: all is as it was.
    pub async fn reload(&self, config: &Config) -> Result<Changes, ReloadError> {
        self.tell(self.take_over(config.clone()).await)
    }

    fn tell(&self, reloaded: Result<Changes, ReloadError>) -> Result<Changes, ReloadError> {
        self.cx.events.emit(match &reloaded {
            Ok(changes) => Event::Reloaded {
                changes: changes.as_slice().into(),
            },
            Err(error) => Event::ReloadRefused {
                why: error.to_string(),
            },
        });
        reloaded
    }

    async fn take_over(&self, config: Config) -> Result<Changes, ReloadError> {
        let mut running = self.config.lock().await;
        let prepared = self.prepare(&running, &config).await?;
        let mut changes = prepared.changes.clone();
        let ending = self.swap(prepared, &config);
        changes.extend(self.forget_paused());
        // No await since the swap: a future that is dropped cannot leave the two apart.
        *running = config;
        for task in ending {
            // Only then is its port free for the next reload. Its panic would not be the reload's.
            let _ = task.await;
        }
        Ok(changes)
    }

    /// What can fail. Ports come last, so that nobody connects to one that is not served.
    async fn prepare(&self, old: &Config, new: &Config) -> Result<Prepared, ReloadError> {
        let mut fixed = needs_restart(old, new);
        fixed.extend(self.other_secret(new).await?);
        if !fixed.is_empty() {
            return Err(ReloadError::NeedsRestart(fixed));
        }
        let before = self.cx.settings();
        let acceptor = self.acceptor_for(before.acceptor.clone(), new).await?;
        let admin_acceptor = renewed(before.admin_acceptor.clone(), admin_tls(new)).await?;
        let engine_authorities = self.other_engine_authorities(new).await?;
        let backends = backends(new, &before.backends, &self.dial)?;
        let findings = look_around(&backends).await;
        let new_ports = self.ports.bind_new(&new.listeners)?;
        let mut changes = said(old, new);
        changes.extend(certificates(
            "certificates",
            before.acceptor.as_deref(),
            acceptor.as_deref(),
        ));
        changes.extend(certificates(
            "certificate of the admin port",
            before.admin_acceptor.as_deref(),
            admin_acceptor.as_deref(),
        ));
        let trusting = other_authorities(&before.backends, &backends);
        changes.extend(trusting.map(|name| format!("backend `{name}`: other authorities in `ca`")));
        if engine_authorities.is_some() {
            changes.push("engine of the cluster: other authorities in `ca`".to_owned());
        }
        changes.extend(findings.iter().filter_map(unreachable));
        changes.extend(backends.values().filter_map(unanswering));
        changes.extend(warnings(old, new));
        Ok(Prepared {
            settings: Settings {
                tenants: Arc::clone(&new.tenants),
                backends,
                acceptor,
                admin_acceptor,
                trusted: new.server.trusted_networks.clone(),
                grace: new.server.grace,
                resolver: new.resolver,
            },
            engine_authorities,
            new_ports,
            findings,
            changes,
        })
    }

    /// The secret that gates share is read when they start.
    async fn other_secret(&self, new: &Config) -> Result<Option<String>, ReloadError> {
        let (Some(cluster), Some(options)) = (&self.cx.cluster, new.cluster.clone()) else {
            return Ok(None);
        };
        let keys = Arc::clone(&cluster.keys);
        let is_other = spawn_blocking(move || has_other_secret(&options, &keys)).await?;
        let what = "[cluster] secret_file: it holds another secret than before";
        Ok(is_other.then(|| what.to_owned()))
    }

    /// Who may have signed the certificates of the cluster's engine, if the file says otherwise
    /// now.
    async fn other_engine_authorities(
        &self,
        new: &Config,
    ) -> Result<Option<Authorities>, ReloadError> {
        let (Some(before), Some(options)) = (&self.engine_authorities, new.cluster.clone()) else {
            return Ok(None);
        };
        let now = spawn_blocking(move || authorities(&options)).await??;
        Ok(now.filter(|now| !now.are_as(&before.borrow())))
    }

    /// The certificates as their files are now; those in force, where these are the same.
    async fn acceptor_for(
        &self,
        before: Option<Arc<Acceptor>>,
        config: &Config,
    ) -> Result<Option<Arc<Acceptor>>, ReloadError> {
        if self.acceptor_is_given {
            return Ok(before);
        }
        renewed(before, config.tls.clone()).await
    }

    /// A name that comes back some day is another tenant's or backend's.
    fn forget_paused(&self) -> Vec<String> {
        let settings = self.cx.settings();
        self.cx
            .forget_paused(|subject| exists(&settings, subject))
            .into_iter()
            .map(|subject| format!("{subject} is gone, and no longer paused"))
            .collect()
    }

    /// What sessions have shown of a server says nothing of another one under its name.
    fn forget_proofs(&self, before: &Backends, now: &Backends) {
        for (name, old) in before {
            let is_same = |new: &Arc<Backend>| new.options().reaches_as(old.options());
            if !now.get(name).is_some_and(is_same) {
                self.cx.admission.local.proofs.forget(name);
            }
        }
    }

    /// What cannot fail, without an await in it. The returned tasks end.
    fn swap(&self, prepared: Prepared, config: &Config) -> Vec<JoinHandle<()>> {
        let Prepared {
            settings,
            engine_authorities,
            new_ports,
            findings,
            ..
        } = prepared;
        if let (Some(now), Some(authorities)) = (engine_authorities, &self.engine_authorities) {
            // Connections from now on ask them.
            authorities.send_replace(now);
        }
        if let Some(cluster) = &self.cx.cluster {
            cluster.have_settings(shared_settings_digest(config).into());
        }
        let (tenants, listeners, backends) = names_of(config);
        // Before an event can name one that is new.
        self.metrics.know(&tenants, &listeners, &backends);
        let in_service = settings.backends.clone();
        let before = self.settings.send_replace(Arc::new(settings));
        let mut ending = self.ports.keep(&config.listeners);
        self.open_ports(new_ports);
        give_room(&self.cx.admission, config);
        self.forget_proofs(&before.backends, &in_service);
        let services = services_of(config, self.ports.workers());
        self.connection_limit
            .update(services, config.server.connections);
        for event in findings {
            self.cx.events.emit(event);
        }
        ending.extend(self.watch(&in_service));
        for gone in gone(&before.backends, &in_service) {
            self.metrics.forget_backend(gone);
        }
        ending
    }
}

/// The certificates as `files` are now; those of before, where they are the same.
async fn renewed(
    before: Option<Arc<Acceptor>>,
    files: Option<TlsFiles>,
) -> Result<Option<Arc<Acceptor>>, ReloadError> {
    let Some(files) = files else {
        return Ok(None);
    };
    let acceptor = spawn_blocking(move || match before {
        Some(before) => {
            let renewed = before.renewed(&files)?;
            // The same certificate in a file of another name is shown as that file's.
            let is_same = renewed.shows_what(&before)
                && renewed.certificate_ends() == before.certificate_ends();
            Ok::<_, TlsError>(if is_same { before } else { Arc::new(renewed) })
        }
        None => Ok(Arc::new(Acceptor::load(&files)?)),
    });
    Ok(Some(acceptor.await??))
}

fn gone<'a>(before: &'a Backends, now: &'a Backends) -> impl Iterator<Item = &'a BackendName> {
    before.keys().filter(|name| !now.contains_key(*name))
}

fn certificates(whose: &str, old: Option<&Acceptor>, new: Option<&Acceptor>) -> Option<String> {
    let what = match (old, new) {
        (Some(old), Some(new)) if !new.shows_what(old) => "changed",
        (None, Some(_)) => "shown from now on",
        (Some(_), None) => "not shown any more",
        _ => return None,
    };
    Some(format!("{whose}: {what}"))
}

fn unanswering(backend: &Arc<Backend>) -> Option<String> {
    let name = &backend.options().name;
    let is_unknown = backend.state() == State::Unknown;
    is_unknown.then(|| format!("backend `{name}` has not answered yet"))
}

fn unreachable(found: &Event) -> Option<String> {
    match found {
        Event::BackendDown { backend, why } => {
            Some(format!("backend `{backend}` cannot be reached yet: {why}"))
        }
        _ => None,
    }
}
