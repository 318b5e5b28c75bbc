//! Each route of the API is in the committed document and in the manual.

use crate::{assert_none, has_word, manual, read};
use popgate::admin;
use serde_json::Value;

/// A route with its query parameters.
struct Route {
    method: String,
    path: String,
    parameters: Vec<String>,
}

fn routes() -> Vec<Route> {
    let document = serde_json::to_value(admin::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(|(method, operation)| Route {
                method: method.to_uppercase(),
                path: path.clone(),
                parameters: query_parameters(operation),
            })
        })
        .collect()
}

fn query_parameters(operation: &Value) -> Vec<String> {
    let parameters = operation["parameters"].as_array();
    parameters
        .into_iter()
        .flatten()
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_committed_document_is_the_programs_own() {
    let committed: Value = serde_json::from_str(&read("deploy/openapi.json")).unwrap();
    assert_eq!(committed, serde_json::to_value(admin::document()).unwrap());
}

#[test]
fn the_manual_has_each_route_and_each_parameter() {
    let page = manual("api.md");
    let mut missing = Vec::new();
    for Route {
        method,
        path,
        parameters,
    } in routes()
    {
        // Its table has the paths below `/api/v1`.
        let route = format!("`{method} {}`", path.trim_start_matches("/api/v1"));
        if !page.contains(&route) {
            missing.push(route);
        }
        let unknown = parameters.iter().filter(|name| !has_word(&page, name));
        missing.extend(unknown.map(|name| format!("{method} {path}: {name}")));
    }
    assert_none(&missing);
}
