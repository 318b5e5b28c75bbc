//! Mail programs that get in each other's way for ever: what `popgate demo --busy` shows. Who they
//! are and what they do is data; they speak real POP3 over real sockets. Below are those of one
//! mailbox over a day, in moved time: what `popgate demo --household` compares.

mod day;
mod diary;
mod line;
mod post;
mod residents;
mod result;
mod strip;
mod visit;
mod wiring;

pub use day::{DAY_RULES, DayOptions, Home, Watched, day_server};
pub use diary::ShownError;
pub use result::{HouseholdDay, compared};
pub use wiring::{BackDoor, FrontDoor, Street, street};

use super::mail_client::{ClientError, ClientOrigin, MailClient};
use super::messages::{photograph, welcome};
use super::server::DemoServer;
use crate::pop3::reply::Status;
use crate::secret::Secret;
use crate::time::Duration;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fastrand::Rng;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The same pauses and guesses in every run.
const SEED: u64 = 1939;

/// Of a slow reader: what waits for it must wait in popgate and not in its own system.
const SMALL_BUFFER: u32 = 4096;

/// What the demo's configuration says of these mailboxes. Waits are short, so that a newcomer sees
/// what each limit does; the programs come from other addresses than a person who tries the demo.
pub const RULES: &str = r#"
[server]
trusted_networks = ["127.0.0.1/32", "::1/128"]

[defaults]
backends = ["demo"]
cleartext = "always"
wait = "20s"
preempt_idle = "3s"
polls = { enforce = "off" }
failures = { delay = "250ms", max_delay = "1s" }
blocks = { passwords_per_maildrop = 4, window = "10m", duration = "2m" }

[[tenant]]
name = "family"
domains = ["example.org"]

[[tenant.user]]
name = "dan@example.org"
polls = { enforce = "delay", max_delay = "3s", every = "3s", burst = 2, per_client = { every = "3s", burst = 2 } }

[[tenant]]
name = "office"
domains = ["example.com"]
"#;

/// A mail program: it logs in, does its steps, pauses, and begins anew.
struct MailProgram {
    mailbox: &'static str,
    habits: Habits,
    password: ProgramPassword,
    /// The last octet of its address.
    host: u8,
    /// When it begins.
    start: Duration,
    /// From the end of a session to the next, a fifth more or less.
    pause: Duration,
    /// Those after the login. Without QUIT at their end the connection is just dropped.
    steps: &'static [ScriptStep],
}

/// What a program says in which order: popgate guesses from it which one it is.
#[derive(Clone, Copy)]
enum Habits {
    /// Thunderbird on a PC.
    Thunderbird,
    /// A phone with iOS Mail.
    IosMail,
    /// A phone with Android's own mail app.
    AndroidMail,
    /// A scanner on a PC, which logs in by itself and reads what each message begins with.
    Scanner,
    /// Nothing that is known.
    Other,
}

#[derive(Clone, Copy)]
enum ProgramPassword {
    Right,
    /// It was changed at the server, and not in this program.
    Outdated,
    /// Another one each time.
    Guessed,
}

#[derive(Clone, Copy)]
enum ScriptStep {
    List,
    /// The header of a message.
    Look(u32),
    Retrieve(u32),
    RetrieveSlowly {
        number: u32,
        octets_per_second: usize,
    },
    Idle(Duration),
    Quit,
}

use ProgramPassword::{Guessed, Outdated, Right};
use ScriptStep::{Idle, List, Look, Quit, Retrieve, RetrieveSlowly};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";
const DAN: &str = "dan@example.org";
const EVE: &str = "eve@example.org";
const INFO: &str = "info@example.com";
const ORDERS: &str = "orders@example.com";

/// A colleague who reads a mailbox that five share.
const COLLEAGUE: &[ScriptStep] = &[
    List,
    Retrieve(1),
    Idle(ms(1500)),
    Retrieve(2),
    Idle(ms(1000)),
    Quit,
];

