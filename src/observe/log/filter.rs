//! Which events are logged, and how that is changed while the gate runs.

use crate::limits::LOG_FILTER_MAX;
use tracing_subscriber::filter::{EnvFilter, FromEnvError, LevelFilter, ParseError};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;

/// The words that are levels by themselves, the one with the fewest lines first.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The filter of the log, while it is in use. A clone is the same one.
#[derive(Clone)]
pub struct LogFilter(reload::Handle<EnvFilter, Registry>);

/// Why the level of the log stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum LogLevelError {
    /// A word of it is none, which as a filter would mean a module of that name.
    #[error(
        "`{0}` is no log level: use error, warn, info, debug or trace, or a filter as in \
         popgate=debug,rustls=info"
    )]
    NoLevel(String),
    /// It is malformed.
    #[error("the filter cannot be understood: {0}; use a filter as in popgate=debug,rustls=info")]
    Malformed(#[from] ParseError),
    /// It is too long.
    #[error("a filter has at most {LOG_FILTER_MAX} characters")]
    TooLong,
    /// There is no log any more, because the process ends.
    #[error("the log has ended")]
    Ended(#[from] reload::Error),
}

impl LogFilter {
    /// The filter of `RUST_LOG`, `info` where that is unset, as a layer and its handle.
    pub(super) fn from_env() -> Result<(reload::Layer<EnvFilter, Registry>, Self), FromEnvError> {
        let info = LevelFilter::INFO.into();
        let filter = EnvFilter::builder().with_default_directive(info);
        Ok(Self::of(filter.from_env()?))
    }

    fn of(filter: EnvFilter) -> (reload::Layer<EnvFilter, Registry>, Self) {
        let (layer, handle) = reload::Layer::new(filter);
        (layer, Self(handle))
    }

    /// The level, or the filter, that is in use.
    #[must_use]
    pub fn level(&self) -> String {
        // Fails only where the log has ended, with the process.
        self.0.with_current(ToString::to_string).unwrap_or_default()
    }

    /// Whether lines of level `warn` are logged.
    #[must_use]
    pub fn shows_warnings(&self) -> bool {
        let most = self.0.with_current(EnvFilter::max_level_hint);
        most.is_ok_and(|most| most.is_none_or(|most| most >= LevelFilter::WARN))
    }

    /// Uses this level or filter from now on.
    ///
    /// # Errors
    /// The log has ended.
    pub fn set(&self, filter: EnvFilter) -> Result<(), LogLevelError> {
        Ok(self.0.reload(filter)?)
    }
}

/// Reads a level, or a filter in the syntax of `RUST_LOG`.
///
/// # Errors
/// The operator's: it is neither.
pub fn parse_level(text: &str) -> Result<EnvFilter, LogLevelError> {
    let text = text.trim();
    if text.len() > LOG_FILTER_MAX {
        return Err(LogLevelError::TooLong);
    }
    // A filter takes any other word for the name of a module, and would turn all others off.
    if let Some(word) = text.split(',').find(|part| !is_directive(part)) {
        return Err(LogLevelError::NoLevel(word.to_owned()));
    }
    // As a regular expression a value of thirty characters takes more memory than there is.
    Ok(EnvFilter::builder().with_regex(false).parse(text)?)
}

fn is_directive(part: &str) -> bool {
    part.contains(['=', '[', ']', '{', '}'])
        || LEVELS.iter().any(|level| part.eq_ignore_ascii_case(level))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn a_level_is_changed_while_the_log_is_in_use() {
        let (layer, filter) = LogFilter::of(EnvFilter::new("info"));
        tracing::subscriber::with_default(Registry::default().with(layer), || {
            assert!(!tracing::enabled!(Level::DEBUG));
            filter.set(parse_level("debug").unwrap()).unwrap();
            assert!(tracing::enabled!(Level::DEBUG));
            assert_eq!(filter.level(), "debug");
            filter.set(parse_level(" ERROR ").unwrap()).unwrap();
            assert!(!tracing::enabled!(Level::INFO));
            assert!(!filter.shows_warnings());
            filter.set(parse_level("warn").unwrap()).unwrap();
            assert!(filter.shows_warnings());
            let of_module = format!("{}=trace", module_path!());
            filter.set(parse_level(&of_module).unwrap()).unwrap();
            assert!(tracing::enabled!(Level::TRACE));
            assert!(filter.shows_warnings());
        });
    }

    #[test]
    fn a_word_that_is_no_level_is_not_taken_for_the_name_of_a_module() {
        for wrong in ["inof", "", "info,popgate", "debug info", "off"] {
            let error = parse_level(wrong).unwrap_err();
            assert!(matches!(error, LogLevelError::NoLevel(_)), "{wrong}");
        }
        for wrong in ["popgate=loud", "=[", "info,{"] {
            let error = parse_level(wrong).unwrap_err();
            assert!(matches!(error, LogLevelError::Malformed(_)), "{wrong}");
        }
        let value = parse_level("popgate[{client=*(}]=debug");
        assert!(value.is_ok(), "a value is no regular expression");
        let long = "popgate=debug,".repeat(LOG_FILTER_MAX);
        assert!(matches!(parse_level(&long), Err(LogLevelError::TooLong)));
    }
}
