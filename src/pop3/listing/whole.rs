//! All that one backend session said of its maildrop, kept small.

use super::{DropListing, MessageNumber, ScanListing, UniqueIdListing};
use crate::limits::{LISTED_MESSAGES_MAX, UNIQUE_ID_MAX};
use crate::pop3::line::PassingLines;
use crate::str_enum::str_enum;
use std::collections::HashMap;
use std::ops::Range;

/// The numbers, sizes and unique-ids of all messages of a maildrop, and what STAT said of it:
/// numbers from 1 without a gap, and no id twice.
#[derive(Debug, PartialEq, Eq)]
pub struct MaildropListing {
    octets: u64,
    rows: Box<[ListedMessage]>,
    unique_ids: Box<[u8]>,
}

/// A message. Of 10,000 messages these are 80 KB, the ids not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ListedMessage {
    octets: u32,
    /// Where its unique-id ends among all of them.
    id_end: u32,
}

str_enum! {
    /// Why replies to STAT, LIST and UIDL are not the whole listing of a maildrop.
    NotWhole {
        /// A reply is missing, was an error, or had no end.
        Unfinished = "unfinished",
        /// STAT, LIST and UIDL tell of different numbers of messages.
        CountsDiffer = "counts_differ",
        /// Numbers do not go from 1 without a gap.
        Gap = "gap",
        /// A line is no listing.
        Malformed = "malformed",
        /// A unique-id is not 1 to 70 octets of 0x21 to 0x7E (RFC 1939 section 7).
        UniqueId = "unique_id",
        /// Two messages have one unique-id.
        Repeated = "repeated",
        /// There are more messages than are kept, or one is larger than 4 GiB.
        TooLarge = "too_large",
    }
}

/// What became of a maildrop between two listings of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingChange {
    /// Nothing.
    Same,
    /// Messages came, behind the others.
    NewOnly,
    /// Messages are gone.
    Missing,
    /// The size of a message is another.
    Resized,
    /// Messages stand in another order, or new ones among old ones.
    Renumbered,
    /// The messages stand as they did, and each has another unique-id.
    Changed,
}

impl MaildropListing {
    /// Puts together what was read. Without a reply to STAT the sizes of LIST are added up.
    ///
    /// # Errors
    /// It is not whole.
    pub fn new(
        stat: Option<DropListing>,
        scan: ScanReader,
        ids: UniqueIdReader,
    ) -> Result<Self, NotWhole> {
        let sizes = scan.body.finish()?;
        let ends = ids.body.finish()?;
        let messages = stat.map_or(sizes.len() as u64, |stat| stat.messages);
        if sizes.len() != ends.len() || messages != sizes.len() as u64 {
            return Err(NotWhole::CountsDiffer);
        }
        let all_sizes = || sizes.iter().copied().map(u64::from).sum();
        let rows = sizes.iter().zip(&ends);
        let listing = Self {
            octets: stat.map_or_else(all_sizes, |stat| stat.octets),
            rows: rows
                .map(|(&octets, &id_end)| ListedMessage { octets, id_end })
                .collect(),
            unique_ids: ids.octets.into_boxed_slice(),
        };
        if listing.by_id().len() < listing.messages() {
            return Err(NotWhole::Repeated);
        }
        Ok(listing)
    }

    /// How many messages there are.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.rows.len()
    }

    /// What STAT said of their size.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// The size of a message; `None`: there is none of that number.
    #[must_use]
    pub fn size(&self, number: MessageNumber) -> Option<u32> {
        self.rows.get(number.index()).map(|row| row.octets)
    }

    /// The unique-id of a message; `None`: there is none of that number.
    #[must_use]
    pub fn unique_id(&self, number: MessageNumber) -> Option<&[u8]> {
        let index = number.index();
        let end = self.rows.get(index)?.id_end as usize;
        let start = index
            .checked_sub(1)
            .map_or(0, |before| self.rows[before].id_end as usize);
        Some(&self.unique_ids[start..end])
    }

    /// Number, size and unique-id of each message.
    pub fn messages_listed(&self) -> impl Iterator<Item = (MessageNumber, u32, &[u8])> {
        self.messages_at(0..self.messages())
    }

    /// The same of the messages at these places, counted from 0.
    pub fn messages_at(
        &self,
        places: Range<usize>,
    ) -> impl Iterator<Item = (MessageNumber, u32, &[u8])> {
        places.filter_map(|index| {
            let number = MessageNumber::from_index(index)?;
            Some((number, self.size(number)?, self.unique_id(number)?))
        })
    }

    /// Octets of memory that it takes.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.rows) + self.unique_ids.len()
    }

    /// Whether one of its messages is in the other listing too.
    #[must_use]
    pub fn shares_a_message_with(&self, other: &Self) -> bool {
        let places = other.by_id();
        self.messages_listed()
            .any(|(_, _, id)| places.contains_key(id))
    }

    /// The unique-ids that the other listing does not have.
    #[must_use]
    pub fn missing_in(&self, other: &Self) -> Vec<&[u8]> {
        if self.begins(other) {
            return Vec::new();
        }
        let places = other.by_id();
        let ids = self.messages_listed().map(|(_, _, id)| id);
        ids.filter(|id| !places.contains_key(id)).collect()
    }

    /// Whether its unique-ids are the numbers of the messages: after a deletion they would name
    /// others.
    #[must_use]
    pub fn ids_are_numbers(&self) -> bool {
        self.messages() > 0
            && self
                .messages_listed()
                .all(|(number, _, id)| MessageNumber::parse(id) == Some(number))
    }

    /// What became of the maildrop from this listing to a newer one. Of several changes the one
    /// that says most against the server: renumbered, then resized, then missing.
    ///
    /// Where no id is left, either all messages were deleted, or the server has given them new
    /// ids. They are taken for the same ones where there are as many as before at least, and each
    /// number that was there has its old size. After deletions that takes as much new mail, of the
    /// same sizes in the same order: with one message that can happen by chance, with more it
    /// hardly does.
    #[must_use]
    pub fn change_to(&self, newer: &Self) -> ListingChange {
        if self.begins(newer) {
            return match self.messages() == newer.messages() {
                true => ListingChange::Same,
                false => ListingChange::NewOnly,
            };
        }
        let places = newer.by_id();
        let mut change = ListingChange::NewOnly;
        let mut place_before = None;
        let mut left = 0;
        for (_, octets, id) in self.messages_listed() {
            let Some(&place) = places.get(id) else {
                continue;
            };
            left += 1;
            if place_before.is_some_and(|before| before > place) {
                return ListingChange::Renumbered;
            }
            place_before = Some(place);
            if newer.rows[place].octets != octets {
                change = ListingChange::Resized;
            }
        }
        // Those that are left stand first, and new ones behind them.
        if place_before.is_some_and(|last| last + 1 != left) {
            return ListingChange::Renumbered;
        }
        match change {
            ListingChange::NewOnly if left == 0 && self.sizes_begin(newer) => {
                ListingChange::Changed
            }
            ListingChange::NewOnly => ListingChange::Missing,
            other => other,
        }
    }

    /// Whether the first messages of the newer one have the sizes of its own.
    fn sizes_begin(&self, newer: &Self) -> bool {
        let mut pairs = self.rows.iter().zip(&*newer.rows);
        self.messages() <= newer.messages() && pairs.all(|(old, new)| old.octets == new.octets)
    }

    /// Whether the newer one has all its messages as its first ones.
    fn begins(&self, newer: &Self) -> bool {
        newer.rows.starts_with(&self.rows) && newer.unique_ids.starts_with(&self.unique_ids)
    }

    /// The places of the messages, from 0, by unique-id.
    fn by_id(&self) -> HashMap<&[u8], usize> {
        self.messages_listed()
            .map(|(number, _, id)| (id, number.index()))
            .collect()
    }
}

