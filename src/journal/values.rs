//! How values stand in columns: words, counts, and times in microseconds.

use super::words::WordNumbers;
use crate::ids::BackendName;
use crate::time::Duration;
use jiff::Timestamp;
use rusqlite::types::{FromSql, Null, Type, Value};
use rusqlite::{Connection, Row, Statement, ToSql};
use std::borrow::Cow;
use std::error::Error;
use std::str::{self, FromStr};
use std::sync::Arc;

/// Binds the values of a row from left to right.
pub(super) struct RowBuilder<'a, 'db> {
    statement: &'a mut Statement<'db>,
    bound: usize,
    words: &'a mut WordNumbers,
    database: &'a Connection,
}

impl<'a, 'db> RowBuilder<'a, 'db> {
    /// `words`, which are added to, are those of `database`.
    pub(super) fn new(
        statement: &'a mut Statement<'db>,
        words: &'a mut WordNumbers,
        database: &'a Connection,
    ) -> Self {
        Self {
            statement,
            bound: 0,
            words,
            database,
        }
    }

    /// As [`text_or_blob`], without a copy.
    pub(super) fn name(&mut self, octets: &[u8]) -> rusqlite::Result<()> {
        match str::from_utf8(octets) {
            Ok(text) => self.put(text),
            Err(_) => self.put(octets),
        }
    }

    /// The number of a word of few.
    pub(super) fn word(&mut self, word: &str) -> rusqlite::Result<()> {
        let number = self.words.number_or_add(word, self.database)?;
        self.put(number)
    }

    pub(super) fn word_or_null(&mut self, word: Option<&str>) -> rusqlite::Result<()> {
        match word {
            Some(word) => self.word(word),
            None => self.put(Null),
        }
    }

    /// A text that many rows have, although a client can bring another: its number, as long as
    /// there is room for more of them.
    pub(super) fn repeated_text(&mut self, text: &str) -> rusqlite::Result<()> {
        if self.words.has_room() || self.words.number(text).is_some() {
            self.word(text)
        } else {
            self.put(text)
        }
    }

    pub(super) fn put(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.bound += 1;
        self.statement.raw_bind_parameter(self.bound, value)
    }

    pub(super) fn count(&mut self, count: u64) -> rusqlite::Result<()> {
        self.put(count.cast_signed())
    }

    pub(super) fn time(&mut self, time: Timestamp) -> rusqlite::Result<()> {
        self.put(time.as_microsecond())
    }

    pub(super) fn duration(&mut self, duration: Duration) -> rusqlite::Result<()> {
        self.put(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    }

    pub(super) fn insert(self) -> rusqlite::Result<()> {
        self.statement.raw_execute().map(drop)
    }
}

/// Reads the values of a row from left to right.
pub(super) struct Cells<'a> {
    row: &'a Row<'a>,
    next: usize,
    words: Option<&'a WordNumbers>,
}

impl<'a> Cells<'a> {
    pub(super) fn new(row: &'a Row<'a>) -> Self {
        Self {
            row,
            next: 0,
            words: None,
        }
    }

    /// Of a row that has numbers for `words`.
    pub(super) fn with_words(row: &'a Row<'a>, words: &'a WordNumbers) -> Self {
        Self {
            words: Some(words),
            ..Self::new(row)
        }
    }

    /// Whether the row has no more of them.
    pub(super) fn are_all_read(&self) -> bool {
        self.next >= self.row.as_ref().column_count()
    }

    pub(super) fn skip(&mut self) {
        self.next += 1;
    }

    pub(super) fn take<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        self.skip();
        self.row.get(self.next - 1)
    }

    pub(super) fn count(&mut self) -> rusqlite::Result<u64> {
        self.take::<i64>().map(i64::cast_unsigned)
    }

    /// A text, or the word whose number stands there.
    pub(super) fn text_or_none(&mut self) -> rusqlite::Result<Option<String>> {
        match self.take()? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            Value::Integer(number) => match self.words.and_then(|words| words.word(number)) {
                Some(word) => Ok(Some(word.to_owned())),
                None => Err(self.wrong(format!("there is no word {number}"))),
            },
            Value::Blob(_) | Value::Real(_) => Err(self.wrong("it is neither text nor a word")),
        }
    }

    pub(super) fn text(&mut self) -> rusqlite::Result<String> {
        self.text_or_none()?
            .ok_or_else(|| self.wrong("there is no text"))
    }

    pub(super) fn boxed_text(&mut self) -> rusqlite::Result<Option<Box<str>>> {
        Ok(self.text_or_none()?.map(String::into_boxed_str))
    }

    /// What [`text_or_blob`] wrote.
    pub(super) fn octets(&mut self) -> rusqlite::Result<Option<Vec<u8>>> {
        match self.take()? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text.into_bytes())),
            Value::Blob(octets) => Ok(Some(octets)),
            Value::Integer(_) | Value::Real(_) => Err(self.wrong("a number is no name")),
        }
    }

    pub(super) fn word<T>(&mut self, named: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
        let text = self.text()?;
        named(&text).ok_or_else(|| self.wrong(format!("`{text}` is no word of this column")))
    }

    pub(super) fn word_or_none<T>(
        &mut self,
        named: impl Fn(&str) -> Option<T>,
    ) -> rusqlite::Result<Option<T>> {
        let Some(text) = self.text_or_none()? else {
            return Ok(None);
        };
        let word = named(&text);
        word.map(Some)
            .ok_or_else(|| self.wrong(format!("`{text}` is no word of this column")))
    }

    pub(super) fn parse<T: FromStr<Err: Error + Send + Sync + 'static>>(
        &mut self,
    ) -> rusqlite::Result<T> {
        let text = self.text()?;
        text.parse().map_err(|why| self.wrong(why))
    }

    pub(super) fn time(&mut self) -> rusqlite::Result<Timestamp> {
        let microseconds = self.take()?;
        Timestamp::from_microsecond(microseconds).map_err(|why| self.wrong(why))
    }

    pub(super) fn time_or_none(&mut self) -> rusqlite::Result<Option<Timestamp>> {
        let Some(microseconds) = self.take()? else {
            return Ok(None);
        };
        let time = Timestamp::from_microsecond(microseconds);
        time.map(Some).map_err(|why| self.wrong(why))
    }

    pub(super) fn duration(&mut self) -> rusqlite::Result<Duration> {
        let microseconds: i64 = self.take()?;
        let microseconds = u64::try_from(microseconds).map_err(|why| self.wrong(why))?;
        Ok(Duration::from_micros(microseconds))
    }

    /// The value that was taken last is none that a popgate wrote.
    pub(super) fn wrong(&self, why: impl Into<Box<dyn Error + Send + Sync>>) -> rusqlite::Error {
        rusqlite::Error::FromSqlConversionFailure(self.next - 1, Type::Null, why.into())
    }
}

/// A name as text, so that somebody can ask for it with `sqlite3`; what is no UTF-8 as a blob.
pub(super) fn text_or_blob(octets: &[u8]) -> Value {
    match str::from_utf8(octets) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::Blob(octets.to_owned()),
    }
}

/// Names of backends as words; none has a space.
pub(super) fn names_of(backends: &[BackendName]) -> Cow<'_, str> {
    match backends {
        [one] => Cow::Borrowed(one.as_str()),
        several => {
            let names: Vec<_> = several.iter().map(BackendName::as_str).collect();
            Cow::Owned(names.join(" "))
        }
    }
}

/// The names that [`names_of`] wrote.
pub(super) fn backends_of(names: &str) -> Arc<[BackendName]> {
    names.split_whitespace().map(BackendName::new).collect()
}
