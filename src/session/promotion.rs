//! From a listing to the maildrop: a session whose client wants a message gets the lock, logs in at
//! the backend, and goes on if the maildrop has all that its client was shown.

use super::client::Client;
use super::list::{ListError, list};
use super::login::{self, Outcome};
use super::lookout::Seeks;
use super::queue::{self, WaitFailed};
use super::record::Record;
use super::sharing::{Compares, Sharing};
use super::view::Viewing;
use super::{Admitted, LoggedIn};
use crate::dialect::Class;
use crate::gate::{BackendConnection, Context, Phase, SessionHandle, Stage};
use crate::lock::LockGuard;
use crate::observe::event::{EndCause, Event, SharingEvent};
use crate::policy::attempt::LoginAttempt;
use crate::policy::sharing::{PromotionOutcome, ShadowResult, StandsOn, Unshareable};
use crate::pop3::exchange::{Quit, ShownMaildrop};
use crate::pop3::listing::MaildropListing;
use crate::pop3::view::Needs;
use crate::time::Instant;
use std::sync::Arc;

/// Why it does not go on in the maildrop.
enum Failed {
    /// The connection is closed without an answer.
    Not(PromotionOutcome, Box<Client>),
    /// The session ends by itself.
    Ended(EndCause),
}

impl Failed {
    fn not(why: PromotionOutcome, client: Client) -> Self {
        Self::Not(why, Box::new(client))
    }
}

/// Goes on in the maildrop. What its client has sent behind the command that needs it is still in
/// the connection's input; where a QUIT is among that, or comes while it waits, nothing but the end
/// of the gate stops it.
pub(super) async fn promote(
    cx: &Context,
    record: &mut Record,
    viewing: Viewing,
    needs: Needs,
) -> Result<Box<LoggedIn>, EndCause> {
    let began = Instant::now();
    record.enter(Phase::Waiting);
    let session = record.handle();
    let tenant = viewing.login.attempt.tenant().clone();
    let promoted = tokio::select! {
        // What its client has sent comes before a stop: a QUIT among it forbids to cut the session.
        biased;
        kicked = session.kicked() => Err(Failed::Ended(kicked)),
        promoted = Box::pin(go_on(cx, record, viewing, needs)) => promoted,
        () = stopped(cx, &session) => Err(Failed::Ended(EndCause::Shutdown)),
    };
    cx.events.emit(Event::Sharing(SharingEvent::Promoted {
        tenant,
        outcome: outcome(&promoted),
        took: began.elapsed(),
    }));
    let failed = match promoted {
        Ok(session) => {
            record.promoted();
            return Ok(session);
        }
        Err(failed) => failed,
    };
    record.enter(Phase::Closing);
    Err(match failed {
        Failed::Not(why, client) => {
            Box::pin(client.farewell(b"")).await;
            EndCause::NotPromoted { why }
        }
        // Nobody waits in front of a session that is logged in.
        Failed::Ended(EndCause::LeftWaiting) => EndCause::LeftInReply,
        Failed::Ended(cause) => cause,
    })
}

/// Returns when a stop ends it.
async fn stopped(cx: &Context, session: &SessionHandle) {
    cx.stage_reached(Stage::Closing).await;
    if session.has_sent_quit() {
        cx.stage_reached(Stage::Closed).await;
    }
}

fn outcome(promoted: &Result<Box<LoggedIn>, Failed>) -> PromotionOutcome {
    match promoted {
        Ok(_) => PromotionOutcome::Promoted,
        Err(Failed::Not(why, _)) => *why,
        Err(Failed::Ended(EndCause::LeftWaiting)) => PromotionOutcome::ClientGone,
        Err(Failed::Ended(_)) => PromotionOutcome::Ended,
    }
}

async fn go_on(
    cx: &Context,
    record: &mut Record,
    viewing: Viewing,
    needs: Needs,
) -> Result<Box<LoggedIn>, Failed> {
    let Viewing {
        mut login,
        slots,
        stands_on,
        has_fetched,
        mut open,
        place,
        ..
    } = viewing;
    open.needs_a_login();
    login.apply_reload(record, cx.settings());
    // All waiting counts from the command that needs the maildrop.
    Arc::make_mut(&mut login.attempt).asked = Instant::now();
    let lock = match queue::acquire(cx, record, &mut login, Seeks::Maildrop).await {
        Ok(lock) => lock,
        Err(failed) => return Err(without_lock(failed, login.client)),
    };
    let admitted = enter(
        cx,
        record,
        Admitted {
            login: Box::new(login),
            lock,
            slots,
        },
    )
    .await?;
    let before = ShownBefore {
        stands_on,
        has_fetched,
        needs,
    };
    let promoted = before.compare(cx, record, admitted).await?;
    // Until here it counts as a view that is busy. So it waits for the maildrop, and is not let in
    // on a listing again.
    drop((open, place));
    Ok(promoted)
}

/// None of it says anything against the server.
fn without_lock(failed: WaitFailed, client: Client) -> Failed {
    let why = match failed {
        WaitFailed::Ended(cause) => return Failed::Ended(cause),
        WaitFailed::PasswordRefused(_) => PromotionOutcome::PasswordRefused,
        WaitFailed::Spent | WaitFailed::QueueFull | WaitFailed::Listed(_) => {
            PromotionOutcome::WaitSpent
        }
        WaitFailed::Paused => PromotionOutcome::Paused,
        WaitFailed::EngineAway => PromotionOutcome::EngineAway,
    };
    Failed::not(why, client)
}

