//! An embedded POP3 server whose maildrops lock: the demo's backend and the tests' double.

pub mod certificate;
pub mod comparison;
mod connection;
pub mod guide;
pub mod household;
pub mod log;
mod mail_client;
pub mod messages;
pub mod report;
pub mod server;
mod store;
