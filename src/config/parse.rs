//! From text to [`File`]. Behind a mistake it reads on, with a stand-in in the place of what is
//! wrong, so that all mistakes are found and not the first alone.

use super::error::{Diagnostic, after, field_names, nearest};
use super::mistakes::Diagnostics;
use super::schema::tables::File;
use super::syntax::{is_duplicate, salvage};
use super::value::{NOWHERE, STAND_IN, is_nowhere};
use crate::limits::MISTAKES_SOUGHT;
use serde::Deserialize;
use std::borrow::Cow;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// Reads `text`. Where mistakes are noted, the file has stand-ins; it is absent where the text
/// cannot be read as TOML, or has too many of them.
pub(super) fn parse(text: &str, diagnostics: &mut Diagnostics) -> Option<File> {
    if let Ok(file) = toml::from_str(text) {
        return Some(file);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.iter().all(is_duplicate) {
        errors
            .into_iter()
            .for_each(|it| diagnostics.note(it.into()));
        return Tree::new(table).read(diagnostics);
    }
    parse_the_rest(text, diagnostics);
    None
}

/// Notes what is wrong in tables that can be read, beside those that cannot. How tables fit
/// together nobody knows then.
fn parse_the_rest(text: &str, diagnostics: &mut Diagnostics) {
    let salvaged = salvage(text);
    let (table, errors) = DeTable::parse_recoverable(&salvaged.text);
    let mut others = Diagnostics::default();
    if errors.iter().all(is_duplicate) {
        errors.into_iter().for_each(|it| others.note(it.into()));
        Tree::new(table).read(&mut others);
    }
    salvaged
        .diagnostics
        .into_iter()
        .for_each(|it| diagnostics.note(it));
    diagnostics.append(others, &salvaged.unreadable);
}

/// A file's values, those that are wrong replaced one after the other.
struct Tree<'i> {
    root: Spanned<DeValue<'i>>,
    stand_ins: usize,
}

impl<'i> Tree<'i> {
    fn new(table: Spanned<DeTable<'i>>) -> Self {
        Self {
            root: Spanned::new(table.span(), DeValue::Table(table.into_inner())),
            stand_ins: 0,
        }
    }

    /// serde stops at the first mistake, so each costs a reading.
    fn read(mut self, diagnostics: &mut Diagnostics) -> Option<File> {
        while diagnostics.count() < MISTAKES_SOUGHT {
            let copy = ValueDeserializer::from(self.root.clone());
            let error = match File::deserialize(copy) {
                Ok(file) => return Some(file),
                Err(error) => error,
            };
            let span = error.span().unwrap_or_default();
            let message = error.message().to_owned();
            if !is_nowhere(&span) {
                diagnostics.note(Diagnostic::from(error));
            }
            if self.repair(&message, &span).is_none() {
                break;
            }
        }
        diagnostics.give_up();
        None
    }

    /// Puts a stand-in where `message` says that something is wrong or missing; `None` if it finds
    /// nothing there.
    fn repair(&mut self, message: &str, span: &Range<usize>) -> Option<()> {
        if let Some((key, known)) = after(message, "unknown field ") {
            return self.rename(key.trim_matches('`'), &field_names(known), span);
        }
        if let Some(key) = message.strip_prefix("missing field ") {
            let key = key.trim_matches('`').to_owned();
            let name = self.stand_in(Cow::Owned(key));
            let value = self.refused_text();
            let table = find(&mut self.root, span, |value| value.is_table())?;
            if let DeValue::Table(table) = table.get_mut() {
                table.insert(name, value);
            }
            return Some(());
        }
        self.replace(message, span)
    }

