//! A session without its maildrop: popgate answers from a listing that the same login was shown,
//! until its client wants a message.

use super::client::Client;
use super::promotion::promote;
use super::record::Record;
use super::{Entered, Identified, authorization};
use crate::admission::LoginSlots;
use crate::admission::views::{OpenView, ViewOwner};
use crate::gate::{Context, Phase, SessionHandle, Stage};
use crate::ids::TenantName;
use crate::limits::{CLIENT_WRITE_STALL, RELAY_TICK};
use crate::observe::event::{EndCause, Event, SharingEvent};
use crate::observe::hub::EventHub;
use crate::policy::sharing::{PromotionOutcome, StandsOn};
use crate::pop3::capability;
use crate::pop3::keyword::Keyword;
use crate::pop3::view::{Needs, View, ViewStep};
use crate::time::{Duration, Instant};
use std::sync::Arc;
use tokio::time::{timeout, timeout_at};

/// It stands on a listing of its maildrop, and holds no lock.
pub(super) struct Viewing {
    pub(super) login: Identified,
    /// Its slots among the connections.
    pub(super) slots: LoginSlots,
    pub(super) stands_on: StandsOn,
    /// It had fetched messages when it was sent back to its listing.
    pub(super) has_fetched: bool,
    pub(super) open: SeenView,
    pub(super) place: OpenView,
    /// What its client has not heard yet.
    welcome: &'static [u8],
}

/// That the view is open, until it is dropped.
pub(super) struct SeenView {
    events: Arc<EventHub>,
    tenant: TenantName,
    /// It was let in, and the backend has heard nothing of it.
    saves_a_login: bool,
}

impl SeenView {
    fn new(cx: &Context, login: &Identified, saves_a_login: bool) -> Self {
        Self {
            events: Arc::clone(&cx.events),
            tenant: login.attempt.tenant().clone(),
            saves_a_login,
        }
    }

    /// The backend hears of it.
    pub(super) fn needs_a_login(&mut self) {
        self.saves_a_login = false;
    }
}

impl Drop for SeenView {
    fn drop(&mut self) {
        self.events.emit(Event::Sharing(SharingEvent::ViewEnded {
            tenant: self.tenant.clone(),
            saved_a_login: self.saves_a_login,
        }));
    }
}

impl Viewing {
    /// A login that popgate lets in, with this answer.
    pub(super) fn let_in(
        cx: &Context,
        login: Identified,
        slots: LoginSlots,
        stands_on: StandsOn,
        welcome: &'static [u8],
    ) -> Self {
        let open = SeenView::new(cx, &login, true);
        Self {
            welcome,
            has_fetched: false,
            place: place(cx, &login, &stands_on),
            login,
            slots,
            stands_on,
            open,
        }
    }

    /// A holder that goes back to its listing.
    pub(super) fn demoted(
        cx: &Context,
        login: Identified,
        slots: LoginSlots,
        stands_on: StandsOn,
        has_fetched: bool,
    ) -> Self {
        let open = SeenView::new(cx, &login, false);
        Self {
            welcome: b"",
            has_fetched,
            place: place(cx, &login, &stands_on),
            login,
            slots,
            stands_on,
            open,
        }
    }
}

fn place(cx: &Context, login: &Identified, stands_on: &StandsOn) -> OpenView {
    let owner = ViewOwner {
        tag: login.attempt.tag,
        client: stands_on.client,
    };
    let views = &cx.admission.local.views;
    views.open(login.attempt.key.clone(), login.attempt.session, owner)
}

/// How a view ends.
enum ViewEnd {
    /// Its client wants a message, or what only the maildrop knows.
    Needs(Needs),
    /// QUIT, which is answered so.
    Quit(Vec<u8>),
    /// The session ends.
    End(EndCause),
}

/// Answers from the listing until the client wants a message, and goes on in the maildrop then.
pub(super) async fn view(
    cx: &Context,
    record: &mut Record,
    session: Box<Viewing>,
) -> Result<Entered, EndCause> {
    record.enter(Phase::Viewing);
    let mut viewing = *session;
    let (last_words, cause) = match serve(cx, record, &mut viewing).await {
        ViewEnd::Needs(needs) => {
            let promoted = Box::pin(promote(cx, record, viewing, needs)).await;
            return promoted.map(Entered::Maildrop);
        }
        ViewEnd::Quit(answer) => (answer, EndCause::QuitWithoutMaildrop),
        ViewEnd::End(cause) => (Vec::new(), cause),
    };
    record.enter(Phase::Closing);
    // Its client may take its time for the last words.
    drop((viewing.open, viewing.place, viewing.slots));
    Box::pin(viewing.login.client.farewell(&last_words)).await;
    Err(cause)
}