const PROGRAMS: &[MailProgram] = &[
    // A phone that fetches its mail and never says QUIT: pre-empted when another program waits.
    MailProgram {
        mailbox: ANN,
        habits: Habits::IosMail,
        password: Right,
        host: 11,
        start: ms(0),
        pause: ms(3000),
        steps: &[List, Retrieve(1), Idle(ms(12_000))],
    },
    // A PC, and a virus scanner that logs in beside it.
    MailProgram {
        mailbox: ANN,
        habits: Habits::Thunderbird,
        password: Right,
        host: 12,
        start: ms(700),
        pause: ms(5000),
        steps: &[List, Retrieve(1), Retrieve(2), Idle(ms(400)), Quit],
    },
    MailProgram {
        mailbox: ANN,
        habits: Habits::Scanner,
        password: Right,
        host: 12,
        start: ms(500),
        pause: ms(5000),
        steps: &[List, Look(1), Look(2), Look(3), Idle(ms(900)), Quit],
    },
    // A large message over a slow line, for longer than the PC behind it may wait.
    MailProgram {
        mailbox: BOB,
        habits: Habits::Thunderbird,
        password: Right,
        host: 13,
        start: ms(200),
        pause: ms(20_000),
        steps: &[
            List,
            RetrieveSlowly {
                number: 6,
                octets_per_second: 32 * 1024,
            },
            Quit,
        ],
    },
    MailProgram {
        mailbox: BOB,
        habits: Habits::Thunderbird,
        password: Right,
        host: 14,
        start: ms(1500),
        pause: ms(6000),
        steps: &[List, Retrieve(1), Quit],
    },
    // A phone that looks for mail each second.
    MailProgram {
        mailbox: DAN,
        habits: Habits::AndroidMail,
        password: Right,
        host: 15,
        start: ms(300),
        pause: ms(1000),
        steps: &[List, Quit],
    },
    // A tablet with last year's password beside a PC with the right one.
    MailProgram {
        mailbox: EVE,
        habits: Habits::IosMail,
        password: Outdated,
        host: 16,
        start: ms(400),
        pause: ms(4000),
        steps: &[],
    },
    MailProgram {
        mailbox: EVE,
        habits: Habits::Thunderbird,
        password: Right,
        host: 17,
        start: ms(1200),
        pause: ms(5000),
        steps: &[List, Retrieve(3), Idle(ms(2000)), Quit],
    },
    // Five colleagues in one mailbox: a queue that is never empty.
    colleague(21, 600),
    colleague(22, 900),
    colleague(23, 1300),
    colleague(24, 1900),
    colleague(25, 2600),
    // A stranger who guesses, and is blocked for it.
    MailProgram {
        mailbox: ORDERS,
        habits: Habits::Other,
        password: Guessed,
        host: 66,
        start: ms(500),
        pause: ms(1000),
        steps: &[],
    },
];

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const fn colleague(host: u8, start: u64) -> MailProgram {
    MailProgram {
        mailbox: INFO,
        habits: Habits::Thunderbird,
        password: Right,
        host,
        start: ms(start),
        pause: ms(4000),
        steps: COLLEAGUE,
    }
}

/// The mailboxes, and who uses them.
pub const MAILBOXES: [(&str, &str); 6] = [
    (
        ANN,
        "a phone that never says QUIT, a PC, and its virus scanner",
    ),
    (
        BOB,
        "a laptop that downloads over a slow line, and a PC behind it",
    ),
    (DAN, "a phone that looks for mail each second"),
    (EVE, "a tablet with an outdated password, and a PC"),
    (INFO, "five colleagues at once"),
    (ORDERS, "a stranger who guesses passwords"),
];

/// Puts the mail there that the programs want beside the server's samples, and a message of its own
/// into each mailbox: people do not have the same mail.
pub fn furnish(server: &DemoServer) {
    server.deliver(BOB, &photograph());
    for (mailbox, who) in MAILBOXES {
        server.deliver(mailbox, &welcome(mailbox, who));
    }
}

/// Lets all programs use the POP3 port at `target`. It does not end; dropping the future ends all
/// of them.
pub async fn run(target: SocketAddr, password: &Secret) {
    let mut running = JoinSet::new();
    for (program, seed) in PROGRAMS.iter().zip(SEED..) {
        let password = password.clone();
        running.spawn(program.run(target, password, Rng::with_seed(seed)));
    }
    while running.join_next().await.is_some() {}
}

impl MailProgram {
    async fn run(&'static self, target: SocketAddr, password: Secret, mut rng: Rng) {
        sleep(self.start).await;
        loop {
            // Whatever came of it, a mail program tries again.
            let _ = self.session(target, &password, &mut rng).await;
            sleep(self.pause.mul_f64(0.8 + 0.4 * rng.f64())).await;
        }
    }

