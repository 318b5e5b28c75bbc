//! YAML, where it means the same to all who read it.

use serde_json::Value;

/// The documents of a file. A number such as `0440` is octal in YAML 1.1 and decimal in 1.2: it
/// comes as text, which no schema takes for a number.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, String> {
    let options = serde_saphyr::options! {
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| error.to_string())
}

/// The only document of a file.
pub(crate) fn document(text: &str) -> Value {
    let mut all = documents(text).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// What stands at a JSON pointer.
pub(crate) fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    let found = value.pointer(pointer);
    found.unwrap_or_else(|| panic!("nothing at {pointer} of {value}"))
}

/// The text at a JSON pointer.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = at(value, pointer);
    found
        .as_str()
        .unwrap_or_else(|| panic!("no text at {pointer}: {found}"))
}

/// The list at a JSON pointer; none is an empty one.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

/// The texts of the list at a JSON pointer.
pub(crate) fn texts<'a>(value: &'a Value, pointer: &str) -> Vec<&'a str> {
    let found = list(value, pointer).iter();
    found.map(|it| it.as_str().unwrap()).collect()
}
