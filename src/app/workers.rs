//! The threads that sessions run on. Each has a runtime and listeners of its own, so that a session
//! wakes no thread but its own: on one runtime for all of them a short session took a dozen more
//! system calls. Who waits for a lock may be on any of them.

use crate::limits::{
    LISTENER_DESCRIPTORS, RUNTIME_DESCRIPTORS, WORKER_BLOCKING_THREADS, WORKER_TICK,
};
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
        // Where one cannot be started, those before it end.
        let guard = stop.clone().drop_guard();
        let start = |number| start_thread(number, stop.clone());
        Ok(Self {
            runtimes: (0..count).map(start).collect::<Result<_, _>>()?,
            _stop: Some(guard),
        })
    }

    /// Their runtimes; none where clients are served by the one that the gate was started in.
    pub(super) fn runtimes(&self) -> &[Handle] {
        &self.runtimes
    }

    /// The descriptors that they keep where there are so many listeners.
    pub(super) fn descriptors(&self, listeners: usize) -> usize {
        let of_listeners = listeners * LISTENER_DESCRIPTORS;
        match self.runtimes.len() {
            0 => of_listeners,
            workers => workers * (RUNTIME_DESCRIPTORS + of_listeners),
        }
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
    let runtime = Builder::new_current_thread()
        .max_blocking_threads(WORKER_BLOCKING_THREADS)
        .enable_all()
        .build()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    /// On which threads the tasks run.
    async fn threads(workers: &Workers, tasks: usize) -> Vec<String> {
        let (told, mut names) = mpsc::unbounded_channel();
        let tell = |_| {
            let told = told.clone();
            async move {
                let name = thread::current().name().map(str::to_owned);
                told.send(name.unwrap_or_default()).unwrap();
            }
        };
        let group = TaskTracker::new();
        for task in workers.spread(&group, (0..tasks).map(tell)) {
            task.await.unwrap();
        }
        drop(told);
        let mut all = Vec::new();
        while let Some(name) = names.recv().await {
            all.push(name);
        }
        all.sort();
        all
    }

    #[tokio::test]
    async fn each_has_its_share_and_without_any_the_caller_has_all() {
        let workers = Workers::start(2).unwrap();
        assert_eq!(workers.runtimes().len(), 2);
        let both = ["worker 0", "worker 0", "worker 1", "worker 1"];
        assert_eq!(threads(&workers, 4).await, both);
        let here = thread::current().name().unwrap().to_owned();
        assert_eq!(threads(&Workers::default(), 1).await, [here]);
    }
}
