//! `popgate demo`: the gate before an embedded server, to look at and to measure.

use crate::config::parse_duration;
use crate::time::Duration;
use clap::Args;
use std::net::SocketAddr;

/// Run the gate before an embedded POP3 server whose maildrops lock
#[derive(Args, Debug)]
pub struct Demo {
    /// Where mail programs connect, with STLS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1110")]
    pub pop3: SocketAddr,
    /// Where mail programs connect in TLS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1995")]
    pub pop3s: SocketAddr,
    /// Where the metrics are
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9110")]
    pub metrics: SocketAddr,
    /// Where the embedded server listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub backend: SocketAddr,
    /// What the embedded server answers where a maildrop is locked
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub refusal: Option<String>,
    /// How long its locks stay after a connection ends
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub linger: Option<Duration>,
    /// Compare N programs in one maildrop, without and with popgate, and end
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "8")]
    pub duel: Option<usize>,
    /// How long each program of a duel holds the maildrop
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub hold: Option<Duration>,
    /// Print the duel's result as one JSON object
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        demo: Demo,
    }

    fn demo(arguments: &[&str]) -> Demo {
        let line = [&["demo"], arguments].concat();
        Line::try_parse_from(line).unwrap().demo
    }

    #[test]
    fn a_duel_has_eight_programs_unless_a_number_is_given() {
        assert_eq!(demo(&[]).duel, None);
        assert_eq!(demo(&["--duel"]).duel, Some(8));
        assert_eq!(demo(&["--duel", "3", "--json"]).duel, Some(3));
    }

    #[test]
    fn a_refusal_may_begin_as_refusals_do() {
        let demo = demo(&["--refusal", "-ERR busy", "--linger", "1500ms"]);
        assert_eq!(demo.refusal.as_deref(), Some("-ERR busy"));
        assert_eq!(demo.linger, Some(Duration::from_millis(1500)));
    }
}
