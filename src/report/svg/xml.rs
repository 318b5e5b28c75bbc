//! Elements of an XML document, with every text escaped.

use crate::escape::is_invisible;
use std::fmt::{self, Write};

/// An attribute: its name and what it is.
pub(super) type Attribute<'a> = (&'a str, &'a dyn fmt::Display);

/// A document in the making.
#[derive(Default)]
pub(super) struct XmlWriter {
    written: String,
    open: Vec<&'static str>,
}

impl XmlWriter {
    /// The beginning of an element, which stays open.
    pub(super) fn open(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.begin(name, attributes);
        self.written.push('>');
        self.open.push(name);
    }

    /// The end of the element that was opened last.
    pub(super) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.written.push_str("</");
            self.written.push_str(name);
            self.written.push_str(">\n");
        }
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.begin(name, attributes);
        self.written.push_str("/>\n");
    }

    /// An element with a text.
    pub(super) fn text(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        text: impl fmt::Display,
    ) {
        self.begin(name, attributes);
        self.written.push('>');
        // Writing to a string cannot fail, here and below.
        let _ = write!(Escaped(&mut self.written), "{text}");
        self.written.push_str("</");
        self.written.push_str(name);
        self.written.push_str(">\n");
    }

    /// The whole document.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.written
    }

    fn begin(&mut self, name: &str, attributes: &[Attribute<'_>]) {
        self.written.push('<');
        self.written.push_str(name);
        for (attribute, value) in attributes {
            let _ = write!(self.written, " {attribute}=\"");
            let _ = write!(Escaped(&mut self.written), "{value}");
            self.written.push('"');
        }
    }
}

/// What is written to it is escaped for texts and attributes alike.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c if is_hidden(c) => self.0.extend(c.escape_unicode()),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

/// What XML 1.0 section 2.2 forbids, or what turns the direction of what stands beside it. A client
/// can type both.
fn is_hidden(c: char) -> bool {
    c.is_control() || is_invisible(c) || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// A length in the picture, in pixels: to a tenth, which no eye tells from more.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct Px(pub(super) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0;
        write!(f, "{tenths}")
    }
}
