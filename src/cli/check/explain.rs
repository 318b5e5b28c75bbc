//! `popgate check --explain USER`: what a login would get, a line each.

use crate::config::{ExplainedKey, Explanation, LoginQuery};
use crate::ids::BackendName;
use serde_json::{Map, Value, json};
use std::path::Path;

/// For a person: what, the value, and the line that says so.
pub(super) fn for_a_person(path: &Path, login: &LoginQuery, told: &Explanation) -> String {
    let mut rows = vec![
        row(
            "tenant",
            shown(&told.tenant.value),
            place(path, &told.tenant),
        ),
        row("because", reason(&told.claim), written(path, &told.claim)),
    ];
    let user = told.user.iter();
    rows.extend(user.map(|user| row("user", shown(&user.value), written(path, user))));
    rows.push(row("lock", told.lock.to_string(), String::new()));
    rows.extend(
        told.aliases
            .iter()
            .map(|alias| row("made by alias", shown(&alias.value), place(path, alias))),
    );
    let said = |said: &ExplainedKey| row(&said.key, shown(&said.value), place(path, said));
    rows.push(said(&told.backends));
    for (name, keys) in &told.reached {
        let of_backend = |[key, value, place]: Row| [format!("{name}.{key}"), value, place];
        rows.extend(keys.iter().map(said).map(of_backend));
    }
    rows.extend(told.limits.iter().map(said));
    let mut text = format!("{}\n{}", login.user, aligned(&rows));
    if told.depends_on_connection {
        text += "\nnote: this login has no domain, so its tenant may depend on --listener and \
                 --server-name";
    }
    text
}

type Row = [String; 3];

fn row(what: &str, value: String, place: String) -> Row {
    [what.to_owned(), value, place]
}

/// Why the tenant is this one.
fn reason(claim: &ExplainedKey) -> String {
    let what = shown(&claim.value);
    match claim.key.as_str() {
        "domain" => format!("its domain is {what}"),
        "wildcard" => format!("its domain is one of {what}"),
        "server_name" => format!("the server name is {what}"),
        "listener" => format!("the listener is {what}"),
        _ => "no tenant claims it".to_owned(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn place(path: &Path, said: &ExplainedKey) -> String {
    match said.line {
        Some(_) => written(path, said),
        None => "default".to_owned(),
    }
}

fn written(path: &Path, said: &ExplainedKey) -> String {
    said.line
        .map(|line| format!("{}:{line}", path.display()))
        .unwrap_or_default()
}

/// Two columns as wide as their widest cell, and a third.
fn aligned(rows: &[Row]) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let first = width(0);
    let second = width(1);
    let line = |[what, value, place]: &Row| {
        let line = format!("  {what:<first$}  {value:<second$}  {place}");
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// For a program.
pub(super) fn for_a_program(path: &Path, login: &LoginQuery, told: &Explanation) -> Value {
    let lock = &told.lock;
    let backends: Vec<_> = lock.backends().iter().map(|name| name.as_str()).collect();
    json!({
        "ok": true,
        "file": path.display().to_string(),
        "login": login.user.to_string(),
        "tenant": one(&told.tenant),
        "because": { "by": told.claim.key, "value": told.claim.value, "line": told.claim.line },
        "user": told.user.as_ref().map(one),
        "lock": {
            "maildrop": lock.to_string(),
            "backends": backends,
            "aliases": told.aliases.iter().map(one).collect::<Vec<_>>(),
        },
        "backends": told.reached.iter().map(backend).collect::<Vec<_>>(),
        "limits": by_key([&told.backends].into_iter().chain(&told.limits)),
        "depends_on_connection": told.depends_on_connection,
    })
}

fn one(said: &ExplainedKey) -> Value {
    json!({ "value": said.value, "line": said.line })
}

fn backend((name, keys): &(BackendName, Vec<ExplainedKey>)) -> Value {
    let mut backend = by_key(keys);
    backend.insert("name".to_owned(), name.as_str().into());
    backend.into()
}

fn by_key<'a>(all: impl IntoIterator<Item = &'a ExplainedKey>) -> Map<String, Value> {
    all.into_iter()
        .map(|said| (said.key.clone(), one(said)))
        .collect()
}
