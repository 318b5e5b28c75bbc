//! What the sessions of one gate share, handed down instead of being global: the [`Context`], the
//! [`Settings`] that a reload swaps, the [`Stage`] of a stop, and the registry of open
//! [`Sessions`].
//!
//! A gate is made by [`app`](crate::app), and used by each [`session`](crate::session).

mod backend_conn;
mod context;
mod pauses;
mod peer;
mod programs;
mod registry;
mod seen_trace;
mod settings;

pub use backend_conn::BackendConnection;
pub use context::{Context, Stage};
pub use pauses::Pauses;
pub use peer::Peer;
pub use registry::{Kick, Phase, SeenLogin, SessionView, Sessions, StandingOn};
pub use settings::Settings;

pub(crate) use programs::{Neighbour, SeenProgram};
pub(crate) use registry::{OpenSession, SessionHandle};
