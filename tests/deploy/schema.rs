//! What reads the files takes them, and misses no field.

use crate::yaml::{documents, text};
use crate::{COMPOSE, KUBERNETES, read, wheels};
use jsonschema::Validator;
use regex::Regex;
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Names that the writer of the Compose file chooses, and a limit of the system.
const OWN_NAMES: &[&str] = &[
    "balancer", "engine", "gate1", "gate2", "gate3", "gates", "haproxy", "nofile", "popgate",
    "valkey",
];
/// Labels, and resources, which a cluster may have of any name.
const LABELS_AND_RESOURCES: &[&str] = &["app", "cpu", "memory", "storage"];

/// What says which fields a file may have.
trait Rules {
    /// What is wrong with a file.
    fn faults(&mut self, text: &str) -> Vec<String>;
}

fn faults_of(validator: &Validator, document: &Value) -> Vec<String> {
    let faults = validator.iter_errors(document);
    faults
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect()
}

/// The Compose Specification.
struct Compose(Validator);

impl Compose {
    fn new(wheels: &Path) -> Self {
        let file = "check_jsonschema/check_jsonschema/builtin_schemas/vendor/compose-spec.json";
        let schema = fs::read_to_string(wheels.join(file)).unwrap();
        let schema = serde_json::from_str(&schema).unwrap();
        Self(jsonschema::draft202012::new(&schema).unwrap())
    }
}

impl Rules for Compose {
    fn faults(&mut self, text: &str) -> Vec<String> {
        let documents = match documents(text) {
            Ok(documents) => documents,
            Err(error) => return vec![error],
        };
        let of_each = documents.iter().map(|it| faults_of(&self.0, it));
        of_each.flatten().collect()
    }
}

/// One version of Kubernetes, with the kinds that were asked for.
struct Kubernetes {
    folder: PathBuf,
    kinds: HashMap<(String, String), Validator>,
}

/// How definitions are named from outside their file.
const ELSEWHERE: &str = "/api/_definitions.json#/$defs/";

impl Kubernetes {
    /// The oldest version that there are schemas of, and the newest.
    fn oldest_and_newest(wheels: &Path) -> [Self; 2] {
        let folder = wheels.join("kubernetes_validate/kubernetes_validate/kubernetes-json-schema");
        let all = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
        let mut strict: Vec<PathBuf> = all
            .filter(|it| it.to_str().unwrap().ends_with("-local-strict"))
            .collect();
        strict.sort();
        [strict.first(), strict.last()].map(|folder| Self {
            folder: folder.unwrap().clone(),
            kinds: HashMap::new(),
        })
    }

    fn json(&self, file: &str) -> Value {
        let text = fs::read_to_string(self.folder.join(file));
        let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
        serde_json::from_str(&text.replace(ELSEWHERE, "#/$defs/")).unwrap()
    }

    fn kind(&mut self, version: &str, kind: &str) -> &Validator {
        let key = (version.to_owned(), kind.to_owned());
        if !self.kinds.contains_key(&key) {
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            let group = group.split('.').next().filter(|it| !it.is_empty());
            let group = group.map(|it| format!("{it}-")).unwrap_or_default();
            let mut schema = self.json(&format!("{}-{group}{version}.json", kind.to_lowercase()));
            let whole = schema.as_object_mut().unwrap();
            // Names of definitions are to be looked up here.
            whole.remove("$id");
            whole.insert(
                "$defs".to_owned(),
                self.json("_definitions.json")["$defs"].take(),
            );
            let validator = jsonschema::draft202012::new(&schema).unwrap();
            self.kinds.insert(key.clone(), validator);
        }
        &self.kinds[&key]
    }
}

impl Rules for Kubernetes {
    fn faults(&mut self, text_of_file: &str) -> Vec<String> {
        let documents = match documents(text_of_file) {
            Ok(documents) => documents,
            Err(error) => return vec![error],
        };
        let mut faults = Vec::new();
        for document in &documents {
            let Some(kind) = document["kind"].as_str() else {
                faults.push("no kind".to_owned());
                continue;
            };
            let Some(version) = document["apiVersion"].as_str() else {
                faults.push("no apiVersion".to_owned());
                continue;
            };
            faults.extend(faults_of(self.kind(version, kind), document));
        }
        faults
    }
}

