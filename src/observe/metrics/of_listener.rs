//! The series of one listener.

use super::families::Families;
use super::of_tenant::children;
use crate::observe::event::Shed;
use prometheus::IntCounter;

/// The series of one listener, looked up once, in the order of [`Shed::ALL`].
pub(super) struct OfListener {
    pub(super) shed: Vec<IntCounter>,
}

impl OfListener {
    pub(super) fn new(families: &Families, name: &str) -> Self {
        Self {
            shed: children(Shed::ALL, |why| {
                let shed = &families.connections_shed;
                shed.with_label_values(&[name, why.as_str()])
            }),
        }
    }
}
