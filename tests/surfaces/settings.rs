//! Each setting of the annotated configuration is in the reference.

use crate::{assert_none, manual, read};
use toml::{Table, Value};

/// Keys of a table and of those below it.
fn keys(table: &Table, prefix: &str, found: &mut Vec<String>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => keys(inner, &format!("{prefix}{key}."), found),
            Value::Array(items) if items.iter().all(Value::is_table) => {
                for item in items.iter().filter_map(Value::as_table) {
                    keys(item, &format!("{prefix}{key}."), found);
                }
            }
            _ => found.push(format!("{prefix}{key}")),
        }
    }
}

#[test]
fn the_reference_has_each_setting() {
    let file: Table = toml::from_str(&read("deploy/config/full.toml")).unwrap();
    let mut found = Vec::new();
    keys(&file, "", &mut found);
    assert!(found.len() > 80, "{found:?}");
    let page = manual("reference.md");
    // An inline table's keys stand below its name.
    let is_there = |key: &str| {
        let last = key.rsplit('.').next().unwrap_or(key);
        page.contains(&format!("`{last}`")) || page.contains(&format!(".{last}`"))
    };
    found.retain(|key| !is_there(key));
    assert_none(&found);
}
