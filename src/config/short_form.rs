//! Tables of which one key may be written alone, in the table's place.

use super::value::{At, Parsed, Value};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// A table in whose place a word may stand, which is the value of one of its keys.
#[derive(Clone, Debug, Default)]
pub(super) struct WordOrTable<T>(pub(super) T);

/// What a word stands for.
pub(super) trait ShortForm {
    /// The value of the key.
    type Word: Value;
    /// What a person should write.
    const EXPECTED: &'static str;

    /// The table that says this alone.
    fn of_word(word: At<Self::Word>) -> Self;
}

impl<T> Deref for WordOrTable<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for WordOrTable<T> {
    fn from(table: T) -> Self {
        Self(table)
    }
}

impl<'de, T: ShortForm + Deserialize<'de>> Deserialize<'de> for WordOrTable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<Either<T>>::deserialize(deserializer)?;
        let span = spanned.span();
        match spanned.into_inner() {
            Either::Word(word) => At::placed(word, span).map(T::of_word).map(Self),
            Either::Table(table) => Ok(Self(table)),
        }
    }
}

enum Either<T: ShortForm> {
    Word(Parsed<T::Word>),
    Table(T),
}

impl<'de, T: ShortForm + Deserialize<'de>> Deserialize<'de> for Either<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherVisitor(PhantomData))
    }
}

struct EitherVisitor<T>(PhantomData<T>);

impl<'de, T: ShortForm + Deserialize<'de>> Visitor<'de> for EitherVisitor<T> {
    type Value = Either<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Either<T>, E> {
        Parsed::deserialize(text.into_deserializer()).map(Either::Word)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Either<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Either::Table)
    }
}
