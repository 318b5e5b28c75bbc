//! The thread that talks to the gate: a slow answer must not make the keys wait.

use super::order::LockOrder;
use super::reading::TopReading;
use super::state::{GateRequest, TopNews};
use crate::admin::model::GateStatus;
use crate::cli::client::{AdminClient, Failure};
use crate::limits::WATCH_INTERVAL;
use crate::time::Duration;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;

/// Asks a gate once a second, and for what it is told to. It ends when it is dropped, after the
/// question that is on its way.
pub(super) struct Poller {
    requests: Sender<GateRequest>,
    news: Receiver<TopNews>,
}

impl Poller {
    pub(super) fn start(gate: AdminClient) -> Self {
        let (requests, asked) = channel();
        let (teller, news) = channel();
        thread::spawn(move || poll(&gate, &asked, &teller));
        Self { requests, news }
    }

    /// Has the request done before the next reading.
    pub(super) fn ask(&self, request: GateRequest) -> io::Result<()> {
        self.requests.send(request).map_err(|_| gone())
    }

    /// What has come since the last call.
    pub(super) fn news(&self) -> io::Result<Vec<TopNews>> {
        let mut news = Vec::new();
        loop {
            match self.news.try_recv() {
                Ok(one) => news.push(one),
                Err(TryRecvError::Empty) => return Ok(news),
                Err(TryRecvError::Disconnected) => return Err(gone()),
            }
        }
    }
}

/// It ends in no other way.
fn gone() -> io::Error {
    io::Error::other("the thread that asks the gate has panicked")
}

fn poll(gate: &AdminClient, asked: &Receiver<GateRequest>, teller: &Sender<TopNews>) {
    let mut order = LockOrder::default();
    let mut pause = WATCH_INTERVAL;
    loop {
        let news = match asked.recv_timeout(pause) {
            Ok(GateRequest::Kick { session, started }) => {
                // What it changed is shown at once.
                pause = Duration::ZERO;
                let result = kick(gate, session, started);
                TopNews::Kicked { session, result }
            }
            Ok(GateRequest::Sort(by)) => {
                order = by;
                pause = Duration::ZERO;
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {
                pause = WATCH_INTERVAL;
                TopNews::Reading(TopReading::fetch(gate, order).map(Box::new))
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if teller.send(news).is_err() {
            return;
        }
    }
}

fn kick(gate: &AdminClient, session: u64, started: Timestamp) -> Result<(), Failure> {
    let status: GateStatus = gate.get("/status", &[])?;
    if status.started != started {
        return Err(Failure::usage("popgate was restarted meanwhile"));
    }
    let body = json!({ "reason": "popgate top" });
    gate.post::<Value>(&format!("/sessions/{session}/kick"), &body)
        .map(drop)
}
