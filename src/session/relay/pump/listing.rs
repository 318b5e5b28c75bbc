//! What a relay asks of its own for the listing of the maildrop, and leaves to a session that goes
//! on without the maildrop.

use super::Pump;
use crate::pop3::exchange::{Output, Quit};
use crate::time::{Duration, Instant};
use bytes::BytesMut;

/// How long the backend takes for questions that are popgate's own.
#[derive(Default)]
pub(super) struct OwnQuestions {
    /// Since when popgate awaits replies to them.
    asking: Option<Instant>,
    /// How long the last ones took.
    took: Duration,
}

impl OwnQuestions {
    pub(super) fn note(&mut self, awaited: bool) {
        if awaited {
            self.asking.get_or_insert_with(Instant::now);
        } else if let Some(since) = self.asking.take() {
            self.took = since.elapsed();
        }
    }
}

impl Pump<'_, '_> {
    /// A client that has rested since it asked for LIST or UIDL does not ask for the other one.
    pub(in crate::session::relay) fn forget_part_of_listing(&mut self) {
        self.exchange.forget_part_of_listing();
    }

    /// There is no room for what is read of the listing.
    pub(in crate::session::relay) fn give_up_listing(&mut self) {
        self.exchange.give_up_listing();
    }

    /// The client rests: what it has not asked of the listing is asked now, if that is wanted.
    pub(in crate::session::relay) fn ask_for_listing(&mut self) {
        let mut out = Output::default();
        self.exchange.ask_for_listing(&mut out);
        self.own_questions.note(self.exchange.asks_itself());
        self.keep_output(out);
    }

    /// How long the backend took for the listing that popgate asked for.
    pub(in crate::session::relay) fn own_listing_took(&self) -> Duration {
        self.own_questions.took
    }

    /// What the client has sent of a line, for a session that goes on without the backend.
    pub(in crate::session::relay) fn take_partial(&mut self) -> BytesMut {
        self.exchange.take_partial()
    }

    /// Whether messages may be deleted by what the client has sent.
    pub(super) fn updates(&self) -> bool {
        self.exchange.quit() != Quit::None || self.exchange.has_sent_deletion()
    }
}
