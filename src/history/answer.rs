//! What a question about the past gets.

/// What was found, and why that may not be all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryAnswer<T> {
    /// What was found, the latest first.
    pub items: Vec<T>,
    /// Why something may be missing among `items`: the file does not answer, or is damaged. None
    /// where they are all that is kept.
    pub incomplete: Option<String>,
}

impl<T> HistoryAnswer<T> {
    /// All that is kept.
    #[must_use]
    pub fn complete(items: Vec<T>) -> Self {
        Self {
            items,
            incomplete: None,
        }
    }
}
