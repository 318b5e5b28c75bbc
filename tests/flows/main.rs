//! Whole sessions, both sides scripted: what a client says, what the backend hears, what each gets
//! for an answer, and when. Streams are in memory and time moves by itself when nobody is busy, so
//! that a wait of 25 s takes no time, and is exactly 25 s long.

mod support;

mod aliases;
mod authorization;
mod backend_login;
mod blocks;
mod budget;
mod capability;
mod client_address;
mod failures;
mod faults;
mod first_look;
mod flood;
mod handover;
mod health_checks;
mod history;
mod household;
mod identity;
mod lanes;
mod likeness;
mod logins;
mod metrics;
mod pausing;
mod polls;
mod preemption;
mod programs;
mod recordings;
mod relay;
mod reload;
mod sasl;
mod sessions;
mod several_backends;
mod shared;
mod sharing;
mod stopping;
mod tls;
mod tolerance;
mod waiting;
