//! Starts under load: who knocks already is held, not refused.

use super::gate::Gate;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

/// Each takes a seventh of a second.
const STARTS: usize = 100;

/// Programs that knock at each start.
const KNOCKERS: usize = 4;

/// Between two tries of one of them, while nobody listens.
const PAUSE: Duration = Duration::from_micros(500);

#[test]
fn starts_refuse_nobody_who_knocks_already() {
    let mut gate = Gate::start("wonderland", &[], "60s");
    for start in 0..STARTS {
        gate.kill();
        let address = gate.address;
        let knockers = (0..KNOCKERS).map(|_| thread::spawn(move || knock(address)));
        let knockers: Vec<_> = knockers.collect();
        gate.start_again();
        for knocker in knockers {
            let greeting = knocker.join().unwrap();
            assert!(greeting.starts_with("+OK"), "start {start}: {greeting:?}");
        }
    }
}

/// The first line of whoever listens there first.
fn knock(address: SocketAddr) -> String {
    loop {
        if let Ok(stream) = TcpStream::connect(address) {
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).unwrap();
            return line;
        }
        thread::park_timeout(PAUSE);
    }
}
