//! An embedded POP3 server whose maildrops lock: the demo's backend and the tests' double.

mod connection;
pub mod log;
pub mod messages;
pub mod server;
mod store;
mod transaction;
