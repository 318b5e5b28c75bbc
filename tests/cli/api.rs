//! The API of a running gate with contention: each answer is what the OpenAPI document says.

use crate::gate::{Client, Gate};
use jsonschema::Validator;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tokio::time::Instant;

/// A state that is waited for comes within this time, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

/// No client is trusted, so that one can be blocked.
const SETTINGS: &str = "\
[defaults]
cleartext = \"always\"
failures = { delay = \"0s\" }
blocks = { passwords_per_maildrop = 3 }
wait = \"55s\"

[[tenant]]
name = \"acme\"
domains = [\"acme.example\", \"*.acme.example\"]

[server]
trusted_networks = [\"10.0.0.0/8\"]";

pub(crate) fn start() -> Gate {
    Gate::start_edited("secret", |text| {
        text.replacen("[server]", SETTINGS, 1).replacen(
            "[admin]",
            "[admin]\ntoken_file = \"admin.token\"",
            1,
        )
    })
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

pub(crate) fn ask(gate: &Gate, method: &str, target: &str, body: &str) -> Answer {
    let token = fs::read_to_string(gate.folder().join("admin.token")).unwrap();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        token.trim(),
        body.len()
    );
    let mut stream = TcpStream::connect(gate.metrics).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        body: serde_json::from_str(body).unwrap_or_else(|_| panic!("{target}: {answer}")),
    }
}

pub(crate) fn get(gate: &Gate, target: &str) -> Value {
    let answer = ask(gate, "GET", target, "");
    assert_eq!(answer.status, 200, "{target}: {}", answer.body);
    answer.body
}

/// The list at `target` once it has `count` items.
pub(crate) fn await_items(gate: &Gate, target: &str, count: usize) -> Value {
    let start = Instant::now();
    loop {
        let page = get(gate, target);
        if page["items"].as_array().unwrap().len() == count {
            return page;
        }
        assert!(start.elapsed() < PATIENCE, "{target}: {page}");
    }
}

/// What is in a maildrop, or wants to be.
struct Contention {
    _holder: Client,
    _waiter: Client,
}

/// ann is in her maildrop, wants to be in it once more from elsewhere, and was guessed at.
fn contend(gate: &Gate) -> Contention {
    for number in 1..=3 {
        let mut guesser = gate.connect_from([127, 0, 0, 9]);
        assert!(
            guesser
                .log_in(&format!("wrong-{number}"))
                .starts_with("-ERR")
        );
    }
    let mut holder = gate.connect_from([127, 0, 0, 7]);
    assert!(holder.log_in("secret").starts_with("+OK"));
    assert!(holder.ask("STAT").starts_with("+OK"));
    let mut waiter = gate.connect_from([127, 0, 0, 8]);
    assert!(waiter.ask("USER ann").starts_with("+OK"));
    waiter.send("PASS secret");
    await_items(gate, "/api/v1/locks?contended=true", 1);
    Contention {
        _holder: holder,
        _waiter: waiter,
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn who_holds_a_maildrop_and_who_waits_for_it_is_told() {
    let gate = start();
    let _contention = contend(&gate);
    let locks = get(
        &gate,
        "/api/v1/locks?maildrop=AN&address=127.0.0.8&tenant=default",
    );
    let lock = &locks["items"][0];
    assert_eq!(
        (&lock["id"], &lock["maildrop"], &lock["backend"]),
        (&json!("demo/ann"), &json!("ann"), &json!("demo"))
    );
    let holder = &lock["holder"];
    assert!(holder["client"].as_str().unwrap().starts_with("127.0.0.7:"));
    assert_eq!(
        (&holder["phase"], &holder["last_command"]),
        (&json!("transaction"), &json!("STAT"))
    );
    let waiter = &lock["waiters"][0];
    assert!(waiter["client"].as_str().unwrap().starts_with("127.0.0.8:"));
    assert!(lock["longest_wait_seconds"].as_f64().unwrap() > 0.0);
    for other in [
        "maildrop=bob",
        "address=127.0.0.9",
        "tenant=acme",
        "backend=x",
    ] {
        let none = get(&gate, &format!("/api/v1/locks?{other}"));
        assert_eq!(none["total"], 0, "{other}");
    }

    let session = number(&holder["session"]);
    let one = get(&gate, &format!("/api/v1/sessions/{session}"));
    assert_eq!(
        (&one["maildrop"], &one["backend"]),
        (&json!("ann"), &json!("demo"))
    );
    let waiting = get(&gate, "/api/v1/sessions?phase=waiting&sort=-open");
    assert_eq!(waiting["items"][0]["id"], waiter["session"]);

    let status = get(&gate, "/api/v1/status");
    assert_eq!(
        (&status["locks"]["held"], &status["locks"]["waiting"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&status["logins"], &status["refusals"]["auth"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(status["blocks"]["blocked"], 1);
    let default = &get(&gate, "/api/v1/tenants?sort=-waiting")["items"][0];
    assert_eq!(
        (&default["name"], &default["waiting"]),
        (&json!("default"), &json!(1))
    );
    let acme = &get(&gate, "/api/v1/tenants?name=ACME.ex")["items"][0];
    assert_eq!(acme["domains"], json!(["*.acme.example", "acme.example"]));
    let backend = &get(&gate, "/api/v1/backends")["items"][0];
    assert_eq!(backend["state"], "up");
    assert!(number(&backend["connections"]) >= 1, "{backend}");
}

/// The document, and what it says of an answer. No object may have more keys than it names.
struct Document(Value);

impl Document {
    fn of(gate: &Gate) -> Self {
        let mut document = get(gate, "/api/v1/openapi.json");
        close(&mut document["components"]["schemas"]);
        Self(document)
    }

    fn assert_describes(&self, method: &str, path: &str, answer: &Answer) {
        let status = answer.status.to_string();
        let said = &self.0["paths"][path][method.to_lowercase()]["responses"][&status];
        let schema = &said["content"]["application/json"]["schema"];
        assert!(
            schema.is_object(),
            "{method} {path}: {status} is not described"
        );
        let whole = json!({ "allOf": [schema], "components": self.0["components"] });
        let validator: Validator = jsonschema::draft202012::new(&whole).unwrap();
        let faults: Vec<_> = validator
            .iter_errors(&answer.body)
            .map(|fault| format!("{fault} at {}", fault.instance_path()))
            .collect();
        assert!(
            faults.is_empty(),
            "{method} {path}: {faults:?}: {}",
            answer.body
        );
    }
}

/// Objects that name their keys have no others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(close);
            if object.contains_key("properties") {
                object.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Value::Array(array) => array.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn each_answer_of_a_gate_with_contention_is_what_the_document_says() {
    let gate = start();
    let _contention = contend(&gate);
    let document = Document::of(&gate);
    let lock = &get(&gate, "/api/v1/locks")["items"][0];
    let holder = number(&lock["holder"]["session"]).to_string();
    let mut reads = 0;
    for (path, item) in document.0["paths"].as_object().unwrap() {
        // Events have no end, and the document itself is not described by one.
        if item.get("get").is_none() || path.ends_with("/events") || path.contains(".") {
            continue;
        }
        let id = if path.contains("/blocks/") {
            "1"
        } else {
            &holder
        };
        let target = path.replace("{id}", id).replace("{login}", "ann");
        let answer = ask(&gate, "GET", &target, "");
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        document.assert_describes("GET", path, &answer);
        let refused = ask(&gate, "GET", &format!("{target}?colour=%"), "");
        if refused.status != 200 {
            document.assert_describes("GET", path, &refused);
        }
        reads += 1;
    }
    assert!(reads >= 7, "{reads}");
    for (path, body) in [
        ("/api/v1/blocks/pin", r#"{"ids": [1]}"#),
        ("/api/v1/blocks/unpin", r#"{"filter": {"maildrop": "ann"}}"#),
        ("/api/v1/blocks/release", r#"{"all": true}"#),
        ("/api/v1/reload", "{}"),
        ("/api/v1/reload", "[]"),
    ] {
        let answer = ask(&gate, "POST", path, body);
        document.assert_describes("POST", path, &answer);
    }
    document.assert_describes(
        "GET",
        "/api/v1/sessions/{id}",
        &ask(&gate, "GET", "/api/v1/sessions/999999", ""),
    );
}
