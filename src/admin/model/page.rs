//! A part of a longer list.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A part of a list, and where in it that is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items of this page, in the order that was asked for.
    pub items: Vec<T>,
    /// How many items meet the conditions, on all pages.
    pub total: usize,
    /// How many of them come before this page.
    pub offset: usize,
}
