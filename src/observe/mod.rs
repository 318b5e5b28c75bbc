//! What happens, told three ways: events, metrics, log lines.

pub mod end;
pub mod event;
pub mod log;
pub mod metrics;
pub mod recorder;

use event::{Event, EventSink};
use std::sync::Arc;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person.
    Human,
    /// One JSON object a line.
    Json,
}

/// Tells each event to all of its sinks, in order.
#[derive(Clone)]
pub struct Fanout(pub Vec<Arc<dyn EventSink>>);

impl EventSink for Fanout {
    fn emit(&self, event: &Event) {
        for sink in &self.0 {
            sink.emit(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BackendName;
    use recorder::Recorder;

    #[test]
    fn every_sink_is_told() {
        let recorders = [Arc::new(Recorder::new()), Arc::new(Recorder::new())];
        let sinks = recorders
            .iter()
            .map(|r| Arc::clone(r) as Arc<dyn EventSink>);
        let fanout = Fanout(sinks.collect());
        let backend = BackendName::new("b");
        fanout.emit(&Event::BackendUp { backend });
        assert!(recorders.iter().all(|r| r.events().len() == 1));
    }
}
