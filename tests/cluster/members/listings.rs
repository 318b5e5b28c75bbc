//! What is promised of listings: one that the engine vouches for is from the last session of all.

use super::gate::Turn;
use super::world::World;
use popgate::cluster::protocol::{LastTurnAnswer, LastTurnCall, MaildropId};
use popgate::lock::queue::Ticket;
use std::collections::BTreeMap;

/// A gate that has served by itself, or under another memory of the engine, has said so by the
/// second sign of life that it sent since.
const SAID_BY: u32 = 2;

/// A session that has begun.
struct Begun {
    slot: usize,
    ticket: Ticket,
    at: u64,
    /// The engine of now gave its turn.
    is_known: bool,
    /// Signs of life that its gate sent since and that the engine has heard.
    heard: u32,
}

#[derive(Default)]
pub(super) struct Listings {
    begun: BTreeMap<MaildropId, Vec<Begun>>,
    /// When signs of life were sent.
    sent: BTreeMap<(usize, u64), u64>,
}

impl Listings {
    pub(super) fn beats(&mut self, slot: usize, ping: u64, now: u64) {
        self.sent.insert((slot, ping), now);
    }

    pub(super) fn heard(&mut self, slot: usize, ping: u64) {
        let Some(sent) = self.sent.get(&(slot, ping)).copied() else {
            return;
        };
        let all = self.begun.values_mut().flatten();
        for begun in all.filter(|it| it.slot == slot && it.at < sent) {
            begun.heard += 1;
        }
    }

    /// The gate of another session that began later, and of which the engine must know.
    fn later(&self, maildrop: MaildropId, slot: usize, ticket: Ticket) -> Option<usize> {
        let begun = self.begun.get(&maildrop)?;
        let place = begun.iter().position(|it| it.ticket == ticket)?;
        let mut later = begun[place..].iter().filter(|it| it.slot != slot);
        let known = later.find(|it| it.is_known || it.heard >= SAID_BY);
        known.map(|it| it.slot)
    }
}

impl World {
    pub(super) fn begins_to_list(
        &mut self,
        slot: usize,
        ticket: Ticket,
        maildrop: MaildropId,
        turn: Turn,
    ) {
        let primary = self.servers.primary();
        let now = self.now;
        let place = &self.slots[slot];
        let is_there = place.conn.as_ref().is_some_and(|it| it.server == primary);
        let epoch = place.gate.as_ref().and_then(|gate| gate.epoch.clone());
        let is_of_now = epoch == self.servers.at(primary, now).epoch();
        let has_number = matches!(turn, Turn::Given(_, Some(_)));
        let begun = self.judge.listings.begun.entry(maildrop).or_default();
        begun.push(Begun {
            slot,
            ticket,
            at: now,
            is_known: is_there && is_of_now && has_number,
            heard: 0,
        });
    }

    /// As each gate would ask the engine now.
    pub(super) fn look_at_listings(&mut self) {
        let (primary, now) = (self.servers.primary(), self.now);
        for slot in 0..self.slots.len() {
            let place = &mut self.slots[slot];
            let is_there = place.conn.as_ref().is_some_and(|it| it.server == primary);
            let Some(gate) = place
                .gate
                .as_mut()
                .filter(|_| is_there && place.frozen.is_none())
            else {
                continue;
            };
            gate.clock.set(now);
            let Some(epoch) = gate.epoch.clone() else {
                continue;
            };
            let (id, shown) = (gate.id, gate.shown());
            for (maildrop, shown) in shown {
                let epoch = epoch.clone();
                let call = LastTurnCall { maildrop, epoch };
                let answer = self.servers.at(primary, now).last_turn(&call, id);
                if answer != LastTurnAnswer::Last(shown.number) {
                    continue;
                }
                self.judge.count("listings");
                let later = self.judge.listings.later(maildrop, slot, shown.ticket);
                self.judge.check(now, later.is_none(), || {
                    format!(
                        "gate {slot} may show what {:?} was shown in {}, and gate {later:?} was there",
                        shown.ticket, maildrop.0[0]
                    )
                });
            }
        }
    }
}
