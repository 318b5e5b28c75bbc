//! A timeline as a picture.

use super::timeline::Timeline;
use jiff::tz::Offset;

/// How a picture is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Picture {
    /// The time zone of its axis.
    pub offset: Offset,
}

impl Picture {
    /// The picture of `timeline`: an SVG document.
    #[must_use]
    pub fn draw(&self, _timeline: &Timeline) -> String {
        String::new()
    }
}
