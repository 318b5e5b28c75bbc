//! The series of a tenant whose listings are compared.

use super::families::Families;
use super::of_tenant::children;
use crate::observe::event::SharingEvent;
use crate::policy::sharing::{ShadowResult, Unshareable};
use crate::pop3::listing::NotWhole;
use prometheus::IntCounter;

/// Each in the order of its enum's `ALL`.
pub(super) struct OfSharing {
    shadow: Vec<IntCounter>,
    lost: IntCounter,
    no_room: IntCounter,
    not_whole: Vec<IntCounter>,
    unshareable: Vec<IntCounter>,
}

impl OfSharing {
    pub(super) fn new(families: &Families, tenant: &str) -> Self {
        Self {
            shadow: children(ShadowResult::ALL, |result| {
                let shadow = &families.sharing_shadow;
                shadow.with_label_values(&[tenant, result.as_str()])
            }),
            lost: families.sharing_lost.with_label_values(&[tenant]),
            no_room: families.sharing_no_room.with_label_values(&[tenant]),
            not_whole: children(NotWhole::ALL, |why| {
                let not_whole = &families.sharing_not_whole;
                not_whole.with_label_values(&[tenant, why.as_str()])
            }),
            unshareable: children(Unshareable::ALL, |why| {
                let unshareable = &families.sharing_unshareable;
                unshareable.with_label_values(&[tenant, why.as_str()])
            }),
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
        }
    }
}
