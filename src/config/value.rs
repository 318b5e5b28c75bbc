//! Single values and tables of the file: each parses itself, and knows where it stands.

use crate::time::Duration;
use jiff::{SignedDuration, SpanRelativeTo};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};
use serde_json::Value as Json;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Range};

/// A value that is shown as the file would say it.
pub(super) trait Shown {
    fn shown(&self) -> Json;
}

/// A value for which a range can be declared.
pub(super) trait Bounded {
    /// What the range has at its ends.
    type Bound: PartialOrd + Shown;

    /// What has to be within the range; `None` of a word that is always allowed.
    fn bound(&self) -> Option<Self::Bound>;
}

/// A value and the bytes of the file where it is written.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    /// [`NOWHERE`] where the value is a stand-in, or was refused.
    pub(super) span: Range<usize>,
}

/// Where nothing of a file can stand: here and behind it stand-ins have their places. A mistake is
/// told once; what else is wrong with a value that stands here only follows from that.
pub(super) const NOWHERE: usize = usize::MAX / 2;

/// Whether something is refused already, so that nothing follows from it.
pub(super) fn is_nowhere(span: &Range<usize>) -> bool {
    span.start >= NOWHERE
}

/// Stands in the tree for a value that was refused. A person cannot write it at such a place.
pub(super) const STAND_IN: &str = "\0";

impl<T> At<T> {
    /// Whether the value was refused: checks of how it fits others must leave it out.
    pub(super) fn is_refused(&self) -> bool {
        is_nowhere(&self.span)
    }

    /// After its refusal.
    pub(super) fn refuse(&mut self) {
        self.span = NOWHERE..NOWHERE;
    }
}

/// Whether a value is written, and was refused.
pub(super) fn is_refused<T>(at: &Option<At<T>>) -> bool {
    at.as_ref().is_some_and(At::is_refused)
}

impl<'de, T: Value> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<Parsed<T>>::deserialize(deserializer)?;
        let span = spanned.span();
        Self::placed(spanned.into_inner(), span)
    }
}

impl<T: Value> At<T> {
    /// A stand-in is one only where nothing of a file can stand.
    pub(super) fn placed<E: Error>(parsed: Parsed<T>, span: Range<usize>) -> Result<Self, E> {
        let value = match parsed {
            Parsed::Value(value) => value,
            Parsed::StandIn if is_nowhere(&span) => T::stand_in(),
            Parsed::StandIn => return Err(E::custom(control_character('\0'))),
        };
        Ok(Self { value, span })
    }
}

/// What can stand behind `=`. A refusal is a sentence; a line behind it says what to write
/// instead, where [`Value::EXPECTED`] does not say it well enough.
pub(super) trait Value: Sized {
    /// What a person should write.
    const EXPECTED: &'static str;

    /// Any value: it takes the place of a refused one while the rest of the file is checked, and
    /// is never used.
    fn stand_in() -> Self;

    /// From a string.
    fn from_text(text: &str) -> Result<Self, String> {
        Err(format!("wrong type: string `{text}`"))
    }

    /// From an integer.
    fn from_integer(integer: i64) -> Result<Self, String> {
        Err(format!("wrong type: {}", Unexpected::Signed(integer)))
    }

    /// From a boolean.
    fn from_bool(boolean: bool) -> Result<Self, String> {
        Err(format!("wrong type: {}", Unexpected::Bool(boolean)))
    }
}

/// A table that is written as one: serde's structs take a list of their values, too, and so
/// would misread `[[admin]]`.
#[derive(Clone, Debug, Default)]
pub(super) struct Section<T>(pub(super) T);

impl<T> Deref for Section<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Section<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SectionVisitor(PhantomData))
    }
}

struct SectionVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SectionVisitor<T> {
    type Value = Section<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Section<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Section)
    }
}

impl<T> From<T> for Section<T> {
    fn from(table: T) -> Self {
        Self(table)
    }
}

/// A value of the file before its place is known.
pub(super) enum Parsed<T> {
    Value(T),
    StandIn,
}

impl<'de, T: Value> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor(PhantomData))
    }
}

struct ValueVisitor<T>(PhantomData<T>);

impl<T: Value> ValueVisitor<T> {
    fn finish<E: Error>(result: Result<T, String>) -> Result<Parsed<T>, E> {
        result.map(Parsed::Value).map_err(|refusal| {
            if refusal.contains('\n') {
                E::custom(refusal)
            } else {
                E::custom(format!("{refusal}\nwrite {}", T::EXPECTED))
            }
        })
    }
}

