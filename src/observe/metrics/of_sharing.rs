//! The series of a tenant whose listings are compared or shared.

use super::families::Families;
use super::of_tenant::children;
use crate::observe::event::SharingEvent;
use crate::policy::sharing::{KilledBy, LetInReason, PromotionOutcome, ShadowResult, Unshareable};
use crate::pop3::listing::NotWhole;
use prometheus::{IntCounter, IntGauge};

/// Each in the order of its enum's `ALL`.
pub(super) struct OfSharing {
    shadow: Vec<IntCounter>,
    lost: IntCounter,
    no_room: IntCounter,
    not_whole: Vec<IntCounter>,
    unshareable: Vec<IntCounter>,
    views: IntGauge,
    let_in: Vec<IntCounter>,
    promotions: Vec<IntCounter>,
    /// By whether it had fetched messages.
    demotions: [IntCounter; 2],
    killed: Vec<IntCounter>,
    logins_saved: IntCounter,
}

impl OfSharing {
    pub(super) fn new(families: &Families, tenant: &str) -> Self {
        Self {
            shadow: children(ShadowResult::ALL, |result| {
                let shadow = &families.sharing.shadow;
                shadow.with_label_values(&[tenant, result.as_str()])
            }),
            lost: families.sharing.lost.with_label_values(&[tenant]),
            no_room: families.sharing.no_room.with_label_values(&[tenant]),
            not_whole: children(NotWhole::ALL, |why| {
                let not_whole = &families.sharing.not_whole;
                not_whole.with_label_values(&[tenant, why.as_str()])
            }),
            unshareable: children(Unshareable::ALL, |why| {
                let unshareable = &families.sharing.unshareable;
                unshareable.with_label_values(&[tenant, why.as_str()])
            }),
            views: families.sharing.views.with_label_values(&[tenant]),
            let_in: children(LetInReason::ALL, |reason| {
                let let_in = &families.sharing.let_in;
                let_in.with_label_values(&[tenant, reason.as_str()])
            }),
            promotions: children(PromotionOutcome::ALL, |outcome| {
                let promotions = &families.sharing.promotions;
                promotions.with_label_values(&[tenant, outcome.as_str()])
            }),
            demotions: ["false", "true"].map(|fetched| {
                let demotions = &families.sharing.demotions;
                demotions.with_label_values(&[tenant, fetched])
            }),
            killed: children(KilledBy::ALL, |by| {
                let killed = &families.sharing.killed;
                killed.with_label_values(&[tenant, by.as_str()])
            }),
            logins_saved: families.sharing.logins_saved.with_label_values(&[tenant]),
        }
    }

    pub(super) fn count(&self, event: &SharingEvent) {
        match event {
            SharingEvent::Compared {
                result, fetched, ..
            } => {
                self.shadow[*result as usize].inc();
                if *fetched && !result.keeps_all() {
                    self.lost.inc();
                }
            }
            SharingEvent::NoRoom { .. } => self.no_room.inc(),
            SharingEvent::NotWhole { why, .. } => self.not_whole[*why as usize].inc(),
            SharingEvent::Unshareable { why, .. } => self.unshareable[*why as usize].inc(),
            SharingEvent::LetIn { reason, .. } => {
                self.let_in[*reason as usize].inc();
                self.views.inc();
            }
            SharingEvent::Demoted { fetched, .. } => {
                self.demotions[usize::from(*fetched)].inc();
                self.views.inc();
            }
            SharingEvent::ViewEnded { saved_a_login, .. } => {
                self.views.dec();
                self.logins_saved.inc_by(u64::from(*saved_a_login));
            }
            SharingEvent::Promoted { outcome, .. } => self.promotions[*outcome as usize].inc(),
            SharingEvent::Killed { by, listings, .. } => {
                self.killed[*by as usize].inc_by(*listings);
            }
            // Of a backend, and of no tenant.
            SharingEvent::Proven { .. } => {}
        }
    }
}
