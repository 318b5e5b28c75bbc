//! The programs of a household, as their manners are: what each does when its time has come.

use crate::Outcome;
use crate::client::{CLOSED, Client};
use crate::gate::Mode;
use crate::process::pause;
use crate::server::PASSWORD;
use crate::site::Site;
use popgate::time::{Duration, Instant};
use std::collections::HashSet;

/// A PC leaves so many messages on the server.
const LEFT_ON_SERVER: usize = 40;
/// Larger ones are for the laptop.
const LARGE: u64 = 1_000_000;
/// Of the laptop's line, in a second.
const SLOW_OCTETS: usize = 125_000;

/// A program, and when it comes.
pub(super) struct Resident {
    pub(super) name: &'static str,
    pub(super) first: Duration,
    pub(super) every: Duration,
    manner: Manner,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Fetches what is new, stays for 45 s, and is gone without QUIT.
    Phone,
    /// The same without staying; its line is lost in one of three messages.
    ShakyPhone,
    /// Fetches what is new, deletes what is old, QUIT.
    Computer,
    /// Reads what each new message begins with, QUIT.
    Reader,
    /// Fetches what is large over a slow line, QUIT.
    Downloader,
    /// Has an old password.
    Outdated,
}

const fn resident(name: &'static str, first: u64, every: u64, manner: Manner) -> Resident {
    Resident {
        name,
        first: Duration::from_millis(first),
        every: Duration::from_secs(every),
        manner,
    }
}

pub(super) const RESIDENTS: [Resident; 7] = [
    resident("phone, no QUIT", 7_000, 60, Manner::Phone),
    resident("PC", 20_000, 300, Manner::Computer),
    resident("its virus scanner", 20_300, 300, Manner::Reader),
    resident("mutt", 12_000, 15, Manner::Reader),
    resident("phone, shaky line", 44_000, 60, Manner::ShakyPhone),
    resident("laptop, slow line", 100_000, 600, Manner::Downloader),
    resident("tablet, old password", 31_000, 60, Manner::Outdated),
];

/// What a program went through.
#[derive(Clone, Debug, Default)]
pub(super) struct Diary {
    /// From each PASS to its answer.
    pub(super) waits: Vec<Duration>,
    /// A right password was answered with an error.
    pub(super) refused: usize,
    /// The connection ended at a command.
    pub(super) closed: usize,
    /// The connection ended while it said nothing.
    pub(super) closed_idle: usize,
    /// Unique-ids of what it knows.
    known: HashSet<String>,
    /// Message-IDs of what was fetched whole.
    pub(super) fetched: HashSet<String>,
    pub(super) twice: usize,
}

impl Diary {
    pub(super) fn add(&mut self, other: &Self) {
        self.waits.extend(&other.waits);
        self.refused += other.refused;
        self.closed += other.closed;
        self.closed_idle += other.closed_idle;
        self.fetched.extend(other.fetched.iter().cloned());
        self.twice += other.twice;
    }

    /// The wait that this part of the logins did not exceed.
    pub(super) fn wait(&self, part: f64) -> Duration {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        let place = (waits.len() as f64 * part).ceil() as usize;
        let at = place.clamp(1, waits.len().max(1)) - 1;
        waits.get(at).copied().unwrap_or_default()
    }

    fn knows(&mut self, message: &Message) {
        self.known.insert(message.id.clone());
    }

    fn has(&mut self, message: &Message, message_id: String) {
        self.knows(message);
        if !self.fetched.insert(message_id) {
            self.twice += 1;
        }
    }
}

/// A message, as LIST and UIDL show it.
struct Message {
    number: usize,
    octets: u64,
    id: String,
}

impl Resident {
    /// Comes once. Where its connection ends it comes again next time, as programs do.
    pub(super) fn visit(&self, site: &Site, user: &str, diary: &mut Diary) {
        let password = match self.manner {
            Manner::Outdated => "old password",
            _ => PASSWORD,
        };
        let Ok(mut client) = Client::connect(site.gate.address(Mode::Plain)) else {
            diary.closed += 1;
            return;
        };
        let began = Instant::now();
        let user = client.exchange(&format!("USER {user}"));
        let answer = client.exchange(&format!("PASS {password}"));
        let is_in = answer.as_deref().is_ok_and(|it| it.starts_with("+OK"));
        if self.manner == Manner::Outdated {
            return;
        }
        diary.waits.push(began.elapsed());
        match (user, answer) {
            (Ok(_), Ok(answer)) if !is_in && answer != CLOSED => diary.refused += 1,
            (Ok(_), Ok(_)) if is_in => {
                if self.stay(client, diary).is_err() {
                    diary.closed += 1;
                }
            }
            _ => diary.closed += 1,
        }
    }

    fn stay(&self, mut client: Client, diary: &mut Diary) -> Outcome<()> {
        let messages = look(&mut client)?;
        let is_new = |it: &&Message| !diary.known.contains(&it.id);
        let new: Vec<_> = messages.iter().filter(is_new).collect();
        match self.manner {
            Manner::Phone => {
                fetch(&mut client, &new, diary)?;
                pause(Duration::from_secs(45));
                diary.closed_idle += usize::from(client.exchange("NOOP")? == CLOSED);
                return Ok(());
            }
            Manner::ShakyPhone => return shaky(client, &new, diary),
            Manner::Computer => {
                fetch(&mut client, &new, diary)?;
                if messages.len() > LEFT_ON_SERVER {
                    for old in &messages[..LEFT_ON_SERVER / 4] {
                        client.ok(&format!("DELE {}", old.number))?;
                    }
                }
            }
            Manner::Reader => {
                for message in new {
                    client.lines(&format!("TOP {} 0", message.number))?;
                    diary.knows(message);
                }
            }
            Manner::Downloader => {
                for message in new.iter().filter(|it| it.octets > LARGE) {
                    client.retrieve_slowly(message.number, SLOW_OCTETS)?;
                    diary.knows(message);
                }
            }
            Manner::Outdated => {}
        }
        client.quit()
    }
}

fn look(client: &mut Client) -> Outcome<Vec<Message>> {
    client.ok("STAT")?;
    let sizes = client.lines("LIST")?;
    let ids = client.lines("UIDL")?;
    sizes
        .iter()
        .zip(&ids)
        .map(|(size, id)| {
            let (number, octets) = size.split_once(' ').ok_or("LIST")?;
            let (_, id) = id.split_once(' ').ok_or("UIDL")?;
            Ok(Message {
                number: number.parse()?,
                octets: octets.parse()?,
                id: id.to_owned(),
            })
        })
        .collect()
}

/// Of what is large only the beginning.
fn fetch(client: &mut Client, new: &[&Message], diary: &mut Diary) -> Outcome<()> {
    for message in new {
        if message.octets > LARGE {
            client.lines(&format!("TOP {} 0", message.number))?;
            diary.knows(message);
        } else {
            let message_id = client.retrieve(message.number)?;
            diary.has(message, message_id);
        }
    }
    Ok(())
}

/// Its line is lost in the middle of each third message; the next time it has better luck.
fn shaky(mut client: Client, new: &[&Message], diary: &mut Diary) -> Outcome<()> {
    for message in new.iter().filter(|it| it.octets <= LARGE) {
        if (message.number + diary.waits.len()).is_multiple_of(3) {
            client.begin_to_retrieve(message.number)?;
            client.reset()?;
            return Ok(());
        }
        let message_id = client.retrieve(message.number)?;
        diary.has(message, message_id);
    }
    client.quit()
}
