//! The programs of the household: who they are, and what each does when its time has come.

use super::super::mail_client::ClientError;
use super::line::Pace;
use super::visit::{Letter, MailSession};
use super::{Habits, ProgramPassword};
use crate::time::Duration;
use fastrand::Rng;

/// Larger messages stay on the server, for the laptop.
const LARGE: u64 = 1_000_000;

/// A PC leaves so many messages on the server; beyond that it deletes the oldest.
const LEFT_ON_SERVER: usize = 40;

/// A mail program of the household.
pub(super) struct Resident {
    pub(super) name: &'static str,
    pub(super) habits: Habits,
    pub(super) password: ProgramPassword,
    pub(super) address: [u8; 4],
    pub(super) pace: Pace,
    pub(super) first: Duration,
    /// From one look for mail to the next; none for one that looks once.
    pub(super) every: Option<Duration>,
    pub(super) manner: Manner,
}

/// What it does once it is logged in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Fetches what is new, says nothing for a while, and is gone without QUIT.
    Phone,
    /// The same, with QUIT; but its line is lost at times, also in the middle of a message.
    ShakyPhone,
    /// Fetches what is new, deletes what is old, QUIT.
    Computer,
    /// Reads what each new message begins with, is busy with that for some time, QUIT.
    Reader(Duration),
    /// Fetches what is large, QUIT.
    Downloader,
}

const HOME: [u8; 4] = [203, 0, 113, 7];
const UNDER_WAY: [u8; 4] = [198, 51, 100, 9];

const WIRED: Pace = pace(5, 5_000_000);
const MOBILE: Pace = pace(40, 200_000);
const SHAKY: Pace = pace(120, 30_000);
/// A megabit a second: the download takes 400 s.
const SLOW: Pace = pace(30, 125_000);

pub(super) const RESIDENTS: [Resident; 7] = [
    Resident {
        name: "phone, no QUIT",
        habits: Habits::IosMail,
        password: ProgramPassword::Right,
        address: HOME,
        pace: MOBILE,
        first: Duration::from_secs(7),
        every: Some(Duration::from_secs(60)),
        manner: Manner::Phone,
    },
    Resident {
        name: "PC",
        habits: Habits::Thunderbird,
        password: ProgramPassword::Right,
        address: HOME,
        pace: WIRED,
        first: Duration::from_secs(20),
        every: Some(Duration::from_secs(300)),
        manner: Manner::Computer,
    },
    Resident {
        name: "its virus scanner",
        habits: Habits::Scanner,
        password: ProgramPassword::Right,
        address: HOME,
        pace: WIRED,
        first: Duration::from_millis(20_300),
        every: Some(Duration::from_secs(300)),
        manner: Manner::Reader(Duration::from_millis(900)),
    },
    Resident {
        name: "mutt",
        habits: Habits::AndroidMail,
        password: ProgramPassword::Right,
        address: HOME,
        pace: WIRED,
        first: Duration::from_secs(12),
        every: Some(Duration::from_secs(15)),
        manner: Manner::Reader(Duration::ZERO),
    },
    Resident {
        name: "phone, shaky line",
        habits: Habits::AndroidMail,
        password: ProgramPassword::Right,
        address: UNDER_WAY,
        pace: SHAKY,
        first: Duration::from_secs(44),
        every: Some(Duration::from_secs(60)),
        manner: Manner::ShakyPhone,
    },
    Resident {
        name: "laptop, slow line",
        habits: Habits::Thunderbird,
        password: ProgramPassword::Right,
        address: HOME,
        pace: SLOW,
        first: Duration::ZERO,
        every: None,
        manner: Manner::Downloader,
    },
    Resident {
        name: "tablet, old password",
        habits: Habits::IosMail,
        password: ProgramPassword::Outdated,
        address: HOME,
        pace: MOBILE,
        first: Duration::from_secs(31),
        every: Some(Duration::from_secs(60)),
        manner: Manner::Phone,
    },
];

const fn pace(latency: u64, octets_per_second: u32) -> Pace {
    Pace {
        latency: Duration::from_millis(latency),
        octets_per_second,
    }
}

impl Resident {
    /// Whether it is the one whose download others wait behind.
    pub(super) fn is_downloader(&self) -> bool {
        self.manner == Manner::Downloader
    }

    /// Whether it is to have had each message in the end.
    pub(super) fn is_to_have_all(&self) -> bool {
        !self.is_downloader() && self.knows_password()
    }

    pub(super) fn knows_password(&self) -> bool {
        matches!(self.password, ProgramPassword::Right)
    }
}

impl Manner {
    /// What it does once it is logged in.
    pub(super) async fn play(
        self,
        visit: &mut MailSession<'_>,
        random: &mut Rng,
    ) -> Result<(), ClientError> {
        let letters = visit.look().await?;
        match self {
            Self::Phone => {
                fetch_new(visit, &letters).await?;
                visit.idle(Duration::from_secs(45)).await;
                Ok(())
            }
            Self::ShakyPhone => shaky(visit, &letters, random).await,
            Self::Computer => {
                fetch_new(visit, &letters).await?;
                delete_old(visit, &letters).await?;
                visit.quit().await
            }
            Self::Reader(busy) => {
                for letter in visit.unknown(&letters) {
                    visit.read_head(&letter).await?;
                }
                visit.idle(busy).await;
                visit.quit().await
            }
            Self::Downloader => {
                for letter in letters.iter().rev() {
                    if visit.octets(letter).await? > LARGE {
                        visit.download(letter).await?;
                    }
                }
                visit.quit().await
            }
        }
    }
}

async fn fetch_new(visit: &mut MailSession<'_>, letters: &[Letter]) -> Result<(), ClientError> {
    for letter in visit.unknown(letters) {
        if visit.octets(&letter).await? > LARGE {
            visit.read_head(&letter).await?;
        } else {
            visit.fetch(&letter).await?;
        }
    }
    Ok(())
}

async fn delete_old(visit: &mut MailSession<'_>, letters: &[Letter]) -> Result<(), ClientError> {
    if letters.len() <= LEFT_ON_SERVER {
        return Ok(());
    }
    for letter in &letters[..LEFT_ON_SERVER / 4] {
        visit.delete(letter).await?;
    }
    Ok(())
}

/// One of three messages breaks off in the middle, and one of six other sessions behind its
/// listing.
async fn shaky(
    visit: &mut MailSession<'_>,
    letters: &[Letter],
    random: &mut Rng,
) -> Result<(), ClientError> {
    for letter in visit.unknown(letters) {
        let octets = visit.octets(&letter).await?;
        if octets > LARGE {
            visit.read_head(&letter).await?;
        } else if random.u8(..3) == 0 {
            visit.fetch_half(&letter, octets).await?;
            visit.lose_line();
            return Ok(());
        } else {
            visit.fetch(&letter).await?;
        }
    }
    if random.u8(..6) == 0 {
        visit.lose_line();
        return Ok(());
    }
    visit.quit().await
}
