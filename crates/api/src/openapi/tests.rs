//! The document says what the routes do, and only that.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Map, Value};
use unionflow_protocol::event::members::KeyScope;

use super::Schemas;
use crate::{document, router::table};

#[test]
fn generated_openapi_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let text = format!("{:#}\n", document());
    if std::env::var_os("UNIONFLOW_CODEGEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/openapi.json differs: run `cargo xtask codegen`");
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let of_path = |(path, methods): (&String, &'_ Value)| {
        let path = path.clone();
        let methods: Vec<_> = methods.as_object().unwrap().keys().cloned().collect();
        methods.into_iter().map(move |method| (method, path.clone()))
    };
    paths
        .flat_map(of_path)
        .map(|(method, path)| {
            let operation = &document["paths"][&path][&method];
            (format!("{} {path}", method.to_uppercase()), operation)
        })
        .collect()
}

#[test]
fn every_route_is_there_once_under_an_id_of_its_own() {
    let document = document();
    let documented: BTreeSet<String> = operations(&document).into_iter().map(|(route, _)| route).collect();
    let routes = table().routes;
    let served: BTreeSet<String> =
        routes.iter().map(|route| format!("{} /api/v1{}", route.method, route.path)).collect();
    assert_eq!(documented, served);
    assert_eq!(served.len(), routes.len(), "a route is in the table twice");
    let mut ids = BTreeMap::new();
    for (route, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
        if let Some(other) = ids.insert(id, route.clone()) {
            panic!("{route} and {other} have the same operationId");
        }
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                match inner {
                    Value::String(path) if key == "$ref" => _ = found.insert(path.clone()),
                    _ => references(inner, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_resolves_and_every_component_is_referred_to() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for path in &found {
        let pointer = path.strip_prefix('#').expect("no reference leaves the document");
        assert!(document.pointer(pointer).is_some(), "{path}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(found.contains(&format!("#/components/schemas/{name}")), "nothing refers to {name}");
    }
}

/// What the specification of OpenAPI 3.1 asks of the objects that we use.
#[test]
fn the_document_has_the_shape_of_openapi_3_1() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    for key in ["title", "version"] {
        assert!(document["info"][key].is_string(), "info.{key}");
    }
    let only = ["openapi", "info", "servers", "tags", "paths", "components", "security"];
    assert!(document.as_object().unwrap().keys().all(|key| only.contains(&key.as_str())));
    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut used = BTreeSet::new();
    for (route, operation) in operations(&document) {
        let tag = operation["tags"][0].as_str().unwrap();
        used.insert(tag);
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{route}");
        check_parameters(&route, operation["parameters"].as_array().unwrap());
        check_contents(&route, operation);
    }
    assert_eq!(tags, used, "each tag is described, and no other");
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    let needed = document["security"].as_array().unwrap();
    assert!(
        needed
            .iter()
            .flat_map(|need| need.as_object().unwrap().keys())
            .all(|name| schemes.contains_key(name))
    );
}

#[test]
fn a_service_key_is_taken_by_reads_each_with_the_scope_that_it_wants_and_by_one_route_for_facts() {
    let document = document();
    let (mut taken, mut facts) = (0, 0);
    for (route, operation) in operations(&document) {
        let needs = operation["security"].as_array().into_iter().flatten();
        for need in needs.filter_map(|need| need.get("serviceKey")) {
            if route == "POST /api/v1/organizations/{id}/events" {
                assert_eq!(operation["security"], serde_json::json!([{ "serviceKey": ["inbound"] }]));
                facts += 1;
                continue;
            }
            assert!(route.starts_with("GET "), "{route}");
            let scope = need[0].as_str().unwrap();
            assert!(scope.parse::<KeyScope>().is_ok(), "{route}: {scope}");
            taken += 1;
        }
    }
    assert_eq!((taken, facts), (11, 1));
}

fn check_parameters(route: &str, parameters: &[Value]) {
    let mut seen = BTreeSet::new();
    let mut in_path = BTreeSet::new();
    for parameter in parameters {
        let (name, place) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
        assert!(["path", "query", "header"].contains(&place), "{route} {name}");
        assert!(seen.insert((name, place)), "{route} has {name} twice");
        assert!(parameter["schema"].is_object(), "{route} {name}");
        if place == "path" {
            assert_eq!(parameter["required"], true, "{route} {name}");
            in_path.insert(name);
        }
    }
    let template: BTreeSet<&str> =
        route.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    assert_eq!(in_path, template, "{route}");
}

fn check_contents(route: &str, operation: &Value) {
    let answers = operation["responses"].as_object().unwrap();
    assert!(answers.keys().any(|status| status.starts_with('2')), "{route} never succeeds");
    for (status, answer) in answers {
        assert!(
            status == "default" || status.parse::<u16>().is_ok_and(|n| (200..300).contains(&n)),
            "{route}"
        );
        assert!(answer["description"].as_str().is_some_and(|text| !text.is_empty()), "{route} {status}");
        assert_eq!(answer.get("content").is_none(), status == "204", "{route} {status}");
    }
    let bodies = answers.values().chain(operation.get("requestBody"));
    for content in bodies.filter_map(|body| body["content"].as_object()).flat_map(Map::values) {
        assert!(content["schema"].is_object(), "{route}");
    }
    // A proxy may drop the body of a DELETE: nothing may depend on it.
    let needs_body = operation["requestBody"]["required"] == true;
    assert!(!route.starts_with("GET ") || operation.get("requestBody").is_none(), "{route} takes a body");
    assert!(!route.starts_with("DELETE ") || !needs_body, "{route} needs a body");
}

#[test]
fn every_schema_is_one_of_json_schema_2020_12() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let mut whole = schema.clone();
        whole["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
        if let Err(error) = jsonschema::meta::validate(&whole) {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn no_type_is_sent_in_another_shape_than_it_is_answered() {
    let mut schemas = Schemas::new();
    for route in table().routes {
        if let Some((schema, _)) = route.doc.body {
            schema(&mut schemas.read);
        }
        for schema in route.doc.answers.iter().filter_map(|(_, _, schema)| *schema) {
            schema(&mut schemas.written);
        }
    }
    let written = schemas.written.take_definitions(true);
    for (name, read) in schemas.read.take_definitions(true) {
        assert!(written.get(&name).is_none_or(|written| *written == read), "{name} has two shapes");
    }
}

/// Texts that are hashed and compared, never stored: their limit is that of the whole body.
const ONLY_COMPARED: &[&str] = &["code", "refreshToken", "contentHash"];

#[test]
fn every_text_list_and_amount_of_a_request_names_its_limit() {
    let document = document();
    let mut open = Vec::new();
    for (route, operation) in operations(&document) {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if body.is_object() {
            without_limit(&document, body, &route, &mut open);
        }
    }
    assert_eq!(open, Vec::<String>::new());
}

fn without_limit(document: &Value, schema: &Value, place: &str, open: &mut Vec<String>) {
    let mut whole = schema.as_object().cloned().unwrap_or_default();
    if let Some(path) = schema["$ref"].as_str() {
        let definition = document.pointer(path.trim_start_matches('#')).unwrap().as_object().unwrap();
        whole.extend(
            definition
                .iter()
                .filter(|(key, _)| !schema[key.as_str()].is_number())
                .map(|(k, v)| (k.clone(), v.clone())),
        );
    }
    let whole = Value::Object(whole);
    let is = |kind: &str| {
        whole["type"] == kind || whole["type"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == kind))
    };
    let bounded = |keys: &[&str]| keys.iter().any(|key| whole.get(*key).is_some());
    let name = place.rsplit('/').next().unwrap_or_default();
    let free = is("string")
        && !bounded(&["enum", "format", "pattern", "maxLength"])
        && !ONLY_COMPARED.contains(&name);
    let endless = is("array") && !bounded(&["maxItems", "uniqueItems"]);
    let boundless = is("integer") && !bounded(&["maximum", "format"]);
    if free || endless || boundless {
        open.push(place.to_owned());
    }
    for (key, property) in whole["properties"].as_object().into_iter().flatten() {
        without_limit(document, property, &format!("{place}/{key}"), open);
    }
    for choice in ["anyOf", "oneOf"].iter().filter_map(|key| whole[*key].as_array()).flatten() {
        // The limit of `{"maxLength": …, "anyOf": [Text, null]}` stands beside the choice.
        let mut choice = choice.clone();
        for key in ["maxLength", "minLength", "minimum"] {
            if let Some(limit) = whole.get(key) {
                choice[key] = limit.clone();
            }
        }
        without_limit(document, &choice, place, open);
    }
    if whole["items"].is_object() {
        without_limit(document, &whole["items"], &format!("{place}/-"), open);
    }
}
