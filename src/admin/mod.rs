//! The admin port: metrics and health for machines, an API for those who have the token.

mod api;
pub mod blocks;
mod gate;
mod guard;
pub mod model;
mod query;
mod reply;
pub mod server;
pub mod token;

pub use gate::{GateAdmin, Reload, Reloaded};
pub use server::{AdminState, serve};
