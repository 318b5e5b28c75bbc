//! From the backend's EOF to the next PASS, beside a login straight at the backend.

use crate::client::{Client, short_session};
use crate::process::start_server;
use crate::{Extent, percentile};
use popgate::app::{Gate, Outside};
use popgate::config::Config;
use popgate::net::dial::TcpDial;
use popgate::observe::event::{Event, LockEvent};
use popgate::observe::hub::{EventSink, Stamped};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Mail programs that come to the one maildrop again and again.
const PROGRAMS: usize = 8;

pub(crate) async fn measure(extent: &Extent) {
    let backend = start_server().await;
    let straight = logins(backend, extent.handovers / 4).await;
    let handovers = Arc::new(HandOvers::default());
    let gate = gate(backend, Arc::clone(&handovers)).await;
    let address = gate.address("pop3").unwrap();
    let programs = (0..PROGRAMS).map(|_| {
        let sessions = extent.handovers / PROGRAMS;
        tokio::spawn(async move {
            for _ in 0..sessions {
                short_session(address, "ann").await;
            }
        })
    });
    for program in programs.collect::<Vec<_>>() {
        program.await.unwrap();
    }
    gate.stop(Duration::from_secs(1), std::future::pending())
        .await;
    let mut samples = std::mem::take(&mut *handovers.0.lock().unwrap());
    samples.sort_unstable();
    report(&straight, &samples);
}

/// Logins straight at the backend, one after the other: connection, greeting, USER, PASS.
async fn logins(backend: SocketAddr, count: usize) -> Vec<Duration> {
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let mut client = Client::connect(backend, None).await;
        client.log_in("ben").await;
        samples.push(start.elapsed());
        client.ask("QUIT").await;
    }
    samples.sort_unstable();
    samples
}

fn report(straight: &[Duration], handovers: &[Duration]) {
    println!(
        "hand-over, {PROGRAMS} programs at one maildrop, {} samples",
        handovers.len()
    );
    let line = |what: &str, samples: &[Duration]| {
        let (p50, p99) = (percentile(samples, 50), percentile(samples, 99));
        println!("  {what:<44} p50 {p50:>10.1?}   p99 {p99:>10.1?}");
    };
    line("backend EOF to the next PASS written", handovers);
    line("a login straight at the backend", straight);
    let ratio = percentile(handovers, 50).as_secs_f64() / percentile(straight, 50).as_secs_f64();
    println!("  ratio of the medians {ratio:.2}");
}

async fn gate(backend: SocketAddr, handovers: Arc<HandOvers>) -> Gate {
    let text = format!(
        "[[listen]]\nname = \"pop3\"\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n\
         [[backend]]\nname = \"embedded\"\naddress = \"{backend}\"\n\
         [defaults]\nqueue = 64\nwait = \"55s\"\npolls = {{ enforce = \"off\" }}\n"
    );
    let config = Config::parse(&text, Path::new("bench.toml")).unwrap();
    let outside = Outside {
        sinks: vec![handovers],
        ..Outside::dialing(Arc::new(TcpDial))
    };
    let gate = Gate::start(&config, outside).await.unwrap();
    gate.looked_around().await;
    gate
}

/// Every hand-over, exactly.
#[derive(Default)]
struct HandOvers(Mutex<Vec<Duration>>);

impl EventSink for HandOvers {
    fn handle(&self, event: &Stamped) {
        if let Event::Lock(LockEvent::HandedOver { elapsed }) = &event.event {
            self.0.lock().unwrap().push(*elapsed);
        }
    }
}
