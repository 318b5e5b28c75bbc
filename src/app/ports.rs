//! The listeners: opened at the start and by reloads, known by their address.

use super::BoundPort;
use super::accept::Port;
use super::workers::Workers;
use crate::ids::ListenerName;
use crate::net::listen::{BindError, TcpAccept};
use crate::net::{Accept, ListenOptions};
use std::mem;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// What clients can connect to now.
#[derive(Default)]
pub(super) struct Ports {
    open: Mutex<Vec<OpenPort>>,
    /// Who serves them.
    workers: Workers,
}

struct OpenPort {
    options: ListenOptions,
    /// Where it is bound.
    address: SocketAddr,
    wanted: watch::Sender<Option<ListenOptions>>,
    accepting: Vec<JoinHandle<()>>,
}

/// Ports that are bound, and at which nobody is accepted yet.
pub(super) type NewPorts = Vec<(ListenOptions, BoundPort)>;

impl Ports {
    /// Ports that `workers` serve; none is open yet.
    pub(super) fn served_by(workers: Workers) -> Self {
        Self {
            workers,
            ..Self::default()
        }
    }

    /// Who serves them.
    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Begins to serve at `ports`, each by tasks among `services` on the workers.
    pub(super) fn open(
        &self,
        ports: NewPorts,
        services: &TaskTracker,
        port: impl Fn(ListenOptions, SocketAddr) -> Port,
    ) {
        for (options, BoundPort { address, accepts }) in ports {
            let wanted = watch::Sender::new(Some(options.clone()));
            let port = port(options.clone(), address);
            let serving = accepts
                .into_iter()
                .map(|accept| port.clone().serve(accept, wanted.subscribe()));
            let accepting = self.workers.spread(services, serving);
            self.lock().push(OpenPort {
                options,
                address,
                wanted,
                accepting,
            });
        }
    }

    /// Binds those of `listeners` that are not open.
    pub(super) fn bind_new(&self, listeners: &[ListenOptions]) -> Result<NewPorts, BindError> {
        let open = self.lock();
        let is_open =
            |listener: &ListenOptions| open.iter().any(|port| is_same(&port.options, listener));
        // At the first error the ports bound so far are dropped: a refused reload opens none.
        listeners
            .iter()
            .filter(|listener| !is_open(listener))
            .map(|options| Ok((options.clone(), bind(options, &self.workers)?)))
            .collect()
    }

    /// Those of `listeners` that are open have these options from now on, and the others end: the
    /// returned tasks are over when their ports are free.
    pub(super) fn keep(&self, listeners: &[ListenOptions]) -> Vec<JoinHandle<()>> {
        let mut open = self.lock();
        let mut ending = Vec::new();
        for mut port in mem::take(&mut *open) {
            let options = listeners
                .iter()
                .find(|listener| is_same(&port.options, listener));
            // A port that stays as it is need not be woken.
            if options != Some(&port.options) {
                port.wanted.send_replace(options.cloned());
            }
            match options {
                Some(options) => {
                    port.options = options.clone();
                    open.push(port);
                }
                None => ending.extend(port.accepting),
            }
        }
        ending
    }

    /// Name and address of each.
    pub(super) fn addresses(&self) -> Vec<(ListenerName, SocketAddr)> {
        let open = self.lock();
        open.iter()
            .map(|port| (port.options.name.clone(), port.address))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<OpenPort>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether two `[[listen]]` are one: at the same address, or by name where the system chooses
/// the port.
pub(super) fn is_same(a: &ListenOptions, b: &ListenOptions) -> bool {
    a.address == b.address && (a.address.port() != 0 || a.name == b.name)
}

/// Binds one listener, once for each of the `workers`.
pub(super) fn bind(options: &ListenOptions, workers: &Workers) -> Result<BoundPort, BindError> {
    let bound = TcpAccept::bind_each(options.address, workers.runtimes())?;
    let address = bound.first().and_then(|accept| accept.local_addr().ok());
    Ok(BoundPort {
        address: address.unwrap_or(options.address),
        accepts: bound
            .into_iter()
            .map(|accept| Box::new(accept) as Box<dyn Accept>)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use crate::app::double::gate;
    use crate::config::Config;
    use std::net::TcpStream;
    use std::path::Path;

    #[tokio::test]
    async fn who_has_connected_to_a_port_when_that_ends_is_served() {
        let text = "[[listen]]\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n\
                    [[backend]]\nname = \"b\"\naddress = \"192.0.2.1:110\"\n";
        let config = Config::parse(text, Path::new("popgate.toml")).unwrap();
        let gate = gate(&config).await;
        let [(_, address)] = gate.ports.addresses()[..] else {
            panic!("not one port");
        };
        // The kernel takes it; tokio has no turn before the port is removed.
        let _client = TcpStream::connect(address).unwrap();
        for ended in gate.ports.keep(&[]) {
            ended.await.unwrap();
        }
        assert_eq!(gate.sessions.len(), 1);
    }
}
