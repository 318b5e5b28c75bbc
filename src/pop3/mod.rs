//! POP3 without I/O: bytes in, meaning out (RFC 1939, 2449, 2595, 3206, 5034).

pub mod reply;
