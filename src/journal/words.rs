//! Words that many rows have: a row has the number of each, and the table `word` says what it
//! means. To write and to sort a number costs half of what a text does.

use crate::limits::JOURNAL_WORDS_MAX;
use rusqlite::Connection;
use std::collections::HashMap;
use std::sync::Arc;

/// The words of a file, as far as they were read or written. None ever leaves, and a number never
/// changes its meaning.
#[derive(Debug, Default)]
pub(super) struct WordNumbers {
    by_number: HashMap<i64, Arc<str>>,
    by_word: HashMap<Arc<str>, i64>,
    last: i64,
}

impl WordNumbers {
    pub(super) fn read(database: &Connection) -> rusqlite::Result<Self> {
        let mut words = Self::default();
        words.update(database)?;
        Ok(words)
    }

    /// Reads those that others have added since.
    pub(super) fn update(&mut self, database: &Connection) -> rusqlite::Result<()> {
        let select = "SELECT id, word FROM word WHERE id > ?";
        let mut statement = database.prepare_cached(select)?;
        let mut rows = statement.query([self.last])?;
        while let Some(row) = rows.next()? {
            let word: String = row.get(1)?;
            self.take(row.get(0)?, word.into());
        }
        Ok(())
    }

    pub(super) fn word(&self, number: i64) -> Option<&str> {
        self.by_number.get(&number).map(|word| &**word)
    }

    pub(super) fn number(&self, word: &str) -> Option<i64> {
        self.by_word.get(word).copied()
    }

    /// The number of `word`, which is one of few: of an enum, or from the configuration.
    pub(super) fn number_or_add(
        &mut self,
        word: &str,
        database: &Connection,
    ) -> rusqlite::Result<i64> {
        if let Some(number) = self.number(word) {
            return Ok(number);
        }
        let number = self.last + 1;
        let mut statement = database.prepare_cached("INSERT INTO word VALUES (?, ?)")?;
        statement.execute((number, word))?;
        self.take(number, word.into());
        Ok(number)
    }

    /// Whether another one has room that a client can bring: they can bring any number.
    pub(super) fn has_room(&self) -> bool {
        self.by_word.len() < JOURNAL_WORDS_MAX
    }

    /// The last number that was given.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// Forgets what was added behind `last`: its transaction has failed.
    pub(super) fn forget_behind(&mut self, last: i64) {
        self.by_number.retain(|number, _| *number <= last);
        self.by_word.retain(|_, number| *number <= last);
        self.last = last;
    }

    fn take(&mut self, number: i64, word: Arc<str>) {
        self.by_number.insert(number, Arc::clone(&word));
        self.by_word.insert(word, number);
        self.last = self.last.max(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::schema;

    #[test]
    fn what_a_transaction_added_that_failed_is_added_again() {
        let mut database = Connection::open_in_memory().unwrap();
        let transaction = database.transaction().unwrap();
        schema::create(&transaction).unwrap();
        transaction.commit().unwrap();
        let mut words = WordNumbers::default();
        let transaction = database.transaction().unwrap();
        let quit = words.number_or_add("quit", &transaction).unwrap();
        transaction.commit().unwrap();

        let last = words.last();
        let transaction = database.transaction().unwrap();
        words.number_or_add("left", &transaction).unwrap();
        drop(transaction);
        words.forget_behind(last);
        assert_eq!(words.number("left"), None);

        let kicked = words.number_or_add("kicked", &database).unwrap();
        let left = words.number_or_add("left", &database).unwrap();
        let mut read = WordNumbers::read(&database).unwrap();
        let stands = [(quit, "quit"), (kicked, "kicked"), (left, "left")];
        for (number, word) in stands {
            assert_eq!(read.word(number), Some(word));
            assert_eq!(read.number(word), Some(number));
        }
        let paused = words.number_or_add("paused", &database).unwrap();
        read.update(&database).unwrap();
        assert_eq!(read.word(paused), Some("paused"));
    }
}
