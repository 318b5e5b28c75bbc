//! Sockets that are waited for together, by epoll.

use popgate::time::Duration;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

const EVENTS_AT_A_TIME: usize = 256;

pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

/// What a socket is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Interest {
    Read,
    /// A socket that has more to write is not read: its owner has answers to take first.
    Write,
}

impl Interest {
    const fn flags(self) -> epoll::EventFlags {
        match self {
            Self::Read => epoll::EventFlags::IN,
            Self::Write => epoll::EventFlags::OUT,
        }
    }
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(EVENTS_AT_A_TIME),
        })
    }

    pub(crate) fn add(&self, socket: impl AsFd, key: u64, interest: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(key);
        Ok(epoll::add(&self.epoll, socket, data, interest.flags())?)
    }

    pub(crate) fn change(&self, socket: impl AsFd, key: u64, interest: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(key);
        Ok(epoll::modify(&self.epoll, socket, data, interest.flags())?)
    }

    /// The keys of the sockets that are ready, at most `patience` later. A closed socket leaves by
    /// itself.
    pub(crate) fn wait(&mut self, patience: Option<Duration>) -> io::Result<Vec<u64>> {
        let patience = patience.map(|patience| Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(patience.subsec_nanos()),
        });
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            spare_capacity(&mut self.events),
            patience.as_ref(),
        ) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
        // `Event` is packed: its fields are copied, not borrowed.
        Ok(self
            .events
            .iter()
            .map(|event| { event.data }.u64())
            .collect())
    }
}
