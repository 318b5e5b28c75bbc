//! What went wrong at a client's end: counted, and judged by the block list. What a proven login
//! does never blocks, and of a trusted network nothing counts.

use super::Identified;
use super::admit::Who;
use super::client::Peer;
use super::context::Context;
use super::record::Record;
use crate::ids::MaildropKey;
use crate::limits::PATIENCE_MIN;
use crate::observe::event::{End, Event, OffenceKind};
use crate::policy::block::{BlockQuery, Offence};
use crate::policy::tenant::LoginPolicy;

/// A login that met a limit.
pub(super) fn of_limit(cx: &Context, record: &Record, login: &Identified, who: &Who) {
    let scene = Scene {
        cx,
        record,
        tenant: &login.tenant,
        peer: &login.client.peer,
    };
    scene.tell(OffenceKind::MetLimit, who.proven);
    if !who.proven {
        scene.count(Some(&who.key), Offence::MetLimit);
    }
}

/// A wrong password; one that the backend accepted lately is stale, or the server's fault.
pub(super) fn of_guess(cx: &Context, record: &Record, login: &Identified, who: &Who) {
    let scene = Scene {
        cx,
        record,
        tenant: &login.tenant,
        peer: &login.client.peer,
    };
    scene.tell(OffenceKind::Guess, who.accepted_lately);
    if !who.accepted_lately {
        scene.count(Some(&who.key), Offence::Guess { tag: who.password });
    }
}

/// How a session ended. That it ended before it gave a password is counted, and leads to nothing:
/// health checks connect, read the greeting and close. What it said may be abuse, until a login of
/// its was refused.
pub(super) fn of_end(cx: &Context, record: &Record, peer: &Peer, end: End) {
    give_back_try(cx, record, peer, end);
    let (kind, fault) = match end {
        // Each of its passwords was judged by itself.
        End::ClientViolation if record.is_excused() => return,
        End::ClientViolation => (OffenceKind::Abuse, Some(Offence::Abuse)),
        End::LeftBeforeLogin => (OffenceKind::LeftBeforeLogin, None),
        // It waited as long as any mail program does: that is the backend's fault, or the holder's.
        End::LeftWaiting if record.waited_since_pass() >= PATIENCE_MIN => {
            (OffenceKind::AbandonedWait, None)
        }
        End::LeftWaiting => (OffenceKind::AbandonedWait, Some(Offence::AbandonedWait)),
        // After a login, whose password was right.
        End::Left => (OffenceKind::LostLine, None),
        _ => return,
    };
    let proven = record.is_proven() || end == End::Left;
    let settings = cx.settings();
    let of_listener = settings.tenants.of_listener(None, &peer.listener);
    let tenant = record.tenant().unwrap_or(of_listener);
    let scene = Scene {
        cx,
        record,
        tenant,
        peer,
    };
    scene.tell(kind, proven);
    if let Some(fault) = fault.filter(|_| !proven) {
        let maildrop = record.knock().map(|(maildrop, _)| maildrop);
        scene.count(maildrop, fault);
    }
}

/// A login that was the real try under a block, and ended before it came to a backend, leaves the
/// try to another. Once a backend may have heard the password it is spent: else whoever leaves
/// before the answer could try as many as he likes.
fn give_back_try(cx: &Context, record: &Record, peer: &Peer, end: End) {
    let is_open = matches!(end, End::LeftWaiting | End::BackendUnreachable);
    let Some((maildrop, password)) = record.knock().filter(|_| is_open) else {
        return;
    };
    if record.summary.backend.is_none() {
        let knock = BlockQuery {
            maildrop,
            address: peer.prefix(),
            password,
        };
        cx.admission.blocks.return_trial(knock, cx.moment().wall);
    }
}

struct Scene<'a> {
    cx: &'a Context,
    record: &'a Record,
    tenant: &'a LoginPolicy,
    peer: &'a Peer,
}

impl Scene<'_> {
    fn tell(&self, fault: OffenceKind, proven: bool) {
        self.cx.events.emit(Event::Faulted {
            session: self.record.session(),
            tenant: self.tenant.name.clone(),
            fault,
            proven,
        });
    }

    fn count(&self, maildrop: Option<&MaildropKey>, fault: Offence) {
        if self.peer.trusted {
            return;
        }
        let (rules, now) = (&self.tenant.rules.blocks, self.cx.moment().wall);
        let (address, tenant) = (self.peer.prefix(), &self.tenant.name);
        let blocks = &self.cx.admission.blocks;
        let changes = blocks.record(maildrop, address, tenant, fault, rules, now);
        self.cx.tell_blocks(&changes);
    }
}
