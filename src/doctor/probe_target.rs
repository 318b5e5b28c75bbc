//! The backend under examination: reached by the gate's own code, with a watch on the dialing.

use super::irregular::Notes;
use super::observations::{ClassifiedLine, ObservedGreeting, Unreached};
use super::probe_session::ProbeSession;
use crate::backend::BackendOptions;
use crate::backend::connect::{Backend, ConnectError};
use crate::dialect::classify;
use crate::limits::CONNECT_TIMEOUT;
use crate::net::tls::TlsError;
use crate::net::{BoxFuture, Dial, Io};
use crate::pop3::reply::ReplyTo;
use crate::time::{Duration, Instant};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// A backend to look at.
pub(super) struct ProbeTarget {
    backend: Backend,
    watch: Arc<Stopwatch>,
    dial: Arc<dyn Dial>,
    notes: Notes,
}

impl ProbeTarget {
    pub(super) fn new(options: &BackendOptions, dial: Arc<dyn Dial>) -> Result<Self, TlsError> {
        let watch = Arc::new(Stopwatch {
            dial: Arc::clone(&dial),
            last: Mutex::default(),
        });
        // What the backend bears and needs is to be seen: the gate's own limits are no answer.
        let options = BackendOptions {
            connections: 0,
            connect_timeout: *CONNECT_TIMEOUT.end(),
            ..options.clone()
        };
        let backend = Backend::new(options, Arc::clone(&watch) as Arc<dyn Dial>)?;
        Ok(Self {
            backend,
            watch,
            dial,
            notes: Notes::default(),
        })
    }

    /// The same backend, whatever its certificate: to look at that, and for nothing else.
    pub(super) fn unverified(&self) -> Result<Self, TlsError> {
        let options = BackendOptions {
            verify: false,
            ..self.options().clone()
        };
        Self::new(&options, Arc::clone(&self.dial))
    }

    pub(super) fn options(&self) -> &BackendOptions {
        self.backend.options()
    }

    /// What is irregular about its answers.
    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// A new connection, greeted.
    pub(super) async fn connect(&self) -> Result<(ProbeSession, ObservedGreeting), Unreached> {
        let began = Instant::now();
        let greeted = self
            .backend
            .connect(None)
            .await
            .map_err(|error| self.unreached(error))?;
        let dialed = self.watch.take();
        self.notes.answer(
            "the greeting",
            greeted.greeting.as_bytes(),
            greeted.conn.blank_lines,
        );
        if let Some(answer) = &greeted.stls {
            let line = answer.line.as_bytes();
            self.notes.answer("STLS", line, answer.blank_lines);
        }
        let reached = ObservedGreeting {
            address: dialed.address,
            // Dialing and greeting are one call of the gate's code; the watch parts them.
            connected: dialed.elapsed,
            greeted: began.elapsed().saturating_sub(dialed.elapsed),
            greeting: greeted.greeting,
            tls: greeted.conn.tls_version(),
        };
        Ok((ProbeSession::new(greeted.conn, self.notes.clone()), reached))
    }

    /// What a line in answer to `to` means at this backend.
    pub(super) fn line(&self, to: ReplyTo, line: &[u8]) -> ClassifiedLine {
        let text = String::from_utf8_lossy(line).into_owned();
        ClassifiedLine {
            class: classify(to, &text, &self.options().phrases),
            text,
        }
    }

    fn unreached(&self, error: ConnectError) -> Unreached {
        match error {
            ConnectError::Refused { line, .. } => {
                Unreached::TurnedAway(self.line(ReplyTo::Connect, &line))
            }
            error => Unreached::Failed(error.to_string()),
        }
    }
}

/// Notes how long the last dialing took, and where it led.
struct Stopwatch {
    dial: Arc<dyn Dial>,
    last: Mutex<Dialed>,
}

#[derive(Clone, Copy, Default)]
struct Dialed {
    address: Option<SocketAddr>,
    elapsed: Duration,
}

impl Stopwatch {
    fn take(&self) -> Dialed {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *last)
    }
}

impl Dial for Stopwatch {
    fn dial<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            let began = Instant::now();
            let io = self.dial.dial(address).await?;
            let dialed = Dialed {
                address: io.peer(),
                elapsed: began.elapsed(),
            };
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = dialed;
            Ok(io)
        })
    }
}