#[test]
fn the_compose_file_is_what_the_specification_says() {
    let Some(wheels) = wheels() else { return };
    assert_eq!(Compose::new(&wheels).faults(&read(COMPOSE)), [""; 0]);
}

#[test]
fn the_manifests_are_what_old_and_new_kubernetes_takes() {
    let Some(wheels) = wheels() else { return };
    let file = read(KUBERNETES);
    let kinds: Vec<_> = documents(&file)
        .unwrap()
        .iter()
        .map(|it| text(it, "/kind").to_owned())
        .collect();
    for wanted in ["Service", "StatefulSet", "PodDisruptionBudget"] {
        assert!(kinds.iter().any(|it| it == wanted), "{kinds:?}");
    }
    for mut version in Kubernetes::oldest_and_newest(&wheels) {
        assert_eq!(
            version.faults(&file),
            [""; 0],
            "{}",
            version.folder.display()
        );
    }
}

/// Misspells each key once, line by line, and gives the keys of which nobody noticed.
fn unnoticed(rules: &mut dyn Rules, file: &str, free: &[&str]) -> (usize, Vec<String>) {
    let key = Regex::new(r"^( *(?:- )?)([A-Za-z0-9_]+):(?: |$)").unwrap();
    let lines: Vec<&str> = file.lines().collect();
    let mut tried = 0;
    let mut missed = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(found) = key.captures(line) else {
            continue;
        };
        let (start, name) = (&found[1], &found[2]);
        if free.contains(&name) {
            continue;
        }
        tried += 1;
        let misspelt = format!("{start}{name}x{}", &line[start.len() + name.len()..]);
        let mut mutant = lines.clone();
        mutant[index] = &misspelt;
        if rules.faults(&mutant.join("\n")).is_empty() {
            missed.push(format!("line {}: {misspelt}", index + 1));
        }
    }
    (tried, missed)
}

#[test]
fn each_misspelt_key_of_the_compose_file_is_noticed() {
    let Some(wheels) = wheels() else { return };
    let mut rules = Compose::new(&wheels);
    let (tried, missed) = unnoticed(&mut rules, &read(COMPOSE), OWN_NAMES);
    assert!(tried > 40, "{tried}");
    assert_eq!(missed, [""; 0]);
}

#[test]
fn each_misspelt_key_of_the_manifests_is_noticed() {
    let Some(wheels) = wheels() else { return };
    let [_, mut newest] = Kubernetes::oldest_and_newest(&wheels);
    let (tried, missed) = unnoticed(&mut newest, &read(KUBERNETES), LABELS_AND_RESOURCES);
    assert!(tried > 120, "{tried}");
    assert_eq!(missed, [""; 0]);
}

/// What finds faults in a file, the file, and what in it is spoilt, and how.
type Spoilt<'a> = (&'a mut dyn Rules, &'a str, &'a [(&'a str, &'a str)]);

#[test]
fn wrong_values_and_octal_numbers_are_noticed() {
    let Some(wheels) = wheels() else { return };
    let [_, mut kubernetes] = Kubernetes::oldest_and_newest(&wheels);
    let mut compose = Compose::new(&wheels);
    let cases: &mut [Spoilt<'_>] = &mut [
        (
            &mut kubernetes,
            KUBERNETES,
            &[
                ("defaultMode: 288", "defaultMode: 0440"),
                ("periodSeconds: 2\n", "periodSeconds: two\n"),
                (
                    "  clusterIP: None\n  selector",
                    "  clusterIP: [None]\n  selector",
                ),
                ("      name: state\n", "      nam: state\n"),
            ],
        ),
        (
            &mut compose,
            COMPOSE,
            &[
                ("condition: service_healthy", "condition: service_helthy"),
                ("stop_grace_period: 90s", "stop_grace_period: [90s]"),
                ("read_only: true", "read_only: [true]"),
            ],
        ),
    ];
    for (rules, path, changes) in cases {
        let file = read(path);
        for (from, to) in *changes {
            assert!(file.contains(from), "{path}: {from}");
            let faults = rules.faults(&file.replacen(from, to, 1));
            assert!(!faults.is_empty(), "{path}: {to}");
        }
    }
}
