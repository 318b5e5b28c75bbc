//! The backends: looked at before they are taken into service, and watched from then on.

use crate::backend::connect::Backend;
use crate::backend::health::{State, look_once, watch_backend};
use crate::config::Config;
use crate::ids::BackendName;
use crate::limits::LOOK_AROUND;
use crate::net::Dial;
use crate::net::tls::TlsError;
use crate::observe::event::Event;
use crate::observe::hub::{EventHub, EventSink, Stamped};
use crate::time::WallClock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// All backends of a configuration.
pub(super) type Backends = HashMap<BackendName, Arc<Backend>>;

/// The backends of `config`. One of `before` that would be the same, its authorities' file read
/// anew, stays; any other takes the place of the one with its name.
pub(super) fn backends(
    config: &Config,
    before: &Backends,
    dial: &Arc<dyn Dial>,
) -> Result<Backends, TlsError> {
    config
        .backends
        .iter()
        .map(|options| {
            let backend = match before.get(&options.name) {
                Some(before) => {
                    let next = before.with_options_from(options.clone())?;
                    if next.is_as(before) {
                        Arc::clone(before)
                    } else {
                        Arc::new(next)
                    }
                }
                None => Arc::new(Backend::new(options.clone(), Arc::clone(dial))?),
            };
            Ok((options.name.clone(), backend))
        })
        .collect()
}

/// The names of those that trust other authorities now, and are the same else.
pub(super) fn other_authorities<'a>(
    before: &'a Backends,
    now: &'a Backends,
) -> impl Iterator<Item = &'a BackendName> {
    let same_options = |name: &BackendName, now: &Backend| {
        let before = before.get(name);
        before.is_some_and(|before| before.options() == now.options() && !now.is_as(before))
    };
    now.iter()
        .filter(move |(name, now)| same_options(name, now))
        .map(|(name, _)| name)
}

/// Looks at each backend of which nothing is known. What is found is told once they are in service.
/// One that has not answered within [`LOOK_AROUND`] is looked at again then.
pub(super) async fn look_around(backends: &Backends) -> Vec<Event> {
    let found = Arc::new(Findings::default());
    let events = Arc::new(EventHub::new(
        WallClock::System,
        vec![Arc::clone(&found) as _],
    ));
    // All at once: a reload waits no longer than for the slowest.
    let mut looks = JoinSet::new();
    for backend in backends
        .values()
        .filter(|backend| backend.state() == State::Unknown)
    {
        let backend = Arc::clone(backend);
        let events = Arc::clone(&events);
        looks.spawn(async move { look_once(&backend, &events).await });
    }
    let all = async { while looks.join_next().await.is_some() {} };
    if timeout(LOOK_AROUND, all).await.is_err() {
        // Ends them before their findings are taken: a look may be cut anywhere.
        looks.shutdown().await;
    }
    let mut found = found.0.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *found)
}

/// Events that wait to be told.
#[derive(Default)]
struct Findings(Mutex<Vec<Event>>);

impl EventSink for Findings {
    fn handle(&self, event: &Stamped) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event.event.clone());
    }
}

/// The tasks that look at backends again and again.
#[derive(Default)]
pub(super) struct Watches(Mutex<HashMap<BackendName, Watch>>);

struct Watch {
    backend: Arc<Backend>,
    stop: CancellationToken,
    watching: JoinHandle<()>,
}

impl Watches {
    /// From now on `backends` are watched, and no others: the returned tasks end.
    pub(super) fn follow(
        &self,
        backends: &Backends,
        events: &Arc<EventHub>,
        services: &TaskTracker,
        stop: &CancellationToken,
    ) -> Vec<JoinHandle<()>> {
        let mut watches = self.lock();
        let mut ending = Vec::new();
        for watch in watches.extract_if(|name, watch| {
            // By pointer: a successor has the same name, and needs a watch of its own.
            let kept = backends.get(name);
            kept.is_none_or(|backend| !Arc::ptr_eq(backend, &watch.backend))
        }) {
            let (_, watch) = watch;
            watch.stop.cancel();
            ending.push(watch.watching);
        }
        for (name, backend) in backends {
            watches.entry(name.clone()).or_insert_with(|| {
                let stop = stop.child_token();
                let watching = watch_backend(Arc::clone(backend), Arc::clone(events), stop.clone());
                Watch {
                    backend: Arc::clone(backend),
                    stop,
                    watching: services.spawn(watching),
                }
            });
        }
        ending
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BackendName, Watch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ADMIN_REQUEST;
    use crate::net::{BoxFuture, Io};
    use crate::time::Instant;
    use std::future::pending;
    use std::io;
    use std::path::Path;

    /// Nobody ever answers.
    struct Silent;

    impl Dial for Silent {
        fn dial<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
            Box::pin(pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_for_a_reload_is_answered_before_a_silent_backend_is_given_up() {
        let text = "[[listen]]\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n\
                    [[backend]]\nname = \"new\"\naddress = \"192.0.2.1:110\"\n";
        let config = Config::parse(text, Path::new("popgate.toml")).unwrap();
        let dial: Arc<dyn Dial> = Arc::new(Silent);
        let backends = backends(&config, &Backends::new(), &dial).unwrap();
        let start = Instant::now();
        assert!(look_around(&backends).await.is_empty());
        assert!(start.elapsed() < ADMIN_REQUEST);
    }
}
