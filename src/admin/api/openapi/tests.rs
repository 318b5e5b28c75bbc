use super::*;
use crate::admin::double::{AdminPort, headers};
use serde_json::{Value, json};
use std::{env, fs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/openapi.json");

fn as_json() -> Value {
    serde_json::to_value(document()).unwrap()
}

/// One method of one path.
struct Operation {
    method: String,
    path: String,
    said: Value,
}

fn operations() -> Vec<Operation> {
    let document = as_json();
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(|(method, said)| Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                said: said.clone(),
            })
    });
    each.collect()
}

#[test]
fn the_document_in_deploy_is_the_programs_own() {
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(FILE, &text).unwrap();
    }
    let written = fs::read_to_string(FILE).unwrap_or_default();
    let line = written.lines().zip(text.lines()).position(|(a, b)| a != b);
    assert!(
        written == text,
        "{FILE} is not what the routes say, from line {:?} on: run UPDATE_REFERENCE=1 cargo test \
         --lib admin::api::openapi",
        line.map(|line| line + 1)
    );
}

/// The path with something in its open places, and the body that asks for the least.
fn request(operation: &Operation) -> String {
    let path = operation.path.replace("{id}", "7").replace("{name}", "x");
    let path = path.replace("{login}", "ann");
    let headers = headers("Content-Type: application/json\r\n");
    let method = &operation.method;
    format!("{method} {path} HTTP/1.1\r\n{headers}Content-Length: 2\r\n\r\n{{}}")
}

/// Also of an answer that has no end.
async fn status(port: &AdminPort, request: &str) -> String {
    let mut stream = port.connect().await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.unwrap();
    String::from_utf8_lossy(&line[9..]).into_owned()
}

#[tokio::test]
async fn each_operation_is_there_and_answers_with_a_status_that_it_names() {
    let port = AdminPort::start().await;
    for operation in operations() {
        let status = status(&port, &request(&operation)).await;
        let Operation { method, path, said } = &operation;
        assert!(
            said["responses"].get(&status).is_some(),
            "{method} {path} answers {status}"
        );
        assert_ne!(status, "405", "{method} {path}");
    }
}

/// `described` alone makes routes: one that is made beside it would be in no document.
#[test]
fn no_route_is_without_its_description() {
    let source = include_str!("../mod.rs");
    assert!(!source.contains(".route(") && !source.contains(".nest("));
    let handlers = source
        .lines()
        .filter_map(|line| line.split_once("routes!("))
        .flat_map(|(_, handlers)| handlers.split(','));
    assert_eq!(handlers.count(), operations().len());
}

#[test]
fn each_operation_has_what_a_reader_needs() {
    let mut ids = Vec::new();
    for Operation { method, path, said } in operations() {
        let at = format!("{method} {path}");
        assert!(path.starts_with("/api/v1/"), "{at}");
        assert!(!said["summary"].as_str().unwrap().is_empty(), "{at}");
        assert_eq!(said["tags"].as_array().unwrap().len(), 1, "{at}");
        ids.push(said["operationId"].as_str().unwrap().to_owned());
        let parameters = said["parameters"].as_array().cloned().unwrap_or_default();
        for parameter in parameters {
            let told = parameter["description"].as_str().unwrap_or_default();
            assert!(!told.is_empty(), "{at}: {}", parameter["name"]);
        }
        let is_post = method == "POST";
        let statuses = ["400", "401", "403"].iter();
        for status in statuses.chain(if is_post { &["413", "415"][..] } else { &[] }) {
            let content = &said["responses"][status]["content"]["application/json"];
            let expected = json!({ "$ref": "#/components/schemas/ErrorInfo" });
            assert_eq!(content["schema"], expected, "{at}: {status}");
        }
        assert_eq!(said.get("requestBody").is_some(), is_post, "{at}");
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "each id is there once");
}

#[test]
fn each_reference_leads_somewhere_and_the_token_is_asked_for() {
    let document = as_json();
    assert_eq!(document["security"], json!([{ "token": [] }]));
    let scheme = &document["components"]["securitySchemes"]["token"];
    assert_eq!(
        (&scheme["type"], &scheme["scheme"]),
        (&json!("http"), &json!("bearer"))
    );
    let text = document.to_string();
    for rest in text.split("\"#").skip(1) {
        let pointer = rest.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}