impl<T: Value> Visitor<'_> for ValueVisitor<T> {
    type Value = Parsed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    /// No value has a use for control characters, and messages repeat the value.
    fn visit_str<E: Error>(self, text: &str) -> Result<Parsed<T>, E> {
        if text == STAND_IN {
            return Ok(Parsed::StandIn);
        }
        Self::finish(match text.chars().find(|c| c.is_control()) {
            Some(control) => Err(control_character(control)),
            None => T::from_text(text),
        })
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<Parsed<T>, E> {
        Self::finish(T::from_integer(integer))
    }

    fn visit_bool<E: Error>(self, boolean: bool) -> Result<Parsed<T>, E> {
        Self::finish(T::from_bool(boolean))
    }
}

fn control_character(control: char) -> String {
    format!("a control character ({control:?}) in the text")
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false, without quotes";

    fn stand_in() -> Self {
        false
    }

    fn from_bool(boolean: bool) -> Result<Self, String> {
        Ok(boolean)
    }
}

impl Value for usize {
    const EXPECTED: &'static str = "a whole number, without quotes";

    fn stand_in() -> Self {
        0
    }

    fn from_integer(integer: i64) -> Result<Self, String> {
        Self::try_from(integer).map_err(|_| format!("`{integer}` is below zero"))
    }
}

impl Value for u32 {
    const EXPECTED: &'static str = usize::EXPECTED;

    fn stand_in() -> Self {
        0
    }

    fn from_integer(integer: i64) -> Result<Self, String> {
        let reason = if integer < 0 {
            "below zero"
        } else {
            "too large"
        };
        Self::try_from(integer).map_err(|_| format!("`{integer}` is {reason}"))
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = r#"a duration such as "25s", "10m" or "14d""#;

    fn stand_in() -> Self {
        Self::ZERO
    }

    fn from_text(text: &str) -> Result<Self, String> {
        parse_duration(text)
    }
}

/// A duration as a person writes it: `25s`, `1m 30s`, `14d`. A day has 24 hours.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let no_duration = || format!("`{text}` is not a duration");
    let span: jiff::Span = text.parse().map_err(|_| no_duration())?;
    let signed = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| format!("`{text}` has no fixed length: units go from ms to weeks"))?;
    Duration::try_from(signed).map_err(|_| no_duration())
}

/// `duration` as a person writes it: `25s`, `1m 30s`, `24h`, `14d`.
pub(super) fn duration_text(duration: Duration) -> String {
    let days = duration.as_secs() / DAY;
    if days > 1 && duration == Duration::from_secs(days * DAY) {
        return format!("{days}d");
    }
    match SignedDuration::try_from(duration) {
        Ok(signed) => format!("{signed:#}"),
        Err(_) => format!("{duration:?}"),
    }
}

const DAY: u64 = 24 * 60 * 60;

/// A value in a sentence: as [`Shown`], without quotes.
pub(super) fn plain(value: &Json) -> String {
    match value {
        Json::Null => "none".to_owned(),
        Json::String(text) => text.clone(),
        Json::Array(values) if values.is_empty() => "none".to_owned(),
        Json::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

impl Shown for Duration {
    fn shown(&self) -> Json {
        duration_text(*self).into()
    }
}

impl Shown for Option<Duration> {
    fn shown(&self) -> Json {
        self.map_or_else(|| "off".into(), |duration| duration.shown())
    }
}

impl Bounded for Option<Duration> {
    type Bound = Duration;

    fn bound(&self) -> Option<Duration> {
        *self
    }
}

/// Values that JSON has, too.
macro_rules! shown_as_they_are {
    ($($type:ty),*) => {
        $(impl Shown for $type {
            fn shown(&self) -> Json {
                (*self).into()
            }
        })*
    };
}

shown_as_they_are!(bool, usize, u32);

/// Values that are bounded themselves.
macro_rules! bounded {
    ($($type:ty),*) => {
        $(impl Bounded for $type {
            type Bound = Self;

            fn bound(&self) -> Option<Self> {
                Some(*self)
            }
        })*
    };
}

bounded!(usize, u32, Duration);

/// `"off"` is `None`.
impl Value for Option<Duration> {
    const EXPECTED: &'static str = r#"a duration such as "15s", or "off""#;

    fn stand_in() -> Self {
        None
    }

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(None);
        }
        parse_duration(text).map(Some)
    }
}
