//! Reads of the gate, on blocking threads and few at a time.

use super::gate::GateAdmin;
use super::reply::HttpRefusal;
use crate::limits::ADMIN_READS_MAX;
use hyper::StatusCode;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// A walk through ten thousand sessions must not hold up those of them that run on the same worker;
/// and a client that asks and leaves, again and again, must not fill the pool of blocking threads,
/// in which the names of backends are resolved as well.
#[derive(Clone)]
pub(super) struct BlockingReads {
    gate: Arc<dyn GateAdmin>,
    places: Arc<Semaphore>,
}

impl BlockingReads {
    pub(super) fn new(gate: Arc<dyn GateAdmin>) -> Self {
        Self {
            gate,
            places: Arc::new(Semaphore::new(ADMIN_READS_MAX)),
        }
    }

    pub(super) fn gate(&self) -> &Arc<dyn GateAdmin> {
        &self.gate
    }

    /// What `read` gives, once there is a place for it. Who leaves before that has cost nothing.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn GateAdmin) -> T + Send + 'static,
    ) -> Result<T, HttpRefusal> {
        let places = Arc::clone(&self.places);
        let place = places.acquire_owned().await.map_err(|_| fault())?;
        let gate = Arc::clone(&self.gate);
        let reading = spawn_blocking(move || {
            // With the thread, not with whoever waits for it: nothing ends a read that has begun.
            let _place = place;
            read(&*gate)
        });
        reading.await.map_err(|_| fault())
    }
}

fn fault() -> HttpRefusal {
    let why = "a fault of popgate: see its log";
    HttpRefusal::new(StatusCode::INTERNAL_SERVER_ERROR, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::double::GateDouble;
    use crate::time::Duration;
    use std::sync::mpsc;
    use tokio::time::timeout;

    #[tokio::test]
    async fn reads_whose_client_has_left_keep_their_place_and_no_more_are_begun() {
        let reads = BlockingReads::new(Arc::new(GateDouble::default()));
        let (begun, begins) = mpsc::channel();
        let mut ends = Vec::new();
        for _ in 0..2 * ADMIN_READS_MAX {
            let (end, ended) = mpsc::channel::<()>();
            let begun = begun.clone();
            let read = reads.run(move |_| {
                begun.send(()).unwrap();
                let _ = ended.recv();
            });
            // It leaves.
            assert!(timeout(Duration::from_millis(20), read).await.is_err());
            ends.push(end);
        }
        drop(begun);
        assert_eq!(reads.places.available_permits(), 0);
        drop(ends);
        assert_eq!(begins.iter().count(), ADMIN_READS_MAX);
        assert!(reads.run(|_| ()).await.is_ok());
    }
}
