//! A day of the household before one popgate: who does what when, and what came of it.

use super::diary::Diary;
use super::post::Post;
use super::residents::{Manner, RESIDENTS, Resident};
use super::result::{HouseholdDay, Lived};
use super::visit::{MailSession, VisitError};
use super::wiring::Street;
use crate::demo::server::{DemoOptions, DemoServer};
use crate::observe::event::{Event, SharingEvent};
use crate::observe::hub::{EventSink, Stamped};
use crate::policy::sharing::{LetInReason, PromotionOutcome};
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use fastrand::Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

/// The maildrop of all of them.
pub(super) const MAILBOX: &str = "ann@example.org";

/// The rules of popgate there: its own, besides sharing.
pub const DAY_RULES: &str = r#"
[[listen]]
name = "pop3"
address = "127.0.0.1:110"
tls = "off"

[[backend]]
name = "demo"
address = "127.0.0.1:2110"
shareable = true

[defaults]
cleartext = "always"
"#;

/// How long a login takes at the server.
pub(super) const BACKEND_LOGIN: Duration = Duration::from_millis(300);

/// Programs do not look to the millisecond: at most so much later than they should.
const JITTER: Duration = Duration::from_secs(2);

/// The laptop comes so long after its message.
const AFTER_DELIVERY: Duration = Duration::from_secs(20 * 60);

/// Which day.
#[derive(Clone, Copy, Debug)]
pub struct DayOptions {
    /// All draws follow from it.
    pub seed: u64,
    /// How long it is.
    pub length: Duration,
}

/// The server of the household: it locks at PASS.
#[must_use]
pub fn day_server(password: &Secret) -> Arc<DemoServer> {
    DemoServer::new(DemoOptions {
        users: vec![(MAILBOX.to_owned(), password.clone())],
        login_delay: BACKEND_LOGIN,
        // The slow line takes a message for minutes.
        idle_timeout: Duration::from_secs(3600),
        ..DemoOptions::default()
    })
}

/// What popgate tells of a day.
#[derive(Debug, Default)]
pub struct Watched {
    pub(super) let_in: [AtomicU64; LetInReason::ALL.len()],
    pub(super) promotions: [AtomicU64; PromotionOutcome::ALL.len()],
    pub(super) demoted: AtomicU64,
    pub(super) preempted: AtomicU64,
    pub(super) unshareable: AtomicU64,
}

impl EventSink for Watched {
    fn handle(&self, stamped: &Stamped) {
        let counter = match &stamped.event {
            Event::Preempted { .. } => &self.preempted,
            Event::Sharing(SharingEvent::LetIn { reason, .. }) => &self.let_in[*reason as usize],
            Event::Sharing(SharingEvent::Promoted { outcome, .. }) => {
                &self.promotions[*outcome as usize]
            }
            Event::Sharing(SharingEvent::Demoted { .. }) => &self.demoted,
            Event::Sharing(SharingEvent::Unshareable { .. }) => &self.unshareable,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// The household, and what it reaches.
pub struct Home {
    /// The way to popgate.
    pub street: Street,
    /// The server behind it.
    pub server: Arc<DemoServer>,
    /// What popgate tells.
    pub watched: Arc<Watched>,
    /// The right password.
    pub password: Secret,
}

impl Home {
    /// Lives through the day. Ends when each program has ended its last session.
    pub async fn live(self, options: DayOptions) -> HouseholdDay {
        let home = Arc::new(self);
        let post = Arc::new(Post::default());
        post.furnish(&home.server);
        let download = options.length / 2;
        let mut random = Rng::with_seed(options.seed);
        let draws = random.fork();
        let mut programs = JoinSet::new();
        for (place, resident) in RESIDENTS.iter().enumerate() {
            let home = Arc::clone(&home);
            let post = Arc::clone(&post);
            let random = random.fork();
            let living = async move { (place, resident.live(&home, &post, options, random).await) };
            programs.spawn(living);
        }
        let post_office = post.bring(&home.server, options.length, download, draws);
        let (mut diaries, ()) = tokio::join!(programs.join_all(), post_office);
        diaries.sort_by_key(|(place, _)| *place);
        Lived {
            home: &home,
            came: &post.came(),
            length: options.length,
            diaries: diaries.into_iter().map(|(_, diary)| diary).collect(),
        }
        .sum_up()
    }
}

impl Resident {
    async fn live(&self, home: &Home, post: &Post, options: DayOptions, mut random: Rng) -> Diary {
        let start = Instant::now();
        let mut diary = Diary::new();
        let first = match self.manner {
            Manner::Downloader => options.length / 2 + AFTER_DELIVERY,
            _ => self.first,
        };
        let mut next = first;
        while next < options.length {
            sleep_until(start + next).await;
            sleep(JITTER.mul_f64(random.f64())).await;
            match self.visit(home, post, &mut diary, &mut random).await {
                Ok(()) | Err(VisitError::IsToldSo) => {}
                Err(VisitError::ShownError(trouble)) => diary.trouble(trouble),
            }
            diary.ended();
            let Some(every) = self.every else {
                break;
            };
            // What it misses while it waits, it does not make up for.
            let times = start
                .elapsed()
                .saturating_sub(first)
                .div_duration_f64(every);
            next = first + every.mul_f64(times.floor() + 1.0);
        }
        diary
    }

    async fn visit(
        &self,
        home: &Home,
        post: &Post,
        diary: &mut Diary,
        random: &mut Rng,
    ) -> Result<(), VisitError> {
        let mut visit = MailSession::begin(&home.street, self, post, diary, &home.password).await?;
        self.manner.play(&mut visit, random).await?;
        visit.end();
        Ok(())
    }
}
