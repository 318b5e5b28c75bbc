//! One gate in its cluster: what it wants, holds, was told, and must repair.
//!
//! A pure state machine: inputs and the time go in, actions come out.

mod io;

pub use io::{ClusterState, MaildropStatement, MemberAction, MemberInput, OnOutage};