async fn serve(cx: &Context, record: &mut Record, viewing: &mut Viewing) -> ViewEnd {
    let session = record.handle();
    let client = &mut viewing.login.client;
    let offer = authorization::offer(cx, client, Some(&viewing.login.attempt.policy));
    let capa_reply = capability::client_reply(&cx.offered_inside(), offer);
    let listing = Arc::clone(&viewing.stands_on.listing);
    let input = std::mem::take(&mut client.conn.input);
    let view = View::new(listing, capa_reply.into(), session.trace(), input);
    let mut serving = Serving {
        client,
        session: &session,
        idle_timeout: viewing.login.attempt.policy.idle_timeout,
        quiet_until: Instant::now() + viewing.login.attempt.policy.idle_timeout,
        view,
        octets: 0,
        has_listed: false,
    };
    let end = tokio::select! {
        biased;
        kicked = session.kicked() => ViewEnd::End(kicked),
        () = viewing.place.ended() => ViewEnd::End(EndCause::NotPromoted {
            why: PromotionOutcome::PasswordRefused,
        }),
        () = cx.stage_reached(Stage::Draining) => ViewEnd::End(EndCause::Shutdown),
        end = serving.run(viewing.welcome) => end,
    };
    let listed = serving
        .has_listed
        .then(|| serving.view.listing().messages() as u64);
    record.viewed(serving.view.commands(), serving.octets, listed);
    // What it wants of the maildrop, and what it has sent behind that.
    serving.client.conn.input = serving.view.into_unanswered();
    viewing.welcome = b"";
    end
}

struct Serving<'a> {
    client: &'a mut Client,
    session: &'a SessionHandle,
    idle_timeout: Duration,
    /// When it has said nothing but NOOP for too long.
    quiet_until: Instant,
    view: View,
    octets: u64,
    /// Its client has asked how many messages there are.
    has_listed: bool,
}

impl Serving<'_> {
    async fn run(&mut self, welcome: &[u8]) -> ViewEnd {
        if let Err(cause) = self.say(welcome).await {
            return ViewEnd::End(cause);
        }
        loop {
            let step = self.view.step();
            self.show();
            let went_on = match step {
                ViewStep::Answer(answer) => self.say(&answer).await,
                ViewStep::Quit(answer) => return ViewEnd::Quit(answer),
                ViewStep::Needs(needs) => return ViewEnd::Needs(needs),
                ViewStep::Idle => self.hear().await,
            };
            if let Err(cause) = went_on {
                return ViewEnd::End(cause);
            }
        }
    }

    /// What others see of it.
    fn show(&mut self) {
        if let Some(keyword) = self.view.last_command() {
            self.has_listed |= matches!(keyword, Keyword::Stat | Keyword::List | Keyword::Uidl);
            self.session.commanded(keyword);
            self.session.traced(self.view.trace());
        }
    }

    async fn say(&mut self, octets: &[u8]) -> Result<(), EndCause> {
        if octets.is_empty() {
            return Ok(());
        }
        // It may take nothing for long, and is not at rest meanwhile.
        self.session.owes_octets(true, Instant::now());
        match timeout(CLIENT_WRITE_STALL, self.client.conn.write_all(octets)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(EndCause::LeftInReply),
            Err(_) => return Err(EndCause::Stalled),
        }
        self.octets += octets.len() as u64;
        let now = Instant::now();
        self.session.moved(now);
        if self.view.last_command() != Some(Keyword::Noop) {
            self.quiet_until = now + self.idle_timeout;
        }
        Ok(())
    }

    /// Returns also without a word of its client's, to look again whether that has everything.
    async fn hear(&mut self) -> Result<(), EndCause> {
        let conn = &mut self.client.conn;
        let now = Instant::now();
        let owes = conn.io().unacknowledged() > 0;
        self.session.owes_octets(owes, now);
        let until = match owes {
            true => self.quiet_until.min(now + RELAY_TICK),
            false => self.quiet_until,
        };
        match timeout_at(until, conn.fill()).await {
            Err(_) if until < self.quiet_until => Ok(()),
            Err(_) => Err(EndCause::IdleTimeout),
            Ok(Ok(0) | Err(_)) => Err(EndCause::Left),
            Ok(Ok(_)) => {
                self.view.push(&std::mem::take(&mut conn.input));
                self.session.moved(Instant::now());
                Ok(())
            }
        }
    }
}