    async fn session(
        &self,
        target: SocketAddr,
        password: &Secret,
        rng: &mut Rng,
    ) -> Result<(), ClientError> {
        let mut client = self.connect(target).await?;
        let password = match self.password {
            Right => password.clone(),
            Outdated => Secret::new(b"last year's".to_vec()),
            Guessed => Secret::new(format!("guess-{}", rng.u32(..)).into_bytes()),
        };
        self.habits.identify(&mut client, self.mailbox).await?;
        let answer = self.habits.prove(&mut client, self.mailbox, &password);
        if Status::of_line(&answer.await?) != Status::Ok {
            return client.expect_ok("QUIT", b"").await;
        }
        for step in self.steps {
            step.play(&mut client, self.habits).await?;
        }
        Ok(())
    }

    /// From an address of its own where the system has it: all of 127.0.0.0/8 on Linux, 127.0.0.1
    /// alone on macOS.
    async fn connect(&self, target: SocketAddr) -> Result<MailClient, ClientError> {
        let is_slow = |step: &ScriptStep| matches!(step, RetrieveSlowly { .. });
        let receive_buffer = self.steps.iter().any(is_slow).then_some(SMALL_BUFFER);
        let address = IpAddr::from(Ipv4Addr::new(127, 0, 0, self.host));
        let own = ClientOrigin {
            address: matches!(target.ip(), IpAddr::V4(ip) if ip.is_loopback()).then_some(address),
            receive_buffer,
        };
        let any = ClientOrigin {
            address: None,
            ..own
        };
        match MailClient::connect(own, target).await {
            Err(ClientError::Io(error)) if error.kind() == std::io::ErrorKind::AddrNotAvailable => {
                MailClient::connect(any, target).await
            }
            connected => connected,
        }
    }
}

impl Habits {
    /// All that it says before its password.
    async fn identify(self, client: &mut MailClient, mailbox: &str) -> Result<(), ClientError> {
        if matches!(self, Self::Thunderbird | Self::AndroidMail) {
            client.multiline("CAPA").await?;
        }
        match self {
            Self::Thunderbird => client.ask("AUTH", b"PLAIN").await.map(drop),
            _ => client.expect_ok("USER", mailbox.as_bytes()).await,
        }
    }

    /// The answer to the password.
    async fn prove(
        self,
        client: &mut MailClient,
        mailbox: &str,
        password: &Secret,
    ) -> Result<Vec<u8>, ClientError> {
        match self {
            Self::Thunderbird => {
                let words = [b"", mailbox.as_bytes(), password.expose()].join(&0);
                client.ask(&BASE64_STANDARD.encode(words), b"").await
            }
            _ => client.ask("PASS", password.expose()).await,
        }
    }

    /// The lines of UIDL.
    async fn list(self, client: &mut MailClient) -> Result<Vec<Vec<u8>>, ClientError> {
        client.expect_ok("STAT", b"").await?;
        if matches!(self, Self::Thunderbird) {
            client.multiline("LIST").await?;
        }
        client.multiline("UIDL").await
    }
}

impl ScriptStep {
    async fn play(self, client: &mut MailClient, habits: Habits) -> Result<(), ClientError> {
        match self {
            List => habits.list(client).await.map(drop),
            Look(number) => client.multiline(&format!("TOP {number} 0")).await.map(drop),
            Retrieve(number) => client.multiline(&format!("RETR {number}")).await.map(drop),
            RetrieveSlowly {
                number,
                octets_per_second,
            } => client.retrieve_slowly(number, octets_per_second).await,
            Idle(time) => {
                sleep(time).await;
                Ok(())
            }
            Quit => client.expect_ok("QUIT", b"").await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn it_is_bounded_in_rate_and_uses_each_mailbox_that_it_names() {
        let shortest = |program: &MailProgram| program.pause.as_secs_f64() * 0.8;
        let rate: f64 = PROGRAMS.iter().map(|it| 1.0 / shortest(it)).sum();
        assert!(rate < 8.0, "{rate} logins a second");
        let used: HashSet<_> = PROGRAMS.iter().map(|program| program.mailbox).collect();
        assert_eq!(used, MAILBOXES.map(|(mailbox, _)| mailbox).into());
    }
}