/// Logs in at the backend.
async fn enter(
    cx: &Context,
    record: &mut Record,
    mut admitted: Admitted,
) -> Result<Admitted, Failed> {
    let outcome = login::outcome(cx, record, &mut admitted).await;
    let why = match outcome.map_err(Failed::Ended)? {
        Outcome::Accepted(_) => {
            let attempt = &admitted.login.attempt;
            login::accepted(cx, attempt, &mut admitted.lock);
            let listings = &cx.admission.local.listings;
            listings.tells_nothing(&attempt.key, attempt.tag);
            return Ok(admitted);
        }
        Outcome::Refused {
            class: Class::Auth,
            line,
        } => {
            // It is nobody's guess: the backend had accepted this password.
            cx.admission
                .refused(&admitted.login.attempt, Instant::now());
            admitted.lock.refused(Some(&line));
            PromotionOutcome::PasswordRefused
        }
        Outcome::Refused {
            class: Class::Temp, ..
        } => PromotionOutcome::Unreachable,
        Outcome::Refused { .. } => PromotionOutcome::LoginRefused,
        Outcome::RefusedWithoutWords(_) => {
            let attempt = &admitted.login.attempt;
            cx.admission.refused_without_words(attempt, Instant::now());
            admitted.lock.refused(None);
            PromotionOutcome::PasswordRefused
        }
        Outcome::Locked(EndCause::Paused) => PromotionOutcome::Paused,
        Outcome::Locked(EndCause::EngineAway) => PromotionOutcome::EngineAway,
        Outcome::Locked(_) => PromotionOutcome::WaitSpent,
        Outcome::Unreachable(_) => PromotionOutcome::Unreachable,
    };
    record.lock_given();
    forbid(cx, &admitted.login.attempt, why);
    Err(Failed::not(why, admitted.login.client))
}

/// What its client was shown before, and what it wants now.
struct ShownBefore {
    stands_on: StandsOn,
    has_fetched: bool,
    needs: Needs,
}

impl ShownBefore {
    /// Goes on if the maildrop has all that was shown.
    async fn compare(
        self,
        cx: &Context,
        record: &mut Record,
        admitted: Admitted,
    ) -> Result<Box<LoggedIn>, Failed> {
        let Admitted {
            mut login,
            mut lock,
            slots,
        } = admitted;
        let contended = lock.contended();
        let listing = tokio::select! {
            biased;
            () = login.client.left_for_good(contended) => {
                record.lock_given();
                return Err(Failed::Ended(EndCause::LeftWaiting));
            }
            listing = listing(&mut lock) => listing,
        };
        let compares = Compares {
            cx,
            attempt: &login.attempt,
        };
        let sharing = Sharing::at(&compares, login.proof, login.settings, &mut lock);
        let judged = match (listing, sharing) {
            (Ok(listing), Some(sharing)) => self.judge(&compares, &listing, sharing),
            (Err(ListError::NotWhole(_)), _) => {
                forbid(cx, &login.attempt, PromotionOutcome::ListingChanged);
                Err(PromotionOutcome::ListingChanged)
            }
            _ => Err(PromotionOutcome::Unreachable),
        };
        let sharing = match judged {
            Ok(sharing) => sharing,
            Err(why) => {
                record.lock_given();
                return Err(Failed::not(why, login.client));
            }
        };
        Ok(Box::new(LoggedIn {
            client: login.client,
            attempt: login.attempt,
            lock,
            slots,
            welcome: None,
            sharing: Some(sharing),
        }))
    }

    /// Whether it goes on from this listing of the maildrop.
    fn judge(
        self,
        compares: &Compares<'_>,
        listing: &Arc<MaildropListing>,
        mut sharing: Box<Sharing>,
    ) -> Result<Box<Sharing>, PromotionOutcome> {
        let shown = self.stands_on.listing;
        let is_explained = compares.explains(&shown, listing);
        sharing.compare(compares, Arc::clone(listing));
        let change = ShadowResult::from(shown.change_to(listing));
        let is_all = change == ShadowResult::Same;
        let goes_on = match self.needs {
            Needs::AllMessages => change.keeps_all(),
            Needs::SameListing => is_all,
        };
        if !goes_on || *sharing.backend() != self.stands_on.backend {
            let why = match change {
                ShadowResult::Missing if is_explained => PromotionOutcome::Deleted,
                _ => PromotionOutcome::ListingChanged,
            };
            forbid(compares.cx, compares.attempt, why);
            sharing.leaves(compares, Quit::None);
            return Err(why);
        }
        let listing = shown;
        sharing.stood_on(ShownMaildrop { listing, is_all }, self.has_fetched);
        Ok(sharing)
    }
}

/// The maildrop's listing.
async fn listing(
    lock: &mut LockGuard<BackendConnection>,
) -> Result<Arc<MaildropListing>, ListError> {
    let Some(connection) = lock.connection() else {
        return Err(ListError::TooLate);
    };
    list(connection).await.map(Arc::new)
}

fn forbid(cx: &Context, attempt: &LoginAttempt, why: PromotionOutcome) {
    if why.forbids_sharing() {
        Compares { cx, attempt }.forbid([Unshareable::NotPromoted]);
    }
}
