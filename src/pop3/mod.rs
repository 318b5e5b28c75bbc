//! POP3 without I/O: bytes in, meaning out (RFC 1939, 2449, 2595, 3206, 5034).

pub mod capability;
pub mod command;
pub mod exchange;
pub mod keyword;
pub mod line;
pub mod listing;
pub mod multiline;
pub mod reply;
pub mod reply_reader;
pub mod sasl;
pub mod transaction;
pub mod uidl_digest;
pub mod verb;
pub mod view;