    /// Takes an unknown key out. A table under a name that is nearly right is taken for the one
    /// that was meant, and of a value nobody knows whether it fits.
    fn rename(&mut self, key: &str, known: &[&str], span: &Range<usize>) -> Option<()> {
        let meant = nearest(key, known.iter().copied());
        let meant = meant.map(|meant| self.stand_in(Cow::Owned(meant.to_owned())));
        let refused = self.refused_text();
        let table = find_owner(&mut self.root, key, span)?;
        let value = table.remove(key)?;
        if let Some(meant) = meant
            && !table.contains_key(&meant)
        {
            let value = if holds_tables(value.get_ref()) {
                value
            } else {
                refused
            };
            table.insert(meant, value);
        }
        Some(())
    }

    fn replace(&mut self, message: &str, span: &Range<usize>) -> Option<()> {
        let (found, expected) = after(message, "invalid type: ").unwrap_or_default();
        let fits = match found {
            "map" => |value: &DeValue<'_>| value.is_table() || value.is_datetime(),
            "sequence" => |value: &DeValue<'_>| value.is_array(),
            _ => |value: &DeValue<'_>| !value.is_table() && !value.is_array(),
        };
        let refused = self.refused_text();
        let empty = self.stand_in(DeValue::Table(DeTable::new()));
        let array_place = self.place();
        let wrong = find(&mut self.root, span, fits)?;
        *wrong = match (expected, wrong.get_ref()) {
            // `[tenant]` instead of `[[tenant]]`, and `[[admin]]` instead of `[admin]`.
            ("expected a sequence", DeValue::Table(_)) => array(array_place, wrong.clone()),
            ("expected a table", DeValue::Array(tables)) => tables
                .iter()
                .find(|table| table.get_ref().is_table())
                .cloned()
                .unwrap_or(empty),
            ("expected a sequence", _) => array(array_place, refused),
            ("expected a table", _) => empty,
            _ => refused,
        };
        Some(())
    }

    /// A place that no other stand-in has.
    fn place(&mut self) -> Range<usize> {
        self.stand_ins += 1;
        let start = NOWHERE + self.stand_ins;
        start..start
    }

    fn stand_in<T>(&mut self, value: T) -> Spanned<T> {
        Spanned::new(self.place(), value)
    }

    fn refused_text(&mut self) -> Spanned<DeValue<'i>> {
        self.stand_in(DeValue::String(Cow::Borrowed(STAND_IN)))
    }
}

fn array<'i>(span: Range<usize>, only: Spanned<DeValue<'i>>) -> Spanned<DeValue<'i>> {
    Spanned::new(span, DeValue::Array(std::iter::once(only).collect()))
}

fn holds_tables(value: &DeValue<'_>) -> bool {
    let first = |array: &toml::de::DeArray<'_>| array.iter().any(|it| it.get_ref().is_table());
    value.is_table() || value.as_array().is_some_and(first)
}

/// The value at `span` that `fits`: an array of tables stands where its first table does.
fn find<'t, 'i>(
    value: &'t mut Spanned<DeValue<'i>>,
    span: &Range<usize>,
    fits: fn(&DeValue<'_>) -> bool,
) -> Option<&'t mut Spanned<DeValue<'i>>> {
    if value.span() == *span && fits(value.get_ref()) {
        return Some(value);
    }
    match value.get_mut() {
        DeValue::Table(table) => table.iter_mut().find_map(|(_, it)| find(it, span, fits)),
        DeValue::Array(array) => array.iter_mut().find_map(|it| find(it, span, fits)),
        _ => None,
    }
}

/// The table whose `key` is written at `span`.
fn find_owner<'t, 'i>(
    value: &'t mut Spanned<DeValue<'i>>,
    key: &str,
    span: &Range<usize>,
) -> Option<&'t mut DeTable<'i>> {
    match value.get_mut() {
        DeValue::Table(table) => {
            let written = table.get_key_value(key).map(|(key, _)| key.span());
            if written.as_ref() == Some(span) {
                return Some(table);
            }
            table
                .iter_mut()
                .find_map(|(_, value)| find_owner(value, key, span))
        }
        DeValue::Array(array) => array
            .iter_mut()
            .find_map(|value| find_owner(value, key, span)),
        _ => None,
    }
}