/// Reads the body of a LIST reply in any pieces, the line with the dot included.
#[derive(Debug, Default)]
pub struct ScanReader {
    body: ListingColumn,
}

/// Reads the body of a UIDL reply in any pieces, the line with the dot included.
#[derive(Debug, Default)]
pub struct UniqueIdReader {
    body: ListingColumn,
    octets: Vec<u8>,
}

impl ScanReader {
    /// Reads a piece.
    pub fn read(&mut self, piece: &[u8]) {
        self.body.read(piece, |line| {
            let listing = ScanListing::parse(line).map_err(|_| NotWhole::Malformed)?;
            let octets = u32::try_from(listing.octets).map_err(|_| NotWhole::TooLarge)?;
            Ok((listing.number, octets))
        });
    }

    /// Octets of memory that it takes besides itself.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.body.footprint()
    }
}

impl UniqueIdReader {
    /// Reads a piece.
    pub fn read(&mut self, piece: &[u8]) {
        let octets = &mut self.octets;
        self.body.read(piece, |line| {
            let listing = UniqueIdListing::parse(line).map_err(|_| NotWhole::Malformed)?;
            let id = listing.unique_id;
            if id.len() > UNIQUE_ID_MAX || !id.iter().all(u8::is_ascii_graphic) {
                return Err(NotWhole::UniqueId);
            }
            octets.extend_from_slice(id);
            // At most LISTED_MESSAGES_MAX ids of UNIQUE_ID_MAX octets.
            let end = u32::try_from(octets.len()).map_err(|_| NotWhole::TooLarge)?;
            Ok((listing.number, end))
        });
        if self.body.fault.is_some() {
            self.octets = Vec::new();
        } else if self.body.has_ended {
            self.octets.shrink_to_fit();
        }
    }

    /// Octets of memory that it takes besides itself.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.body.footprint() + self.octets.capacity()
    }
}

/// One value for each message, read line by line.
#[derive(Debug, Default)]
struct ListingColumn {
    lines: PassingLines,
    values: Vec<u32>,
    fault: Option<NotWhole>,
    has_ended: bool,
}

impl ListingColumn {
    fn footprint(&self) -> usize {
        self.values.capacity() * size_of::<u32>()
    }

    fn read(
        &mut self,
        piece: &[u8],
        mut parse: impl FnMut(&[u8]) -> Result<(MessageNumber, u32), NotWhole>,
    ) {
        let Self {
            lines,
            values,
            fault,
            has_ended,
        } = self;
        lines.read(piece, |line| {
            if fault.is_some() || *has_ended {
                return;
            }
            if line == b"." {
                *has_ended = true;
                return;
            }
            match parse(line) {
                Ok((number, _)) if number.index() != values.len() => *fault = Some(NotWhole::Gap),
                Ok(_) if values.len() == LISTED_MESSAGES_MAX => *fault = Some(NotWhole::TooLarge),
                Ok((_, value)) => values.push(value),
                Err(why) => *fault = Some(why),
            }
        });
        // It may be kept for a while, until the other column has come.
        if fault.is_some() {
            *values = Vec::new();
        } else if *has_ended {
            values.shrink_to_fit();
        }
    }

    fn finish(self) -> Result<Vec<u32>, NotWhole> {
        match self.fault {
            Some(fault) => Err(fault),
            None if !self.has_ended => Err(NotWhole::Unfinished),
            None => Ok(self.values),
        }
    }
}

#[cfg(test)]
mod tests;
