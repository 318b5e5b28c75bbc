//! The lock of each maildrop: who holds it, who waits, who is next.

pub mod queue;
