//! The threads that sessions run on. Each has a runtime and listeners of its own, so that a session
//! wakes no thread but its own: on one runtime for all of them a short session took a dozen more
//! system calls. Who waits for a lock may be on any of them.

use crate::limits::WORKER_TICK;
use std::future::Future;
use std::io;
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;
use tokio::time::interval;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Threads that serve clients, until this is dropped. By default there are none, and clients are
/// served by the runtime that the gate was started in.
#[derive(Debug, Default)]
pub struct Workers {
    runtimes: Vec<Handle>,
    /// Ends them.
    _stop: Option<DropGuard>,
}

impl Workers {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// The system's: no thread, or no descriptor for what a runtime polls with.
    pub fn start(count: usize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let start = |number| start_thread(number, stop.clone());
        Ok(Self {
            runtimes: (0..count).map(start).collect::<Result<_, _>>()?,
            _stop: Some(stop.clone().drop_guard()),
        })
    }

    /// Their runtimes; none where clients are served by the one that the gate was started in.
    pub(super) fn runtimes(&self) -> &[Handle] {
        &self.runtimes
    }

    /// Runs each of `tasks` among `group`: on a thread each, or where the caller is.
    pub(super) fn spread<T>(
        &self,
        group: &TaskTracker,
        tasks: impl IntoIterator<Item = T>,
    ) -> Vec<JoinHandle<()>>
    where
        T: Future<Output = ()> + Send + 'static,
    {
        let here = Handle::current();
        let mut runtimes = self.runtimes.iter().cycle();
        tasks
            .into_iter()
            .map(|task| group.spawn_on(task, runtimes.next().unwrap_or(&here)))
            .collect()
    }
}

fn start_thread(number: usize, stop: CancellationToken) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name(format!("worker {number}"))
        .spawn(move || runtime.block_on(stop.run_until_cancelled(tick())))?;
    Ok(handle)
}

/// Has a timer fall due soon, always: see [`WORKER_TICK`].
async fn tick() {
    let mut ticks = interval(WORKER_TICK);
    loop {
        ticks.tick().await;
    }
}
