//! What stands behind the `?` of a request, read into a struct by serde.
//!
//! Not by a crate for HTML forms: there `+` is a space, and many mail addresses have a plus sign.

use crate::limits::QUERY_PAIRS_MAX;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt;

/// Reads `query` as a `T`: a struct whose fields are the keys. A key that is there several times
/// is a list.
///
/// # Errors
/// A sentence: an escape is none, or the query is not what is asked for.
pub(super) fn parse<T: DeserializeOwned>(query: &str) -> Result<T, String> {
    let count = query.split('&').count();
    if count > QUERY_PAIRS_MAX {
        return Err(format!(
            "the query has {count} keys, and {QUERY_PAIRS_MAX} are the most"
        ));
    }
    let keyed = grouped(pairs(query)?)
        .into_iter()
        .map(|value| (value.key.clone(), value));
    T::deserialize(MapDeserializer::new(keyed)).map_err(|QueryError(why)| why)
}

/// The pairs of `query`, in order.
fn pairs(query: &str) -> Result<Vec<(String, String)>, String> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        })
        .collect()
}

fn grouped(pairs: Vec<(String, String)>) -> Vec<QueryValue> {
    let mut values: Vec<QueryValue> = Vec::new();
    for (key, text) in pairs {
        match values.iter_mut().find(|value| value.key == key) {
            Some(value) => value.texts.push(text),
            None => values.push(QueryValue {
                key,
                texts: vec![text],
            }),
        }
    }
    values
}

fn decode(text: &str) -> Result<String, String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            octets.push(first);
            continue;
        }
        let (octet, after) =
            escaped(rest).ok_or("a % in the query is not followed by two hexadecimal digits")?;
        octets.push(octet);
        rest = after;
    }
    String::from_utf8(octets).map_err(|_| "the query is not UTF-8".to_owned())
}

/// The octet that two digits at the beginning of `text` escape, and what follows them.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = text.split_at_checked(2)?;
    let octet = digit(digits[0])? << 4 | digit(digits[1])?;
    Some((octet, after))
}

fn digit(character: u8) -> Option<u8> {
    let digit = char::from(character).to_digit(16)?;
    u8::try_from(digit).ok()
}

/// What a key stands for: one text or several.
struct QueryValue {
    key: String,
    texts: Vec<String>,
}

impl QueryValue {
    fn one(mut self) -> Result<(String, String), QueryError> {
        match (self.texts.pop(), self.texts.is_empty()) {
            (Some(text), true) => Ok((self.key, text)),
            _ => Err(QueryError(format!("`{}` is there twice", self.key))),
        }
    }

    fn parsed<T: std::str::FromStr>(self, what: &str) -> Result<T, QueryError> {
        let (key, text) = self.one()?;
        text.parse()
            .map_err(|_| QueryError(format!("`{key}` must be {what}, and is `{text}`")))
    }
}

impl IntoDeserializer<'_, QueryError> for QueryValue {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for QueryValue {
    type Error = QueryError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        let (key, text) = self.one()?;
        visitor
            .visit_string(text)
            .map_err(|QueryError(why)| QueryError(format!("`{key}`: {why}")))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_bool(self.parsed("`true` or `false`")?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_u64(self.parsed("a whole number")?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_i64(self.parsed("a whole number")?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, QueryError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        let Self { key, texts } = self;
        let each = texts.into_iter().map(|text| Self {
            key: key.clone(),
            texts: vec![text],
        });
        visitor.visit_seq(SeqDeserializer::new(each))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Why a query is not what is asked for, in a sentence.
#[derive(Debug)]
struct QueryError(String);

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for QueryError {}

impl Error for QueryError {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self(why.to_string())
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let keys = expected.join("`, `");
        Self(format!(
            "the query has no key `{field}` here; there are `{keys}`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Asked {
        maildrop: Option<String>,
        id: Vec<u64>,
        contended: bool,
        limit: Option<usize>,
        east: Option<i64>,
        since: Option<jiff::Timestamp>,
    }

    fn asked(query: &str) -> Result<Asked, String> {
        parse(query)
    }

    #[test]
    fn pairs_are_decoded_and_a_plus_is_one() {
        let expected = Asked {
            maildrop: Some("ann+x@example.com".to_owned()),
            ..Asked::default()
        };
        assert_eq!(asked("maildrop=ann+x%40example.com&&"), Ok(expected));
        assert_eq!(asked(""), Ok(Asked::default()));
        let equal = asked("%6daildrop=%3d=%26").unwrap().maildrop;
        assert_eq!(equal.as_deref(), Some("==&"));
    }

    #[test]
    fn numbers_words_and_lists_are_read() {
        let expected = Asked {
            id: vec![7, 8],
            contended: true,
            limit: Some(5),
            east: Some(-330),
            since: Some(jiff::Timestamp::UNIX_EPOCH),
            maildrop: None,
        };
        let query = "id=7&contended=true&limit=5&id=8&east=-330&since=1970-01-01T00:00:00Z";
        assert_eq!(asked(query), Ok(expected));
    }

    #[test]
    fn more_pairs_than_anybody_needs_are_refused() {
        let most = vec!["id=7"; QUERY_PAIRS_MAX].join("&");
        assert_eq!(asked(&most).unwrap().id.len(), QUERY_PAIRS_MAX);
        let told = asked(&format!("{most}&id=8")).unwrap_err();
        assert!(told.contains("has 65 keys"), "{told}");
    }

    #[test]
    fn a_time_that_is_none_is_named_with_its_key() {
        let told = asked("since=yesterday").unwrap_err();
        assert!(told.starts_with("`since`: failed to parse"), "{told}");
    }

    #[test]
    fn what_is_no_escape_or_no_text_is_refused() {
        for wrong in ["%", "%4", "%4g", "%-1", "%+1", "%c3"] {
            assert!(asked(&format!("maildrop={wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_key_and_what_there_is() {
        for (query, told) in [
            (
                "colour=red",
                "the query has no key `colour` here; there are `maildrop`, `id`, `contended`, \
                 `limit`, `east`, `since`",
            ),
            ("maildrop=a&maildrop=b", "`maildrop` is there twice"),
            ("limit=-1", "`limit` must be a whole number, and is `-1`"),
            ("east=far", "`east` must be a whole number, and is `far`"),
            ("id=7&id=x", "`id` must be a whole number, and is `x`"),
            (
                "contended",
                "`contended` must be `true` or `false`, and is ``",
            ),
        ] {
            assert_eq!(asked(query).unwrap_err(), told, "{query}");
        }
    }
}
