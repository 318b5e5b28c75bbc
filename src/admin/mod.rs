//! The admin port: metrics and health.

pub mod server;

pub use server::{AdminState, serve};
